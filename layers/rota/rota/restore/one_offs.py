"""Ending what a failed deployment runs once: its migration and its smoke test are stopped, paused jobs are resumed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS, translate
from rota.ecs import one_off

if TYPE_CHECKING:
    from rota.contract import OneOffRun
    from rota.restore.context import RestoreContext

# After so many retries, ten minutes or so, the lease is worth more than a task that ECS does not stop.
_RETRIES = 8


class _Kind(NamedTuple):
    key: Literal["before", "after"]
    step: str
    name: str


_KINDS = (_Kind("before", "RunBefore", "migration"), _Kind("after", "RunAfter", "smoke test"))


def stop(context: "RestoreContext") -> list[str]:
    """Stop what may still run. Returns a sentence for what is being stopped, or is not."""
    stopped: list[str] = []
    for kind in _KINDS:
        run: OneOffRun | None = getattr(context.record, kind.key)
        if not context.record.may_have_begun(kind.step) or (run and run.finished):
            continue
        try:
            stopped += [f"The {kind.name}, task {task}, is being stopped." for task in _stop(context, kind, run)]
        except AWS_ERRORS as refusal:
            if context.retries < _RETRIES:
                raise
            stopped.append(f"But the {kind.name} could not be stopped: {translate(refusal)}.")
    return stopped


def lift_pauses(context: "RestoreContext") -> None:
    """Resume the jobs that the deployment has paused for its migration."""
    planned, run = context.plan.before, context.record.before
    if not (planned and planned.pause_tasks and context.record.may_have_begun("RunBefore")):
        return
    if run and run.is_good:
        return  # RunBefore has done it
    from rota.pauses import migration  # noqa: PLC0415  here, because few files ask for it

    migration.lift(context.settings, context.execution, datetime.now(UTC))


def _stop(context: "RestoreContext", kind: _Kind, run: "OneOffRun | None") -> list[str]:
    """Stop its tasks by what ECS shows, and the one that the record names, which it may not show yet. Returns ids."""
    ecs, settings = clients.ecs(), context.settings
    found = dict.fromkeys(one_off.running(ecs, settings.cluster, kind.key, context.execution.id))
    if run and run.task_arn:
        replies = ecs.describe_tasks(cluster=settings.cluster, tasks=[run.task_arn])["tasks"]
        # One that is being stopped has lost its tags, by which it may be stopped: API_StopTask.
        found |= dict.fromkeys(each["taskArn"] for each in replies if each["desiredStatus"] != "STOPPED")
    for arn in found:
        reason = f"Rota restores what the deployment {context.execution.name} has changed"
        ecs.stop_task(cluster=settings.cluster, task=arn, reason=reason)
    return [arn.rpartition("/")[2] for arn in found]
