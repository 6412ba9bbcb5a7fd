"""Calls to a gateway in the caller's own process, without a port: for tests that run handlers where they run."""

import io
import sys
from collections.abc import Callable
from urllib.parse import unquote_to_bytes, urlsplit

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.hooks import BaseEventHooks
from moto.core.request import Request, environ_key_for_header, normalize_request
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
        received = _sent(request)
        received.get_data()  # is kept then: hooks read the body more than once
        reply = self._gateway.answer(received)
        self._check()
        if reply is None:
            raise NotImplementedError(f"{request.method} {request.url} is no AWS call that the stage knows")
        if reply.lost:
            raise ConnectionClosedError(endpoint_url=request.url)
        return _received(request, reply)


def _sent(request: AWSPreparedRequest) -> Request:
    """The request as a server reads it from a connection: moto's own way takes four times as long."""
    body = request.body if request.body is not None else b""
    if not isinstance(body, bytes | str):
        return normalize_request(request)
    content = body.encode() if isinstance(body, str) else body
    url = urlsplit(request.url)
    target = f"{url.path}?{url.query}" if url.query else url.path
    headers = {
        environ_key_for_header(name): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    return Request(
        {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "SERVER_NAME": url.hostname or "",
            "SERVER_PORT": str(url.port or 80),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": url.netloc,
            "REQUEST_METHOD": request.method,
            "REQUEST_URI": target,
            "RAW_URI": target,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
            "QUERY_STRING": url.query,
            **headers,
            "CONTENT_LENGTH": str(len(content)),
        }
    )


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
