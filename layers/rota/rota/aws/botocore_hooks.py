"""What a client does on the wire beside what botocore does: keep AWS's pace, and take no answer for what it is not."""

import json
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError
from urllib3.response import BaseHTTPResponse

from rota.aws.rate_limit import bucket_for, is_throttle, quota_for

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

# How often one call is throttled before it fails, and how many seconds it waits in between at the most.
_THROTTLES_BORNE, _LONGEST_WAIT = 40, 2.0
# A quota that is used up. botocore takes it for a throttle and would ask again.
_FULL = "LimitExceededException"
_REFUSED = HTTPStatus.MULTIPLE_CHOICES  # and all statuses above; their bodies are no streams


def limit_rate(client: Any, service: str) -> None:
    """Make every call of `client` wait for its quota, and make one that is throttled all the same again.

    A throttled call was not carried out, so that is safe for every operation. What is full is not asked again.
    """

    def wait(operation_name: str, **_: Any) -> None:
        limited = quota_for(service, operation_name)
        if limited:
            bucket_for(limited).wait()

    def again(response: Any, operation: Any, attempts: int, **_: Any) -> float | None:
        limited = quota_for(service, operation.name)
        code = response[1].get("Error", {}).get("Code", "") if response else ""
        if code == _FULL:
            raise ClientError(response[1], operation.name)
        if limited is None or not is_throttle(code) or attempts > _THROTTLES_BORNE:
            return None
        bucket_for(limited).drain()
        # Not all at the same instant again: others draw from the bucket too.
        return min(attempts / limited.per_second, _LONGEST_WAIT) * random.uniform(0.5, 1)  # noqa: S311 - no secret

    client.meta.events.register(f"request-created.{_name(client)}", wait)
    # Before botocore's own handler, which gives up after a few attempts.
    client.meta.events.register_first(f"needs-retry.{_name(client)}", again)


def reject_truncated_responses(client: Any) -> None:
    """Take an answer that ended before its Content-Length, or before that, for none at all: the connection broke.

    botocore reads what came of it, mostly as `{}`, and calls that a success, as if DynamoDB held no such item; where a
    character was cut, it falls over that. (A stream, as a found object is, counts its own bytes.)
    """
    allowed = client.meta.config.retries["total_max_attempts"]

    def leave_unread(response_dict: dict[str, Any], **_: Any) -> None:
        if isinstance(response_dict["body"], bytes) and _is_half(response_dict["headers"], response_dict["body"]):
            response_dict["body"] = b""

    def refuse(response: Any, operation: Any, attempts: int, request_dict: Any, **_: Any) -> float | None:
        if response is None or request_dict["method"] == "HEAD":
            return None
        answer = response[0]
        is_stream = operation.has_streaming_output and answer.status_code < _REFUSED
        if _says_where_it_ends(answer) and (is_stream or not _is_half(answer.headers, answer.content)):
            return None
        if attempts < allowed:
            return attempts * random.uniform(0.05, 0.1)  # noqa: S311 - no secret
        raise ConnectionClosedError(endpoint_url=request_dict["url"])

    client.meta.events.register(f"before-parse.{_name(client)}", leave_unread)
    client.meta.events.register_first(f"needs-retry.{_name(client)}", refuse)


def _says_where_it_ends(answer: AWSResponse) -> bool:
    """False where the headers were cut. AWS always says it; what came over no wire, as in a test, need not."""
    if answer.status_code == HTTPStatus.NO_CONTENT or not isinstance(answer.raw, BaseHTTPResponse):
        return True
    return "Transfer-Encoding" in answer.headers or _promised(answer.headers) is not None


def _is_half(headers: Mapping[str, str], body: bytes) -> bool:
    return len(body) < (_promised(headers) or 0)


def _promised(headers: Mapping[str, str]) -> int | None:
    """How many bytes the body is to have; None where the headers do not say it."""
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def add_operation_name(client: Any) -> None:
    """An error on the way does not say which call it met, as a refusal by AWS does; have it say so too."""

    def name(exception: Exception, event_name: str, **_: Any) -> None:
        if not isinstance(exception, ClientError):
            exception.operation_name = event_name.rpartition(".")[2]  # type: ignore[attr-defined]  # as ClientError has it

    client.meta.events.register(f"after-call-error.{_name(client)}", name)


def keep_unknown_fields(client: "ECSClient") -> None:
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


def _name(client: Any) -> str:
    """The service in the names of botocore's events."""
    return str(client.meta.service_model.service_id.hyphenize())
