"""PlanDeployment: compares, stores snapshot and plan, writes nothing else."""

import pytest
from moto.ecs.models import ecs_backends

from rota.errors import RejectedError
from tests.guestbook import ACCOUNT, PREFIX, REGION, arn
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployments
from tests.steps.moment import once
from tests.steps.world import SCHEDULE, World

MOVED = {
    "tasks": [
        {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 7 * * ? *"},
        {"name": "CountTeaspoons", "task": "teaspoon_task", "rate": "1 day"},
    ]
}


def test_the_first_plan(world: World, deployments: Deployments) -> None:
    ours = deployments.start().until("PlanDeployment")
    answer = ours.step("PlanDeployment")
    assert answer["summary"] == "schedules: 2 new; 3 revisions to register; the service rolls"
    snapshot = world.stored(answer["snapshot"])
    assert (snapshot["rules"], snapshot["service"]["task_definition"]) == ({}, arn(1))
    assert world.stored(answer["document"])["snapshot"] == answer["snapshot"]
    assert world.calls.writes() == []


def test_planned_twice_the_plan_is_the_same(world: World, deployments: Deployments) -> None:
    ours = deployments.start().until("PlanDeployment")
    plans = [world.stored(ours.step("PlanDeployment")["document"]) for _ in range(2)]
    assert plans[0] | {"snapshot": None} == plans[1] | {"snapshot": None}


def test_killed_between_snapshot_and_plan_it_is_planned_again_and_deployed(world: World, later: Deployments) -> None:
    world.upload(MOVED)
    ours = later.start().until("PlanDeployment")
    before = world.everything()
    with world.calls.killing("s3.PutObject", skip=1), pytest.raises(KilledError):
        ours.step("PlanDeployment")
    assert world.everything() == before
    assert ours.run() == "Deployed"
    assert world.our_rules().keys() == {"IngestData", "CountTeaspoons"}


def test_the_plan_of_a_changed_file(world: World, later: Deployments) -> None:
    world.upload(MOVED)
    answer = later.start().until("ClearRules").document["plan"]
    assert answer["summary"] == "schedules: 1 new, 1 changed, 1 removed; 1 revision to register; the service stays"
    assert world.stored(answer["document"])["remove"] == [PREFIX + "RemoveSpam"]


def test_a_revision_that_fell_out_of_use_goes_with_the_next_change_and_is_no_reason_for_one(
    world: World, later: Deployments
) -> None:
    other_task = [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"task": "another_task"}]
    for tasks in (other_task, []):
        world.upload({"tasks": tasks})
        assert later.start().run() == "Deployed"
    world.calls.made.clear()
    assert later.start().run() == "NothingToDo"
    assert world.calls.writes() == ["events.PutEvents"]
    world.upload(SCHEDULE)
    assert later.start().until("RegisterRevisions").document["cleared"]["deregistered"] == 1


def test_the_snapshot_holds_our_rules_whole_and_no_others(world: World, later: Deployments) -> None:
    there = world.our_rules()
    snapshot = world.stored(later.start().until("ClearRules").document["plan"]["snapshot"])
    assert snapshot["rules"].keys() == {PREFIX + name for name in there}
    for name, rule in there.items():
        kept = snapshot["rules"][PREFIX + name]
        assert kept["targets"] == rule["Targets"]
        assert (kept["schedule_expression"], kept["state"]) == (rule["ScheduleExpression"], rule["State"])


@pytest.mark.parametrize("call", ["events.ListTagsForResource", "events.ListTargetsByRule"])
def test_a_rule_that_is_deleted_while_the_rules_are_read_is_not_there(
    call: str, world: World, later: Deployments
) -> None:
    world.calls.tag_index = {}  # so that each rule is asked for its tags
    ours = later.start().until("PlanDeployment")
    with world.calls.refusing(call, "ResourceNotFoundException", count=0):
        answer = ours.step("PlanDeployment")
    assert world.stored(answer["snapshot"])["rules"] == {}
    assert (answer["created"], answer["kept"]) == (2, 0)


@pytest.fixture
@once
def deleted(world: World, later: Deployments) -> World:
    """Somebody has deleted the revision that a task runs, DeleteTaskDefinitions and all; moto keeps what is deleted."""
    del ecs_backends[ACCOUNT][REGION].task_definitions["guestbook"][2]
    return world


def test_a_deleted_revision_is_replaced(deleted: World, deployments: Deployments) -> None:
    assert deployments.start().run() == "Deployed"
    assert deleted.target("IngestData")["EcsParameters"]["TaskDefinitionArn"] == arn(5)
    assert deleted.target("RemoveSpam")["EcsParameters"]["TaskDefinitionArn"] == arn(3)


def test_a_target_that_runs_a_deleted_revision_is_put_back_as_it_was(deleted: World, deployments: Deployments) -> None:
    before = deleted.everything()
    ours = deployments.start().until("RollService")
    ours.fail("RejectedError", "what happened")
    ours.step("RestoreDeployment")
    assert deleted.everything() == before


def test_a_revision_that_cannot_be_read_for_another_reason_is_not_taken_for_deleted(
    world: World, later: Deployments
) -> None:
    ours = later.start().until("PlanDeployment")
    with (
        world.calls.refusing("ecs.DescribeTaskDefinition", "ClientException"),
        pytest.raises(RejectedError, match="DescribeTaskDefinition: ClientException: scripted"),
    ):
        ours.step("PlanDeployment")


def test_a_file_that_changes_after_the_check_does_not_change_the_plan(world: World, deployments: Deployments) -> None:
    ours = deployments.start().until("PlanDeployment")
    world.upload(b"broken")
    assert ours.step("PlanDeployment")["created"] == 2


def test_a_dry_run_ends_with_the_plan(world: World, deployments: Deployments) -> None:
    before = world.everything()
    ours = deployments.start(dry_run=True)
    assert ours.run() == "Planned"
    assert ours.document["plan"]["created"] == 2
    assert (world.everything(), world.ledger(), world.calls.news) == (before, {}, [])
