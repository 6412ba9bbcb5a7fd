"""Calls to a gateway in the caller's own process, without a port: for tests that run handlers where they run."""

import io
from collections.abc import Callable

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.hooks import BaseEventHooks
from moto.core.request import normalize_request
from urllib3.response import HTTPResponse

from stage.gateway.calls import Reply
from stage.gateway.server import Gateway


class Connection:
    """Sends the requests of botocore's clients to a gateway.

    `access_key` says who calls. `check` is called before each request and after its reply; what it raises reaches the
    caller. The endpoint of the clients must be an IP address: botocore then puts the name of a bucket in the path,
    where the gateway looks for it.
    """

    def __init__(self, gateway: Gateway, access_key: str, check: Callable[[], None] = lambda: None) -> None:
        self._gateway = gateway
        self._access_key = access_key
        self._check = check

    def attach(self, events: BaseEventHooks) -> None:
        """Take the requests of a client, by its `meta.events`, or those of a session's clients to come."""
        events.register_first("choose-signer", lambda **_: UNSIGNED)  # signing takes a sixth of a call's time
        events.register("before-sign", self._name_caller)
        events.register("before-send", self._send)  # type: ignore[arg-type] # the stubs know no handler that answers

    def _name_caller(self, request: AWSRequest, signing_name: str, region_name: str, **_: object) -> None:
        """Add what the gateway reads of a signature: who calls which service."""
        scope = f"{self._access_key}/20260101/{region_name}/{signing_name}/aws4_request"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}"

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self._check()
        received = normalize_request(request)
        received.get_data()  # is kept then: hooks read the body more than once
        reply = self._gateway.answer(received)
        self._check()
        if reply is None:
            raise NotImplementedError(f"{request.method} {request.url} is no AWS call that the stage knows")
        if reply.lost:
            raise ConnectionClosedError(endpoint_url=request.url)
        return _received(request, reply)


def _received(request: AWSPreparedRequest, reply: Reply) -> AWSResponse:
    """The reply as botocore gets it from a connection."""
    has_body = request.method != "HEAD"
    headers = dict(reply.headers) | ({"Content-Length": str(len(reply.body))} if has_body else {})
    body = io.BytesIO(reply.sent if has_body else b"")
    raw = HTTPResponse(body, headers, reply.status, preload_content=False, enforce_content_length=False)
    response = AWSResponse(request.url, reply.status, headers, raw)  # type: ignore[arg-type] # it takes any mapping
    if not request.stream_output:
        response.content  # noqa: B018 - reads the body, as botocore does at this point
    return response
