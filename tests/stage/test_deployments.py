"""The first deployment: every field of what is created, and what is not changed."""

from collections import Counter
from typing import NamedTuple

import pytest

from examples.guestbook.client import Client
from tests.stage.account import (
    APP,
    PREFIX,
    Described,
    account,
    app_container,
    ran_by,
    states,
    without,
)
from tests.stage.conftest import Kept, as_new

ACCOUNT = "123456789012"
TASKS = [
    pytest.param("IngestData", "data_ingestion_task", "0 6 * * ? *", 21_600, id="IngestData"),
    pytest.param("RemoveSpam", "spam_task", "0/15 * * * ? *", 450, id="RemoveSpam"),
    pytest.param("CountTeaspoons", "teaspoon_task", "0 22 ? * SUN *", 21_600, id="CountTeaspoons"),
]
NEW_IN_EVERY_REVISION = ("taskDefinitionArn", "revision", "registeredAt", "tags", "containerDefinitions")


class Deployment(NamedTuple):
    """The account before and after a first push."""

    before: Described
    after: Described
    names: Described
    digest: str
    states: list[str]
    writes: Counter[str]

    @property
    def base(self) -> Described:
        """The revision that the service ran before."""
        return self.revision(self.before["service"]["taskDefinition"])

    def rule(self, task: str) -> Described:
        return dict(self.after["rules"][PREFIX + task])

    def revision(self, arn: str) -> Described:
        return dict(self.after["revisions"][arn])


@pytest.fixture(scope="module")
def first(one_stage: Client, v1_kept: Kept) -> Deployment:
    before = account(as_new(one_stage))
    as_new(one_stage, v1_kept.snapshot)
    execution = one_stage.wait(one_stage.executions()[0])
    return Deployment(
        before,
        account(one_stage),
        one_stage.names,
        execution["input"]["detail"]["image-digest"],
        states(one_stage, execution),
        v1_kept.writes,
    )


@pytest.mark.parametrize(("name", "task", "cron", "age"), TASKS)
def test_each_task_has_a_rule_with_one_target(first: Deployment, name: str, task: str, cron: str, age: int) -> None:
    queue = first.names["outputs"]["RunQueueUrl"].rpartition("/")[2]
    variable = f'{{"name":"ROTA_TASK","value":"{name}"}}'
    rule, network = first.rule(name), first.before["service"]["networkConfiguration"]["awsvpcConfiguration"]
    assert rule == {
        "Name": PREFIX + name,
        "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{PREFIX}{name}",
        "EventBusName": "default",
        "ScheduleExpression": f"cron({cron})",
        "State": "ENABLED",
        "Tags": {"rota:app": APP},
        "Targets": [
            {
                "Id": PREFIX + name,
                "Arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/production",
                "RoleArn": first.names["outputs"]["EventsRoleArn"],
                "EcsParameters": {
                    "TaskDefinitionArn": ran_by(rule),
                    "TaskCount": 1,
                    "LaunchType": "FARGATE",
                    "NetworkConfiguration": {
                        "awsvpcConfiguration": {
                            "Subnets": network["subnets"],
                            "SecurityGroups": network["securityGroups"],
                            "AssignPublicIp": "DISABLED",
                        }
                    },
                    "PlatformVersion": "LATEST",
                },
                "Input": f'{{"containerOverrides":[{{"name":"app","environment":[{variable}]}}]}}',
                "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": age},
                "DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"},
            }
        ],
    }
    assert app_container(first.revision(ran_by(rule)))["command"] == ["./bin/start", task]


def test_only_the_revision_of_the_service_changes(first: Deployment) -> None:
    before, after = first.before["service"], first.after["service"]
    moved = {"taskDefinition", "deployments", "currentServiceDeployment"}
    assert {key for key in before | after if before.get(key) != after.get(key)} == moved
    assert after["deployments"] == [(after["taskDefinition"], "COMPLETED")]
    container = app_container(first.revision(after["taskDefinition"]))
    assert container["command"] == ["./bin/start"]
    assert container["portMappings"] == [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]


def new_revisions(first: Deployment) -> list[Described]:
    return [each for arn, each in first.after["revisions"].items() if arn not in first.before["revisions"]]


def test_a_revision_differs_from_the_base_in_image_and_command(first: Deployment) -> None:
    repository = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/guestbook"
    assert len(new_revisions(first)) == 4
    for new in new_revisions(first):
        assert without(new, *NEW_IN_EVERY_REVISION) == without(first.base, *NEW_IN_EVERY_REVISION)
        app, sidecar = new["containerDefinitions"]
        base_app, base_sidecar = first.base["containerDefinitions"]
        assert sidecar == base_sidecar
        assert app["image"] == f"{repository}@{first.digest}"
        ports = [] if "rota:task" in new["tags"] else base_app["portMappings"]
        assert without(app, "image", "command") == without(base_app, "image", "command") | {"portMappings": ports}
        assert app["secrets"]


def test_a_revision_has_the_tags_of_the_base_and_rotas_own(first: Deployment) -> None:
    tags = [each["tags"] for each in new_revisions(first)]
    assert all(each["team"] == "guestbook" and each["rota:app"] == APP for each in tags)
    assert Counter(each.get("rota:task") for each in tags) == Counter(
        ["IngestData", "RemoveSpam", "CountTeaspoons", None]
    )


def test_foreign_rules_and_revisions_are_unchanged(first: Deployment) -> None:
    for kind in ("rules", "revisions"):
        assert {key: first.after[kind].get(key) for key in first.before[kind]} == first.before[kind]
    assert "billing-nightly-export" in first.before["rules"]
    assert len(first.after["rules"]) == len(first.before["rules"]) + len(TASKS)
    assert first.after["objects"] == first.before["objects"]


def test_no_write_is_made_twice(first: Deployment) -> None:
    assert first.writes == {"RegisterTaskDefinition": 4, "PutRule": 3, "PutTargets": 3, "UpdateService": 1}


def test_the_steps_run_in_order(first: Deployment) -> None:
    # Without choices and waits, whose number varies.
    choices = ("Begin", "Is", "Are", "Does", "Was", "WaitFor")
    steps = [state for state in first.states if not state.startswith(choices)]
    assert list(dict.fromkeys(steps)) == [
        "TakeTurn",
        "ReadConfig",
        "PlanDeployment",
        "RegisterRevisions",
        "CreateTargets",
        "RollService",
        "CheckService",
        "FinishDeployment",
        "Deployed",
    ]
