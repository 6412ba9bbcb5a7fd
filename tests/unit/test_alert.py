"""What is reported of jobs, when and of what together, and in which words: read them as on a phone."""

import random
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.contract.deployment import Stored
from rota.contract.run_event import RunKind
from rota.notifications.message import mail_subject, mail_text
from rota.runs.alert import Alert, Report, attributes_of, due_alerts, reported
from rota.runs.alert_text import Place, events_of, message_of
from rota.runs.attribution import attribute, with_releases
from rota.runs.incidents import after_run
from rota.runs.model import (
    STARTED,
    Actor,
    GoodRun,
    Incident,
    Job,
    LogPlace,
    Notice,
    Owed,
    Reason,
    Release,
    Run,
    Span,
    Status,
    Trigger,
    Why,
)
from rota.runs.reasons import reason_of_absence, reason_of_no_catching_up, reason_of_rotas_stop
from rota.runs.stops import Kind, Stop
from rota.times import day_and_time, duration
from tests.alerts import APP, DUE, GOOD, GROUP_ARN, SECRET, V40, V41, V42, failed, incident, job, missed, not_started

PLACE = Place(APP, (GROUP_ARN,))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOON = DUE + timedelta(minutes=30)
REPORTED: dict[str, Any] = {"reported_at": DUE + timedelta(minutes=5), "thread": "IngestData#2026-11-29T06:00:00Z"}
LOG = (
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/"
    "$252Fecs$252Fguestbook/log-events/app$252Fapp$252F0f1e2d3c"
)
TASK = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/production/tasks/0f1e2d3c?region=eu-west-1"


def good(after: timedelta, release: Release = V41) -> GoodRun:
    return GoodRun(scheduled_at=DUE + after, ended_at=DUE + after + timedelta(minutes=2), release=release)


def running(**changes: Any) -> Run:
    """A run that goes on."""
    still = {"status": Status.RUNNING, "ended_at": None, "seconds": None, "exit_code": None, "reason": None}
    return failed(tail=("loaded 10 of 3000",), **{**still, **changes})


def stopped(kind: Kind, because: str) -> Run:
    """A run that Rota has stopped, the one that was skipped before it began."""
    began = kind != "skip"
    status = {"skip": Status.SKIPPED, "replace": Status.REPLACED, "max_runtime": Status.FAILED}[kind]
    never: dict[str, Any] = {} if began else {"started_at": None, "seconds": None, "overlaps": because}
    reason = reason_of_rotas_stop(Stop(kind, "IngestData", because), began=began)
    return failed(status=status, exit_code=143 if began else None, reason=reason, **never)


def only(*jobs: Job, now: Any = SOON) -> Alert:
    """The one alert that is due."""
    (alert,) = due_alerts(jobs, now)
    return alert


# ---------------------------------------------------------------------- words

FAILED = """\
    Subject: IngestData failed: exit code 1 (production/guestbook-api)

    The job ended with exit code 1.
    First failure since v41 (b81d07e), which went live 38 min 2 s before; 213 good runs on v40 (5d0c6a1).

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Started: 06:00:31 UTC
    Lasted: 2 min 14 s
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Last good run: Sat 28 Nov 2026, 06:00 UTC
    Owner: data-team
    Incident: IngestData#2026-11-29T06:00:00Z

    The last lines of its log:
      Traceback (most recent call last):
        File "/app/app/tasks/data_ingestion_task.py", line 31, in run
      psycopg.OperationalError: connection to postgres://guestbook:***@db/guestbook failed

    What to do:
    - Look at the job's log.
    - If the release is the cause: roll back to v40 (5d0c6a1), or push an image that fixes it.

    Log: LOG
    Task: TASK
"""
NOT_STARTED = """\
    Subject: IngestData did not start: a secret (production/guestbook-api)

    It did not start: a secret that the task definition names could not be read.
    The release is not the cause: 213 good runs on v41 (b81d07e) before.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Last good run: Sat 28 Nov 2026, 06:00 UTC
    AWS says: ResourceInitializationError: unable to pull secrets or registry auth: retrieve secret from asm: \
ResourceNotFoundException: Secrets Manager can't find the specified secret
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - Check whether the secret exists under that name, and whether the execution role may read it.

    Task: TASK
"""
MISSED = """\
    Subject: IngestData did not run: its schedule is disabled (production/guestbook-api)

    It did not run at 06:00 UTC: its schedule is disabled, and the schedule file says that it is enabled.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Last good run: Sat 28 Nov 2026, 06:00 UTC
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - Enable the rule, or deploy again.
"""
STILL_FAILING = """\
    Subject: IngestData still fails: 25 bad runs since Sun 29 Nov 2026, 06:00 UTC (production/guestbook-api)

    The job ended with exit code 1. It is the last of 25 bad runs.
    First failure since v41 (b81d07e), which went live 38 min 2 s before; 213 good runs on v40 (5d0c6a1).

    Scheduled for: Mon 30 Nov 2026, 06:00 UTC
    Started: 06:04:10 UTC, 4 min 10 s late
    Lasted: 2 min 14 s
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Last good run: Sat 28 Nov 2026, 06:00 UTC
    Incident: IngestData#2026-11-29T06:00:00Z

    The last lines of its log:
      out of cheese

    What to do:
    - Look at the job's log.
    - If the release is the cause: roll back to v40 (5d0c6a1), or push an image that fixes it.

    Log: LOG
    Task: TASK
"""
RECOVERED = """\
    Subject: IngestData recovered after 3 bad runs (production/guestbook-api)

    It failed for 5 h 59 min, 3 bad runs.
    The reason was: The job ended with exit code 1.
    It succeeds since v42 (c7f3e20); it failed on v41 (b81d07e).

    First failure: Sun 29 Nov 2026, 06:00 UTC
    Recovered: Sun 29 Nov 2026, 12:00 UTC
    Release: v42, image c7f3e20, sha256:777777777777
    Incident: IngestData#2026-11-29T06:00:00Z

    Log of the last bad run: LOG
    Task of the last bad run: TASK
"""
BOTH_AT_ONCE = """\
    Subject: IngestData recovered after one bad run (production/guestbook-api)

    It failed for 1 min 15 s, one bad run. It recovered before a message about it was sent.
    The reason was: The job ended with exit code 1.

    First failure: Sun 29 Nov 2026, 06:00 UTC
    Recovered: Sun 29 Nov 2026, 06:02 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incident: IngestData#2026-11-29T06:00:00Z

    Log of the last bad run: LOG
    Task of the last bad run: TASK
"""
OVERLONG = """\
    Subject: IngestData still runs after 2 h (production/guestbook-api)

    It is still running.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Started: 06:00:31 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incident: IngestData#2026-11-29T06:00:00Z

    The last lines of its log:
      loaded 10 of 3000

    What to do:
    - Check whether it makes progress. If not, stop the task in ECS's console.

    Log: LOG
    Task: TASK
"""
OVERLAPPING = """\
    Subject: IngestData runs twice at once (production/guestbook-api)

    It started while an earlier task of it (9a8b7c) still ran. Both are still running.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Started: 06:00:31 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - If two must not run at once, let the job take a lock.

    Log: LOG
    Task: TASK
"""
SKIPPED = """\
    Subject: IngestData was skipped: an earlier run is still running (production/guestbook-api)

    An earlier task of it (9a8b7c) still ran, so Rota stopped this one before it began. Further ones that are skipped \
are recorded, and reported once a day.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - If the earlier run hangs, stop it in ECS's console, and give the job a max_runtime in the schedule file.

    Task: TASK
"""
REPLACED = """\
    Subject: IngestData was replaced by its next run (production/guestbook-api)

    It still ran when its next run had begun, so Rota stopped it. Further ones that are replaced are recorded, and \
reported once a day.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Started: 06:00:31 UTC
    Lasted: 2 min 14 s
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - If no run comes to its end, let the job run more rarely.

    Log: LOG
    Task: TASK
"""
NOT_CAUGHT_UP = """\
    Subject: IngestData was not started once more (production/guestbook-api)

    Its run of 06:00 UTC did not begin, and catch_up did not start it once more: ECS started nothing: no capacity.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - Run the job once more yourself if the next run is too far off.

    Task: TASK
"""
TOO_LONG = """\
    Subject: IngestData failed: stopped after max_runtime (production/guestbook-api)

    It was stopped by Rota after max_runtime, 60 s.
    First failure since v41 (b81d07e), which went live 38 min 2 s before; 213 good runs on v40 (5d0c6a1).

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Started: 06:00:31 UTC
    Lasted: 2 min 14 s
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Last good run: Sat 28 Nov 2026, 06:00 UTC
    Incident: IngestData#2026-11-29T06:00:00Z

    The last lines of its log:
      Traceback (most recent call last):
        File "/app/app/tasks/data_ingestion_task.py", line 31, in run
      psycopg.OperationalError: connection to postgres://guestbook:***@db/guestbook failed

    What to do:
    - Look at the job's log. If it needs longer, raise its max_runtime in the schedule file.
    - If the release is the cause: roll back to v40 (5d0c6a1), or push an image that fixes it.

    Log: LOG
    Task: TASK
"""
UNKNOWN = """\
    Subject: IngestData: the result of a run is unknown (production/guestbook-api)

    Its result is unknown: Rota was not running.

    Scheduled for: Sun 29 Nov 2026, 06:00 UTC
    Incident: IngestData#2026-11-29T06:00:00Z

    What to do:
    - CloudTrail's events RunTask of that time show whether the job was started; its log shows the rest.
"""
late = failed(due=DUE + DAY, started_at=DUE + DAY + timedelta(seconds=250), tail=("out of cheese",))
REFUSED = reason_of_no_catching_up(None, "ECS started nothing: no capacity")
ON_V41 = GOOD.model_copy(update={"release": V41})


