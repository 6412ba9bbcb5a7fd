"""An execution environment of a function: Lambda's replies to success and to every kind of failure."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stage.client import wait_for
from stage.lambda_ import processes as starts
from stage.lambda_.sandbox import Sandbox
from tests import processes

ARN = "arn:aws:lambda:us-east-1:123456789012:function:toy"
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "toy",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/toy",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    "_HANDLER": "app.handler",
}
Start = Callable[..., Sandbox]


@pytest.fixture
def lines() -> list[str]:
    """The output of the sandbox's process."""
    return []


@pytest.fixture(scope="module")
def forks() -> Iterator[starts.Forks]:
    forks = starts.Forks()
    yield forks
    forks.close()


@pytest.fixture(params=["new", "forked"])
def start(request: pytest.FixtureRequest, tmp_path: Path, lines: list[str], forks: starts.Forks) -> Iterator[Start]:
    """Starts a sandbox of a function's source, in each of the ways in which its process may start."""
    started: list[Sandbox] = []
    way = forks if request.param == "forked" else starts.new

    def start(source: str, **environment: str) -> Sandbox:
        (tmp_path / "app.py").write_text(source)
        variables = {**ENVIRONMENT, "PYTHONPATH": str(tmp_path), **environment}
        started.append(Sandbox(tmp_path, variables, lines.append, way))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.close()


def invoke(sandbox: Sandbox, event: Any = None, timeout: float = 10) -> tuple[Any, bool]:
    outcome = sandbox.invoke(json.dumps(event).encode(), ARN, "request-1", timeout)
    return json.loads(outcome.payload), outcome.failed


def test_the_handler_gets_the_event_and_lambdas_context(start: Start) -> None:
    sandbox = start("""
def handler(event, context):
    names = ("function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb", "aws_request_id",
             "log_group_name", "log_stream_name")
    assert 9_000 < context.get_remaining_time_in_millis() <= 10_000
    return {"event": event, **{name: getattr(context, name) for name in names}}
""")
    assert invoke(sandbox, {"naïve": [1, None]}) == (
        {
            "event": {"naïve": [1, None]},
            "function_name": "toy",
            "function_version": "$LATEST",
            "invoked_function_arn": ARN,
            "memory_limit_in_mb": "128",
            "aws_request_id": "request-1",
            "log_group_name": "/aws/lambda/toy",
            "log_stream_name": "stream",
        },
        False,
    )


def test_a_warm_sandbox_keeps_its_module(start: Start) -> None:
    sandbox = start("seen = []\ndef handler(event, context):\n    seen.append(event)\n    return seen")
    assert [invoke(sandbox, n)[0] for n in range(3)] == [[0], [0, 1], [0, 1, 2]]


def test_an_exception_is_returned_with_class_and_trace(start: Start, lines: list[str]) -> None:
    sandbox = start("class TransientError(Exception): ...\ndef handler(event, context): raise TransientError('soon')")
    payload, failed = invoke(sandbox)
    assert failed
    assert (payload["errorType"], payload["errorMessage"], payload["requestId"]) == (
        "TransientError", "soon", "request-1",
    )  # fmt: skip
    assert "app.py" in payload["stackTrace"][0]
    assert "in handler" in payload["stackTrace"][0]
    assert lines[0] == "[ERROR] TransientError: soon"
    assert invoke(sandbox)[1]  # it serves further invocations


@pytest.mark.exhaustive(every=2)  # each error in one of the two ways
@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        pytest.param("import no_such_module", "Runtime.ImportModuleError",
                     "Unable to import module 'app': No module named 'no_such_module'", id="an import that fails"),
        pytest.param("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'", id="no Python"),
        pytest.param("x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'", id="no handler"),
        pytest.param("1 / 0", "ZeroDivisionError", "division by zero", id="a module that raises"),
        pytest.param("def handler(e, c): return {1, 2}", "Runtime.MarshalError",
                     "Unable to marshal response: Object of type set is not JSON serializable", id="no JSON"),
        pytest.param("import os\ndef handler(e, c): os._exit(3)", "Runtime.ExitError",
                     "RequestId: request-1 Error: Runtime exited with error: exit status 3", id="an exit"),
        pytest.param("import sys\ndef handler(e, c): sys.exit(0)", "Runtime.ExitError",
                     "RequestId: request-1 Error: Runtime exited without providing a reason", id="an exit with 0"),
        pytest.param("import os\nos._exit(1)", "Runtime.ExitError",
                     "RequestId: request-1 Error: Runtime exited with error: exit status 1", id="an exit on import"),
        pytest.param("import os\ndef handler(e, c): os.kill(os.getpid(), 9)", "Runtime.ExitError",
                     "RequestId: request-1 Error: Runtime exited with error: signal: killed", id="a signal"),
    ],
)  # fmt: skip
def test_errors_of_lambda_itself(start: Start, source: str, error_type: str, message: str) -> None:
    payload, failed = invoke(start(source))
    assert failed
    assert payload["errorType"] == error_type
    assert payload["errorMessage"].startswith(message)


