"""EventBridge and the tagging API show rules, targets and tags late; writes apply at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.eventbridge.bus import rules
from stage.eventbridge.late_reads import LateReads
from stage.eventbridge.tag_index import TagIndex
from stage.settings import Settings
from stage.validation.documented import DocumentedRules
from tests.in_process import client as aws
from tests.in_process import gateway

TARGET = {"Id": "t", "Arn": "arn:aws:sqs:us-east-1:123456789012:queue"}
TAG = {"Key": "late", "Value": "yes"}


@dataclass
class Account:
    """An account whose clock stands still until a test moves it."""

    settings: Settings = field(default_factory=Settings)
    now: float = 0

    def at(self, now: float, *names: str) -> dict[str, Any]:
        """What reads show at that time of rules with these names; None for those that do not exist."""
        self.now = now
        return {name: shown(name) for name in names}

    def indexed(self, now: float) -> list[str]:
        """The names of the rules that the tagging API shows at that time."""
        self.now = now
        found = aws("resourcegroupstaggingapi").get_resources(
            ResourceTypeFilters=["events:rule"], TagFilters=[{"Key": "late"}]
        )
        return [each["ResourceARN"].rpartition("/")[2] for each in found["ResourceTagMappingList"]]


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    late = LateReads(account.settings, lambda: account.now)
    gateway().hooks[:] = [DocumentedRules(), late, TagIndex(late)]
    aws("events").put_rule(Name="late-old", ScheduleExpression="rate(1 day)", Tags=[TAG])
    aws("events").put_targets(Rule="late-old", Targets=[TARGET])
    try:
        yield account
    finally:
        gateway().hooks.clear()
        for name in [name for name in rules() if name.startswith("late-")]:
            del rules()[name]


def shown(name: str) -> dict[str, Any] | None:
    """What all reads together say of a rule."""
    events = aws("events")
    listed = [rule for rule in events.list_rules(NamePrefix=name)["Rules"] if rule["Name"] == name]
    if not listed:
        reads: list[Callable[[], Any]] = [
            lambda: events.describe_rule(Name=name),
            lambda: events.list_targets_by_rule(Rule=name),
            lambda: events.list_tags_for_resource(ResourceARN=f"arn:aws:events:us-east-1:123456789012:rule/{name}"),
        ]
        for read in reads:
            with pytest.raises(ClientError, match="ResourceNotFoundException"):
                read()
        return None
    described = events.describe_rule(Name=name)
    assert {member: described[member] for member in listed[0]} == listed[0]
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    by_target = events.list_rule_names_by_target(TargetArn=TARGET["Arn"])["RuleNames"]
    assert (name in by_target) == bool(targets)
    tags = events.list_tags_for_resource(ResourceARN=described["Arn"])["Tags"]
    return {
        "schedule": described["ScheduleExpression"],
        "state": described["State"],
        "targets": [each["Id"] for each in targets],
        "tags": [each["Key"] for each in tags],
    }


OLD = {"schedule": "rate(1 day)", "state": "ENABLED", "targets": ["t"], "tags": ["late"]}
NEW = {"schedule": "rate(5 minutes)", "state": "ENABLED", "targets": [], "tags": []}


def test_a_write_shows_after_its_time(account: Account) -> None:
    account.settings.change({"late_reads": 5})
    account.now = 10
    aws("events").put_rule(Name="late-new", ScheduleExpression="rate(5 minutes)")
    account.now = 12
    aws("events").disable_rule(Name="late-old")
    aws("events").remove_targets(Rule="late-old", Ids=["t"])
    account.now = 13
    aws("events").untag_resource(ResourceARN=rules()["late-old"].arn, TagKeys=["late"])
    names = ("late-old", "late-new")
    assert account.at(14.9, *names) == {"late-old": OLD, "late-new": None}
    assert account.at(15, *names) == {"late-old": OLD, "late-new": NEW}
    assert account.at(17, *names) == {"late-old": OLD | {"state": "DISABLED", "targets": []}, "late-new": NEW}
    assert account.at(18, "late-old") == {"late-old": OLD | {"state": "DISABLED", "targets": [], "tags": []}}


def test_a_deleted_rule_still_shows(account: Account) -> None:
    account.settings.change({"late_reads": 5})
    aws("events").remove_targets(Rule="late-old", Ids=["t"])
    aws("events").delete_rule(Name="late-old")
    assert "late-old" not in rules()
    assert account.at(4, "late-old") == {"late-old": OLD}
    assert account.indexed(4) == ["late-old"]
    assert account.at(5, "late-old") == {"late-old": None}
    assert account.indexed(5) == []


def test_the_time_follows_time_scale(account: Account) -> None:
    account.settings.change({"late_reads": 5, "time_scale": 0.1})
    aws("events").disable_rule(Name="late-old")
    assert account.at(0.4, "late-old") == {"late-old": OLD}
    assert account.at(0.5, "late-old") == {"late-old": OLD | {"state": "DISABLED"}}


def test_the_tag_index_can_be_later_than_eventbridge(account: Account) -> None:
    account.settings.change({"late_tags": 60})
    aws("events").put_rule(Name="late-new", ScheduleExpression="rate(5 minutes)", Tags=[TAG])
    assert account.at(1, "late-new") == {"late-new": NEW | {"tags": ["late"]}}
    assert account.indexed(59) == ["late-old"]
    assert account.indexed(60) == ["late-new", "late-old"]


def test_without_the_settings_nothing_is_late(account: Account) -> None:
    account.settings.change({"late_reads": 5})
    aws("events").disable_rule(Name="late-old")
    account.settings.reset()
    assert account.at(0, "late-old") == {"late-old": OLD | {"state": "DISABLED"}}
    aws("events").enable_rule(Name="late-old")
    account.settings.change({"late_reads": 5})
    assert account.at(1, "late-old") == {"late-old": OLD}, "what was written before the setting is not late"
