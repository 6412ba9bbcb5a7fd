"""What EventBridge takes as a rule, and how soon its reads show one."""

import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import TAG, Account, code_of, tried
from rota.cli.verify_account.resources import QUEUE, RULE
from rota.cli.verify_account.row import Row, Seen, probe
from rota.cli.verify_account.rows import events

_LATEST_READ = 60.0
_EFFECTIVE_SECONDS = 60
LATE_SECONDS = 15
"""How late reads may be: so late the sweep has tried every fault."""


@dataclass(frozen=True)
class _Shown:
    """After how many seconds each read shows what was written; None if it does not in a minute.

    `index` is the Resource Groups Tagging API's.
    """

    tags: float | None
    rule: float | None
    targets: float | None
    index: float | None


_READS = ("events:ListTagsForResource", "events:ListRules", "events:ListTargetsByRule", "tag:GetResources")


@probe(RULE, QUEUE, actions=_READS)
def new_rule(account: Account) -> _Shown:
    """A rule is made with tags and then gets a target; each is read until it is shown."""
    bus, queue = account.client("events"), resources.queue(account, "unused")
    name = resources.rule(account, "reads", ScheduleExpression="rate(1 day)", State="DISABLED")
    arn = account.arn("events", f"rule/{name}")
    tags = _seconds_until(
        account, lambda: any(tag["Key"] == TAG for tag in bus.list_tags_for_resource(ResourceARN=arn)["Tags"])
    )
    rule = _seconds_until(account, lambda: bool(bus.list_rules(NamePrefix=name)["Rules"]))
    resources.put_targets(account, name, {"Arn": queue.arn})
    targets = _seconds_until(account, lambda: bool(bus.list_targets_by_rule(Rule=name)["Targets"]))
    index = account.client("resourcegroupstaggingapi")
    asked = {"ResourceTypeFilters": ["events:rule"], "TagFilters": [{"Key": TAG, "Values": [account.run]}]}
    indexed = _seconds_until(
        account,
        lambda: any(arn == each["ResourceARN"] for each in index.get_resources(**asked)["ResourceTagMappingList"]),
    )
    return _Shown(tags, rule, targets, indexed)


@probe(RULE, QUEUE, actions=("events:PutEvents", *events.RECEIVE))
def effective_rule(account: Account) -> float | None:
    """After how many seconds a new rule takes an event; None if it takes none in two minutes."""
    queue = resources.queue(account, "effect")
    resources.rule(account, "effect", {"Arn": queue.arn}, EventPattern=json.dumps({"source": [events.source(account)]}))
    began = account.clock.now()

    def taken() -> bool:
        events.put(account)
        return bool(events.take(account, queue))

    return (account.clock.now() - began).total_seconds() if account.wait(taken, 2 * _EFFECTIVE_SECONDS) else None


def _seconds_until(account: Account, read: Callable[[], bool]) -> float | None:
    """0 where it is shown at once. A late read may also say that there is no such rule."""

    def shown() -> bool:
        try:
            return read()
        except ClientError as refusal:
            if code_of(refusal) != "ResourceNotFoundException":
                raise
            return False

    if shown():
        return 0
    began = account.clock.now()
    found = account.wait(shown, _LATEST_READ)
    return max(0.1, (account.clock.now() - began).total_seconds()) if found else None


def _read_tags(shown: _Shown) -> Seen:
    if shown.tags is None:
        return Seen("not within a minute")
    return Seen("at once") if not shown.tags else Seen("later", f"after {shown.tags:.1f} s")


def _read_lateness(shown: _Shown) -> Seen:
    late = [shown.tags, shown.rule, shown.targets]
    if None in late:
        return Seen("later than a minute")
    most = max(seconds for seconds in late if seconds is not None)
    return Seen(f"within {LATE_SECONDS} s" if most <= LATE_SECONDS else "later", f"{most:.1f} s")


def _read_effect(seconds: float | None) -> Seen:
    if seconds is None:
        return Seen(f"not in {2 * _EFFECTIVE_SECONDS} s")
    return Seen(f"within {_EFFECTIVE_SECONDS} s" if seconds <= _EFFECTIVE_SECONDS else "later", f"{seconds:.1f} s")


def _put(account: Account, purpose: str, **request: Any) -> tuple[str, str]:
    """Whether PutRule takes a rule that never fires, which is made then."""
    return tried(lambda: resources.rule(account, purpose, State="DISABLED", **request))


@probe(RULE)
def last_days(account: Account) -> tuple[str, str]:
    return _put(account, "last-days", ScheduleExpression="cron(0 6 L-3 * ? *)")


@probe(RULE)
def step_of_60(account: Account) -> tuple[str, str]:
    return _put(account, "step-of-60", ScheduleExpression="cron(0/60 * * * ? *)")