def test_a_timeout_kills_the_function_and_its_children(start: Start, tmp_path: Path) -> None:
    sandbox = start(f"""
import pathlib, subprocess, time
child = subprocess.Popen(["sleep", "600"])
pathlib.Path("{tmp_path}/child").write_text(str(child.pid))
def handler(event, context):
    time.sleep(600)
""")
    payload, failed = invoke(sandbox, timeout=0.5)
    assert failed
    assert payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: request-1 Error: Task timed out after 0.50 seconds",
    }
    child = int((tmp_path / "child").read_text())
    assert wait_for(lambda: not processes.alive(child), 5)
    assert wait_for(lambda: not sandbox.alive, 5)


def test_a_function_can_be_killed_during_an_invocation(start: Start, tmp_path: Path) -> None:
    sandbox = start(f"""
import pathlib, time
def handler(event, context):
    pathlib.Path("{tmp_path}/begun").touch()
    time.sleep(600)
""")
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(invoke(sandbox)))
    thread.start()
    wait_for((tmp_path / "begun").exists, 10)
    sandbox.kill()
    thread.join(5)
    assert outcomes[0][0]["errorType"] == "Runtime.ExitError"


def test_all_output_is_logged_in_order_before_the_reply(start: Start, lines: list[str]) -> None:
    sandbox = start("""
import logging, sys
def handler(event, context):
    print("one")
    print("two", file=sys.stderr)
    logging.getLogger("x").warning("three")
    sys.stdout.write("four, without an end")
""")
    invoke(sandbox)
    assert lines[:2] == ["one", "two"]
    assert lines[2].startswith("[WARNING]\t")
    assert lines[2].endswith("\tthree")
    assert lines[3] == "four, without an end"


def test_the_reply_waits_for_the_log(tmp_path: Path) -> None:
    lines: list[str] = []

    def slow_log(line: str) -> None:
        time.sleep(0.005)
        lines.append(line)

    (tmp_path / "app.py").write_text("def handler(event, context):\n    for n in range(50): print(n)")
    sandbox = Sandbox(tmp_path, {**ENVIRONMENT, "PYTHONPATH": str(tmp_path)}, slow_log)
    invoke(sandbox)
    assert lines == [str(n) for n in range(50)]
    sandbox.close()


def test_a_function_does_not_see_the_stages_environment(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    sandbox = start("""
import os, sys
def handler(event, context):
    return {"names": sorted({*os.environ} - {"LC_CTYPE"}), "stdin": sys.stdin.read(),
            "stage": "stage" in sys.modules or any(p.endswith("/stage") for p in sys.path)}
""")
    names = sorted([*ENVIRONMENT, "PYTHONPATH"])
    assert invoke(sandbox)[0] == {"names": names, "stdin": "", "stage": False}


def test_forks_share_nothing_that_one_of_them_changes(start: Start) -> None:
    source = """
import os, random, botocore.config
draws = random.random()
def handler(event, context):
    before, botocore.config.seen = hasattr(botocore.config, "seen"), True
    return [before, os.getpid(), os.getsid(0), draws]
"""
    (seen, pid, session, draws), (also_seen, other, other_session, others) = (
        invoke(start(source))[0] for _ in range(2)
    )
    assert (seen, also_seen) == (False, False)
    assert (session, other_session) == (pid, other)
    assert draws != others


@pytest.mark.parametrize("way", ["processes.new", "processes.Forks()"])
def test_a_sandbox_ends_with_the_stage_also_during_a_handler(tmp_path: Path, way: str) -> None:
    (tmp_path / "app.py").write_text(f"""
import os, pathlib, time
def handler(event, context):
    pathlib.Path("{tmp_path}/pid.part").write_text(str(os.getpid()))
    os.rename("{tmp_path}/pid.part", "{tmp_path}/pid")
    while True: time.sleep(0.01)
""")
    environment = {**ENVIRONMENT, "PYTHONPATH": str(tmp_path)}
    stage = subprocess.Popen([
        sys.executable, "-c",
        "import pathlib; from stage.lambda_ import processes; from stage.lambda_.sandbox import Sandbox; "
        f"sandbox = Sandbox(pathlib.Path({str(tmp_path)!r}), {environment!r}, print, {way}); "
        f"sandbox.invoke(b'{{}}', {ARN!r}, 'request-1', 600)",
    ])  # fmt: skip
    pid = int(str(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 10)))
    assert processes.alive(pid)

    stage.kill()
    stage.wait()

    assert wait_for(lambda: not processes.alive(pid), 5)


def test_sleeps_are_scaled_and_the_clock_advances(start: Start) -> None:
    sandbox = start("""
import time
def handler(event, context):
    begun = time.monotonic()
    time.sleep(3000)
    return time.monotonic() - begun
""")
    outcome = sandbox.invoke(b"null", ARN, "request-1", 5, time_scale=0.00001)
    assert 3000 <= json.loads(outcome.payload) < 3005
