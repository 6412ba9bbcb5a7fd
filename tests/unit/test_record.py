"""The record of a deployment: what is derived for one that has none, and what it says of the time spent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract.deployment import Execution, Phase, Stored, phases_up_to
from rota.contract.step_io import (
    CreateTargetsOutput,
    FailedDeployment,
    FinishDeploymentInput,
    OneOffRun,
    RunAfterInput,
    RunBeforeInput,
    WritingInput,
)
from rota.contract.steps import STEPS
from rota.deployment.items import plain, stored
from rota.deployment.lease.item import LeaseItem
from rota.deployment.record import DeploymentRecord, RecordUpdate, derive, with_late
from tests.examples import ANSWERS, CONTEXT

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
EXECUTION = Execution(id=CONTEXT["Execution"]["Id"], name=CONTEXT["Execution"]["Name"], started_at=START)
WRITING = [step for step in STEPS if step.writes]
PLAN = Stored(key="plan.json", version_id="1")


def document(*steps: str, **more: Any) -> FailedDeployment:
    """What a Catch hands over when these steps have ended."""
    answers = {step.result: ANSWERS[step.name] for step in STEPS if step.name in steps}
    return FailedDeployment.model_validate({"before": None, "after": None, **answers, **more})


def test_phases_come_in_the_order_of_the_steps() -> None:
    phases = [step.phase for step in WRITING if step.phase]
    assert phases == sorted(phases, key=list(Phase).index)
    assert phases_up_to(Phase.REGISTERING) == (Phase.PLANNING, Phase.REGISTERING, Phase.CLEARING), "as before"
    assert phases_up_to(Phase.RESTORING) == tuple(Phase)


@pytest.mark.parametrize(
    ("done", "begun"),
    [
        ((), []),
        (("TakeTurn", "ReadConfig"), []),
        (("TakeTurn", "ReadConfig", "PlanDeployment"), ["RegisterRevisions"]),
        (("TakeTurn", "ReadConfig", "PlanDeployment", "RegisterRevisions"), ["RegisterRevisions", "ClearRules"]),
    ],
)
def test_a_record_is_derived_from_the_document(done: tuple[str, ...], begun: list[str]) -> None:
    record = derive(EXECUTION, document(*done))
    assert (record.has_begun, record.complete) == (bool(begun), False)
    assert [step.name for step in WRITING if record.may_have_begun(step.name)] == begun
    assert record.plan == (ANSWERS["PlanDeployment"].document if begun else None)  # type: ignore[attr-defined]  # a model of it
    assert (record.durations(), record.late, record.late_more) == ("", (), 0)


@pytest.mark.parametrize(
    ("step", "given", "facts"),
    [
        (RunBeforeInput, {}, OneOffRun(kind="before").facts()),
        (RunBeforeInput, {"before": (run := OneOffRun(kind="before", task_arn="arn"))}, run.facts()),
        (RunAfterInput, {}, OneOffRun(kind="after").facts()),
        (RunAfterInput, {"after": (run := OneOffRun(kind="after", task_arn="arn"))}, run.facts()),
        (FinishDeploymentInput, {}, {"complete": True}),
        (
            FinishDeploymentInput,
            {"targets": CreateTargetsOutput(written=1, late=("Once",))},
            {"complete": True, "late": ["Once"], "late_more": 0},
        ),
    ],
)
def test_what_a_step_is_handed_is_in_the_record_as_it_enters(
    step: type[WritingInput], given: dict[str, Any], facts: dict[str, Any]
) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("execution", "config", "plan", "image"))
    assert step.model_construct(**nothing, **given).facts() == facts


def test_a_dry_run_has_begun_nothing() -> None:
    turn = ANSWERS["TakeTurn"].model_copy(update={"dry_run": True})
    record = derive(EXECUTION, document("ReadConfig", "PlanDeployment", turn=turn))
    assert not record.has_begun


@pytest.mark.parametrize(
    ("changes", "has_begun"),
    [({}, True), ({"waits": True}, False), ({"nothing_to_do": True}, False)],
    ids=["it goes on", "it is to be approved", "nothing to do"],
)
def test_what_ends_with_its_plan_has_begun_nothing(changes: dict[str, bool], has_begun: bool) -> None:
    given: dict[str, Any] = {"turn": ANSWERS["TakeTurn"]}
    assert FailedDeployment.model_construct(**given).has_begun is False, "without a plan"
    given["plan"] = ANSWERS["PlanDeployment"].model_copy(update=changes)
    assert FailedDeployment.model_construct(**given).has_begun is has_begun
    del given["turn"]
    assert FailedDeployment.model_construct(**given).has_begun is False, "without a turn"


@pytest.mark.parametrize(
    ("plan_begun", "planning"),
    [(23.1, "ReadConfig 2.1 s, PlanDeployment 1.1 s"), (None, "planning 3.2 s")],
    ids=["known", "a record of the version before"],
)
def test_durations_are_from_one_step_to_the_next(plan_begun: float | None, planning: str) -> None:
    entered = {"TakeTurn": 21, "ClearRules": 24.2, "RollService": 25, "CheckService": 30.5, "FinishDeployment": 90}
    at = {step: START + timedelta(seconds=seconds) for step, seconds in entered.items()}
    begun = START + timedelta(seconds=plan_begun) if plan_begun else None
    record = DeploymentRecord(execution=EXECUTION, entered=at, plan_begun=begun)
    assert record.durations() == (
        f"TakeTurn 21.0 s, {planning}, ClearRules 0.8 s, RollService 5.5 s, CheckService 59.5 s"
    )
    assert record.last_step == "FinishDeployment"


def test_before_the_first_write_a_deployment_is_planning() -> None:
    assert DeploymentRecord(execution=EXECUTION, entered={"TakeTurn": START}).last_step == "Planning"


@pytest.mark.parametrize(
    "value", ["x", True, None, {"a": ["b", {"c": "d"}]}, {"key": "k", "version_id": "v"}, []], ids=str
)
def test_items_are_read_as_they_were_stored(value: Any) -> None:
    assert plain(stored(value)) == value


def test_a_record_that_cannot_be_read_is_none() -> None:
    """A later version knows phases that this one does not, and this one must restore all the same."""
    item = {"holder": EXECUTION.id, "deployment": {"execution": EXECUTION.model_dump(), "phase": "before"}}
    item["left_running"] = {"executions": [EXECUTION.id]}
    read = LeaseItem.model_validate(item, extra="ignore")
    assert (read.record, read.left_running) == (None, None)


def test_the_record_of_an_earlier_holder_is_none() -> None:
    """A version of Rota that makes no record took the lease since."""
    item = {"holder": "another", "deployment": {"execution": EXECUTION.model_dump(), "phase": "rolling"}}
    assert LeaseItem.model_validate(item, extra="ignore").record is None


def test_what_a_later_version_adds_is_ignored() -> None:
    record = {"execution": {**EXECUTION.model_dump(), "new": 1}, "phase": "rolling", "new": {}}
    item = LeaseItem.model_validate({"holder": EXECUTION.id, "deployment": record, "new": "x"}, extra="ignore")
    assert item.record
    assert item.record.phase == Phase.ROLLING


@pytest.mark.parametrize(
    ("late", "more", "said"),
    [
        ((), 0, "none"),
        (
            ("A",),
            0,
            "none; the time of A passed before its schedule was made, so it did not run: start it with rota run A, or "
            "write a later time",
        ),
        (
            ("A", "B"),
            9,
            "none; the times of A, B and 9 more passed before their schedules were made, so they did not run: start "
            "them with rota run, or write later times",
        ),
        (
            ("A",),
            1,
            "none; the times of A and 1 more passed before their schedules were made, so they did not run: start "
            "them with rota run, or write later times",
        ),
    ],
)
def test_whose_time_had_passed_is_one_sentence(late: tuple[str, ...], more: int, said: str) -> None:
    assert with_late("none", late, more) == said


def update(name: str, **facts: Any) -> RecordUpdate:
    return RecordUpdate(next(step for step in STEPS if step.name == name), facts)


def test_the_whole_update_as_a_step_enters() -> None:
    found = update("CreateTargets", summary="1 new", complete=False)
    assert found.entered() == (
        ", #record.#phase = :phase, #record.#entered.#step = if_not_exists(#record.#entered.#step, :now)"
        ", #record.#fact0 = :fact0, #record.#fact1 = if_not_exists(#record.#fact1, :fact1)"
    )
    assert found.is_forward() == (
        "#record.#execution.#id = :me AND #record.#phase IN (:phase0, :phase1, :phase2, :phase3, :phase4)"
    )
    assert found.names == {
        "#record": "deployment",
        "#step": "CreateTargets",
        "#fact0": "summary",
        "#fact1": "complete",
        "#phase": "phase",
        "#entered": "entered",
        "#execution": "execution",
        "#id": "id",
    }
    phases = ["planning", "registering", "migrating", "clearing", "scheduling"]
    assert found.values == {
        ":fact0": "1 new",
        ":fact1": False,
        ":phase": "scheduling",
        ":now": found.now.isoformat(),
        **{f":phase{number}": phase for number, phase in enumerate(phases)},
    }


@pytest.mark.parametrize("name", ["complete", "error", "failed_step", "asks"])
def test_what_was_decided_first_stays(name: str) -> None:
    said = update("FinishDeployment", **{name: "x"}).left(1, waited=False)
    assert said.endswith(", #record.#fact0 = if_not_exists(#record.#fact0, :fact0)")


@pytest.mark.parametrize(
    ("step", "waited", "attempts"),
    [("RestoreDeployment", False, ""), ("RestoreDeployment", True, "-"), ("RollService", True, "")],
)
def test_the_whole_update_as_a_step_leaves(step: str, waited: bool, attempts: str) -> None:
    found = update(step, rollout="r")
    counted = f", #record.#attempts = if_not_exists(#record.#attempts, :zero) {attempts} :one" if attempts else ""
    assert found.left(1.23456, waited=waited) == (
        " SET #record.#seconds.#step = if_not_exists(#record.#seconds.#step, :zero) + :spent, #record.#fact0 = :fact0"
        + counted
    )
    known = {"#record": "deployment", "#step": step, "#fact0": "rollout", "#seconds": "seconds"}
    assert found.names == known | ({"#attempts": "restore_attempts"} if attempts else {})
    assert found.values == {":fact0": "r", ":zero": 0, ":spent": 1.235} | ({":one": 1} if attempts else {})


def test_an_attempt_to_restore_counts_as_it_enters() -> None:
    found = update("RestoreDeployment")
    assert found.entered().endswith(", #record.#attempts = if_not_exists(#record.#attempts, :zero) + :one")
    assert (found.values[":zero"], found.values[":one"], found.values[":phase"]) == (0, 1, "restoring")


def test_all_of_the_document_is_in_what_is_derived() -> None:
    whole = document(*(step.name for step in STEPS if step.name != "RestoreDeployment"))
    found = derive(EXECUTION, whole)
    turn, config, plan = whole.turn, whole.config, whole.plan
    assert turn
    assert config
    assert plan
    assert whole.revisions
    assert whole.targets
    known = {
        "execution": EXECUTION,
        "image": turn.image,
        "origin": turn.origin,
        "rollout": whole.rollout,
        "before": whole.before,
        "after": whole.after,
        "late": whole.targets.late,
        "late_more": whole.targets.late_more,
        "summary": plan.summary,
        "plan": plan.document,
        "snapshot": plan.snapshot,
        "nothing_to_do": False,
        "revisions": whole.revisions.document,
        "asks": plan.asks,
        "schedule": config.schedule,
        "tasks": config.tasks,
    }
    assert {name: getattr(found, name) for name in known} == known


def test_steps_come_in_the_order_in_which_they_entered() -> None:
    """However the item has them."""
    entered = {"CreateTargets": 30, "RestoreDeployment": 90, "TakeTurn": 21, "RegisterRevisions": 25}
    at = {step: START + timedelta(seconds=seconds) for step, seconds in entered.items()}
    record = DeploymentRecord(execution=EXECUTION, entered=at)
    assert record.durations() == "TakeTurn 21.0 s, planning 4.0 s, RegisterRevisions 5.0 s, CreateTargets 60.0 s"
    assert record.last_step == "CreateTargets", "but for the one that restores"
    assert DeploymentRecord(execution=EXECUTION).last_step == "Planning"


def test_what_is_not_known_is_not_stored() -> None:
    started = {"id": EXECUTION.id, "name": EXECUTION.name, "started_at": "2026-11-24T06:00:00Z"}
    nothing: dict[str, Any] = {"lifts": [], "passed": [], "entered": {}, "seconds": {}}
    assert DeploymentRecord(execution=EXECUTION).stored() == nothing | {
        "execution": started,
        "phase": "planning",
        "passes": False,
        "order": "",
        "summary": "",
        "nothing_to_do": False,
    }
    late = DeploymentRecord(execution=EXECUTION, late=("A",), late_more=2).stored()
    assert (late["late"], late["late_more"]) == (["A"], 2)


@pytest.mark.parametrize(
    ("known", "begun"),
    [
        ({}, False),
        ({"plan": PLAN}, True),
        ({"plan": PLAN, "nothing_to_do": True}, False),
        ({"nothing_to_do": True}, False),
    ],
)
def test_what_has_begun_may_have_written(known: dict[str, Any], begun: bool) -> None:
    assert DeploymentRecord(execution=EXECUTION, **known).has_begun is begun