@probe(RULE)
def complex_patterns(account: Account) -> tuple[str, str]:
    """A pattern of complexity 10, and one of 11: a text can be at ten of its stars at once, or at eleven."""
    of_10, of_11 = (f"*{'*'.join(string.ascii_lowercase[:stars])}" for stars in (9, 10))
    patterns = (json.dumps({"source": [TAG], "detail": {"tag": [{"wildcard": text}]}}) for text in (of_10, of_11))
    (taken, _), (refused, _) = (
        _put(account, f"pattern-{number}", EventPattern=pattern) for number, pattern in enumerate(patterns, 10)
    )
    return taken, refused


@probe(RULE, QUEUE)
def unknown_placeholder(account: Account) -> tuple[str, str]:
    """A target's template has a word in brackets that is no variable."""
    queue = resources.queue(account, "placeholder")
    transformer = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": '{"at": <time>, "says": "a <word>"}'}
    target = {"Arn": queue.arn, "InputTransformer": transformer}
    schedule = {"ScheduleExpression": "rate(1 day)", "State": "DISABLED"}
    return tried(lambda: resources.rule(account, "placeholder", target, **schedule))


@probe(RULE, actions=("events:DisableRule", "events:EnableRule"))
def switched_twice(account: Account) -> tuple[str, str]:
    """A rule without a target is disabled twice, then enabled twice."""
    bus = account.client("events")
    name = resources.rule(account, "switched", ScheduleExpression="rate(1 day)")
    calls = (bus.disable_rule, bus.disable_rule, bus.enable_rule, bus.enable_rule)
    answers = [tried(lambda: call(Name=name)) for call in calls]  # noqa: B023  called at once
    return next((answer for answer in answers if answer[0] != "accepted"), answers[0])


def _read_code(answer: tuple[str, str]) -> Seen:
    return Seen(*answer)


ROWS = (
    Row(
        id="tags-after-put-rule",
        group="free",
        assumption="ListTagsForResource shows a rule's tags as soon as PutRule has made the rule.",
        expected="at once",
        meaning="A step that runs twice may take a rule that it has just made for another owner's: the deployment "
        "fails and is restored.",
        then="Deploy again; if it happens often, report it.",
        probe=new_rule,
        read=_read_tags,
    ),
    Row(
        id="late-reads",
        group="free",
        assumption=f"EventBridge's reads show a write within {LATE_SECONDS} seconds.",
        expected=f"within {LATE_SECONDS} s",
        meaning="A deployment that meets a later read fails or waits; a restore asks each rule again for hours.",
        then="Leave some minutes between two deployments.",
        probe=new_rule,
        read=_read_lateness,
    ),
    Row(
        id="tag-index",
        group="free",
        assumption="The index of tags (GetResources) shows a new rule within a minute.",
        expected="within a minute",
        meaning="A deployment soon after another asks each rule for its tags, which takes longer.",
        then="Nothing.",
        probe=new_rule,
        read=lambda shown: Seen("later") if shown.index is None else Seen("within a minute", f"{shown.index:.1f} s"),
    ),
    Row(
        id="rule-takes-effect",
        group="free",
        assumption=f"A new rule and its target take effect within {_EFFECTIVE_SECONDS} seconds.",
        expected=f"within {_EFFECTIVE_SECONDS} s",
        meaning="A job that is due soon after a deployment runs as before it, once.",
        then="Deploy some minutes before jobs that must run the new image.",
        probe=effective_rule,
        read=_read_effect,
    ),
    Row(
        id="cron-last-days",
        group="free",
        assumption="EventBridge refuses `L-3`, the third day before the last of a month.",
        expected="ValidationException",
        meaning="Rota refuses a schedule that EventBridge would accept.",
        then="Nothing; write the days as the message says.",
        probe=last_days,
        read=_read_code,
    ),
    Row(
        id="cron-step-of-60",
        group="free",
        assumption="EventBridge refuses `0/60` in minutes.",
        expected="ValidationException",
        meaning="Rota refuses a schedule that EventBridge would accept.",
        then="Nothing; write the hours as the message says.",
        probe=step_of_60,
        read=_read_code,
    ),
    Row(
        id="rule-switched-twice",
        group="free",
        assumption="DisableRule and EnableRule accept a rule that is disabled, or enabled, already.",
        expected="accepted",
        meaning="A pause that is tried again fails and is withdrawn; one that is over is reported each day, though its "
        "rule is enabled.",
        then="Report it.",
        probe=switched_twice,
        read=_read_code,
    ),
    Row(
        id="pattern-complexity",
        group="free",
        assumption="EventBridge accepts event patterns up to a complexity of 10.",
        expected="10: accepted, 11: InvalidEventPatternException",
        meaning="A stack whose ImageTagPattern is more complex than EventBridge accepts fails when it is deployed.",
        then="`ImageTagPattern`: fewer wildcards.",
        probe=complex_patterns,
        read=lambda answers: Seen(f"10: {answers[0]}, 11: {answers[1]}"),
    ),
    Row(
        id="unknown-placeholder",
        group="free",
        assumption="PutTargets refuses a template in which a word in brackets is no variable.",
        expected="ValidationException",
        meaning="Nothing: a job with such a word in its command is never traced by a template.",
        then="Nothing.",
        probe=unknown_placeholder,
        read=_read_code,
    ),
)
