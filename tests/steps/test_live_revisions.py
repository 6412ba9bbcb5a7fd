"""What a deployment takes from the record of the live one, and what it reads where that record does not serve."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from stage.gateway import refusals
from stage.gateway.calls import Call, Reply
from tests.guestbook import CONTENT, ENVIRONMENT, PREFIX, arn
from tests.in_process import client
from tests.steps import items
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.items import RELEASES
from tests.steps.local_stage import local_stage
from tests.steps.seed import SCHEDULE
from tests.steps.world import World

DESCRIBE = "ecs.DescribeTaskDefinition"


def pointer(name: str) -> dict[str, str]:
    return {key: value["S"] for key, value in items.read(RELEASES)[name]["M"].items()}


def delete_object(name: str) -> None:
    at = pointer(name)
    client("s3").delete_object(Bucket=ENVIRONMENT["BUCKET"], Key=at["key"], VersionId=at["version_id"])


def replace_plan(change: Callable[[dict[str, Any]], object]) -> None:
    """Let the item name a plan that another version of Rota wrote."""
    at = pointer("live_plan")
    body = client("s3").get_object(Bucket=ENVIRONMENT["BUCKET"], Key=at["key"], VersionId=at["version_id"])["Body"]
    change(plan := json.loads(body.read()))
    put = client("s3").put_object(Bucket=ENVIRONMENT["BUCKET"], Key=at["key"], Body=json.dumps(plan).encode())
    items.change(RELEASES, "SET live_plan.version_id = :version", version={"S": put["VersionId"]})


UNUSABLE = [
    pytest.param(lambda: items.delete(RELEASES), id="no item"),
    pytest.param(lambda: items.change(RELEASES, "REMOVE live_digest"), id="another item"),
    pytest.param(lambda: items.change(RELEASES, "SET live_plan = :none", none={"NULL": True}), id="no plan"),
    pytest.param(lambda: delete_object("live_plan"), id="the plan has expired"),
    pytest.param(lambda: delete_object("live_revisions"), id="the revisions have expired"),
    pytest.param(lambda: replace_plan(lambda plan: plan.pop("reused")), id="another plan"),
    pytest.param(lambda: replace_plan(lambda plan: plan.pop("algorithm")), id="a plan without a number"),
    pytest.param(lambda: replace_plan(lambda plan: plan.update(algorithm=0)), id="other fingerprints"),
]


def test_recorded_revisions_are_not_read(world: World, later: Deployments) -> None:
    world.calls.made.clear()
    assert later.start().run() == "NothingToDo"
    assert world.calls.made.count(DESCRIBE) == 1, "what the service runs"


def test_one_that_changed_is_registered_and_no_other_is_read(world: World, later: Deployments) -> None:
    world.upload({"tasks": [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"cpu": 512, "memory": 1024}]})
    world.calls.made.clear()
    assert later.start().run() == "Deployed"
    assert world.calls.made.count("ecs.RegisterTaskDefinition") == 1
    assert world.calls.made.count(DESCRIBE) == 1
    # The next one finds in the record what this one registered, and what it used again.
    world.calls.made.clear()
    assert later.start().run() == "NothingToDo"
    assert world.calls.made.count(DESCRIBE) == 1


def change_the_file(world: World, deployments: Deployments, *sizes: int) -> Deployment:
    """One deployment for each, of the file alone: the last one's task gets so much memory."""
    for memory in sizes:
        world.upload({"tasks": [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"cpu": 512, "memory": memory}]})
        deployment = deployments.start()
        assert deployment.run() == "Deployed"
    return deployment


def test_what_earlier_changes_of_the_file_registered_is_not_read(world: World, later: Deployments) -> None:
    change_the_file(world, later, 1024, 2048, 3072)
    world.calls.made.clear()
    change_the_file(world, later, 4096)
    assert world.calls.made.count(DESCRIBE) == 1
    world.calls.made.clear()
    assert later.start(NEXT).run() == "Deployed"
    assert world.calls.made.count(DESCRIBE) == 1


