"""RegisterRevisions: one revision per task and one for the API, each registered once."""

import itertools

import pytest

from rota.errors import RejectedError
from stage.gateway.calls import Call, Reply
from tests.guestbook import APP_CONTAINER, CONTENT, IMAGE_URI, SIDECAR, arn
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.local_stage import local_stage
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World


@pytest.fixture
@once
def registering(world: World, deployments: Deployments) -> Deployment:
    """A first deployment of two tasks that is about to register."""
    return deployments.start().until("RegisterRevisions")


def registered(world: World, deployment: Deployment) -> dict[str, str]:
    """The ARNs that the next steps receive, by the task of each."""
    found = world.stored(deployment.document["revisions"]["document"])["revisions"]
    plan = world.stored(deployment.document["plan"]["document"])
    return {each["task"]["name"] if each["task"] else "API": found[each["fingerprint"]] for each in plan["registers"]}


def test_tasks_and_api_get_a_revision_of_the_pushed_digest(world: World, registering: Deployment) -> None:
    registering.until("CreateTargets")
    assert registered(world, registering) == {"IngestData": arn(2), "RemoveSpam": arn(3), "API": arn(4)}
    commands = [["./bin/start", "data_ingestion_task"], ["./bin/start", "spam_task"], ["./bin/start"]]
    for revision, command in zip((2, 3, 4), commands, strict=True):
        app = world.containers(revision)["app"]
        assert (app["image"], app["command"]) == (IMAGE_URI, command)


def test_the_rest_of_the_base_is_kept(world: World, registering: Deployment) -> None:
    registering.until("CreateTargets")
    for revision, ports in ((2, []), (3, []), (4, APP_CONTAINER["portMappings"])):
        containers = world.containers(revision)
        assert containers["metrics"] == world.containers(1)["metrics"]
        assert containers["metrics"]["image"] == SIDECAR["image"]
        assert containers["app"] == world.containers(1)["app"] | {
            "image": IMAGE_URI,
            "command": containers["app"]["command"],
            "portMappings": ports,
        }
        assert containers["app"]["secrets"] == APP_CONTAINER["secrets"]


def test_revisions_carry_the_tags_of_the_base_and_of_rota(world: World, registering: Deployment) -> None:
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


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_killed_in_the_middle_none_is_registered_twice(
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


def test_after_thirteen_minutes_the_rest_is_for_the_next_round(
    world: World, registering: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(step=400)
    with monkeypatch.context() as slow:
        slow.setattr("time.monotonic", lambda: float(next(clock)))
        answer = registering.step("RegisterRevisions")
    assert (answer["finished"], answer["document"]) == (False, None)
    assert 0 < answer["registered"] == len(world.active_revisions()) - 1
    assert answer["registered"] + answer["remaining"] == 3
    registering.until("CreateTargets")
    assert world.active_revisions() == [1, 2, 3, 4]


def test_two_tasks_that_run_alike_share_a_revision(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [{"name": name, "task": "spam_task", "rate": "1 day"} for name in ("First", "Second")]})
    deployment = deployments.start().until("CreateTargets")
    assert registered(world, deployment) == {"First": arn(2), "API": arn(3)}
    deployment.step("CreateTargets")
    assert [world.target(name)["EcsParameters"]["TaskDefinitionArn"] for name in ("First", "Second")] == [arn(2)] * 2


def test_with_other_parameters_than_planned_nothing_is_registered(
    world: World, registering: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("START_COMMAND", "./bin/begin")
    with pytest.raises(RejectedError, match="the stack's parameters changed since the deployment was planned"):
        registering.step("RegisterRevisions")
    assert world.active_revisions() == [1]


def test_what_infrastructure_code_registers_meanwhile_is_noted(world: World, registering: Deployment) -> None:
    """The API's own revision has a higher number, so the next deployment would not see it."""
    foreign = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]
    registering.until("CreateTargets")
    api = registered(world, registering)["API"]
    tags = client("ecs").describe_task_definition(taskDefinition=api, include=["TAGS"])["tags"]
    assert {each["key"]: each["value"] for each in tags}["rota:newer-base"] == foreign


class Between:
    """A hook that registers a foreign revision as soon as the first of the deployment's is registered."""

    foreign = ""

    def before(self, call: Call) -> Reply | None:
        """Let every call through."""

    def after(self, call: Call, reply: Reply) -> None:
        if call.caller and call.operation == "RegisterTaskDefinition" and not self.foreign:
            self.foreign = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]


