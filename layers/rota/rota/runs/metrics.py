"""Counting runs: embedded metrics by app and outcome. The job is a property, which is free and can be searched."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rota.runs.model import Run

if TYPE_CHECKING:
    from rota.settings import Settings


def count_runs(settings: "Settings", runs: Iterable[Run]) -> None:
    """Count runs that have ended, and how long they ran."""
    for run in runs:
        metrics = Metrics()
        metrics.add_dimension("app", settings.app)
        metrics.add_dimension("outcome", run.status)
        metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=run.lacking)
        if run.seconds is not None:
            metrics.add_metric(name="RunDuration", unit=MetricUnit.Seconds, value=run.seconds)
        metrics.add_metadata("task", run.task)
        metrics.flush_metrics()
