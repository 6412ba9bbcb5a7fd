"""AWS clients. The only module that creates them."""

import json
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

import botocore
import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader

from rota.aws import botocore_hooks
from rota.aws.parallel import CONCURRENT_CALLS

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient


_TIMEOUT_SECONDS = 10
_ATTEMPTS = 4
# botocore composes its own twice a call, which takes a fifth of the call's processor time.
_USER_AGENT = f"rota Botocore/{botocore.__version__}"
# botocore's session is not safe in threads; its clients are.
_MAKING = threading.Lock()


@cache
def cloudtrail() -> "BaseClient":
    """With few attempts: it only explains, and a sweep has a minute."""
    client: BaseClient = _client("cloudtrail", _config(_ATTEMPTS // 2))
    return client


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb", _config())
    return client


@cache
def ec2() -> "BaseClient":
    client: BaseClient = _client("ec2", _config())
    return client


@cache
def ecr() -> "ECRClient":
    client: ECRClient = _client("ecr", _config())
    return client


@cache
def ecs(attempts: int = _ATTEMPTS) -> "ECSClient":
    """`attempts=1` for RegisterTaskDefinition: without a client token, a blind retry may register a second revision.
    Also for StopTask: why it is called may not be true any more at the next attempt.
    """
    # ECS validates requests itself; the SDK's model would refuse fields that it does not know.
    client: ECSClient = _client("ecs", _config(attempts).merge(Config(parameter_validation=False)))
    botocore_hooks.keep_unknown_fields(client)
    return client


@cache
def events() -> "EventBridgeClient":
    client: EventBridgeClient = _client("events", _config())
    return client


@cache
def logs() -> "CloudWatchLogsClient":
    """With few attempts: no message waits long for a log."""
    client: CloudWatchLogsClient = _client("logs", _config(_ATTEMPTS // 2))
    return client


@cache
def s3() -> "S3Client":
    client: S3Client = _client("s3", _config())
    return client


@cache
def scheduler() -> "BaseClient":
    """EventBridge Scheduler."""
    client: BaseClient = _client("scheduler", _config())
    return client


@cache
def secretsmanager() -> "BaseClient":
    client: BaseClient = _client("secretsmanager", _config())
    return client


@cache
def ssm() -> "BaseClient":
    client: BaseClient = _client("ssm", _config())
    return client


@cache
def sns() -> "SNSClient":
    """With few attempts: what is sent last must not use up the function's time."""
    client: SNSClient = _client("sns", _config(_ATTEMPTS // 2))
    return client


@cache
def stepfunctions() -> "SFNClient":
    client: SFNClient = _client("stepfunctions", _config())
    return client


@cache
def tagging() -> "BaseClient":
    """The Resource Groups Tagging API."""
    client: BaseClient = _client("resourcegroupstaggingapi", _config())
    return client


class _PlainFiles(JSONFileLoader):
    """Reads what botocore knows of a service into plain dicts, which takes two thirds of the time that OrderedDicts do.

    Where botocore comes to name this method otherwise, it reads as it always did.
    """

    def _load_file(self, full_path: str, open_method: Callable[[str, str], BinaryIO]) -> Any:
        try:
            with open_method(full_path, "rb") as file:
                return json.load(file)
        except FileNotFoundError:
            return None


@cache
def _session() -> botocore.session.Session:
    # Not boto3: it adds resources and file transfers, which no step uses, to the same session.
    session = botocore.session.get_session()
    session.register_component("data_loader", Loader(file_loader=_PlainFiles()))
    return session


def _client(service: str, config: Config) -> Any:
    with _MAKING:
        client = _session().create_client(service, config=config)
    botocore_hooks.limit_rate(client, service)
    botocore_hooks.refuse_truncated_responses(client)
    botocore_hooks.add_operation_name(client)
    return client


def _config(attempts: int = _ATTEMPTS) -> Config:
    return Config(
        connect_timeout=_TIMEOUT_SECONDS,
        read_timeout=_TIMEOUT_SECONDS,
        max_pool_connections=CONCURRENT_CALLS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent=_USER_AGENT,
    )
