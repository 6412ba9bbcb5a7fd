"""Answers of S3, DynamoDB, SQS, CloudFormation, IAM, STS, CloudWatch Logs and the tagging API."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.cloudformation import resources
from stage.cloudformation.change_sets import ChangeSets
from stage.gateway.words import Words
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation
from tests.in_process import client as aws
from tests.stage.recorded import normalise
from tests.stage.recorded.calls import Question, call
from tests.stage.recorded.rows import Row, compare, each
from tests.stage.small_stage import SmallStage, small_stage

TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


class Account:
    """A bucket with versions, a table, a queue, a stack and a log group."""

    def __init__(self, small: SmallStage) -> None:
        self.small, self.name = small, small.name
        s3 = aws("s3")
        s3.create_bucket(Bucket=self.name)
        s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        self.versions = [s3.put_object(Bucket=self.name, Key="deleted", Body=b"one")["VersionId"]]
        self.marker = s3.delete_object(Bucket=self.name, Key="deleted")["VersionId"]
        s3.put_object(Bucket=self.name, Key="there", Body=b"x")
        key = {"AttributeName": "id", "KeyType": "HASH"}
        aws("dynamodb").create_table(
            TableName=self.name,
            KeySchema=[key],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        aws("dynamodb").put_item(TableName=self.name, Item={"id": {"S": "there"}})
        self.queue = aws("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        aws("cloudformation").create_stack(StackName=self.name, TemplateBody=TEMPLATE)
        aws("logs").create_log_group(logGroupName=self.name)

    def names(self) -> dict[str, str]:
        return {"queue": self.queue, "version": self.versions[0], "marker": self.marker, "app": self.name}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    resources.install()
    hooks = (Validation(), DocumentedRules(), ChangeSets(), Words())
    with small_stage(tmp_path_factory.mktemp("app"), *hooks) as small:
        yield Account(small)


@pytest.mark.exhaustive(every=2)
@each("others")
def test_other_services_answer_as_recorded(row: Row, account: Account) -> None:
    compare(row, QUESTIONS[row.asked["question"]](row, account))


def _call(row: Row, account: Account) -> Any:
    text = json.dumps(row.asked["request"])
    for placeholder, name in account.names().items():
        text = text.replace(f"<{placeholder}>", name)
    text = text.replace("<megabyte>", "x" * 1_048_577)
    answer = call(aws(row.asked["service"]), row.asked["call"], json.loads(text), **account.names())
    for member in row.asked.get("without", []):
        answer.pop(member, None)
    return answer


def _member(row: Row, account: Account) -> Any:
    """Whether an answer has a member."""
    return row.asked["member"] in _call(row, account)


def _body(row: Row, account: Account) -> Any:
    """The content of an older version of an object that is deleted."""
    return (
        aws("s3").get_object(Bucket=account.name, Key="deleted", VersionId=account.versions[0])["Body"].read().decode()
    )


def _change_set(row: Row, account: Account) -> Any:
    """A change set that changes nothing."""
    name = {"StackName": account.name, "ChangeSetName": "nothing"}
    aws("cloudformation").create_change_set(**name, TemplateBody=TEMPLATE, ChangeSetType="UPDATE")
    described = aws("cloudformation").describe_change_set(**name)
    return {member: described.get(member) for member in ("Status", "ExecutionStatus", "StatusReason")}


def _tagged(row: Row, account: Account) -> Any:
    """GetResources of rules with a tag."""
    name = f"{account.name}-tagged"
    aws("events").put_rule(Name=name, ScheduleExpression="rate(1 day)", Tags=[{"Key": "recorded", "Value": "yes"}])
    found = aws("resourcegroupstaggingapi").get_resources(
        ResourceTypeFilters=["events:rule"], TagFilters=[{"Key": row.asked["key"]}]
    )
    return normalise.reply(found, app=account.name)


def _sent(row: Row, account: Account) -> Any:
    """The status of a message of so many bytes."""
    with suppress(ClientError):
        sent = aws("sqs").send_message(QueueUrl=account.queue, MessageBody="x" * row.asked["size"])
        return sent["ResponseMetadata"]["HTTPStatusCode"]
    return "refused"


QUESTIONS: dict[str, Question] = {
    "call": _call,
    "member": _member,
    "body": _body,
    "change set": _change_set,
    "tagged": _tagged,
    "sent": _sent,
}
