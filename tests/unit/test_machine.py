"""The state machine: its routes with example answers, and what each step receives."""

import json
from typing import Any

import pytest

from rota.contract.deployment import Decision, Outcome
from rota.contract.step_io import FailedDeployment, Staged
from rota.contract.steps import STEPS, failed_step, is_complete, may_have_begun
from rota.deployment.failure_message import explain
from rota.deployment.lease import turn
from rota.ecs import service_deployments
from rota.ecs.service import judge_rollout
from rota.restore.everything import RestoreResult
from tests import asl
from tests.examples import ANSWERS, EVENTS, FAILED, MAIN_ROUTE, ROLLOUT, Machine, shown
from tests.guestbook import SETTINGS
from tests.template import TEMPLATE

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html; an execution with more of them is ended,
# and nothing catches that.
MOST_EVENTS = 25_000
# A Wait is entered and left, a Task entered, scheduled, started, succeeded and left, a Choice entered and left.
EVENTS_OF_A_LOOK = 9


def plan(
    *, removed: int = 0, off: int = 0, registers: int = 0, targets: int = 0, rolls: bool = False
) -> dict[str, Any]:
    """What PlanDeployment answers of a plan with so much to do; `off`: how many more are removed that need no
    ClearRules, because they are off, or move to the other backend.
    """
    nothing = not (removed or off or registers or targets or rolls)
    written = {"created": targets // 2, "updated": targets - targets // 2}
    disables = {"removed": removed + off, "disables": removed}
    return {**disables, "registers": registers, **written, "rolls_service": rolls, "nothing_to_do": nothing}


NOTHING_TO_DO = plan()
# A plan of the version of Rota before, which does not say how many ClearRules disables.
OF_BEFORE: dict[str, Any] = {"disables": None}
# For each plan, the steps after it that are entered before FinishDeployment.
ENTERED = [
    (plan(rolls=True), ["RollService", "CheckService"]),
    (plan(targets=1), ["CreateTargets"]),
    (plan(targets=2, rolls=True), ["CreateTargets", "RollService", "CheckService"]),
    (plan(registers=1), ["RegisterRevisions"]),
    (plan(registers=1, rolls=True), ["RegisterRevisions", "RollService", "CheckService"]),
    (plan(registers=2, targets=2), ["RegisterRevisions", "CreateTargets"]),
    (plan(registers=2, targets=2, rolls=True), ["RegisterRevisions", "CreateTargets", "RollService", "CheckService"]),
    (plan(removed=1), ["ClearRules"]),
    (plan(removed=1, rolls=True), ["ClearRules", "RollService", "CheckService"]),
    (plan(removed=1, targets=1), ["ClearRules", "CreateTargets"]),
    (plan(removed=1, targets=2, rolls=True), ["ClearRules", "CreateTargets", "RollService", "CheckService"]),
    (plan(removed=1, registers=1), ["RegisterRevisions", "ClearRules"]),
    (plan(removed=1, registers=1, rolls=True), ["RegisterRevisions", "ClearRules", "RollService", "CheckService"]),
    (plan(removed=1, registers=1, targets=2), ["RegisterRevisions", "ClearRules", "CreateTargets"]),
    (
        plan(removed=1, registers=2, targets=2, rolls=True),
        ["RegisterRevisions", "ClearRules", "CreateTargets", "RollService", "CheckService"],
    ),
    (NOTHING_TO_DO, []),
    (plan(off=1), []),
    (plan(off=1, targets=1), ["CreateTargets"]),
    (plan(off=1, rolls=True), ["RollService", "CheckService"]),
    (plan(off=1, registers=1, targets=1), ["RegisterRevisions", "CreateTargets"]),
    (plan(removed=1, off=1), ["ClearRules"]),
    (plan(removed=1, off=1, targets=1), ["ClearRules", "CreateTargets"]),
    (plan(removed=1) | OF_BEFORE, ["ClearRules"]),
    (plan(removed=1, rolls=True) | OF_BEFORE, ["ClearRules", "RollService", "CheckService"]),
    (plan(targets=1) | OF_BEFORE, ["CreateTargets"]),
    (NOTHING_TO_DO | OF_BEFORE, []),
]
EACH_PLAN = pytest.mark.parametrize(
    ("planned", "entered"), ENTERED, ids=[" ".join(entered) or "none" for _planned, entered in ENTERED]
)
BEFORE = ["TakeTurn", "ReadConfig", "PlanDeployment"]


def test_every_combination_of_changes_is_listed() -> None:
    found = {
        (planned["removed"] > 0, planned["registers"] > 0, planned["updated"] > 0, planned["rolls_service"])
        for planned, _entered in ENTERED
    }
    assert len(found) == 2**4


@pytest.mark.parametrize("counted", ["created", "updated"])
@pytest.mark.parametrize("removed", [0, 1])
@pytest.mark.parametrize("registers", [0, 1])
def test_either_kind_of_schedule_enters_create_targets(counted: str, registers: int, removed: int) -> None:
    planned = plan(registers=registers, removed=removed) | {"nothing_to_do": False, counted: 1}
    walk = Machine(PlanDeployment=[planned]).run()
    assert "CreateTargets" in walk.states


@EACH_PLAN
def test_a_step_with_nothing_to_do_is_not_entered(planned: dict[str, Any], entered: list[str]) -> None:
    walk = Machine(PlanDeployment=[planned]).run()
    assert [state for state in walk.states if state in asl.TASKS] == [*BEFORE, *entered, "FinishDeployment"]
    assert walk.end == ("NothingToDo" if planned["nothing_to_do"] else "Deployed")


def test_without_a_change_it_is_finished_at_once() -> None:
    states = Machine(PlanDeployment=[NOTHING_TO_DO]).run().states
    assert states[states.index("IsThereAnythingToDo") + 1] == "FinishDeployment"


@EACH_PLAN
def test_five_functions_start_before_the_last_schedule_is_live(planned: dict[str, Any], entered: list[str]) -> None:
    """One more where tasks that are on leave the file. A cold start is most of a small deployment."""
    until_live = [*BEFORE, *entered[: entered.index("CreateTargets") + 1]] if "CreateTargets" in entered else []
    assert len(until_live) <= 5 + (planned["disables"] != 0)


@EACH_PLAN
def test_the_table_of_steps_knows_which_are_needed(planned: dict[str, Any], entered: list[str]) -> None:
    answer = ANSWERS["PlanDeployment"].model_copy(update=planned)
    needed = [step.name for step in STEPS if step.needed(answer)]  # type: ignore[arg-type]  # a plan's own answer
    assert needed == [*BEFORE, *entered, "FinishDeployment", "RestoreDeployment"]


@EACH_PLAN
def test_a_failure_after_any_plan_names_its_step(planned: dict[str, Any], entered: list[str]) -> None:
    for number, step in enumerate([*entered, "FinishDeployment"]):
        machine = Machine(PlanDeployment=[planned], **{step: [FAILED]})
        machine.run()
        document = FailedDeployment.model_validate(machine.handed["RestoreDeployment"]["document"])
        assert failed_step(document) == step
        begun = [each for each in entered if may_have_begun(each, document)]
        assert begun == entered[: number + 1], "what comes after it is not restored"
        assert is_complete(document) is (not planned["nothing_to_do"] and step == "FinishDeployment")


def test_a_plan_without_new_revisions_passes_on_none() -> None:
    machine = Machine(PlanDeployment=[plan(targets=1, rolls=True)])
    machine.run()
    assert [machine.handed[step]["revisions"] for step in ("CreateTargets", "RollService")] == [None, None]


def test_the_main_route() -> None:
    walk = Machine().run()
    assert [state for state in walk.states if state in asl.TASKS] == MAIN_ROUTE
    assert walk.end == "Deployed"


@pytest.mark.parametrize(
    ("answers", "additions", "end", "states"),
    [
        pytest.param(
            {"TakeTurn": [{"decision": "wait"}, {"decision": "wait"}, {}]},
            {},
            "Deployed",
            {"BeginDocument": 1, "TakeTurn": 3, "WaitForTurn": 2},
            id="waits for its turn",
        ),
        pytest.param(
            {"PlanDeployment": [{"runs_before": True}], "RunBefore": [{"finished": False, "wait_seconds": 5}, {}]},
            {},
            "Deployed",
            {"RunBefore": 2, "WaitForBefore": 1},
            id="waits for the migration",
        ),
        pytest.param(
            {"PlanDeployment": [{"runs_after": True}], "RunAfter": [{"finished": False, "wait_seconds": 5}, {}]},
            {},
            "Deployed",
            {"RunAfter": 2, "WaitForAfter": 1},
            id="waits for the smoke test",
        ),
        pytest.param(
            {"CreateTargets": [{"finished": False, "left": (0,), "wait_seconds": 5}, {}]},
            {},
            "Deployed",
            {"CreateTargets": 2, "WaitForMoves": 1},
            id="waits for what moves",
        ),
        pytest.param(
            {"CheckService": [{"status": "IN_PROGRESS"}, {}]},
            {},
            "Deployed",
            {"CheckService": 2, "WaitForService": 2},
            id="waits for the service",
        ),
        pytest.param(
            {"RegisterRevisions": [{"finished": False, "document": None, "remaining": 9}, {}]},
            {},
            "Deployed",
            {"RegisterRevisions": 2},
            id="registers in several rounds",
        ),
        pytest.param(
            {"PlanDeployment": [NOTHING_TO_DO], "FinishDeployment": [{"outcome": "nothing to do"}]},
            {},
            "NothingToDo",
            {"ClearRules": 0, "FinishDeployment": 1},
            id="nothing to do",
        ),
        pytest.param(
            {"TakeTurn": [{"dry_run": True}]},
            {"dry_run": True},
            "Planned",
            {"ClearRules": 0, "FinishDeployment": 0},
            id="dry run",
        ),
        pytest.param(
            {"TakeTurn": [{"dry_run": True}], "PlanDeployment": [NOTHING_TO_DO]},
            {"dry_run": True},
            "Planned",
            {"FinishDeployment": 0},
            id="dry run with nothing to do",
        ),
        pytest.param(
            {
                "TakeTurn": [{"decision": "wait"}, {"decision": "overtaken"}],
                "RestoreDeployment": [{"outcome": "overtaken"}],
            },
            {},
            "Overtaken",
            {"TakeTurn": 2, "ReadConfig": 0},
            id="overtaken while it waits",
        ),
        pytest.param(
            {"CreateTargets": [asl.FailedError("OvertakenError", "")], "RestoreDeployment": [{"outcome": "overtaken"}]},
            {},
            "Overtaken",
            {"RollService": 0, "RestoreDeployment": 1},
            id="overtaken while it deploys",
        ),
        pytest.param(
            {"TakeTurn": [{"decision": "restore"}], "RestoreDeployment": [{"outcome": "aborted"}]},
            {},
            "Restored",
            {"ReadConfig": 0, "RestoreDeployment": 1},
            id="restores an aborted deployment",
        ),
        pytest.param(
            {"TakeTurn": [{"decision": "ignore"}]},
            {},
            "Ignored",
            {"ReadConfig": 0, "RestoreDeployment": 0},
            id="nothing to deploy",
        ),
        pytest.param(
            {"FinishDeployment": [FAILED], "RestoreDeployment": [{"outcome": "deployed"}]},
            {},
            "Deployed",
            {"RestoreDeployment": 1},
            id="only FinishDeployment failed",
        ),
        pytest.param(
            {"FinishDeployment": [FAILED], "RestoreDeployment": [{"outcome": "nothing to do"}]},
            {},
            "NothingToDo",
            {"RestoreDeployment": 1},
            id="only FinishDeployment failed, with nothing to do",
        ),
        pytest.param(
            {"ReadConfig": [FAILED], "RestoreDeployment": [FAILED]},
            {},
            "RestoreFailed",
            {"RestoreDeployment": 1},
            id="restoring failed",
        ),
        pytest.param(
            {"ReadConfig": [FAILED], "RestoreDeployment": [asl.FailedError("KeyError", "'a bug'")]},
            {},
            "RestoreFailed",
            {"RestoreDeployment": 1},
            id="restoring met a bug",
        ),
    ],
)
def test_other_routes(answers: dict[str, Any], additions: dict[str, Any], end: str, states: dict[str, int]) -> None:
    walk = Machine(**answers).run(**additions)
    assert walk.end == end
    assert {state: walk.states.count(state) for state in states} == states
    repeated = {state for state in asl.TASKS if walk.states.count(state) > 1}
    assert repeated == {state for state in asl.TASKS if states.get(state, 0) > 1}, "no other step is entered again"


@pytest.mark.parametrize("decision", Decision)
def test_where_a_decision_leads(decision: Decision) -> None:
    goes_on = {
        Decision.GO: "ReadConfig",
        Decision.WAIT: "WaitForTurn",
        Decision.PAUSE: "ChangePauses",
        Decision.IGNORE: "Ignored",
    }
    choice = asl.choice(asl.STATES["IsItThisDeploymentsTurn"], {"turn": {"decision": decision}}, {})
    assert choice == goes_on.get(decision, "RestoreDeployment"), "which records it and tells it"


@pytest.mark.parametrize("outcome", Outcome)
def test_where_an_outcome_leads(outcome: Outcome) -> None:
    ends = {
        Outcome.DEPLOYED: "Deployed",
        Outcome.NOTHING_TO_DO: "NothingToDo",
        Outcome.ABORTED: "Restored",
        Outcome.OVERTAKEN: "Overtaken",
        Outcome.HELD: "Held",
        Outcome.BARRED: "Barred",
        Outcome.DONE: "Done",
        Outcome.REJECTED: "Rejected",
    }
    choice = asl.choice(asl.STATES["HowDidItEnd"], {"restored": {"outcome": outcome}}, {})
    assert choice == ends.get(outcome, "DeploymentFailed")


def test_an_execution_in_a_loop_fails_the_test() -> None:
    rolling = {"status": "IN_PROGRESS"}
    with pytest.raises(asl.EndlessError):
        Machine(CheckService=[rolling] * asl.MOST_TRANSITIONS).run()


@pytest.mark.parametrize("step", MAIN_ROUTE)
def test_a_failure_anywhere_is_restored_and_names_its_step(step: str) -> None:
    machine = Machine(**{step: [FAILED]})
    walk = machine.run()
    assert walk.states[-3:] == ["RestoreDeployment", "HowDidItEnd", "DeploymentFailed"]
    document = FailedDeployment.model_validate(machine.handed["RestoreDeployment"]["document"])
    assert document.error
    assert explain(failed_step(document), document.error, str(RestoreResult())).startswith(f"{step}: denied. ")


@pytest.mark.parametrize("step", ["TakeTurn", "FinishDeployment"])
def test_a_failure_on_a_side_route_names_its_step(step: str) -> None:
    routes: dict[str, Any] = {
        "TakeTurn": {"TakeTurn": [{"decision": "wait"}, FAILED]},
        "FinishDeployment": {"PlanDeployment": [NOTHING_TO_DO], "FinishDeployment": [FAILED]},
    }
    machine = Machine(**routes[step])
    machine.run()
    document = FailedDeployment.model_validate(machine.handed["RestoreDeployment"]["document"])
    assert document.error
    assert explain(failed_step(document), document.error, str(RestoreResult())).startswith(f"{step}: denied. ")


@pytest.mark.parametrize(("folder", "handed"), shown().items(), ids=shown())
def test_the_example_event_is_what_the_function_receives(folder: str, handed: dict[str, Any]) -> None:
    example = json.loads((EVENTS / f"{folder}.json").read_text())
    assert example == handed, "python -m tests.examples writes the events again"


def test_the_longest_deployment_fits_into_an_executions_history() -> None:
    """It waits its turn as long as an execution may last, then rolls as long as the template allows."""
    minutes = TEMPLATE["Parameters"]["RolloutTimeoutMinutes"]["MaxValue"]
    waits, waited = 0, 0
    while waited < asl.MACHINE["TimeoutSeconds"] - minutes * 60:
        waited += turn.wait_seconds(waited)
        waits += 1
    primary: Any = {
        "id": ROLLOUT.deployment_id,
        "status": "PRIMARY",
        "taskDefinition": ROLLOUT.task_definition,
        "rolloutState": "IN_PROGRESS",
    }
    description: Any = {"deployments": [primary | {"runningCount": 0, "desiredCount": 2}]}
    looks, settings = 0, SETTINGS.model_copy(update={"rollout_timeout_minutes": minutes})
    rollout = ROLLOUT
    while rollout.waited_seconds + rollout.wait_seconds < minutes * 60:
        rollout = judge_rollout(description, rollout, settings)
        looks += 1
    assert (waits + looks) * EVENTS_OF_A_LOOK < 0.9 * MOST_EVENTS, "the rest is for every step's retries"


def test_a_wait_for_a_person_fits_into_an_executions_history() -> None:
    """It waits its turn for two days, then ECS waits as long as a service deployment may last."""
    waits, waited, month = 0, 0, 30 * 24 * 3600
    while waited < asl.MACHINE["TimeoutSeconds"] - month:
        waited += turn.wait_seconds(waited)
        waits += 1
    deployment: Any = {"lifecycleHookDetails": [{"targetType": "PAUSE", "status": "AWAITING_ACTION"}]}
    service: Any = {"taskDefinition": ROLLOUT.task_definition}
    looks, rollout = 0, ROLLOUT.model_copy(update={"staged": Staged()})
    while rollout.staged and rollout.staged.paused_seconds < month:
        rollout = service_deployments.judge(deployment, service, rollout, SETTINGS)
        looks += 1
    assert (waits + looks) * EVENTS_OF_A_LOOK < 0.9 * MOST_EVENTS, "the rest is for every step's retries"
