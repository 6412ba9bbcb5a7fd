"""Asks one call, and answers as a row has it."""

from collections.abc import Callable
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from tests.stage.recorded import normalise
from tests.stage.recorded.rows import Row

Question = Callable[..., Any]


def call(client: Any, operation: str, request: dict[str, Any], **names: str) -> dict[str, Any]:
    """The answer to a call, success or refusal, with placeholders."""
    try:
        return normalise.reply(getattr(client, xform_name(operation))(**request), **names)
    except ClientError as refused:
        return normalise.refusal(refused, **names)


def members(row: Row, given: Any) -> list[str]:
    """The names of an answer's members, in order, without those that AWS has added since the recording."""
    return sorted(set(given) - set(row.asked.get("added_since", [])))
