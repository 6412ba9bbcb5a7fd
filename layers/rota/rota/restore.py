"""Putting a snapshot back: rules and targets, the service, and away with what the deployment registered."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from rota import aws, bus, restore_rules, revisions, service
from rota.errors import RejectedError, TransientError
from rota.models import Execution, FailedDeployment, Registered, RestoreDeploymentInput, Shape
from rota.plan import Plan, Snapshot
from rota.rules import runs

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
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


def restore(
    events: "EventBridgeClient",
    ecs: "ECSClient",
    settings: "Settings",
    request: RestoreDeploymentInput,
    plan: Plan,
    before: Snapshot,
    registered: Registered | None,
    *,
    late: bool = False,
) -> Restored:
    """Make everything as it was `before`; run again it ends the same.

    What EventBridge shows may be older than the deployment's own writes, so a rule that the plan changes is put back
    whatever it shows; `registered` is None if it is certain that only the removals had begun. One that the plan leaves
    alone is put back if it is seen to differ, and the service if the deployment may have rolled it. A `late` restore,
    by another execution, leaves alone a rule that has been taken out of our hands since.

    One part that cannot be put back does not keep the others from it: the first refusal is raised when all was tried,
    and only when nothing was refused are the deployment's revisions deregistered. Those that AWS refuses to deregister
    also after some retries, or that there is no time for, are left to the next deployment.
    """
    give_up_at = time.monotonic() + _SECONDS
    execution, rolled = request.execution, _rolled(request.document)
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
        except (ClientError, BotoCoreError, TransientError, RejectedError) as refusal:
            refusals.append(refusal)
            return None

    # A rule that the deployment made or removed is asked whose it is; the others are put back, whatever their tags.
    had_tags = {name: rule.tags for name, rule in before.rules.items() if name not in plan.remove and not late}
    found = bus.read(events, bus.names(events, settings.rule_prefix), had_tags)
    work = restore_rules.work(events, settings, plan, before, registered, found, late=late)
    rules_put_back = aws.in_parallel(put_back, work)
    service_put_back = None
    if registered and rolled != "never":
        ours = registered.api
        service_put_back = put_back(
            lambda: _service(ecs, settings, execution, plan, before.service, ours, just_now=rolled == "just now")
        )
    if unsure and not refusals:
        refusals += restore_rules.not_as_before(events, settings, before, unsure)
    if refusals:
        raise refusals[0]
    patient = request.retries < _RETRIES_FOR_LEFTOVERS
    left = _deregister(events, ecs, settings, execution, plan, before, give_up_at, patient=patient)
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


def _service(
    ecs: "ECSClient",
    settings: "Settings",
    execution: Execution,
    plan: Plan,
    before: service.ServiceState,
    ours: str,
    *,
    just_now: bool,
) -> str:
    """Roll the service back if it must be; the revision to which ECS is rolling it, in words, or nothing.

    `ours` is the revision to which the deployment rolls it.
    """
    description = _described(ecs, settings)
    ran = revisions.short(before.task_definition)
    if just_now and description and description["taskDefinition"] != ours:
        time.sleep(service.SEEN_AFTER)
        description = _described(ecs, settings)
    if description is None:
        raise restore_rules.GoneError(f"the service {settings.service} is gone, somebody has deleted it")
    if description["taskDefinition"] == before.task_definition:
        now = service.state(description)
        return "" if now.steady or now.deployment_id == before.deployment_id else ran
    # ECS itself rolls back to what was steady last. Anything else but ours is somebody's own rollout.
    if before.steady and not _is_ours(ecs, settings, execution, description["taskDefinition"], ours):
        theirs = revisions.short(description["taskDefinition"])
        raise restore_rules.GoneError(
            f"the service {settings.service} runs {theirs}, to which somebody has rolled it meanwhile; that stays"
        )
    definition = revisions.read(ecs, before.task_definition)
    if definition.active:
        service.roll(ecs, settings, definition.arn, description)
        return ran
    # Infrastructure code deregisters a revision once it has a newer one, and ECS moves no service to it any more.
    again = _registered_again(ecs, settings, execution, plan, definition)
    service.roll(ecs, settings, again, description)
    return f"{revisions.short(again)}, which has the content of {ran}; that is INACTIVE"


def _is_ours(ecs: "ECSClient", settings: "Settings", execution: Execution, arn: str, ours: str) -> bool:
    """Whether the deployment rolled the service to this revision: `ours`, or one in place of what it ran before."""
    return arn == ours or revisions.read(ecs, arn).registered_by(settings.app, execution.name)


def _described(ecs: "ECSClient", settings: "Settings") -> "ServiceTypeDef | None":
    """The service as ECS describes it; None if somebody has deleted it."""
    try:
        description = service.read(ecs, settings)
    except RejectedError:
        return None
    return None if description["status"] == "INACTIVE" else description


def _registered_again(
    ecs: "ECSClient", settings: "Settings", execution: Execution, plan: Plan, gone: revisions.Definition
) -> str:
    """An ACTIVE revision with the content and the tags of one that is gone: its ARN."""
    print_ = revisions.fingerprint(gone.content, revisions.own_tags(gone))
    newer = revisions.newer_than(ecs, settings.family, plan.newest_revision)
    known = revisions.by_fingerprint((revisions.read(ecs, arn) for arn in newer), settings.app)
    if print_ in known:
        return known[print_]  # an interrupted attempt has registered it already
    tags = revisions.tags_in_place_of(gone, settings.app, execution.name, print_)
    return revisions.register(aws.ecs(attempts=1), gone.content, tags)


def _deregister(
    events: "EventBridgeClient",
    ecs: "ECSClient",
    settings: "Settings",
    execution: Execution,
    plan: Plan,
    before: Snapshot,
    give_up_at: float,
    *,
    patient: bool,
) -> Iterable[str]:
    """Deregister what this deployment registered, but nothing that a target or the service still names.

    Returns what there is to say of it. Raises what AWS refuses as long as it is `patient`, and then says so.
    """
    newer = revisions.newer_than(ecs, settings.family, plan.newest_revision)
    found = aws.in_parallel(lambda arn: revisions.read(ecs, arn), newer)
    # What stands for one that is gone the service was rolled back to just now, and ECS may not show that yet.
    ours = [each.arn for each in found if each.registered_by(settings.app, execution.name) and not each.stands_for]
    if not ours:
        return ()
    # The rules of before have just been put back, which EventBridge may not show yet: what it shows it may still run.
    had_tags = {name: rule.tags for name, rule in before.rules.items()}
    shown = bus.read(events, bus.names(events, settings.rule_prefix), had_tags)
    in_use = runs([*before.rules.values(), *shown.values()])
    if description := _described(ecs, settings):
        in_use.add(description["taskDefinition"])
    unused = [arn for arn in ours if arn not in in_use]

    def deregister(arn: str) -> Exception | None:
        if time.monotonic() >= give_up_at:
            return TimeoutError("it takes one a second; the next deployment deregisters the rest")
        try:
            revisions.deregister(ecs, arn)
        except (ClientError, BotoCoreError) as refusal:
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
