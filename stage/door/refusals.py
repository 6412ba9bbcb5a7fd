"""How each AWS service says that it is asked too often, that it failed, or that the caller may not: code and status.

The codes are those of the services' own API references ("Common errors" and the errors of each action); what a service
does not name itself is its protocol's.
"""

from moto.core.utils import get_service_model

from stage.door.calls import Call, Reply

THROTTLED = {
    "s3": ("SlowDown", 503),
    "lambda": ("TooManyRequestsException", 429),
    "ec2": ("RequestLimitExceeded", 503),
    "resourcegroupstaggingapi": ("ThrottledException", 400),
    "query": ("Throttling", 400),
    "rest-json": ("ThrottlingException", 429),
}
FAILED = {
    "dynamodb": "InternalServerError",
    "ecr": "ServerException",
    "ecs": "ServerException",
    "events": "InternalException",
    "lambda": "ServiceException",
    "resourcegroupstaggingapi": "InternalServiceException",
    "s3": "InternalError",
}
DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "query": ("AccessDenied", 403),
    "rest-json": ("AccessDeniedException", 403),
    "rest-xml": ("AccessDenied", 403),
}


def throttled(call: Call) -> Reply:
    """The call is one too many: ThrottlingException, or what the service calls it."""
    code, status = _of(THROTTLED, call, ("ThrottlingException", 400))
    return Reply.refusal(call, code, "Rate exceeded", status)


def failed(call: Call) -> Reply:
    """The service itself fails, and has done nothing."""
    code = FAILED.get(call.service, "InternalFailure")
    return Reply.refusal(call, code, "We encountered an internal error. Please try again.", 500)


def denied(call: Call, message: str | None = None) -> Reply:
    """The caller may not make this call; IAM's own message says more than the one that is made up here."""
    code, status = _of(DENIED, call, ("AccessDeniedException", 400))
    if message:
        return Reply.refusal(call, code, message, status)
    action = f"{get_service_model(call.service).signing_name}:{call.operation}"
    who = call.caller or call.access_key
    return Reply.refusal(call, code, f"User: {who} is not authorized to perform: {action}", status)


def _of(table: dict[str, tuple[str, int]], call: Call, otherwise: tuple[str, int]) -> tuple[str, int]:
    protocol = str(get_service_model(call.service).protocol)
    return table.get(call.service) or table.get(protocol, otherwise)
