"""The record of a deployment: what it is, how far it has come, and where its artifacts are.

While the deployment holds the lease the record is part of the lease's item, written by the very UpdateItem with which a
step enters or leaves: before it acts what it is about to do, afterwards what came of it. When the deployment ends it is
copied into the ledger's entry. Large things are in S3; the record has pointers.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, ValidationError, WrapValidator

from rota.contract.deployment import Asks, Execution, Image, Origin, Phase, Stored, phases_up_to
from rota.contract.step_io import CaughtError, FailedDeployment, OneOffRun, Rollout
from rota.contract.steps import STEPS, Step, is_complete, may_have_begun
from rota.deployment.items import Item
from rota.deployment.waiting import Answer, BackTo

# The step that makes the record.
_FIRST_STEP = "TakeTurn"
_CHANGE_SCHEDULES = ("ClearRules", "CreateTargets")
# First writer wins.
_DECIDED_ONCE = {"complete", "error", "failed_step", "asks"}


class LeftRunning(Item):
    """A migration that a deployment has begun which was stopped, and which nothing restored, or whose restore could not
    end the migration. `execution` is its ARN; that of the task may not be known.
    """

    execution: str
    task_arn: str = ""


class DeploymentRecord(Item):
    """What is known of a deployment."""

    execution: Execution
    phase: Phase = Phase.PLANNING
    image: Image | None = None
    origin: Origin | None = None
    lifts: tuple[str, ...] = ()
    """The digests whose bars go once it is live."""
    passes: bool = False
    """Neither a hold nor the deployment window stops it."""
    passed: tuple[str, ...] = ()
    """The hold and the deployment window that it passed, in words."""
    order: str = ""
    """Its place in the line of pushes; of a change of the schedule file, among those; empty of other changes."""
    answer: Answer | None = None
    """How a person approved it."""
    asks: Asks | None = None
    """What a person is to approve: it ends, and is pending."""
    back_to: BackTo | None = None
    replaces: dict[str, Any] | None = None
    """The change of the schedule file whose place an image has taken, as the gates had it. It is pending again unless
    the image goes live.
    """
    schedule: Stored | None = None
    """The version of the schedule file that it deploys; None if it is the newest, which was not read yet."""
    tasks: int | None = None
    """How many the schedule file has."""
    summary: str = ""
    nothing_to_do: bool = False
    complete: bool | None = None
    """Whether everything is deployed, so that it goes forward only: what was to be removed may be deleted already. The
    first that enters of FinishDeployment and RestoreDeployment decides; None before.
    """
    plan: Stored | None = None
    snapshot: Stored | None = None
    revisions: Stored | None = None
    """ARNs of what was registered; None if nothing was, or not yet."""
    before: OneOffRun | None = None
    """The run of the file's `before`; also of one that is about to be started."""
    late: tuple[str, ...] = Field((), exclude_if=lambda given: not given)
    """The tasks whose one time had passed when their schedule was made; of very many the first."""
    late_more: int = Field(0, exclude_if=lambda given: not given)
    """How many more there are."""
    rollout: Rollout | None = None
    after: OneOffRun | None = None
    entered: dict[str, AwareDatetime] = Field(default_factory=dict)
    """By step: when it first entered the lease; TakeTurn: when it took it."""
    plan_begun: AwareDatetime | None = None
    """When PlanDeployment began, which enters no lease; None if no step that writes has handed that over."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """By step: how long its invocations worked, all together."""
    error: CaughtError | None = None
    """Why it is restored, as the first attempt says; the cause is the message, cut if it is long."""
    failed_step: str | None = None
    """Where it failed, if its own execution said so."""
    restore_attempts: int | None = None
    """How many attempts to restore it have begun, without those that met another invocation and had to wait."""
    idle_retries: int | None = None
    """In the ledger's copy: how many retries of the state that restores it were no attempts, because another invocation
    had to be waited for, or Lambda refused the call.
    """

    def stored(self) -> dict[str, Any]:
        """The record as JSON has it, without what is not known."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def has_begun(self) -> bool:
        """Whether anything of the app may have been written."""
        return self.plan is not None and not self.nothing_to_do

    def may_have_begun(self, step: str) -> bool:
        """Whether that step, one that writes, may have written anything."""
        return step in self.entered

    @property
    def leaves_running(self) -> LeftRunning | None:
        """What may still run if it ends now, and is not restored."""
        if not self.may_have_begun("RunBefore") or (self.before and self.before.finished):
            return None
        return LeftRunning(execution=self.execution.id, task_arn=self.before.task_arn if self.before else "")

    @property
    def changing_schedules_since(self) -> datetime | None:
        """When it began to change schedules; None if it has not."""
        return min((self.entered[step] for step in _CHANGE_SCHEDULES if step in self.entered), default=None)

    @property
    def last_step(self) -> str:
        """The last step that entered, but for the one that restores; of a deployment that had only begun to plan the
        phase, `Planning`.
        """
        entered = [step.name for step in STEPS[:-1] if step.name in self.entered]
        return entered[-1] if entered[1:] else str(Phase.PLANNING).capitalize()

    def durations(self) -> str:
        """How long each step took with all its waits and attempts, `TakeTurn 21.0 s, ReadConfig 2.1 s, ...`.

        The last step that entered is running and not among them. ReadConfig and PlanDeployment are `planning` together
        if it is not known when the plan was begun. Empty if it is not known when the steps began.
        """
        if _FIRST_STEP not in self.entered:
            return ""
        planned = {"PlanDeployment": self.plan_begun} if self.plan_begun else {}
        names = {_FIRST_STEP: "ReadConfig" if planned else str(Phase.PLANNING)}
        timeline = sorted((at, names.get(step, step)) for step, at in {**self.entered, **planned}.items())
        begun = [(self.execution.started_at, _FIRST_STEP), *timeline]
        return ", ".join(
            f"{step} {(end - start).total_seconds():.1f} s"
            for (start, step), (end, _) in zip(begun, timeline, strict=False)
        )


