"""Making a plan: what there is, compared with what there should be. Pure."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rota.aws.rate_limit import MODIFY_DEFINITIONS
from rota.contract import PlanDeploymentOutput, Stored
from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import ALGORITHM, contains, fingerprint_of
from rota.ecs.task_definitions import inherited_tags
from rota.errors import listed
from rota.plan.model import Plan, PlannedRevision
from rota.schedules import backend
from rota.schedules.revision import to_be_registered

if TYPE_CHECKING:
    from rota.plan.current_state import CurrentState
    from rota.schedule_file.task import Task
    from rota.settings import Settings

# From the plan to the last schedule, three functions start, and make calls that wait for one another: on the stage with
# 40 ms a call; on AWS it depends on the Region and the day.
_STEPS_SECONDS = 2


def build_plan(settings: "Settings", state: "CurrentState") -> Plan:
    """Compare what there is with what the schedule file and the image ask for; each once.

    Applying the plan and planning again gives a plan with nothing to do.
    """
    tags = inherited_tags(state.base)
    reused: dict[str, str] = {}
    registers: dict[str, Task | None] = {}

    def revision(task: "Task | None") -> str:
        """The fingerprint of the revision for a task or the API, which is either used again or registered."""
        content = derive_content(state.base, settings, state.image_uri, task)
        fingerprint = fingerprint_of(content, tags)
        unrecorded = (
            each.arn for each in state.unrecorded if each.fingerprint == fingerprint and contains(each.content, content)
        )
        arn = state.reusable.get(fingerprint) or next(unrecorded, None)
        if arn:
            reused[fingerprint] = arn
        else:
            registers.setdefault(fingerprint, task)
        return fingerprint

    changes: list[backend.Change] = []
    api = revision(None)
    for task in state.tasks:
        overrides = target_overrides(state.base, settings, task)
        fingerprint = api if overrides else revision(task)
        runs = reused.get(fingerprint) or to_be_registered(fingerprint)
        current = state.schedules.get(backend.name_of(task, settings))
        change = backend.change(task, settings, state.cluster_arn, runs, overrides, current)
        changes += [change] if change else []
    kept = len(state.tasks) - len(changes)
    desired = {backend.name_of(task, settings) for task in state.tasks}
    changes += [
        backend.removal(current, state.cluster_arn)
        for name, current in sorted(state.schedules.items())
        if name not in desired
    ]
    # The API's has the highest number, so that the next deployment finds nothing of Rota's above it.
    in_order = [PlannedRevision(fingerprint=each, task=task) for each, task in registers.items() if each != api]
    return Plan(
        image_uri=state.image_uri,
        base=state.base,
        newest_revision=state.newest_revision,
        changes=tuple(changes),
        kept=kept,
        registers=(*in_order, *([PlannedRevision(fingerprint=api, task=None)] if api in registers else [])),
        reused=reused,
        api=api,
        service_runs=state.service.task_definition,
        roll=reused.get(api) != state.service.task_definition or not state.service.steady,
        algorithm=ALGORITHM,
    )


def estimate(plan: Plan) -> int:
    """The seconds until every schedule is live, if nothing else uses AWS's quotas; the service rolls after that.

    Before each write the owner of its rule is asked for; what is removed is deleted after the service rolled.
    """
    if plan.nothing_to_do:
        return 0
    writes = plan.writes()
    calls = len(plan.changes) + sum(writes[each] for each in ("DisableRule", "PutRule", "PutTargets"))
    return math.ceil(
        _STEPS_SECONDS + MODIFY_DEFINITIONS.seconds(writes["RegisterTaskDefinition"]) + backend.seconds(calls)
    )


def describe_plan(plan: Plan, document: Stored, snapshot: Stored) -> PlanDeploymentOutput:
    """The plan in figures and in one line, for the console; `document` and `snapshot` are where both are stored."""
    created, updated, removed = (len(plan.of_kind(kind)) for kind in ("create", "update", "remove"))
    seconds = estimate(plan)
    return PlanDeploymentOutput(
        document=document,
        snapshot=snapshot,
        nothing_to_do=plan.nothing_to_do,
        summary=_summary(plan, {"new": created, "changed": updated, "unchanged": plan.kept, "removed": removed})
        + (f"; AWS's quotas make it at least {seconds} s" if seconds > _STEPS_SECONDS else ""),
        created=created,
        updated=updated,
        kept=plan.kept,
        removed=removed,
        registers=len(plan.registers),
        targets=created + updated,
        calls=dict(plan.writes()),
        estimated_seconds=seconds,
        rolls_service=plan.roll,
    )


def _summary(plan: Plan, schedules: Mapping[str, int]) -> str:
    counted = ", ".join(f"{number} {what}" for what, number in schedules.items() if number)
    registers = len(plan.registers)
    return (
        f"schedules: {counted or 'none'}; {registers} {'revision' if registers == 1 else 'revisions'} to register; "
        f"the service {'rolls' if plan.roll else 'stays'}{_other_targets(plan)}"
    )


def _other_targets(plan: Plan) -> str:
    """The targets that are removed beside the tasks' own, which were added by hand."""
    removed = [f"{id_} of {change.name}" for change in plan.changes for id_ in change.remove_targets]
    return f"; removes other targets: {listed(removed)}" if removed else ""
