"""Who is answered, and who is not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

import rota
from rota.board.answer import Board, NotShownError, Request, Response, headers_of
from rota.board.model import Ask, Detail, Frame, Front, Releases
from rota.cli.board import writes
from tests.board.sample import FRAME, deployment, gathered, job, page
from tests.cli.conftest import assert_as_in_the_file

PORT = 41_753
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"
FORM = b"reason=the+login+fails"


class App:
    """The pages of an app, and what was done."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str, Mapping[str, str]]] = []

    def frame(self) -> Frame:
        return replace(FRAME, writes=True)

    def front(self, hours: int) -> Front:
        found = gathered((job("SendMail"), []), (job("Ingest"), []))
        return page(found, *(deployment(each, 9 - each) for each in (2, 1)), frame=self.frame(), hours=hours)

    def releases(self) -> Releases:
        return Releases(self.frame(), self.front(24).releases, more=False)

    def detail(self, path: Sequence[str]) -> Detail | None:
        if path == ("t", "denied"):
            raise NotShownError("you may not events:DescribeRule", ["ask whoever runs the account"])
        if path[0] == "t":
            return Detail(self.frame(), "task", path[1], "good", f"{path[1]} runs", [])
        return None

    def ask(self, action: str, name: str) -> Ask | None:
        return writes.ask(action, name, "")

    def do(self, action: str, name: str, fields: Mapping[str, str]) -> str:
        if name == "denied":
            raise NotShownError("It was not done", [])
        self.done.append((action, name, fields))
        return "Started: rota rollback v1"


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def board(app: App) -> Board:
    return Board(app, PORT, writes=True)


def asked(
    board: Board, target: str, cookie: str = "", method: str = "GET", body: bytes = b"", **headers: str
) -> Response:
    given = {"host": HOST, **({"cookie": cookie} if cookie else {}), **headers}
    return board.answer(Request(method, target, given, body))


def opened(board: Board) -> str:
    """The cookie of the browser that opens the address."""
    answer = asked(board, board.address.removeprefix(ORIGIN))
    assert (answer.status, answer.headers["Location"]) == (HTTPStatus.SEE_OTHER, "/")
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert {*attributes} == {"Path=/", "HttpOnly", "SameSite=Strict"}
    return cookie


def test_who_opens_the_address_sees_the_page(board: Board) -> None:
    answer = asked(board, "/", opened(board))
    assert answer.status == HTTPStatus.OK
    assert b"SendMail" in answer.body


def test_the_address_works_once(board: Board) -> None:
    address = board.address.removeprefix(ORIGIN)
    cookie = opened(board)
    again = asked(board, address)
    assert (again.status, "Set-Cookie" in again.headers) == (HTTPStatus.FORBIDDEN, False)
    assert asked(board, address, cookie).headers["Location"] == "/"


STRANGERS: dict[str, tuple[str, dict[str, str]]] = {
    "no cookie": ("/", {}),
    "another cookie": ("/", {"cookie": f"rota_{PORT}=guess"}),
    "no cookie, a task": ("/t/SendMail", {}),
    "a wrong token": ("/open?token=guess", {}),
    "no token": ("/open", {}),
    "a cookie that is none": ("/", {"cookie": f"rota_{PORT}=é; ="}),
}


@pytest.mark.parametrize(("target", "headers"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_learns_nothing(board: Board, target: str, headers: dict[str, Any]) -> None:
    answer = asked(board, target, **headers)
    assert answer.status == HTTPStatus.FORBIDDEN
    assert b"SendMail" not in answer.body
    assert b"shop-api" not in answer.body


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1.nip.io:{PORT}"],
)
def test_another_name_of_this_machine_is_refused(board: Board, host: str) -> None:
    cookie = opened(board)
    answer = board.answer(Request("GET", "/", {"host": host, "cookie": cookie}))
    assert (answer.status, b"SendMail" in answer.body) == (HTTPStatus.MISDIRECTED_REQUEST, False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": ORIGIN}, HTTPStatus.SEE_OTHER),
        ({}, HTTPStatus.FORBIDDEN),
        ({"origin": "null"}, HTTPStatus.FORBIDDEN),
        ({"origin": "http://evil.example"}, HTTPStatus.FORBIDDEN),
        ({"origin": f"http://127.0.0.1:{PORT + 1}"}, HTTPStatus.FORBIDDEN),
        ({"origin": f"https://{HOST}"}, HTTPStatus.FORBIDDEN),
    ],
    ids=["its own", "none", "null", "another site", "another port", "another scheme"],
)
def test_a_form_of_another_site_does_nothing(
    board: Board, app: App, headers: dict[str, str], status: HTTPStatus
) -> None:
    answer = asked(board, "/do/rollback/v1", opened(board), "POST", FORM, **headers)
    assert (answer.status, len(app.done)) == (status, int(status == HTTPStatus.SEE_OTHER))


