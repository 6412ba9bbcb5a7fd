"""Which invocations have ended, from the machine's history."""

from typing import Any

import pytest

from rota.stepfunctions import history

KILLED = "RequestId: first Error: Runtime exited with error: signal: killed"


def failed(error: str, cause: str) -> dict[str, Any]:
    return {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": {"error": error, "cause": cause}}


@pytest.mark.parametrize(
    ("event", "ended"),
    [
        pytest.param(failed("Runtime.ExitError", KILLED), {"first"}, id="killed"),
        pytest.param(failed("Sandbox.Timedout", "RequestId: second Error: Task timed out"), {"second"}, id="timed out"),
        pytest.param(failed("Lambda.SdkClientException", KILLED), set(), id="an error of Lambda's API"),
        pytest.param(failed("RejectedError", "denied"), set(), id="another error"),
        pytest.param({"type": "LambdaFunctionSucceeded"}, set(), id="another event"),
    ],
)
def test_which_invocations_have_ended(event: Any, ended: set[str]) -> None:
    assert history.ended([event], ["first", "second"]) == ended
