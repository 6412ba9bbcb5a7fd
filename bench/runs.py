"""What watching runs takes: calls of a run and of a sweep, counted on the stage; a burst of starts; a month's price."""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from examples.guestbook.client import Client
from stage.client import wait_for

RUNS_A_DAY, JOBS, DAYS = 10_000, 60, 30
MOST_DOLLARS, MOST_WRITES = 5.0, 3.0
BURST, BURST_SECONDS = 300, 30.0
"""So many starts in one minute are recorded within so many seconds."""
CONCURRENCY = 10
"""How many functions of the whole account run at once in a new one; RecordRun has half of them."""
LATENCY_MS = 10
"""DynamoDB promises "single-digit millisecond" answers."""
_STEADY, _SWEEPS = 10, 5
_MB = 1769
_RELEASES = 50
_RECORDED, _LOST = "recorded", "found"
_APP = "runs#production/guestbook-api"


class Work(NamedTuple):
    """Invocations of one function."""

    invocations: int
    milliseconds: float
    """Billed, of all of them."""
    logged: int
    """Bytes."""
    calls: Mapping[str, int]
    """By operation, those that AWS charges for."""


@dataclass(frozen=True)
class Watched:
    """What was seen."""

    started: float
    """Seconds in which the burst's tasks were started."""
    recorded: float
    """Seconds from the burst's first start until every run of it was recorded."""
    runs: int
    """Those that began and ended one after the other; what follows is of them, and of so many sweeps."""
    record: Work
    sweep: Work
    run_bytes: int
    job_bytes: int
    release_bytes: int

    @property
    def writes(self) -> float:
        """Items written for a run: a transaction writes two."""
        calls = self.record.calls
        return (
            calls.get("PutItem", 0) + calls.get("UpdateItem", 0) + 2 * calls.get("TransactWriteItems", 0)
        ) / self.runs

    def missed(self) -> Iterator[str]:
        """A line for everything that is not as it must be."""
        if self.recorded > BURST_SECONDS:
            yield f"{BURST} starts were recorded after {self.recorded:.0f} s, {BURST_SECONDS:.0f} are allowed"
        if self.writes > MOST_WRITES:
            yield f"{self.writes:.1f} writes a run, {MOST_WRITES:.0f} are allowed"
        if (dollars := sum(row.dollars for row in monthly(self) if row.of_runs)) > MOST_DOLLARS:
            yield f"{RUNS_A_DAY} runs a day cost {dollars:.2f} $ a month, {MOST_DOLLARS:.0f} are allowed"


class Price(NamedTuple):
    """List price in us-east-1, without free tiers, of so many units."""

    dollars: float
    per: float
    source: str


