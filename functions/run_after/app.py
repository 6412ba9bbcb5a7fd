"""RunAfter: runs the file's task `after` once, such as a smoke test, while the new image is live; waits for its end."""

from datetime import UTC, datetime

from rota.contract.step_io import OneOffRun, RunAfterInput, RunAfterOutput
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import LeaseSession, running_step
from rota.one_offs.rounds import OneOff, next_round
from rota.plan.model import Plan
from rota.settings import Settings


@running_step(read_plan_and_revisions)
def handler(
    request: RunAfterInput, settings: Settings, read: tuple[Plan, dict[str, str]], session: LeaseSession
) -> RunAfterOutput:
    (plan, revisions), planned = read, read[0].after
    if planned is None:
        return OneOffRun(kind="after", finished=True, exit_code=0, progress="nothing to run")
    now = datetime.now(UTC)
    what = OneOff(settings, request.execution, planned, (plan.reused | revisions)[planned.fingerprint])
    return next_round(what, request.after or OneOffRun(kind="after"), session, session.since(now), now)
