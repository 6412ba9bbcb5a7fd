"""Late reads: EventBridge shows rules, targets and tags as they were some seconds ago, while writes apply at once.

AWS documents that a changed rule may take "a short period of time" to take effect, and that GetResources may answer
from before a change. The settings `late_reads` and `late_tags` say how late both are.
"""

from collections.abc import Callable, Mapping
from copy import copy

from moto.events.models import Rule, events_backends

from stage import clock
from stage.eventbridge.bus import on_default_bus, rules
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.settings import Settings

Tags = dict[str, str]
Shown = tuple[Rule, Tags]
"""A rule as EventBridge shows it, and its tags."""

READS = {
    "DescribeRule": "Name",
    "ListRuleNamesByTarget": "",
    "ListRules": "",
    "ListTagsForResource": "ResourceARN",
    "ListTargetsByRule": "Rule",
}
WRITES = {
    "DeleteRule": "Name",
    "DisableRule": "Name",
    "EnableRule": "Name",
    "PutRule": "Name",
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
    "TagResource": "ResourceARN",
    "UntagResource": "ResourceARN",
}
"""By operation, the member that names the rule; none for a list."""


class LateReads:
    """A hook that answers the reads of the default bus's rules while they are late, and otherwise leaves all to moto.

    It keeps what a rule was before each write: undoing the recent writes gives what is shown.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = clock.monotonic) -> None:
        self._settings = settings
        self._now = now
        self._writes: list[tuple[float, str, Shown | None]] = []

    def clear(self) -> None:
        """Forget what rules were before; what is there now is shown."""
        self._writes = []

    def rules(self) -> dict[str, Shown]:
        """The rules of the default bus as EventBridge shows them."""
        return self._before(self._settings.late_reads)

    def tagged(self) -> dict[str, Tags]:
        """By ARN, the tags of the rules that the tagging API shows."""
        shown = self._before(self._longest())
        return {rule.arn: tags for rule, tags in shown.values() if tags}

    def before(self, call: Call) -> Reply | None:
        """Answer a read while reads are late or the rule is missing; note what is there before a write."""
        if call.service != "events" or not on_default_bus(call.params):
            return None
        if call.operation in WRITES:
            self._note(_named(call.params[WRITES[call.operation]]))
        elif call.operation in READS and (self._settings.late_reads or _of_missing_rule(call)):
            return _answer(call, self.rules())
        return None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""

    def _longest(self) -> float:
        return max(self._settings.late_reads, self._settings.late_tags)

    def _note(self, name: str) -> None:
        if not self._longest():
            self.clear()
            return
        start = self._now() - self._longest() * self._settings.time_scale
        recent = [each for each in self._writes if each[0] > start]
        rule = rules().get(name)
        self._writes = [*recent, (self._now(), name, _shown(rule) if rule else None)]

    def _before(self, seconds: float) -> dict[str, Shown]:
        """The rules as they were `seconds` ago, times `time_scale`."""
        shown, start = _actual(), self._now() - seconds * self._settings.time_scale
        for at, name, rule in reversed(self._writes):
            if not seconds or at <= start:
                break
            if rule is None:
                shown.pop(name, None)
            else:
                shown[name] = rule
        return shown


def _of_missing_rule(call: Call) -> bool:
    """moto refuses these reads in other words than EventBridge."""
    if call.operation not in ("DescribeRule", "ListTargetsByRule"):
        return False
    return _named(call.params[READS[call.operation]]) not in rules()


def _actual() -> dict[str, Shown]:
    return {name: _shown(rule) for name, rule in list(rules().items())}


def _shown(rule: Rule) -> Shown:
    """A rule as it is now. moto changes a rule and its list of targets in place, but no single target."""
    copied = copy(rule)
    copied.targets = list(rule.targets)
    return copied, events_backends[ACCOUNT][REGION].tagger.get_tag_dict_for_resource(rule.arn)


def _answer(call: Call, shown: Mapping[str, Shown]) -> Reply:
    """The answer to one of the READS; a list is whole, and cut into pages later."""
    params = call.params
    found = dict(sorted(shown.items()))
    match call.operation:
        case "ListRules":
            names = [name for name in found if name.startswith(params.get("NamePrefix", ""))]
            return Reply.result(call, {"Rules": [found[name][0].describe() for name in names]})
        case "ListRuleNamesByTarget":
            arn = params["TargetArn"]
            names = [name for name, (rule, _) in found.items() if any(each["Arn"] == arn for each in rule.targets)]
            return Reply.result(call, {"RuleNames": names})
    name = _named(params[READS[call.operation]])
    if name not in found:
        missing = f"Rule {name} does not exist on EventBus default."
        return Reply.refusal(call, "ResourceNotFoundException", missing)
    rule, tags = found[name]
    match call.operation:
        case "DescribeRule":
            return Reply.result(call, rule.describe())
        case "ListTargetsByRule":
            return Reply.as_sent({"Targets": rule.targets})
    return Reply.result(call, {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]})


def _named(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]
