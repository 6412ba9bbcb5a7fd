"""AWS's errors as those of `rota.errors`, which the state machine retries or catches. The only module that does it."""

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from urllib3.exceptions import HTTPError

from rota.aws.rate_limit import is_throttle
from rota.errors import SHORT_SERVICE_ARN, RejectedError, TransientError

_TRANSIENT = {
    "ConcurrentModificationException",  # EventBridge: two changes of one rule at once
    "InternalException",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ServerException",
    "ServiceUnavailable",
    "TransactionConflictException",  # DynamoDB: another transaction of the item is in progress
    "TransactionInProgressException",  # DynamoDB: this one, sent again after a lost response
    "UpdateInProgressException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
# What a denial's call and words say of its reason, and what to do then.
_ADVICE = {
    r"ecs:RegisterTaskDefinition on resource: \*": "ECS asks for this right on all resources here: in template.yaml, "
    "give ecs:RegisterTaskDefinition the resource *, in RegisterRevisionsFunction and in RestoreDeploymentFunction, "
    "and deploy the stack",
    # Of the task's own roles ReadConfig has found that they may be passed.
    "^UpdateService: .*iam:PassRole": "the service has this role for its load balancer or volumes: in template.yaml, "
    "let RollServiceFunction and RestoreDeploymentFunction pass it to ecs.amazonaws.com, and deploy the stack",
    r"on resource: arn:[\w-]+:ecs:[^ ]+:service/[^/ ]+( |$)": SHORT_SERVICE_ARN,
}
_LOST = (
    HTTPError,  # an error response to GetObject that was cut off: botocore reads it late, as a stream
    ConnectionError,
    HTTPClientError,  # a closed connection, a broken stream, ...
    IncompleteReadError,
)
_SERVER_ERROR = 500

AWS_ERRORS = (ClientError, BotoCoreError, HTTPError)
"""Everything that a call of a client can raise, for `translate`."""


def translate(error: ClientError | BotoCoreError | HTTPError) -> Exception:
    """TransientError or RejectedError for an error of AWS; one that only a bug can cause is returned as it is."""
    if isinstance(error, ClientError):
        return _translate_reply(error)
    if isinstance(error, _LOST):
        # Only a stream can break after its call has returned, and only GetObject's is read.
        operation = getattr(error, "operation_name", "GetObject")
        return TransientError(f"{operation}: no response from AWS: {error}")
    return error


def is_denied(error: ClientError) -> bool:
    """Whether the role lacks the right to the call."""
    return error.response["Error"]["Code"] in _DENIED


def error_from_code(operation: str, code: str, message: str) -> TransientError | RejectedError:
    """The error to raise for an error code of AWS, such as that of a failed entry; `operation` as in `PutTargets`."""
    from rota.sanitise import mask  # noqa: PLC0415  here, because most calls are not refused

    message = mask(message)  # AWS quotes what it refuses
    sentence = f"{operation}: {code}: {message}"
    hidden_throttle = code in {"ClientException", "InvalidParameterException", "ValidationException"} and any(
        sign in message.lower() for sign in ("rate exceeded", "throttl", "too many concurrent")
    )
    if is_throttle(code) or code in _TRANSIENT or hidden_throttle:
        return TransientError(sentence)
    if code in _DENIED:
        advice = next((what for said, what in _ADVICE.items() if re.search(said, f"{operation}: {message}")), None)
        return RejectedError(f"{operation} was denied: {message}{f'; {advice}' if advice else ''}")
    return RejectedError(sentence)


def _translate_reply(error: ClientError) -> Exception:
    reply = error.response["Error"]
    found = error_from_code(error.operation_name, reply.get("Code", "Unknown"), reply.get("Message", "no message"))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    return TransientError(str(found)) if status >= _SERVER_ERROR else found
