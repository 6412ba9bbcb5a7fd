"""The plan: what there is, compared with what there should be."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from rota.contract.deployment import Stored
from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.fingerprint import fingerprint_of
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import FINGERPRINT_TAG, Revision, inherited_tags
from rota.ownership import OWNER_TAG
from rota.plan.build import build_plan, describe_plan
from rota.plan.model import Plan, Snapshot
from rota.plan.seen import digest_of_changes
from rota.schedule_file.task import After, Before, Task
from rota.schedules import backend
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange
from rota.schedules.revision import to_be_registered
from rota.settings import Settings
from tests.guestbook import (
    APP_CONTAINER,
    AS_THE_BASE,
    CLUSTER_ARN,
    CONTENT,
    IMAGE_URI,
    PREFIX,
    SETTINGS,
    SHARED,
    SNAPSHOT,
    UNWATCHED,
    arn,
    current_state,
    definition,
    service_state,
    task,
)

BASE = definition()
INGEST = task("IngestData")
SPAM = task("RemoveSpam", task="spam_task", rate="15 minutes")
NEW_IMAGE = IMAGE_URI.replace("1f", "2e")


def fingerprint_for(task_: Task | None, image_uri: str = IMAGE_URI) -> str:
    return fingerprint_of(derive_content(BASE, SETTINGS, image_uri, task_), inherited_tags(BASE))


def registered(task_: Task | None, revision: int, image_uri: str = IMAGE_URI) -> Revision:
    """The revision that a deployment registered for that task."""
    tags = {OWNER_TAG: SETTINGS.app, FINGERPRINT_TAG: fingerprint_for(task_, image_uri)}
    return definition(derive_content(BASE, SETTINGS, image_uri, task_), revision=revision, tags=tags)


def deployed(*tasks: Task, settings: Settings = SETTINGS, recorded: bool = False) -> dict[str, Any]:
    """What there is after these tasks were deployed, as fields of the current state. The tasks run the revisions from
    2 on, the service the one after; `recorded`: what they contain is known from a record.
    """
    api = len(tasks) + 2
    found = [
        desired_rule(task_, settings, CLUSTER_ARN, arn(number), target_overrides(BASE, settings, task_))
        for number, task_ in enumerate(tasks, start=2)
    ]
    revisions = [registered(task_, number) for number, task_ in enumerate((*tasks, None), start=2)]
    return {
        "schedules": {rule.name: rule for rule in found},
        "service": service_state(arn(api)),
        "reusable": {str(each.fingerprint): each.arn for each in revisions} if recorded else {},
        "unrecorded": () if recorded else tuple(revisions),
        "newest_revision": api,
    }


def planned(*tasks: Task, settings: Settings = SETTINGS, **there: Any) -> Plan:
    """The plan for these tasks; `there` are fields of the current state."""
    return build_plan(settings, current_state(*tasks, **there))


def kinds(plan: Plan) -> dict[str, str]:
    """What is done to each schedule that changes, by its task."""
    return {change.name.removeprefix(PREFIX): change.kind for change in plan.changes}


def rule_changes(plan: Plan) -> list[RuleChange]:
    return [change for change in plan.changes if isinstance(change, RuleChange)]


def target(plan: Plan, name: str) -> dict[str, Any]:
    """The target that is put into the rule of that task."""
    (put,) = next(change.put_targets for change in rule_changes(plan) if change.name == PREFIX + name)
    return put


def runs(plan: Plan, name: str) -> str:
    """What that target runs."""
    revision: str = target(plan, name)["EcsParameters"]["TaskDefinitionArn"]
    return revision


def test_the_first_deployment_creates_everything() -> None:
    plan = planned(INGEST, SPAM)
    assert kinds(plan) == {"IngestData": "create", "RemoveSpam": "create"}
    assert [runs(plan, each.name) for each in (INGEST, SPAM)] == [
        to_be_registered(fingerprint_for(each)) for each in (INGEST, SPAM)
    ]
    assert [each.task for each in plan.registers] == [INGEST, SPAM, None], "the API's last"
    assert [each.fingerprint for each in plan.registers] == [fingerprint_for(each) for each in (INGEST, SPAM, None)]
    assert plan.writes() == {"PutRule": 2, "PutTargets": 2, "RegisterTaskDefinition": 3, "UpdateService": 1}
    assert (plan.reused, plan.kept, plan.roll, plan.nothing_to_do) == ({}, 0, True, False)


def test_a_change_names_its_rule_as_iam_does() -> None:
    assert rule_changes(planned(INGEST))[0].arn == f"arn:aws:events:us-east-1:123456789012:rule/{PREFIX}IngestData"


@pytest.mark.parametrize("recorded", [False, True])
def test_deployed_again_there_is_nothing_to_do(recorded: bool) -> None:
    plan = planned(INGEST, SPAM, **deployed(INGEST, SPAM, recorded=recorded))
    assert (plan.nothing_to_do, plan.roll, plan.kept, plan.writes()) == (True, False, 2, {})
    assert (plan.changes, plan.registers) == ((), ())
    assert plan.reused == {
        fingerprint_for(INGEST): arn(2),
        fingerprint_for(SPAM): arn(3),
        fingerprint_for(None): arn(4),
    }


def test_a_new_image_gives_every_task_and_the_api_a_new_revision() -> None:
    plan = planned(INGEST, SPAM, image_uri=NEW_IMAGE, **deployed(INGEST, SPAM))
    assert kinds(plan) == {"IngestData": "update", "RemoveSpam": "update"}
    assert [each.fingerprint for each in plan.registers] == [
        fingerprint_for(each, NEW_IMAGE) for each in (INGEST, SPAM, None)
    ]
    assert runs(plan, "IngestData") == to_be_registered(fingerprint_for(INGEST, NEW_IMAGE))
    assert plan.writes() == {"PutTargets": 2, "RegisterTaskDefinition": 3, "UpdateService": 1}
    assert (plan.reused, plan.roll) == ({}, True)


@pytest.mark.parametrize(
    ("keys", "writes"),
    [
        pytest.param({"cron": "0 7 * * ? *"}, {"PutRule": 1, "PutTargets": 1}, id="moved"),
        pytest.param({"enabled": False}, {"PutRule": 1, "PutTargets": 1}, id="disabled"),
        pytest.param({"description": "Every morning"}, {"PutRule": 1, "PutTargets": 1}, id="described"),
        pytest.param({"count": 2}, {"PutTargets": 1}, id="two copies"),
        pytest.param({"retry": {"attempts": 0, "age": 60}}, {"PutTargets": 1}, id="without retries"),
        pytest.param({"count": 2, "enabled": False}, {"PutRule": 1, "PutTargets": 1}, id="rule and target"),
        pytest.param({"task": "other_task"}, {"PutTargets": 1, "RegisterTaskDefinition": 1}, id="another task"),
        pytest.param({"memory": 1024}, {"PutTargets": 1, "RegisterTaskDefinition": 1}, id="more memory"),
    ],
)
def test_a_change_in_the_file_updates_that_rule_alone(keys: dict[str, Any], writes: dict[str, int]) -> None:
    changed = task("IngestData", **keys)
    plan = planned(changed, SPAM, **deployed(INGEST, SPAM))
    assert (kinds(plan), plan.kept, plan.writes()) == ({"IngestData": "update"}, 1, writes)
    assert (plan.roll, plan.nothing_to_do) == (False, False)
    if "RegisterTaskDefinition" in writes:
        assert runs(plan, "IngestData") == to_be_registered(fingerprint_for(changed))
    elif "PutTargets" in writes:
        assert runs(plan, "IngestData") == arn(2)


def test_a_task_that_left_the_file_loses_its_rule() -> None:
    plan = planned(SPAM, **deployed(INGEST, SPAM))
    assert (kinds(plan), plan.kept, plan.nothing_to_do) == ({"IngestData": "remove"}, 1, False)
    assert plan.writes() == {"DisableRule": 1, "RemoveTargets": 1, "DeleteRule": 1}


def test_a_rule_that_is_disabled_already_is_only_deleted() -> None:
    plan = planned(**deployed(task("IngestData", enabled=False)))
    assert plan.writes() == {"RemoveTargets": 1, "DeleteRule": 1}


def test_an_empty_file_removes_them_all() -> None:
    plan = planned(**deployed(SPAM, INGEST))
    assert [change.name for change in plan.changes_of_kind("remove")] == [PREFIX + "IngestData", PREFIX + "RemoveSpam"]
    assert plan.changes_of_kind("create", "update") == ()


def test_a_renamed_task_is_a_new_rule_with_the_same_revision() -> None:
    plan = planned(task("Ingest"), **deployed(INGEST))
    assert (kinds(plan), runs(plan, "Ingest")) == ({"Ingest": "create", "IngestData": "remove"}, arn(2))
    assert plan.registers == ()


def test_two_tasks_that_run_the_same_share_a_revision() -> None:
    plan = planned(INGEST, task("IngestAgain"))
    assert [each.task for each in plan.registers] == [INGEST, None]
    assert runs(plan, "IngestData") == runs(plan, "IngestAgain") == to_be_registered(fingerprint_for(INGEST))


def test_tasks_that_share_the_apis_revision_bring_overrides() -> None:
    plan = planned(INGEST, SPAM, settings=SHARED)
    assert [each.task for each in plan.registers] == [None]
    for each in (INGEST, SPAM):
        assert runs(plan, each.name) == to_be_registered(fingerprint_for(None))
        (container,) = json.loads(str(target_overrides(BASE, SHARED, each)))["containerOverrides"]
        traced = container | {"environment": [{"name": "ROTA_TASK", "value": each.name}]}
        assert json.loads(target(plan, each.name)["Input"]) == {"containerOverrides": [traced]}


def with_rule(there: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same with the rule of IngestData changed."""
    rule: Rule = there["schedules"][PREFIX + "IngestData"]
    return there | {"schedules": {**there["schedules"], rule.name: rule.model_copy(update=changes)}}


