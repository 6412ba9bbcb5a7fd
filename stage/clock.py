"""The stage's one clock: the real time, until it is set or advanced.

Everything of the stage asks this module, and once the clock has moved, moto and Lambda functions see its time too. It
does not stand still. Processes of ECS tasks see the real time.
"""

import sys
import time as real
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType
from typing import Any

_offset = 0.0
"""Seconds by which the clock differs from the real time."""
_advanced = 0.0
"""Seconds by which it went forward, for what waits."""


def now() -> datetime:
    """The date and time, in UTC."""
    return datetime.now(UTC) + timedelta(seconds=_offset)


def text(at: datetime) -> str:
    """A time in UTC as events have it: `2026-03-01T06:00:00Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def time() -> float:
    """Seconds since the epoch."""
    return real.time() + _offset


def monotonic() -> float:
    """Seconds of a clock that goes forward only."""
    return real.monotonic() + _advanced


def offset() -> float:
    """Seconds by which the clock differs from the real time; 0 for one that was never moved."""
    return _offset


def was_moved() -> bool:
    """Whether it ever moved, also before a reset: it may again."""
    return bool(_advanced or _offset)


def move(seconds: float) -> None:
    """Advance the clock, or set it back by a negative number: then what waits keeps waiting."""
    global _offset, _advanced  # noqa: PLW0603 - there is one clock
    _offset += seconds
    _advanced += max(seconds, 0)
    _let_moto_see()


def reset() -> None:
    """Return to the real time."""
    global _offset  # noqa: PLW0603 - as above
    _offset = 0.0


class _Of(type):
    """Real times are instances of the class that stands for `datetime`."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class Datetime(datetime, metaclass=_Of):
    """`datetime` with the clock's time, for a module to have in its place. What it makes are real ones."""

    def __new__(cls, *args: Any, **more: Any) -> Any:
        return datetime(*args, **more)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) + timedelta(seconds=_offset)

    @classmethod
    def utcnow(cls) -> Any:
        return datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=_offset)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def _module(of: ModuleType, **replaced: object) -> ModuleType:
    """A copy of a module with some of its members replaced."""
    copied = ModuleType(of.__name__)
    vars(copied).update({**vars(of), **replaced})
    return copied


_STANDS_FOR: dict[int, object] = {
    id(datetime): Datetime,
    id(sys.modules["datetime"]): _module(sys.modules["datetime"], datetime=Datetime),
    id(real): _module(real, time=time),
}


_seen: set[str] = set()
"""The modules that were loaded when the clock was last moved: those of moto ask this clock."""


def _let_moto_see() -> None:
    """Let every module of moto that is loaded ask this clock."""
    for name in sys.modules.keys() - _seen:
        _seen.add(name)
        module = sys.modules.get(name)
        if name.startswith("moto.") and module is not None:
            for member, value in list(vars(module).items()):
                if id(value) in _STANDS_FOR:
                    setattr(module, member, _STANDS_FOR[id(value)])
