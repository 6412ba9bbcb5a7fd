"""The schedule file: the effect of every optional key in AWS, and which file a deployment reads."""

from typing import Any, NamedTuple

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.ecr.manifest import digest
from tests.stage.account import app_container, environment, history, ran_by, revision, schedules, states
from tests.stage.conftest import as_new

pytestmark = pytest.mark.exhaustive(first=0)

ONE_TASK = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}


class Live(NamedTuple):
    """What a schedule file that uses every key has made."""

    tasks: dict[str, Any]
    """Rule and revision by the task's name."""
    again: list[str]
    """The states of a second deployment of it."""


@pytest.fixture(scope="module")
def live(one_stage: Client) -> Live:
    as_new(one_stage)
    one_stage.upload_schedule(
        {
            "$schema": "https://example.com/scheduled_tasks.schema.json",
            "tasks": [
                ONE_TASK,
                {**ONE_TASK, "name": "Off", "enabled": False, "description": "Not before the season begins."},
                {**ONE_TASK, "name": "Large", "cpu": 1024, "memory": 4096},
                {**ONE_TASK, "name": "Loud", "environment": {"LOG_LEVEL": "debug", "SEASON": "winter"}},
                {**ONE_TASK, "name": "Thrice", "count": 3, "platform_version": "1.4.0"},
                {**ONE_TASK, "name": "Once", "retry": {"attempts": 0, "age": 300}},
                {"name": "Own-Command", "command": ["python", "-m", "app.tasks", "spam_task"], "rate": "5 minutes"},
                {"name": "Own.Schedule", "task": "spam_task", "schedule": "cron(0 9 ? * MON#1 *)"},
            ],
        }
    )
    first = one_stage.deploy("v1")
    assert first["status"] == "SUCCEEDED"
    tasks = {
        name: (rule, revision(one_stage, ran_by(rule))) for name, rule in sorted(schedules(one_stage).items(), key=str)
    }
    return Live(tasks, states(one_stage, one_stage.wait(one_stage.start(first["input"]))))


@pytest.fixture
def deployed(live: Live) -> dict[str, Any]:
    return live.tasks


def ecs_parameters(rule: dict[str, Any]) -> dict[str, Any]:
    return dict(rule["Targets"][0]["EcsParameters"])


def environment_of(definition: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in app_container(definition)["environment"]}


def test_every_task_of_the_file_has_a_rule(deployed: dict[str, Any]) -> None:
    names = {"IngestData", "Off", "Large", "Loud", "Thrice", "Once", "Own-Command", "Own.Schedule"}
    assert deployed.keys() == names


@pytest.mark.parametrize(
    ("task", "state", "expression", "description"),
    [
        ("IngestData", "ENABLED", "cron(0 6 * * ? *)", None),
        ("Off", "DISABLED", "cron(0 6 * * ? *)", "Not before the season begins."),
        ("Own-Command", "ENABLED", "rate(5 minutes)", None),
        ("Own.Schedule", "ENABLED", "cron(0 9 ? * MON#1 *)", None),
    ],
)
def test_schedule_keys(
    deployed: dict[str, Any], task: str, state: str, expression: str, description: str | None
) -> None:
    rule, _ = deployed[task]
    assert (rule["State"], rule["ScheduleExpression"], rule.get("Description")) == (state, expression, description)


@pytest.mark.parametrize(
    ("task", "cpu", "memory"), [("IngestData", "256", "512"), ("Large", "1024", "4096")], ids=["the base's", "its own"]
)
def test_size_keys(deployed: dict[str, Any], task: str, cpu: str, memory: str) -> None:
    _, definition = deployed[task]
    assert (definition["cpu"], definition["memory"]) == (cpu, memory)


@pytest.mark.parametrize(
    ("task", "variables"),
    [("IngestData", {"LOG_LEVEL": "info"}), ("Loud", {"LOG_LEVEL": "debug", "SEASON": "winter"})],
    ids=["the base's", "its own"],
)
def test_environment_keys(deployed: dict[str, Any], task: str, variables: dict[str, str]) -> None:
    _, definition = deployed[task]
    assert environment_of(definition) == variables


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("IngestData", ["./bin/start", "data_ingestion_task"]),
        ("Own-Command", ["python", "-m", "app.tasks", "spam_task"]),
    ],
    ids=["a task", "a command"],
)
def test_command_keys(deployed: dict[str, Any], task: str, command: list[str]) -> None:
    _, definition = deployed[task]
    assert app_container(definition)["command"] == command


@pytest.mark.parametrize(
    ("task", "count", "platform", "retry"),
    [
        ("IngestData", 1, "LATEST", (185, 21_600)),
        ("Thrice", 3, "1.4.0", (185, 21_600)),
        ("Own-Command", 1, "LATEST", (185, 300)),
        ("Once", 1, "LATEST", (0, 300)),
    ],
)
def test_target_keys(deployed: dict[str, Any], task: str, count: int, platform: str, retry: tuple[int, int]) -> None:
    rule, _ = deployed[task]
    parameters = ecs_parameters(rule)
    assert (parameters["TaskCount"], parameters["PlatformVersion"]) == (count, platform)
    policy = rule["Targets"][0]["RetryPolicy"]
    assert (policy["MaximumRetryAttempts"], policy["MaximumEventAgeInSeconds"]) == retry


def test_the_same_file_again_changes_nothing(live: Live) -> None:
    assert live.again[-1] == "NothingToDo"


def test_a_schedule_key_can_contain_the_tag(stage: Client) -> None:
    keys = ["{repository}/{digest}.json", "{repository}/{tag}.json", "scheduled_tasks.json"]
    of_digest, of_tag = f"guestbook/{digest('v3')}.json", "guestbook/v2.json"
    stage.upload_schedule(named("OfTheDigest"), of_digest)
    stage.upload_schedule(named("OfTheTag"), of_tag)
    stage.upload_schedule(named("OfTheTag"), "guestbook/v3.json")
    stage.upload_schedule(named("OfAll"))
    with environment(stage, "ReadConfig", SCHEDULE_KEYS=",".join(keys)):
        read = []
        for tag in ("v1", "v2", "v3"):
            stage.deploy(tag)
            (task,) = schedules(stage)
            read.append((task, history(stage)[0]["schedule_key"]))
        stage.client("s3").delete_object(Bucket=stage.names["bucket"], Key="scheduled_tasks.json")
        none = stage.deploy("v4")

    assert read == [("OfAll", "scheduled_tasks.json"), ("OfTheTag", of_tag), ("OfTheDigest", of_digest)]
    assert (none["status"], none["error"]) == ("FAILED", "ConfigError")
    for key in (f"guestbook/{digest('v4')}.json", "guestbook/v4.json", "scheduled_tasks.json"):
        assert f"s3://{stage.names['bucket']}/{key}" in none["cause"]


def named(task: str) -> dict[str, Any]:
    return {"tasks": [{**ONE_TASK, "name": task}]}


def test_a_deployment_uses_one_version_of_the_file(stage: Client) -> None:
    version = stage.upload_schedule(named("Before"))
    stage.settings(latency_ms=50)
    stage.clear_calls()
    stage.push("v1")
    wait_for(lambda: stage.calls("s3", "GetObject"), 30)
    stage.upload_schedule(named("After"))
    stage.wait(stage.executions()[0])
    assert list(schedules(stage)) == ["Before"]
    assert history(stage)[0]["schedule_version"] == version
