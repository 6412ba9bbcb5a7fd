"""ClearRules: disables the app's schedules whose task has left the file; FinishDeployment deletes them."""

from typing import NamedTuple

from rota.contract.step_io import ClearRulesInput, ClearRulesOutput
from rota.handlers.planned import read_plan
from rota.handlers.step import writing_step
from rota.pauses.model import Pause
from rota.pauses.writing import with_pauses, write_schedules
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings


class Read(NamedTuple):
    """The plan, and the pauses by task: only Sweep ends one meanwhile, and must not switch on what is removed."""

    plan: Plan
    pauses: dict[str, Pause]


def read(request: ClearRulesInput, settings: Settings) -> Read:
    return Read(*with_pauses(settings, lambda: read_plan(request, settings)))


@writing_step(read)
def handler(request: ClearRulesInput, settings: Settings, given: Read) -> ClearRulesOutput:
    schedules, changes = backend.connect(settings), given.plan.disabled_first

    def disable(change: backend.Change, _kept_off: bool) -> bool:
        return schedules.disable(change)

    return ClearRulesOutput(disabled=sum(write_schedules(settings, given.pauses, changes, lambda _: False, disable)))
