"""What holds for all tests of a worker."""

import gc
from collections import Counter

import pytest

from tests.share import is_drawn

gc.disable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="the cases that `make test` leaves out, and no others")
    parser.addoption(
        "--share", type=int, default=1, help="of these cases, and of the roles' statements, one in so many"
    )
    parser.addoption("--seed", type=int, default=0, help="which of them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test marked `exhaustive(first=N)`, `make test` runs the first N cases, and `--exhaustive` the others."""
    seen: Counter[str] = Counter()
    chosen: dict[bool, list[pytest.Item]] = {False: [], True: []}
    for item in items:
        mark, test = item.get_closest_marker("exhaustive"), item.nodeid.partition("[")[0]
        seen[test] += 1
        chosen[mark is not None and seen[test] > mark.kwargs.get("first", 0)].append(item)
    exhaustive = bool(config.getoption("exhaustive"))
    items[:] = [item for item in chosen[exhaustive] if not exhaustive or is_drawn(config, item.nodeid)]
    config.hook.pytest_deselected(items=[*chosen[not exhaustive], *set(chosen[exhaustive]).difference(items)])


def pytest_collection_finish() -> None:
    """Leave what was imported out of all garbage collections: moto and botocore's models alone are half a million
    objects, and looking through them took a tenth of the suite's time.
    """
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_sessionfinish() -> None:
    """What is left ends with the process: pytest and Python would look through all of it once more each, and again."""
    gc.freeze()
