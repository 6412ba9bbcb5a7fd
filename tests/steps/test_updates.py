"""A stack that is updated while a deployment is under way: what the previous version of Rota wrote is understood."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.contract.deployment import Standing
from rota.contract.steps import STEPS
from rota.errors import RejectedError
from tests import asl
from tests.guestbook import APP, ENVIRONMENT, PREFIX
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments, entered, invoke
from tests.steps.items import LEASE
from tests.steps.seed import SCHEDULE
from tests.steps.world import World

_CLEARS = {"Variable": "$.plan.removed", "NumericGreaterThan": 0, "Next": "ClearRules"}
"""A rule by which the machine of the version of Rota before entered ClearRules, for what is off or moves too."""
WRITING = ["CreateTargets", "ClearRules", "RegisterRevisions", "RollService", "CheckService"]


def forget_the_record() -> None:
    """The previous version of Rota took the lease, which makes no record."""
    items.change(LEASE, "REMOVE deployment")


def begun_before(changing: Deployment, step: str) -> Deployment:
    """The deployment when the update comes, just before that step."""
    changing.until(step)
    forget_the_record()
    changing.document["turn"].pop("origin")
    return changing


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", WRITING)
def test_a_deployment_that_began_before_continues_without_a_record(
    step: str, world: World, changing: Deployment
) -> None:
    assert begun_before(changing, step).run() == "Deployed"
    entry = world.entry(changing.arn)
    assert (entry["outcome"], "durations" in entry) == ("deployed", False)
    assert world.ledger()["lease"].keys() == {"app", "record", "newest"}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", WRITING)
def test_when_it_fails_it_is_restored_from_the_document(step: str, world: World, changing: Deployment) -> None:
    before = world.everything()
    begun_before(changing, step).fail("RejectedError", "what happened")
    assert changing.step("RestoreDeployment")["outcome"] == "failed"
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("step", WRITING)
def test_when_it_is_aborted_it_is_restored_from_the_history(step: str, world: World, changing: Deployment) -> None:
    before = world.everything()
    begun_before(changing, step)
    if step == "CreateTargets":  # and in the middle of a step
        with world.calls.killing("events.PutTargets"), pytest.raises(KilledError):
            changing.step(step)
    changing.stop()
    aborted = {"type": "ExecutionAborted", "timestamp": datetime.now(UTC), "executionAbortedEventDetails": {}}
    world.calls.history[:0] = [aborted, entered(step, changing.document)]  # the newest first
    assert changing.restorer().run() == "Restored"
    assert world.everything() == before
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", WRITING)
def test_a_step_that_cannot_read_its_input_names_the_update(step: str, world: World, changing: Deployment) -> None:
    """The machine of an execution stays the one that it began with, and hands over what that one's steps read."""
    changing.until(step)
    request = changing.request(step)
    of_before = {"execution": request["execution"], "plan": request["plan"]["document"]}
    world.calls.made.clear()
    with pytest.raises(RejectedError, match=r"Rota was updated meanwhile, and cannot read .*; start it again"):
        invoke(next(row.folder for row in STEPS if row.name == step), of_before)
    assert world.calls.made == []


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("there", [True, False], ids=["to Scheduler", "to rules"])
def test_a_machine_that_knows_no_rounds_moves_nothing(
    there: bool, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the new functions it would hear that schedules are left to move, and finish all the same."""
    nightly = SCHEDULE["tasks"][0]
    files = [{"tasks": [nightly]}, {"tasks": [nightly | {"timezone": "Europe/Berlin"}]}]
    before, after = files if there else reversed(files)
    world.upload(before)
    assert deployments.start().run() == "Deployed"
    everything = world.everything()
    world.upload(after)
    states = copy.deepcopy(asl.STATES)
    del states["CreateTargets"]["Parameters"]["targets.$"]
    states["CreateTargets"]["Next"] = "DoesTheServiceRoll"
    monkeypatch.setattr(asl, "STATES", states)
    deployment = deployments.start(NEXT)
    assert deployment.run() == "DeploymentFailed"
    assert world.everything() == everything
    assert "CreateTargets: Rota was updated meanwhile, and cannot read " in deployment.document["restored"]["cause"]


def test_a_lease_with_the_record_of_an_old_holder_is_entered(later: Deployments) -> None:
    """After an update, a rollback of the stack and another update a record may be that of a holder of long ago."""
    holder = later.start()
    holder.step("TakeTurn")
    other = {"M": {"execution": {"M": {"id": {"S": "of long ago"}}}, "phase": {"S": "restoring"}}}
    items.change(LEASE, "SET deployment = :other", other=other)
    lease = holder.lease()
    clear_rules = next(step for step in STEPS if step.name == "ClearRules")
    entered = lease.enter("an-invocation", 60, clear_rules, {"summary": "x"})
    assert (entered.standing, entered.record) == (Standing.HOLDS, None)
    lease.leave("an-invocation", 1, clear_rules, {})
    assert items.read(LEASE)["deployment"] == other
    assert holder.run() == "NothingToDo"


def test_an_entry_of_the_version_before_is_left_as_it_is(world: World, finishing: Deployment) -> None:
    """It was written, with an outcome and as JSON, before the update; what followed it was not done."""
    forget_the_record()
    record = "deployment#2026-01-01T06:02:02.000000+00:00#deployment-2"
    entry = {"outcome": "deployed", "image": None, "schedule": None, "summary": "x", "cause": "", "of_another": 1}
    item = {"outcome": "deployed", "entry": json.dumps(entry), "execution": finishing.arn, "app": APP, "record": record}
    client("dynamodb").put_item(TableName=ENVIRONMENT["TABLE"], Item={key: {"S": each} for key, each in item.items()})
    assert finishing.run() == "Deployed"
    assert world.calls.notifications[-1]["summary"] == "x"
    assert "holder" not in world.ledger()["lease"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_machine_that_goes_by_what_is_removed_clears_what_is_off(
    fails: bool, world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its ClearRules fails: nothing is left to do but to delete it."""
    client("events").disable_rule(Name=f"{PREFIX}RemoveSpam")
    world.upload({"tasks": SCHEDULE["tasks"][:1]})
    states = copy.deepcopy(asl.STATES)
    states["AreThereRulesToClear"]["Choices"][:2] = [_CLEARS]
    monkeypatch.setattr(asl, "STATES", states)
    deployment = later.start().until("ClearRules")
    assert deployment.at == "ClearRules"
    if fails:
        deployment.fail("TransientError", "what happened")
        assert deployment.step("RestoreDeployment")["outcome"] == "deployed"
    else:
        assert deployment.run() == "Deployed"
    assert world.owned_rules().keys() == {"IngestData"}


def _as_before(states: dict[str, Any]) -> dict[str, Any]:
    """The machine of the version before: it cleared before it registered, and ran nothing once."""
    old = copy.deepcopy(states)
    old["BeginDocument"]["Result"] = {"revisions": None, "targets": None}
    del old["ReadConfig"]["Parameters"]["with_before.$"]
    del old["TakeTurn"]["Parameters"]["turn.$"]
    *first, _registers = old["IsThereAnythingToDo"]["Choices"]
    others = old["AreThereTargetsToWrite"]["Choices"]
    old["IsThereAnythingToDo"] |= {"Choices": [*first, _CLEARS], "Default": "AreThereRevisionsToRegister"}
    registers = {"Variable": "$.plan.registers", "NumericGreaterThan": 0, "Next": "RegisterRevisions"}
    rest = {"Type": "Choice", "Choices": others, "Default": "FinishDeployment"}
    old["AreThereRevisionsToRegister"] = rest | {"Choices": [registers, *others]}
    old["ClearRules"]["Next"] = "AreThereRevisionsToRegister"
    old["IsAllRegistered"] = rest | {"Choices": [old["IsAllRegistered"]["Choices"][0], *others]}
    old["IsServiceSteady"]["Choices"][0]["Next"] = "FinishDeployment"
    return old


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("fails", [None, "ClearRules", "RegisterRevisions", "CreateTargets"])
def test_an_execution_whose_machine_cleared_first(
    fails: str | None, world: World, changing: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack was updated as its deployment began."""
    monkeypatch.setattr(asl, "STATES", _as_before(asl.STATES))
    before = world.everything()
    if fails is None:
        assert changing.run() == "Deployed"
        return
    changing.until(fails).fail("RejectedError", "what happened")
    changing._state = "RestoreDeployment"
    assert changing.run() == "DeploymentFailed"
    assert changing.document["restored"]["cause"].startswith(f"{fails}: what happened. ")
    assert world.everything() == before