def test_a_form_without_the_cookie_does_nothing(board: Board, app: App) -> None:
    opened(board)
    assert asked(board, "/do/rollback/v1", "", "POST", FORM, origin=ORIGIN).status == HTTPStatus.FORBIDDEN
    assert app.done == []


def test_what_is_done_is_said_once(board: Board, app: App) -> None:
    cookie = opened(board)
    asks = asked(board, "/do/rollback/v1", cookie)
    assert b"It sticks: what was live after v1 is barred" in asks.body
    assert b"rota rollback v1 --reason" in asks.body
    assert app.done == []
    asked(board, "/do/rollback/v1", cookie, "POST", FORM + b"&more=x", origin=ORIGIN)
    assert app.done == [("rollback", "v1", {"reason": "the login fails"})]
    assert b"Started: rota rollback v1" in asked(board, "/", cookie).body
    assert b"Started: rota rollback v1" not in asked(board, "/", cookie).body


def test_a_reason_is_asked_for(board: Board, app: App) -> None:
    answer = asked(board, "/do/rollback/v1", opened(board), "POST", b"reason=+", origin=ORIGIN)
    assert (answer.status, app.done) == (HTTPStatus.BAD_REQUEST, [])
    assert b"Reason: is missing" in answer.body


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (b"reason=" + b"x" * 401, b"Reason: 401 characters; at most 400 are taken."),
        (b"reason=x&for=100y", b"For how long: is none of those to choose from."),
    ],
    ids=["a long reason", "no choice"],
)
def test_a_form_that_no_browser_sends_does_nothing(board: Board, app: App, form: bytes, wrong: bytes) -> None:
    answer = asked(board, "/do/pause/SendMail", opened(board), "POST", form, origin=ORIGIN)
    assert (answer.status, app.done) == (HTTPStatus.BAD_REQUEST, [])
    assert wrong in answer.body


def test_a_reason_is_one_line(board: Board, app: App) -> None:
    form = b"reason=%00a%0d%0ab%1b%5B2J%09c%0a"
    asked(board, "/do/rollback/v1", opened(board), "POST", form, origin=ORIGIN)
    assert app.done == [("rollback", "v1", {"reason": "a b [2J c"})]


def test_a_board_that_only_shows_does_nothing(app: App) -> None:
    board = Board(app, PORT, writes=False)
    cookie = opened(board)
    assert asked(board, "/do/rollback/v1", cookie, "POST", FORM, origin=ORIGIN).status == HTTPStatus.FORBIDDEN
    assert asked(board, "/do/rollback/v1", cookie).status == HTTPStatus.NOT_FOUND
    assert app.done == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/t/SendMail", HTTPStatus.OK),
        ("/t/denied", HTTPStatus.BAD_GATEWAY),
        ("/r/v99", HTTPStatus.NOT_FOUND),
        ("/releases", HTTPStatus.OK),
        ("/static/board.css", HTTPStatus.OK),
        ("/static/../answer.py", HTTPStatus.NOT_FOUND),
        ("/static/%2e%2e/answer.py", HTTPStatus.NOT_FOUND),
        ("/do/rm/x", HTTPStatus.NOT_FOUND),
        ("*", HTTPStatus.NOT_FOUND),
        ("http://[/", HTTPStatus.NOT_FOUND),
        ("/?hours=999999&q=%00", HTTPStatus.OK),
    ],
)
def test_every_address_has_an_answer(board: Board, target: str, status: HTTPStatus) -> None:
    assert asked(board, target, opened(board)).status == status


