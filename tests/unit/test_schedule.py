"""The schedule file: what is taken, and every fault with its place and its cure."""

import json
from typing import Any

import pytest

from rota.errors import ConfigError
from rota.schedule_file.parse import parse_schedule_file

PLAIN = b'{"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}]}'


def entry(**keys: Any) -> dict[str, Any]:
    """One task, right but for the keys given; a key given as ... is left out."""
    task = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"} | keys
    return {key: value for key, value in task.items() if value is not ...}


def faults(raw: bytes | object, max_tasks: int = 300, rule_prefix: str = "production__guestbook__") -> list[str]:
    """The lines of the report without its heading; a document is written as JSON first."""
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    try:
        parse_schedule_file(raw, rule_prefix=rule_prefix, max_tasks=max_tasks)
    except ConfigError as error:
        return str(error).splitlines()[1:]
    return []


def test_the_plain_form_is_taken_as_it_stands() -> None:
    (task,) = parse_schedule_file(PLAIN, rule_prefix="production__guestbook__", max_tasks=300)
    assert (task.name, task.expression, task.enabled, task.count) == ("IngestData", "cron(0 6 * * ? *)", True, 1)
    assert task.command_line(("./bin/start",)) == ("./bin/start", "data_ingestion_task")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="byte-order-mark"),
        pytest.param(PLAIN.replace(b"{", b"{\r\n\t"), id="windows-lines"),
        pytest.param({"tasks": []}, id="empty-list"),
        pytest.param({"$schema": "./scheduled_tasks.schema.json", "tasks": []}, id="schema-for-editors"),
        pytest.param({"tasks": [entry(), entry(name="INGESTDATA")]}, id="names-differ-by-case"),
        pytest.param({"tasks": [entry(name="a" * 41)]}, id="longest-rule-name"),
        pytest.param({"tasks": [entry(description="d" * 512)]}, id="longest-description"),
        pytest.param({"tasks": [entry(description="caf\u00e9 \U0001f600")]}, id="not-ascii"),
        pytest.param({"tasks": [entry(cpu=256)]}, id="cpu-alone"),
        pytest.param({"tasks": [entry(memory=122880)]}, id="memory-alone"),
        pytest.param({"tasks": [entry(retry={})]}, id="empty-retry"),
        pytest.param({"tasks": [entry(retry={"attempts": 0, "age": 60})]}, id="least-retry"),
        pytest.param({"tasks": [entry(platform_version="LATEST")]}, id="latest-platform"),
        pytest.param({"tasks": [entry(task="reports.daily:send-all")]}, id="dotted-task"),
        pytest.param({"tasks": [entry(cron=..., rate="rate(5 minutes)")]}, id="rate-in-its-brackets"),
    ],
)
def test_what_is_taken(raw: bytes | object) -> None:
    assert faults(raw) == []


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        pytest.param(b"\xff\xfe", "file: looks like UTF-16; save it as UTF-8", id="not-readable"),
        pytest.param(
            b" " * 1_048_577, "file: is longer than 1,048,576 bytes, which is the most for a schedule file", id="large"
        ),
        pytest.param([], 'file: holds a list at the top; put it into an object, {"tasks": [...]}', id="list"),
        pytest.param("tasks", 'file: holds "tasks" at the top; write {"tasks": [...]}', id="text"),
        pytest.param(b"null", 'file: holds null at the top; write {"tasks": [...]}', id="null"),
        pytest.param({}, "tasks: is missing; write a list of tasks, [{...}, {...}]", id="no-tasks"),
        pytest.param(
            {"tasks": {}}, "tasks: an object is not allowed; write a list of tasks, [{...}, {...}]", id="object"
        ),
        pytest.param(
            {"tasks": None}, "tasks: null is not allowed; write a list of tasks, [{...}, {...}]", id="null-tasks"
        ),
        pytest.param(
            {"retry": [], "tasks": []}, "retry: is not a known key; known are $schema, tasks", id="displaced-key"
        ),
        pytest.param({"task": [], "tasks": []}, 'task: is not a known key; did you mean "tasks"?', id="unknown-key"),
        pytest.param(
            {"tasks": [], "$schema": 1},
            "$schema: 1 is not allowed; write text, the address of the JSON Schema",
            id="schema",
        ),
        pytest.param(
            {"tasks": ["IngestData"]},
            'tasks[0]: "IngestData" is no task; write an object: {"name": "...", "task": "...", "cron": "..."}',
            id="bare-task",
        ),
    ],
)
def test_a_fault_of_the_whole_file(raw: bytes | object, fault: str) -> None:
    assert faults(raw) == [fault]


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        # name
        ({"name": ...}, "name: is missing; write text of letters, digits, dots, hyphens and underscores"),
        ({"name": 7}, "name: 7 is not allowed; write text of letters"),
        ({"name": ""}, 'name: "" cannot be part of a rule\'s name; write text of letters'),
        ({"name": "Ingest Data"}, 'name: "Ingest Data" cannot be part of a rule\'s name'),
        ({"name": "Ingest\n"}, 'name: "Ingest\\n" cannot be part of a rule\'s name'),
        ({"name": "\u00fc"}, 'name: "\u00fc" cannot be part of a rule\'s name'),
        (
            {"name": "n" * 45},
            "name: the name has 45 characters and its prefix production__guestbook__ 23, 4 more than EventBridge's 64 "
            "for a rule; use at most 41",
        ),
        # what to run
        ({"task": ...}, ': does not say what to run; add "task": "spam_task" or "command"'),
        ({"command": ["a"]}, 'command: stands beside "task", which also says what to run; keep one of the two'),
        ({"task": "spam; rm -rf /"}, 'task: "spam; rm -rf /" is not allowed; write text of letters, digits'),
        ({"task": "--help"}, 'task: "--help" is not allowed'),
        ({"task": "../spam"}, 'task: "../spam" is not allowed'),
        ({"task": None}, "task: null is not allowed; leave the key out"),
        ({"task": ..., "command": []}, "command: is empty; write a list of at least one text, such as"),
        ({"task": ..., "command": ["", "x"]}, "command: begins with an empty text, which no container can start"),
        ({"task": ..., "command": "ls -l"}, 'command: "ls -l" is not allowed; write a list of at least one text'),
        ({"task": ..., "command": ["ls", 1]}, 'command[1]: 1 is not text; write "1"'),
        ({"task": ..., "command": ["ls", ["-l"]]}, "command[1]: a list is not text; write text in double quotes"),
        ({"task": ..., "command": ["a" * 70_000]}, "command: has 70,004 characters, and ECS allows"),
        # when to run
        ({"cron": ...}, ': does not say when to run; add "cron": "0 6 * * ? *", "rate": "5 minutes"'),
        ({"rate": "5 minutes"}, 'rate: stands beside "cron", which also says when to run; keep one of the two'),
        ({"schedule": "rate(5 minutes)"}, 'schedule: stands beside "cron", which also says when to run'),
        ({"cron": 5}, 'cron: 5 is not allowed; write text with six fields, such as "0 6 * * ? *"'),
        ({"cron": "0 6 * * *"}, 'cron: "0 6 * * *" has 5 fields as in crontab; EventBridge takes 6'),
        ({"cron": "0 25 * * ? *"}, 'cron: hours "25": "25" is not in 0-23; allowed are 0-23 and , - * /'),
        ({"cron": "0 6\n* * *"}, 'cron: "0 6 * * *" has 5 fields as in crontab'),
        ({"cron": "0 6 31 FEB ? *"}, "cron: cron(0 6 31 FEB ? *) never runs; there is no such date"),
        ({"cron": ..., "rate": "5 min"}, 'rate: "5 min" is not a rate; write "5 minutes"'),
        ({"cron": ..., "schedule": "0 6 * * ? *"}, 'schedule: "0 6 * * ? *" lacks its cron(...); write "cron(0 6'),
        ({"cron": ..., "schedule": "cron(0 6 30 2 ? *)"}, "schedule: cron(0 6 30 2 ? *) never runs"),
        # the rest
        ({"crom": "0 6 * * ? *"}, 'crom: is not a known key; did you mean "cron"?'),
        ({"Cron": "0 6 * * ? *"}, 'Cron: is not a known key; did you mean "cron"?'),
        ({"timezone": "Europe/Rome"}, "timezone: is not a known key; schedules are in UTC"),
        ({"env": {}}, 'env: is not a known key; did you mean "environment"?'),
        ({"[key]": 1}, '["[key]"]: is not a known key'),
        ({"retry": {"[key]": 1}}, 'retry["[key]"]: is not a known key; known are attempts, age'),
        ({"\ud83d": 1}, r'["\ud83d"]: holds \ud83d, which is half a character'),
        ({"retry": {"\ud83d": 1}}, r'retry["\ud83d"]: holds \ud83d, which is half a character'),
        ({"\ud83d": 1, "count": 11}, "count: 11 is not allowed"),
        ({"environment": {"[key]": "a"}}, 'environment["[key]"]: is no name for a variable'),
        ({"xyz": 1}, "xyz: is not a known key; known are name, task, command, cron, rate, schedule, enabled"),
        ({"odd key\n": 1}, '["odd key\\n"]: is not a known key'),
        ({"enabled": "yes"}, 'enabled: "yes" is not allowed; write true or false, without quotes'),
        ({"enabled": 1}, "enabled: 1 is not allowed; write true or false"),
        (
            {"description": "d" * 513},
            f'description: "{"d" * 60}..." is not allowed; write text of at most 512 characters',
        ),
        ({"description": None}, "description: null is not allowed; write text"),
        ({"cpu": "256"}, 'cpu: "256" is not allowed; write one of Fargate\'s sizes, without quotes: 256, 512, 1024'),
        ({"cpu": 300}, "cpu: 300 is not allowed; write one of Fargate's sizes"),
        ({"cpu": None}, "cpu: null is not allowed; leave the key out"),
        ({"memory": 1000}, "memory: 1000 is not allowed; write MiB in one of Fargate's sizes"),
        ({"memory": [512]}, "memory: a list is not allowed; write MiB in one of Fargate's sizes"),
        (
            {"cpu": 256, "memory": 4096},
            "memory: Fargate does not offer 4096 MiB with cpu 256; write one of 512, 1024, 2048",
        ),
        ({"environment": []}, "environment: a list is not allowed; write an object of texts"),
        ({"environment": {"PORT": 8080}}, 'environment.PORT: 8080 is not text; write "8080"'),
        ({"environment": {"DEBUG": True}}, 'environment.DEBUG: true is not text; write "true"'),
        ({"environment": {"A": None}}, "environment.A: null is not text; write text in double quotes"),
        ({"environment": {"A B": "c"}}, 'environment["A B"]: is no name for a variable; write letters, digits'),
        (
            {"environment": {"A": "a" * 70_000}},
            "environment: has 70,009 characters, and ECS allows a whole task definition",
        ),
        ({"count": 11}, "count: 11 is not allowed; write a whole number from 1 to 10"),
        ({"count": 0}, "count: 0 is not allowed; write a whole number from 1 to 10"),
        ({"count": 1.0}, "count: 1.0 is not allowed; write a whole number from 1 to 10"),
        ({"count": True}, "count: true is not allowed; write a whole number from 1 to 10"),
        ({"count": float("nan")}, "count: NaN is not allowed; write a whole number"),
        ({"count": int("9" * 4000)}, f"count: {'9' * 60}... is not allowed; write a whole number"),
        ({"count": -(10**20)}, "count: -100000000000000000000 is not allowed; write a whole number"),
        ({"environment": {"ID": 10**20}}, 'environment.ID: 100000000000000000000 is not text; write "100000000000000'),
        ({"environment": {"ID": int("9" * 99)}}, f"environment.ID: {'9' * 60}... is not text; write text in double"),
        ({"retry": 3}, 'retry: 3 is not allowed; write an object, such as {"attempts": 2, "age": 3600}'),
        ({"retry": {"attempts": 186}}, "retry.attempts: 186 is not allowed; write a whole number from 0 to 185"),
        ({"retry": {"age": 59}}, "retry.age: 59 is not allowed; write a whole number of seconds from 60 to 86400"),
        ({"retry": {"attempt": 1}}, 'retry.attempt: is not a known key; did you mean "attempts"?'),
        ({"platform_version": 1.4}, 'platform_version: 1.4 is not allowed; write "LATEST" or a version in quotes'),
        ({"platform_version": "1.4"}, 'platform_version: "1.4" is not allowed; write "LATEST"'),
    ],
)
def test_a_fault_of_one_key(keys: dict[str, Any], fault: str) -> None:
    separator = "" if fault.startswith((":", "[")) else "."
    lines = faults({"tasks": [entry(name="Sound"), entry(**keys)]})
    assert any(line.startswith(f"tasks[1]{separator}{fault}") for line in lines), lines


