"""`rota check`: what it prints and how it ends."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rota.cli.check import main
from tests.printed import README, ROOT, blocks, typed

LAYER = Path(__file__).parents[2] / "layers" / "rota"
INGEST = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}


def test_a_right_file_is_listed_with_its_next_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text(
        json.dumps({"tasks": [INGEST, INGEST | {"name": "Off", "enabled": False, "cron": "0 22-2 * * ? *"}]})
    )
    assert main([str(file)]) == 0
    first, ingest, runs, off = capsys.readouterr().out.splitlines()
    assert (first, ingest) == (
        "OK: 2 tasks; with --rule-prefix the length of the rules' names is checked too",
        "  IngestData: every day at 06:00 UTC  cron(0 6 * * ? *)",
    )
    assert len(re.findall(r"\w{3} \d{4}-\d\d-\d\d 06:00", runs)) == 3
    assert off == "  Off: disabled  cron(0 22-2 * * ? *)"


def test_the_rule_prefix_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text(json.dumps({"tasks": [INGEST]}))
    assert main([str(file), "--rule-prefix", "p" * 60]) == 1
    assert "tasks[0].name: the name has 10 characters and its prefix" in capsys.readouterr().err


def test_a_terminal_has_room_for_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text(json.dumps({"tasks": [INGEST | {"name": f"Task{number}", "count": 0} for number in range(250)]}))
    assert main([str(file)]) == 1
    heading, *lines = capsys.readouterr().err.splitlines()
    assert heading == f"{file}: The schedule file has 250 faults:"
    assert [line.partition(":")[0] for line in lines] == [f"tasks[{number}].count" for number in range(250)]


@pytest.mark.parametrize(
    ("room", "status"), [(["--max-tasks", "301"], 0), ([], 1)], ids=["a raised quota", "AWS's own"]
)
def test_a_bus_may_have_more_room(room: list[str], status: int, tmp_path: Path) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text(json.dumps({"tasks": [INGEST | {"name": f"Task{number}"} for number in range(301)]}))
    assert main([str(file), *room]) == status


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.json", "{0} cannot be read: No such file or directory; name a schedule file, or - for standard input"),
        ("ok.json/x", "{0} cannot be read: Not a directory; name a schedule file, or - for standard input"),
        ("", "{0} is a directory; name the schedule file in it, such as {0}/scheduled_tasks.json"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ok.json").write_text('{"tasks": []}')
    assert main([str(tmp_path / name)]) == 2
    assert capsys.readouterr().err == says.format(tmp_path / name) + "\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a schedule file, or - for standard input"),
        ([""], "name a schedule file, or - for standard input"),
        (["x.json", "--max-tasks", "-5"], "argument --max-tasks: '-5' is not a whole number from 0"),
        (["x.json", "--max-tasks", "many"], "argument --max-tasks: 'many' is not a whole number from 0"),
        (
            ["x.json", "--rule-prefix", "my shop/"],
            "argument --rule-prefix: 'my shop/' cannot begin a rule's name; write",
        ),
    ],
)
def test_a_wrong_argument(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert says in capsys.readouterr().err


def test_a_file_without_an_end_is_not_read_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/dev/zero"]) == 1
    assert "file: is longer than 1,048,576 bytes, which is the most for a schedule file" in capsys.readouterr().err


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"tasks": []}')))
    assert main(["-"]) == 0
    assert capsys.readouterr().out == "OK: 0 tasks; this removes every schedule\n"


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert main(["-"]) == 2
    assert capsys.readouterr().err == "standard input is closed; name a schedule file, or - for standard input\n"


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text(json.dumps({"tasks": [INGEST | {"name": f"Task{number}"} for number in range(300)]}))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "rota.cli.check", str(file)]
    done = subprocess.run(command, cwd=LAYER, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_wrong_file_through_the_module() -> None:
    command = [sys.executable, "-m", "rota.cli.check", "-"]
    done = subprocess.run(command, cwd=LAYER, input=b'{"tasks": [{}]}', capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"-: The schedule file has 3 faults:\ntasks[0]: does not say what to run")


def test_the_readmes_wrong_file(tmp_path: Path) -> None:
    *_, block = blocks(README, "The schedule file")
    command, printed = re.split(r"(?<=PREFIX=production__shop__)\n", block)
    for name in ("Makefile", "layers", "requirements", ".venv"):
        tmp_path.joinpath(name).symlink_to(ROOT / name)
    done = typed(re.sub(r"^\$ ", "", command, flags=re.MULTILINE), cwd=tmp_path)
    assert done.stderr.startswith(printed)
