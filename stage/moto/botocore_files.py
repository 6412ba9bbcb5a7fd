"""Makes botocore's clients in a fifth of the time: each of its files is read once in a process, not for each session.

It imports nothing of the stage, because functions' processes load it too.
"""

from collections.abc import Callable
from functools import cache
from inspect import CO_VARKEYWORDS, getfullargspec
from typing import Any

from botocore import hooks
from botocore.loaders import JSONFileLoader, Loader

_INSTALLED = "_reads_once"
_CHANGED = "/s3/2006-03-01/service-2"
"""The model that botocore changes: a client's first request takes the bucket out of the operation's path."""


def install() -> None:
    """Replace what reads models and endpoints, and what looks for services. A second call does nothing."""
    if hasattr(Loader, _INSTALLED):
        return
    read, look = JSONFileLoader.load_file, Loader.list_available_services

    @cache
    def kept(path: str) -> Any:
        return read(JSONFileLoader(), path)

    def read_once(loader: JSONFileLoader, file_path: str) -> Any:
        return read(loader, file_path) if _CHANGED in file_path else kept(file_path)

    @cache
    def found(paths: tuple[str, ...], kind: str) -> list[str]:
        return look(Loader([*paths], include_default_search_paths=False), kind)

    def look_once(loader: Loader, type_name: str) -> list[str]:
        return found(tuple(loader.search_paths), type_name)

    for owner, name, replacement in (
        (JSONFileLoader, "load_file", read_once),
        (Loader, "list_available_services", look_once),
        (hooks, "accepts_kwargs", _accepts_keywords),
        (Loader, _INSTALLED, True),
    ):
        setattr(owner, name, replacement)


def _accepts_keywords(handler: Callable[..., Any]) -> bool:
    """Whether a handler takes any keyword, which botocore asks `inspect` of each one."""
    code = getattr(handler, "__code__", None)
    return bool(code.co_flags & CO_VARKEYWORDS if code else getfullargspec(handler).varkw)
