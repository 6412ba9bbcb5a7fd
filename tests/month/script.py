"""What is to happen in a month, by its seed: the jobs, and what goes wrong. Pure."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

BEGINS = datetime(2026, 3, 1, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
COUNTED = "Often"
"""The name of the job whose runs are counted where they do not say when they were due."""

Fault = Literal["capacity", "refused", "throttled", "secret", "away"]
"""RunTask answers 200 with failures, or is denied, or throttled; a secret may not be read; Rota is switched off."""


class Between(NamedTuple):
    """When something goes wrong."""

    fault: Fault
    since: datetime
    until: datetime


class ByHand(NamedTuple):
    """A person disables a job's rule, and enables it later."""

    job: str
    since: datetime
    until: datetime


@dataclass
class Script:
    """One month. Of each start and each event the seed says besides what becomes of it."""

    seed: int
    days: int
    traced: bool
    jobs: dict[str, dict[str, Any]]
    betweens: list[Between] = field(default_factory=list)
    by_hand: list[ByHand] = field(default_factory=list)
    deployments: list[datetime] = field(default_factory=list)
    fails: int = 0
    """Which of the deployments fails at its rollout."""
    breaks: int = 0
    """Which brings an image with which some jobs fail."""

    @property
    def ends(self) -> datetime:
        return BEGINS + self.days * DAY

    def chance(self, *of: object) -> random.Random:
        """Numbers for one thing, the same each time."""
        return random.Random(f"{self.seed} {self.traced} {of}")  # noqa: S311 - nothing secret is chosen

    def fault(self, at: datetime, *faults: Fault) -> Between | None:
        """Which of these there is then."""
        return next((each for each in self.betweens if each.fault in faults and each.since <= at < each.until), None)


def drawn(seed: int, days: int, *, traced: bool, jobs: int = 60) -> Script:
    """The month of that seed."""
    script = Script(seed, days, traced, _jobs(random.Random(seed), jobs))  # noqa: S311 - as above
    chance = script.chance("script")
    for day in range(days):
        begins = BEGINS + day * DAY
        script.deployments.append(begins + timedelta(minutes=chance.randrange(60, 1380)))
        for fault, share, longest in _FAULTS:
            if chance.random() < share or day == chance.randrange(days):
                since = begins + timedelta(minutes=chance.randrange(30, 1320), seconds=chance.randrange(60))
                script.betweens.append(Between(fault, since, since + chance.uniform(0.1, 1) * longest))
        if chance.random() < 0.2 or day == 0:
            since = begins + timedelta(minutes=chance.randrange(1440))
            job = chance.choice(sorted(script.jobs))
            script.by_hand.append(ByHand(job, since, since + chance.uniform(2, 30) * HOUR))
    script.fails, script.breaks = chance.randrange(1, days + 1), chance.randrange(1, days + 1)
    return script


# How likely on a day, and how long at most.
_FAULTS: tuple[tuple[Fault, float, timedelta], ...] = (
    ("capacity", 0.3, 2 * HOUR),
    ("refused", 0.15, HOUR),
    ("throttled", 0.3, HOUR),
    ("secret", 0.1, 2 * HOUR),
    ("away", 0.1, 6 * HOUR),
)


def _jobs(chance: random.Random, number: int) -> dict[str, dict[str, Any]]:
    """By name, the entries of a schedule file: every kind of schedule, most of them once a day."""

    def minute() -> int:
        return chance.randrange(60)

    def hour() -> int:
        return chance.randrange(24)

    schedules: dict[str, dict[str, Any]] = {
        COUNTED: {"cron": f"0/5 {hour()} * * ? *"},
        "Half": {"cron": f"{minute() % 30}/30 * * * ? *"},
        "Hourly": {"cron": f"{minute()} * * * ? *"},
        "HourlyRate": {"rate": "1 hour"},
        "SlowRate": {"rate": f"{chance.randrange(2, 9)} hours"},
        "DailyRate": {"rate": "1 day"},
        "Twice": {"cron": f"{minute()} {hour()} * * ? *", "count": 2},
        "Workdays": {"cron": f"{minute()} {hour()} ? * MON-FRI *"},
        "First": {"cron": f"{minute()} {hour()} 1 * ? *"},
        "Last": {"cron": f"{minute()} {hour()} L * ? *"},
        "Leap": {"cron": "0 0 29 2 ? *"},
    }
    for index in range(number - len(schedules)):
        # A third of them at six, when most people have their jobs run.
        at = "0 6" if index % 3 == 0 else f"{minute()} {hour()}"
        schedules[f"Job{index}"] = {"cron": f"{at} ? * {index % 7 + 1} *" if index % 5 == 1 else f"{at} * * ? *"}
    # In EventBridge Scheduler. The clocks of both zones change in the month.
    schedules |= {
        "Berlin": {"cron": f"{minute()} {hour()} * * ? *", "timezone": "Europe/Berlin"},
        "NewYork": {"cron": f"{minute()} * * * ? *", "timezone": "America/New_York"},
        "InWindow": {"cron": f"{minute()} {hour()} * * ? *", "window": 15},
        "Once": {"at": f"{BEGINS + timedelta(minutes=chance.randrange(60, 1380)):%Y-%m-%dT%H:%M:%S}"},
        "Season": {"rate": "2 hours", "start": "2026-03-01T02:30:00Z", "end": "2026-03-01T20:00:00Z"},
    }
    return {name: {"name": name, "task": "task", **given} for name, given in schedules.items()}