def test_a_page_that_is_not_to_be_seen_is_asked_for_again_and_a_form_is_not(board: Board) -> None:
    cookie = opened(board)
    shown = asked(board, "/t/denied?q=a", cookie)
    done = asked(board, "/do/rollback/denied", cookie, "POST", FORM, origin=ORIGIN)
    assert (shown.status, done.status) == (HTTPStatus.BAD_GATEWAY, HTTPStatus.BAD_GATEWAY)
    assert b'hx-get="/t/denied?q=a"' in shown.body
    assert b"hx-get" not in done.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(board: Board, method: str) -> None:
    assert asked(board, "/", opened(board), method).status == HTTPStatus.METHOD_NOT_ALLOWED


def test_what_is_looked_for_is_found_without_javascript(board: Board) -> None:
    body = asked(board, "/?q=MAIL", opened(board)).body
    assert (b'data-name="sendmail"' in body, b'data-name="ingest"' in body) == (True, False)


def test_no_answer_lets_another_site_in(board: Board) -> None:
    cookie = opened(board)
    for answer in (
        asked(board, "/", cookie),
        asked(board, "/"),
        asked(board, "/static/board.js"),
        asked(board, "/x", cookie),
    ):
        sent = headers_of(answer)
        assert not [name for name in sent if name.lower().startswith("access-control-")]
        assert "default-src 'none'" in sent["Content-Security-Policy"]
        assert "unsafe" not in sent["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in sent["Content-Security-Policy"]
        assert (sent["Cache-Control"], sent["X-Content-Type-Options"]) == ("no-store", "nosniff")


COMMANDS: dict[str, tuple[tuple[str, str, dict[str, str]], list[str]]] = {
    "rollback": (("rollback", "v1", {"reason": "x"}), ["rollback", "--reason=x", "--yes", "--no-wait", "v1"]),
    "an option as a reason": (
        ("rollback", "v1", {"reason": "--hold"}),
        ["rollback", "--reason=--hold", "--yes", "--no-wait", "v1"],
    ),
    "pause": (
        ("pause", "SendMail", {"reason": "x", "for": "4h"}),
        ["pause", "--reason=x", "--for=4h", "--yes", "--no-wait", "SendMail"],
    ),
    "without an end": (
        ("pause", "SendMail", {"reason": "x", "for": ""}),
        ["pause", "--reason=x", "--yes", "--no-wait", "SendMail"],
    ),
    "hold": (("hold", "", {"reason": "x"}), ["pause", "--reason=x", "--yes", "--no-wait", "--deployments"]),
}


@pytest.mark.parametrize(("given", "typed"), COMMANDS.values(), ids=COMMANDS)
def test_the_command_that_is_run(given: tuple[Any, ...], typed: list[str]) -> None:
    assert writes.arguments(*given) == typed


@pytest.mark.parametrize(("action", "name"), [("rm", ""), ("rollback", ""), ("hold", "x"), ("run", "--help")])
def test_what_cannot_be_done_is_not_asked(action: str, name: str) -> None:
    assert writes.ask(action, name, "") is None


def test_modules_of_this_directory_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rota.py").write_text("raise SystemExit('another rota')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(rota.__file__).parents[1]))
    with pytest.raises(NotShownError) as refused:
        writes.do("rollback", "v1", {"reason": ""}, " --no-such-option")
    assert "another rota" not in " ".join(refused.value.lines)
    assert "rota rollback v1 --no-such-option" in refused.value.lines


def test_an_action_names_what_its_command_knows_by_an_id() -> None:
    asks = writes.ask("approve", "5f3c0a1b", "", "the push of b81d07e")
    assert asks
    assert (asks.title, asks.command) == ("Approve the push of b81d07e", "rota approve 5f3c0a1b --reason …")


@pytest.mark.parametrize("action", writes.ACTIONS)
def test_every_action_says_its_effect_and_its_command(action: str) -> None:
    named = "{name}" in writes.ACTIONS[action].arguments
    asks = writes.ask(action, "Name" if named else "", " --stack rota")
    assert asks
    assert asks.effect
    assert asks.command.startswith("rota ")
    assert asks.command.endswith(" --stack rota")
    assert "{name}" not in " ".join([asks.title, *asks.effect, asks.command])


