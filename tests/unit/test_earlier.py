"""A plan that the previous version of Rota stored: an execution that it began is restored by this one."""

import copy
import json
from typing import Any

import pytest

from rota.contract.step_io import RestoreDeploymentInput
from rota.contract.steps import failed_step, is_complete
from rota.plan.build import build_plan
from rota.plan.earlier import is_earlier, plan_of, revisions_of
from rota.plan.model import Snapshot
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from tests.examples import ANSWERS, CONTEXT, EXECUTION
from tests.guestbook import (
    APP,
    CLUSTER_ARN,
    CONTENT,
    IMAGE_URI,
    PREFIX,
    SETTINGS,
    arn,
    current_state,
    service_state,
    task,
)
from tests.unit.account import Bus, comparable, connected

INGEST, SPAM, GONE, NEW = (PREFIX + name for name in ("IngestData", "RemoveSpam", "Gone", "New"))


def stored_task(name: str, **keys: Any) -> dict[str, Any]:
    """A task as it is in a stored plan: every key of the schedule file."""
    unless_given = {"command": None, "cron": "0 6 * * ? *", "rate": None, "schedule": None, "enabled": True}
    more: dict[str, Any] = {
        "description": "",
        "cpu": None,
        "memory": None,
        "environment": {},
        "count": 1,
        "retry": None,
    }
    return {"name": name, "task": "data_ingestion_task", **unless_given, **more, "platform_version": None, **keys}


# What the previous version of Rota stored: one task has changed, one has not, one is new, one has left the file.
STORED: dict[str, Any] = {
    "snapshot": {"key": "deployments/example/snapshot.json", "version_id": "v1"},
    "image_uri": IMAGE_URI,
    "cluster_arn": CLUSTER_ARN,
    "base": {"arn": arn(1), "active": True, "content": CONTENT, "tags": {"team": "books"}, "compatibilities": None},
    "newest_revision": 5,
    "tasks": [
        {
            "task": stored_task("IngestData", task="other_task"),
            "change": "update",
            "puts_rule": False,
            "fingerprint": "d0" * 32,
            "revision": None,
            "overrides": None,
            "target_id": INGEST,
        },
        {
            "task": stored_task("RemoveSpam", task="spam_task", cron=None, rate="15 minutes"),
            "change": "keep",
            "puts_rule": False,
            "fingerprint": "77" * 32,
            "revision": arn(3),
            "overrides": None,
            "target_id": SPAM,
        },
        {
            "task": stored_task("New", task="new_task"),
            "change": "create",
            "puts_rule": True,
            "fingerprint": "43" * 32,
            "revision": None,
            "overrides": None,
            "target_id": None,
        },
    ],
    "remove": [GONE],
    "leftovers": [arn(2)],
    "api_fingerprint": "56" * 32,
    "api_revision": arn(5),
    "roll": True,
}


def stored_rule(name: str, *targets: dict[str, Any]) -> dict[str, Any]:
    rule = {"name": name, "schedule_expression": "cron(0 6 * * ? *)", "event_pattern": None, "state": "ENABLED"}
    more = {"description": "", "role_arn": None, "managed_by": None, "tags": {"rota:app": APP}}
    return {**rule, **more, "targets": list(targets)}


def ecs_target(id_: str, revision: int) -> dict[str, Any]:
    (target,) = desired_rule(task(), SETTINGS, CLUSTER_ARN, arn(revision)).targets
    return target | {"Id": id_}


BY_HAND = {"Id": "by-hand", "Arn": "arn:aws:sqs:us-east-1:123456789012:queue"}
STORED_SNAPSHOT = {
    "rules": {
        INGEST: stored_rule(INGEST, ecs_target(INGEST, 2), BY_HAND),
        SPAM: stored_rule(SPAM, ecs_target(SPAM, 3)),
        GONE: stored_rule(GONE, ecs_target(GONE, 4)),
    },
    "service": {"task_definition": arn(5), "deployment_id": "ecs-svc/1", "steady": False},
}
BEFORE = Snapshot.model_validate_json(json.dumps(STORED_SNAPSHOT))


def test_which_version_stored_a_plan() -> None:
    now = build_plan(SETTINGS, current_state(task()))
    assert is_earlier(STORED)
    assert not is_earlier(json.loads(now.model_dump_json()))


def test_a_stored_snapshot_is_understood() -> None:
    assert BEFORE.service == service_state(arn(5), steady=False)
    understood = json.loads(BEFORE.model_dump_json())
    assert {rule.pop("backend") for rule in understood["rules"].values()} == {"rules"}
    assert understood == STORED_SNAPSHOT


