"""An update of the stack in the middle of a deployment of the previous version of Rota, by what that really wrote.

`version_before` has its state machine, what its steps answered, what they stored in the bucket, and the schemas of what
its RestoreDeployment reads. Its lease has no record. A running execution keeps its machine, and gets the functions of
this version from its next step on.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests import asl
from tests.steps import items
from tests.steps.deployments import AFTER, BEFORE, NEXT, Deployment, Deployments, entered
from tests.steps.items import LEASE
from tests.steps.snapshots import once
from tests.steps.world import World

MACHINE, ANSWERS, ARTIFACTS, SCHEMAS = (
    json.loads((Path(__file__).parent / "version_before" / f"{name}.json").read_text())
    for name in ("machine", "answers", "artifacts", "schemas")
)
STEPS = [*ANSWERS, "FinishDeployment"]


@pytest.fixture
@once
def changing(world: World, deployments: Deployments) -> Deployment:
    """The second deployment, of targets as the previous version of Rota left them: it watched no runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATCH_RUNS", "false")
        world.upload(BEFORE)
        assert deployments.start().run() == "Deployed"
    world.upload(AFTER)
    return deployments.start(NEXT)


def begun_before(world: World, changing: Deployment, step: str) -> Deployment:
    """The deployment when the update comes, just before that step."""
    changing.until(step)
    document = changing.document
    del document["before"], document["after"]
    stored: dict[str, dict[str, str]] = {}
    for name, content in ARTIFACTS.items():
        key = f"deployments/{changing.context['Execution']['Name']}/{name}.json"
        stored[key] = {"key": key, "version_id": world.upload(content, key)}
    done = {name: answer for name, answer in ANSWERS.items() if STEPS.index(name) < STEPS.index(step)}
    for name, answer in done.items():
        key = MACHINE["States"][name]["ResultPath"].removeprefix("$.")
        document[key] = _renamed(answer, stored | _actual(document))
    items.change(LEASE, "REMOVE deployment")
    return changing


def _actual(document: dict[str, Any]) -> dict[str, Any]:
    """What has another id on each run: the schedule file's version and the rollout."""
    schedule = document["config"]["schedule"] if "config" in document else {"key": ""}
    return {schedule["key"]: schedule, "rollout": document.get("rollout", {})}


def _renamed(answer: dict[str, Any], actual: dict[str, Any]) -> dict[str, Any]:
    """The answer with the ids of this run."""
    renamed = {
        key: actual.get(each["key"], each) if isinstance(each, dict) and "version_id" in each else each
        for key, each in answer.items()
    }
    if "deployment_id" in answer:
        renamed["deployment_id"] = actual["rollout"]["deployment_id"]
    return renamed


