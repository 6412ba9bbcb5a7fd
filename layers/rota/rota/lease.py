"""The app's lease: one deployment at a time changes an app, the newest push wins, and nobody writes without it.

One item of the ledger table, sort key `lease`, changed by conditional writes only. AWS's rule and service calls take no
fencing token, so time fences: a step that writes says how long its function may live (`busy_until`), and the lease of
a deployment that died is taken over only after that moment.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from rota.models import Execution, Image, Shape

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

# Clocks of two Lambda hosts differ by less than this.
_CLOCK_SKEW_SECONDS = 5


# How a deployment stands that took the lease once.
Standing = Literal["ours", "a newer one waits", "lost"]


class Turn(Shape):
    """Whether a deployment may go on now, and why."""

    decision: Literal["go", "wait", "overtaken", "ignore"]
    reason: str


def order(execution: Execution, image: Image) -> str:
    """Who is newer: text that sorts as the deployments should win.

    A deployment that EventBridge started counts from its push, however late it arrives. One that a person started
    counts from its start: running an old event again is a deliberate rollback. An event tells its time in whole
    seconds: within one, the later start is newer.
    """
    pushed = image.pushed_at if image.started(execution) else None
    begins = (pushed or execution.started_at).astimezone(UTC)
    return f"{begins.isoformat(timespec='seconds')}#{execution.started_at.isoformat()}#{execution.name}"


def take(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, image: Image, runs: Callable[[str], bool]
) -> Turn:
    """Take the lease, or say why not. Taking it again is as good as having it.

    `runs` tells of an execution's ARN whether it is still running.
    """
    ours = order(execution, image)
    lease = _claim(dynamodb, settings, execution, image, "(attribute_not_exists(holder) OR holder = :me)", {})
    if lease is None:
        return Turn(decision="go", reason="the lease was free")
    if lease.get("newest", "") > ours:
        return Turn(decision="overtaken", reason=f"a newer push of {settings.app} has arrived")
    holder = lease["holder"]
    if runs(holder):
        # The same image once more, by another tag: it is on its way already and need not be stopped.
        if lease.get("digest") != image.digest:
            _stand_in_line(dynamodb, settings, ours)
        return Turn(decision="wait", reason=f"{_name(holder)} is deploying")
    if float(lease.get("busy_until", "0")) > _now():
        return Turn(decision="wait", reason=f"{_name(holder)} has ended, but one of its functions may still write")
    taken_over = _claim(
        dynamodb,
        settings,
        execution,
        image,
        "holder = :dead AND (attribute_not_exists(busy_until) OR busy_until < :now)",
        {":dead": {"S": holder}, ":now": {"N": str(_now())}},
    )
    if taken_over is None:
        return Turn(decision="go", reason=f"{_name(holder)} held the lease and has ended")
    return Turn(decision="wait", reason="the lease has just changed hands")


def enter(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, seconds: float) -> Standing:
    """Say that a function of `execution` may write for so many seconds; if the lease is lost, it may not."""
    try:
        lease = dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings),
            UpdateExpression="SET busy_until = :end",
            ConditionExpression="holder = :me",
            ExpressionAttributeValues={
                ":me": {"S": execution.id},
                ":end": {"N": str(_now() + seconds + _CLOCK_SKEW_SECONDS)},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return "lost"
    return "a newer one waits" if lease["newest"]["S"] > lease["holder_order"]["S"] else "ours"


def leave(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution) -> None:
    """Say that the function writes no more."""
    _while_ours(dynamodb, settings, execution, "REMOVE busy_until")


def give_back(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution) -> None:
    """Release the lease if this execution holds it."""
    _while_ours(dynamodb, settings, execution, "REMOVE holder, holder_order, digest, busy_until")


def _claim(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    image: Image,
    condition: str,
    values: dict[str, Any],
) -> dict[str, str] | None:
    """Make the lease ours under `condition` and if nobody newer is known. None, or what stands in the lease instead."""
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings),
            UpdateExpression="SET holder = :me, holder_order = :order, newest = :order, digest = :digest",
            ConditionExpression=f"{condition} AND (attribute_not_exists(newest) OR newest <= :order)",
            ExpressionAttributeValues={
                ":me": {"S": execution.id},
                ":order": {"S": order(execution, image)},
                ":digest": {"S": image.digest},
                **values,
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        lease: dict[str, Any] = dict(error.response).get("Item", {})  # type: ignore[assignment]  # not in the stubs
        return {name: str(next(iter(value.values()))) for name, value in lease.items()}
    return None


def _stand_in_line(dynamodb: "DynamoDBClient", settings: "Settings", ours: str) -> None:
    """Let the holder and older deployments that wait know that a newer one is here."""
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings),
            UpdateExpression="SET newest = :order",
            ConditionExpression="newest < :order",
            ExpressionAttributeValues={":order": {"S": ours}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # known already, or a newer one waits


def _while_ours(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, update: str) -> None:
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings),
            UpdateExpression=update,
            ConditionExpression="holder = :me",
            ExpressionAttributeValues={":me": {"S": execution.id}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # given back already, or taken over from us


def _key(settings: "Settings") -> dict[str, Any]:
    return {"app": {"S": settings.app}, "record": {"S": "lease"}}


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[1]