def test_a_rule_that_was_changed_by_hand_is_corrected() -> None:
    plan = planned(INGEST, **with_rule(deployed(INGEST), state="DISABLED"))
    assert (kinds(plan), plan.writes()) == ({"IngestData": "update"}, {"PutRule": 1, "PutTargets": 1})


@pytest.mark.parametrize(
    ("tasks", "schedules"),
    [
        pytest.param((INGEST,), "1 changed", id="the task stays"),
        pytest.param((), "1 removed", id="the task left the file"),
    ],
)
def test_a_second_target_is_not_removed_silently(tasks: tuple[Task, ...], schedules: str) -> None:
    (own,) = deployed(INGEST)["schedules"][PREFIX + "IngestData"].targets
    there = with_rule(deployed(INGEST), targets=(own, {"Id": "by-hand", "Arn": CLUSTER_ARN}))
    plan = describe_plan(planned(*tasks, **there), SNAPSHOT, SNAPSHOT)
    assert plan.summary == (
        f"schedules: {schedules}; 0 revisions to register; the service is unchanged; "
        f"removes other targets: by-hand of production__guestbook__IngestData ({CLUSTER_ARN})"
    )


def test_the_removed_target_is_named_where_it_is_first() -> None:
    (made,) = deployed(INGEST)["schedules"][PREFIX + "IngestData"].targets
    topic = {"Id": "notify", "Arn": "arn:aws:sns:us-east-1:123456789012:started"}
    plan = planned(INGEST, **with_rule(deployed(INGEST), targets=(topic, made)))
    assert f"removes other targets: notify of production__guestbook__IngestData ({topic['Arn']})" in plan.remarks


