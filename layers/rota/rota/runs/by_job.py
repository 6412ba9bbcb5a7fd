"""What concerns several jobs, job by job: two writes of a job's item at once only keep each other waiting. Pure."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def by_job(items: Iterable[Item], job: Callable[[Item], str]) -> dict[str, list[Item]]:
    """The items of each job, in their order; `job(item)` names it."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(job(item), []).append(item)
    return groups
