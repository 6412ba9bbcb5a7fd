"""A schedule of EventBridge Scheduler as a job, in whatever group it is. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rota import tracing
from rota.cli.import_schedules import copilot
from rota.cli.import_schedules.job import CannotTakeError, Job, kept
from rota.schedule_file.expression import period_of
from rota.schedule_file.when import when_of_aws
from rota.schedules.eventbridge_scheduler.schedule import only_time, text

RUN_TASK = ":scheduler:::aws-sdk:ecs:runTask"
"""How the ARN of the target ends whose input is RunTask's whole request."""
_MACHINE = ":stateMachine:"
_ATTRIBUTE = re.compile(r"<aws\.scheduler\.[a-z-]+>")
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)", re.IGNORECASE)
_CRON_FIELDS = 6


@dataclass(frozen=True)
class Listed:
    """A schedule as ListSchedules has it, and who owns its group by the tag `rota:app`."""

    group: str
    name: str
    target: str
    owner: str | None = None

    @property
    def path(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def machine(self) -> str | None:
        """The ARN of the state machine that it starts."""
        return self.target if ":states:" in self.target and _MACHINE in self.target else None

    @property
    def may_start_a_task(self) -> bool:
        return ":ecs:" in self.target or self.target.endswith(RUN_TASK) or self.machine is not None


def job_of_schedule(
    listed: Listed, shown: Mapping[str, Any], app: str, own_group: str, machine: str, now: datetime
) -> Job:
    """The job of a schedule as GetSchedule shows it. CannotTakeError names everything that no key can say.

    `own_group`: the group of the app's stack; empty where none is known, and then the tag of the group decides.
    `machine`: the definition of the state machine that it starts.
    """
    is_own = listed.group == own_group if own_group else listed.owner == app
    reasons = [*_problems_of_ownership(listed, app)]
    if not listed.may_start_a_task:
        raise CannotTakeError(*reasons, f"its target is not an ECS task ({listed.target.split(':')[2]})")
    target = shown["Target"]
    reasons += _problems_of_time(shown, now, is_own=is_own)
    given = _input(target)
    attributes = sorted({*_ATTRIBUTE.findall(json.dumps(_without_own_variables(given)))}) if given else []
    if attributes:
        words = ", ".join(attributes)
        reasons.append(f"its input has {words}, which no key can say; have the job read {tracing.SCHEDULED_AT}")
    if given is None:
        reasons.append("its input is no JSON object")
    if reasons or given is None:
        raise CannotTakeError(*reasons)
    begin = Job(
        rule=listed.path,
        name=listed.name,
        expression=_expression(shown["ScheduleExpression"]),
        ecs={},
        cluster=listed.target,
        enabled=shown["State"] != "DISABLED",
        description=shown.get("Description", ""),
        retry=target.get("RetryPolicy"),
        group=listed.group,
        bounds=_bounds(shown, now),
        in_place=is_own,
        is_owned=is_own,
        remarks=() if is_own else tuple(_remarks(shown)),
    )
    if listed.machine:
        return copilot.started_by(begin, listed.machine.rpartition(":")[2], machine)
    if listed.target.endswith(RUN_TASK):
        asked = copilot.requested(begin, given)
        return replace(asked, remarks=(*asked.remarks, *_unsaid(copilot.unsaid(given))))
    ecs = dict(target["EcsParameters"])
    ecs["Tags"] = [{"Key": key, "Value": value} for tag in ecs.get("Tags") or [] for key, value in tag.items()]
    # Its dead letters are named already.
    unsaid = [] if is_own else [each for each in kept({"EcsParameters": ecs}) if each]
    return replace(begin, ecs=ecs, overrides=given, remarks=(*begin.remarks, *_unsaid(unsaid)))


def _problems_of_ownership(listed: Listed, app: str) -> Iterator[str]:
    if listed.owner and listed.owner != app:
        yield f"belongs to {listed.owner}, by the tag rota:app of its group"


def _input(target: Mapping[str, Any]) -> dict[str, Any] | None:
    """The overrides, or the whole request; None if it is none."""
    try:
        given = json.loads(target.get("Input") or "{}")
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _without_own_variables(given: Any) -> Any:
    """Without the variables that Rota sets itself, whatever their values."""
    if isinstance(given, dict):
        return {key: _without_own_variables(value) for key, value in given.items()}
    if isinstance(given, list):
        return [_without_own_variables(each) for each in given if not _is_own_variable(each)]
    return given


def _is_own_variable(each: Any) -> bool:
    return isinstance(each, dict) and (each.get("name") or each.get("Name")) in tracing.VARIABLES


def _problems_of_time(shown: Mapping[str, Any], now: datetime, *, is_own: bool) -> Iterator[str]:
    """Why it never runs again; a deployment refuses a new task of which that is so."""
    if is_own:
        return
    end = _one_time(shown) or shown.get("EndDate")
    if end and end <= now:
        group, name = shown["GroupName"], shown["Name"]
        yield (
            f"never runs again: its {'one time' if _one_time(shown) else 'end'}, {text(end)}, is past; delete it"
            f"\naws scheduler delete-schedule --group-name {group} --name {name}"
        )


def _one_time(shown: Mapping[str, Any]) -> datetime | None:
    expression, timezone = _expression(shown["ScheduleExpression"]), shown.get("ScheduleExpressionTimezone", "UTC")
    try:
        return only_time({"ScheduleExpression": expression, "ScheduleExpressionTimezone": timezone})
    except ValueError:  # the zone is not known here, which is said of the task
        return None


def _expression(given: str) -> str:
    """In the schedule file's spelling: Scheduler takes any case, a cron without a year, and `1 days`."""
    kind, bracket, rest = given.partition("(")
    if rate := _RATE.fullmatch(given):
        return f"rate({rate[1]} {rate[2].lower()}{'' if rate[1] == '1' else 's'})"
    fields = rest.removesuffix(")").split()
    if kind.lower() == "cron" and len(fields) == _CRON_FIELDS - 1:
        return f"cron({' '.join(fields)} *)"
    return f"{kind.lower()}{bracket}{rest}"


def _bounds(shown: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The keys beside its expression that say when it is due, without what changes nothing from now on."""
    expression = _expression(shown["ScheduleExpression"])
    when, start, period = when_of_aws(shown), shown.get("StartDate"), _period(expression)
    keys: dict[str, Any] = {}
    if when.timezone != "UTC" and not period:
        keys["timezone"] = when.timezone
    if not expression.startswith("at("):
        if start and period:  # it counts from it
            keys["start"] = text(start)
        elif when.start and when.start > now:
            keys["start"] = text(when.start)
        if when.end:
            keys["end"] = text(when.end)
    if when.window:
        keys["window"] = when.window
    return keys


def _period(expression: str) -> bool:
    try:
        return period_of(expression) is not None
    except ValueError:
        return False


def _remarks(shown: Mapping[str, Any]) -> Iterator[str]:
    """What no key says, and what the task will not have."""
    if shown.get("ActionAfterCompletion") == "DELETE":
        yield "is deleted after its last run; Rota's own stays until its task leaves the schedule file"
    if key := shown.get("KmsKeyArn"):
        yield f"has its input encrypted with {key}, which no key can say; that of Rota's own is with AWS's key"
    if letters := (shown["Target"].get("DeadLetterConfig") or {}).get("Arn"):
        yield f"has its dead letters in {letters}; those of Rota's own come into the stack's queue"
    if _period(_expression(shown["ScheduleExpression"])) and not shown.get("StartDate"):
        yield (
            f"has no start, so AWS does not show from when it counts; Rota's own counts from its creation. To have it "
            f'keep its minutes, write "start", a time at which it was due, such as {_example(shown)}'
        )


def _example(shown: Mapping[str, Any]) -> str:
    return f'"{text(shown.get("CreationDate") or datetime.now(UTC))}"'


def _unsaid(members: list[str]) -> Iterator[str]:
    if members:
        yield f"says {', '.join(members)}, which no key can, and Rota's own will not"
