"""The permissions that AWS requires for a call, by its Service Authorization Reference.

docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html lists
actions, their resource types and condition keys; the pages of each service list further permissions of a call. A call
that is not in this table is an error, because its permissions have not been looked up.
"""

import re
from collections.abc import Mapping

from moto.dynamodb.models import dynamodb_backends

from stage.gateway.calls import Call
from stage.iam import ecs, eventbridge, scheduler
from stage.iam.evaluation import Permission
from stage.iam.permissions import Ask, Request, anywhere, on, on_arn
from stage.moto.clients import ACCOUNT, REGION


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


def _s3(action: str) -> Ask:
    """One permission on an object; a request with a version needs the action on versions instead.

    docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: "If you include a versionId in your request header, you
    must have the s3:GetObjectVersion permission ... The s3:GetObject permission is not required in this scenario."
    """

    def ask(request: Request) -> list[Permission]:
        versioned = f"{action}Version" if request.get("versionId") else action
        return [Permission(f"s3:{versioned}", f"arn:aws:s3:::{request['Bucket']}/{request['Key']}")]

    return ask


def _bucket(action: str) -> Ask:
    """One permission on the request's bucket."""
    return lambda request: [Permission(f"s3:{action}", f"arn:aws:s3:::{request['Bucket']}")]


def bucket_listing_for(call: Call) -> list[Permission]:
    """Without these permissions, S3 answers 403 for a key that does not exist, or for a version that does not.

    docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html names s3:ListBucket, and says nothing of versions: who
    has no s3:ListBucketVersions is denied here too.
    """
    actions = ["s3:ListBucket", *(["s3:ListBucketVersions"] if call.params.get("versionId") else [])]
    return [Permission(each, f"arn:aws:s3:::{call.params['Bucket']}", {"s3:prefix": None}) for each in actions]


def _table(action: str) -> Ask:
    """One permission on the request's table, with the partition that it names: dynamodb:LeadingKeys.

    docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """

    def ask(request: Request) -> list[Permission]:
        name = str(request["TableName"]).rpartition("/")[2]
        context = {"dynamodb:LeadingKeys": _leading_keys(name, request)}
        return [Permission(f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}", context)]

    return ask


def _leading_keys(table: str, request: Request) -> tuple[str, ...]:
    found = dynamodb_backends[ACCOUNT][REGION].tables.get(table)
    hash_key = found.hash_key_attr if found else ""
    item = request.get("Key") or request.get("Item")
    if item is None:
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        compared = re.findall(r"([\w#.-]+)\s*=\s*(:\w+)", request.get("KeyConditionExpression", ""))
        item = {names.get(name, name): values[value] for name, value in compared}
    value = item.get(hash_key)
    return tuple(value.values()) if value else ()


def _transaction(request: Request) -> list[Permission]:
    """That of each part: docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html."""
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
    parts = [part for item in request["TransactItems"] for part in item.items()]
    return [permission for kind, part in parts for permission in _table(actions[kind])(part)]


def _function(request: Request) -> list[Permission]:
    """docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html; Invoke is InvokeFunction."""
    name = str(request["FunctionName"]).rpartition(":function:")[2]
    return [Permission("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")]


def _repositories(action: str) -> Ask:
    def ask(request: Request) -> list[Permission]:
        names = request.get("repositoryNames") or [request["repositoryName"]]
        return [Permission(f"ecr:{action}", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}") for name in names]

    return ask


def _stacks(request: Request) -> list[Permission]:
    """Without a name the action lists, and needs every stack."""
    name = request.get("StackName")
    return [
        Permission(
            "cloudformation:DescribeStacks",
            f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/*" if name else "*",
        )
    ]


def _role(action: str, member: str) -> Ask:
    """One permission on a role, by its name or its ARN."""

    def ask(request: Request) -> list[Permission]:
        name = str(request[member])
        return [Permission(f"iam:{action}", name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{name}")]

    return ask


# docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: "No permissions are required".
NEED_NONE = {("sts", "GetCallerIdentity")}
ACTIONS: Mapping[tuple[str, str], Ask] = {
    **ecs.ACTIONS,
    **eventbridge.ACTIONS,
    **scheduler.ACTIONS,
    ("cloudformation", "DescribeStacks"): _stacks,
    ("cloudtrail", "LookupEvents"): anywhere("cloudtrail:LookupEvents"),
    ("cloudwatch", "DescribeAlarms"): anywhere("cloudwatch:DescribeAlarms"),
    **{
        ("ec2", f"Describe{each}"): anywhere(f"ec2:Describe{each}")
        for each in ("Subnets", "SecurityGroups", "RouteTables", "VpcEndpoints")
    },
    ("iam", "GetRole"): _role("GetRole", "RoleName"),
    ("iam", "SimulatePrincipalPolicy"): _role("SimulatePrincipalPolicy", "PolicySourceArn"),
    ("logs", "DescribeLogGroups"): anywhere("logs:DescribeLogGroups"),
    ("ssm", "ListTagsForResource"): on(
        "ssm", "ListTagsForResource", lambda request: f"parameter/{request['ResourceId'].lstrip('/')}"
    ),
    ("secretsmanager", "DescribeSecret"): on_arn("secretsmanager:DescribeSecret", "SecretId"),
    ("sqs", "GetQueueAttributes"): on(
        "sqs", "GetQueueAttributes", lambda each: str(each["QueueUrl"]).rpartition("/")[2]
    ),
    ("ssm", "DescribeParameters"): anywhere("ssm:DescribeParameters"),
    # docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html: a policy names it with :*
    ("logs", "FilterLogEvents"): on(
        "logs", "FilterLogEvents", lambda request: f"log-group:{request['logGroupName']}:log-stream:"
    ),
    ("logs", "GetLogEvents"): on(
        "logs",
        "GetLogEvents",
        lambda request: f"log-group:{request['logGroupName']}:log-stream:{request['logStreamName']}",
    ),
    ("dynamodb", "GetItem"): _table("GetItem"),
    ("dynamodb", "PutItem"): _table("PutItem"),
    ("dynamodb", "UpdateItem"): _table("UpdateItem"),
    ("dynamodb", "DeleteItem"): _table("DeleteItem"),
    ("dynamodb", "TransactWriteItems"): _transaction,
    ("dynamodb", "Query"): _table("Query"),
    ("ecr", "BatchGetImage"): _repositories("BatchGetImage"),
    ("ecr", "DescribeImages"): _repositories("DescribeImages"),
    ("ecr", "DescribeRepositories"): _repositories("DescribeRepositories"),
    ("ecr", "GetLifecyclePolicy"): _repositories("GetLifecyclePolicy"),
    ("lambda", "Invoke"): _function,
    ("s3", "GetObject"): _s3("GetObject"),
    ("s3", "HeadObject"): _s3("GetObject"),
    ("s3", "GetBucketNotificationConfiguration"): _bucket("GetBucketNotification"),
    ("s3", "PutObject"): _s3("PutObject"),
    ("sns", "Publish"): on_arn("sns:Publish", "TopicArn"),
    ("stepfunctions", "DescribeExecution"): on_arn("states:DescribeExecution", "executionArn"),
    ("stepfunctions", "GetExecutionHistory"): on_arn("states:GetExecutionHistory", "executionArn"),
    ("stepfunctions", "ListExecutions"): on_arn("states:ListExecutions", "stateMachineArn"),
    ("stepfunctions", "StopExecution"): on_arn("states:StopExecution", "executionArn"),
    ("stepfunctions", "StartExecution"): on_arn("states:StartExecution", "stateMachineArn"),
}
