"""One month in a process of its own: played, judged, and in a line what was in it."""

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


def played(seed: int, days: int, traced: bool) -> Verdict:
    """Play it in this process."""
    began = time.monotonic()
    month = Month(drawn(seed, days, traced=traced))
    month.play()
    found = wrong(month)
    lost = Counter(due.lost for due in month.dues if due.lost)
    reported = Counter(each.kind for each in month.reported)
    summary = (
        f"{'traced' if traced else 'by their minute'}: {sum(len(due.tasks) for due in month.dues)} tasks; "
        f"without one {_counts(lost)}; reported {_counts(reported)}; {month.sweeps} sweeps, "
        f"{len(month.changed)} deployments; {len(found)} wrong; {time.monotonic() - began:.0f} s"
    )
    return Verdict(summary, found)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items())) or "none"
