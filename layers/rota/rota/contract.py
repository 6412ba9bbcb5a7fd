"""Every shape that crosses a boundary of the state machine, and the table of its steps. No I/O."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
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
    HELD = "held"
    """Deployments are held. The newest push stays pending until the hold is over."""
    BARRED = "barred"
    """The image was rolled back from, and no person chose it since."""
    DONE = "done"
    """What a person asked for, a hold, bars or pauses, is changed; nothing was to be deployed."""
    REJECTED = "rejected"
    """It waited for an approval, and a person rejected it, or none answered in time."""
    REFUSED = "refused"
    """What a person asked for was refused before there was an image to deploy."""


class Shape(BaseModel):
    """Frozen; unknown members are an error. Errors do not show values, because they are logged and mailed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Execution(Shape):
    """One execution of the state machine."""

    id: str
    """Its ARN, `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`."""
    name: str
    started_at: AwareDatetime

    @property
    def region(self) -> str:
        """Where it runs."""
        return self.id.split(":")[3]

    @property
    def account(self) -> str:
        """The account in which it runs."""
        return self.id.split(":")[4]


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
        return is_started_by(self.event_id, execution_name)


def is_started_by(event_id: Any, execution_name: str) -> bool:
    """True if EventBridge started that execution with the event of that id, by the name that it gives."""
    return isinstance(event_id, str) and bool(
        event_id and re.fullmatch(f"{re.escape(event_id)}(_[0-9a-f-]{{32,}})?", execution_name)
    )


def is_dry_run(event: Any) -> bool:
    """True if the person who started the execution with that input added `"dry_run": true`."""
    return isinstance(event, Mapping) and event.get("dry_run") is True


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
    HELD = "held"
    BARRED = "barred"
    REJECTED = "rejected"
    DONE = "done"
    PAUSE = "pause"
    """It pauses or resumes tasks, and deploys nothing."""


class Kind(StrEnum):
    """What a deployment was started for. The first four deploy an image; the others change what is live."""

    PUSH = "push"
    """EventBridge started it with a push."""
    AGAIN = "again"
    """A person started it with the event of a push."""
    IMAGE = "image"
    """A person chose the image."""
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RESUME = "resume"
    SCHEDULE = "schedule"
    """The schedule file alone, with the image that is live."""
    LIFT = "lift"
    """Bars of images alone; it deploys nothing."""


class Origin(Shape):
    """Who started a deployment, and why. `by` and `reason` are as its input says, empty if it does not. `kind` is None
    only of an input that was refused because of its kind.
    """

    kind: Kind | None
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """For people: `rollback by ann: the login fails`."""
        by_a_person = f" by {self.by or 'a person'}" if self.by or self.kind != Kind.PUSH else ""
        return f"{self.kind or 'a request'}{by_a_person}{f': {self.reason}' if self.reason else ''}"


class Phase(StrEnum):
    """How far a deployment has come, in this order. It moves forward only."""

    PLANNING = "planning"
    """It holds the lease and has written nothing."""
    REGISTERING = "registering"
    MIGRATING = "migrating"
    """The task `before` of the schedule file runs."""
    CLEARING = "clearing"
    SCHEDULING = "scheduling"
    ROLLING = "rolling"
    TESTING = "testing"
    """The task `after` of the schedule file runs."""
    FINISHING = "finishing"
    RESTORING = "restoring"


def phases_up_to(last: Phase | None) -> tuple[Phase, ...]:
    """The phases that may come before that one, and itself; none for None."""
    phases = tuple(Phase)
    before = phases[: phases.index(last) + 1] if last else ()
    # The version of Rota before clears before it registers, and may have begun the execution.
    return (*before, Phase.CLEARING) if last == Phase.REGISTERING else before


class Recorded(Shape):
    """A shape that is handed to or answered by a step that writes. `facts` go into the deployment's record."""

    def facts(self) -> dict[str, Any]:
        """By the record's attribute, as JSON has it: of each member that is such a shape, all together."""
        members = (getattr(self, name) for name in type(self).model_fields)
        return {name: fact for each in members if isinstance(each, Recorded) for name, fact in each.facts().items()}


class Verdict(Shape):
    """What becomes of an execution now, and why."""

    decision: Decision
    reason: str


class Pinned(Shape):
    """What is deployed, not as it is today: a version of a schedule file; and of the release `name` that is brought
    back the base, which is in its plan, and the revisions that it registered.
    """

    schedule: Stored
    name: str = ""
    plan: Stored | None = None
    revisions: Stored | None = None


class Approval(Shape):
    """That a person has to approve the changes first. `given`: the digest of those that one approved; empty before."""

    given: str = ""