def test_a_target_is_unchanged_beside_one_that_is_first() -> None:
    """It also keeps what a person set of it, such as Spot."""
    (made,) = deployed(INGEST)["schedules"][PREFIX + "IngestData"].targets
    by_hand = ({"Id": "by-hand", "Arn": CLUSTER_ARN}, made | {"EcsParameters": made["EcsParameters"] | {"Group": "x"}})
    (change,) = rule_changes(planned(INGEST, **with_rule(deployed(INGEST), targets=by_hand)))
    assert (change.put_rule, change.put_targets, change.remove_targets) == (None, (), ("by-hand",))


def test_a_revision_that_is_not_active_is_registered_again() -> None:
    plan = planned(INGEST, **deployed(INGEST) | {"unrecorded": (registered(None, 3),)})
    assert (kinds(plan), runs(plan, "IngestData")) == (
        {"IngestData": "update"},
        to_be_registered(fingerprint_for(INGEST)),
    )
    assert ([each.task for each in plan.registers], plan.roll) == ([INGEST], False)


def test_a_copy_that_someone_changed_is_not_used_again() -> None:
    """It has the fingerprint of the original in its tags, and other content."""
    original = registered(INGEST, 2)
    copied = original.model_copy(update={"arn": arn(5), "content": original.content | {"cpu": "512"}})
    there = deployed(INGEST)
    plan = planned(INGEST, **there | {"unrecorded": (copied, registered(None, 3))})
    assert runs(plan, "IngestData") == to_be_registered(fingerprint_for(INGEST))
    plan = planned(INGEST, **there | {"unrecorded": (copied, original, registered(None, 3))})
    assert plan.reused[fingerprint_for(INGEST)] == arn(2)


def test_what_is_recorded_is_used_before_what_is_not() -> None:
    there = deployed(INGEST, recorded=True)
    plan = planned(INGEST, **there | {"unrecorded": (registered(INGEST, 9), registered(None, 10))})
    assert (plan.nothing_to_do, set(plan.reused.values())) == (True, {arn(2), arn(3)})


@pytest.mark.parametrize(
    ("service", "rolls"),
    [
        pytest.param(service_state(arn(3)), False, id="runs it, steady"),
        pytest.param(service_state(arn(3), steady=False), True, id="runs it, not yet steady"),
        pytest.param(service_state(arn(1)), True, id="runs another"),
    ],
)
def test_when_the_service_rolls(service: ServiceState, rolls: bool) -> None:
    plan = planned(INGEST, **deployed(INGEST) | {"service": service})
    assert (plan.roll, plan.nothing_to_do) == (rolls, not rolls)
    assert plan.writes() == ({"UpdateService": 1} if rolls else {})


def test_a_stored_plan_is_read_as_it_was() -> None:
    plan = planned(INGEST, SPAM, **deployed(INGEST))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_stored_plan_spells_its_retry_policies_as_the_previous_release() -> None:
    plan = planned(INGEST)
    stored = json.loads(plan.model_dump_json())
    assert stored["retried"] == list(plan.retry_policy_set_by_rota) != []
    assert "retry_policy_set_by_rota" not in stored


