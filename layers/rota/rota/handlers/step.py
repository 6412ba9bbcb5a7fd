"""The frames of the state machine's steps: plain, writing, and the one that restores."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.contract import Execution, Shape, StepInput
from rota.errors import OvertakenError, RejectedError, StillRunningError
from rota.handlers.frame import Context, Handler, frame
from rota.settings import Settings

Request = TypeVar("Request", bound=StepInput)
Answer = TypeVar("Answer", bound=Shape)
Work = Callable[[Request, Settings], Answer]
# Entered for as long as the step writes; False if the lease is not that deployment's any more.
LastTurn = Callable[[Execution], contextlib.AbstractContextManager[bool]]


def step(work: Work[Request, Answer]) -> Handler:
    """Make a Lambda handler of `work(request, settings) -> answer`, a step that changes nothing of the app's.

    The types of `work` say what is parsed and dumped. Errors leave under the names that the state machine retries or
    catches.
    """
    return frame(work, lambda request, settings, _context: work(request, settings), _execution)


def writing_step(work: Work[Request, Answer]) -> Handler:
    """As `step`, for one that changes the app: it needs the lease, and is a safe point to stop for a newer push.

    OvertakenError before anything is written if the lease is not ours or a newer deployment waits for it;
    RejectedError if it was deleted;
    StillRunningError while another invocation of the same deployment may still write, whose answer was lost.
    """

    def in_turn(request: Request, settings: Settings, context: Context) -> Answer:
        with _turn(settings, request.execution, context) as ours:
            if not ours:
                raise OvertakenError("another deployment holds the lease")
            return work(request, settings)

    return frame(work, in_turn, _execution)


def restoring_step(work: Callable[[Request, Settings, LastTurn], Answer]) -> Handler:
    """As `step`, for the one that undoes what all others did: it takes its turn when it needs it, and is the last.

    The deployment whose turn it takes may be another execution's, which has ended in the middle.
    Nothing that another version of Rota adds to what it is handed keeps this one from restoring.
    """

    def in_turn(request: Request, settings: Settings, context: Context) -> Answer:
        def turn(whose: Execution) -> contextlib.AbstractContextManager[bool]:
            return _turn(settings, whose, context, restorer=request.execution)

        return work(request, settings, turn)

    return frame(work, in_turn, _execution, extra="ignore")


def finishing_step(work: Callable[[Request, Settings, LastTurn], Answer]) -> Handler:
    """As `writing_step`, for the one that ends a deployment that is complete: it does not stop for a newer push, and
    enters the lease only for as long as it writes.
    """

    def in_turn(request: Request, settings: Settings, context: Context) -> Answer:
        return work(request, settings, lambda whose: _turn(settings, whose, context, stops=False))

    return frame(work, in_turn, _execution)


def _execution(event: Mapping[str, Any]) -> Mapping[str, object]:
    return {"execution": event["execution"]["name"]}


@contextlib.contextmanager
def _turn(
    settings: Settings,
    execution: Execution,
    context: Context,
    restorer: Execution | None = None,
    *,
    stops: bool = True,
) -> Iterator[bool]:
    # Here, so that a step that needs no lease does not load it.
    from rota.deployment.lease import Lease, Standing  # noqa: PLC0415

    lease = Lease(clients.dynamodb(), settings.table, settings.app, execution)
    invocation, seconds = context.aws_request_id, context.get_remaining_time_in_millis() / 1000
    entered = lease.enter(invocation, seconds, restorer=restorer)
    if entered.standing == Standing.DELETED:
        raise RejectedError(f"somebody has deleted the lease of {settings.app} from the ledger's table")
    if entered.standing == Standing.LOST:
        yield False
        return
    try:
        if stops and not restorer:
            _stop_for_a_newer_push(overtaken=entered.standing == Standing.OVERTAKEN)
        if entered.others:
            _wait_for_them({execution.id, (restorer or execution).id}, entered.others)
        yield True
    except BaseException:
        # The error says more than a failed leave; the lease frees itself when the function's time is up.
        with contextlib.suppress(*AWS_ERRORS):
            lease.leave(invocation)
        raise
    lease.leave(invocation)


def _stop_for_a_newer_push(*, overtaken: bool) -> None:
    if overtaken:
        raise OvertakenError("a newer push has arrived")


def _wait_for_them(executions: set[str], invocations: tuple[str, ...]) -> None:
    from rota.stepfunctions import history  # noqa: PLC0415  here, because next to no step needs it

    if history.any_active(clients.stepfunctions(), executions, invocations):
        raise StillRunningError("an earlier invocation of the deployment, whose answer was lost, may still write")
