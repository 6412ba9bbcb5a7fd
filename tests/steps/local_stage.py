"""The parts of the stage in this process: they answer the calls of the handlers and of the tests.

There is no port, no stack and no function; a step test calls the handler itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.session import Session
from moto.stepfunctions.models import stepfunctions_backends

from stage.background import Background
from stage.client import ROOT
from stage.ecs.timer import Timer
from stage.faults.scripted import Faults
from stage.gateway.calls import Hook
from stage.gateway.in_process import Connection
from stage.gateway.server import Gateway
from stage.moto.clients import ACCOUNT, REGION
from stage.quotas.rules_per_bus import RulesPerBus
from stage.settings import Settings
from stage.snapshots.account import START, Snapshots
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation

ENDPOINT = "http://127.0.0.1:1"
"""A closed port: a call that does not go through the gateway fails."""
FUNCTION = "function"
"""The access key of the handlers."""


class KilledError(BaseException):
    """The function's process was killed. No error handler of the function catches it."""


class _AtOnce(Timer):
    """Runs delayed actions at once, so that nothing happens in the background."""

    def after(self, _seconds: float, action: Callable[[], None]) -> None:
        action()


class LocalStage:
    """One for a process, because there is one moto."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.background = Background(
            self.settings, ROOT / "examples/app", "guestbook", lambda *_: None, timer=_AtOnce()
        )
        self.faults = Faults(self._kill, lambda _: None, lambda: {FUNCTION})
        self.gateway = Gateway({FUNCTION: FUNCTION}.get, lambda *_: None)
        self.gateway.hooks += [
            self.faults,
            Validation(),
            DocumentedRules(),
            RulesPerBus(self.settings),
            *self.background.hooks,
        ]
        self.snapshots = Snapshots(self.background.services)
        self._killed = False

    def reset(self, snapshot: str = START) -> None:
        """Restore a snapshot. A rollout completes at once."""
        self.background.reset()
        self.settings.reset()
        self.settings.change({"rollout_seconds": 0})
        self.snapshots.restore(self.snapshots.find(snapshot))
        stepfunctions_backends[ACCOUNT][REGION].reset()

    def connect(self, session: Session) -> None:
        """Take the calls of a session's clients: those of the handlers."""
        Connection(self.gateway, FUNCTION, self._check).attach(session.get_component("event_emitter"))

    @contextmanager
    def hooked(self, hook: Hook, position: int = 0) -> Iterator[None]:
        """Pass every call to this hook while the block runs."""
        self.gateway.hooks.insert(position, hook)
        try:
            yield
        finally:
            self.gateway.hooks.remove(hook)

    @contextmanager
    def failing(self, **fault: Any) -> Iterator[None]:
        """Set a fault of the handlers' calls while the block runs; afterwards a killed process is a new one."""
        try:
            with self.faults.added(fault):
                yield
        finally:
            self._killed = False

    def _kill(self, _access_key: str) -> None:
        self._killed = True

    def _check(self) -> None:
        if self._killed:
            raise KilledError


@cache
def local_stage() -> LocalStage:
    return LocalStage()


@cache
def client(service: Any) -> Any:  # boto3 makes its clients' classes at run time
    """The user's own client, whose calls are neither counted nor made to fail."""
    made = boto3.client(service, endpoint_url=ENDPOINT, region_name=REGION)
    Connection(local_stage().gateway, "user").attach(made.meta.events)
    return made
