"""Snapshots that many tests begin with: made by calls once in a process, then restored without them."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from stage.snapshots.pickling import pickled, unpickled
from tests.steps.environment import differing
from tests.steps.local_stage import local_stage

Made = TypeVar("Made")
# The path to an object: an argument, then attributes.
_Place = tuple[str, ...]

_REACHED: dict[str, bytes] = {}


class Lasting:
    """An object that stays the same when a snapshot is restored; its attributes are restored."""


def once(reach: Callable[..., Made]) -> Callable[..., Made]:
    """Run a fixture for the first test of a process only, and of an environment of the functions; it must depend on
    these and its arguments alone. It is run once for each value of those that are not `Lasting`.

    For later tests its result, AWS's data and its `Lasting` arguments are restored.
    """

    @functools.wraps(reach)
    def reach_once(**given: Any) -> Made:
        others = {name: each for name, each in given.items() if not isinstance(each, Lasting)}
        name = f"{reach.__module__}.{reach.__qualname__}{differing()}{others or ''}"
        if name in _REACHED:
            local_stage().reset(name)
            restored: Made = _restored(_REACHED[name], given)
            return restored
        made = reach(**given)
        local_stage().keep(name)
        _REACHED[name] = _kept(made, given)
        return made

    return reach_once


def _kept(made: object, given: Mapping[str, object]) -> bytes:
    lasting = dict(_lasting(given))
    places = {id(each): place for place, each in lasting.items()}
    states = {place: vars(each) for place, each in lasting.items()}
    return pickled((states, made), lambda each: places.get(id(each)))


def _restored(kept: bytes, given: Mapping[str, object]) -> Any:
    states, made = unpickled(kept, lambda place: _at(place, given))
    for place, state in states.items():
        _at(place, given).__dict__ = state
    return made


def _lasting(found: Mapping[str, object], path: _Place = ()) -> Iterator[tuple[_Place, object]]:
    for name, each in found.items():
        if isinstance(each, Lasting):
            yield (*path, name), each
            yield from _lasting(vars(each), (*path, name))


def _at(place: _Place, given: Mapping[str, object]) -> Any:
    name, *rest = place
    return functools.reduce(getattr, rest, given[name])
