"""What the author of a task should know of when it runs, though nothing is wrong with it. Pure.

Loaded only for a task that is a schedule of EventBridge Scheduler.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from rota.schedule_file import zones
from rota.schedule_file.expression import one_time, period_of
from rota.schedule_file.next_runs import local_times, runs_after
from rota.schedule_file.retry_age import shortest_interval
from rota.schedule_file.task import Task
from rota.schedule_file.when import When

_LOOKS_AHEAD = timedelta(days=366)
_HOUR = timedelta(hours=1)


def advice(task: Task, now: datetime) -> Iterator[str]:
    """A sentence for each remark, without the task's name before it."""
    when = task.when
    if next(runs_after(when, now), None) is None:
        if one_time(when.expression):
            yield "its time is past: a deployment refuses it, unless its schedule is there already; take it out"
        else:
            yield _why_it_never_runs(when, now)
        return
    if when.window and timedelta(minutes=when.window) >= shortest_interval(when.expression):
        yield (
            f"its window of {when.window} minutes is not shorter than the time between two runs: "
            "a later one may begin before an earlier one"
        )
    if when.timezone != "UTC" and not period_of(when.expression) and not one_time(when.expression):
        yield from _advice_on_clocks(when, now)


def _why_it_never_runs(when: When, now: datetime) -> str:
    """Of a cron or a rate without a run to come."""
    if when.end and when.end <= now:
        return "its end is past, so it never runs again; take it out"
    if when.end and next(runs_after(when._replace(end=None), now), None):
        return "it has no run before its end, so it never runs; choose a later end, or take it out"
    local = max(now, when.start or now).astimezone(zones.zone(when.timezone)).replace(tzinfo=None)
    if skipped := next(local_times(when.expression, local), None):
        return (
            f"on {skipped:%a %Y-%m-%d} the clocks of {when.timezone} skip {skipped:%H:%M}, and it has no other run to "
            "come, so it never runs; choose another time"
        )
    return "its last run is past, so it never runs again; take it out"


def _advice_on_clocks(when: When, now: datetime) -> Iterator[str]:
    """What the zone's next change of each kind does to a cron."""
    is_frequent = shortest_interval(when.expression) <= _HOUR
    begin, end = max(now, when.start or now), min(now + _LOOKS_AHEAD, when.end or now + _LOOKS_AHEAD)
    said: set[bool] = set()
    for change in zones.changes(zones.zone(when.timezone), begin, end):
        first, last = change.shown
        run = next(local_times(when.expression, first - timedelta(microseconds=1)), None)
        if run is None or run >= last or change.skips in said:
            continue
        said.add(change.skips)
        between = f"{first:%H:%M} to {last:%H:%M}"
        if change.skips and not is_frequent:
            yield (
                f"on {first:%a %Y-%m-%d} the clocks of {when.timezone} skip {between}, and so the run of {run:%H:%M}; "
                "choose another time if it must run on that day"
            )
        elif is_frequent and not change.skips:
            yield (
                f"on {first:%a %Y-%m-%d} the clocks of {when.timezone} show {between} twice, and it runs the first "
                "time only; without timezone, in UTC, no run is left out"
            )
