"""A task's line in `rota status`: its rule, its job and its runs together."""

from datetime import UTC, datetime
from typing import Any, NoReturn

import click
import pytest
from botocore.client import BaseClient

from rota.cli.columns import Cell
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.status import tasks, text
from rota.cli.status.gather import _deploying, _last, _release, are_live, window_opens
from rota.cli.status.model import (
    AllStatus,
    Bar,
    Deploying,
    Ended,
    Hold,
    Pause,
    Pending,
    PendingSchedule,
    Release,
    Service,
    StackStatus,
    Status,
    Task,
)
from rota.cli.table import Present

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAILY = "cron(0 6 * * ? *)"


def rule(expression: str = DAILY, state: str = "ENABLED") -> dict[str, str]:
    return {"ScheduleExpression": expression, "State": state}


def job(expression: str = DAILY, **members: Any) -> dict[str, Any]:
    return {"task": "A", "spans": [{"expression": expression, "since": "2026-11-01T00:00:00Z"}], **members}


def run(status: str, at: str = "2026-11-30T06:00:00+00:00", **members: Any) -> dict[str, Any]:
    return {"scheduled_at": at, "status": status, **members}


def status(
    given: dict[str, Any] | None = None, known: dict[str, Any] | None = None, *runs: dict[str, Any], **other: Any
) -> Task:
    return tasks.status("A", given, known, runs, other.get("paused"), NOW, compared=other.get("compared", True))


@pytest.mark.parametrize(
    ("expression", "runs", "following", "exact"),
    [
        (DAILY, [], "2026-12-01T06:00:00+00:00", True),
        ("rate(5 minutes)", [run("ok", "2026-11-30T11:58:00+00:00")], "2026-11-30T12:03:00+00:00", False),
        ("rate(5 minutes)", [run("ok", "2026-11-29T11:58:00+00:00")], "2026-11-30T12:05:00+00:00", False),
        ("rate(5 minutes)", [], "2026-11-30T12:05:00+00:00", False),
        ("cron(0 6 1 1 ? 2020)", [], None, True),
    ],
    ids=["cron", "rate, by its last run", "rate, long ago", "rate, no run", "never again"],
)
def test_the_next_run(expression: str, runs: list[dict[str, Any]], following: str | None, exact: bool) -> None:
    found = status(rule(expression), None, *runs)
    assert (found.next and found.next.isoformat(), found.exact) == (following, exact)


def test_the_strip_has_the_newest_last() -> None:
    runs = [run("failed", exit_code=137), run("missed"), run("not_started"), run("unknown"), run("running"), run("ok")]
    found = status(rule(), job(bad_runs=1), *runs)
    assert (found.strip, found.exits[-1], found.bad_runs) == (".>?!-x", 137, 1)
    assert found.last
    assert (found.last.status, found.last.exit) == ("failed", 137)


@pytest.mark.parametrize(
    ("given", "known", "words"),
    [
        (None, job(), ["its schedule is gone"]),
        (rule(state="DISABLED"), job(), ["its rule is disabled, and the schedule file has it enabled"]),
        (rule("rate(1 day)"), job(), [f"its rule has rate(1 day), and the schedule file {DAILY}"]),
        (rule(), job(), []),
        (rule(state="DISABLED"), None, []),
        (rule(state="DISABLED"), job(spans=[{"expression": DAILY, "since": "-", "until": "-"}]), []),
    ],
    ids=["gone", "disabled by hand", "another time", "as the file has it", "unwatched", "disabled in the file"],
)
def test_drift_by_hand(given: dict[str, Any] | None, known: dict[str, Any] | None, words: list[str]) -> None:
    assert status(given, known).drift == words


