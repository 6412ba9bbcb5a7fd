"""Lambda's limits for payloads."""

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client

SAME = "def handler(event, context): return event"
LARGE = "def handler(event, context): return 'x' * event['size']"


@pytest.mark.exhaustive(first=0)
def test_a_payload_of_more_than_6_mb_is_refused(stage: Client, function: Callable[..., str]) -> None:
    payload = json.dumps("x" * 6 * 1024 * 1024)
    with pytest.raises(
        ClientError, match=r"\(RequestTooLargeException\).*6291458 byte payload is too large"
    ) as refused:
        stage.client("lambda").invoke(FunctionName=function(SAME), Payload=payload)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_an_answer_of_more_than_6_mb_is_an_error(stage: Client, function: Callable[..., str]) -> None:
    request = json.dumps({"size": 6 * 1024 * 1024})
    answer = stage.client("lambda").invoke(FunctionName=function(LARGE), Payload=request)
    assert json.loads(answer["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"
