"""A year of 40 jobs in ten time zones, by the stage's clock, against an independent library."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytz

from examples.guestbook.client import running
from tests.processes import FORKS

# Of both hemispheres, with half and quarter hours, with changes at midnight and by half an hour, and without any.
ZONES = (
    *("Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Pacific/Auckland"),
    *("America/St_Johns", "Africa/Cairo", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham"),
)
# By the kind of job: its cron, and on which days (of the week, Monday is 0) it runs at which local times. Clocks change
# on Sundays, in Egypt on Fridays.
CRONS: dict[str, tuple[str, Callable[[datetime], bool], list[tuple[int, int]]]] = {
    "Night": ("30 2 ? * SUN *", lambda day: day.weekday() == 6, [(2, 30)]),
    "Midnight": ("0 0 ? * FRI,SUN *", lambda day: day.weekday() in (4, 6), [(0, 0)]),
    "Often": ("0,30 1 ? * SUN *", lambda day: day.weekday() == 6, [(1, 0), (1, 30)]),
    "Monthly": ("15 9 1 * ? *", lambda day: day.day == 1, [(9, 15)]),
}
YEAR = timedelta(days=366)


def due(
    zone: pytz.BaseTzInfo, is_day: Callable[[datetime], bool], times: list[tuple[int, int]], begin: datetime
) -> Iterator[datetime]:
    """The first moment of each local time of a year that exists."""
    for number in range(-1, YEAR.days + 2):
        day = (begin + timedelta(days=number)).replace(tzinfo=None)
        for hour, minute in times if is_day(day) else ():
            local = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
            both = sorted(zone.localize(local, is_dst=is_dst).astimezone(UTC) for is_dst in (True, False))
            shown = [at for at in both if at.astimezone(zone).replace(tzinfo=None) == local]
            if shown and begin < shown[0] <= begin + YEAR:
                yield shown[0]


@pytest.mark.exhaustive(first=0)
def test_every_due_minute_of_a_year_is_run_once() -> None:
    names = {f"{kind}-{zone.replace('/', '-')}": (kind, zone) for kind in CRONS for zone in ZONES}
    tasks: list[dict[str, Any]] = [
        {"name": name, "task": "spam_task", "cron": CRONS[kind][0], "timezone": zone}
        for name, (kind, zone) in names.items()
    ]
    with running(*FORKS) as stage:
        stage.settings(time_scale=0.005, rollout_seconds=0.02)
        stage.upload_schedule({"tasks": tasks})
        assert stage.deploy("v1")["status"] == "SUCCEEDED"
        stage.client("cloudformation").delete_stack(StackName="rota")  # its own rules would fire each minute
        stage.settings(fire_schedules=True, tasks="scripted")
        begin = datetime.fromisoformat(stage.clock())
        fired = [each for _ in range(YEAR.days // 6) for each in stage.advance(timedelta(days=6).total_seconds())]
    assert [each for each in fired if "error" in each] == []
    ran = Counter((each["rule"].rpartition("__")[2], datetime.fromisoformat(each["at"])) for each in fired)
    expected = {
        (name, at) for name, (kind, zone) in names.items() for at in due(pytz.timezone(zone), *CRONS[kind][1:], begin)
    }
    found = Counter({each: times for each, times in ran.items() if each[0] in names})
    assert found == Counter(expected)
