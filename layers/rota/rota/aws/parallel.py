"""Independent calls, in threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# EventBridge lets 50 calls through at once, then 50 a second; more threads than this one processor does not keep busy.
CONCURRENT_CALLS = 25


def thread_pool() -> ThreadPoolExecutor:
    """For independent calls."""
    return ThreadPoolExecutor(CONCURRENT_CALLS)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of `work` on each item, in the items' order. The first error, in that order, is raised."""
    items = list(items)
    if len(items) < 2:  # noqa: PLR2004  one call needs no thread
        return [work(item) for item in items]
    with thread_pool() as pool:
        return list(pool.map(work, items))
