"""What a person asks for and cannot have is reported as a request that was refused, not as a deployment that failed."""

from typing import Any

import pytest

from rota.deployment.items import plain
from tests.steps import items
from tests.steps.deployments import PUSH, Deployments
from tests.steps.items import LEASE
from tests.steps.world import World

ANN = {"by": "ann", "reason": "it fails"}


@pytest.mark.parametrize(
    ("asked", "started", "said"),
    [
        ({"kind": "rollback", "relase": "v1"}, "rollback by ann: it fails", 'write "release"'),
        ({"kind": "rollback", "release": "v99"}, "rollback by ann: it fails", "there is no release v99"),
        ({"kind": "pause", "puase": {}}, "pause by ann: it fails", 'write "pause"'),
        ({"kind": "pause", "hold": {"until": "2020-01-01T00:00:00Z"}}, "pause by ann: it fails", "which is past"),
        ({"kind": "pause", "pause": {"tasks": ["Spam"]}}, "pause by ann: it fails", "there is no schedule"),
        ({"kind": "resume", "hold": 1}, "resume by ann: it fails", "hold is 1, it must be"),
        ({"kind": "puase", "hold": {}}, "a request by ann: it fails", 'kind is "puase"'),
        ({"detail": {"image-digest": "sha256:1"}}, "again by ann: it fails", "detail.image-digest is"),
    ],
    ids=["key", "release", "pause", "past", "task", "resume", "kind", "push"],
)
def test_it_is_reported_with_kind_and_person(
    asked: dict[str, Any], started: str, said: str, world: World, later: Deployments
) -> None:
    before = world.everything(), plain({"M": items.read(LEASE)})
    request = later.ask(**asked, **ANN)
    assert request.run() == "DeploymentFailed"
    assert request.document["restored"]["error"] == "RejectedError"
    assert (world.everything(), plain({"M": items.read(LEASE)})) == before
    event, entry = world.calls.notifications[-1], world.entry(request.arn)
    assert (event["outcome"], event["started"], event["pushed"]) == ("refused", started, "none")
    assert event["what"] == ("rollback" if asked.get("kind") == "rollback" else "request")
    assert (entry["outcome"], entry.get("kind"), entry["by"]) == ("refused", event["kind"], "ann")
    assert said in entry["cause"]
    assert entry["cause"].endswith("For the operator: fix this, then start it again.")


def test_an_image_that_is_not_there_is_a_deployment_that_failed(world: World, later: Deployments) -> None:
    event = PUSH | {"kind": "image", "detail": PUSH["detail"] | {"image-digest": "sha256:" + "9" * 64}}
    assert later.ask(**event).run() == "DeploymentFailed"
    assert (world.calls.notifications[-1]["outcome"], world.calls.notifications[-1]["what"]) == ("failed", "deployment")


def test_a_resume_that_aws_refuses_has_failed(world: World, later: Deployments) -> None:
    """The pauses are over all the same."""
    task = next(iter(world.owned_rules()))
    assert later.ask(kind="pause", pause={"tasks": [task]}).run() == "Done"
    resume = later.ask(kind="resume", pause={}, **ANN)
    with world.calls.refusing("events.EnableRule", "AccessDeniedException", count=0):
        assert resume.run() == "DeploymentFailed"
    assert (world.calls.notifications[-1]["outcome"], world.calls.notifications[-1]["what"]) == ("failed", "request")


UPLOAD = {"source": "aws.s3", "detail-type": "Object Created", "detail": {}}


@pytest.mark.parametrize(
    ("asked", "started"),
    [(PUSH, "again by a person"), ({"kind": "puase"}, "unknown"), (UPLOAD, "schedule by an upload")],
    ids=["push", "refused", "upload"],
)
def test_what_is_stopped_before_its_turn_names_that_step(
    asked: dict[str, Any], started: str, world: World, later: Deployments
) -> None:
    execution = later.ask(**asked)
    execution.stop()
    assert execution.restorer().run() == "Restored"
    event = world.calls.notifications[-1]
    assert (event["outcome"], event["started"]) == ("aborted", started)
    assert event["cause"].startswith("TakeTurn: the execution was aborted. Nothing was restored, because")
