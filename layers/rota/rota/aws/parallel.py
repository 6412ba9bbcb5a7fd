"""Calls that do not wait for one another, in threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough to use up EventBridge's 50 calls a second at a fifth of a second each.
CONCURRENT_CALLS = 10


def thread_pool() -> ThreadPoolExecutor:
    """For calls that do not wait for one another. Make no client in them: that is not safe, using one is."""
    return ThreadPoolExecutor(CONCURRENT_CALLS)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on each item in `threads`, the results in the items' order; the first error ends it."""
    with thread_pool() as pool:
        return list(pool.map(work, items))
