"""`python -m tests.sweep`: try every fault in every call of a deployment, on four stages at once."""

import argparse
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from examples.guestbook.client import running
from tests.processes import FORKS
from tests.sweep import races, report, script
from tests.sweep.script import Conditions, Script
from tests.sweep.steering import SCENARIOS, Steering
from tests.sweep.trial import Trials, Verdict

PAIRS = 150


class Sweep:
    """Trials on several stages at once; it stops at the first violation unless it is to keep going."""

    def __init__(
        self, trials: Sequence[Trials | Steering], conditions: Conditions, *, share: int = 1, keep_going: bool = False
    ) -> None:
        self._trials = trials
        self._conditions = conditions
        self._share = share
        self._keep_going = keep_going
        self._lock = threading.Lock()
        self._stopped = False
        self.verdicts: list[Verdict] = []

    @property
    def broken(self) -> bool:
        """Whether any promise was broken."""
        return any(verdict.wrong for verdict in self.verdicts)

    def run(self, name: str, scripts: Iterable[Script], trials: Sequence[Trials | Steering] | None = None) -> None:
        """Try these, or the share of them that is drawn, by these trials, and print a line of results."""
        chosen = script.drawn(list(scripts), self._conditions.seed, self._share)
        part, begun = _Part(name, iter(chosen)), time.monotonic()
        with ThreadPoolExecutor(len(self._trials)) as pool:
            try:
                for ended in [pool.submit(self._work, each, part) for each in trials or self._trials]:
                    ended.result()
            finally:
                part.waiting = iter(())  # after an error too, no other trial begins
        self.verdicts += [verdict for verdict in part.done if verdict.reached or verdict.wrong]
        if part.done:
            say(f"{report.summary(name, part.done)}; {time.monotonic() - begun:.0f} s")

    def _work(self, trials: Trials | Steering, part: "_Part") -> None:
        while True:
            with self._lock:
                faults = None if self._stopped else next(part.waiting, None)
            if faults is None:
                return
            verdict = trials.run(faults)
            with self._lock:
                part.done.append(verdict)
                if len(part.done) % 100 == 0:
                    say(f"  {part.name}: {len(part.done)} so far")
                if verdict.wrong:
                    self._stopped = not self._keep_going
                    say(*report.violation(verdict, self._conditions))


@dataclass
class _Part:
    """One part of the sweep: the scripts still to try, and the verdicts so far."""

    name: str
    waiting: Iterator[Script]
    done: list[Verdict] = field(default_factory=list)


def main() -> int:
    """Returns the exit status: 0 when every promise was kept."""
    arguments = _arguments()
    conditions = Conditions(arguments.seed, arguments.late)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stages are ended
    begun = time.monotonic()
    with ExitStack() as stages:

        def open_stage() -> Trials:
            return Trials(stages.enter_context(running(*FORKS)), conditions.late)

        if arguments.races:
            broken = races.run(stages.enter_context(running(*FORKS)), conditions, _rounds(arguments), say)
        elif arguments.only:
            trials = open_stage()
            broken = _again(
                Steering(trials.stage, arguments.scenario, conditions.late) if arguments.scenario else trials,
                arguments.only,
                conditions,
            )
        else:
            number = 1 if arguments.quick else arguments.stages
            with ThreadPoolExecutor(number) as pool:
                opened = [each.result() for each in [pool.submit(open_stage) for _ in range(number)]]
            sweep = Sweep(
                opened,
                conditions,
                share=1 if arguments.quick else arguments.share,
                keep_going=arguments.keep_going,
            )
            if not arguments.scenario:
                _deployments(sweep, opened[0], arguments)
            if not arguments.quick:
                _steering(sweep, opened, [arguments.scenario] if arguments.scenario else [*SCENARIOS])
            broken = _summarise(sweep)
    say(f"{time.monotonic() - begun:.0f} s, seed {arguments.seed}")
    return 1 if broken else 0


def _deployments(sweep: Sweep, trials: Trials, arguments: argparse.Namespace) -> None:
    if arguments.quick:
        sweep.run("a small part", script.QUICK)
        return
    clean = _calls(trials, (), new=True)
    failing, unfinished = (
        _calls(trials, (script.LAST_STRAW,), new=False),
        _calls(trials, (script.UNFINISHED,), new=True),
    )
    say(f"a deployment makes {len(clean)} calls, one that fails at the end {len(failing)}")
    sweep.run("one fault", script.singles(clean))
    sweep.run("bursts", script.bursts(clean))
    sweep.run("during a restore", script.of_restore(failing, script.LAST_STRAW))
    sweep.run("in the last step", script.of_restore(unfinished, script.UNFINISHED))
    sweep.run("two faults", script.pairs(clean, failing, arguments.seed, arguments.pairs))


def _steering(sweep: Sweep, opened: Sequence[Trials], names: Sequence[str]) -> None:
    """What a person changes of what is live: fewer calls of its own each."""
    for name in names:
        trials = [Steering(each.stage, name, each.late) for each in opened]
        sweep.run(name, trials[0].scripts(), trials)


def _summarise(sweep: Sweep) -> bool:
    say("", *report.table(sweep.verdicts), "")
    survived = sum(not verdict.wrong for verdict in sweep.verdicts)
    say(f"faults tried: {len(sweep.verdicts)}, survived: {survived}")
    return sweep.broken


def _calls(trials: Trials, faults: Script, *, new: bool) -> list[dict[str, Any]]:
    """The calls of a deployment that ends as expected."""
    verdict = trials.run(faults)
    if verdict.wrong or verdict.new != new:
        raise RuntimeError(f"the deployment without further faults did not end as expected: {verdict}")
    return trials.calls()


def _again(trials: Trials | Steering, faults: Script, conditions: Conditions) -> bool:
    """Run one trial from the start and print all about it."""
    verdict = trials.run(faults)
    say(f"{verdict.status} {verdict.cause}", "" if verdict.reached else "Not every fault met a call.")
    if verdict.wrong:
        say(*report.violation(verdict, conditions))
    return bool(verdict.wrong)


def say(*lines: str) -> None:
    """Write lines to stdout, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("--only", type=_script, metavar="FAULTS", help="one trial: a fault or a list of them, as JSON")
    parser.add_argument("--scenario", choices=SCENARIOS, help="not a deployment, but only this")
    parser.add_argument("--quick", action="store_true", help="a fixed small part, on one stage")
    parser.add_argument("--races", action="store_true", help="many pushes at random moments instead of faults")
    parser.add_argument("--rounds", type=int, default=12, help="how many races")
    parser.add_argument("--round", type=int, metavar="NUMBER", help="only this race")
    parser.add_argument("--share", type=int, default=1, help="one in so many of all trials, drawn by the seed")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how many draws of two faults in one deployment")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all that is drawn")  # noqa: S311 - no secret
    parser.add_argument("--stages", type=int, default=4, help="how many stages at once")
    parser.add_argument(
        "--late",
        type=float,
        default=0,
        help="seconds, shortened as all waits, by which EventBridge's reads are late: fewer than 20",
    )
    parser.add_argument("--keep-going", action="store_true", help="go on after a violation")
    return parser.parse_args()


def _rounds(arguments: argparse.Namespace) -> Sequence[int]:
    return range(arguments.rounds) if arguments.round is None else [arguments.round]


def _script(text: str) -> Script:
    read = json.loads(text)
    return tuple(read) if isinstance(read, list) else (read,)


if __name__ == "__main__":
    sys.exit(main())
