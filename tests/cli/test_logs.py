"""A log as `rota logs` shows it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rota.cli.logs.deployment import _step, _text
from rota.cli.logs.runs import _run_of_task
from rota.cli.logs.task_log import Masked
from rota.runs.event import task_change
from tests.run_events import detail

KEY = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA", "-----END RSA PRIVATE KEY-----"]


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        (["Ingested 4 postcards\n"], ["Ingested 4 postcards"]),
        (["password=hunter22", "db is hunter33"], ["password=***", "db is ***"]),
        ([*KEY, "well"], ["***", "***", "***", "well"]),
        (["\x1b[31mred\x1b[0m\x07"], ["red"]),
    ],
    ids=["plain", "a secret by its name, and a known one", "a key on three lines", "control characters"],
)
def test_lines_are_masked(logged: list[str], shown: list[str]) -> None:
    masked = Masked(["hunter33"])
    assert [masked.line(0, each).message for each in logged] == shown


def test_a_functions_line_is_short() -> None:
    stream = "2026/11/30/rota-CreateTargetsFunction-1ABC[$LATEST]0f1e"
    line = Masked().line(
        0, '{"level":"WARNING","message":"slow","service":"rota","execution":"e","answer":{"written":3}}'
    )
    assert _text(_step(stream), line, utc=True) == '00:00:00 CreateTargets     WARNING slow  answer {"written": 3}'
    assert _text(_step("2026/11/30/[$LATEST]0f1e"), Masked().line(0, "START"), utc=True).split() == [
        "00:00:00",
        "START",
    ]


DUE = datetime(2026, 11, 29, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("task", "due", "status", "exit_code"),
    [
        (detail(scheduled_at=DUE, startedBy="rota-run/ana", exit_code=3), DUE, "failed", 3),
        (detail(startedBy="rota-run/ana"), None, "ok", 0),
        (detail("RUNNING", scheduled_at=DUE, exit_code=None), DUE, "running", None),
        (detail(task=None), None, None, 0),
    ],
    ids=["a repeat", "by hand", "it runs", "no job's"],
)
def test_a_run_that_ecs_still_knows(
    task: dict[str, Any], due: datetime | None, status: str | None, exit_code: int | None
) -> None:
    run = _run_of_task("app", task_change(task))
    assert (run.due, run.status, run.exit) == (due, status, exit_code)
