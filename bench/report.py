"""What was measured, as a table for the terminal, as bench/results.md and bench/results.svg."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bench import bound, plot
from bench.deployment import LATENCY_MS, Case, Measured, Mode
from bench.memory import Memory
from bench.tools import Line

_HEAD = (
    "mode",
    "tasks",
    "case",
    "live",
    "whole",
    "since the plan",
    "it said",
    "quotas",
    "starts",
    "bound",
    "ratio",
    "throttled",
    "registers",
)
_KINDS = ("RegisterTaskDefinition", "PutRule", "PutTargets", "UpdateService")
_MINUTE = 60


@dataclass
class Results:
    """Everything that one run has measured so far."""

    measured: list[Measured] = field(default_factory=list)
    tools: dict[str, dict[int, float]] = field(default_factory=dict)
    """Seconds of other people's tools, by name and number of tasks, for a new image."""
    failed: list[str] = field(default_factory=list)
    """What could not be measured."""

    def calls_of_one(self, mode: Mode, case: Case) -> float:
        """Seconds that the steps of a deployment of one task are at AWS: the median of those of this run."""
        ones = [each for each in self.measured if (each.mode, each.case, each.tasks) == (mode, case, 1)]
        return statistics.median(each.live - each.starts for each in ones)

    def quotas(self, one: Measured) -> float:
        return bound.of_quotas(one.mode, one.tasks, one.case)

    def bound(self, one: Measured) -> float:
        return one.starts + self.calls_of_one(one.mode, one.case) + self.quotas(one)

    def ratio(self, one: Measured) -> float:
        return one.live / self.bound(one)

    def line(self, tool: str) -> Line | None:
        """A tool's seconds as a line, once two numbers of tasks were measured."""
        return Line.through(self.tools[tool]) if len(self.tools[tool]) > 1 else None

    def computed(self, tool: str, tasks: int) -> float | None:
        """What the line says of so many tasks, or what AWS makes of it by registering one revision a second."""
        line = self.line(tool)
        return max(line.seconds(tasks), bound.seconds([{("ecs", "RegisterTaskDefinition"): tasks}])) if line else None


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
            f"{results.quotas(each):.1f}",
            f"{each.starts:.1f}",
            f"{results.bound(each):.1f}",
            f"{results.ratio(each):.2f}",
            str(each.throttles),
            " ".join(str(_calls(each, kind)) for kind in _KINDS),
        )
        for each in results.measured
    ]
    return [(*_HEAD[:-1], "registers, rules, targets, updates"), *rows]


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
    ratios: dict[tuple[Mode, int, Case], list[float]] = {}
    for each in results.measured:
        ratios.setdefault((each.mode, each.tasks, each.case), []).append(results.ratio(each))
    for (mode, tasks, case), found in ratios.items():
        yield f"bound {mode} {tasks} {case} {statistics.median(found):.2f}"


def tools(results: Results, tasks: Iterable[int]) -> list[tuple[str, ...]]:
    """Other people's tools beside Rota, for a new image with a revision per task."""
    rows: list[tuple[str, ...]] = [("tool", "tasks", "seconds", "", "Rota", "tool / Rota")]
    ours = _new_image(results, "per-task")
    for tool, measured in results.tools.items():
        for number in tasks:
            seconds = measured.get(number) or results.computed(tool, number)
            if seconds:
                how = "measured" if number in measured else "computed"
                rota = ours.get(number)
                beside = (_time(rota), f"{seconds / rota:.1f}") if rota else ("", "")
                rows.append((tool, str(number), _time(seconds), how, *beside))
    return rows


def markdown(results: Results, tasks: Sequence[int]) -> str:
    """bench/results.md."""
    formulas = "".join(f"\n- {tool}: {line}" for tool in results.tools if (line := results.line(tool)))
    return f"""# What `make bench` measured

Written by the benchmark. On the stage, with AWS's documented quotas and {LATENCY_MS} ms for each call, all functions
cold. Only the ratios within one run mean anything: the seconds are this machine's too.

![Seconds from the push to the last schedule live, over tasks](results.svg)

## Deployments

Seconds from the push. *Live*: the last write to a schedule was answered (for a deployment that writes none: its end).
*Whole*: the service's rollout included. *Since the plan*: from the plan until it is live, and what the plan said of
that. *Quotas*: the
least that they can cost, by `bench/bound.py`:

    wait(bucket, calls) = (calls - tokens) / per second, at least 0
    wait(registrations) = (registrations - 1) x {LATENCY_MS} ms, because ECS refuses a family's that come at once
    quotas = the slowest wait of what must be read + the slowest wait of what must then be written
    bound  = quotas + starts + calls of one
    ratio  = live / bound

*Starts*: how long, in the same deployment, no step was at AWS: functions started, states changed. *Calls of one*: how
long the steps of the same deployment with one task were at AWS, in the same run.

{_rows(table(results))}

## Calls of all steps

{_rows(_all_calls(results))}

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


def picture(results: Results, tasks: Sequence[int]) -> str:
    """bench/results.svg."""
    series = []
    for mode, colour in (("per-task", "#1668b8"), ("shared", "#1a8a5a")):
        ours = _new_image(results, mode)  # type: ignore[arg-type] # they are modes
        if len(ours) > 1:
            bounds = {
                each.tasks: results.bound(each)
                for each in results.measured
                if (each.mode, each.case) == (mode, "new-image")
            }
            series.append(plot.Series(f"Rota, {mode}", colour, ours))
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


def _all_calls(results: Results) -> list[tuple[str, ...]]:
    rows = [
        (each.mode, str(each.tasks), each.case, ", ".join(f"{n} {name}" for name, n in sorted(each.calls.items())))
        for each in results.measured
    ]
    return [("mode", "tasks", "case", "calls"), *rows]


def _calls(one: Measured, operation: str) -> int:
    return sum(count for name, count in one.calls.items() if name.endswith(f" {operation}"))


def _rows(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rest)])


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"
