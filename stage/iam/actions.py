"""The permissions that AWS requires for a call, by its Service Authorization Reference.

docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html lists
actions, their resource types and condition keys; the pages of each service list further permissions of a call. A call
that is not in this table is an error, because its permissions have not been looked up.
"""

from collections.abc import Callable, Mapping
from typing import Any

from stage.gateway.calls import Call
from stage.iam import ecs, eventbridge
from stage.iam.evaluation import Permission
from stage.moto.clients import ACCOUNT, REGION

Ask = Callable[[Mapping[str, Any]], list[Permission]]


class UnknownActionError(NotImplementedError):
    """A role makes a call whose permissions the stage does not know."""


def needed_by(call: Call) -> list[Permission]:
    """All permissions that the call needs, in the order in which AWS checks them. Raises UnknownActionError."""
    if call.key in NEED_NONE:
        return []
    ask = ACTIONS.get(call.key)
    if ask is None:
        raise UnknownActionError("a role's permission for it cannot be evaluated; see stage/iam/actions.py")
    return ask(call.params)


def _on(service: str, action: str, resource: Callable[[Mapping[str, Any]], str]) -> Ask:
    """One permission on one resource of this account, named by the request."""

    def ask(request: Mapping[str, Any]) -> list[Permission]:
        return [Permission(f"{service}:{action}", f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource(request)}")]

    return ask


def _on_arn(action: str, member: str) -> Ask:
    """One permission on the resource whose ARN the request gives."""
    return lambda request: [Permission(action, str(request[member]))]


def _s3(action: str) -> Ask:
    """One permission on an object; a request with a version needs the action on versions instead.

    docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: "If you include a versionId in your request header, you
    must have the s3:GetObjectVersion permission ... The s3:GetObject permission is not required in this scenario."
    """

    def ask(request: Mapping[str, Any]) -> list[Permission]:
        versioned = f"{action}Version" if request.get("versionId") else action
        return [Permission(f"s3:{versioned}", f"arn:aws:s3:::{request['Bucket']}/{request['Key']}")]

    return ask


def bucket_listing_for(call: Call) -> list[Permission]:
    """Without these permissions, S3 answers 403 for a key that does not exist, or for a version that does not.

    docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html names s3:ListBucket, and says nothing of versions: who
    has no s3:ListBucketVersions is denied here too.
    """
    actions = ["s3:ListBucket", *(["s3:ListBucketVersions"] if call.params.get("versionId") else [])]
    return [Permission(each, f"arn:aws:s3:::{call.params['Bucket']}", {"s3:prefix": None}) for each in actions]


def _table(request: Mapping[str, Any]) -> str:
    return f"table/{request['TableName'].rpartition('/')[2]}"


def _transaction(request: Mapping[str, Any]) -> list[Permission]:
    """That of each part: docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html."""
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
    parts = [part for item in request["TransactItems"] for part in item.items()]
    return [permission for kind, part in parts for permission in _on("dynamodb", actions[kind], _table)(part)]


def _function(request: Mapping[str, Any]) -> list[Permission]:
    """docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html; Invoke is InvokeFunction."""
    name = str(request["FunctionName"]).rpartition(":function:")[2]
    return [Permission("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")]


def _repositories(action: str) -> Ask:
    def ask(request: Mapping[str, Any]) -> list[Permission]:
        names = request.get("repositoryNames") or [request["repositoryName"]]
        return [Permission(f"ecr:{action}", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}") for name in names]

    return ask


# docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: "No permissions are required".
NEED_NONE = {("sts", "GetCallerIdentity")}
ACTIONS: Mapping[tuple[str, str], Ask] = {
    **ecs.ACTIONS,
    **eventbridge.ACTIONS,
    ("cloudtrail", "LookupEvents"): lambda _: [Permission("cloudtrail:LookupEvents", "*")],
    ("logs", "GetLogEvents"): _on(
        "logs",
        "GetLogEvents",
        lambda request: f"log-group:{request['logGroupName']}:log-stream:{request['logStreamName']}",
    ),
    ("dynamodb", "GetItem"): _on("dynamodb", "GetItem", _table),
    ("dynamodb", "PutItem"): _on("dynamodb", "PutItem", _table),
    ("dynamodb", "UpdateItem"): _on("dynamodb", "UpdateItem", _table),
    ("dynamodb", "DeleteItem"): _on("dynamodb", "DeleteItem", _table),
    ("dynamodb", "TransactWriteItems"): _transaction,
    ("dynamodb", "Query"): _on("dynamodb", "Query", _table),
    ("ecr", "DescribeImages"): _repositories("DescribeImages"),
    ("ecr", "DescribeRepositories"): _repositories("DescribeRepositories"),
    ("lambda", "Invoke"): _function,
    ("s3", "GetObject"): _s3("GetObject"),
    ("s3", "HeadObject"): _s3("GetObject"),
    ("s3", "PutObject"): _s3("PutObject"),
    ("sns", "Publish"): _on_arn("sns:Publish", "TopicArn"),
    ("stepfunctions", "DescribeExecution"): _on_arn("states:DescribeExecution", "executionArn"),
    ("stepfunctions", "GetExecutionHistory"): _on_arn("states:GetExecutionHistory", "executionArn"),
    ("stepfunctions", "StartExecution"): _on_arn("states:StartExecution", "stateMachineArn"),
}
