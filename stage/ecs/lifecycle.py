"""The lifecycle stages of a service deployment: when traffic shifts, how long it bakes, and where it waits. Pure.

docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html. BLUE_GREEN shifts all production
traffic at once, CANARY a part of it first, LINEAR in equal steps; each bakes after the shift. A hook of the type PAUSE
waits for ContinueServiceDeployment or its timeout; hooks that are functions count as passed here. A ROLLING deployment
has no stages here unless it has PAUSE hooks.
"""

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

Action = Literal["CONTINUE", "ROLLBACK"]
# The defaults: docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html,
# …/API_CanaryConfiguration.html, …/API_DeploymentLifecycleHookTimeoutConfiguration.html
_LINEAR = {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}
_CANARY = {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}
_HOOK_TIMEOUT_MINUTES = 1440


class Part(NamedTuple):
    """A part of a deployment: its stage, how long that takes, and the new revision's share of the traffic in it."""

    stage: str
    minutes: float = 0
    production: float = 0
    test: float = 0


@dataclass
class Hook:
    """A PAUSE hook that the deployment has met; at `expires` ECS itself takes `action`."""

    expires: datetime
    action: Action
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: Literal["AWAITING_ACTION", "SUCCEEDED", "TIMED_OUT"] = "AWAITING_ACTION"

    def describe(self) -> dict[str, Any]:
        """As DescribeServiceDeployments shows it."""
        return {
            "hookId": self.id,
            "targetType": "PAUSE",
            "status": self.status,
            "expiresAt": self.expires,
            "timeoutAction": self.action,
        }


class Lifecycle:
    """Where one deployment is in its stages. A minute of the configuration lasts `minute` seconds."""

    def __init__(self, configuration: dict[str, Any], *, sources: int, minute: float, now: datetime) -> None:
        self._minute = minute
        self.shifts = _strategy(configuration) != "ROLLING"
        self._pauses = _pauses(configuration)
        self._coming = list(_parts(configuration, sources))
        self.hooks: list[Hook] = []
        self._enter(now)

    @property
    def stage(self) -> str:
        return self.part.stage

    @property
    def scales_up(self) -> bool:
        """Whether the new tasks are being started: then it ends when they run, not after a time."""
        return self.stage == "SCALE_UP" and self.awaiting is None

    @property
    def awaiting(self) -> Hook | None:
        """The hook at which it waits for a person."""
        return next((hook for hook in self.hooks if hook.status == "AWAITING_ACTION"), None)

    def delay(self, now: datetime) -> float:
        """Seconds until the stage is over, or until the hook at which it waits expires."""
        if hook := self.awaiting:
            return max(0.0, (hook.expires - now).total_seconds())
        return self.part.minutes * self._minute

    def advance(self, now: datetime) -> bool:
        """Enter the next stage. False if there is none."""
        if not self._coming:
            return False
        self._enter(now)
        return True

    def _enter(self, now: datetime) -> None:
        self.part = self._coming.pop(0)
        if pause := self._pauses.get(self.part.stage):
            minutes, action = pause
            self.hooks.append(Hook(now + timedelta(seconds=minutes * self._minute), action))


def lifecycle(configuration: dict[str, Any], *, sources: int, minute: float, now: datetime) -> Lifecycle | None:
    """The stages of a deployment that begins now; None if it just replaces tasks."""
    if _strategy(configuration) == "ROLLING" and not _pauses(configuration):
        return None
    return Lifecycle(configuration, sources=sources, minute=minute, now=now)


def _strategy(configuration: dict[str, Any]) -> str:
    return str(configuration.get("strategy", "ROLLING"))


def _pauses(configuration: dict[str, Any]) -> dict[str, tuple[int, Action]]:
    """By stage: the minutes for which a PAUSE hook waits at most, and what follows."""
    found: dict[str, tuple[int, Action]] = {}
    for hook in configuration.get("lifecycleHooks", []):
        if hook.get("targetType") == "PAUSE":
            timeout = hook.get("timeoutConfiguration", {})
            waits = timeout.get("timeoutInMinutes", _HOOK_TIMEOUT_MINUTES), timeout.get("action", "ROLLBACK")
            found |= dict.fromkeys(hook["lifecycleStages"], waits)
    return found


def _parts(configuration: dict[str, Any], sources: int) -> Iterator[Part]:
    if sources > 1:
        yield Part("RECONCILE_SERVICE")
    yield Part("PRE_SCALE_UP")
    yield Part("SCALE_UP")
    yield Part("POST_SCALE_UP")
    if _strategy(configuration) == "ROLLING":
        return
    yield Part("TEST_TRAFFIC_SHIFT")
    yield Part("POST_TEST_TRAFFIC_SHIFT", test=100)
    for percent, minutes in _shifts(configuration):
        yield Part("PRE_PRODUCTION_TRAFFIC_SHIFT", test=100)
        yield Part("PRODUCTION_TRAFFIC_SHIFT", minutes, percent, 100)
    yield Part("POST_PRODUCTION_TRAFFIC_SHIFT", 0, 100, 100)
    yield Part("BAKE_TIME", configuration.get("bakeTimeInMinutes", 0), 100, 100)
    yield Part("CLEAN_UP", 0, 100, 100)


def _shifts(configuration: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """The production traffic of the new revision after each shift, in percent, and the minutes until the next."""
    strategy = _strategy(configuration)
    if strategy == "LINEAR":
        linear = {**_LINEAR, **configuration.get("linearConfiguration", {})}
        steps = math.ceil(100 / linear["stepPercent"])
        for number in range(1, steps):
            yield number * linear["stepPercent"], linear["stepBakeTimeInMinutes"]
    elif strategy == "CANARY":
        canary = {**_CANARY, **configuration.get("canaryConfiguration", {})}
        yield canary["canaryPercent"], canary["canaryBakeTimeInMinutes"]
    yield 100, 0
