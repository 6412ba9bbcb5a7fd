"""An app as the board's page shows it: items of the table and the status that comes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rota.board import model
from rota.cli.board.front import Clock, front
from rota.cli.history.model import Deployment
from rota.cli.status import tasks
from rota.cli.status.gather import Gathered
from rota.cli.status.model import Pause, Release, Service, Status
from rota.cli.table import Item

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
CLOCK = Clock(NOW, utc=True)
DIGEST = f"sha256:{'4f2a9c1d' * 8}"
DAILY = "cron(0 6 * * ? *)"
FRAME = model.Frame(
    app="production/shop-api",
    place="rota-production, eu-west-1, 111122223333",
    now=NOW,
    gathered="As of Mon 30 Nov 2026, 12:00:00 UTC",
    zone="UTC",
    version="0.1.0",
)
LIVE = Release("v2", DIGEST, "b81d07e", NOW - timedelta(hours=3), "scheduled_tasks.json", "2", "push", "", "")


def run(task: str, hours_ago: float, status: str = "ok", **members: Any) -> Item:
    """An item of the table."""
    due = f"{NOW - timedelta(hours=hours_ago):%Y-%m-%dT%H:%M:%SZ}"
    seconds = {} if status in ("missed", "not_started") else {"seconds": 40.0}
    record = f"run#{task}#{due}#4d3e09ab84c14b0f9d1b6b1c54e0a7aa"
    return {"record": record, "task": task, "scheduled_at": due, "status": status, **seconds, **members}


def job(task: str, expression: str = DAILY, **members: Any) -> Item:
    """What the table knows of a job."""
    return {"task": task, "spans": [{"expression": expression, "since": "2026-11-01T00:00:00Z"}], **members}


def gathered(*of_tasks: tuple[Item, list[Item]], paused: dict[str, Pause] | None = None, **status: Any) -> Gathered:
    """The app with these jobs, each with its runs, the newest first."""
    jobs = {known["task"]: known for known, _ in of_tasks}
    runs = {known["task"]: found for known, found in of_tasks}
    shown = [
        tasks.status(
            name,
            {"ScheduleExpression": known["spans"][-1]["expression"], "State": "ENABLED"},
            known,
            runs[name],
            (paused or {}).get(name),
            NOW,
            compared=True,
        )
        for name, known in jobs.items()
    ]
    given: dict[str, Any] = {
        "release": LIVE,
        "deploying": None,
        "last_deployment": None,
        "hold": None,
        "pending": None,
        "pending_schedule": None,
        "barred": [],
        "service": Service("shop:7", 2, 2, "COMPLETED", 2),
        "tasks": shown,
        "watched": True,
        "compared": True,
    }
    return Gathered(Status(**{**given, **status}), jobs, runs)


def large(tasks: int) -> Gathered:
    """Many tasks of all kinds, each with twenty runs."""
    kinds = ("cron(0 6 * * ? *)", "rate(5 minutes)", "cron(0/15 8-18 ? * MON-FRI *)", "cron(30 7 ? * MON *)")
    made = []
    for number in range(tasks):
        name = f"Department{number % 17}NightlyJob{number}"
        runs = [run(name, each, "failed" if (each + number) % 11 == 0 else "ok", exit_code=1) for each in range(1, 21)]
        made.append((job(name, kinds[number % len(kinds)], bad_runs=number % 10 == 0), runs))
    return gathered(*made)


def deployment(number: int, hours_ago: float, **members: Any) -> Deployment:
    """A release of the history."""
    ended = NOW - timedelta(hours=hours_ago)
    made = Deployment(
        release=f"v{number}",
        live=False,
        outcome="deployed",
        kind="push",
        tag=f"tag-{number}",
        digest=DIGEST,
        by="",
        reason="",
        started_at=ended - timedelta(seconds=48),
        finished_at=ended,
        seconds=48.0,
        summary="schedules: 3 changed; the service rolls",
        cause="",
        schedule_key="scheduled_tasks.json",
        schedule_version=str(number),
        execution=f"arn:aws:states:eu-west-1:111122223333:execution:rota-deploy:push-{number}",
    )
    return replace(made, **members)


def page(found: Gathered, *deployments: Deployment, **other: Any) -> model.Front:
    """The one screen."""
    given: dict[str, Any] = {"more": False, "blame": {}, **other}
    frame, deploying = given.pop("frame", FRAME), given.pop("deploying", None)
    return front(frame, found, deployments, deploying, CLOCK, given.pop("hours", 24), **given)
