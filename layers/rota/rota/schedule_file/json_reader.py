"""Bytes to JSON, for a file that a person writes: where and how it fails to be JSON, in that person's words."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

# A place in a JSON document: the keys and indexes that lead there.
Location = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing wrong with a file: where, and a sentence with what is wrong and what would be right."""

    location: Location
    problem: str

    def __str__(self) -> str:
        return f"{json_path(self.location)}: {self.problem}"


class InvalidJsonError(ValueError):
    """The bytes are no JSON document; `fault` says why."""

    def __init__(self, problem: str) -> None:
        self.problem = Problem((), problem)
        super().__init__(problem)


class _Number(float):
    """A number that keeps how it was written, which Python forgets: of a very long one only that it is infinite."""

    def __init__(self, written: str) -> None:
        self.written = written


class _Object(dict[str, object]):
    """A JSON object that remembers its wrong keys: those given more than once, of which JSON itself keeps the last in
    silence, and those that hold what no text can, which are left out of it."""

    repeated: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


def parse_json(raw: bytes) -> object:
    """The document in `raw`, UTF-8 with or without a byte order mark. UnreadableError if it is not one."""
    text = _decoded(raw)
    if not text.strip():
        raise InvalidJsonError('is empty; a schedule without tasks is {"tasks": []}')
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_whole_number, parse_float=_Number)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(_explained(error)) from error
    except RecursionError as error:
        raise InvalidJsonError("is nested too deeply; a task is an object in the list of tasks, no deeper") from error


def key_problems(document: object) -> Iterator[Problem]:
    """A fault for every key that stands twice in its object or cannot be written, anywhere in what `load` returned."""
    waiting: list[tuple[Location, object]] = [((), document)]
    while waiting:  # a loop, since a file may nest deeper than Python's stack
        location, value = waiting.pop()
        if isinstance(value, _Object):
            for key in value.repeated:
                yield Problem((*location, key), "stands more than once in the same object; keep one of them")
            for key in value.invalid:
                yield Problem((*location, key), str(invalid_text_reason(key)))
        if isinstance(value, dict):
            waiting += [((*location, key), item) for key, item in value.items() if isinstance(item, (dict, list))]
        elif isinstance(value, list):
            waiting += [
                ((*location, index), item) for index, item in enumerate(value) if isinstance(item, (dict, list))
            ]


def json_path(location: Location) -> str:
    """A location as people write it: `tasks[3].cron`."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_]{0,63}", step):
            text += f".{step}" if text else step
        else:
            text += f"[{quote(step)}]"
    return text or "file"


def quote(value: object) -> str:
    """A JSON value for a sentence: short, on one line, printable anywhere."""
    if isinstance(value, (dict, list, tuple)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, _Number):
        return _cut(value.written)
    if isinstance(value, str):
        value = _cut(value)
    # A lone surrogate is legal in JSON and cannot be written in UTF-8.
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def _cut(text: str) -> str:
    longest = 60
    return text if len(text) <= longest else f"{text[:longest]}..."


def invalid_text_reason(text: str) -> str | None:
    """What is wrong with text that JSON can hold and neither UTF-8 nor a process can; the text itself is not shown."""
    found = re.search(r"[\x00\ud800-\udfff]", text)
    if not found:
        return None
    if found[0] == "\0":
        return r"holds \u0000, which ends a text wherever a container runs; remove it"
    half = f"\\u{ord(found[0]):04x}"
    example = r"\ud83d\ude00"
    return f"holds {half}, which is half a character; write the character itself, or both halves such as {example}"


def _object(pairs: list[tuple[str, object]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        found.repeated = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    found.invalid = tuple(filter(invalid_text_reason, found))
    for key in found.invalid:
        del found[key]
    return found


def _whole_number(digits: str) -> int | float:
    # Python refuses to read an int of thousands of digits, but reads a float of any length; no key takes either.
    longest = 19
    return int(digits) if len(digits) <= longest else _Number(digits)


def _decoded(raw: bytes) -> str:
    encoding = json.detect_encoding(raw)
    if encoding.startswith("utf-8"):
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidJsonError(_not_utf_8(raw, error.start)) from error
    raise InvalidJsonError(
        f"looks like {encoding[:6].upper()}; save it as UTF-8" if _is_text(raw, encoding) else _NO_TEXT
    )


def _not_utf_8(raw: bytes, start: int) -> str:
    if not _is_text(raw, "latin-1"):
        return _NO_TEXT
    before = raw[:start]
    line, column = before.count(b"\n") + 1, start - before.rfind(b"\n")
    return (
        f"line {line}, column {column}: byte 0x{raw[start]:02X} is not UTF-8, the file looks like Latin-1 or "
        "Windows-1252; save it as UTF-8"
    )


def _is_text(raw: bytes, encoding: str) -> bool:
    """Whether it is in that encoding and holds nothing that no text holds."""
    try:
        return not re.search(r"[\x00-\x08\x0e-\x1f]", raw.decode(encoding))
    except UnicodeDecodeError:
        return False


def _explained(error: json.JSONDecodeError) -> str:
    """Line, column and cause, by what stands where reading stopped and by what Python says of it."""
    before, rest = error.doc[: error.pos].rstrip(), error.doc[error.pos :]
    if before.endswith(",") and rest.startswith(("]", "}")):
        # Python 3.13 points at the comma, those before it at the bracket.
        error = json.JSONDecodeError("Illegal trailing comma", error.doc, len(before) - 1)
    at_rest = (cause for pattern, cause in _CAUSES if re.match(pattern, error.doc[error.pos :]))
    by_message = (cause for message, cause in _MESSAGES.items() if error.msg.startswith(message))
    unknown = f"cannot be read as JSON ({error.msg}); check the brackets, quotes and commas before it"
    return f"line {error.lineno}, column {error.colno}: {next(at_rest, next(by_message, unknown))}"


_NO_TEXT = "is no text; a schedule file is JSON, saved as UTF-8"
_CAUSES = (
    (r",\s*[\]}]", "a comma stands before a closing bracket; remove the comma"),
    (r"'", 'JSON knows only double quotes; write "..."'),
    (r"//|/\*|#", 'JSON has no comments; remove it, or put the text into the task\'s "description"'),
    (r"(True|False|None|undefined)\b", "JSON writes true, false and null; write one of these"),
    (r",", "a value is missing before this comma; remove the comma or add the value"),
    (r"\s*\Z", "the file ends too early; a closing bracket, brace or quote is missing"),
)
_MESSAGES = {
    "Expecting property name": 'a key is missing or has no double quotes; write "key": value',
    "Expecting ',' delimiter": "a comma is missing between this and what stands before it, or a bracket is not closed",
    "Expecting ':' delimiter": 'a colon is missing after the key; write "key": value',
    "Expecting value": "a value is missing or has no double quotes; text stands in double quotes",
    "Unterminated string": "this text has no closing double quote; add it",
    "Invalid control character": "text runs over the line's end or holds a tab; close the quote, or write \\n or \\t",
    "Invalid \\": "a backslash starts an escape; write \\\\ for a backslash itself",
    "Extra data": "something follows the end of the document; the file holds one object and nothing after it",
}