ZONED = {
    "GroupName": "production__guestbook",
    "ScheduleExpression": DAILY,
    "ScheduleExpressionTimezone": "Asia/Tokyo",
    "StartDate": datetime(2026, 12, 1, 14, 59, 30, tzinfo=UTC),
    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
    "State": "ENABLED",
}
SPAN = {
    **{"expression": DAILY, "timezone": "Asia/Tokyo", "start": "2026-12-01T15:00:00+00:00", "window": "5"},
    "since": "2026-11-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        (
            {"ScheduleExpressionTimezone": "Asia/Seoul"},
            [
                "its schedule has cron(0 6 * * ? *) Asia/Seoul from 2026-12-02 00:00, within 5 minutes, and the "
                "schedule file cron(0 6 * * ? *) Asia/Tokyo from 2026-12-02 00:00, within 5 minutes"
            ],
        ),
    ],
    ids=["the same", "another zone"],
)
def test_a_schedule_in_a_zone(changed: dict[str, str], words: list[str]) -> None:
    found = status(ZONED | changed, job(spans=[SPAN]))
    assert (found.drift, found.next) == (words, datetime(2026, 12, 1, 21, tzinfo=UTC))
    assert status(None, job(spans=[SPAN])).in_words == (
        "every day at 06:00 Asia/Tokyo from 2026-12-02 00:00, within 5 minutes"
    )


@pytest.mark.parametrize("expression", [DAILY, "rate(5 minutes)"])
def test_a_start_that_is_past_is_no_drift(expression: str) -> None:
    span = {"expression": expression, "start": "2026-11-01T00:00:00+00:00", "since": "2026-11-01T00:00:00+00:00"}
    later = {"StartDate": "2026-12-01T00:00:00Z"} if expression != DAILY else {}
    assert status(rule(expression) | later, job(spans=[span])).drift == []


def test_without_a_rule_it_is_as_the_schedule_file_had_it_last() -> None:
    spans = [{"expression": "rate(1 day)", "since": "2026-10-01", "until": "2026-11-01"}, SPAN]
    found = status(None, job(spans=spans))
    assert (found.schedule, found.timezone, found.drift) == (DAILY, "Asia/Tokyo", ["its schedule is gone"])


@pytest.mark.parametrize("known", [None, job(spans=[])], ids=["its runs alone", "a job that never had one"])
def test_a_task_without_a_schedule(known: dict[str, Any] | None) -> None:
    found = status(None, known, run("ok", trigger="by_hand"))
    assert (found.schedule, found.in_words, found.enabled, found.next, found.strip) == ("", "", False, None, ".")


@pytest.mark.parametrize(
    ("began", "digest", "release"),
    [("09:30", "sha256:a", "v3"), ("08:30", "sha256:a", "v1"), ("09:30", "sha256:b", "v1")],
    ids=["that was live", "before it", "another image"],
)
def test_a_release_that_sweep_has_not_seen_yet(began: str, digest: str, release: str) -> None:
    """An image that went back, or another schedule file: RecordRun knows the earlier release with that image."""
    item = run("ok", created_at=f"2026-11-30T{began}:00+00:00", release={"digest": digest, "number": 1})
    live = {"live_digest": "sha256:a", "live_since": "2026-11-30T09:00:00+00:00", "number": 3}
    assert tasks.run_of(item, live).release == release