def test_a_plan_of_another_version_is_refused_without_its_values() -> None:
    plan = planned(task("Ingest", environment={"PASSWORD": "a-secret"}), **deployed(INGEST))
    stored = json.loads(plan.model_dump_json())
    stored["registers"][0]["task"]["environment"] = ["PASSWORD", "a-secret"]
    with pytest.raises(ValidationError, match=r"registers\.0\.task\.environment") as raised:
        Plan.model_validate_json(json.dumps(stored))
    assert "a-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("tasks", "summary", "figures"),
    [
        pytest.param(
            (INGEST, SPAM),
            "schedules: 2 unchanged; 0 revisions to register; the service is unchanged",
            (0, 0, 2, 0, 0),
            id="nothing",
        ),
        pytest.param(
            (task("IngestData", cron="0 7 * * ? *"), task("New", task="new_task")),
            "schedules: 1 new, 1 changed, 1 removed; 1 revision to register; the service is unchanged",
            (1, 1, 0, 1, 1),
            id="of everything one",
        ),
        pytest.param(
            (), "schedules: 2 removed; 0 revisions to register; the service is unchanged", (0, 0, 0, 2, 0), id="removed"
        ),
    ],
)
def test_the_plan_in_one_line(tasks: tuple[Task, ...], summary: str, figures: tuple[int, ...]) -> None:
    document = Stored(key="deployments/example/plan.json", version_id="v2")
    plan = describe_plan(planned(*tasks, **deployed(INGEST, SPAM)), document, SNAPSHOT)
    assert plan.summary == summary
    assert (plan.created, plan.updated, plan.kept, plan.removed, plan.registers) == figures
    assert plan.targets == plan.created + plan.updated
    assert (plan.document, plan.snapshot, plan.rolls_service) == (document, SNAPSHOT, False)
    assert plan.nothing_to_do is (figures == (0, 0, 2, 0, 0))


@pytest.mark.parametrize(
    ("tasks", "off", "figures"),
    [
        pytest.param((SPAM,), (), (1, 1), id="on"),
        pytest.param((SPAM,), ("IngestData",), (1, 0), id="off already"),
        pytest.param((), ("IngestData",), (2, 1), id="one on and one off"),
        pytest.param((task("IngestData", timezone="Europe/Berlin"), SPAM), (), (1, 0), id="moves to Scheduler"),
        pytest.param((task("IngestData", timezone="Europe/Berlin"),), (), (2, 1), id="one moves and one leaves"),
        pytest.param((INGEST, SPAM), (), (0, 0), id="none"),
    ],
)
def test_what_is_disabled_of_what_is_removed(
    tasks: tuple[Task, ...], off: tuple[str, ...], figures: tuple[int, int]
) -> None:
    there = deployed(INGEST, SPAM)
    schedules = {
        name: backend.switched(rule, on=name.removeprefix(PREFIX) not in off)
        for name, rule in there["schedules"].items()
    }
    plan = describe_plan(planned(*tasks, **there | {"schedules": schedules}), SNAPSHOT, SNAPSHOT)
    assert (plan.removed, plan.disables) == figures


PROXY = {
    "name": "nginx",
    "image": "nginx:1",
    "dependsOn": [{"containerName": "app", "condition": "HEALTHY"}],
}
BEHIND_NGINX = definition(CONTENT | {"containerDefinitions": [APP_CONTAINER | {"command": None}, PROXY]})


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        pytest.param({"breaks_circuit": False}, "; the service's circuit breaker is off, so a broken image", id="off"),
        pytest.param({"rollout_remarks": ("ECS bakes it",)}, "; ECS bakes it", id="bakes"),
        pytest.param({"base": BEHIND_NGINX}, "; jobs run without nginx", id="a container left out"),
        pytest.param(
            {
                "base": definition(
                    CONTENT | {"containerDefinitions": [APP_CONTAINER | {"entryPoint": ["gunicorn", "a"]}]}
                )
            },
            "; the entry point gunicorn a precedes each job's command",
            id="an entry point",
        ),
        pytest.param({"base": BEHIND_NGINX, "settings": SHARED}, "; 1 task needs its own revision: 1 s", id="own"),
        pytest.param(
            {"newest_revision": 800_000},
            "; the family guestbook has used 800,000 of its 1,000,000 revisions, deregistered ones included, and AWS",
            id="a quota that AWS does not raise",
        ),
        pytest.param({"base": BEHIND_NGINX}, "rolls (command ./bin/start → the image's own; container", id="a command"),
    ],
)
def test_what_a_person_should_know_before_the_first_write(changes: dict[str, Any], summary: str) -> None:
    there = {"settings": AS_THE_BASE} | changes
    assert summary in describe_plan(planned(INGEST, **there), SNAPSHOT, SNAPSHOT).summary


@pytest.mark.parametrize(("by_rota", "kept"), [(True, False), (False, True)], ids=["Rota", "a script"])
def test_a_retry_policy_goes_with_its_key_if_that_set_it(by_rota: bool, kept: bool) -> None:
    there = deployed(task("IngestData", retry={"attempts": 3}), settings=UNWATCHED)
    names = tuple(there["schedules"]) if by_rota else ()
    plan = planned(INGEST, **there, settings=UNWATCHED, retry_policy_set_by_rota=names)
    changed = [each for change in rule_changes(plan) for each in change.put_targets]
    assert (plan.nothing_to_do, ["RetryPolicy" in each for each in changed]) == (kept, [] if kept else [False])


