"""What a command reads of an execution."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from rota.cli.execution import _ended, patiently, restored_by
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.watch.follow import End

FAILED = "arn:aws:states:eu-west-1:111122223333:execution:rota-deploy:push-1"


@pytest.mark.parametrize(
    ("given", "restored"),
    [
        ({"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": FAILED}}, FAILED),
        ({"detail": {"image-tag": "v2"}}, None),
        ({"dry_run": True}, None),
        ({"detail": "x"}, None),
        ([], None),
        (None, None),
    ],
    ids=["an end", "a push", "by hand", "a text", "a list", "nothing"],
)
def test_an_execution_restores_the_one_that_its_input_names(given: Any, restored: str | None) -> None:
    assert restored_by({"input": json.dumps(given)}) == restored
    assert restored_by({}) is None


def failed(error: str) -> End:
    return End("FAILED", "DeploymentFailed", 1.0, "", error)


ENDS: dict[str, tuple[End, bool, str, Exit, str]] = {
    "deployed": (End("SUCCEEDED", "Deployed", 1.0, ""), False, "deployed", Exit.DONE, ""),
    "nothing to do": (End("SUCCEEDED", "NothingToDo", 1.0, ""), False, "nothing to do", Exit.DONE, ""),
    "a plan": (End("SUCCEEDED", "Planned", 1.0, ""), False, "planned", Exit.DONE, ""),
    "a restore": (End("SUCCEEDED", "Restored", 1.0, ""), False, "restored", Exit.DONE, ""),
    "a pause": (End("SUCCEEDED", "Done", 1.0, ""), False, "done", Exit.DONE, ""),
    "overtaken": (End("SUCCEEDED", "Overtaken", 1.0, ""), False, "overtaken", Exit.NOT_DEPLOYED, ""),
    "ignored": (End("SUCCEEDED", "Ignored", 1.0, ""), False, "ignored", Exit.NOT_DEPLOYED, ""),
    "held": (End("SUCCEEDED", "Held", 1.0, ""), False, "held", Exit.NOT_DEPLOYED, ""),
    "barred": (End("SUCCEEDED", "Barred", 1.0, ""), False, "barred", Exit.NOT_DEPLOYED, ""),
    "rejected": (End("SUCCEEDED", "Rejected", 1.0, ""), False, "rejected", Exit.NOT_DEPLOYED, ""),
    "a bad file": (failed("ConfigError"), False, "failed", Exit.FAILED, "ConfigError: author"),
    "a migration": (failed("TaskFailedError"), False, "failed", Exit.FAILED, "TaskFailedError: author"),
    "refused": (failed("RejectedError"), False, "failed", Exit.FAILED, "RejectedError: operator"),
    "AWS": (failed("TransientError"), False, "failed", Exit.FAILED, "TransientError: operator"),
    "a rollout": (failed("RolloutError"), False, "failed", Exit.FAILED, "RolloutError: caller"),
    "restored, as was wanted": (failed("RolloutError"), True, "failed", Exit.DONE, ""),
    "half done": (
        End("FAILED", "RestoreFailed", 1.0, "", "RejectedError"),
        False,
        "half done",
        Exit.HALF_DONE,
        "RejectedError: operator",
    ),
    "aborted": (End("ABORTED", "RollService", 1.0, ""), False, "aborted", Exit.FAILED, "Aborted: caller"),
    "a state that is not known": (
        End("FAILED", "New", 1.0, "", "NewError"),
        False,
        "New",
        Exit.FAILED,
        "NewError: caller",
    ),
}


@pytest.mark.parametrize(("end", "restores", "outcome", "code", "who"), ENDS.values(), ids=ENDS)
def test_how_a_command_ends_and_who_acts(
    end: End, restores: bool, outcome: str, code: Exit, who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        ended = _ended(Account(Output(as_json=True)), FAILED, end, lambda _: iter(()), restores=restores)
        acts = ""
    except CommandError as error:
        ended, acts = error.code, f"{error.error}: {error.acts}"
    said = json.loads(capsys.readouterr().out)
    assert (said["outcome"], said["exit"], ended, acts) == (outcome, code, code, who)


def refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetExecutionHistory")


LOOKS: dict[str, tuple[Exception, bool]] = {
    "throttled": (refused("ThrottlingException"), True),
    "an error of AWS": (refused("InternalFailure", 500), True),
    "no connection": (EndpointConnectionError(endpoint_url="https://states"), True),
    "denied": (refused("AccessDeniedException"), False),
    "expired": (refused("ExpiredTokenException"), False),
    "gone": (refused("ExecutionDoesNotExist"), False),
    "another error": (KeyError("events"), False),
}


@pytest.mark.parametrize(("problem", "passes"), LOOKS.values(), ids=LOOKS)
def test_a_watch_goes_on_after_what_passes_alone(problem: Exception, passes: bool) -> None:
    def look() -> list[str]:
        raise problem

    with nullcontext() if passes else pytest.raises(type(problem)):
        assert patiently(look) == []
