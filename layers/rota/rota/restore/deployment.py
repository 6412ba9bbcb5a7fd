"""Putting a snapshot back: rules and targets, the service, and away with what the deployment registered."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from rota.aws.errors import AWS_ERRORS
from rota.aws.parallel import in_parallel
from rota.contract import FailedDeployment, RestoreDeploymentInput, Shape
from rota.ecs.service import ROLLOUT_VISIBLE_AFTER
from rota.errors import RejectedError, TransientError
from rota.restore import revisions, rules, service
from rota.restore.context import CannotRestoreError, RestoreContext, RestoreUnconfirmedError
from rota.schedules.eventbridge_rules import api

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

Done = TypeVar("Done")
# How long ago RollService may have updated the service. What it did just now ECS need not show yet.
Rolled = Literal["never", "just now", "a while ago"]


class Restored(Shape):
    """What was seen to need putting back; `service` is the revision to which ECS is still rolling the service back.

    `remarks` are what is not as it was and no later attempt will change, a sentence each; `too_late`: what was changed
    is another deployment's by now; `again`: an earlier attempt may have put back more.
    """

    rules: int = 0
    service: str = ""
    remarks: tuple[str, ...] = ()
    too_late: bool = False
    again: bool = False

    def __str__(self) -> str:
        if self.too_late:
            since = "Nothing was put back, because another deployment has had its turn since."
            return f"{since} Unless that went well, deploy anew."
        return " ".join([self._told(), *(f"But {each}." for each in self.remarks)])

    def _told(self) -> str:
        rules_ = f"{self.rules} {'rule' if self.rules == 1 else 'rules'} had to be put back" if self.rules else ""
        if self.service:
            # ECS takes its minutes for that, and nobody here waits for it.
            told = "All rules are as they were before" + (f", {rules_}" if rules_ else "")
            return f"{told}; ECS is rolling the service back to {self.service}."
        if not rules_ and not self.again:
            return "Nothing had to be put back."
        return "Everything is as it was before" + (f"; {rules_}." if rules_ else ".")


def restore_deployment(
    events: "EventBridgeClient",
    ecs: "ECSClient",
    request: RestoreDeploymentInput,
    undo: RestoreContext,
    *,
    late: bool = False,
) -> Restored:
    """Make everything as it was `before`; run again it ends the same.

    What EventBridge shows may be older than the deployment's own writes, so a rule that the plan changes is put back
    whatever it shows. One that the plan leaves alone is put back if it is seen to differ, and the service if the
    deployment may have rolled it. A rule that was taken out of our hands since is left alone; by a `late` restore, of
    another execution, also one that may only not show its tags yet.

    One part that cannot be put back does not keep the others from it: the first refusal is raised when all was tried,
    and only when nothing was refused are the deployment's revisions deregistered. Those that AWS refuses to deregister
    also after some retries, or that there is no time for, are left to the next deployment.
    """
    begun = time.monotonic()
    rolled = _rolled(request.document)
    refusals: list[Exception] = []
    remarks: list[str] = []
    unsure: dict[str, Exception] = {}

    def put_back(job: Callable[[], Done]) -> Done | None:
        try:
            return job()
        except CannotRestoreError as told:
            remarks.append(str(told))
            return None
        except RestoreUnconfirmedError as told:
            unsure[told.rule] = told.refusal
            return None
        except (*AWS_ERRORS, TransientError, RejectedError) as refusal:
            refusals.append(refusal)
            return None

    found = api.read_rules(events, api.list_rules(events, undo.settings.rule_prefix), {})
    rules_put_back = in_parallel(put_back, rules.jobs(events, undo, found, late=late))
    service_put_back = None
    if undo.registered and rolled != "never":
        rolled_to, just_now = undo.registered.api, rolled == "just now"
        service_put_back = put_back(lambda: service.put_back(ecs, undo, rolled_to, just_now=just_now))
    if unsure and not refusals:
        refusals += rules.not_as_before(events, undo, unsure)
    if refusals:
        raise refusals[0]
    left = revisions.deregister(events, ecs, undo, begun, request.retries)
    return Restored(
        rules=rules_put_back.count(True),
        service=service_put_back or "",
        remarks=(*sorted(remarks), *left),
        again=request.retries > 0,
    )


def _rolled(failed: FailedDeployment) -> Rolled:
    if failed.targets is None:
        return "never"
    is_new = failed.rollout is None or failed.rollout.waited_seconds <= ROLLOUT_VISIBLE_AFTER
    return "just now" if is_new else "a while ago"