def test_targets_change_once_with_the_update_and_the_plan_says_so() -> None:
    tasks = (INGEST, SPAM, task("Often", rate="1 minute"))
    there = deployed(*tasks, settings=UNWATCHED)
    plan = planned(*tasks, **there, retry_policy_set_by_rota=())
    assert plan.writes() == {"PutTargets": 3}
    assert describe_plan(plan, SNAPSHOT, SNAPSHOT).summary == (
        "schedules: 3 changed; 0 revisions to register; the service is unchanged; 3 targets: traced from now on; "
        "3 targets: a start is given up after 5 min to 6 h, no longer after 24 h"
    )
    assert set(plan.retry_policy_set_by_rota) == there["schedules"].keys()
    after = {
        change.name: there["schedules"][change.name].model_copy(update={"targets": change.put_targets})
        for change in rule_changes(plan)
    }
    again = planned(*tasks, **there | {"schedules": after}, retry_policy_set_by_rota=plan.retry_policy_set_by_rota)
    assert (again.nothing_to_do, again.retry_policy_set_by_rota) == (True, plan.retry_policy_set_by_rota)
    assert describe_plan(again, SNAPSHOT, SNAPSHOT).summary == (
        "schedules: 3 unchanged; 0 revisions to register; the service is unchanged"
    )


def test_what_run_watching_does_not_see_is_said_each_time() -> None:
    (own,) = deployed(INGEST)["schedules"][PREFIX + "IngestData"].targets
    queue = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead-letters"}}
    there = with_rule(deployed(INGEST), targets=(own | queue,))
    assert planned(INGEST, **there).remarks == (
        "run watching sees no dead letters of IngestData: each has a dead-letter queue of its own",
    )
    assert planned(INGEST, **there).nothing_to_do
    assert planned(INGEST, settings=UNWATCHED, **there).remarks == ()


def test_a_quota_that_is_far_is_not_named() -> None:
    plan = planned(INGEST, newest_revision=799_999)
    assert "1,000,000" not in describe_plan(plan, SNAPSHOT, SNAPSHOT).summary


def test_the_plan_has_every_command() -> None:
    plan = planned(INGEST, task("Report", command=["./report"]), base=BEHIND_NGINX)
    assert plan.commands is not None
    assert plan.commands.model_dump() == {
        "entry_point": (),
        "service": ("./bin/start",),
        "tasks": {"IngestData": ("./bin/start", "data_ingestion_task"), "Report": ("./report",)},
    }
    assert plan.left_out == {"nginx": "waits until app is healthy"}


def test_the_plan_of_an_app_without_schedules() -> None:
    plan = describe_plan(planned(), SNAPSHOT, SNAPSHOT)
    assert plan.summary == "schedules: none; 1 revision to register; the service rolls"


def many(number: int) -> list[Task]:
    return [task(f"Task{n}", task=f"task_{n}") for n in range(number)]


@pytest.mark.exhaustive(first=3)
@pytest.mark.parametrize(
    ("mode", "number", "registers", "seconds"),
    [
        # beyond a burst of 20 one registration a second, beyond one of 50 fifty calls of EventBridge a second; for
        # each rule its owner is asked for and its target is put
        pytest.param("per-task", 10, 11, 2, id="within every burst"),
        pytest.param("per-task", 60, 61, 2 + 41 + 2, id="sixty"),
        pytest.param("shared", 300, 1, 2 + 11, id="one revision for all"),
        pytest.param("per-task", 1000, 1001, 2 + 981 + 39, id="a thousand"),
    ],
)
def test_the_calls_and_seconds_of_a_new_image(
    mode: Literal["per-task", "shared"], number: int, registers: int, seconds: int
) -> None:
    settings, tasks = SETTINGS.model_copy(update={"revision_mode": mode}), many(number)
    there = deployed(*tasks, settings=settings)
    plan = describe_plan(planned(*tasks, image_uri=IMAGE_URI + "0", settings=settings, **there), SNAPSHOT, SNAPSHOT)
    assert plan.calls == {"RegisterTaskDefinition": registers, "PutTargets": number, "UpdateService": 1}
    assert plan.estimated_seconds == seconds
    assert f"AWS's quotas make it at least {seconds} s" in plan.summary or seconds == 2


@pytest.mark.parametrize(
    ("before", "after", "calls", "seconds"),
    [
        # the owner, PutRule, PutTargets: 150 calls, 50 of them at once
        pytest.param(0, 50, {"PutRule": 50, "PutTargets": 50}, 2 + 2, id="new"),
        # the owner and DisableRule; the rest comes when every schedule is live
        pytest.param(100, 0, {"DisableRule": 100, "RemoveTargets": 100, "DeleteRule": 100}, 2 + 3, id="removed"),
    ],
)
def test_the_calls_and_seconds_of_a_new_file(before: int, after: int, calls: dict[str, int], seconds: int) -> None:
    there = deployed(*many(before), settings=SHARED)
    plan = describe_plan(planned(*many(after), settings=SHARED, **there), SNAPSHOT, SNAPSHOT)
    assert (plan.calls, plan.estimated_seconds) == (calls, seconds)


def test_a_plan_with_nothing_to_do_takes_no_time() -> None:
    plan = describe_plan(planned(INGEST, **deployed(INGEST)), SNAPSHOT, SNAPSHOT)
    assert (plan.calls, plan.estimated_seconds) == ({}, 0)


def test_what_keys_change_of_a_revision_is_in_words() -> None:
    before = {"role": "arn:aws:iam::123456789012:role/a", "ephemeral_storage": "50 GiB"}
    now = task(ephemeral_storage=50, secrets={"B": "/b", "A": "/a"})
    plan = planned(now, **deployed(task()), said_of_revisions={PREFIX + "IngestData": before})
    assert plan.said_of_revisions == {
        PREFIX + "IngestData": {"ephemeral_storage": "50 GiB", "secrets": "A from /a, B from /b"}
    }
    assert plan.revision_changes == {
        PREFIX + "IngestData": {"role": (before["role"], None), "secrets": (None, "A from /a, B from /b")}
    }


