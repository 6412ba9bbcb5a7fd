"""What ECS refuses of task definitions."""

from collections.abc import Iterator, Mapping
from typing import Any

from stage.moto.clients import ACCOUNT
from tests.stage.limits.limit import ECS, ECS_QUOTAS, REFERENCE, Limit

PARAMETERS = f"{REFERENCE}/AmazonECS/latest/developerguide/task_definition_parameters.html"
FARGATE = f"{REFERENCE}/AmazonECS/latest/developerguide/fargate-tasks-services.html"
EXECUTION_ROLE = f"{REFERENCE}/AmazonECS/latest/developerguide/task_execution_IAM_role.html"


def limits() -> Iterator[Limit]:
    register, wrong = ("ecs", "RegisterTaskDefinition"), "ClientException"
    api = f"{ECS}/API_RegisterTaskDefinition.html"
    large = containers({"command": ["x" * 70_000]})
    secret = {"secrets": [{"name": "TOKEN", "valueFrom": "token"}]}
    both = {**secret, "environment": [{"name": "TOKEN", "value": "x"}]}
    ports = {"portMappings": [{"containerPort": 8000, "hostPort": 80}]}
    logs = {"logConfiguration": {"logDriver": "awslogs"}}
    in_ecr = {"image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/some:1"}
    no_role = {"executionRoleArn": None}
    for rule_, change, says, source, words in (
        ("a definition has at most 64 KiB", large, "Max allowed length is '65536' bytes.", ECS_QUOTAS, "AWS"),
        ("a family has a name", {"family": ""}, "Family can not be blank.", api, "AWS"),
        ("a family is letters, digits, - and _", {"family": "a b"}, "Family contains invalid characters", api, "stage"),
        ("there is a container", {"containerDefinitions": []}, "Container list cannot be empty.", api, "stage"),
        (
            "at most 10 containers",
            containers(*[{"name": str(n)} for n in range(11)]),
            "at most 10",
            ECS_QUOTAS,
            "stage",
        ),
        ("a container has a name", containers({"name": None}), "Container.name should not be null", api, "AWS"),
        ("a container has an image", containers({"image": ""}), "Container.image should not be null", api, "AWS"),
        ("containers' names differ", containers({}, {}), "'app' is not", PARAMETERS, "stage"),
        ("one container is essential", containers({"essential": False}), "one essential", PARAMETERS, "stage"),
        ("a role is one", {"taskRoleArn": "arn:aws:iam::role"}, "Role is not valid", api, "AWS"),
        (
            "secrets need an execution role",
            {**containers(secret), **no_role},
            "you must also specify a value for 'executionRoleArn'",
            EXECUTION_ROLE,
            "AWS",
        ),
        (
            "a secret shares no name with a variable",
            containers(both),
            "The secret name must be unique and not shared with any new or existing environment variables",
            PARAMETERS,
            "AWS",
        ),
        (
            "in awsvpc, host port is container port",
            containers(ports),
            "the host ports and container ports in port mappings must match.",
            PARAMETERS,
            "AWS",
        ),
        (
            "in awsvpc there are no links",
            containers({"links": ["db"]}),
            "Links are not supported when networkMode=awsvpc.",
            PARAMETERS,
            "AWS",
        ),
        ("Fargate's network is awsvpc", {"networkMode": "bridge"}, "Fargate only supports", FARGATE, "AWS"),
        ("Fargate needs a task's cpu", {"cpu": None}, "'cpu' be defined at the task level.", FARGATE, "AWS"),
        ("Fargate has certain sizes", {"memory": "4096"}, "No Fargate configuration exists", FARGATE, "AWS"),
        (
            "containers' memory is within the task's",
            containers({"memory": 513}),
            "The sum of the containers' 'memory'",
            PARAMETERS,
            "stage",
        ),
        ("containers' cpu is within the task's", containers({"cpu": 257}), "'cpu'", PARAMETERS, "stage"),
        (
            "Fargate needs an execution role for images in ECR",
            {**containers(in_ecr), **no_role},
            "execution role ARN to support ECR images.",
            EXECUTION_ROLE,
            "AWS",
        ),
        (
            "Fargate needs an execution role for awslogs",
            {**containers(logs), **no_role},
            "execution role ARN to support log driver awslogs.",
            EXECUTION_ROLE,
            "AWS",
        ),
    ):
        yield Limit(rule_, register, change, wrong, says, source, words)


def containers(*changes: Mapping[str, Any]) -> dict[str, Any]:
    plain = {"name": "app", "image": "public.ecr.aws/some/image:1"}
    made = [{**plain, **change} for change in changes]
    return {"containerDefinitions": [{k: v for k, v in each.items() if v is not None} for each in made]}
