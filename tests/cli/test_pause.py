"""What `rota pause` and `rota resume` take, and until when they hold."""

from datetime import datetime, timedelta, timezone

import pytest
from click.testing import CliRunner

from rota.cli.exits import CommandError, Exit
from rota.cli.main import main
from rota.cli.pause.command import end_of

NOW = datetime(2026, 12, 23, 17, 0, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("lasts", "until", "ends"),
    [
        (None, None, None),
        ("2h", None, "2026-12-23T18:00:00+00:00"),
        (None, "18:00", "2026-12-23T17:00:00+00:00"),
        (None, "06:00", "2026-12-24T05:00:00+00:00"),
        (None, "tomorrow 18:00", "2026-12-24T17:00:00+00:00"),
        (None, "Mon 06:00", "2026-12-28T05:00:00+00:00"),
        (None, "wednesday 18:00", "2026-12-23T17:00:00+00:00"),
        (None, "Wed 06:00", "2026-12-30T05:00:00+00:00"),
        (None, "2026-12-24T06:00", "2026-12-24T05:00:00+00:00"),
        (None, "2026-12-24T06:00Z", "2026-12-24T06:00:00+00:00"),
        (None, "2026-12-24", "2026-12-23T23:00:00+00:00"),
    ],
    ids=[
        *("no end", "so long", "today", "tomorrow", "tomorrow by name", "a day of the week", "that is today"),
        *("that is a week away", "local", "with a zone", "a day"),
    ],
)
def test_the_end_is_in_utc(lasts: str | None, until: str | None, ends: str | None) -> None:
    found = end_of(lasts, until, NOW)
    assert (found and found.isoformat()) == ends


@pytest.mark.parametrize(
    ("lasts", "until", "words"),
    [
        ("2h", "18:00", "both say when it ends"),
        ("soon", None, "is no duration"),
        (None, "25:00", "is no time"),
        (None, "tomorrow", "is no time"),
        (None, "2026-12-23T16:00", "is past"),
    ],
)
def test_others_are_refused(lasts: str | None, until: str | None, words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        end_of(lasts, until, NOW)
    assert refused.value.code == Exit.MISUSED


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("pause RemoveSpam --deployments", "jobs are paused, or deployments are held\ntype TASK... or --deployments"),
        ("pause", "name what to pause\nTASK..., or --deployments"),
        ("resume RemoveSpam --all", "2 things are named to resume, and it resumes one\nTASK..., --all"),
        ("resume", "name what to resume\nTASK..., --all"),
    ],
)
def test_one_thing_is_named(typed: str, words: str) -> None:
    done = CliRunner().invoke(main, typed.split(), prog_name="rota")
    assert (done.exit_code, words in done.stderr) == (2, True)