def test_two_tasks_of_one_name() -> None:
    assert faults({"tasks": [entry(), entry(name="Other"), entry()]}) == [
        'tasks[2].name: "IngestData" is the name of tasks[0] too; give each its own'
    ]


def test_a_key_that_is_misspelt_is_not_missing_too() -> None:
    misspelt = {"name": "A", "taks": "spam_task", "corn": "0 6 * * ? *"}
    assert faults({"tasks": [misspelt]}) == [
        'tasks[0].taks: is not a known key; did you mean "task"?',
        'tasks[0].corn: is not a known key; did you mean "cron"?',
    ]


def test_keys_that_stand_twice() -> None:
    twice = b'{"name": "a", "name": "b", "task": "t", "rate": "1 day", "retry": {"age": 60, "age": 70}}'
    raw = b'{"tasks": [], "tasks": [' + twice + b"]}"
    problem = "stands more than once in the same object; keep one of them"
    assert faults(raw) == [f"tasks: {problem}", f"tasks[0].name: {problem}", f"tasks[0].retry.age: {problem}"]


def test_more_tasks_than_the_bus_has_room_for() -> None:
    tasks = [entry(name=f"Task{n}") for n in range(4)]
    assert faults({"tasks": tasks}, max_tasks=4) == []
    assert faults({"tasks": tasks[:1]}, max_tasks=0)[0].startswith("tasks: has 1 task and there is room for 0, since")
    assert faults({"tasks": tasks}, max_tasks=3) == [
        "tasks: has 4 tasks and there is room for 3, since each needs a rule and EventBridge allows 300 on a bus "
        "unless the quota is raised; remove some or raise the quota"
    ]


def test_a_list_longer_than_any_bus_is_refused_for_that_alone() -> None:
    (fault,) = faults({"tasks": [{}] * 10_001})
    assert fault.startswith("tasks: has 10001 tasks and there is room for 300")


def test_a_task_whose_last_run_is_past_does_not_keep_the_others_from_being_deployed() -> None:
    raw = json.dumps({"tasks": [entry(cron="0 6 1 1 ? 1999")]}).encode()
    assert not faults(raw, rule_prefix="", max_tasks=300)
