"""Bytes to JSON, strictly: repeated keys and strings that no container can be given are problems."""

import json
from collections import Counter
from collections.abc import Iterator

from rota.schedule_file.problem import Location, NumberAsWritten, Problem, invalid_text_reason


class InvalidJsonError(ValueError):
    """The bytes are not a JSON document; `problem` says where and why."""

    def __init__(self, message: str) -> None:
        self.problem = Problem((), message)
        super().__init__(message)


class _Object(dict[str, object]):
    """A JSON object that remembers its wrong keys: `repeated` ones, of which only the last value is kept, and `invalid`
    ones, which are left out.
    """

    repeated: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


def parse_json(raw: bytes) -> object:
    """The document in `raw`, UTF-8 with or without a byte order mark. InvalidJsonError if it is not one."""
    try:
        text = raw.decode("utf-8-sig")
        if not text.strip():
            raise InvalidJsonError('is empty; a schedule without tasks is {"tasks": []}')
        return json.loads(text, object_pairs_hook=_object, parse_int=_whole_number, parse_float=NumberAsWritten)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        from rota.schedule_file.json_errors import explain  # noqa: PLC0415  here, so that a valid file does not load it

        raise InvalidJsonError(explain(raw, error)) from error
    except RecursionError as error:
        raise InvalidJsonError("is nested too deeply; a task is an object in the list of tasks, no deeper") from error


def key_problems(document: object) -> Iterator[Problem]:
    """A problem for every repeated or invalid key, anywhere in what `parse_json` returned."""
    waiting: list[tuple[Location, object]] = [((), document)]
    while waiting:  # a loop, since a file may nest deeper than Python's stack
        location, value = waiting.pop()
        if isinstance(value, _Object):
            for key in value.repeated:
                yield Problem((*location, key), "is repeated in the same object; keep one of them")
            for key in value.invalid:
                yield Problem((*location, key), str(invalid_text_reason(key)))
        if isinstance(value, dict):
            waiting += [((*location, key), item) for key, item in value.items() if isinstance(item, (dict, list))]
        elif isinstance(value, list):
            waiting += [
                ((*location, index), item) for index, item in enumerate(value) if isinstance(item, (dict, list))
            ]


def _object(pairs: list[tuple[str, object]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        found.repeated = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    found.invalid = tuple(filter(invalid_text_reason, found))
    for key in found.invalid:
        del found[key]
    return found


def _whole_number(digits: str) -> int | float:
    # Python refuses to parse an int of thousands of digits, and parses a float of any length; no key takes either.
    longest = 19
    return int(digits) if len(digits) <= longest else NumberAsWritten(digits)
