"""Forty task definitions that between them use every member that Fargate takes: a deployment loses nothing of them."""

from typing import Any

import pytest

from rota.ecs import jobs
from rota.ecs.derive import derive_content
from rota.ecs.fingerprint import contains, fingerprint_of
from rota.ecs.task_definitions import (
    Revision,
    deregister_revision,
    inherited_tags,
    read_revision,
    register_revision,
    replacement_tags,
    revision_tags,
)
from rota.plan import checks
from tests.guestbook import APP, AS_THE_BASE, DIGEST, IMAGE_URI, REPOSITORY_URI, task
from tests.in_process import client
from tests.steps.deployments import NEXT, Deployments
from tests.steps.world import World
from tests.task_definitions import COUNT, MODEL, definition, paths, used

SETTINGS = AS_THE_BASE.model_copy(update={"container": "app"})
NEXT_URI = IMAGE_URI.replace("1f", "2e")
JOB = task()
# What a job's own container has otherwise than the API's, or not at all.
OF_A_JOB = {"command", "essential", "portMappings", "healthCheck", "restartPolicy"}


def deploy(base: Revision, image_uri: str, job: bool) -> Revision:
    """The revision that a deployment registers for the API, or for a job."""
    of = JOB if job else None
    content = derive_content(base, SETTINGS, image_uri, of)
    tags = revision_tags(base, APP, "earlier", fingerprint_of(content, inherited_tags(base)), of)
    registered = read_revision(client("ecs"), register_revision(client("ecs"), content, tags))
    assert contains(registered.content, content)
    return registered


def parts(revision: Revision) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What ECS has of it that RegisterTaskDefinition takes: all but the containers, and these by name."""
    described = client("ecs").describe_task_definition(taskDefinition=revision.arn)["taskDefinition"]
    whole = {member: value for member, value in described.items() if member in MODEL.members}
    return whole, {each["name"]: each for each in whole.pop("containerDefinitions")}


def test_every_member_that_fargate_takes_is_used() -> None:
    assert {path for number in range(COUNT) for path in used(definition(number))} == {*paths()}


@pytest.mark.exhaustive(first=4)
@pytest.mark.parametrize("number", range(COUNT))
def test_nothing_of_a_definition_is_lost(number: int, world: World) -> None:
    ecs = client("ecs")
    base = read_revision(ecs, ecs.register_task_definition(**definition(number))["taskDefinition"]["taskDefinitionArn"])
    for problems in (
        checks.problems_of_deriving_revisions(base, SETTINGS),
        checks.problems_of_starting_tasks(base, SETTINGS, [JOB]),
        checks.problems_of_entry_point(base, SETTINGS, [JOB]),
        checks.problems_of_lengths(base, SETTINGS, IMAGE_URI, [JOB]),
    ):
        assert [*problems] == []
    rest, had = parts(base)

    # a deployment
    api, job = deploy(base, IMAGE_URI, job=False), deploy(base, IMAGE_URI, job=True)
    images = {
        name: IMAGE_URI if each["image"].startswith(REPOSITORY_URI) else each["image"] for name, each in had.items()
    }
    assert parts(api) == (rest, {name: each | {"image": images[name]} for name, each in had.items()})
    of_job, has = parts(job)
    assert of_job == rest
    assert has.keys() | jobs.left_out(base.content, SETTINGS).keys() == had.keys()
    for name, each in has.items():
        theirs = OF_A_JOB if name == "app" else set()
        assert {m: v for m, v in each.items() if m not in theirs} == {
            m: v for m, v in (had[name] | {"image": images[name]}).items() if m not in theirs
        }
    assert {key: value for key, value in api.tags.items() if not key.startswith("rota:")} == base.tags

    # a redeployment derives both again from what the service runs now, and finds them
    for of, registered in ((None, api), (JOB, job)):
        again = derive_content(api, SETTINGS, IMAGE_URI, of)
        assert fingerprint_of(again, inherited_tags(api)) == registered.fingerprint
        assert contains(registered.content, again)

    # the next image, and a restore whose former revision is gone
    newer = deploy(api, NEXT_URI, job=False)
    assert newer.fingerprint != api.fingerprint
    deregister_revision(ecs, api.arn)
    tags = replacement_tags(api, APP, "later", str(api.fingerprint))
    restored = read_revision(ecs, register_revision(ecs, api.content, tags))
    assert parts(restored) == parts(api)
    assert DIGEST in str(restored.content)


@pytest.mark.exhaustive(first=0)
def test_every_member_at_once_goes_through_the_machine(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_COMMAND", "API_PORT"):
        monkeypatch.setenv(name, "base")
    ecs = client("ecs")
    base = ecs.register_task_definition(**definition(-1))["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster="production", service="guestbook-api", taskDefinition=base)
    world.roll("COMPLETED")
    assert [deployments.start().run() for _ in range(2)] == ["Deployed", "NothingToDo"]
    deployed = read_revision(ecs, world.service()["taskDefinition"])
    (whole, containers), (expected, had) = parts(deployed), parts(read_revision(ecs, base))
    assert whole == expected
    assert {name: each | {"image": ""} for name, each in containers.items()} == {
        name: each | {"image": ""} for name, each in had.items()
    }

    failing = deployments.start(NEXT).until("CheckService")
    deregister_revision(ecs, deployed.arn)
    world.roll("FAILED", reason="tasks failed to start")
    assert failing.run() == "DeploymentFailed"
    restored = read_revision(ecs, world.service()["taskDefinition"])
    assert restored.arn != deployed.arn
    assert parts(restored) == parts(deployed)
