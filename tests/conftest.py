"""What holds for all tests of a worker."""

import gc
import os
import time
from collections import Counter

import pytest
from hypothesis import is_hypothesis_test, settings

from stage.moto import botocore_files
from tests.share import is_drawn

gc.disable()
os.environ["TZ"] = "UTC"  # what people read names UTC where local time is another
time.tzset()
botocore_files.install()  # before moto is imported, which makes sessions meanwhile


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="the cases that `make test` leaves out, and no others")
    parser.addoption(
        "--share", type=int, default=1, help="of these cases, and of the roles' statements, one in so many"
    )
    parser.addoption("--seed", type=int, default=0, help="which of them")


def pytest_configure(config: pytest.Config) -> None:
    """How many examples hypothesis draws where a test does not say it."""
    settings.register_profile("rota", deadline=None, max_examples=200 if config.getoption("exhaustive") else 20)
    settings.load_profile("rota")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test marked `exhaustive(first=N)`, `make test` runs the first N cases; of one marked `exhaustive(every=N)`,
    every Nth. `--exhaustive` runs the others. Tests with drawn examples are in both.
    """
    seen: Counter[str] = Counter()
    chosen: dict[bool, list[pytest.Item]] = {False: [], True: []}
    for item in items:
        mark, test = item.get_closest_marker("exhaustive"), item.nodeid.partition("[")[0]
        seen[test] += 1
        is_further = mark is not None and _is_further(seen[test], **mark.kwargs)
        chosen[is_further].append(item)
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj) and not is_further:
            chosen[True].append(item)
    exhaustive = bool(config.getoption("exhaustive"))
    items[:] = [item for item in chosen[exhaustive] if not exhaustive or is_drawn(config, item.nodeid)]
    config.hook.pytest_deselected(items=[*{*chosen[False], *chosen[True]}.difference(items)])


def _is_further(number: int, *, first: int = 0, every: int = 0) -> bool:
    return number % every != 1 if every else number > first


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
