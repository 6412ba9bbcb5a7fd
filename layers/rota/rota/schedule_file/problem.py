"""A problem of the schedule file: where, what is wrong and what to write instead; how a message quotes a value."""

import json
import re
from typing import NamedTuple

# The keys and indexes that lead to a value in a JSON document.
Location = tuple[str | int, ...]

_LONGEST_QUOTE = 60


class Problem(NamedTuple):
    """One thing that is wrong with a file; `message` says what, and what to write instead."""

    location: Location
    message: str

    def __str__(self) -> str:
        return f"{json_path(self.location)}: {self.message}"


class NumberAsWritten(float):
    """A number of a JSON document with its text: as a float, a very long one is only infinite."""

    def __init__(self, text: str) -> None:
        self.text = text


def json_path(location: Location) -> str:
    """A location as people write it, `tasks[3].cron`; `file` for the document as a whole."""
    path = ""
    for key in location:
        if isinstance(key, int):
            path += f"[{key}]"
        elif re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_]{0,63}", key):
            path += f".{key}" if path else key
        else:
            path += f"[{quote(key)}]"
    return path or "file"


def quote(value: object) -> str:
    """A JSON value for a message: at most 60 characters of it, masked, on one line, encodable in UTF-8."""
    if isinstance(value, (dict, list, tuple)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, NumberAsWritten):
        return _cut(value.text)
    if isinstance(value, str):
        from rota.sanitise import mask  # noqa: PLC0415  here, because most files have no problem

        value = _cut(mask(value))
    # A lone surrogate is legal in JSON, and UTF-8 cannot encode it.
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def invalid_text_reason(text: str) -> str | None:
    """What is wrong with a string that JSON can hold and a container cannot be given; None if nothing is.

    The string is not quoted: it may be a secret.
    """
    found = re.search(r"[\x00\ud800-\udfff]", text)
    if not found:
        return None
    if found[0] == "\0":
        return r"contains \u0000, which ends a string in every container; remove it"
    half = f"\\u{ord(found[0]):04x}"
    example = r"\ud83d\ude00"
    return f"contains {half}, half of a character; write the character itself, or both halves such as {example}"
