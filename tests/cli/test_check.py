"""`rota check`: what it prints and how it ends."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rota.cli.main import main
from tests.printed import README, ROOT, SCHEDULES, blocks, typed

LAYER = ROOT / "layers" / "rota"
INGEST = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}


def check(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=stdin, prog_name="rota")


def schedule_file(directory: Path, *tasks: Mapping[str, object]) -> str:
    file = directory / "scheduled_tasks.json"
    file.write_text(json.dumps({"tasks": tasks}))
    return str(file)


def test_a_good_file_is_listed_with_its_next_runs(tmp_path: Path) -> None:
    done = check(schedule_file(tmp_path, INGEST, INGEST | {"name": "Off", "enabled": False, "cron": "0 22-2 * * ? *"}))
    assert (done.exit_code, done.stderr) == (0, "")
    first, ingest, runs, off = done.stdout.splitlines()
    assert (first, ingest) == (
        "OK: 2 tasks; with --rule-prefix the length of the rules' names is checked too",
        "  IngestData: every day at 06:00 UTC  cron(0 6 * * ? *)",
    )
    assert len(re.findall(r"\w{3} \d{4}-\d\d-\d\d 06:00", runs)) == 3
    assert off == "  Off: disabled  cron(0 22-2 * * ? *)"


def test_it_says_which_parameter_a_deployment_will_need(tmp_path: Path) -> None:
    """It cannot know the stack's."""
    acting = [INGEST | {"overlap": "skip"}, INGEST | {"name": "Late", "catch_up": "missed"}]
    both = check(schedule_file(tmp_path, *acting), "--rule-prefix", "shop__").stdout.splitlines()[0]
    assert both == "OK: 2 tasks; overlap and catch_up will be refused unless the stack's RunActions is both"
    one = check(schedule_file(tmp_path, acting[0]), "--rule-prefix", "shop__").stdout.splitlines()[0]
    keys: dict[str, Any] = {"tags": {"a": "1"}, "secrets": {"A": "/a"}}
    needing = check(schedule_file(tmp_path, INGEST | keys), "--rule-prefix", "shop__").stdout.splitlines()[0]
    words = "tags and secrets will be refused unless the stack's EventsRoleAllows and SecretsAllowed allow it"
    assert needing == f"OK: 1 task; {words}"
    assert one == "OK: 1 task; overlap will be refused unless the stack's RunActions is stop or both"


def test_what_runs_once_is_named_with_the_parameter_that_it_needs() -> None:
    file = {"before": {"task": "migrate", "secrets": {"A": "/a"}}, "after": {"task": "smoke"}, "tasks": [INGEST]}
    done = check("-", "--rule-prefix", "shop__", stdin=json.dumps(file).encode())
    said = "OK: 1 task, before, after; secrets will be refused unless the stack's SecretsAllowed allow it"
    assert done.stdout.splitlines()[0] == said


def test_the_rule_prefix_counts(tmp_path: Path) -> None:
    done = check(schedule_file(tmp_path, INGEST), "--rule-prefix", "p" * 60)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "tasks[0].name: the name has 10 characters and its prefix" in done.stderr


def test_every_problem_is_listed(tmp_path: Path) -> None:
    file = schedule_file(tmp_path, *(INGEST | {"name": f"Task{number}", "count": 0} for number in range(250)))
    done = check(file)
    assert done.exit_code == 1
    heading, *lines = done.stderr.splitlines()
    assert heading == f"{file}: The schedule file has 250 problems:"
    assert [line.partition(":")[0] for line in lines] == [f"tasks[{number}].count" for number in range(250)]


@pytest.mark.parametrize(
    ("quota", "status"), [(["--max-tasks", "301"], 0), ([], 1)], ids=["a raised quota", "AWS's own"]
)
def test_the_quota_of_rules_may_be_raised(quota: list[str], status: int, tmp_path: Path) -> None:
    file = schedule_file(tmp_path, *(INGEST | {"name": f"Task{number}"} for number in range(301)))
    assert check(file, *quota).exit_code == status


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.json", "{0} cannot be read: No such file or directory; name a schedule file, or - for standard input"),
        ("ok.json/x", "{0} cannot be read: Not a directory; name a schedule file, or - for standard input"),
        ("", "{0} is a directory; name the schedule file in it, such as {0}/scheduled_tasks.json"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "ok.json").write_text('{"tasks": []}')
    done = check(str(tmp_path / name))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"rota: {message.format(tmp_path / name)}\n"
    assert json.loads(check(str(tmp_path / name), "--json").stderr)["error"] == "NoFile"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.json", "--max-tasks", "-5"], "Invalid value for '--max-tasks': -5 is not in the range x>=0."),
        (["x.json", "--max-tasks", "many"], "Invalid value for '--max-tasks': 'many' is not a valid integer range."),
        (
            ["x.json", "--rule-prefix", "my shop/"],
            "Invalid value for '--rule-prefix': 'my shop/' cannot begin a rule's name; write a string of letters,",
        ),
    ],
)
def test_a_wrong_argument(arguments: list[str], message: str) -> None:
    done = check(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: rota check [OPTIONS] [FILE]\n")
    assert message in done.stderr


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    done = check("/dev/zero")
    assert done.exit_code == 1
    assert "file: has more than 1,048,576 bytes, the limit for a schedule file" in done.stderr


def test_standard_input() -> None:
    done = check("-", stdin=b'{"tasks": []}')
    assert (done.exit_code, done.stdout) == (0, "OK: 0 tasks; this removes every schedule\n")


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SystemExit, match="2"):
        main(["check", "-"])
    assert capsys.readouterr().err == "rota: standard input is closed; name a schedule file, or - for standard input\n"


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    file = schedule_file(tmp_path, *(INGEST | {"name": f"Task{number}"} for number in range(300)))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "rota", "check", file]
    done = subprocess.run(command, cwd=LAYER, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_wrong_file_through_the_module() -> None:
    command = [sys.executable, "-m", "rota", "check", "-"]
    done = subprocess.run(command, cwd=LAYER, input=b'{"tasks": [{}]}', capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"-: The schedule file has 3 problems:\ntasks[0]: does not say what to run")


def test_the_readmes_wrong_file() -> None:
    *_, block = blocks(README, "The schedule file")
    command, printed = block.split("\n", 1)
    assert typed(command.removeprefix("$ ")).stderr == printed


def test_the_wrong_file_on_the_page_of_the_schedule_file(tmp_path: Path) -> None:
    _, block = blocks(SCHEDULES, "Check it")
    command, printed = re.split(r"(?<=PREFIX=production__shop__)\n", block)
    for name in ("Makefile", "layers", "requirements", ".venv"):
        tmp_path.joinpath(name).symlink_to(ROOT / name)
    done = typed(re.sub(r"^\$ ", "", command, flags=re.MULTILINE), cwd=tmp_path)
    assert done.stderr.startswith(printed)
