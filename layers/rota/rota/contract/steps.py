"""The table of the state machine's steps, and how far an execution that failed came in it. No I/O."""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rota.contract import step_io
from rota.contract.deployment import Decision, Phase
from rota.contract.shape import Shape
from rota.contract.step_io import FailedDeployment


class Step(NamedTuple):
    """One Task state of the state machine and the Lambda function behind it.

    `result` is the key under which the machine's document keeps the answer. `progress` says what was done, filled in
    from the answer's fields. `phase`: it changes the app, so it runs only while its deployment holds the lease, whose
    record is in this phase from then on; None for a step that writes nothing. `patient`: nothing is half done while it
    is retried. `done` is False for an answer after which the machine comes back to this step. `needed` is False for a
    plan that leaves it nothing to do: then its state is not entered. `optional`: most deployments go without it, so the
    board shows it only once it is entered.
    """

    name: str
    result: str
    input: type[step_io.StepInput]
    output: type[Shape]
    progress: str
    phase: Phase | None = None
    patient: bool = False
    done: Callable[[Any], bool] = lambda _answer: True
    needed: Callable[[step_io.PlanDeploymentOutput], bool] = lambda _plan: True
    optional: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes the app, and so needs the lease."""
        return self.phase is not None

    @property
    def folder(self) -> str:
        """The name as functions/ and events/ spell it: `take_turn`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


STEPS = (
    Step(
        "TakeTurn",
        "turn",
        step_io.TakeTurnInput,
        step_io.TakeTurnOutput,
        "{reason}",
        patient=True,
        done=lambda turn: turn.decision != Decision.WAIT,
    ),
    Step(
        "ReadConfig",
        "config",
        step_io.ReadConfigInput,
        step_io.ReadConfigOutput,
        "tasks in the schedule file: {tasks}; file, image and service are in order",
    ),
    Step("PlanDeployment", "plan", step_io.PlanDeploymentInput, step_io.PlanDeploymentOutput, "{summary}"),
    Step(
        "RegisterRevisions",
        "revisions",
        step_io.RegisterRevisionsInput,
        step_io.RegisterRevisionsOutput,
        "revisions registered: {registered}",
        phase=Phase.REGISTERING,
        done=lambda revisions: revisions.finished,
        needed=lambda plan: plan.registers > 0,
    ),
    # Before anything is switched, so that nothing is if it fails.
    Step(
        "RunBefore",
        "before",
        step_io.RunBeforeInput,
        step_io.RunBeforeOutput,
        "migration: {progress}",
        phase=Phase.MIGRATING,
        patient=True,
        done=lambda run: run.finished,
        needed=lambda plan: plan.runs_before,
        optional=True,
    ),
    # It disables the rules of tasks that have left the schedule file, and FinishDeployment deletes them.
    Step(
        "ClearRules",
        "cleared",
        step_io.ClearRulesInput,
        step_io.ClearRulesOutput,
        "rules disabled: {disabled}",
        phase=Phase.CLEARING,
        needed=lambda plan: (plan.removed if plan.disables is None else plan.disables) > 0,
    ),
    # It creates and updates rules, with their targets.
    Step(
        "CreateTargets",
        "targets",
        step_io.CreateTargetsInput,
        step_io.CreateTargetsOutput,
        "schedules written: {written}",
        phase=Phase.SCHEDULING,
        done=lambda targets: targets.finished,
        needed=lambda plan: plan.created + plan.updated > 0,
    ),
    Step(
        "RollService",
        "rollout",
        step_io.RollServiceInput,
        step_io.RollServiceOutput,
        "{deployment_id} begun",
        phase=Phase.ROLLING,
        needed=lambda plan: plan.rolls_service,
    ),
    Step(
        "CheckService",
        "rollout",
        step_io.CheckServiceInput,
        step_io.CheckServiceOutput,
        "{progress}, {status}",
        phase=Phase.ROLLING,
        patient=True,
        done=lambda rollout: rollout.status == "COMPLETED",
        needed=lambda plan: plan.rolls_service,
    ),
    Step(
        "RunAfter",
        "after",
        step_io.RunAfterInput,
        step_io.RunAfterOutput,
        "smoke test: {progress}",
        phase=Phase.TESTING,
        patient=True,
        done=lambda run: run.finished,
        needed=lambda plan: plan.runs_after,
        optional=True,
    ),
    Step(
        "FinishDeployment",
        "outcome",
        step_io.FinishDeploymentInput,
        step_io.FinishDeploymentOutput,
        "recorded: {outcome}",
        phase=Phase.FINISHING,
        patient=True,
    ),
    Step(
        "ChangePauses",
        "changed",
        step_io.ChangePausesInput,
        step_io.ChangePausesOutput,
        "{summary}",
        phase=Phase.FINISHING,
        needed=lambda _plan: False,
        optional=True,
    ),
    Step(
        "RestoreDeployment",
        "restored",
        step_io.RestoreDeploymentInput,
        step_io.RestoreDeploymentOutput,
        "recorded: {outcome}",
        phase=Phase.RESTORING,
        optional=True,
    ),
)
"""Every step, in the machine's order; ChangePauses is the one after TakeTurn where nothing is deployed, and
RestoreDeployment, to which the errors of all others lead, is the last.
"""


def failed_step(document: FailedDeployment) -> str:
    """The step that failed: the first that was needed and whose answer is missing or not its last."""
    if document.turn and document.turn.decision == Decision.PAUSE:
        return "ChangePauses"
    return next(step.name for step in _in_order(document) if not _is_done(step, document))


def may_have_begun(name: str, document: FailedDeployment) -> bool:
    """Whether that step may have been invoked: all before it are done, or were not needed."""
    before = itertools.takewhile(lambda step: step.name != name, _in_order(document))
    return all(_is_done(step, document) for step in before)


def is_complete(document: FailedDeployment) -> bool:
    """Whether the app is deployed and only FinishDeployment did not end well: from there it goes forward only."""
    return document.has_begun and may_have_begun("FinishDeployment", document)


def _in_order(document: FailedDeployment) -> Sequence[Step]:
    """The steps in the machine's order. That of the version of Rota before, whose document has no `before`, cleared
    before it registered.
    """
    if "before" in document.model_fields_set:
        return STEPS
    first = {"RegisterRevisions": "ClearRules", "ClearRules": "RegisterRevisions"}
    by_name = {step.name: step for step in STEPS}
    return [by_name[first.get(step.name, step.name)] for step in STEPS]


def _is_done(step: Step, document: FailedDeployment) -> bool:
    answer = getattr(document, step.result, None)
    if answer is None:
        return document.plan is not None and not step.needed(document.plan)
    return step.done(answer)