@pytest.mark.parametrize("tasks", [1, 2])
def test_what_comes_between_a_tasks_and_the_apis_is_noted(world: World, deployments: Deployments, tasks: int) -> None:
    world.upload({"tasks": SCHEDULE["tasks"][:tasks]})
    registering = deployments.start().until("RegisterRevisions")
    with local_stage().hooked(between := Between()):
        registering.until("CreateTargets")
    api = registered(world, registering)["API"]
    tags = client("ecs").describe_task_definition(taskDefinition=api, include=["TAGS"])["tags"]
    assert {each["key"]: each["value"] for each in tags}["rota:newer-base"] == between.foreign


def test_of_several_the_newest_is_noted_and_its_own_are_not_read(world: World, registering: Deployment) -> None:
    for _ in range(9):
        foreign = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]
    world.calls.made.clear()
    registering.until("CreateTargets")
    api = registered(world, registering)["API"]
    tags = client("ecs").describe_task_definition(taskDefinition=api, include=["TAGS"])["tags"]
    assert {each["key"]: each["value"] for each in tags}["rota:newer-base"] == foreign == arn(10)
    assert world.calls.made.count("ecs.DescribeTaskDefinition") == 9 + 1, "each foreign one, then the newest again"


@pytest.mark.parametrize("is_copy", [True, False], ids=["a changed copy", "another app's"])
def test_of_revisions_with_an_owner_a_changed_copy_is_noted(is_copy: bool, world: World, later: Deployments) -> None:
    """As a person makes one of what the service runs in the console, which takes its tags along."""
    deployment = later.start(NEXT).until("RegisterRevisions")
    served = client("ecs").describe_task_definition(taskDefinition=arn(4), include=["TAGS"])
    tags = served["tags"] if is_copy else [{"key": "rota:app", "value": "production/another"}]
    made = client("ecs").register_task_definition(**CONTENT | {"cpu": "512", "memory": "1024"}, tags=tags)
    deployment.until("CreateTargets")
    api = registered(world, deployment)["API"]
    noted = client("ecs").describe_task_definition(taskDefinition=api, include=["TAGS"])["tags"]
    found = {each["key"]: each["value"] for each in noted}.get("rota:newer-base")
    assert found == (made["taskDefinition"]["taskDefinitionArn"] if is_copy else None)


def test_an_error_of_ecs_is_reported_in_its_words(world: World, registering: Deployment) -> None:
    with (
        world.calls.refusing("ecs.RegisterTaskDefinition", "ClientException"),
        pytest.raises(RejectedError, match="RegisterTaskDefinition: ClientException: scripted"),
    ):
        registering.until("CreateTargets")


OTHER_TASK = {"tasks": [SCHEDULE["tasks"][0], SCHEDULE["tasks"][1] | {"task": "another_task"}]}


def test_a_matching_revision_in_use_is_used_again(world: World, later: Deployments) -> None:
    world.upload(OTHER_TASK)
    deployment = later.start().until("CreateTargets")
    assert registered(world, deployment) == {"RemoveSpam": arn(5)}
    assert world.active_revisions() == [1, 2, 3, 4, 5]
    assert deployment.run() == "Deployed"
    assert world.service()["taskDefinition"] == arn(4)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("gone", [2, 4], ids=["of a task", "of the API"])
def test_a_reused_revision_that_was_deregistered_meanwhile(gone: int, world: World, later: Deployments) -> None:
    world.upload(OTHER_TASK)
    deployment = later.start().until("RegisterRevisions")
    client("ecs").deregister_task_definition(taskDefinition=arn(gone))
    before = world.everything()
    assert deployment.run() == "DeploymentFailed"
    assert (
        f"guestbook:{gone} was deregistered since the deployment was planned"
        in deployment.document["restored"]["cause"]
    )
    assert world.everything() == before
    assert later.start().run() == "Deployed"
