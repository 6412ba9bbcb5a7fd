"""What watching runs takes: calls of a run and of a sweep, counted on the stage; a burst of starts; a month's price."""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.memory import cpu_seconds
from examples.guestbook.client import Client
from stage.client import wait_for

RUNS_A_DAY, JOBS, DAYS = 10_000, 60, 30
MOST_DOLLARS, MOST_WRITES = 5.0, 3.0
BURST, BURST_SECONDS = 300, 30.0
"""So many starts in one minute are recorded within so many seconds, while a deployment runs."""
CONCURRENCY = 10
"""How many functions of the whole account run at once in a new one."""
LATENCY_MS = 10
"""DynamoDB promises "single-digit millisecond" answers."""
_STEADY, _SWEEPS = 10, 5
_LONGEST_SECONDS = 240
_WHOLE_CPU = 1769
"""MB of a function with a CPU of its own, as it has on the stage."""
_RELEASES = 20
_RECORDED, _FOUND = "recorded", "found"
_APP = "runs#production/guestbook-api"
_TICK = b'{"id": "bench"}'
# Of the outcomes `Runs` has one metric each, which costs for the hours in which a run ended so: `ok` in each, the four
# others in one hour of a day.
_METRICS = 1 + 4 / 24


class Work(NamedTuple):
    """Invocations of one function."""

    invocations: int
    milliseconds: float
    """Of all of them, with a CPU of their own: what they used of one, and what they waited for the calls."""
    logged: int
    """Bytes."""
    calls: Mapping[str, int]
    """By operation."""
    memory: int = _WHOLE_CPU
    """MB."""

    @property
    def gigabyte_seconds(self) -> float:
        """With the CPU that its memory has: what is no waiting for a call takes longer by as much as that is less."""
        waits = min(self.milliseconds, LATENCY_MS * sum(self.calls.values()))
        milliseconds = waits + (self.milliseconds - waits) * _WHOLE_CPU / self.memory
        return milliseconds / 1000 * self.memory / 1024


class Mark(NamedTuple):
    """The functions' log, and the seconds of a CPU that they have used, at some moment."""

    reports: list[tuple[str, str]]
    cpu: Mapping[str, float]


class Burst(NamedTuple):
    """So many starts in a minute, in an account with so many functions at once, and a push in the same minute."""

    started: float
    """Seconds in which the tasks were started."""
    recorded: float
    """Seconds from the first start until every run was recorded."""
    deployed: float
    """Seconds from the push until its deployment had ended."""
    outcome: str
    """How it ended."""
    refused: int
    """Invocations that Lambda refused because too many functions ran."""
    most: int
    """Functions that were seen to run at once."""

    @property
    def late(self) -> float:
        """Seconds from the last start until every run was recorded."""
        return self.recorded - self.started


@dataclass(frozen=True)
class Watched:
    """What was seen."""

    burst: Burst
    runs: int
    """Those that began and ended one after the other; `record` and `look` are of them."""
    record: Work
    look: Work
    """The sweep that sees for the first time that they have ended."""
    sweep: Work
    """Sweeps that see nothing new."""
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
        if self.burst.late > BURST_SECONDS:
            yield f"{BURST} starts were recorded {self.burst.late:.0f} s after the last, {BURST_SECONDS:.0f} may be"
        if self.burst.outcome != "SUCCEEDED":
            yield f"the deployment in the burst ended {self.burst.outcome}"
        if self.writes > MOST_WRITES:
            yield f"{self.writes:.1f} writes a run, {MOST_WRITES:.0f} are allowed"
        if (dollars := sum(row.dollars for row in monthly(self))) > MOST_DOLLARS:
            yield f"{RUNS_A_DAY} runs a day cost {dollars:.2f} $ a month in all, {MOST_DOLLARS:.0f} are allowed"


class Price(NamedTuple):
    """List price in us-east-1, without free tiers, of so many units."""

    dollars: float
    per: float
    page: str
    """AWS's page that has it."""
    seen: str
    """The month in which it was seen."""


