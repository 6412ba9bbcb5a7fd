"""Whatever the bytes, the result is tasks or a list of problems; what is taken, the JSON Schema takes too."""

import json
import re
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from rota.errors import ConfigError
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.task import EXPECTED, Task

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "layers/rota/rota/schedule_file/scheduled_tasks.schema.json").read_text()
)
VALID = {
    "$schema": "./scheduled_tasks.schema.json",
    "defaults": {"memory": 512, "environment": {"B": "c"}},
    "tasks": [
        {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *", "retry": {"attempts": 1}},
        {"name": "Report", "command": ["a", "b"], "rate": "5 minutes", "environment": {"A": "b"}, "cpu": 256},
    ],
}
TEXT = json.dumps(VALID).encode()

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[]))
keys = st.sampled_from([*EXPECTED, "[key]"]) | st.text(max_size=5)
texts = st.sampled_from(
    ["0 6 * * ? *", "0 6 L * ? *", "cron(0 6 ? * mon#1 *)", "5 minutes", "1 hour", "rate(1 day)", "a"]
)
times = st.sampled_from(
    ["2027-01-31T07:00", "2027-03-28T02:30:00", "2027-06-01T00:00Z", "2028-01-01T00:00:00+01:00", "2027-01-31", "a"]
)
shallow = scalars | texts | st.lists(texts, max_size=2) | st.dictionaries(keys, scalars | texts, max_size=2)
documents = st.recursive(scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=10)


def outcome(raw: bytes) -> tuple[Task, ...]:
    """The file's tasks, or none after a message of the documented form; any other exception fails the test."""
    try:
        tasks = parse_schedule_file(raw, rule_prefix="production__", max_tasks=300)
    except ConfigError as error:
        message = str(error)
    else:
        assert [task.name for task in tasks] == [task["name"] for task in json.loads(raw)["tasks"]]
        return tasks
    heading, *lines = message.split("\n")
    assert re.fullmatch(r"The schedule file has (1 problem|\d+ problems):", heading)
    assert lines
    assert all(re.match(r"file: |[$\w\[][^\n]*: |and \d+ more$", line) for line in lines)
    assert message.encode("utf-8")
    return ()


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    outcome(raw)


@given(st.data())
def test_a_valid_file_with_damage(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(len(TEXT), start + 8)))
    damage = data.draw(
        st.binary(max_size=4) | st.sampled_from([b",", b'"', b"{", b"]", b"//", b"'", b"NaN", b"\\", b"\n"])
    )
    outcome(TEXT[:start] + damage + TEXT[end:])


@given(documents, st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig"]))
def test_any_json(document: object, encoding: str) -> None:
    outcome(json.dumps(document).encode(encoding))


@given(st.lists(st.dictionaries(keys, shallow, max_size=6), max_size=3))
def test_any_tasks(tasks: list[dict[str, object]]) -> None:
    outcome(json.dumps({"tasks": tasks}).encode())


def optional(**strategies: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=strategies)


what = st.sampled_from(
    [{"task": "spam_task"}, {"command": ["python", "-m", "app.report"]}, {"task": "a", "command": ["a"]}]
)
when: st.SearchStrategy[dict[str, str]] = st.dictionaries(
    st.sampled_from(["cron", "rate", "schedule", "at"]), texts | times, max_size=2
)
rest = optional(
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Etc/GMT+3", "Berlin"]),
    start=times,
    end=times,
    window=st.integers(0, 1441),
    enabled=st.booleans(),
    cpu=st.sampled_from([256, 512, 1024, 300]),
    memory=st.sampled_from([512, 1024, 2048, 8192, 1000]),
    environment=st.dictionaries(st.sampled_from(["A", "B_1", "1", "C D"]), texts),
    count=st.integers(0, 11),
    retry=optional(attempts=st.integers(-1, 186), age=st.sampled_from([59, 60, 86400, 86401])),
    platform_version=st.sampled_from(["LATEST", "1.4.0", "1.4", "latest"]),
)


def merged(*parts: dict[str, object]) -> dict[str, object]:
    return {"name": "a"} | {key: value for part in parts for key, value in part.items()}


@given(st.builds(merged, what, when, rest))
def test_the_schema_takes_what_is_taken(task: dict[str, object]) -> None:
    if outcome(json.dumps({"tasks": [task]}).encode()):
        jsonschema.validate({"tasks": [task]}, SCHEMA)
