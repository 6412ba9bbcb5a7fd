"""Bytes to JSON: where and why a file is not JSON; how a message names a location and quotes a value."""

import pytest

from rota.schedule_file.json_reader import InvalidJsonError, key_problems, parse_json
from rota.schedule_file.problem import json_path, quote

EMPTY = b'{"tasks": []}'


@pytest.mark.parametrize("raw", [EMPTY, b"\xef\xbb\xbf" + EMPTY, b" \r\n" + EMPTY + b"\n"])
def test_a_document(raw: bytes) -> None:
    assert parse_json(raw) == {"tasks": []}


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(b"", 'is empty; a schedule without tasks is {"tasks": []}', id="empty"),
        pytest.param(b" \n\t", 'is empty; a schedule without tasks is {"tasks": []}', id="blank"),
        pytest.param(b"\xef\xbb\xbf", 'is empty; a schedule without tasks is {"tasks": []}', id="mark-alone"),
        pytest.param(EMPTY.decode().encode("utf-16"), "looks like UTF-16; save it as UTF-8", id="utf-16"),
        pytest.param(EMPTY.decode().encode("utf-16-le"), "looks like UTF-16; save it as UTF-8", id="utf-16-le"),
        pytest.param(EMPTY.decode().encode("utf-32"), "looks like UTF-32; save it as UTF-8", id="utf-32"),
        pytest.param(
            b'{"tasks":\n [{"name": "caf\xe9"}]}',
            "line 2, column 16: byte 0xE9 is not UTF-8, the file looks like Latin-1 or Windows-1252; save it",
            id="latin-1",
        ),
        pytest.param(b'{\n "tasks": [\n  {"name": "a",}\n ]}', "line 3, column 15: a comma before", id="comma-brace"),
        pytest.param(b'{"tasks": [1,\n]}', "a comma before a closing bracket; remove the comma", id="comma-bracket"),
        pytest.param(b"{'tasks': []}", 'line 1, column 2: JSON has only double quotes; write "..."', id="quotes"),
        pytest.param(b'// tasks\n{"tasks": []}', "line 1, column 1: JSON has no comments; remove it", id="comment"),
        pytest.param(b'{"tasks": [] # none\n}', "line 1, column 14: JSON has no comments; remove it", id="hash"),
        pytest.param(b'{"tasks": [] /* none */}', "JSON has no comments; remove it", id="block-comment"),
        pytest.param(b"{tasks: []}", "a key is missing or has no double quotes", id="bare-key"),
        pytest.param(b"tasks:\n - name: a\n", "a value is missing, or a string has no double quotes", id="yaml"),
        pytest.param(b'{"tasks": [{"enabled": True}]}', "JSON has true, false and null", id="python"),
        pytest.param(b'{"tasks": [', "line 1, column 12: the file ends too early", id="cut-off"),
        pytest.param(
            b'{"tasks": [{"name": "a" "task": "b"}]}',
            "a comma is missing before this, or a bracket is not closed",
            id="missing-comma",
        ),
        pytest.param(b'{"tasks" []}', 'a colon is missing after the key; write "key": value', id="missing-colon"),
        pytest.param(b'{"tasks": [{"name": "a}]}', "this string has no closing double quote; add it", id="open-text"),
        pytest.param(b'{"tasks": [{"name": "a\n"}]}', "a string has a line end or a tab in it", id="line-end-in-text"),
        pytest.param(b'{"tasks": [{"name": "\\d"}]}', "a backslash starts an escape", id="backslash"),
        pytest.param(b'{"tasks": [1,,2]}', "a value is missing before this comma", id="two-commas"),
        pytest.param(EMPTY + EMPTY, "something follows the end of the document", id="two-documents"),
        pytest.param(b"[" * 100_000, "is nested too deeply", id="nested"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not text; a schedule file is JSON, saved as", id="picture"),
        pytest.param(b"\0" * 64, "is not text; a schedule file is JSON, saved as UTF-8", id="zeros"),
    ],
)
def test_where_and_why_a_file_is_not_json(raw: bytes, problem: str) -> None:
    with pytest.raises(InvalidJsonError) as refusal:
        parse_json(raw)
    assert problem in str(refusal.value)
    assert str(refusal.value.problem).startswith("file: ")


@pytest.mark.parametrize(
    ("digits", "value"),
    [("9" * 19, int("9" * 19)), ("9" * 20, 1e20), ("9" * 5000, float("inf")), ("-Infinity", float("-inf"))],
)
def test_a_number_of_any_length(digits: str, value: float) -> None:
    assert parse_json(digits.encode()) == value


@pytest.mark.parametrize("written", ["7", "1.50", "1e400", "-0.0", "9" * 60, "NaN", "-Infinity"])
def test_a_number_is_quoted_as_it_was_written(written: str) -> None:
    assert quote(parse_json(written.encode())) == written


def test_a_very_long_number_is_cut() -> None:
    assert quote(parse_json(b"9" * 5000)) == f"{'9' * 60}..."


def test_a_repeated_key_is_found_at_any_depth() -> None:
    depth = 300
    raw = '{"a": [0, ' * depth + '{"b": 1, "b": 2}' + "]}" * depth
    (problem,) = key_problems(parse_json(raw.encode()))
    assert problem.location == ("a", 1) * depth + ("b",)


def test_a_key_with_half_a_character_is_left_out() -> None:
    document = parse_json(rb'{"a": [{"\ud83d": 1, "b": 2}]}')
    assert document == {"a": [{"b": 2}]}
    assert [str(problem) for problem in key_problems(document)] == [
        r'a[0]["\ud83d"]: contains \ud83d, half of a character; write the character itself, or both halves such as '
        r"\ud83d\ude00"
    ]


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ((), "file"),
        (("tasks", 3, "cron"), "tasks[3].cron"),
        (("$schema",), "$schema"),
        (("tasks", 0, "odd key"), 'tasks[0]["odd key"]'),
        (("a\nb", ""), '["a\\nb"][""]'),
    ],
)
def test_a_location(location: tuple[str | int, ...], text: str) -> None:
    assert json_path(location) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ("a\nb\x1b", '"a\\nb\\u001b"'),
        ("caf\u00e9", '"caf\u00e9"'),
        ("\ud800", '"\\ud800"'),
        ("a " * 31, f'"{"a " * 30}..."'),
        ("PASSWORD=hunter2 ./x", '"PASSWORD=*** ./x"'),
        (True, "true"),
        (None, "null"),
        ([[]], "a list"),
        ({"a": 1}, "an object"),
    ],
)
def test_a_value_in_a_message(value: object, text: str) -> None:
    assert quote(value) == text
