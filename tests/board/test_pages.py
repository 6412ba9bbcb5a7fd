"""The board's HTML: whole, small enough, and nothing in it that AWS says is code."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import islice

import pytest

from rota.board import pages
from rota.board.drawing import SHAPES
from rota.board.model import Ask, Deploying, Detail, Releases, Tone
from rota.cli.history.model import Deployment
from tests.board.sample import CLOCK, FRAME, NOW, deployment, gathered, job, large, page, run

SERVED = FRAME
FILE = replace(FRAME, served=False)
ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def addresses(self) -> Iterator[str]:
        for _, attributes in self.found:
            yield from (value for name, value in attributes.items() if name in ("href", "src", "action") and value)


def year() -> Iterator[Deployment]:
    return (deployment(number, 24 * (365 - number)) for number in range(365, 0, -1))


def test_the_page_of_300_tasks_has_half_a_megabyte_at_most() -> None:
    assert len(pages.front(page(large(300), *islice(year(), 12))).encode()) <= 500_000


def test_so_has_that_of_a_years_releases() -> None:
    rows = page(gathered(), *year()).releases
    assert len(pages.releases(Releases(FRAME, rows, more=False)).encode()) <= 500_000


def test_what_aws_says_is_text() -> None:
    name = ATTACK
    found = gathered((job(name, bad_runs=1), [run(name, 1, "failed", reason={"words": ATTACK, "todo": ATTACK})]))
    shown = page(found, deployment(1, 2, by=ATTACK, reason=ATTACK, summary=ATTACK, tag=ATTACK), frame=SERVED)
    read = Elements(pages.front(shown))
    assert [attributes.get("src") for tag, attributes in read.found if tag == "script"] == [
        "/static/htmx.min.js",
        "/static/board.js",
    ]
    assert not [
        tag for tag, attributes in read.found if tag == "img" or any(each.startswith("on") for each in attributes)
    ]
    assert not [each for each in read.addresses() if "<" in each or '"' in each]


def test_a_file_needs_nothing_else() -> None:
    read = Elements(pages.front(page(large(3), deployment(1, 2), frame=FILE)))
    assert {each.partition(":")[0].partition("-")[0] for each in read.addresses()} <= {
        "data",
        "#g",
        "#s",
        "#grid",
        "#content",
    }
    assert "script" not in {tag for tag, _ in read.found}


def test_a_page_has_no_style_or_script_of_its_own() -> None:
    read = Elements(pages.front(page(large(3), deployment(1, 2))))
    assert not [tag for tag, attributes in read.found if tag == "style" or "style" in attributes]


def test_runs_are_said_in_words_too() -> None:
    html = pages.front(page(gathered((job("A"), [run("A", 1), run("A", 2, "missed"), run("A", 3)]))))
    assert "Last 3 runs: 1 missed, 2 ok" in html


def test_it_looks_again_sooner_while_something_deploys() -> None:
    rests = page(gathered())
    deploys = replace(rests, deploying=Deploying("v2 tag-2", "by a push", CLOCK.clock(NOW), "2 s", (), None))
    assert ['data-seconds="2"' in pages.front(each) for each in (deploys, rests)] == [True, False]


def test_times_have_their_exact_form() -> None:
    html = pages.front(page(gathered((job("A"), [run("A", 6)]))))
    assert '<time datetime="2026-11-30T06:00:00Z" title="Mon 30 Nov 06:00:00 UTC">06:00</time>' in html


def test_an_empty_app_says_how_to_begin() -> None:
    html = pages.front(page(gathered(release=None)))
    assert "rota deploy --image TAG --schedule scheduled_tasks.json" in html
    assert "Each push that deploys becomes a release" in html


def test_only_a_board_that_may_write_has_buttons() -> None:
    found, releases = gathered((job("A"), [])), (deployment(2, 1, live=True), deployment(1, 2))
    shows, does = (pages.front(page(found, *releases, frame=replace(FRAME, writes=each))) for each in (False, True))
    assert "/do/" not in shows
    assert "rota rollback v1 --reason …" in shows
    assert '<a class="button" href="/do/rollback/v1">' in does


@pytest.mark.parametrize(
    ("tone", "colour", "mark"),
    [
        ("good", "#1f7a6d", "M9 17l5 5 9-11"),
        ("busy", "#2f6fd6", "M16 8v9l6 4"),
        ("warn", "#b07400", "M12 9v14M20 9v14"),
        ("bad", "#c23b22", "M10 10l12 12M22 10L10 22"),
        ("plain", "#5b6470", "M10 16h12"),
    ],
)
def test_the_icon_says_how_all_is(tone: Tone, colour: str, mark: str) -> None:
    html = pages.front(replace(page(gathered()), tone=tone))
    (icon,) = {attributes["href"] for tag, attributes in Elements(html).found if attributes.get("id") == "icon"}
    kind, _, content = str(icon).partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b64decode(content).decode() == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{colour}"/>'
        f'<path d="{mark}" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/></svg>'
    )


def test_every_picture_that_is_used_is_on_its_page() -> None:
    runs = [run("A", hours, status) for hours, status in enumerate(SHAPES, 1)]
    found = page(gathered((job("A"), runs)), deployment(1, 2), frame=SERVED)
    asks = Ask("Roll back", ["It rolls back."], "rota rollback v1", "Roll back", "/do/rollback/v1")
    shown = {
        "front": pages.front(found),
        "releases": pages.releases(Releases(SERVED, found.releases, more=True)),
        "detail": pages.detail(Detail(SERVED, "task", "A", "good", "A runs", [])),
        "ask": pages.ask(SERVED, asks),
        "words": pages.words(SERVED, "Gone", ["It is gone."]),
    }
    for name, html in shown.items():
        elements = Elements(html).found
        used = {attributes["href"] for tag, attributes in elements if tag == "use"}
        assert used, name
        assert used <= {f"#{attributes['id']}" for _, attributes in elements if "id" in attributes}, name
