"""Telling the world how a deployment ended: an event for programs, a message for people, a metric for graphs."""

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from rota import aws
from rota.errors import TransientError
from rota.models import Execution, Image

if TYPE_CHECKING:
    from rota.ledger import Outcome
    from rota.settings import Settings

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_LONGEST_SUBJECT = 100


def announce(
    settings: "Settings", execution: Execution, outcome: "Outcome", image: Image | None, text: str, seconds: float
) -> None:
    """Put the event `Rota Deployment` on the default bus, publish to the topic, count the outcome.

    The message's attribute `outcome` lets a subscription ask for failures only.
    """
    detail = {
        "app": settings.app,
        "outcome": outcome,
        "execution": execution.id,
        "image": image.model_dump(mode="json") if image else None,
        "text": text,
    }
    reply = aws.events().put_events(
        Entries=[{"Source": "rota", "DetailType": "Rota Deployment", "Detail": json.dumps(detail)}]
    )
    if reply["FailedEntryCount"]:
        entry = reply["Entries"][0]
        raise TransientError(f"PutEvents: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
    aws.sns().publish(
        TopicArn=settings.topic_arn,
        Subject=f"{settings.app}: {outcome}"[:_LONGEST_SUBJECT],
        Message=f"{text}\n\nExecution: {execution.id}\n",
        MessageAttributes={"outcome": {"DataType": "String", "StringValue": outcome}},
    )
    _count(settings, outcome, seconds)


def _count(settings: "Settings", outcome: "Outcome", seconds: float) -> None:
    metrics = Metrics()
    metrics.add_dimension("app", settings.app)
    metrics.add_dimension("outcome", outcome)
    metrics.add_metric(name="Deployments", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="Duration", unit=MetricUnit.Seconds, value=seconds)
    metrics.flush_metrics()
