"""RunBefore: runs the file's task `before` once, such as a migration, and waits for its end."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rota.aws import clients
from rota.contract.step_io import OneOffRun, RunBeforeInput, RunBeforeOutput
from rota.deployment import artifacts
from rota.errors import OvertakenError
from rota.handlers.planned import read_plan_and_revisions
from rota.handlers.step import LeaseSession, running_step
from rota.one_offs.rounds import OneOff, next_round, seconds_between_looks
from rota.one_offs.words import not_started
from rota.plan.model import Plan, Snapshot
from rota.settings import Settings

if TYPE_CHECKING:
    from rota.deployment.record import LeftRunning


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
    run = request.before or OneOffRun(kind="before")
    revision = (given.plan.reused | given.revisions)[planned.fingerprint]
    what = OneOff(settings, request.execution, planned, revision)
    since, timeout = run.since or session.since(now), timedelta(minutes=planned.timeout)
    if (left := session.lease.left_running) and not run.task_arn:
        since, run = now, run.model_copy(update={"since": now})
        if waits := _end_left_running(settings, session, left):
            waited = now - session.since(now)
            run = run.model_copy(update={"reason": waits, "progress": waits})
            if waited >= timeout:
                raise not_started(run, planned.timeout)
            return run.model_copy(update={"wait_seconds": seconds_between_looks(waited)})
    end = since + timeout
    if given.snapshot and (session.again or not session.overtaken):
        from rota.pauses import migration  # noqa: PLC0415  here, because few files ask for it

        migration.pause(settings, given.snapshot.schedules.values(), request.execution, end, now)
    run = next_round(what, run, session, since, now)
    if run.finished and planned.pause_tasks:
        from rota.pauses import migration  # noqa: PLC0415  likewise

        session.note(run.facts())  # also if the pauses cannot be ended: it has run
        migration.lift(settings, request.execution.id, datetime.now(UTC))
    return run


def _end_left_running(settings: Settings, session: LeaseSession, left: "LeftRunning") -> str:
    """Stop the migration that a deployment before has left running. Returns what has to be waited for, in words, since
    two must not run at once. OvertakenError if a newer push waits, too.
    """
    from rota.one_offs import left_running  # noqa: PLC0415  here, because next to no deployment needs it

    waits = left_running.stop(settings, left)
    if session.overtaken:  # and nothing of this deployment's has begun
        raise OvertakenError("a newer push has arrived")
    if not waits:
        from rota.pauses import migration  # noqa: PLC0415  likewise

        # Else this deployment's own pauses would replace them, and bring them back.
        migration.lift(settings, left.execution, datetime.now(UTC))
        session.lease.forget_left_running()
    return waits
