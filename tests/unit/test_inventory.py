"""The rules on the event bus before a deployment, and the problems with them."""

from collections.abc import Iterable
from typing import Any

import pytest

from rota.schedules.connected import Inventories
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.inventory import RuleInventory
from rota.schedules.eventbridge_rules.rule import Rule
from rota.schedules.eventbridge_scheduler.inventory import GroupInventory
from rota.settings import Settings
from tests.guestbook import APP, CLUSTER_ARN, PREFIX, SETTINGS, arn, task

INGEST, SPAM = PREFIX + "IngestData", PREFIX + "RemoveSpam"


def owned(name: str, settings: Settings = SETTINGS) -> Rule:
    """The app's own rule of that name."""
    rule = desired_rule(task(), settings, CLUSTER_ARN, arn(2))
    return rule.model_copy(update={"name": name})


def inventory(*rules: Rule, **fields: Any) -> RuleInventory:
    """A bus with these rules of the app's; `fields` say what else is on it."""
    names = frozenset({rule.name for rule in rules} | {*fields.pop("names", ()), *fields.get("tags", ())})
    tags = {rule.name: rule.tags for rule in rules} | fields.pop("tags", {})
    managers: dict[str, str] = fields.pop("managers", {})
    indexed = fields.pop("indexed", frozenset())
    assert not fields
    return RuleInventory({rule.name: rule for rule in rules}, tags, managers, names, frozenset(indexed))


def problems(found: RuleInventory, desired: Iterable[str] = (INGEST, SPAM), settings: Settings = SETTINGS) -> list[str]:
    return list(found.problems(desired, settings))


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        pytest.param({}, [], id="no such rule"),
        pytest.param({INGEST: {"rota:app": APP}}, [], id="the app's own"),
        pytest.param({PREFIX + "Other": {}}, [], id="another name"),
        pytest.param(
            {INGEST: {}},
            [
                f"the rule {INGEST} exists and Rota does not own it: it has no tag rota:app; "
                "rename the task, or tag the rule to hand it over: rota import --tag"
            ],
            id="untagged",
        ),
        pytest.param(
            {INGEST: {"rota:app": "production/shop", "team": "books"}},
            [
                f"the rule {INGEST} exists and Rota does not own it: its tag rota:app is 'production/shop', not "
                "'production/guestbook-api'; rename the task, or tag the rule to hand it over"
            ],
            id="another app's",
        ),
    ],
)
def test_the_name_of_a_foreign_rule(tags: dict[str, dict[str, str]], found: list[str]) -> None:
    assert problems(inventory(tags=tags)) == found


def test_a_foreign_rule_with_the_name_of_a_schedule_in_scheduler() -> None:
    group = SETTINGS.schedule_group
    found = Inventories(inventory(tags={INGEST: {}, SPAM: {"rota:app": APP}}), GroupInventory({}))
    no_room = SETTINGS.model_copy(update={"rule_quota": 2})
    assert [
        problem.partition(";")[0] for problem in found.problems([f"{group}/{INGEST}", f"{group}/{SPAM}"], no_room)
    ] == [f"the rule {INGEST} exists and Rota does not own it: it has no tag rota:app"]


@pytest.mark.parametrize("desired", [INGEST, f"{SETTINGS.schedule_group}/{INGEST}"], ids=["rule", "schedule"])
@pytest.mark.parametrize(
    ("elsewhere", "named"),
    [
        pytest.param({f"old/{SPAM}", f"older/{INGEST}"}, f"older/{INGEST}", id="a task's"),
        pytest.param({f"old/{SPAM}", f"old/{INGEST}"}, f"old/{INGEST}, old/{SPAM}", id="one that left the file"),
        pytest.param({f"other/{PREFIX}admin__Report"}, None, id="an app's whose prefix begins so"),
    ],
)
def test_schedules_of_other_groups(elsewhere: set[str], named: str | None, desired: str) -> None:
    found = Inventories(inventory(), GroupInventory({}, frozenset(elsewhere))).problems([desired], SETTINGS)
    begin = "schedules of other groups have the names of this app's tasks: "
    assert [each.partition(". ")[0] for each in found] == ([begin + named] if named else [])


@pytest.mark.parametrize("tags", [{}, {"rota:app": APP}], ids=["untagged", "with the app's tag"])
def test_a_rule_of_an_aws_service_cannot_be_handed_over(tags: dict[str, str]) -> None:
    found = inventory(tags={INGEST: tags}, managers={INGEST: "autoscaling.amazonaws.com"})
    assert problems(found) == [
        f"the rule {INGEST} exists and the AWS service autoscaling.amazonaws.com manages it, so Rota can never own it; "
        "rename the task, or choose another RulePrefix"
    ]


