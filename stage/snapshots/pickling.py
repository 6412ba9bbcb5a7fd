"""What moto holds as bytes, but for what has to stay the object that it is."""

import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

Place = Any
"""Says where an object is found; whatever can be pickled."""


def pickled(content: object, place_of: Callable[[object], Place]) -> bytes:
    """The content as bytes. Of an object that has a place, by `place_of`, only that is kept; one for which it returns
    None is copied. Locks are made anew.
    """
    written = io.BytesIO()
    _Pickler(written, place_of).dump(content)
    return written.getvalue()


def unpickled(kept: bytes, at: Callable[[Place], object]) -> Any:
    """The content once more, with the object that is `at` each place."""
    return _Unpickler(io.BytesIO(kept), at).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, place_of: Callable[[object], Place]) -> None:
        super().__init__(file)
        self._place_of = place_of

    def persistent_id(self, obj: object) -> Place:
        return self._place_of(obj)

    def reducer_override(self, obj: object) -> Any:
        return (threading.RLock, ()) if isinstance(obj, type(threading.RLock())) else NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, at: Callable[[Place], object]) -> None:
        super().__init__(file)
        self._at = at

    def persistent_load(self, pid: Place) -> object:
        return self._at(pid)
