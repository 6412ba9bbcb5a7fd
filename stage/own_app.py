"""`python -m stage.own_app TASK_DEFINITION CLUSTER/SERVICE`: puts an app of one's own on a running stage.

From the task definition alone, as `aws ecs describe-task-definition` prints it or `register-task-definition` takes it,
it makes what the app's account has: roles, log groups, secrets, parameters, repository, image, cluster and service.
"""

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from stage.client import NO_ANSWER, Client
from stage.ecr.manifest import MEDIA_TYPE, manifest

TAG = "initial"
"""Of the image that the service runs at first."""
_ANSWERED_ONLY = {
    *("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt"),
    *("registeredBy", "deregisteredAt", "deleteRequestedAt"),
}
_ROLES = ("taskRoleArn", "executionRoleArn")
_ECR = re.compile(r"^\d{12}\.dkr[.-]ecr[^/]*/(?P<name>[^:@]+)")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]*:(?P<region>[a-z0-9-]*):(?P<account>\d{12}):")
_REGISTRY = re.compile(r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.")
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
_CIRCUIT_BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


class UnusableError(Exception):
    """The task definition is none, or runs no image; the message says what to do."""


@dataclass(frozen=True)
class App:
    """What is made on the stage. `definition` is what RegisterTaskDefinition takes, with the stage's account."""

    definition: dict[str, Any]
    repository: str

    @property
    def roles(self) -> list[str]:
        """The names of the roles that it gives to tasks."""
        return sorted({self.definition[member].rpartition("/")[2] for member in _ROLES if self.definition.get(member)})

    @property
    def log_groups(self) -> list[str]:
        """The names of the log groups of its containers."""
        options = (each.get("logConfiguration", {}).get("options", {}) for each in self.containers)
        return sorted({each["awslogs-group"] for each in options if "awslogs-group" in each})

    @property
    def containers(self) -> list[dict[str, Any]]:
        return list(self.definition["containerDefinitions"])

    @property
    def secrets(self) -> Iterator[dict[str, Any]]:
        """What its containers read of Secrets Manager and SSM, each with `valueFrom`."""
        for each in self.containers:
            yield from each.get("secrets", ())


def read(text: str, account: str, region: str) -> App:
    """The app of a task definition, in this account and Region. Raises UnusableError. Pure."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise UnusableError(f"it is not JSON: {error}") from error
    given = given.get("taskDefinition", given) if isinstance(given, dict) else {}
    if not given.get("family") or not given.get("containerDefinitions"):
        raise UnusableError("it is no task definition; write what `aws ecs describe-task-definition` prints")
    moved = json.loads(_moved(json.dumps(given), account, region))
    definition = {member: value for member, value in moved.items() if member not in _ANSWERED_ONLY}
    definition |= {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}
    definition.setdefault("cpu", "256")
    definition.setdefault("memory", "512")
    definition.setdefault("executionRoleArn", f"arn:aws:iam::{account}:role/{definition['family']}-execution")
    containers = definition["containerDefinitions"]
    own = next((each for each in containers if _ECR.match(each["image"])), containers[0])
    found = _ECR.match(own["image"])
    repository = found["name"] if found else own["image"].partition("@")[0].rpartition(":")[0] or own["image"]
    registry = f"{account}.dkr.ecr.{region}.amazonaws.com/{repository}"
    for each in containers:
        if each["image"].partition("@")[0].startswith(registry) or each is own:
            each["image"] = f"{registry}:{TAG}"
    return App(definition, repository)


def _moved(text: str, account: str, region: str) -> str:
    """The text with this account and Region instead of those that its ARNs and images name."""
    named = [*_ARN.finditer(text), *_REGISTRY.finditer(text)]
    for old in {each["account"] for each in named}:
        text = text.replace(old, account)
    for old in {each["region"] for each in named if each["region"]}:
        text = text.replace(old, region)
    return re.sub(r'("awslogs-region": )"[a-z0-9-]+"', rf'\1"{region}"', text)


def create(stage: Client, app: App, cluster: str, service: str) -> None:
    """Make the app and its service. What is there already stays, and the service then runs the new revision."""
    iam, logs, ecr, ecs = (stage.client(name) for name in ("iam", "logs", "ecr", "ecs"))
    for name in app.roles:
        _once(
            iam.exceptions.EntityAlreadyExistsException, iam.create_role, RoleName=name, AssumeRolePolicyDocument=_TRUST
        )
    for name in app.log_groups:
        _once(logs.exceptions.ResourceAlreadyExistsException, logs.create_log_group, logGroupName=name)
    for secret in app.secrets:
        secret["valueFrom"] = _secret(stage, secret["valueFrom"])
    _once(ecr.exceptions.RepositoryAlreadyExistsException, ecr.create_repository, repositoryName=app.repository)
    image = {"imageManifest": manifest(app.repository), "imageManifestMediaType": MEDIA_TYPE, "imageTag": TAG}
    _once(ecr.exceptions.ImageAlreadyExistsException, ecr.put_image, repositoryName=app.repository, **image)
    clusters = ecs.describe_clusters(clusters=[cluster])["clusters"]
    if not any(each["status"] == "ACTIVE" for each in clusters):  # moto empties one that is there already
        ecs.create_cluster(clusterName=cluster)
    definition = ecs.register_task_definition(**app.definition)["taskDefinition"]["taskDefinitionArn"]
    ec2 = stage.client("ec2")
    network = {
        "subnets": [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]],
        "securityGroups": [each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"][:1]],
    }
    described = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if any(each["status"] == "ACTIVE" for each in described):
        ecs.update_service(cluster=cluster, service=service, taskDefinition=definition)
        return
    ecs.create_service(
        cluster=cluster,
        serviceName=service,
        taskDefinition=definition,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
        deploymentConfiguration=_CIRCUIT_BREAKER,
    )


def _secret(stage: Client, named: str) -> str:
    """Make a secret, or a parameter, of that name or ARN. Returns what names it on the stage."""
    if ":secretsmanager:" in named:
        manager = stage.client("secretsmanager")
        name, *key = named.partition(":secret:")[2].split(":")
        name = re.sub(r"-[A-Za-z0-9]{6}$", "", name)
        exists = manager.exceptions.ResourceExistsException
        _once(exists, manager.create_secret, Name=name, SecretString="{}")
        arn = manager.describe_secret(SecretId=name)["ARN"]
        return ":".join([arn, *key])
    ssm = stage.client("ssm")
    name = named.partition(":parameter")[2] or named
    _once(ssm.exceptions.ParameterAlreadyExists, ssm.put_parameter, Name=name, Value="-", Type="SecureString")
    return named


def _once(exists: type[Exception], call: Any, **arguments: Any) -> None:
    """Make something; what is there already is as good."""
    with contextlib.suppress(exists):
        call(**arguments)


def main() -> int:
    """Returns the exit status: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m stage.own_app", description="Put an app on a running stage.")
    parser.add_argument("task_definition", type=Path, help="what `aws ecs describe-task-definition` prints")
    parser.add_argument("service", metavar="CLUSTER/SERVICE", help="the service that runs it")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "5000"), help="the stage's; default: 5000")
    given = parser.parse_args()
    cluster, _, service = given.service.partition("/")
    if not cluster or not service:
        parser.error(f"{given.service!r} is no service; write CLUSTER/SERVICE")
    stage = Client(f"http://127.0.0.1:{given.port}")
    try:
        described = stage.describe()
        account = stage.client("sts").get_caller_identity()["Account"]
        app = read(given.task_definition.read_text(encoding="utf-8"), account, described["region"])
        create(stage, app, cluster, service)
    except NO_ANSWER as error:
        sys.stderr.write(
            f"no stage answers on port {given.port} ({error}): start one with make stage, or say PORT=...\n"
        )
        return 1
    except (OSError, UnusableError, ClientError) as error:
        sys.stderr.write(f"{given.task_definition}: {error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in _lines(app, given.service)))
    return 0


def _lines(app: App, service: str) -> Iterator[str]:
    made: Mapping[str, str] = {
        "service": f"{service}, which runs {app.definition['family']}",
        "image": f"{app.repository}:{TAG}",
        "roles": ", ".join(app.roles),
        "log groups": ", ".join(app.log_groups),
    }
    yield from (f"{name:<11} {value}" for name, value in made.items() if value)
    yield f"next        .venv/bin/rota init {service}"


if __name__ == "__main__":
    sys.exit(main())
