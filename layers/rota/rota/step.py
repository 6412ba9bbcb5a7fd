"""The one frame every Lambda stands in: parse, log with the execution's name, translate errors, dump."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from rota import aws
from rota.models import Shape
from rota.settings import Settings

Request = TypeVar("Request", bound=Shape)
Answer = TypeVar("Answer", bound=Shape)

logger = Logger()


def step(work: Callable[[Request, Settings], Answer]) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """Make a Lambda handler of `work(request, settings) -> answer`; the types say what is parsed and dumped.

    AWS's own errors leave as `TransientError` or `RejectedError`, which is what the state machine retries or catches.
    """
    request_type: type[Request] = get_type_hints(work)["request"]

    def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        request = request_type.model_validate(event)
        logger.append_keys(execution=event["execution"]["name"])
        settings = Settings.from_environment(os.environ)
        try:
            answer = work(request, settings)
        except (ClientError, BotoCoreError) as error:
            told = aws.translate(error)
            logger.warning("AWS refused", error=type(told).__name__, reason=str(told))
            if told is error:
                raise
            raise told from error
        except Exception:
            logger.exception("failed")
            raise
        dumped = answer.model_dump(mode="json")
        logger.info("done", answer=dumped)
        return dumped

    return handler
