"""An app whose jobs a script schedules moves to Rota: `rota init`, the stack of its parameters, `rota import --tag`."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.schedule_file.parse import parse_schedule_file
from stage.client import wait_for
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.moto.clients import ACCOUNT, REGION
from tests.stage.account import PREFIX as OF_GUESTBOOK
from tests.stage.conftest import Rota, assert_as_the_schema_says
from tests.stage.test_clock import disable_rotas_own

ROLE = f"arn:aws:iam::{ACCOUNT}:role"
PREFIX = "shopping__shop__"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shopping"
COMMAND = ["python", "manage.py"]
AS_A_SCRIPT_HAS_IT = {"WatchRuns": "false", "RevisionMode": "shared", "EventsRoleArn": f"{ROLE}/script-events"}
"""The parameters with which Rota changes nothing of a rule but what it runs."""


@pytest.fixture
def shop(stage: Client) -> Client:
    """The service of a shop, and three rules of a script; one of them says what no key can."""
    ecs, ec2, events = (stage.client(name) for name in ("ecs", "ec2", "events"))
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
    groups = [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"][:1]]
    stage.client("ecr").create_repository(repositoryName="shop")
    ecs.create_cluster(clusterName="shopping")
    logs = {"awslogs-group": "/ecs/shop", "awslogs-region": REGION, "awslogs-stream-prefix": "web"}
    definition = ecs.register_task_definition(
        family="shop",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=f"{ROLE}/shop-task",
        executionRoleArn=f"{ROLE}/shop-execution",
        containerDefinitions=[
            {
                "name": "web",
                "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:initial",
                "logConfiguration": {"logDriver": "awslogs", "options": logs},
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(
        cluster="shopping",
        serviceName="shop-api",
        taskDefinition=definition,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups}},
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )
    network = {"Subnets": subnets, "SecurityGroups": groups, "AssignPublicIp": "DISABLED"}
    ecs_parameters = {
        "TaskDefinitionArn": definition,
        "TaskCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": network},
        "PlatformVersion": "LATEST",
    }
    for name, arguments in {"SendMail": ["send_mail"], "Cleanup": ["cleanup", "--days", "30"], "Odd": ["odd"]}.items():
        target = {"Id": "job", "Arn": CLUSTER, "RoleArn": f"{ROLE}/script-events", "EcsParameters": ecs_parameters}
        target["Input"] = json.dumps({"containerOverrides": [{"name": "web", "command": [*COMMAND, *arguments]}]})
        events.put_rule(Name=PREFIX + name, ScheduleExpression="cron(0 6 * * ? *)", Description=name)
        events.put_targets(Rule=PREFIX + name, Targets=[target])
    topic = stage.names["outputs"]["NotificationsTopicArn"]
    events.put_targets(Rule=f"{PREFIX}Odd", Targets=[{"Id": "topic", "Arn": topic}])
    wait_for(lambda: ecs.describe_services(cluster="shopping", services=["shop-api"])["services"][0]["runningCount"], 5)
    return stage


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stacks(stage: Client) -> Iterator[Any]:
    """Creates stacks of the template; no reset deletes them."""
    cloudformation, made = stage.client("cloudformation"), []
    template = json.dumps(cloudformation.get_template(StackName="rota")["TemplateBody"])

    def create(name: str, parameters: dict[str, str]) -> dict[str, str]:
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        made.append(name)
        cloudformation.create_stack(
            StackName=name, TemplateBody=template, Parameters=given, Capabilities=["CAPABILITY_IAM"]
        )
        outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    yield create
    for name in made:
        cloudformation.delete_stack(StackName=name)


def test_a_deployment_of_what_was_imported_changes_no_schedule(
    shop: Client, rota: Rota, folder: Path, stacks: Any
) -> None:
    read = rota("init", "shopping/shop-api", "--json")
    assert_as_the_schema_says(read.json)
    assert read.exit == 1
    assert [each["rule"] for each in read.json["not_taken"]] == [f"{PREFIX}Odd"]
    assert read.json["remarks"] == []
    assert (read.json["parameters"]["RulePrefix"], read.json["parameters"]["StartCommand"]) == (
        PREFIX,
        "python manage.py",
    )
    outputs = stacks("rota-shopping", {**read.json["parameters"], **AS_A_SCRIPT_HAS_IT})

    imported = rota("import", "--env", "shopping", "-o", "jobs.yaml", "--tag", "--yes", "--json")
    assert_as_the_schema_says(imported.json)
    assert imported.json["tasks"] == read.json["tasks"]
    assert imported.json["tagged"] == [f"{PREFIX}Cleanup", f"{PREFIX}SendMail"]
    again = rota("import", "--env", "shopping", "-o", "jobs.yaml", "--tag", "--yes")
    assert f"Rota's already: {PREFIX}Cleanup, {PREFIX}SendMail" in " ".join(again.err.split())
    assert "handed over" not in again.out + again.err
    assert rota("check", "jobs.yaml", "--rule-prefix", PREFIX, "-o", "scheduled_tasks.json").exit == 0
    file = (folder / "scheduled_tasks.json").read_bytes()
    assert parse_schedule_file(file, rule_prefix=PREFIX, max_tasks=2)[1].task == "send_mail"

    shop.client("s3").put_object(Bucket=outputs["BucketName"], Key="scheduled_tasks.json", Body=file)
    of_some = rota("import", f"{PREFIX}Send", "--env", "shopping", "--json")
    assert ([each["name"] for each in of_some.json["tasks"]], of_some.json["removes"]) == (["SendMail"], ["Cleanup"])
    image = {"imageManifest": manifest("shop"), "imageManifestMediaType": MEDIA_TYPE, "imageTag": "v1"}
    shop.client("ecr").put_image(repositoryName="shop", **image)
    planned = rota("plan", "--env", "shopping", "--image", "v1", "--json")
    assert planned.exit == 0, planned.err
    assert {task["task"]: task["change"] for task in planned.json["tasks"]} == {"Cleanup": "image", "SendMail": "image"}


def test_init_asks_before_it_writes_over_a_file(shop: Client, rota: Rota, folder: Path) -> None:
    (folder / "scheduled_tasks.json").write_text("mine")
    refused = rota("init", "shopping/shop-api")
    assert (refused.exit, refused.out) == (2, "")
    assert "it would ask: Write over scheduled_tasks.json?" in refused.err
    assert [path.name for path in folder.iterdir()] == ["scheduled_tasks.json"]


def test_a_rule_that_is_not_to_be_handed_over_stays_so(shop: Client, rota: Rota, folder: Path) -> None:
    """There is no terminal to ask at."""
    refused = rota("import", PREFIX, "--service", "shopping/shop-api", "--tag")
    assert (refused.exit, refused.out) == (2, "")
    assert "it would ask: Tag 2 rules with rota:app=shopping/shop-api" in refused.err
    events = shop.client("events")
    arn = events.describe_rule(Name=f"{PREFIX}SendMail")["Arn"]
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == []


@pytest.fixture
def nightly(stage: Client) -> Iterator[Client]:
    """The guestbook, two jobs of which a person has put into Scheduler, one of them under a name of its own."""
    iam, ecs = stage.client("iam"), stage.client("ecs")
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="by-hand", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    named = {"cluster": stage.names["cluster"], "services": [stage.names["service"]]}
    (service,) = ecs.describe_services(**named)["services"]
    vpc = service["networkConfiguration"]["awsvpcConfiguration"]
    network = {"Subnets": vpc["subnets"], "SecurityGroups": vpc["securityGroups"], "AssignPublicIp": "DISABLED"}
    of_ecs = {
        "TaskDefinitionArn": service["taskDefinition"],
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": network},
    }
    command = {"name": stage.names["container"], "command": ["./bin/start", "spam_task"]}
    target = {
        "Arn": service["clusterArn"],
        "RoleArn": role,
        "EcsParameters": of_ecs,
        "Input": json.dumps({"containerOverrides": [command]}),
    }
    for name in (f"{OF_GUESTBOOK}Nightly", "spam-too"):
        stage.client("scheduler").create_schedule(
            Name=name,
            ScheduleExpression="cron(0 7 * * ? *)",
            ScheduleExpressionTimezone="Europe/Berlin",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
    yield stage
    iam.delete_role(RoleName="by-hand")


@pytest.mark.exhaustive(first=0)
def test_a_schedule_of_another_group_moves_in(nightly: Client, rota: Rota) -> None:
    """It is refused until the old one is gone, so no minute has two runs; the due minute after that has its one."""
    found = rota("import", "", "--json")
    assert_as_the_schema_says(found.json)
    assert found.exit == 1
    berlin = {"task": "spam_task", "cron": "0 7 * * ? *", "timezone": "Europe/Berlin"}
    assert [(each["name"], berlin.items() <= each.items()) for each in found.json["tasks"]] == [
        ("Nightly", True),
        ("spam-too", True),
    ]
    old = {each["rule"]: shlex.split(each["todo"]) for each in found.json["remarks"] if each["todo"]}
    assert [*old] == [f"default/{OF_GUESTBOOK}Nightly", "default/spam-too"]

    nightly.set_clock("2030-03-01T05:50:00Z")
    disable_rotas_own(nightly)
    nightly.upload_schedule({"tasks": found.json["tasks"]})
    refused = nightly.deploy("v1")
    assert f"have the names of this app's tasks: default/{OF_GUESTBOOK}Nightly" in refused["cause"]
    for command in old.values():
        assert command[:3] == ["aws", "scheduler", "delete-schedule"]
        given = dict(zip(command[3::2], command[4::2], strict=True))
        nightly.client("scheduler").delete_schedule(GroupName=given["--group-name"], Name=given["--name"])
    assert nightly.deploy("v2")["status"] == "SUCCEEDED"
    nightly.settings(fire_schedules=True, tasks="scripted")
    fired = nightly.set_clock("2030-03-01T06:30:00Z")
    group = nightly.names["outputs"]["ScheduleGroup"]
    assert [(each["rule"], each["at"][11:16]) for each in fired] == [
        (f"{group}/{OF_GUESTBOOK}Nightly", "06:00"),
        (f"{group}/{OF_GUESTBOOK}spam-too", "06:00"),
    ]


@pytest.mark.exhaustive(first=0)
def test_what_was_made_from_it_is_imported_as_it_is(nightly: Client, rota: Rota) -> None:
    again = rota("import", "", "--json").json["tasks"]
    (first,) = [each for each in again if each["name"] == "spam-too"]
    scheduler = nightly.client("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(GroupName=each["GroupName"], Name=each["Name"])
    nightly.upload_schedule({"tasks": [first]})
    assert nightly.deploy("v1")["status"] == "SUCCEEDED"
    own = rota("import", "--json")
    assert (own.exit, own.json["tasks"]) == (0, [first])


def test_init_reads_schedules_too(nightly: Client, rota: Rota, folder: Path) -> None:
    read = rota("init", "production/guestbook-api", "--json").json
    assert (read["environment"], read["stack"], read["others"]) == ("production", "rota-production", {})
    assert [(each["name"], each["timezone"]) for each in read["tasks"]] == [
        (f"{OF_GUESTBOOK}Nightly", "Europe/Berlin"),
        ("spam-too", "Europe/Berlin"),
    ]
    assert [each["rule"] for each in read["remarks"] if each["todo"]] == [
        f"default/{OF_GUESTBOOK}Nightly",
        "default/spam-too",
    ]


def test_init_tells_what_is_another_apps_from_what_is_nobodys(deployed: Client, rota: Rota, folder: Path) -> None:
    """All run on the cluster. Of what is nobody's, and of what begins as the app's own, it says why it is not taken."""
    events = deployed.client("events")
    (target,) = events.list_targets_by_rule(Rule=f"{OF_GUESTBOOK}IngestData")["Targets"]
    del target["Input"]
    template = {"InputPathsMap": {}, "InputTemplate": "{}"}
    owner = [{"Key": "rota:app", "Value": "production/other"}]
    for name, tags in {"legacy": [], "theirs": owner, f"{OF_GUESTBOOK}Theirs": owner}.items():
        events.put_rule(Name=name, ScheduleExpression="rate(1 hour)", Tags=tags)
        events.put_targets(Rule=name, Targets=[target | {"Id": "job", "InputTransformer": template}])
    read = rota("init", "production/guestbook-api", "--json").json
    assert read["others"] == {"production/other": 1}
    assert {each["rule"] for each in read["not_taken"]} == {"legacy", f"{OF_GUESTBOOK}Theirs"}


def test_what_only_the_live_file_says_is_named(deployed: Client, rota: Rota) -> None:
    """All else of the app's own rules is as it was, also the role that they name: it is the stack's."""
    task = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}
    deployed.upload_schedule({"tasks": [task | {"owner": "data-team"}]})
    assert deployed.deploy("v2")["status"] == "SUCCEEDED"
    imported = rota("import", "--json")
    assert_as_the_schema_says(imported.json)
    assert (imported.exit, imported.json["tasks"], imported.json["remarks"]) == (0, [task], [])
    assert imported.json["lacks"] == ["owner of IngestData changes"]