def test_every_schedule_that_may_have_changed_is_restored() -> None:
    plan = plan_of(STORED, BEFORE, PREFIX)
    assert {change.name: change.kind for change in plan.changes} == {INGEST: "update", NEW: "create", GONE: "update"}
    assert {change.arn for change in plan.changes if isinstance(change, RuleChange)} == {
        f"arn:aws:events:us-east-1:123456789012:rule/{name}" for name in (INGEST, NEW, GONE)
    }


@pytest.mark.parametrize("api", [arn(5), None], ids=["used again", "to be registered"])
def test_what_a_restore_needs_of_the_plan_is_kept(api: str | None) -> None:
    plan = plan_of(STORED | {"api_revision": api}, BEFORE, PREFIX)
    assert (plan.newest_revision, plan.image_uri, plan.roll) == (5, IMAGE_URI, True)
    assert (plan.base.content, plan.base.tags) == (CONTENT, {"team": "books"})
    assert plan.reused.get(plan.api) == api


def test_what_it_registered_is_known_by_the_plans_api() -> None:
    plan = plan_of(STORED, BEFORE, PREFIX)
    assert revisions_of({"tasks": {"IngestData": arn(6), "New": arn(7)}, "api": arn(8)})[plan.api] == arn(8)
    assert revisions_of({}) == {}


def rules_of(snapshot: Snapshot) -> list[Rule]:
    return [each for each in snapshot.schedules.values() if isinstance(each, Rule)]


def without_targets(snapshot: Snapshot, name: str) -> Snapshot:
    rule = snapshot.schedules[name].model_copy(update={"targets": ()})
    return snapshot.model_copy(update={"schedules": snapshot.schedules | {name: rule}})


@pytest.mark.parametrize(
    "before",
    [pytest.param(BEFORE, id="whole rules"), pytest.param(without_targets(BEFORE, INGEST), id="a rule without target")],
)
@pytest.mark.parametrize("done", range(7))
def test_whatever_it_had_written_is_restored(before: Snapshot, done: int) -> None:
    """It deleted first, then created and updated; `done`: how many of its writes."""
    bus = Bus(rules_of(before))
    writes: list[Any] = [
        lambda: bus.remove_targets(GONE, [GONE]),
        lambda: bus.delete_rule(GONE),
        lambda: bus.put_targets(INGEST, [ecs_target(INGEST, 6)]),
        lambda: bus.remove_targets(INGEST, ["by-hand"]),
        lambda: bus.put_rule(NEW, "ENABLED", [{"Key": "rota:app", "Value": APP}], ScheduleExpression="rate(1 day)"),
        lambda: bus.put_targets(NEW, [ecs_target(NEW, 7)]),
    ]
    for write in writes[:done]:
        write()
    kept = copy.deepcopy(bus.rules[SPAM])
    for _attempt in range(2):
        for change in plan_of(STORED, before, PREFIX).changes:
            connected(bus).restore(change, before.schedules.get(change.name), retries=0)
        assert comparable(bus.rules.values()) == comparable(rules_of(before))
    assert bus.rules[SPAM] == kept


# What the steps of the previous version of Rota answered, where it was something else.
ANSWERED: dict[str, dict[str, Any]] = {
    "turn": ANSWERS["TakeTurn"].model_dump(mode="json"),
    "config": {
        **ANSWERS["ReadConfig"].model_dump(mode="json", exclude={"state"}),
        "cluster_arn": CLUSTER_ARN,
    },
    "plan": {
        **ANSWERS["PlanDeployment"].model_dump(mode="json", exclude={"targets"}),
        **{"created": 1, "updated": 1, "kept": 1, "removed": 1, "registers": 2, "rolls_service": False},
    },
    "cleared": {"finished": True, "removed": 1, "deregistered": 1, "remaining": 0},
    "revisions": ANSWERS["RegisterRevisions"].model_dump(mode="json"),
    "targets": {"written": 2, "unchanged": 1},
}


@pytest.mark.parametrize(
    ("last", "step"),
    [
        ("turn", "ReadConfig"),
        ("config", "PlanDeployment"),
        ("plan", "ClearRules"),
        ("cleared", "RegisterRevisions"),
        ("revisions", "CreateTargets"),
        ("targets", "FinishDeployment"),
    ],
)
def test_the_document_of_an_earlier_execution_is_understood(last: str, step: str) -> None:
    keys = list(ANSWERED)
    document = {key: ANSWERED[key] for key in keys[: keys.index(last) + 1]}
    execution = {"id": CONTEXT["Execution"]["Id"], "name": EXECUTION, "started_at": CONTEXT["Execution"]["StartTime"]}
    failed = {"error": {"Error": "RejectedError", "Cause": "no"}, **document}
    given = {"execution": execution, "document": failed, "retries": 0, "event": {}}
    understood = RestoreDeploymentInput.model_validate(given, extra="ignore").document
    assert failed_step(understood) == step
    assert understood.has_begun is (last not in ("turn", "config"))
    assert is_complete(understood) is (last == "targets")
