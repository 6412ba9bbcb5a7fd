"""EventBridge's grammar of schedule expressions: `cron(...)` and `rate(...)`, checked and put in one spelling.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html. A fault is a ValueError
whose message says what is wrong and what would be right. What an expression means (when it runs) is in `rota.cron`.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from rota.schedule_file import crontab
from rota.schedule_file.json_reader import quote

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html, ScheduleExpression
LONGEST_EXPRESSION = 256


class Field(NamedTuple):
    """One of the six fields of a cron expression; `names` are other spellings of `low`, `low + 1`, and so on."""

    name: str
    low: int
    high: int
    wildcards: str
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The values a reader may write, such as `1-12 or JAN-DEC`."""
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{names}"


DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MINUTES = Field("minutes", 0, 59, ", - * /")
HOURS = Field("hours", 0, 23, ", - * /")
DAY_OF_MONTH = Field("day of month", 1, 31, ", - * ? / L W")
MONTH = Field("month", 1, 12, ", - * /", MONTH_NAMES)
DAY_OF_WEEK = Field("day of week", 1, 7, ", - * ? L #", DAY_NAMES)
YEAR = Field("year", 1970, 2199, ", - * /")
# In days. AWS names no longest rate; one that is longer than the calendar of its cron is a slip of the hand.
LONGEST_RATE = (date(YEAR.high + 1, 1, 1) - date(YEAR.low, 1, 1)).days
FIELDS = (MINUTES, HOURS, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR)

_ITEM = re.compile(r"(?:\*|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/([0-9]+))?")
_DAY_WITH_L_OR_W = re.compile(rf"(?:[0-9]+|{'|'.join(DAY_NAMES)})?[LW]|LW|WL")
# What people write for a rate, right or not, to tell them what they meant.
_ROUGH_RATE = re.compile(
    r"0*(?P<value>[1-9][0-9]*) ?"
    r"(?:(?P<seconds>s|secs?|seconds?)|(?P<minute>m|mins?|minutes?)|(?P<hour>h|hrs?|hours?)|(?P<week>w|weeks?)|d|days?)\.?",
    re.IGNORECASE,
)
_PER_DAY = {"minute": 24 * 60, "hour": 24, "day": 1}
_CRONTAB_FIELDS, _CRON_FIELDS, _QUARTZ_FIELDS = 5, 6, 7


def normalise_cron(text: str) -> str:
    """The six fields in one spelling, such as `0 6 ? * MON *`; `text` may stand in `cron(...)`. ValueError if wrong."""
    inner = _inside("cron", text)
    fields = inner.upper().split()
    if len(fields) != _CRON_FIELDS:
        raise ValueError(_wrong_number_of_fields(inner, fields))
    problems = []
    for field, value in zip(FIELDS, fields, strict=True):
        try:
            _check(field, value)
        except ValueError as error:
            problems.append(str(error))
    minutes, hours, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        problems.append(_day_problem(day_of_month, day_of_week, f"{minutes} {hours} {{}} {month} {{}} {year}"))
    if problems:
        raise ValueError("; and ".join(problems))
    return " ".join(fields)


def normalise_rate(text: str) -> str:
    """A rate in one spelling (`5 minutes`); `text` may stand in `rate(...)`. ValueError if wrong."""
    inner = _inside("rate", text)
    wrong = f"{quote(inner)} is not a rate; "
    rough = _ROUGH_RATE.fullmatch(inner)
    if not rough:
        raise ValueError(wrong + 'write a positive whole number and minutes, hours or days: "5 minutes", or "1 hour"')
    if rough["seconds"]:
        raise ValueError(wrong + 'EventBridge knows no seconds, the shortest rate is "1 minute"')
    value = int(rough["value"]) * (7 if rough["week"] else 1)
    unit = "minute" if rough["minute"] else "hour" if rough["hour"] else "day"
    if value > LONGEST_RATE * _PER_DAY[unit]:
        calendar = f"EventBridge's calendar, {YEAR.low}-{YEAR.high}"
        raise ValueError(f'{quote(inner)} is longer than {calendar}; write at most "{LONGEST_RATE} days"')
    right = f"{value} {unit}{'' if value == 1 else 's'}"
    if inner != right:
        raise ValueError(f'{wrong}write "{right}"')
    return right


