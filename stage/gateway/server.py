"""The front door: recognises every request as an AWS call, lets the hooks at it, and passes it on to moto."""

import contextlib
import io
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, cast

from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from stage.gateway.calls import Call, Hook, Reply, recognise

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Call", "Front", "Hook", "Reply"]

# Beside AWS's own paths. S3 gives the first part of a path to buckets, and no bucket's name may begin with "_".
STAGE_PATH = "/_stage"


class Front:
    """The WSGI application in front of moto's.

    `hooks` stand between every AWS call and moto; see `stage.gateway.calls.Hook` for what one may do, and add yours
    with `front.hooks.append(...)` before the server starts. `caller_of` names the step that an access key belongs to,
    `record` is given every finished call with its duration in milliseconds, `routes` answers all below `/_stage`.
    """

    def __init__(
        self,
        caller_of: Callable[[str], str | None],
        record: Callable[[Call, Reply, float], None],
        routes: Callable[[Request], Response],
    ) -> None:
        self.hooks: list[Hook] = []
        self._caller_of = caller_of
        self._record = record
        self._routes = routes
        self._moto = _Moto(create_backend_app)
        self._under_way = 0
        self._one_less = threading.Condition()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        try:
            body = request.get_data(cache=True)
        except ClientDisconnected:  # its process was killed in the middle of asking
            return Response(status=400)(environ, start_response)
        if request.path == STAGE_PATH or request.path.startswith(STAGE_PATH + "/"):
            return self._routes(request)(environ, start_response)
        # moto reads the body again, and is given it whole, however it came over the wire.
        environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        call = recognise(request)
        if call is None:
            return cast(Iterable[bytes], self._moto(environ, start_response))
        call.caller = self._caller_of(call.access_key)
        with self._one_less:
            self._under_way += 1
        try:
            reply = self._answer(call)
        finally:
            with self._one_less:
                self._under_way -= 1
                self._one_less.notify_all()
        self._record(call, reply, (time.time() - call.time) * 1000)
        if reply.lost:
            _hang_up(environ)
        sent = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
        response = Response([sent], reply.status, reply.headers)
        if request.method != "HEAD":  # whose length is that of the body it does not have
            response.content_length = len(reply.body)
        return response(environ, start_response)

    def settle(self, timeout: float = 5) -> bool:
        """Wait until no call is under way. False when one still is after `timeout` seconds."""
        with self._one_less:
            return self._one_less.wait_for(lambda: self._under_way == 0, timeout)

    def _answer(self, call: Call) -> Reply:
        """Ask the hooks, then moto. A fault of the stage itself is an AWS internal failure, told on stderr."""
        try:
            reply = next((reply for hook in self.hooks if (reply := hook.before(call))), None) or self._ask_moto(call)
            for hook in reversed(self.hooks):
                reply = hook.after(call, reply) or reply
        except NotImplementedError as gap:
            message = f"the stage has no {call.service} {call.operation}: {gap}"
            return Reply.refusal(call, "NotImplemented", message, 501)
        except Exception as bug:  # noqa: BLE001 - a server outlives a request that it cannot serve
            traceback.print_exc(file=sys.stderr)
            return Reply.refusal(call, "InternalFailure", f"the stage failed: {bug!r}", 500)
        return reply

    def _ask_moto(self, call: Call) -> Reply:
        # A hook may have read the body, or put another request in this one's place.
        environ = {**call.request.environ, "wsgi.input": io.BytesIO(call.request.get_data())}
        body, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        return Reply.received(int(status.split()[0]), b"".join(body), headers)


class _Moto(DomainDispatcherApplication):
    """moto's server, which would list its own directory at each request to tell which service a host stands for."""

    get_backend_for_host = lru_cache(maxsize=256)(DomainDispatcherApplication.get_backend_for_host)


def _hang_up(environ: "WSGIEnvironment") -> None:
    """Close the client's connection, so that nothing written after this reaches it."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(SHUT_RDWR)


class RequestHandler(MotoRequestHandler):
    """Quiet, and quick enough for a deployment: connections are kept, as AWS keeps them."""

    protocol_version = "HTTP/1.1"
    # Headers and body are one write: where the stage ended between two, botocore would read an empty answer.
    wbufsize = 1 << 18
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Serve one request. werkzeug's own closes the connection, for it cannot know whether the application has read
        the request to its end; the front always has.
        """
        if self.headers.get("Expect", "").lower() == "100-continue":  # S3
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = self.make_environ()
        chunks, status, headers = run_wsgi_app(self.server.app, self.environ, buffered=True)
        body = b"".join(chunks)
        code, _, reason = status.partition(" ")
        if self.command != "HEAD" and int(code) != HTTPStatus.NO_CONTENT:
            headers.setdefault("Content-Length", str(len(body)))
            self.close_connection |= len(body) < int(headers["Content-Length"])  # the rest never comes
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """End the connection; what it was not to hear, or did not wait for, is left unsaid."""
        with contextlib.suppress(OSError):
            super().finish()
        self.rfile.close()  # which is left open where the rest cannot be said

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing of single requests: `GET /_stage/calls` tells more."""
