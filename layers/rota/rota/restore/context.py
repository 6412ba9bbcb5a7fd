"""What a restore is given, read from the bucket."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from pydantic import ValidationError

from rota.aws import clients
from rota.contract.deployment import Execution, Stored
from rota.deployment import artifacts
from rota.deployment.record import DeploymentRecord
from rota.errors import UnreadableError
from rota.plan import earlier
from rota.plan.model import Plan, Snapshot

if TYPE_CHECKING:
    from rota.settings import Settings

RETRIES = 8
"""Of the state, some ten minutes. After them the lease is worth more than what AWS still refuses and can stay: a
notification that is not sent, a rule that stays disabled, a revision that nothing runs, a task that ECS does not stop.
"""


class RestoreContext(NamedTuple):
    """`execution`, `record`, `plan` and `snapshot` are those of the deployment that is restored, `revisions` ARNs by
    fingerprint of what it registered or used again; `retries`: how often this was tried before.
    """

    settings: "Settings"
    execution: Execution
    record: DeploymentRecord
    plan: Plan
    snapshot: Snapshot
    revisions: dict[str, str]
    retries: int
    earlier: bool = False
    """The plan is one of an earlier version: its ClearRules deleted rules, so all of it is restored at any step."""

    @property
    def clearing_begun(self) -> bool:
        """Whether ClearRules may have begun."""
        return self.earlier or self.record.may_have_begun("ClearRules")

    @property
    def targets_begun(self) -> bool:
        """Whether CreateTargets may have begun."""
        return self.earlier or self.record.may_have_begun("CreateTargets")

    @property
    def moving_back_since(self) -> datetime | None:
        """Since when schedules that move may be on in both backends: since it began to move them, if it came no
        further; else since the first attempt to restore.
        """
        step = self.record.last_step if self.record.last_step == "CreateTargets" else "RestoreDeployment"
        return self.record.entered.get(step)

    @property
    def rollout_begun(self) -> bool:
        """Whether RollService may have begun."""
        return self.plan.roll and self.record.may_have_begun("RollService")


def read(settings: "Settings", record: DeploymentRecord, retries: int) -> RestoreContext:
    """Plan, snapshot and revisions of that deployment, also where the version of Rota before this one stored them.

    UnreadableError if one of them is gone, or is of a version that this one does not know.
    """
    if record.plan is None or record.snapshot is None:
        raise ValueError("a deployment without a plan has changed nothing")
    stored = _read(settings, record.plan)
    found = _read(settings, record.snapshot)
    registered = _read(settings, record.revisions) if record.revisions else {}
    try:
        snapshot = Snapshot.model_validate(found, extra="ignore")
        is_earlier = earlier.is_earlier(stored)
        if is_earlier:
            plan = earlier.plan_of(stored, snapshot, settings.rule_prefix)
            revisions = plan.reused | earlier.revisions_of(registered)
        else:
            plan = Plan.model_validate(stored, extra="ignore")
            revisions = plan.reused | registered.get("revisions", {})
    except (ValidationError, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(f"{record.plan.key} with {record.snapshot.key}", "written by another version") from error
    return RestoreContext(settings, record.execution, record, plan, snapshot, revisions, retries, is_earlier)


def _read(settings: "Settings", stored: Stored) -> Any:
    """The JSON of one version of one object."""
    try:
        return json.loads(artifacts.read_bytes(clients.s3(), settings.bucket, stored))
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        raise _unreadable(stored.key, f"{error.response['Error']['Code']}, version {stored.version_id}") from error
    except ValueError as error:
        raise _unreadable(stored.key, f"version {stored.version_id} is no JSON") from error


def _unreadable(what: str, why: str) -> UnreadableError:
    return UnreadableError(f"{what} cannot be read ({why})")
