"""An older version of Rota out of Git's history: its functions, in their own process, call the stage of this one."""

import io
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from rota import errors
from stage.client import ROOT
from stage.gateway.server import RequestHandler
from tests import asl
from tests.guestbook import ENVIRONMENT, REGION
from tests.in_process import FUNCTION, gateway
from tests.steps import deployments

# It reads a line for each invocation: the function's folder, its event, and the invocation's id. It answers with one.
_FUNCTIONS = """
import importlib.util, json, sys, time

time.sleep = lambda _seconds: None  # as in the tests of this version
answers, sys.stdout = sys.stdout, sys.stderr  # where the functions log

class Context:
    def __init__(self, invocation):
        self.aws_request_id = invocation
    def get_remaining_time_in_millis(self):
        return 60_000

def handler(folder):
    if folder not in sys.modules:
        spec = importlib.util.spec_from_file_location(folder, f"functions/{folder}/app.py")
        sys.modules[folder] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[folder])
    return sys.modules[folder].handler

for line in sys.stdin:
    folder, event, invocation = json.loads(line)
    try:
        said = {"answer": handler(folder)(event, Context(invocation))}
    except Exception as error:
        said = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(said), file=answers, flush=True)
"""


class OlderVersion:
    """A version of Rota to which a stack goes back, with the parameters that it has."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        self._states = json.loads((folder / "statemachine/deploy.asl.json").read_text())["States"]
        self._process = process

    @contextmanager
    def functions(self) -> Iterator[None]:
        """While the block runs, the stack has its functions. An execution that runs keeps its machine."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(deployments, "invoke", self._invoke)
            yield

    @contextmanager
    def stack(self) -> Iterator[None]:
        """While the block runs, executions begin with its machine, too."""
        with self.functions(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(asl, "STATES", self._states)
            yield

    def _invoke(self, folder: str, event: dict[str, Any], context: deployments.Context) -> dict[str, Any]:
        if not (self._process.stdin and self._process.stdout):
            raise ValueError("the process has no pipes")
        print(json.dumps([folder, event, context.aws_request_id]), file=self._process.stdin, flush=True)
        said = json.loads(self._process.stdout.readline())
        if name := said.get("error"):
            raise getattr(errors, name, type(name, (Exception,), {}))(said["message"])
        answer: dict[str, Any] = said["answer"]
        return answer


@contextmanager
def older_version(commit: str, folder: Path) -> Iterator[OlderVersion]:
    """That of the commit, which is put into the folder. The test is skipped where the history does not have it."""
    parts = ("layers", "functions", "statemachine")
    try:
        archive = subprocess.run(["git", "archive", commit, *parts], cwd=ROOT, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip(f"no Git history here that has {commit}: a copy without it, or a shallow clone")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    with _served() as endpoint, _process(folder, endpoint) as process:
        yield OlderVersion(folder, process)


@contextmanager
def _served() -> Iterator[str]:
    """The URL at which another process reaches the stage of this one."""
    server = make_server("127.0.0.1", 0, gateway(), threaded=True, request_handler=RequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _process(folder: Path, endpoint: str) -> Iterator["subprocess.Popen[str]"]:
    """A process with its functions."""
    environment = ENVIRONMENT | {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": FUNCTION,
        "AWS_SECRET_ACCESS_KEY": FUNCTION,
        "AWS_ENDPOINT_URL": endpoint,
        "POWERTOOLS_SERVICE_NAME": "rota",
        "POWERTOOLS_METRICS_NAMESPACE": "Rota",
        "PYTHONPATH": str(folder / "layers/rota"),
    }
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _FUNCTIONS]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
