"""The example app's image: it builds, serves the API, runs a task and refuses an unknown one."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "examples/app"
IMAGE = "rota-guestbook:test"
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

pytestmark = pytest.mark.docker


def docker(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def image() -> str:
    if shutil.which("docker") is None or docker("info").returncode != 0:
        pytest.skip("no Docker engine answers")
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", (APP / "Dockerfile").read_text(), re.MULTILINE)
    if docker("pull", "-q", base).returncode != 0:  # no registry is reached: what the machine has instead
        base = "python:3.13-slim"
    if (
        HOST_CERTIFICATES.exists()
    ):  # behind a proxy that signs for others, pip in the build must trust what the host does
        trusting = "rota-python-trusting-the-host"
        built = docker(
            "build", "-q", "-t", trusting, "-f", "-", str(HOST_CERTIFICATES.parent),
            stdin=f"FROM {base}\nCOPY {HOST_CERTIFICATES.name} {HOST_CERTIFICATES}\n",
        )  # fmt: skip
        assert built.returncode == 0, built.stderr
        base = trusting
    built = docker("build", "-q", "--build-arg", f"PYTHON_IMAGE={base}", "-t", IMAGE, str(APP))
    assert built.returncode == 0, built.stderr
    return IMAGE


@pytest.fixture
def api(image: str) -> Iterator[str]:
    started = docker("run", "-d", "-P", image)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        yield "http://" + docker("port", container, "8000/tcp").stdout.split()[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - as docker prints it
    finally:
        docker("rm", "-f", container)


def answer(url: str) -> dict[str, object]:
    """The API's JSON, as soon as it listens."""
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - http, always
                found: dict[str, object] = json.loads(response.read())
                return found
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_without_an_argument_the_container_serves_the_api(api: str) -> None:
    assert "Welcome" in str(answer(api)["greeting"])


def test_with_a_task_the_container_runs_it_and_ends_well(image: str) -> None:
    ran = docker("run", "--rm", image, "./bin/start", "data_ingestion_task")
    assert ran.returncode == 0, ran.stderr
    assert "Ingested 4 postcards" in ran.stdout


def test_an_unknown_task_is_refused_with_the_known_names(image: str) -> None:
    ran = docker("run", "--rm", image, "./bin/start", "make_tea; rm -rf /")
    assert ran.returncode == 64
    assert "spam_task" in ran.stderr
