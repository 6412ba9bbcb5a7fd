"""The metric by which runs are counted, as CloudWatch reads it from the log."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.runs.metrics import count_runs
from rota.runs.model import Run, Status
from tests.guestbook import SETTINGS

DUE = datetime(2026, 3, 1, 6, tzinfo=UTC)


def run(task: str, status: Status, **more: Any) -> Run:
    return Run(task=task, scheduled_at=DUE, task_id="a", status=status, **more)


def counted(task: str, outcome: str, runs: float, **more: Any) -> dict[str, Any]:
    return {
        "app": "production/guestbook-api",
        "outcome": outcome,
        "service": "rota",
        "task": task,
        "Runs": [runs],
    } | more


def test_each_run_is_one_value_with_its_job_and_how_long_it_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Rota")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "rota")
    runs = [run("IngestData", Status.OK, seconds=7.5), run("SendMail", Status.MISSED, lacking=3)]
    count_runs(SETTINGS, [*runs, run("Index", Status.FAILED, seconds=0.0)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    dimensions = {"Dimensions": [["app", "outcome", "service"]], "Metrics": [{"Name": "Runs", "Unit": "Count"}]}
    assert [line.pop("_aws")["CloudWatchMetrics"] for line in lines] == [[{"Namespace": "Rota", **dimensions}]] * 3
    assert lines == [
        counted("IngestData", "ok", 1, seconds=7.5),
        counted("SendMail", "missed", 3),
        counted("Index", "failed", 1, seconds=0.0),
    ]
