"""Step Functions on the stage: scaled waits, AWS's names, and its limits."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.moto.clients import ACCOUNT
from tests.stage.toys import role_of_toys


@pytest.fixture
def machine(stage: Client) -> Iterator[Callable[..., str]]:
    """Creates a state machine from its states. Returns its ARN."""
    arns: list[str] = []

    def make(**states: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states}
        made = stage.client("stepfunctions").create_state_machine(
            name=f"toy-{len(arns)}", definition=json.dumps(definition), roleArn=role_of_toys(stage)
        )
        arns.append(made["stateMachineArn"])
        return arns[-1]

    yield make
    for arn in arns:
        stage.client("stepfunctions").delete_state_machine(stateMachineArn=arn)


def run(stage: Client, machine: str) -> dict[str, Any]:
    started = stage.client("stepfunctions").start_execution(stateMachineArn=machine)
    return stage.wait(started["executionArn"])


def test_the_context_object_has_the_start_as_aws_writes_it(stage: Client, machine: Callable[..., str]) -> None:
    ended = run(stage, machine(Look={"Type": "Pass", "Parameters": {"at.$": "$$.Execution.StartTime"}, "End": True}))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ended["output"]["at"])


def test_time_scale_applies_to_waits_and_retries(
    stage: Client, function: Callable[..., str], machine: Callable[..., str]
) -> None:
    name = function("def handler(event, context): raise LookupError('never')")
    retry = {"ErrorEquals": ["LookupError"], "IntervalSeconds": 3000, "MaxAttempts": 2}
    stage.settings(time_scale=0.00001)

    ended = run(
        stage,
        machine(
            Wait={"Type": "Wait", "Seconds": 9000, "Next": "Try"},
            Try={
                "Type": "Task",
                "Resource": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}",
                "Retry": [retry],
                "End": True,
            },
        ),
    )

    assert (ended["status"], ended["error"]) == ("FAILED", "LookupError")
    assert len(stage.calls("lambda", "Invoke")) == 3


def test_a_refused_invocation_has_awss_error_name(stage: Client, machine: Callable[..., str]) -> None:
    missing = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:missing"
    ended = run(stage, machine(Try={"Type": "Task", "Resource": missing, "End": True}))
    assert (ended["status"], ended["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_executions_end_with_their_state_machine(
    stage: Client, function: Callable[..., str], machine: Callable[..., str]
) -> None:
    states = stage.client("stepfunctions")
    name = function("def handler(event, context): return {}")
    resource = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    stage.settings(time_scale=1)
    begin = {"Type": "Wait", "Seconds": 60, "Next": "Invoke"}
    arns = [machine(Begin=begin, Invoke={"Type": "Task", "Resource": resource, "End": True}) for _ in range(2)]
    first, second = (states.start_execution(stateMachineArn=arn)["executionArn"] for arn in arns)
    wait_for(lambda: len(stage.history(first)) > 1 and len(stage.history(second)) > 1, 10)

    states.delete_state_machine(stateMachineArn=arns[0])
    stage.advance(60)

    assert stage.wait(second)["status"] == "SUCCEEDED"
    assert len(stage.calls("lambda", "Invoke")) == 1


def test_a_history_can_be_read_in_reverse_order(stage: Client, machine: Callable[..., str]) -> None:
    ended = run(stage, machine(Only={"Type": "Succeed"}))
    answer = stage.client("stepfunctions").get_execution_history(executionArn=ended["executionArn"], reverseOrder=True)
    assert [event["id"] for event in answer["events"]] == [4, 3, 2, 1]
    assert [event["id"] for event in stage.history(ended["executionArn"])] == [1, 2, 3, 4]


def test_executions_without_a_name_get_one(stage: Client, machine: Callable[..., str]) -> None:
    arn = machine(Done={"Type": "Succeed"})
    assert [run(stage, arn)["status"] for _ in range(2)] == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize(("size", "status"), [(250_000, "SUCCEEDED"), (262_144, "FAILED")])
def test_a_state_passes_on_at_most_256_kib(
    stage: Client, function: Callable[..., str], machine: Callable[..., str], size: int, status: str
) -> None:
    name = function("def handler(event, context): return {'text': 'x' * event['size']}")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    toy = machine(Large={"Type": "Task", "Resource": arn, "End": True})
    started = stage.client("stepfunctions").start_execution(stateMachineArn=toy, input=json.dumps({"size": size}))
    ended = stage.wait(started["executionArn"])
    assert ended["status"] == status
    assert ended.get("error") == ("States.DataLimitExceeded" if status == "FAILED" else None)


@pytest.mark.exhaustive(first=0)
def test_an_execution_that_does_not_end_fails_at_25_000_events(stage: Client, machine: Callable[..., str]) -> None:
    ended = run(stage, machine(There={"Type": "Pass", "Next": "Back"}, Back={"Type": "Pass", "Next": "There"}))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert ended["cause"] == "The execution reached the maximum number of history events (25000)."
