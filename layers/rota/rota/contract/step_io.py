"""What each step is handed and what it answers. No I/O."""

from typing import Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from rota.contract.deployment import (
    Approval,
    Asks,
    Execution,
    Image,
    Origin,
    Outcome,
    Pinned,
    Stored,
    Verdict,
)
from rota.contract.shape import Recorded, Shape


class StepInput(Shape):
    """What every step is handed, beside its own: which execution it works for."""

    execution: Execution


class TakeTurnOutput(Verdict):
    """`restores` is the ARN of an execution that was stopped and is to be restored; then there is no image. Nor is
    there one before a change of what is live has its turn: it deploys the image that is live then. `approval` is None
    where none is needed.
    """

    wait_seconds: int
    dry_run: bool
    image: Image | None = None
    origin: Origin | None = None
    restores: str | None = None
    pinned: Pinned | None = None
    approval: Approval | None = None
    remark: str = ""
    """What the plan's summary says of the deployment beside its changes."""
    with_before: bool = True
    """Whether the file's `before` runs, if the image is not the one that is live."""


class TakeTurnInput(StepInput):
    """`turn` is the answer of the round before; None in the first."""

    event: Any  # whatever the machine was started with
    turn: TakeTurnOutput | None = None


class ReadConfigInput(StepInput):
    """`pinned`: not today's schedule file, but that; and not today's base, if it has one."""

    image: Image
    pinned: Pinned | None = None
    remark: str = ""
    with_before: bool = True


class ReadConfigOutput(Recorded):
    """`state` is where the current state is stored; None: by an earlier version of Rota, which stored none."""

    schedule: Stored
    tasks: int
    image_uri: str
    base: str
    state: Stored | None = None

    def facts(self) -> dict[str, Any]:
        return {"schedule": self.schedule.model_dump(), "tasks": self.tasks}


class PlanDeploymentInput(StepInput):
    config: ReadConfigOutput
    approval: Approval | None = None


class PlanDeploymentOutput(Recorded):
    """Where plan and snapshot are, and what a person wants to know of them.

    `targets` is `created` and `updated` together: an execution that the previous version of Rota began goes by it.
    `disables`: how many of `removed` ClearRules switches off; None in a plan of the version of Rota before, whose
    executions enter ClearRules for all of them. `waits`: it ends here, and waits for what it `asks`. `begun_at`: when
    the invocation began that made the plan; None likewise.
    """

    document: Stored
    snapshot: Stored
    nothing_to_do: bool
    summary: str
    created: int
    updated: int
    kept: int
    removed: int
    disables: int | None = Field(None, exclude_if=lambda given: given is None)
    registers: int
    targets: int = 0
    calls: dict[str, int]
    estimated_seconds: int
    rolls_service: bool
    waits: bool = False
    asks: Asks | None = None
    runs_before: bool = False
    runs_after: bool = False
    begun_at: AwareDatetime | None = Field(None, exclude_if=lambda given: given is None)

    def facts(self) -> dict[str, Any]:
        pointers = {"plan": self.document.model_dump(), "snapshot": self.snapshot.model_dump()}
        begun = {"plan_begun": self.begun_at.isoformat()} if self.begun_at else {}
        return {**pointers, **begun, "summary": self.summary, "nothing_to_do": self.nothing_to_do}


class RegisterRevisionsOutput(Recorded):
    """`document` is None while there is more to register than one round of the step has time for."""

    finished: bool
    document: Stored | None
    registered: int
    remaining: int

    def facts(self) -> dict[str, Any]:
        return {"revisions": self.document.model_dump()} if self.document else {}


class WritingInput(StepInput, Recorded):
    """What every step that writes is handed. `revisions` is None if nothing was registered, or not yet."""

    config: ReadConfigOutput
    plan: PlanDeploymentOutput
    revisions: RegisterRevisionsOutput | None = None


class RegisterRevisionsInput(WritingInput):
    """Nothing but what every step that writes is handed."""


class Registered(Shape):
    """What RegisterRevisions leaves for the next steps: ARNs by fingerprint."""

    revisions: dict[str, str]


class OneOffRun(Recorded):
    """How far the run of the file's `before` or `after` is.

    `attempt` counts tasks of ECS: one that never began is followed by another. `task_arn` is empty until ECS has
    accepted it, and for one that it did not accept `reason` says why; `revision` is the ARN that it runs.
    `exit_code` and `seconds` are known once it has `finished`, well or not. `since`: when its timeout began to
    count, if it had to wait first for a migration that was left running.
    """

    kind: Literal["before", "after"]
    attempt: int = 1
    task_arn: str = ""
    revision: str = ""
    since: AwareDatetime | None = None
    asked_at: AwareDatetime | None = None
    finished: bool = False
    exit_code: int | None = None
    seconds: float | None = None
    reason: str = ""
    progress: str = ""
    wait_seconds: int = 0

    def facts(self) -> dict[str, Any]:
        return {self.kind: self.model_dump(mode="json")}

    @property
    def is_good(self) -> bool:
        """Whether it has ended, and well."""
        return self.finished and self.exit_code == 0


RunBeforeOutput: TypeAlias = OneOffRun


RunAfterOutput: TypeAlias = OneOffRun


