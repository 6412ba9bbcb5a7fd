"""Moments that many tests begin at: reached by calls once in a process, and put back without them after that."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from moto.core.base_backend import BackendDict
from moto.dynamodb.models import dynamodb_backends
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.s3.models import s3_backends

from stage.snapshots.pickling import pickled, unpickled

Made = TypeVar("Made")
# Where an object is found: a service, an account and a region; or an argument and the attributes that lead on from it.
_Place = tuple[str, ...]

_SERVICES: dict[str, BackendDict[Any]] = {
    "moto's dynamodb": dynamodb_backends,
    "moto's ecr": ecr_backends,
    "moto's ecs": ecs_backends,
    "moto's events": events_backends,
    "moto's s3": s3_backends,
}
_MOMENTS: dict[Callable[..., object], bytes] = {}


class Lasting:
    """What stays the same object when a moment is put back: only its attributes are those of then."""


def once(reach: Callable[..., Made]) -> Callable[..., Made]:
    """Of a fixture that depends on nothing but its arguments: carry it out for the first test of a process alone.

    For the others, what it returned, what moto holds and what is `Lasting` of its arguments are as it left them.
    """

    @functools.wraps(reach)
    def reach_once(**given: Any) -> Made:
        if reach in _MOMENTS:
            put_back: Made = _put_back(_MOMENTS[reach], given)
            return put_back
        made = reach(**given)
        _MOMENTS[reach] = _taken(made, given)
        return made

    return reach_once


def _taken(made: object, given: Mapping[str, object]) -> bytes:
    lasting = {**dict(_backends()), **dict(_lasting(given))}
    places = {id(each): place for place, each in lasting.items()}
    states = {place: vars(each) for place, each in lasting.items()}
    return pickled((states, made), lambda each: places.get(id(each)))


def _put_back(taken: bytes, given: Mapping[str, object]) -> Any:
    states, made = unpickled(taken, lambda place: _at(place, given))
    for place, state in states.items():
        _at(place, given).__dict__ = state
    return made


def _backends() -> Iterator[tuple[_Place, object]]:
    for name, service in _SERVICES.items():
        for account, regions in service.items():
            for region, backend in regions.items():
                yield (name, account, region), backend


def _lasting(found: Mapping[str, object], path: _Place = ()) -> Iterator[tuple[_Place, object]]:
    for name, each in found.items():
        if isinstance(each, Lasting):
            yield (*path, name), each
            yield from _lasting(vars(each), (*path, name))


def _at(place: _Place, given: Mapping[str, object]) -> Any:
    name, *rest = place
    if name in _SERVICES:
        account, region = rest
        return _SERVICES[name][account][region]
    return functools.reduce(getattr, rest, given[name])
