"""SNS's rules for a message: docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException

SUBJECT = 100  # documented as "less than 100"; 100 were seen accepted: github.com/getmoto/moto/issues/1503
MESSAGE = 256 * 1024
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def publish(request: Mapping[str, Any]) -> None:
    """Publish. Raises InvalidParameter."""
    subject, message = request.get("Subject"), str(request.get("Message", ""))
    if subject is not None and (not subject or len(subject) > SUBJECT or CONTROL.search(subject)):
        raise ServiceException("InvalidParameter", "Invalid parameter: Subject")
    if len(message.encode()) > MESSAGE:
        raise ServiceException("InvalidParameter", "Invalid parameter: Message too long")
    if request.get("MessageStructure") == "json" and not _has_default(message):
        words = "Invalid parameter: Message Structure - No default entry in JSON message body"
        raise ServiceException("InvalidParameter", words)


def _has_default(message: str) -> bool:
    try:
        return "default" in json.loads(message)
    except (TypeError, ValueError):
        return False


REFUSALS = {("sns", "Publish"): publish}