class Asks(Shape):
    """What an approval is asked for: the digest of the changes as a person sees them; and until when."""

    changes: str
    until: AwareDatetime


class StepInput(Shape):
    """What every step is handed, beside its own: which execution it works for."""

    execution: Execution


class TakeTurnInput(StepInput):
    event: Any  # whatever the machine was started with


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

    `targets` is `created` and `updated` together: an execution that the previous release of Rota began goes by it.
    `waits`: it ends here, and waits for what it `asks`.
    """

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
    waits: bool = False
    asks: Asks | None = None
    runs_before: bool = False
    runs_after: bool = False

    def facts(self) -> dict[str, Any]:
        pointers = {"plan": self.document.model_dump(), "snapshot": self.snapshot.model_dump()}
        return {**pointers, "summary": self.summary, "nothing_to_do": self.nothing_to_do}


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
    `exit_code` and `seconds` are known once it has `finished`, well or not.
    """

    kind: Literal["before", "after"]
    attempt: int = 1
    task_arn: str = ""
    revision: str = ""
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


class CreateTargetsOutput(Shape):
    """`left`: the numbers of the schedules that are still to move to the other backend, for which another round comes
    after `wait_seconds`; `starts_at`: the minute at which some of them begin there; `ends_at`: when those that end at a
    minute have run for the last time.
    """

    written: int
    finished: bool = True
    wait_seconds: int = 0
    left: tuple[int, ...] = ()
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class CreateTargetsInput(WritingInput):
    """`targets` is the answer of the round before; None in the first. The machine of a release before moves hands over
    none at all.
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

    `staged` is None for one that only replaces tasks: it is left out then, as the previous release of Rota has it.
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
    image: Image

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
    """The state machine's document at the moment of the failure; which keys are there says how far it came.

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
    def step(self) -> str:
        """The step that failed: the first that was needed and whose answer is missing or not its last."""
        if self.turn and self.turn.decision == Decision.PAUSE:
            return "ChangePauses"
        return next(step.name for step in self._steps if not self._is_done(step))

    def may_have_begun(self, name: str) -> bool:
        """Whether that step may have been invoked: all before it are done, or were not needed."""
        before = itertools.takewhile(lambda step: step.name != name, self._steps)
        return all(self._is_done(step) for step in before)

    @property
    def _steps(self) -> Sequence["Step"]:
        """In the machine's order. That of the version of Rota before, whose document has no `before`, cleared before
        it registered.
        """
        if "before" in self.model_fields_set:
            return STEPS
        first = {"RegisterRevisions": "ClearRules", "ClearRules": "RegisterRevisions"}
        by_name = {step.name: step for step in STEPS}
        return [by_name[first.get(step.name, step.name)] for step in STEPS]

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


class Step(NamedTuple):
    """One Task state of the state machine and the Lambda function behind it.

    `result` is the key under which the machine's document keeps the answer. `progress` says what was done, filled in
    from the answer's fields. `phase`: it changes the app, so it runs only while its deployment holds the lease, whose
    record is in this phase from then on; None for a step that writes nothing. `patient`: nothing is half done while it
    is retried. `done` is False for an answer after which the machine comes back to this step. `needed` is False for a
    plan that leaves it nothing to do: then its state is not entered.
    """

    name: str
    result: str
    input: type[StepInput]
    output: type[Shape]
    progress: str
    phase: Phase | None = None
    patient: bool = False
    done: Callable[[Any], bool] = lambda _answer: True
    needed: Callable[["PlanDeploymentOutput"], bool] = lambda _plan: True

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
        "RegisterRevisions",
        "revisions",
        RegisterRevisionsInput,
        RegisterRevisionsOutput,
        "revisions registered: {registered}",
        phase=Phase.REGISTERING,
        done=lambda revisions: revisions.finished,
        needed=lambda plan: plan.registers > 0,
    ),
    # Before anything is switched, so that nothing is if it fails.
    Step(
        "RunBefore",
        "before",
        RunBeforeInput,
        RunBeforeOutput,
        "migration: {progress}",
        phase=Phase.MIGRATING,
        patient=True,
        done=lambda run: run.finished,
        needed=lambda plan: plan.runs_before,
    ),
    # It disables the rules of tasks that have left the schedule file, and FinishDeployment deletes them.
    Step(
        "ClearRules",
        "cleared",
        ClearRulesInput,
        ClearRulesOutput,
        "rules disabled: {disabled}",
        phase=Phase.CLEARING,
        needed=lambda plan: plan.removed > 0,
    ),
    # It creates and updates rules, with their targets.
    Step(
        "CreateTargets",
        "targets",
        CreateTargetsInput,
        CreateTargetsOutput,
        "schedules written: {written}",
        phase=Phase.SCHEDULING,
        done=lambda targets: targets.finished,
        needed=lambda plan: plan.created + plan.updated > 0,
    ),
    Step(
        "RollService",
        "rollout",
        RollServiceInput,
        RollServiceOutput,
        "{deployment_id} begun",
        phase=Phase.ROLLING,
        needed=lambda plan: plan.rolls_service,
    ),
    Step(
        "CheckService",
        "rollout",
        CheckServiceInput,
        CheckServiceOutput,
        "{progress}, {status}",
        phase=Phase.ROLLING,
        patient=True,
        done=lambda rollout: rollout.status == "COMPLETED",
        needed=lambda plan: plan.rolls_service,
    ),
    Step(
        "RunAfter",
        "after",
        RunAfterInput,
        RunAfterOutput,
        "smoke test: {progress}",
        phase=Phase.TESTING,
        patient=True,
        done=lambda run: run.finished,
        needed=lambda plan: plan.runs_after,
    ),
    Step(
        "FinishDeployment",
        "outcome",
        FinishDeploymentInput,
        FinishDeploymentOutput,
        "recorded: {outcome}",
        phase=Phase.FINISHING,
        patient=True,
    ),
    Step(
        "ChangePauses",
        "changed",
        ChangePausesInput,
        ChangePausesOutput,
        "{summary}",
        phase=Phase.FINISHING,
        needed=lambda _plan: False,
    ),
    Step(
        "RestoreDeployment",
        "restored",
        RestoreDeploymentInput,
        RestoreDeploymentOutput,
        "recorded: {outcome}",
        phase=Phase.RESTORING,
    ),
)
"""Every step, in the machine's order; ChangePauses is the one after TakeTurn where nothing is deployed, and
RestoreDeployment, to which the errors of all others lead, is the last.
"""


