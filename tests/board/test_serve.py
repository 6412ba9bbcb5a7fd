"""The board's web server: that it is on this machine alone, and what it does with requests that are none."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread

import pytest

from rota.board.serve import Server
from tests.board.test_answer import App


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(App(), writes=True)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    yield server
    server.close()
    thread.join(5)


def port_of(server: Server) -> int:
    return int(server.address.split(":")[2].split("/")[0])


def said(server: Server, sent: bytes) -> bytes:
    """What it answers to these bytes, until it closes the connection or has no more to say."""
    with socket.create_connection(("127.0.0.1", port_of(server)), 5) as connection:
        connection.sendall(sent)
        return connection.recv(65_536)


def test_the_address_opens_the_page(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", port_of(server), timeout=5)
    connection.request("GET", server.address.partition(str(port_of(server)))[2])
    opened = connection.getresponse()
    opened.read()
    cookie = str(opened.headers["Set-Cookie"]).partition(";")[0]
    connection.request("GET", "/", headers={"Cookie": cookie})
    page = connection.getresponse()
    assert (opened.status, page.status) == (303, 200)
    assert "frame-ancestors 'none'" in str(page.headers["Content-Security-Policy"])
    assert b"SendMail" in page.read()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 30000", b" 413 "),
        ("Content-Length: -1", b" 413 "),
        ("Content-Length: x", b" 413 "),
        ("Transfer-Encoding: chunked", b" 413 "),
        ("Content-Length: 0", b" 403 "),
    ],
    ids=["long", "negative", "no number", "chunked", "empty"],
)
def test_a_body_that_is_none_is_refused(server: Server, head: str, status: bytes) -> None:
    host = f"Host: 127.0.0.1:{port_of(server)}"
    assert status in said(server, f"POST /do/hold HTTP/1.1\r\n{host}\r\n{head}\r\n\r\n".encode())[:40]


def test_two_hosts_are_not_this_one(server: Server) -> None:
    mine = f"Host: 127.0.0.1:{port_of(server)}"
    for hosts in (f"{mine}\r\nHost: evil.example", f"Host: evil.example\r\n{mine}", "Host: evil.example", "X: y"):
        assert b" 421 " in said(server, f"GET / HTTP/1.1\r\n{hosts}\r\n\r\n".encode())[:40]


def test_a_browser_that_is_gone_is_no_error(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        raise ConnectionResetError
    except ConnectionError:
        server._server.handle_error(None, ("127.0.0.1", 1))
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    assert server._server.server_address[0] == "127.0.0.1"


def everything_said(server: Server, sent: bytes) -> bytes:
    """All that it answers to these bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port_of(server)), 5) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_after_a_body_that_is_none_nothing_more_is_answered(server: Server) -> None:
    """What follows may be the body, and no request."""
    host = f"Host: 127.0.0.1:{port_of(server)}"
    sent = f"POST /do/hold HTTP/1.1\r\n{host}\r\nContent-Length: x\r\n\r\nGET / HTTP/1.1\r\n{host}\r\n\r\n"
    assert everything_said(server, sent.encode()).count(b"HTTP/1.1 ") == 1


def test_a_head_has_no_body_and_says_no_version_of_python(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    asked = f"HTTP/1.1\r\nHost: 127.0.0.1:{port_of(server)}\r\n"
    sent = f"HEAD / {asked}\r\nHEAD / {asked}Connection: close\r\n\r\n"
    status, first, *rest = everything_said(server, sent.encode()).decode().split("\r\n")
    assert (status, first) == ("HTTP/1.1 403 Forbidden", "Server: rota ")
    assert (rest.count("HTTP/1.1 403 Forbidden"), rest[-2:]) == (1, ["", ""])
    assert capfd.readouterr() == ("", ""), "what was asked for is printed, and may have the token"


def test_another_error_is_printed(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        server._server.handle_error(None, ("127.0.0.1", 1))
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_once_it_is_closed_nobody_listens() -> None:
    closed = Server(App(), writes=False)
    thread = Thread(target=closed.run, daemon=True)
    thread.start()
    closed.close()
    thread.join(5)
    with pytest.raises(ConnectionRefusedError):
        said(closed, b"GET / HTTP/1.1\r\n\r\n")
