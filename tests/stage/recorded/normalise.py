"""What differs between two accounts, two runs or two days is written in the same way in both answers."""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from stage.moto.clients import ACCOUNT, REGION

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PLACEHOLDERS = (
    (ACCOUNT, "<account>"),
    (REGION, "<region>"),
    (UUID, "<id>"),
    (r"sha256:[0-9a-f]{64}", "<digest>"),
    (r"ecs-svc/\d+", "ecs-svc/N"),
    (r"\(task [0-9a-f]{32}\)", "(task <id>)"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "<time>"),
    (r"/[^ \"]*/stage-[^/ \"]*/[^/ \"]+/", "/var/task/"),  # where a function's code is
    (r"Value '[\[{].*[\]}]' at", "Value <value> at"),  # AWS writes a list as Java does
)


def text(given: str, **names: str) -> str:
    """A text with placeholders for ids, times, account and Region, and for the `names` that a test has made."""
    for placeholder, name in names.items():
        given = given.replace(name, f"<{placeholder}>")
    for pattern, placeholder in PLACEHOLDERS:
        given = re.sub(pattern, placeholder, given)
    return given


def value(given: Any, **names: str) -> Any:
    """The same for every text in a JSON value; times that the SDK has read become `<time>`."""
    read: Any = json.loads(text(json.dumps(given, default=lambda _: "<time>"), **names))
    return read


def reply(given: dict[str, Any], **names: str) -> dict[str, Any]:
    """A reply's status and members."""
    members = {name: member for name, member in given.items() if name != "ResponseMetadata"}
    answer: dict[str, Any] = value({"status": given["ResponseMetadata"]["HTTPStatusCode"], **members}, **names)
    return answer


def refusal(given: ClientError, **names: str) -> dict[str, Any]:
    """A refusal's status, code, words, and members."""
    error, whole = dict(given.response["Error"]), dict[str, Any](**given.response)
    code, message = error.pop("Code"), error.pop("Message")
    status = whole["ResponseMetadata"]["HTTPStatusCode"]
    more = {name: member for name, member in whole.items() if name not in ("Error", "ResponseMetadata")}
    more = {name: member for name, member in more.items() if name.lower() != "message"}
    answer: dict[str, Any] = value({"status": status, "code": code, "message": message, **error, **more}, **names)
    return answer


def history_event(event: dict[str, Any], **names: str) -> list[Any]:
    """An event of a history: type, previous event, details. JSON in texts is read."""
    [details] = [value for name, value in event.items() if name.endswith("Details")] or [None]
    return [event["type"], event["previousEventId"], _read(value(details, **names))]


def _read(given: Any) -> Any:
    """The same with inputs, outputs and causes that are JSON read, so that spaces do not count."""
    if isinstance(given, dict):
        return {name: _read(inner) for name, inner in given.items()}
    if isinstance(given, list):
        return [_read(inner) for inner in given]
    if isinstance(given, str):
        try:
            return _read(json.loads(given))
        except ValueError:
            return given
    return given
