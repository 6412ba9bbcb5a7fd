"""Publishing how a deployment ended: an event on the bus, from which the mails come; metrics; and the chat.

The mail is written by EventBridge: OutcomeRule in template.yaml has its text. `what` has ended is in its first line;
`news`, the second, is the cause or the summary.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rota.contract.deployment import Execution
from rota.deployment.ledger import Entry
from rota.notifications.events import put_events

if TYPE_CHECKING:
    from rota.settings import Settings

# An event has at most 256 KB, and a cause is in it twice. JSON in UTF-8 has up to six bytes for a character.
_LONGEST_NEWS = 8_000


def notify(settings: "Settings", execution: Execution, entry: Entry) -> None:
    """Put the event `Rota Deployment` on the default bus, count the outcome, and notify the chat if there is one.

    It is published at least once and normally once; its `id` is the execution's ARN, by which a consumer finds
    duplicates. Raises TransientError or RejectedError if the bus did not take it.
    """
    seconds = (datetime.now(UTC) - execution.started_at).total_seconds()
    detail = {
        "id": execution.id,
        "app": settings.app,
        "execution": execution.id,
        "seconds": round(seconds, 1),
        **entry.model_dump(mode="json", exclude={"origin", "paused", "until"}),
        **_started(entry),
        "pushed": " ".join(filter(None, (entry.image.tag, entry.image.digest))) if entry.image else "none",
        "what": entry.noun,
        "news": _plain(_released(entry) + (entry.cause or entry.summary)),
    }
    put_events("Rota Deployment", [detail])
    metrics = Metrics()
    metrics.add_dimension("app", settings.app)
    metrics.add_dimension("outcome", entry.outcome)
    metrics.add_metric(name="Deployments", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="Duration", unit=MetricUnit.Seconds, value=seconds)
    if entry.tasks is not None:
        metrics.add_metric(name="Tasks", unit=MetricUnit.Count, value=entry.tasks)
    metrics.flush_metrics()
    if settings.chat_topic_arn:
        # Here, because most apps have no chat, and each module costs a cold start.
        from rota.deployment.outcome_message import outcome_message  # noqa: PLC0415
        from rota.notifications.send import send_chat  # noqa: PLC0415

        send_chat(settings.chat_topic_arn, outcome_message(settings.app, execution, entry, seconds))


def _started(entry: Entry) -> dict[str, str | None]:
    """Who started it and why, each separately and all in a line for the mail."""
    origin = entry.origin
    if origin is None:
        return {"kind": None, "by": "", "reason": "", "started": "unknown"}
    return {
        "kind": origin.kind and str(origin.kind),
        "by": origin.by,
        "reason": origin.reason,
        "started": _plain(str(origin)),
    }


def _released(entry: Entry) -> str:
    return f"Release v{entry.release}. " if entry.release else ""


def _plain(text: str) -> str:
    """On one line and without what JSON escapes, which EventBridge does not when it fills in the topic's template."""
    line = re.sub(r"[\x00-\x1f]", " ", " | ".join(filter(None, text.splitlines())))
    line = re.sub(r'\\?"', "'", line).replace("\\", "/")
    return line if len(line) <= _LONGEST_NEWS else f"{line[:_LONGEST_NEWS]}... The execution's cause has the rest."
