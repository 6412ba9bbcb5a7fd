"""The board against the stage: what its pages show of a deployed app, and what it does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.board import pages
from rota.board.answer import NotShownError
from rota.board.model import Detail
from rota.cli.board.gather import Source
from rota.cli.frame import Account
from rota.cli.output import Output
from stage.client import wait_for
from tests.stage.conftest import Rota


@pytest.fixture
def source(deployed: Client, rota: Rota) -> Callable[[], Source]:
    """Makes a board's source of pages, one that may write."""
    return lambda: Source(Account(Output(utc=True)), served=True, writes=True)


def test_the_page_is_written_into_a_file(deployed: Client, rota: Rota, tmp_path: Path) -> None:
    file = tmp_path / "board.html"
    answer = rota("board", "--out", str(file))
    assert (answer.exit, answer.out) == (0, f"{file}: Everything is as it should be\n")
    html = file.read_text()
    assert all(name in html for name in ("CountTeaspoons", "IngestData", "RemoveSpam", "production", "v1"))


@pytest.mark.parametrize(
    "arguments",
    [["--week"], ["--out", "x.html", "--allow-writes"]],
    ids=["a week of what is served", "a file that writes"],
)
def test_options_that_do_not_fit_are_refused(rota: Rota, arguments: list[str]) -> None:
    assert rota("board", *arguments).exit == 2


def test_a_look_asks_for_tasks_seldom(deployed: Client, source: Callable[[], Source]) -> None:
    board = source()
    board.front()
    deployed.clear_calls()
    board.front(168)
    assert deployed.calls() == []


def test_pages_of_a_task_a_release_and_its_deployment(source: Callable[[], Source]) -> None:
    board = source()
    task, release = board.detail(("t", "IngestData")), board.detail(("r", "v1"))
    assert task
    assert (task.kind, task.headline.partition(",")[0]) == ("task", "IngestData runs every day at 06:00 UTC")
    assert release
    assert [(each.mark, each.task) for each in release.changes or ()] == [
        ("+", "CountTeaspoons"),
        ("+", "IngestData"),
        ("+", "RemoveSpam"),
    ]
    assert "TakeTurn" in [step.name for step in release.steps]
    assert board.detail(("t", "Nothing")) is None
    assert board.detail(("r", "v9")) is None
    assert all(pages.detail(each) for each in (task, release))


def test_a_run_is_the_command_that_is_shown_and_has_its_log(deployed: Client, source: Callable[[], Source]) -> None:
    assert source().do("run", "IngestData", {}) == "Started: rota run IngestData"

    def begun() -> Sequence[Any] | None:
        task = source().detail(("t", "IngestData"))
        return task.runs if task else None

    runs = wait_for(begun, 20, every=0.2)

    def ended() -> Detail | None:
        page = source().detail(tuple(runs[-1].href.split("/")[1:]))
        return page if page and ": ok after" in page.headline else None

    assert wait_for(ended, 20, every=0.2).log


@pytest.mark.exhaustive(first=0)
def test_a_pause_is_the_command_that_is_shown(deployed: Client, source: Callable[[], Source]) -> None:
    board = source()
    said = board.do("pause", "IngestData", {"reason": "it's --late", "for": "4h"})
    assert said == """Started: rota pause IngestData --reason 'it'"'"'s --late' --for 4h"""
    paused = wait_for(lambda: [task.off_note for task in source().front().tasks if task.off], 20, every=0.2)
    assert [each.partition(": ")[2] for each in paused] == ["“it's --late”"]


def test_what_the_command_refuses_is_said(source: Callable[[], Source]) -> None:
    with pytest.raises(NotShownError) as refused:
        source().do("run", "Nothing", {})
    assert refused.value.title == "It was not done"
    assert [refused.value.lines[0], refused.value.lines[-1]] == ["there is no job Nothing", "rota run Nothing"]


@pytest.mark.parametrize(
    ("action", "name"), [("run", "Nothing"), ("stop", "x"), ("rollback", "--hold"), ("pause", "--all")]
)
def test_what_is_not_there_is_not_done(source: Callable[[], Source], action: str, name: str) -> None:
    assert source().ask(action, name) is None


def test_a_deployment_is_seen_step_by_step(deployed: Client, source: Callable[[], Source]) -> None:
    deployed.settings(time_scale=0.2, rollout_seconds=2)
    board, seen = source(), set[str]()
    board.front()
    deployed.push("v2")

    def ended() -> bool:
        board._status.forget()
        page = board.front()
        if page.deploying:
            seen.update(step.name for step in page.deploying.steps if step.state == "done")
            seen.add(page.deploying.rollout.words if page.deploying.rollout else "")
        return page.release == "v2"

    wait_for(ended, 60, every=0.2)
    assert {"TakeTurn", "PlanDeployment", "RegisterRevisions"} <= seen
    assert [each for each in seen if "of 2 tasks run guestbook:" in each]
    older, newer = (board.detail(("r", name)) for name in ("v1", "v2"))
    assert older
    assert newer
    assert [[each[0] for each in page.writes] for page in (older, newer)] == [["Roll back to v1"], []]
    assert [page.kind for page in (older, newer)] == ["release", "release"]
    assert older.diff_note.endswith(": the first that the history knows.")
    assert newer.diff_note == "scheduled_tasks.json is as in the release before."


@pytest.mark.exhaustive(first=0)
def test_a_release_shows_how_its_schedule_file_differs(deployed: Client, source: Callable[[], Source]) -> None:
    assert deployed.deploy("v2")["status"] == "SUCCEEDED"
    deployed.upload_schedule(b'{"tasks": []}\n')
    assert deployed.deploy("v3")["status"] == "SUCCEEDED"
    page = source().detail(("r", "v3"))
    assert page
    assert page.diff_note == "scheduled_tasks.json against the release before:"
    assert '+{"tasks": []}' in page.diff
    assert [line for line in page.diff if line.startswith("-") and "IngestData" in line]
