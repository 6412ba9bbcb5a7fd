"""The pauses of a task that are over."""

from datetime import UTC, datetime
from typing import Any

import click
import pytest

from rota.cli.history.model import TaskHistory
from rota.cli.history.text import run_lines
from rota.cli.pauses import PastPause, due_in, past
from rota.schedule_file.when import When

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def at(hour: int) -> datetime:
    return NOW.replace(hour=hour)


def entry(kind: str, hour: int, *tasks: str, until: int | None = None, **members: Any) -> dict[str, Any]:
    ends = {"until": at(until).isoformat()} if until else {}
    asked = {"kind": kind, "finished_at": at(hour).isoformat(), "outcome": "done", "paused": [*tasks]}
    return {**asked, **ends, "by": "user/ana", "reason": "stock-taking", **members}


PAUSE, RESUME = entry("pause", 4, "A", "B"), entry("resume", 7, "A", by="user/bob")


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([RESUME, PAUSE], [(4, 7, "user/bob")]),
        ([entry("resume", 7), PAUSE], [(4, 7, "user/ana")]),
        ([entry("resume", 7, "B"), PAUSE], []),
        ([entry("pause", 4, "A", until=6)], [(4, 6, "")]),
        ([RESUME, entry("pause", 4, "A", until=6)], [(4, 6, "")]),
        ([entry("pause", 4, "A", until=20)], []),
        ([RESUME, entry("pause", 5, "A"), PAUSE], [(4, 7, "user/bob")]),
        ([entry("resume", 9, "A"), entry("pause", 8, "A"), RESUME, PAUSE], [(8, 9, "user/ana"), (4, 7, "user/bob")]),
        ([RESUME, PAUSE | {"outcome": "refused"}], []),
        ([{"kind": "push", "outcome": "deployed", "finished_at": at(5).isoformat()}], []),
    ],
    ids=[
        *("resumed", "all are resumed", "another is resumed", "its time was up", "resumed after that"),
        *("in force", "paused once more", "two", "refused", "a push"),
    ],
)
def test_what_the_ledger_shows_of_pauses(entries: list[dict[str, Any]], found: list[tuple[int, int, str]]) -> None:
    assert [(each.since.hour, each.ended.hour, each.ended_by) for each in past(entries, "A", NOW)] == found


ENDED = PastPause(at(4), at(7), "user/ana", "stock-taking", "user/bob")


@pytest.mark.parametrize(
    ("expression", "run_at", "number"),
    [
        ("cron(0 6 * * ? *)", None, 1),
        ("rate(1 hour)", at(3), 3),
        ("rate(1 hour)", None, 0),
        ("cron(0 8 * * ? *)", None, 0),
    ],
    ids=["due once", "a rate", "a rate without a run", "not due"],
)
def test_how_often_a_task_was_due_in_it(expression: str, run_at: datetime | None, number: int) -> None:
    assert due_in(ENDED, When(expression), run_at) == number


def test_it_stands_between_the_runs() -> None:
    shown = [click.unstyle(line) for line in run_lines(TaskHistory("A", [], [ENDED]), NOW, 200, utc=True)]
    assert shown[0] == "There is no run of A yet."
    assert (
        " ".join(shown[-1].split())
        == '04:00 paused 3 h - - by user/ana until 07:00: "stock-taking"; user/bob resumed it'
    )
