"""What the board does: the command that it runs, and what is said of it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from rota.board.answer import NotShownError
from rota.cli.board import writes

ERROR = {"message": "there is no job", "details": "A\nB", "todo": "rota next lists them"}
REFUSED: dict[str, tuple[str, list[str]]] = {
    "its error": (json.dumps(ERROR), ["there is no job", "A\nB", "rota next lists them"]),
    "without details": (json.dumps(ERROR | {"details": ""}), ["there is no job", "rota next lists them"]),
    "after other lines": (f"a remark\n\n{json.dumps(ERROR)}\n", ["there is no job", "A\nB", "rota next lists them"]),
    "another error": (f"{'x' * 500}\n", ["x" * 400]),
    "other JSON": ('{"message": "a"}', ['{"message": "a"}']),
    "a list": ("[1]", ["[1]"]),
    "nothing": ("", [""]),
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How the process ended, and then how it was called; none is started."""
    process: dict[str, Any] = {"code": 0, "stderr": "", "slow": False}

    def run(call: list[str], **how: Any) -> "subprocess.CompletedProcess[str]":
        process["call"], process["how"] = call, how
        if process["slow"]:
            raise subprocess.TimeoutExpired(call, how["timeout"])
        return subprocess.CompletedProcess(call, process["code"], "", process["stderr"])

    monkeypatch.setattr("subprocess.run", run)
    return process


def test_the_command_is_run_as_if_it_was_typed(ran: dict[str, Any]) -> None:
    fields = {"reason": "it's late", "for": ""}
    assert writes.do("pause", "Send", fields, " --stack 'a b'") == (
        """Started: rota pause Send --stack 'a b' --reason 'it'"'"'s late'"""
    )
    typed = ["pause", "--stack", "a b", "--json", "--reason=it's late", "--yes", "--no-wait", "Send"]
    assert ran["call"] == [sys.executable, "-P", "-m", "rota", *typed]
    assert ran["how"] == {"capture_output": True, "text": True, "timeout": 120, "check": False}


@pytest.mark.parametrize(("stderr", "lines"), REFUSED.values(), ids=REFUSED)
def test_what_the_command_refuses_is_said_with_its_line(ran: dict[str, Any], stderr: str, lines: list[str]) -> None:
    ran |= {"code": 4, "stderr": stderr}
    with pytest.raises(NotShownError) as refused:
        writes.do("pause", "Send", {"for": "4h"}, " --stack rota")
    shown = "rota pause Send --stack rota --for 4h"
    assert (refused.value.title, refused.value.lines) == ("It was not done", [*lines, shown])


def test_a_command_that_does_not_end_is_left_alone(ran: dict[str, Any]) -> None:
    ran["slow"] = True
    with pytest.raises(NotShownError) as refused:
        writes.do("stop", "push-8", {}, "")
    said = ["After 120 s it was left alone.", "rota restore push-8"]
    assert (refused.value.title, refused.value.lines) == ("The command has not ended", said)
