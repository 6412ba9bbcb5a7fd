"""Every shape that crosses a boundary of the state machine, and the table of its steps. No I/O."""

import itertools
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Outcome(StrEnum):
    """How a deployment ended, as ledger, event and state machine spell it."""

    DEPLOYED = "deployed"
    NOTHING_TO_DO = "nothing to do"
    FAILED = "failed"
    ABORTED = "aborted"
    OVERTAKEN = "overtaken"


class Shape(BaseModel):
    """Frozen; unknown members are an error. Errors do not show values, because they are logged and mailed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Execution(Shape):
    """The deployment: one execution of the state machine."""

    id: str
    name: str
    started_at: AwareDatetime


class Image(Shape):
    """What was pushed. The digest alone decides; the tag is for people and for the schedule key."""

    repository: str
    digest: Digest
    tag: str | None = None
    event_id: str | None = None
    pushed_at: AwareDatetime | None = None

    def started(self, execution_name: str) -> bool:
        """True if the push itself started that execution: EventBridge names it after the event's id and a UUID.

        What a person calls `<id>-rollback` is that person's.
        """
        return bool(self.event_id and re.fullmatch(f"{re.escape(self.event_id)}(_[0-9a-f-]{{32,}})?", execution_name))


def is_dry_run(event: Mapping[str, Any]) -> bool:
    """True if the person who started the execution added `"dry_run": true`."""
    return event.get("dry_run") is True


class Stored(Shape):
    """One version of one object in the app's bucket."""

    key: str
    version_id: str


class Decision(StrEnum):
    """What becomes of an execution in TakeTurn."""

    GO = "go"
    WAIT = "wait"
    OVERTAKEN = "overtaken"
    IGNORE = "ignore"
    RESTORE = "restore"


class Verdict(Shape):
    """What becomes of an execution now, and why."""

    decision: Decision
    reason: str


class StepInput(Shape):
    """What every step is handed, beside its own: which execution it works for."""

    execution: Execution


class TakeTurnInput(StepInput):
    event: Any  # whatever the machine was started with


class TakeTurnOutput(Verdict):
    """`restores` is the ARN of an execution that ended in the middle and is to be put back; then there is no image."""

    wait_seconds: int
    dry_run: bool
    image: Image | None = None
    restores: str | None = None


class ReadConfigInput(StepInput):
    image: Image


class ReadConfigOutput(Shape):
    """`state` is where the current state is stored; None: by an earlier version of Rota, which stored none."""

    schedule: Stored
    tasks: int
    image_uri: str
    base: str
    state: Stored | None = None


class PlanDeploymentInput(StepInput):
    config: ReadConfigOutput


class PlanDeploymentOutput(Shape):
    """Where plan and snapshot are, and what a person wants to know of them."""

    document: Stored
    snapshot: Stored
    nothing_to_do: bool
    summary: str
    created: int
    updated: int
    kept: int
    removed: int
    registers: int
    targets: int = 0
    calls: dict[str, int]
    estimated_seconds: int
    rolls_service: bool


class ClearRulesInput(StepInput):
    plan: Stored


class ClearRulesOutput(Shape):
    disabled: int = 0


class RegisterRevisionsInput(StepInput):
    plan: Stored


class RegisterRevisionsOutput(Shape):
    """`document` is None while there is more to register than one round of the step has time for."""

    finished: bool
    document: Stored | None
    registered: int
    remaining: int


class Registered(Shape):
    """What RegisterRevisions leaves for the next steps: ARNs by fingerprint."""

    revisions: dict[str, str]


class CreateTargetsInput(StepInput):
    """`revisions` is None where nothing had to be registered."""

    plan: Stored
    revisions: RegisterRevisionsOutput | None


class CreateTargetsOutput(Shape):
    written: int


class RollServiceInput(StepInput):
    """`revisions` is None where nothing had to be registered."""

    plan: Stored
    revisions: RegisterRevisionsOutput | None


class Rollout(Shape):
    """The ECS deployment that RollService started, as ECS reports it. `waited_seconds` counts the machine's waits."""

    task_definition: str
    deployment_id: str
    status: Literal["IN_PROGRESS", "COMPLETED"]
    progress: str
    wait_seconds: int
    waited_seconds: int


RollServiceOutput: TypeAlias = Rollout
CheckServiceOutput: TypeAlias = Rollout


class CheckServiceInput(StepInput):
    rollout: Rollout


class FinishDeploymentInput(StepInput):
    image: Image
    config: ReadConfigOutput
    plan: PlanDeploymentOutput


class FinishDeploymentOutput(Shape):
    outcome: Outcome
    summary: str


class CaughtError(Shape):
    """What a Catch of the state machine adds; Step Functions spells it with capitals."""

    Error: str
    Cause: str = ""


