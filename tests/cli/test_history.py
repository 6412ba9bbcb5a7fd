"""What `rota history` shows of a deployment and of a run."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click
import pytest

from rota.cli.history.gather import deployments
from rota.cli.history.model import Deployment, History, TaskHistory, TaskRun
from rota.cli.history.text import lines, run_lines
from rota.cli.pauses import PastPause
from rota.cli.status.model import Pause
from tests.board.sample import DIGEST, NOW, deployment
from tests.cli.conftest import Aws, Typed
from tests.cli.test_explain_answers import paused
from tests.cli.test_status import ITEMS, at

CAUSE = "The rollout did not last.\nMore."
WHY = "The rollout did not last. rota explain tag-2"


def row(made: Deployment) -> str:
    (_, shown) = lines(History([made], more=False), NOW, 300, every=True)
    return " ".join(click.unstyle(shown).split())


@pytest.mark.parametrize(
    ("outcome", "what"),
    [
        ("deployed", "the plan"),
        ("nothing to do", "the plan"),
        ("done", "the plan"),
        ("failed", WHY),
        ("refused", WHY),
        ("restoring", WHY),
        ("aborted", WHY),
        ("overtaken", WHY),
        ("held", WHY),
    ],
)
def test_what_went_well_says_its_plan_and_what_did_not_says_why(outcome: str, what: str) -> None:
    shown = row(deployment(2, 2, outcome=outcome, summary="the plan", cause=CAUSE))
    assert shown == f"v2 {outcome} 2 h ago tag-2 48 s push; {what}"


ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "live": ({"live": True}, "v2 live 2 h ago tag-2 48 s push; the plan"),
    "no release": ({"release": None}, "- deployed 2 h ago tag-2 48 s push; the plan"),
    "why, without a tag": (
        {"tag": None, "outcome": "failed", "cause": CAUSE},
        f"v2 failed 2 h ago {DIGEST[:15]} 48 s push; The rollout did not last. rota explain {DIGEST[:15]}",
    ),
    "why, without an image": (
        {"tag": None, "digest": None, "outcome": "failed", "cause": CAUSE},
        "v2 failed 2 h ago 48 s push; The rollout did not last. rota explain push-2",
    ),
    "no tag": ({"tag": None}, f"v2 deployed 2 h ago {DIGEST[:15]} 48 s push; the plan"),
    "it has not ended": (
        {"finished_at": None, "seconds": None, "started_at": NOW - timedelta(hours=5)},
        "v2 deployed 5 h ago tag-2 push; the plan",
    ),
    "no times": ({"finished_at": None, "seconds": None, "started_at": None}, "v2 deployed tag-2 push; the plan"),
    "when it ended": ({"started_at": NOW - timedelta(hours=5)}, "v2 deployed 2 h ago tag-2 48 s push; the plan"),
    "by whom and why": (
        {"kind": "rollback", "by": "user/ana", "reason": "the login fails"},
        'v2 deployed 2 h ago tag-2 48 s rollback by user/ana "the login fails"; the plan',
    ),
}


@pytest.mark.parametrize(("members", "shown"), ROWS.values(), ids=ROWS)
def test_the_row_of_a_deployment(members: dict[str, Any], shown: str) -> None:
    assert row(deployment(2, 2, **{"summary": "the plan", **members})) == shown


RUN = TaskRun(NOW - timedelta(hours=6), "ok", 0, 40.0, "v2", "schedule", "", "arn")
RUNS: dict[str, tuple[dict[str, Any], str]] = {
    "well": ({}, "06:00 ok 40 s v2 schedule"),
    "failed": ({"status": "failed", "exit": 3, "reason": "it ended"}, "06:00 exit 3 40 s v2 schedule it ended"),
    "failed without a code": ({"status": "failed", "exit": None}, "06:00 failed 40 s v2 schedule"),
    "it never ran": ({"status": "not_started", "exit": None, "seconds": None}, "06:00 not started v2 schedule"),
    "of no release": ({"release": None, "trigger": "by_hand"}, "06:00 ok 40 s - by hand"),
}


@pytest.mark.parametrize(("members", "shown"), RUNS.values(), ids=RUNS)
def test_the_row_of_a_run(members: dict[str, Any], shown: str) -> None:
    history = TaskHistory("A", [replace(RUN, **members)], [])
    (_, found) = run_lines(history, 1, NOW, 200, utc=True)
    assert " ".join(click.unstyle(found).split()) == shown


@pytest.mark.parametrize(
    ("members", "colour"),
    [
        ({"live": True}, "green"),
        ({"outcome": "failed"}, "red"),
        ({"outcome": "refused"}, "red"),
        ({"outcome": "restoring"}, "red"),
        ({"outcome": "aborted"}, "yellow"),
        ({"outcome": "overtaken"}, None),
        ({"outcome": "deployed"}, None),
    ],
)
def test_the_colour_of_an_outcome(members: dict[str, Any], colour: str | None) -> None:
    made = deployment(2, 2, **members)
    outcome = "live" if made.live else made.outcome
    (_, shown) = lines(History([made], more=False), NOW, 300, every=True)
    assert (click.style(outcome, fg=colour) if colour else f"  {outcome}  ") in shown


@pytest.mark.parametrize(
    ("status", "shown", "colour"),
    [
        ("failed", "exit 3", "red"),
        ("not_started", "not started", "red"),
        ("missed", "missed", "red"),
        ("unknown", "unknown", "yellow"),
        ("ok", "ok", None),
    ],
)
def test_the_colour_of_a_run(status: str, shown: str, colour: str | None) -> None:
    history = TaskHistory("A", [replace(RUN, status=status, exit=3)], [])
    (_, line) = run_lines(history, 1, NOW, 200, utc=True)
    assert (click.style(shown, fg=colour) if colour else f"  {shown}  ") in line


def test_each_column_has_a_title() -> None:
    of_deployments, _ = lines(History([deployment(2, 2)], more=False), NOW, 300, every=True)
    of_runs, _ = run_lines(TaskHistory("A", [replace(RUN, reason="it ended")], []), 1, NOW, 200, utc=True)
    titles = ("release", "when", "image", "took", "how and what"), ("due", "took", "release", "started by", "why")
    for line, named in zip((of_deployments, of_runs), titles, strict=True):
        assert " ".join(click.unstyle(line).split()) == " ".join(named)


def test_the_newest_run_is_first_and_a_pause_stands_where_it_began() -> None:
    pause = PastPause(NOW - timedelta(hours=7), NOW - timedelta(hours=5), "user/ana", "", "")
    runs = [replace(RUN, at=NOW - timedelta(hours=hours)) for hours in (4, 7)]
    history = TaskHistory("A", runs, [pause], Pause("user/ana", "", None, None))
    shown = [click.unstyle(each).split()[:2] for each in run_lines(history, 9, NOW, 200, utc=True)]
    assert shown[1:] == [["from", "12:00"], ["08:00", "ok"], ["05:00", "ok"], ["from", "05:00"]]


ENTRY: dict[str, Any] = {
    "outcome": "deployed",
    "execution": "arn:x:push-2",
    "digest": DIGEST,
    "schedule_version": "2",
    "started_at": "2026-11-30T11:00:00+00:00",
    "finished_at": "2026-11-30T11:01:00.26+00:00",
}


@pytest.mark.parametrize(
    ("members", "seconds"),
    [({}, 60.3), ({"finished_at": None}, None), ({"started_at": None}, None)],
    ids=["both", "it has not ended", "it is not known when it began"],
)
def test_how_long_a_deployment_took(members: dict[str, Any], seconds: float | None) -> None:
    (made,) = deployments([{**ENTRY, **members}], None)
    assert (made.seconds, made.live) == (seconds, False)


def test_the_newest_of_those_that_deployed_what_is_live_is_live() -> None:
    live = {"live_digest": DIGEST, "live_schedule_version": "2"}
    entries = [{**ENTRY, **members} for members in ({"outcome": "failed"}, {"digest": "sha256:1"}, {}, {})]
    assert [each.live for each in deployments(entries, live)] == [False, False, True, False]


@pytest.mark.parametrize(("most", "more"), [(1, True), (2, False), (3, False)])
def test_whether_there_are_older_releases(aws: Aws, typed: Typed, most: int, more: bool) -> None:
    aws.items = [*ITEMS]
    assert json.loads(typed("history", "-n", str(most), "--json").out)["more"] == more


@pytest.mark.parametrize(
    ("most", "resumed", "shown"),
    [
        (1, at(30, "10:00"), True),
        (1, at(30, "09:59"), False),
        (2, at(30, "09:59"), True),
        (2, at(29, "05:59"), False),
        (3, at(29, "05:59"), True),
    ],
    ids=["as the last run was due", "before it", "between two runs", "before both", "there are no more runs"],
)
def test_pauses_are_shown_as_far_back_as_runs(aws: Aws, typed: Typed, most: int, resumed: str, shown: bool) -> None:
    aws.items = [*ITEMS, paused("p-1", "pause", at(28, "08:00")), paused("p-2", "resume", resumed)]
    history = json.loads(typed("history", "--task", "Tried", "-n", str(most), "--json").out)
    assert (len(history["runs"]), [each["ended"] for each in history["pauses"]]) == (
        min(most, 2),
        [resumed.replace("+00:00", "Z")] if shown else [],
    )
