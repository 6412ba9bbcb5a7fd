"""What a command reads of an execution."""

import json
from typing import Any

import pytest

from rota.cli.execution import _ended, restored_by
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


ENDS: dict[str, tuple[End, bool, Exit, str]] = {
    "deployed": (End("SUCCEEDED", "Deployed", 1.0, ""), False, Exit.DONE, ""),
    "overtaken": (End("SUCCEEDED", "Overtaken", 1.0, ""), False, Exit.NOT_DEPLOYED, ""),
    "a bad file": (failed("ConfigError"), False, Exit.FAILED, "ConfigError: author"),
    "a migration": (failed("TaskFailedError"), False, Exit.FAILED, "TaskFailedError: author"),
    "refused": (failed("RejectedError"), False, Exit.FAILED, "RejectedError: operator"),
    "AWS": (failed("TransientError"), False, Exit.FAILED, "TransientError: operator"),
    "a rollout": (failed("RolloutError"), False, Exit.FAILED, "RolloutError: caller"),
    "restored, as was wanted": (failed("RolloutError"), True, Exit.DONE, ""),
    "half done": (
        End("FAILED", "RestoreFailed", 1.0, "", "RejectedError"),
        False,
        Exit.HALF_DONE,
        "RejectedError: operator",
    ),
    "aborted": (End("ABORTED", "RollService", 1.0, ""), False, Exit.FAILED, "Aborted: caller"),
    "a state that is not known": (End("FAILED", "New", 1.0, "", "NewError"), False, Exit.FAILED, "NewError: caller"),
}


@pytest.mark.parametrize(("end", "restores", "code", "who"), ENDS.values(), ids=ENDS)
def test_how_a_command_ends_and_who_acts(end: End, restores: bool, code: Exit, who: str) -> None:
    try:
        ended, acts = _ended(Account(Output()), FAILED, end, lambda _: iter(()), restores=restores), ""
    except CommandError as error:
        ended, acts = error.code, f"{error.error}: {error.acts}"
    assert (ended, acts) == (code, who)
