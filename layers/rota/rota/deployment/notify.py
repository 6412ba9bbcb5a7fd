"""Publishing how a deployment ended: an event on the bus, from which the topic's messages come, and metrics."""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rota.aws import clients
from rota.aws.errors import error_from_code
from rota.contract import Execution
from rota.deployment.ledger import Entry

if TYPE_CHECKING:
    from rota.settings import Settings

# An event has at most 256 KB, and a cause is in it twice. JSON in UTF-8 has up to six bytes for a character.
_LONGEST_NEWS = 8_000


def notify(settings: "Settings", execution: Execution, entry: Entry) -> None:
    """Put the event `Rota Deployment` on the default bus, and count the outcome.

    It is published at least once and normally once; its `id` is the execution's ARN, by which a consumer finds
    duplicates. Raises TransientError or RejectedError if the bus did not take it.
    """
    seconds = (datetime.now(UTC) - execution.started_at).total_seconds()
    detail = {
        "id": execution.id,
        "app": settings.app,
        "execution": execution.id,
        "seconds": round(seconds, 1),
        **entry.model_dump(mode="json"),
        "pushed": " ".join(filter(None, (entry.image.tag, entry.image.digest))) if entry.image else "none",
        "news": _plain(_released(entry) + (entry.cause or entry.summary)),
    }
    reply = clients.events().put_events(
        Entries=[{"Source": "rota", "DetailType": "Rota Deployment", "Detail": json.dumps(detail, ensure_ascii=False)}]
    )
    if reply["FailedEntryCount"]:
        refused = reply["Entries"][0]
        raise error_from_code("PutEvents", refused.get("ErrorCode", ""), refused.get("ErrorMessage", ""))
    metrics = Metrics()
    metrics.add_dimension("app", settings.app)
    metrics.add_dimension("outcome", entry.outcome)
    metrics.add_metric(name="Deployments", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="Duration", unit=MetricUnit.Seconds, value=seconds)
    if entry.tasks is not None:
        metrics.add_metric(name="Tasks", unit=MetricUnit.Count, value=entry.tasks)
    metrics.flush_metrics()


def _released(entry: Entry) -> str:
    return f"Release v{entry.release}. " if entry.release else ""


def _plain(text: str) -> str:
    """On one line and without what JSON escapes, which EventBridge does not when it fills in the topic's template."""
    line = re.sub(r"[\x00-\x1f]", " ", " | ".join(filter(None, text.splitlines())))
    line = re.sub(r'\\?"', "'", line).replace("\\", "/")
    return line if len(line) <= _LONGEST_NEWS else f"{line[:_LONGEST_NEWS]}... The execution's cause has the rest."
