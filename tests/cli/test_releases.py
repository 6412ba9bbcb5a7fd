"""Which release a person means."""

from typing import Any

import pytest
from botocore.client import BaseClient

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.releases import Image, find, image
from rota.cli.stack import Stack
from rota.cli.table import is_deployment

DIGESTS = {name: f"sha256:{name * 32}" for name in ("a1", "b2", "c3")}


def entry(number: int | None, name: str, outcome: str = "deployed", **members: Any) -> dict[str, Any]:
    return {
        "release": number,
        "outcome": outcome,
        "tag": f"tag-{name}",
        "digest": DIGESTS[name],
        "schedule_key": "k",
        "schedule_version": "1",
        "execution": f"arn:aws:states:eu-west-1:1:execution:rota-deploy:run-{number}",
        **members,
    }


LEDGER = [entry(None, "c3", "failed"), entry(3, "b2"), entry(2, "b2", schedule_version="0"), entry(1, "a1")]
LIVE = {"live_digest": DIGESTS["b2"], "live_schedule_key": "k", "live_schedule_version": "1"}


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("v1", 3),
        ("tag-b2", 1),
        ("tag-c3", 0),
        (DIGESTS["a1"], 3),
        ("a1a1a1a1", 3),
        ("run-2", 2),
        ("arn:aws:states:eu-west-1:1:execution:rota-deploy:run-2", 2),
        ("previous", 2),
    ],
)
def test_names_of_a_release(name: str, index: int) -> None:
    assert find(LEDGER, name, LIVE) is LEDGER[index]


@pytest.mark.parametrize("name", ["v4", "tag", "a1a1a1a", "run", "V1"])
def test_other_names_are_answered_with_the_newest(name: str) -> None:
    with pytest.raises(CommandError, match=f"no release or deployment {name}") as refused:
        find(LEDGER, name, LIVE)
    assert refused.value.code == Exit.NOT_ALLOWED
    assert "v3 tag-b2, v2 tag-b2, v1 tag-a1" in refused.value.todo


def test_there_may_be_none_before() -> None:
    with pytest.raises(CommandError, match="no release before the live one"):
        find(LEDGER[:2], "previous", LIVE)


NEW = "sha256:" + "d4" * 32
IMAGES = {"tag-b2": DIGESTS["b2"], "new": NEW}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """That of a stack whose repository has two images with a tag, and one without."""

    def describe(ecr: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        assert (operation, request["repositoryName"]) == ("DescribeImages", "shop")
        (asked,) = request["imageIds"]
        digest = asked.get("imageDigest") or IMAGES.get(asked["imageTag"])
        if digest not in (*IMAGES.values(), DIGESTS["c3"]):
            raise ecr.exceptions.ImageNotFoundException({"Error": {"Code": "ImageNotFoundException"}}, operation)
        tags = [tag for tag, each in IMAGES.items() if each == digest]
        return {"imageDetails": [{"imageDigest": digest, **({"imageTags": tags} if tags else {})}]}

    monkeypatch.setattr(BaseClient, "_make_api_call", describe)
    made = Account(Output(), region="eu-west-1")
    made.__dict__["stack"] = Stack("rota", "arn", "", {"RepositoryName": "shop"}, {})
    return made


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("new", Image(NEW, "new")),
        (NEW, Image(NEW, "new")),
        (DIGESTS["c3"], Image(DIGESTS["c3"], None)),
        ("v1", Image(DIGESTS["a1"], "tag-a1")),
        ("a1a1a1a1", Image(DIGESTS["a1"], "tag-a1")),
    ],
    ids=["a tag", "a digest", "that of one without a tag", "a release", "a digest's first digits"],
)
def test_names_of_an_image(account: Account, name: str, meant: Image) -> None:
    assert image(account, name, LEDGER) == meant


@pytest.mark.parametrize("name", ["nope", "v9", DIGESTS["a1"]], ids=["a tag", "a release", "a digest that is gone"])
def test_an_image_that_is_not_there(account: Account, name: str) -> None:
    with pytest.raises(CommandError, match=f"there is no image {name} in the repository shop") as refused:
        image(account, name, LEDGER)
    assert (refused.value.code, refused.value.error) == (Exit.NOT_ALLOWED, "NoImage")


@pytest.mark.parametrize(
    ("item", "is_one"),
    [
        (entry(None, "c3", "failed"), True),
        ({"outcome": "failed", "kind": "rollback"}, True),
        ({"outcome": "refused", "kind": "rollback"}, False),
        ({"outcome": "done", "kind": "pause"}, False),
        ({"outcome": "aborted", "kind": "resume"}, False),
        ({"outcome": "failed"}, False),
    ],
    ids=["push", "rollback", "refused", "pause", "resume", "unreadable"],
)
def test_which_entry_is_of_a_deployment(item: dict[str, Any], is_one: bool) -> None:
    assert is_deployment(item) == is_one
