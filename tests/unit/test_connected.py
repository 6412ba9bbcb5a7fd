"""A schedule that may be a rule or one of EventBridge Scheduler: which of two is read, found and switched."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore.stub import Stubber

from rota.aws import clients
from rota.errors import TransientError
from rota.schedule_file.when import When
from rota.schedules import backend
from rota.schedules.connected import Inventories
from rota.schedules.eventbridge_rules.inventory import RuleInventory
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.eventbridge_scheduler.inventory import GroupInventory
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange
from rota.schedules.found import Found
from rota.schedules.restored import Restored
from tests.guestbook import APP, CLUSTER_ARN, PREFIX, SETTINGS, arn
from tests.stubs import asked

JOB = f"{PREFIX}IngestData"
NAMED = {"GroupName": SETTINGS.schedule_group, "Name": JOB}
CRON, GONE = "cron(0 6 * * ? *)", "ResourceNotFoundException"
RULE_ARN = f"arn:aws:events:us-east-1:123456789012:rule/{JOB}"
MEMBERS: dict[str, Any] = {
    "ScheduleExpression": CRON,
    "ScheduleExpressionTimezone": "Europe/Berlin",
    "State": "ENABLED",
    "ActionAfterCompletion": "NONE",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": CLUSTER_ARN, "RoleArn": "a-role", "EcsParameters": {"TaskDefinitionArn": arn(2)}},
}
OF_RULE = RuleChange(
    kind="create", name=JOB, arn=RULE_ARN, put_rule={"Name": JOB, "ScheduleExpression": CRON, "State": "ENABLED"}
)
OF_SCHEDULE = SchedulerChange(kind="create", name=f"{SETTINGS.schedule_group}/{JOB}", members=MEMBERS)
STATES = {"on": "ENABLED", "off": "DISABLED", "foreign": "ENABLED"}


class Both(NamedTuple):
    """What both services are asked next, and what they show: a rule or a schedule, on, off or foreign, or none."""

    events: Stubber
    scheduler: Stubber

    def rule(self, shown: str | None, *writes: str) -> None:
        if shown is None:
            self.events.add_client_error("describe_rule", GONE)
            return
        found = {"Name": JOB, "Arn": RULE_ARN, "State": STATES[shown], "ScheduleExpression": CRON}
        self.events.add_response("describe_rule", found, {"Name": JOB})
        tags = [] if shown == "foreign" else [{"Key": "rota:app", "Value": APP}]
        self.events.add_response("list_tags_for_resource", {"Tags": tags}, {"ResourceARN": RULE_ARN})
        for each in writes:
            self.events.add_response(each, {}, {"Name": JOB})

    def schedule(self, shown: str | None, *writes: str) -> None:
        if shown is None:
            self.scheduler.add_client_error("get_schedule", GONE)
            return
        self.scheduler.add_response("get_schedule", MEMBERS | {"State": STATES[shown]}, NAMED)
        for each in writes:
            asked = NAMED | MEMBERS | {"State": STATES[each]}
            self.scheduler.add_response("update_schedule", {"ScheduleArn": "x"}, asked)


@pytest.fixture
def both(new_clients: None) -> Iterator[Both]:
    with asked(clients.events()) as of_events, asked(clients.scheduler()) as of_scheduler:
        yield Both(of_events, of_scheduler)


NOT_ASKED = "not asked"
RULE_ON, RULE_OFF = Found(exists=True, is_owned=True, is_on=True), Found(exists=True, is_owned=True)
FOREIGN = Found(exists=True, is_on=True)
IN_SCHEDULER_ON, IN_SCHEDULER_OFF = (found._replace(in_scheduler=True) for found in (RULE_ON, RULE_OFF))


@pytest.mark.parametrize(
    ("rule", "schedule", "found"),
    [
        ("on", NOT_ASKED, RULE_ON),
        ("off", None, RULE_OFF),
        ("off", "off", RULE_OFF),
        ("off", "on", IN_SCHEDULER_ON),
        ("foreign", None, FOREIGN),
        ("foreign", "off", IN_SCHEDULER_OFF),
        ("foreign", "on", IN_SCHEDULER_ON),
        (None, None, Found()),
        (None, "off", IN_SCHEDULER_OFF),
        (None, "on", IN_SCHEDULER_ON),
    ],
)
def test_the_one_in_use_is_found(rule: str | None, schedule: str | None, found: Found, both: Both) -> None:
    both.rule(rule)
    if schedule != NOT_ASKED:
        both.schedule(schedule)
    assert backend.connect(SETTINGS).find(JOB) == found


@pytest.mark.parametrize(
    ("rule", "schedule", "read"),
    [
        ("on", NOT_ASKED, "rules"),
        ("off", None, "rules"),
        ("off", "off", "rules"),
        ("off", "on", "scheduler"),
        ("foreign", "off", "scheduler"),
        (None, None, None),
        (None, "off", "scheduler"),
    ],
)
def test_the_one_in_use_is_read(rule: str | None, schedule: str | None, read: str | None, both: Both) -> None:
    both.rule(rule)
    if rule:
        both.events.add_response("list_targets_by_rule", {"Targets": [{"Id": JOB, "Arn": CLUSTER_ARN}]}, {"Rule": JOB})
    if schedule != NOT_ASKED:
        both.schedule(schedule)
    found = backend.connect(SETTINGS).read(JOB)
    assert (found.backend if found else None) == read


@pytest.mark.parametrize(
    ("rule", "schedule", "found"),
    [
        pytest.param(("on", "disable_rule"), ("on", "off"), IN_SCHEDULER_ON, id="both"),
        pytest.param(("off", "disable_rule"), ("off",), RULE_OFF, id="both are off"),
        pytest.param(("foreign",), ("on", "off"), IN_SCHEDULER_ON, id="beside a foreign rule"),
        pytest.param((None,), (None,), Found(), id="none"),
    ],
)
def test_all_of_a_name_are_switched_off(rule: Any, schedule: Any, found: Found, both: Both) -> None:
    both.rule(*rule)
    both.schedule(*schedule)
    assert backend.connect(SETTINGS).switch(JOB, on=False) == found


@pytest.mark.parametrize(
    ("in_scheduler", "schedule", "rule", "switched", "found"),
    [
        pytest.param(False, "on", None, (), IN_SCHEDULER_ON, id="the schedule is on"),
        pytest.param(False, None, ("off", "enable_rule"), (), RULE_OFF, id="a rule"),
        pytest.param(False, "off", ("off", "enable_rule"), (), RULE_OFF, id="of two the rule"),
        pytest.param(True, "off", None, ("off", "on"), IN_SCHEDULER_OFF, id="of two the schedule"),
        pytest.param(True, None, ("off", "enable_rule"), (), RULE_OFF, id="the schedule is gone"),
        pytest.param(False, "off", (None,), ("off", "on"), IN_SCHEDULER_OFF, id="a schedule"),
        pytest.param(False, "off", ("foreign",), ("off", "on"), IN_SCHEDULER_OFF, id="beside a foreign rule"),
        pytest.param(False, None, ("foreign",), (None,), FOREIGN, id="a foreign rule"),
        pytest.param(False, None, (None,), (None,), Found(), id="none"),
    ],
)
def test_one_of_a_name_is_switched_on(
    in_scheduler: bool, schedule: str | None, rule: Any, switched: Any, found: Found, both: Both
) -> None:
    both.schedule(schedule)
    if rule:
        both.rule(*rule)
    if switched:
        both.schedule(*switched)
    assert backend.connect(SETTINGS).switch(JOB, on=True, in_scheduler=in_scheduler) == found


@pytest.mark.parametrize(("shown", "is_on"), [("on", True), ("off", False), (None, False)])
def test_whether_what_a_change_writes_is_on(shown: str | None, is_on: bool, both: Both) -> None:
    schedules = backend.connect(SETTINGS)
    both.rule(shown)
    assert schedules.is_on(OF_RULE) is is_on
    both.schedule(shown)
    assert schedules.is_on(OF_SCHEDULE) is is_on
    both.schedule(shown)
    assert schedules.when_on(OF_SCHEDULE) == (When(CRON, "Europe/Berlin") if is_on else None)


def test_what_was_created_off_is_switched_on(both: Both) -> None:
    schedules = backend.connect(SETTINGS)
    both.rule("off", "enable_rule")
    assert schedules.switch_on(OF_RULE, {}) is False
    both.scheduler.add_response("create_schedule", {"ScheduleArn": "x"}, NAMED | MEMBERS)
    assert schedules.switch_on(OF_SCHEDULE, {}) is False
    past = OF_SCHEDULE.model_copy(update={"members": MEMBERS | {"ScheduleExpression": "at(2026-01-01T06:00:00)"}})
    both.scheduler.add_response("create_schedule", {"ScheduleArn": "x"})
    assert schedules.switch_on(past, {}) is True, "its one time had passed"
    assert schedules.switch_on(backend.kept_off(OF_RULE), {}) is False
    assert schedules.switch_on(backend.kept_off(OF_SCHEDULE), {}) is False


def test_a_rule_that_eventbridge_does_not_show_yet_is_waited_for(both: Both) -> None:
    both.rule(None)
    with pytest.raises(TransientError) as raised:
        backend.connect(SETTINGS).switch_on(OF_RULE, {})
    assert str(raised.value) == f"EventBridge does not show the rule {JOB} yet, which was made a moment ago"


GOES_RULE = RuleChange(kind="remove", name=JOB, arn=RULE_ARN, disable=True)
GOES_SCHEDULE = SchedulerChange(kind="remove", name=OF_SCHEDULE.name, members=MEMBERS, disable=True)


def test_a_change_goes_to_its_own_backend(both: Both) -> None:
    schedules, own = backend.connect(SETTINGS), {"Tags": [{"Key": "rota:app", "Value": APP}]}
    both.events.add_response("list_tags_for_resource", own)
    both.events.add_response("put_rule", {"RuleArn": RULE_ARN})
    assert schedules.apply(OF_RULE, {}) is False
    both.scheduler.add_response("create_schedule", {"ScheduleArn": "x"})
    past = OF_SCHEDULE.model_copy(update={"members": MEMBERS | {"ScheduleExpression": "at(2026-01-01T06:00:00)"}})
    assert schedules.apply(past, {}) is True
    both.events.add_response("list_tags_for_resource", own)
    both.events.add_response("disable_rule", {}, {"Name": JOB})
    both.scheduler.add_response("update_schedule", {"ScheduleArn": "x"}, NAMED | MEMBERS | {"State": "DISABLED"})
    assert [schedules.disable(each) for each in (GOES_RULE, GOES_SCHEDULE)] == [True, True]
    both.events.add_client_error("list_tags_for_resource", GONE)
    both.scheduler.add_response("delete_schedule", {}, NAMED)
    assert [schedules.delete(each) for each in (GOES_RULE, GOES_SCHEDULE)] == [False, True]
    both.events.add_response("list_tags_for_resource", own)
    both.scheduler.add_response("delete_schedule", {}, NAMED)
    rule = Rule(name=JOB, schedule_expression=CRON, state="DISABLED", tags={"rota:app": APP}, targets=())
    assert schedules.restore(GOES_RULE, rule, retries=0) == Restored()
    assert schedules.restore(OF_SCHEDULE, None, retries=0) == Restored(changed=True)


@pytest.mark.parametrize("in_scheduler", [True, False])
def test_the_revisions_that_schedules_run(in_scheduler: bool, both: Both) -> None:
    listed: Any = {"Rules": [{"Name": JOB, "Arn": RULE_ARN, "State": "ENABLED"}]}
    both.events.add_response("list_rules", listed)
    target = {"Id": JOB, "Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": arn(7)}}
    both.events.add_response("list_targets_by_rule", {"Targets": [target]})
    if in_scheduler:
        both.scheduler.add_response("list_schedules", {"Schedules": [NAMED]})
        both.schedule("on")
    found = backend.connect(SETTINGS).revisions_in_use(["rules", "scheduler"] if in_scheduler else ["rules"])
    assert found == ({arn(2), arn(7)} if in_scheduler else {arn(7)})


def test_what_both_hold() -> None:
    rule = Rule(name=f"{PREFIX}A", schedule_expression=CRON, state="ENABLED", tags={"rota:app": APP}, targets=())
    taken = {f"{PREFIX}B": {"rota:app": "production/another"}, f"{PREFIX}C": {}}
    rules = RuleInventory({rule.name: rule}, taken, {}, frozenset({rule.name, *taken}), frozenset())
    there = OF_SCHEDULE.as_schedule.switched(on=True)
    found = Inventories(rules, GroupInventory({there.name: there}))
    assert found.schedules == {rule.name: rule, there.name: there}
    assert found.slots(SETTINGS) == 298
    said = found.problems([f"{PREFIX}B", f"{SETTINGS.schedule_group}/{PREFIX}C", rule.name], SETTINGS)
    assert [each.partition(" exists")[0] for each in said] == [
        f"the rule {PREFIX}B",
        f"the rule {PREFIX}C",
        f"the schedule {there.name} names the role a-role, which Rota may not pass, so it could not restore the "
        f"schedule; give it the stack's role, {SETTINGS.scheduler_role_arn}",
    ]
