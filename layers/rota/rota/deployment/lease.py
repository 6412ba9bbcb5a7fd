"""The app's lease: one deployment at a time changes an app, the newest push wins, and nobody writes without it.

One item of the ledger table, sort key `lease`, changed by conditional writes only. AWS's rule and service calls take no
fencing token, so time fences: every invocation that writes says in the lease how long its function may live (`at_work`,
by the invocation's id) and takes that back when it is done. While one is listed there that has not ended, nobody else
writes: not the next deployment, not the same step once more after a lost reply, not RestoreDeployment. That one also
sets `shut`, after which no other step of the deployment may enter.
"""

from collections.abc import Callable, Collection
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rota.contract import Execution, Image, Shape, Verdict
from rota.deployment.lease_item import at_work, change, key, now, text
from rota.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from rota.settings import Settings

# Clocks of two Lambda hosts differ by less than this.
_CLOCK_SKEW_SECONDS = 5
# Between two looks at the lease: short at first, for most deployments take minutes. Each look is nine events of the
# execution's history, which holds 25,000: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_SHORTEST_WAIT, _LONGEST_WAIT = 20, 120
_IF_FREE = "(attribute_not_exists(holder) OR holder = :me)"


class Entered(Shape):
    """How a deployment that once took the lease stands now; `others` are its invocations whose time is not up yet.

    `lost`: another has it, or had it since; `gone`: somebody has deleted the item, and nobody has taken it since.
    """

    standing: Literal["ours", "a newer one waits", "lost", "gone"]
    others: tuple[str, ...] = ()


def order(execution: Execution, image: Image) -> str:
    """Who is newer: text that sorts as the deployments should win.

    A deployment that EventBridge started counts from its push, however late it arrives. One that a person started
    counts from its start: running an old event again is a deliberate rollback. None counts from later than its start:
    a year mistyped would overtake every push until then. An event tells its time in whole seconds: within one, the
    later start is newer.
    """
    pushed = image.pushed_at if image.started(execution.name) else None
    begins = min(pushed or execution.started_at, execution.started_at).astimezone(UTC)
    return f"{begins.isoformat(timespec='seconds')}#{execution.started_at.isoformat()}#{execution.name}"


def wait_seconds(waited: float) -> int:
    """How long one that has waited for so many seconds waits before it looks again."""
    return int(min(_LONGEST_WAIT, max(_SHORTEST_WAIT, waited / 20)))


def take(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, image: Image, goes_on: Callable[[str], bool]
) -> Verdict:
    """Take the lease, or say why not. Taking it again is as good as having it.

    `goes_on` tells of an execution's ARN whether it runs, or has been stopped so lately that another one is yet to put
    it back.
    """
    claim = partial(_claim, dynamodb, settings, execution, image)
    claim_if_free = partial(claim, condition=_IF_FREE, update="at_work = if_not_exists(at_work, :nobody)")
    our_order = order(execution, image)
    lease = claim_if_free(our_order)
    if lease is not None and _is_of_one_push(text(lease, "newest"), our_order, image):
        our_order = text(lease, "newest")
        lease = claim_if_free(our_order)
    if lease is None:
        return Verdict(decision="go", reason="the lease was free")
    if text(lease, "newest") > our_order:
        return Verdict(decision="overtaken", reason=f"a newer push of {settings.app} has arrived")
    holder = text(lease, "holder")
    restorer = text(lease, "restorer")
    if any(goes_on(each) for each in {holder, restorer} - {""}):
        # The same image once more, by another tag: it is on its way already and need not be stopped.
        if text(lease, "digest") != image.digest:
            _stand_in_line(dynamodb, settings, our_order)
        return Verdict(decision="wait", reason=f"{_name(holder)} is deploying, or was stopped and is to be put back")
    if at_work(lease):
        return Verdict(decision="wait", reason=f"{_name(holder)} has ended, but one of its functions may still write")
    unchanged = "holder = :dead AND at_work = :seen AND " + (
        "restorer = :restorer" if restorer else "attribute_not_exists(restorer)"
    )
    seen = {":dead": {"S": holder}, ":seen": lease["at_work"], **({":restorer": {"S": restorer}} if restorer else {})}
    taken_over = claim(our_order, unchanged, "at_work = :nobody REMOVE shut, restorer", seen)
    if taken_over is None:
        return Verdict(decision="go", reason=f"{_name(holder)} held the lease and has ended")
    return Verdict(decision="wait", reason="the lease has just changed hands")


