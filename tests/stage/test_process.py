"""`python -m stage` as a process: how it begins, and what is left when it ends."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from stage.client import ROOT, Client, StageError, running, wait_for
from tests.stage.toys import ask


def test_a_busy_port_is_told_in_one_line(stage: Client) -> None:
    port = stage.endpoint.rpartition(":")[2]
    began = subprocess.run(
        [sys.executable, "-m", "stage"],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )
    assert began.returncode == 1
    assert began.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in began.stderr


def test_a_stage_is_not_ready_before_it_says_so_and_leaves_nothing_behind_when_it_is_told_to_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "stage", "--port", port]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        client = Client(f"http://127.0.0.1:{port}")
        assert wait_for(lambda: answered(client.endpoint), 60) == (503, "the stage is not ready yet")
        assert client.endpoint in process.stdout.readline()
        assert ask(client.endpoint, "GET", "/_stage/") == (200, "")
        client.push("v1")
        wait_for(lambda: workers_of(process.pid), 30)
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert wait_for(lambda: not any(alive(worker) for worker in workers), 30)


def answered(endpoint: str) -> tuple[int, str] | None:
    try:
        return ask(endpoint, "GET", "/_stage/")
    except ConnectionError:
        return None


def test_a_stage_that_cannot_begin_says_so() -> None:
    with pytest.raises(StageError, match="did not become ready"), running("--template", "no-such-template.yaml"):
        pass


def workers_of(stage: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(pid) for parent, pid in pairs if int(parent) == stage]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
