"""Which release a person means."""

from typing import Any

import pytest

from rota.cli.exits import CommandError, Exit
from rota.cli.releases import find
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
