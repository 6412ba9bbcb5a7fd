"""The pauses of a task that are over."""

from datetime import UTC, datetime
from typing import Any

import click
import pytest

from rota.cli.history.model import TaskHistory, TaskRun
from rota.cli.history.text import run_lines
from rota.cli.pauses import PastPause, due_in, past
from rota.cli.status.model import Pause
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
        ([entry("resume", 6, "A"), entry("pause", 4, "A", until=6)], [(4, 6, "")]),
        ([entry("pause", 4, "A", until=12)], [(4, 12, "")]),
        ([entry("pause", 8, "A"), entry("pause", 4, "A", until=6)], [(4, 6, "")]),
        ([entry("resume", 7, "A", by=""), PAUSE], [(4, 7, "a person")]),
        ([RESUME], []),
        ([RESUME, entry("pause", 4)], []),
        ([entry("resume", 7, paused=None), PAUSE], []),
        ([RESUME, PAUSE | {"outcome": "refused"}], []),
        ([{"kind": "push", "outcome": "deployed", "finished_at": at(5).isoformat()}], []),
    ],
    ids=[
        *("resumed", "all are resumed", "another is resumed", "its time was up", "resumed after that"),
        *("in force", "paused once more", "two", "resumed as it ended", "it ends now", "paused again after its end"),
        *("resumed without a name", "resumed alone", "a pause of no task", "the end of a hold", "refused", "a push"),
    ],
)
def test_what_the_ledger_shows_of_pauses(entries: list[dict[str, Any]], found: list[tuple[int, int, str]]) -> None:
    assert [(each.since.hour, each.ended.hour, each.ended_by) for each in past(entries, "A", NOW)] == found


ENDED = PastPause(at(4), at(7), "user/ana", "stock-taking", "user/bob")


def test_who_paused_and_why() -> None:
    assert past([RESUME, PAUSE], "A", NOW) == [ENDED]


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
    assert len(due_in(ENDED, When(expression), run_at)) == number


RUN = TaskRun(at(3), "ok", 0, 1.0, "v1", "schedule", "", "")
IN_FORCE = Pause("user/ana", "stock-taking", at(10), None)


@pytest.mark.parametrize(
    ("history", "most", "shown"),
    [
        (
            TaskHistory("A", [], [ENDED]),
            1,
            'from 04:00 paused 3 h - - by user/ana until 07:00: "stock-taking"; user/bob resumed it',
        ),
        (TaskHistory("A", [RUN], [], IN_FORCE), 1, 'from 10:00 paused 2 h - - in force by user/ana: "stock-taking"'),
        (TaskHistory("A", [RUN, RUN], [ENDED]), 2, "03:00 ok 1.0 s v1 schedule"),
    ],
    ids=["over", "in force", "no more rows than asked for"],
)
def test_it_stands_between_the_runs(history: TaskHistory, most: int, shown: str) -> None:
    rows = [" ".join(click.unstyle(line).split()) for line in run_lines(history, most, NOW, 200, utc=True)]
    assert (rows[0] == "There is no run of A yet.", rows[-1]) == (not history.runs, shown)
    assert len(rows) == most + 1 + (not history.runs)


def test_a_pause_of_which_nothing_more_is_known() -> None:
    entries = [entry("pause", 4, "A", by=None, reason=None), entry("resume", 7, "A", by=None)]
    assert past(entries, "A", NOW) == [PastPause(at(4), at(7), "", "", "a person")]
