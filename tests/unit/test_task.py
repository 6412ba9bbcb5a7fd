"""A task: its expression, its command line, its defaults, and its way through JSON."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from rota.schedule_file.fargate_sizes import FARGATE_MEMORY
from rota.schedule_file.task import EXPECTED, After, Before, OneOff, Retry, ScheduleFile, Task, Watch
from rota.schedule_file.when import When

LAYER = Path(__file__).parents[2] / "layers" / "rota"
EVERYTHING = {
    "name": "Report",
    "command": ["python", "-m", "app.report"],
    "schedule": "cron( 0 6 ? * mon-fri * )",
    "enabled": False,
    "description": "The daily report",
    "timezone": "Europe/Berlin",
    "start": "2027-01-31T07:00:00",
    "end": "2027-12-31T06:00:00Z",
    "window": 15,
    "cpu": 512,
    "memory": 2048,
    "environment": {"LOG_LEVEL": "debug"},
    "count": 2,
    "retry": {"attempts": 2, "age": 3600},
    "platform_version": "1.4.0",
    "watch": {"grace": 600, "max_runtime": 3600, "tolerance": 1},
    "owner": "data-team",
    "capacity_provider": {"FARGATE_SPOT": 3, "FARGATE": 1},
    "subnets": ["subnet-1"],
    "ephemeral_storage": 50,
    "secrets": {"DB": "/shop/db"},
    "role": "arn:aws:iam::123456789012:role/report",
    "tags": {"cost-centre": "12"},
    "propagate_tags": False,
    "enable_execute_command": True,
    "security_groups": ["sg-1"],
    "assign_public_ip": False,
}


KNOWN_BEFORE = {
    *("name", "task", "command", "cron", "rate", "schedule", "enabled", "description", "cpu", "memory"),
    *("environment", "count", "retry", "platform_version"),
}


@pytest.mark.parametrize(
    ("when", "expression"),
    [
        ({"cron": " 0  6 * * ? * "}, "cron(0 6 * * ? *)"),
        ({"cron": "cron(0 6 * * ? *)"}, "cron(0 6 * * ? *)"),
        ({"rate": "5  minutes"}, "rate(5 minutes)"),
        ({"schedule": "rate( 1 hour )"}, "rate(1 hour)"),
        ({"schedule": "cron(0 6 ? * sun *)"}, "cron(0 6 ? * SUN *)"),
        ({"at": "2027-01-31T07:00"}, "at(2027-01-31T07:00:00)"),
    ],
)
def test_the_expression_has_one_spelling(when: dict[str, str], expression: str) -> None:
    assert Task.model_validate({"name": "a", "task": "a", **when}).expression == expression


@pytest.mark.parametrize(
    ("what", "command_line"),
    [
        ({"task": "spam_task"}, ("./bin/start", "spam_task")),
        ({"command": ["python", "-m", "app.report"]}, ("python", "-m", "app.report")),
    ],
)
def test_the_command_line(what: dict[str, object], command_line: tuple[str, ...]) -> None:
    task = Task.model_validate({"name": "a", "rate": "1 hour", **what})
    assert task.command_line(("./bin/start",)) == command_line


def test_defaults() -> None:
    task = Task.model_validate({"name": "a", "task": "a", "rate": "1 hour"})
    assert (task.enabled, task.count, task.description, task.environment) == (True, 1, "", {})
    assert (task.cpu, task.memory, task.retry, task.platform_version) == (None, None, None, None)
    assert Retry() == Retry(attempts=185, age=None)
    assert Retry(attempts=2).model_dump_json() == '{"attempts":2}', "as the previous version of Rota reads it"
    assert not task.model_dump().keys() - KNOWN_BEFORE, "as the previous version of Rota reads it"
    assert Watch() == Watch(grace=300, max_runtime=None, tolerance=0)


@pytest.mark.parametrize("entry", [EVERYTHING, {"name": "a", "task": "a", "rate": "1 hour"}], ids=["all", "least"])
def test_a_task_is_the_same_after_json(entry: dict[str, object]) -> None:
    task = Task.model_validate(entry)
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task.model_validate(task.model_dump()) == task


def test_a_stored_task_stays_valid_after_its_last_run() -> None:
    assert Task.model_validate({"name": "a", "task": "a", "cron": "0 6 1 1 ? 2020"}).cron == "0 6 1 1 ? 2020"


def test_a_task_is_frozen() -> None:
    task = Task.model_validate(EVERYTHING)
    with pytest.raises(ValidationError, match="frozen"):
        task.count = 3  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"task": "a", "command": ["a"], "rate": "1 hour"}, "also says what to run"),
        ({"task": "a", "rate": "1 hour", "cron": "0 6 * * ? *"}, "also says when to run"),
        ({"rate": "1 hour"}, "does not say what to run"),
        ({"task": "a"}, "does not say when to run"),
        ({"task": "a", "rate": "1 hour", "secrets": {"\ud83d": "/x"}}, "is not a name for a variable"),
        ({"task": "a", "rate": "1 hour", "cpu": 256, "memory": 8192}, "does not offer 8192 MiB with cpu 256"),
    ],
)
def test_a_task_made_in_python_is_checked_too(keys: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Task.model_validate({"name": "a", **keys})


LEAST = {"name": "a", "task": "a", "rate": "1 hour"}
SECRETS = {"TOKEN": "/shop/token", "DB": "/shop/db"}


def test_what_follows_from_every_key() -> None:
    task = Task.model_validate(EVERYTHING | {"secrets": SECRETS, "overlap": "skip", "catch_up": "both"})
    assert task.network == {"subnets": ("subnet-1",), "security_groups": ("sg-1",), "assign_public_ip": False}
    assert task.said_of_revision == {
        "ephemeral_storage": "50 GiB",
        "secrets": "DB from /shop/db, TOKEN from /shop/token",
        "role": "arn:aws:iam::123456789012:role/report",
    }
    assert task.scheduler_keys == ("timezone", "start", "end", "window")
    assert task.when == When(
        "cron(0 6 ? * MON-FRI *)",
        "Europe/Berlin",
        datetime(2027, 1, 31, 6, tzinfo=UTC),
        datetime(2027, 12, 31, 6, tzinfo=UTC),
        15,
    )
    assert task.rights == {"tags": "tags", "enable_execute_command": "exec"}
    assert Task.model_validate(LEAST | {"propagate_tags": True}).rights == {"propagate_tags": "tags"}
    assert task.parameters == {
        "tags": "EventsRoleAllows",
        "enable_execute_command": "EventsRoleAllows",
        "subnets": "TaskNetworks",
        "security_groups": "TaskNetworks",
        "assign_public_ip": "TaskNetworks",
        "secrets": "SecretsAllowed",
        "role": "TaskRoleArns",
    }
    assert task.actions == {"overlap": "stop", "catch_up": "start"}


def test_what_follows_from_no_key() -> None:
    task = Task.model_validate(LEAST)
    assert (task.network, task.said_of_revision, task.scheduler_keys) == ({}, {}, ())
    assert task.when == When("rate(1 hour)", "UTC", None, None, 0)
    assert (task.rights, task.parameters, task.actions) == ({}, {}, {})
    both = {"subnets": ["subnet-1"], "role": EVERYTHING["role"]}
    assert After.model_validate({"task": "a", **both}).parameters == {"subnets": "TaskNetworks", "role": "TaskRoleArns"}
    assert ScheduleFile(tasks=()).one_offs == ()
    file = ScheduleFile.model_validate({"tasks": [], "before": {"task": "a"}, "after": {"task": "b"}})
    assert file.one_offs == (Before(task="a"), After(task="b"))
    assert (file.one_offs[0].timeout, file.one_offs[1].timeout, Before(task="a").pause_tasks) == (30, 10, False)


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [
        ("window", 1, 1_440),
        ("count", 1, 10),
        ("ephemeral_storage", 21, 200),
        ("retry.attempts", 0, 185),
        ("retry.age", 60, 86_400),
        ("watch.grace", 0, 86_400),
        ("watch.max_runtime", 60, 1_209_600),
        ("watch.tolerance", 0, 100),
    ],
)
def test_numbers_have_bounds(key: str, least: int, most: int) -> None:
    name, _, inner = key.partition(".")
    for number in (least, most):
        task = Task.model_validate(LEAST | {name: {inner: number} if inner else number})
        given = getattr(task, name)
        assert (getattr(given, inner) if inner else given) == number
    for number in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=f"equal to {least if number < least else most}"):
            Task.model_validate(LEAST | {name: {inner: number} if inner else number})


@pytest.mark.parametrize("kind", [Before, After])
def test_a_one_off_has_a_day_at_most(kind: type[OneOff]) -> None:
    assert [kind.model_validate({"task": "a", "timeout": each}).model_dump()["timeout"] for each in (1, 1440)] == [
        1,
        1440,
    ]
    for wrong in (0, 1441):
        with pytest.raises(ValidationError, match="equal to"):
            kind.model_validate({"task": "a", "timeout": wrong})


@pytest.mark.parametrize(("cpu", "memory"), [(cpu, size) for cpu, sizes in FARGATE_MEMORY.items() for size in sizes])
def test_every_size_of_fargate_is_taken(cpu: int, memory: int) -> None:
    task = Task.model_validate({"name": "a", "task": "a", "rate": "1 hour", "cpu": cpu, "memory": memory})
    assert (task.cpu, task.memory) == (cpu, memory)


def test_every_key_says_what_it_takes() -> None:
    models = (ScheduleFile, Task, Retry, Watch, Before, After)
    assert set(EXPECTED) == {field.alias or name for model in models for name, field in model.model_fields.items()}


@pytest.mark.parametrize("module", ["rota.schedule_file.task", "rota.schedule_file.parse"])
def test_a_valid_file_loads_no_module_for_problems(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=LAYER, capture_output=True, text=True, check=True)
    unwanted = {
        "argparse",
        "croniter",
        "aws_cron_expression_validator",
        "rota.schedule_file.json_schema",
        "rota.cli.check.command",
        "click",
        "boto3",
    }
    assert not unwanted & set(done.stdout.split())