MIGRATE, SMOKE = Before(task="migrate", pause_tasks=True), After(task="smoke_test", memory=2048, cpu=256)


def test_what_runs_once_has_a_revision_of_its_own() -> None:
    state = current_state(**deployed(INGEST), tasks=(INGEST,), image_uri=NEW_IMAGE, before=MIGRATE, after=SMOKE)
    plan = build_plan(SETTINGS, state)
    assert plan.before
    assert plan.after
    assert plan.before.command == ("./bin/start", "migrate")
    assert plan.before.pause_tasks
    assert plan.before.request["launchType"] == "FARGATE"
    assert plan.before.request["cluster"] == CLUSTER_ARN
    of: dict[str, Any] = {each.fingerprint: each.runs for each in plan.registers}
    assert [of[each.fingerprint].command_line(()) for each in (plan.before, plan.after)] == [
        ("migrate",),
        ("smoke_test",),
    ]
    assert list(of)[-1] == plan.api
    assert plan.writes()["RunTask"] == 2
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("image_uri", "with_before", "runs", "said"),
    [
        pytest.param(
            NEW_IMAGE,
            True,
            (True, True),
            "before: runs the migration ./bin/start migrate, while no job starts, 30 minutes at most",
            id="a new image",
        ),
        pytest.param(NEW_IMAGE, False, (False, True), "does not run for a rollback", id="a rollback"),
        pytest.param(IMAGE_URI, True, (False, False), "the service runs this image already", id="the live image"),
        pytest.param(IMAGE_URI, False, (False, False), "the service runs this image already", id="the file alone"),
    ],
)
def test_when_before_and_after_run(image_uri: str, with_before: bool, runs: tuple[bool, bool], said: str) -> None:
    again = current_state(
        **deployed(INGEST),
        tasks=(INGEST,),
        image_uri=image_uri,
        before=MIGRATE,
        after=SMOKE,
        with_before=with_before,
        served=registered(None, 3),
    )
    plan = build_plan(SETTINGS, again)
    assert (plan.before is not None, plan.after is not None) == runs
    described = describe_plan(plan, *[Stored(key="k", version_id="v")] * 2)
    assert (described.runs_before, described.runs_after) == runs
    assert said in described.summary


@pytest.mark.parametrize(
    ("image_uri", "runs"),
    [
        (IMAGE_URI, False),
        (IMAGE_URI.replace("us-east-1", "eu-west-1"), False),
        (NEW_IMAGE, True),
        (IMAGE_URI.replace("guestbook@", "guestbook-two@"), False),
    ],
    ids=["live", "a copy of it in another registry", "new", "a copy of it in another repository"],
)
def test_a_rollout_of_the_live_image_runs_no_migration(image_uri: str, runs: bool) -> None:
    """The service is rolled once more because its last rollout is not complete."""
    there = deployed(INGEST) | {"service": service_state(arn(3), steady=False), "served": registered(None, 3)}
    plan = build_plan(
        SETTINGS, current_state(**there, tasks=(INGEST,), image_uri=image_uri, before=MIGRATE, after=SMOKE)
    )
    assert (plan.roll, plan.before is not None, plan.after is not None) == (True, runs, True)


def test_a_file_that_runs_nothing_once_is_planned_as_before() -> None:
    plan = build_plan(SETTINGS, current_state(**deployed(INGEST), tasks=(INGEST, SPAM))).model_dump()
    assert not {"before", "after"} & plan.keys()
    assert all("one_off" not in each for each in plan["registers"])


def test_an_approval_is_for_the_migration_too() -> None:
    new = deployed(INGEST)
    plans = [
        build_plan(SETTINGS, current_state(**new, tasks=(INGEST,), image_uri=NEW_IMAGE, before=before))
        for before in (None, MIGRATE, Before(task="migrate"))
    ]
    there = Snapshot(schedules=new["schedules"], service=new["service"])
    assert len({digest_of_changes(plan, there) for plan in plans}) == 3


def test_an_approval_is_for_a_smoke_test_that_a_rollback_runs_too() -> None:
    live = deployed(INGEST) | {"served": registered(None, 3)}
    plans = [
        build_plan(SETTINGS, current_state(**live, tasks=(INGEST, SPAM), image_uri=IMAGE_URI, after=after))
        for after in (None, SMOKE, After(task="smoke_test"))
    ]
    assert [plan.after for plan in plans] == [None] * 3
    there = Snapshot(schedules=live["schedules"], service=live["service"])
    assert len({digest_of_changes(plan, there) for plan in plans}) == 3
    assert "smoke_test does not run, because the service stays" in "; ".join(plans[1].remarks)
    assert len(plans[1].registers) == len(plans[0].registers)


SECRETS = ("sh", "-c", "PGPASSWORD='hunter2' TOKEN=swordfish ./bin/start", "--password", "xyzzy", "api_key=plugh")


