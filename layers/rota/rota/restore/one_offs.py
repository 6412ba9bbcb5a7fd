"""Ending what a failed deployment runs once: its migration and its smoke test are stopped, paused jobs are resumed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS, translate
from rota.ecs import one_off
from rota.errors import StillRunningError, listed
from rota.restore.context import RETRIES

if TYPE_CHECKING:
    from rota.contract.step_io import OneOffRun
    from rota.restore.context import RestoreContext


class _Kind(NamedTuple):
    key: Literal["before", "after"]
    step: str
    name: str
    alone: bool
    """Whether the next deployment, and jobs that are paused, have to wait for its end."""


_KINDS = (_Kind("before", "RunBefore", "migration", alone=True), _Kind("after", "RunAfter", "smoke test", alone=False))


def stop(context: "RestoreContext") -> list[str]:
    """Stop what may still run. Returns a sentence for what is stopped, or is not.

    StillRunningError while the migration has not ended: two must not run at once, and no job beside one that pauses
    them.
    """
    stopped: list[str] = []
    for kind in _KINDS:
        run: OneOffRun | None = getattr(context.record, kind.key)
        if not context.record.may_have_begun(kind.step) or (run and run.finished):
            continue
        try:
            stopped += _stop(context, kind, run)
        except AWS_ERRORS as refusal:
            if context.retries < RETRIES:
                raise
            stopped.append(f"But the {kind.name} could not be stopped: {translate(refusal)}.")
            if kind.alone:
                _leave_running(context)
    return stopped


def lift_pauses(context: "RestoreContext") -> None:
    """Resume the jobs that the deployment has paused for its migration."""
    planned, record = context.plan.before, context.record
    if not (planned and planned.pause_tasks and record.may_have_begun("RunBefore")):
        return
    if record.last_step != "RunBefore":
        return  # which has done it, or no later step would have begun
    from rota.pauses import migration  # noqa: PLC0415  here, because few files ask for it

    migration.lift(context.settings, context.execution.id, datetime.now(UTC))


def _leave_running(context: "RestoreContext") -> None:
    """Write into the lease, which is released now, that the migration may run: the next one waits for its end."""
    settings, left = context.settings, context.record.leaves_running
    if left is None:
        return
    from rota.deployment.lease.item import lease_table_of  # noqa: PLC0415  here, because next to no restore needs it

    lease_table_of(settings, context.execution.id).update(
        "SET left_running = if_not_exists(left_running, :left)",
        "holder = :me",
        {":left": left.model_dump(mode="json")},
    )


def _stop(context: "RestoreContext", kind: _Kind, run: "OneOffRun | None") -> list[str]:
    """Stop its tasks by what ECS shows, and the one that the record names, which it may not show yet."""
    execution, known = context.execution, run.task_arn if run else ""
    reason = f"Rota restores what the deployment {execution.name} has changed"
    tasks = one_off.stop(clients.ecs(), context.settings, kind.key, execution.id, known, reason)
    running = [each["taskArn"].rpartition("/")[2] for each in tasks if not one_off.has_ended(each)]
    # Between SIGTERM and SIGKILL are two minutes at most:
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
    if kind.alone and running and context.retries < RETRIES:
        raise StillRunningError(f"the {kind.name}, task {listed(running)}, is being stopped")
    if kind.alone and running:
        _leave_running(context)
    ended = [
        each["taskArn"].rpartition("/")[2]
        for each in tasks
        if one_off.has_ended(each) and each.get("stoppedReason") == reason
    ]
    return [
        *(f"The {kind.name}, task {task}, was stopped." for task in ended),
        *(f"The {kind.name}, task {task}, is being stopped." for task in running),
    ]
