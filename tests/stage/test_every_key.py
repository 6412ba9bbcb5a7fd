"""Tasks with every key at once: they deploy, change and are restored, and run with exactly what the file says."""

from collections.abc import Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from tests.stage import audit
from tests.stage.account import PREFIX, schedules
from tests.stage.updated import updated
from tests.stage.with_every_key.keys import keys_of, others
from tests.stage.with_every_key.rights import RIGHTS, ROLE

pytestmark = pytest.mark.exhaustive(first=0)

PLAIN = {"name": "Plain", "task": "spam_task", "rate": "1 hour"}
BARE = {"name": "Report", "command": ["sh", "-c", "echo $TOKEN $KEY"], "rate": "1 day"}
ZONED = {"name": "Zoned", "command": BARE["command"], "cron": "0 7 * * ? *", "timezone": "Europe/Berlin"}
DENIED = {"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}
# What a key may need that is read or set nowhere else.
OF_KEYS = {"ecs:DescribeClusters", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "secretsmanager:DescribeSecret"}
OF_KEYS |= {"ssm:ListTagsForResource", "ecs:TagResource", "ecs:RunTask", "iam:PassRole"}


@pytest.fixture
def keyed(request: pytest.FixtureRequest, stage: Client) -> Iterator[Client]:
    """A stage whose stack takes every key of a task, in this RevisionMode."""
    with updated(stage, **RIGHTS, RevisionMode=request.param):
        yield stage


def deployed(stage: Client, tag: str, *tasks: dict[str, Any], defaults: dict[str, Any] | None = None) -> str:
    """Deploy that file, and return the plan's summary."""
    stage.upload_schedule({**({"defaults": defaults} if defaults else {}), "tasks": list(tasks)})
    ended = stage.deploy(tag)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    summary: str = ended["output"]["plan"]["summary"]
    return summary


def target_of(stage: Client, task: str) -> dict[str, Any]:
    (target,) = schedules(stage)[task]["Targets"]
    found: dict[str, Any] = target
    return found


def in_scheduler(stage: Client) -> dict[str, Any]:
    """The task Zoned's schedule, as EventBridge Scheduler describes it, but for the date of its last change."""
    group = stage.names["outputs"]["ScheduleGroup"]
    found: dict[str, Any] = stage.client("scheduler").get_schedule(GroupName=group, Name=f"{PREFIX}Zoned")
    return {key: each for key, each in found.items() if key not in ("LastModificationDate", "ResponseMetadata")}


def run(stage: Client, task: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Fire a task's rule or schedule: the task as ECS describes it, its revision, and what it has printed."""
    group = f"{stage.names['outputs']['ScheduleGroup']}/" if task == "Zoned" else ""
    fired, ecs = stage.fire(group + PREFIX + task), stage.client("ecs")
    (described,) = ecs.describe_tasks(cluster=stage.names["cluster"], tasks=[fired["task_arn"]], include=["TAGS"])[
        "tasks"
    ]
    revision = ecs.describe_task_definition(taskDefinition=described["taskDefinitionArn"])["taskDefinition"]
    assert fired["exit_code"] == 0
    return described, revision, fired["output"]


def assert_it_runs_as_the_file_says(stage: Client, keys: dict[str, Any]) -> None:
    for name in ("Report", "Zoned"):
        task, revision, printed = run(stage, name)
        assert (task["capacityProviderName"], task["launchType"]) == ("FARGATE_SPOT", "FARGATE")
        assert (task["enableExecuteCommand"], task["ephemeralStorage"]) == (True, {"sizeInGiB": 50})
        tags = {each["key"]: each["value"] for each in task["tags"]}
        assert (tags["team"], tags["cost-centre"], tags["rota:app"]) == ("data", "12", "production/guestbook-api")
        details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
        assert details["subnetId"] == keys["subnets"][0]
        assert (revision["taskRoleArn"], printed) == (ROLE, "let-me-in of-ssm\n")
    network = target_of(stage, "Report")["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]
    assert network == {
        "Subnets": keys["subnets"],
        "SecurityGroups": keys["security_groups"],
        "AssignPublicIp": "ENABLED",
    }
    assert in_scheduler(stage)["Target"]["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"] == network
    task, revision, _ = run(stage, "Plain")
    assert (task.get("capacityProviderName"), task["enableExecuteCommand"], task["tags"]) == (None, False, [])
    assert "/guestbook/key" not in str(revision["containerDefinitions"])


def assert_rights_of_keys_are_just_enough(stage: Client, records: list[dict[str, Any]]) -> None:
    """None of what was asked is denied, and what a key may need was needed."""
    assert [record for record in records if not record["allowed"]] == []
    idle = [
        each
        for each in audit.unused(audit.statements(stage), audit.asked(records))
        if each.action in OF_KEYS and ("ReadConfig" in each.role or "EventsRole" in each.role)
    ]
    # IAM takes each action of a statement with each of its resources.
    assert {(each.action.partition(":")[0], each.resource.split(":")[2]) for each in idle} <= {
        ("secretsmanager", "ssm"),
        ("ssm", "secretsmanager"),
    }


@pytest.mark.parametrize("keyed", ["shared", "per-task"], indirect=True)
def test_a_task_with_every_key(keyed: Client) -> None:
    keys = keys_of(keyed)
    summary = deployed(keyed, "v1", PLAIN, BARE | keys, ZONED | keys)
    ((mode,),) = [{each["ParameterValue"] for each in _parameters(keyed) if each["ParameterKey"] == "RevisionMode"}]
    assert ("2 tasks need their own revision: 2 s" in summary) == (mode == "shared"), summary

    assert_it_runs_as_the_file_says(keyed, keys)

    other = others(keys)
    live = schedules(keyed), in_scheduler(keyed)
    keyed.upload_schedule({"tasks": [PLAIN, BARE | other, ZONED | other]})
    keyed.faults([DENIED])
    assert keyed.deploy("v2")["status"] == "FAILED"
    assert (schedules(keyed), in_scheduler(keyed)) == live, "the targets are restored"

    assert_rights_of_keys_are_just_enough(keyed, keyed.permissions())


@pytest.mark.parametrize("keyed", ["shared", "per-task"], indirect=True)
def test_what_keys_have_set_changes_and_goes_with_them(keyed: Client) -> None:
    assert "own revision" not in deployed(keyed, "v1", PLAIN, BARE)
    plain, keys = target_of(keyed, "Report"), keys_of(keyed)
    deployed(keyed, "v2", PLAIN, BARE | keys, ZONED | keys)

    deployed(keyed, "v3", PLAIN, BARE, defaults=others(keys))
    task, _revision, _ = run(keyed, "Report")
    assert (task["capacityProviderName"], task["ephemeralStorage"]) == ("FARGATE", {"sizeInGiB": 60})
    assert (task["tags"], task["enableExecuteCommand"]) == ([{"key": "team", "value": "ops"}], False)
    again = keyed.wait(keyed.start(keyed.wait(keyed.executions()[0])["input"]))
    assert again["output"]["plan"]["nothing_to_do"] is True

    deployed(keyed, "v4", PLAIN, BARE)
    bare = target_of(keyed, "Report")
    for each in (plain, bare):
        each["EcsParameters"].pop("TaskDefinitionArn")
    assert bare == plain
    assert [record for record in keyed.permissions() if not record["allowed"]] == []


def _parameters(stage: Client) -> list[dict[str, str]]:
    (stack,) = stage.client("cloudformation").describe_stacks(StackName="rota")["Stacks"]
    found: list[dict[str, str]] = stack["Parameters"]
    return found
