"""A deployment that names a version of the schedule file is planned with exactly that version, or refused."""

from typing import Any

import pytest

from rota.deployment.items import plain
from rota.schedule_file.parse import LARGEST_FILE
from tests.guestbook import DIGEST, ENVIRONMENT
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, NEXT, PUSH, Deployments
from tests.steps.items import LEASE, RELEASES
from tests.steps.seed import SCHEDULE
from tests.steps.world import World

KEY = "scheduled_tasks.json"
BEFORE_JOBS, AFTER_JOBS = ({task["name"] for task in file["tasks"]} for file in (SCHEDULE, AFTER))


def naming(version: str, key: str = KEY) -> dict[str, str]:
    return {"schedule_key": key, "schedule_version": version}


def live() -> tuple[str, str, str]:
    found = plain({"M": items.read(RELEASES)})
    return found["live_digest"], found["live_schedule_key"], found["live_schedule_version"]


@pytest.mark.exhaustive(first=0)
def test_what_is_live_gets_an_older_version(world: World, later: Deployments) -> None:
    older = world.upload(AFTER)
    world.upload(SCHEDULE)
    change = later.ask(kind="schedule", **naming(older))
    assert change.run() == "Deployed"
    assert world.owned_rules().keys() == AFTER_JOBS
    assert live() == (DIGEST, KEY, older)
    assert world.entry(change.arn)["schedule_version"] == older


def test_an_image_is_deployed_with_it_and_the_next_push_is_not(world: World, later: Deployments) -> None:
    proposed = world.upload(AFTER, "proposed/file.json")
    deployed = later.ask(**PUSH, **naming(proposed, "proposed/file.json"))
    assert deployed.run() == "Deployed"
    assert (live(), world.owned_rules().keys()) == ((DIGEST, "proposed/file.json", proposed), AFTER_JOBS)
    assert later.start(NEXT).run() == "Deployed"
    assert (live()[1], world.owned_rules().keys()) == (KEY, BEFORE_JOBS)


def test_a_dry_run_plans_with_it(world: World, later: Deployments) -> None:
    proposed = world.upload(AFTER, "proposed/file.json")
    plan = later.ask(**PUSH, **naming(proposed, "proposed/file.json"), dry_run=True)
    assert plan.run() == "Planned"
    assert plan.document["config"]["schedule"] == {"key": "proposed/file.json", "version_id": proposed}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_one_that_was_held_keeps_its_version(killed: bool, world: World, later: Deployments) -> None:
    older = world.upload(AFTER)
    world.upload(SCHEDULE)
    assert later.ask(kind="pause", hold={}).run() == "Done"
    assert later.ask(**PUSH | {"kind": "image"}, **naming(older)).run() == "Held"
    resumed = later.ask(kind="resume", hold={})
    if killed:
        with world.calls.killing("dynamodb.UpdateItem", skip=2, after=True), pytest.raises(KilledError):
            resumed.step("TakeTurn")
    assert resumed.run() == "Deployed"
    assert (live(), world.owned_rules().keys()) == ((DIGEST, KEY, older), AFTER_JOBS)


@pytest.mark.exhaustive(first=3)
@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("gone", "there is no s3://"),
        ("marker", "there is no s3://"),
        ("long", f"a schedule file may have {LARGEST_FILE:,}"),
    ],
)
@pytest.mark.parametrize("given", [{"kind": "schedule"}, PUSH], ids=["schedule", "again"])
def test_what_is_not_there_is_refused_first(
    given: dict[str, Any], version: str, said: str, world: World, later: Deployments
) -> None:
    named = world.upload(b" " * (LARGEST_FILE + 1) if version == "long" else AFTER, "named.json")
    if version != "long":
        where = {"Bucket": ENVIRONMENT["BUCKET"], "Key": "named.json"}
        marker = client("s3").delete_object(**where)["VersionId"]
        client("s3").delete_object(**where, VersionId=named)
        named = named if version == "gone" else marker
    before = items.read(LEASE)
    refused = later.ask(**given, **naming(named, "named.json"))
    assert refused.run() == "DeploymentFailed"
    assert said in refused.document["restored"]["cause"]
    assert items.read(LEASE) == before


def test_what_is_no_id_of_a_version_is_refused_too(world: World, later: Deployments) -> None:
    """S3 has another error for that."""
    change = later.ask(kind="schedule", **naming("newest"))
    with world.calls.refusing("s3.GetObject", "InvalidArgument", count=0):
        assert change.run() == "DeploymentFailed"
    assert "there is no s3://" in change.document["restored"]["cause"]


def test_what_is_gone_meanwhile_is_said_by_read_config(world: World, later: Deployments) -> None:
    named = world.upload(AFTER, "named.json")
    change = later.ask(kind="schedule", **naming(named, "named.json")).until("ReadConfig")
    client("s3").delete_object(Bucket=ENVIRONMENT["BUCKET"], Key="named.json", VersionId=named)
    assert change.run() == "DeploymentFailed"
    assert f"(version {named}), or not any more" in change.document["restored"]["cause"]
    assert world.owned_rules().keys() == BEFORE_JOBS
