"""The board in a real browser: people push, a job fails, they roll back; and what strangers try."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from examples.guestbook.client import Client, running
from rota.board import pages
from stage.client import wait_for
from tests.board.sample import FRAME, gathered, job, run
from tests.board.sample import page as page_of
from tests.board.test_pages import ATTACK
from tests.browser.served import CHROMIUM, MISSING, board, chromium
from tests.processes import FORKS

pytestmark = pytest.mark.board
HERE = Path(__file__).parent
TASKS = [
    {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"},
    {"name": "RemoveSpam", "task": "spam_task", "rate": "5 minutes"},
]
MINUTES = 60
OUTSIDE = ("#icon", "#tone", "#gathered")
"""What of the page is not its content, and says how all is and when it was gathered."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM:
        pytest.skip(MISSING)
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def stage() -> Iterator[Client]:
    """The guestbook with one release that is live, and a run of each kind."""
    with running(*FORKS) as client:
        client.settings(time_scale=0.02, rollout_seconds=0.1, tasks="scripted", script={"seconds": 20})
        client.upload_schedule({"tasks": TASKS})
        assert client.deploy("4f2a9c1")["status"] == "SUCCEEDED"
        pass_minutes(client, 16)
        yield client


def pass_minutes(stage: Client, minutes: int) -> None:
    """Let schedules fire and Sweep look for so long."""
    stage.settings(fire_schedules=True)
    for _ in range(minutes):
        stage.advance(MINUTES)
    stage.settings(fire_schedules=False)
    wait_for(lambda: not stage.invocations(), 30)


@pytest.fixture(scope="module")
def address(stage: Client) -> Iterator[str]:
    with board(stage.endpoint, "--allow-writes", "--utc") as served:
        yield served


@pytest.fixture(scope="module")
def cookies(browser: Any, address: str) -> list[Any]:
    """Those of the browser that opened the address first."""
    context = browser.new_context()
    context.new_page().goto(address)
    found: list[Any] = context.cookies()
    context.close()
    return found


Opens = Callable[..., Any]


@pytest.fixture
def opens(browser: Any, cookies: list[Any], address: str) -> Iterator[Opens]:
    """Opens a page of the board as that browser. What the console says, and each request elsewhere, is a failure."""
    wrong: list[str] = []
    contexts = []

    def note(request: Any) -> None:
        if not request.url.startswith((_origin(address), "data:")):
            wrong.append(request.url)

    def opened(path: str = "/", before: Callable[[Any], object] = bool, **options: Any) -> Any:
        contexts.append(context := browser.new_context(**options))
        context.add_cookies(cookies)
        page = context.new_page()
        if path != MISSING_PAGE:  # of which the console says that it is
            page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", note)
        before(page)
        page.goto(_origin(address) + path)
        return page

    yield opened
    for each in contexts:
        each.close()
    assert wrong == []


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture(scope="module")
def axe() -> str:
    """The file of axe-core, installed from its lock file."""
    if not shutil.which("npm"):
        pytest.skip("there is no npm: install Node.js to check accessibility")
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)
    return (HERE / "node_modules/axe-core/axe.min.js").read_text()


