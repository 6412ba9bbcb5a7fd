"""Which schedule files are taken, and each problem: where it is, what is wrong, what to write instead."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.schedule_file.parse import LARGEST_FILE, parse_schedule_file, parse_whole_file
from rota.schedule_file.task import Retry, Task
from tests.schedule_files import entry, problems

PLAIN = b'{"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}]}'


def test_the_plain_form_is_taken() -> None:
    (task,) = parse_schedule_file(PLAIN, rule_prefix="production__guestbook__", max_tasks=300)
    assert (task.name, task.expression, task.enabled, task.count) == ("IngestData", "cron(0 6 * * ? *)", True, 1)
    assert task.command_line(("./bin/start",)) == ("./bin/start", "data_ingestion_task")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="byte-order-mark"),
        pytest.param(PLAIN.ljust(LARGEST_FILE), id="largest-file"),
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
        pytest.param({"tasks": [entry(overlap="skip", catch_up="both")]}, id="actions"),
        pytest.param({"tasks": [entry(overlap="allow", catch_up=False)]}, id="no-actions"),
        pytest.param({"tasks": [entry(subnets=["subnet-1"] * 16, security_groups=["sg-1"] * 5)]}, id="longest-network"),
        pytest.param({"tasks": [entry(capacity_provider={"FARGATE": 1000, "FARGATE_SPOT": 0})]}, id="weights"),
        pytest.param({"tasks": [entry(capacity_provider="FARGATE_SPOT")]}, id="one-provider"),
        pytest.param({"tasks": [entry(tags={f"t{n}": "y" * 256 for n in range(50)})]}, id="most-and-longest-tags"),
        pytest.param({"tasks": [entry(task="reports.daily:send-all")]}, id="dotted-task"),
        pytest.param({"tasks": [entry(cron=..., rate="rate(5 minutes)")]}, id="rate-in-its-brackets"),
        pytest.param({"tasks": [], "before": {"task": "migrate"}, "after": {"command": ["smoke"]}}, id="one-offs"),
        pytest.param({"tasks": [], "before": {"task": "m", "pause_tasks": True, "timeout": 60}}, id="longest-pause"),
        pytest.param({"tasks": [], "after": {"task": "smoke", "x-why": 1, "timeout": 1440}}, id="longest-timeout"),
    ],
)
def test_a_valid_file(raw: bytes | object) -> None:
    assert problems(raw) == []


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(b"\xff\xfe", "file: looks like UTF-16; save it as UTF-8", id="not-readable"),
        pytest.param(
            PLAIN.ljust(LARGEST_FILE + 1),
            "file: has more than 1,048,576 bytes, the limit for a schedule file; make it shorter",
            id="too-large",
        ),
        pytest.param([], 'file: is a list; put it into an object, {"tasks": [...]}', id="list"),
        pytest.param("tasks", 'file: is "tasks"; write {"tasks": [...]}', id="text"),
        pytest.param(b"null", 'file: is null; write {"tasks": [...]}', id="null"),
        pytest.param({}, "tasks: is missing; write a list of tasks, [{...}, {...}]", id="no-tasks"),
        pytest.param(
            {"tasks": {}}, "tasks: an object is not allowed; write a list of tasks, [{...}, {...}]", id="object"
        ),
        pytest.param(
            {"tasks": None}, "tasks: null is not allowed; write a list of tasks, [{...}, {...}]", id="null-tasks"
        ),
        pytest.param(
            {"timezone": "Asia/Tokyo", "tasks": []},
            'timezone: is not a known key of the file; for all tasks, write "defaults": {"timezone": ...}',
            id="displaced-key",
        ),
        pytest.param(
            {"depth": [], "tasks": []},
            "depth: is not a known key; known keys are $schema, defaults, before, after, tasks",
            id="of-nothing",
        ),
        pytest.param({"task": [], "tasks": []}, 'task: is not a known key; did you mean "tasks"?', id="unknown-key"),
        pytest.param(
            {"tasks": [], "$schema": 1},
            "$schema: 1 is not allowed; write a string, the address of the JSON Schema",
            id="schema",
        ),
        pytest.param(
            {"tasks": ["IngestData"]},
            'tasks[0]: "IngestData" is not a task; write an object: {"name": "...", "task": "...", "cron": "..."}',
            id="bare-task",
        ),
    ],
)
def test_a_problem_of_the_whole_file(raw: bytes | object, problem: str) -> None:
    assert problems(raw) == [problem]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        # name
        ({"name": ...}, "name: is missing; write a string of letters, digits, dots, hyphens and underscores"),
        ({"name": 7}, "name: 7 is not allowed; write a string of letters"),
        ({"name": ""}, 'name: "" cannot be part of a rule\'s name; write a string of letters'),
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
        (
            {"command": ["a"]},
            'command: cannot be combined with "task", which also says what to run; keep one of the two',
        ),
        ({"task": "spam; rm -rf /"}, 'task: "spam; rm -rf /" is not allowed; write a string of letters and digits'),
        ({"task": "--help"}, 'task: "--help" is not allowed'),
        ({"task": "../spam"}, 'task: "../spam" is not allowed'),
        ({"task": None}, "task: null is not allowed; leave the key out"),
        ({"task": ..., "command": []}, "command: is empty; write a list of at least one string, such as"),
        ({"task": ..., "command": ["", "x"]}, "command: starts with an empty string, which no container can run"),
        ({"task": ..., "command": "ls -l"}, 'command: "ls -l" is not allowed; write a list of at least one string'),
        ({"task": ..., "command": "TOKEN=hunter2 ./x"}, 'command: "TOKEN=*** ./x" is not allowed; write a list of'),
        ({"task": ..., "command": ["ls", 1]}, 'command[1]: 1 is not a string; write "1"'),
        ({"task": ..., "command": ["ls", ["-l"]]}, "command[1]: a list is not a string; write it in double quotes"),
        ({"task": ..., "command": ["a" * 70_000]}, "command: has 70,004 characters, and ECS allows"),
        # when to run
        ({"cron": ...}, ': does not say when to run; add "cron": "0 6 * * ? *", "rate": "5 minutes"'),
        (
            {"rate": "5 minutes"},
            'rate: cannot be combined with "cron", which also says when to run; keep one of the two',
        ),
        ({"schedule": "rate(5 minutes)"}, 'schedule: cannot be combined with "cron", which also says when to run'),
        ({"cron": 5}, 'cron: 5 is not allowed; write a string of six fields, such as "0 6 * * ? *"'),
        ({"cron": "0 6 * * *"}, 'cron: "0 6 * * *" has 5 fields as in crontab; EventBridge takes 6'),
        ({"cron": "0 25 * * ? *"}, 'cron: hours "25": "25" is not in 0-23; allowed are 0-23 and , - * /'),
        ({"cron": "0 6\n* * *"}, 'cron: "0 6 * * *" has 5 fields as in crontab'),
        (
            {"cron": "0 6 31 FEB ? *"},
            "cron: cron(0 6 31 FEB ? *) never runs: no such date exists; write one that exists",
        ),
        ({"cron": "0 6 ? 2 MON#5 2027"}, "cron: cron(0 6 ? 2 MON#5 2027) never runs: no such date exists"),
        ({"cron": ..., "rate": "5 min"}, 'rate: "5 min" is not a rate; write "5 minutes"'),
        (
            {"cron": ..., "schedule": "0 6 * * ? *"},
            'schedule: "0 6 * * ? *" has no cron(...) around it; write "cron(0 6',
        ),
        ({"cron": ..., "schedule": "cron(0 6 30 2 ? *)"}, "schedule: cron(0 6 30 2 ? *) never runs"),
        # the rest
        ({"crom": "0 6 * * ? *"}, 'crom: is not a known key; did you mean "cron"?'),
        ({"Cron": "0 6 * * ? *"}, 'Cron: is not a known key; did you mean "cron"?'),
        (
            {"at": "2027-01-31T07:00:00"},
            'at: cannot be combined with "cron", which also says when to run; keep one of the two',
        ),
        # in a time zone, once, and from when until when
        ({"timezone": "Europe/Berln"}, 'timezone: "Europe/Berln" is not a time zone of the IANA database ('),
        ({"timezone": 1}, "timezone: 1 is not allowed; write a name of the IANA database, such as"),
        ({"timezone": None}, "timezone: null is not allowed; leave the key out"),
        (
            {"cron": ..., "rate": "5 minutes", "timezone": "Europe/Rome"},
            "timezone: a rate has no time of day, so a time zone changes nothing; leave it out, or write a cron",
        ),
        (
            {"cron": ..., "schedule": "rate(5 minutes)", "timezone": "Europe/Rome"},
            "timezone: a rate has no time of day",
        ),
        (
            {"cron": ..., "at": "2027-03-28T02:30", "timezone": "Europe/Rome"},
            'at: "2027-03-28T02:30:00" does not exist in Europe/Rome, whose clocks go from 02:00 to 03:00; write '
            '"2027-03-28T03:00:00"',
        ),
        ({"cron": ..., "at": "2027-02-30T06:00"}, 'at: "2027-02-30T06:00" is not a time that exists; write one such'),
        ({"cron": ..., "at": "soon"}, 'at: "soon" is not a time that exists; write one such as "2027-01-31T07:00:00"'),
        ({"cron": ..., "at": "2027-01-31"}, 'at: "2027-01-31" is not written as a time; write "2027-01-31T00:00:00"'),
        (
            {"cron": ..., "at": "2027-01-31T06:00Z"},
            'at: "2027-01-31T06:00Z" has an offset; write "2027-01-31T06:00:00"',
        ),
        (
            {"cron": ..., "at": "2027-01-31T06:00+01:00"},
            'at: "2027-01-31T06:00+01:00" has an offset; write "2027-01-31T06:00:00" and "timezone": "Europe',
        ),
        ({"cron": ..., "at": "9999-12-31T06:00"}, 'at: "9999-12-31T06:00" is not in the years 1970-2199, which'),
        ({"cron": ..., "at": 5}, "at: 5 is not allowed; write a local time, such as"),
        (
            {"cron": ..., "at": "2027-01-31T06:00", "end": "2028-01-01T00:00"},
            'end: does nothing beside "at", which is one time; leave it out',
        ),
        ({"cron": ..., "schedule": "at(2027-01-31T06:00)"}, 'schedule: at(...) has a key of its own; write "at": '),
        (
            {"start": "2027-03-28T02:30", "timezone": "Europe/Rome"},
            'start: "2027-03-28T02:30:00" does not exist in Europe/Rome, whose clocks go from 02:00 to 03:00',
        ),
        (
            {"start": "2027-01-01T00:00", "end": "2027-01-01T00:00"},
            'end: "2027-01-01T00:00" is not later than start, "2027-01-01T00:00"; write a later one',
        ),
        (
            {"start": "2027-01-01T00:00+02:00", "end": "2026-12-31T22:00Z"},
            'end: "2026-12-31T22:00Z" is not later than start, "2027-01-01T00:00+02:00"; write a later one',
        ),
        (
            {"start": "2027-01-01T08:00", "end": "2027-01-02T05:00"},
            "end: cron(0 6 * * ? *) never runs between start and end; correct one of the three",
        ),
        ({"window": 0}, "window: 0 is not allowed; write a whole number of minutes from 1 to 1440"),
        ({"window": 1441}, "window: 1441 is not allowed; write a whole number of minutes from 1 to 1440"),
        ({"tz": "Europe/Rome"}, 'tz: is not a known key; did you mean "timezone"?'),
        ({"flexible_time_window": 5}, 'flexible_time_window: is not a known key; did you mean "window"?'),
        ({"env": {}}, 'env: is not a known key; did you mean "environment"?'),
        ({"[key]": 1}, '["[key]"]: is not a known key'),
        ({"retry": {"[key]": 1}}, 'retry["[key]"]: is not a known key; known keys are attempts, age'),
        ({"\ud83d": 1}, r'["\ud83d"]: contains \ud83d, half of a character'),
        ({"retry": {"\ud83d": 1}}, r'retry["\ud83d"]: contains \ud83d, half of a character'),
        ({"\ud83d": 1, "count": 11}, "count: 11 is not allowed"),
        ({"environment": {"[key]=": "a"}}, 'environment["[key]="]: is not a name for a variable'),
        ({"xyz": 1}, "xyz: is not a known key; known keys are name, task, command, cron, rate, schedule, at, start"),
        ({"odd key\n": 1}, '["odd key\\n"]: is not a known key'),
        ({"enabled": "yes"}, 'enabled: "yes" is not allowed; write true or false, without quotes'),
        ({"enabled": 1}, "enabled: 1 is not allowed; write true or false"),
        (
            {"description": "-" * 513},
            f'description: "{"-" * 60}..." is not allowed; write a string of at most 512 characters',
        ),
        ({"description": None}, "description: null is not allowed; write a string"),
        ({"cpu": "256"}, 'cpu: "256" is not allowed; write one of Fargate\'s sizes, without quotes: 256, 512, 1024'),
        ({"cpu": 300}, "cpu: 300 is not allowed; write one of Fargate's sizes"),
        ({"cpu": None}, "cpu: null is not allowed; leave the key out"),
        ({"memory": 1000}, "memory: 1000 is not allowed; write MiB in one of Fargate's sizes"),
        ({"memory": [512]}, "memory: a list is not allowed; write MiB in one of Fargate's sizes"),
        (
            {"cpu": 256, "memory": 4096},
            "memory: Fargate does not offer 4096 MiB with cpu 256; write one of 512, 1024, 2048",
        ),
        ({"environment": []}, "environment: a list is not allowed; write an object of strings"),
        ({"environment": {"PORT": 8080}}, 'environment.PORT: 8080 is not a string; write "8080"'),
        (
            {"environment": {"DB_PASSWORD": 12345}},
            'environment.DB_PASSWORD: "***" is not a string; write it in double quotes',
        ),
        ({"environment": {"DEBUG": True}}, 'environment.DEBUG: true is not a string; write "true"'),
        ({"environment": {"A": None}}, "environment.A: null is not a string; write it in double quotes"),
        (
            {"environment": {"A=B": "c"}},
            'environment["A=B"]: is not a name for a variable; write at least one character',
        ),
        ({"environment": {"": "c"}}, 'environment[""]: is not a name for a variable; write at least one character'),
        ({"timeout": 3600}, 'timeout: is not a known key of a task; write "watch": {"max_runtime": ...}'),
        ({"concurrencyPolicy": "Forbid"}, 'concurrencyPolicy: is not a known key; did you mean "overlap"?'),
        ({"catchup": "both"}, 'catchup: is not a known key; did you mean "catch_up"?'),
        ({"overlap": "forbid"}, 'overlap: "forbid" is not allowed; write "allow", "skip" or "replace"'),
        ({"overlap": None}, 'overlap: null is not allowed; write "allow", "skip" or "replace"'),
        ({"catch_up": True}, 'catch_up: true is not allowed; write false, "not_started", "missed" or "both"'),
        ({"catch_up": 0}, 'catch_up: 0 is not allowed; write false, "not_started", "missed" or "both"'),
        ({"capacity_provider": "SPOT"}, 'capacity_provider: "SPOT" is not allowed; write "FARGATE", "FARGATE_SPOT" or'),
        ({"capacity_provider": {"FARGATE": 1.0}}, "capacity_provider: an object is not allowed; write"),
        ({"capacity_provider": {"FARGATE": 1001}}, "capacity_provider: an object is not allowed; write"),
        ({"capacity_provider": {"FARGATE": 0}}, "capacity_provider: has no weight above 0, so ECS would start nothing"),
        ({"capacity_provider": None}, "capacity_provider: null is not allowed; leave the key out"),
        ({"spot": True}, 'spot: is not a known key; did you mean "capacity_provider"?'),
        ({"max_runtime": 60}, 'max_runtime: is not a known key of a task; write "watch": {"max_runtime": ...}'),
        ({"attempt": 60}, 'attempt: is not a known key of a task; write "retry": {"attempts": ...}'),
        ({"team": "data"}, 'team: is not a known key; did you mean "owner"?'),
        ({"owner": "the data team"}, 'owner: "the data team" is not allowed; write a string of letters, digits'),
        ({"owner": ""}, 'owner: "" is not allowed; write a string of letters'),
        ({"owner": "-a" * 51}, f'owner: "{"-a" * 30}..." is not allowed; write a string of letters'),
        ({"watch": True}, "watch: true is not allowed; write an object, such as"),
        ({"watch": {"grace": -1}}, "watch.grace: -1 is not allowed; write a whole number of seconds from 0 to 86400"),
        ({"watch": {"max_runtime": 59}}, "watch.max_runtime: 59 is not allowed; write a whole number of seconds"),
        ({"watch": {"tolerance": 1.5}}, "watch.tolerance: 1.5 is not allowed; write a whole number from 0 to 100"),
        ({"watch": {"graceSeconds": 5}}, 'watch.graceSeconds: is not a known key; did you mean "grace"?'),
        ({"watch": {"depth": 5}}, "watch.depth: is not a known key; known keys are grace, max_runtime, tolerance"),
        ({"deadLetterQueue": "q"}, "deadLetterQueue: is not a known key; set it on the target of the task's rule"),
        ({"propagateTags": True}, 'propagateTags: is not a known key; did you mean "propagate_tags"?'),
        ({"enable_execute_command": 1}, "enable_execute_command: 1 is not allowed; write true or false"),
        ({"tags": {"n": 1}}, 'tags.n: 1 is not a string; write "1"'),
        ({"tags": {"a\nb": "1"}}, 'tags["a\\nb"]: is not the key of a tag; write 1 to 128 letters, digits, spaces'),
        ({"tags": {"AWS:x": "1"}}, 'tags: "AWS:x" begins with aws: or rota:, which is not yours; rename it'),
        ({"tags": {"x": "é"}}, 'tags: the value of "x" is not one of a tag; write at most 256 letters, digits'),
        ({"tags": {f"t{n}": "" for n in range(51)}}, "tags: has 51 tags, and ECS takes 50 at most; leave some out"),
        ({"window": 5, "tags": {"x": ""}}, 'tags: "x" has no value, which EventBridge Scheduler does not take; write'),
        ({"entryPoint": []}, "entryPoint: is not a known key; the task definition says that"),
        ({"secrets": "hunter2"}, "secrets: is no object; write an object of names in Secrets Manager (ARN) or SSM"),
        (
            {"secrets": {"DB": "hunter2"}},
            'secrets: "DB" has no name of a secret; write the ARN of one in Secrets Manager or SSM, or the name of a '
            "parameter with a slash at the beginning; a value does not belong into this file",
        ),
        ({"secrets": {"PIN": 1234}}, 'secrets: "PIN" has no name of a secret; write the ARN'),
        ({"secrets": {"A=B": "/x"}}, 'secrets: "A=B" is not a name for a variable; write at least one character'),
        ({"secrets": {"ROTA_TASK": "/x"}}, "secrets: Rota sets ROTA_TASK itself; give the variable another name"),
        (
            {"secrets": {"A": "/x"}, "environment": {"A": "1"}},
            'secrets: "A" is also in environment; keep it in one of the two',
        ),
        ({"ephemeral_storage": 20}, "ephemeral_storage: 20 is not allowed; write a whole number of GiB from 21 to 200"),
        ({"role": "shop"}, 'role: "shop" is not allowed; write the ARN of a role, such as "arn:aws:iam::111122223333'),
        ({"taskRoleArn": "x"}, 'taskRoleArn: is not a known key; did you mean "role"?'),
        ({"subnets": []}, "subnets: a list is not allowed; write a list of 1 to 16 subnets, such as"),
        ({"subnets": [7]}, "subnets: a list is not allowed; write a list of 1 to 16 subnets, such as"),
        ({"subnets": "subnet-1"}, 'subnets: "subnet-1" is not allowed; write a list of 1 to 16 subnets, such as'),
        ({"subnets": ["subnet-1"] * 17}, "subnets: a list is not allowed; write a list of 1 to 16 subnets, such as"),
        ({"security_groups": ["sg-1"] * 6}, "security_groups: a list is not allowed; write a list of 1 to 5 security"),
        ({"capacity_provider": ["FARGATE"]}, "capacity_provider: a list is not allowed; write "),
        ({"capacity_provider": {"FARGATE": 1, "EC2": 1}}, "capacity_provider: an object is not allowed; write "),
        ({"capacity_provider": {"FARGATE": True}}, "capacity_provider: an object is not allowed; write "),
        ({"capacity_provider": {"FARGATE": -1}}, "capacity_provider: an object is not allowed; write "),
        (
            {"capacity_provider": {"FARGATE": 0, "FARGATE_SPOT": 0}},
            "capacity_provider: has no weight above 0, so ECS would start nothing; write a whole number from 1 to 1000",
        ),
        ({"tags": {"x": "y" * 257}}, 'tags: the value of "x" is not one of a tag; write at most 256 letters'),
        ({"tags": {"Rota:x": "1"}}, 'tags: "Rota:x" begins with aws: or rota:, which is not yours; rename it'),
        ({"subnets": ["sg-1"]}, "subnets: a list is not allowed; write a list of 1 to 16 subnets, such as"),
        ({"securityGroupIds": ["sg-1"]}, 'securityGroupIds: is not a known key; did you mean "security_groups"?'),
        ({"assign_public_ip": "ENABLED"}, 'assign_public_ip: "ENABLED" is not allowed; write true or false'),
        ({"family": "x"}, "family: is not a known key; a parameter of the stack says that"),
        ({"jitter": 5}, 'jitter: is not a known key; did you mean "window"?'),
        (
            {"on_failure": "x"},
            'on_failure: is not a known key; Rota reports each job that fails or does not run; write "owner"',
        ),
        ({"disabled": True}, 'disabled: is not a known key; write "enabled": false'),
        ({"start_date": "2030-01-01"}, 'start_date: is not a known key; did you mean "start"?'),
        ({"depth": 5}, "depth: is not a known key; known keys are name, task, command"),
        (
            {"retry": {"maximumRetryAttempts": 1}},
            'retry.maximumRetryAttempts: is not a known key; did you mean "attempts"?',
        ),
        (
            {"environment": {"A": "a" * 70_000}},
            "environment: has 70,009 characters, and ECS allows 65,536 for a whole task definition",
        ),
        (
            {"environment": {"ROTA_TASK": "a", "ROTA_SCHEDULED_AT": "b"}},
            "environment: Rota sets ROTA_TASK and ROTA_SCHEDULED_AT itself; give the variable another name",
        ),
        ({"count": 11}, "count: 11 is not allowed; write a whole number from 1 to 10"),
        ({"count": 0}, "count: 0 is not allowed; write a whole number from 1 to 10"),
        ({"count": 1.0}, "count: 1.0 is not allowed; write a whole number from 1 to 10"),
        ({"count": True}, "count: true is not allowed; write a whole number from 1 to 10"),
        ({"count": float("nan")}, "count: NaN is not allowed; write a whole number"),
        ({"count": int("9" * 4000)}, f"count: {'9' * 60}... is not allowed; write a whole number"),
        ({"count": -(10**20)}, "count: -100000000000000000000 is not allowed; write a whole number"),
        (
            {"environment": {"ID": 10**20}},
            'environment.ID: 100000000000000000000 is not a string; write "100000000000000',
        ),
        ({"environment": {"ID": int("9" * 99)}}, f"environment.ID: {'9' * 60}... is not a string; write it in double"),
        ({"retry": 3}, 'retry: 3 is not allowed; write an object, such as {"attempts": 2, "age": 3600}'),
        ({"retry": {"attempts": 186}}, "retry.attempts: 186 is not allowed; write a whole number from 0 to 185"),
        ({"retry": {"age": 59}}, "retry.age: 59 is not allowed; write a whole number of seconds from 60 to 86400"),
        ({"retry": {"attempt": 1}}, 'retry.attempt: is not a known key; did you mean "attempts"?'),
        ({"platform_version": 1.4}, 'platform_version: 1.4 is not allowed; write "LATEST" or a version in quotes'),
        ({"platform_version": "1.4"}, 'platform_version: "1.4" is not allowed; write "LATEST"'),
    ],
)
def test_a_problem_of_one_key(keys: dict[str, Any], problem: str) -> None:
    separator = "" if problem.startswith((":", "[")) else "."
    lines = problems({"tasks": [entry(name="Valid"), entry(**keys)]})
    assert any(line.startswith(f"tasks[1]{separator}{problem}") for line in lines), lines


@pytest.mark.parametrize("items", [[1], [1, None], ["ls", 1]], ids=["the only one", "all", "one of two"])
def test_a_command_of_what_is_no_string_is_not_called_empty(items: list[Any]) -> None:
    lines = problems({"tasks": [entry(name="Valid", command=items, task=...)]})
    assert [line.partition(":")[0] for line in lines] == [
        f"tasks[0].command[{number}]" for number, item in enumerate(items) if not isinstance(item, str)
    ]


def test_a_task_without_a_key_has_the_default() -> None:
    defaults = {
        "cpu": 512,
        "environment": {"A": "1", "B": "1"},
        "retry": {"attempts": 2, "age": 60},
        "enabled": False,
        "x-y": 1,
    }
    own = {"environment": {"B": "2", "C": "2"}, "retry": {"attempts": 1}, "enabled": True}
    document = {"defaults": defaults, "tasks": [entry(), entry(name="B", **own)]}
    bare, with_own = parse_schedule_file(json.dumps(document).encode(), rule_prefix="", max_tasks=2)
    assert bare == Task.model_validate(entry(**defaults | {"x-y": ...}))
    assert (with_own.cpu, with_own.enabled, with_own.retry) == (512, True, Retry(attempts=1))
    assert with_own.environment == {"A": "1", "B": "2", "C": "2"}


@pytest.mark.parametrize(
    ("defaults", "keys", "found"),
    [
        pytest.param(None, {}, ["defaults: null is not allowed; leave the key out"], id="null"),
        pytest.param([], {}, ['defaults: a list is not allowed; write an object, such as {"cpu": 512}'], id="list"),
        pytest.param({"cpu": None}, {}, ["defaults.cpu: null is not allowed; leave the key out"], id="a null"),
        pytest.param(
            {"count": 11, "cpu": 256},
            {"memory": 8192},
            [
                "defaults.count: 11 is not allowed; write a whole number from 1 to 10",
                "tasks[0].memory: Fargate does not offer 8192 MiB with cpu 256; write one of 512, 1024, 2048",
            ],
            id="reported once",
        ),
        pytest.param(
            {"cron": "0 6 * * ? *"}, {}, ["defaults.cron: cannot be a default; write it in each task"], id="schedule"
        ),
        pytest.param(
            {"envs": {}}, {}, ['defaults.envs: is not a known key; did you mean "environment"?'], id="misspelt"
        ),
        pytest.param(
            {"attempts": 1},
            {},
            ['defaults.attempts: is not a known key of a task; write "retry": {"attempts": ...}'],
            id="displaced",
        ),
    ],
)
def test_a_problem_of_the_defaults(defaults: object, keys: dict[str, Any], found: list[str]) -> None:
    assert problems({"defaults": defaults, "tasks": [entry(**keys)]}) == found


def test_a_default_zone_is_not_one_of_a_rate() -> None:
    tasks = [
        entry(name="Daily"),
        entry(name="Often", cron=..., rate="5 minutes"),
        entry(name="Own", timezone="UTC"),
        entry(name="Later", cron=..., rate="7 days", start="2027-01-04T09:00"),
    ]
    document = {"defaults": {"timezone": "Asia/Tokyo"}, "tasks": tasks}
    parsed = parse_schedule_file(json.dumps(document).encode(), rule_prefix="", max_tasks=9)
    assert [task.timezone for task in parsed] == ["Asia/Tokyo", None, "UTC", "Asia/Tokyo"]
    assert [task.scheduler_keys for task in parsed] == [("timezone",), (), (), ("timezone", "start")]
    assert parsed[3].when.start == datetime(2027, 1, 4, 0, tzinfo=UTC)


def test_two_tasks_with_one_name() -> None:
    assert problems({"tasks": [entry(), entry(name="Other"), entry()]}) == [
        'tasks[2].name: "IngestData" is also the name of tasks[0]; rename one of them'
    ]


def test_a_misspelt_key_is_not_reported_as_missing_too() -> None:
    misspelt = {"name": "A", "taks": "spam_task", "corn": "0 6 * * ? *"}
    assert problems({"tasks": [misspelt]}) == [
        'tasks[0].taks: is not a known key; did you mean "task"?',
        'tasks[0].corn: is not a known key; did you mean "cron"?',
    ]


def test_repeated_keys() -> None:
    twice = b'{"name": "a", "name": "b", "task": "t", "rate": "1 day", "retry": {"age": 60, "age": 70}}'
    raw = b'{"tasks": [], "tasks": [' + twice + b"]}"
    problem = "is repeated in the same object; keep one of them"
    assert problems(raw) == [f"tasks: {problem}", f"tasks[0].name: {problem}", f"tasks[0].retry.age: {problem}"]


def test_more_tasks_than_the_bus_can_take() -> None:
    tasks = [entry(name=f"Task{n}") for n in range(4)]
    assert problems({"tasks": tasks}, max_tasks=4) == []
    in_scheduler = [entry(name=f"Zone{n}", timezone="Asia/Tokyo") for n in range(4)]
    assert problems({"tasks": [*tasks, *in_scheduler]}, max_tasks=4) == []
    (problem,) = problems({"tasks": [*tasks, entry(name="Utc", timezone="UTC")]}, max_tasks=4)
    assert problem.startswith("tasks: has 5 tasks")
    assert problems({"tasks": tasks[:1]}, max_tasks=0)[0].startswith(
        "tasks: has 1 task, and the event bus has space for 0"
    )
    assert problems({"tasks": tasks}, max_tasks=3) == [
        "tasks: has 4 tasks, and the event bus has space for 3 of this app's rules: EventBridge allows 300 on a bus "
        "unless the quota is raised; set the parameter SchedulesIn to scheduler, which needs no quota, remove tasks, "
        "or raise the quota and the parameter RuleQuota"
    ]


def test_a_list_longer_than_any_bus_has_no_other_problem() -> None:
    (problem,) = problems({"tasks": [{}] * 10_001})
    assert problem.startswith("tasks: has 10001 tasks, and the event bus has space for 300")
    assert len(problems({"tasks": [{}] * 10_000})) > 1


@pytest.mark.parametrize("cron", ["0 6 1 1 ? 1999", "0 6 31 12 ? 1999"])
def test_a_task_whose_last_run_is_past_is_no_problem(cron: str) -> None:
    assert problems({"tasks": [entry(cron=cron)]}) == []


def test_a_null_key_is_not_reported_as_missing_too() -> None:
    assert problems({"tasks": [entry(cron=None)]}) == ["tasks[0].cron: null is not allowed; leave the key out"]
    assert problems({"tasks": [entry(cron=None, rate="1 day")]}) == [
        "tasks[0].cron: null is not allowed; leave the key out"
    ]


@pytest.mark.parametrize(
    ("one_offs", "problem"),
    [
        ({"before": {}}, 'before: does not say what to run; add "task": "spam_task" or "command": ["..."]'),
        ({"before": None}, "before: null is not allowed; leave the key out"),
        ({"after": 3}, 'after: 3 is not allowed; write an object, such as {"task": "smoke_test", "timeout": 5}'),
        ({"after": {"task": "a", "command": ["b"]}}, 'after.command: cannot be combined with "task"'),
        ({"before": {"taks": "migrate"}}, 'before.taks: is not a known key; did you mean "task"?'),
        (
            {"before": {"task": "a", "cron": "0 6 * * ? *"}},
            "before.cron: is not a known key of before, which runs once",
        ),
        ({"after": {"task": "a", "pause_tasks": True}}, "after.pause_tasks: is not a known key of after; it is one of"),
        (
            {"before": {"task": "a", "timeout": 1441}},
            "before.timeout: 1441 is not allowed; write a whole number of min",
        ),
        (
            {"before": {"task": "a", "timeout": 61, "pause_tasks": True}},
            "before.timeout: with pause_tasks it is 60 minutes at most",
        ),
        ({"before": {"task": "a", "environment": {"A": 1}}}, 'before.environment.A: 1 is not a string; write "1"'),
        ({"before": {"task": "a", "cpu": 256, "memory": 4096}}, "before.memory: Fargate does not offer 4096 MiB"),
        ({"before": {"command": [""]}}, "before.command: starts with an empty string, which no container can run"),
        ({"after": {"task": "a", "secrets": {"A": "x"}}}, 'after.secrets: "A" has no name of a secret; write the ARN'),
        ({"defaults": {"owner": "a", "cpu": 300}}, "defaults.cpu: 300 is not allowed; write one of Fargate's sizes"),
        ({"migration": {"task": "a"}}, 'migration: is not a known key; did you mean "before"?'),
        ({"smoke_test": {"task": "a"}}, 'smoke_test: is not a known key; did you mean "after"?'),
    ],
)
def test_a_problem_of_what_runs_once(one_offs: dict[str, Any], problem: str) -> None:
    (found,) = problems({"tasks": [], **one_offs})
    assert found.startswith(problem)


def test_defaults_hold_for_what_runs_once_too() -> None:
    defaults = {"environment": {"LEVEL": "info", "MODE": "job"}, "cpu": 512, "owner": "data-team", "timezone": "UTC"}
    document = {"defaults": defaults, "before": {"task": "migrate", "environment": {"MODE": "once"}}, "tasks": []}
    file = parse_whole_file(json.dumps(document).encode(), rule_prefix="", max_tasks=1)
    assert file.before
    assert (file.before.environment, file.before.cpu) == ({"LEVEL": "info", "MODE": "once"}, 512)
    assert (file.before.timeout, file.before.pause_tasks) == (30, False)
