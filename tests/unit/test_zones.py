"""Runs in every time zone for ten years, against pytz and a look at each minute about each change."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile

import pytest
import pytz

from rota.schedule_file import zones
from rota.schedule_file.next_runs import next_runs, runs_after
from rota.schedule_file.when import When
from stage.scheduler.expressions import due

BEGIN = datetime(2026, 11, 30, tzinfo=UTC)
END = BEGIN.replace(year=2036)
DAY, MARGIN, MINUTE = timedelta(days=1), timedelta(hours=4), timedelta(minutes=1)
# Of both hemispheres, half an hour, two changes for Ramadan, at midnight, in negative summer time, none.
FIRST = (
    *("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago"),
    *("Europe/Dublin", "Asia/Kathmandu", "America/St_Johns", "Africa/Cairo"),
)
ALL = (*FIRST, *sorted(zones.names() - {*FIRST}))
DAILY = ((0, 0), (2, 30))
# By minute and hour.
CRONS = {
    "cron(0/7 * * * ? *)": ({*range(0, 60, 7)}, {*range(24)}),
    "cron(15,45 22-5 * * ? *)": ({15, 45}, {22, 23, 0, 1, 2, 3, 4, 5}),
    "cron(0 1,2,3 * * ? *)": ({0}, {1, 2, 3}),
}


def moments(local: datetime, zone: pytz.BaseTzInfo) -> list[datetime]:
    """When a zone's clocks show a time, as pytz has it."""
    both = {zone.localize(local, is_dst=is_dst).astimezone(UTC) for is_dst in (True, False)}
    return sorted(at for at in both if at.astimezone(zone).replace(tzinfo=None) == local)


def changes(zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """The days on which pytz has another offset at the end than at the beginning."""
    at = BEGIN
    while at < END:
        if at.astimezone(zone).utcoffset() != (at + DAY).astimezone(zone).utcoffset():
            yield at, at + DAY
        at += DAY


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("name", ALL)
def test_each_day_of_ten_years(name: str) -> None:
    zone = pytz.timezone(name)
    for hour, minute in DAILY:
        times = [BEGIN.replace(tzinfo=None, hour=hour, minute=minute) + DAY * n for n in range(3650)]
        expected = [found[0] for time in times if (found := moments(time, zone))]
        when = When(f"cron({minute} {hour} * * ? *)", name)
        assert next_runs(when, expected[0] - MINUTE, len(expected)) == expected


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("name", ALL)
def test_each_minute_about_each_change(name: str) -> None:
    zone = pytz.timezone(name)
    found = [each.at for each in zones.changes(zones.zone(name), BEGIN, END)]
    expected_changes = [*changes(zone)]
    assert [begin < at <= end for at, (begin, end) in zip(found, expected_changes, strict=True)] == [True] * len(found)
    for begin, end in expected_changes:
        shown: set[datetime] = set()
        expected: dict[str, list[datetime]] = {cron: [] for cron in CRONS}
        at = begin - MARGIN
        while at <= end + MARGIN:
            local = at.astimezone(zone).replace(tzinfo=None)
            if local not in shown:
                shown.add(local)
                for cron, (minutes, hours) in CRONS.items():
                    if local.minute in minutes and local.hour in hours:
                        expected[cron].append(at)
            at += MINUTE
        for cron, times in expected.items():
            after, until = begin - MARGIN - MINUTE, end + MARGIN
            assert [*takewhile(until.__ge__, runs_after(When(cron, name), after))] == times
            assert [*due(cron, name, after, after, until)] == times


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("America/Sao Paulo", "America/Sao_Paulo"),
        *((said, "America/Los_Angeles") for said in ("PST", "PDT", "PT", "Pacific")),
        *((said, "America/Denver") for said in ("MDT", "MT", "Mountain")),
        *((said, "America/Chicago") for said in ("CST", "CDT", "CT", "Central")),
        *((said, "America/New_York") for said in ("EDT", "ET", "Eastern")),
        *((said, "Europe/Berlin") for said in ("cest", "MEZ", "MESZ")),
        *((said, "Australia/Sydney") for said in ("AEST", "AEDT")),
        ("BST", "Europe/London"),
        ("IST", "Asia/Kolkata"),
        ("JST", "Asia/Tokyo"),
        ("SGT", "Asia/Singapore"),
        ("Z", "UTC"),
        ("utc", "UTC"),
        ("+02:00", "Etc/GMT-2"),
        ("+2", "Etc/GMT-2"),
        ("utc+0200", "Etc/GMT-2"),
        ("-12", "Etc/GMT+12"),
        ("GMT-3", "Etc/GMT+3"),
        ("UTC+0", "UTC"),
        ("+05:30", None),
        ("UTC+20", None),
        ("", None),
        ("nowhere at all", None),
    ],
)
def test_the_zone_that_a_person_may_mean(wrong: str, meant: str | None) -> None:
    assert zones.nearest(wrong) == meant
    with pytest.raises(ValueError, match=re.escape(meant or "write one such as")):
        zones.zone(wrong)


def test_a_change_is_known_to_the_minute() -> None:
    berlin, at = zones.zone("Europe/Berlin"), datetime(2027, 3, 28, 1, tzinfo=UTC)
    (change,) = zones.changes(berlin, at - timedelta(seconds=1), at)
    assert change == zones.Change(at, timedelta(hours=1), timedelta(hours=2))
    assert [*zones.changes(berlin, at, at + 30 * DAY)] == []
    assert [*zones.changes(berlin, at - 30 * DAY, at - timedelta(seconds=1))] == []


def test_what_clocks_skip_and_show_twice() -> None:
    berlin = zones.zone("Europe/Berlin")
    spring, autumn = zones.changes(berlin, BEGIN, BEGIN + 365 * DAY)
    assert (spring.skips, spring.shown) == (True, (datetime(2027, 3, 28, 2), datetime(2027, 3, 28, 3)))
    assert (autumn.skips, autumn.shown) == (False, (datetime(2027, 10, 31, 2), datetime(2027, 10, 31, 3)))
    assert zones.instant(datetime(2027, 3, 28, 2), berlin) is None
    assert zones.instant(datetime(2027, 3, 28, 3), berlin) == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert zones.instant(datetime(2027, 10, 31, 2, 30), berlin) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
