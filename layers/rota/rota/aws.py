"""The only module that makes clients and that turns AWS's errors into the names the state machine may see."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from rota.errors import RejectedError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

Item = TypeVar("Item")
Result = TypeVar("Result")

# EventBridge allows 50 control-plane calls a second; eight at a time stay below that at usual latencies.
_AT_ONCE = 8
_TIMEOUT_SECONDS = 10
_ATTEMPTS = 4

# Beside every code with "throttl" in it: Throttling, ThrottlingException, Throttled, KmsThrottlingException, ...
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequestsException",
}
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
    ConnectionClosedError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
_SERVER_ERROR = 500


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
    _pass_task_definitions_whole(client)
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
def _session() -> botocore.session.Session:
    # Not boto3: that is the same session behind resources and file transfers, which no step uses.
    return botocore.session.get_session()


def _client(service: str, config: Config) -> Any:
    client = _session().create_client(service, config=config)
    _name_the_call(client)
    return client


def _config(attempts: int = _ATTEMPTS) -> Config:
    return Config(
        connect_timeout=_TIMEOUT_SECONDS,
        read_timeout=_TIMEOUT_SECONDS,
        max_pool_connections=_AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


def _name_the_call(client: Any) -> None:
    """An error on the way does not say which call it met, as a refusal by AWS does; have it say so too."""

    def name(caught_exception: Exception | None, operation: Any, **_: Any) -> None:
        if isinstance(caught_exception, BotoCoreError):
            caught_exception.operation_name = operation.name  # type: ignore[attr-defined]  # as ClientError has it

    client.meta.events.register(f"needs-retry.{client.meta.service_model.service_id.hyphenize()}", name)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on each item, several at a time, the results in the items' order. The first error ends it.

    Make the clients that `work` uses before: making them is not safe in threads, using them is.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


def translate(error: ClientError | BotoCoreError) -> Exception:
    """What AWS said, as one of the names in `rota.errors`; an error that only a bug can cause stays as it is."""
    if isinstance(error, ClientError):
        return _translate_reply(error)
    if isinstance(error, _LOST_ON_THE_WAY):
        operation = getattr(error, "operation_name", "a call")
        return TransientError(f"{operation}: no answer from AWS: {error}")
    return error


def refusal(operation: str, code: str, message: str) -> TransientError | RejectedError:
    """An error code of AWS as the error to raise; `operation` as in `PutTargets`, `message` in AWS's words."""
    sentence = f"{operation}: {code}: {message}"
    disguised = code in {"ClientException", "InvalidParameterException", "ValidationException"} and any(
        sign in message.lower() for sign in ("rate exceeded", "throttl", "too many concurrent")
    )
    if _is_throttle(code) or code in _PASSING or disguised:
        return TransientError(sentence)
    if code in _DENIED:
        return RejectedError(f"{operation} was denied: {message}")
    return RejectedError(sentence)


def _translate_reply(error: ClientError) -> Exception:
    problem = error.response["Error"]
    found = refusal(error.operation_name, problem.get("Code", "Unknown"), problem.get("Message", "no message"))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    return TransientError(str(found)) if status >= _SERVER_ERROR else found


def is_throttle(error: ClientError) -> bool:
    """True if AWS refused for being asked too often: the call was not carried out and may be made again."""
    return _is_throttle(error.response["Error"].get("Code", ""))


def _is_throttle(code: str) -> bool:
    return code in _THROTTLED or "throttl" in code.lower()


def _pass_task_definitions_whole(client: "ECSClient") -> None:
    """Let every field of a task definition through, also those that this SDK does not know.

    botocore parses replies and builds requests from its own model and drops the rest in silence; a field newer than
    the SDK would be lost when its definition is registered again.
    """

    def keep_reply(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if "taskDefinition" in parsed:
            parsed["taskDefinition"] = json.loads(http_response.content)["taskDefinition"]

    def keep_request(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
        context["whole_request"] = params
        return {}  # botocore stumbles over fields it does not know; `send_request` writes the body

    def send_request(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps(context["whole_request"]).encode()

    client.meta.events.register("after-call.ecs.DescribeTaskDefinition", keep_reply)
    client.meta.events.register("provide-client-params.ecs.RegisterTaskDefinition", keep_request)  # type: ignore[arg-type]  # the stubs know no hook that answers
    client.meta.events.register("before-call.ecs.RegisterTaskDefinition", send_request)
