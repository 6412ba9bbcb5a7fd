"""Several deployments at a time: one at a time changes the app, and the newest push wins."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.ecr.manifest import MEDIA_TYPE, digest, manifest
from tests.stage.account import (
    Described,
    account,
    app_container,
    history,
    images,
    infrastructure_registers,
    push_of,
    push_untagged,
    revision,
    schedules,
    service,
    states,
    writes,
)
from tests.stage.held import held, pushed_behind


def all_ended(stage: Client) -> list[dict[str, Any]]:
    """Every execution, the newest first, when all have ended."""
    return [stage.wait(execution) for execution in stage.executions()]


@pytest.mark.exhaustive(first=0)
def test_concurrent_pushes_never_mix(deployed: Client) -> None:
    deployed.push("v2")
    newest = deployed.push("v3")

    later, earlier, _ = all_ended(deployed)

    assert [earlier["status"], later["status"]] == ["SUCCEEDED", "SUCCEEDED"]
    assert states(deployed, later)[-1] == "Deployed"
    assert images(deployed) == {newest}


def test_a_newer_push_overtakes_a_rollout(deployed: Client) -> None:
    deployed.clear_calls()
    deployed.settings(rollout="hangs")
    deployed.push("v2")
    wait_for(lambda: deployed.calls("ecs", "UpdateService"), 30)
    deployed.settings(rollout="completes")
    newest = deployed.push("v3")

    later, earlier, _ = all_ended(deployed)

    assert earlier["status"] == "SUCCEEDED"
    assert states(deployed, earlier)[-3:] == ["RestoreDeployment", "HowDidItEnd", "Overtaken"]
    assert states(deployed, later).count("WaitForTurn") >= 1
    assert states(deployed, later)[-1] == "Deployed"
    assert images(deployed) == {newest}
    assert [entry["outcome"] for entry in history(deployed)] == ["deployed", "overtaken", "deployed"]
    cause = history(deployed)[1]["cause"]
    assert cause.startswith("CheckService: a newer push has arrived. All schedules are as they were before, 3 ")
    assert cause.endswith("Nothing to do, unless the newer deployment is stopped; then deploy this one again.")


@pytest.mark.exhaustive(first=0)
def test_a_build_cache_overtakes_no_rollout(stage: Client) -> None:
    kind = "application/vnd.buildkit.cacheconfig.v0"
    stage.settings(rollout_seconds=2)
    release = stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    stage.client("ecr").put_image(repositoryName="guestbook", imageManifest=manifest("v1", kind), imageTag="buildcache")

    cache, deployment = all_ended(stage)

    assert cache["stopDate"] < deployment["stopDate"]
    assert states(stage, cache)[-1] == "Ignored"
    assert cache["output"]["turn"]["reason"] == f"buildcache is {kind}, not an image"
    assert states(stage, deployment)[-1] == "Deployed"
    assert images(stage) == {release}


@pytest.mark.exhaustive(first=0)
def test_the_same_image_by_another_tag_has_nothing_to_do(stage: Client) -> None:
    with held(stage):
        pushed_behind(stage, "v1", "release-1", "v1")

    later, earlier = all_ended(stage)

    assert states(stage, earlier)[-1] == "Deployed"
    assert states(stage, later).count("WaitForTurn") >= 1
    assert states(stage, later)[-1] == "NothingToDo"
    assert len(stage.calls("ecs", "UpdateService")) == 1


@pytest.mark.exhaustive(first=0)
def test_an_aborted_execution_does_not_block_the_lease(stage: Client) -> None:
    stage.settings(rollout="hangs")
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    (stopped,) = stage.executions()
    stage.client("stepfunctions").stop_execution(executionArn=stopped)
    assert stage.wait(stopped)["status"] == "ABORTED"
    stage.settings(rollout="completes")

    ended = stage.deploy("v2")

    assert states(stage, ended)[-1] == "Deployed"
    assert images(stage) == {digest("v2")}
    assert len(schedules(stage)) == 3


@pytest.mark.exhaustive(first=0)
def test_a_late_event_changes_nothing(deployed: Client, v1: Described) -> None:
    wait_for(lambda: f"{datetime.now(UTC):%FT%TZ}" > v1["input"]["time"], 3)  # events have whole seconds
    deployed.deploy("v2")
    before = account(deployed)
    deployed.clear_calls()

    again = deployed.wait(deployed.start(v1["input"], name=f"{v1['input']['id']}_{'1f' * 16}"))

    assert again["status"] == "SUCCEEDED"
    assert states(deployed, again) == [
        "BeginDocument",
        "TakeTurn",
        "IsItThisDeploymentsTurn",
        "RestoreDeployment",
        "HowDidItEnd",
        "Overtaken",
    ]
    assert not writes(deployed)
    assert account(deployed) == before


@pytest.mark.exhaustive(first=0)
def test_a_push_in_the_second_of_a_re_run_is_newer(deployed: Client, v1: Described) -> None:
    again = deployed.wait(deployed.start(v1["input"]))
    second = f"{again['startDate'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    event = push_of(push_untagged(deployed, "v2"), "v2", id="an-event", time=second)

    ended = deployed.wait(deployed.start(event, name="an-event_" + "1f" * 16))

    assert states(deployed, ended)[-1] == "Deployed"
    assert images(deployed) == {digest("v2")}


@pytest.mark.exhaustive(first=0)
def test_a_duplicate_event_deploys_once(stage: Client) -> None:
    """EventBridge delivers at least once, and Lambda runs both in any order."""
    event = push_of(push_untagged(stage, "v1"), "v1", id="an-event", time=f"{datetime.now(UTC):%FT%TZ}")
    both = [stage.start(event, name=f"an-event_{number:032}") for number in (1, 2)]

    ends = [states(stage, stage.wait(execution))[-1] for execution in both]

    assert sorted(ends) == ["Deployed", "NothingToDo"]
    assert writes(stage) == {"RegisterTaskDefinition": 4, "PutRule": 3, "PutTargets": 3, "UpdateService": 1}
    assert images(stage) == {digest("v1")}


@pytest.mark.exhaustive(first=0)
def test_only_the_index_of_a_multi_platform_image_is_deployed(stage: Client) -> None:
    """docker buildx pushes the image of each platform without a tag, then the index that names them."""
    children = [push_untagged(stage, f"v1 for {processor}") for processor in ("amd64", "arm64")]
    kind = "application/vnd.oci.image.index.v1+json"
    parts = [{"mediaType": MEDIA_TYPE, "digest": child, "size": 1} for child in children]
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": parts})
    pushed = stage.client("ecr").put_image(
        repositoryName="guestbook", imageManifest=index, imageManifestMediaType=kind, imageTag="v1"
    )

    (execution,) = stage.executions()

    assert states(stage, stage.wait(execution))[-1] == "Deployed"
    assert images(stage) == {pushed["image"]["imageId"]["imageDigest"]}


@pytest.mark.exhaustive(first=0)
def test_a_rollout_by_another_caller_is_superseded(deployed: Client) -> None:
    """Another deployment of the service is in progress. ECS supersedes it."""
    deployed.settings(rollout_seconds=3)
    theirs = infrastructure_registers(deployed, {"environment": [{"name": "A", "value": "b"}]})
    names = deployed.names
    deployed.client("ecs").update_service(cluster=names["cluster"], service=names["service"], taskDefinition=theirs)
    deployed.settings(rollout_seconds=0.1)

    ended = deployed.deploy("v2")

    assert states(deployed, ended)[-1] == "Deployed"
    assert images(deployed) == {digest("v2")}
    container = app_container(revision(deployed, service(deployed)["taskDefinition"]))
    assert container["environment"] == [{"name": "A", "value": "b"}]
