"""Functions in Lambda's own runtime, in Docker: `sam local start-lambda` runs what `sam build` has built.

Unlike the stage's processes, these functions call AWS with one common key, not with their roles' credentials; their
sleeps are not scaled; and faults cannot kill them.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from werkzeug.datastructures import Headers

from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam/bin/sam"
LONGEST_START = 120.0
"""Seconds until SAM CLI listens."""
LONGEST_RUN = 900 + 120
"""Seconds: Lambda's longest timeout, and a container's start."""


class SamRuntimeError(Exception):
    """SAM CLI cannot run functions; the message says why and what to do."""


class SamRuntime:
    """A hook that answers Lambda's Invoke after `start`. `close` ends SAM CLI and its containers."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint = ""

    def start(self, environment: Mapping[str, str]) -> None:
        """Start SAM CLI, with these variables for every function, and wait until it listens. Raises SamRuntimeError."""
        if not (SAM.exists() and (ROOT / ".aws-sam/build/template.yaml").exists()):
            raise SamRuntimeError("the application is not built: make build")
        variables = self._directory / "env.json"
        variables.write_text(json.dumps({"Parameters": environment}))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command: list[str | Path] = [
            SAM,
            "local",
            "start-lambda",
            "--port",
            str(port),
            "--env-vars",
            variables,
        ]
        access = {"AWS_ACCESS_KEY_ID": "sam", "AWS_SECRET_ACCESS_KEY": "sam", "AWS_DEFAULT_REGION": "us-east-1"}
        log = (self._directory / "sam.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                start_new_session=True,  # so that Ctrl-C reaches the stage only
                env={**os.environ, **access, "SAM_CLI_TELEMETRY": "0"},
                stdout=log,
                stderr=log,
            )
        self._endpoint = f"http://127.0.0.1:{port}"
        self._await_port(port)

    def before(self, call: Call) -> Reply | None:
        """Invoke a function of a template, synchronously; the next hook answers for other functions."""
        if not self._endpoint or call.key != ("lambda", "Invoke"):
            return None
        try:
            function = lambda_backends[ACCOUNT][REGION].get_function(call.path_params["FunctionName"])
        except UnknownFunctionException:
            return None
        logical_id = getattr(function, "logical_resource_id", None)
        return self._invoke(logical_id, call.request.get_data()) if logical_id else None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""

    def close(self) -> None:
        """End SAM CLI, which stops its containers."""
        if self._process:
            self._process.terminate()
            self._process.wait()

    def _invoke(self, logical_id: str, event: bytes) -> Reply:
        url = f"{self._endpoint}/2015-03-31/functions/{logical_id}/invocations"
        with urllib.request.urlopen(urllib.request.Request(url, event), timeout=LONGEST_RUN) as response:  # noqa: S310 - http, always
            reply = Reply(200, response.read(), Headers({"Content-Type": "application/json"}))
            if error := response.headers.get("X-Amz-Function-Error"):
                reply.headers["X-Amz-Function-Error"] = error
        return reply

    def _await_port(self, port: int) -> None:
        assert self._process is not None  # noqa: S101 - it was just started
        end = time.monotonic() + LONGEST_START
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        log = (self._directory / "sam.log").read_text().strip().splitlines()[-3:]
        self.close()
        raise SamRuntimeError("sam local start-lambda does not listen: " + " ".join(log))
