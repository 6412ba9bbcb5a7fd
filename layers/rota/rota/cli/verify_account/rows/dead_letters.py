"""What EventBridge sends to a dead-letter queue when ECS refuses to start a task."""

import json
from collections.abc import Sequence
from typing import Any

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account
from rota.cli.verify_account.resources import CLUSTER, QUEUE, ROLE, RULE
from rota.cli.verify_account.row import Row, Seen, probe
from rota.cli.verify_account.rows import events, task_events

_SECONDS = (20, 20, 20, 20, 150)
"""The last event leaves time for what EventBridge would try again."""
_RETRYING_SECONDS = (30, 150)
"""Two events at most: each may start a task. The second leaves time for what EventBridge would try again."""
_ATTRIBUTES = {"RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "RETRY_ATTEMPTS"}
_ACTIONS = ("iam:PassRole", "events:PutEvents", *events.RECEIVE)

Letter = dict[str, Any]


@probe(ROLE, QUEUE, CLUSTER, RULE, actions=_ACTIONS)
def refused_start(account: Account) -> Letter | None:
    """The dead letter of an event whose target is a revision that never was, so that nothing can start."""
    return _letter_of(account, "dead", account.arn("ecs", f"task-definition/{account.name('none')}:1"), _SECONDS)


@probe(*task_events.KINDS, ROLE, actions=(*task_events.ACTIONS, *_ACTIONS, "ecs:ListTasks"))
def inactive_start(account: Account) -> Letter | str | None:
    """The dead letter of an event whose target is an INACTIVE revision, or what was started."""
    task_events.heard(account)
    revision = resources.revision(account, resources.family(account, "inactive"))
    account.client("ecs").deregister_task_definition(taskDefinition=revision)
    letter = _letter_of(account, "inactive", revision, _RETRYING_SECONDS)
    asked = {"cluster": resources.cluster(account), "family": revision.rpartition("/")[2].rpartition(":")[0]}
    tasks = [
        account.client("ecs").list_tasks(**asked, desiredStatus=each)["taskArns"] for each in ("RUNNING", "STOPPED")
    ]
    return letter or ("a task was started" if any(tasks) else None)


def _letter_of(account: Account, purpose: str, revision: str, seconds: Sequence[float]) -> Letter | None:
    queue = resources.queue(account, purpose)
    target = {
        **resources.task_target(account, revision),
        "DeadLetterConfig": {"Arn": queue.arn},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 120},
    }
    resources.rule(account, purpose, target, EventPattern=json.dumps({"source": [events.source(account)]}))
    return events.dead_letter(account, queue, seconds)


def _read_attributes(letter: Letter | None) -> Seen:
    if letter is None:
        return Seen("no dead letter")
    names = set(letter.get("MessageAttributes", {}))
    lacking, more = sorted(_ATTRIBUTES - names), sorted(names - _ATTRIBUTES)
    differences = [f"without {', '.join(lacking)}"] * bool(lacking) + [f"also {', '.join(more)}"] * bool(more)
    return Seen("others" if lacking else "these", "; ".join(differences))


def _read_body(letter: Letter | None) -> Seen:
    if letter is None:
        return Seen("no dead letter")
    try:
        body = json.loads(letter["Body"])
    except ValueError:
        return Seen("no JSON", letter["Body"][:60])
    whole = isinstance(body, dict) and {"id", "time", "detail", "source"} <= body.keys()
    return Seen("the event") if whole else Seen("something else", letter["Body"][:60])


def _read_retries(letter: Letter | str | None) -> Seen:
    if not isinstance(letter, dict):
        return Seen(letter or "no dead letter")
    attempts, code = events.attribute(letter, "RETRY_ATTEMPTS"), events.attribute(letter, "ERROR_CODE")
    return Seen(f"{attempts} retries", f"{code}: {events.attribute(letter, 'ERROR_MESSAGE')}")


ROWS = (
    Row(
        id="dead-letter-attributes",
        group="free",
        assumption="A dead letter has the attributes of EventBridge's guide, also in a queue that SQS encrypts.",
        expected="these",
        meaning="RecordRun does not know which job did not start, or why: it is reported as *missed* later.",
        then="Report it; until then `WatchRuns`: false loses nothing.",
        probe=refused_start,
        read=_read_attributes,
    ),
    Row(
        id="dead-letter-body",
        group="free",
        assumption="The body of a dead letter is the event itself, not the target's input.",
        expected="the event",
        meaning="RecordRun does not know for when a run that did not start was scheduled.",
        then="Report it.",
        probe=refused_start,
        read=_read_body,
    ),
    Row(
        id="dead-letter-at-once",
        group="free",
        assumption="A start that ECS refuses for good is not tried again.",
        expected="0 retries",
        meaning="*Not started* is reported later, by the retry age at most.",
        then="The schedule file's `retry`: a shorter age.",
        probe=refused_start,
        read=_read_retries,
    ),
    Row(
        id="inactive-revision",
        group="tasks",
        assumption="A start of an INACTIVE revision is refused and not tried again.",
        expected="0 retries",
        meaning="A job whose revision was deregistered is reported later, or runs for some minutes more.",
        then="Nothing; do not deregister what Rota registered.",
        probe=inactive_start,
        read=_read_retries,
    ),
)
