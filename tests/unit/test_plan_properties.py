"""Whatever there is and whatever is asked for: the plan leads from one to the other, and asks for nothing more."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import fingerprint_of
from rota.ecs.task_definitions import inherited_tags
from rota.plan.build import describe_plan
from rota.plan.model import Plan
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_rules.rule import Rule, task_definitions_used_by
from rota.schedules.eventbridge_rules.watching import overrides_of
from rota.settings import Settings
from rota.tracing import with_variables
from tests.guestbook import IMAGE_URI, PREFIX, SETTINGS, SHARED, SNAPSHOT, TIMED, UNWATCHED, definition, task
from tests.unit.account import Account

BASE = definition()
IMAGES = (IMAGE_URI, IMAGE_URI.replace("1f", "2e"))
API = "the API"

one_task = st.builds(
    task,
    st.sampled_from("ABCDE"),
    task=st.sampled_from(["spam_task", "digest_task"]),
    rate=st.sampled_from(["1 hour", "2 hours"]),
    enabled=st.booleans(),
    count=st.integers(1, 2),
    memory=st.sampled_from([None, 1024]),
    retry=st.sampled_from([None, {"attempts": 0, "age": 60}]),
)
schedules = st.lists(one_task, max_size=5, unique_by=lambda one: one.name)
images = st.sampled_from(IMAGES)
deployments = st.lists(st.tuples(schedules, images), min_size=1, max_size=3)
modes = st.sampled_from([SETTINGS, SHARED, TIMED, UNWATCHED, SHARED.model_copy(update={"trace_scheduled_time": True})])


def foreign_rule(name: str, tags: dict[str, str]) -> Rule:
    return Rule(name=name, schedule_expression="rate(1 day)", state="ENABLED", tags=tags, targets=())


# A foreign rule never has a name that is asked for: the checks before the plan refuse that.
foreign = st.lists(
    st.builds(
        foreign_rule,
        st.sampled_from([PREFIX + "ByHand", PREFIX + "Other", "billing"]),
        st.sampled_from([{}, {"rota:app": "production/shop"}]),
    ),
    max_size=3,
    unique_by=lambda rule: rule.name,
)


def runs(account: Account) -> dict[str, Any]:
    """What would run when, by name: all that a user notices."""
    content = {revision: fingerprint for fingerprint, revision in account.revisions.items()}
    tasks = {
        name.removeprefix(PREFIX): (
            rule.schedule_expression,
            rule.state,
            content[next(iter(task_definitions_used_by([rule])))],
            overrides_of(rule.targets[0]),
        )
        for name, rule in account.schedules.items()
    }
    return tasks | {API: content[account.service]}


def should_run(settings: Settings, tasks: list[Task], image: str) -> dict[str, Any]:
    def fingerprint_for(task_: Task | None) -> str:
        return fingerprint_of(derive_content(BASE, settings, image, task_), inherited_tags(BASE))

    expected: dict[str, Any] = {}
    for one in tasks:
        override = target_overrides(BASE, settings, one)
        content = fingerprint_for(None if override else one)
        variables = {"ROTA_TASK": one.name} if settings.watch_runs else {}
        variables |= {"ROTA_SCHEDULED_AT": "<time>"} if settings.trace_scheduled_time else {}
        said = with_variables(override, settings.container, variables) if variables else override
        expected[one.name] = (one.expression, "ENABLED" if one.enabled else "DISABLED", content, said)
    return expected | {API: fingerprint_for(None)}


@given(modes, foreign, deployments, st.booleans())
def test_applied_plans_lead_to_what_was_asked_for_last(
    settings: Settings, others: list[Rule], asked_for: list[tuple[list[Task], str]], recorded: bool
) -> None:
    account = Account(settings, others)
    for tasks, image in asked_for:
        account.apply(account.plan(tasks, image, recorded=recorded))
        assert runs(account) == should_run(settings, tasks, image)


@given(modes, deployments, st.booleans())
def test_planned_again_after_applying_there_is_nothing_to_do(
    settings: Settings, asked_for: list[tuple[list[Task], str]], recorded: bool
) -> None:
    account = Account(settings)
    for tasks, image in asked_for:
        account.apply(account.plan(tasks, image, recorded=recorded))
        again = account.plan(tasks, image, recorded=recorded)
        assert again.nothing_to_do
        assert (again.changes, again.registers, again.writes()) == ((), (), {})


@given(modes, deployments)
def test_a_plan_with_nothing_to_do_is_one_without_writes(
    settings: Settings, asked_for: list[tuple[list[Task], str]]
) -> None:
    account = Account(settings)
    for tasks, image in asked_for:
        plan = account.plan(tasks, image)
        figures = describe_plan(plan, SNAPSHOT, SNAPSHOT)
        assert plan.nothing_to_do is figures.nothing_to_do is (not plan.writes())
        assert figures.targets == figures.created + figures.updated
        assert len(plan.changes) == figures.targets + figures.removed
        assert len(tasks) == figures.created + figures.updated + figures.kept
        account.apply(plan)


@given(modes, deployments)
def test_a_stored_plan_is_read_as_it_was(settings: Settings, asked_for: list[tuple[list[Task], str]]) -> None:
    account = Account(settings)
    for tasks, image in asked_for:
        plan = account.plan(tasks, image)
        assert Plan.model_validate_json(plan.model_dump_json()) == plan
        account.apply(plan)


@given(foreign, schedules, schedules, images)
def test_foreign_rules_stay_as_they_are(others: list[Rule], first: list[Task], second: list[Task], image: str) -> None:
    account = Account(others=others)
    for tasks in (first, second):
        plan = account.plan(tasks, image)
        assert not {rule.name for rule in others} & {change.name for change in plan.changes}
        account.apply(plan)
    assert [account.bus.rules[rule.name] for rule in others] == others


@given(schedules, schedules, images)
def test_only_what_changed_in_the_file_is_written(first: list[Task], second: list[Task], image: str) -> None:
    account = Account()
    account.apply(account.plan(first, image))
    plan = account.plan(second, image)
    had, asked_for = {t.name: t for t in first}, {t.name: t for t in second}
    gone = had.keys() - asked_for.keys()
    changed = {name for name, one in asked_for.items() if had.get(name) != one}
    assert {each.name for each in plan.changes_of_kind("create", "update")} == {PREFIX + name for name in changed}
    assert {each.name for each in plan.changes_of_kind("create")} == {PREFIX + name for name in changed - had.keys()}
    assert [each.name for each in plan.changes_of_kind("remove")] == sorted(PREFIX + name for name in gone)
    assert not plan.roll
    account.bus.history.clear()
    account.apply(plan)
    written = {rule.name.removeprefix(PREFIX) for rule in account.bus.history if rule}
    assert written == gone | changed


@given(modes, deployments)
def test_the_plan_says_how_many_writes_it_takes(settings: Settings, asked_for: list[tuple[list[Task], str]]) -> None:
    account = Account(settings)
    for tasks, image in asked_for:
        plan = account.plan(tasks, image)
        account.bus.history.clear()
        newest = account.newest
        account.apply(plan)
        writes = plan.writes()
        assert account.newest - newest == writes.pop("RegisterTaskDefinition", 0)
        writes.pop("UpdateService", 0)
        assert len(account.bus.history) == writes.total()


@given(schedules, images)
def test_the_order_of_the_file_does_not_matter(tasks: list[Task], image: str) -> None:
    account = Account()
    account.apply(account.plan(tasks, image))
    assert account.plan(tasks[::-1], image).nothing_to_do
