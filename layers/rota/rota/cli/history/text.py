"""`rota history` for people. Pure."""

from collections.abc import Iterator
from datetime import datetime

from rota.cli import time_text
from rota.cli.columns import Cell, Row, beginning, table
from rota.cli.history.model import Deployment, History, TaskHistory, TaskRun
from rota.cli.pauses import PastPause
from rota.cli.status.text import how, short, whose
from rota.watch.wording import for_people

_COLOURS = {"failed": "red", "refused": "red", "restoring": "red", "aborted": "yellow"}
_RUN_COLOURS = {"failed": "red", "not_started": "red", "missed": "red", "unknown": "yellow"}


def lines(history: History, now: datetime, width: int, *, every: bool) -> Iterator[str]:
    """A row for each deployment; `every`: also of those that did not go live."""
    if not history.releases:
        yield "Nothing was deployed yet."
        return
    titles = ["release", "", "when", "image", "took", "how and what"]
    yield from table(titles, [_row(each, now) for each in history.releases], width)
    if history.more:
        yield f"There are older ones: rota history{' --all' if every else ''} -n {2 * len(history.releases)}"


def run_lines(history: TaskHistory, most: int, now: datetime, width: int, *, utc: bool) -> Iterator[str]:
    """A row for each run, and for each pause between them: the newest, `most` together."""
    if not history.runs:
        yield f"There is no run of {history.task} yet."
    titles = ["due", "", "took", "release", "started by", "why"]
    rows = [(each.at, _run_row(each, now, utc=utc)) for each in history.runs]
    rows += [
        (each.since, _pause_row(each.since, each.ended, _past(each, now, utc=utc), now, utc=utc))
        for each in history.pauses
    ]
    if paused := history.paused:
        since, words = paused.since or now, f"in force{whose(paused, now, utc=utc)}"
        rows.append((since, _pause_row(since, now, words, now, utc=utc)))
    if rows:
        ordered = sorted(rows, key=lambda each: each[0], reverse=True)
        yield from table(titles, [row for _, row in ordered[:most]], width)


def _past(pause: PastPause, now: datetime, *, utc: bool) -> str:
    by = f"by {pause.by} " if pause.by else ""
    said = f': "{pause.reason}"' if pause.reason else ""
    ends = f"; {pause.ended_by} resumed it" if pause.ended_by else ""
    return f"{by}until {time_text.clock(pause.ended, now, utc=utc)}{said}{ends}"


def _pause_row(since: datetime, ended: datetime, words: str, now: datetime, *, utc: bool) -> Row:
    when = f"from {time_text.clock(since, now, utc=utc)}"
    return [when, Cell("paused", "yellow"), time_text.duration((ended - since).total_seconds()), "-", "-", words]


def _row(each: Deployment, now: datetime) -> Row:
    outcome = "live" if each.live else each.outcome
    when = each.finished_at or each.started_at
    return [
        each.release or "-",
        Cell(outcome, "green" if each.live else _COLOURS.get(each.outcome)),
        time_text.ago(when, now) if when else "",
        each.tag or short(each.digest),
        time_text.duration(each.seconds) if each.seconds is not None else "",
        "; ".join(filter(None, (how(each.kind, each.by, each.reason), for_people(_what(each))))),
    ]


def _what(each: Deployment) -> str:
    return each.summary if each.outcome in ("deployed", "nothing to do", "done") else _why(each)


def _why(each: Deployment) -> str:
    named = each.tag or short(each.digest) or each.execution.rpartition(":")[2]
    return f"{beginning(each.cause)}   rota explain {named}".strip()


def _run_row(run: TaskRun, now: datetime, *, utc: bool) -> Row:
    how = f"exit {run.exit}" if run.status == "failed" and run.exit is not None else run.status.replace("_", " ")
    return [
        time_text.clock(run.at, now, utc=utc),
        Cell(how, _RUN_COLOURS.get(run.status)),
        time_text.duration(run.seconds) if run.seconds is not None else "",
        run.release or "-",
        run.trigger.replace("_", " "),
        run.reason,
    ]
