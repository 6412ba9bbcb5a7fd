"""The base after revisions that are not Rota's, also copies that a person edits in the console: they keep its tags."""

import random
from typing import Literal

import pytest

from rota.ecs import task_definitions
from tests.guestbook import CONTENT
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import number
from tests.steps.deployments import NEXT, THIRD, Deployment, Deployments
from tests.steps.items import RELEASES
from tests.steps.seed import SCHEDULE
from tests.steps.world import World

IMAGES = {"sha256:" + f"{number:02x}" * 32: f"tag{number}" for number in range(0x40, 0x44)}
FAILS_AT = ("RegisterRevisions", "CreateTargets", "RollService", "CheckService")


def register(memory: int = 1024, *, copied: str | None = None) -> str:
    """Register a revision as a person or infrastructure code does: an edited copy, or without Rota's tags."""
    found = task_definitions.read_revision(client("ecs"), copied) if copied else None
    content = {**(found.content if found else CONTENT), "cpu": "512", "memory": str(memory)}
    tags = [{"key": key, "value": value} for key, value in found.tags.items()] if found else []
    made: str = client("ecs").register_task_definition(**content, tags=tags)["taskDefinition"]["taskDefinitionArn"]
    return made


def base_of(deployment: Deployment) -> str:
    base: str = deployment.until("PlanDeployment").document["config"]["base"]
    return base


def runs(world: World) -> str:
    revision: str = world.service()["taskDefinition"]
    return revision


def fail(deployment: Deployment, world: World) -> None:
    deployment.fail("RejectedError", "what happened")
    deployment.restore()
    world.roll("COMPLETED")


def roll_by_hand(world: World, revision: str, state: Literal["IN_PROGRESS", "COMPLETED"] = "COMPLETED") -> None:
    client("ecs").update_service(cluster="production", service="guestbook-api", taskDefinition=revision)
    world.roll(state, revision=revision)


@pytest.mark.parametrize("base", ["what the service runs", "a foreign one"])
def test_one_of_what_the_service_runs_made_meanwhile_is_the_next_base(
    base: str, world: World, later: Deployments
) -> None:
    if base == "a foreign one":
        register(2048)
    push = later.start(NEXT).until("RegisterRevisions")
    copy = register(copied=runs(world))
    assert push.run() == "Deployed"
    assert base_of(later.start(THIRD)) == copy


def test_one_of_an_older_release_is_not_deployed(world: World, later: Deployments) -> None:
    """Its image is pushed again: no record names its revisions any more, so they are registered anew."""
    older = runs(world)
    assert later.start(NEXT).run() == "Deployed"
    push = later.start().until("RegisterRevisions")
    copy = register(copied=older)
    assert push.run() == "Deployed"
    assert runs(world) not in (older, copy)


def test_a_restore_brings_none_back_and_the_next_base_is_one(world: World, later: Deployments) -> None:
    """What the service ran is deregistered meanwhile, so its content is registered again."""
    before = runs(world)
    failing = later.start(NEXT).until("CheckService")
    copy = register(copied=before)
    client("ecs").deregister_task_definition(taskDefinition=before)
    fail(failing, world)
    assert runs(world) not in (before, copy)
    assert base_of(later.start(THIRD)) == copy


def test_a_hotfix_copied_from_the_deployments_own_is_left_alone(world: World, later: Deployments) -> None:
    push = later.start(NEXT).until("CheckService")
    hotfix = register(copied=runs(world))
    roll_by_hand(world, hotfix, "IN_PROGRESS")
    push.document["rollout"]["waited_seconds"] = 60
    assert push.run() == "DeploymentFailed"
    assert runs(world) == hotfix
    assert "someone has rolled the service" in push.document["restored"]["cause"]


def test_one_of_the_deployments_own_stays_active(world: World, later: Deployments) -> None:
    push = later.start(NEXT).until("CheckService")
    own = runs(world)
    copy = register(copied=own)
    fail(push, world)
    assert number(copy) in world.active_revisions()
    assert number(own) not in world.active_revisions()


def test_a_revision_that_replaces_another_counts_as_old_as_the_first(world: World, later: Deployments) -> None:
    for image in (NEXT, THIRD):
        before = runs(world)
        deployment = later.start(image).until("CheckService")
        if image == NEXT:
            foreign = register(2048)
        client("ecs").deregister_task_definition(taskDefinition=before)
        fail(deployment, world)
    assert base_of(later.start(NEXT)) == foreign


def test_what_a_person_rolled_the_service_to_is_the_base(world: World, later: Deployments) -> None:
    """A copy of what replaces another, which is above that one, too."""
    before = runs(world)
    failing = later.start(NEXT).until("CheckService")
    client("ecs").deregister_task_definition(taskDefinition=before)
    fail(failing, world)
    copy = register(copied=runs(world))
    roll_by_hand(world, copy)
    assert base_of(later.start(THIRD)) == copy


@pytest.mark.parametrize("rolled", [True, False])
def test_a_copy_of_what_names_another_base_is_the_base(rolled: bool, world: World, later: Deployments) -> None:
    push = later.start(NEXT).until("RegisterRevisions")
    register(2048)
    assert push.run() == "Deployed"
    copy = register(copied=runs(world))
    if rolled:
        roll_by_hand(world, copy)
    assert base_of(later.start(THIRD)) == copy


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("seed", range(12))
def test_what_was_registered_last_is_the_next_base(seed: int, world: World, in_real_time: Deployments) -> None:
    """Whatever is deployed, fails, or is deregistered meanwhile; without any, it is what the service runs."""
    chance, last = random.Random(seed), ""  # noqa: S311 - no secret
    for digest, tag in IMAGES.items():
        world.push(digest, tag)
    for size in range(1, 9):
        digest = items.read(RELEASES)["live_digest"]["S"]
        match chance.choice(["file", "file", "image", "registered", "gone"]):
            case "registered":
                last = register(1024 * size % 4096 or 4096, copied=chance.choice([None, runs(world)]))
                continue
            case "gone":
                ecs = client("ecs")
                others = [
                    each for each in task_definitions.list_active(ecs, "guestbook") if each not in (last, runs(world))
                ]
                for each in others[:1]:
                    ecs.deregister_task_definition(taskDefinition=each)
                continue
            case "image":
                digest = chance.choice([*IMAGES])
            case "file":
                world.upload({"tasks": [{**SCHEDULE["tasks"][0], "cpu": 512, "memory": 1024 * (1 + size % 4)}]})
        detail = {"repository-name": "guestbook", "image-digest": digest}
        deployment = in_real_time.ask(kind="image", by="ann", detail=detail, now=True)
        before = runs(world)
        assert base_of(deployment) == (last or before)
        if chance.random() < 1 / 3:
            deployment.until(chance.choice(FAILS_AT))
            if deployment.at in FAILS_AT:
                fail(deployment, world)
                continue
        deployment.run()
        last = "" if runs(world) != before else last
