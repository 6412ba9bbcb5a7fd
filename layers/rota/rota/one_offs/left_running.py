"""A migration that a deployment before has left running: it was aborted, and the event that restores it was lost,
or its restore could not end the migration.
"""

from typing import TYPE_CHECKING

from rota.aws import clients
from rota.ecs import one_off
from rota.errors import listed

if TYPE_CHECKING:
    from rota.deployment.record import LeftRunning
    from rota.settings import Settings


def stop(settings: "Settings", left: "LeftRunning") -> str:
    """Stop it, as the restore would have. Returns what has to be waited for, in words; empty once it has ended."""
    before = left.execution.rpartition(":")[2]
    reason = f"The deployment {before} was aborted, and the next one runs its own migration"
    tasks = one_off.stop(clients.ecs(), settings, "before", left.execution, left.task_arn, reason)
    running = [each["taskArn"].rpartition("/")[2] for each in tasks if not one_off.has_ended(each)]
    return f"the migration of {before}, task {listed(running)}, is being stopped" if running else ""
