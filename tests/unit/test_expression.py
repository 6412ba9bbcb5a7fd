"""EventBridge's grammar: valid expressions in one spelling, and wrong ones with what to write instead."""

import pytest

from rota.schedule_file.expression import normalise_cron, normalise_expression, normalise_rate


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("0 6 * * ? *", "0 6 * * ? *"),
        ("  0  6\t*\u00a0* ? * ", "0 6 * * ? *"),
        ("cron( 0 6 * * ? * )", "0 6 * * ? *"),
        ("0 6 ? jan-mar mon-fri *", "0 6 ? JAN-MAR MON-FRI *"),
        ("05 06 01 01 ? 2030", "05 06 01 01 ? 2030"),
        ("0/15 8-18/2,20 L * ? 2026-2030", "0/15 8-18/2,20 L * ? 2026-2030"),
        ("* 22-2 15W * ? *", "* 22-2 15W * ? *"),
        ("0 0 lw * ? *", "0 0 LW * ? *"),
        ("0 0 ? * FRI-MON *", "0 0 ? * FRI-MON *"),
        ("0 0 ? * 6L *", "0 0 ? * 6L *"),
        ("0 0 ? * FRIL *", "0 0 ? * FRIL *"),
        ("0 0 ? * L *", "0 0 ? * L *"),
        ("0 0 ? * TUE#2 *", "0 0 ? * TUE#2 *"),
        pytest.param("0," * 119 + "00 6 * * ? *", "0," * 119 + "00 6 * * ? *", id="as-long-as-EventBridge-allows"),
    ],
)
def test_a_valid_cron(text: str, fields: str) -> None:
    assert normalise_cron(text) == fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("60 6 * * ? *", 'minutes "60": "60" is not in 0-59; allowed are 0-59 and , - * /', id="minute"),
        pytest.param("0 24 * * ? *", 'hours "24": "24" is not in 0-23; allowed are 0-23 and , - * /', id="hour"),
        pytest.param("0 6 32 * ? *", 'day of month "32": "32" is not in 1-31', id="day-of-month"),
        pytest.param("0 6 0 * ? *", 'day of month "0": "0" is not in 1-31', id="day-of-month-0"),
        pytest.param("0 6 * 13 ? *", 'month "13": "13" is not in 1-12 or JAN-DEC', id="month"),
        pytest.param("0 6 ? * 0 *", 'day of week "0": "0" is not in 1-7 or SUN-SAT', id="crontab-sunday"),
        pytest.param("0 6 ? * MONDAY *", '"MONDAY" is not in 1-7 or SUN-SAT', id="day-name"),
        pytest.param("0 6 * * ? 1969", 'year "1969": "1969" is not in 1970-2199', id="year"),
        pytest.param("0 6 * * ? 2030-2026", 'runs backwards, write "2026-2030"', id="year-backwards"),
        pytest.param("*/60 * * * ? *", "a step is a whole number from 1 to 59", id="step-too-long"),
        pytest.param("*/0 * * * ? *", "a step is a whole number from 1 to 59", id="step-0"),
        pytest.param("/5 * * * ? *", '"/5" cannot be read', id="step-without-start"),
        pytest.param("5- * * * ? *", '"5-" cannot be read', id="half-a-range"),
        pytest.param("5-* * * * ? *", '"5-*" cannot be read', id="range-to-star"),
        pytest.param("*-5 * * * ? *", '"*-5" cannot be read', id="range-from-star"),
        pytest.param("*,5 * * * ? *", '"*" cannot be read', id="star-in-a-list"),
        pytest.param("5,,6 * * * ? *", '"" cannot be read', id="empty-item"),
        pytest.param("? 6 * * ? *", 'minutes "?"', id="question-mark-in-minutes"),
        pytest.param("-5 6 * * ? *", 'minutes "-5"', id="negative"),
        pytest.param("1.5 6 * * ? *", 'minutes "1.5"', id="fraction"),
        pytest.param("\u0665 6 * * ? *", 'minutes "\u0665"', id="arabic-digit"),
        pytest.param(
            "0 6 L-3 * ? *",
            'day of month "L-3": EventBridge documents no days before the last; let the job exit unless 3 days are '
            "left in the month, and write the days that it may be; allowed are 1-31 and , - * ? / L W; write "
            '"0 6 25-28 * ? *"',
            id="L-3-in-the-month",
        ),
        pytest.param("0 6 L-1 * ? *", "unless 1 day is left in the month, and write the days", id="L-1"),
        pytest.param("0 6 L-27 * ? *", 'write "0 6 1-4 * ? *"', id="L-27"),
        pytest.param("0 6 L-28 * ? *", "no days before the last; write a day; allowed are", id="L-28"),
        pytest.param("0 6 L-0 * ? *", "no days before the last; write a day; allowed are", id="L-0"),
        pytest.param(
            "0/60 6-21 ? * MON-FRI *", 'allowed are 0-59 and , - * /; write "0 6-21 ? * MON-FRI *"', id="0/60"
        ),
        pytest.param("*/60 * * * ? *", 'write "0 * * * ? *"', id="step-of-an-hour"),
        pytest.param("5/60 * * * ? *", 'write "5 * * * ? *"', id="step-of-an-hour-from-5"),
        pytest.param("0 0/24 * * ? *", 'write "0 0 * * ? *"', id="step-of-a-day"),
        pytest.param("0 */24 * * * *", 'must be ?; write "0 0 * * ? *"', id="two-problems-and-what-was-meant"),
        pytest.param("0/90 * * * ? *", 'for every 90 minutes, write a rate: "90 minutes"', id="step-of-more"),
        pytest.param("0 0 30 2 * *", "must be ?", id="a-day-that-never-comes"),
        pytest.param("0 6 ? * L-3 *", '"L" takes no list, range or step', id="L-3-in-the-week"),
        pytest.param("0 6 L,15 * ? *", '"L" takes no list, range or step', id="L-in-a-list"),
        pytest.param("0 6 ? * 2L,3L *", '"2L" takes no list, range or step', id="two-last-days"),
        pytest.param("0 6 1,15W * ? *", '"15W" takes no list, range or step', id="W-in-a-list"),
        pytest.param("0 6 W * ? *", "W comes after a day of the month, such as 15W", id="W-alone"),
        pytest.param("0 6 WL * ? *", 'day of month "WL": write LW', id="WL"),
        pytest.param("0 6 5L * ? *", 'day of month "5L": L can only be L or LW here', id="5L-in-the-month"),
        pytest.param("0 6 FRIL * ? *", 'day of month "FRIL": L can only be L or LW here', id="FRIL-in-the-month"),
        pytest.param("0 6 JUL * ? *", '"JUL" is not in 1-31', id="a-name-that-ends-in-L"),
        pytest.param(
            "0 6 ? * LW *", 'day of week "LW": W is not allowed, it belongs to a day of month', id="LW-in-the-week"
        ),
        pytest.param("0 6 ? * 2W *", 'day of week "2W": W is not allowed', id="2W-in-the-week"),
        pytest.param("0 6 ? * 2W,3 *", 'day of week "2W,3": W is not allowed', id="2W-in-a-list"),
        pytest.param("0 6 ? * LL *", '"L" is not in 1-7 or SUN-SAT', id="LL"),
        pytest.param("0 6 32W * ? *", '"32" is not in 1-31', id="32W"),
        pytest.param("0 6 ? * MON/2 *", "a step is not allowed, list the days (MON,WED,FRI)", id="step-in-the-week"),
        pytest.param("0 6 ? * 3#6 *", "write after # which one of the month, 1-5", id="sixth-tuesday"),
        pytest.param("0 6 ? * 3#1,6#3 *", "write after # which one of the month, 1-5, and nothing else", id="two-#"),
        pytest.param("0 6 ? * \u0663#2 *", '"\u0663" is not in 1-7', id="arabic-digit-before-#"),
        pytest.param("0 6 ? * \u00b2#1 *", '"\u00b2" is not in 1-7', id="superscript-before-#"),
        pytest.param("0 6 ? * 2L#1 *", '"2L" takes no list, range or step', id="L-and-#"),
        pytest.param("0 6 * * * *", 'must be ?; write "0 6 * * ? *"', id="no-question-mark"),
        pytest.param("0 6 ? * ? *", 'must be ?; write "0 6 * * ? *"', id="two-question-marks"),
        pytest.param("0 6 * * MON *", 'must be ?; write "0 6 ? * MON *"', id="star-beside-weekday"),
        pytest.param("0 6 1 * * *", 'must be ?; write "0 6 1 * ? *"', id="star-beside-day"),
        pytest.param("0 6 1 * MON *", "must be ?; for both, make two tasks, one for each", id="both-days"),
        pytest.param("0 6 * * *", "5 fields as in crontab; EventBridge takes 6 (minutes", id="crontab"),
        pytest.param("0 6 * * *", 'write "0 6 * * ? *"', id="crontab-hint"),
        pytest.param("0 6 * * 1-5", 'write "0 6 ? * 2-6 *"', id="crontab-weekdays"),
        pytest.param("0 6 * * 5-0", 'write "0 6 ? * 6,7,1 *"', id="crontab-friday-to-sunday-as-0"),
        pytest.param("0 6 * * 0-7", 'write "0 6 ? * 2,3,4,5,6,7,1 *"', id="crontab-every-day"),
        pytest.param("0 6 * * 5-7", 'write "0 6 ? * 6,7,1 *"', id="crontab-friday-to-sunday"),
        pytest.param("0 6 * * 0,7", 'write "0 6 ? * 1,1 *"', id="crontab-sundays"),
        pytest.param("0 6 * * mon", 'write "0 6 ? * MON *"', id="crontab-named-day"),
        pytest.param("0 6 * * 5#3", 'write "0 6 ? * 6#3 *"', id="crontab-third-friday"),
        pytest.param("0 6 1 * 1", 'such as "0 6 * * ? *"', id="crontab-both-days"),
        pytest.param("0 0 6 * * ? *", "has 7 fields; EventBridge takes 6", id="quartz"),
        pytest.param("0 0 6 * * ? *", 'write "0 6 * * ? *"', id="quartz-hint"),
        pytest.param("@daily", 'write "0 0 * * ? *"', id="macro"),
        pytest.param("", "has 0 fields; EventBridge takes 6", id="empty"),
        pytest.param("cron(0 6 * * ? *", "has no closing bracket; write cron(...)", id="open-bracket"),
        pytest.param("cron(0 6 * * ? *))", "has a bracket in the wrong place; write cron(...)", id="bracket-too-many"),
        pytest.param("0 6 * * ? *)", "has a bracket in the wrong place; write cron(...)", id="bracket-alone"),
        pytest.param("0 6 (* * ? *", "has a bracket in the wrong place; write cron(...)", id="bracket-inside"),
        pytest.param("005 6 * * ? *", 'minutes "005": "005" is not in 0-59', id="three-digits"),
        pytest.param("CRON(0 6 * * ? *)", "must begin in lower case; write cron(...)", id="CRON"),
        pytest.param("rate(5 minutes)", 'is a rate; write it under the key "rate"', id="rate"),
        pytest.param("Rate(5 minutes)", 'lower case; write rate(...) under the key "rate"', id="Rate"),
        pytest.param(
            "0," * 130 + "0 6 * * ? *", "has 277 characters, and EventBridge allows 256; shorten it", id="too-long"
        ),
        pytest.param("1/5," * 50 + "x 6 * * ? *", '"X" is not in 0-59', id="a-list-that-stalls-a-regular-expression"),
    ],
)
def test_a_wrong_cron(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        normalise_cron(text)
    assert message in str(refusal.value)


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(ValueError, match=r"^minutes .*; and hours .*; and month .*; and exactly one of day"):
        normalise_cron("61 25 * 13 * *")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0 25 * * * *", id="another field is wrong"),
        pytest.param("0 0 30 2 * *", id="it would never run"),
        pytest.param("0 0 31 2 *", id="crontab that would never run"),
    ],
)
def test_nothing_is_proposed_that_is_refused_in_turn(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*write \"[^\"]* 2 [^\"]*\")(?!.*write \"[^\"]*25)"):
        normalise_cron(text)


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("0 0 31 1 * *", "0 0 31 1 ? *"),
        ("0 0 31 12 * *", "0 0 31 12 ? *"),
        ("0 0 31 4,6,9,11 * *", None),
        ("0 0 30 4 * *", "0 0 30 4 ? *"),
        ("0 0 30,31 4 * *", "0 0 30,31 4 ? *"),
        ("0 0 30W 6 * *", "0 0 30W 6 ? *"),
        ("0 0 31W 6 * *", None),
        ("0 0 30 1,2 * *", "0 0 30 1,2 ? *"),
        ("0 0 29 2 * *", "0 0 29 2 ? *"),
        ("0 0 29 2 * 2028", None),
        ("0 0 28 2 * 2027", "0 0 28 2 ? 2027"),
        ("0 0 * 2 MON#5 *", "0 0 ? 2 MON#5 *"),
        ("0 0 * 2 MON#5 2028", None),
        ("0 0 * 2 MON#4 2027", "0 0 ? 2 MON#4 2027"),
        ("0 0 L 2 * *", "0 0 L 2 ? *"),
    ],
)
def test_what_is_proposed_has_a_date(text: str, proposed: str | None) -> None:
    """Of a day that only some years have nothing is proposed for one year."""
    with pytest.raises(ValueError) as refusal:
        normalise_cron(text)
    says = "exactly one of day of month and day of week must be ?"
    assert str(refusal.value) == (f'{says}; write "{proposed}"' if proposed else says)


