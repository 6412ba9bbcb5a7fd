"""What a restore is handed, and how one part of it may end other than done."""

from typing import TYPE_CHECKING, NamedTuple

from rota.contract import Execution, Registered
from rota.plan.model import Plan, Snapshot

if TYPE_CHECKING:
    from rota.settings import Settings


class RestoreContext(NamedTuple):
    """What is put back: whose deployment, what it had planned, what was before it, what it had registered.

    `registered` is None if it is certain that only the removals had begun.
    """

    settings: "Settings"
    execution: Execution
    plan: Plan
    before: Snapshot
    registered: Registered | None


class CannotRestoreError(Exception):
    """A rule or the service cannot be as it was before, and no later attempt will change that; the message says which
    and why.
    """


class RestoreUnconfirmedError(Exception):
    """A rule may or may not be as it was before, and EventBridge will show it in a moment; `refusal` counts if not."""

    def __init__(self, rule: str, refusal: Exception) -> None:
        super().__init__(f"{rule}: {refusal}")
        self.rule = rule
        self.refusal = refusal
