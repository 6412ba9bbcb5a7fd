"""Counting runs: an embedded metric by app and outcome, which costs for the hours in which it has a value. The job and
how long it ran are properties, which are free and can be searched.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rota.runs.model import Run

if TYPE_CHECKING:
    from rota.settings import Settings


def count_runs(settings: "Settings", runs: Iterable[Run]) -> None:
    """Count runs that have ended."""
    for run in runs:
        metrics = Metrics()
        metrics.add_dimension("app", settings.app)
        metrics.add_dimension("outcome", run.status)
        metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=run.lacking)
        metrics.add_metadata("task", run.task)
        if run.seconds is not None:
            metrics.add_metadata("seconds", run.seconds)
        metrics.flush_metrics()
