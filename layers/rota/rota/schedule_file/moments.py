"""The times of a task in the schedule file: `at`, `start` and `end`. Loaded only for a file that has any. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from rota.schedule_file.expression import YEAR, normalise_cron, normalise_expression, period_of
from rota.schedule_file.next_runs import next_runs
from rota.schedule_file.problem import quote
from rota.schedule_file.when import When

LOCAL = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
MOMENT = rf"{LOCAL}(Z|[+-][0-9]{{2}}:[0-9]{{2}})?"

_EXAMPLE = '"2027-01-31T07:00:00"'
_DAY = timedelta(days=1)


def local_time(text: str) -> str:
    """A time without an offset, with its seconds: `2027-01-31T07:00:00`. ValueError for another."""
    at = _parsed(text)
    if at.tzinfo:
        instead = "" if at.utcoffset() == timedelta() else ' and "timezone": "Europe/Berlin" or another'
        raise ValueError(f'{quote(text)} has an offset; write "{_written(at.replace(tzinfo=None))}"{instead}')
    return _written(at)


def moment(text: str) -> str:
    """A time with an offset or without, with its seconds: `2027-01-31T07:00:00+01:00`. ValueError for another."""
    return _written(_parsed(text))


def instant_of(text: str, timezone: str) -> datetime | None:
    """The moment in UTC of a time as `local_time` or `moment` returns it; None for one that the zone's clocks skip."""
    at = datetime.fromisoformat(text)
    if at.tzinfo or timezone == "UTC":
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    from rota.schedule_file import zones  # noqa: PLC0415  here, because most times are in UTC

    return zones.instant(at, zones.zone(timezone))


def problems(entry: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is wrong between the keys of one task that say when: (key, message). What one has alone is not said here."""
    given = {key: value for key, value in entry.items() if value is not None}
    if "timezone" in given and has_no_time_of_day(given):
        yield "timezone", "a rate has no time of day, so a time zone changes nothing; leave it out, or write a cron"
    if "at" in given:
        yield from (
            (key, 'does nothing beside "at", which is one time; leave it out') for key in _BOUNDS if key in given
        )
    found: dict[str, datetime] = {}
    for key, check in _CHECKS.items():
        try:
            text = check(str(given[key]))
            at = instant_of(text, str(given.get("timezone", "UTC")))
        except (KeyError, ValueError):  # it is not there; or it is wrong, or its zone, which is said of it
            continue
        if at:
            found[key] = at
        else:
            yield key, _skipped(text, str(given["timezone"]))
    if "at" not in given and len(found) == len(_BOUNDS):
        yield from _between(given, found["start"], found["end"])


def has_no_time_of_day(entry: Mapping[str, object]) -> bool:
    """Whether a task of the file runs at a rate without dates, so that a time zone means nothing to it."""
    is_rate = "rate" in entry or str(entry.get("schedule")).lstrip().startswith("rate")
    return is_rate and not entry.keys() & {*_BOUNDS}


def _between(given: Mapping[str, object], start: datetime, end: datetime) -> Iterator[tuple[str, str]]:
    """What keeps the task from ever running between the two."""
    if start >= end:
        yield "end", f"{quote(given['end'])} is not later than start, {quote(given['start'])}; write a later one"
        return
    try:
        expression = _expression(given)
    except ValueError:  # it is said of the key
        return
    when = When(expression, str(given.get("timezone", "UTC")), start, end)
    if period_of(expression) is None and not next_runs(when, start - timedelta(minutes=1), 1):
        yield "end", f"{expression} never runs between start and end; correct one of the three"


def _expression(given: Mapping[str, object]) -> str:
    """The expression of a task that has no `at`. ValueError if it is wrong, or not there."""
    if cron := given.get("cron"):
        return f"cron({normalise_cron(str(cron))})"
    return normalise_expression(str(given.get("schedule", "rate(1 day)")))


def _skipped(text: str, timezone: str) -> str:
    """What to say of a local time that the zone's clocks skip."""
    from rota.schedule_file import zones  # noqa: PLC0415  as above

    local = datetime.fromisoformat(text)
    about = local.replace(tzinfo=UTC)
    change = next(each for each in zones.changes(zones.zone(timezone), about - _DAY, about + _DAY) if each.skips)
    first, last = change.shown
    return (
        f"{quote(text)} does not exist in {timezone}, whose clocks go from {first:%H:%M} to {last:%H:%M}; write "
        f"{quote(_written(last))}"
    )


def _parsed(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{quote(text)} is not a time that exists; write one such as {_EXAMPLE}") from None
    if not re.fullmatch(MOMENT, text):
        raise ValueError(f"{quote(text)} is not written as a time; write {quote(_written(at))}")
    if not YEAR.low <= at.year <= YEAR.high:
        raise ValueError(f"{quote(text)} is not in the years {YEAR.low}-{YEAR.high}, which EventBridge takes")
    return at


def _written(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


_CHECKS: Mapping[str, Callable[[str], str]] = {"at": local_time, "start": moment, "end": moment}
_BOUNDS = ("start", "end")
