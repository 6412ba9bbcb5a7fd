"""What `make watch` prints: every execution on a stage, also several at once and of several state machines."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread

import click
import pytest

from examples.guestbook.client import Client
from examples.guestbook.watch import Watch
from stage.client import ROOT, wait_for
from tests.stage.conftest import as_new
from tests.stage.held import held
from tests.stage.toys import role_of_toys


class Printed(list[str]):
    """The lines that a watch has printed."""

    def __init__(self, stage: Client) -> None:
        super().__init__()
        self._watch = Watch(stage)

    def until(self, words: str, times: int = 1) -> None:
        """Look until so many lines have these words."""

        def seen() -> bool:
            self.look()
            return sum(words in line for line in self) >= times

        wait_for(seen, 60)

    def look(self) -> None:
        """Look once."""
        self.extend(map(click.unstyle, self._watch.look()))

    @property
    def titles(self) -> list[str]:
        """The titles, each once, without time and name."""
        return list(dict.fromkeys(line.strip().split(" at ")[0] for line in self if line.startswith("\n")))


@pytest.mark.exhaustive(first=0)
def test_deployments_at_the_same_time_have_titles(stage: Client) -> None:
    stage.settings(rollout="hangs")
    printed = Printed(stage)

    stage.push("v1")
    printed.until("RollService")
    (stopped,) = stage.executions()
    stage.client("stepfunctions").stop_execution(executionArn=stopped, cause="the wrong branch")
    printed.until("in Restored")
    stage.settings(rollout="completes")
    with held(stage):
        stage.push("v2")
        printed.until("PlanDeployment", times=2)
        stage.push("latest", "v2")  # the same image: it waits and overtakes no deployment
        printed.until("waits:")
    printed.until("in NothingToDo")

    assert printed.titles == [
        "guestbook:v1",
        f"restoring {stopped.rpartition(':')[2]}",
        "guestbook:v2",
        "guestbook:latest",
    ]
    assert sum("waits:" in line for line in printed) == 1
    assert "the wrong branch." in " ".join(next(line for line in printed if "aborted" in line).split())


def test_mails_about_jobs_are_printed(stage: Client) -> None:
    sns, topic = stage.client("sns"), stage.names["outputs"]["NotificationsTopicArn"]
    about = {"kind": {"DataType": "String", "StringValue": "failed"}}
    sns.publish(TopicArn=topic, Subject="An old job failed", Message="-", MessageAttributes=about)
    printed = Printed(stage)
    sns.publish(TopicArn=topic, Subject="v1 is live", Message="-")
    sns.publish(TopicArn=topic, Subject="Job failed [again]", Message="-", MessageAttributes=about)
    printed.until("a mail")
    assert printed == ["\na mail: Job failed [again]"]
    printed.look()
    assert len(printed) == 1


@pytest.mark.exhaustive(first=0)
def test_a_reset_is_printed_and_the_watch_continues(stage: Client) -> None:
    stage.settings(rollout="hangs")
    printed = Printed(stage)
    stage.push("v1")
    printed.until("RollService")
    as_new(stage)
    printed.look()
    assert "the stage was reset" in printed[-1]
    stage.push("v2")
    printed.until("in Deployed")


@pytest.mark.exhaustive(first=0)
def test_the_error_of_a_step_is_printed_at_once_and_only_once(stage: Client) -> None:
    stage.settings(time_scale=0.02)
    refused = {"service": "events", "operation": "PutTargets", "count": 0, "fault": "denied"}
    stage.faults([refused])
    printed = Printed(stage)
    stage.push("v1")
    printed.until("CreateTargets")
    assert "RejectedError: PutTargets was denied: " in printed[-1]
    printed.until("FAILED")
    printed.look()
    assert sum(line.count("PutTargets was denied") for line in printed) == 1
    assert printed[-1].startswith("  Everything is as it was before; ")
    assert " ".join(printed[-1].split()).endswith("For the operator: fix this, then deploy again.")
    assert max(len(line) for lines in printed for line in lines.splitlines() if "[" not in line) <= 100


@contextmanager
def machine(stage: Client, name: str) -> Iterator[str]:
    """A state machine of another app: one Lambda step without a function, so that it fails. Yields its ARN."""
    states = stage.client("stepfunctions")
    function = "arn:aws:lambda:us-east-1:123456789012:function:none"
    step = {"Type": "Task", "Resource": function, "End": True}
    definition = json.dumps({"StartAt": "Send", "States": {"Send": step}})
    created = states.create_state_machine(name=name, definition=definition, roleArn=role_of_toys(stage))
    try:
        yield created["stateMachineArn"]
    finally:
        states.delete_state_machine(stateMachineArn=created["stateMachineArn"])


@pytest.mark.exhaustive(first=0)
def test_machines_that_are_deployed_later_are_followed(stage: Client) -> None:
    printed = Printed(stage)
    own = stage.names["state_machine_arn"].rpartition(":")[2]
    stage.push("v1")
    printed.until("in Deployed")
    assert printed.titles == ["guestbook:v1"]

    with machine(stage, "shop-deploy") as arn:
        stage.client("stepfunctions").start_execution(stateMachineArn=arn, input="[1]")
        printed.until("FAILED")
        stage.push("v2")
        printed.until("in Deployed", times=2)
    stage.push("v3")
    printed.until("in Deployed", times=3)

    assert printed.titles[1:] == [
        "shop-deploy: execution",
        f"{own}: guestbook:v2",
        "guestbook:v3",
    ]
    assert any("FAILED in Send" in line for line in printed)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@contextmanager
def watching(port: str) -> Iterator[subprocess.Popen[str]]:
    """`make watch` as a process; its stderr is a pipe."""
    command = [sys.executable, "-m", "examples.guestbook.watch", "--port", port]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers/rota")}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_without_a_stage_it_says_at_once_what_to_do() -> None:
    port = free_port()
    with watching(port) as process:
        assert process.stderr
        hint = f"There is no stage on http://127.0.0.1:{port}. Start one in another terminal: make stage PORT={port}\n"
        assert process.stderr.readline() == hint
        assert process.poll() is None  # it waits for the stage


@pytest.mark.exhaustive(first=0)
def test_another_program_on_the_port_is_no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with watching(str(server.server_port)) as process:
            assert process.wait(30) == 1
            assert process.stderr
            assert process.stderr.read().startswith(f"what answers on http://127.0.0.1:{server.server_port} is not a")
        server.shutdown()
