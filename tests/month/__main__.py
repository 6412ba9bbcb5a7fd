"""`python -m tests.month`: play the month of a seed, once traced and once not, and say what was wrong."""

import argparse
import multiprocessing
import random
import sys

from tests.month.verdict import played


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


if __name__ == "__main__":
    sys.exit(main())
