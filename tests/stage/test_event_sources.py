"""Functions that read a queue, as Lambda lets them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for

# Keeps what it was handed in the table of the app, and answers as a test asks.
READS = """
import boto3, json, os
def handler(event, context):
    table = boto3.client("dynamodb")
    for record in event["Records"]:
        at = record["messageId"] + record["attributes"]["ApproximateReceiveCount"]
        item = {"app": {"S": "seen"}, "record": {"S": at}, "content": {"S": json.dumps(record)}}
        table.put_item(TableName=os.environ["SEEN"], Item=item)
    if "crash" in event["Records"][0]["body"]:
        raise RuntimeError("crash")
    bad = [record["messageId"] for record in event["Records"] if "bad" in record["body"]]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""


@pytest.fixture
def queues(stage: Client, function: Callable[..., str]) -> Iterator[dict[str, str]]:
    """By name: the queue that is read, and the one of what was given up."""
    sqs = stage.client("sqs")
    made = {name: sqs.create_queue(QueueName=f"toy-{name}")["QueueUrl"] for name in ("given-up",)}
    (given_up,) = sqs.get_queue_attributes(QueueUrl=made["given-up"], AttributeNames=["QueueArn"])[
        "Attributes"
    ].values()
    redrive = json.dumps({"deadLetterTargetArn": given_up, "maxReceiveCount": 2})
    made["read"] = sqs.create_queue(
        QueueName="toy-read", Attributes={"VisibilityTimeout": "60", "RedrivePolicy": redrive}
    )["QueueUrl"]
    (arn,) = sqs.get_queue_attributes(QueueUrl=made["read"], AttributeNames=["QueueArn"])["Attributes"].values()
    name = function(READS, Environment={"Variables": {"SEEN": stage.names["outputs"]["LedgerTableName"]}})
    stage.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    yield made
    for url in made.values():
        sqs.delete_queue(QueueUrl=url)


def count(stage: Client, url: str) -> int:
    """How many messages a queue holds, also those that are invisible."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = stage.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(map(int, found.values()))


def seen(stage: Client, number: int) -> list[dict[str, Any]]:
    """The records that the function was handed so far, once there are so many."""

    def handed() -> list[dict[str, Any]]:
        items = stage.client("dynamodb").scan(TableName=stage.names["outputs"]["LedgerTableName"])["Items"]
        return [json.loads(item["content"]["S"]) for item in items if item["app"]["S"] == "seen"]

    return wait_for(lambda: found if len(found := handed()) >= number else None, 10)


def test_a_message_is_handed_over_and_deleted(stage: Client, queues: dict[str, str]) -> None:
    attributes = {"RULE_ARN": {"DataType": "String", "StringValue": "arn:aws:events:x"}}
    stage.client("sqs").send_message(QueueUrl=queues["read"], MessageBody="hello", MessageAttributes=attributes)
    (record,) = seen(stage, 1)
    assert (record["body"], record["eventSource"]) == ("hello", "aws:sqs")
    assert record["messageAttributes"]["RULE_ARN"]["stringValue"] == "arn:aws:events:x"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    wait_for(lambda: count(stage, queues["read"]) == 0, 5)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("body", ["bad", "crash"], ids=["named as failed", "the function failed"])
def test_what_failed_comes_again_and_is_given_up(stage: Client, queues: dict[str, str], body: str) -> None:
    stage.client("sqs").send_message(QueueUrl=queues["read"], MessageBody=body)
    seen(stage, 1)
    assert count(stage, queues["read"]) == 1
    stage.advance(62)
    counts = sorted(record["attributes"]["ApproximateReceiveCount"] for record in seen(stage, 2))
    assert counts == ["1", "2"]
    stage.advance(62)
    wait_for(lambda: count(stage, queues["given-up"]) == 1, 5)
    assert count(stage, queues["read"]) == 0
