"""The frames of the state machine's steps: plain, writing, finishing and restoring."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from pydantic import ValidationError

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.aws.parallel import thread_pool
from rota.contract.deployment import Execution, Standing
from rota.contract.shape import Recorded, Shape
from rota.contract.step_io import StepInput
from rota.contract.steps import STEPS, Step
from rota.errors import OvertakenError, RejectedError, StillRunningError, updated_meanwhile
from rota.handlers.frame import Context, Handler, frame
from rota.settings import Settings

if TYPE_CHECKING:
    from rota.deployment.lease.lease import Lease
    from rota.deployment.record import DeploymentRecord

Request = TypeVar("Request", bound=StepInput)
Answer = TypeVar("Answer", bound=Shape)
Work = Callable[[Request, Settings], Answer]
Material = TypeVar("Material")


class LeaseSession(NamedTuple):
    """While a step is in the lease: whether its deployment holds it, and what the record was as the step entered.

    `record` is there only while the deployment holds the lease, and if the version of Rota that took it made one.
    `note` takes facts that go into the record as the step leaves, also if it fails. `again`: the step has entered
    before; `entered`: when it first did.
    """

    lease: "Lease"
    standing: Standing
    record: "DeploymentRecord | None" = None
    note: Callable[[Mapping[str, Any]], None] = lambda _facts: None
    again: bool = False
    entered: datetime | None = None

    def since(self, now: datetime) -> datetime:
        """When the step first entered, which is `now` if there is no record of it."""
        return self.entered or now

    @property
    def holds_lease(self) -> bool:
        return self.standing in (Standing.HOLDS, Standing.OVERTAKEN)

    @property
    def overtaken(self) -> bool:
        """Whether a newer push waits for the lease."""
        return self.standing == Standing.OVERTAKEN

    def require(self, app: str) -> None:
        """OvertakenError or RejectedError if the deployment does not hold the lease of that app."""
        if self.standing == Standing.DELETED:
            raise RejectedError(f"the lease of {app} was deleted from the ledger's table")
        if not self.holds_lease:
            raise OvertakenError("another deployment holds the lease")


class EnterLease(Protocol):
    """What RestoreDeployment enters the lease with, for as long as it writes for a deployment."""

    def __call__(
        self, execution: Execution, facts: Mapping[str, Any], *, recreate: bool
    ) -> contextlib.AbstractContextManager[LeaseSession]: ...


def step(work: Work[Request, Answer]) -> Handler:
    """Make a Lambda handler of `work(request, settings) -> answer`, a step that changes nothing of the app's.

    The types of `work` say what is parsed and dumped. Errors leave under the names that the state machine retries or
    catches.
    """
    return frame(_parser(work), lambda request, settings, _context: work(request, settings), _execution)


def writing_step(
    read: Callable[[Any, Settings], Material],
) -> Callable[[Callable[[Request, Settings, Material], Answer]], Handler]:
    """As `step`, for one that changes the app: it needs the lease, and is a safe point to stop for a newer push.

    `read(request, settings)` runs while the step enters the lease, so it reads only what no other invocation changes,
    such as the plan. What it returns is the work's third argument.

    OvertakenError before anything is written if another deployment holds the lease or a newer one waits for it;
    RejectedError if it was deleted;
    StillRunningError while another invocation of the same deployment may still write, whose response was lost.
    """

    def decorate(work: Callable[[Request, Settings, Material], Answer]) -> Handler:
        def call(request: Request, settings: Settings, given: Material, _session: LeaseSession) -> Answer:
            return work(request, settings, given)

        return _reading_step(read, work, call, stops=True)

    return decorate


def running_step(
    read: Callable[[Any, Settings], Material],
) -> Callable[[Callable[[Request, Settings, Material, LeaseSession], Answer]], Handler]:
    """As `writing_step`, for one whose work continues in ECS from round to round, which a newer push does not stop: it
    decides itself what it does then. The session is the work's fourth argument.
    """

    def decorate(work: Callable[[Request, Settings, Material, LeaseSession], Answer]) -> Handler:
        return _reading_step(read, work, work, stops=False)

    return decorate


def _reading_step(
    read: Callable[[Any, Settings], Material],
    work: Callable[..., Answer],
    call: Callable[[Request, Settings, Material, LeaseSession], Answer],
    *,
    stops: bool,
) -> Handler:
    """A step that reads while it enters the lease, which it needs. `work` says what is parsed, `call` calls it."""
    row = _row(work)

    def in_lease(request: Request, settings: Settings, context: Context) -> Answer:
        with thread_pool() as pool:
            reading = pool.submit(read, request, settings)
            with _lease_session(row, request, settings, context, stops=stops) as session:
                session.require(settings.app)
                answer = call(request, settings, reading.result(), session)
                if isinstance(answer, Recorded):
                    session.note(answer.facts())
                return answer

    return frame(_parser(work), in_lease, _execution)


def finishing_step(work: Callable[[Request, Settings, LeaseSession], Answer]) -> Handler:
    """As `writing_step`, for the one that ends a deployment: it does not stop for a newer push, nor wait for an
    invocation whose response was lost, since the two write different things; and it decides itself what it does without
    the lease.
    """
    row = _row(work)

    def in_lease(request: Request, settings: Settings, context: Context) -> Answer:
        with _lease_session(row, request, settings, context, waits=False) as session:
            return work(request, settings, session)

    return frame(_parser(work), in_lease, _execution)


def restoring_step(work: Callable[[Request, Settings, EnterLease], Answer]) -> Handler:
    """As `step`, for the one that undoes what all others did: it enters the lease when it has to write, and shuts
    all other steps out.

    The deployment that it restores may be another execution, which was stopped.
    Nothing that another version of Rota adds to what it is handed keeps this one from restoring.
    """
    row = _row(work)

    def in_lease(request: Request, settings: Settings, context: Context) -> Answer:
        def enter_lease(
            execution: Execution, facts: Mapping[str, Any], *, recreate: bool
        ) -> contextlib.AbstractContextManager[LeaseSession]:
            return _lease_session(row, request, settings, context, _Restored(execution, facts, recreate))

        return work(request, settings, enter_lease)

    return frame(_parser(work, extra="ignore"), in_lease, _execution)


def _parser(
    work: Callable[..., object], extra: Literal["ignore"] | None = None
) -> Callable[[Mapping[str, Any]], StepInput]:
    """Parses what the state machine hands over: what `work` takes as its request."""
    request_type: type[StepInput] = work.__annotations__["request"]

    def parse(event: Mapping[str, Any]) -> StepInput:
        try:
            return request_type.model_validate(event, extra=extra)
        except ValidationError as error:
            raise updated_meanwhile(request_type.__name__) from error

    return parse


def _row(work: Callable[..., object]) -> Step:
    """The step's row in the table of steps, by what it is handed."""
    request_type = work.__annotations__["request"]
    return next(step for step in STEPS if step.input is request_type)