_PRICES = {
    "requests": Price(0.20, 1e6, "AWS Lambda pricing", "2026-06"),
    "GB-seconds": Price(0.0000166667, 1, "AWS Lambda pricing", "2026-06"),
    "writes": Price(0.625, 1e6, "Amazon DynamoDB pricing", "2025-07"),
    "reads": Price(0.125, 1e6, "Amazon DynamoDB pricing", "2025-07"),
    "GB stored": Price(0.25, 1, "Amazon DynamoDB pricing", "2025-07"),
    "SQS requests": Price(0.40, 1e6, "Amazon SQS pricing", "2026-06"),
    "events": Price(1.00, 1e6, "Amazon EventBridge pricing", "2026-06"),
    "GB logged": Price(0.50, 1, "Amazon CloudWatch pricing", "2026-02"),
    "metrics": Price(0.30, 1, "Amazon CloudWatch pricing", "2026-02"),
    "alarm metrics": Price(0.10, 1, "Amazon CloudWatch pricing", "2026-02"),
}


class Row(NamedTuple):
    """A line of the bill."""

    what: str
    units: float
    unit: str
    dollars: float
    price: Price
    of_runs: bool
    """Whether it grows with the runs; else it is the same for any number of them."""


def monthly(seen: Watched) -> list[Row]:
    """What a month of so many runs a day costs. Pure."""
    runs, sweeps = RUNS_A_DAY * DAYS, 60 * 24 * DAYS
    record, look, sweep = seen.record, seen.look, seen.sweep
    of_run, of_job = _units(seen.run_bytes, 1), _units(seen.job_bytes, 1)
    releases = _units(seen.release_bytes * _RELEASES, 4)
    a_run, a_sweep = 1 / seen.runs, 1 / sweep.invocations
    # One of RecordRun's is of the releases, and half as dear because it need not be consistent.
    gets = record.calls.get("GetItem", 0) - record.invocations
    reads_a_run = a_run * (gets + record.invocations * releases / 2 + record.calls.get("Query", 0))
    looks = a_run * max(0, look.calls.get("GetItem", 0) - a_sweep * sweep.calls.get("GetItem", 0))
    writes_a_run = a_run * (
        record.calls.get("PutItem", 0) * of_run + 2 * record.calls.get("TransactWriteItems", 0) * (of_run + of_job)
    )
    reads_a_sweep = (
        a_sweep * sweep.calls.get("GetItem", 0)
        + releases
        - 1
        + a_sweep * sweep.calls.get("Query", 0) * _units(JOBS * seen.job_bytes, 4)
    )
    invocations = runs * record.invocations * a_run
    return [
        _row("RecordRun", "requests", invocations),
        _row("RecordRun", "GB-seconds", runs * record.gigabyte_seconds * a_run),
        _row("RecordRun", "writes", runs * writes_a_run),
        _row("RecordRun", "reads", runs * reads_a_run),
        _row("Sweep's look at a run", "reads", runs * looks),
        _row("90 days of runs", "GB stored", 3 * runs * (seen.run_bytes + 100) / 1e9),  # 100: each item's overhead
        _row("RunQueue, sent, received and deleted", "SQS requests", 3 * invocations),
        _row("Rota Run, for each 50th run", "events", 2 * runs / 50),
        _row("logs of RecordRun", "GB logged", runs * record.logged * a_run / 1e9),
        _row("Sweep", "requests", sweeps, of_runs=False),
        _row("Sweep", "GB-seconds", sweeps * sweep.gigabyte_seconds * a_sweep, of_runs=False),
        # Its own item, which is smaller than a kilobyte.
        _row("Sweep", "writes", sweeps * a_sweep * sweep.calls.get("PutItem", 0), of_runs=False),
        _row("Sweep", "reads", sweeps * reads_a_sweep, of_runs=False),
        _row("logs of Sweep", "GB logged", sweeps * sweep.logged * a_sweep / 1e9, of_runs=False),
        # Lambda begins with five pollers, and each waits for 20 seconds.
        _row("RunQueue, polled", "SQS requests", 5 * 3 * sweeps, of_runs=False),
        _row("runs by outcome", "metrics", _METRICS, of_runs=False),
        # LateRuns and UnrecordedRuns watch one metric each, NoSweep two.
        _row("alarms of run watching", "alarm metrics", 4, of_runs=False),
    ]