@pytest.mark.parametrize(
    ("macro", "cron"),
    [
        ("@hourly", "0 * * * ? *"),
        ("@daily", "0 0 * * ? *"),
        ("@midnight", "0 0 * * ? *"),
        ("@Weekly", "0 0 ? * SUN *"),
        ("@monthly", "0 0 1 * ? *"),
        ("@yearly", "0 0 1 1 ? *"),
        ("@annually", "0 0 1 1 ? *"),
    ],
)
def test_what_a_macro_of_crontab_means(macro: str, cron: str) -> None:
    with pytest.raises(ValueError) as refusal:
        normalise_expression(macro)
    assert str(refusal.value) == f'"{macro}" is not a schedule; write "cron({cron})"'
    with pytest.raises(ValueError) as refusal:
        normalise_cron(macro)
    assert str(refusal.value).endswith(f', write "{cron}"')


@pytest.mark.parametrize(
    ("units", "rate"),
    [
        ("m min mins minute Min.", "3 minutes"),
        ("h hr hrs hour Hours.", "3 hours"),
        ("d day DAYS", "3 days"),
        ("w week weeks", "21 days"),
    ],
)
def test_how_people_write_units(units: str, rate: str) -> None:
    for unit in units.split():
        with pytest.raises(ValueError) as refusal:
            normalise_rate(f"003{unit}")
        assert str(refusal.value) == f'"003{unit}" is not a rate; write "{rate}"'


