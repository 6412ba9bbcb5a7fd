"""What is answered to a request, and to whom: it opens no connection and asks AWS only through `Pages`.

Only the browser that opened the address with the one-time token sees the pages. A name that
resolves to this machine does not help another site (the Host must be this one), nor does a form of its own (the Origin
must be this one, and the cookie is not sent with it); and a page loads nothing but what is served here.
"""

import hmac
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import parse_qs, unquote

from rota.board import pages
from rota.board.model import Ask, Detail, Field, Frame, Front, Releases

_HOURS = (24, 168)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Without one, browsers would send `Origin: null` with forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A request; the names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class NotShownError(Exception):
    """A page cannot be shown, or something was not done: what happened, and what to do, a line each."""

    def __init__(self, title: str, lines: Sequence[str] = ()) -> None:
        super().__init__(title)
        self.title, self.lines = title, [*lines]


class Pages(Protocol):
    """The models of the pages. Each raises NotShownError where AWS does not answer."""

    def frame(self) -> Frame: ...

    def front(self, hours: int) -> Front: ...

    def releases(self) -> Releases: ...

    def detail(self, path: Sequence[str]) -> Detail | None:
        """The page of `t`, TASK and perhaps a run's due time and id; of `r`, RELEASE; of `d`, EXECUTION; or None."""

    def ask(self, action: str, name: str) -> Ask | None:
        """What a person is asked before an action; None for what cannot be done."""

    def do(self, action: str, name: str, fields: Mapping[str, str]) -> str:
        """Do it. Returns what came of it, in a sentence."""


class Board:
    """Answers to one browser, on one port."""

    def __init__(self, source: Pages, port: int, *, writes: bool) -> None:
        self._source, self._writes = source, writes
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"rota_{port}"  # browsers send cookies to every port
        self._session, self._token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._used = False
        self._said = ""
        self.address = f"http://127.0.0.1:{port}/open?token={self._token}"
        """What a person opens: it works once."""

    def answer(self, request: Request) -> Response:
        """The answer. Raises nothing that a request can bring about."""
        whole, _, asked = request.target.partition("?")
        path = tuple(unquote(each) for each in whole.removeprefix("/").split("/"))
        query = {name: values[0] for name, values in parse_qs(asked).items()}
        if refused := self._refused(request):
            return refused
        if path[0] == "static":
            return self._static("/".join(path[1:]))
        if path == ("open",):
            return self._open(query.get("token", ""), known=self._is_known(request))
        if not self._is_known(request):
            return _refusal()
        try:
            return self._page(request, path, query)
        except NotShownError as error:
            again = request.target if request.method != "POST" else ""
            html = pages.words(self._source.frame(), error.title, error.lines, again=again)
            return _html(html, HTTPStatus.BAD_GATEWAY)

    def _refused(self, request: Request) -> Response | None:
        """Whoever asks by another name, in another way, or sends a form from elsewhere."""
        host = request.headers.get("host", "")
        if host not in self._hosts:
            return _text(HTTPStatus.MISDIRECTED_REQUEST, "This is no address of the board.")
        if request.method not in ("GET", "HEAD", "POST"):
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, "The board knows GET, HEAD and POST.")
        if request.method == "POST" and request.headers.get("origin") != f"http://{host}":
            return _text(HTTPStatus.FORBIDDEN, "Another site has sent this form.")
        return None

    def _open(self, token: str, *, known: bool) -> Response:
        if not self._used and hmac.compare_digest(token.encode(), self._token.encode()):
            self._used = True
            cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
            return Response(HTTPStatus.SEE_OTHER, headers={"Location": "/", "Set-Cookie": cookie})
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": "/"}) if known else _refusal()

    def _is_known(self, request: Request) -> bool:
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._session.encode())

    def _page(self, request: Request, path: tuple[str, ...], query: Mapping[str, str]) -> Response:
        match path:
            case ("do", action, *names) if self._writes:
                return self._do(request, action, names[0] if names else "")
            case _ if request.method == "POST":
                return _text(HTTPStatus.FORBIDDEN, "This board only shows: rota board --allow-writes")
            case ("",):
                return self._front(query)
            case ("releases",):
                return _html(pages.releases(self._source.releases()))
            case _:
                found = self._source.detail(path)
                return _html(pages.detail(found)) if found else self._nothing()

    def _front(self, query: Mapping[str, str]) -> Response:
        hours = next((each for each in _HOURS if str(each) == query.get("hours")), _HOURS[0])
        page = self._source.front(hours)
        wanted = query.get("q", "").strip().lower()
        if wanted:
            page = replace(
                page,
                tasks=[each for each in page.tasks if wanted in each.name.lower()],
                releases=[each for each in page.releases if wanted in f"{each.name} {each.image}".lower()],
            )
        said, self._said = self._said, ""
        return _html(pages.front(page, said=said, query=query.get("q", "")))

    def _do(self, request: Request, action: str, name: str) -> Response:
        asked = self._source.ask(action, name)
        if asked is None:
            return self._nothing()
        if request.method != "POST":
            return _html(pages.ask(self._source.frame(), asked))
        form = parse_qs(request.body.decode(errors="replace"))
        given = {key: _CONTROL.sub(" ", values[0]).strip() for key, values in form.items()}
        if wrong := " ".join(_wrong(asked.fields, given)):
            return _html(pages.ask(self._source.frame(), asked, wrong), HTTPStatus.BAD_REQUEST)
        self._said = self._source.do(action, name, {each.name: given.get(each.name, "") for each in asked.fields})
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": "/"})

    def _nothing(self) -> Response:
        html = pages.words(
            self._source.frame(), "There is no such page", ["It may be of a task or a release that is gone."]
        )
        return _html(html, HTTPStatus.NOT_FOUND)

    def _static(self, name: str) -> Response:
        kind = pages.STATIC.get(name)
        if kind is None:
            return _text(HTTPStatus.NOT_FOUND, "There is no such file.")
        return Response(HTTPStatus.OK, pages.static(name), {"Content-Type": kind})


def _wrong(fields: Sequence[Field], given: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with what was filled in, a sentence each."""
    for each in fields:
        text = given.get(each.name, "")
        if each.required and not text:
            yield f"{each.label}: is missing."
        if len(text) > each.longest:
            yield f"{each.label}: {len(text)} characters; at most {each.longest} are taken."
        if each.choices and text not in dict(each.choices):
            yield f"{each.label}: is none of those to choose from."


def headers_of(response: Response) -> dict[str, str]:
    """All headers that are sent with it."""
    return {**_HEADERS, "Content-Length": str(len(response.body)), **response.headers}


def _html(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(status, text.encode(), {"Content-Type": _HTML})


def _text(status: HTTPStatus, words: str) -> Response:
    return Response(status, f"{words}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})


def _refusal() -> Response:
    lines = [
        "It is open in the browser that was first to use its link. If that was not you, end the board at once: Ctrl-C.",
        "Type rota board again for another link.",
    ]
    return _html(pages.refusal("This board is not open here", lines), HTTPStatus.FORBIDDEN)
