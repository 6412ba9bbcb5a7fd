"""EventBridge's grammar of schedule expressions: `cron(...)` and `rate(...)`, checked and put in one spelling.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html. A wrong expression is a
ValueError whose message says what is wrong and what to write instead. When an expression runs is in `next_runs`.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from rota.schedule_file.problem import quote

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
# In days. AWS documents no longest rate; one that is longer than the calendar of its cron is a mistake.
LONGEST_RATE = (date(YEAR.high + 1, 1, 1) - date(YEAR.low, 1, 1)).days
FIELDS = (MINUTES, HOURS, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR)

# Days that each month has.
_SHORTEST_MONTH, _LONGEST_MONTH = 28, 31
_ITEM = re.compile(r"(?:\*|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/([0-9]+))?")
_DAY_WITH_L_OR_W = re.compile(rf"(?:[0-9]+|{'|'.join(DAY_NAMES)})?[LW]|LW|WL")
_BEFORE_THE_LAST = re.compile(r"L-([0-9]{1,2})")
_DAY_OF_MONTH, _DAY_OF_WEEK = FIELDS.index(DAY_OF_MONTH), FIELDS.index(DAY_OF_WEEK)
# An expression that a message proposes; a quoted value of one field has no space in it.
_PROPOSED = re.compile(r'(write|such as|at most|or|is|days:|rate:) "([^"()]+ [^"()]+)"')
_RATE = re.compile(r"([1-9][0-9]*) (minute|hour|day)(s?)")
_PER_DAY = {"minute": 24 * 60, "hour": 24, "day": 1}


class _MeantError(ValueError):
    """A field that is wrong and means something: `instead`."""

    def __init__(self, message: str, instead: str) -> None:
        super().__init__(message)
        self.instead = instead


def normalise_cron(text: str) -> str:
    """The six fields in one spelling, such as `0 6 ? * MON *`; `text` may have `cron(...)` around them."""
    inner = _unwrapped("cron", text)
    fields = inner.upper().split()
    if len(fields) != len(FIELDS):
        raise ValueError(_wrong_number_of_fields(inner, fields))
    problems, instead = [], fields.copy()
    for position, (field, value) in enumerate(zip(FIELDS, fields, strict=True)):
        try:
            _check(field, value)
        except ValueError as error:
            problems.append(str(error))
            if isinstance(error, _MeantError):
                instead[position] = error.instead
    day_of_month, day_of_week = fields[_DAY_OF_MONTH], fields[_DAY_OF_WEEK]
    if (day_of_month == "?") == (day_of_week == "?"):
        problems.append("exactly one of day of month and day of week must be ?")
        if "*" in (day_of_month, day_of_week) or day_of_month == "?":  # one of them restricts nothing
            instead[_DAY_OF_MONTH], instead[_DAY_OF_WEEK] = _days(instead[_DAY_OF_MONTH], day_of_week)
        else:
            problems[-1] += "; for both, make two tasks, one for each"
    if problems:
        proposal = _proposal(instead) if instead != fields else None
        raise ValueError("; and ".join(problems) + (f'; write "{proposal}"' if proposal else ""))
    return " ".join(fields)


def normalise_rate(text: str) -> str:
    """A rate in one spelling (`5 minutes`); `text` may have `rate(...)` around it."""
    inner = _unwrapped("rate", text)
    right = _RATE.fullmatch(inner)
    if not right or (right[1] == "1") == bool(right[3]):
        raise ValueError(_wrong_rate(inner))
    if _is_too_long(int(right[1]), right[2]):
        raise ValueError(_too_long(inner))
    return inner


@lru_cache(maxsize=1024)
def normalise_expression(text: str) -> str:
    """A full expression, `cron(...)` or `rate(...)`, in one spelling."""
    stripped = " ".join(text.split())
    for kind in _KINDS:
        if stripped.lower().startswith(f"{kind}("):
            return _wrapped(kind, stripped)
    raise ValueError(_not_an_expression(stripped))


def period_of(expression: str) -> timedelta | None:
    """How long a rate's period is; None for a cron. `expression` in one spelling, as a task has it."""
    kind, _, rest = expression.removesuffix(")").partition("(")
    if kind != "rate":
        return None
    value, unit = rest.split()
    return timedelta(**{f"{unit.removesuffix('s')}s": int(value)})


def one_time(expression: str) -> datetime | None:
    """The local time of `at(2027-01-31T07:00:00)`; None for another expression."""
    kind, _, rest = expression.removesuffix(")").partition("(")
    return datetime.fromisoformat(rest) if kind == "at" else None


def runs_every_month(fields: str) -> bool:
    """True if a cron runs in each month that it names; False if that takes a calendar: days 29-31, a fifth weekday."""
    _, _, day_of_month, _, day_of_week, _ = fields.split()
    if day_of_week != "?":
        return not day_of_week.endswith("#5")
    days = day_of_month.removesuffix("W")
    return days == "L" or min(field_values(DAY_OF_MONTH, days)) <= _SHORTEST_MONTH


