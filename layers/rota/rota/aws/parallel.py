"""Independent calls, in threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough to use EventBridge's quota of 50 calls a second if each takes 0.2 s.
CONCURRENT_CALLS = 10


def thread_pool() -> ThreadPoolExecutor:
    """For independent calls."""
    return ThreadPoolExecutor(CONCURRENT_CALLS)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of `work` on each item, in the items' order. The first error, in that order, is raised."""
    with thread_pool() as pool:
        return list(pool.map(work, items))
