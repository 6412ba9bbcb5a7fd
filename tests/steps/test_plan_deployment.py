"""PlanDeployment: compares, stores snapshot and plan, writes nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.errors import RejectedError
from tests.guestbook import PREFIX, arn
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployments, invoke
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


@pytest.mark.parametrize("approval", ["none", "required", "required-always"])
def test_a_machine_that_knows_no_approval(
    approval: str, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """null says that none is needed, and a machine of an older version says nothing."""
    deployment = deployments.start().until("PlanDeployment")
    monkeypatch.setenv("APPROVAL", approval)
    request = deployment.request("PlanDeployment") | {"approval": None}
    assert invoke("plan_deployment", request)["waits"] is False
    del request["approval"]
    if approval == "none":
        assert invoke("plan_deployment", request)["waits"] is False
        return
    with pytest.raises(RejectedError) as raised:
        invoke("plan_deployment", request)
    said = "Rota was updated meanwhile, and cannot read the answer of TakeTurn of the other version; start it again"
    assert str(raised.value) == said


@pytest.mark.parametrize(("given", "waits"), [("", True), ("as asked", False)])
def test_what_is_to_be_approved_is_asked_once(
    given: str, waits: bool, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deployments.start().until("PlanDeployment")
    monkeypatch.setenv("APPROVAL", "required")
    monkeypatch.setenv("APPROVAL_DAYS", "3")
    request, begin = deployment.request("PlanDeployment"), datetime.now(UTC)
    asked = invoke("plan_deployment", request | {"approval": {"given": ""}})["asks"]
    assert abs(datetime.fromisoformat(asked["until"]) - begin - timedelta(days=3)) < timedelta(minutes=1)
    answer = invoke("plan_deployment", request | {"approval": {"given": given and asked["changes"]}})
    assert (answer["waits"], answer["asks"] is not None) == (waits, waits)
    assert begin <= datetime.fromisoformat(answer["begun_at"]) <= datetime.now(UTC)