@pytest.mark.parametrize(
    ("began", "release", "named"),
    [
        ("09:30", {"digest": "sha256:a"}, "v1"),
        ("09:30", {"digest": "sha256:a", "number": 1}, "v1"),
        ("10:30", {"digest": "sha256:b"}, "v2"),
        ("09:59", {"digest": "sha256:b"}, "v2"),
        ("11:01", {"digest": "sha256:b", "number": 2}, "v3"),
        ("08:59", {"digest": "sha256:a", "number": 0}, "v1"),
        ("09:30", {"digest": "sha256:c"}, None),
        ("09:30", {}, None),
    ],
    ids=[
        *("Sweep had not seen it", "as recorded", "the second", "before its deployment ended", "the same image again"),
        *("recorded as none", "no release", "no image"),
    ],
)
def test_a_run_keeps_its_release_once_another_is_live(began: str, release: dict[str, Any], named: str | None) -> None:
    """What was recorded before Sweep has learnt of the release has the image alone, or the release before."""
    item = run("ok", created_at=f"2026-11-30T{began}:00+00:00", release=release, trigger="by_hand")
    live = {"live_digest": "sha256:z", "live_since": "2026-11-30T11:30:00+00:00", "number": 4}
    ended = [
        {"release": number, "digest": f"sha256:{image}", "finished_at": f"2026-11-30T{hour:02}:00:00+00:00"}
        for number, image, hour in ((3, "b", 11), (2, "b", 10), (1, "a", 9))
    ]
    again = {"digest": "sha256:b", "finished_at": "2026-11-30T10:50:00+00:00", "outcome": "failed"}
    assert tasks.run_of(item, live, [ended[0], again, *ended[1:]]).release == named


def test_what_is_not_compared_has_no_drift() -> None:
    assert status(None, job(), compared=False).drift == []


@pytest.mark.parametrize(
    ("live", "swept", "lease", "compared"),
    [
        ("2026-11-30T09:00:00.5+00:00", "2026-11-30T09:00:00.5+00:00", {}, True),
        ("2026-11-30T09:00:00.5+00:00", "2026-11-30T08:00:00+00:00", {}, False),
        ("2026-11-30T09:00:00.5+00:00", None, {}, False),
        ("2026-11-30T09:00:00.5+00:00", "2026-11-30T09:00:00.5+00:00", {"holder": "arn"}, False),
        (None, None, {}, False),
    ],
    ids=["as the live release", "Sweep comes yet", "its first look comes yet", "something deploys", "nothing live"],
)
def test_rules_are_compared(live: str | None, swept: str | None, lease: dict[str, Any], compared: bool) -> None:
    present = Present({"live_since": live} if live else None, lease, [])
    assert are_live(present, datetime.fromisoformat(swept) if swept else None) == compared


def test_a_pause_is_no_drift() -> None:
    paused = Pause("ana", "the supplier is down", None, None)
    assert status(rule(state="DISABLED"), job(), paused=paused).drift == []


WELL_AND_EMPTY: dict[str, Any] = {
    "release": Release("v2", "sha256:" + "b2" * 32, "tag", datetime(2026, 11, 30, 9, tzinfo=UTC), "k", "1", "push"),
    "deploying": None,
    "last_deployment": None,
    "hold": None,
    "pending": None,
    "pending_schedule": None,
    "barred": [],
    "service": Service("shop:5", 2, 2, "COMPLETED"),
    "tasks": [],
    "watched": True,
    "compared": True,
}


def shown(width: int = 100, **members: Any) -> str:
    lines = [
        click.unstyle(line)
        for line in text.lines("production/shop", Status(**WELL_AND_EMPTY | members), NOW, width, utc=True)
    ]
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


def deploying(**members: Any) -> Deploying:
    given: dict[str, Any] = {
        "execution": "arn:x:run-1",
        "phase": "rolling",
        "started_at": NOW,
        "seconds": 41,
        "digest": "sha256:" + "b2" * 32,
        "tag": "b81d07e",
        "kind": "push",
        "by": "",
        "reason": "",
        "status": "RUNNING",
        "newer_waits": True,
        "half_done": False,
    }
    return Deploying(**given | members)


