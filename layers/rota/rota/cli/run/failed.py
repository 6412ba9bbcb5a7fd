"""What `rota run --failed` repeats. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from rota.cli import table as items
from rota.cli.exits import CommandError, Exit
from rota.cli.status.model import BAD, BY_HAND
from rota.cli.table import Item

# A job that runs every few minutes rarely needs each of its times.
_MOST_OF_A_JOB = 10
# What a person or the schedule file has stopped or turned off is not wanted; `left_out` says so.
_NOT_WANTED = ("stopped", "disabled", "gone", "overlap", "max_runtime")


class Repeat(NamedTuple):
    """A start that is to be made once more."""

    task: str
    due: datetime
    tasks: int
    why: str
    """What became of it: `failed: the job ended with exit code 64`."""


def to_repeat(runs: Iterable[Item]) -> list[Repeat]:
    """Of runs of any jobs what failed, did not start or was missed and was not repeated since, the oldest first."""
    slots = groupby(sorted(runs, key=_slot), key=_slot)
    return sorted(
        filter(None, (_repeat_of_a_slot([*slot]) for _, slot in slots)), key=lambda each: (each.due, each.task)
    )


def counted(repeats: Iterable[Repeat]) -> str:
    """How many runs of which job: `64 of RemoveSpam, 1 of IngestData`."""
    return ", ".join(f"{number} of {task}" for task, number in Counter(each.task for each in repeats).most_common())


def require_few(repeats: Sequence[Repeat]) -> None:
    """CommandError if more than ten are of one job."""
    number_of = Counter(each.task for each in repeats)
    if many := [task for task, number in number_of.items() if number > _MOST_OF_A_JOB]:
        raise CommandError(
            Exit.MISUSED,
            f"it would repeat {counted(repeats)}, one after the other; nothing was started",
            f"to repeat more than {_MOST_OF_A_JOB} of one job, add --all; to run a job once: rota run {many[0]}; else "
            "name the jobs, or a shorter time with --since",
        )


def left_out(runs: Iterable[Item]) -> list[str]:
    """A sentence for each task of whose bad runs some are not repeated."""
    tasks = Counter(run["task"] for run in runs if _is_bad(run) and not _is_wanted(run))
    why = "which a person or the schedule file has stopped or turned off"
    return [f"Left out: {number} of {task}, {why}: rota explain {task}" for task, number in sorted(tasks.items())]


def _slot(run: Item) -> tuple[str, str]:
    return run["task"], run["scheduled_at"]


def _repeat_of_a_slot(runs: list[Item]) -> Repeat | None:
    """What to repeat of the runs that were due in one minute."""
    bad = [each for each in runs if _is_bad(each) and _is_wanted(each)]
    due = items.at(runs[0], "scheduled_at")
    repeated = any(each.get("trigger") in (BY_HAND, "catch_up") and each["status"] not in BAD for each in runs)
    if not bad or repeated or due is None:
        return None
    # Of runs that are counted it is not known which minutes they are of.
    count = 1 if any(each.get("counted") for each in bad) else sum(int(each.get("lacking", 1)) for each in bad)
    words = (bad[-1].get("reason") or {}).get("words", "")
    status = bad[-1]["status"].replace("_", " ")
    return Repeat(bad[0]["task"], due, count, f"{status}: {words}" if words else status)


def _is_bad(run: Item) -> bool:
    return run["status"] in BAD and run.get("trigger") != BY_HAND


def _is_wanted(run: Item) -> bool:
    return (run.get("reason") or {}).get("why") not in _NOT_WANTED
