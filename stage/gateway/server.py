"""The gateway: recognises each request as an AWS call, runs the hooks on it, and passes it on to moto."""

import contextlib
import io
import random
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from http import HTTPStatus
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any, cast

from moto.backends import get_backend
from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from stage import clock
from stage.gateway.calls import Call, Hook, Reply, recognise
from stage.moto.clients import ACCOUNT, REGION

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


ARRIVED = "stage.arrived"
"""What a request's environment has beside WSGI's: when its first line was read, in seconds since the epoch."""


class Gateway:
    """The WSGI application in front of moto's.

    `hooks` see every AWS call before and after moto, in this order; see `stage.gateway.calls.Hook`. Add hooks before
    the server starts. `caller_of` names the function that owns an access key, `record` gets every finished call with
    its duration in milliseconds.
    """

    def __init__(self, caller_of: Callable[[str], str | None], record: Callable[[Call, Reply, float], None]) -> None:
        self.hooks: list[Hook] = []
        self._caller_of = caller_of
        self._record = record
        self._moto = _Moto(create_backend_app)
        self._active = 0
        self._ended = threading.Condition()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        try:
            body = request.get_data(cache=True)
        except ClientDisconnected:  # the caller was killed while it sent the request
            return Response(status=400)(environ, start_response)
        # moto reads the body again and needs it whole, also where it came in chunks.
        environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        reply = self.answer(request)
        if reply is None:
            return cast(Iterable[bytes], self._moto(environ, start_response))
        if reply.lost:
            _hang_up(environ)
        response = Response([reply.sent], reply.status, reply.headers)
        if request.method != "HEAD":  # HEAD announces the length of a body that it does not send
            response.content_length = len(reply.body)
        return response(environ, start_response)

    def answer(self, request: Request) -> Reply | None:
        """The reply to a request, which is recorded; None where it is no AWS call."""
        call = recognise(request)
        if call is None:
            return None
        call.time = request.environ.get(ARRIVED, call.time)
        call.caller = self._caller_of(call.access_key)
        with self._ended:
            self._active += 1
        try:
            reply = self._answer(call)
        finally:
            with self._ended:
                self._active -= 1
                self._ended.notify_all()
        reply.headers.setdefault("x-amzn-RequestId", str(uuid.UUID(int=random.getrandbits(128), version=4)))
        self._record(call, reply, (time.time() - call.time) * 1000)
        return reply

    def wait_until_idle(self, timeout: float = 5) -> bool:
        """Wait until no call is being answered; False after `timeout` seconds."""
        with self._ended:
            return self._ended.wait_for(lambda: self._active == 0, timeout)

    def _answer(self, call: Call) -> Reply:
        """Ask the hooks, then moto. A bug of the stage is answered as AWS's internal failure and printed on stderr."""
        try:
            reply = next((reply for hook in self.hooks if (reply := hook.before(call))), None) or self._ask_moto(call)
            for hook in reversed(self.hooks):
                reply = hook.after(call, reply) or reply
        except NotImplementedError as gap:
            message = f"the stage has no {call.service} {call.operation}: {gap}"
            return Reply.refusal(call, "NotImplemented", message, 501)
        except Exception as bug:  # noqa: BLE001 - a server survives a request that it cannot answer
            traceback.print_exc(file=sys.stderr)
            return Reply.refusal(call, "InternalFailure", f"the stage failed: {bug!r}", 500)
        return reply

    def _ask_moto(self, call: Call) -> Reply:
        if handler := _handler_of(call.service):
            call.request.from_wsgi_server = True  # the server adds the Date header
            try:
                status, headers, body = handler(call.request, call.request.raw_url, dict(call.request.headers))
            except HTTPException as refusal:
                status, headers, body = refusal.code, dict(refusal.get_headers()), refusal.get_body()
            return Reply.received(int(status), body if isinstance(body, bytes) else body.encode(), Headers(headers))
        # A hook may have read the body or replaced the request.
        environ = {**call.request.environ, "wsgi.input": io.BytesIO(call.request.get_data())}
        body, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        return Reply.received(int(status.split()[0]), b"".join(body), headers)


@cache
def _handler_of(service: str) -> Any:
    """moto's handler of a service that has one URL; None for the others. Flask would look for it at each call."""
    regions = get_backend(service)[ACCOUNT]  # type: ignore[call-overload] # the service is any
    paths = (regions[REGION] if REGION in regions else regions["aws"]).flask_paths
    return paths["/"] if paths.keys() == {"/"} else None


class _Moto(DomainDispatcherApplication):
    """moto's server, which would list its own directory for each request to find a host's service."""

    get_backend_for_host = lru_cache(maxsize=256)(DomainDispatcherApplication.get_backend_for_host)


def _hang_up(environ: "WSGIEnvironment") -> None:
    """Close the client's connection, so that nothing written after this reaches it."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(SHUT_RDWR)


class RequestHandler(MotoRequestHandler):
    """Logs nothing and keeps connections open, as AWS does: a new one for each call would slow deployments down."""

    protocol_version = "HTTP/1.1"
    # Headers and body in one write: if the stage ended between two writes, botocore would read an empty reply.
    wbufsize = 1 << 18
    disable_nagle_algorithm = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header Date, by the stage's clock."""
        return str(super().date_time_string(clock.time() if timestamp is None else timestamp))

    def parse_request(self) -> bool:
        """Note when the request came, before reading it."""
        self._arrived = time.time()
        return super().parse_request()

    def run_wsgi(self) -> None:
        """Serve one request and keep the connection. werkzeug's own method closes it, because it cannot know that the
        application has read the whole request; the gateway always has.
        """
        if self.headers.get("Expect", "").lower() == "100-continue":  # S3
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = {**self.make_environ(), ARRIVED: self._arrived}
        chunks, status, headers = run_wsgi_app(self.server.app, self.environ, buffered=True)
        body = b"".join(chunks)
        code, _, reason = status.partition(" ")
        if self.command != "HEAD" and int(code) != HTTPStatus.NO_CONTENT:
            headers.setdefault("Content-Length", str(len(body)))
            self.close_connection |= len(body) < int(headers["Content-Length"])  # the reply was cut
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """End the connection, also one that was closed in the middle of a reply."""
        with contextlib.suppress(OSError):
            super().finish()
        self.rfile.close()  # socketserver leaves it open when the last write fails

    def log(self, type: str, message: str, *args: object) -> None:
        """Log no single requests: `GET /_stage/calls` shows them all."""
