"""Hooks into botocore: rate limit, retries of throttled calls, truncated responses, unknown fields."""

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

# How often a throttled call is retried, and the most seconds between two attempts.
_THROTTLE_RETRIES, _LONGEST_WAIT = 40, 2.0
# The least seconds by which each wait is longer than the one before: of a large quota that others use up too, there may
# be nothing left for seconds.
_LEAST_GROWTH = 0.02
# A quota on a number of resources is used up. botocore takes it for a throttle and would retry.
_QUOTA_USED_UP = "LimitExceededException"
_FIRST_ERROR_STATUS = HTTPStatus.MULTIPLE_CHOICES  # the body of an error is not a stream


def limit_rate(client: Any, service: str) -> None:
    """Make every call of `client` wait for its quota, and retry one that is throttled nevertheless.

    AWS has not carried out a throttled call, so a retry is safe for every operation. A call that fails because a number
    of resources is used up is not retried.
    """

    def wait(operation_name: str, **_: Any) -> None:
        quota = quota_for(service, operation_name)
        if quota:
            bucket_for(quota).wait()

    def retry(response: Any, operation: Any, attempts: int, **_: Any) -> float | None:
        quota = quota_for(service, operation.name)
        code = response[1].get("Error", {}).get("Code", "") if response else ""
        if code == _QUOTA_USED_UP:
            raise ClientError(response[1], operation.name)
        if quota is None or not is_throttle(code) or attempts > _THROTTLE_RETRIES:
            return None
        bucket_for(quota).drain()
        # With jitter: other clients draw from the bucket too.
        growth = max(1 / quota.per_second, _LEAST_GROWTH)
        return min(attempts * growth, _LONGEST_WAIT) * random.uniform(0.5, 1)  # noqa: S311 - no secret

    client.meta.events.register(f"request-created.{_name(client)}", wait)
    # Before botocore's own handler, which gives up after a few attempts.
    client.meta.events.register_first(f"needs-retry.{_name(client)}", retry)


def refuse_truncated_responses(client: Any) -> None:
    """Treat a response that ends before its Content-Length, or in its headers, as a lost connection.

    botocore parses what it got, mostly as `{}`, and returns it: as if DynamoDB had no such item. (A stream, such as the
    body of GetObject, counts its own bytes.)
    """
    allowed = client.meta.config.retries["total_max_attempts"]

    def skip_parsing(response_dict: dict[str, Any], **_: Any) -> None:
        if isinstance(response_dict["body"], bytes) and _is_truncated(response_dict["headers"], response_dict["body"]):
            response_dict["body"] = b""

    def retry(response: Any, operation: Any, attempts: int, request_dict: Any, **_: Any) -> float | None:
        if response is None or request_dict["method"] == "HEAD":
            return None
        http_response = response[0]
        is_stream = operation.has_streaming_output and http_response.status_code < _FIRST_ERROR_STATUS
        if _has_length(http_response) and (
            is_stream or not _is_truncated(http_response.headers, http_response.content)
        ):
            return None
        if attempts < allowed:
            return attempts * random.uniform(0.05, 0.1)  # noqa: S311 - no secret
        raise ConnectionClosedError(endpoint_url=request_dict["url"])

    client.meta.events.register(f"before-parse.{_name(client)}", skip_parsing)
    client.meta.events.register_first(f"needs-retry.{_name(client)}", retry)


def _has_length(response: AWSResponse) -> bool:
    """False if the headers were cut: AWS always sends a length. A response that was made in a test needs none."""
    if response.status_code == HTTPStatus.NO_CONTENT or not isinstance(response.raw, BaseHTTPResponse):
        return True
    return "Transfer-Encoding" in response.headers or _content_length(response.headers) is not None


def _is_truncated(headers: Mapping[str, str], body: bytes) -> bool:
    return len(body) < (_content_length(headers) or 0)


def _content_length(headers: Mapping[str, str]) -> int | None:
    """The body's length in bytes; None if the headers do not say."""
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def add_operation_name(client: Any) -> None:
    """Give errors of the connection the attribute `operation_name`, which ClientError has."""

    def name(exception: Exception, event_name: str, **_: Any) -> None:
        if not isinstance(exception, ClientError):
            exception.operation_name = event_name.rpartition(".")[2]  # type: ignore[attr-defined]

    client.meta.events.register(f"after-call-error.{_name(client)}", name)


def keep_unknown_fields(client: "ECSClient") -> None:
    """Keep every field of a task definition, also those that this SDK does not know.

    botocore parses responses and builds requests by its own model and silently drops other fields; a field newer than
    the SDK would be missing from the next revision.
    """

    def keep_reply(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if "taskDefinition" in parsed:
            parsed["taskDefinition"] = json.loads(http_response.content)["taskDefinition"]

    def keep_request(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
        context["whole_request"] = params
        return {}  # botocore raises on fields that it does not know; `send_request` writes the body

    def send_request(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps(context["whole_request"]).encode()

    client.meta.events.register("after-call.ecs.DescribeTaskDefinition", keep_reply)
    client.meta.events.register("provide-client-params.ecs.RegisterTaskDefinition", keep_request)  # type: ignore[arg-type]  # the stubs have no hook that returns a value
    client.meta.events.register("before-call.ecs.RegisterTaskDefinition", send_request)


def _name(client: Any) -> str:
    """The service's name in botocore's events."""
    return str(client.meta.service_model.service_id.hyphenize())
