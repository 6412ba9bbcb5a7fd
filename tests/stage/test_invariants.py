"""The invariant checker: it sees a violation that lasts one call, and names the call and the resource."""

from typing import Any

import pytest

from examples.guestbook.client import Client
from examples.guestbook.seed import FOREIGN_RULE
from stage.client import StageError

RULE = "production__guestbook__IngestData"


@pytest.fixture
def watched(deployed: Client) -> Client:
    """A stage with three schedules, one of which is watched."""
    deployed.watch({RULE: "ENABLED"})
    return deployed


def target(stage: Client) -> dict[str, Any]:
    (found,) = stage.client("events").list_targets_by_rule(Rule=RULE)["Targets"]
    return dict(found)


def problems(stage: Client) -> list[tuple[str, str]]:
    return [(seen["call"]["operation"], seen["problem"]) for seen in stage.watched()["violations"]]


def test_a_violation_that_the_next_call_repairs_is_seen(watched: Client) -> None:
    events, had = watched.client("events"), target(watched)
    events.remove_targets(Rule=RULE, Ids=[had["Id"]])
    events.put_targets(Rule=RULE, Targets=[had])
    assert problems(watched) == [("RemoveTargets", f"the rule {RULE} has 0 targets")]


def test_each_kind_of_violation_is_seen_once(watched: Client) -> None:
    events, ecs, had = watched.client("events"), watched.client("ecs"), target(watched)
    revision = had["EcsParameters"]["TaskDefinitionArn"]
    events.disable_rule(Name=RULE)
    events.list_rules()
    events.put_targets(Rule=RULE, Targets=[{**had, "Id": "second"}])
    ecs.deregister_task_definition(taskDefinition=revision)
    events.remove_targets(Rule=RULE, Ids=[had["Id"], "second"])
    events.delete_rule(Name=RULE)
    assert problems(watched) == [
        ("DisableRule", f"the rule {RULE} is DISABLED, it must be ENABLED"),
        ("PutTargets", f"the rule {RULE} has 2 targets"),
        ("DeregisterTaskDefinition", f"the rule {RULE} runs {revision}, which is INACTIVE"),
        ("RemoveTargets", f"the rule {RULE} has 0 targets"),
        ("DeleteRule", f"the rule {RULE} is gone"),
    ]


def test_a_job_is_seen_that_has_no_schedule_that_is_on(deployed: Client) -> None:
    events = deployed.client("events")
    deployed.watch({}, jobs={"IngestData": [RULE, "group/IngestData"]})
    events.disable_rule(Name=RULE)
    events.enable_rule(Name=RULE)
    events.remove_targets(Rule=RULE, Ids=[target(deployed)["Id"]])
    said = "the job IngestData has no schedule that is on and runs an ACTIVE revision"
    assert problems(deployed) == [("DisableRule", said), ("RemoveTargets", said)]


def test_an_inactive_revision_of_a_service_is_seen(watched: Client) -> None:
    ecs, names = watched.client("ecs"), watched.names
    (service,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
    ecs.deregister_task_definition(taskDefinition=service["taskDefinition"])
    assert [problem for _, problem in problems(watched)] == [
        f"the service guestbook-api runs {service['taskDefinition']}, which is INACTIVE"
    ]


def test_a_change_of_a_foreign_resource_is_seen(watched: Client) -> None:
    watched.client("events").put_rule(Name=FOREIGN_RULE, ScheduleExpression="rate(1 day)")
    watched.client("ecs").deregister_task_definition(taskDefinition="guestbook:1")
    touched = [problem.partition(" is foreign")[0] for _, problem in problems(watched)]
    assert touched == [
        f"the rule {FOREIGN_RULE}",
        "the revision arn:aws:ecs:us-east-1:123456789012:task-definition/guestbook:1",
    ]


def test_a_new_order_and_a_reset_forget_violations(watched: Client) -> None:
    watched.client("events").disable_rule(Name=RULE)
    watched.watch({})
    watched.client("events").list_rules()
    assert watched.watched()["violations"] == []
    watched.reset()
    assert watched.watched() == {"checks": 0, "violations": []}


def test_an_invalid_order_is_refused(stage: Client) -> None:
    with pytest.raises(StageError, match="rules"):
        stage.watch([RULE])  # type: ignore[arg-type] # this is the mistake


@pytest.mark.exhaustive(first=0)
def test_a_deployment_changes_nothing_of_another_app(watched: Client) -> None:
    events, name = watched.client("events"), "production__guestbook__two__Night"
    tags = [{"Key": "rota:app", "Value": "production/two"}]
    arn = events.put_rule(Name=name, ScheduleExpression="rate(1 day)", Tags=tags)["RuleArn"]
    watched.watch({RULE: "ENABLED"}, "production/guestbook-api")
    assert watched.deploy("v2")["status"] == "SUCCEEDED"
    seen = watched.watched()
    assert seen["violations"] == []
    assert seen["checks"] > 50
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "rota:app", "Value": "production/guestbook-api"}])
    ((operation, problem),) = problems(watched)
    assert (operation, problem.startswith(f"the rule {name} is foreign and was changed")) == ("TagResource", True)
