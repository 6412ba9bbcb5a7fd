"""The deployment window: what its parameter says, and when it is open, over midnight and where clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.deployment.window import closed_at, parse
from rota.errors import RejectedError

MINUTE = timedelta(minutes=1)
OFFICE = "Mon-Thu 09:00-17:00, Fri 09:00-12:00 Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        pytest.param(OFFICE, "2026-11-30 08:00", "2026-11-30 08:00", id="as it opens"),
        pytest.param(OFFICE, "2026-11-30 07:59:59", "2026-11-30 08:00", id="just before"),
        pytest.param(OFFICE, "2026-11-30 16:00", "2026-12-01 08:00", id="as it shuts"),
        pytest.param(OFFICE, "2026-12-04 11:00", "2026-12-07 08:00", id="over the weekend"),
        pytest.param("Fri 22:00-04:00 UTC", "2026-12-05 03:59", "2026-12-05 03:59", id="over midnight"),
        pytest.param("Fri 22:00-04:00 UTC", "2026-12-04 03:00", "2026-12-04 22:00", id="not from the day before"),
        pytest.param("Sun 22:00-04:00 UTC", "2026-12-07 01:00", "2026-12-07 01:00", id="over the end of the week"),
        pytest.param("Sat-Mon 00:00-24:00 UTC", "2026-12-08 00:00", "2026-12-12 00:00", id="whole days"),
        # Clocks go forward from 02:00 to 03:00 on 2026-03-29, and back from 03:00 to 02:00 on 2026-10-25.
        pytest.param("Sun 02:30-05:00 Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00", id="begins in a gap"),
        pytest.param("Sun 02:00-03:00 Europe/Berlin", "2026-03-29 00:00", "2026-04-05 00:00", id="skipped whole"),
        pytest.param("Sun 02:30-02:45 Europe/Berlin", "2026-10-25 00:50", "2026-10-25 01:30", id="comes twice"),
        pytest.param("Sat 22:00-06:00 Europe/Berlin", "2026-10-25 04:59", "2026-10-25 04:59", id="an hour longer"),
    ],
)
def test_when_it_opens(text: str, now: str, opens: str) -> None:
    window = parse(text)
    assert window.opens(at(now)) == at(opens)
    assert window.is_open(at(now)) is (now == opens)


TIMES = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
DAYS = st.sampled_from(["Mon", "Sun", "Sat-Mon", "Mon-Fri", "Wed-Tue"])
SPANS = st.tuples(DAYS, TIMES, TIMES).filter(lambda span: span[1] != span[2])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
# The days around the changes of clocks.
NOW = st.sampled_from([at("2026-03-28 20:00"), at("2026-10-24 20:00"), at("2026-04-04 12:00"), at("2026-11-01 00:00")])


@given(st.lists(SPANS, min_size=1, max_size=3), ZONES, NOW, st.integers(0, 24 * 60))
def test_it_opens_at_the_first_minute_that_is_in_it(
    spans: list[tuple[str, str, str]], zone: str, day: datetime, minute: int
) -> None:
    """Against every minute from then on."""
    window = parse(f"{', '.join(f'{days} {begin}-{end}' for days, begin, end in spans)} {zone}")
    now = day + minute * MINUTE
    opens = window.opens(now)
    between = ((now + number * MINUTE) for number in range(16 * 24 * 60))
    assert opens == next(each for each in between if window.is_open(each))


@given(ZONES, NOW, st.integers(0, 3 * 24 * 60))
def test_two_windows_that_complement_each_other_are_open_in_turn(zone: str, day: datetime, minute: int) -> None:
    office, nights = parse(f"Mon-Sun 08:00-18:30 {zone}"), parse(f"Mon-Sun 18:30-08:00 {zone}")
    assert office.is_open(day + minute * MINUTE) is not nights.is_open(day + minute * MINUTE)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Mon 09:00-17:00", ['"" is no span of hours', '"09:00-17:00" is not a time zone']),
        ("Mo-Fri 9-17 Berlin", ['"Mo-Fri" names no days', '"9-17" is no span of hours', 'mean "Europe/Berlin"?']),
        ("Mon 09:00-09:00 UTC", ['"09:00-09:00" begins when it ends; write 00:00-24:00 for a whole day']),
        ("Mon 24:00-02:00 UTC", ['"24:00-02:00" is no span of hours']),
        ("Mon-Fri 09:00-17:00, Europe/Berlin", ['"" names no days']),
        (
            "Mon- 09:00-17:00 UTC",
            ['"Mon-" names no days; write one of Mon, Tue, Wed, Thu, Fri, Sat, Sun, or two as in'],
        ),
        ("Mon 09:00-25:00, Xyz 09:00-10:00 Europe/Belrin", ["09:00-25:00", '"Xyz"', "Europe/Belrin"]),
    ],
)
def test_every_problem_is_in_one_message(text: str, problems: list[str]) -> None:
    with pytest.raises(RejectedError, match="the parameter DeployWindow cannot be read: ") as refused:
        closed_at(text, at("2026-11-30 00:00"))
    assert [each for each in problems if each not in str(refused.value)] == []


def test_the_whole_message_of_two_problems() -> None:
    with pytest.raises(RejectedError) as refused:
        closed_at("Mo-Fri 9-17 UTC", at("2026-11-30 00:00"))
    assert str(refused.value) == (
        'the parameter DeployWindow cannot be read: "Mo-Fri" names no days; write one of Mon, Tue, Wed, Thu, Fri, Sat, '
        'Sun, or two as in Mon-Fri; "9-17" is no span of hours; write one as in 09:00-17:00'
    )


def test_a_closed_window_in_words() -> None:
    closed = closed_at(f" {OFFICE} ", at("2026-12-05 12:00"))
    assert str(closed) == f"the deployment window, {OFFICE}, opens 2026-12-07 08:00 UTC"
    assert closed_at(OFFICE, at("2026-11-30 08:00")) is None


def test_without_one_production_may_always_change() -> None:
    assert closed_at("", at("2026-11-30 00:00")) is None


def test_it_says_when_it_opens() -> None:
    closed = closed_at(OFFICE, at("2026-11-30 16:00"))
    assert str(closed) == f"the deployment window, {OFFICE}, opens 2026-12-01 08:00 UTC"
