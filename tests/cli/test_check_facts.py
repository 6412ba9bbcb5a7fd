"""What `rota check` knows of the releases that can be rolled back to, and of the schedule files that count."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rota.cli.check.facts import Facts
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.stack import Stack
from rota.cli.status.model import Release
from tests.cli.conftest import OUTPUTS, PARAMETERS, STACK, Aws
from tests.cli.test_check_live import WITHOUT_A_RELEASE
from tests.cli.test_status import digest

LIVE = Release("v4", digest("a"), "a1", None, "b.json", "v-1")


def facts(*ended: dict[str, Any], live: Release | None = None, keys: str = "") -> Facts:
    stack = Stack("rota", str(STACK["StackId"]), "", PARAMETERS, {**OUTPUTS, "ScheduleFileKeys": keys})
    status = replace(WITHOUT_A_RELEASE, release=live)
    return Facts(Account(Output(), region="eu-west-1"), stack, status, None, None, {}, ended)


def ended(character: str, outcome: str = "deployed", **members: Any) -> dict[str, Any]:
    return {"outcome": outcome, "digest": digest(character), **members}


BEFORE = [
    *(ended("a", release=4), ended("b", release=3, tag="b1"), ended("f", "failed", release=9)),
    *(ended("c", tag="c1"), ended("d"), ended("b", release=2)),
]
OF_BEFORE = {digest("b"): "v3", digest("c"): "c1", digest("d"): digest("d")[:19]}


@pytest.mark.parametrize(
    ("live", "name"),
    [
        (LIVE, "v4"),
        (replace(LIVE, release=None), "a1"),
        (replace(LIVE, release=None, tag=None), digest("a")[:19]),
        (None, "v4"),
    ],
    ids=["its number", "its tag", "its digest", "nothing is live"],
)
def test_what_each_image_is_called_that_may_be_needed(live: Release | None, name: str) -> None:
    assert [*facts(*BEFORE, live=live).digests.items()] == [*({digest("a"): name} | OF_BEFORE).items()]


def test_of_images_only_those_of_the_last_20_deployments_are_looked_at() -> None:
    many = [{"outcome": "deployed", "digest": f"sha256:{number:064}", "release": number} for number in range(1, 30)]
    assert [*facts(*many, live=LIVE).digests.values()] == ["v4", *(f"v{number}" for number in range(1, 21))]


TASKS: dict[str, dict[str, Any]] = {
    "Plain": {},
    "Secret": {"secrets": {"A": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a"}},
    "Placed": {"subnets": ["subnet-1"]},
    "Spot": {"capacity_provider": "FARGATE_SPOT"},
}
NEW = {"tasks": [{"name": name, "task": "a", "rate": "1 day", **members} for name, members in TASKS.items()]}
OLD = {"tasks": [{"name": "Old", "task": "a", "rate": "1 day", **TASKS["Spot"]}]}
NEWEST, BEFORE_IT = ("b.json", None), ("b.json", "v-1")
FILES: dict[str, tuple[str, Release | None, dict[tuple[str, str | None], Any], list[str], int]] = {
    "the newest, and the live one": (
        "a.json,b.json", LIVE, {NEWEST: NEW, BEFORE_IT: OLD}, ["Secret", "Placed", "Spot", "Old"], 3),
    "the first key that is there": ("b.json,a.json", None, {NEWEST: OLD, ("a.json", None): NEW}, ["Old"], 1),
    "the newest is live": ("b.json", replace(LIVE, schedule_version="v-2"), {NEWEST: OLD}, ["Old"], 1),
    "the newest is wrong": ("b.json", LIVE, {NEWEST: {"tasks": 1}, BEFORE_IT: OLD}, ["Old"], 2),
    "the live one is gone": ("b.json", LIVE, {NEWEST: OLD}, ["Old"], 2),
    "none is there": ("a.json,b.json", LIVE, {BEFORE_IT: OLD}, ["Old"], 3),
    "nothing is live": ("b.json", None, {NEWEST: OLD}, ["Old"], 1),
    "of an earlier version": ("b.json", replace(LIVE, schedule_version=""), {NEWEST: OLD}, ["Old"], 1),
    "a key depends on the image": ("a.json,{tag}.json", LIVE, {BEFORE_IT: OLD, ("a.json", None): NEW}, ["Old"], 1),
    "no key": ("", LIVE, {BEFORE_IT: OLD}, ["Old"], 1),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "live", "files", "names", "reads"), FILES.values(), ids=FILES)
def test_which_tasks_need_something_of_their_own(
    keys: str, live: Release | None, files: dict[tuple[str, str | None], Any], names: list[str], reads: int, aws: Aws
) -> None:
    def read(asked: dict[str, Any]) -> Any:
        found = files.get((asked["Key"], asked.get("VersionId")))
        return {"Body": io.BytesIO(json.dumps(found).encode()), "VersionId": "v-2"} if found else "NoSuchKey"

    aws.answers["GetObject"] = read
    found = facts(live=live, keys=keys)
    assert [each.name for each in found.demanding] == names
    assert len(aws.asked) == reads
    assert {asked["Bucket"] for _, asked in aws.asked} == {"rota-bucket"}


def test_a_file_that_may_not_be_read_is_no_file_that_is_gone(aws: Aws) -> None:
    aws.answers["GetObject"] = "AccessDenied"
    for keys in ("b.json", ""):
        with pytest.raises(ClientError, match="AccessDenied"):
            facts(live=LIVE, keys=keys).demanding  # noqa: B018  it is read
