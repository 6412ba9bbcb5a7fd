"""Stopping a task of a job, so that its run says who did it."""

from typing import TYPE_CHECKING

from rota.runs.stops import by_a_person
from rota.sanitise import one_line

if TYPE_CHECKING:
    from rota.cli.frame import Account


def stop(account: "Account", task_arn: str, why: str | None) -> None:
    """Call StopTask. The containers get a SIGTERM, and a SIGKILL after their stopTimeout."""
    reason = by_a_person(account.caller, one_line(why or ""))
    account.client("ecs").stop_task(cluster=account.stack.cluster, task=task_arn, reason=reason)
