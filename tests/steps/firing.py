"""The steps on the stage's clock, on which schedules fire."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module

import pytest

from stage import clock
from tests import asl
from tests.steps.local_stage import local_stage
from tests.steps.world import handler


def load_steps() -> None:
    """Load every module of the steps that asks for the time."""
    for step in asl.TASKS:
        handler("".join(f"_{c.lower()}" if c.isupper() else c for c in step).strip("_"))
    for lazy in ("eventbridge_scheduler.backend", "moving"):  # which handlers load where they use it
        import_module(f"rota.schedules.{lazy}")


@contextmanager
def on_the_stages_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While the block runs the handlers take the stage's time for the time, and all schedules fire, whatever time goes
    by. A schedule is switched 50 seconds late.
    """
    late = {"scheduler": {"lag_seconds": 50}, "schedules": {"lag_seconds": 50}}
    local_stage().settings.change({"fire_schedules": True, "tasks": "scripted", **late})
    background = local_stage().background
    for starter in (background.targets, background._starts):  # that it fires is enough: tasks would be refused
        monkeypatch.setattr(starter, "_start_task", lambda *_: [])
    load_steps()
    for name, module in list(sys.modules.items()):
        if name.startswith(("rota.", "functions_")) and vars(module).get("datetime") is datetime:
            monkeypatch.setattr(module, "datetime", clock.Datetime)
    monkeypatch.setattr("time.sleep", passes)
    # The client's pace goes by the real time, which is not this clock's: hundreds of calls would take it an hour.
    monkeypatch.setattr("rota.aws.rate_limit.TokenBucket.wait", lambda _bucket: None)
    FIRED.clear()
    yield
    LAST.clear()
    clock.reset()


FIRED: list[tuple[str, str]] = []
LAST: list[datetime] = []
"""Until when all has fired: what the handlers take of the real time does not count."""
_ALONE = threading.Lock()


def passes(seconds: float) -> None:
    """Time goes by, and what is due fires. Threads that sleep do so one after the other."""
    with _ALONE:
        if LAST:
            clock.move((LAST.pop() - clock.now()).total_seconds())
        until = clock.now() + timedelta(seconds=seconds)
        LAST.append(until)
        FIRED.extend(
            (each["rule"].rpartition("__")[2], each["at"][:16])
            for each in local_stage().background.fire_due(until)
            if "__" in each["rule"]
        )


def at(hour: int, minute: int, second: int = 0) -> None:
    """It is that time, tomorrow by the clock."""
    tomorrow = clock.now() + timedelta(days=1)
    passes((tomorrow.replace(hour=hour, minute=minute, second=second) - clock.now()).total_seconds())
    FIRED.clear()


def starts(task: str) -> Counter[str]:
    return Counter(minute for name, minute in FIRED if name == task)
