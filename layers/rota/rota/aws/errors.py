"""The only module that turns AWS's errors into the names that the state machine knows."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from urllib3.exceptions import HTTPError

from rota.aws.rate_limit import is_throttle
from rota.errors import RejectedError, TransientError

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

AWS_ERRORS = (ClientError, BotoCoreError, HTTPError)
"""Whatever a call of a client can raise; `translate` names it."""


def translate(error: ClientError | BotoCoreError | HTTPError) -> Exception:
    """What AWS said, as one of the names in `rota.errors`; an error that only a bug can cause stays as it is."""
    if isinstance(error, ClientError):
        return _translate_reply(error)
    if isinstance(error, _LOST_ON_THE_WAY):
        # What breaks off after its call is the only stream that is read.
        operation = getattr(error, "operation_name", "GetObject")
        return TransientError(f"{operation}: no answer from AWS: {error}")
    return error


def error_from_code(operation: str, code: str, message: str) -> TransientError | RejectedError:
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
    found = error_from_code(error.operation_name, problem.get("Code", "Unknown"), problem.get("Message", "no message"))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    return TransientError(str(found)) if status >= _SERVER_ERROR else found
