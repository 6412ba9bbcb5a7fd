"""The frame of every Lambda function: parse what it is handed, log, translate AWS's errors, dump the answer."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from rota.aws.errors import AWS_ERRORS, translate
from rota.contract.shape import Shape
from rota.errors import OvertakenError, StillRunningError, TransientError
from rota.log import logger
from rota.settings import Settings


class Context(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


Request = TypeVar("Request", bound=Shape)
Handler = Callable[[Mapping[str, Any], Context], dict[str, Any]]


def frame(
    parse: Callable[[Mapping[str, Any]], Shape],
    carry_out: Callable[[Any, Settings, Context], Shape],
    log_keys: Callable[[Mapping[str, Any]], Mapping[str, object]],
) -> Handler:
    """Make a Lambda handler that answers with what `carry_out(request, settings, context)` returns.

    `parse` makes the request of the raw event; `log_keys` makes of it what every line of the log carries. AWS's own
    errors leave as `TransientError` or `RejectedError`.
    """

    def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        logger.append_keys(**log_keys(event))
        try:
            request = parse(event)
            settings = Settings.from_environment(os.environ)
            answer = carry_out(request, settings, context)
        except AWS_ERRORS as error:
            translated = translate(error)
            if isinstance(translated, TransientError):  # the caller retries, and fails with the last one
                logger.warning("temporary AWS error", error=type(translated).__name__, reason=str(translated))
            else:
                logger.exception("AWS refused", error=type(translated).__name__)
            raise translated from error
        except (TransientError, StillRunningError, OvertakenError) as passing:  # no person acts
            logger.warning("stopped", error=type(passing).__name__, reason=str(passing))
            raise
        except Exception:
            logger.exception("failed")
            raise
        dumped = answer.model_dump(mode="json")
        logger.info("done", answer=dumped)
        return dumped

    return handler
