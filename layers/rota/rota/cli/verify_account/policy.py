"""The permissions that a run needs, from the rows: no name but the run's own, where AWS can distinguish names."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from rota.cli.verify_account.account import PREFIX
from rota.cli.verify_account.row import Row

_ANY = f"{PREFIX}-*"
_ALWAYS = ("sts:GetCallerIdentity",)
# By the beginning of an action, the longest that fits; * where AWS checks the action on no resource of the run.
_RESOURCES = {
    "cloudtrail:": "*",
    "dynamodb:": f"dynamodb:*:*:table/{_ANY}",
    "ecr:": f"ecr:*:*:repository/{_ANY}",
    "ecs:": f"ecs:*:*:*/{_ANY}",
    "ecs:DeregisterTaskDefinition": "*",
    "ecs:ListTaskDefinitions": "*",
    "ecs:ListTasks": "*",
    "events:": f"events:*:*:rule/{_ANY}",
    "events:ListRules": "*",
    "events:PutEvents": "events:*:*:event-bus/default",
    "iam:": f"iam::*:role/{_ANY}",
    "iam:CreateServiceLinkedRole": "iam::*:role/aws-service-role/ecs.amazonaws.com/*",
    "lambda:": f"lambda:*:*:function:{_ANY}",
    "s3:": f"s3:::{_ANY}",
    "scheduler:": f"scheduler:*:*:*/{_ANY}",
    "sns:": f"sns:*:*:{_ANY}",
    "sqs:": f"sqs:*:*:{_ANY}",
    "states:": f"states:*:*:*:{_ANY}",
    "tag:": "*",
    "sts:AssumeRole": f"iam::*:role/{_ANY}",
    "sts:GetCallerIdentity": "*",
}


def actions_of(row: Row) -> set[str]:
    """The actions that a row needs, also to delete what it makes."""
    return {*row.probe.actions, *(action for kind in row.probe.kinds for action in kind.actions)}


def policy(rows: Iterable[Row], partition: str = "aws") -> dict[str, Any]:
    """An IAM policy for these rows: a statement for each resource."""
    by_resource: dict[str, set[str]] = defaultdict(set)
    for action in {*_ALWAYS, *(action for row in rows for action in actions_of(row))}:
        by_resource[_resource_of(action, partition)].add(action)
    statements = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": resource}
        for resource, actions in sorted(by_resource.items(), key=lambda item: sorted(item[1]))
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _resource_of(action: str, partition: str) -> str:
    beginning = max((each for each in _RESOURCES if action.startswith(each)), key=len)
    resource = _RESOURCES[beginning]
    return resource if resource == "*" else f"arn:{partition}:{resource}"
