"""The permissions that EventBridge's calls need.

docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html; and the index of tags
(list_amazonresourcegrouptaggingapi.html), which needs no permission on the resources that it lists.
"""

from stage.iam.ecs import pass_role
from stage.iam.evaluation import Permission
from stage.iam.permissions import Ask, Request, anywhere, on_arn
from stage.moto.clients import ACCOUNT, REGION

ARN = f"arn:aws:events:{REGION}:{ACCOUNT}"


def _put_rule(request: Request) -> list[Permission]:
    """docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html: a rule with tags needs TagResource, too."""
    rule = _rule(request, "Name")
    roles = [request["RoleArn"]] if request.get("RoleArn") else []
    return [
        Permission("events:PutRule", rule),
        *([Permission("events:TagResource", rule)] if request.get("Tags") else []),
        *[pass_role(role, "events.amazonaws.com") for role in roles],
    ]


def _put_targets(request: Request) -> list[Permission]:
    targets = request["Targets"]
    arns = tuple(target["Arn"] for target in targets)
    roles = dict.fromkeys(target["RoleArn"] for target in targets if target.get("RoleArn"))
    return [
        Permission("events:PutTargets", _rule(request, "Rule"), {"events:TargetArn": arns}),
        *[pass_role(role, "events.amazonaws.com") for role in roles],
    ]


def _put_events(request: Request) -> list[Permission]:
    return [
        Permission(
            "events:PutEvents",
            f"{ARN}:event-bus/{entry.get('EventBusName', 'default').rpartition('/')[2]}",
            {"events:source": _each(entry.get("Source")), "events:detail-type": _each(entry.get("DetailType"))},
        )
        for entry in request["Entries"]
    ]


def _each(value: str | None) -> tuple[str, ...] | None:
    """Both keys are multi-valued, although an event has one value of each."""
    return None if value is None else (value,)


def _on_rule(action: str, member: str = "Name") -> Ask:
    return lambda request: [Permission(f"events:{action}", _rule(request, member))]


def _rule(request: Request, member: str) -> str:
    """On the default bus a rule's ARN does not name the bus."""
    bus = str(request.get("EventBusName", "default")).rpartition("/")[2]
    return f"{ARN}:rule/{'' if bus == 'default' else bus + '/'}{request[member]}"


ACTIONS = {
    ("events", "DeleteRule"): _on_rule("DeleteRule"),
    ("events", "DescribeRule"): _on_rule("DescribeRule"),
    ("events", "DisableRule"): _on_rule("DisableRule"),
    ("events", "EnableRule"): _on_rule("EnableRule"),
    ("events", "ListRules"): anywhere("events:ListRules"),
    ("events", "ListTagsForResource"): on_arn("events:ListTagsForResource", "ResourceARN"),
    ("events", "ListTargetsByRule"): _on_rule("ListTargetsByRule", "Rule"),
    ("events", "PutEvents"): _put_events,
    ("events", "PutRule"): _put_rule,
    ("events", "PutTargets"): _put_targets,
    ("events", "RemoveTargets"): _on_rule("RemoveTargets", "Rule"),
    ("events", "TagResource"): on_arn("events:TagResource", "ResourceARN"),
    ("events", "UntagResource"): on_arn("events:UntagResource", "ResourceARN"),
    ("resourcegroupstaggingapi", "GetResources"): anywhere("tag:GetResources"),
}
