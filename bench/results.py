"""Everything that one run has measured, and how far it is from the bound. Pure.

    starts = of each cold function, how much longer a cold invocation takes than a warm one
    changes = states entered x the time of one change
    ratio  = (live - starts - changes) / bound

The start of a function is read in the deployment itself until its first AWS call, because a busy machine starts
processes at very different speeds; what comes after that (clients of further services) is the difference between cold
and warm deployments of one task in the same run.
"""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bench import bound, needs
from bench.deployment import Case, Invocation, Measured, Mode
from bench.tools import Line

ALLOWED = 1.15
"""How many times the bound a deployment may take."""
COLD_ALLOWED = 5
"""How many cold functions may be between the push and the last schedule."""


@dataclass
class Results:
    """One run of the benchmark."""

    measured: list[Measured] = field(default_factory=list)
    """Deployments with cold functions."""
    warm: list[Measured] = field(default_factory=list)
    """Deployments of one task with warm functions."""
    tools: dict[str, dict[int, float]] = field(default_factory=dict)
    """Seconds of other people's tools, by name and number of tasks, for a new image."""
    failed: list[str] = field(default_factory=list)
    """What could not be measured."""

    def latency(self, operation: str) -> float:
        """Seconds that a client waits for `s3 GetObject`, or whatever else: the median over all deployments."""
        every = [each.latency for each in [*self.measured, *self.warm]]
        return statistics.median(each[operation] for each in every if operation in each) + self.sdk()

    def sdk(self) -> float:
        """The part of that which AWS's SDK takes, and the way to the stage."""
        return statistics.median(each.sdk for each in [*self.measured, *self.warm])

    def bound(self, one: Measured, of_scheduler: int = bound.SCHEDULERS_RATES[0]) -> float:
        """`of_scheduler`: the calls a second of EventBridge Scheduler, by Region. Only the first is measured."""
        return bound.seconds(needs.of_deployment(one.mode, one.tasks, one.case), self.latency, of_scheduler)

    def starts(self, one: Measured) -> float:
        """Seconds until live that the deployment would not have taken with warm functions."""
        return sum(
            max(0.0, each.until_first_call - self.warm_until_first_call(each.step)) + self.further_start(each.step)
            for each in one.cold
        )

    def warm_until_first_call(self, step: str) -> float:
        return _median(each.until_first_call for each in _of(self.warm, step))

    def further_start(self, step: str) -> float:
        """How much longer a cold invocation takes after its first call than a warm one, for one task.

        The median over the modes and cases in which both were measured: others make other calls.
        """
        return max(0.0, _median(self._further(step)))

    def _further(self, step: str) -> Iterator[float]:
        for mode, case in {(each.mode, each.case) for each in self.warm}:
            warm = [each for each in self.warm if (each.mode, each.case) == (mode, case)]
            cold = [each for each in self.measured if (each.mode, each.tasks, each.case) == (mode, 1, case)]
            if _of(warm, step) and _of(cold, step):
                both = (_median(each.after_first_call for each in _of(some, step)) for some in (cold, warm))
                yield next(both) - next(both)

    def state_change(self) -> float:
        """Seconds that the state machine needs to enter a state and to invoke its function, on the average."""
        every = [*self.measured, *self.warm]
        return sum(each.between for each in every) / sum(each.states for each in every)

    def changes(self, one: Measured) -> float:
        return one.states * self.state_change()

    def rest(self, one: Measured) -> float:
        """Seconds until live without starts and changes: what the bound is for."""
        return one.live - self.starts(one) - self.changes(one)

    def ratio(self, one: Measured) -> float:
        return self.rest(one) / self.bound(one)

    def ratios(self) -> dict[tuple[Mode, int, Case], float]:
        """By mode, tasks and case, the median where one was measured several times."""
        found: dict[tuple[Mode, int, Case], list[float]] = {}
        for each in self.measured:
            found.setdefault((each.mode, each.tasks, each.case), []).append(self.ratio(each))
        return {key: statistics.median(ratios) for key, ratios in found.items()}

    def missed(self) -> Iterator[str]:
        """A line for everything that is not as it must be."""
        for what in self.failed:
            yield f"{what}: could not be measured"
        for (mode, tasks, case), ratio in self.ratios().items():
            if ratio > ALLOWED:
                yield f"{mode} {tasks} {case}: {ratio:.2f} x the bound, {ALLOWED} is allowed"
        cold = {(each.mode, each.tasks, each.case): len(each.cold) for each in self.measured}
        for (mode, tasks, case), functions in cold.items():
            if functions > COLD_ALLOWED:
                yield f"{mode} {tasks} {case}: {functions} cold functions until live, {COLD_ALLOWED} are allowed"

    def more_than_needed(self, one: Measured) -> dict[str, tuple[int, int]]:
        """By service and operation, how many calls were made until live and how many the bound has, where more."""
        needed: dict[str, int] = {}
        for need in needs.of_deployment(one.mode, one.tasks, one.case):
            needed[need.call] = needed.get(need.call, 0) + need.calls
        return {
            operation: (made, needed.get(operation, 0))
            for operation, made in sorted(one.calls_until_live.items())
            if made > needed.get(operation, 0)
        }

    def line(self, tool: str) -> Line | None:
        """A tool's seconds as a line, once two numbers of tasks were measured."""
        return Line.through(self.tools[tool]) if len(self.tools[tool]) > 1 else None

    def computed(self, tool: str, tasks: int) -> float | None:
        """What the line says of so many tasks, or what AWS makes of it by registering one revision a second."""
        line = self.line(tool)
        return max(line.seconds(tasks), _registrations(tasks)) if line else None


def _registrations(number: int) -> float:
    return bound.seconds([bound.Need("register", "ecs", "RegisterTaskDefinition", number)], lambda _call: 0)


def _of(some: Iterable[Measured], step: str) -> list[Invocation]:
    """The first invocation of a step in each deployment."""
    firsts = (next((each for each in one.invocations if each.step == step), None) for one in some)
    return [each for each in firsts if each]


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return statistics.median(found) if found else 0.0