def _wrapped(kind: str, text: str) -> str:
    """`text` as an expression of that kind, also where a ValueError says what to write instead."""
    try:
        return f"{kind}({_KINDS[kind](text)})"
    except ValueError as error:
        raise ValueError(_PROPOSED.sub(_in_brackets, str(error))) from error


def _in_brackets(proposed: re.Match[str]) -> str:
    kind = "rate" if _RATE.fullmatch(proposed[2]) else "cron"
    return f'{proposed[1]} "{kind}({proposed[2]})"'


@lru_cache(maxsize=1024)
def field_values(field: Field, text: str) -> tuple[int, ...]:
    """The values of a list of numbers, names, ranges and steps, in order. A range may wrap: `22-2`, `FRI-MON`."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match or (item == "*" and text != "*"):
            raise ValueError(_field_problem(field, text, f"{quote(item)} cannot be read"))
        first, last, step = match.groups()
        if step and field is DAY_OF_WEEK:
            raise ValueError(_field_problem(field, text, "a step is not allowed, list the days (MON,WED,FRI)"))
        if step and not 1 <= int(step) <= field.high:
            # EventBridge refuses */60 in minutes, as Quartz does: https://github.com/aws/aws-sdk-js/issues/4212
            raise _step_problem(field, text, first, step)
        start = _number(field, text, first) if first else field.low
        # 5/10 means from 5 to the end by tens
        end = _number(field, text, last or first) if last or (first and not step) else field.high
        if end < start and field is YEAR:
            raise ValueError(_field_problem(field, text, f'the range runs backwards, write "{end}-{start}"'))
        span = field.high - field.low + 1
        length = (end - start) % span + 1
        found.update((start + offset - field.low) % span + field.low for offset in range(0, length, int(step or 1)))
    return tuple(sorted(found))


def _step_problem(field: Field, text: str, first: str | None, step: str) -> ValueError:
    """A step of the whole field, such as */60 in minutes, comes to its first value."""
    what = f"a step is a whole number from 1 to {field.high}"
    unit = field.name
    if field in (MINUTES, HOURS) and int(step) > field.high + 1 and not _is_too_long(int(step), unit.removesuffix("s")):
        return ValueError(
            _field_problem(field, text, f'{what}; for every {step} {unit}, write a rate: "{step} {unit}"')
        )
    if int(step) == field.high + 1 and "," not in text:
        return _MeantError(_field_problem(field, text, what), first or str(field.low))
    return ValueError(_field_problem(field, text, what))


def _check(field: Field, text: str) -> None:
    """ValueError if the field is wrong, whatever the others are."""
    if field is DAY_OF_MONTH and (before := _BEFORE_THE_LAST.fullmatch(text)):
        raise _before_the_last(text, int(before[1]))
    if field is DAY_OF_MONTH and text not in ("?", "L", "LW"):
        field_values(field, text.removesuffix("W") if text.removesuffix("W").isdigit() else text)
    elif field is DAY_OF_WEEK and text not in ("?", "L"):
        day, hash_sign, occurrence = text.partition("#")
        if hash_sign and occurrence not in ("1", "2", "3", "4", "5"):
            raise ValueError(_field_problem(field, text, "write after # which one of the month, 1-5, and nothing else"))
        if hash_sign:
            _number(field, text, day)
        else:
            field_values(field, day.removesuffix("L") if day.isalnum() else day)
    elif field not in (DAY_OF_MONTH, DAY_OF_WEEK):
        field_values(field, text)


def _before_the_last(text: str, days: int) -> ValueError:
    """L-3, the third day before the last of the month, which is one of four days."""
    what = "EventBridge documents no days before the last"
    if not 1 <= days < _SHORTEST_MONTH:
        return ValueError(_field_problem(DAY_OF_MONTH, text, f"{what}; write a day"))
    exits = f"let the job exit unless {days} {'day is' if days == 1 else 'days are'} left in the month"
    instead = f"{_SHORTEST_MONTH - days}-{_LONGEST_MONTH - days}"
    return _MeantError(
        _field_problem(DAY_OF_MONTH, text, f"{what}; {exits}, and write the days that it may be"), instead
    )


def _number(field: Field, text: str, token: str) -> int:
    if token in field.names:
        return field.names.index(token) + field.low
    if token.isascii() and token.isdigit() and len(token) <= len(str(field.high)):
        number = int(token)
        if field.low <= number <= field.high:
            return number
    raise ValueError(_field_problem(field, text, _why_no_number(field, text, token)))


def _why_no_number(field: Field, text: str, token: str) -> str:
    if field in (DAY_OF_MONTH, DAY_OF_WEEK) and _DAY_WITH_L_OR_W.fullmatch(token):
        if field is DAY_OF_WEEK and "W" in token:
            return "W is not allowed, it belongs to a day of month (15W, LW)"
        if field is DAY_OF_MONTH and token.endswith("L") and token not in ("L", "WL"):
            return "L can only be L or LW here"
        if not text.isalnum():
            return f"{quote(token)} takes no list, range or step"
        if field is DAY_OF_MONTH:
            return {"WL": "write LW"}.get(token, "W comes after a day of the month, such as 15W")
    return f"{quote(token)} is not in {field.allowed}"


def _field_problem(field: Field, text: str, what: str) -> str:
    return f"{field.name} {quote(text)}: {what}; allowed are {field.allowed} and {field.wildcards}"


def _days(day_of_month: str, day_of_week: str) -> tuple[str, str]:
    """The two day fields with one ?, where one of them restricts nothing, so that the intent is clear."""
    return ("?", day_of_week) if day_of_week not in ("*", "?") else (day_of_month.replace("?", "*"), "?")


def _proposal(fields: Sequence[str]) -> str | None:
    """These fields in one spelling, if a task may have them: a message proposes nothing that is refused in turn."""
    with contextlib.suppress(ValueError):
        cron = normalise_cron(" ".join(fields))
        return cron if _has_a_date(cron) else None
    return None


def _has_a_date(fields: str) -> bool:
    """Whether a day of a cron comes in one of its months. Of years it knows only that not each has 29 February."""
    if runs_every_month(fields):
        return True
    _, _, day_of_month, month, day_of_week, year = fields.split()
    day = 29 if day_of_week != "?" else min(field_values(DAY_OF_MONTH, day_of_month.removesuffix("W")))
    longest = {number: 30 if number in (4, 6, 9, 11) else _LONGEST_MONTH for number in range(1, 13)}
    longest[2] = _SHORTEST_MONTH + (year == "*")
    return day <= max(longest[number] for number in field_values(MONTH, month))


def _wrong_number_of_fields(inner: str, fields: Sequence[str]) -> str:
    from rota.schedule_file import dialects  # noqa: PLC0415  here, so that a valid file does not load it

    number = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
    wrong = f"{quote(inner)} has {number}{' as in crontab' if len(fields) == dialects.CRONTAB_FIELDS else ''}"
    instead = 'such as "0 6 * * ? *"'
    guess = dialects.guess_cron(fields)
    if guess and (proposal := _proposal(guess.split())):
        instead = f'write "{proposal}"'
    return f"{wrong}; EventBridge takes 6 (minutes hours day-of-month month day-of-week year), {instead}"


def _wrong_rate(inner: str) -> str:
    from rota.schedule_file import dialects  # noqa: PLC0415  here, so that a valid file does not load it

    wrong, guess = f"{quote(inner)} is not a rate", dialects.guess_rate(inner)
    if not guess:
        return f'{wrong}; write a positive whole number and minutes, hours or days: "5 minutes", or "1 hour"'
    if guess.unit == "second":
        return f'{wrong}; EventBridge has no seconds, the shortest rate is "1 minute"'
    if _is_too_long(guess.value, guess.unit):
        return _too_long(inner)
    return f'{wrong}; write "{guess.value} {guess.unit}{"" if guess.value == 1 else "s"}"'


def _is_too_long(value: int, unit: str) -> bool:
    return value > LONGEST_RATE * _PER_DAY[unit]


def _too_long(inner: str) -> str:
    calendar = f"EventBridge's calendar, {YEAR.low}-{YEAR.high}"
    return f'{quote(inner)} is longer than {calendar}; write at most "{LONGEST_RATE} days"'


def _not_an_expression(text: str) -> str:
    from rota.schedule_file import dialects  # noqa: PLC0415  here, so that a valid file does not load it

    if text.startswith("at("):
        return 'at(...) has a key of its own; write "at": "2030-01-01T06:00:00"'
    if text.upper() in dialects.MACROS:
        return f'{quote(text)} is not a schedule; write "cron({dialects.MACROS[text.upper()]})"'
    if not text[:1].isdigit() and not text.startswith("*"):
        return f'{quote(text)} is not a schedule; write "cron(0 6 * * ? *)" or "rate(5 minutes)"'
    kind = "cron" if text.count(" ") > 1 else "rate"
    return f'{quote(text)} has no {kind}(...) around it; write "{_wrapped(kind, text)}"'


def _unwrapped(kind: str, text: str) -> str:
    """What `kind(...)` has inside, or all of the text if it has no kind around it, with single spaces."""
    inner = " ".join(text.split())
    for other in _KINDS:
        key = "" if other == kind else f' under the key "{other}"'
        if inner.startswith(f"{other}(") and key:
            raise ValueError(f"{quote(inner)} is a {other}; write it{key}")
        if inner.lower().startswith(f"{other}(") and not inner.startswith(other):
            raise ValueError(f"{quote(inner)} must begin in lower case; write {other}(...){key}")
    if inner.startswith(f"{kind}("):
        if not inner.endswith(")"):
            raise ValueError(f"{quote(inner)} has no closing bracket; write {kind}(...)")
        inner = inner[len(kind) + 1 : -1].strip()
    if "(" in inner or ")" in inner:
        raise ValueError(f"{quote(inner)} has a bracket in the wrong place; write {kind}(...)")
    length = len(f"{kind}({inner})")
    if length > LONGEST_EXPRESSION:
        raise ValueError(
            f"the expression has {length} characters, and EventBridge allows {LONGEST_EXPRESSION}; shorten it"
        )
    return inner


_KINDS: dict[str, Callable[[str], str]] = {"cron": normalise_cron, "rate": normalise_rate}
