"""The one frame every Lambda stands in: parse, log with the execution's name, keep the turn, translate errors, dump."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol, TypeVar, get_type_hints

from aws_lambda_powertools import Logger

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS, translate
from rota.contract import Execution, Shape, StepInput
from rota.errors import OvertakenError, RejectedError, StillRunningError, TransientError
from rota.settings import Settings


class Context(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


Request = TypeVar("Request", bound=StepInput)
Answer = TypeVar("Answer", bound=Shape)
Work = Callable[[Request, Settings], Answer]
# Entered for as long as the step writes; False if the lease is not that deployment's any more.
LastTurn = Callable[[Execution], contextlib.AbstractContextManager[bool]]
Handler = Callable[[Mapping[str, Any], Context], dict[str, Any]]

logger = Logger()


def step(work: Work[Request, Answer]) -> Handler:
    """Make a Lambda handler of `work(request, settings) -> answer`, a step that changes nothing of the app's.

    The types of `work` say what is parsed and dumped. AWS's own errors leave as `TransientError` or `RejectedError`,
    which is what the state machine retries or catches.
    """
    return _handler(work, lambda request, settings, _context: work(request, settings))


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

    return _handler(work, in_turn)


def restoring_step(work: Callable[[Request, Settings, LastTurn], Answer]) -> Handler:
    """As `step`, for the one that undoes what all others did: it takes its turn when it needs it, and is the last.

    The deployment whose turn it takes may be another execution's, which has ended in the middle.
    Nothing that another version of Rota adds to what it is handed keeps this one from restoring.
    """

    def in_turn(request: Request, settings: Settings, context: Context) -> Answer:
        def turn(whose: Execution) -> contextlib.AbstractContextManager[bool]:
            return _turn(settings, whose, context, restorer=request.execution)

        return work(request, settings, turn)

    return _handler(work, in_turn, extra="ignore")


def _handler(
    work: Callable[..., Answer],
    carry_out: Callable[[Any, Settings, Context], Answer],
    extra: Literal["ignore"] | None = None,
) -> Handler:
    request_type: type[StepInput] = get_type_hints(work)["request"]

    def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        logger.append_keys(execution=event["execution"]["name"])
        try:
            request = request_type.model_validate(event, extra=extra)
            settings = Settings.from_environment(os.environ)
            answer = carry_out(request, settings, context)
        except AWS_ERRORS as error:
            told = translate(error)
            if isinstance(told, TransientError):  # the state machine tries again; its last word is the execution's
                logger.warning("AWS did not do it this time", error=type(told).__name__, reason=str(told))
            else:
                logger.exception("AWS refused", error=type(told).__name__)
            raise told from error
        except (TransientError, StillRunningError, OvertakenError) as passing:  # nobody acts
            logger.warning("stopped", error=type(passing).__name__, reason=str(passing))
            raise
        except Exception:
            logger.exception("failed")
            raise
        dumped = answer.model_dump(mode="json")
        logger.info("done", answer=dumped)
        return dumped

    return handler


@contextlib.contextmanager
def _turn(
    settings: Settings,
    execution: Execution,
    context: Context,
    restorer: Execution | None = None,
) -> Iterator[bool]:
    # Here, so that a step that needs no lease does not load it.
    from rota.deployment import lease  # noqa: PLC0415

    invocation, seconds = context.aws_request_id, context.get_remaining_time_in_millis() / 1000
    entered = lease.begin_writing(clients.dynamodb(), settings, execution, invocation, seconds, restorer=restorer)
    if entered.standing == "gone":
        raise RejectedError(f"somebody has deleted the lease of {settings.app} from the ledger's table")
    if entered.standing == "lost":
        yield False
        return
    try:
        if not restorer:
            _stop_for_a_newer_one(entered.standing)
        if entered.others:
            _wait_for_them({execution.id, (restorer or execution).id}, entered.others)
        yield True
    except BaseException:
        # The error tells more than a failed farewell; the lease then frees itself when the function's time is up.
        with contextlib.suppress(*AWS_ERRORS):
            lease.end_writing(clients.dynamodb(), settings, execution, invocation)
        raise
    lease.end_writing(clients.dynamodb(), settings, execution, invocation)


def _stop_for_a_newer_one(standing: str) -> None:
    if standing == "a newer one waits":
        raise OvertakenError("a newer push has arrived")


def _wait_for_them(executions: set[str], invocations: tuple[str, ...]) -> None:
    from rota.stepfunctions import history  # noqa: PLC0415  here, because next to no step needs it

    if history.any_active(clients.stepfunctions(), executions, invocations):
        raise StillRunningError("an earlier invocation of the deployment, whose answer was lost, may still write")
