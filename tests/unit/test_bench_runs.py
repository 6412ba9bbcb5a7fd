"""What a month of runs costs by counted calls."""

from dataclasses import replace
from typing import Any

import pytest

from bench import report
from bench.runs import DAYS, LATENCY_MS, RUNS_A_DAY, Burst, Watched, Work, monthly

SEEN = Watched(
    burst=Burst(started=10, recorded=12, deployed=20, outcome="SUCCEEDED", refused=0, most=7),
    runs=10,
    record=Work(20, 800, 20_000, {"GetItem": 60, "PutItem": 10, "TransactWriteItems": 10}),
    look=Work(1, 200, 1_000, {"GetItem": 24, "Query": 1, "PutItem": 1, "ListTasks": 2}),
    sweep=Work(5, 400, 5_000, {"GetItem": 20, "Query": 5, "PutItem": 5, "ListTasks": 10}),
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
    # In each invocation one item of 6 kB, at half the price, 4 kB a read; four more reads a run.
    assert found["RecordRun", "reads"] == pytest.approx((2 * 2 / 2 + 4) * runs)
    # The sweep that saw the runs end read twenty items more than the others.
    assert found["Sweep's look at a run", "reads"] == pytest.approx(2 * runs)
    assert found["Sweep", "writes"] == pytest.approx(43_200)
    assert found["Sweep", "reads"] == pytest.approx((3 + 2 + 15) * 43_200)
    assert found["RecordRun", "GB-seconds"] == pytest.approx(0.08 * runs * 1769 / 1024)


def test_with_less_memory_all_but_the_waiting_takes_longer() -> None:
    work = Work(1, 60, 0, {"GetItem": 2}, memory=1769 // 2)
    assert LATENCY_MS == 10
    assert work.gigabyte_seconds == pytest.approx((20 + 40 * 2) / 1000 * 884 / 1024, rel=0.01)


def test_an_item_of_more_than_a_kilobyte_costs_two_writes() -> None:
    larger = replace(SEEN, run_bytes=1_100)
    assert units(larger)["RecordRun", "writes"] == pytest.approx(8 * RUNS_A_DAY * DAYS)


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({}, []),
        ({"burst": SEEN.burst._replace(recorded=41)}, ["300 starts were recorded 31 s after the last, 30 may be"]),
        ({"burst": SEEN.burst._replace(outcome="FAILED")}, ["the deployment in the burst ended FAILED"]),
        ({"runs": 9}, ["3.3 writes a run, 3 are allowed"]),
    ],
    ids=["none", "a slow burst", "no deployment beside it", "a write too many"],
)
def test_what_is_over_a_limit_is_said(change: dict[str, Any], missed: list[str]) -> None:
    seen = replace(SEEN, **change)
    assert [line for line in seen.missed() if "cost" not in line] == missed


def test_the_page_has_every_line_and_its_source() -> None:
    page = report.of_runs(SEEN)
    assert all(row.what in page and row.price.page in page for row in monthly(SEEN))
    assert f"{sum(row.dollars for row in monthly(SEEN)):.2f} $" in page


def test_a_price_above_five_dollars_in_all_is_said() -> None:
    dear = replace(SEEN, record=SEEN.record._replace(milliseconds=8_000))
    assert any(line.startswith("10000 runs a day cost") for line in dear.missed())