def test_a_base_that_came_after_such_changes_is_found(world: World, later: Deployments) -> None:
    change_the_file(world, later, 1024, 2048)
    foreign = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]
    assert change_the_file(world, later, 3072).document["config"]["base"] == foreign


@pytest.mark.exhaustive(first=3)
@pytest.mark.parametrize("spoil", UNUSABLE)
def test_without_a_record_each_revision_is_read(spoil: Callable[[], object], world: World, later: Deployments) -> None:
    spoil()
    world.calls.made.clear()
    assert later.start().run() == "NothingToDo"
    assert world.calls.made.count(DESCRIBE) == 1 + len(SCHEDULE["tasks"])
    assert world.calls.writes() == ["events.PutEvents"]


class _Hidden:
    """A hook: S3 as it answers a role that may not list what is in the bucket."""

    def before(self, call: Call) -> None:
        """Let every call pass."""

    def after(self, call: Call, reply: Reply) -> Reply | None:
        return refusals.denied(call) if reply.error == "NoSuchVersion" else None


def test_a_record_that_s3_denies_fails_no_deployment(world: World, later: Deployments) -> None:
    delete_object("live_plan")
    world.calls.made.clear()
    with local_stage().hooked(_Hidden()):
        assert later.start().run() == "NothingToDo"
    assert world.calls.made.count(DESCRIBE) == 1 + len(SCHEDULE["tasks"])


@pytest.mark.exhaustive(first=0)
def test_a_recorded_revision_that_was_deregistered_is_not_used(world: World, later: Deployments) -> None:
    gone = world.target("IngestData")["EcsParameters"]["TaskDefinitionArn"]
    client("ecs").deregister_task_definition(taskDefinition=gone)
    assert later.start().run() == "Deployed"
    assert world.target("IngestData")["EcsParameters"]["TaskDefinitionArn"] not in (gone, arn(1))


def test_a_schedule_of_an_inactive_revision_is_not_taken_over(world: World, later: Deployments) -> None:
    """A second target would be refused there; in a rule of the app it is removed, and the summary says so."""
    target = world.target("IngestData")
    client("ecs").deregister_task_definition(taskDefinition=target["EcsParameters"]["TaskDefinitionArn"])
    topic = {"Id": "notify", "Arn": "arn:aws:sns:us-east-1:123456789012:started"}
    client("events").put_targets(Rule=PREFIX + "IngestData", Targets=[topic])
    again = later.start()
    assert again.run() == "Deployed"
    summary = again.document["plan"]["summary"]
    assert f"removes other targets: notify of {PREFIX}IngestData ({topic['Arn']})" in summary
    assert "IngestData keeps" not in summary


@pytest.mark.exhaustive(first=0)
def test_a_revision_that_no_deployment_registered_is_read(world: World, later: Deployments) -> None:
    """A person has changed a rule's target to the base, by hand."""
    target = world.target("IngestData")
    target["EcsParameters"] |= {"TaskDefinitionArn": arn(1)}
    client("events").put_targets(Rule=PREFIX + "IngestData", Targets=[target])
    world.calls.made.clear()
    again = later.start()
    assert again.run() == "Deployed"
    assert again.document["plan"]["registers"] == 0
    assert world.target("IngestData")["EcsParameters"]["TaskDefinitionArn"] != arn(1)


@pytest.mark.exhaustive(first=0)
def test_what_a_restore_registers_again_is_no_change(world: World, later: Deployments) -> None:
    """The service runs the content of its former revision under a number that no record has."""
    before = world.service()["taskDefinition"]
    failing = later.start(NEXT).until("CheckService")
    client("ecs").deregister_task_definition(taskDefinition=before)
    failing.fail("RejectedError", "what happened")
    failing.restore()
    again = world.service()["taskDefinition"]
    assert again != before
    world.roll("COMPLETED")
    assert later.start().run() == "NothingToDo"
