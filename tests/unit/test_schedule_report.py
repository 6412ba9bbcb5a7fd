"""The message of a ConfigError: every fault at once, in the file's order, in plain words, never too long to read."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from rota.errors import ConfigError
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.task import Task


def entry(**keys: Any) -> dict[str, Any]:
    """One task, right but for the keys given; a key given as ... is left out."""
    task = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"} | keys
    return {key: value for key, value in task.items() if value is not ...}


def message(document: object, max_tasks: int = 300) -> str:
    raw = json.dumps(document).encode()
    with pytest.raises(ConfigError) as raised:
        parse_schedule_file(raw, rule_prefix="", max_tasks=max_tasks)
    return str(raised.value)


def test_every_fault_is_named_at_once_in_the_files_order() -> None:
    document = {
        "task": [],
        "tasks": [
            entry(),
            entry(name="No Good" * 10, cron="0 6 * * *", rate="5 min", crom="x", cpu=256, memory=30720, count=99),
            entry(retry={"age": "1"}, task=...),
        ],
    }
    heading, *lines = message(document, max_tasks=2).splitlines()
    assert heading == "The schedule file has 12 faults:"
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
        pytest.param("\x00", r"holds \u0000, which ends a text wherever a container runs; remove it", id="NUL"),
        pytest.param(
            "\ud83d",
            r"holds \ud83d, which is half a character; write the character itself, or both halves such as \ud83d\ude00",
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
def test_text_that_cannot_be_passed_on_is_refused_without_showing_it(
    keys: Callable[[str], dict[str, Any]], place: str, escape: str, problem: str
) -> None:
    text = message({"tasks": [entry(**keys(f"s3cret{escape}"))]})
    assert text.splitlines()[1:] == [f"{place}: {problem}"]


def test_a_whole_pair_is_a_character() -> None:
    raw = json.dumps({"tasks": [entry(description="\U0001f600", environment={"A": "\U0001f600"})]}).encode()
    assert b"\\ud83d\\ude00" in raw
    assert parse_schedule_file(raw, rule_prefix="", max_tasks=1)[0].description == "\U0001f600"


def test_no_word_of_the_validation_library_reaches_the_author() -> None:
    everything_wrong: dict[str, object] = {key: {"odd": []} for key in (*Task.model_fields, "odd")}
    text = message({"tasks": [everything_wrong]})
    assert not re.search(r"Input should|pydantic|https?://|ctx|type=", text)


def test_very_many_faults_are_counted_and_the_first_fifty_shown() -> None:
    heading, *lines = message({"tasks": [entry(name=f"Task{n}", count=0) for n in range(80)]}).splitlines()
    assert heading == "The schedule file has 80 faults:"
    assert len(lines) == 51
    assert lines[49].startswith("tasks[49].count: 0 is not allowed")
    assert lines[50] == "and 30 more"


def test_the_message_fits_a_cause_of_step_functions() -> None:
    tasks = [{"\U0001f600" * 100 + str(n): 1, "name": "\u00fc" * 100} for n in range(50)]
    text = message({"tasks": tasks})
    assert len(json.dumps(text)) < 32_768 / 2
    assert re.search(r"\nand \d+ more$", text)