HOLD = Hold("ana", "sale", None, datetime(2026, 11, 30, 18, tzinfo=UTC))
OPENS = datetime(2026, 11, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "v2 tag tag sha256:b2b2b2b2   live for 3 h, push   2 of 2 tasks run\nnothing deploys"),
        ({"release": None}, "nothing is live yet"),
        ({"release": None}, "Push an image, or: rota deploy --image TAG. The jobs are listed once it is live."),
        ({"service": None}, "THE SERVICE IS GONE"),
        ({"deploying": deploying()}, "deploying b81d07e for 41 s: rolling; a newer push waits"),
        (
            {"deploying": deploying(half_done=True)},
            "HALF DONE: run-1 failed and could not be restored. A person acts now",
        ),
        (
            {"last_deployment": Ended("e", "failed", NOW, "c3", None, "no\nyes")},
            "of c3, failed just now: no   rota explain",
        ),
        ({"hold": HOLD}, 'are held by ana until 18:00: "sale"'),
        (
            {"hold": HOLD, "pending": Pending("sha256:" + "c3" * 32, "c3", "e", OPENS)},
            "the push of c3 waits for the hold to end: rota resume --deployments",
        ),
        (
            {"hold": HOLD, "pending_schedule": PendingSchedule("e", "ana")},
            "the change of the schedule file waits for the hold to end: rota resume --deployments",
        ),
        (
            {"pending": Pending("sha256:" + "c3" * 32, "c3", "e", None, "a1b2", OPENS, "1 new")},
            "the push of c3 waits for an approval until 22:00: 1 new. Look at it: rota plan --image c3. Then rota",
        ),
        (
            {"pending": Pending("sha256:" + "c3" * 32, None, "e", OPENS)},
            "the push of sha256:c3c3c3c3 waits for the deployment window, 22:00. To deploy it now: rota deploy",
        ),
        (
            {"pending_schedule": PendingSchedule("e", "ana", due=datetime(2026, 11, 30, 12, 2, tzinfo=UTC))},
            "the change of the schedule file is started at 12:02, unless an image is deployed before",
        ),
        (
            {
                "pending": Pending("sha256:" + "c3" * 32, "c3", "e", None, "a1b2", OPENS, "1 new"),
                "pending_schedule": PendingSchedule("e", "ana", due=NOW),
            },
            "the change of the schedule file waits for the push, which may be approved or rejected",
        ),
    ],
    ids=[
        *("well", "nothing live", "what comes first", "no service", "deploying", "half done", "failed", "held"),
        *("a push is held", "a file is held", "an approval", "a push waits for the window", "an upload is due"),
        "an upload waits for its image",
    ],
)
def test_what_a_person_has_to_know_is_on_top(members: dict[str, Any], words: str) -> None:
    assert words in shown(**members)


PAUSED = {"execution": "p", "kind": "pause", "outcome": "done"}
FAILED, WELL = ({"execution": each, "digest": "d", "outcome": each} for each in ("failed", "deployed"))


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [([], None), ([PAUSED], None), ([PAUSED, FAILED, WELL], "failed"), ([WELL, FAILED], "deployed")],
    ids=["none yet", "a pause alone", "a pause since", "the newest"],
)
def test_the_last_deployment(ended: list[dict[str, str]], outcome: str | None) -> None:
    found = _last(ended)
    assert (found and found.outcome) == outcome


@pytest.mark.parametrize(
    ("window", "opens"),
    [
        ("", None),
        ("Mon 09:00-17:00 UTC", None),
        ("Mon 13:00-17:00 UTC", "2026-11-30T13:00:00+00:00"),
        ("Mon 9-17", None),
    ],
    ids=["no window", "it is open", "it opens", "it cannot be read"],
)
def test_when_the_window_opens(window: str, opens: str | None) -> None:
    found = window_opens(window, NOW)
    assert (found and found.isoformat()) == opens


def test_what_is_barred_names_the_command_that_lifts_it() -> None:
    bars = [Bar("sha256:" + "c3" * 32, tag, "ana", "the login fails") for tag in ("one", "two")]
    printed = shown(barred=bars)
    assert 'barred: one by ana: "the login fails"\nbarred: two' in printed
    assert printed.count("To lift that: rota resume --barred") == 1


def test_a_row_for_each_task() -> None:
    task = status(rule(), job(), run("failed", exit_code=1, seconds=12), run("ok"))
    printed = shown(tasks=[task])
    assert ".x         06:00 exit 1, 12 s  tomorrow 06:00" in printed


