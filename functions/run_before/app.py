"""RunBefore: runs the file's task `before` once, such as a migration, and waits for its end."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rota.aws import clients
from rota.contract.step_io import OneOffRun, RunBeforeInput, RunBeforeOutput
from rota.deployment import artifacts
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import LeaseSession, running_step
from rota.one_offs.rounds import OneOff, next_round
from rota.plan.model import Plan, Snapshot
from rota.settings import Settings


class Read(NamedTuple):
    """The plan, ARNs by fingerprint of what was registered, and, if jobs are to pause, the snapshot."""

    plan: Plan
    revisions: dict[str, str]
    snapshot: Snapshot | None


def read(request: RunBeforeInput, settings: Settings) -> Read:
    plan, revisions = read_plan_and_revisions(request, settings)
    pauses = plan.before and plan.before.pause_tasks and not (request.before and request.before.task_arn)
    stored = request.plan.snapshot
    snapshot = artifacts.read(clients.s3(), settings.bucket, stored, Snapshot) if pauses else None
    return Read(plan, revisions, snapshot)


@running_step(read)
def handler(request: RunBeforeInput, settings: Settings, given: Read, session: LeaseSession) -> RunBeforeOutput:
    planned = given.plan.before
    if planned is None:
        return OneOffRun(kind="before", finished=True, exit_code=0, progress="nothing to run")
    now = datetime.now(UTC)
    since = session.since(now)
    run = request.before or OneOffRun(kind="before")
    revision = (given.plan.reused | given.revisions)[planned.fingerprint]
    what = OneOff(settings, request.execution, planned, revision)
    if given.snapshot and (session.again or not session.overtaken):
        from rota.pauses import migration  # noqa: PLC0415  here, because few files ask for it

        end = since + timedelta(minutes=planned.timeout)
        migration.pause(settings, given.snapshot.schedules.values(), request.execution, end, now)
    run = next_round(what, run, session, since, now)
    if run.finished and planned.pause_tasks:
        from rota.pauses import migration  # noqa: PLC0415  likewise

        session.note(run.facts())  # also if the pauses cannot be ended: it has run
        migration.lift(settings, request.execution, datetime.now(UTC))
    return run
