"""The parts of the stage in this process: they answer the calls of the handlers and of the tests.

There is no port, no stack and no function; a step test calls the handler itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.session import Session
from moto.core.base_backend import BaseBackend
from moto.stepfunctions.models import stepfunctions_backends

from stage.background import Background
from stage.client import ROOT
from stage.ecs.timer import Timer
from stage.faults.scripted import Faults
from stage.gateway.calls import Hook
from stage.gateway.in_process import Connection
from stage.moto.clients import ACCOUNT, REGION
from stage.quotas.rules_per_bus import RulesPerBus
from stage.settings import Settings
from stage.snapshots.account import START, Snapshots
from stage.snapshots.pickling import Place, pickled, unpickled
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation
from tests.in_process import FUNCTION, gateway
from tests.steps import seed


class KilledError(BaseException):
    """The function's process was killed. No error handler of the function catches it."""


class _AtOnce(Timer):
    """Runs delayed actions at once, so that nothing happens in the background; what takes a minute never happens."""

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        if seconds < 60:
            action()


def _place_of(each: object) -> Place:
    """That of moto's backend, which is not copied."""
    return "backend" if isinstance(each, BaseBackend) else None


class LocalStage:
    """One for a process, because there is one moto."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.background = Background(
            self.settings, ROOT / "examples/app", "guestbook", lambda *_: None, timer=_AtOnce()
        )
        self.faults = Faults(self._kill, lambda _: None, lambda: {FUNCTION})
        self._hooks: list[Hook] = [
            Validation(),
            DocumentedRules(),
            RulesPerBus(self.settings),
            *self.background.hooks,
        ]
        self.snapshots = Snapshots(self.background.services)
        self._executions: dict[str, bytes] = {}
        self._killed = False
        stepfunctions_backends[ACCOUNT][REGION].reset()  # tests of the stage in this process leave machines
        with self.open():
            seed.create()
        self.keep(START)

    def keep(self, snapshot: str) -> None:
        """Keep a snapshot, with the executions that `World.execution` has started."""
        self.snapshots.keep(snapshot)
        machines = stepfunctions_backends[ACCOUNT][REGION].state_machines
        self._executions[snapshot] = pickled(machines, _place_of)

    def reset(self, snapshot: str = START) -> None:
        """Restore a snapshot. A rollout completes at once."""
        self.background.reset()
        self.settings.reset()
        self.settings.change({"rollout_seconds": 0})
        self.snapshots.restore(self.snapshots.find(snapshot))
        backend = stepfunctions_backends[ACCOUNT][REGION]
        backend.reset()
        backend.state_machines = unpickled(self._executions[snapshot], lambda _: backend)

    def connect(self, session: Session) -> None:
        """Take the calls of a session's clients: those of the handlers."""
        Connection(gateway(), FUNCTION, self._check).attach(session.get_component("event_emitter"))

    @contextmanager
    def open(self, *hooks: Hook) -> Iterator[None]:
        """Answer all calls of the process while the block runs; `hooks` see those that no fault refuses."""
        gateway().hooks[:] = [self.faults, *hooks, *self._hooks]
        try:
            yield
        finally:
            gateway().hooks.clear()

    @contextmanager
    def hooked(self, hook: Hook) -> Iterator[None]:
        """Pass every call to this hook first while the block runs."""
        gateway().hooks.insert(0, hook)
        try:
            yield
        finally:
            gateway().hooks.remove(hook)

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
    """The stage of this process, as a user has it before Rota's first deployment."""
    return LocalStage()