@pytest.mark.parametrize(
    ("of", "now", "text"),
    [
        pytest.param(job(incident(failed()), owner="data-team"), SOON, FAILED, id="failed"),
        pytest.param(job(incident(not_started(), last_good=ON_V41)), SOON, NOT_STARTED, id="not started"),
        pytest.param(job(incident(missed())), SOON, MISSED, id="missed"),
        pytest.param(
            job(incident(failed(), **REPORTED, runs=25, last=late)), DUE + DAY + HOUR, STILL_FAILING, id="still failing"
        ),
        pytest.param(
            job(incident(failed(), **REPORTED, runs=3, recovered=good(6 * HOUR, V42))),
            DUE + 7 * HOUR,
            RECOVERED,
            id="recovered",
        ),
        pytest.param(
            job(incident(failed(), recovered=good(timedelta(minutes=2)))), SOON, BOTH_AT_ONCE, id="failed and recovered"
        ),
        pytest.param(
            job(None, Notice(kind="overlong", run=running()), max_runtime=7200), SOON, OVERLONG, id="overlong"
        ),
        pytest.param(
            job(None, Notice(kind="overlapping", run=running(overlaps="9a8b7c"))), SOON, OVERLAPPING, id="overlapping"
        ),
        pytest.param(
            job(None, Notice(kind="unknown", run=missed(reason=reason_of_absence(away=True)))),
            SOON,
            UNKNOWN,
            id="unknown",
        ),
        pytest.param(job(None, Notice(kind="skipped", run=stopped("skip", "9a8b7c"))), SOON, SKIPPED, id="skipped"),
        pytest.param(job(None, Notice(kind="replaced", run=stopped("replace", "1f"))), SOON, REPLACED, id="replaced"),
        pytest.param(
            job(None, Notice(kind="not_caught_up", run=not_started(reason=REFUSED))), SOON, NOT_CAUGHT_UP, id="too late"
        ),
        pytest.param(job(incident(stopped("max_runtime", "60"))), SOON, TOO_LONG, id="stopped after max_runtime"),
    ],
)
def test_a_mail(of: Job, now: Any, text: str) -> None:
    message = message_of(only(of, now=now), PLACE)
    mail = f"Subject: {mail_subject(message)}\n\n{mail_text(message)}"
    assert mail.replace(LOG, "LOG").replace(TASK, "TASK") == textwrap.dedent(text)


MANY = """\
    Subject: 300 jobs did not start: a secret (production/guestbook-api)

    All for one reason. It did not start: a secret that the task definition names could not be read.
    First failure since v41 (b81d07e), which went live 38 min 2 s before; 213 good runs on v40 (5d0c6a1).

    All were due Sun 29 Nov 2026, 06:00 UTC: FIFTY, and 250 more.

    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    AWS says: ResourceInitializationError: unable to pull secrets or registry auth: retrieve secret from asm: \
ResourceNotFoundException: Secrets Manager can't find the specified secret
    Owners: data-team, web
    Incidents: Job001#2026-11-29T06:00:00Z and 299 more

    What to do:
    - Check whether the secret exists under that name, and whether the execution role may read it.
    - If the release is the cause: roll back to v40 (5d0c6a1), or push an image that fixes it.
"""
STORM = [
    job(incident(not_started(f"Job{number:03}")), owner=("data-team", "web", "")[number % 3])
    for number in range(1, 301)
]


def test_a_storm_of_300_is_one_message_with_a_list() -> None:
    alert = only(*STORM)
    message = message_of(alert, PLACE)
    mail = f"Subject: {mail_subject(message)}\n\n{mail_text(message)}"
    fifty = ", ".join(f"Job{number:03}" for number in range(1, 51))
    assert mail.partition("\nTask: ")[0] == textwrap.dedent(MANY).replace("FIFTY", fifty)
    assert len(events_of(alert, PLACE)) == 300
    attributes = attributes_of(alert)
    assert (len(attributes["task"]), attributes["kind"]) == (300, ("not_started",))
    assert set(attributes["owner"]) == {"data-team", "web", "none"}


JOINED = """\
    2 jobs did not start: a secret (production/guestbook-api)
    All for one reason. It did not start: a secret that the task definition names could not be read.
    The same reason as in the incident IngestData#2026-11-29T06:00:00Z.
    The release is not the cause: 213 good runs on v41 (b81d07e) before.

    J0, Sun 29 Nov 2026, 06:00 UTC
    J1, Sun 29 Nov 2026, 06:01 UTC
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    AWS says: no such secret
    Owners: data-team
    Incidents: J0#2026-11-29T06:00:00Z and 1 more
    - Check whether the secret exists under that name, and whether the execution role may read it.
    Task: https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/production/tasks/6d9685dc?region=eu-west-1
    production/guestbook-api:IngestData#2026-11-29T06:00:00Z, not_started, good: False"""
