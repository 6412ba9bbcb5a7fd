"""CreateTargets: creates or updates the rule and the one target of each task whose schedule changes. A paused task's
rule stays off.
"""

from typing import NamedTuple

from rota.contract import CreateTargetsInput, CreateTargetsOutput
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import writing_step
from rota.pauses.model import Pause
from rota.pauses.writing import with_pauses, write_schedules
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings


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
    schedules, changes = backend.connect(settings), given.plan.of_kind("create", "update")

    def write(change: backend.Change, kept_off: bool) -> None:
        schedules.apply(backend.kept_off(change) if kept_off else change, given.revisions)

    write_schedules(settings, given.pauses, changes, backend.switches, write)
    return CreateTargetsOutput(written=len(changes))