@pytest.mark.parametrize("where", ["before", "after", "entry point", "command of the service"])
def test_the_summary_shows_no_secret_of_a_command(where: str) -> None:
    there: dict[str, Any] = {"before": Before(command=SECRETS)} if where == "before" else {}
    there |= {"after": After(command=SECRETS)} if where == "after" else {}
    keys = {"entry point": {"entryPoint": SECRETS}, "command of the service": {"command": SECRETS}}.get(where, {})
    base = definition(CONTENT | {"containerDefinitions": [APP_CONTAINER | keys]})
    plan = build_plan(SETTINGS, current_state(INGEST, base=base, served=base, image_uri=NEW_IMAGE, **there))
    summary = describe_plan(plan, SNAPSHOT, SNAPSHOT).summary
    assert "PGPASSWORD=***" in summary
    assert [each for each in ("hunter2", "swordfish", "xyzzy", "plugh") if each in summary] == []


# What its author may write into a file of 1 MiB, and what a person may say of it.
QUOTES, LONG = ("sh", "-c", "'" * 65_000), ("é" * 10_000,)
MANY_ZONES = [f"{'N' * 50}{number}: its time is past, so it never runs again; take it out" for number in range(8_000)]


@pytest.mark.parametrize(
    "there",
    [
        pytest.param({"before": Before(command=QUOTES), "after": After(command=QUOTES)}, id="quotes"),
        pytest.param({"before": Before(command=LONG), "after": After(command=LONG)}, id="letters"),
        pytest.param({"advice": tuple(MANY_ZONES)}, id="advice on each task"),
        pytest.param({"paused": ("\N{GRINNING FACE}" * 1_300,) * 1_000}, id="many pauses"),
        pytest.param({"remark": "x" * 100_000}, id="a long remark"),
        pytest.param(
            {"base": definition(CONTENT | {"containerDefinitions": [APP_CONTAINER | {"entryPoint": QUOTES}]})},
            id="an entry point",
        ),
    ],
)
def test_no_schedule_file_makes_a_long_summary(there: dict[str, Any]) -> None:
    """The machine's document has at most 256 KiB, with an input of 64, and an error of 32, beside the plan's answer."""
    plan = build_plan(SETTINGS, current_state(INGEST, image_uri=NEW_IMAGE, **there))
    described = describe_plan(plan, SNAPSHOT, SNAPSHOT)
    assert len(described.model_dump_json()) < 10_000
    assert len(json.dumps(described.model_dump(mode="json"))) < 120_000, "if every character is escaped"
    assert Plan.model_validate_json(plan.model_dump_json()).remarks == plan.remarks


