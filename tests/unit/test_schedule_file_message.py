"""The message of a ConfigError: every problem, in the file's order, in plain words, never too long for a cause."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.task import Task
from tests.schedule_files import entry, message, problems


def test_every_problem_is_listed_in_the_files_order() -> None:
    document = {
        "task": [],
        "tasks": [
            entry(),
            entry(name="No Good" * 10, cron="0 6 * * *", rate="5 min", crom="x", cpu=256, memory=30720, count=99),
            entry(retry={"age": "1"}, task=...),
        ],
    }
    heading, *lines = message(document, max_tasks=2).splitlines()
    assert heading == "The schedule file has 12 problems:"
    places = [line.split(": ")[0] for line in lines]
    assert sorted(places[:2]) == ["task", "tasks"]
    assert places[2:] == sorted(places[2:], key=lambda place: place[:8])
    assert set(places[2:]) == {
        "tasks[1].name",
        "tasks[1].cron",
        "tasks[1].rate",
        "tasks[1].crom",
        "tasks[1].memory",
        "tasks[1].count",
        "tasks[2]",
        "tasks[2].name",
        "tasks[2].retry.age",
    }


@pytest.mark.parametrize(
    ("escape", "problem"),
    [
        pytest.param("\x00", r"contains \u0000, which ends a string in every container; remove it", id="NUL"),
        pytest.param(
            "\ud83d",
            r"contains \ud83d, half of a character; write the character itself, or both halves such as \ud83d\ude00",
            id="half a pair",
        ),
    ],
)
@pytest.mark.parametrize(
    ("keys", "place"),
    [
        pytest.param(lambda text: {"description": text}, "tasks[0].description", id="description"),
        pytest.param(lambda text: {"task": ..., "command": ["ls", text]}, "tasks[0].command[1]", id="command"),
        pytest.param(lambda text: {"environment": {"TOKEN": text}}, "tasks[0].environment.TOKEN", id="environment"),
    ],
)
def test_a_string_that_no_container_can_have_is_not_quoted(
    keys: Callable[[str], dict[str, Any]], place: str, escape: str, problem: str
) -> None:
    assert problems({"tasks": [entry(**keys(f"s3cret{escape}"))]}) == [f"{place}: {problem}"]


def test_a_pair_of_surrogates_is_a_character() -> None:
    raw = json.dumps({"tasks": [entry(description="\U0001f600", environment={"A": "\U0001f600"})]}).encode()
    assert b"\\ud83d\\ude00" in raw
    assert parse_schedule_file(raw, rule_prefix="", max_tasks=1)[0].description == "\U0001f600"


def test_no_message_is_in_pydantics_words() -> None:
    everything_wrong: dict[str, object] = {key: {"odd": []} for key in (*Task.model_fields, "odd")}
    text = message({"tasks": [everything_wrong]})
    assert not re.search(r"Input should|pydantic|https?://|ctx|type=", text)


def test_of_many_problems_the_first_fifty_are_listed() -> None:
    heading, *lines = message({"tasks": [entry(name=f"Task{n}", count=0) for n in range(80)]}).splitlines()
    assert heading == "The schedule file has 80 problems:"
    assert len(lines) == 51
    assert lines[49].startswith("tasks[49].count: 0 is not allowed")
    assert lines[50] == "and 30 more"


def test_the_message_fits_into_a_cause_of_step_functions() -> None:
    tasks = [{"\U0001f600" * 100 + str(n): 1, "name": "\u00fc" * 100} for n in range(50)]
    text = message({"tasks": tasks})
    assert len(json.dumps(text)) < 32_768 / 2
    assert re.search(r"\nand \d+ more$", text)
