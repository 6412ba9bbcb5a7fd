"""`python -m stage` as a process: its start, its end, and its errors."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.guestbook.client import Client
from stage.client import ROOT, StageError, wait_for
from stage.process import running
from tests import processes
from tests.stage.toys import ask


def test_a_taken_port_is_reported_in_one_line(stage: Client) -> None:
    port = stage.endpoint.rpartition(":")[2]
    began = subprocess.run(
        [sys.executable, "-m", "stage", "--scenario", "examples.guestbook"],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )
    assert began.returncode == 1
    assert began.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in began.stderr


# A user's settings for the real AWS, which must not be used for a stage on this machine.
OF_THE_USER = {"AWS_PROFILE": "work", "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


@pytest.mark.exhaustive(first=0)
def test_a_stage_and_its_watch_in_two_terminals() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "stage", "--scenario", "examples.guestbook", "--port", port]
    users = {**os.environ, **OF_THE_USER, "PYTHONUNBUFFERED": "1"}
    with (
        subprocess.Popen(
            [sys.executable, "-m", "examples.guestbook.watch", "--port", port],
            cwd=ROOT,
            env=users,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as watch,
        subprocess.Popen(
            command, cwd=ROOT, env=users, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
        ExitStack() as ends,  # a failed assertion must end both processes
    ):
        ends.callback(process.kill)
        ends.callback(watch.kill)
        assert watch.stdout
        assert process.stdout
        assert process.stderr
        client = Client(f"http://127.0.0.1:{port}")
        assert wait_for(lambda: answered(client.endpoint), 60) == (503, "the stage is not ready yet")
        assert client.endpoint in process.stdout.readline()
        assert ask(client.endpoint, "GET", "/_stage/") == (200, "")
        assert any("Watching" in line for line in iter(watch.stdout.readline, ""))
        client.push("v1")
        lines = [watch.stdout.readline() for _ in range(4)]
        assert "guestbook:v1 at" in lines[1]
        assert "execution " in lines[2]
        assert "ok TakeTurn" in lines[3]
        workers = processes.children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
        assert watch.stdout.read().endswith("\nThe stage has ended.\n")
        assert watch.wait(30) == 0
    assert workers
    assert wait_for(lambda: not any(map(processes.alive, workers)), 30)


THREADS = Path("/proc/self/task")


@pytest.mark.exhaustive(first=0)
@pytest.mark.skipif(not THREADS.exists(), reason="threads are listed by Linux only")
def test_a_signal_to_any_thread_ends_the_stage() -> None:
    with subprocess.Popen([sys.executable, "-m", "stage", "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert b"The stage is ready" in process.stdout.readline()
        others = {int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()} - {process.pid}
        ctypes.CDLL(None).tgkill(process.pid, min(others), signal.SIGTERM)
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()


def answered(endpoint: str) -> tuple[int, str] | None:
    try:
        return ask(endpoint, "GET", "/_stage/")
    except ConnectionError:
        return None


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--template", "none.yaml"], "there is no template none.yaml", id="no template"),
        pytest.param(
            ["--scenario", "none"], "stage: cannot load the scenario none: No module named 'none'", id="no scenario"
        ),
        pytest.param(["--scenario", "tests.stage.limits"], "stage: cannot load the scenario", id="another package"),
    ],
)
def test_a_stage_that_cannot_start_says_why(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StageError, match="did not become ready"), running(*arguments):
        pass
    assert says in capfd.readouterr().err


@pytest.mark.exhaustive(first=0)
def test_without_a_scenario_the_account_is_empty() -> None:
    with running() as empty:
        assert empty.describe() == {"region": "us-east-1", "parameters": {}, "outputs": {}}
        assert empty.client("events").list_rules()["Rules"] == []
        with pytest.raises(StageError, match="the stage deployed nothing itself"):
            empty.reset()
        with pytest.raises(StageError, match="the stage deployed nothing itself"):
            empty.before("AnyStep")
        empty.watch({})
        empty.client("events").put_rule(Name="any", ScheduleExpression="rate(1 day)")
        assert empty.watched() == {"checks": 1, "violations": []}
