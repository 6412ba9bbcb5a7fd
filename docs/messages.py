"""The messages that docs/notifications.md shows, as the code makes them."""

import json
from datetime import UTC, datetime

from rota.contract import Execution, Image, Outcome
from rota.deployment.ledger import Entry
from rota.deployment.outcome_message import outcome_message
from rota.notifications.chat import chat_notification

_APP = "production/guestbook-api"
_REGION, _ACCOUNT = "eu-west-1", "111122223333"
_DIGEST = "sha256:" + "9c1e" * 16


def _code(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def chat_of_a_deployment() -> str:
    """What is published to the topic of the chat when a deployment has failed."""
    execution = Execution(
        id=f"arn:aws:states:{_REGION}:{_ACCOUNT}:execution:rota-deploy:4f2a",
        name="4f2a",
        started_at=datetime(2026, 11, 29, 14, 2, tzinfo=UTC),
    )
    entry = Entry(
        outcome=Outcome.FAILED,
        image=Image(repository="guestbook", digest=_DIGEST, tag="b81d07e"),
        schedule=None,
        summary="",
        cause="CheckService: the rollout failed: tasks failed to start. Everything is as before. "
        "For the operator: fix this, then deploy again.",
    )
    return _code(
        json.dumps(json.loads(chat_notification(outcome_message(_APP, execution, entry, 184))), indent=2), "json"
    )
