"""Lambda on the stage: functions run warm and cold, with their own credentials, environment and log."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.moto.clients import ACCOUNT
from tests.stage.toys import zipped


def invoke(stage: Client, name: str, event: Any = None) -> tuple[Any, str | None]:
    answer = stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_has_its_roles_credentials_and_environment(stage: Client, function: Callable[..., str]) -> None:
    source = """
import boto3, os
def handler(event, context):
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    return {"event": event, "arn": arn, "color": os.environ["COLOR"], "home": "HOME" in os.environ}
"""
    answer, error = invoke(stage, function(source, Environment={"Variables": {"COLOR": "red"}}), {"a": "ü"})
    assert error is None
    assert answer == {
        "event": {"a": "ü"},
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/toy/toy-0",
        "color": "red",
        "home": False,
    }
    assert [call["caller"] for call in stage.calls("sts")] == ["toy-0"]


def test_a_worker_stays_warm_until_its_function_changes(stage: Client, function: Callable[..., str]) -> None:
    name = function("import os\ndef handler(event, context): return os.getpid()")
    first, again = invoke(stage, name), invoke(stage, name)
    assert first == again

    stage.client("lambda").update_function_code(FunctionName=name, ZipFile=zipped("def handler(e, c): return 'new'"))
    assert invoke(stage, name) == ("new", None)


def test_concurrent_invocations_need_two_workers(stage: Client, function: Callable[..., str], tmp_path: Path) -> None:
    # Each waits for the other: it can only end if both run at once.
    source = """
import os, pathlib, time
def handler(event, context):
    here = pathlib.Path(event["place"])
    (here / str(os.getpid())).touch()
    while len(list(here.iterdir())) < 2: time.sleep(0.01)
    return os.getpid()
"""
    name = function(source, Timeout=10)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(invoke(stage, name, {"place": str(tmp_path)}))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error for _, error in answers] == [None, None]
    assert len({pid for pid, _ in answers}) == 2


def test_output_is_logged_before_the_reply(stage: Client, function: Callable[..., str]) -> None:
    name = function("def handler(event, context): print('hello', event['who'])")
    invoke(stage, name, {"who": "Ada"})
    found = stage.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [event["message"] for event in found]
    assert lines[0] == "hello Ada"
    assert lines[1].startswith("REPORT RequestId: ")
    assert "Init Duration" in lines[1]


def test_an_asynchronous_invocation_returns_at_once(
    stage: Client, function: Callable[..., str], tmp_path: Path
) -> None:
    source = """
import pathlib, time
def handler(event, context):
    while not pathlib.Path(event["place"], "go-on").exists(): time.sleep(0.01)
    print("did it")
"""
    name = function(source, Timeout=10)
    event = json.dumps({"place": str(tmp_path)})
    answer = stage.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=event)
    assert answer["StatusCode"] == 202
    assert [each["step"] for each in stage.invocations()] == [name]

    (tmp_path / "go-on").touch()
    wait_for(lambda: not stage.invocations(), 10)
    found = stage.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert found[0]["message"] == "did it"


def test_an_account_runs_so_many_functions_at_once(stage: Client, function: Callable[..., str], tmp_path: Path) -> None:
    """Who invokes one more is refused; an event waits."""
    source = """
import pathlib, time
def handler(event, context):
    while not pathlib.Path(event["place"], "go-on").exists(): time.sleep(0.01)
    print("did it")
"""
    name = function(source, Timeout=10)
    stage.settings(concurrency=1)
    event = json.dumps({"place": str(tmp_path)})
    for _ in range(2):
        answer = stage.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=event)
        assert answer["StatusCode"] == 202
    with pytest.raises(ClientError) as refused:
        stage.client("lambda").invoke(FunctionName=name, Payload=event)
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert dict[str, Any](**refused.value.response)["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert len(stage.invocations()) == 1

    (tmp_path / "go-on").touch()

    def done() -> list[str]:
        found = stage.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return [each["message"] for each in found if each["message"] == "did it"]

    wait_for(lambda: len(done()) == 2, 10)


def test_a_missing_function_is_refused(stage: Client) -> None:
    with pytest.raises(ClientError) as refused:
        stage.client("lambda").invoke(FunctionName="nobody")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
