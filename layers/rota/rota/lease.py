"""The app's lease: one deployment at a time changes an app, the newest push wins, and nobody writes without it.

One item of the ledger table, sort key `lease`, changed by conditional writes only. AWS's rule and service calls take no
fencing token, so time fences: every invocation that writes says in the lease how long its function may live (`at_work`,
by the invocation's id) and takes that back when it is done. Nobody else writes while one that has not ended may: not
the next deployment, not the same step once more after a reply that was lost, not RestoreDeployment, which moreover lets
no earlier step in any more (`shut`).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from rota.errors import TransientError
from rota.models import Execution, Image, Shape

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

# Clocks of two Lambda hosts differ by less than this.
_CLOCK_SKEW_SECONDS = 5


class Entered(Shape):
    """How a deployment stands that took the lease once; `others` are its invocations whose time is not up yet."""

    standing: Literal["ours", "a newer one waits", "lost"]
    others: tuple[str, ...] = ()


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
    lease = _claim(
        dynamodb,
        settings,
        execution,
        image,
        "at_work = if_not_exists(at_work, :nobody)",
        "(attribute_not_exists(holder) OR holder = :me)",
        {},
    )
    if lease is None:
        return Turn(decision="go", reason="the lease was free")
    if _text(lease, "newest") > ours:
        return Turn(decision="overtaken", reason=f"a newer push of {settings.app} has arrived")
    holder = _text(lease, "holder")
    if runs(holder):
        # The same image once more, by another tag: it is on its way already and need not be stopped.
        if _text(lease, "digest") != image.digest:
            _stand_in_line(dynamodb, settings, ours)
        return Turn(decision="wait", reason=f"{_name(holder)} is deploying")
    if _at_work(lease):
        return Turn(decision="wait", reason=f"{_name(holder)} has ended, but one of its functions may still write")
    taken_over = _claim(
        dynamodb,
        settings,
        execution,
        image,
        "at_work = :nobody REMOVE shut",
        "holder = :dead AND at_work = :seen",
        {":dead": {"S": holder}, ":seen": lease["at_work"]},
    )
    if taken_over is None:
        return Turn(decision="go", reason=f"{_name(holder)} held the lease and has ended")
    return Turn(decision="wait", reason="the lease has just changed hands")


def enter(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    invocation: str,
    seconds: float,
    *,
    last: bool = False,
) -> Entered:
    """Say that an invocation of `execution` may write for so many seconds; if the lease is lost, it may not.

    After the `last` one, which restores, none of another step is let in.
    """
    end = {"N": str(_now() + seconds + _CLOCK_SKEW_SECONDS)}
    try:
        lease: dict[str, Any] = dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings),
            UpdateExpression="SET at_work.#invocation = :end" + (", shut = :end" if last else ""),
            ConditionExpression="holder = :me" + ("" if last else " AND attribute_not_exists(shut)"),
            ExpressionAttributeNames={"#invocation": invocation},
            ExpressionAttributeValues={":me": {"S": execution.id}, ":end": end},
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return Entered(standing="lost")
    return Entered(
        standing="a newer one waits" if _text(lease, "newest") > _text(lease, "holder_order") else "ours",
        others=tuple(each for each in _at_work(lease) if each != invocation),
    )


def leave(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, invocation: str) -> None:
    """Say that the invocation writes no more."""
    names = {"#invocation": invocation}
    _change(dynamodb, settings, execution, "REMOVE at_work.#invocation", "holder = :me", {}, names)


def give_back(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    any_goes_on: Callable[[Collection[str]], bool],
) -> None:
    """Release the lease if this execution holds it.

    While an invocation of it may still write, the lease stays, shut, and the next deployment takes it over in time.
    `any_goes_on` tells of invocations' ids whether any of them may not have ended.
    """
    lease = _release(dynamodb, settings, execution, {"M": {}})
    if lease is None or _text(lease, "holder") != execution.id:
        return
    if any_goes_on(_at_work(lease)):
        _change(dynamodb, settings, execution, "SET shut = :me", "holder = :me", {})
    elif _release(dynamodb, settings, execution, lease["at_work"]) is not None:
        raise TransientError("the lease has just changed while it was to be given back")


def _claim(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    image: Image,
    update: str,
    condition: str,
    values: dict[str, Any],
) -> dict[str, Any] | None:
    """Make the lease ours under `condition` and if nobody newer is known. None, or the lease as it is instead."""
    return _change(
        dynamodb,
        settings,
        execution,
        f"SET holder = :me, holder_order = :order, newest = :order, digest = :digest, {update}",
        f"{condition} AND (attribute_not_exists(newest) OR newest <= :order)",
        {":order": {"S": order(execution, image)}, ":digest": {"S": image.digest}, ":nobody": {"M": {}}, **values},
    )


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


def _release(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, at_work: dict[str, Any]
) -> dict[str, Any] | None:
    """Free the lease if it is ours and just these are at work. None, or the lease as it is instead."""
    return _change(
        dynamodb,
        settings,
        execution,
        "REMOVE holder, holder_order, digest, at_work, shut",
        "holder = :me AND at_work = :at_work",
        {":at_work": at_work},
    )


def _change(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    update: str,
    condition: str,
    values: dict[str, Any],
    names: dict[str, str] | None = None,
) -> dict[str, Any] | None:
    """Change the lease under a condition, in both of which `:me` is the execution. None, or the lease as it is."""
    named: Any = {"ExpressionAttributeNames": names} if names else {}
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=_key(settings),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={":me": {"S": execution.id}, **values},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **named,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        lease: dict[str, Any] = dict(error.response).get("Item", {})  # type: ignore[assignment]  # not in the stubs
        return lease
    return None


def _text(lease: Mapping[str, Any], name: str) -> str:
    return str(lease.get(name, {}).get("S", ""))


def _at_work(lease: Mapping[str, Any]) -> list[str]:
    """The invocations whose time is not up yet."""
    return [each for each, end in lease["at_work"]["M"].items() if float(end["N"]) > _now()]


def _key(settings: "Settings") -> dict[str, Any]:
    return {"app": {"S": settings.app}, "record": {"S": "lease"}}


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[1]
