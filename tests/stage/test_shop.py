"""A Django shop with the two environments of samconfig.toml: gunicorn on 8080 behind nginx, arm64, secrets.

Both deploy at the first try; nothing changes that was not asked for, and the plan says what does.
"""

import json
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.ecr.manifest import MEDIA_TYPE, digest, manifest
from stage.moto.clients import ACCOUNT, REGION
from tests.examples import ROOT
from tests.stage.account import revision

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
ENVIRONMENTS = ("staging", "production")
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
SCHEDULE = {
    "tasks": [
        {"name": "SendReminders", "task": "send_reminders", "cron": "0 7 * * ? *"},
        {"name": "Cleanup", "command": ["python", "manage.py", "cleanup", "--days", "30"], "rate": "1 day"},
    ]
}
WEB: dict[str, Any] = {
    "image": f"{REGISTRY}/shop:initial",
    "essential": True,
    "command": ["gunicorn", "shop.wsgi", "--bind", "0.0.0.0:8080"],
    "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
    "healthCheck": {"command": ["CMD-SHELL", "curl -f localhost:8080/health || exit 1"]},
    "environment": [{"name": "DJANGO_SETTINGS_MODULE", "value": "shop.settings"}],
    "secrets": [{"name": "DATABASE_URL", "valueFrom": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/database"}],
}
NGINX = {
    "name": "nginx",
    "image": "public.ecr.aws/nginx/nginx:1.29",
    "essential": True,
    "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
}


class Environment:
    """One of samconfig.toml's: its parameters, and the stack that is made of them."""

    def __init__(self, stage: Client, name: str) -> None:
        given = CONFIG[name]["deploy"]["parameters"]["parameter_overrides"]
        self._stage, self.stack = stage, CONFIG[name]["global"]["parameters"]["stack_name"]
        self.parameters: dict[str, str] = dict(shlex.split(each)[0].split("=", 1) for each in given)

    def create_app(self) -> None:
        """What is there before Rota."""
        ecs, named = self._stage.client("ecs"), self.parameters
        container = named["ContainerName"]
        task_role, execution_role = named["TaskRoleArns"].split(",")
        ecs.create_cluster(clusterName=named["ClusterName"])
        ecs.register_task_definition(
            family=named["TaskDefinitionFamily"],
            taskRoleArn=task_role,
            executionRoleArn=execution_role,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="512",
            memory="1024",
            runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
            containerDefinitions=[
                WEB | {"name": container},
                NGINX | {"dependsOn": [{"containerName": container, "condition": "HEALTHY"}]},
            ],
        )
        ecs.create_service(
            cluster=named["ClusterName"],
            serviceName=named["ServiceName"],
            taskDefinition=named["TaskDefinitionFamily"],
            desiredCount=2,
            launchType="FARGATE",
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        )
        wait_for(lambda: self.service()["runningCount"] == 2, 5)

    def create_stack(self, template: str) -> None:
        """The stack of samconfig.toml's parameters, and the schedule file in its bucket."""
        cloudformation = self._stage.client("cloudformation")
        cloudformation.create_stack(
            StackName=self.stack,
            TemplateBody=template,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        outputs = cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]["Outputs"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in outputs}
        self._stage.client("s3").put_object(
            Bucket=self.outputs["BucketName"], Key="scheduled_tasks.json", Body=json.dumps(SCHEDULE).encode()
        )

    def executions(self) -> list[str]:
        machine = self.outputs["StateMachineArn"]
        listed = self._stage.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return [each["executionArn"] for each in listed]

    def service(self) -> dict[str, Any]:
        named = self.parameters
        (service,) = self._stage.client("ecs").describe_services(
            cluster=named["ClusterName"], services=[named["ServiceName"]]
        )["services"]
        return dict(service)

    def revision(self, number: int) -> dict[str, Any]:
        family = self.parameters["TaskDefinitionFamily"]
        return revision(self._stage, f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{family}:{number}")

    def job(self, task: str) -> dict[str, Any]:
        """The container of the job, as the revision of its rule has it."""
        rule = f"{self.parameters['RulePrefix']}{task}"
        (target,) = self._stage.client("events").list_targets_by_rule(Rule=rule)["Targets"]
        (container,) = revision(self._stage, target["EcsParameters"]["TaskDefinitionArn"])["containerDefinitions"]
        return dict(container)


@pytest.fixture
def shop(stage: Client) -> Iterator[list[Environment]]:
    """Both environments, as `make deploy` leaves them before the first push."""
    cloudformation = stage.client("cloudformation")
    (rota,) = cloudformation.describe_stacks()["Stacks"]
    template = json.dumps(cloudformation.get_template(StackName=rota["StackName"])["TemplateBody"])
    stage.client("ecr").create_repository(repositoryName="shop")
    made = [Environment(stage, name) for name in ENVIRONMENTS]
    try:
        for each in made:
            each.create_app()
            each.create_stack(template)
        yield made
    finally:
        for each in made:
            cloudformation.delete_stack(StackName=each.stack)  # no reset does


def push(stage: Client, tag: str) -> None:
    """The same image, under another tag."""
    stage.client("ecr").put_image(
        repositoryName="shop", imageManifest=manifest("shop"), imageManifestMediaType=MEDIA_TYPE, imageTag=tag
    )


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(("name", "tag"), [("production", "release-1"), ("staging", "staging-1")])
def test_the_shop_deploys_from_its_samconfig_at_the_first_try(
    stage: Client, shop: list[Environment], name: str, tag: str
) -> None:
    environment = shop[ENVIRONMENTS.index(name)]
    others = [each.executions() for each in shop if each is not environment]
    push(stage, tag)
    (started,) = wait_for(environment.executions, 5)
    ended = stage.wait(started)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert ended["output"]["plan"]["summary"] == (
        "schedules: 2 new; 3 revisions to register; the service rolls; jobs run without nginx"
    )
    assert [each.executions() for each in shop if each is not environment] == others

    # of the service, its image alone
    image = f"{REGISTRY}/shop@{digest('shop')}"
    had, has = environment.revision(1), revision(stage, environment.service()["taskDefinition"])
    (web, nginx), app = has["containerDefinitions"], had["containerDefinitions"][0]
    assert (web, nginx) == (app | {"image": image}, had["containerDefinitions"][1])
    for member in ("cpu", "memory", "runtimePlatform", "taskRoleArn", "executionRoleArn", "networkMode", "volumes"):
        assert has.get(member) == had.get(member)

    # of a job, what it cannot live with
    assert environment.job("SendReminders")["command"] == ["python", "manage.py", "send_reminders"]
    cleanup = environment.job("Cleanup")
    assert cleanup["command"] == ["python", "manage.py", "cleanup", "--days", "30"]
    assert cleanup == {m: v for m, v in app.items() if m != "healthCheck"} | {
        "image": image,
        "command": cleanup["command"],
        "portMappings": [],
    }