@pytest.mark.parametrize("unit", ["s", "sec", "secs", "second", "seconds"])
def test_there_are_no_seconds(unit: str) -> None:
    with pytest.raises(ValueError) as refusal:
        normalise_rate(f"90 {unit}")
    says = f'"90 {unit}" is not a rate; EventBridge has no seconds, the shortest rate is "1 minute"'
    assert str(refusal.value) == says


@pytest.mark.parametrize(
    ("crontab", "cron"),
    [
        ("5 4 * * 0", "5 4 ? * 1 *"),
        ("5 4 * * 7", "5 4 ? * 1 *"),
        ("5 4 * * 6-7", "5 4 ? * 7,1 *"),
        ("5 4 * * 6-0", "5 4 ? * 7,1 *"),
        ("5 4 * * 0-6", "5 4 ? * 1-7 *"),
        ("5 4 * * 1,3-5", "5 4 ? * 2,4-6 *"),
        ("5 4 15 6 *", "5 4 15 6 ? *"),
    ],
)
def test_what_crontab_means(crontab: str, cron: str) -> None:
    with pytest.raises(ValueError) as refusal:
        normalise_cron(crontab)
    assert str(refusal.value) == (
        f'"{crontab}" has 5 fields as in crontab; EventBridge takes 6 (minutes hours day-of-month month day-of-week '
        f'year), write "{cron}"'
    )


