"""The pages as HTML, from their models. Pure."""

import base64
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rota.board import drawing
from rota.board.model import Ask, Detail, Frame, Front, Releases

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = {
    "board.css": "text/css; charset=utf-8",
    "board.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "htmx.LICENSE": "text/plain; charset=utf-8",
}
"""The files beside the pages, each with its type."""


def static(name: str) -> bytes:
    """The content of one of `STATIC`."""
    return files("rota.board").joinpath("static", name).read_bytes()


def front(page: Front, *, said: str = "", query: str = "") -> str:
    """The one screen; `said` is what came of what was just done."""
    return _render("front.html", page.frame, page=page, tone=page.tone, said=said, seconds=_pace(page), query=query)


def detail(page: Detail) -> str:
    """The page of a run, a task or a release."""
    return _render("detail.html", page.frame, page=page, tone=page.tone)


def releases(page: Releases) -> str:
    """The page of all releases."""
    return _render("releases.html", page.frame, page=page, tone="plain")


def words(frame: Frame, title: str, lines: list[str], *, again: str = "") -> str:
    """A page that only says something; `again` is what is asked for once more in a while."""
    return _render("words.html", frame, title=title, lines=lines, tone="warn", again=again)


def ask(frame: Frame, page: Ask, wrong: str = "") -> str:
    """The page before something is done; `wrong` says what is wrong with what was filled in."""
    return _render("ask.html", frame, page=page, tone="plain", wrong=wrong)


def refusal(title: str, lines: list[str]) -> str:
    """The page for who may not see a page, which says nothing of the app."""
    return _environment().get_template("refusal.html").render(title=title, lines=lines)


def _pace(page: Front) -> int:
    """Seconds until it is to be asked for again."""
    return 2 if page.deploying else 15


def _render(template: str, frame: Frame, **given: Any) -> str:
    return _environment().get_template(template).render(frame=frame, **given)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  it is of the extra `board`

    made = Environment(
        loader=PackageLoader("rota.board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "strip": drawing.strip,
        "lane": drawing.lane,
        "counts": drawing.counts,
        "shapes": drawing.WORDS,
        "css": lambda: static("board.css").decode(),
        "icon": _icon,
    }
    return made


def _icon(tone: str) -> str:
    """The icon of the browser's tab, whose colour and shape say how all is."""
    colour = {"good": "#1f7a6d", "busy": "#2f6fd6", "warn": "#b07400", "bad": "#c23b22"}.get(tone, "#5b6470")
    mark = {
        "good": "M9 17l5 5 9-11",
        "busy": "M16 8v9l6 4",
        "warn": "M12 9v14M20 9v14",
        "bad": "M10 10l12 12M22 10L10 22",
    }.get(tone, "M10 16h12")
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{colour}"/>'
        f'<path d="{mark}" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/>'
        "</svg>"
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
