"""What a restore is given."""

from typing import TYPE_CHECKING, NamedTuple

from rota.contract import Execution
from rota.deployment.record import DeploymentRecord
from rota.plan.model import Plan, Snapshot

if TYPE_CHECKING:
    from rota.settings import Settings


class RestoreContext(NamedTuple):
    """`execution`, `record` and `plan` are those of the deployment that is restored, `before` is its snapshot,
    `revisions` ARNs by fingerprint of what it registered or used again; `retries`: how often this was tried before.
    """

    settings: "Settings"
    execution: Execution
    record: DeploymentRecord
    plan: Plan
    before: Snapshot
    revisions: dict[str, str]
    retries: int
    earlier: bool = False
    """The plan is one of an earlier version: its ClearRules deleted rules, so all of it is restored at any step."""

    @property
    def targets_begun(self) -> bool:
        """Whether CreateTargets may have begun."""
        return self.earlier or self.record.may_have_begun("CreateTargets")

    @property
    def rollout_begun(self) -> bool:
        """Whether RollService may have begun."""
        return self.plan.roll and self.record.may_have_begun("RollService")