LONGEST = {"days": 84_006, "hours": 2_016_144, "minutes": 120_968_640}


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1 minute", "1 minute"),
        ("5 minutes", "5 minutes"),
        (" 12   hours ", "12 hours"),
        ("rate( 7 days )", "7 days"),
        *((f"{longest} {unit}", f"{longest} {unit}") for unit, longest in LONGEST.items()),
    ],
)
def test_a_valid_rate(text: str, rate: str) -> None:
    assert normalise_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 minutes", 'write "1 minute"'),
        ("5 minute", 'write "5 minutes"'),
        ("5 min", 'write "5 minutes"'),
        ("5m", 'write "5 minutes"'),
        ("5 Minutes", 'write "5 minutes"'),
        ("05 minutes", 'write "5 minutes"'),
        ("1hr", 'write "1 hour"'),
        ("2 weeks", 'write "14 days"'),
        ("30 seconds", 'EventBridge has no seconds, the shortest rate is "1 minute"'),
        ("0 minutes", "write a positive whole number"),
        ("-5 minutes", "write a positive whole number"),
        ("1.5 hours", "write a positive whole number"),
        ("84007 days", 'is longer than EventBridge\'s calendar, 1970-2199; write at most "84006 days"'),
        (f"{'9' * 200} days", f'"{"9" * 60}..." is longer than EventBridge\'s calendar'),
        *((f"{longest + 1} {unit}", "is longer than EventBridge's calendar") for unit, longest in LONGEST.items()),
        ("12001 weeks", "is longer than EventBridge's calendar"),
        ("1 month", "write a positive whole number and minutes, hours or days"),
        ("5", "write a positive whole number and minutes, hours or days"),
        ("minutes", "write a positive whole number"),
        ("", "write a positive whole number"),
        ("cron(0 6 * * ? *)", 'is a cron; write it under the key "cron"'),
        ("Cron(0 6 * * ? *)", 'lower case; write cron(...) under the key "cron"'),
        ("Rate(5 minutes)", "lower case; write rate(...)"),
        ("rate(5 minutes))", "has a bracket in the wrong place; write rate(...)"),
    ],
)
def test_a_wrong_rate(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        normalise_rate(text)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expression"),
    [(" cron( 0  6 * * ? * ) ", "cron(0 6 * * ? *)"), ("rate(5  minutes)", "rate(5 minutes)")],
)
def test_a_valid_full_expression(text: str, expression: str) -> None:
    assert normalise_expression(text) == expression


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 6 * * ? *", 'has no cron(...) around it; write "cron(0 6 * * ? *)"'),
        ("5 minutes", 'has no rate(...) around it; write "rate(5 minutes)"'),
        ("at(2030-01-01T00:00:00)", 'a key of its own; write "at": "2030-01-01T06:00:00"'),
        ("cron(0 6 * * *)", 'write "cron(0 6 * * ? *)"'),
        ("daily", 'is not a schedule; write "cron(0 6 * * ? *)" or "rate(5 minutes)"'),
        pytest.param("@daily", 'write "cron(0 0 * * ? *)"', id="macro"),
        pytest.param("0 6 * * 1-5", 'write "cron(0 6 ? * 2-6 *)"', id="crontab"),
        pytest.param("cron(0 6 * * 1-5)", 'write "cron(0 6 ? * 2-6 *)"', id="crontab-in-its-kind"),
        pytest.param("CRON(0 6 * * ? *)", "lower case; write cron(...)", id="CRON"),
        pytest.param("Rate(5 minutes)", "lower case; write rate(...)", id="Rate"),
        pytest.param("cron(0 6 * * ? *))", "has a bracket in the wrong place; write cron(...)", id="bracket-too-many"),
        pytest.param("rate(5 minute)", 'write "rate(5 minutes)"', id="rate-in-its-kind"),
    ],
)
def test_a_wrong_full_expression(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        normalise_expression(text)
    assert message in str(refusal.value)
