"""What starts a deployment and what does not: pushes, the machine's input, dry runs."""

import json
import re
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.moto.clients import ACCOUNT, REGION
from tests.stage.account import account, history, push_of, push_untagged, schedules, states, writes


def put_image(stage: Client, repository: str, tag: str | None) -> None:
    given = {"imageTag": tag} if tag else {}
    stage.client("ecr").put_image(
        repositoryName=repository, imageManifest=manifest("v1"), imageManifestMediaType=MEDIA_TYPE, **given
    )


@pytest.mark.parametrize(
    ("repository", "tag", "starts"),
    [
        pytest.param("guestbook", "v1", 1, id="a tagged push"),
        pytest.param("guestbook", None, 0, id="without a tag"),
        pytest.param("guestbook-tools", "v1", 0, id="another repository"),
    ],
)
def test_the_templates_pattern_is_applied(stage: Client, repository: str, tag: str | None, starts: int) -> None:
    stage.client("ecr").create_repository(repositoryName="guestbook-tools")
    put_image(stage, repository, tag)
    assert len(stage.executions()) == starts


@pytest.mark.parametrize(
    ("tag", "starts"),
    [("release-7", 1), ("release-", 1), ("v7", 0), ("pre-release-7", 0), ("RELEASE-7", 0), (None, 0)],
)
def test_a_tag_outside_image_tag_pattern_starts_no_deployment(stage: Client, tag: str | None, starts: int) -> None:
    events = stage.client("events")
    (rule,) = [each for each in events.list_rules()["Rules"] if "ECR Image Action" in each.get("EventPattern", "")]
    pattern = json.loads(rule["EventPattern"])
    # What CloudFormation makes of another ImageTagPattern.
    assert pattern["detail"]["image-tag"] == [{"anything-but": ""}]
    pattern["detail"]["image-tag"] = [{"wildcard": "release-*"}]
    events.put_rule(Name=rule["Name"], EventPattern=json.dumps(pattern))
    try:
        put_image(stage, "guestbook", tag)
        assert len(stage.executions()) == starts
    finally:
        events.put_rule(Name=rule["Name"], EventPattern=rule["EventPattern"])


REPLICATION: dict[str, Any] = {
    "id": "1",
    "detail-type": "ECR Replication Action",
    "source": "aws.ecr",
    "account": ACCOUNT,
    "time": "2026-11-29T00:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/guestbook"],
    "detail": {"result": "SUCCESS", "repository-name": "guestbook", "action-type": "REPLICATE", "image-tag": "v1"},
}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("wanted", ["true", "false"])
def test_a_replicated_image_is_deployed_only_if_that_is_wanted(stage: Client, wanted: str) -> None:
    cloudformation, events = stage.client("cloudformation"), stage.client("events")
    (stack,) = cloudformation.describe_stacks()["Stacks"]
    cloudformation.create_stack(
        StackName="another",
        TemplateBody=json.dumps(cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]),
        Parameters=[
            each | ({"ParameterValue": wanted} if each["ParameterKey"] == "DeployReplicated" else {})
            for each in stack["Parameters"]
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    try:
        (rule,) = events.list_rules(NamePrefix="another-DeployStateMachinePush")["Rules"]
        asked = events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(REPLICATION))
        assert asked["Result"] is (wanted == "true")
    finally:
        cloudformation.delete_stack(StackName="another")  # no reset does


@pytest.mark.exhaustive(first=0)
def test_a_replicated_image_is_deployed_only_if_it_is_newer(stage: Client) -> None:
    """As EventBridge starts it, with the rights of the template's role."""
    old = push_untagged(stage, "v0")
    stage.advance(60)  # ECR's times are whole seconds
    live = stage.deploy("v1")["input"]["detail"]["image-digest"]
    stage.advance(60)
    new = push_untagged(stage, "v2")
    ended = {}
    for number, digest in enumerate((old, live, new)):
        event = REPLICATION | {"id": f"event-{number}", "time": stage.clock()}
        event["detail"] = REPLICATION["detail"] | {"image-digest": digest}
        ended[digest] = states(stage, stage.wait(stage.start(event, name=f"event-{number}_{number:032}")))[-1]
    assert ended == {old: "Ignored", live: "NothingToDo", new: "Deployed"}


def test_a_dry_run_returns_the_plan_and_writes_nothing(stage: Client) -> None:
    digest = push_untagged(stage, "v1")
    before = account(stage)
    ended = stage.wait(stage.start(push_of(digest, dry_run=True)))
    assert ended["status"] == "SUCCEEDED"
    assert states(stage, ended)[-1] == "Planned"
    plan = ended["output"]["plan"]
    assert (plan["created"], plan["registers"], plan["rolls_service"]) == (3, 4, True)
    assert plan["summary"] == "schedules: 3 new; 4 revisions to register; the service rolls"
    assert not writes(stage)
    assert account(stage) == before
    assert history(stage) == []


@pytest.mark.exhaustive(first=0)
def test_a_dry_run_does_not_wait_for_the_lease(stage: Client) -> None:
    stage.settings(rollout="hangs")
    stage.push("v1")
    digest = push_untagged(stage, "v2")
    ended = stage.wait(stage.start(push_of(digest, dry_run=True)))
    assert states(stage, ended)[-1] == "Planned"
    (*_, deployment) = stage.executions()
    assert stage.client("stepfunctions").describe_execution(executionArn=deployment)["status"] == "RUNNING"


@pytest.mark.exhaustive(first=0)
def test_a_minimal_event_starts_a_deployment(stage: Client) -> None:
    ended = stage.wait(stage.start(push_of(push_untagged(stage, "v1"))))
    assert states(stage, ended)[-1] == "Deployed"
    assert len(schedules(stage)) == 3


DIGEST = "sha256:" + "0" * 64


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param([], ["it is [], it must be an object with detail in it"], id="a list"),
        pytest.param(
            {"detail": {}}, ["detail.repository-name is missing", "detail.image-digest is missing"], id="empty"
        ),
        pytest.param("v1", ['it is "v1", it must be an object'], id="text"),
        pytest.param(None, ["it is null, it must be an object"], id="null"),
        pytest.param(7, ["it is 7, it must be an object"], id="a number"),
        pytest.param({}, ["detail is missing"], id="nothing"),
        pytest.param({"detail": "v1"}, ["detail is missing"], id="detail is text"),
        pytest.param(push_of("latest"), ['detail.image-digest is "latest"'], id="a tag for a digest"),
        pytest.param(
            {"detail": {"repository-name": "other", "image-digest": DIGEST}},
            ['detail.repository-name is "other", this app deploys from "guestbook"'],
            id="another repository",
        ),
        pytest.param(push_of(DIGEST, dry_run="yes"), ['dry_run is "yes", it must be true or false'], id="dry run"),
        pytest.param(push_of(DIGEST, time="noon"), ['time is "noon"'], id="a time"),
    ],
)
def test_an_invalid_event_is_refused_with_all_problems(stage: Client, given: Any, says: list[str]) -> None:
    before = account(stage)
    ended = stage.wait(stage.start(given))
    assert (ended["status"], ended["error"]) == ("FAILED", "RejectedError")
    assert ended["cause"].startswith("TakeTurn: the input is not an ECR push that can be deployed: ")
    assert [each for each in says if each not in ended["cause"]] == []
    assert re.search(r"Nothing had to be restored\. For the operator: fix this, then .+ again\.$", ended["cause"])
    assert not writes(stage)
    assert account(stage) == before
