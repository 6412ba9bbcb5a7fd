"""Pushes to ECR, from the image to the execution that it starts, over HTTP."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.ecr.images import push_event
from stage.ecr.manifest import MEDIA_TYPE, digest, manifest
from stage.moto.clients import ACCOUNT, REGION
from tests.stage.small_stage import SmallStage, aws


@pytest.fixture
def machine(small: SmallStage) -> str:
    """The ARN of a state machine that returns its input."""
    definition = {"StartAt": "Same", "States": {"Same": {"Type": "Pass", "End": True}}}
    return str(
        aws("stepfunctions").create_state_machine(
            name=small.name, definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
        )["stateMachineArn"]
    )


def executions(machine: str) -> list[dict[str, Any]]:
    found = aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [aws("stepfunctions").describe_execution(executionArn=each["executionArn"]) for each in found]


def pushes(small: SmallStage) -> dict[str, Any]:
    return {"source": ["aws.ecr"], "detail": {"repository-name": [small.name], "action-type": ["PUSH"]}}


def test_a_push_publishes_ecrs_event(small: SmallStage) -> None:
    heard = small.listen(pushes(small))
    small.push("abc1234", "second")
    [published] = heard()
    assert published | {"id": "", "time": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": ACCOUNT,
        "time": "",
        "region": REGION,
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": small.name,
            "image-digest": digest("second"),
            "action-type": "PUSH",
            "image-tag": "abc1234",
            "manifest-media-type": "application/vnd.docker.distribution.manifest.v2+json",
            "artifact-media-type": "application/vnd.docker.container.image.v1+json",
        },
    }


def test_the_event_has_the_manifests_media_types(small: SmallStage) -> None:
    """`imageManifestMediaType` is optional, and an index has no config."""
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    heard = small.listen(pushes(small))
    for pushed in (manifest("second", "application/vnd.buildkit.cacheconfig.v0"), json.dumps(index)):
        aws("ecr").put_image(repositoryName=small.name, imageManifest=pushed)
    details = [each["detail"] for each in heard()]
    assert [detail["manifest-media-type"] for detail in details] == [MEDIA_TYPE, index["mediaType"]]
    assert [detail.get("artifact-media-type") for detail in details] == [
        "application/vnd.buildkit.cacheconfig.v0",
        None,
    ]


@pytest.mark.parametrize(
    ("tags", "published"),
    [
        (["one"], ["one"]),
        ([None], [""]),
        (["one", "two"], ["one", "two"]),
        ([None, "one"], ["", "one"]),
    ],
    ids=["tagged", "untagged", "two-tags", "tagged-later"],
)
def test_each_put_image_publishes_one_event(small: SmallStage, tags: list[str | None], published: list[str]) -> None:
    heard = small.listen(pushes(small))
    for tag in tags:
        small.push(tag, "second")
    details = [each["detail"] for each in heard()]
    assert [detail.get("image-tag") for detail in details] == published
    assert {detail["image-digest"] for detail in details} == {digest("second")}


@pytest.mark.parametrize("tag", ["one", None], ids=["tagged", "untagged"])
def test_the_same_push_again_is_refused_without_an_event(small: SmallStage, tag: str | None) -> None:
    small.push(tag, "second")
    heard = small.listen(pushes(small))
    with pytest.raises(ClientError, match="ImageAlreadyExistsException"):
        small.push(tag, "second")
    assert heard() == []


def test_an_image_stays_when_its_tag_moves(small: SmallStage) -> None:
    small.push("latest", "second")
    small.push("latest", "third")
    known = aws("ecr").describe_images(repositoryName=small.name)["imageDetails"]
    tags = {image["imageDigest"]: image.get("imageTags", []) for image in known}
    assert tags[digest("second")] == []
    assert tags[digest("third")] == ["latest"]


def test_an_archived_image_is_listed_if_asked_for_until_its_push(small: SmallStage) -> None:
    pushed = small.push("v1", "one")["imageId"]
    aws("ecr").update_image_storage_class(repositoryName=small.name, imageId=pushed, targetStorageClass="ARCHIVE")

    def statuses(**more: Any) -> list[str]:
        found = aws("ecr").describe_images(repositoryName=small.name, imageIds=[pushed], **more)["imageDetails"]
        return [each["imageStatus"] for each in found]

    assert statuses() == []
    assert statuses(filter={"imageStatus": "ARCHIVED"}) == statuses(filter={"imageStatus": "ANY"}) == ["ARCHIVED"]
    heard = small.listen(pushes(small))
    small.push("v1", "one")
    assert (statuses(), len(heard())) == (["ACTIVE"], 1)
    (found,) = aws("ecr").describe_images(repositoryName=small.name, imageIds=[pushed])["imageDetails"]
    assert found["imagePushedAt"] <= found["lastArchivedAt"] <= found["lastActivatedAt"]


@pytest.mark.parametrize(
    ("selection", "action"),
    [
        ({"countType": "imageCountMoreThan", "countNumber": 5}, {"type": "expire"}),
        (
            {"countType": "sinceImagePulled", "countUnit": "days", "countNumber": 30},
            {"type": "transition", "targetStorageClass": "archive"},
        ),
        (
            {"countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90, "storageClass": "archive"},
            {"type": "expire"},
        ),
    ],
    ids=["count", "archive what is not pulled", "expire what is archived"],
)
def test_a_lifecycle_policy_is_kept(small: SmallStage, selection: dict[str, Any], action: dict[str, str]) -> None:
    with pytest.raises(ClientError) as refused:
        aws("ecr").get_lifecycle_policy(repositoryName=small.name)
    assert refused.value.response["Error"]["Code"] == "LifecyclePolicyNotFoundException"
    text = json.dumps(
        {"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", **selection}, "action": action}]}
    )
    aws("ecr").put_lifecycle_policy(repositoryName=small.name, lifecyclePolicyText=text)
    assert aws("ecr").get_lifecycle_policy(repositoryName=small.name)["lifecyclePolicyText"] == text


def test_an_immutable_tag_does_not_move(small: SmallStage) -> None:
    aws("ecr").put_image_tag_mutability(repositoryName=small.name, imageTagMutability="IMMUTABLE")
    with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
        small.push("initial", "second")
    [image] = aws("ecr").describe_images(repositoryName=small.name)["imageDetails"]
    assert (image["imageDigest"], image["imageTags"]) == (digest("initial"), ["initial"])


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"repositoryName": "nowhere"}, "RepositoryNotFoundException"),
        ({"imageDigest": "sha256:" + "0" * 64}, "ImageDigestDoesNotMatchException"),
    ],
    ids=["no-repository", "wrong-digest"],
)
def test_an_invalid_push_is_refused(small: SmallStage, request_: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        aws("ecr").put_image(**{"repositoryName": small.name, "imageManifest": manifest("second"), **request_})


def test_a_push_starts_the_machine_with_its_event(small: SmallStage, machine: str) -> None:
    target = {"Arn": machine, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/events"}
    small.rule("push", target, EventPattern=json.dumps(pushes(small)))
    small.push("abc1234", "second")
    [execution] = executions(machine)
    event = json.loads(execution["input"])
    assert event["detail"]["image-digest"] == digest("second")
    assert execution["name"].startswith(event["id"])


@pytest.mark.parametrize(
    ("tag", "state", "starts"),
    [("v1", "ENABLED", 1), ("latest", "ENABLED", 0), (None, "ENABLED", 0), ("v1", "DISABLED", 0)],
    ids=["matches", "other-tag", "no-tag", "rule-disabled"],
)
def test_the_rules_pattern_and_state_are_applied(
    small: SmallStage, machine: str, tag: str | None, state: str, starts: int
) -> None:
    pattern = pushes(small)
    pattern["detail"]["image-tag"] = [{"prefix": "v"}]
    small.rule("push", {"Arn": machine}, state=state, EventPattern=json.dumps(pattern))
    small.push(tag, "second")
    assert len(executions(machine)) == starts


def test_a_duplicate_event_starts_one_execution(small: SmallStage, machine: str) -> None:
    small.rule("push", {"Arn": machine}, EventPattern=json.dumps(pushes(small)))
    pushed = push_event(
        {"repositoryName": small.name, "imageId": {"imageDigest": digest("x")}, "imageManifest": manifest("x")}
    )
    small.background.bus.publish(pushed)
    small.background.bus.publish(pushed)
    assert len(executions(machine)) == 1
    assert list(small.background.targets.failures) == []


@pytest.mark.parametrize("manifest_", ["hello", "[]"], ids=["text", "list"])
def test_a_manifest_that_is_not_a_json_object_is_refused(small: SmallStage, manifest_: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameter"):
        aws("ecr").put_image(repositoryName=small.name, imageManifest=manifest_, imageTag="v1")
