"""Putting a snapshot's rules back, though EventBridge may show for a moment what was before a change."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from botocore.exceptions import ClientError

from rota.aws.errors import translate
from rota.errors import RejectedError, TransientError
from rota.restore.context import CannotRestoreError, RestoreUnconfirmedError
from rota.schedules.eventbridge_rules import api
from rota.schedules.eventbridge_rules.rule import Rule, difference

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

    from rota.restore.context import RestoreContext

# "a short period of time", says EventBridge of its changes, and not how long; a minute is long.
_SURELY_SHOWN_AFTER = 60


def jobs(
    events: "EventBridgeClient", undo: "RestoreContext", found: Mapping[str, Rule], *, late: bool
) -> Iterator[Callable[[], bool]]:
    """What there may be to do for each rule: put it back, or remove one that the deployment made.

    Each returns whether the rule was seen to differ, and raises GoneError, UnsureError or what AWS refused.
    """
    settings, plan, before = undo.settings, undo.plan, undo.before
    made = plan.wanted_rules(settings, undo.registered) if undo.registered else {}
    for name, rule in before.rules.items():
        seen, stays, ours = found.get(name), name not in plan.remove, [rule, *filter(None, [made.get(name)])]
        untagged = seen if seen and not seen.belongs_to(settings.app) else None
        if untagged and ((late and stays) or not any(_may_be(each, untagged) for each in ours)):
            yield partial(_leave_alone, name)
        else:
            yield partial(_put_back, events, rule, seen, made.get(name, seen) if stays else None)
    for name in made.keys() - before.rules.keys():
        if name not in found:
            yield partial(_refuse_unseen, events, name)
        elif found[name].belongs_to(settings.app):
            yield partial(api.remove, events, name)
        elif _may_be(made[name], found[name]):
            yield partial(_doubt_untagged, name)


def not_as_before(
    events: "EventBridgeClient", undo: "RestoreContext", unsure: Mapping[str, Exception]
) -> list[Exception]:
    """Look again when EventBridge shows all changes: the refusals, by rule, of those that are not as they were.

    What refuses a restore mostly refused the deployment as well (a role that is gone), so that nothing was written.
    """
    settings, before = undo.settings, undo.before
    time.sleep(_SURELY_SHOWN_AFTER)
    listed = [each for each in api.list_rules(events, settings.rule_prefix) if each["Name"] in unsure]
    found = api.read_rules(events, listed, {name: rule.tags for name, rule in before.rules.items()})

    def as_before(name: str) -> bool:
        if name not in before.rules:  # one that shows no tag of ours by now is somebody else's
            return name not in found or not found[name].belongs_to(settings.app)
        return not difference(found.get(name), before.rules[name])

    return [refusal for name, refusal in unsure.items() if not as_before(name)]


def _put_back(events: "EventBridgeClient", rule: Rule, seen: Rule | None, written: Rule | None) -> bool:
    """Put a rule back, be it as EventBridge shows it (`seen`) or as the deployment may have left it (`written`).

    True if `seen` differed.
    """
    differs = difference(seen, rule)
    try:
        api.apply_change(events, rule, differs | difference(written, rule), new=seen is None or written is None)
    except (ClientError, RejectedError) as refusal:
        told = _rejection(refusal)
        if told is None:
            raise
        if not differs:
            raise RestoreUnconfirmedError(rule.name, refusal) from refusal
        if not _is_invalid(refusal) or _runs_again(rule):
            raise
        api.remove(events, rule.name)  # whatever it is now, it must not run
        raise CannotRestoreError(
            f"the rule {rule.name} is gone: its last run is past, and AWS refused it ({told})"
        ) from refusal
    return bool(differs)


def _may_be(ours: Rule, seen: Rule) -> bool:
    """Whether a rule that shows no tag may still be `ours`, half written or half shown: it holds nothing else."""
    if seen.owner is not None or seen.managed_by:
        return False
    todo, shown = difference(seen, ours), {target["Id"] for target in seen.targets}
    return not (todo.put_rule or todo.remove_targets or any(target["Id"] in shown for target in todo.put_targets))


def _leave_alone(name: str) -> NoReturn:
    raise CannotRestoreError(f"the rule {name} is somebody else's by now, and was left alone")


def _refuse_unseen(events: "EventBridgeClient", name: str) -> bool:
    try:
        return api.reject_unlisted_rule(events, name)
    except (ClientError, RejectedError) as refusal:
        if _rejection(refusal):
            raise RestoreUnconfirmedError(name, refusal) from refusal
        raise


def _doubt_untagged(name: str) -> NoReturn:
    not_yet = f"EventBridge does not show the tags of the rule {name} yet, which was made a moment ago"
    raise RestoreUnconfirmedError(name, TransientError(not_yet))


def _rejection(refusal: ClientError | RejectedError) -> RejectedError | None:
    """The refusal as one that time does not cure; None if it may."""
    told = translate(refusal) if isinstance(refusal, ClientError) else refusal
    return told if isinstance(told, RejectedError) else None


def _is_invalid(refusal: Exception) -> bool:
    """Whether AWS refused the rule itself."""
    if not isinstance(refusal, ClientError):
        return False
    return (refusal.operation_name, refusal.response["Error"]["Code"]) == ("PutRule", "ValidationException")


def _runs_again(rule: Rule) -> bool:
    """True also if nobody can tell."""
    from rota.schedule_file import next_runs  # noqa: PLC0415  here, because next to no restore needs it

    if rule.event_pattern or not rule.schedule_expression:
        return True
    try:
        return bool(next_runs.next_runs(rule.schedule_expression, datetime.now(UTC), 1))
    except ValueError:
        return True
