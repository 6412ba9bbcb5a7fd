"""Starting a job at once, as its rule starts it: with the revision, the network and all else of the rule's target."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rota.cli import live_schedules
from rota.cli.exits import CommandError, Exit
from rota.ecs.jobs import variables_of
from rota.ownership import OWNER_TAG
from rota.runs.event import LONGEST_STARTED_BY, TaskChange, task_change
from rota.schedules import backend
from rota.tracing import COMMAND_OF, SCHEDULED_AT, TASK

if TYPE_CHECKING:
    from rota.cli.frame import Account

_STARTED_BY = "rota-run/"
# ECS takes letters, digits, - / and _ alone.
_NOT_TAKEN = re.compile(r"[^A-Za-z0-9/_-]")


@dataclass(frozen=True)
class Job:
    """A job, and the schedule that starts it."""

    task: str
    schedule: backend.Schedule
    is_of_a_release: bool = False
    """Whether the schedule is as a release had it, and not the one that starts the job now."""


@dataclass(frozen=True)
class Changes:
    """What a person wants otherwise than the schedule has it. A run with another `command` is none of the job."""

    count: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()


def find(account: "Account", name: str) -> Job:
    """The job of that name. CommandError if the app has no rule for it."""
    stack, of_app = account.stack, live_schedules.Schedules(account, account.stack)
    task = live_schedules.task_of(name, stack.rule_prefix)
    rule = of_app.read(task)
    if rule is None or rule["tags"].get(OWNER_TAG) != stack.app:
        listed = of_app.listed()
        owned = of_app.owned(listed)
        if task not in listed:
            live_schedules.require([task], owned)
        todo = f"the jobs are {', '.join(sorted(owned))}" if owned else live_schedules.NO_JOBS
        raise CommandError(Exit.NOT_ALLOWED, f"the app owns no rule of the job {task}", todo, error="NoTask")
    return Job(task, backend.schedule_of_shown(rule))


def request_of(job: Job, container: str, changes: Changes, at: datetime, *, late: bool = False) -> dict[str, Any]:
    """RunTask's request for the job as due at that time, without who starts it; `late`: it says that time to the job
    also where the schedule would not. CommandError if the rule does not say what to start. Pure.
    """
    found = backend.start_of(job.schedule, at)
    if found is None:
        todo = "deploy the live image again, that writes the rule: rota deploy --image IMAGE"
        raise CommandError(Exit.NOT_ALLOWED, f"Rota did not write what the rule of {job.task} starts", todo)
    more = {SCHEDULED_AT: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if late else {}
    more |= {COMMAND_OF: job.task} if changes.command else {}
    changed = overrides(found["overrides"], container, {**more, **changes.environment}, changes.command)
    count = {"count": changes.count} if changes.count else {}
    return {**found, **count, "overrides": changed}


def start(account: "Account", task: str, request: Mapping[str, Any]) -> list[TaskChange]:
    """Call RunTask for that job. A repeated call, after a lost answer, starts nothing twice. CommandError if ECS starts
    nothing.
    """
    ecs = account.client("ecs")
    by = started_by(account.caller)
    with account.attempting(f"{task} may have been started. See: rota logs {task} -f{account.options}"):
        reply = ecs.run_task(**request, startedBy=by, clientToken=str(uuid.uuid4()))
    why = "; ".join(dict.fromkeys(str(each.get("reason", "")) for each in reply.get("failures", ())))
    if not reply["tasks"]:
        words = f"ECS started nothing: {why or 'it has no capacity, or says no reason'}"
        raise CommandError(Exit.FAILED, words, "type it again in a few minutes", error="NotStarted", acts="operator")
    if why:
        account.output.say(f"ECS started {len(reply['tasks'])} tasks and not all: {why}")
    return [task_change(each) for each in reply["tasks"]]


def started_by(caller: str) -> str:
    """`startedBy` of what that caller, `user/ana`, starts: `rota-run/ana`. Pure."""
    return (_STARTED_BY + _NOT_TAKEN.sub("-", caller.rpartition("/")[2]))[:LONGEST_STARTED_BY]


def overrides(
    given: Mapping[str, Any], container: str, environment: Mapping[str, str], command: Sequence[str]
) -> dict[str, Any]:
    """ECS's overrides with these variables and that command in the container."""
    others = [each for each in given.get("containerOverrides", ()) if each["name"] != container]
    own: Mapping[str, Any] = next(
        (each for each in given.get("containerOverrides", ()) if each["name"] == container), {}
    )
    variables = variables_of(own) | dict(environment)
    if command:
        variables.pop(TASK, None)
    own = {
        **own,
        "name": container,
        **({"environment": [{"name": name, "value": value} for name, value in variables.items()]}),
        **({"command": [*command]} if command else {}),
    }
    return {**given, "containerOverrides": [*others, own]}