def normalise_expression(text: str) -> str:
    """A full expression, `cron(...)` or `rate(...)`, in one spelling. ValueError if wrong."""
    stripped = " ".join(text.split())
    for kind in _KINDS:
        if stripped.lower().startswith(f"{kind}("):
            return _whole(kind, stripped)
    if stripped.startswith("at("):
        raise ValueError("rules take no at(...); write a cron with a year, such as cron(0 6 1 1 ? 2030)")
    if stripped.upper() in crontab.MACROS:
        raise ValueError(f'{quote(stripped)} is no schedule; write "cron({crontab.MACROS[stripped.upper()]})"')
    if not stripped[:1].isdigit() and not stripped.startswith("*"):
        raise ValueError(f'{quote(stripped)} is no schedule; write "cron(0 6 * * ? *)" or "rate(5 minutes)"')
    kind = "cron" if stripped.count(" ") > 1 else "rate"
    raise ValueError(f'{quote(stripped)} lacks its {kind}(...); write "{_whole(kind, stripped)}"')


def _whole(kind: str, text: str) -> str:
    """The expression with its kind around it, which also what would be right is given in a ValueError."""
    try:
        return f"{kind}({_KINDS[kind](text)})"
    except ValueError as error:
        raise ValueError(re.sub(r'(write|such as) "([^"()]+)"$', rf'\1 "{kind}(\2)"', str(error))) from error


