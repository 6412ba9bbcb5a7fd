"""One of AWS's limits: what is asked, what AWS answers, and where AWS says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stage.moto.clients import ACCOUNT
from tests.stage.small_stage import SmallStage

REFERENCE = "https://docs.aws.amazon.com"
EVENTS = f"{REFERENCE}/eventbridge/latest/APIReference"
ECS = f"{REFERENCE}/AmazonECS/latest/APIReference"
ECS_QUOTAS = f"{REFERENCE}/general/latest/gr/ecs-service.html"
CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/production"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/some-role"

Change = Mapping[str, Any] | Callable[[SmallStage], Mapping[str, Any]]


@dataclass(frozen=True)
class Limit:
    """One refusal."""

    rule: str
    """The rule, for readers."""
    call: tuple[str, str]
    """Service and operation, as boto3 and AWS name them."""
    change: Change
    """The members for which AWS refuses the request."""
    code: str
    says: str
    """Part of the message."""
    source: str
    words: str = "AWS"
    """`AWS`: the message is AWS's own. `stage`: AWS documents the rule, but not the message."""
    before: Callable[[SmallStage], object] = field(default=lambda _: None, repr=False)
    """What must exist before the request."""

    @property
    def id(self) -> str:
        return f"{self.call[1]}: {self.rule}"


def good(small: SmallStage, call: tuple[str, str]) -> dict[str, Any]:
    """A request that is carried out."""
    target = {"Id": "t", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:some-queue"}
    container = {"name": "app", "image": f"{small.image}:initial", "portMappings": [{"containerPort": 8000}]}
    requests: dict[str, dict[str, Any]] = {
        "PutRule": {"Name": f"{small.name}-rule", "ScheduleExpression": "rate(1 day)"},
        "PutTargets": {"Rule": f"{small.name}-rule", "Targets": [target]},
        "RemoveTargets": {"Rule": f"{small.name}-rule", "Ids": ["t"]},
        "DeleteRule": {"Name": f"{small.name}-rule"},
        "ListRules": {},
        "ListTagsForResource": {},
        "PutEvents": {"Entries": [{"Source": "me", "DetailType": "test", "Detail": "{}"}]},
        "RegisterTaskDefinition": {
            "family": small.name,
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": ROLE,
            "containerDefinitions": [container],
        },
        "UpdateService": {"cluster": small.name, "service": small.name},
        "DescribeServices": {"cluster": small.name, "services": [small.name]},
        "RunTask": {
            "cluster": small.name,
            "taskDefinition": small.name,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": small.network},
        },
        "DescribeRepositories": {"repositoryNames": [small.name]},
        "DescribeImages": {"repositoryName": small.name},
    }
    return requests.get(call[1], {})


def ecs_target(**changes: Any) -> dict[str, Any]:
    """A request for an ECS target with changes."""
    target = {"Id": "t", "Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": {"TaskDefinitionArn": ROLE}, **changes}
    return {"Targets": [{name: value for name, value in target.items() if value is not None}]}


def ecs_parameters(**parameters: Any) -> dict[str, Any]:
    return ecs_target(EcsParameters={"TaskDefinitionArn": ROLE, **parameters})
