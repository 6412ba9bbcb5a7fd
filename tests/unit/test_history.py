"""Which invocations have ended, from the machine's history."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rota.stepfunctions import history

UNTIL_2025 = (
    "The cause could not be determined because Lambda did not return an error type. Returned payload: "
    '{"errorMessage":"2025-03-25T10:11:12.131Z id-1 Task timed out after 900.00 seconds"}'
)
KILLED = "RequestId: id-1 Error: Runtime exited with error: signal: killed"
AT = datetime(2026, 12, 1, 6, tzinfo=UTC)


def failed(error: str, cause: str) -> dict[str, Any]:
    return {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": {"error": error, "cause": cause}}


@pytest.mark.parametrize(
    ("event", "ended"),
    [
        pytest.param(failed("Runtime.ExitError", KILLED), {"id-1"}, id="killed"),
        pytest.param(failed("Sandbox.Timedout", "RequestId: id-2 Error: Task timed out"), {"id-2"}, id="timed out"),
        pytest.param(failed("Lambda.Unknown", UNTIL_2025), {"id-1"}, id="timed out, as reported until 2025"),
        pytest.param(failed("Lambda.SdkClientException", KILLED), set(), id="an error of Lambda's API"),
        pytest.param(failed("RejectedError", "denied"), set(), id="another error"),
        pytest.param({"type": "LambdaFunctionSucceeded"}, set(), id="another event"),
        pytest.param(
            {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": {}}, set(), id="without a word"
        ),
    ],
)
def test_which_invocations_have_ended(event: Any, ended: set[str]) -> None:
    assert history.ended([event], ["id-1", "id-2"]) == ended


@pytest.fixture
def stepfunctions() -> Iterator[Stubber]:
    """Answers the requests that a test expects, each of which must come."""
    client = boto3.client("stepfunctions", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def shows(stepfunctions: Stubber, arn: str, *pages: list[dict[str, Any]]) -> None:
    """The history of that execution, in so many pages."""
    for number, page in enumerate(pages):
        asked = {"executionArn": arn, "includeExecutionData": False, "maxResults": 1_000}
        more = {"nextToken": str(number + 1)} if number + 1 < len(pages) else {}
        events = [{"timestamp": AT, "id": 1} | event for event in page]
        stepfunctions.add_response(
            "get_execution_history",
            {"events": events} | more,
            asked | ({"nextToken": str(number)} if number else {}),
        )


def any_active(stepfunctions: Stubber, invocations: list[str]) -> bool:
    client: Any = stepfunctions.client
    return history.any_active(client, ["arn:a", "arn:b"], invocations)


def test_without_an_invocation_nothing_is_asked(stepfunctions: Stubber) -> None:
    assert any_active(stepfunctions, []) is False


def test_no_more_is_asked_once_all_have_ended(stepfunctions: Stubber) -> None:
    shows(stepfunctions, "arn:a", [{"type": "ExecutionStarted"}], [failed("Runtime.ExitError", KILLED)])
    assert any_active(stepfunctions, ["id-1"]) is False


def test_what_one_history_does_not_say_another_may(stepfunctions: Stubber) -> None:
    for ended in (True, False):
        shows(stepfunctions, "arn:a", [failed("Runtime.ExitError", KILLED)])
        shows(stepfunctions, "arn:b", [failed("Runtime.ExitError", "id-2 died")] if ended else [])
        assert any_active(stepfunctions, ["id-1", "id-2"]) is not ended


def test_of_an_execution_that_is_not_known_nothing_has_ended(stepfunctions: Stubber) -> None:
    for _ in range(2):
        stepfunctions.add_client_error("get_execution_history", "ExecutionDoesNotExist")
    assert any_active(stepfunctions, ["id-1"]) is True
    stepfunctions.add_client_error("get_execution_history", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        any_active(stepfunctions, ["id-1"])
