"""`python -m bench.cold`: how long each function takes to start, on this machine and in Lambda's image in Docker.

Writes docs/cold-starts.md. Without Docker, or before `make build`, it measures the first only and prints that.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import cold_report as report
from bench import one_start
from examples.guestbook.client import Client, running
from rota.contract.steps import STEPS

ROOT = Path(__file__).parents[1]
IMAGE = "public.ecr.aws/lambda/python:3.13"
LAYER = ROOT / ".aws-sam/build/RotaLayer"
PROGRAM = Path(one_start.__file__)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "me", "AWS_DEFAULT_REGION": "us-east-1"}
ON_HOST, IN_DOCKER = 5, 3
"""How often each start is measured; the median counts."""
_STEPS = [step.name for step in STEPS]
_ENDS_WITH = {"Approve": "RejectedError"}
"""Errors, by function. In the example nothing waits for an approval."""
PLAIN = "boto3 + pydantic + Powertools"


@dataclass(frozen=True)
class Function:
    """What is started: `directory` is what Lambda would find in /var/task."""

    name: str
    module: str
    clients: str
    directory: Path

    def event(self, stage: Client) -> dict[str, Any]:
        if self.name == PLAIN:
            return {"table": stage.names["outputs"]["LedgerTableName"]}
        event: dict[str, Any] = json.loads((ROOT / f"events/{self.directory.name}.json").read_text())
        return event

    def request(self, stage: Client) -> str:
        request = {"module": self.module, "clients": self.clients, "event": self.event(stage)}
        return json.dumps(request | {"ends_with": _ENDS_WITH.get(self.name)})


FUNCTIONS = [
    *(Function(name, "app", "rota.aws.clients", ROOT / "functions" / report.snake(name)) for name in report.FUNCTIONS),
    Function(PLAIN, "plain", "plain", ROOT / "bench"),
]

Start = Callable[[Function, Mapping[str, str], str], dict[str, float]]
"""Start a function in an environment with a request: seconds and MiB."""


def main() -> int:
    with running("--host", "0.0.0.0") as stage:  # noqa: S104 - containers are not on the loopback interface
        here = {each.name: _measured(stage, each, _on_host, ON_HOST) for each in FUNCTIONS}
        sizes: dict[int, dict[str, report.Took]] = {}
        with _layer_with_bytecode() as layer:
            for start, size in [(_in_docker(layer, size), size) for size in report.SIZES] if layer else []:
                sizes[size] = {each.name: _measured(stage, each, start, IN_DOCKER) for each in FUNCTIONS[:-1]}
    page = report.page(here, sizes)
    if sizes:
        report.PAGE.write_text(page)
    sys.stdout.write(f"written: {report.PAGE.relative_to(ROOT)}\n" if sizes else page)
    return 0


def _measured(stage: Client, function: Function, start: Start, times: int) -> report.Took:
    """The median of each figure; before every start the stage is as a step finds it, for others as before a push."""
    sys.stdout.write(f"{function.name} ...\n")
    found = []
    for _ in range(times):
        environment = stage.before(function.name if function.name in _STEPS else _STEPS[0])["Parameters"]
        found.append(start(function, environment, function.request(stage)))
    return report.Took(**{key: statistics.median(each[key] for each in found) for key in found[0]})


def _on_host(function: Function, environment: Mapping[str, str], request: str) -> dict[str, float]:
    path = os.pathsep.join([str(function.directory), str(ROOT / "layers/rota")])
    endpoint = environment["AWS_ENDPOINT_URL"].replace("host.docker.internal", "127.0.0.1")
    return _run(
        [sys.executable, "-P", PROGRAM],
        {**environment, **CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": path},
        request,
    )


def _in_docker(layer: Path, megabytes: int) -> Start:
    """Lambda's own image with the built layer, and as much of a CPU as Lambda gives to so much memory."""

    def start(function: Function, environment: Mapping[str, str], request: str) -> dict[str, float]:
        variables = {**environment, **CREDENTIALS, "PYTHONPATH": "/var/task:/opt/python"}
        return _run(
            [
                *("docker", "run", "--rm", "-i", "--cpus", f"{megabytes / report.MB_OF_A_CPU:.3f}"),
                *("--add-host", "host.docker.internal:host-gateway", "--entrypoint", "python3"),
                *(
                    "-v",
                    f"{function.directory}:/var/task:ro",
                    "-v",
                    f"{layer}:/opt:ro",
                    "-v",
                    f"{PROGRAM}:/start.py:ro",
                ),
                *(word for name, value in variables.items() for word in ("-e", f"{name}={value}")),
                *(IMAGE, "-P", "/start.py"),
            ],
            dict(os.environ),
            request,
        )

    return start


def _run(command: Sequence[str | Path], environment: Mapping[str, str], request: str) -> dict[str, float]:
    ran = subprocess.run(command, input=request, env=environment, capture_output=True, text=True, check=True)
    took: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return took


@contextmanager
def _layer_with_bytecode() -> Iterator[Path | None]:
    """A copy of the built layer with Python 3.13's bytecode in it, whether `sam build` found a Python 3.13 or not.

    None where there is no layer or no Docker.
    """
    docker = shutil.which("docker")
    if (
        not docker
        or not LAYER.exists()
        or subprocess.run([docker, "info"], check=False, capture_output=True).returncode
    ):
        sys.stdout.write("Lambda's image is left out: it needs Docker and what `make build` builds.\n")
        yield None
        return
    with tempfile.TemporaryDirectory() as directory:
        layer = Path(directory) / "layer"
        shutil.copytree(LAYER, layer)
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/python"]
        volume = f"{layer}:/opt"
        subprocess.run([docker, "run", "--rm", "-v", volume, "--entrypoint", "python3", IMAGE, *compiling], check=True)
        yield layer


if __name__ == "__main__":
    sys.exit(main())
