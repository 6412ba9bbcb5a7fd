"""What a command reads of an execution."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from rota.cli.execution import _ended, patiently, push_of, restored_by, signed, start
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.releases import Image
from rota.watch.follow import End
from tests.cli.conftest import Aws
from tests.clock import Clock

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


@pytest.fixture
def account(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in {"AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    return Account(Output(), stack="rota")


@pytest.mark.parametrize(("known_after", "waited"), [(0, 0), (1, 1), (99, 10)], ids=["at once", "later", "never"])
def test_a_new_execution_is_waited_for_until_it_can_be_read(
    account: Account, aws: Aws, monkeypatch: pytest.MonkeyPatch, known_after: int, waited: int
) -> None:
    clock = Clock()
    monkeypatch.setattr("rota.cli.execution.time", clock)
    aws.answers |= {
        "StartExecution": "ExecutionAlreadyExists",  # the answer to a call that was repeated
        "DescribeExecution": lambda _: {} if clock.monotonic() >= known_after else "ExecutionDoesNotExist",
    }
    execution = start(account, {"kind": "again"}, "again")
    machine = "arn:aws:states:eu-west-1:111122223333:{}:rota-deploy"
    assert execution == f"{machine.format('execution')}:again-00000000-0000-0000-0000-000000000000"
    given = {"stateMachineArn": machine.format("stateMachine"), "name": execution.split(":")[-1]}
    assert aws.asked[0] == ("StartExecution", {**given, "input": '{"kind": "again"}'})
    assert aws.asked[-1] == ("DescribeExecution", {"executionArn": execution})
    assert clock.monotonic() == waited
    assert account.interrupted == (
        "The work continues. Watch it again: rota deploy --watch again-00000000-0000-0000-0000-000000000000 "
        "--stack rota   Stop it: rota restore again-00000000-0000-0000-0000-000000000000 --stack rota"
    )


def test_what_aws_refuses_was_not_begun(account: Account, aws: Aws) -> None:
    aws.answers["StartExecution"] = "AccessDeniedException"
    with pytest.raises(ClientError):
        start(account, {}, "again")
    assert account.interrupted == ""


@pytest.mark.parametrize(
    ("tag", "reason", "event"),
    [
        ("f9", None, {"image-tag": "f9"}),
        (None, "new prices", {}),
    ],
    ids=["a tag", "a reason"],
)
def test_what_a_person_starts_says_who_and_why(
    account: Account, aws: Aws, tag: str | None, reason: str | None, event: dict[str, str]
) -> None:
    aws.answers["GetCallerIdentity"] = {"Arn": "arn:aws:iam::111122223333:user/ana"}
    made = signed(account, push_of(account, Image("sha256:9", tag)), "image", reason)
    why = {"reason": reason} if reason else {}
    detail = {"repository-name": "shop", "image-digest": "sha256:9", **event}
    assert made == {"detail": detail, "kind": "image", "by": "user/ana", **why}
