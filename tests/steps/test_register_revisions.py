"""RegisterRevisions: one revision per task and one for the API, each registered once."""

import pytest

from rota.errors import RejectedError
from tests.guestbook import APP_CONTAINER, IMAGE_URI, SIDECAR, arn
from tests.steps.calls import KilledError
from tests.steps.deployments import Deployment, Deployments
from tests.steps.moment import once
from tests.steps.world import World, client


@pytest.fixture
@once
def registering(world: World, deployments: Deployments) -> Deployment:
    """A first deployment of two tasks that is about to register."""
    return deployments.start().until("RegisterRevisions")


def registered(world: World, deployment: Deployment) -> dict[str, str]:
    """The ARNs that the next steps are given, by task and for the API."""
    found = world.stored(deployment.document["revisions"]["document"])
    return {**found["tasks"], "API": found["api"]}


def test_every_task_and_the_api_have_a_revision_of_the_pushed_digest(world: World, registering: Deployment) -> None:
    registering.until("CreateTargets")
    assert registered(world, registering) == {"IngestData": arn(2), "RemoveSpam": arn(3), "API": arn(4)}
    commands = [["./bin/start", "data_ingestion_task"], ["./bin/start", "spam_task"], ["./bin/start"]]
    for revision, command in zip((2, 3, 4), commands, strict=True):
        app = world.containers(revision)["app"]
        assert (app["image"], app["command"]) == (IMAGE_URI, command)


def test_all_else_of_the_base_survives(world: World, registering: Deployment) -> None:
    registering.until("CreateTargets")
    for revision in (2, 3, 4):
        containers = world.containers(revision)
        assert containers["metrics"] == world.containers(1)["metrics"]
        assert containers["metrics"]["image"] == SIDECAR["image"]
        assert containers["app"] == world.containers(1)["app"] | {
            "image": IMAGE_URI,
            "command": containers["app"]["command"],
        }
        assert containers["app"]["secrets"] == APP_CONTAINER["secrets"]


def test_revisions_carry_the_bases_tags_and_ours(world: World, registering: Deployment) -> None:
    registering.until("CreateTargets")
    reply = client("ecs").describe_task_definition(taskDefinition=arn(2), include=["TAGS"])
    tags = {tag["key"]: tag["value"] for tag in reply["tags"]}
    assert len(tags.pop("rota:fingerprint")) == 64
    assert tags == {
        "team": "books",
        "rota:app": "production/guestbook-api",
        "rota:execution": "deployment-1",
        "rota:task": "IngestData",
    }


def test_registered_twice_they_are_the_same(world: World, registering: Deployment) -> None:
    registering.until("CreateTargets")
    first = registered(world, registering)
    registering.step("RegisterRevisions")
    assert registered(world, registering) == first
    assert world.active_revisions() == [1, 2, 3, 4]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_killed_in_the_middle_no_revision_is_registered_twice(
    skip: int, after: bool, world: World, registering: Deployment
) -> None:
    with (
        world.calls.killing("ecs.RegisterTaskDefinition", skip=skip, after=after),
        pytest.raises(KilledError),
    ):
        registering.until("CreateTargets")
    registering.until("CreateTargets")
    assert sorted(registered(world, registering).values()) == [arn(2), arn(3), arn(4)]
    assert world.active_revisions() == [1, 2, 3, 4]


def test_two_tasks_that_run_alike_share_a_revision(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [{"name": name, "task": "spam_task", "rate": "1 day"} for name in ("First", "Second")]})
    ours = deployments.start().until("CreateTargets")
    assert registered(world, ours) == {"First": arn(2), "Second": arn(2), "API": arn(3)}


def test_what_is_in_use_and_still_right_is_used_again(world: World, later: Deployments) -> None:
    world.upload({"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "rate": "1 hour"}]})
    ours = later.start().until("CreateTargets")
    assert registered(world, ours) == {"IngestData": arn(2), "API": arn(4)}
    assert world.active_revisions() == [1, 2, 3, 4]


@pytest.mark.parametrize("gone", ["IngestData", "API"])
def test_what_was_to_be_used_again_and_is_deregistered_meanwhile_is_registered_anew(
    gone: str, world: World, later: Deployments
) -> None:
    world.upload({"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "rate": "1 hour"}]})
    ours = later.start().until("RegisterRevisions")
    before = {"IngestData": arn(2), "API": arn(4)}
    client("ecs").deregister_task_definition(taskDefinition=before[gone])
    assert ours.run() == "Deployed"
    assert registered(world, ours) == before | {gone: arn(5)}
    assert (world.target("IngestData")["EcsParameters"]["TaskDefinitionArn"], world.service()["taskDefinition"]) == (
        *registered(world, ours).values(),
    )


def test_what_ecs_refuses_is_told_in_its_words(world: World, registering: Deployment) -> None:
    with (
        world.calls.refusing("ecs.RegisterTaskDefinition", "ClientException"),
        pytest.raises(RejectedError, match="RegisterTaskDefinition: ClientException: scripted"),
    ):
        registering.until("CreateTargets")