MISSING_PAGE = "/nothing"
PAGES = [
    "/",
    "/?hours=168",
    "/t/IngestData",
    "/r/v1",
    "/releases",
    "/do/rollback/v1",
    "/do/pause/IngestData",
    MISSING_PAGE,
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_keeps_people_out(opens: Opens, axe: str, path: str, scheme: str) -> None:
    check(opens, axe, path, scheme)


def check(opens: Opens, axe: str, path: str, scheme: str) -> None:
    """That axe finds no violation on a page."""
    page = opens(path, color_scheme=scheme, bypass_csp=True)
    page.evaluate(axe)
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    assert [
        (each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"]) for each in found["violations"]
    ] == []


def test_no_page_is_wider_than_a_phone(opens: Opens) -> None:
    for path in PAGES:
        page = opens(path, viewport={"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_all_is_there_without_javascript(opens: Opens) -> None:
    page = opens(java_script_enabled=False)
    assert page.locator("h1").inner_text() == "Everything is as it should be"
    page.get_by_role("searchbox").fill("spam")
    page.get_by_role("searchbox").press("Enter")
    assert page.locator("tbody th a").all_inner_texts() == ["RemoveSpam"]
    page.get_by_role("link", name="RemoveSpam", exact=True).last.click()
    assert "RemoveSpam runs every 5 minutes" in page.locator("h1").inner_text()
    assert page.locator(".runs-table tr").count() >= 2


def test_keys(opens: Opens) -> None:
    page = opens()
    page.keyboard.press("/")
    page.keyboard.type("ingest")
    assert page.locator("tbody tr:visible th a").all_inner_texts() == ["IngestData"]
    page.keyboard.press("Escape")
    assert page.locator("tbody tr:visible").count() == 2
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "RemoveSpam"
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.wait_for_url("**/?hours=168")


def test_a_push_moves_what_is_now_and_keeps_the_focus(stage: Client, opens: Opens) -> None:
    page = opens(before=lambda page: page.clock.install())
    page.locator("tbody th a").first.focus()
    outside = [page.locator(each).evaluate("each => each.outerHTML") for each in OUTSIDE]
    stage.settings(time_scale=0.4, rollout_seconds=6)
    stage.push("b81d07e")
    # It looks four times a minute, and each two seconds while a deployment runs.
    wait_for(lambda: page.clock.fast_forward(15_000) or page.locator(".steps li.now").count(), 30, every=0.5)
    assert "Deploying b81d07e" in page.locator(".now.card").inner_text()
    assert page.title().startswith("… Deploying b81d07e")
    for each, before in zip(OUTSIDE, outside, strict=True):
        assert page.locator(each).evaluate("each => each.outerHTML") != before
    page.locator(".rollout progress").wait_for(timeout=30_000)
    page.locator(".facts strong", has_text="v2").wait_for(timeout=60_000)
    stage.settings(time_scale=0.02, rollout_seconds=0.1)
    assert page.evaluate("document.activeElement.textContent") == "IngestData"
    page.locator("h1", has_text="Everything is as it should be").wait_for()


def test_a_job_that_fails_is_trouble_with_what_to_do(stage: Client, opens: Opens) -> None:
    stage.settings(script={"seconds": 20, "fails": 1.0, "exit_code": 3})
    pass_minutes(stage, 7)
    stage.settings(script={"seconds": 20})
    page = opens()
    wait_for(lambda: page.reload() and "RemoveSpam fails" in page.locator("h1").inner_text(), 30, every=1)
    trouble = page.get_by_role("region", name=re.compile("Trouble"))
    assert "RemoveSpam ended with exit 3" in trouble.inner_text()
    assert "First failure since v2" in trouble.inner_text()
    assert "rota logs RemoveSpam" in trouble.inner_text()
    assert page.locator("tbody tr").first.locator("th a").inner_text() == "RemoveSpam"
    page.locator("td.last.bad a").first.click()
    assert "ended with exit 3" in page.locator("h1").inner_text()
    assert page.get_by_text("Its log").is_visible()
    page.get_by_role("link", name="RemoveSpam").click()
    page.get_by_text(re.compile("The last run: .* exit 3")).wait_for()
    assert "First failure since v2" in page.locator("main").inner_text()


def test_people_roll_back_by_clicking(stage: Client, opens: Opens) -> None:
    page = opens("/r/v1")
    page.get_by_role("link", name="Roll back to v1").click()
    assert "It sticks: what was live after v1 is barred" in page.locator(".effect").inner_text()
    page.get_by_role("button", name="Roll back").click()  # the browser asks for the reason
    assert page.url.endswith("/do/rollback/v1")
    page.get_by_label("Reason").fill("it's bad")
    assert page.locator("#command").inner_text() == """rota rollback v1 --reason 'it'"'"'s bad'"""
    page.get_by_label("Reason").fill("the spam job fails")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("status").get_by_text("Started: rota rollback v1 --reason 'the spam job fails'").wait_for(
        timeout=30_000
    )
    wait_for(lambda: page.goto(page.url) and page.locator(".facts strong").inner_text() == "v3", 60, every=1)
    assert "b81d07e is barred" in page.locator(".gate").inner_text()
    assert "the spam job fails" in page.locator(".releases li").first.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_does_a_page_with_trouble_and_bars(opens: Opens, axe: str, scheme: str) -> None:
    assert opens().locator(".gate").count() == 1
    check(opens, axe, "/", scheme)


def asked(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    parts = urlsplit(address)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_strangers_see_and_do_nothing(address: str, cookies: list[Any]) -> None:
    known = f"{cookies[0]['name']}={cookies[0]['value']}"
    assert asked(address, "/", Cookie=known)[0] == 200
    token = address.partition("?")[2]
    for path in ("/", "/t/IngestData", f"/open?{token}", "/open?token=x"):
        status, text = asked(address, path)
        assert (status, "IngestData" in text) == (403, False), path
    assert asked(address, "/", Host="evil.example", Cookie=known)[0] == 421
    for origin in ({}, {"Origin": "null"}, {"Origin": "http://evil.example"}):
        assert asked(address, "/do/hold", "POST", Cookie=known, **origin)[0] == 403
    assert asked(address, "/", "PUT", Cookie=known)[0] == 405


def test_a_page_of_another_site_cannot_use_the_board(browser: Any, address: str, cookies: list[Any]) -> None:
    """Even from the same machine, whose other ports get the cookie."""
    context = browser.new_context()
    context.add_cookies(cookies)
    page = context.new_page()
    page.route(
        "http://127.0.0.1:9/", lambda route: route.fulfill(body="<title>other</title>", content_type="text/html")
    )
    page.goto("http://127.0.0.1:9/")
    read = f"fetch('{_origin(address)}/', {{credentials: 'include'}}).then(() => 'read', () => 'refused')"
    assert page.evaluate(read) == "refused"
    page.evaluate(f"document.body.innerHTML = '<iframe src=\"{_origin(address)}/\"></iframe>'")
    page.wait_for_timeout(500)
    assert [frame for frame in page.frames if "IngestData" in frame.content()] == []
    with page.expect_navigation():
        page.evaluate(
            f"document.body.innerHTML = '<form method=post action=\"{_origin(address)}/do/hold\"></form>';"
            "document.forms[0].submit()"
        )
    assert "Another site has sent this form." in page.content()
    context.close()


def test_the_address_as_a_link_on_another_site_opens_it(browser: Any, stage: Client) -> None:
    """Such as a terminal in the browser: the cookie is sent from the second page on."""
    context = browser.new_context()
    page = context.new_page()
    with board(stage.endpoint) as address:
        link = f'<a href="{address}">it</a>'
        page.route("http://other.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
        page.goto("http://other.example/")
        page.get_by_text("it").click()
        page.get_by_text("I have just opened it here").click()
        page.get_by_text("IngestData").first.wait_for()
    context.close()


def test_a_file_works_from_the_disk(browser: Any, tmp_path: Path) -> None:
    shown = page_of(
        gathered((job(ATTACK), [run(ATTACK, 1, "failed", exit_code=1)])), frame=replace(FRAME, served=False)
    )
    file = tmp_path / "board.html"
    file.write_text(pages.front(shown))
    context = browser.new_context()
    opened, wrong = context.new_page(), list[str]()
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("dialog", lambda dialog: wrong.append(dialog.message))
    opened.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
    )
    opened.goto(file.as_uri())
    assert ATTACK in opened.locator("tbody th").inner_text()
    assert wrong == []
    context.close()