def run_by_the_old_machine(deployment: Deployment) -> str:
    """Go on to the end as the machine says that the execution began with; the state in which it ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asl, "STATES", MACHINE["States"])
        return deployment.run()


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", STEPS[1:-1])
def test_it_continues_to_a_step_that_cannot_and_is_restored(step: str, world: World, changing: Deployment) -> None:
    before = world.everything()
    assert run_by_the_old_machine(begun_before(world, changing, step)) == "DeploymentFailed"
    assert world.everything() == before
    restored, refusing = changing.document["restored"], "ClearRules" if step == "ReadConfig" else step
    cannot = f"{refusing}: Rota was updated meanwhile, and cannot read "
    assert (restored["error"], restored["cause"].startswith(cannot)) == ("RejectedError", True)
    assert "; start it again. " in restored["cause"]
    assert world.entry(changing.arn)["outcome"] == "failed"
    assert "holder" not in world.ledger()["lease"]


def test_one_that_is_complete_is_finished(world: World, changing: Deployment) -> None:
    assert run_by_the_old_machine(begun_before(world, changing, "FinishDeployment")) == "Deployed"
    assert world.owned_rules().keys() == {"IngestData", "RemoveSpam", "Digest"}
    assert world.entry(changing.arn)["outcome"] == "deployed"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", STEPS[3:])
def test_one_that_was_aborted_is_restored_by_this_version(step: str, world: World, changing: Deployment) -> None:
    """The execution that restores it begins with the machine of this version."""
    before = world.everything()
    begun_before(world, changing, step)
    changing.stop()
    world.calls.history[:0] = [entered(step, changing.document)]
    complete = step == "FinishDeployment"  # which may have begun to delete rules
    assert changing.restorer().run() == ("Deployed" if complete else "Restored")
    assert (world.everything() == before) is not complete
    assert world.entry(changing.arn)["outcome"] == ("deployed" if complete else "aborted")


def test_a_decision_that_its_machine_does_not_know_ends_it(
    world: World, deployments: Deployments, changing: Deployment
) -> None:
    """To that machine each one of these is a Wait: it would ask TakeTurn for ever, here with the lease."""
    pausing = deployments.ask(kind="pause", pause={"tasks": ["IngestData"]})
    assert run_by_the_old_machine(pausing) == "DeploymentFailed"
    assert "holder" not in world.ledger()["lease"]
    assert deployments.ask(kind="pause", hold={}).run() == "Done"
    assert run_by_the_old_machine(changing) == "DeploymentFailed"
    assert changing.document["restored"]["cause"].startswith("TakeTurn: Rota was updated meanwhile, and cannot ")


@pytest.mark.exhaustive(first=0)
def test_the_next_deployment_goes_well(world: World, deployments: Deployments, changing: Deployment) -> None:
    run_by_the_old_machine(begun_before(world, changing, "CreateTargets"))
    assert deployments.start(NEXT).run() == "Deployed"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", STEPS[3:])
def test_the_version_before_can_restore_what_this_one_began(step: str, world: World, changing: Deployment) -> None:
    """The stack is rolled back. Members that the previous version of Rota does not know it ignores in a restore."""
    changing.until(step).fail("RejectedError", "what happened")
    document = changing.request("RestoreDeployment")["document"]
    jsonschema.validate(document, SCHEMAS["document"])
    stored = {"plan": document["plan"]["document"], "snapshot": document["plan"]["snapshot"]}
    if document["revisions"]:
        stored["revisions"] = document["revisions"]["document"]
    for name, each in stored.items():
        jsonschema.validate(world.stored(each), SCHEMAS[name])


def test_the_version_before_does_not_take_a_schedule_of_scheduler_for_a_rule(
    world: World, deployments: Deployments, changing: Deployment
) -> None:
    """It knows rules alone: what it cannot restore it must not read, so that it says so."""
    task = BEFORE["tasks"][0] | {"timezone": "Europe/Berlin"}
    world.upload({"tasks": [task]})
    assert changing.run() == "Deployed"
    world.upload({"tasks": [task | {"name": "Other"}]})
    plan = deployments.start().until("RegisterRevisions").document["plan"]
    for name, stored in (("plan", plan["document"]), ("snapshot", plan["snapshot"])):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(world.stored(stored), SCHEMAS[name])


def test_its_machine_finds_what_its_choices_go_by(changing: Deployment) -> None:
    """A Choice on a member that is missing ends an execution past every Catch. Steps that write refuse before it."""
    document = changing.until("ClearRules").document
    choices = [each["Variable"] for state in MACHINE["States"].values() for each in asl.comparisons(state)]
    planned = {path for path in choices if path.startswith(("$.turn", "$.plan"))}
    assert {"$.plan.targets", "$.turn.decision"} <= planned
    for path in planned:
        asl.at(path, document, changing.context)


@pytest.mark.parametrize("step", ANSWERS)
def test_its_step_refuses_where_a_choice_goes_by_what_it_does_not_answer(step: str) -> None:
    """The stack is rolled back, and an execution keeps the machine of this version."""
    path = asl.STATES[step]["ResultPath"]
    compared = [each for state in asl.STATES.values() for each in asl.comparisons(state)]
    choices = {each["Variable"] for each in compared} - {each["Variable"] for each in compared if "IsPresent" in each}
    lacking = {each for each in choices if each.startswith(f"{path}.")} - {f"{path}.{each}" for each in ANSWERS[step]}
    not_known = asl.STATES[step]["Parameters"].keys() - MACHINE["States"][step]["Parameters"].keys()
    assert not_known or not lacking
