"""`make demo`: its output, and that the README shows the same."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.printed import README, ROOT, blocks, typed

# What differs between runs: durations, the rollout's ID, the order of registered revisions.
VARIES = re.compile(r" +\d+\.\d+ s\b|ecs-svc/\d+|guestbook:\d+\b|\d min( \d+ s)?|[\da-f-]{36}")
MAIL = (
    "Subject: RemoveSpam failed: exit code 64 (production/guestbook-api) The job ended with exit code 64. "
    "First failure since v3 (c7f3e20), which went live ... before; one good run on v2 (b81d07e). "
    "Changed with it: another image and another version of the schedule file (...)."
)


def unfolded(mail: str) -> str:
    """The words of a mail, however long its lines are."""
    return VARIES.sub("...", " ".join(re.sub(r"^ *\|", "", mail, flags=re.MULTILINE).split()))


@pytest.mark.demo
def test_the_demo_prints_what_the_readme_shows() -> None:
    (deployed,) = blocks(README, "See it run")
    command, *printed = deployed.splitlines()
    ran = typed(command.removeprefix("$ "))
    assert (ran.returncode, ran.stderr) == (0, "")
    output = ran.stdout
    assert all(character == "\n" or character.isprintable() for character in output)
    assert [line for line in output.splitlines() if len(line) > 100 or line != line.rstrip()] == []

    lines, shown = ([VARIES.sub("...", line) for line in each] for each in (output.splitlines(), printed))
    begin = lines.index(shown[0])
    assert lines[begin : begin + len(shown)] == shown

    first, second, third, fourth = re.split("The (?:second|third|fourth) push", output)
    steps = re.findall(r"^  ok \w+", "\n".join(printed), re.MULTILINE)
    steps.remove("  ok ClearRules")  # at first there is no rule to disable
    assert re.findall(r"^  ok \w+", first, re.MULTILINE) == steps
    assert re.search(r"^IngestData +every day at 06:00 UTC +(\d\d \w{3} 06:00(, )?){3} ", first, re.MULTILINE)
    assert "./bin/start data_ingestion_task, exit 0\n  | No. 1, Room 7" in first
    assert re.search(r"./bin/start\sspam_task, exit 0\n  \| Removed no. 3", second)
    assert "SUCCEEDED in NothingToDo" in second

    mail, recovery = unfolded(third), unfolded(fourth)
    assert MAIL in mail
    assert "The last lines of its log: bin/start: not a task: 'spam_spam_spam_task'" in mail
    assert "roll back to v2 (b81d07e)" in mail
    assert "Subject: RemoveSpam recovered after one bad run" in recovery
    assert "It succeeds since v4 (d0e4b92); it failed on v3 (c7f3e20)." in recovery
    assert fourth.splitlines()[-1] == "docs/stage.md has a tour, docs/cli.md every command."
    assert "the board: build/board.html." in fourth
    page = (ROOT / "build/board.html").read_text()
    assert all(each in page for each in ("RemoveSpam", "d0e4b92", "Everything is as it should be"))
    incidents = re.findall(r"Incident: (\S+)", output)
    assert len(incidents) == 2
    assert len(set(incidents)) == 1


def test_ctrl_c_ends_the_demo_silently() -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process ignores it, and so would the demo
    with subprocess.Popen(
        [sys.executable, "-m", "examples.guestbook.demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout
        assert "Rota demo" in demo.stdout.readline()
        demo.send_signal(signal.SIGINT)
        assert demo.communicate(timeout=60)[1] == ""
    assert demo.returncode == 130