_PRICES = {
    "requests": Price(0.20, 1e6, "https://aws.amazon.com/lambda/pricing/"),
    "GB-seconds": Price(0.0000166667, 1, "https://aws.amazon.com/lambda/pricing/"),
    "writes": Price(0.625, 1e6, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "reads": Price(0.125, 1e6, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "GB stored": Price(0.25, 1, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "SQS requests": Price(0.40, 1e6, "https://aws.amazon.com/sqs/pricing/"),
    "events": Price(1.00, 1e6, "https://aws.amazon.com/eventbridge/pricing/"),
    "GB logged": Price(0.50, 1, "https://aws.amazon.com/cloudwatch/pricing/"),
    "metrics": Price(0.30, 1, "https://aws.amazon.com/cloudwatch/pricing/"),
    "alarm metrics": Price(0.10, 1, "https://aws.amazon.com/cloudwatch/pricing/"),
}


class Row(NamedTuple):
    """A line of the bill."""

    what: str
    units: float
    unit: str
    dollars: float
    source: str
    of_runs: bool
    """Whether it grows with the runs; else it is the same for any number of them."""


def monthly(seen: Watched) -> list[Row]:
    """What a month of so many runs a day costs. Pure."""
    runs, sweeps = RUNS_A_DAY * DAYS, 60 * 24 * DAYS
    record, sweep = seen.record, seen.sweep
    of_run, of_job = _units(seen.run_bytes, 1), _units(seen.job_bytes, 1)
    swept = seen.release_bytes * _RELEASES
    a_run, a_sweep = 1 / seen.runs, 1 / sweep.invocations
    gets = record.calls.get("GetItem", 0) - record.invocations
    reads_a_run = a_run * (gets + record.invocations * _units(swept, 4) + record.calls.get("Query", 0))
    writes_a_run = a_run * (
        record.calls.get("PutItem", 0) * of_run + 2 * record.calls.get("TransactWriteItems", 0) * (of_run + of_job)
    )
    reads_a_sweep = a_sweep * (
        sweep.calls.get("GetItem", 0) * _units(swept, 4)
        + sweep.calls.get("Query", 0) * _units(JOBS * seen.job_bytes, 4)
    )
    writes_a_sweep = a_sweep * sweep.calls.get("PutItem", 0) * _units(swept, 1)
    invocations = runs * record.invocations * a_run
    gigabyte_seconds = _MB / 1024 / 1000
    return [
        _row("RecordRun", "requests", invocations),
        _row("RecordRun", "GB-seconds", runs * record.milliseconds * a_run * gigabyte_seconds),
        _row("RecordRun", "writes", runs * writes_a_run),
        _row("RecordRun", "reads", runs * reads_a_run),
        _row("90 days of runs", "GB stored", 3 * runs * (seen.run_bytes + 100) / 1e9),  # 100: each item's overhead
        _row("RunQueue, sent, received and deleted", "SQS requests", 3 * invocations),
        _row("Rota Run, for each 50th run", "events", 2 * runs / 50),
        _row("logs of RecordRun", "GB logged", runs * record.logged * a_run / 1e9),
        _row("Sweep", "requests", sweeps, of_runs=False),
        _row("Sweep", "GB-seconds", sweeps * sweep.milliseconds * a_sweep * gigabyte_seconds, of_runs=False),
        _row("Sweep", "writes", sweeps * writes_a_sweep, of_runs=False),
        _row("Sweep", "reads", sweeps * reads_a_sweep, of_runs=False),
        _row("logs of Sweep", "GB logged", sweeps * sweep.logged * a_sweep / 1e9, of_runs=False),
        # Lambda begins with five pollers, and each waits for 20 seconds.
        _row("RunQueue, polled", "SQS requests", 5 * 3 * sweeps, of_runs=False),
        # Runs of four outcomes, and the duration of the two that have one.
        _row("runs by outcome", "metrics", 6, of_runs=False),
        # LateRuns and UnrecordedRuns watch one metric each, NoSweep two.
        _row("alarms of run watching", "alarm metrics", 4, of_runs=False),
    ]


def _row(what: str, unit: str, units: float, *, of_runs: bool = True) -> Row:
    price = _PRICES[unit]
    return Row(what, units, unit, units / price.per * price.dollars, price.source, of_runs)


def _units(size: int, kilobytes: int) -> int:
    """Of DynamoDB's: a write is 1 KB, a consistent read 4 KB, and each begun one counts."""
    return max(1, math.ceil(size / 1024 / kilobytes))


# ---------------------------------------------------------------------- measuring


def measure(stage: Client) -> Watched:
    """Deploy so many jobs, then watch single runs, sweeps, and a burst."""
    stage.reset()
    stage.settings(time_scale=0.01, rollout_seconds=0)
    stage.upload_schedule(
        {"tasks": [{"name": f"Job{number:02}", "task": "task", "cron": "0 0 1 1 ? *"} for number in range(JOBS)]}
    )
    if (ended := stage.deploy("runs"))["status"] != "SUCCEEDED":
        raise RuntimeError(f"the deployment ended {ended['status']}: {ended.get('cause')}")
    stage.settings(tasks="scripted", script={"seconds": 60}, latency_ms=LATENCY_MS)
    watched = _Stage(stage)
    watched.sweep()  # which learns the jobs
    for number in range(2):  # with functions that have begun
        watched.run(number)
    stage.clear_calls()
    before = watched.reports()
    for number in range(_STEADY):
        watched.run(number)
    record = _work(before, watched.reports(), stage.calls(), "RecordRun", _RECORDED)
    stage.clear_calls()
    before = watched.reports()
    for _ in range(_SWEEPS):
        watched.sweep()
    sweep = _work(before, watched.reports(), stage.calls(), "Sweep", _LOST)
    sizes = watched.sizes()
    started, recorded = watched.burst()
    return Watched(started, recorded, _STEADY, record, sweep, **sizes)


class _Stage:
    """The stage, by what it does with runs."""

    def __init__(self, stage: Client) -> None:
        self._stage = stage
        self._sweep = next(
            name
            for each in stage.client("lambda").list_functions()["Functions"]
            if "Sweep" in (name := each["FunctionName"])
        )
        described = stage.client("ecs").describe_services(
            cluster=stage.names["cluster"], services=[stage.names["service"]]
        )["services"][0]
        self._request = {
            "cluster": stage.names["cluster"],
            "taskDefinition": described["taskDefinition"],
            "networkConfiguration": described["networkConfiguration"],
            "launchType": "FARGATE",
        }

    def sweep(self) -> None:
        self._stage.client("lambda").invoke(FunctionName=self._sweep, Payload=b'{"id": "bench"}')

    def start(self, number: int, count: int = 1) -> None:
        environment = [{"name": "ROTA_TASK", "value": f"Job{number % JOBS:02}"}]
        overrides = {"containerOverrides": [{"name": "app", "environment": environment}]}
        self._stage.client("ecs").run_task(**self._request, overrides=overrides, count=count)

    def run(self, number: int) -> None:
        """One from its begin to its end."""
        before = self._statuses()
        self.start(number)
        wait_for(lambda: self._statuses()["starting"] > before["starting"], 30)
        self._stage.advance(90)
        wait_for(lambda: self._statuses()["ok"] > before["ok"], 30)

    def burst(self) -> tuple[float, float]:
        """Seconds in which they were started, and until all were recorded."""
        before, begun = self._statuses(), time.monotonic()
        for number in range(BURST // 5):
            self.start(number, 5)
        started = time.monotonic() - begun
        wait_for(lambda: self._statuses().total() >= before.total() + BURST, 240)
        return started, time.monotonic() - begun

    def reports(self) -> list[tuple[str, str]]:
        """All lines of the functions' log, each with its stream."""
        logs = self._stage.client("logs")
        groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
        (group,) = [name for name in groups if name.endswith("/steps")]
        return [
            (stream["logStreamName"], event["message"])
            for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def sizes(self) -> dict[str, int]:
        """Bytes of the largest items."""
        runs, jobs, (swept,) = self._items("run#"), self._items("job#"), self._items("sweep")
        release = json.dumps(swept["releases"]["L"][0])
        return {
            "run_bytes": max(_size(item) for item in runs),
            "job_bytes": max(_size(item) for item in jobs),
            "release_bytes": len(re.sub(r'[{}":, ]|\b[SNM]\b', "", release)),
        }

    def _statuses(self) -> Counter[str]:
        return Counter(item["status"]["S"] for item in self._items("run#"))

    def _items(self, prefix: str) -> list[dict[str, Any]]:
        pages = (
            self._stage.client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self._stage.names["outputs"]["LedgerTableName"],
                KeyConditionExpression="app = :app AND begins_with(#record, :prefix)",
                ExpressionAttributeNames={"#record": "record"},
                ExpressionAttributeValues={":app": {"S": _APP}, ":prefix": {"S": prefix}},
            )
        )
        return [item for page in pages for item in page["Items"]]


def _size(value: Any) -> int:
    """Bytes of an item: its attributes' names and values."""
    if isinstance(value, dict):
        return sum(
            (0 if name in ("S", "N", "M", "L", "BOOL") else len(name)) + _size(each) for name, each in value.items()
        )
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(str(value))


def _work(
    before: list[tuple[str, str]],
    after: list[tuple[str, str]],
    calls: list[dict[str, Any]],
    function: str,
    answer: str,
) -> Work:
    """What a function has done between two readings of the log. A stream is of one process, and so of one function."""
    new = list((Counter(after) - Counter(before)).elements())
    streams = {stream for stream, line in after if f'"{answer}"' in line}
    lines = [line for stream, line in new if stream in streams]
    billed = [int(found[1]) for line in lines if (found := re.search(r"Billed Duration: (\d+) ms", line))]
    counted = Counter(call["operation"] for call in calls if call["caller"] == function)
    # 26: what CloudWatch Logs adds to each line.
    return Work(len(billed), sum(billed), sum(len(line) + 26 for line in lines), counted)
