"""Putting a snapshot back: rules and targets, the service, and away with what the deployment registered."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from rota import aws, bus, restore_rules, restore_service, revisions, service
from rota.errors import RejectedError, TransientError
from rota.models import Execution, FailedDeployment, Registered, RestoreDeploymentInput, Shape
from rota.plan import Plan, Snapshot
from rota.rules import runs

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

    from rota.settings import Settings

Done = TypeVar("Done")
# How long ago RollService may have updated the service. What it did just now ECS need not show yet.
Rolled = Literal["never", "just now", "a while ago"]
# After so many, ten minutes or so, nobody waits for revisions to be deregistered that nothing runs.
_RETRIES_FOR_LEFTOVERS = 8
# Of the function's 15 minutes, until no more revisions are deregistered: ECS does one a second.
_SECONDS = 600
# Of a list of revisions; the cause of a failure has no room for hundreds.
_MOST_NAMED = 10


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


class Undo(NamedTuple):
    """What is put back: whose deployment, what it had planned, what was before it, what it had registered.

    `registered` is None if it is certain that only the removals had begun.
    """

    settings: "Settings"
    execution: Execution
    plan: Plan
    before: Snapshot
    registered: Registered | None


def restore(
    events: "EventBridgeClient", ecs: "ECSClient", request: RestoreDeploymentInput, undo: Undo, *, late: bool = False
) -> Restored:
    """Make everything as it was `before`; run again it ends the same.

    What EventBridge shows may be older than the deployment's own writes, so a rule that the plan changes is put back
    whatever it shows. One that the plan leaves alone is put back if it is seen to differ, and the service if the
    deployment may have rolled it. A `late` restore, by another execution, leaves alone a rule that was taken out of our
    hands since.

    One part that cannot be put back does not keep the others from it: the first refusal is raised when all was tried,
    and only when nothing was refused are the deployment's revisions deregistered. Those that AWS refuses to deregister
    also after some retries, or that there is no time for, are left to the next deployment.
    """
    give_up_at = time.monotonic() + _SECONDS
    rolled = _rolled(request.document)
    refusals: list[Exception] = []
    remarks: list[str] = []
    unsure: dict[str, Exception] = {}

    def put_back(work: Callable[[], Done]) -> Done | None:
        try:
            return work()
        except restore_rules.GoneError as told:
            remarks.append(str(told))
            return None
        except restore_rules.UnsureError as told:
            unsure[told.rule] = told.refusal
            return None
        except (*aws.ERRORS, TransientError, RejectedError) as refusal:
            refusals.append(refusal)
            return None

    # A rule that the deployment made or removed is asked whose it is; the others are put back, whatever their tags.
    had_tags = {
        name: rule.tags for name, rule in undo.before.rules.items() if name not in undo.plan.remove and not late
    }
    found = bus.read(events, bus.names(events, undo.settings.rule_prefix), had_tags)
    rules_put_back = aws.in_parallel(put_back, restore_rules.work(events, undo, found, late=late))
    service_put_back = None
    if undo.registered and rolled != "never":
        rolled_to, just_now = undo.registered.api, rolled == "just now"
        service_put_back = put_back(lambda: restore_service.put_back(ecs, undo, rolled_to, just_now=just_now))
    if unsure and not refusals:
        refusals += restore_rules.not_as_before(events, undo, unsure)
    if refusals:
        raise refusals[0]
    patient = request.retries < _RETRIES_FOR_LEFTOVERS
    left = _deregister(events, ecs, undo, give_up_at, patient=patient)
    return Restored(
        rules=rules_put_back.count(True),
        service=service_put_back or "",
        remarks=(*sorted(remarks), *left),
        again=request.retries > 0,
    )


def _rolled(failed: FailedDeployment) -> Rolled:
    if failed.targets is None:
        return "never"
    is_new = failed.rollout is None or failed.rollout.waited_seconds <= service.SEEN_AFTER
    return "just now" if is_new else "a while ago"


def _deregister(
    events: "EventBridgeClient", ecs: "ECSClient", undo: Undo, give_up_at: float, *, patient: bool
) -> Iterable[str]:
    """Deregister what this deployment registered, but nothing that a target or the service still names.

    Returns what there is to say of it. Raises what AWS refuses as long as it is `patient`, and then says so.
    """
    settings, execution = undo.settings, undo.execution
    newer = revisions.newer_than(ecs, settings.family, undo.plan.newest_revision)
    found = aws.in_parallel(lambda arn: revisions.read(ecs, arn), newer)
    # What stands for one that is gone the service was rolled back to just now, and ECS may not show that yet.
    ours = [each.arn for each in found if each.registered_by(settings.app, execution.name) and not each.stands_for]
    if not ours:
        return ()
    # The rules of before have just been put back, which EventBridge may not show yet: what it shows it may still run.
    had_tags = {name: rule.tags for name, rule in undo.before.rules.items()}
    shown = bus.read(events, bus.names(events, settings.rule_prefix), had_tags)
    in_use = runs([*undo.before.rules.values(), *shown.values()])
    if description := restore_service.described(ecs, settings):
        in_use.add(description["taskDefinition"])
    unused = [arn for arn in ours if arn not in in_use]

    def deregister(arn: str) -> Exception | None:
        if time.monotonic() >= give_up_at:
            return TimeoutError("it takes one a second; the next deployment deregisters the rest")
        try:
            revisions.deregister(ecs, arn)
        except aws.ERRORS as refusal:
            if patient:
                raise
            return aws.translate(refusal)
        return None

    refused = {arn: why for arn, why in zip(unused, aws.in_parallel(deregister, unused), strict=True) if why}
    if not refused:
        return ()
    named, more = ", ".join(map(revisions.short, list(refused)[:_MOST_NAMED])), len(refused) - _MOST_NAMED
    left, why = named + (f" and {more} more" if more > 0 else ""), next(iter(refused.values()))
    return (f"{left} stay ACTIVE, because ECS did not deregister them ({why})",)
