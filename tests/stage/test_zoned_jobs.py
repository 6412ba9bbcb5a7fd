"""Jobs of EventBridge Scheduler, deployed by the whole machine with the template's own roles."""

import re
from datetime import timedelta
from typing import Any

import pytest

from examples.guestbook.client import Client, running
from tests.processes import FORKS
from tests.stage.account import PREFIX, states
from tests.stage.conftest import Rota, as_new

TASKS: list[dict[str, Any]] = [
    {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 7 * * ? *", "timezone": "Europe/Berlin"},
    {"name": "RemoveSpam", "task": "spam_task", "rate": "15 minutes", "window": 5},
    {"name": "CountTeaspoons", "task": "teaspoon_task", "cron": "0 22 ? * SUN *"},
]


def scheduled(stage: Client) -> dict[str, dict[str, Any]]:
    """By the name of their task, the schedules of the app's group."""
    scheduler, group = stage.client("scheduler"), stage.names["outputs"]["ScheduleGroup"]
    listed = scheduler.list_schedules(GroupName=group)["Schedules"]
    found = (scheduler.get_schedule(GroupName=group, Name=each["Name"]) for each in listed)
    return {each["Name"].removeprefix(PREFIX): each for each in found}


def denied(stage: Client) -> list[Any]:
    return [each for each in stage.permissions() if not each["allowed"]]


@pytest.fixture(scope="module")
def _zoned_kept(one_stage: Client) -> str:
    """A snapshot after their first deployment."""
    stage = as_new(one_stage)
    stage.upload_schedule({"tasks": TASKS})
    ended = stage.deploy("v1")
    assert (ended["status"], ended.get("cause")) == ("SUCCEEDED", None)
    assert denied(stage) == []
    stage.keep("zoned")
    return "zoned"


@pytest.fixture
def zoned(one_stage: Client, _zoned_kept: str) -> Client:
    """A stage on which two jobs live in Scheduler, and one is a rule."""
    return as_new(one_stage, _zoned_kept)


def test_a_file_has_schedules_beside_rules(zoned: Client) -> None:
    found = scheduled(zoned)
    assert {name: (each["ScheduleExpression"], each["ScheduleExpressionTimezone"]) for name, each in found.items()} == {
        "IngestData": ("cron(0 7 * * ? *)", "Europe/Berlin"),
        "RemoveSpam": ("rate(15 minutes)", "UTC"),
    }
    assert {each["Target"]["RoleArn"] for each in found.values()} == {zoned.names["outputs"]["SchedulerRoleArn"]}
    rules = {each["Name"] for each in zoned.client("events").list_rules(NamePrefix=PREFIX)["Rules"]}
    assert rules & {PREFIX + task["name"] for task in TASKS} == {PREFIX + "CountTeaspoons"}
    assert denied(zoned) == []
    (first,) = zoned.executions()
    again = zoned.wait(zoned.start(zoned.wait(first)["input"]))
    assert states(zoned, again)[-1] == "NothingToDo"


def test_the_command_shows_zone_and_place(zoned: Client, rota: Rota) -> None:
    answer = rota("status", "--json")
    tasks = {each["task"]: each for each in answer.json["tasks"]}
    assert {name: (each["timezone"], each["in_words"], each["drift"]) for name, each in tasks.items()} == {
        "CountTeaspoons": ("UTC", "Sundays at 22:00 UTC", []),
        "IngestData": ("Europe/Berlin", "every day at 07:00 Europe/Berlin", []),
        "RemoveSpam": ("UTC", "every 15 minutes, within 5 minutes", []),
    }
    assert tasks["RemoveSpam"]["exact"], "its StartDate says from when it counts"
    upcoming = rota("next", "--json").json
    assert [each["local"][11:16] for each in upcoming["runs"] if each["task"] == "IngestData"] == ["07:00"]
    assert upcoming["zones"]
    explained = rota("explain", "IngestData").out
    assert "IngestData runs every day at 07:00 Europe/Berlin, next" in explained
    assert re.search(r"schedule +production__guestbook__IngestData", explained)
    assert "in its group" in " ".join(explained.split())


@pytest.mark.exhaustive(first=0)
def test_a_job_of_scheduler_is_run_and_paused(zoned: Client, rota: Rota) -> None:
    ran = rota("run", "IngestData")
    assert (ran.exit, ran.err.splitlines()[-1:]) != (1, [])
    assert rota("pause", "IngestData", "--reason", "stock-taking").exit == 0
    assert scheduled(zoned)["IngestData"]["State"] == "DISABLED"
    assert rota("explain", "IngestData").out.startswith("IngestData does not run: it is paused (every day at 07:00")
    assert rota("resume", "IngestData").exit == 0
    assert scheduled(zoned)["IngestData"]["State"] == "ENABLED"


@pytest.mark.exhaustive(first=0)
def test_a_plan_names_another_zone(zoned: Client, rota: Rota) -> None:
    zoned.upload_schedule({"tasks": [TASKS[0] | {"timezone": "Asia/Tokyo"}, TASKS[1] | {"window": 6}, TASKS[2]]})
    (ingest, spam) = rota("plan", "--json").json["tasks"]
    assert ingest["fields"] == {"schedule": ["cron(0 7 * * ? *) Europe/Berlin", "cron(0 7 * * ? *) Asia/Tokyo"]}
    assert (ingest["change"], spam["change"]) == ("update", "update")
    assert spam["fields"]["schedule"][1].endswith(", within 6 minutes")


@pytest.mark.exhaustive(first=0)
def test_another_file_adds_changes_and_removes(zoned: Client) -> None:
    zoned.upload_schedule(
        {"tasks": [TASKS[0] | {"cron": "0 8 * * ? *"}, TASKS[2] | {"timezone": "Asia/Tokyo", "name": "Tea"}]}
    )
    assert zoned.deploy("v2")["status"] == "SUCCEEDED"
    assert {name: each["ScheduleExpression"] for name, each in scheduled(zoned).items()} == {
        "IngestData": "cron(0 8 * * ? *)",
        "Tea": "cron(0 22 ? * SUN *)",
    }
    assert denied(zoned) == []


@pytest.mark.exhaustive(first=0)
def test_a_rollout_that_fails_restores_schedules(zoned: Client) -> None:
    before = scheduled(zoned)
    zoned.upload_schedule({"tasks": [TASKS[0] | {"cron": "0 8 * * ? *"}]})
    zoned.settings(rollout="fails")
    assert zoned.deploy("v2")["status"] == "FAILED"
    kept = ("ScheduleExpression", "State", "Target", "FlexibleTimeWindow", "ScheduleExpressionTimezone")
    after = scheduled(zoned)
    assert {name: [each[member] for member in kept] for name, each in after.items()} == {
        name: [each[member] for member in kept] for name, each in before.items()
    }
    assert denied(zoned) == []


def test_jobs_move_to_scheduler_and_back(zoned: Client) -> None:
    """One each way, while another changes in it: a schedule is created, one is updated, one is deleted."""
    zoned.set_clock("2030-03-02T12:00:00Z")  # what moves is not due soon
    ingest = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 7 * * ? *"}
    zoned.upload_schedule({"tasks": [ingest, TASKS[1] | {"window": 6}, TASKS[2] | {"window": 5}]})
    ended = zoned.deploy("v2")
    assert (ended["status"], ended.get("cause")) == ("SUCCEEDED", None)
    assert states(zoned, ended).count("CreateTargets") == 2
    windows = {name: each["FlexibleTimeWindow"]["MaximumWindowInMinutes"] for name, each in scheduled(zoned).items()}
    assert windows == {"CountTeaspoons": 5, "RemoveSpam": 6}
    rules = {each["Name"] for each in zoned.client("events").list_rules(NamePrefix=PREFIX)["Rules"]}
    assert rules & {PREFIX + task["name"] for task in TASKS} == {PREFIX + "IngestData"}
    assert denied(zoned) == []


def test_a_job_runs_at_its_local_time(zoned: Client) -> None:
    zoned.set_clock("2030-03-01T05:59:00Z")
    zoned.settings(fire_schedules=True, tasks="scripted")
    ran = [each for each in zoned.advance(65) if each["rule"].endswith("IngestData")]
    assert [(each["at"], "error" in each) for each in ran] == [("2030-03-01T06:00:00Z", False)]  # 07:00 in Berlin


@pytest.mark.exhaustive(first=0)
def test_a_job_runs_also_without_its_stack() -> None:
    with running(*FORKS) as stage:
        stage.settings(time_scale=0.005, rollout_seconds=0.02)
        stage.upload_schedule({"tasks": TASKS})
        assert stage.deploy("v1")["status"] == "SUCCEEDED"
        stage.client("cloudformation").delete_stack(StackName="rota")
        stage.settings(fire_schedules=True, tasks="scripted")
        fired = stage.advance(timedelta(days=1).total_seconds())
    ran = {each["rule"].rpartition("__")[2]: each for each in fired}
    assert ran.keys() >= {"IngestData", "RemoveSpam"}
    assert ran["IngestData"]["at"][11:16] in ("05:00", "06:00")  # 07:00 in Berlin
    assert [each for each in fired if "error" in each] == []
