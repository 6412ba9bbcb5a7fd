"""The trials: every fault that each call of a deployment can meet."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stage.faults.partial import KINDS as CAN_FAIL_IN_PART

Call = Mapping[str, Any]
"""As the stage records it."""
Fault = dict[str, Any]
Script = tuple[Fault, ...]
"""The faults of one trial."""

KINDS = ("throttle", "internal", "denied", "lost", "cut", "partial", "kill", "kill_after", "abort")
_SURVIVED = ("throttle", "internal", "lost", "cut", "partial", "kill", "kill_after")
_OF_AWS_ITSELF = ("throttle", "internal", "denied", "lost", "abort")

LAST_STRAW: Fault = {
    "service": "ecs",
    "operation": "DescribeServices",
    "caller": "CheckService",
    "count": 0,
    "fault": "denied",
}
"""Makes a deployment fail when everything is new, so that all of it is restored."""
UNFINISHED: Fault = {
    "service": "s3",
    "operation": "GetObject",
    "caller": "FinishDeployment",
    "count": 0,
    "fault": "denied",
}
"""Makes FinishDeployment fail when the deployment is complete, so that RestoreDeployment finishes it."""


@dataclass(frozen=True)
class Conditions:
    """What all trials and races of a run have in common."""

    seed: int
    """Of all that is drawn."""
    late: float = 0
    """Seconds by which EventBridge's reads are late; the stage's time scale shortens them."""

    def options(self) -> str:
        """The options of the command under which a trial or a race is the same."""
        return f"--seed {self.seed}" + (f" --late {self.late:g}" if self.late else "")


def singles(calls: Iterable[Call]) -> Iterator[Script]:
    """Every call, each in its turn, with every kind of fault."""
    for call, skip in _numbered(calls):
        for kind in kinds_of(call):
            yield (_fault(call, kind, skip, 1),)


def bursts(calls: Iterable[Call]) -> Iterator[Script]:
    """Every operation of every step with every kind of fault, for longer than all retries last."""
    for call, skip in _numbered(calls):
        # Step Functions makes all invocations, so each one in turn is the first to fail.
        if skip == 0 or call["operation"] == "Invoke":
            for kind in kinds_of(call):
                if kind != "abort":  # an execution is stopped once
                    yield (_fault(call, kind, skip, 0),)


def of_restore(calls: Iterable[Call], straw: Fault) -> Iterator[Script]:
    """Every call of RestoreDeployment, single and in bursts, in a deployment that fails by the fault `straw`."""
    restoring = [call for call in calls if call["caller"] == "RestoreDeployment"]
    for script in (*singles(restoring), *bursts(restoring)):
        yield (straw, *script)


def pairs(calls: Sequence[Call], failing: Sequence[Call], seed: int, number: int) -> Iterator[Script]:
    """Draw `number` pairs of different faults in one deployment; the same seed draws the same pairs.

    Both mostly hit a call: one that the deployment survives and a later one, or one that it does not survive and one
    during the restore. `calls` are those of a deployment without faults, `failing` those of one with LAST_STRAW.
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    forward = list(_numbered(calls))
    writing = next(place for place, (call, _) in enumerate(forward) if call["caller"] == "ClearRules")
    back = list(_numbered(call for call in failing if call["caller"] == "RestoreDeployment"))

    def fault(numbered: tuple[Call, int], kinds: Sequence[str], *counts: int) -> Fault:
        call, skip = numbered
        kind = draw.choice([kind for kind in kinds_of(call) if kind in kinds])
        return _fault(call, kind, skip, 1 if kind == "abort" else draw.choice(counts))

    for _ in range(number):
        if draw.random() < 0.5:
            place = draw.randrange(len(forward) - 1)
            first = fault(forward[place], _SURVIVED, 1)
            second = fault(draw.choice(forward[place + 1 :]), KINDS, 1, 2, 0)
        else:
            first = fault(draw.choice(forward[writing:]), ("denied", "internal", "lost", "abort"), 0)
            second = fault(draw.choice(back), KINDS, 1, 1, 2, 0)
        yield first, second


def drawn(scripts: Sequence[Script], seed: int, share: int) -> list[Script]:
    """One in `share` of these; the same seed draws the same ones."""
    number = -(-len(scripts) // share)
    return random.Random(seed).sample(scripts, number)  # noqa: S311 - no secret


def kinds_of(call: Call) -> tuple[str, ...]:
    """The faults that this call can meet."""
    if call["caller"] is None:
        return _OF_AWS_ITSELF
    in_part = (call["service"], call["operation"]) in CAN_FAIL_IN_PART
    return tuple(kind for kind in KINDS if kind != "partial" or in_part)


def _numbered(calls: Iterable[Call]) -> Iterator[tuple[Call, int]]:
    """Each call with the number of equal calls before it."""
    before: Counter[tuple[str | None, str, str]] = Counter()
    for call in calls:
        key = call["caller"], call["service"], call["operation"]
        yield call, before[key]
        before[key] += 1


def _fault(call: Call, kind: str, skip: int, count: int) -> Fault:
    what = {name: call[name] for name in ("service", "operation", "caller")}
    return {**what, "skip": skip, "count": count, "fault": kind}


_STRAW = ("CheckService", "ecs", "DescribeServices", 0, 0, "denied")
_UNFINISHED = ("FinishDeployment", "s3", "GetObject", 0, 0, "denied")
QUICK: tuple[Script, ...] = tuple(
    tuple(
        {"service": service, "operation": operation, "caller": caller, "skip": skip, "count": count, "fault": kind}
        for caller, service, operation, skip, count, kind in script
    )
    for script in (
        [("TakeTurn", "dynamodb", "UpdateItem", 0, 1, "lost")],
        [("FinishDeployment", "dynamodb", "TransactWriteItems", 0, 1, "abort")],
        [("PlanDeployment", "s3", "PutObject", 1, 1, "kill_after")],
        [("ClearRules", "events", "DisableRule", 0, 1, "kill_after")],
        [("FinishDeployment", "events", "RemoveTargets", 0, 1, "partial")],
        [("RegisterRevisions", "ecs", "RegisterTaskDefinition", 1, 1, "lost")],
        [("CreateTargets", "events", "PutTargets", 1, 0, "internal")],
        [("RollService", "ecs", "UpdateService", 0, 1, "cut")],
        [("CheckService", "ecs", "DescribeServices", 0, 0, "throttle")],
        [_STRAW, ("RestoreDeployment", "events", "PutTargets", 1, 1, "kill")],
        [_UNFINISHED, ("RestoreDeployment", "events", "DeleteRule", 0, 1, "lost")],
        [_STRAW, ("RestoreDeployment", "ecs", "UpdateService", 0, 2, "denied")],
    )
)
"""A fixed small part, one of each, that runs with the tests."""
