"""Every request, by anyone, held against botocore's model: types, required members, lengths, patterns, enums, ranges.

Left out are the XML protocols of S3 and EC2 and CloudWatch's CBOR: their models hold next to no constraints, and what
there is moto checks. The error is the service's documented one; its words are those of the framework that AWS's JSON
and query services share ("1 validation error detected: ..."), which ECS and ECR alone do not always use.
"""

import json
from collections.abc import Sequence

from moto.core.request import determine_request_protocol

from stage.gateway.calls import Call, Reply
from stage.validation.shapes import Violation, misfit, violations

CHECKED = ("json", "rest-json", "query", "smithy-rpc-v2-cbor")
# What the service's API reference lists among its errors instead of ValidationException (ValidationError for "query").
CODES = {
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "logs": "InvalidParameterException",
    "secretsmanager": "InvalidParameterException",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "sns": "InvalidParameter",
}


class Validation:
    """A hook that refuses what the model does not allow."""

    def before(self, call: Call) -> Reply | None:
        if call.model is None or call.model.input_shape is None:
            return None
        protocol = determine_request_protocol(call.model.service_model, call.request.content_type)
        if protocol not in CHECKED:
            return None
        if protocol == "json" and (fault := _unreadable(call) or misfit(call.model.input_shape, call.params)):
            return Reply.refusal(call, "SerializationException", fault)
        broken = list(violations(call.model.input_shape, call.params))
        if not broken:
            return None
        default = "ValidationError" if protocol == "query" else "ValidationException"
        return Reply.refusal(call, CODES.get(call.service, default), _told(call.service, broken))

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _unreadable(call: Call) -> str | None:
    """The body as it came, because `call.params` is empty when it cannot be read."""
    try:
        body = json.loads(call.request.get_data() or b"{}")
    except ValueError:
        return "Unexpected token in payload"
    return None if isinstance(body, dict) else "Unexpected value type in payload"


def _told(service: str, broken: Sequence[Violation]) -> str:
    if service == "ecr":  # which names the first fault only
        constraint = broken[0].constraint.removeprefix("Member ")
        return f"Invalid parameter at '{broken[0].path}' failed to satisfy constraint: '{constraint}'"
    return f"{len(broken)} validation error{'s'[: len(broken) > 1]} detected: " + "; ".join(map(_sentence, broken))


def _sentence(violation: Violation) -> str:
    value = "null" if violation.value is None else f"'{violation.value}'"
    return f"Value {value} at '{violation.path}' failed to satisfy constraint: {violation.constraint}"
