"""Races: pushes at random moments, some deployments aborted; in the end one image must run everywhere. Half of them
have a migration and go through gates (`gated.py`). In half of them jobs move between rules and EventBridge Scheduler.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.updated import update
from tests.sweep.app import FILES, App
from tests.sweep.gated import SCRIPTED, Gates
from tests.sweep.report import race_recipe
from tests.sweep.script import Conditions

# Seconds between two pushes, on average: all at once, several during each deployment, or mostly after each other.
_PAUSES = (0.0, 0.1, 0.5)
# Through gates a deployment takes longer, and has more executions.
_PAUSES_GATED = (0.1, 1.0, 3.0)
_MOST, _MOST_GATED = 50, 15
_ABORTED = 0.25
_GATES = ("", "", "hold", "window")
# Due so rarely that no race has to wait for a quiet moment.
_MOVABLE = tuple({"name": name, "task": "spam_task", "cron": "30 3 29 2 ? *"} for name in ("Rarely", "Seldom"))
_IN_SCHEDULER = {"timezone": "Africa/Abidjan"}
LONGEST_SECONDS = 300
# Each waiting execution asks for its turn every twenty seconds, which is real work for one function per push.
TIME_SCALE = 0.02


@dataclass(frozen=True)
class Race:
    """A number of pushes and what is drawn for them."""

    seed: str
    pushes: int
    pause: float
    aborted: float = _ABORTED
    """The probability that a push is followed by an abort of an earlier deployment."""
    gates: str = ""
    """`hold` or `window`: what pushes wait for, beside an approval; empty without any gate."""
    moves: bool = False
    """Whether other jobs are in EventBridge Scheduler with each schedule file."""

    @classmethod
    def drawn(cls, seed: int, number: int) -> "Race":
        """The race of that number: the same one for the same seed."""
        draw = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
        gates = draw.choice(_GATES)
        pushes = round(math.exp(draw.uniform(math.log(2), math.log(_MOST_GATED if gates else _MOST))))
        pause = draw.choice(_PAUSES_GATED if gates else _PAUSES)
        return cls(f"{seed}/{number}", pushes, pause, gates=gates, moves=draw.random() < 0.5)

    def movable(self, draw: random.Random) -> list[dict[str, Any]]:
        """The jobs that a schedule file has where it wants them."""
        return [job | (_IN_SCHEDULER if draw.random() < 0.5 else {}) for job in _MOVABLE] if self.moves else []


@dataclass(frozen=True)
class Ended:
    """How the deployments of a race ended."""

    outcomes: Mapping[str, int]
    wrong: Sequence[str]
    """What breaks a promise; empty when all held."""


def run(stage: Client, conditions: Conditions, rounds: Sequence[int], say: Callable[[str], None]) -> bool:
    """Run these races, a line for each; stop at the first that breaks a promise. True if one did."""
    for number in rounds:
        race = Race.drawn(conditions.seed, number)
        begun = time.monotonic()
        ended = hold(stage, race, conditions.late)
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ended.outcomes.items()))
        how = f", with approvals and a {race.gates}" if race.gates else ""
        how += ", jobs move" if race.moves else ""
        took = f"{time.monotonic() - begun:.0f} s"
        say(f"race {number}: {race.pushes} pushes, {race.pause} s apart{how}: {outcomes}; {took}")
        if ended.wrong:
            for sentence in ended.wrong:
                say(f"  - {sentence}")
            say(f"  again: {race_recipe(number, conditions)}")
            return True
    return False


def hold(stage: Client, race: Race, late: float = 0) -> Ended:
    """One race from the start, judged; EventBridge shows its rules so many seconds late."""
    app, draw = App(stage, late), random.Random(race.seed)  # noqa: S311 - no secret
    gates = Gates(app, race, draw) if race.gates else None
    update(stage)  # a reset leaves the stack as another race has updated it
    app.begin(TIME_SCALE)
    one_offs = gates.one_offs if gates else {}
    if gates:
        stage.settings(**SCRIPTED)
    app.want(0, movable := race.movable(draw), one_offs)
    stage.deploy("first")
    app.want(1, movable, one_offs)
    first = set(stage.executions())
    if gates:
        gates.close()
    if not (gates and gates.pauses):
        app.watch([job["name"] for job in movable])
    newest = ""
    for number in range(race.pushes):
        time.sleep(draw.expovariate(1 / race.pause) if race.pause else 0)
        if gates and number:
            gates.between_pushes(number)
        if race.moves and draw.random() < 0.7:
            app.want(1, movable := race.movable(draw), one_offs)
        newest = stage.push(f"v{number}")
        # Not the newest: a person who aborts that one withdraws the push.
        if number and draw.random() < race.aborted:
            _abort_one(stage, draw, first)
    wait_for(lambda: len(_pushed(stage, first)) == race.pushes, 30)
    if gates:
        gates.open()
    ended = [stage.wait(execution, LONGEST_SECONDS) for execution in _pushed(stage, first)]
    for each in ended:
        if each["status"] == "ABORTED":
            stage.restored_by(str(each["executionArn"]), LONGEST_SECONDS)
    others = [stage.wait(each, LONGEST_SECONDS) for each in stage.executions() if each not in first] if gates else []
    outcomes: dict[str, int] = {}
    for execution in others or ended:
        outcome = app.entry(execution).get("outcome") or str(execution["status"])
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    tasks = [*FILES[1], *movable]
    wrong = [*_wrong(app, ended, newest, tasks, gated=bool(gates)), *(gates.faults_of(others) if gates else ())]
    update(stage)
    return Ended(outcomes, tuple(wrong))


def _pushed(stage: Client, first: set[str]) -> list[str]:
    """The executions that pushes have started, the newest first, without those that restore an aborted one."""
    states = stage.client("stepfunctions")
    new = (states.describe_execution(executionArn=each) for each in stage.executions() if each not in first)
    return [each["executionArn"] for each in new if '"aws.ecr"' in each["input"]]


def _abort_one(stage: Client, draw: random.Random, first: set[str]) -> None:
    """StopExecution of a deployment that is under way, if there is one beside the newest.

    An execution that is stopped before its first invocation leaves no record.
    """
    under_way = _pushed(stage, first)[1:]
    states = stage.client("stepfunctions")
    running = [
        arn
        for arn in under_way
        if states.describe_execution(executionArn=arn)["status"] == "RUNNING"
        and any(event["type"] == "LambdaFunctionScheduled" for event in stage.history(arn))
    ]
    if running:
        states.stop_execution(executionArn=draw.choice(running))


def _wrong(
    app: App, ended: Sequence[Mapping[str, Any]], newest: str, tasks: Sequence[Mapping[str, Any]], *, gated: bool
) -> Iterator[str]:
    # Under gates another execution deploys what it has left pending.
    expected = ("deployed", "held") if gated else ("deployed",)
    for execution in ended:
        digest = execution["input"]["detail"]["image-digest"]
        outcome = app.entry(execution).get("outcome")
        if execution["status"] == "FAILED":
            yield f"{execution['name']} FAILED: {execution['cause']}"
        if outcome is None or outcome == "restoring":
            yield f"{execution['name']} has ended and left no entry in the ledger"
        if digest == newest and outcome not in expected:
            yield f"the newest push was not deployed but is {outcome}"
    state = app.state()
    for what, found, in_scheduler in (("rules", state.rules, False), ("schedules", state.schedules, True)):
        here = (task["name"] for task in tasks if ("timezone" in task) == in_scheduler)
        wanted = {app.stage.names["rule_prefix"] + name for name in here}
        if found.keys() != wanted:
            yield f"the {what} are {sorted(found)}, not {sorted(wanted)}"
        if off := [name for name, each in found.items() if each["State"] == "DISABLED" and "Disabled" not in name]:
            yield f"still off: {sorted(off)}"
    in_use = {state.service, *state.revisions()}
    for revision in sorted(in_use):
        if not app.runs(revision).image.endswith(newest):
            yield f"{revision} is in use and of {app.runs(revision).image}, not of the newest {newest}"
    if app.lease().keys() & {"holder", "at_work"}:
        yield f"the lease is still held: {app.lease()}"
    for gap in app.stage.watched()["violations"]:
        yield f"{gap['problem']}, after {gap['call']['operation']} of {gap['call']['caller']}"
