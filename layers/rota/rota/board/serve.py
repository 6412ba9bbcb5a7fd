"""The board's web server: on this machine alone, on a free port."""

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rota.board.answer import Board, Pages, Request, headers_of

_HERE = "127.0.0.1"
_LONGEST_BODY, _SECONDS = 20_000, 30


class Server:
    """Serves one board until it is closed. `address` is what a person opens."""

    def __init__(self, pages: Pages, *, port: int = 0, writes: bool) -> None:
        self._server = _Listener((_HERE, port), _handler(lambda: self._board))
        self._board = Board(pages, self._server.server_address[1], writes=writes)

    @property
    def address(self) -> str:
        return self._board.address

    def run(self) -> None:
        """Serve until `close`, or until an exception such as Ctrl-C."""
        try:
            self._server.serve_forever(0.1)
        finally:
            self._server.server_close()

    def close(self) -> None:
        """End `run`, from another thread."""
        self._server.shutdown()


class _Listener(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone before it had its answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(board: Callable[[], Board]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "rota", ""
        timeout = _SECONDS

        def _answer(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > _LONGEST_BODY or "Transfer-Encoding" in self.headers:
                self.send_error(413)
                return
            body = self.rfile.read(int(length))
            # One that is sent twice is neither.
            headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
            response = board().answer(Request(self.command, self.path, headers, body))
            self.send_response(response.status)
            for name, value in headers_of(response).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer  # noqa: N815  as http.server names them

        def log_message(self, *_: object) -> None:
            """Nothing: the address has the token."""

    return Handler