LONG = b"reason=" + b"x" * 401 + b"&for=9y"
REQUESTS: list[tuple[str, str, bytes]] = [
    ("GET", "/", b""),
    ("HEAD", "/?hours=168&q=v1", b""),
    ("GET", "/?q=+mail+", b""),
    ("GET", "/t/Send%20Mail", b""),
    ("GET", "/t/denied", b""),
    ("GET", "/releases", b""),
    ("GET", "/static/none.js", b""),
    ("GET", "/do/rollback/v1", b""),
    ("GET", "/do/hold", b""),
    ("POST", "/do/hold", b"reason=+&for=1h"),
    ("POST", "/do/hold", LONG),
    ("POST", "/do/hold", b"reason=a%00%0ab&for=4h&yes=1"),
    ("POST", "/do/rollback/denied", FORM),
    ("POST", "/do/resume/A", b"reason="),
    ("POST", "/do/none", FORM),
    ("POST", "/t/A", FORM),
    ("PUT", "/", b""),
    ("GET", "/gone", b""),
]


def test_everything_that_is_answered(board: Board, app: App) -> None:
    cookie = opened(board)
    shown = [_shown("GET /open again", asked(board, board.address.removeprefix(ORIGIN), cookie))]
    shown += [_shown("GET /open elsewhere", asked(board, "/open?token=x"))]
    shown += [_shown("GET / of another name", asked(board, "/", cookie, host="evil.example"))]
    shown += [_shown("POST from elsewhere", asked(board, "/do/hold", cookie, "POST", FORM, origin="http://evil"))]
    for method, target, body in REQUESTS:
        shown.append(_shown(f"{method} {target}", asked(board, target, cookie, method, body, origin=ORIGIN)))
    shown.append(_shown("GET / says what was done, once", asked(board, "/", cookie)))
    only = Board(app, PORT, writes=False)
    shown.append(
        _shown("POST to one that only shows", asked(only, "/do/hold", opened(only), "POST", FORM, origin=ORIGIN))
    )
    assert app.done == [("hold", "", {"reason": "a b", "for": "4h"}), ("resume", "A", {"reason": ""})]
    assert_as_in_the_file("board_answers", "\n".join([*shown, ""]).replace(FRAME.version, "VERSION"))


def _shown(request: str, response: Response) -> str:
    """What a person sees of it."""
    headers = [f"{name}: {value}" for name, value in response.headers.items()]
    body = re.sub(r"(?s)<svg.*?</svg>|<head>.*?</head>", "", response.body.decode())
    text = unescape(re.sub(r"<[^>]+>", "\n", body) if "<html" in body else body)
    return "\n".join([f"--- {request}: {response.status}", *headers, *filter(None, map(str.strip, text.splitlines()))])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("board.css", "text/css; charset=utf-8"),
        ("board.js", "text/javascript; charset=utf-8"),
        ("htmx.min.js", "text/javascript; charset=utf-8"),
        ("htmx.LICENSE", "text/plain; charset=utf-8"),
    ],
)
def test_the_files_beside_the_pages(board: Board, name: str, kind: str) -> None:
    answer = asked(board, f"/static/{name}")
    assert (answer.status, answer.headers) == (HTTPStatus.OK, {"Content-Type": kind})
    assert answer.body == (Path(rota.__file__).parent / "board" / "static" / name).read_bytes()


@pytest.mark.parametrize("before", ["a/b=1; ", "x; ", "\x00=1; "])
def test_a_cookie_that_is_none_is_not_known(board: Board, before: str) -> None:
    assert asked(board, "/", before + opened(board)).status == HTTPStatus.FORBIDDEN


def test_the_headers_of_every_answer() -> None:
    assert headers_of(Response(HTTPStatus.OK, b"abc", {"Content-Type": "x"})) == {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Content-Length": "3",
        "Content-Type": "x",
    }


@pytest.mark.parametrize(
    ("form", "reason"),
    [(b"reason=" + b"x" * 400, "x" * 400), (b"reason=\xffa", "\ufffda")],
    ids=["the longest", "no text"],
)
def test_a_reason_that_is_taken(board: Board, app: App, form: bytes, reason: str) -> None:
    asked(board, "/do/rollback/v1", opened(board), "POST", form, origin=ORIGIN)
    assert app.done == [("rollback", "v1", {"reason": reason})]
