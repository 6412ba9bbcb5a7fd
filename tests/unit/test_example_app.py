"""The example application: its two schedule files, its workflow and its pinned requirements."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rota.cli.main import main

ROOT = Path(__file__).parents[2]
APP = ROOT / "examples" / "app"
PAGES = "".join((ROOT / name).read_text() for name in ("README.md", "docs/schedule.md"))
SCHEDULES = ("scheduled_tasks.json", "scheduled_tasks.next.json")
MIGRATING = "scheduled_tasks.migrating.json"


@pytest.mark.parametrize("name", (*SCHEDULES, MIGRATING))
def test_the_schedule_file_is_valid_as_an_apps_ci_would_ask(name: str) -> None:
    done = CliRunner().invoke(main, ["check", str(APP / name)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("printed", re.findall(r"^```json\n(.*?)^```$", PAGES, re.MULTILINE | re.DOTALL))
def test_a_schedule_file_that_is_printed_is_valid(printed: str) -> None:
    done = CliRunner().invoke(main, ["check", "-"], input=printed)
    assert done.exit_code == 0, done.output


def test_the_second_file_keeps_moves_removes_and_adds_a_task() -> None:
    now, then = ({task["name"]: task for task in json.loads((APP / n).read_text())["tasks"]} for n in SCHEDULES)
    kept = now.keys() & then.keys()

    assert {name for name in kept if now[name] == then[name]} == {"IngestData"}
    assert {name for name in kept if now[name] != then[name]} == {"RemoveSpam"}
    assert now["RemoveSpam"]["task"] == then["RemoveSpam"]["task"]
    assert now.keys() - kept == {"CountTeaspoons"}
    assert then.keys() - kept == {"PrintDigest"}


def pins(file: Path) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==\S+", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize(("file", "needs"), [("requirements.txt", {"fastapi"}), ("requirements-test.txt", {"pytest"})])
def test_the_app_has_the_versions_that_are_tested_here(file: str, needs: set[str]) -> None:
    pinned = pins(APP / file)
    assert needs <= {pin.split("==")[0] for pin in pinned}
    assert pinned <= pins(ROOT / "requirements" / "dev.txt")


def test_the_apps_tests_run_on_what_is_deployed() -> None:
    assert pins(APP / "requirements.txt") <= pins(APP / "requirements-test.txt")


def test_the_workflow_installs_nothing_without_a_hash() -> None:
    installs = re.findall(r"pip install (.*)", (APP / ".github/workflows/deploy.yml").read_text())
    *hashed, rota = installs
    assert hashed
    assert all(re.fullmatch(r"--require-hashes -r \S+", each) for each in hashed)
    assert rota == '--no-deps --no-build-isolation "git+https://github.com/$REPOSITORY@$REF"'
    assert hashed[-1].endswith('/$REPOSITORY/$REF/requirements/rota.txt"')


def test_the_dockerfile_pins_its_base_image_by_digest() -> None:
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", (APP / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"python:3\.13\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)


def test_the_workflow_pins_each_action_to_a_commit() -> None:
    used = re.findall(r"uses: (.*)", (APP / ".github/workflows/deploy.yml").read_text())
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", each)] == []


def test_the_workflow_installs_the_versions_that_are_tested() -> None:
    assert pins(ROOT / "requirements/rota.txt") <= pins(ROOT / "requirements/dev.txt")