RECOVERED_TOGETHER = """\
    2 jobs recovered (production/guestbook-api)
    The reason was: The job ended with exit code 1.

    All were due Sun 29 Nov 2026, 06:00 UTC: J0, J1.
    Release: v41, image b81d07e, sha256:9c1e9c1e9c1e
    Incidents: J0#2026-11-29T06:00:00Z and 1 more
    Log of the last bad run: https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1\
#logsV2:log-groups/log-group/$252Fecs$252Fguestbook/log-events/app$252Fapp$252F6d9685dc
    Task of the last bad run: https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/production/tasks/6d9685dc\
?region=eu-west-1
    production/guestbook-api:IngestData#2026-11-29T06:00:00Z, recovered, good: True"""
UNKNOWN_TOGETHER = """\
    The results of 2 runs are unknown (production/guestbook-api)
    For one reason: Rota was not running.

    All were due Sun 29 Nov 2026, 06:00 UTC: J0, J1.
    Incidents: J0#2026-11-29T06:00:00Z and 1 more
    - CloudTrail's events RunTask of that time show whether the job was started; its log shows the rest.
    production/guestbook-api:J0#2026-11-29T06:00:00Z, unknown, good: None"""
SHORT = SECRET.model_copy(update={"aws": "no such secret"})
AWAY = reason_of_absence(away=True)


@pytest.mark.parametrize(
    ("jobs", "text"),
    [
        pytest.param(
            [
                job(incident(failed("J8"), reported_at=DUE, thread="J8#2026-11-29T05:00:00Z")),
                job(incident(not_started("J9", reason=SHORT), **REPORTED)),
                job(incident(not_started("J0", reason=SHORT), last_good=ON_V41)),
                job(
                    incident(not_started("J1", DUE + timedelta(minutes=1), SHORT), last_good=ON_V41), owner="data-team"
                ),
            ],
            JOINED,
            id="joined",
        ),
        pytest.param(
            [job(incident(failed(f"J{n}"), **REPORTED, runs=3 - n, recovered=good(HOUR, V42))) for n in (0, 1)],
            RECOVERED_TOGETHER,
            id="recovered",
        ),
        pytest.param(
            [job(None, Notice(kind="unknown", run=missed(f"J{n}", reason=AWAY))) for n in (0, 1)],
            UNKNOWN_TOGETHER,
            id="unknown",
        ),
    ],
)
def test_all_that_a_message_about_many_says(jobs: list[Job], text: str) -> None:
    alert = only(*jobs, now=REPORTED["reported_at"] + 2 * HOUR)
    shown = message_of(alert, PLACE)
    facts = [f"{name}: {value}" for name, value in shown.facts]
    links = [f"{name}: {url}" for name, url in shown.links]
    sent = f"{shown.thread}, {', '.join(shown.keywords[1:])}, good: {shown.good}"
    lines = [shown.title, shown.lead, *facts, *(f"- {step}" for step in shown.next_steps), *links, sent]
    assert "\n".join(lines) == textwrap.dedent(text)
    assert (shown.kind, shown.keywords[0], shown.log) == ("Rota Run", APP, ())


def of_many(kind: str, run: Run, count: int = 5) -> list[Job]:
    return [job(None, Notice(kind=kind, run=run.model_copy(update={"task": f"J{n}"}))) for n in range(count)]


@pytest.mark.parametrize(
    ("kind", "run", "title", "lead", "aws"),
    [
        ("overlong", running(), "5 jobs run for too long", "All of them are still running.", ""),
        ("overlapping", running(), "5 jobs run twice at once", "All of them are still running.", ""),
        (
            "skipped",
            stopped("skip", "1f"),
            "5 jobs were skipped: earlier runs are still running",
            "Earlier tasks of them still ran, so Rota stopped these before they began.",
            "",
        ),
        (
            "replaced",
            stopped("replace", "1f"),
            "5 jobs were replaced by their next runs",
            "They still ran when their next runs had begun, so Rota stopped them.",
            "",
        ),
        (
            "not_caught_up",
            not_started(reason=REFUSED.model_copy(update={"aws": "RESOURCE:FARGATE"})),
            "5 jobs were not started once more",
            "Their runs did not begin, and catch_up did not start it once more: ECS started nothing: no capacity.",
            "RESOURCE:FARGATE",
        ),
    ],
)
def test_a_message_about_one_run_each_of_many(kind: str, run: Run, title: str, lead: str, aws: str) -> None:
    message = message_of(only(*of_many(kind, run)), PLACE)
    assert (message.title, message.lead.partition("\n")[0]) == (f"{title} ({APP})", lead)
    assert dict(message.facts).get("AWS says", "") == aws
    assert len(due_alerts(of_many(kind, run, 4), SOON)) == (1 if kind == "not_caught_up" else 4)


@pytest.mark.parametrize(
    ("count", "last"), [(50, "J048, J049."), (51, "J048, J049, and 1 more.")], ids=["fifty", "one more"]
)
def test_fifty_jobs_are_named(count: int, last: str) -> None:
    jobs = [job(incident(missed(f"J{n:03}"))) for n in range(count)]
    assert message_of(only(*jobs), PLACE).lead.endswith(last)


@pytest.mark.parametrize(
    ("why", "short"),
    [
        ("exit_code", ": exit code 1"),
        ("out_of_memory", ": out of memory"),
        ("killed", ": killed"),
        ("stopped", ": stopped by hand"),
        ("max_runtime", ": stopped after max_runtime"),
        ("overlap", ": stopped as it overlapped"),
        ("spot", ": Spot interruption"),
        ("host", ": its host"),
        ("image", ": its image"),
        ("secret", ": a secret"),
        ("logs", ": its log group"),
        ("role", ": a role"),
        ("network", ": the network"),
        ("capacity", ": no capacity"),
        ("command", ": its command"),
        ("refused", ": refused by ECS"),
        ("disabled", ": its schedule is disabled"),
        ("gone", ": its schedule does not exist"),
        ("other", ""),
        (None, ""),
    ],
)
def test_a_title_has_the_reason_in_a_word(why: str | None, short: str) -> None:
    reason = SECRET.model_copy(update={"why": Why(why)}) if why else None
    jobs = [job(incident(failed(f"J{n}", reason=reason))) for n in range(5)]
    assert message_of(only(jobs[0]), PLACE).title == f"J0 failed{short} ({APP})"
    assert message_of(only(*jobs), PLACE).title == f"5 jobs failed{short} ({APP})"


@pytest.mark.parametrize(
    ("of", "kind", "is_good"),
    [
        pytest.param(job(incident(failed())), "failed", False, id="failed"),
        pytest.param(job(incident(failed(), recovered=good(HOUR))), "recovered", True, id="recovered"),
        pytest.param(job(None, Notice(kind="unknown", run=missed(reason=AWAY))), "unknown", None, id="unknown"),
    ],
)
def test_what_a_chat_goes_by(of: Job, kind: str, is_good: bool | None) -> None:
    message = message_of(only(of, now=DUE + 2 * HOUR), PLACE)
    assert (message.kind, message.keywords, message.good) == ("Rota Run", (APP, "IngestData", kind), is_good)
    assert message.thread == f"{APP}:IngestData#2026-11-29T06:00:00Z"


