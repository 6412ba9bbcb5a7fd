"""Whatever a deployment has written of its changes: undoing them gives the rules that were there before."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from rota.schedule_file.task import Task
from rota.schedules import backend
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange, difference, removal, undo, whole
from rota.schedules.revision import to_be_registered
from tests.guestbook import APP, CLUSTER_ARN, IMAGE_URI, PREFIX, SETTINGS, arn, task
from tests.unit.account import MOST_TARGETS, Account, Bus, comparable, connected, stopping

NAME = PREFIX + "A"
RULE_ARN = f"arn:aws:events:us-east-1:123456789012:rule/{NAME}"
REGISTERED = {"f00": arn(9)}

one_task = st.builds(
    task,
    st.just("A"),
    task=st.sampled_from(["spam_task", "digest_task"]),
    rate=st.sampled_from(["1 hour", "2 hours"]),
    enabled=st.booleans(),
    description=st.sampled_from(["", "Every hour"]),
    count=st.integers(1, 2),
    retry=st.sampled_from([None, {"attempts": 0, "age": 60}]),
)


def ecs_target(**changes: Any) -> dict[str, Any]:
    (target,) = desired_rule(task("A", task="spam_task", rate="1 hour"), SETTINGS, CLUSTER_ARN, arn(2)).targets
    return target | changes


# What a person or another tool may have made of a target.
TARGETS: list[dict[str, Any]] = [
    ecs_target(),
    ecs_target(Input='{"containerOverrides": []}'),
    ecs_target(RetryPolicy={"MaximumRetryAttempts": 0}, DeadLetterConfig={}),
    ecs_target(EcsParameters={"TaskDefinitionArn": arn(2).rpartition(":")[0], "EnableECSManagedTags": False}),
    {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:other", "Input": ""},
    {"Arn": "arn:aws:sqs:us-east-1:123456789012:queue"},
]
targets = st.lists(
    st.builds(
        lambda id_, target: target | {"Id": id_},
        st.sampled_from([NAME, "1", "2", "3", "4", "5"]),
        st.sampled_from(TARGETS),
    ),
    max_size=MOST_TARGETS,
    unique_by=lambda target: str(target["Id"]),
).map(tuple)
owned_rules = st.builds(
    Rule,
    name=st.just(NAME),
    schedule_expression=st.sampled_from(["rate(1 hour)", "rate(1 day)", None]),
    event_pattern=st.sampled_from([None, None, '{"source": ["aws.s3"]}']),
    state=st.sampled_from(["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"]),
    description=st.sampled_from(["", "Every hour", "by hand"]),
    role_arn=st.sampled_from([None, "arn:aws:iam::123456789012:role/other"]),
    tags=st.sampled_from([{"rota:app": APP}, {"rota:app": APP, "aws:cloudformation:stack-name": "shop"}]),
    targets=targets,
)


def update(before: Rule, asked_for: Task) -> RuleChange:
    """What a deployment writes to a rule that is there; its revision is yet to be registered."""
    change = backend.change(asked_for, SETTINGS, CLUSTER_ARN, to_be_registered("f00"), None, before)
    assert isinstance(change, RuleChange)
    assert change.kind == "update"
    return change


def carried_out(change: RuleChange, rule: Rule) -> Rule:
    """The rule when the writes of a change are done."""
    bus = Bus([rule])
    if change.put_rule:
        bus.put_rule(**change.put_rule)
    found = {target["Id"]: target for target in (*bus.rules[rule.name].targets, *change.put_targets)}
    kept = tuple(target for id_, target in found.items() if id_ not in change.remove_targets)
    return bus.rules[rule.name].model_copy(update={"targets": kept})


@st.composite
def parts(draw: st.DrawFn, change: RuleChange) -> RuleChange:
    """Some of the writes of a change, as many as were done: EventBridge takes some of the targets of a call, too."""
    chosen = st.booleans()
    return change.model_copy(
        update={
            "put_rule": change.put_rule if draw(chosen) else None,
            "put_targets": tuple(target for target in change.put_targets if draw(chosen)),
            "remove_targets": tuple(id_ for id_ in change.remove_targets if draw(chosen)),
        }
    )


@given(st.data(), owned_rules, one_task)
def test_an_undone_update_gives_the_rule_before(data: st.DataObject, before: Rule, asked_for: Task) -> None:
    change = update(before, asked_for).with_revisions(REGISTERED)
    written = carried_out(data.draw(parts(change)), before)
    assert comparable([carried_out(undo(change, before), written)]) == comparable([before])


@given(st.data(), owned_rules, one_task)
def test_an_undo_that_was_stopped_is_done_again(data: st.DataObject, before: Rule, asked_for: Task) -> None:
    change = update(before, asked_for).with_revisions(REGISTERED)
    written = carried_out(data.draw(parts(change)), before)
    undone_in_part = carried_out(data.draw(parts(undo(change, before))), written)
    assert comparable([carried_out(undo(change, before), undone_in_part)]) == comparable([before])


@given(owned_rules, one_task)
def test_an_undo_touches_only_what_the_change_touches(before: Rule, asked_for: Task) -> None:
    change = update(before, asked_for)
    undoing = undo(change, before)
    touched = {target["Id"] for target in change.put_targets} | {*change.remove_targets}
    if change.put_rule:  # the rule may be gone, and its targets with it
        touched |= {target["Id"] for target in before.targets}
    assert {target["Id"] for target in undoing.put_targets} | {*undoing.remove_targets} <= touched
    assert (undoing.put_rule is None) is (change.put_rule is None)
    assert undoing.writes()


@given(owned_rules, one_task)
def test_a_rule_created_again_is_the_rule_it_was(before: Rule, asked_for: Task) -> None:
    empty = before.model_copy(update={"targets": (), "state": "DISABLED", "description": ""})
    assert comparable([carried_out(whole(before, RULE_ARN), empty)]) == comparable([before])
    desired = desired_rule(asked_for, SETTINGS, CLUSTER_ARN, arn(9), current=before)
    change = difference(None, desired, RULE_ARN)
    assert change == whole(desired, RULE_ARN)


@given(owned_rules, one_task)
def test_an_applied_change_leaves_nothing_to_change(before: Rule, asked_for: Task) -> None:
    after = carried_out(update(before, asked_for).with_revisions(REGISTERED), before)
    assert backend.change(asked_for, SETTINGS, CLUSTER_ARN, arn(9), None, after) is None
    assert len(after.targets) == 1


stops = st.none() | st.integers(0, 4)


@given(owned_rules, one_task, stops, stops)
def test_an_update_stopped_anywhere_is_restored(
    before: Rule, asked_for: Task, after: int | None, restore_after: int | None
) -> None:
    bus, change = Bus([before]), update(before, asked_for)
    with stopping(bus, after):
        connected(bus).apply(change, REGISTERED)
    with stopping(bus, restore_after):
        connected(bus).restore(change, before, 0)
    connected(bus).restore(change, before, 1)
    assert comparable(bus.rules.values()) == comparable([before])


@given(owned_rules, one_task)
def test_a_rule_that_stays_has_a_target_at_every_instant(before: Rule, asked_for: Task) -> None:
    assume(before.targets)
    bus, change = Bus([before]), update(before, asked_for)
    connected(bus).apply(change, REGISTERED)
    connected(bus).restore(change, before, 0)
    assert all(rule and rule.targets for rule in bus.history)


@given(one_task, stops, stops)
def test_a_created_rule_is_deleted(asked_for: Task, after: int | None, restore_after: int | None) -> None:
    change = backend.change(asked_for, SETTINGS, CLUSTER_ARN, to_be_registered("f00"), None, None)
    assert change is not None
    bus = Bus()
    with stopping(bus, after):
        connected(bus).apply(change, REGISTERED)
    with stopping(bus, restore_after):
        connected(bus).restore(change, None, 0)
    connected(bus).restore(change, None, 1)
    assert bus.rules == {}


@given(owned_rules, st.booleans(), st.booleans())
def test_a_disabled_rule_is_enabled_again(before: Rule, disabled: bool, deleted: bool) -> None:
    """Also one that a person deleted meanwhile."""
    bus, change = Bus([before]), removal(before, RULE_ARN)
    if disabled and change.disable:
        connected(bus).disable(change)
    if deleted:
        del bus.rules[NAME]
    done = connected(bus).restore(change, before, 0)
    assert comparable(bus.rules.values()) == comparable(
        # AWS's own tags are not anyone's to set.
        [before.model_copy(update={"tags": {"rota:app": APP}}) if deleted else before]
    )
    assert done.changed is (deleted or change.disable)


@given(owned_rules, one_task, st.sampled_from([{}, {"rota:app": "production/shop"}]))
def test_a_rule_that_became_foreign_is_left_alone(before: Rule, asked_for: Task, tags: dict[str, str]) -> None:
    handed_over = before.model_copy(update={"tags": tags})
    for change in (update(before, asked_for), removal(before, RULE_ARN)):
        bus = Bus([handed_over])
        assert "has another owner" in connected(bus).restore(change, before, 4).remark
        assert not connected(bus).disable(change)
        assert not connected(bus).delete(change)
        assert (bus.rules, bus.history) == ({NAME: handed_over}, [])


# ---------------------------------------------------------------- a whole deployment

app_tasks = st.lists(
    st.builds(
        task,
        st.sampled_from("ABCD"),
        task=st.sampled_from(["spam_task", "digest_task"]),
        rate=st.sampled_from(["1 hour", "2 hours"]),
        enabled=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda one: one.name,
)
stops_later = st.none() | st.integers(0, 10)


@given(app_tasks, app_tasks, st.sampled_from([IMAGE_URI, IMAGE_URI + "0"]), stops_later, stops_later)
def test_a_deployment_stopped_anywhere_is_restored(
    first: list[Task], second: list[Task], image: str, after: int | None, restore_after: int | None
) -> None:
    account = Account()
    account.apply(account.plan(first, IMAGE_URI))
    before, had = account.schedules, comparable(account.bus.rules.values())
    plan = account.plan(second, image)
    with stopping(account.bus, after):
        account.deploy(plan)
    with stopping(account.bus, restore_after):
        account.restore(plan, before)
    account.restore(plan, before)
    assert comparable(account.bus.rules.values()) == had


@given(app_tasks, app_tasks, stops_later)
def test_a_finish_stopped_anywhere_is_done_again(first: list[Task], second: list[Task], after: int | None) -> None:
    """From the first deletion on a deployment goes forward only."""
    account = Account()
    account.apply(account.plan(first, IMAGE_URI))
    plan = account.plan(second, IMAGE_URI)
    account.deploy(plan)
    with stopping(account.bus, after):
        account.finish(plan)
    account.finish(plan)
    assert account.schedules.keys() == {PREFIX + one.name for one in second}
    assert account.plan(second, IMAGE_URI).nothing_to_do