def test_the_whole_plan() -> None:
    """But for the base and the changes of schedules, which other tests compare."""
    larger = task(tags={"team": "a"}, cpu=1024, memory=2048)
    migrate, smoke = Before(command=("m",), pause_tasks=True), After(command=("s",), timeout=5)
    there = deployed(task(cpu=512, memory=1024), SPAM, task("Gone"))
    plan = planned(larger, SPAM, before=migrate, after=smoke, image_uri=NEW_IMAGE, **there)
    found = plan.model_dump(mode="json", exclude={"base", "changes"})
    registers = [(each["fingerprint"], each["task"], each.get("one_off")) for each in found.pop("registers")]
    prints = [each for each, _, _ in registers]
    assert prints[:2] == [fingerprint_for(larger, NEW_IMAGE), fingerprint_for(SPAM, NEW_IMAGE)]
    assert prints[4] == fingerprint_for(None, NEW_IMAGE)
    assert [task_ and task_["name"] for _, task_, _ in registers] == ["IngestData", "RemoveSpam", None, None, None]
    assert [one_off and one_off["command"] for _, _, one_off in registers] == [None, None, ["m"], ["s"], None]
    network = {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    request = {
        "cluster": CLUSTER_ARN,
        "count": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "platformVersion": "LATEST",
        "tags": [{"key": "rota:one-off", "value": SETTINGS.app}],
    }
    once = {"request": request, "pause_tasks": False}
    assert found == {
        "image_uri": NEW_IMAGE,
        "newest_revision": 5,
        "kept": 0,
        "reused": {},
        "api": prints[4],
        "service_runs": arn(5),
        "roll": True,
        "before": {**once, "command": ["m"], "fingerprint": prints[2], "timeout": 30, "pause_tasks": True},
        "after": {**once, "command": ["s"], "fingerprint": prints[3], "timeout": 5},
        "algorithm": 1,
        "retried": [f"{PREFIX}IngestData", f"{PREFIX}RemoveSpam"],
        "set_by_keys": {f"{PREFIX}IngestData": ["Tags"]},
        "service_changes": ["image"],
        "commands": {
            "entry_point": [],
            "service": ["./bin/start"],
            "tasks": {
                "IngestData": ["./bin/start", "data_ingestion_task"],
                "RemoveSpam": ["./bin/start", "spam_task"],
            },
        },
        "left_out": {},
        "remarks": [
            "before: runs the migration m, while no job starts, 30 minutes at most",
            "after: runs the smoke test s, 5 minutes at most",
        ],
    }
    assert kinds(plan) == {"IngestData": "update", "RemoveSpam": "update", "Gone": "remove"}
    assert plan.base == BASE


def test_the_image_that_is_served_by_another_name_is_live() -> None:
    """Its digest decides: the repository may be a copy in another Region."""
    content = derive_content(BASE, SETTINGS, IMAGE_URI.replace("us-east-1", "eu-west-1"), None)
    served = definition(content, revision=3)
    plan = planned(INGEST, before=MIGRATE, image_uri=IMAGE_URI, served=served, **deployed(INGEST))
    assert plan.before is None


def test_only_what_changes_of_a_revision_is_said() -> None:
    said = {PREFIX + "IngestData": {"ephemeral_storage": "50 GiB"}}
    plan = planned(task(ephemeral_storage=50, cron="0 7 * * ? *"), **deployed(task()), said_of_revisions=said)
    assert (kinds(plan), plan.said_of_revisions, plan.revision_changes) == ({"IngestData": "update"}, said, {})


DAILY = task("Daily", cron=None, rate="1 day", start="2026-12-01T06:00:00Z")
IN_SCHEDULER = SETTINGS.model_copy(update={"schedules_in": "scheduler"})
BARE = Snapshot(schedules={}, service=service_state(arn(1)))


def asked_for(plan: Plan, there: Snapshot = BARE, **changes: Any) -> str:
    """What an approval of that plan is for."""
    return digest_of_changes(plan.model_copy(update=changes), there)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        pytest.param({"base": definition(revision=9)}, False, id="the base's number"),
        pytest.param({"newest_revision": 99}, False, id="the newest revision"),
        pytest.param({"kept": 7}, False, id="how many stay"),
        pytest.param({"registers": ()}, False, id="what is to be registered"),
        pytest.param({"reused": {"f": arn(3)}}, False, id="what is used again"),
        pytest.param({"service_runs": arn(99)}, False, id="what the service runs"),
        pytest.param({"algorithm": 7}, False, id="how it was made"),
        pytest.param({"retry_policy_set_by_rota": ()}, False, id="whose retry policy it is"),
        pytest.param({"own_numbers": {"guestbook": ((2, 9),)}}, False, id="which numbers earlier revisions have"),
        pytest.param({"remarks": ("what a person should know",)}, False, id="remarks"),
        pytest.param({"image_uri": NEW_IMAGE}, True, id="the image"),
        pytest.param({"changes": ()}, True, id="the changes of schedules"),
        pytest.param({"api": "f"}, True, id="the service's content"),
        pytest.param({"roll": False}, True, id="whether the service rolls"),
        pytest.param({"set_by_keys": {"x": ("Tags",)}}, True, id="what keys set"),
        pytest.param({"service_changes": ("command",)}, True, id="the service's changes"),
        pytest.param({"left_out": {"metrics": "x"}}, True, id="containers left out"),
    ],
)
def test_what_an_approval_is_for(changes: dict[str, Any], counts: bool) -> None:
    plan = planned(INGEST, SPAM)
    assert (asked_for(plan, **changes) != asked_for(plan)) is counts
    assert len(asked_for(plan)) == 32


def test_a_revision_counts_by_its_content_for_an_approval() -> None:
    """Whether it has a number yet is no difference."""
    there = deployed(INGEST)
    new, known = planned(INGEST), planned(INGEST, **{**there, "schedules": {}, "service": service_state(arn(9))})
    assert known.reused
    same: Any = {"roll": True, "service_changes": new.service_changes}
    assert asked_for(known, **same) == asked_for(new, **same)


def test_when_a_plan_is_made_is_no_difference_for_an_approval() -> None:
    plan = planned(DAILY, settings=IN_SCHEDULER)
    (change,) = plan.changes
    assert isinstance(change, SchedulerChange)
    later = change.model_copy(update={"members": {**change.members, "StartDate": "2026-12-02T06:00:00Z"}})
    assert asked_for(plan, changes=(later,)) == asked_for(plan)
    other = change.model_copy(update={"members": {**change.members, "State": "DISABLED"}})
    assert asked_for(plan, changes=(other,)) != asked_for(plan), "what else is written of a rate counts"

    there = change.as_schedule

    def read(at: datetime) -> str:
        found = there.model_copy(update={"read_at": at})
        return asked_for(plan, BARE.model_copy(update={"schedules": {there.name: found}}))

    now = datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert read(now) == read(now + timedelta(hours=1)) != asked_for(plan)
    cron = planned(INGEST, settings=IN_SCHEDULER)
    (change,) = cron.changes
    assert isinstance(change, SchedulerChange)
    begins = change.model_copy(update={"members": {**change.members, "StartDate": "2026-12-02T06:00:00Z"}})
    assert asked_for(cron, changes=(begins,)) != asked_for(cron), "of a cron that says when it begins"


def test_what_there_is_counts_for_an_approval_where_it_changes() -> None:
    there = deployed(INGEST, SPAM)["schedules"]
    plan = planned(task(cron="0 7 * * ? *"), SPAM, **deployed(INGEST, SPAM))
    (change,) = plan.changes

    def found(name: str) -> str:
        described = there | {name: there[name].model_copy(update={"description": "by hand"})}
        return asked_for(plan, BARE.model_copy(update={"schedules": described}))

    before = asked_for(plan, BARE.model_copy(update={"schedules": there}))
    assert found(change.name) != before
    assert found(PREFIX + "RemoveSpam") == before
