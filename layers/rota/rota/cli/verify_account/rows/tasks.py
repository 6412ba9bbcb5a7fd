"""What a rule's target passes to a task, and what ECS reports of tasks. Each task runs for some seconds."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, NothingSeenError
from rota.cli.verify_account.resources import CONTAINER, ROLE, SCHEDULE, SCHEDULE_GROUP, Queue
from rota.cli.verify_account.row import Row, Seen, probe
from rota.cli.verify_account.rows import task_events
from rota.cli.verify_account.rows.task_events import Detail, Tasks

_AHEAD = timedelta(seconds=90)
"""How long before its minute a schedule is made, at least: EventBridge needs a short time to take a rule."""
_SCHEDULED_SECONDS = 420
_STOPPED_SECONDS = 240
_STATES = ("PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED")
_STARTED_BY = 36
_REASON = "Rota stopped verify: it ran for longer than its max_runtime, 0 s"
_JOB = "VerifyAccount"
_NAME = f'{{"name": "ROTA_TASK", "value": "{_JOB}"}}'
_TIME = '{"name": "ROTA_SCHEDULED_AT", "value": <time>}'
_SCHEDULER_TIME = '{"name": "ROTA_SCHEDULED_AT", "value": "<aws.scheduler.scheduled-time>"}'


@dataclass(frozen=True)
class _Scheduled:
    """What a rule or a schedule of this name did at its minute."""

    name: str
    due: datetime
    tasks: Tasks

    @property
    def variables(self) -> list[dict[str, str]]:
        """What each task got from its target."""
        return [_variables(own[0]) for own in self.tasks.values()]


@probe(*task_events.KINDS, ROLE, actions=("iam:PassRole", *task_events.ACTIONS))
def scheduled_tasks(account: Account) -> _Scheduled:
    """A rule is due once. One of its targets has plain input, the other a template with the scheduled time."""
    heard = task_events.heard(account)
    revision = resources.revision(account, resources.family(account, "by-rule"))
    target = resources.task_target(account, revision)
    transformer = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": _input(_NAME, _TIME)}
    due = _next_minute(account)
    rule = resources.rule(
        account,
        "scheduled-tasks",
        {**target, "Input": _input(_NAME)},
        {**target, "InputTransformer": transformer},
        ScheduleExpression=f"cron({due.minute} {due.hour} {due.day} {due.month} ? {due.year})",
    )
    return _Scheduled(rule, due, _started(account, heard, revision, tasks=2))


@probe(*task_events.KINDS, ROLE, SCHEDULE_GROUP, SCHEDULE, actions=("iam:PassRole", *task_events.ACTIONS))
def scheduler_task(account: Account) -> _Scheduled:
    """A schedule of EventBridge Scheduler is due once, with the scheduled time in its input."""
    heard = task_events.heard(account)
    revision = resources.revision(account, resources.family(account, "by-scheduler"))
    target = {**resources.task_target(account, revision), "Input": _input(_SCHEDULER_TIME)}
    due = _next_minute(account)
    request = {"ScheduleExpression": f"at({due:%Y-%m-%dT%H:%M:%S})", "ActionAfterCompletion": "DELETE"}
    name = resources.schedule(account, "scheduled-task", target, **request)
    return _Scheduled(name, due, _started(account, heard, revision, tasks=1))


@dataclass(frozen=True)
class _Stopped:
    """A task that was stopped, with its events."""

    task: str
    again: str
    """The task that a second RunTask with its client token has answered."""
    conflict: str
    """The error of a third one, with other parameters."""
    events: Sequence[Detail]


@probe(*task_events.KINDS, actions=task_events.ACTIONS)
def stopped_task(account: Account) -> _Stopped:
    """A task is started twice with one client token, and stopped as soon as it is there; the events of it."""
    heard, ecs = task_events.heard(account), account.client("ecs")
    revision = resources.revision(account, resources.family(account, "stopped"))
    token = uuid.uuid4().hex
    task = resources.start_task(account, revision, clientToken=token)
    again = resources.start_task(account, revision, clientToken=token)
    try:
        resources.start_task(account, revision, clientToken=token, startedBy="verify")
        conflict = "none"
    except ClientError as error:
        conflict = error.response["Error"]["Code"]
    ecs.stop_task(cluster=resources.cluster(account), task=task, reason=_REASON)
    events = task_events.collect(account, heard, revision, _STOPPED_SECONDS, tasks=1).get(task, [])
    if not events or events[-1]["lastStatus"] != "STOPPED":
        raise NothingSeenError(f"ECS reported no end of the task within {_STOPPED_SECONDS} s")
    return _Stopped(task, again, conflict, events)


def _next_minute(account: Account) -> datetime:
    return (account.clock.now().astimezone(UTC) + _AHEAD).replace(second=0, microsecond=0) + timedelta(minutes=1)


def _started(account: Account, heard: Queue, revision: str, tasks: int) -> Tasks:
    """The events of the tasks that a schedule has started. Raises NothingSeenError if it has started none."""
    events = task_events.collect(account, heard, revision, _SCHEDULED_SECONDS, tasks)
    if not events:
        raise NothingSeenError(f"its schedule started no task within {_SCHEDULED_SECONDS} s")
    return events


def _input(*variables: str) -> str:
    return f'{{"containerOverrides": [{{"name": "{CONTAINER}", "environment": [{", ".join(variables)}]}}]}}'


def _variables(detail: Detail) -> dict[str, str]:
    overrides = detail.get("overrides", {}).get("containerOverrides", [])
    return {each["name"]: each["value"] for container in overrides for each in container.get("environment", [])}


def _read_name(seen: _Scheduled) -> Seen:
    names = [variables.get("ROTA_TASK") for variables in seen.variables]
    return Seen("each task has it" if names == [_JOB] * len(names) else "not each", ", ".join(map(str, names)))


def _read_time(seen: _Scheduled) -> Seen:
    times = [variables["ROTA_SCHEDULED_AT"] for variables in seen.variables if "ROTA_SCHEDULED_AT" in variables]
    due = f"{seen.due:%Y-%m-%dT%H:%M:%SZ}"
    return Seen("the minute" if times == [due] else "something else", ", ".join(times) or "no such variable")


def _read_started_by(seen: _Scheduled, prefix: str) -> Seen:
    found = {str(own[0].get("startedBy")) for own in seen.tasks.values()}
    expected = f"{prefix}/{seen.name}"[:_STARTED_BY]
    return Seen("36 characters" if found == {expected} else "something else", ", ".join(sorted(found)))


def _read_delay(seen: _Scheduled) -> Seen:
    created = max(datetime.fromisoformat(own[0]["createdAt"].replace("Z", "+00:00")) for own in seen.tasks.values())
    late = created - seen.due
    inside = late <= timedelta(minutes=1)
    return Seen("within the minute" if inside else "later", f"{late.total_seconds():.0f} s after it")


def _read_states(seen: _Scheduled) -> Seen:
    states = sorted({", ".join(each["lastStatus"] for each in events) for events in seen.tasks.values()})
    return Seen("each once" if states == [", ".join(_STATES)] else "other events", "; ".join(states))


def _read_not_started(seen: _Stopped) -> Seen:
    code = seen.events[-1].get("stopCode")
    ran = any("exitCode" in container for container in seen.events[-1].get("containers", []))
    return Seen(f"{code}, {'a container ran' if ran else 'no container ran'}")


def _read_reason(seen: _Stopped) -> Seen:
    found = seen.events[-1].get("stoppedReason")
    return Seen("as it was given" if found == _REASON else "something else", str(found))


def _read_token(seen: _Stopped) -> Seen:
    found = "the same task" if seen.again == seen.task else "another task"
    return Seen(f"{found}, then {seen.conflict}")


def _read_stop_event(seen: _Stopped) -> Seen:
    asked = [each["lastStatus"] for each in seen.events if each.get("desiredStatus") == "STOPPED"]
    early = bool(asked) and asked[0] in ("PROVISIONING", "PENDING")
    return Seen("an event of its own" if early else "no event of its own", ", ".join(asked))


ROWS = (
    Row(
        id="target-environment",
        group="tasks",
        assumption="Variables in a target's overrides reach the task and are in ECS's events of it.",
        expected="each task has it",
        meaning="Runs cannot be distinguished by `ROTA_TASK`: run watching does not work.",
        then="`WatchRuns`: false.",
        probe=scheduled_tasks,
        read=_read_name,
    ),
    Row(
        id="target-scheduled-time",
        group="tasks",
        assumption="`<time>` in a target's template becomes the minute for which the schedule was due.",
        expected="the minute",
        meaning="`ROTA_SCHEDULED_AT` would be wrong, or the task would not start.",
        then="`TraceScheduledTime`: false, its default. As assumed, it may be true.",
        probe=scheduled_tasks,
        read=_read_time,
    ),
    Row(
        id="started-by",
        group="tasks",
        assumption="`startedBy` of a task is `events-rule/` and the rule's name, cut to 36 characters.",
        expected="36 characters",
        meaning="Patterns of your own that go by `startedBy` match other tasks; Rota goes by `ROTA_TASK`.",
        then="Nothing.",
        probe=scheduled_tasks,
        read=lambda seen: _read_started_by(seen, "events-rule"),
    ),
    Row(
        id="scheduler-started-by",
        group="tasks",
        assumption="`startedBy` of a task of Scheduler is `chronos-schedule/` and the name, cut to 36 characters.",
        expected="36 characters",
        meaning="Patterns of your own that go by `startedBy` match other tasks; Rota goes by `ROTA_TASK`.",
        then="Nothing.",
        probe=scheduler_task,
        read=lambda seen: _read_started_by(seen, "chronos-schedule"),
    ),
    Row(
        id="scheduler-scheduled-time",
        group="tasks",
        assumption="`<aws.scheduler.scheduled-time>` in an environment variable becomes the time of the schedule.",
        expected="the minute",
        meaning="`ROTA_SCHEDULED_AT` of tasks in EventBridge Scheduler would be wrong.",
        then="`SchedulesIn`: rules, its default.",
        probe=scheduler_task,
        read=_read_time,
    ),
    Row(
        id="start-in-the-minute",
        group="tasks",
        assumption="EventBridge starts a task within the minute for which its schedule is due.",
        expected="within the minute",
        meaning="A run that starts late is reported as *missed*.",
        then="The schedule file's `watch.grace`: longer.",
        probe=scheduled_tasks,
        read=_read_delay,
    ),
    Row(
        id="task-states",
        group="tasks",
        assumption=f"A task is {', '.join(_STATES[:-1])} and STOPPED, and each state has one event.",
        expected="each once",
        meaning="Nothing: Rota goes by `lastStatus` and `version`, in any order and number.",
        then="Nothing.",
        probe=scheduled_tasks,
        read=_read_states,
    ),
    Row(
        id="stop-before-start",
        group="tasks",
        assumption="A task that is stopped before its container has started runs nothing.",
        expected="UserInitiated, no container ran",
        meaning="`overlap`: skip lets the second task run for some seconds.",
        then="Let such jobs exit on SIGTERM.",
        probe=stopped_task,
        read=_read_not_started,
    ),
    Row(
        id="stop-task-event",
        group="tasks",
        assumption="StopTask has an event of its own, with the task's state and the desired state STOPPED.",
        expected="an event of its own",
        meaning="Nothing: Rota goes by the event of the end.",
        then="Nothing.",
        probe=stopped_task,
        read=_read_stop_event,
    ),
    Row(
        id="stop-reason",
        group="tasks",
        assumption="The reason that StopTask is given is the `stoppedReason` of the task's last event, unchanged.",
        expected="as it was given",
        meaning="A run that Rota stops is reported as one that a person has stopped.",
        then="`RunActions`: none, or start.",
        probe=stopped_task,
        read=_read_reason,
    ),
    Row(
        id="run-task-token",
        group="tasks",
        assumption="RunTask with a client token that was used answers with the task that it started, and with other "
        "parameters refuses.",
        expected="the same task, then ConflictException",
        meaning="Where the answer of a `catch_up` is lost, the run may be started twice; so may a migration.",
        then="`RunActions`: none, or stop; and no `before` that must not run twice.",
        probe=stopped_task,
        read=_read_token,
    ),
)