class RunKind(StrEnum):
    """What there is to report of a job's runs, as messages, event and message attribute spell it."""

    FAILED = "failed"
    """The job began to fail: a run started and did not do what it should."""
    NOT_STARTED = "not_started"
    """The job began to fail: ECS made a task, and its container never ran."""
    MISSED = "missed"
    """The job began to fail: it was due, and there is no task."""
    STILL_FAILING = "still_failing"
    """It failed again, and the last message about it is a day old."""
    RECOVERED = "recovered"
    """A run of it succeeded again."""
    OVERLONG = "overlong"
    """A run lasts longer than its `max_runtime`."""
    OVERLAPPING = "overlapping"
    """A run began while an earlier one still ran."""
    SKIPPED = "skipped"
    """A run was skipped, because an earlier one still ran: `overlap: skip`."""
    REPLACED = "replaced"
    """A run was stopped, because a later one had begun: `overlap: replace`."""
    NOT_CAUGHT_UP = "not_caught_up"
    """A run that `catch_up` was to start once more, as a message had said, was not started, or not with all tasks."""
    UNKNOWN = "unknown"
    """Rota itself was not running, so the result of a run is not known."""


class EventRelease(Shape):
    """A release in the event `Rota Run`; what is not known is None."""

    number: int | None = None
    tag: str | None = None
    digest: str


class RunEvent(Shape):
    """The detail of the event `Rota Run` on the default bus, source `rota`: one for each job that a message names.

    It is put at least once and normally once; `id` is the same for repeats. Times are ISO 8601 in UTC; what is not
    known is None. The log is not in it.
    """

    id: str
    """`INCIDENT/KIND`; of a reminder with its day, `INCIDENT/KIND/2026-11-30`."""
    app: str
    task: str
    kind: RunKind
    owner: str
    """As the schedule file has it; empty if it has none."""
    incident: str
    """The same for the failure, its reminders and its recovery."""
    scheduled_at: AwareDatetime
    """When the run was due that this is about: of an incident the newest bad one. What follows is of that run, too."""
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    seconds: float | None = None
    exit_code: int | None = None
    why: str | None = None
    """The kind of reason, `exit_code`, `out_of_memory`, `image`, `secret` …"""
    reason: str = ""
    """The reason in a sentence."""
    aws: str = ""
    """AWS's own words."""
    acts: str | None = None
    """`author` of the job, or `operator` of the account."""
    todo: str = ""
    bad_runs: int = 0
    """Of the incident, so far."""
    since: AwareDatetime | None = None
    """When the first of them was due."""
    recovered_at: AwareDatetime | None = None
    """When the good run ended with which the job recovered."""
    attribution: str = ""
    """Whether the release is why, in a sentence; empty if that is not known."""
    release: EventRelease | None = None
    last_good: EventRelease | None = None
    good_runs: int | None = None
    """On the release of the last good run."""
    log: str = ""
    """A link to the run's log in the console."""
