"""The plan: what is, compared with what should be."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from rota.contract import Stored
from rota.ecs.arns import revision_number
from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import Content, fingerprint_of
from rota.ecs.task_definitions import FINGERPRINT_TAG, inherited_tags
from rota.ownership import OWNER_TAG
from rota.plan.build import CurrentState, build_plan, describe_plan
from rota.plan.model import Plan, Snapshot
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_rules.rule import Rule, desired_rule, task_definitions_used_by
from rota.settings import Settings
from tests.guestbook import (
    CLUSTER_ARN,
    IMAGE_URI,
    NOTHING_BEFORE,
    PREFIX,
    SETTINGS,
    SNAPSHOT,
    arn,
    config,
    definition,
    service_state,
    task,
)

BASE = definition()
INGEST = task("IngestData")
SPAM = task("RemoveSpam", task="spam_task", rate="15 minutes")


CONTENTS: dict[str, Content] = {}


def fingerprint_for(task_: Task | None, image_uri: str = IMAGE_URI) -> str:
    content = derive_content(BASE, SETTINGS, image_uri, task_)
    fingerprint = fingerprint_of(content, inherited_tags(BASE))
    CONTENTS[fingerprint] = content
    return fingerprint


def planned(
    *tasks: Task,
    before: Snapshot = NOTHING_BEFORE,
    known: Mapping[str, str] | None = None,
    image_uri: str = IMAGE_URI,
    settings: Settings = SETTINGS,
) -> Plan:
    ours = [
        definition(
            CONTENTS[fingerprint],
            revision=revision_number(revision),
            tags={OWNER_TAG: SETTINGS.app, FINGERPRINT_TAG: fingerprint},
        )
        for fingerprint, revision in (known or {}).items()
    ]
    found = CurrentState(BASE, 1, before, SNAPSHOT, ours, task_definitions_used_by(before.rules.values()))
    return build_plan(settings, config(image_uri), tasks, found)


def deployed(
    *tasks: Task, image_uri: str = IMAGE_URI, settings: Settings = SETTINGS
) -> tuple[Snapshot, dict[str, str]]:
    """What is there after these tasks were deployed: rules and service, and the revisions in use by fingerprint."""
    revisions = {task_.name: arn(number) for number, task_ in enumerate(tasks, start=2)}
    api = arn(len(tasks) + 2)
    found = [
        desired_rule(task_, settings, CLUSTER_ARN, revisions[task_.name], target_overrides(BASE, settings, task_))
        for task_ in tasks
    ]
    known = {fingerprint_for(task_, image_uri): revisions[task_.name] for task_ in tasks} | {
        fingerprint_for(None, image_uri): api
    }
    return Snapshot(rules={rule.name: rule for rule in found}, service=service_state(api)), known


def changes(plan: Plan) -> dict[str, str]:
    return {entry.task.name: entry.change for entry in plan.tasks}


def test_the_first_deployment_makes_everything() -> None:
    plan = planned(INGEST, SPAM)
    assert changes(plan) == {"IngestData": "create", "RemoveSpam": "create"}
    assert [entry.revision for entry in plan.tasks] == [None, None]
    assert (plan.remove, plan.api_revision, plan.roll, plan.nothing_to_do) == ((), None, True, False)


def test_deployed_again_there_is_nothing_to_do() -> None:
    before, known = deployed(INGEST, SPAM)
    plan = planned(INGEST, SPAM, before=before, known=known)
    assert plan.nothing_to_do
    assert changes(plan) == {"IngestData": "keep", "RemoveSpam": "keep"}
    assert [entry.revision for entry in plan.tasks] == [arn(2), arn(3)]


def test_a_new_image_gives_every_task_and_the_api_a_new_revision() -> None:
    before, known = deployed(INGEST, SPAM)
    plan = planned(INGEST, SPAM, before=before, known=known, image_uri=IMAGE_URI.replace("1f", "2e"))
    assert changes(plan) == {"IngestData": "update", "RemoveSpam": "update"}
    assert [entry.revision for entry in plan.tasks] == [None, None]
    assert (plan.api_revision, plan.roll) == (None, True)


@pytest.mark.parametrize(
    ("keys", "revision"),
    [
        pytest.param({"cron": "0 7 * * ? *"}, arn(2), id="moved"),
        pytest.param({"enabled": False}, arn(2), id="disabled"),
        pytest.param({"description": "Every morning"}, arn(2), id="described"),
        pytest.param({"count": 2}, arn(2), id="two copies"),
        pytest.param({"retry": {"attempts": 0, "age": 60}}, arn(2), id="without retries"),
        pytest.param({"task": "other_task"}, None, id="another task"),
        pytest.param({"memory": 1024}, None, id="more memory"),
    ],
)
def test_a_change_in_the_file_updates_that_rule_alone(keys: dict[str, Any], revision: str | None) -> None:
    before, known = deployed(INGEST, SPAM)
    plan = planned(task("IngestData", **keys), SPAM, before=before, known=known)
    assert changes(plan) == {"IngestData": "update", "RemoveSpam": "keep"}
    assert (plan.tasks[0].revision, plan.tasks[1].revision) == (revision, arn(3))
    assert (plan.remove, plan.roll) == ((), False)


def test_a_task_that_left_the_file_loses_its_rule() -> None:
    before, known = deployed(INGEST, SPAM)
    plan = planned(SPAM, before=before, known=known)
    assert (plan.remove, changes(plan), plan.nothing_to_do) == ((PREFIX + "IngestData",), {"RemoveSpam": "keep"}, False)


def test_an_empty_file_clears_them_all() -> None:
    before, known = deployed(INGEST, SPAM)
    plan = planned(before=before, known=known)
    assert plan.remove == (PREFIX + "IngestData", PREFIX + "RemoveSpam")


def test_a_renamed_task_is_a_new_rule_that_runs_the_revision_it_had() -> None:
    before, known = deployed(INGEST)
    plan = planned(task("Ingest"), before=before, known=known)
    assert (changes(plan), plan.tasks[0].revision) == ({"Ingest": "create"}, arn(2))
    assert plan.remove == (PREFIX + "IngestData",)


def by_hand(rule: Rule) -> Rule:
    return rule.model_copy(update={"state": "DISABLED"})


def test_a_rule_that_somebody_changed_by_hand_is_put_right() -> None:
    before, known = deployed(INGEST)
    touched = before.model_copy(update={"rules": {name: by_hand(rule) for name, rule in before.rules.items()}})
    assert changes(planned(INGEST, before=touched, known=known)) == {"IngestData": "update"}


def test_a_revision_that_cannot_start_tasks_any_more_is_registered_anew() -> None:
    before, known = deployed(INGEST)
    plan = planned(INGEST, before=before, known={fingerprint_for(None): known[fingerprint_for(None)]})
    assert (changes(plan), plan.tasks[0].revision) == ({"IngestData": "update"}, None)


@pytest.mark.parametrize(
    ("service", "rolls"),
    [
        pytest.param(service_state(arn(3)), False, id="runs it, steady"),
        pytest.param(service_state(arn(3), steady=False), True, id="runs it, not yet steady"),
        pytest.param(service_state(arn(1)), True, id="runs another"),
    ],
)
def test_when_the_service_rolls(service: Any, rolls: bool) -> None:
    before, known = deployed(INGEST)
    plan = planned(INGEST, before=before.model_copy(update={"service": service}), known=known)
    assert (plan.roll, plan.nothing_to_do) == (rolls, not rolls)


def test_a_plan_survives_the_journey_through_the_bucket() -> None:
    before, known = deployed(INGEST)
    plan = planned(INGEST, SPAM, before=before, known=known)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_plan_of_another_version_of_rota_is_refused_without_its_values() -> None:
    before, known = deployed(INGEST)
    plan = planned(task("Ingest", environment={"PASSWORD": "a-secret"}), before=before, known=known)
    stored = json.loads(plan.model_dump_json())
    stored["tasks"][0]["task"]["environment"] = ["PASSWORD", "a-secret"]
    with pytest.raises(ValidationError, match=r"tasks\.0\.task\.environment") as raised:
        Plan.model_validate_json(json.dumps(stored))
    assert "a-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("tasks", "summary", "figures"),
    [
        pytest.param(
            (INGEST, SPAM),
            "schedules: 2 unchanged; 0 revisions to register; the service stays",
            (0, 0, 2, 0, 0),
            id="nothing",
        ),
        pytest.param(
            (task("IngestData", cron="0 7 * * ? *"), task("New", task="new_task")),
            "schedules: 1 new, 1 changed, 1 removed; 1 revision to register; the service stays",
            (1, 1, 0, 1, 1),
            id="of everything one",
        ),
        pytest.param(
            (), "schedules: 2 removed; 0 revisions to register; the service stays", (0, 0, 0, 2, 0), id="cleared"
        ),
    ],
)
def test_the_plan_in_one_line(tasks: tuple[Task, ...], summary: str, figures: tuple[int, ...]) -> None:
    before, known = deployed(INGEST, SPAM)
    document = Stored(key="deployments/example/plan.json", version_id="v2")
    told = describe_plan(planned(*tasks, before=before, known=known), document)
    assert told.summary == summary
    assert (told.created, told.updated, told.kept, told.removed, told.registers) == figures
    assert (told.document, told.snapshot, told.rolls_service) == (document, SNAPSHOT, False)
    assert told.nothing_to_do is (summary.count("unchanged") == 1)


def test_an_app_without_schedules_is_told_plainly() -> None:
    told = describe_plan(planned(), SNAPSHOT)
    assert told.summary == "schedules: none; 1 revision to register; the service rolls"


@pytest.mark.parametrize(
    ("mode", "number", "registers", "seconds"),
    [
        # beyond a burst of 20 one registration a second, beyond one of 50 fifty calls of EventBridge a second
        pytest.param("per-task", 10, 11, 2, id="within every burst"),
        pytest.param("per-task", 60, 61, 2 + 41 + 1, id="sixty"),
        pytest.param("per-task", 1000, 1001, 2 + 981 + 19, id="a thousand"),
        pytest.param("shared", 300, 1, 2 + 5, id="one revision for all"),
    ],
)
def test_a_new_image_costs_these_calls_and_about_this_long(
    mode: Literal["per-task", "shared"], number: int, registers: int, seconds: int
) -> None:
    settings = SETTINGS.model_copy(update={"revision_mode": mode})
    tasks = [task(f"Task{n}", task=f"task_{n}") for n in range(number)]
    had = deployed(*tasks, settings=settings)[0]
    told = describe_plan(planned(*tasks, before=had, image_uri=IMAGE_URI + "0", settings=settings), SNAPSHOT)
    assert told.calls == {"RegisterTaskDefinition": registers, "PutTargets": number, "UpdateService": 1}
    assert told.estimated_seconds == seconds
    assert f"AWS's quotas make it at least {seconds} s" in told.summary or seconds == 2


def test_a_plan_with_nothing_to_do_takes_no_time() -> None:
    before, known = deployed(INGEST)
    told = describe_plan(planned(INGEST, before=before, known=known), SNAPSHOT)
    assert (told.calls, told.estimated_seconds) == ({}, 0)
