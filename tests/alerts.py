"""Jobs of the guestbook that do not do well, for tests and for the messages that the documents show."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from rota.contract.deployment import Stored
from rota.runs.model import (
    Actor,
    GoodRun,
    Incident,
    Job,
    LogPlace,
    Notice,
    Reason,
    Release,
    Run,
    Status,
    Why,
    incident_id,
)

APP = "production/guestbook-api"
DUE = datetime(2026, 11, 29, 6, tzinfo=UTC)
GROUP = "/ecs/guestbook"
GROUP_ARN = f"arn:aws:logs:eu-west-1:111122223333:log-group:{GROUP}:*"
_TASKS = "arn:aws:ecs:eu-west-1:111122223333:task/production"
_FILE = "scheduled_tasks.json"

V40 = Release(
    number=40,
    tag="5d0c6a1",
    digest="sha256:" + "1f" * 32,
    schedule=Stored(key=_FILE, version_id="Kp2"),
    since=DUE - timedelta(days=9),
)
V41 = Release(
    number=41,
    tag="b81d07e",
    digest="sha256:" + "9c1e" * 16,
    schedule=V40.schedule,
    since=DUE - timedelta(minutes=38),
)
V42 = V41.model_copy(update={"number": 42, "tag": "c7f3e20", "digest": "sha256:" + "77" * 32, "since": DUE})
GOOD = GoodRun(scheduled_at=DUE - timedelta(days=1), ended_at=DUE - timedelta(days=1), release=V40, runs=213)

EXIT = Reason(
    why=Why.EXIT_CODE, words="the job ended with exit code 1", todo="Look at the job's log.", reader=Actor.AUTHOR
)
SECRET = Reason(
    why=Why.SECRET,
    words="a secret that the task definition names could not be read",
    aws="ResourceInitializationError: unable to pull secrets or registry auth: retrieve secret from asm: "
    "ResourceNotFoundException: Secrets Manager can't find the specified secret",
    todo="Check whether the secret exists under that name, and whether the execution role may read it.",
    reader=Actor.OPERATOR,
)
DISABLED = Reason(
    why=Why.DISABLED,
    words="its schedule is disabled, and the schedule file says that it is enabled",
    todo="Enable the rule, or deploy again.",
    reader=Actor.OPERATOR,
)
_TAIL = (
    "Traceback (most recent call last):",
    '  File "/app/app/tasks/data_ingestion_task.py", line 31, in run',
    "psycopg.OperationalError: connection to postgres://guestbook:hunter2@db/guestbook failed",
)


def failed(task: str = "IngestData", due: datetime = DUE, **changes: Any) -> Run:
    """A run that ended with exit code 1 on v41; `changes` are of its fields."""
    name = f"{crc32(task.encode()):08x}" if task != "IngestData" else "0f1e2d3c"
    run = Run(
        task=task,
        scheduled_at=due,
        task_id=name,
        status=Status.FAILED,
        task_arn=f"{_TASKS}/{name}",
        created_at=due + timedelta(seconds=2),
        started_at=due + timedelta(seconds=31),
        ended_at=due + timedelta(seconds=165),
        seconds=134,
        exit_code=1,
        reason=EXIT,
        release=V41,
        log=LogPlace(driver="awslogs", group=GROUP, stream=f"app/app/{name}"),
        tail=_TAIL,
    )
    return run.model_copy(update=changes)


def not_started(task: str = "IngestData", due: datetime = DUE, reason: Reason = SECRET) -> Run:
    """A run whose container never ran."""
    ended = {
        "started_at": None,
        "seconds": None,
        "exit_code": None,
        "tail": (),
        "ended_at": due + timedelta(seconds=40),
    }
    return failed(task, due, status=Status.NOT_STARTED, reason=reason, **ended)


def missed(task: str = "IngestData", due: datetime = DUE, reason: Reason = DISABLED, **changes: Any) -> Run:
    """A run that was due, and ECS has no task of it."""
    return Run(task=task, scheduled_at=due, task_id="missed", status=Status.MISSED, reason=reason, **changes)


def incident(run: Run, **changes: Any) -> Incident:
    """The incident that began with that run; `changes` are of its fields."""
    first = run.model_copy(update={"tail": ()})
    opened_at = run.ended_at or run.scheduled_at
    begun = Incident(id=incident_id(run), opened_at=opened_at, first=first, last=run, last_good=GOOD)
    return begun.model_copy(update=changes)


def job(of: Incident | None = None, *notices: Notice, **changes: Any) -> Job:
    """The job with that incident or these notices; `changes` are of its fields."""
    task = of.first.task if of else notices[0].run.task if notices else "IngestData"
    return Job(task=task, retry_age=300, grace=300, incident=of, notices=notices).model_copy(update=changes)
