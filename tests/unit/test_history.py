"""Which invocations have ended, from the machine's history."""

from typing import Any

import pytest

from rota.stepfunctions import history

UNTIL_2025 = (
    "The cause could not be determined because Lambda did not return an error type. Returned payload: "
    '{"errorMessage":"2025-03-25T10:11:12.131Z id-1 Task timed out after 900.00 seconds"}'
)
KILLED = "RequestId: id-1 Error: Runtime exited with error: signal: killed"


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
    ],
)
def test_which_invocations_have_ended(event: Any, ended: set[str]) -> None:
    assert history.ended([event], ["id-1", "id-2"]) == ended
