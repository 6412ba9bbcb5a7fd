"""The watchman: it sees a gap of one call's length, says which call made it, and whose things were touched."""

from typing import Any

import pytest

from stage.client import Client, StageError
from stage.seed import FOREIGN_RULE

RULE = "production__guestbook__IngestData"


@pytest.fixture
def deployed(deployed: Client) -> Client:
    """A stage with three schedules, one of which is watched."""
    deployed.watch({RULE: "ENABLED"})
    return deployed


def target(stage: Client) -> dict[str, Any]:
    (found,) = stage.client("events").list_targets_by_rule(Rule=RULE)["Targets"]
    return dict(found)


def problems(stage: Client) -> list[tuple[str, str]]:
    return [(seen["call"]["operation"], seen["problem"]) for seen in stage.watched()["violations"]]


def test_a_deployment_leaves_no_gap(deployed: Client) -> None:
    assert deployed.deploy("v2")["status"] == "SUCCEEDED"
    seen = deployed.watched()
    assert seen["violations"] == []
    assert seen["checks"] > 50


def test_a_gap_that_the_next_call_closes_is_seen(deployed: Client) -> None:
    events, had = deployed.client("events"), target(deployed)
    events.remove_targets(Rule=RULE, Ids=[had["Id"]])
    events.put_targets(Rule=RULE, Targets=[had])
    assert problems(deployed) == [("RemoveTargets", f"the rule {RULE} has 0 targets")]


def test_each_way_of_standing_still_is_seen_once(deployed: Client) -> None:
    events, ecs, had = deployed.client("events"), deployed.client("ecs"), target(deployed)
    revision = had["EcsParameters"]["TaskDefinitionArn"]
    events.disable_rule(Name=RULE)
    events.list_rules()
    events.put_targets(Rule=RULE, Targets=[{**had, "Id": "second"}])
    ecs.deregister_task_definition(taskDefinition=revision)
    events.remove_targets(Rule=RULE, Ids=[had["Id"], "second"])
    events.delete_rule(Name=RULE)
    assert problems(deployed) == [
        ("DisableRule", f"the rule {RULE} is DISABLED, it must be ENABLED"),
        ("PutTargets", f"the rule {RULE} has 2 targets"),
        ("DeregisterTaskDefinition", f"the rule {RULE} runs {revision}, which is INACTIVE"),
        ("RemoveTargets", f"the rule {RULE} has 0 targets"),
        ("DeleteRule", f"the rule {RULE} is gone"),
    ]


def test_a_services_revision_that_is_deregistered_is_seen(deployed: Client) -> None:
    ecs, names = deployed.client("ecs"), deployed.names
    (service,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
    ecs.deregister_task_definition(taskDefinition=service["taskDefinition"])
    assert [problem for _, problem in problems(deployed)] == [
        f"the service guestbook-api runs {service['taskDefinition']}, which is INACTIVE"
    ]


def test_what_belongs_to_others_is_seen_to_be_touched(deployed: Client) -> None:
    deployed.client("events").put_rule(Name=FOREIGN_RULE, ScheduleExpression="rate(1 day)")
    deployed.client("ecs").deregister_task_definition(taskDefinition="guestbook:1")
    touched = [problem.partition(" is not ours")[0] for _, problem in problems(deployed)]
    assert touched == [
        f"the rule {FOREIGN_RULE}",
        "the revision arn:aws:ecs:us-east-1:123456789012:task-definition/guestbook:1",
    ]


def test_a_new_order_forgets_what_was_seen_and_reset_ends_it(deployed: Client) -> None:
    deployed.client("events").disable_rule(Name=RULE)
    deployed.watch({})
    deployed.client("events").list_rules()
    assert deployed.watched()["violations"] == []
    deployed.reset()
    assert deployed.watched() == {"checks": 0, "violations": []}


def test_an_order_that_cannot_be_followed_is_refused(stage: Client) -> None:
    with pytest.raises(StageError, match="rules"):
        stage.watch([RULE])  # type: ignore[arg-type] # this is the mistake


def test_what_is_another_apps_is_foreign_too(deployed: Client) -> None:
    events, name = deployed.client("events"), "production__guestbook__two__Night"
    tags = [{"Key": "rota:app", "Value": "production/two"}]
    arn = events.put_rule(Name=name, ScheduleExpression="rate(1 day)", Tags=tags)["RuleArn"]
    deployed.watch({}, "production/guestbook-api")
    assert deployed.deploy("v2")["status"] == "SUCCEEDED"
    assert problems(deployed) == []
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "rota:app", "Value": "production/guestbook-api"}])
    ((operation, problem),) = problems(deployed)
    assert (operation, problem.startswith(f"the rule {name} is not ours and was touched")) == ("TagResource", True)
