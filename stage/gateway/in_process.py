"""Calls to a gateway in the caller's own process, without a port: for tests that run handlers where they run."""

import io
from collections.abc import Callable

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from moto.core.request import normalize_request
from urllib3.response import HTTPResponse

from stage.gateway.calls import Reply
from stage.gateway.server import Gateway


class Connection:
    """Sends a botocore client's requests to a gateway; register it for `before-send` with a client or a session.

    `check` is called before each request and after its reply; what it raises reaches the caller. The endpoint of the
    clients must be an IP address: botocore then puts the name of a bucket in the path, where the gateway looks for it.
    """

    def __init__(self, gateway: Gateway, check: Callable[[], None] = lambda: None) -> None:
        self._gateway = gateway
        self._check = check

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self._check()
        reply = self._gateway.answer(normalize_request(request))
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
