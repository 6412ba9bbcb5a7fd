"""`rota check`, whole: what is found of a stack that is well, of one in which all is wrong, and of one that may not be
looked at; what is asked of AWS; and what is printed of a schedule file.
"""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ACCOUNT, NOW, Aws, Played, Typed
from tests.cli.test_run_answers import OWNED, TARGET
from tests.cli.test_status import APP, LIVE, RUNNING, SERVICE, at, deploying, digest, job, rule

ID = ACCOUNT[-12:]
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ID}:secret:db-AbCdEf"
PARAMETER = f"arn:aws:ssm:eu-west-1:{ID}:parameter/key"
ROLE = f"arn:aws:iam::{ID}:role/task"
FILE: dict[str, Any] = {
    "tasks": [
        {"name": "A", "task": "a", "rate": "1 hour"},
        {"name": "Own", "task": "own", "rate": "1 day", "secrets": {"KEY": PARAMETER}, "subnets": ["subnet-2"]},
        {"name": "Spot", "task": "spot", "rate": "1 day", "capacity_provider": {"FARGATE_SPOT": 1}},
        {"name": "Public", "task": "p", "rate": "1 day", "security_groups": ["sg-2"], "assign_public_ip": True},
    ]
}
ACTING = {"name": "Acts", "task": "a", "rate": "1 day", "overlap": "skip", "catch_up": "missed"}
NEEDING = {"name": "Needs", "task": "a", "rate": "1 day", "tags": {"a": "1"}, "role": f"{ROLE}-2"}
NEEDING |= {"secrets": {"A": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:mine"}, "subnets": ["subnet-3"]}


def trusting(service: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


EVERYBODY = [trusting(f"{service}.amazonaws.com") for service in ("events", "scheduler", "ecs-tasks")]
DEFINITION: dict[str, Any] = {
    "family": "shop",
    "revision": 7,
    "status": "ACTIVE",
    "taskRoleArn": ROLE,
    "executionRoleArn": ROLE,
    "containerDefinitions": [
        {
            "name": "app",
            "image": f"shop@{digest('d')}",
            "secrets": [{"name": "DB", "valueFrom": f"{SECRET}:password::"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/shop"}},
        },
        {"name": "proxy", "image": "envoy:1"},
    ],
}
POLICY = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}}
MANY = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100}
POLICY |= {"action": {"type": "expire"}}


def image(character: str, day: int, **members: Any) -> dict[str, Any]:
    pushed = NOW - timedelta(days=30 - day)
    return {"imageDigest": digest(character), "imageTags": [f"{character}1"], "imagePushedAt": pushed, **members}


def route(gateway: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": "active", "GatewayId": gateway}


def file(content: Any) -> Any:
    """The newest schedule file is the live one."""

    def read(_: dict[str, Any]) -> Any:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return {"Body": io.BytesIO(text), "VersionId": "v-1", "LastModified": NOW}

    return read


DEPLOYED = {"app": APP, "outcome": "deployed", "kind": "push", "schedule_version": "v-1"}


@pytest.fixture
def well(aws: Aws) -> Aws:
    """An app of which nothing is wrong, with two releases."""
    aws.parameters |= {
        "SubnetIds": "subnet-1",
        "SecurityGroupIds": "sg-1",
        "AssignPublicIp": "ENABLED",
        "TaskRoleArns": ROLE,
        "EventsRoleAllows": "exec,tags",
        "TaskNetworks": "any",
        "SecretsAllowed": PARAMETER,
        "DeployOnScheduleChange": "true",
        "ChatTopicArn": "arn:chat",
        "DeployWindow": "Mon 09:00-17:00 UTC",
    }
    aws.outputs |= {f"{name}RoleArn": f"arn:aws:iam::{ID}:role/{name}" for name in ("Events", "Scheduler", "Sweep")}
    aws.outputs |= {"NotificationsTopicArn": "arn:topic", "PushDeadLetterQueueUrl": "p", "UnrecordedRunsQueueUrl": "u"}
    aws.items = [
        {"app": APP, "record": "releases", **LIVE},
        {"app": APP, "record": "lease"},
        {**DEPLOYED, "record": "deployment#4", "execution": "e:4", "release": 4, "digest": digest("d"), "tag": "d4"},
        {**DEPLOYED, "record": "deployment#3", "execution": "e:3", "digest": digest("c"), "tag": "c3"},
        {**DEPLOYED, "record": "deployment#2", "execution": "e:2", "digest": digest("d"), "release": 2},
        {**DEPLOYED, "record": "deployment#1", "execution": "e:1", "digest": digest("a"), "outcome": "failed"},
        {"app": "runs#production/shop", "record": "sweep", "live_since": at(30)},
        job("A", "rate(1 hour)"),
    ]
    stable = {**SERVICE, "desiredCount": 2, "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True}}}
    subnets = [{"SubnetId": f"subnet-{number}", "VpcId": "vpc-1"} for number in (1, 2)]
    tables = [{"Associations": [{"Main": True}], "Routes": [route("igw-1")]}]
    aws.answers |= {
        "ListRules": {"Rules": [rule("A", "rate(1 hour)")]},
        "ListSchedules": {"Schedules": []},
        "ListTargetsByRule": {"Targets": [TARGET]},
        "ListTagsForResource": OWNED,
        "DescribeServices": {"services": [stable]},
        "DescribeTaskDefinition": {"taskDefinition": DEFINITION, "tags": []},
        "GetObject": file(FILE),
        "GetBucketNotificationConfiguration": {"EventBridgeConfiguration": {}},
        "GetRole": {"Role": {"AssumeRolePolicyDocument": {"Statement": EVERYBODY}}},
        "SimulatePrincipalPolicy": {"EvaluationResults": [{"EvalDecision": "allowed"}]},
        "DescribeRepositories": {},
        "DescribeImages": {"imageDetails": [image("d", 29), image("c", 28)]},
        "BatchGetImage": {
            "images": [{"imageManifest": json.dumps({"manifests": [{"platform": AMD}, {"platform": ARM}]})}]
        },
        "GetLifecyclePolicy": "LifecyclePolicyNotFoundException",
        "DescribeSecret": {},
        "DescribeParameters": {"Parameters": [{"Name": "/key"}]},
        "DescribeLogGroups": {"logGroups": [{"logGroupName": "/ecs/shop"}]},
        "DescribeSubnets": {"Subnets": subnets},
        "DescribeSecurityGroups": {
            "SecurityGroups": [{"GroupId": f"sg-{number}", "VpcId": "vpc-1"} for number in (1, 2)]
        },
        "DescribeRouteTables": {"RouteTables": tables},
        "DescribeVpcEndpoints": {"VpcEndpoints": []},
        "DescribeClusters": {"clusters": [{"clusterName": "production", "capacityProviders": ["FARGATE_SPOT"]}]},
        "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
        "DescribeAlarms": {"MetricAlarms": [{"AlarmName": "rota-Runs", "StateValue": "OK"}]},
    }
    return aws


AMD, ARM = {"architecture": "amd64"}, {"architecture": "arm64"}


def test_the_whole_answer_of_a_stack_that_is_well(well: Aws, played: Played) -> None:
    played("check", "check", "check --json")


def test_the_whole_answer_where_all_is_wrong(well: Aws, played: Played) -> None:
    well.parameters |= {"DeployWindow": "Mon 9-17 UTC", "RuleQuota": "2", "AssignPublicIp": "DISABLED"}
    well.items += [{**well.items[5], "record": "deployment#5"}]
    wrong = {**DEFINITION, "family": "till", "revision": 800_000, "status": "INACTIVE", "executionRoleArn": f"{ROLE}-x"}
    manifest = json.dumps({"manifests": [{"platform": ARM}]})
    breaker = {"deploymentCircuitBreaker": {"enable": False}}
    service = {**SERVICE, "taskDefinition": "a/till:3", "deploymentConfiguration": breaker}
    ringing = {"AlarmName": "rota-Runs", "StateValue": "ALARM", "AlarmDescription": "Runs are lost"}
    policy = json.dumps({"rules": [POLICY]})
    by_hand = rule("A", "rate(2 hours)", State="DISABLED")
    well.answers |= {
        "ListRules": {"Rules": [by_hand, rule("B", "rate(1 day)")]},
        "DescribeServices": {"services": [service | {"deploymentController": {"type": "CODE_DEPLOY"}}]},
        "DescribeTaskDefinition": {"taskDefinition": wrong},
        "GetObject": file({"tasks": [ACTING, NEEDING]}),
        "GetBucketNotificationConfiguration": {},
        "GetRole": {"Role": {"AssumeRolePolicyDocument": {"Statement": []}}},
        "SimulatePrincipalPolicy": {
            "EvaluationResults": [
                {"EvalDecision": "explicitDeny", "EvalResourceName": "arn:it"},
                {"EvalDecision": "implicitDeny"},
            ]
        },
        "DescribeImages": {"imageDetails": [image("d", 28, imageStatus="ARCHIVED"), image("f", 29), image("c", 27)]},
        "BatchGetImage": {"images": [{"imageManifest": manifest}]},
        "GetLifecyclePolicy": {"lifecyclePolicyText": policy},
        "DescribeSecret": {"DeletedDate": NOW},
        "DescribeLogGroups": {"logGroups": []},
        "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "2"}},
        "DescribeAlarms": {"MetricAlarms": [ringing]},
    }
    played("check_wrong", "check", "check --json")


def test_the_whole_answer_of_what_tasks_need_of_their_own(well: Aws, played: Played) -> None:
    well.parameters["AssignPublicIp"] = "DISABLED"
    well.answers |= {
        "DescribeParameters": {"Parameters": []},
        "DescribeClusters": {"clusters": [{"clusterName": "production", "capacityProviders": ["FARGATE"]}]},
        "BatchGetImage": {"images": [{"imageManifest": "{}"}]},
        "GetLifecyclePolicy": {"lifecyclePolicyText": json.dumps({"rules": [POLICY | {"selection": MANY}]})},
    }
    elsewhere = {"secrets": [{"name": "X", "valueFrom": PARAMETER.replace("eu-west-1", "eu-west-3")}]}
    containers = [*DEFINITION["containerDefinitions"], {"name": "third", "image": "i", **elsewhere}]
    well.answers["DescribeTaskDefinition"] = {"taskDefinition": DEFINITION | {"containerDefinitions": containers}}
    well.items[1] = {"app": APP, "record": "lease"}
    played("check_own", "check")


def test_the_whole_answer_where_everything_is_gone(well: Aws, played: Played) -> None:
    well.parameters["ScheduleGroup"] = ""
    well.answers |= {
        "DescribeServices": {"services": []},
        "GetObject": "NoSuchKey",
        "GetRole": "NoSuchEntity",
        "DescribeRepositories": "RepositoryNotFoundException",
        "BatchGetImage": {"images": []},
        "GetLifecyclePolicy": {"lifecyclePolicyText": json.dumps({"rules": [{**POLICY, "rulePriority": 2}]})},
        "DescribeImages": {"imageDetails": [image("d", 29)]},
        "DescribeSubnets": {"Subnets": []},
        "DescribeSecurityGroups": {"SecurityGroups": []},
        "DescribeAlarms": {"MetricAlarms": []},
        "ListRules": {"Rules": []},
    }
    played("check_gone", "check", "check --json")


def test_the_whole_answer_of_a_stack_of_which_nothing_was_deployed(well: Aws, played: Played) -> None:
    for name in ("SchedulerRoleArn", "SweepRoleArn", "PushDeadLetterQueueUrl", "UnrecordedRunsQueueUrl"):
        del well.outputs[name]
    well.outputs["ScheduleFileKeys"] = "{tag}.json,scheduled_tasks.json"
    well.parameters |= {"WatchRuns": "false", "DeployWindow": "", "EventsRoleAllows": "", "ContainerName": "other"}
    well.items = []
    played("check_first", "check", "check --json")
    well.outputs["ScheduleFileKeys"] = "first.json,second.json"
    well.parameters["DeployOnScheduleChange"] = "false"
    well.answers["GetObject"] = lambda asked: "NoSuchKey" if asked["Key"] == "first.json" else file(b"{")(asked)
    well.answers["BatchGetImage"] = {"images": [{"imageManifest": "{}"}]}
    played("check_first_file", "check")


def test_the_whole_answer_where_nothing_may_be_seen(well: Aws, played: Played) -> None:
    asked_by_status = ("DescribeStacks", "Query", "ListRules", "ListSchedules", "DescribeServices")
    for operation in well.answers.keys() - {*asked_by_status, "DescribeTaskDefinition", "ListTagsForResource"}:
        well.answers[operation] = "AccessDenied"
    well.answers["DescribeAlarms"] = "InternalError"
    well.answers["GetQueueAttributes"] = "ThrottlingException"
    played("check_unseen", "check", "check --json")


@pytest.mark.parametrize(
    ("lease", "status", "words"),
    [
        (deploying(), "RUNNING", "OK  deployments: one is under way"),
        (deploying(None), "FAILED", "NG  deployments: push-8 could not be restored: rota restore push-8"),
    ],
    ids=["it runs", "half done"],
)
def test_a_deployment_under_way(well: Aws, typed: Typed, lease: dict[str, Any], status: str, words: str) -> None:
    well.items[1] = lease
    well.answers["DescribeExecution"] = RUNNING | {"status": status}
    well.answers["DescribeServices"] = {"services": [SERVICE]}
    shown = typed("check", "--no-color").out.splitlines()
    assert any(line.startswith(words) for line in shown)
    assert any(line.startswith("OK  tasks run: 2 of 3 run") for line in shown)
    assert not any("targets:" in line for line in shown)
    assert any(line.startswith("?   schedules: not compared: ") for line in shown)


QUOTAS = {"299": "NG", "300": "NG", "301": "OK"}


@pytest.mark.parametrize(("quota", "mark"), QUOTAS.items(), ids=QUOTAS)
def test_room_for_rules(well: Aws, typed: Typed, quota: str, mark: str) -> None:
    well.parameters["RuleQuota"] = quota
    well.answers["ListRules"] = {"Rules": [rule(f"R{number}") for number in range(300)]}
    todo = "" if mark == "OK" else ": raise the quota"
    (line,) = (each for each in typed("check", "--no-color").out.splitlines() if "rule quota: " in each)
    assert line.startswith(f"{mark}  rule quota: 300 of {quota} on the default bus{todo}")


def test_a_family_of_many_revisions(well: Aws, typed: Typed) -> None:
    for number, seen in ((799_999, False), (800_000, True)):
        well.answers["DescribeTaskDefinition"] = {"taskDefinition": DEFINITION | {"revision": number}}
        assert ("shop has 800,000 of 1,000,000 revisions: " in " ".join(typed("check").out.split())) == seen


GOOD = {
    "before": {"task": "migrate"},
    "tasks": [
        {"name": "Daily", "task": "a", "cron": "0 6 * * ? *"},
        {"name": "Off", "task": "b", "rate": "5 minutes", "enabled": False},
        {"name": "Off2", "task": "b", "cron": "0 22-2 * * ? *", "enabled": False},
        {"name": "Zoned", "task": "c", "cron": "30 0 * * ? *", "timezone": "Europe/Amsterdam"},
        {"name": "Once", "task": "d", "at": "2026-12-24T06:00:00"},
        {"name": "Late", "task": "e", "at": "2026-11-01T06:00:00"},
        {"name": "Past", "task": "f", "cron": "0 6 1 1 ? 2026"},
    ],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files: dict[str, Any] = {"good.json": GOOD, "none.json": {"tasks": []}, "acts.json": {"tasks": [ACTING, NEEDING]}}
    files |= {"wrong.json": {"tasks": [{"name": "A"}]}, "other.json": {"a": 1}, "list.json": 3}
    for name, content in files.items():
        Path(name).write_text(json.dumps(content))
    Path("wrong.yaml").write_text("tasks:\n  - name: A\n    task: a\n    rate: 5 min\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_whole_answers_of_schedule_files(aws: Aws, played: Played) -> None:
    lines = ["good.json", "good.json --json --rule-prefix shop__", "none.json", "acts.json", "acts.json -o -"]
    lines += ["wrong.json", "wrong.yaml", "wrong.yaml --json", "good.json -o new.json --json", "good.json -o new.json"]
    lines += ["good.json -o other.json", "good.json -o list.json", "good.json -o no/new.json", "good.json -o - --json"]
    lines += ["good.json -o other.json --json", "good.json -o no/new.json --json"]
    played("check_files", *(f"check {each}" for each in [*lines, "-o new.json", '""']))
    assert json.loads(Path("new.json").read_text()) == GOOD
    assert Path("new.json").read_bytes()[-2:] == b"}\n"


def test_the_whole_answer_of_a_file_and_the_stack(well: Aws, folder: Path, played: Played) -> None:
    played("check_live", *(f"check {each} --live" for each in ("none.json", "wrong.json --json", "none.json --json")))


def test_a_secret_that_is_gone(well: Aws, typed: Typed) -> None:
    well.answers["DescribeSecret"] = "ResourceNotFoundException"
    shown = " ".join(typed("check", "--no-color").out.split())
    assert f"NG secrets: {SECRET}:password:: is not there: no task would start the operator acts" in shown


def test_the_schema_is_printed(aws: Aws, typed: Typed) -> None:
    printed = typed("check", "--json-schema")
    assert (printed.exit, json.loads(printed.out)["properties"].keys() >= {"tasks", "before", "after"}) == (0, True)