@pytest.mark.parametrize(
    ("lines", "log", "lead"),
    [(0, (), ""), (2, ("b", "c"), ""), (9, ("a", "b", "c"), "")],
    ids=["none", "the last", "all there are"],
)
def test_so_many_lines_of_the_log_are_shown(lines: int, log: tuple[str, ...], lead: str) -> None:
    place = Place(APP, (GROUP_ARN,), lines)
    assert message_of(only(job(incident(failed(tail=("a", "b", "c"))))), place).log == log
    assert ("It logged nothing." in message_of(only(job(incident(failed(tail=())))), place).lead) == bool(lines)


@pytest.mark.parametrize(
    ("seconds", "started"), [(59, "06:00:59 UTC"), (60, "06:01 UTC, 1 min late")], ids=["in time", "late"]
)
def test_a_minute_is_late(seconds: int, started: str) -> None:
    run = failed(started_at=DUE + timedelta(seconds=seconds))
    assert dict(message_of(only(job(incident(run))), PLACE).facts)["Started"] == started


@pytest.mark.parametrize(
    ("reports", "title"),
    [
        pytest.param([incident(failed(f"J{n}")) for n in range(5)], "5 jobs failed: exit code 1", id="failed alike"),
        pytest.param([incident(missed(f"J{n}")) for n in range(2)], "2 jobs did not run: its schedule", id="missed"),
        pytest.param(
            [incident(failed(f"J{n}"), **REPORTED, recovered=good(HOUR)) for n in range(2)],
            "2 jobs recovered",
            id="recovered",
        ),
        pytest.param(
            [incident(failed(f"J{n}"), **REPORTED, last=failed(f"J{n}", DUE + DAY)) for n in range(2)],
            "2 jobs still fail",
            id="still failing",
        ),
    ],
)
def test_the_title_of_many(reports: list[Incident], title: str) -> None:
    assert message_of(only(*map(job, reports), now=DUE + 2 * DAY), PLACE).title.startswith(title)


def test_many_that_were_due_at_different_times_are_listed_with_them() -> None:
    jobs = [job(incident(not_started(f"J{n}", DUE + timedelta(minutes=n)))) for n in (1, 2)]
    lead = message_of(only(*jobs), PLACE).lead
    assert lead.endswith("\n\nJ1, Sun 29 Nov 2026, 06:01 UTC\nJ2, Sun 29 Nov 2026, 06:02 UTC")


@pytest.mark.parametrize(
    ("run", "lead"),
    [
        pytest.param(failed(tail=(), log=None), "", id="its revision is not known"),
        pytest.param(
            failed(tail=(), log=LogPlace(driver="awsfirelens")),
            "Its log driver is awsfirelens, which Rota cannot read.",
            id="another driver",
        ),
        pytest.param(failed(tail=()), "It logged nothing.", id="nothing"),
        pytest.param(
            failed(tail=(), log=LogPlace(driver="awslogs", group="/ecs/other", stream="x")),
            "To see the log's last lines here, add arn:aws:logs:eu-west-1:111122223333:log-group:/ecs/other:* "
            "to the parameter JobLogGroups.",
            id="a group that may not be read",
        ),
    ],
)
def test_why_there_are_no_lines_of_the_log(run: Run, lead: str) -> None:
    assert (
        message_of(only(job(incident(run, last_good=None))), PLACE).lead.partition("v41 (b81d07e).")[2].strip() == lead
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"runs": 3}, "3 bad runs in a row.", id="more than its tolerance"),
        pytest.param(
            {"last": missed(counted=True, lacking=2)},
            "2 runs are missing in the hour after 06:00 UTC: its",
            id="counted",
        ),
        pytest.param(
            {"first": missed(counted=True), "last": missed(counted=True), "runs": 12},
            "Runs are missing since 06:00 UTC: its",
            id="all since then",
        ),
        pytest.param({"last": missed(counted=True)}, "One run is missing in the hour after 06:00 UTC: its", id="one"),
        pytest.param(
            {"first": missed(counted=True), "last": missed(counted=True, lacking=2)},
            "2 runs are missing in the hour after 06:00 UTC: its",
            id="the first that are counted",
        ),
        pytest.param(
            {"last": missed(counted=True, lacking=2), "runs": 3},
            "2 runs are missing in the hour after 06:00 UTC: its",
            id="counted after one that failed",
        ),
        pytest.param({"last": failed(reason=None)}, "It failed.\n", id="no reason"),
        pytest.param({"last": failed(trigger=Trigger.BY_HAND)}, "Started by hand: Sun 29 Nov 2026", id="by hand"),
        pytest.param(
            {"last": failed(trigger=Trigger.CATCH_UP)}, "Started once more: because of catch_up", id="caught up"
        ),
    ],
)
def test_a_mail_says(changes: dict[str, Any], says: str) -> None:
    assert says in mail_text(message_of(only(job(incident(failed(), **changes))), PLACE))


@pytest.mark.parametrize(
    ("owed", "says"),
    [
        pytest.param({"answer": STARTED}, "catch_up has started it once more: see how that run ends.", id="started"),
        pytest.param({"given_up": True}, "catch_up starts it once more.", id="at once"),
        pytest.param({}, "catch_up starts it once more when its retry age is over.", id="later"),
        pytest.param({"answer": "it has run meanwhile"}, "catch_up did not start it once more: it has run", id="not"),
    ],
)
def test_a_mail_says_what_catch_up_does(owed: dict[str, Any], says: str) -> None:
    owes = Owed(**{"scheduled_at": DUE, "tasks": 1, "given_up": False, **owed})
    text = mail_text(message_of(only(job(incident(missed()), owed=owes, catch_up="both")), PLACE))
    assert f"- {says}" in text
    other = owes.model_copy(update={"scheduled_at": DUE - HOUR})
    assert "catch_up" not in mail_text(message_of(only(job(incident(missed()), owed=other)), PLACE))


def test_a_mail_about_many_says_how_many_were_caught_up() -> None:
    owes = Owed(scheduled_at=DUE, tasks=1, given_up=True, answer=STARTED)
    jobs = [job(incident(missed(task=f"Job{n}")), owed=owes if n else None) for n in range(3)]
    assert "- catch_up has started 2 of them once more." in mail_text(message_of(only(*jobs), PLACE))


def test_a_recovery_says_that_it_was_caught_up() -> None:
    ended = incident(missed(), **REPORTED, recovered=good(6 * HOUR).model_copy(update={"caught_up": True}))
    lead = message_of(only(job(ended), now=DUE + 7 * HOUR), PLACE).lead
    assert lead.endswith("Rota had started it once more, late, because of catch_up.")


# ---------------------------------------------------------------------- the release

V40_AGAIN = V40.model_copy(update={"number": 45, "since": DUE - HOUR})
OTHER_FILE = Stored(key="scheduled_tasks.json", version_id="Zz9")
OTHER_BASE = "arn:aws:ecs:eu-west-1:111122223333:task-definition/guestbook:14"
CAPACITY = Reason(why=Why.CAPACITY, words="Fargate had no capacity", todo="Run it once more.", reader=Actor.OPERATOR)


