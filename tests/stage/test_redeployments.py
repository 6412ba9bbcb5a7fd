"""Deployments after the first: only differences are written, and schedules that stay wanted never stop."""

import os
from pathlib import Path

import pytest

from examples.guestbook.client import Client
from tests import processes
from tests.stage.account import (
    PREFIX,
    Described,
    account,
    app_container,
    images,
    ran_by,
    revision,
    rules,
    schedules,
    service,
    states,
    writes,
)
from tests.stage.scenarios import NEXT

ONE_TASK = {"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}]}


def test_a_changed_schedule_file_adds_removes_and_changes_rules(deployed: Client) -> None:
    before = rules(deployed)
    deployed.upload_schedule(NEXT)
    deployed.clear_calls()
    assert deployed.deploy("v2")["status"] == "SUCCEEDED"

    after = schedules(deployed)
    assert {name: rule["ScheduleExpression"] for name, rule in after.items()} == {
        "IngestData": "cron(0 6 * * ? *)",
        "RemoveSpam": "cron(0/5 * * * ? *)",
        "PrintDigest": "cron(0 7 ? * MON-FRI *)",
    }
    kept = {**before[PREFIX + "IngestData"], "Targets": after["IngestData"]["Targets"]}
    assert after["IngestData"] == kept
    assert rules(deployed)["billing-nightly-export"] == before["billing-nightly-export"]
    assert images(deployed) == {deployed.push("v3", "v2")}
    assert writes(deployed) == {
        "DisableRule": 1,
        "RemoveTargets": 1,
        "DeleteRule": 1,
        "RegisterTaskDefinition": 4,
        "PutRule": 2,  # PrintDigest is new, RemoveSpam changes; IngestData keeps its rule
        "PutTargets": 3,
        "UpdateService": 1,
    }
    put = [call["time"] for call in deployed.calls("events", "PutTargets")]
    (disabled,), (deleted,) = (deployed.calls("events", each) for each in ("DisableRule", "DeleteRule"))
    (rolled,) = deployed.calls("ecs", "UpdateService")
    assert disabled["time"] < min(put) <= max(put) < rolled["time"] < deleted["time"]


@pytest.mark.exhaustive(first=0)
def test_a_new_image_is_one_register_and_put_targets_per_task(deployed: Client) -> None:
    before = schedules(deployed)
    deployed.clear_calls()
    assert_only_the_image_changes(deployed, before, deployed.deploy("v2"))


@pytest.mark.exhaustive(first=0)
def test_an_older_execution_that_is_run_again_deploys_its_image(deployed: Client, v1: Described) -> None:
    before = schedules(deployed)
    deployed.deploy("v2")
    deployed.clear_calls()
    assert_only_the_image_changes(deployed, before, deployed.wait(deployed.start(v1["input"])))


def assert_only_the_image_changes(stage: Client, before: Described, ended: Described) -> None:
    assert states(stage, ended)[-1] == "Deployed"
    assert writes(stage) == {"RegisterTaskDefinition": 4, "PutTargets": 3, "UpdateService": 1}
    assert images(stage) == {ended["input"]["detail"]["image-digest"]}
    for name, rule in schedules(stage).items():
        assert {**rule, "Targets": None} == {**before[name], "Targets": None}


@pytest.mark.exhaustive(first=0)
def test_a_deployment_without_changes_writes_nothing(deployed: Client, v1: Described) -> None:
    before = account(deployed)
    deployed.clear_calls()

    again = deployed.wait(deployed.start(v1["input"]))
    by_another_tag = deployed.deploy("release-1", "v1")

    for execution in (again, by_another_tag):
        assert execution["status"] == "SUCCEEDED"
        assert states(deployed, execution)[-1] == "NothingToDo"
    assert not writes(deployed)
    assert {**account(deployed), "images": None} == {**before, "images": None}


@pytest.mark.exhaustive(first=0)
def test_a_changed_schedule_alone_writes_one_rule(stage: Client) -> None:
    stage.upload_schedule(ONE_TASK)
    first = stage.deploy("v1")
    (before,) = schedules(stage).values()
    stage.upload_schedule({"tasks": [{**ONE_TASK["tasks"][0], "cron": "30 7 * * ? *"}]})
    stage.clear_calls()
    stage.wait(stage.start(first["input"]))
    assert writes(stage) == {"PutRule": 1, "PutTargets": 1}
    (after,) = schedules(stage).values()
    assert after == {**before, "ScheduleExpression": "cron(30 7 * * ? *)"}


@pytest.mark.exhaustive(first=0)
def test_manual_changes_are_corrected(deployed: Client, v1: Described) -> None:
    before, served = schedules(deployed), service(deployed)
    events = deployed.client("events")
    topic = deployed.names["outputs"]["NotificationsTopicArn"]
    events.disable_rule(Name=PREFIX + "IngestData")
    events.put_targets(Rule=PREFIX + "RemoveSpam", Targets=[{"Id": "mine-too", "Arn": topic}])
    events.remove_targets(Rule=PREFIX + "CountTeaspoons", Ids=[PREFIX + "CountTeaspoons"])
    deployed.wait(deployed.start(v1["input"]))
    after = schedules(deployed)
    assert {name: {**rule, "Targets": None} for name, rule in after.items()} == {
        name: {**rule, "Targets": None} for name, rule in before.items()
    }
    assert {name: command(deployed, ran_by(rule)) for name, rule in after.items()} == {
        name: command(deployed, ran_by(rule)) for name, rule in before.items()
    }
    assert service(deployed) == served


@pytest.mark.exhaustive(first=0)
def test_an_empty_schedule_file_removes_all_rules(deployed: Client) -> None:
    deployed.upload_schedule({"tasks": []})
    digest = deployed.deploy("v2")["input"]["detail"]["image-digest"]
    assert schedules(deployed) == {}
    assert images(deployed) == {digest}
    assert command(deployed, service(deployed)["taskDefinition"]) == ["./bin/start"]


def command(stage: Client, arn: str) -> list[str]:
    return list(app_container(revision(stage, arn))["command"])


@pytest.mark.exhaustive(first=0)
def test_the_tenth_deployment_makes_no_more_calls_than_the_third(stage: Client) -> None:
    stage.upload_schedule(ONE_TASK)
    stage.settings(time_scale=0, rollout_seconds=0)
    calls, running = {}, {}
    for number in range(1, 11):
        stage.clear_calls()
        assert stage.deploy(f"v{number}")["status"] == "SUCCEEDED"
        # The number of CheckService's calls depends on ECS.
        called = (call for call in stage.calls() if call["caller"] not in (None, "CheckService"))
        calls[number] = sorted((call["caller"], call["operation"]) for call in called)
        running[number] = processes_and_threads()
    assert calls[10] == calls[3]
    # What each deployment left behind would be seven; one more now is a connection or a function that starts.
    assert running[10] - running[3] < 7, running


def processes_and_threads() -> int:
    """The number of processes and threads of this test run's stages."""
    stages = processes.children(os.getpid())
    family = stages.union(*map(processes.children, stages))
    if not Path("/proc/self/task").exists():
        pytest.skip("threads are counted where there is /proc")
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in family if Path(f"/proc/{pid}").exists())