@pytest.mark.parametrize(
    ("names", "indexed", "outside"),
    [
        pytest.param((), {INGEST}, "", id="with the prefix"),
        pytest.param({"old__IngestData"}, (), "", id="of the name alone"),
        pytest.param((), {"old__IngestData"}, "", id="deleted, and still listed"),
        pytest.param({"old__B", "old__A"}, {"old__A", "old__B"}, "old__A, old__B", id="under a former prefix"),
    ],
)
def test_rules_under_another_prefix(names: set[str], indexed: set[str], outside: str) -> None:
    problem = (
        "rules with the app's tag rota:app do not begin with the parameter RulePrefix, production__guestbook__: "
        f"{outside}. They would keep running the old image beside the new rules. If the parameter has changed, set "
        "it back, deploy a schedule file without tasks, then change it; or delete these rules or take the tag from "
        "them. A rule that lost its tag moments ago may still be listed: then start the execution again in some minutes"
    )
    assert problems(inventory(names=names, indexed=indexed)) == ([problem] if outside else [])


def test_a_role_that_rota_may_not_pass_must_be_listed() -> None:
    by_script = owned(INGEST, SETTINGS.model_copy(update={"events_role_arn": "role/script"}))
    assert problems(inventory(by_script)) == [
        f"the rule {INGEST} names the role role/script, which Rota may not pass, so it could not restore the rule; "
        "list the role in the parameter FormerEventsRoleArns"
    ]
    listed = SETTINGS.model_copy(update={"former_events_role_arns": ("role/script",)})
    assert problems(inventory(by_script), settings=listed) == []


def test_the_rules_own_role_must_be_listed_too() -> None:
    for role, number in ((SETTINGS.events_role_arn, 0), (None, 0), ("role/other", 1)):
        rule = owned(INGEST).model_copy(update={"role_arn": role})
        assert len(problems(inventory(rule))) == number


@pytest.mark.parametrize(
    ("quota", "own", "others", "slots"),
    [
        pytest.param(300, 0, 0, 300, id="an empty bus"),
        pytest.param(300, 5, 10, 290, id="rules of others take slots"),
        pytest.param(4, 2, 2, 2, id="a full bus"),
        pytest.param(4, 0, 4, 0, id="full of rules of others"),
        pytest.param(2, 1, 4, 0, id="over the quota"),
    ],
)
def test_how_many_rules_the_app_may_have(quota: int, own: int, others: int, slots: int) -> None:
    found = inventory(
        *(owned(f"{PREFIX}Own{number}") for number in range(own)), names={f"other-{number}" for number in range(others)}
    )
    assert found.slots(SETTINGS.model_copy(update={"rule_quota": quota})) == slots


NO_SLOTS = (
    "the schedule file adds {new} tasks, and the event bus has room for {free} more rules: rules of tasks that left "
    "the file are deleted at the end of a deployment only. Deploy a file without those tasks first, or raise the quota "
    "and the parameter RuleQuota"
)


@pytest.mark.parametrize(
    ("quota", "desired", "expected"),
    [
        # on the bus: two of the app's and one of others
        pytest.param(3, ["Own0", "Own1"], [], id="the same"),
        pytest.param(3, [], [], id="none"),
        pytest.param(3, ["Own0", "New0"], [NO_SLOTS.format(new=1, free=0)], id="one in place of another"),
        pytest.param(4, ["Own0", "New0"], [], id="one in place of another, with a slot free"),
        pytest.param(4, ["New0", "New1"], [NO_SLOTS.format(new=2, free=1)], id="two in place of others"),
        pytest.param(5, ["New0", "New1"], [], id="two in place of others, with two slots free"),
        pytest.param(2, ["New0"], [NO_SLOTS.format(new=1, free=0)], id="over the quota"),
        # the schedule file's own check says so, with the number of slots
        pytest.param(3, ["Own0", "Own1", "New0"], [], id="more than there are slots"),
    ],
)
def test_new_rules_need_slots_beside_those_removed(quota: int, desired: list[str], expected: list[str]) -> None:
    found = inventory(owned(PREFIX + "Own0"), owned(PREFIX + "Own1"), names={"other"})
    settings = SETTINGS.model_copy(update={"rule_quota": quota})
    assert problems(found, [PREFIX + name for name in desired], settings) == expected


def test_all_problems_are_found_at_once() -> None:
    by_script = owned(SPAM, SETTINGS.model_copy(update={"events_role_arn": "role/script"}))
    found = inventory(by_script, tags={INGEST: {}}, names={"old__A"}, indexed={"old__A"})
    assert [next(word for word in ("prefix", "own", "role") if word in each.lower()) for each in problems(found)] == [
        "prefix",
        "own",
        "role",
    ]