@pytest.mark.parametrize(
    ("before", "since", "says"),
    [
        pytest.param(
            V40,
            V41,
            "First failure since v41 (b81d07e), which went live 38 min 2 s before; 213 good runs on v40 (5d0c6a1).",
            id="another image",
        ),
        pytest.param(
            V40,
            V41.model_copy(update={"schedule": OTHER_FILE}),
            "First failure since v41 (b81d07e), which went live 38 min 2 s before; 213 good runs on v40 (5d0c6a1). "
            "Changed with it: another image and another version of the schedule file (Zz9).",
            id="another image and file",
        ),
        pytest.param(
            V40,
            V40.model_copy(update={"number": 41, "schedule": OTHER_FILE}),
            "Same image as in 213 good runs before, but another version of the schedule file (Zz9).",
            id="another version of the file",
        ),
        pytest.param(
            V40,
            V40.model_copy(update={"number": 41, "base": OTHER_BASE}),
            "Same image as in 213 good runs before, but another base (guestbook:14).",
            id="another base",
        ),
        pytest.param(
            V40,
            V40.model_copy(update={"number": 41, "schedule": OTHER_FILE, "base": OTHER_BASE, "since": None}),
            "First failure since v41 (5d0c6a1); 213 good runs on v40 (5d0c6a1). Changed with it: another version of "
            "the schedule file (Zz9) and another base (guestbook:14).",
            id="another file and base",
        ),
        pytest.param(V41, V41, "The release is not the cause: 213 good runs on v41 (b81d07e) before.", id="the same"),
        pytest.param(
            V40,
            V42,
            "It did not run between v40 (5d0c6a1) and v42 (c7f3e20): the cause may be one of v41 to v42; "
            "213 good runs on v40 (5d0c6a1).",
            id="two releases between",
        ),
        pytest.param(
            Release(digest=V40.digest),
            Release(digest=V41.digest),
            "First failure since 9c1e9c1e9c1e; 213 good runs on 1f1f1f1f1f1f.",
            id="digests alone",
        ),
        pytest.param(None, V41, "", id="the good run's release is not known"),
        pytest.param(V40, None, "", id="the bad run's release is not known"),
    ],
)
def test_whether_it_is_the_release(before: Release | None, since: Release | None, says: str) -> None:
    last_good = GOOD.model_copy(update={"release": before})
    assert attribute(incident(failed(release=since), last_good=last_good)) == says


@pytest.mark.parametrize(
    ("release", "known"),
    [
        pytest.param(Release(digest=V41.digest), V41, id="by its image"),
        pytest.param(Release(digest=V40.digest), V40_AGAIN, id="the newest with that image"),
        pytest.param(Release(digest=V42.digest), V42, id="one that went live later"),
        pytest.param(
            Release(digest="sha256:" + "0" * 64), Release(digest="sha256:" + "0" * 64), id="none with that image"
        ),
        pytest.param(V40, V40_AGAIN, id="recorded as an earlier one"),
        pytest.param(V41, V41, id="known already"),
        pytest.param(None, None, id="not known at all"),
    ],
)
def test_a_release_of_which_the_image_alone_is_known(release: Release | None, known: Release | None) -> None:
    well = GOOD.model_copy(update={"release": release})
    of = job(incident(failed(release=release), last_good=well, recovered=well))
    later = V42.model_copy(update={"since": DUE + DAY})
    found = with_releases(of, (V40, V41, V40_AGAIN, later)).incident
    assert found is not None
    expected = later if known == V42 else known
    assert (found.first.release, found.last.release) == (expected, expected)
    day_before = V40 if expected == V40_AGAIN else expected
    assert found.last_good is not None
    assert found.recovered is not None
    assert (found.last_good.release, found.recovered.release) == (day_before, day_before)
    assert with_releases(job(), (V40,)) == job()


@pytest.mark.parametrize(
    ("changes", "is_it"),
    [
        pytest.param({"since": DUE + timedelta(seconds=2)}, True, id="it went live as the run began"),
        pytest.param({"since": DUE + timedelta(seconds=3)}, False, id="it went live afterwards"),
        pytest.param({"since": None}, False, id="since when is not known"),
        pytest.param({"number": None}, False, id="it has no number"),
    ],
)
def test_a_later_release_of_the_image_is_believed_only_if_it_was_live(changes: dict[str, Any], is_it: bool) -> None:
    later = V40_AGAIN.model_copy(update=changes)
    found = with_releases(job(incident(failed(release=V40))), (later,)).incident
    assert found is not None
    assert found.first.release == (later if is_it else V40)
    before = failed(release=V40, created_at=None)
    found = with_releases(job(incident(before)), (later,)).incident
    assert found is not None
    assert found.first.release == V40, "by when it was due"


@pytest.mark.parametrize(
    ("since", "created_at", "says"),
    [
        (DUE - timedelta(seconds=1), None, ", which went live 1 s before"),
        (DUE, None, ", which went live 0 s before"),
        (DUE + timedelta(seconds=1), None, ""),
        (DUE + timedelta(seconds=1), DUE + timedelta(seconds=3), ", which went live 2 s before"),
        (None, None, ""),
    ],
    ids=["before it was due", "as it was due", "afterwards", "before it began", "not known"],
)
def test_when_the_release_went_live(since: Any, created_at: Any, says: str) -> None:
    run = failed(created_at=created_at, release=V41.model_copy(update={"since": since}))
    assert attribute(incident(run)) == f"First failure since v41 (b81d07e){says}; 213 good runs on v40 (5d0c6a1)."


def test_a_failure_without_a_reason_is_attributed() -> None:
    of = incident(failed(reason=None))
    assert attribute(of).startswith("First failure since v41")
    assert "roll back to v40 (5d0c6a1)" in mail_text(message_of(only(job(of)), PLACE))


def test_a_base_that_is_no_longer_taken_over_is_no_change() -> None:
    with_base = GOOD.model_copy(update={"release": V41.model_copy(update={"base": OTHER_BASE})})
    assert attribute(incident(failed(), last_good=with_base)).startswith("The release is not the cause")


@pytest.mark.parametrize(
    "changes",
    [{"last_good": None}, {"last_good": GOOD.model_copy(update={"release": None})}, {"first": failed(release=None)}],
    ids=["no good run", "its release is not known", "the run's is not"],
)
def test_a_rollback_is_proposed_only_where_both_releases_are_known(changes: dict[str, Any]) -> None:
    assert "roll back" not in mail_text(message_of(only(job(incident(failed(), **changes))), PLACE))


def test_a_job_without_a_good_run() -> None:
    says = "No good run of it is known; this one began with v41 (b81d07e)."
    assert attribute(incident(failed(), last_good=None)) == says


def test_an_image_of_a_running_deployment_is_not_a_release() -> None:
    of = incident(failed(release=Release(digest=V41.digest)))
    assert attribute(of) == (
        "First failure with 9c1e9c1e9c1e, which is not a release: its deployment was running and may have failed; "
        "213 good runs on v40 (5d0c6a1)."
    )
    text = mail_text(message_of(only(job(of)), PLACE))
    assert "- If the image is the cause: see how its deployment ended, or push an image that fixes it." in text


def test_one_good_run_is_said_in_the_singular() -> None:
    assert "; one good run on v40" in attribute(incident(failed(), last_good=GOOD.model_copy(update={"runs": 1})))