class FailedDeployment(BaseModel):
    """The state machine's document at the moment of the failure; which keys are there says how far it came.

    Without `error` the deployment was overtaken before it had its turn.
    """

    # Nothing that a later version adds to the document keeps this one from restoring.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    error: CaughtError | None = None
    turn: TakeTurnOutput | None = None
    config: ReadConfigOutput | None = None
    plan: PlanDeploymentOutput | None = None
    cleared: ClearRulesOutput | None = None
    revisions: RegisterRevisionsOutput | None = None
    targets: CreateTargetsOutput | None = None
    rollout: Rollout | None = None

    @property
    def restores(self) -> str | None:
        """The ARN of the execution that this one was to put back; None for a deployment."""
        return self.turn.restores if self.turn else None

    @property
    def step(self) -> str:
        """The step that failed: the first that was needed and whose answer is missing or not its last."""
        return next(step.name for step in STEPS if not self._is_done(step))

    def may_have_begun(self, name: str) -> bool:
        """Whether that step may have been invoked: all before it are done, or were not needed."""
        before = itertools.takewhile(lambda step: step.name != name, STEPS)
        return all(self._is_done(step) for step in before)

    @property
    def is_complete(self) -> bool:
        """Whether the app is deployed and only FinishDeployment did not end well: from there it goes forward only."""
        return self.has_begun and self.may_have_begun("FinishDeployment")

    def _is_done(self, step: "Step") -> bool:
        answer = getattr(self, step.result, None)
        if answer is None:
            return self.plan is not None and not step.needed(self.plan)
        return step.done(answer)

    @property
    def has_begun(self) -> bool:
        """Whether anything of the app may have been written."""
        return bool(self.plan and not self.plan.nothing_to_do and self.turn and not self.turn.dry_run)


class RestoreDeploymentInput(StepInput):
    """`retries` counts how often the state has been tried before, for any reason; `event` started the execution."""

    document: FailedDeployment
    retries: int = 0
    event: Any = None


class RestoreDeploymentOutput(Shape):
    """How the deployment ended; `error` and `cause` become those of an execution that failed."""

    outcome: Outcome
    error: str
    cause: str


class Step(NamedTuple):
    """One Task state of the state machine and the Lambda function behind it.

    `result` is the key under which the machine's document keeps the answer. `progress` says what was done, filled in
    from the answer's fields. `writes`: it changes the app, so it runs only while its deployment holds the lease.
    `patient`: nothing is half done while it is retried. `done` is False for an answer after which the machine comes
    back to this step. `needed` is False for a plan that leaves it nothing to do: then its state is not entered.
    """

    name: str
    result: str
    input: type[StepInput]
    output: type[Shape]
    progress: str
    writes: bool = False
    patient: bool = False
    done: Callable[[Any], bool] = lambda _answer: True
    needed: Callable[["PlanDeploymentOutput"], bool] = lambda _plan: True

    @property
    def folder(self) -> str:
        """The name as functions/ and events/ spell it: `take_turn`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


STEPS = (
    Step(
        "TakeTurn",
        "turn",
        TakeTurnInput,
        TakeTurnOutput,
        "{reason}",
        patient=True,
        done=lambda turn: turn.decision != Decision.WAIT,
    ),
    Step(
        "ReadConfig",
        "config",
        ReadConfigInput,
        ReadConfigOutput,
        "tasks in the schedule file: {tasks}; file, image and service are in order",
    ),
    Step("PlanDeployment", "plan", PlanDeploymentInput, PlanDeploymentOutput, "{summary}"),
    Step(
        "ClearRules",
        "cleared",
        ClearRulesInput,
        ClearRulesOutput,
        "rules disabled: {disabled}",
        writes=True,
        needed=lambda plan: plan.removed > 0,
    ),
    Step(
        "RegisterRevisions",
        "revisions",
        RegisterRevisionsInput,
        RegisterRevisionsOutput,
        "revisions registered: {registered}",
        writes=True,
        done=lambda revisions: revisions.finished,
        needed=lambda plan: plan.registers > 0,
    ),
    Step(
        "CreateTargets",
        "targets",
        CreateTargetsInput,
        CreateTargetsOutput,
        "schedules written: {written}",
        writes=True,
        needed=lambda plan: plan.created + plan.updated > 0,
    ),
    Step(
        "RollService",
        "rollout",
        RollServiceInput,
        RollServiceOutput,
        "{deployment_id} begun",
        writes=True,
        needed=lambda plan: plan.rolls_service,
    ),
    Step(
        "CheckService",
        "rollout",
        CheckServiceInput,
        CheckServiceOutput,
        "{progress}, {status}",
        writes=True,
        patient=True,
        done=lambda rollout: rollout.status == "COMPLETED",
        needed=lambda plan: plan.rolls_service,
    ),
    Step(
        "FinishDeployment",
        "outcome",
        FinishDeploymentInput,
        FinishDeploymentOutput,
        "recorded: {outcome}",
        writes=True,
        patient=True,
    ),
    Step(
        "RestoreDeployment",
        "restored",
        RestoreDeploymentInput,
        RestoreDeploymentOutput,
        "recorded: {outcome}",
        writes=True,
    ),
)
"""Every step, in the machine's order; RestoreDeployment, to which the errors of all others lead, is the last."""