def _row(what: str, unit: str, units: float, *, of_runs: bool = True) -> Row:
    price = _PRICES[unit]
    return Row(what, units, unit, units / price.per * price.dollars, price, of_runs)


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
    watched.sweep()
    stage.clear_calls()
    before = watched.mark()
    for number in range(_STEADY):
        watched.run(number)
    record = watched.work(before, "RecordRun", _RECORDED)
    look = watched.sweeps(1)
    sweep = watched.sweeps(_SWEEPS)
    sizes = watched.sizes()
    return Watched(watched.burst(), _STEADY, record, look, sweep, **sizes)


class _Stage:
    """The stage, by what it does with runs."""

    def __init__(self, stage: Client) -> None:
        self._stage = stage
        self._functions = {
            name: each
            for each in stage.client("lambda").list_functions()["Functions"]
            for name in ("Sweep", "RecordRun")
            if name in each["FunctionName"]
        }
        described = stage.client("ecs").describe_services(
            cluster=stage.names["cluster"], services=[stage.names["service"]]
        )["services"][0]
        self._request = {
            "cluster": stage.names["cluster"],
            "taskDefinition": described["taskDefinition"],
            "networkConfiguration": described["networkConfiguration"],
            "launchType": "FARGATE",
        }
        self._known = set(stage.executions())

    def sweep(self) -> None:
        self._stage.client("lambda").invoke(FunctionName=self._functions["Sweep"]["FunctionName"], Payload=_TICK)

    def sweeps(self, number: int) -> Work:
        self._stage.clear_calls()
        before = self.mark()
        for _ in range(number):
            self.sweep()
        return self.work(before, "Sweep", _FOUND)

    def mark(self) -> Mark:
        return Mark(self.reports(), cpu_seconds(self._stage.endpoint))

    def work(self, before: Mark, function: str, answer: str) -> Work:
        """What a function has done since then."""
        after = self.mark()
        work = _work(before.reports, after.reports, self._stage.calls(), function, answer)
        memory = self._functions[function]["MemorySize"]
        if not after.cpu:  # not Linux: by the clock, which a busy machine makes too much
            return work._replace(memory=memory)
        used = after.cpu.get(function, 0.0) - before.cpu.get(function, 0.0)
        waited = LATENCY_MS * sum(work.calls.values())
        return work._replace(memory=memory, milliseconds=1000 * used + waited)

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

    def burst(self) -> Burst:
        """In the same minute as a push, and a sweep."""
        self._stage.settings(concurrency=CONCURRENCY)
        self._stage.clear_calls()
        before, begun, most = self._statuses().total(), time.monotonic(), 0
        self._stage.push("in-the-burst")
        (execution,) = wait_for(lambda: [each for each in self._stage.executions() if each not in self._known], 30)
        for number in range(BURST // 5):
            self.start(number, 5)
        started = time.monotonic() - begun
        self._stage.client("lambda").invoke(
            FunctionName=self._functions["Sweep"]["FunctionName"], Payload=_TICK, InvocationType="Event"
        )
        recorded = deployed = 0.0
        while not (recorded and deployed) and time.monotonic() - begun < _LONGEST_SECONDS:
            most = max(most, len(self._stage.invocations()))
            passed = time.monotonic() - begun
            if not recorded and self._statuses().total() >= before + BURST:
                recorded = passed
            if not deployed and self._status(execution) != "RUNNING":
                deployed = passed
        wait_for(lambda: not self._stage.invocations(), 60)  # a stage that ends meanwhile would wait for them
        refused = [each for each in self._stage.calls("lambda", "Invoke") if each["error"]]
        return Burst(started, recorded, deployed, self._status(execution), len(refused), most)

    def _status(self, execution: str) -> str:
        described = self._stage.client("stepfunctions").describe_execution(executionArn=execution)
        return str(described["status"])

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
        runs, jobs, (releases,) = self._items("run#"), self._items("job#"), self._items("releases")
        release = json.dumps(releases["releases"]["L"][0])
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
