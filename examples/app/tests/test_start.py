"""`bin/start` as Docker, ECS and a person call it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The Python that runs the tests is the one that bin/start finds.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def start(
    *arguments: str, called: str | Path = ROOT / "bin/start", cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [called, *arguments],
        env={**os.environ, "PATH": PATH, **variables},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the application, to add tasks to."""
    for directory in ("app", "bin"):
        shutil.copytree(ROOT / directory, tmp_path / "copy" / directory)
    return tmp_path / "copy"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["make_tea"], id="unknown"),
        pytest.param([""], id="empty"),
        pytest.param(["spam_task", "spam_task"], id="two names"),
        pytest.param(["__main__"], id="the runner itself"),
        pytest.param(["spam_task.py"], id="a file name"),
        pytest.param(["../guestbook"], id="a path"),
        pytest.param(["--help"], id="an option"),
        pytest.param(["spam_task; touch broken"], id="shell"),
        pytest.param(["$(touch broken)"], id="substitution"),
        pytest.param(["spam_task import run; open('broken', 'w') #"], id="python"),
    ],
)
def test_an_unknown_task_is_refused_with_the_known_names(arguments: list[str], tmp_path: Path) -> None:
    done = start(*arguments, cwd=tmp_path)

    assert done.returncode == os.EX_USAGE
    assert all(repr(argument) in done.stderr for argument in arguments)
    assert "data_ingestion_task, digest_task, migrate, smoke_test, spam_task, teaspoon_task" in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.rglob("broken"))
    assert not list(ROOT.rglob("broken"))


def test_a_task_runs_from_any_directory(tmp_path: Path) -> None:
    done = start("data_ingestion_task", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Ingested 4 postcards" in done.stdout


def test_a_task_runs_where_cdpath_is_set(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = start("data_ingestion_task", called="bin/start", cwd=ROOT, CDPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("link", "to", "called"),
    [
        pytest.param("guestbook", "bin/start", "guestbook", id="to the file"),
        pytest.param("bin", "bin", "bin/start", id="to its directory"),
        pytest.param("-e $(touch broken)", "bin/start", "-e $(touch broken)", id="of an odd name"),
    ],
)
def test_a_task_runs_through_a_link(link: str, to: str, called: str, tmp_path: Path) -> None:
    (tmp_path / link).symlink_to(os.path.relpath(ROOT / to, tmp_path))
    done = start("data_ingestion_task", called=f"./{called}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.rglob("broken"))


def test_every_scheduled_task_runs() -> None:
    for name in ("scheduled_tasks.json", "scheduled_tasks.next.json"):
        for task in json.loads((ROOT / name).read_text(encoding="utf-8"))["tasks"]:
            assert start(task["task"]).returncode == 0, task


def test_a_task_that_raises_exits_with_1_and_its_traceback(copy: Path) -> None:
    (copy / "app/tasks/sinking_task.py").write_text("def run() -> None:\n    raise OSError('the pier is gone')\n")
    done = start("sinking_task", called=copy / "bin/start")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("OSError: the pier is gone\n")


def test_a_task_cleans_up_on_sigterm(copy: Path) -> None:
    (copy / "app/tasks/waiting_task.py").write_text(
        "import time\n\ndef run() -> None:\n    try:\n        print('waiting', flush=True)\n"
        "        while True:\n            time.sleep(0.01)\n    finally:\n        print('tidied up')\n"
    )
    command = [str(copy / "bin" / "start"), "waiting_task"]
    with subprocess.Popen(command, env={**os.environ, "PATH": PATH}, stdout=subprocess.PIPE, text=True) as task:
        try:
            assert task.stdout
            assert task.stdout.readline() == "waiting\n"
            task.send_signal(signal.SIGTERM)
            assert task.wait(timeout=30) == 128 + signal.SIGTERM
            assert task.stdout.read() == "tidied up\n"
        finally:
            task.kill()


def test_without_a_name_the_api_answers_until_sigterm() -> None:
    environment = {**os.environ, "PATH": PATH, "PORT": "0"}  # the system picks a free port, uvicorn says which
    with subprocess.Popen([ROOT / "bin" / "start"], env=environment, stderr=subprocess.PIPE, text=True) as api:
        try:
            assert api.stderr
            lines = iter(api.stderr.readline, "")
            port = next(found[1] for line in lines if (found := re.search(r"running on http://0\.0\.0\.0:(\d+)", line)))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert "Pier Hotel" in json.load(answer)["greeting"]
            api.send_signal(signal.SIGTERM)
            assert "Finished server process" in api.stderr.read()
        finally:
            api.kill()
