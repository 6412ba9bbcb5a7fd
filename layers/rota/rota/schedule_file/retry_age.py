"""For how long EventBridge tries to start a task whose entry in the schedule file does not say so. Pure.

A start that ECS throttled is tried again, and a run that begins when the next one is due does harm. So a start is given
up after half of the shortest time between two runs: the next one is near then.
"""

from datetime import timedelta
from functools import cache
from itertools import pairwise

from rota.schedule_file.expression import HOURS, MINUTES, field_values, one_time, period_of

_LEAST = timedelta(minutes=5)
_MOST = timedelta(hours=6)
_DAY = timedelta(days=1)


def retry_age(expression: str) -> timedelta:
    """How old a start of this schedule may become, in whole seconds; `expression` in one spelling, as a task has it."""
    return min(max(shortest_interval(expression) / 2, _LEAST), _MOST)


@cache
def shortest_interval(expression: str) -> timedelta:
    """The shortest time between two runs of this schedule; a day if no two are nearer."""
    if period := period_of(expression):
        return min(period, _DAY)
    if one_time(expression):
        return _DAY
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    minutes, hours = field_values(MINUTES, fields[0]), field_values(HOURS, fields[1])
    gaps = [timedelta(minutes=later - earlier) for earlier, later in pairwise(minutes)]
    between_hours = timedelta(minutes=minutes[0] - minutes[-1])
    gaps += [timedelta(hours=later - earlier) + between_hours for earlier, later in pairwise(hours)]
    within_a_day = min(gaps, default=_DAY)
    over_midnight = timedelta(hours=24 + hours[0] - hours[-1]) + between_hours
    if over_midnight >= within_a_day:
        return within_a_day
    from rota.schedule_file.next_runs import runs_on_days_in_a_row  # noqa: PLC0415  few schedules need a calendar

    return over_midnight if runs_on_days_in_a_row(expression) else within_a_day