def test_where_runs_are_not_watched_a_row_has_the_schedule_instead() -> None:
    table = shown(tasks=[status(rule(), job())], watched=False).splitlines()[-2:]
    assert table == ["task  when                    next", "A     every day at 06:00 UTC  tomorrow 06:00"]


def test_the_app_is_bold() -> None:
    lines = text.lines("production/shop", Status(**WELL_AND_EMPTY), NOW, 100, utc=True)
    assert next(lines).startswith("\x1b[1mproduction/shop\x1b[0m   ")


STACKS = {
    "well": ({}, "rota   production/shop  v2 b81d07e  2 of 2     no       none"),
    "nothing live": ({"release": None, "tag": None}, "rota   production/shop  nothing yet  2 of 2     no       none"),
    "no service": ({"running": None, "desired": None}, "rota   production/shop  v2 b81d07e  -          no       none"),
    "it deploys": ({"deploying": True}, "rota   production/shop  v2 b81d07e  2 of 2     yes      none"),
    "half done": (
        {"deploying": True, "half_done": True},
        "rota   production/shop  v2 b81d07e  2 of 2     HALF DONE  none",
    ),
    "jobs fail": ({"failing": ["A", "B"]}, "rota   production/shop  v2 b81d07e  2 of 2     no       A, B"),
}


@pytest.mark.parametrize(("members", "row"), STACKS.values(), ids=STACKS)
def test_a_row_for_each_stack(members: dict[str, Any], row: str) -> None:
    given: dict[str, Any] = {
        "release": "v2",
        "tag": "b81d07e",
        "deploying": False,
        "half_done": False,
        "running": 2,
        "desired": 2,
    }
    every = AllStatus("eu-west-1", [StackStatus("rota", "production/shop", **given | members)])
    titles, line = (click.unstyle(line) for line in text.all_lines(every, 100))
    assert (titles.split("  ")[0], line) == ("stack", row)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "No schedule has the app's prefix."),
        ({"release": None, "deploying": deploying()}, "No schedule has the app's prefix."),
        ({"release": None}, "Push an image, or: rota deploy --image TAG."),
    ],
    ids=["a release", "the first deploys", "none yet"],
)
def test_without_tasks_it_says_why(members: dict[str, Any], words: str) -> None:
    assert words in shown(tasks=[], **members)


@pytest.mark.parametrize(("last", "colour"), [("ok", None), ("running", None), ("failed", "red"), ("missed", "red")])
def test_a_task_whose_last_run_was_bad_is_red(last: str, colour: str | None) -> None:
    task = status(rule(), job(), run(last))
    cells = [each for each in text._row(task, NOW, utc=True) if isinstance(each, Cell)]
    assert [each.colour for each in cells] == [colour, colour]


@pytest.mark.parametrize(
    ("given", "known", "following"),
    [
        (None, job(spans=[{"expression": DAILY, "since": "-", "until": "-"}]), "removed"),
        (rule(state="DISABLED"), job(spans=[{"expression": DAILY, "since": "-", "until": "-"}]), "disabled"),
        (None, job(), "no schedule"),
    ],
    ids=["not in the file any more", "disabled in the file", "its rule is gone"],
)
def test_what_has_left_the_file_is_removed(given: dict[str, Any] | None, known: dict[str, Any], following: str) -> None:
    row = next(line for line in shown(tasks=[status(given, known)]).splitlines() if line.startswith("A  "))
    assert row.endswith(f"no run yet  {following}")
    assert status(None, job(), compared=False).removed  # Sweep comes yet


