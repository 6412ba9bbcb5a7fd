"""What moto holds as bytes, but for what has to stay the object that it is."""

import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

Place = Any
"""Says where an object is found; whatever can be pickled."""


def pickled(content: object, place_of: Callable[[object], Place]) -> bytes:
    """The content as bytes. Of an object that has a place, by `place_of`, only that is kept; locks are made anew."""
    written = io.BytesIO()
    pickler = _Pickler(written)
    pickler.place_of = place_of
    pickler.dump(content)
    return written.getvalue()


def unpickled(kept: bytes, at: Callable[[Place], object]) -> Any:
    """The content once more, with the object that is `at` each place."""
    unpickler = _Unpickler(io.BytesIO(kept))
    unpickler.at = at
    return unpickler.load()


class _Pickler(pickle.Pickler):
    place_of: Callable[[object], Place]

    def persistent_id(self, obj: object) -> Place:
        return self.place_of(obj)

    def reducer_override(self, obj: object) -> Any:
        return (threading.RLock, ()) if isinstance(obj, type(threading.RLock())) else NotImplemented


class _Unpickler(pickle.Unpickler):
    at: Callable[[Place], object]

    def persistent_load(self, pid: Place) -> object:
        return self.at(pid)