@pytest.mark.parametrize("why", Why)
def test_a_release_is_no_reason_for_what_happens_to_any(why: Why) -> None:
    of_aws = {Why.SPOT, Why.HOST, Why.NETWORK, Why.CAPACITY, Why.STOPPED, Why.REFUSED, Why.DISABLED, Why.GONE}
    of_aws |= {Why.NO_TRACE, Why.AWAY, Why.OVERLAP}
    run = failed(reason=CAPACITY.model_copy(update={"why": why}))
    assert (attribute(incident(run)) == "") is (why in of_aws)


def test_what_aws_does_is_not_attributed_to_the_release() -> None:
    of = incident(not_started(reason=CAPACITY))
    assert attribute(of) == ""
    assert "roll back" not in mail_text(message_of(only(job(of)), PLACE))


# ---------------------------------------------------------------------- when, and what together


def names(alerts: list[Alert]) -> list[list[str]]:
    return [[each.job.task for each in alert.reports] for alert in alerts]


TURNED = DUE + timedelta(seconds=165)


@pytest.mark.parametrize(
    ("after", "is_reported"),
    [(timedelta(seconds=59), False), (timedelta(seconds=60), True)],
    ids=["others may follow", "none has"],
)
def test_a_job_that_turns_is_reported_within_a_minute(after: timedelta, is_reported: bool) -> None:
    assert bool(due_alerts([job(incident(failed()))], TURNED + after)) == is_reported


def test_one_after_the_other_is_waited_for_three_minutes_at_most() -> None:
    jobs = [job(incident(not_started(f"J{n:02}", DUE + timedelta(seconds=20 * n)))) for n in range(20)]
    first = DUE + timedelta(seconds=40)
    so_far = [each for each in jobs if each.incident and each.incident.opened_at <= first + timedelta(seconds=179)]
    assert due_alerts(so_far, first + timedelta(seconds=179)) == []
    assert len(only(*so_far, now=first + timedelta(seconds=180)).reports) == 9


def test_few_that_fail_alike_are_reported_one_by_one() -> None:
    assert names(due_alerts([job(incident(failed(f"J{n}"))) for n in range(4)], SOON)) == [
        ["J0"],
        ["J1"],
        ["J2"],
        ["J3"],
    ]


def test_jobs_that_fail_on_several_releases_do_not_fail_alike() -> None:
    jobs = [job(incident(failed(f"J{n}", release=(V41, V42)[n % 2]))) for n in range(6)]
    assert len(due_alerts(jobs, SOON)) == 6


def test_other_reasons_are_other_messages() -> None:
    other = SECRET.model_copy(update={"aws": "another secret"})
    jobs = [job(incident(not_started(f"J{n}", reason=(SECRET, other)[n % 2]))) for n in range(4)]
    assert names(due_alerts(jobs, SOON)) == [["J0", "J2"], ["J1", "J3"]]


def test_who_joins_a_known_cause_is_reported_once_an_hour() -> None:
    known = [job(incident(not_started("J0"), **REPORTED))]
    joining = [job(incident(not_started(f"J{n}", DUE + n * timedelta(minutes=10)))) for n in (1, 2, 3)]
    reported_at = REPORTED["reported_at"]
    assert due_alerts([*known, *joining], reported_at + timedelta(minutes=59)) == []
    alert = only(*known, *joining, now=reported_at + HOUR)
    assert names([alert]) == [["J1", "J2", "J3"]]
    assert "\nThe same reason as in the incident IngestData#2026-11-29T06:00:00Z.\n" in message_of(alert, PLACE).lead


def fails_alike(count: int) -> list[Job]:
    """Jobs that failed with exit code 1, and of which people know, each in a thread of its own."""
    at = DUE - timedelta(minutes=10)
    return [
        job(incident(failed(f"K{n}", at), reported_at=DUE + timedelta(minutes=n), thread=f"K{n}#t"))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("known", "new", "minutes", "threads"),
    [
        pytest.param(4, 1, 5, {"K0#t"}, id="four that are known delay nothing"),
        pytest.param(3, 2, 5, {"K0#t"}, id="five in all have one cause"),
        pytest.param(2, 2, 5, {f"J{n}#2026-11-29T06:00:00Z" for n in range(2)}, id="four in all have none"),
        pytest.param(5, 1, 63, set(), id="five that are known: within the hour"),
        pytest.param(5, 1, 64, {"K0#t"}, id="an hour after the last of them"),
    ],
)
def test_failing_alike_begins_with_five(known: int, new: int, minutes: int, threads: set[str]) -> None:
    jobs = [*fails_alike(known), *(job(incident(failed(f"J{n}"))) for n in range(new))]
    assert {alert.thread for alert in due_alerts(jobs, DUE + timedelta(minutes=minutes))} == threads


@pytest.mark.parametrize(
    ("known", "run"),
    [
        pytest.param([failed(f"K{n}", exit_code=2) for n in range(5)], failed("J0"), id="another exit code"),
        pytest.param(
            [not_started("K0", reason=SECRET.model_copy(update={"aws": "another"}))],
            not_started("J0"),
            id="another secret",
        ),
    ],
)
def test_what_fails_for_another_reason_delays_nothing(known: list[Run], run: Run) -> None:
    jobs = [job(incident(each, reported_at=DUE + timedelta(minutes=5), thread="K0#t")) for each in known]
    (alert,) = due_alerts([*jobs, job(incident(run))], DUE + timedelta(minutes=6))
    assert (names([alert]), alert.thread) == ([["J0"]], "J0#2026-11-29T06:00:00Z")


def test_each_is_reminded_of_and_recovers_in_its_own_thread() -> None:
    still = [
        each.model_copy(update={"incident": each.incident.model_copy(update={"last": failed(each.task, DUE + HOUR)})})
        for each in fails_alike(2)
        if each.incident
    ]
    over = job(incident(failed("J0"), reported_at=DUE + timedelta(minutes=5), thread="J0#t", recovered=good(HOUR)))
    found = {(alert.kind, alert.thread) for alert in due_alerts([*still, over], DUE + 2 * DAY)}
    assert found == {("still_failing", "K0#t"), ("still_failing", "K1#t"), ("recovered", "J0#t")}


def test_which_reasons_are_one_cause_for_two_jobs_already() -> None:
    of_aws = {"image", "secret", "logs", "role", "network", "capacity", "spot", "host"}
    of_aws |= {"refused", "disabled", "gone", "no_trace", "away"}
    together = set()
    for why in Why:
        reason = SECRET.model_copy(update={"why": why})
        alerts = due_alerts([job(incident(not_started(f"J{n}", reason=reason))) for n in range(2)], SOON)
        together |= {str(why)} if len(alerts) == 1 else set()
    assert together == of_aws


def test_two_kinds_of_notices_are_two_messages() -> None:
    jobs = of_many("overlong", running()) + of_many("overlapping", running()) + of_many("skipped", stopped("skip", "1"))
    found = due_alerts([*jobs, *of_many("skipped", stopped("skip", "1"))], SOON)
    assert [(alert.kind, len(alert.reports)) for alert in found] == [
        ("overlong", 5),
        ("overlapping", 5),
        ("skipped", 10),
    ]
    (event, *_) = events_of(found[0], PLACE)
    assert event.kind == "overlong"