def test_below_the_table_is_why_the_last_run_was_bad() -> None:
    reason = {"why": "exit_code", "words": "the job ended with exit code 1"}
    failed = run("failed", exit_code=1, reason=reason)
    assert "A: the job ended with exit code 1   rota explain A" in shown(tasks=[status(rule(), job(), failed)])
    by_hand = {**failed, "trigger": "by_hand", "reason": {"words": "I tried it"}}
    repeated = shown(tasks=[status(rule(), job(bad_runs=1), {**by_hand, "status": "ok"}, failed)])
    assert "A: the last scheduled run: the job ended with exit code 1   rota explain A" in repeated
    printed = shown(tasks=[status(rule(), job(), by_hand)])
    assert ("rota explain A" in printed, "exit 1, by hand" in printed) == (False, True)
    incident = job(bad_runs=1, incident={"id": "A#1", "last": failed})
    for runs in ([by_hand, failed], [by_hand]):
        words = "A: the last scheduled run: the job ended with exit code 1   rota explain A"
        assert words in shown(tasks=[status(rule(), incident, *runs)])


@pytest.mark.parametrize(
    ("last", "bad_runs", "fails"),
    [("ok", 0, False), ("failed", 1, True), ("ok", 1, True), ("missed", 0, True)],
    ids=["well", "failed", "well, by hand, since", "not judged yet"],
)
def test_a_job_fails_by_its_own_runs(last: str, bad_runs: int, fails: bool) -> None:
    task = status(rule(), job(bad_runs=bad_runs), run(last))
    assert Status(None, None, None, None, None, None, [], None, [task], watched=True, compared=True).fails == fails


def test_a_release_is_live_since_its_own_deployment() -> None:
    live = {"number": 2, "live_digest": "d", "live_schedule_key": "k", "live_schedule_version": "1"}
    made = {"release": 2, "finished_at": "2026-11-30T09:00:00+00:00", "kind": "push"}
    again = {"finished_at": "2026-11-30T11:00:00+00:00", "kind": "again"}
    found = _release(Present({**live, "live_since": again["finished_at"]}, {}, [again, made]))
    assert found
    assert (found.since and found.since.hour, found.kind) == (9, "push")


def test_a_paused_task_says_by_whom() -> None:
    paused = Pause("ana", "the supplier is down", None, datetime(2026, 12, 2, 6, tzinfo=UTC))
    assert 'paused by ana until Wed 06:00: "the supplier is down"' in shown(
        tasks=[status(rule(), job(), paused=paused)]
    )


def test_on_a_narrow_terminal_it_folds() -> None:
    shown(44, tasks=[status(rule(), job(), run("ok"))], deploying=deploying())


@pytest.mark.parametrize(
    ("status_of", "restoring", "half_done"),
    [
        ("RUNNING", None, False),
        ("RUNNING", "run-1", False),
        ("FAILED", None, True),
        ("ABORTED", "run-1", True),
        ("ABORTED", "run-0", False),
        ("SUCCEEDED", None, False),
    ],
    ids=["it runs", "it restores", "it failed", "its restore was stopped", "that of another one", "it has ended"],
)
def test_what_is_half_done(
    status_of: str, restoring: str | None, half_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = {"status": status_of, "startDate": NOW}
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: described)
    ended = [{"execution": restoring, "outcome": "restoring"}] if restoring else []
    before = {"execution": "run-1", "outcome": "deployed"}
    found = _deploying(Account(Output(), region="eu-west-1"), {"holder": "run-1"}, [*ended, before])
    assert (found.half_done, found.phase) == (half_done, "restoring" if restoring == "run-1" else "planning")


def test_an_execution_that_aws_knows_no_more_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease of a stack whose state machine was deleted and made again."""

    def refuse(states: Any, operation: str, _: dict[str, Any]) -> NoReturn:
        raise states.exceptions.ExecutionDoesNotExist({"Error": {"Code": "ExecutionDoesNotExist"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    found = _deploying(Account(Output(), region="eu-west-1"), {"holder": "run-1", "digest": "sha256:c3"}, [])
    assert (found.half_done, "deploying sha256:c3 for 0.0 s: its execution is GONE" in shown(deploying=found)) == (
        False,
        True,
    )
