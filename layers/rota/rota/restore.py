"""Putting a snapshot back: rules and targets, the service, and away with what the deployment registered."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from rota import aws, bus, revisions, service
from rota.errors import RejectedError, TransientError
from rota.models import Execution, Shape
from rota.plan import Plan, Registered, Snapshot
from rota.rules import Rule, difference, runs

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

    from rota.settings import Settings

Done = TypeVar("Done")


class _SpentError(Exception):
    """AWS refuses to take a rule back that would never run again; the message names it."""


class Restored(Shape):
    """What was seen to need putting back; `service` is the revision to which ECS is still rolling the service back.

    `spent` are rules that are gone, a sentence each, because AWS refused them and they would never run again;
    `too_late`: what was changed is another deployment's by now.
    """

    rules: int = 0
    service: str = ""
    deregistered: int = 0
    spent: tuple[str, ...] = ()
    too_late: bool = False

    def __str__(self) -> str:
        if self.too_late:
            return "Nothing was put back, because another deployment has had its turn since."
        return " ".join([self._told(), *(f"But {each}." for each in self.spent)])

    def _told(self) -> str:
        rules_ = f"{self.rules} {'rule' if self.rules == 1 else 'rules'} had to be put back" if self.rules else ""
        if self.service:
            # ECS takes its minutes for that, and nobody here waits for it.
            told = "All rules are as they were before" + (f", {rules_}" if rules_ else "")
            return f"{told}; ECS is rolling the service back to {self.service}."
        return f"Everything is as it was before; {rules_}." if rules_ else "Nothing had to be put back."


def restore(
    events: "EventBridgeClient",
    ecs: "ECSClient",
    settings: "Settings",
    execution: Execution,
    plan: Plan,
    before: Snapshot,
    registered: Registered | None,
) -> Restored:
    """Make everything as it was `before`; run again it ends the same.

    What EventBridge shows may be older than the deployment's own writes, so a rule that the plan changes is put back
    whatever it shows; `registered` is None if it is certain that only the removals had begun. One that the plan leaves
    alone is put back if it is seen to differ.

    One part that cannot be put back does not keep the others from it: the first refusal is raised when all was tried,
    and only when nothing was refused are the deployment's revisions deregistered.
    """
    refusals: list[Exception] = []
    spent: list[str] = []

    def put_back(work: Callable[[], Done]) -> Done | None:
        try:
            return work()
        except _SpentError as told:
            spent.append(str(told))
            return None
        except (ClientError, BotoCoreError, TransientError, RejectedError) as refusal:
            refusals.append(refusal)
            return None

    # A rule that the deployment made is asked whose it is; the others are put back, whatever their tags.
    had_tags = {name: rule.tags for name, rule in before.rules.items()}
    found = bus.read(events, bus.names(events, settings.rule_prefix), had_tags)
    rules_put_back = aws.in_parallel(put_back, _rules(events, settings, plan, before, registered, found))
    service_put_back = put_back(lambda: _service(ecs, settings, execution, plan, before.service))
    if refusals:
        raise refusals[0]
    return Restored(
        rules=rules_put_back.count(True),
        service=service_put_back or "",
        spent=tuple(sorted(spent)),
        deregistered=_deregister(events, ecs, settings, execution, plan, before),
    )


def _rules(
    events: "EventBridgeClient",
    settings: "Settings",
    plan: Plan,
    before: Snapshot,
    registered: Registered | None,
    found: Mapping[str, Rule],
) -> Iterator[Callable[[], bool]]:
    """What there may be to do for each rule: put it back, or remove one that the deployment made."""
    made = plan.wanted_rules(settings, registered) if registered else {}
    for name, rule in before.rules.items():
        seen = found.get(name)
        written = None if name in plan.remove else made.get(name, seen)
        yield partial(_put_back, events, rule, seen, written)
    for name in made.keys() - before.rules.keys():
        if name not in found:
            yield partial(bus.refuse_unseen, events, made[name])
        elif found[name].belongs_to(settings.app):
            yield partial(bus.remove, events, name)


def _put_back(events: "EventBridgeClient", rule: Rule, seen: Rule | None, written: Rule | None) -> bool:
    """Put a rule back, be it as EventBridge shows it or as the deployment may have left it; True if it is shown so."""
    differs = difference(seen, rule)
    try:
        bus.write(events, rule, differs | difference(written, rule), new=seen is None or written is None)
    except ClientError as refusal:
        if not _is_invalid(refusal) or _runs_again(rule):
            raise
        bus.remove(events, rule.name)  # whatever it is now, it must not run
        raise _SpentError(
            f"the rule {rule.name} is gone: AWS refused its schedule {rule.schedule_expression}, whose last run is past"
        ) from refusal
    return bool(differs)


def _is_invalid(refusal: ClientError) -> bool:
    """True if AWS refused the rule itself, for good."""
    told = refusal.operation_name, refusal.response["Error"]["Code"]
    return told == ("PutRule", "ValidationException") and isinstance(aws.translate(refusal), RejectedError)


def _runs_again(rule: Rule) -> bool:
    """True also if nobody can tell."""
    from rota import cron  # noqa: PLC0415  here, because next to no restore needs it

    try:
        return not rule.schedule_expression or bool(cron.next_runs(rule.schedule_expression, datetime.now(UTC), 1))
    except ValueError:
        return True


def _service(
    ecs: "ECSClient", settings: "Settings", execution: Execution, plan: Plan, before: service.ServiceState
) -> str:
    """Roll the service back if it must be; the revision to which ECS is rolling it, in words, or nothing."""
    description = service.read(ecs, settings)
    ran = revisions.short(before.task_definition)
    if description["taskDefinition"] == before.task_definition:
        now = service.state(description)
        return "" if now.steady or now.deployment_id == before.deployment_id else ran
    definition = revisions.read(ecs, before.task_definition)
    if definition.active:
        service.roll(ecs, settings, definition.arn)
        return ran
    # Infrastructure code deregisters a revision once it has a newer one, and ECS moves no service to it any more.
    again = _registered_again(ecs, settings, execution, plan, definition)
    service.roll(ecs, settings, again)
    return f"{revisions.short(again)}, which has the content of {ran}; that is INACTIVE"


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
) -> int:
    """Deregister what this deployment registered, but nothing that a target or the service still names.

    No more than ECS takes at once, lest the restoring outlive its function; the rest is for the next deployment, whose
    plan lists what was left behind.
    """
    newer = revisions.newer_than(ecs, settings.family, plan.newest_revision)
    found = aws.in_parallel(lambda arn: revisions.read(ecs, arn), newer)
    ours = [each.arn for each in found if each.registered_by(settings.app, execution.name)]
    if not ours:
        return 0
    # The rules of before have just been put back, which EventBridge may not show yet.
    others = [rule for rule in bus.names(events, settings.rule_prefix) if rule["Name"] not in before.rules]
    in_use = runs([*before.rules.values(), *bus.read(events, others, {}).values()])
    in_use.add(service.read(ecs, settings)["taskDefinition"])
    unused = [arn for arn in ours if arn not in in_use][: revisions.MOST_LEFTOVERS]
    aws.in_parallel(lambda arn: revisions.deregister(ecs, arn), unused)
    return len(unused)
