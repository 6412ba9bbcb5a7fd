"""`python -m tests.month`: play the month of a seed, once traced and once not, and say what was wrong."""

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from typing import NamedTuple

from tests.month.judge import wrong
from tests.month.play import Month
from tests.month.script import drawn


class Verdict(NamedTuple):
    """What one month has shown."""

    summary: str
    wrong: list[str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.month", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="plays the same month again")  # noqa: S311 - nothing secret
    parser.add_argument("--days", type=int, default=30, metavar="D", help="so many days of it")
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}, {asked.days} days\n")
    # Not forked: each has a moto of its own.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        verdicts = pool.starmap(played, [(asked.seed, asked.days, traced) for traced in (False, True)])
    for verdict in verdicts:
        sys.stdout.write("".join(f"{line}\n" for line in (verdict.summary, *verdict.wrong)))
    return any(verdict.wrong for verdict in verdicts)


def played(seed: int, days: int, traced: bool) -> Verdict:
    """Play it in this process."""
    began = time.monotonic()
    month = Month(drawn(seed, days, traced=traced))
    month.play()
    found = wrong(month)
    lost = Counter(due.lost for due in month.dues if due.lost)
    told = Counter(each.kind for each in month.told)
    summary = (
        f"{'traced' if traced else 'by their minute'}: {sum(len(due.tasks) for due in month.dues)} tasks; "
        f"without one {_counts(lost)}; told {_counts(told)}; {month.sweeps} sweeps, {len(month.changed)} deployments; "
        f"{len(found)} wrong; {time.monotonic() - began:.0f} s"
    )
    return Verdict(summary, found)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items())) or "none"


if __name__ == "__main__":
    sys.exit(main())
