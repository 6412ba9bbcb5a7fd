"""Images that ECR replicates: they come in any order, and the newest of the repository is live at the end."""

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.ecr.models import ecr_backends

from stage.gateway.calls import Call, Reply
from tests.examples import PUSH
from tests.guestbook import ACCOUNT, DIGEST, REGION
from tests.in_process import client
from tests.steps import items
from tests.steps.deployments import NEXT, THIRD, Deployment, Deployments
from tests.steps.items import RELEASES
from tests.steps.local_stage import local_stage
from tests.steps.world import World

CHART = "application/vnd.cncf.helm.config.v1+json"


class Replicas:
    """Images in the repository, and the executions that EventBridge starts with their events."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._count = 0

    def come(self, digest: str, minute: int) -> None:
        """The image comes into the repository in that minute."""
        self._world.push(digest, digest[-4:])
        (image,) = [each for each in self._images() if each.image_digest == digest]
        image.image_pushed_at = datetime(2026, 1, 1, 6, minute, tzinfo=UTC).timestamp()

    def start(self, digest: str, *, by_hand: bool = False, at: datetime | None = None) -> Deployment:
        """Its event arrives now, or `at` that time, after all others; or a person starts it."""
        self._count += 1
        event_id, time = f"event-{self._count}", at or datetime(2026, 1, 1, 7, self._count, tzinfo=UTC)
        detail = PUSH["detail"] | {"action-type": "REPLICATE", "image-digest": digest, "image-tag": digest[-4:]}
        event = PUSH | {"id": event_id, "time": f"{time:%FT%TZ}", "detail": detail}
        name = "by-hand" if by_hand else f"{event_id}_{self._count:032x}"
        self._world.execution(name)
        return Deployment(self._world, name, event, time)

    def _images(self) -> Any:
        return ecr_backends[ACCOUNT][REGION].repositories["guestbook"].images


@pytest.fixture
def replicas(world: World, later: Deployments) -> Replicas:
    """DIGEST is live, and came in the minute 10; NEXT came after it, THIRD before it."""
    found = Replicas(world)
    for digest, minute in ((DIGEST, 10), (NEXT, 20), (THIRD, 5)):
        found.come(digest, minute)
    return found


def test_a_newer_one_is_deployed(replicas: Replicas) -> None:
    assert replicas.start(NEXT).run() == "Deployed"


def test_one_that_is_older_than_what_is_live_changes_nothing(world: World, replicas: Replicas) -> None:
    before, ledger = world.everything(), world.ledger()
    replica = replicas.start(THIRD)
    assert replica.run() == "Ignored"
    assert replica.document["turn"]["reason"] == (
        f"{THIRD} was replicated, and {DIGEST}, which is live or being deployed, was pushed later"
    )
    assert (world.everything(), world.ledger()) == (before, ledger)


def test_before_the_first_deployment_none_is_known_to_be_newer(world: World) -> None:
    replica = Replicas(world).start(DIGEST)
    assert replica.run() == "Ignored"
    assert replica.document["turn"]["reason"].endswith("start the first deployment by hand")


def test_a_person_may_deploy_an_older_one(replicas: Replicas) -> None:
    assert replicas.start(THIRD, by_hand=True).step("TakeTurn")["decision"] == "go"


def test_what_is_live_again_is_no_older_image(replicas: Replicas) -> None:
    assert replicas.start(DIGEST).run() == "NothingToDo"


def test_an_image_that_is_live_and_gone_stops_none(replicas: Replicas) -> None:
    client("ecr").batch_delete_image(repositoryName="guestbook", imageIds=[{"imageDigest": DIGEST}])
    assert replicas.start(THIRD).run() == "Deployed"


def test_of_many_at_once_the_newest_is_deployed(replicas: Replicas) -> None:
    """The holder stops for the newest alone, and an older one does not overtake that while it waits."""
    between = "sha256:" + "4a" * 32
    replicas.come(between, 15)
    holder, newest = replicas.start(between), replicas.start(NEXT)
    assert [each.step("TakeTurn")["decision"] for each in (holder, replicas.start(THIRD))] == ["go", "ignore"]
    assert newest.step("TakeTurn")["decision"] == "wait"
    newer_than_the_holder = "sha256:" + "4b" * 32
    replicas.come(newer_than_the_holder, 17)
    assert replicas.start(newer_than_the_holder).step("TakeTurn")["decision"] == "ignore"
    assert newest.step("TakeTurn")["decision"] == "wait"


class _GoesLive:
    """A hook: just before the lease is taken, another deployment has made an image live."""

    def __init__(self, digest: str) -> None:
        self._digest = digest

    def before(self, call: Call) -> Reply | None:
        if call.caller and call.operation == "UpdateItem":
            items.change(RELEASES, "SET live_digest = :digest", digest={"S": self._digest})
        return None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_what_went_live_meanwhile_stays_live(world: World, replicas: Replicas) -> None:
    between = "sha256:" + "4a" * 32
    replicas.come(between, 15)
    before = world.everything()
    replica = replicas.start(between)
    with local_stage().hooked(_GoesLive(NEXT)):
        assert [replica.step("TakeTurn")["decision"] for _ in range(2)] == ["overtaken", "overtaken"]
    assert replica.run() == "Overtaken"
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


def test_what_ecr_calls_no_image_is_ignored(world: World, replicas: Replicas) -> None:
    described = {"repositoryName": "guestbook", "imageDigest": NEXT, "imagePushedAt": 0, "artifactMediaType": CHART}
    replica = replicas.start(NEXT)
    with world.calls.showing_images([described]):
        assert replica.run() == "Ignored"
    assert replica.document["turn"]["reason"] == f"2e2e is {CHART}, not an image"


def test_one_that_is_not_there_is_said_by_read_config(replicas: Replicas) -> None:
    gone = "sha256:" + "7f" * 32
    assert replicas.start(gone).step("TakeTurn")["decision"] == "go"