def test_what_is_reported_of_a_run_is_its_notice_alone() -> None:
    both = [Notice(kind="overlong", run=running()), Notice(kind="overlapping", run=running())]
    other = Notice(kind="overlong", run=running(scheduled_at=DUE + HOUR))
    of = job(None, *both, other)
    report = Report(RunKind.OVERLONG, of, both[0].run, notice=both[0])
    noted = reported(of, report, "t", SOON)
    assert noted is not None
    assert noted.notices == (both[1], other)
    assert reported(noted, report, "t", SOON) is None


def test_a_cause_that_is_over_delays_nothing() -> None:
    over = job(incident(not_started("J0"), **REPORTED, recovered=good(timedelta(minutes=6))))
    assert ["J1"] in names(due_alerts([over, job(incident(not_started("J1", DUE + timedelta(minutes=8))))], SOON))


def test_who_was_reported_together_recovers_together() -> None:
    thread = {"reported_at": REPORTED["reported_at"], "thread": "J0#2026-11-29T06:00:00Z"}
    ended = [
        job(incident(not_started(f"J{n}"), **thread, recovered=good(HOUR + n * timedelta(minutes=5)))) for n in (0, 1)
    ]
    failing = job(incident(not_started("J2"), **thread))
    assert names(due_alerts(ended, DUE + 2 * HOUR)) == [["J0", "J1"]]
    assert due_alerts([*ended, failing], DUE + 2 * HOUR) == []
    assert names(due_alerts([*ended, failing], DUE + 2 * HOUR + timedelta(minutes=2))) == [["J0", "J1"]]
    assert only(*ended, now=DUE + 2 * HOUR).thread == "J0#2026-11-29T06:00:00Z"


@pytest.mark.parametrize(
    ("last", "after", "is_reported"),
    [
        pytest.param(failed(due=DUE + HOUR), DAY - HOUR, False, id="within a day"),
        pytest.param(failed(due=DUE + HOUR), DAY, True, id="after a day"),
        pytest.param(failed(), 9 * DAY, False, id="it did not run since"),
        pytest.param(failed(ended_at=REPORTED["reported_at"]), DAY, False, id="it ended as that was reported"),
        pytest.param(missed(due=DUE + HOUR), DAY, True, id="it was missed since"),
    ],
)
def test_a_reminder_comes_at_most_daily(last: Run, after: timedelta, is_reported: bool) -> None:
    of = job(incident(failed(), **REPORTED, last=last))
    assert bool(due_alerts([of], REPORTED["reported_at"] + after)) == is_reported


def test_unknown_runs_are_one_message() -> None:
    jobs = [
        job(None, Notice(kind="unknown", run=missed(f"J{n}", reason=reason_of_absence(away=True)))) for n in range(3)
    ]
    message = message_of(only(*jobs), PLACE)
    assert message.title == f"The results of 3 runs are unknown ({APP})"
    assert message.lead.startswith(
        "For one reason: Rota was not running.\n\nAll were due Sun 29 Nov 2026, 06:00 UTC: J0,"
    )


def reported_through_a_day(jobs: list[Job], begin: Any) -> tuple[list[Job], list[list[str]]]:
    """Reports every five minutes: the jobs after that day, and whom each message named. A job turns when
    its incident opens, or when the good run ends.
    """
    named = []
    for minute in range(5, 24 * 60, 5):
        now = begin + timedelta(minutes=minute)
        seen = {each.task: each for each in jobs}
        for alert in due_alerts([each for known in jobs for each in _so_far(known, now)], now):
            named.append([each.job.task for each in alert.reports])
            for each in alert.reports:
                seen[each.job.task] = reported(seen[each.job.task], each, alert.thread, now) or each.job
        jobs = list(seen.values())
    return jobs, named


def _so_far(known: Job, now: Any) -> Iterator[Job]:
    """The job as it was then; nothing before its incident."""
    of = known.incident
    if of and of.recovered and of.recovered.ended_at > now:
        yield known.model_copy(update={"incident": of.model_copy(update={"recovered": None})})
    elif of and of.opened_at <= now:
        yield known


def test_a_cause_that_fails_200_jobs_in_a_day_is_reported_once_an_hour() -> None:
    minutes = random.Random(7).choices(range(22 * 60), k=200)  # noqa: S311  no secret
    jobs = [job(incident(not_started(f"Job{n}", DUE + timedelta(minutes=minute)))) for n, minute in enumerate(minutes)]
    jobs, named = reported_through_a_day(jobs, DUE)
    assert sorted(task for tasks in named for task in tasks) == sorted(each.task for each in jobs)
    assert 20 <= len(named) <= 24

    assert len({each.incident.thread for each in jobs if each.incident}) == 1

    for n, each in enumerate(jobs):
        assert each.incident is not None
        again = not_started(each.task, DUE + DAY + timedelta(minutes=minutes[n]))
        jobs[n] = each.model_copy(update={"incident": each.incident.model_copy(update={"last": again})})
    _, named = reported_through_a_day(jobs, DUE + DAY)
    assert [len(tasks) for tasks in named] == [200]

    for n, each in enumerate(jobs):
        assert each.incident is not None
        well = each.incident.model_copy(update={"recovered": good(DAY + timedelta(minutes=minutes[n]))})
        jobs[n] = each.model_copy(update={"incident": well})
    jobs, named = reported_through_a_day(jobs, DUE + DAY)
    assert sorted(task for tasks in named for task in tasks) == sorted(each.task for each in jobs)
    assert 20 <= len(named) <= 24
    assert all(each.incident is None for each in jobs)


# ---------------------------------------------------------------------- once

steps = st.lists(st.sampled_from(["bad", "good", "report", "notice", "wait"]), max_size=25)


@given(steps)
def test_what_was_reported_is_not_reported_again_until_it_turns(course: list[str]) -> None:
    """A job that turns at will, and reports at any time: each turn is reported once, in its order."""
    now, of, heard, turns = DUE, job(), [], []
    for step in course:
        now += timedelta(minutes=5)
        is_open = of.incident and not of.incident.recovered
        if step == "bad" and of.incident is None:
            of = of.model_copy(update={"incident": incident(failed(due=now - timedelta(seconds=165)))})
            turns.append(str(now))
        elif step == "good" and of.incident and is_open:
            ended = {"recovered": GoodRun(scheduled_at=now, ended_at=now)}
            of = of.model_copy(update={"incident": of.incident.model_copy(update=ended)})
        elif step == "notice":
            of = of.model_copy(
                update={"notices": (*of.notices, Notice(kind="overlong", run=running(scheduled_at=now)))}
            )
            turns.append(str(now))
        elif step == "report":
            for alert in due_alerts([of], now):
                for report in alert.reports:
                    heard.append((report.id, report.kind))
                    of = reported(of, report, alert.thread, now) or of
            assert due_alerts([of], now) == []
    assert len(heard) == len(set(heard))
    begun = {identity for identity, _ in heard}
    assert len(begun) + len(of.notices) + bool(of.incident and not of.incident.reported_at) == len(turns)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(job(), id="it is gone"),
        pytest.param(job(incident(failed(due=DUE + HOUR))), id="another one has begun"),
    ],
)
def test_an_incident_that_is_over_is_not_noted(now: Job) -> None:
    (report,) = only(job(incident(failed()))).reports
    assert reported(now, report, report.id, SOON) is None