class RunBeforeInput(WritingInput):
    """`before` is the answer of the round before; None in the first."""

    before: OneOffRun | None = None

    def facts(self) -> dict[str, Any]:
        # Before the first task is started: from then on one may run.
        return {**OneOffRun(kind="before").facts(), **super().facts()}


class ClearRulesInput(WritingInput):
    """Nothing but what every step that writes is handed."""


class ClearRulesOutput(Shape):
    disabled: int = 0


class CreateTargetsOutput(Recorded):
    """`left`: the schedules that are still to move to the other backend, by their numbers among the plan's moves
    (`moving.of`), for which another round comes after `wait_seconds`; `starts_at`: the minute at which some of them
    begin there; `ends_at`: when those that end at a minute have run for the last time. `late`: the tasks whose one time
    had passed when their schedule was made; of very many the first, and `late_more` is how many more there are, which
    is left out if it is none, as the previous version of Rota has it.
    """

    written: int
    finished: bool = True
    wait_seconds: int = 0
    left: tuple[int, ...] = ()
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    late: tuple[str, ...] = ()
    late_more: int = Field(0, exclude_if=lambda given: not given)

    def facts(self) -> dict[str, Any]:
        return {"late": [*self.late], "late_more": self.late_more} if self.late else {}


class CreateTargetsInput(WritingInput):
    """`targets` is the answer of the round before; None in the first. The machine of a version of Rota that had no
    moves hands over none at all.
    """

    targets: CreateTargetsOutput | None = None


class RollServiceInput(WritingInput):
    """Nothing but what every step that writes is handed."""


class Staged(Shape):
    """What is known of a rollout that goes through lifecycle stages of ECS.

    `service_deployment` is its ARN, empty until ECS shows it; `replaces` that of the service deployment before it, if
    that is of the same revision. `paused` says whether ECS waits for a person, `paused_seconds` for how long it has
    done so, which does not count as waited.
    """

    service_deployment: str = ""
    replaces: str = ""
    paused: bool = False
    paused_seconds: int = 0


class Rollout(Recorded):
    """The ECS deployment that RollService started, as ECS reports it. `waited_seconds` counts the machine's waits.

    `staged` is None for one that only replaces tasks: it is left out then, as the previous version of Rota has it.
    """

    task_definition: str
    deployment_id: str
    status: Literal["IN_PROGRESS", "COMPLETED"]
    progress: str
    wait_seconds: int
    waited_seconds: int
    staged: Staged | None = Field(None, exclude_if=lambda staged: staged is None)

    def facts(self) -> dict[str, Any]:
        return {"rollout": self.model_dump()}


RollServiceOutput: TypeAlias = Rollout


CheckServiceOutput: TypeAlias = Rollout


class CheckServiceInput(WritingInput):
    rollout: Rollout


class RunAfterInput(WritingInput):
    """`after` is the answer of the round before; None in the first."""

    after: OneOffRun | None = None

    def facts(self) -> dict[str, Any]:
        return {**OneOffRun(kind="after").facts(), **super().facts()}


class FinishDeploymentInput(WritingInput):
    """The machine of the version of Rota before hands over no `targets`."""

    image: Image
    targets: CreateTargetsOutput | None = None

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "complete": True}


class FinishDeploymentOutput(Shape):
    """`release` is None if the deployment made no release live."""

    outcome: Outcome
    summary: str
    release: int | None = None


class ChangePausesInput(StepInput):
    event: Any  # whatever the machine was started with


class ChangePausesOutput(Shape):
    """`summary` says which tasks are paused or resumed now."""

    outcome: Outcome
    summary: str


class CaughtError(Shape):
    """What a Catch of the state machine adds; Step Functions spells it with capitals."""

    Error: str
    Cause: str = ""


class FailedDeployment(BaseModel):
    """The state machine's document at the moment of the failure; which keys are there says how far it came: see
    `steps.failed_step`.

    Without `error` TakeTurn ended it: it was overtaken, held or barred, is done, or restores another execution; or
    PlanDeployment, because its changes are to be approved.
    """

    # Nothing that a later version adds to the document keeps this one from restoring.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    error: CaughtError | None = None
    turn: TakeTurnOutput | None = None
    config: ReadConfigOutput | None = None
    plan: PlanDeploymentOutput | None = None
    revisions: RegisterRevisionsOutput | None = None
    before: OneOffRun | None = None
    cleared: ClearRulesOutput | None = None
    targets: CreateTargetsOutput | None = None
    rollout: Rollout | None = None
    after: OneOffRun | None = None

    @property
    def restores(self) -> str | None:
        """The ARN of the execution that this one is to restore; None for a deployment."""
        return self.turn.restores if self.turn else None

    @property
    def has_begun(self) -> bool:
        """Whether anything of the app may have been written."""
        plan = self.plan
        return bool(plan and not plan.nothing_to_do and not plan.waits and self.turn and not self.turn.dry_run)


class RestoreDeploymentInput(StepInput):
    """`retries` counts how often the state has been tried before, for any reason, waits too; `event` started the
    execution.
    """

    document: FailedDeployment
    retries: int = 0
    event: Any = None


class RestoreDeploymentOutput(Shape):
    """How the deployment ended; `error` and `cause` become those of an execution that failed."""

    outcome: Outcome
    error: str
    cause: str
