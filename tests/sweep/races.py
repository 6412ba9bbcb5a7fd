"""Races: pushes at random moments, some deployments aborted; in the end one image must run everywhere."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.sweep.app import FILES, App
from tests.sweep.report import race_recipe
from tests.sweep.script import Conditions

# Seconds between two pushes, on average: all at once, several during each deployment, or mostly after each other.
_PAUSES = (0.0, 0.1, 0.5)
_ABORTED = 0.25
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

    @classmethod
    def drawn(cls, seed: int, number: int) -> "Race":
        """The race of that number: the same one for the same seed."""
        draw = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
        return cls(f"{seed}/{number}", round(math.exp(draw.uniform(math.log(2), math.log(50)))), draw.choice(_PAUSES))


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
        say(f"race {number}: {race.pushes} pushes, {race.pause} s apart: {outcomes}; {time.monotonic() - begun:.0f} s")
        if ended.wrong:
            for sentence in ended.wrong:
                say(f"  - {sentence}")
            say(f"  again: {race_recipe(number, conditions)}")
            return True
    return False


def hold(stage: Client, race: Race, late: float = 0) -> Ended:
    """One race from the start, judged; EventBridge shows its rules so many seconds late."""
    app = App(stage, late)
    app.begin(TIME_SCALE)
    app.want(0)
    stage.deploy("first")
    app.want(1)
    app.watch()
    first = set(stage.executions())
    draw = random.Random(race.seed)  # noqa: S311 - no secret
    newest = ""
    for number in range(race.pushes):
        time.sleep(draw.expovariate(1 / race.pause) if race.pause else 0)
        newest = stage.push(f"v{number}")
        # Not the newest: a person who aborts that one withdraws the push.
        if number and draw.random() < race.aborted:
            _abort_one(stage, draw, first)
    wait_for(lambda: len(_pushed(stage, first)) == race.pushes, 30)
    ended = [stage.wait(execution, LONGEST_SECONDS) for execution in _pushed(stage, first)]
    for each in ended:
        if each["status"] == "ABORTED":
            stage.restored_by(str(each["executionArn"]), LONGEST_SECONDS)
    outcomes: dict[str, int] = {}
    for execution in ended:
        outcome = app.entry(execution).get("outcome") or str(execution["status"])
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return Ended(outcomes, tuple(_wrong(app, ended, newest)))


def _pushed(stage: Client, first: set[str]) -> list[str]:
    """The executions that pushes have started, the newest first, without those that restore an aborted one."""
    states = stage.client("stepfunctions")
    new = (states.describe_execution(executionArn=each) for each in stage.executions() if each not in first)
    return [each["executionArn"] for each in new if '"aws.states"' not in each["input"]]


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


def _wrong(app: App, ended: Sequence[Mapping[str, Any]], newest: str) -> Iterator[str]:
    for execution in ended:
        digest = execution["input"]["detail"]["image-digest"]
        outcome = app.entry(execution).get("outcome")
        if execution["status"] == "FAILED":
            yield f"{execution['name']} FAILED: {execution['cause']}"
        if outcome is None or outcome == "restoring":
            yield f"{execution['name']} has ended and left no entry in the ledger"
        if digest == newest and outcome != "deployed":
            yield f"the newest push was not deployed but is {outcome}"
    state = app.state()
    wanted = {app.stage.names["rule_prefix"] + task["name"] for task in FILES[1]}
    if state.rules.keys() != wanted:
        yield f"the rules are {sorted(state.rules)}, not {sorted(wanted)}"
    in_use = {state.service, *state.revisions()}
    for revision in sorted(in_use):
        if not app.runs(revision).image.endswith(newest):
            yield f"{revision} is in use and of {app.runs(revision).image}, not of the newest {newest}"
    if app.lease().keys() & {"holder", "at_work"}:
        yield f"the lease is still held: {app.lease()}"
    for gap in app.stage.watched()["violations"]:
        yield f"{gap['problem']}, after {gap['call']['operation']} of {gap['call']['caller']}"
