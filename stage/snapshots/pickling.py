"""Pickles moto's objects, except those that have to keep their identity."""

import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

from moto.s3.utils import _VersionedKeyStore

Place = Any
"""Says where an object that is not copied is found; anything that can be pickled."""


def pickled(content: object, place_of: Callable[[object], Place]) -> bytes:
    """The content as bytes. An object with a place is not copied, only its place is kept; `place_of` returns None for
    all others. Locks are created again.
    """
    written = io.BytesIO()
    _Pickler(written, place_of).dump(content)
    return written.getvalue()


def unpickled(kept: bytes, at: Callable[[Place], object]) -> Any:
    """A copy of the content, with the original object `at` each place."""
    return _Unpickler(io.BytesIO(kept), at).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, place_of: Callable[[object], Place]) -> None:
        super().__init__(file)
        self._place_of = place_of

    def persistent_id(self, obj: object) -> Place:
        return self._place_of(obj)

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, _VersionedKeyStore):
            return type(obj), (), {key: obj.getlist(key) for key in obj}, None, None, _set_versions
        return (threading.RLock, ()) if isinstance(obj, type(threading.RLock())) else NotImplemented


def _set_versions(store: _VersionedKeyStore, versions: dict[str, list[Any]]) -> None:
    """As a dictionary it would be pickled with the newest version of each key alone."""
    for key, each in versions.items():
        store.setlist(key, each)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, at: Callable[[Place], object]) -> None:
        super().__init__(file)
        self._at = at

    def persistent_load(self, pid: Place) -> object:
        return self._at(pid)
