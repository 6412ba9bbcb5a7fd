"""What was measured, as a table for the terminal, as bench/results.md and bench/results.svg."""

import statistics
from collections.abc import Iterable, Iterator, Sequence

from bench import bound, plot, runs
from bench.deployment import LATENCY_MS, Case, Measured, Mode
from bench.memory import Memory
from bench.results import ALLOWED, COLD_ALLOWED, Results

_KINDS = ("RegisterTaskDefinition", "PutRule", "PutTargets", "CreateSchedule", "UpdateSchedule", "UpdateService")
_MINUTE = 60


def table(results: Results) -> list[tuple[str, ...]]:
    """The head, then a row a deployment; seconds from the push."""
    rows = [
        (
            each.mode,
            str(each.tasks),
            each.case,
            f"{each.live:.1f}",
            f"{each.whole:.1f}",
            f"{each.since_the_plan:.1f}" if each.case != "unchanged" else "",
            f"{each.estimate:.0f}" if each.case != "unchanged" else "",
            str(len(each.cold)),
            f"{results.starts(each):.2f}",
            str(each.states),
            f"{results.changes(each):.2f}",
            f"{results.rest(each):.2f}",
            f"{results.bound(each):.2f}",
            f"{results.ratio(each):.2f}",
            str(each.throttles),
            " ".join(str(_calls(each, kind)) for kind in _KINDS),
        )
        for each in results.measured
    ]
    return [
        (
            "mode",
            "tasks",
            "case",
            "live",
            "whole",
            "since the plan",
            "it said",
            "cold",
            "starts",
            "states",
            "changes",
            "rest",
            "bound",
            "ratio",
            "throttled",
            "registers, rules, targets, schedules made, updated, services",
        ),
        *rows,
    ]


def starts(results: Results) -> list[tuple[str, ...]]:
    """How long each function takes to start, in milliseconds: the median of all deployments."""
    rows = []
    for step in dict.fromkeys(each.step for one in results.measured for each in one.cold):
        cold = statistics.median(
            each.until_first_call for one in results.measured for each in one.cold if each.step == step
        )
        warm, further = results.warm_until_first_call(step), results.further_start(step)
        rows.append((step, *(f"{seconds * 1000:.0f}" for seconds in (cold, warm, further, cold - warm + further))))
    return [("function", "until its first call", "warm", "after it", "start"), *rows]


def calls(results: Results) -> list[tuple[str, ...]]:
    """Calls of all steps, by operation: a row for each operation of a mode and case, a column for each size."""
    last = {(each.mode, each.case, each.tasks): each.calls for each in results.measured}
    sizes = sorted({tasks for _, _, tasks in last})
    rows = []
    for mode, case in dict.fromkeys((mode, case) for mode, case, _ in last):
        columns = [last.get((mode, case, tasks)) for tasks in sizes]
        for operation in sorted({operation for column in columns if column for operation in column}):
            counts = ["" if column is None else str(column.get(operation, 0)) for column in columns]
            rows.append((mode, case, operation, *counts))
    return [("mode", "case", "operation", *map(str, sizes)), *rows]


def by_region(results: Results) -> list[tuple[str, ...]]:
    """Deployments of EventBridge Scheduler beside the bounds of the larger Regions and of the others."""
    rows = [
        (
            str(one.tasks),
            one.case,
            str(rate),
            f"{least:.2f}",
            f"{results.rest(one):.2f}",
            f"{results.rest(one) / least:.2f}",
        )
        for one in results.measured
        if one.mode == "scheduler"
        for rate in bound.SCHEDULERS_RATES
        for least in [results.bound(one, rate)]
    ]
    return [("tasks", "case", "calls a second", "bound", "rest", "ratio"), *rows]


def more_than_needed(results: Results) -> list[tuple[str, ...]]:
    """Calls until live that the bound does not have, for the most tasks of each mode and case."""
    most: dict[tuple[Mode, Case], Measured] = {}
    for each in results.measured:
        most[each.mode, each.case] = max(most.get((each.mode, each.case), each), each, key=lambda one: one.tasks)
    rows = [
        (one.mode, one.case, str(one.tasks), operation, str(made), str(needed))
        for one in most.values()
        for operation, (made, needed) in results.more_than_needed(one).items()
    ]
    return [("mode", "case", "tasks", "operation", "made", "needed"), *rows]


def memory(results: Results) -> list[tuple[str, ...]]:
    """The most that each function has used, and how many tasks there were then."""
    rows: dict[str, tuple[Memory, int]] = {}
    for each in results.measured:
        for function, used in each.memory.items():
            rows[function] = max(rows.get(function, (used, 0)), (used, each.tasks))
    return [
        ("function", "MB", "tasks", "of MB"),
        *((function, str(used.peak), str(tasks), str(used.given)) for function, (used, tasks) in sorted(rows.items())),
    ]