def begin_writing(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    invocation: str,
    seconds: float,
    *,
    restorer: Execution | None = None,
) -> Entered:
    """Say that an invocation of `execution` may write for so many seconds; if the lease is lost or gone, it may not.

    `restorer` is the execution in which RestoreDeployment runs, this one or another. It shuts all other steps out, and
    nobody takes the lease over while it goes on. If the item is gone, it makes it again, which is safe: Rota never
    deletes the item, so if it is still missing, no other deployment has had its turn since.
    """
    end = {"N": str(now() + seconds + _CLOCK_SKEW_SECONDS)}
    shut = ", shut = :end, restorer = :restorer" if restorer else ""
    by = {":restorer": {"S": restorer.id}} if restorer else {}
    try:
        lease: dict[str, Any] = dynamodb.update_item(
            TableName=settings.table,
            Key=key(settings),
            UpdateExpression="SET at_work.#invocation = :end" + shut,
            ConditionExpression="holder = :me" + ("" if restorer else " AND attribute_not_exists(shut)"),
            ExpressionAttributeNames={"#invocation": invocation},
            ExpressionAttributeValues={":me": {"S": execution.id}, ":end": end, **by},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )["Attributes"]
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        if "Item" in error.response:
            return Entered(standing="lost")
        if not restorer:
            return Entered(standing="gone")
        anew = f"SET holder = :me, at_work = :at_work{shut}"
        values = {":at_work": {"M": {invocation: end}}, ":end": end, **by}
        there = change(dynamodb, settings, execution, anew, "attribute_not_exists(app)", values)
        if there is None:
            return Entered(standing="ours")
        if text(there, "holder") != execution.id:
            return Entered(standing="lost")
        # Ours: taken by a try whose answer was lost, or by a twin.
        return begin_writing(dynamodb, settings, execution, invocation, seconds, restorer=restorer)
    return Entered(
        standing="a newer one waits" if text(lease, "newest") > text(lease, "holder_order") else "ours",
        others=tuple(each for each in at_work(lease) if each != invocation),
    )


def reserve_for_restore(
    dynamodb: "DynamoDBClient", settings: "Settings", restorer: Execution, ended: Collection[str]
) -> None:
    """Keep the lease for `restorer`, if one of the executions `ended` holds it or was to put its holder back: nobody
    takes it over while that goes on, however long it is until it enters.
    """
    values = {f":ended{number}": {"S": arn} for number, arn in enumerate(ended)}
    these = ", ".join(values)
    condition = f"holder IN ({these}) OR restorer IN ({these})"
    change(dynamodb, settings, restorer, "SET restorer = :me", condition, values)


def end_writing(dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, invocation: str) -> None:
    """Say that the invocation writes no more."""
    names = {"#invocation": invocation}
    change(dynamodb, settings, execution, "REMOVE at_work.#invocation", "holder = :me", {}, names)


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
    if lease is None or text(lease, "holder") != execution.id:
        return
    if any_goes_on(at_work(lease)):
        change(dynamodb, settings, execution, "SET shut = :me", "holder = :me", {})
    elif _release(dynamodb, settings, execution, lease["at_work"]) is not None:
        raise TransientError("the lease has just changed while it was to be given back")


def _is_of_one_push(an_order: str, another: str, image: Image) -> bool:
    """True if the event of that image started both: EventBridge delivers at least once."""
    return all(image.started(each.rpartition("#")[2]) for each in (an_order, another))


def _claim(
    dynamodb: "DynamoDBClient",
    settings: "Settings",
    execution: Execution,
    image: Image,
    our_order: str,
    condition: str,
    update: str,
    values: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Make the lease ours under `condition` and if nobody newer is known. None, or the lease as it is instead."""
    return change(
        dynamodb,
        settings,
        execution,
        f"SET holder = :me, holder_order = :order, newest = :order, digest = :digest, {update}",
        f"{condition} AND (attribute_not_exists(newest) OR newest <= :order)",
        {":order": {"S": our_order}, ":digest": {"S": image.digest}, ":nobody": {"M": {}}, **(values or {})},
    )


def _stand_in_line(dynamodb: "DynamoDBClient", settings: "Settings", our_order: str) -> None:
    """Let the holder and older deployments that wait know that a newer one is here."""
    try:
        dynamodb.update_item(
            TableName=settings.table,
            Key=key(settings),
            UpdateExpression="SET newest = :order",
            ConditionExpression="newest < :order",
            ExpressionAttributeValues={":order": {"S": our_order}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return  # known already, or a newer one waits


def _release(
    dynamodb: "DynamoDBClient", settings: "Settings", execution: Execution, at_work: dict[str, Any]
) -> dict[str, Any] | None:
    """Free the lease if it is ours and just these are at work. None, or the lease as it is instead."""
    return change(
        dynamodb,
        settings,
        execution,
        "REMOVE holder, holder_order, digest, at_work, shut, restorer",
        "holder = :me AND at_work = :at_work",
        {":at_work": at_work},
    )


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[1]