def _execution(event: Mapping[str, Any]) -> Mapping[str, object]:
    return {"execution": event["execution"]["name"]}


class _Restored(NamedTuple):
    """The deployment that RestoreDeployment restores, this execution's or another's."""

    execution: Execution
    facts: Mapping[str, Any]
    recreate: bool


@contextlib.contextmanager
def _lease_session(
    row: Step,
    request: StepInput,
    settings: Settings,
    context: Context,
    restored: _Restored | None = None,
    *,
    stops: bool = False,
    waits: bool = True,
) -> Iterator[LeaseSession]:
    """`stops`: for a newer push, with OvertakenError; `waits`: for other invocations, with StillRunningError."""
    # Here, so that a step that needs no lease does not load it.
    from rota.deployment.lease.item import lease_table_of  # noqa: PLC0415
    from rota.deployment.lease.lease import Lease  # noqa: PLC0415

    began = time.monotonic()
    execution = restored.execution if restored else request.execution
    lease = Lease(lease_table_of(settings, execution.id))
    invocation, seconds = context.aws_request_id, context.get_remaining_time_in_millis() / 1000
    if restored:
        entered = lease.enter(
            invocation, seconds, row, restored.facts, restorer=request.execution, recreate=restored.recreate
        )
    else:
        entered = lease.enter(invocation, seconds, row, request.facts() if isinstance(request, Recorded) else {})
    result: dict[str, Any] = {}
    waiting = True
    try:
        if stops:
            _stop_for_a_newer_push(overtaken=entered.standing == Standing.OVERTAKEN)
        if waits and entered.others:
            _wait_for_them({execution.id, request.execution.id}, entered.others)
        waiting = False
        first = entered.record.entered.get(row.name) if entered.record else None
        yield LeaseSession(lease, entered.standing, entered.record, result.update, entered.again, first)
    except BaseException:
        # The error says more than a failed leave; the lease frees itself when the function's time is up.
        with contextlib.suppress(*AWS_ERRORS):
            lease.leave(invocation, time.monotonic() - began, row, result, waited=waiting)
        raise
    lease.leave(invocation, time.monotonic() - began, row, result)


def _stop_for_a_newer_push(*, overtaken: bool) -> None:
    if overtaken:
        raise OvertakenError("a newer push has arrived")


def _wait_for_them(executions: set[str], invocations: tuple[str, ...]) -> None:
    from rota.stepfunctions import history  # noqa: PLC0415  here, because next to no step needs it

    if history.any_active(clients.stepfunctions(), executions, invocations):
        raise StillRunningError("an earlier invocation of the deployment, whose response was lost, may still write")
