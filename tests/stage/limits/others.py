"""What Step Functions, Lambda, DynamoDB and SNS refuse."""

from collections.abc import Iterator

from stage.moto.clients import ACCOUNT
from tests.stage.limits.limit import REFERENCE, Limit
from tests.stage.small_stage import SmallStage, aws

LAMBDA_LIMITS = f"{REFERENCE}/lambda/latest/dg/gettingstarted-limits.html"
STEP_FUNCTIONS = f"{REFERENCE}/step-functions/latest/apireference"
DYNAMODB = f"{REFERENCE}/amazondynamodb/latest/APIReference"
DYNAMODB_LIMITS = f"{REFERENCE}/amazondynamodb/latest/developerguide/Constraints.html"
SNS = f"{REFERENCE}/sns/latest/api/API_Publish.html"


def limits() -> Iterator[Limit]:
    start, function = ("stepfunctions", "StartExecution"), f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:some"
    machine = {"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:some"}
    api = f"{STEP_FUNCTIONS}/API_StartExecution.html"
    yield Limit(
        "an execution's input has at most 256 KiB",
        start,
        {**machine, "input": f'"{"x" * 262_144}"'},
        "ValidationException",
        "at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
        api,
    )
    yield Limit(
        "an execution's name has at most 80 characters",
        start,
        {**machine, "name": "x" * 81},
        "ValidationException",
        "at 'name' failed to satisfy constraint: Member must have length less than or equal to 80",
        api,
    )
    yield Limit(
        "an execution's name has no spaces, brackets, wildcards or other special characters",
        start,
        {**machine, "name": "a:b"},
        "InvalidName",
        "Invalid Name: 'a:b'",
        api,
    )
    yield Limit(
        "a function's environment has at most 4 KB",
        ("lambda", "UpdateFunctionConfiguration"),
        {"FunctionName": function, "Environment": {"Variables": {"NAME": "x" * 4096}}},
        "InvalidParameterValueException",
        "exceeded the 4KB limit. String measured:",
        LAMBDA_LIMITS,
    )
    yield Limit(
        "a variable's name has at least two characters",
        ("lambda", "UpdateFunctionConfiguration"),
        {"FunctionName": function, "Environment": {"Variables": {"A": "x"}}},
        "ValidationException",
        "at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must",
        f"{REFERENCE}/lambda/latest/api/API_Environment.html",
    )
    yield Limit(
        "a function's name is one",
        ("lambda", "Invoke"),
        {"FunctionName": "a b"},
        "ValidationException",
        "at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern",
        f"{REFERENCE}/lambda/latest/api/API_Invoke.html",
    )
    yield Limit(
        "a table is named",
        ("dynamodb", "GetItem"),
        {"Key": {"app": {"S": "x"}}},
        "ValidationException",
        "Value null at 'tableName' failed to satisfy constraint: Member must not be null",
        f"{DYNAMODB}/API_GetItem.html",
    )
    yield Limit(
        "an item has at most 400 KB",
        ("dynamodb", "PutItem"),
        {"TableName": "limits", "Item": {"app": {"S": "x"}, "entry": {"S": "x" * 410_000}}},
        "ValidationException",
        "Item size has exceeded the maximum allowed size",
        DYNAMODB_LIMITS,
        before=_table,
    )
    yield Limit(
        "an update leaves at most 400 KB",
        ("dynamodb", "UpdateItem"),
        {
            "TableName": "limits",
            "Key": {"app": {"S": "x"}},
            "UpdateExpression": "SET entry = :entry",
            "ExpressionAttributeValues": {":entry": {"S": "x" * 410_000}},
        },
        "ValidationException",
        "Item size to update has exceeded the maximum allowed size",
        DYNAMODB_LIMITS,
        before=_table,
    )
    yield from _messages()


def _messages() -> Iterator[Limit]:
    topic = {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:limits", "Message": "text"}
    subject, structure = "Invalid parameter: Subject", {"MessageStructure": "json", "Message": '{"email": "text"}'}
    for rule, change, says in (
        ("a subject has at most 100 characters", {"Subject": "x" * 101}, subject),
        ("a subject has no line break", {"Subject": "two\nlines"}, subject),
        ("a message has at most 256 KiB", {"Message": "x" * 262_145}, "Invalid parameter: Message too long"),
        ("a message for each protocol has one for all others", structure, "No default entry in JSON message body"),
    ):
        yield Limit(rule, ("sns", "Publish"), topic | change, "InvalidParameter", says, SNS)


def _table(_: SmallStage) -> None:
    if "limits" not in aws("dynamodb").list_tables()["TableNames"]:
        aws("dynamodb").create_table(
            TableName="limits",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "app", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "app", "KeyType": "HASH"}],
        )
