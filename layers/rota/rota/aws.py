"""The only module that makes clients and that turns AWS's errors into the names the state machine may see."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from urllib3.exceptions import HTTPError

from rota import wire
from rota.errors import RejectedError, TransientError
from rota.pace import is_throttle

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough to use up EventBridge's 50 calls a second at a fifth of a second each.
_AT_ONCE = 10
_TIMEOUT_SECONDS = 10
_ATTEMPTS = 4
_PASSING = {
    "ConcurrentModificationException",  # EventBridge: two changes of one rule at once
    "InternalException",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ServerException",
    "ServiceUnavailable",
    "UpdateInProgressException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_LOST_ON_THE_WAY = (
    HTTPError,  # where a refusal of GetObject breaks off, which botocore reads as late as a stream
    ConnectionError,
    HTTPClientError,  # a connection that closed, a stream that broke off, ...
    IncompleteReadError,
)
_SERVER_ERROR = 500

ERRORS = (ClientError, BotoCoreError, HTTPError)
"""Whatever a call of a client can raise; `translate` names it."""


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb", _config())
    return client


@cache
def ecr() -> "ECRClient":
    client: ECRClient = _client("ecr", _config())
    return client


@cache
def ecs(attempts: int = _ATTEMPTS) -> "ECSClient":
    """`attempts=1` for RegisterTaskDefinition: ECS knows no client token for it, a blind repeat would leave a twin."""
    # AWS checks requests better than the SDK's model, which would refuse the fields it does not know.
    client: ECSClient = _client("ecs", _config(attempts).merge(Config(parameter_validation=False)))
    wire.pass_task_definitions_whole(client)
    return client


@cache
def events(attempts: int = _ATTEMPTS) -> "EventBridgeClient":
    client: EventBridgeClient = _client("events", _config(attempts))
    return client


@cache
def s3() -> "S3Client":
    client: S3Client = _client("s3", _config())
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


@cache
def _session() -> botocore.session.Session:
    # Not boto3: that is the same session behind resources and file transfers, which no step uses.
    return botocore.session.get_session()


def _client(service: str, config: Config) -> Any:
    client = _session().create_client(service, config=config)
    wire.keep_pace(client, service)
    wire.refuse_half_answers(client)
    wire.name_the_call(client)
    return client


def _config(attempts: int = _ATTEMPTS) -> Config:
    return Config(
        connect_timeout=_TIMEOUT_SECONDS,
        read_timeout=_TIMEOUT_SECONDS,
        max_pool_connections=_AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


def threads() -> ThreadPoolExecutor:
    """For calls that do not wait for one another. Make no client in them: that is not safe, using one is."""
    return ThreadPoolExecutor(_AT_ONCE)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on each item in `threads`, the results in the items' order; the first error ends it."""
    with threads() as pool:
        return list(pool.map(work, items))


def translate(error: ClientError | BotoCoreError | HTTPError) -> Exception:
    """What AWS said, as one of the names in `rota.errors`; an error that only a bug can cause stays as it is."""
    if isinstance(error, ClientError):
        return _translate_reply(error)
    if isinstance(error, _LOST_ON_THE_WAY):
        # What breaks off after its call is the only stream that is read.
        operation = getattr(error, "operation_name", "GetObject")
        return TransientError(f"{operation}: no answer from AWS: {error}")
    return error


def refusal(operation: str, code: str, message: str) -> TransientError | RejectedError:
    """An error code of AWS as the error to raise; `operation` as in `PutTargets`, `message` in AWS's words."""
    sentence = f"{operation}: {code}: {message}"
    disguised = code in {"ClientException", "InvalidParameterException", "ValidationException"} and any(
        sign in message.lower() for sign in ("rate exceeded", "throttl", "too many concurrent")
    )
    if is_throttle(code) or code in _PASSING or disguised:
        return TransientError(sentence)
    if code in _DENIED:
        return RejectedError(f"{operation} was denied: {message}")
    return RejectedError(sentence)


def _translate_reply(error: ClientError) -> Exception:
    problem = error.response["Error"]
    found = refusal(error.operation_name, problem.get("Code", "Unknown"), problem.get("Message", "no message"))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    return TransientError(str(found)) if status >= _SERVER_ERROR else found
