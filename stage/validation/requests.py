"""Validates every request against botocore's model: types, required members, lengths, patterns, enums, ranges.

The XML protocols of S3 and EC2 and CloudWatch's CBOR are not validated: their models have hardly any constraints, and
moto checks those. The error code is the service's documented one. The message is that of the framework which AWS's JSON
and query services share ("1 validation error detected: ..."); only ECS and ECR do not always use it.
"""

import json
from collections.abc import Sequence

from moto.core.request import determine_request_protocol

from stage.gateway.calls import Call, Reply
from stage.validation.shapes import Violation, type_error, violations

CHECKED = ("json", "rest-json", "query", "smithy-rpc-v2-cbor")
# The error in the service's API reference, where it is not ValidationException (ValidationError for "query").
CODES = {
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "logs": "InvalidParameterException",
    "secretsmanager": "InvalidParameterException",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "sns": "InvalidParameter",
}


class Validation:
    """A hook that refuses requests which the model does not allow."""

    def before(self, call: Call) -> Reply | None:
        if call.model is None or call.model.input_shape is None:
            return None
        protocol = determine_request_protocol(call.model.service_model, call.request.content_type)
        if protocol not in CHECKED:
            return None
        if protocol == "json" and (error := _unreadable(call) or type_error(call.model.input_shape, call.params)):
            return Reply.refusal(call, "SerializationException", error)
        broken = list(violations(call.model.input_shape, call.params))
        if not broken:
            return None
        default = "ValidationError" if protocol == "query" else "ValidationException"
        return Reply.refusal(call, CODES.get(call.service, default), _message(call.service, broken))

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _unreadable(call: Call) -> str | None:
    """Why the body cannot be parsed; `call.params` is empty then."""
    try:
        body = json.loads(call.request.get_data() or b"{}")
    except ValueError:
        return "Unexpected token in payload"
    return None if isinstance(body, dict) else "Unexpected value type in payload"


def _message(service: str, broken: Sequence[Violation]) -> str:
    if service == "ecr":  # ECR reports only the first violation
        constraint = broken[0].constraint.removeprefix("Member ")
        return f"Invalid parameter at '{broken[0].path}' failed to satisfy constraint: '{constraint}'"
    return f"{len(broken)} validation error{'s'[: len(broken) > 1]} detected: " + "; ".join(map(_sentence, broken))


def _sentence(violation: Violation) -> str:
    value = "null" if violation.value is None else f"'{violation.value}'"
    return f"Value {value} at '{violation.path}' failed to satisfy constraint: {violation.constraint}"
