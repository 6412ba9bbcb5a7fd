"""Error code and status with which each AWS service throttles a call, fails, or denies access.

The codes are from the services' API references ("Common errors" and the errors of each action). A service that is not
listed has the code of its protocol.
"""

from moto.core.utils import get_service_model

from stage.gateway.calls import Call, Reply

THROTTLED = {
    "s3": ("SlowDown", 503),
    "lambda": ("TooManyRequestsException", 429),
    "ec2": ("RequestLimitExceeded", 503),
    "resourcegroupstaggingapi": ("ThrottledException", 400),
    "query": ("Throttling", 400),
    "rest-json": ("ThrottlingException", 429),
}
FAILED = {
    "dynamodb": ("InternalServerError", 500),
    "ecr": ("ServerException", 500),
    "ecs": ("ServerException", 500),
    "events": ("InternalException", 500),
    "lambda": ("ServiceException", 500),
    "resourcegroupstaggingapi": ("InternalServiceException", 500),
    "s3": ("InternalError", 500),
}
DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "query": ("AccessDenied", 403),
    "rest-json": ("AccessDeniedException", 403),
    "rest-xml": ("AccessDenied", 403),
}


# For each kind of refusal: its table, and the answer of services that are not in it, by name or protocol.
KINDS = {
    "throttle": (THROTTLED, ("ThrottlingException", 400)),
    "internal": (FAILED, ("InternalFailure", 500)),
    "denied": (DENIED, ("AccessDeniedException", 400)),
}


def answer(kind: str, service: str) -> tuple[str, int]:
    """Code and status of a refusal of this kind by a service, which has boto3's name."""
    table, otherwise = KINDS[kind]
    return table.get(service) or table.get(str(get_service_model(service).protocol), otherwise)


def throttled(call: Call, reason: str = "CallerRateLimitExceeded") -> Reply:
    """The call exceeds a quota; Lambda gives the `reason`."""
    code, status = answer("throttle", call.service)
    if call.service == "lambda":
        return Reply.refusal(call, code, "Rate Exceeded.", status, Reason=reason, Type="User")
    return Reply.refusal(call, code, "Rate exceeded", status)


def failed(call: Call) -> Reply:
    """The service failed and did not carry out the call."""
    code, status = answer("internal", call.service)
    return Reply.refusal(call, code, "We encountered an internal error. Please try again.", status)


def denied(call: Call, message: str | None = None) -> Reply:
    """The caller may not make this call. Without `message`, which IAM has, a general one is used."""
    code, status = answer("denied", call.service)
    if message:
        return Reply.refusal(call, code, message, status)
    action = f"{get_service_model(call.service).signing_name}:{call.operation}"
    who = call.caller or call.access_key
    return Reply.refusal(call, code, f"User: {who} is not authorized to perform: {action}", status)
