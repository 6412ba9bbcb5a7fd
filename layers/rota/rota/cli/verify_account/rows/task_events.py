"""What ECS reports of the run's tasks, once a first one has run: without that, no row about tasks can say anything."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, NothingSeenError
from rota.cli.verify_account.resources import CLUSTER, FAMILY, QUEUE, RULE, Queue
from rota.cli.verify_account.rows import events

KINDS = (CLUSTER, FAMILY, QUEUE, RULE)
ACTIONS = ("ecs:RunTask", *events.RECEIVE)
"""What `heard` makes, and the permissions that it needs beside those."""
_SECONDS = 240

Detail = Mapping[str, Any]
Tasks = Mapping[str, Sequence[Detail]]
"""What ECS's events say, by task, in the order of their versions."""


def heard(account: Account) -> Queue:
    """A queue with ECS's events of the tasks in the run's cluster.

    Raises ClientError or NothingSeenError where no task runs in the given subnets.
    """
    return account.once(_heard)


def _heard(account: Account) -> Queue:
    queue = resources.queue(account, "task-events")
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [resources.cluster(account)]},
    }
    resources.rule(account, "task-events", {"Arn": queue.arn}, EventPattern=json.dumps(pattern))
    revision = resources.revision(account, resources.family(account, "first"))
    resources.start_task(account, revision)
    newest = [each[-1] for each in collect(account, queue, revision, _SECONDS, tasks=1).values()]
    if not newest or newest[0]["lastStatus"] != "STOPPED":
        raise NothingSeenError(f"ECS reported no task that ended in these subnets within {_SECONDS} s")
    (container,) = newest[0]["containers"]
    if container.get("exitCode") != 0:
        reason = container.get("reason") or newest[0].get("stoppedReason")
        raise NothingSeenError(f"no task runs in these subnets: {reason}")
    return queue


def collect(account: Account, queue: Queue, revision: str, seconds: float, tasks: int) -> Tasks:
    """The events of the tasks of a revision, until so many of them are STOPPED."""

    def by_task(messages: Sequence[Mapping[str, Any]]) -> Tasks:
        details = [json.loads(message["Body"])["detail"] for message in messages]
        once = {(each["taskArn"], int(each["version"])): each for each in details}
        found: dict[str, list[Detail]] = {}
        for (task, _), detail in sorted(once.items(), key=lambda item: item[0]):
            if detail["taskDefinitionArn"] == revision:
                found.setdefault(task, []).append(detail)
        return found

    def ended(messages: Sequence[Mapping[str, Any]]) -> bool:
        last = [own[-1]["lastStatus"] for own in by_task(messages).values()]
        return last.count("STOPPED") >= tasks

    return by_task(events.collect(account, queue, ended, seconds))
