"""The one frame every Lambda stands in: parse, log with the execution's name, keep the turn, translate errors, dump."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, get_type_hints

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from rota import aws
from rota.errors import OvertakenError
from rota.models import Execution, Shape
from rota.settings import Settings


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


Request = TypeVar("Request", bound=Shape)
Answer = TypeVar("Answer", bound=Shape)
Work = Callable[[Request, Settings], Answer]
Handler = Callable[[Mapping[str, Any], Context], dict[str, Any]]

logger = Logger()


def step(work: Work[Request, Answer]) -> Handler:
    """Make a Lambda handler of `work(request, settings) -> answer`, a step that changes nothing of the app's.

    The types of `work` say what is parsed and dumped. AWS's own errors leave as `TransientError` or `RejectedError`,
    which is what the state machine retries or catches.
    """
    return _handler(work, lambda _settings, _execution, _context: contextlib.nullcontext())


def writing_step(work: Work[Request, Answer]) -> Handler:
    """As `step`, for one that changes the app: it needs the lease, and is a safe point to stop for a newer push.

    OvertakenError before anything is written if the lease is not ours or a newer deployment waits for it.
    """
    return _handler(work, _turn)


def _handler(
    work: Work[Request, Answer],
    turn: Callable[[Settings, Execution, Context], contextlib.AbstractContextManager[None]],
) -> Handler:
    request_type: type[Request] = get_type_hints(work)["request"]

    def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        logger.append_keys(execution=event["execution"]["name"])
        try:
            request = request_type.model_validate(event)
            settings = Settings.from_environment(os.environ)
            with turn(settings, Execution.model_validate(event["execution"]), context):
                answer = work(request, settings)
        except (ClientError, BotoCoreError) as error:
            told = aws.translate(error)
            logger.exception("AWS refused", error=type(told).__name__)
            raise told from error
        except Exception:
            logger.exception("failed")
            raise
        dumped = answer.model_dump(mode="json")
        logger.info("done", answer=dumped)
        return dumped

    return handler


@contextlib.contextmanager
def _turn(settings: Settings, execution: Execution, context: Context) -> Iterator[None]:
    # Here, so that a step that needs no lease does not load it.
    from rota import lease  # noqa: PLC0415

    standing = lease.enter(aws.dynamodb(), settings, execution, context.get_remaining_time_in_millis() / 1000)
    if standing == "lost":
        raise OvertakenError("another deployment holds the lease")
    try:
        _stop_for_a_newer_one(standing)
        yield
    except BaseException:
        # The error tells more than a failed farewell; the lease then frees itself when the function's time is up.
        with contextlib.suppress(ClientError, BotoCoreError):
            lease.leave(aws.dynamodb(), settings, execution)
        raise
    lease.leave(aws.dynamodb(), settings, execution)


def _stop_for_a_newer_one(standing: str) -> None:
    if standing == "a newer one waits":
        raise OvertakenError("a newer push has arrived")