def lines(results: Results) -> Iterator[str]:
    """For machines: `bound <mode> <tasks> <case> <ratio>`, the median where one was measured several times."""
    for (mode, tasks, case), ratio in results.ratios().items():
        yield f"bound {mode} {tasks} {case} {ratio:.2f}"


def tools(results: Results, tasks: Iterable[int]) -> list[tuple[str, ...]]:
    """Other people's tools beside Rota, for a new image with a revision per task."""
    rows: list[tuple[str, ...]] = [("tool", "tasks", "seconds", "", "Rota", "tool / Rota")]
    of_rota = _new_image(results, "per-task")
    for tool, measured in results.tools.items():
        for number in tasks:
            seconds = measured.get(number) or results.computed(tool, number)
            if seconds:
                how = "measured" if number in measured else "computed"
                rota = of_rota.get(number)
                beside = (_time(rota), f"{seconds / rota:.1f}") if rota else ("", "")
                rows.append((tool, str(number), _time(seconds), how, *beside))
    return rows


def markdown(results: Results, tasks: Sequence[int]) -> str:
    """bench/results.md."""
    formulas = "".join(f"\n- {tool}: {line}" for tool in results.tools if (line := results.line(tool)))
    missed = "\n".join(f"- {line}" for line in results.missed()) or "None."
    return f"""# What `make bench` measured

Written by the benchmark. On the stage, with AWS's documented quotas and {LATENCY_MS} ms for each call, all functions
cold. Compare within one run only: the seconds are this machine's too.

![Seconds from the push to the last schedule live, over tasks](results.svg)

## Deployments

Seconds from the push. *Live*: the last write to a schedule was answered; for a deployment that writes none, its end.
*Whole*: the service's rollout included. *Since the plan*: from the plan until live, and what the plan said of that.
*Cold*: cold functions until live, at most {COLD_ALLOWED}. *States*: states entered until live.

    starts  = of each cold function, how much longer a cold invocation takes than a warm one
    changes = states x {results.state_change() * 1000:.0f} ms, the average of this run
    rest    = live - starts - changes
    bound   = quotas and calls that must follow one another, each as long as a client of AWS's SDK waits for it
    ratio   = rest / bound, at most {ALLOWED}

The bound contains only what a deployment needs, see `bench/needs.py`, and when AWS answers that at the earliest, see
`bench/bound.py`. A call is as long as the stage took for it in this run, and {results.sdk() * 1000:.1f} ms in the SDK:
what a client waited more that made one call after the other and did nothing else.

{_rows(table(results))}

### By the Region's quota

EventBridge Scheduler allows {bound.SCHEDULERS_RATES[0]:,} calls a second of each operation in the larger Regions, and
{bound.SCHEDULERS_RATES[1]} in the others. A function of one vCPU makes some 400: it signs, encrypts and reads them in
Python. So with hundreds of jobs the function bounds a deployment in the larger Regions, and the quota in the others:
there *rest*, which was measured in a larger one, may be below its bound.

{_rows(by_region(results))}

## Missed

What is over the limits, by the median where a case was measured several times.

{missed}

## Starts

Milliseconds, medians. *Until its first call*: from the invocation of a cold function to its first AWS call; *warm*: the
same of a warm one. *After it*: how much longer a cold one takes after that, measured with one task.

{_rows(starts(results))}

## Calls that the bound does not have

Until live, with the most tasks that were measured.

{_rows(more_than_needed(results))}

## Calls of all steps

Of a whole deployment, by the number of tasks.

{_rows(calls(results))}

## Memory

The most that any process of a function held in all of these deployments, in MB, and what the template gives it.

{_rows(memory(results))}

## Other tools

For a new image. The classic script is `bench/classic.sh`, with the AWS CLI; its schedules are gone while it runs.
ecs-deploy's `ecs cron` does the part with a revision and a target for each rule that exists, and nothing else. What is
computed is the line through what was measured, or the second that AWS takes for a registration, where that is more:
{formulas}

{_rows(tools(results, tasks))}
"""


def price_of_runs(seen: runs.Watched) -> list[tuple[str, ...]]:
    """The month's price of watching runs, line by line."""
    rows = runs.monthly(seen)
    shown: list[tuple[str, ...]] = [("for", "in a month", "price", "by", "seen")]
    for of_runs, sum_of in ((True, "the runs"), (False, "any number of runs")):
        own = [row for row in rows if row.of_runs is of_runs]
        shown += [
            (row.what, f"{row.units:,.2f} {row.unit}", f"{row.dollars:.2f} $", row.price.page, row.price.seen)
            for row in own
        ]
        shown.append((f"**{sum_of}**", "", f"**{sum(row.dollars for row in own):.2f} $**", "", ""))
    shown.append(("**in all**", "", f"**{sum(row.dollars for row in rows):.2f} $**", "", ""))
    return shown