def with_late(summary: str, late: Sequence[str], more: int) -> str:
    """The summary of a deployment that is complete, with the tasks whose one time had passed, and how many more."""
    late = [*late, *([f"{more} more"] if more else [])]
    if not late:
        return summary
    if len(late) == 1:
        return (
            f"{summary}; the time of {late[0]} passed before its schedule was made, so it did not run: start it with "
            f"rota run {late[0]}, or write a later time"
        )
    return (
        f"{summary}; the times of {', '.join(late[:-1])} and {late[-1]} passed before their schedules were made, so "
        "they did not run: start them with rota run, or write later times"
    )


def _none_if_unreadable(value: Any, read: Callable[[Any], Any]) -> Any:
    # A later version may have written what this one does not know, and must not keep it from restoring.
    try:
        return read(value)
    except ValidationError:
        return None


OptionalRecord = Annotated[DeploymentRecord | None, WrapValidator(_none_if_unreadable)]
"""The record in an item; None also for one that this version cannot read."""

OptionalLeftRunning = Annotated[LeftRunning | None, WrapValidator(_none_if_unreadable)]
"""Likewise."""


def begin(execution: Execution, image: Image | None, origin: Origin) -> DeploymentRecord:
    """The record of a deployment that takes the lease now; without an image if it changes what is live."""
    return DeploymentRecord(execution=execution, image=image, origin=origin, entered={_FIRST_STEP: datetime.now(UTC)})


def derive(execution: Execution, document: FailedDeployment) -> DeploymentRecord:
    """The record of a deployment that has none in the lease, from the machine's document: it never took the lease, the
    lease was deleted, or a version of Rota took it that made none.
    """
    turn, config, plan = document.turn, document.config, document.plan
    begun = document.has_begun
    revisions = document.revisions.document if document.revisions else None
    # When a step began the document does not say; that it may have is what counts.
    may_have = [
        step.name
        for step in STEPS
        if step.writes and plan and begun and step.needed(plan) and may_have_begun(step.name, document)
    ]
    return DeploymentRecord(
        execution=execution,
        image=turn.image if turn else None,
        origin=turn.origin if turn else None,
        schedule=config.schedule if config else None,
        tasks=config.tasks if config else None,
        summary=plan.summary if plan else "",
        plan=plan.document if plan and begun else None,
        snapshot=plan.snapshot if plan and begun else None,
        nothing_to_do=bool(plan and plan.nothing_to_do),
        complete=is_complete(document),
        revisions=revisions,
        before=document.before,
        late=document.targets.late if document.targets else (),
        late_more=document.targets.late_more if document.targets else 0,
        rollout=document.rollout,
        asks=plan.asks if plan else None,
        after=document.after,
        entered=dict.fromkeys(may_have, execution.started_at),
    )


class RecordUpdate:
    """Parts of the expressions with which a step writes into the record, whose attribute in the item is `deployment`.

    `names` and `values` fill in what the parts that were asked for have.
    """

    def __init__(self, step: Step, facts: Mapping[str, Any]) -> None:
        self._step, self._restores = step, step.phase == Phase.RESTORING
        self.now = datetime.now(UTC)
        self.names = {"#record": "deployment", "#step": step.name}
        self.values: dict[str, Any] = {}
        self._facts = ""
        for number, (name, fact) in enumerate(facts.items()):
            self.names[f"#fact{number}"], self.values[f":fact{number}"] = name, fact
            path, value = f"#record.#fact{number}", f":fact{number}"
            self._facts += f", {path} = " + (f"if_not_exists({path}, {value})" if name in _DECIDED_ONCE else value)

    def entered(self) -> str:
        """What follows `SET ...` as the step enters."""
        self.names |= {"#phase": "phase", "#entered": "entered"}
        self.values |= {":phase": self._step.phase, ":now": self.now.isoformat()}
        first = "#record.#entered.#step = if_not_exists(#record.#entered.#step, :now)"
        return f", #record.#phase = :phase, {first}{self._facts}{self._attempts('+')}"

    def left(self, seconds: float, *, waited: bool) -> str:
        """A SET as the step leaves, which has worked for so many seconds, or had to wait and is to be tried again."""
        self.names |= {"#seconds": "seconds"}
        self.values |= {":zero": 0, ":spent": round(seconds, 3)}
        spent = "#record.#seconds.#step = if_not_exists(#record.#seconds.#step, :zero) + :spent"
        return f" SET {spent}{self._facts}{self._attempts('-') if waited else ''}"

    def _attempts(self, sign: str) -> str:
        """An attempt counts from when it enters, as it may be killed, until it is known that it has to wait."""
        if not self._restores:
            return ""
        self.names |= {"#attempts": "restore_attempts"}
        self.values |= {":zero": 0, ":one": 1}
        return f", #record.#attempts = if_not_exists(#record.#attempts, :zero) {sign} :one"

    def is_forward(self) -> str:
        """A condition: the record is the execution's in `:me`, and in no later phase than the step's."""
        self.names |= {"#execution": "execution", "#id": "id", "#phase": "phase"}
        phases = {f":phase{number}": each for number, each in enumerate(phases_up_to(self._step.phase))}
        self.values |= phases
        return f"#record.#execution.#id = :me AND #record.#phase IN ({', '.join(phases)})"
