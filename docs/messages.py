"""The messages that docs/notifications.md shows, as the code makes them."""

import ast
import inspect
import json
import textwrap
from datetime import UTC, datetime, timedelta

from rota.contract.deployment import Execution, Image, Kind, Origin, Outcome
from rota.contract.run_event import RunEvent, RunKind
from rota.deployment.ledger import Entry
from rota.deployment.outcome_message import outcome_message
from rota.notifications.chat import chat_notification
from rota.notifications.message import mail_subject, mail_text
from rota.runs.alert import due_alerts
from rota.runs.alert_text import Place, events_of, message_of
from rota.runs.model import GoodRun, Job
from tests.alerts import DUE, GOOD, GROUP_ARN, V41, V42, failed, incident, job, missed, not_started

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
        origin=Origin(kind=Kind.AGAIN, by="ann", reason="the database is up again"),
    )
    return _code(
        json.dumps(json.loads(chat_notification(outcome_message(_APP, execution, entry, 184))), indent=2), "json"
    )


_PLACE = Place(_APP, (GROUP_ARN,))
_FAILED = job(incident(failed()), owner="data-team")
_REPORTED = {"reported_at": DUE + timedelta(minutes=5), "thread": "IngestData#2026-11-29T06:00:00Z"}
_EXAMPLES: dict[str, tuple[Job, ...]] = {
    "failed": (_FAILED,),
    "missed": (job(incident(missed())),),
    "recovered": (
        job(
            incident(
                failed(),
                **_REPORTED,
                runs=3,
                recovered=GoodRun(
                    scheduled_at=DUE + timedelta(hours=6), ended_at=DUE + timedelta(hours=6, minutes=2), release=V42
                ),
            )
        ),
    ),
    "many": tuple(
        job(incident(not_started(task), last_good=GOOD.model_copy(update={"release": V41})))
        for task in ("IngestData", "SendDigest", "SpamTask", "CloseInvoices")
    ),
}


def mail(name: str) -> str:
    """The mail of an example, with its subject."""
    (alert,) = due_alerts(_EXAMPLES[name], DUE + timedelta(days=1))
    message = message_of(alert, _PLACE)
    return _code(f"Subject: {mail_subject(message)}\n\n{mail_text(message)}", "text")


def event() -> str:
    """The event of the first example."""
    (alert,) = due_alerts([_FAILED], DUE + timedelta(hours=1))
    (detail,) = events_of(alert, _PLACE)
    shown = {"source": "rota", "detail-type": "Rota Run", "detail": detail.model_dump(mode="json")}
    return _code(json.dumps(shown, indent=2), "json")


def event_members() -> str:
    """The members of the event that say more than their names."""
    rows = ["| member | what it says |", "|---|---|"]
    rows += [f"| `{name}` | {words} |" for name, words in _documented(RunEvent)]
    return "\n".join(rows)


def kinds() -> str:
    """The kinds of messages, in the order of the code."""
    said = dict(_documented(RunKind))
    rows = ["| `kind` | when |", "|---|---|"]
    rows += [f"| `{kind}` | {said[kind.name]} |" for kind in RunKind]
    return "\n".join(rows)


def _documented(shape: type) -> list[tuple[str, str]]:
    """The members of a class that have a docstring below them."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(shape))).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101  what getsource gives for a class
    found = []
    for member, below in zip(tree.body, tree.body[1:], strict=False):
        target = member.targets[0] if isinstance(member, ast.Assign) else getattr(member, "target", None)
        words = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(target, ast.Name) and isinstance(words, str):
            found.append((target.id, " ".join(words.split())))
    return found