def field_values(field: Field, text: str) -> list[int]:
    """What a list of numbers, names, ranges and steps means, in order. A range may wrap: `22-2`, `FRI-MON`."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match or (item == "*" and text != "*"):
            raise ValueError(_problem(field, text, f"{quote(item)} cannot be read"))
        first, last, step = match.groups()
        if step and field is DAY_OF_WEEK:
            raise ValueError(_problem(field, text, "a step is not allowed, list the days (MON,WED,FRI)"))
        if step and not 1 <= int(step) <= field.high:
            # EventBridge refuses */60 in minutes, as Quartz does: https://github.com/aws/aws-sdk-js/issues/4212
            raise ValueError(_problem(field, text, f"a step is a whole number from 1 to {field.high}"))
        start = _number(field, text, first) if first else field.low
        # 5/10 means from 5 to the end by tens
        end = _number(field, text, last or first) if last or (first and not step) else field.high
        if end < start and field is YEAR:
            raise ValueError(_problem(field, text, f'the range runs backwards, write "{end}-{start}"'))
        span = field.high - field.low + 1
        length = (end - start) % span + 1
        found.update((start + offset - field.low) % span + field.low for offset in range(0, length, int(step or 1)))
    return sorted(found)


def _check(field: Field, text: str) -> None:
    """ValueError if the field is wrong by itself."""
    if field is DAY_OF_MONTH and text not in ("?", "L", "LW"):
        field_values(field, text.removesuffix("W") if text.removesuffix("W").isdigit() else text)
    elif field is DAY_OF_WEEK and text not in ("?", "L"):
        day, hash_sign, occurrence = text.partition("#")
        if hash_sign and occurrence not in ("1", "2", "3", "4", "5"):
            raise ValueError(_problem(field, text, "after # comes which one of the month, 1-5, and nothing else"))
        if hash_sign:
            _number(field, text, day)
        else:
            field_values(field, day.removesuffix("L") if day.isalnum() else day)
    elif field not in (DAY_OF_MONTH, DAY_OF_WEEK):
        field_values(field, text)


def _number(field: Field, text: str, token: str) -> int:
    if token in field.names:
        return field.names.index(token) + field.low
    if token.isascii() and token.isdigit() and len(token) <= len(str(field.high)):
        number = int(token)
        if field.low <= number <= field.high:
            return number
    raise ValueError(_problem(field, text, _why_no_number(field, text, token)))


def _why_no_number(field: Field, text: str, token: str) -> str:
    if field in (DAY_OF_MONTH, DAY_OF_WEEK) and _DAY_WITH_L_OR_W.fullmatch(token):
        if field is DAY_OF_WEEK and "W" in token:
            return "W is not allowed, it goes with a day of month (15W, LW)"
        if field is DAY_OF_MONTH and token.endswith("L") and token not in ("L", "WL"):
            return "L stands alone here, or as LW"
        if not text.isalnum():
            return f"{quote(token)} takes no list, range or step"
        if field is DAY_OF_MONTH:
            return {"WL": "write LW"}.get(token, "W comes after a day of the month, such as 15W")
    return f"{quote(token)} is not in {field.allowed}"


def _problem(field: Field, text: str, what: str) -> str:
    return f"{field.name} {quote(text)}: {what}; allowed are {field.allowed} and {field.wildcards}"


def _day_problem(day_of_month: str, day_of_week: str, frame: str) -> str:
    wrong = "exactly one of day of month and day of week must be ?"
    if "*" in (day_of_month, day_of_week) or day_of_month == "?":
        # One of the two says nothing, so the intent is plain.
        days = ("?", day_of_week) if day_of_week not in ("*", "?") else (day_of_month.replace("?", "*"), "?")
        return f'{wrong}; write "{frame.format(*days)}"'
    return f"{wrong}; for both, make two tasks, one for each"


def _wrong_number_of_fields(inner: str, fields: Sequence[str]) -> str:
    number = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
    wrong = f"{quote(inner)} has {number}{' as in crontab' if len(fields) == _CRONTAB_FIELDS else ''}"
    meant = _meant(fields)
    right = f'write "{meant}"' if meant else 'such as "0 6 * * ? *"'
    return f"{wrong}; EventBridge takes 6 (minutes hours day-of-month month day-of-week year), {right}"


def _meant(fields: Sequence[str]) -> str:
    """The cron meant by crontab's five fields, by Quartz's seven or by a macro; empty when that cannot be told."""
    if len(fields) == _QUARTZ_FIELDS:  # Quartz begins with the seconds
        candidate = " ".join(fields[1:])
    elif len(fields) == _CRONTAB_FIELDS:
        candidate = crontab.six_fields(*fields)
    else:
        return crontab.MACROS.get(" ".join(fields), "")
    try:
        return normalise_cron(candidate)
    except ValueError:
        return ""


def _inside(kind: str, text: str) -> str:
    """What stands in `kind(...)`, or the text itself when it stands bare, with single spaces."""
    inner = " ".join(text.split())
    for other in _KINDS:
        there = "" if other == kind else f' under the key "{other}"'
        if inner.startswith(f"{other}(") and there:
            raise ValueError(f"{quote(inner)} is a {other}; write it{there}")
        if inner.lower().startswith(f"{other}(") and not inner.startswith(other):
            raise ValueError(f"{quote(inner)} must begin in lower case; write {other}(...){there}")
    if inner.startswith(f"{kind}("):
        if not inner.endswith(")"):
            raise ValueError(f"{quote(inner)} lacks its closing bracket; write {kind}(...)")
        inner = inner[len(kind) + 1 : -1].strip()
    if "(" in inner or ")" in inner:
        raise ValueError(f"{quote(inner)} has a bracket in the wrong place; write {kind}(...)")
    excess = len(f"{kind}({inner})") - LONGEST_EXPRESSION
    if excess > 0:
        raise ValueError(
            f"the expression is {excess} longer than EventBridge's {LONGEST_EXPRESSION} characters; shorten it"
        )
    return inner


_KINDS: dict[str, Callable[[str], str]] = {"cron": normalise_cron, "rate": normalise_rate}