def test_a_reminder_stays_in_the_thread_of_the_first_message() -> None:
    before = job(incident(failed("Alone"), reported_at=DUE, thread="First#2026-11-29T06:00:00Z", last=late))
    alert = only(before, now=DUE + 2 * DAY)
    noted = reported(before, alert.reports[0], "Other#2026-11-30T06:00:00Z", SOON)
    assert noted is not None
    assert noted.incident is not None
    assert (alert.thread, noted.incident.thread) == ("First#2026-11-29T06:00:00Z",) * 2


def test_a_recovery_while_the_failure_is_reported_comes_next() -> None:
    before = job(incident(failed()))
    (report,) = only(before).reports
    meanwhile = job(incident(failed(), recovered=good(HOUR)))
    noted = reported(meanwhile, report, report.id, SOON)
    assert noted is not None
    assert only(noted, now=DUE + 2 * HOUR).kind == RunKind.RECOVERED


@pytest.mark.parametrize(("tolerance", "kinds"), [(0, [RunKind.FAILED]), (1, [])])
def test_a_failure_while_the_recovery_is_reported_comes_next(tolerance: int, kinds: list[RunKind]) -> None:
    """The job's next run ended between the message and the note of it."""
    well = after_run(job(incident(failed(), **REPORTED), tolerance=tolerance), failed(due=DUE + HOUR, status=Status.OK))
    (report,) = only(well, now=DUE + 3 * HOUR).reports
    noted = reported(after_run(well, failed(due=DUE + 2 * HOUR)), report, report.id, DUE + 3 * HOUR)
    assert noted is not None
    found = [each for alert in due_alerts([noted], DUE + 4 * HOUR) for each in alert.reports]
    assert [each.kind for each in found] == kinds
    for each in found:
        assert each.id == "IngestData#2026-11-29T08:00:00Z", "its event is no repeated one"
        assert each.incident is not None
        assert (each.incident.runs, each.incident.last_good) == (1, report.incident and report.incident.recovered)


# ---------------------------------------------------------------------- events and words


def test_the_event_of_a_job_that_turned() -> None:
    (event,) = events_of(only(job(incident(failed()), owner="data-team")), PLACE)
    assert event.model_dump(mode="json", exclude_none=True) == {
        "id": "IngestData#2026-11-29T06:00:00Z/failed",
        "app": APP,
        "task": "IngestData",
        "kind": "failed",
        "owner": "data-team",
        "incident": "IngestData#2026-11-29T06:00:00Z",
        "scheduled_at": "2026-11-29T06:00:00Z",
        "started_at": "2026-11-29T06:00:31Z",
        "ended_at": "2026-11-29T06:02:45Z",
        "seconds": 134.0,
        "exit_code": 1,
        "why": "exit_code",
        "reason": "the job ended with exit code 1",
        "aws": "",
        "acts": "author",
        "todo": "Look at the job's log.",
        "bad_runs": 1,
        "since": "2026-11-29T06:00:00Z",
        "attribution": "First failure since v41 (b81d07e), which went live 38 min 2 s before; "
        "213 good runs on v40 (5d0c6a1).",
        "release": {"number": 41, "tag": "b81d07e", "digest": V41.digest},
        "last_good": {"number": 40, "tag": "5d0c6a1", "digest": V40.digest},
        "good_runs": 213,
        "log": LOG,
    }


def test_the_event_of_a_job_that_recovered() -> None:
    of = incident(failed(), **REPORTED, runs=3, recovered=good(HOUR, V42))
    (event,) = events_of(only(job(of), now=DUE + 2 * HOUR), PLACE)
    (bad,) = events_of(only(job(of.model_copy(update={"reported_at": None, "recovered": None}))), PLACE)
    assert event.recovered_at == DUE + HOUR + timedelta(minutes=2)
    assert bad.recovered_at is None
    assert event.model_copy(update={"recovered_at": None, "id": bad.id, "kind": bad.kind}) == bad
    assert (event.bad_runs, event.id) == (3, "IngestData#2026-11-29T06:00:00Z/recovered")


def test_the_event_of_a_run_by_itself() -> None:
    run = stopped("skip", "9a8b7c").model_copy(update={"release": None})
    (event,) = events_of(only(job(None, Notice(kind="skipped", run=run))), PLACE)
    assert event.model_dump(mode="json", exclude_none=True) == {
        "id": "IngestData#2026-11-29T06:00:00Z/skipped",
        "app": APP,
        "task": "IngestData",
        "kind": "skipped",
        "owner": "",
        "incident": "IngestData#2026-11-29T06:00:00Z",
        "scheduled_at": "2026-11-29T06:00:00Z",
        "ended_at": "2026-11-29T06:02:45Z",
        "why": "overlap",
        "reason": "an earlier run of it still ran, and its overlap is skip",
        "aws": "Rota skipped IngestData: its overlap is skip, and its task 9a8b7c still runs",
        "acts": "author",
        "todo": "If the earlier run hangs, stop it in ECS's console, and give the job a max_runtime in the schedule "
        "file.",
        "bad_runs": 0,
        "attribution": "",
        "log": "",
    }


def test_the_event_shows_no_secret() -> None:
    reason = SECRET.model_copy(update={"aws": "GET https://user:hunter2@example.com"})
    (event,) = events_of(only(job(incident(not_started(reason=reason)))), PLACE)
    assert event.aws == "GET https://user:***@example.com"


@pytest.mark.parametrize(
    ("of", "now", "identity"),
    [
        pytest.param(
            job(incident(failed(), **REPORTED, last=late)), DUE + 2 * DAY, "/still_failing/2026-11-30", id="reminder"
        ),
        pytest.param(job(incident(failed(), **REPORTED, recovered=good(HOUR))), DUE + DAY, "/recovered", id="recovery"),
        pytest.param(job(None, Notice(kind="overlong", run=running())), SOON, "/overlong", id="a run by itself"),
    ],
)
def test_the_id_of_an_event_identifies_repeats(of: Job, now: Any, identity: str) -> None:
    (event,) = events_of(only(of, now=now), PLACE)
    assert event.id == f"IngestData#2026-11-29T06:00:00Z{identity}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (134, "2 min 14 s"),
        (3_600, "1 h"),
        (3_960, "1 h 6 min"),
        (86_400, "1 day"),
        (180_000, "2 days 2 h"),
    ],
)
def test_a_span_of_time_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_time_in_words() -> None:
    assert day_and_time(DUE) == "Sun 29 Nov 2026, 06:00 UTC"
    assert day_and_time(DUE + timedelta(seconds=7)) == "Sun 29 Nov 2026, 06:00:07 UTC"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "Sun 29 Nov 2026, 06:00 UTC"),
        ("Europe/Berlin", "Sun 29 Nov 2026, 06:00 UTC (07:00 Europe/Berlin)"),
        ("America/Los_Angeles", "Sun 29 Nov 2026, 06:00 UTC (Sat 22:00 America/Los_Angeles)"),
    ],
)
def test_a_run_in_a_zone_was_due_in_both(zone: str, words: str) -> None:
    span = Span(expression="cron(0 7 * * ? *)", timezone=zone, since=DUE - timedelta(days=1))
    alert = Alert((Report(RunKind.FAILED, job(spans=(span,)), failed()),), "IngestData")
    assert dict(message_of(alert, Place(APP)).facts)["Scheduled for"] == words
