"""PlanDeployment: compares, stores snapshot and plan, writes nothing else."""

import pytest

from tests.guestbook import PREFIX, arn
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployments
from tests.steps.world import World

MOVED = {
    "tasks": [
        {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 7 * * ? *"},
        {"name": "CountTeaspoons", "task": "teaspoon_task", "rate": "1 day"},
    ]
}


def test_the_first_plan(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("PlanDeployment")
    answer = deployment.step("PlanDeployment")
    assert answer["summary"] == "schedules: 2 new; 3 revisions to register; the service rolls"
    snapshot = world.stored(answer["snapshot"])
    assert (snapshot["rules"], snapshot["service"]["task_definition"]) == ({}, arn(1))
    assert world.calls.writes() == []


def test_planned_twice_the_plan_is_the_same(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("PlanDeployment")
    plans = [world.stored(deployment.step("PlanDeployment")["document"]) for _ in range(2)]
    assert plans[0] == plans[1]


def test_killed_between_snapshot_and_plan_it_is_deployed(world: World, later: Deployments) -> None:
    world.upload(MOVED)
    deployment = later.start().until("PlanDeployment")
    before = world.everything()
    with world.calls.killing("s3.PutObject", skip=1), pytest.raises(KilledError):
        deployment.step("PlanDeployment")
    assert world.everything() == before
    assert deployment.run() == "Deployed"
    assert world.owned_rules().keys() == {"IngestData", "CountTeaspoons"}


def test_the_plan_of_a_changed_file(world: World, later: Deployments) -> None:
    world.upload(MOVED)
    answer = later.start().until("ClearRules").document["plan"]
    assert (
        answer["summary"] == "schedules: 1 new, 1 changed, 1 removed; 1 revision to register; the service is unchanged"
    )
    changes = {each["name"]: each["kind"] for each in world.stored(answer["document"])["changes"]}
    assert changes == {
        PREFIX + "IngestData": "update",
        PREFIX + "CountTeaspoons": "create",
        PREFIX + "RemoveSpam": "remove",
    }


def test_the_snapshot_holds_the_apps_rules_whole(world: World, later: Deployments) -> None:
    present = world.owned_rules()
    snapshot = world.stored(later.start().until("ClearRules").document["plan"]["snapshot"])
    assert snapshot["rules"].keys() == {PREFIX + name for name in present}
    for name, rule in present.items():
        kept = snapshot["rules"][PREFIX + name]
        assert kept["targets"] == rule["Targets"]
        assert (kept["schedule_expression"], kept["state"]) == (rule["ScheduleExpression"], rule["State"])


def test_plan_and_snapshot_name_the_backend_of_each_schedule(world: World, later: Deployments) -> None:
    """So that a restore goes by them, whatever the parameters say by then."""
    world.upload(MOVED)
    answer = later.start().until("ClearRules").document["plan"]
    stored = [*world.stored(answer["document"])["changes"], *world.stored(answer["snapshot"])["rules"].values()]
    assert [each["backend"] for each in stored] == ["rules"] * 5


def test_a_file_that_changes_after_the_check_changes_nothing(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("PlanDeployment")
    world.upload(b"broken")
    assert deployment.step("PlanDeployment")["created"] == 2


def test_a_dry_run_ends_with_the_plan(world: World, deployments: Deployments) -> None:
    before = world.everything()
    deployment = deployments.start(dry_run=True)
    assert deployment.run() == "Planned"
    assert deployment.document["plan"]["created"] == 2
    assert (world.everything(), world.ledger(), world.calls.notifications) == (before, {}, [])


def test_it_calls_nothing_but_the_bucket(world: World, later: Deployments) -> None:
    world.upload(MOVED)
    deployment = later.start().until("PlanDeployment")
    world.calls.made.clear()
    deployment.step("PlanDeployment")
    assert world.calls.made == ["s3.GetObject", "s3.PutObject", "s3.PutObject"]


def test_a_deployment_of_an_earlier_version_changes_nothing(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("PlanDeployment")
    del deployment.document["config"]["state"]
    before = world.everything()
    assert deployment.run() == "DeploymentFailed"
    assert (
        "Rota was updated meanwhile, and cannot read the answer of ReadConfig of the other version; start it again"
        in deployment.document["restored"]["cause"]
    )
    assert world.everything() == before
