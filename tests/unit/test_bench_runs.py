"""What a month of runs costs by counted calls."""

from dataclasses import replace

import pytest

from bench import report
from bench.runs import DAYS, RUNS_A_DAY, Watched, Work, monthly

SEEN = Watched(
    started=10,
    recorded=12,
    runs=10,
    record=Work(20, 800, 20_000, {"GetItem": 60, "PutItem": 10, "TransactWriteItems": 10}),
    sweep=Work(5, 400, 5_000, {"GetItem": 15, "Query": 10, "PutItem": 5, "ListTasks": 10}),
    run_bytes=900,
    job_bytes=1_000,
    release_bytes=300,
)


def units(seen: Watched) -> dict[tuple[str, str], float]:
    return {(row.what, row.unit): row.units for row in monthly(seen)}


def test_each_line_follows_from_counted_calls() -> None:
    found, runs = units(SEEN), RUNS_A_DAY * DAYS
    assert found["RecordRun", "requests"] == pytest.approx(2 * runs)
    # A begin is one write, an end a transaction of two items, which costs twice.
    assert found["RecordRun", "writes"] == pytest.approx(5 * runs)
    # In each invocation one item of 15 kB, 4 kB a read; four more reads a run.
    assert found["RecordRun", "reads"] == pytest.approx((2 * 4 + 4) * runs)
    assert found["Sweep", "writes"] == pytest.approx(15 * 43_200)
    assert found["Sweep", "reads"] == pytest.approx((3 * 4 + 2 * 15) * 43_200)
    assert found["RecordRun", "GB-seconds"] == pytest.approx(0.08 * runs * 1769 / 1024)


def test_an_item_of_more_than_a_kilobyte_costs_two_writes() -> None:
    larger = replace(SEEN, run_bytes=1_100)
    assert units(larger)["RecordRun", "writes"] == pytest.approx(8 * RUNS_A_DAY * DAYS)


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({}, []),
        ({"recorded": 31}, ["300 starts were recorded after 31 s, 30 are allowed"]),
        ({"runs": 9}, ["3.3 writes a run, 3 are allowed"]),
    ],
    ids=["none", "a slow burst", "a write too many"],
)
def test_what_is_over_a_limit_is_said(change: dict[str, float], missed: list[str]) -> None:
    seen = replace(SEEN, **change)  # type: ignore[arg-type]  # the values are those of its fields
    assert [line for line in seen.missed() if "cost" not in line] == missed


def test_the_page_has_every_line_and_its_source() -> None:
    page = report.of_runs(SEEN)
    assert all(row.what in page and row.source in page for row in monthly(SEEN))