def calls_of_runs(seen: runs.Watched) -> list[tuple[str, ...]]:
    """What RecordRun does for a run, and Sweep in a minute."""
    works = (
        ("a run", seen.record, seen.runs),
        (f"a sweep that sees {seen.runs} runs end", seen.look, seen.look.invocations),
        ("another sweep", seen.sweep, seen.sweep.invocations),
    )
    return [
        ("of", "invocations", "ms", "bytes logged", "calls"),
        *(
            (
                what,
                f"{work.invocations / number:.1f}",
                f"{work.milliseconds / number:.0f}",
                f"{work.logged / number:.0f}",
                ", ".join(f"{calls / number:.1f} {name}" for name, calls in sorted(work.calls.items())),
            )
            for what, work, number in works
        ),
    ]


def of_runs(seen: runs.Watched) -> str:
    """bench/runs.md."""
    missed = "\n".join(f"- {line}" for line in seen.missed()) or "None."
    burst = seen.burst
    return f"""# What watching runs takes

Written by `python -m bench --runs`. On the stage, with {runs.LATENCY_MS} ms for each call and warm functions:
{seen.runs} runs, each alone, and {seen.sweep.invocations} sweeps of {runs.JOBS} jobs. The time of a function is
what it used of a CPU, and what it waited for its calls: the same on a busy machine.

## Calls

{_rows(calls_of_runs(seen))}

Items written for a run: {seen.writes:.1f}, at most {runs.MOST_WRITES:.0f}. A transaction writes two.

## A burst

In an account with {runs.CONCURRENCY} functions at once, as a new one has. {runs.BURST} tasks were started within
{burst.started:.0f} s, in the minute of a push and of a sweep. Every run was recorded {burst.late:.0f} s after the last
start, at most {runs.BURST_SECONDS:.0f}. The deployment ended {burst.outcome} {burst.deployed:.0f} s after the push.
Functions seen at once: {burst.most}; at most five of them are RecordRun (`MaximumConcurrency`). Invocations refused
because there were too many: {burst.refused}.

## {runs.RUNS_A_DAY:,} runs a day

The counted calls, by list prices in us-east-1, without free tiers; {runs.DAYS} days. The largest items that were seen,
and as many releases as are kept. All of it may cost {runs.MOST_DOLLARS:.0f} $ at most. The functions' time is that of a
whole CPU: with less memory, all but the waiting for calls is taken to last longer by as much as the CPU is less. A
metric costs for the hours in which it has a value: one for runs that are `ok`, and four for other outcomes in one hour
of a day; four in every hour would be 1.15 $ more.

{_rows(price_of_runs(seen))}

## Missed

{missed}
"""


def picture(results: Results, tasks: Sequence[int]) -> str:
    """bench/results.svg."""
    series = []
    for mode, colour in (("per-task", "#1668b8"), ("shared", "#1a8a5a"), ("scheduler", "#b8860b")):
        of_rota = _new_image(results, mode)  # type: ignore[arg-type] # they are modes
        if len(of_rota) > 1:
            bounds = {
                each.tasks: results.starts(each) + results.changes(each) + results.bound(each)
                for each in results.measured
                if (each.mode, each.case) == (mode, "new-image")
            }
            series.append(plot.Series(f"Rota, {mode}", colour, of_rota))
            series.append(plot.Series(f"bound, {mode}", colour, bounds, computed=True))
    for tool, colour in zip(results.tools, ("#c0392b", "#8e44ad"), strict=False):
        measured = results.tools[tool]
        beyond = [number for number in tasks if number >= max(measured)]
        computed = {number: seconds for number in beyond if (seconds := results.computed(tool, number))}
        if len(computed) > 1:
            series.append(plot.Series("", colour, measured))
            series.append(plot.Series(f"{tool}, computed", colour, computed, computed=True))
    return plot.draw("A new image: from the push to the last schedule live", series)


def _new_image(results: Results, mode: Mode) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for each in results.measured:
        if (each.mode, each.case) == (mode, "new-image"):
            found.setdefault(each.tasks, []).append(each.live)
    return {tasks: statistics.median(times) for tasks, times in found.items()}


def _calls(one: Measured, operation: str) -> int:
    return sum(count for name, count in one.calls.items() if name.endswith(f" {operation}"))


def _rows(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rest)])


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"
