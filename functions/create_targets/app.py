"""CreateTargets: creates or updates the rule and the one target of each task whose schedule changes. A paused task's
rule stays off. A schedule that moves to the other backend is created off, and moved in further rounds.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rota.contract.step_io import CreateTargetsInput, CreateTargetsOutput
from rota.errors import updated_meanwhile
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import writing_step
from rota.pauses.model import Pause
from rota.pauses.writing import with_pauses, write_schedules
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings

# So many late tasks are named: all of a large file are more than the machine's document takes.
_MOST_NAMED = 20


class Read(NamedTuple):
    """The plan, ARNs by fingerprint of what was registered, and the pauses by task: only Sweep ends one meanwhile."""

    plan: Plan
    revisions: dict[str, str]
    pauses: dict[str, Pause]


def read(request: CreateTargetsInput, settings: Settings) -> Read:
    (plan, revisions), pauses = with_pauses(settings, lambda: read_plan_and_revisions(request, settings))
    return Read(plan, revisions, pauses)


@writing_step(read)
def handler(request: CreateTargetsInput, settings: Settings, given: Read) -> CreateTargetsOutput:
    if request.targets:
        return _move(request, request.targets, settings, given)
    schedules, changes = backend.connect(settings), given.plan.changes_of_kind("create", "update")
    moves = sum(change.replaces is not None for change in changes)
    if moves and "targets" not in request.model_fields_set:  # a machine that comes once alone
        raise updated_meanwhile(CreateTargetsInput.__name__)

    def write(change: backend.Change, kept_off: bool) -> bool:
        kept_off = kept_off or change.replaces is not None
        return schedules.apply(backend.kept_off(change) if kept_off else change, given.revisions)

    late = write_schedules(settings, given.pauses, changes, backend.switches, write)
    # Another round moves schedules: tried again, this one would switch off what it has switched on. The numbers are of
    # `moving.of`, which has as many, in the plan's order.
    left = tuple(range(moves))
    late_changes = [change for change, is_late in zip(changes, late, strict=True) if is_late]
    late_tasks = _tasks_of(late_changes, request, settings)
    return CreateTargetsOutput(
        written=len(changes),
        finished=not left,
        wait_seconds=int(bool(left)),
        left=left,
        late=tuple(late_tasks[:_MOST_NAMED]),
        late_more=len(late_tasks[_MOST_NAMED:]),
    )


def _tasks_of(late: Sequence[backend.Change], request: CreateTargetsInput, settings: Settings) -> list[str]:
    """The tasks of what was late. A release that is brought back may have a time that was past before."""
    return [
        backend.plain_name(change.name).removeprefix(settings.rule_prefix)
        for change in late
        if backend.is_due_after(change, request.execution.started_at)
    ]


def _move(
    request: CreateTargetsInput, before: CreateTargetsOutput, settings: Settings, given: Read
) -> CreateTargetsOutput:
    """Move what can be moved now from one backend to the other."""
    from rota.schedules import moving  # noqa: PLC0415  here, because few deployments move a schedule

    moves, schedules = moving.of(given.plan.changes), backend.connect(settings)
    now, seen = datetime.now(UTC), (before.starts_at, before.ends_at)
    done = moving.move(schedules, moves, given.revisions, now, before.left, *seen)
    late_tasks = [*before.late, *_tasks_of(done.late, request, settings)]
    return CreateTargetsOutput(
        written=before.written,
        finished=not done.left,
        wait_seconds=math.ceil(done.wait.total_seconds()),
        left=done.left,
        starts_at=done.starts_at,
        ends_at=done.ends_at,
        late=tuple(late_tasks[:_MOST_NAMED]),
        late_more=before.late_more + len(late_tasks[_MOST_NAMED:]),
    )
