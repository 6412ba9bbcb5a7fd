"""Whatever is there and whatever is wanted: the plan leads from one to the other, and asks for nothing more."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from rota.ecs.arns import revision_number
from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import Content, fingerprint_of
from rota.ecs.task_definitions import Revision, inherited_tags
from rota.plan.build import CurrentState, build_plan, count_writes
from rota.plan.model import Plan, Snapshot
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_rules.rule import Rule, difference, task_definitions_used_by
from rota.settings import Settings
from tests.guestbook import (
    APP,
    IMAGE_URI,
    PREFIX,
    SETTINGS,
    SNAPSHOT,
    arn,
    config,
    definition,
    service_state,
    task,
)

few = budget(deadline=None, max_examples=30)
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
modes = st.sampled_from([SETTINGS, SETTINGS.model_copy(update={"revision_mode": "shared"})])


def of_others(name: str, tags: dict[str, str]) -> Rule:
    return Rule(name=name, schedule_expression="rate(1 day)", state="ENABLED", tags=tags, targets=())


# Rules of others never have a name that is wanted: the check before the plan refuses that.
foreign = st.lists(
    st.builds(
        of_others,
        st.sampled_from([PREFIX + "ByHand", PREFIX + "Other", "billing"]),
        st.sampled_from([{}, {"rota:app": "production/shop"}]),
    ),
    max_size=3,
    unique_by=lambda rule: rule.name,
)


class Account:
    """What a plan works on: the bus, the family's revisions, the service."""

    def __init__(self, settings: Settings = SETTINGS, others: Sequence[Rule] = ()) -> None:
        self.settings = settings
        self.bus = {rule.name: rule for rule in others}
        self.revisions: dict[str, str] = {}  # by fingerprint
        self.contents: dict[str, Content] = {}
        self.newest = 1
        self.service = arn(1)

    def snapshot(self) -> Snapshot:
        ours = {name: rule for name, rule in self.bus.items() if rule.belongs_to(APP)}
        return Snapshot(rules=ours, service=service_state(self.service))

    def plan(self, tasks: list[Task], image: str) -> Plan:
        before = self.snapshot()
        in_use = task_definitions_used_by(self.bus.values())
        ours = [
            Revision(
                arn=each,
                active=True,
                content=self.contents[fingerprint],
                tags={"rota:app": APP, "rota:fingerprint": fingerprint},
            )
            for fingerprint, each in self.revisions.items()
            if each in in_use | {self.service} or revision_number(each) > revision_number(self.service)
        ]
        return build_plan(self.settings, config(image), tasks, CurrentState(BASE, 1, before, SNAPSHOT, ours, in_use))

    def apply(self, plan: Plan) -> int:
        """Do what the plan says, as the steps do; how many writes to rules and service it took."""
        for name in plan.remove:
            del self.bus[name]
        self.revisions = {
            fingerprint: each for fingerprint, each in self.revisions.items() if each not in plan.leftovers
        }
        for fingerprint, task_ in plan.missing().items():
            self.newest += 1
            self.contents[fingerprint] = derive_content(plan.base, self.settings, plan.image_uri, task_)
            self.revisions[fingerprint] = arn(self.newest)
        registered = plan.registered(self.revisions)
        writes = len(plan.remove)
        for planned in plan.tasks:
            wanted = plan.wanted(self.settings, planned, registered.tasks[planned.task.name])
            writes += bool(difference(self.bus.get(wanted.name), wanted))
            self.bus[wanted.name] = wanted
        writes += registered.api != self.service
        self.service = registered.api
        return writes

    def runs(self) -> dict[str, Any]:
        """What would run when, by name: all that a user notices."""
        content = {revision: fingerprint for fingerprint, revision in self.revisions.items()}
        tasks = {
            name.removeprefix(PREFIX): (
                rule.schedule_expression,
                rule.state,
                content[next(iter(task_definitions_used_by([rule])))],
                rule.targets[0].get("Input"),
            )
            for name, rule in self.snapshot().rules.items()
        }
        return tasks | {API: content[self.service]}


def should_run(settings: Settings, tasks: list[Task], image: str) -> dict[str, Any]:
    def fingerprint_for(task_: Task | None) -> str:
        return fingerprint_of(derive_content(BASE, settings, image, task_), inherited_tags(BASE))

    wanted: dict[str, Any] = {}
    for one in tasks:
        override = target_overrides(BASE, settings, one)
        content = fingerprint_for(None if override else one)
        wanted[one.name] = (one.expression, "ENABLED" if one.enabled else "DISABLED", content, override)
    return wanted | {API: fingerprint_for(None)}


@few
@given(modes, foreign, deployments)
def test_applied_one_after_another_plans_lead_to_what_was_asked_for_last(
    settings: Settings, others: list[Rule], wanted: list[tuple[list[Task], str]]
) -> None:
    account = Account(settings, others)
    for tasks, image in wanted:
        account.apply(account.plan(tasks, image))
        assert account.runs() == should_run(settings, tasks, image)


@few
@given(modes, deployments)
def test_planned_again_after_applying_there_is_nothing_to_do(
    settings: Settings, wanted: list[tuple[list[Task], str]]
) -> None:
    account = Account(settings)
    for tasks, image in wanted:
        account.apply(account.plan(tasks, image))
        again = account.plan(tasks, image)
        assert again.nothing_to_do
        assert count_writes(again) == {}


@few
@given(foreign, schedules, schedules, images)
def test_rules_of_others_stay_as_they_are(
    others: list[Rule], first: list[Task], second: list[Task], image: str
) -> None:
    account = Account(others=others)
    for tasks in (first, second):
        plan = account.plan(tasks, image)
        assert not {rule.name for rule in others} & {*plan.remove}
        account.apply(plan)
    assert [account.bus[rule.name] for rule in others] == others


@few
@given(schedules, schedules, images)
def test_only_what_changed_in_the_file_is_written(first: list[Task], second: list[Task], image: str) -> None:
    account = Account()
    account.apply(account.plan(first, image))
    plan = account.plan(second, image)
    had, wanted = {t.name: t for t in first}, {t.name: t for t in second}
    gone = had.keys() - wanted.keys()
    changed = {name for name, one in wanted.items() if had.get(name) != one}
    assert {planned.task.name for planned in plan.tasks if planned.change != "keep"} == changed
    assert plan.remove == tuple(sorted(PREFIX + name for name in gone))
    assert not plan.roll
    assert account.apply(plan) == len(gone) + len(changed)


@few
@given(schedules, images)
def test_the_order_of_the_file_does_not_matter(tasks: list[Task], image: str) -> None:
    account = Account()
    account.apply(account.plan(tasks, image))
    assert account.plan(tasks[::-1], image).nothing_to_do
