"""What mails, chats and events say about pauses."""

import json
import textwrap
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.notifications.message import mail_text
from rota.pauses.messages import PauseNews, event_of, message_of
from rota.pauses.model import Pause

SINCE = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
EXECUTION = "arn:aws:states:eu-west-1:111122223333:execution:m:e"
DAY = timedelta(days=1)


def pauses(*tasks: str, **changes: Any) -> list[Pause]:
    return [Pause(task=task, since=SINCE, by="ann", execution=EXECUTION, **changes) for task in tasks]


def test_a_reminder_says_how_to_resume() -> None:
    text = mail_text(message_of("shop/api", PauseNews.CONTINUES, pauses("SendMail", "Cleanup"), SINCE + 7 * DAY))
    (todo,) = [line for line in text.splitlines() if "resume" in line and line.startswith("- ")]
    command, _, given = todo.removeprefix("- ").partition(", or start ")
    assert command == "rota resume SendMail Cleanup"
    assert json.loads(given) == {"kind": "resume", "pause": {"tasks": ["SendMail", "Cleanup"]}}


ENDED = """\
    SendMail is not paused any more (shop/api)
    The pause was to end 2026-12-24 06:00 UTC. From now on its schedule starts what is due; what was due before is not \
started.

    Paused: since 2026-11-30 06:00 UTC by ann until 2026-12-24 06:00 UTC: the supplier is down
    good: True"""
ENDED_BOTH = """\
    SendMail, Cleanup are not paused any more (shop/api)
    The pause was to end 2026-12-07 06:00 UTC. From now on their schedules start what is due; what was due before is \
not started. No schedule is left of Cleanup.

    Paused: since 2026-11-30 06:00 UTC by ann until a person resumes it
    good: True"""
CONTINUES = """\
    SendMail is paused for 1 day now (shop/api)
    A person paused this without an end, so Rota says so each week.

    Paused: since 2026-11-30 06:00 UTC by ann until a person resumes it

    What to do:
    - rota resume SendMail, or start {"kind": "resume", "pause": {"tasks": ["SendMail"]}}
    good: None"""
STUCK = """\
    SendMail is not paused any more, but its schedule is off (shop/api)
    The pause was over 2026-12-01 06:00 UTC. Rota could not switch its schedule on: AccessDenied

    Paused: since 2026-11-30 06:00 UTC by ann until a person resumes it
    Ended: resume by bob

    What to do:
    - Rota tries again each minute. Allow what AWS refuses, or enable the schedule by hand.
    good: False"""
STUCK_BOTH = """\
    SendMail, Cleanup are not paused any more, but their schedules are off (shop/api)
    The pause was over 2026-12-07 06:00 UTC. Rota could not switch their schedules on: AccessDenied

    Paused: since 2026-11-30 06:00 UTC by ann until a person resumes it

    What to do:
    - Rota tries again each minute. Allow what AWS refuses, or enable the schedule by hand.
    good: False"""
LIMITED = {"until": SINCE + 24 * DAY, "reason": "the supplier is down"}
BY_BOB = {"ended_at": SINCE + DAY, "ended_by": "resume by bob"}


@pytest.mark.parametrize(
    ("news", "of", "days", "text"),
    [
        pytest.param("pause_ended", pauses("SendMail", **LIMITED), 25, ENDED, id="ended"),
        pytest.param(
            "pause_ended", pauses("SendMail") + pauses("Cleanup", gone_since=SINCE), 7, ENDED_BOTH, id="both ended"
        ),
        pytest.param("pause_continues", pauses("SendMail"), 1, CONTINUES, id="continues"),
        pytest.param("pause_stuck", pauses("SendMail", **BY_BOB), 7, STUCK, id="stuck"),
        pytest.param("pause_stuck", pauses("SendMail", "Cleanup"), 7, STUCK_BOTH, id="both stuck"),
    ],
)
def test_all_that_a_message_says(news: str, of: list[Pause], days: int, text: str) -> None:
    message = message_of("shop/api", PauseNews(news), of, SINCE + days * DAY, "AccessDenied")
    assert f"{message.title}\n{mail_text(message)}good: {message.good}" == textwrap.dedent(text)
    assert (message.kind, message.keywords) == ("Rota Pause", ("shop/api", news))
    assert message.thread == f"shop/api:{EXECUTION}"


def test_all_that_an_event_says() -> None:
    of = pauses("SendMail", **LIMITED) + pauses("Cleanup")
    event = event_of("shop/api", PauseNews.STUCK, of, SINCE + DAY, "AccessDenied")
    assert event == {
        "id": f"{EXECUTION}/pause_stuck/2026-12-01",
        "app": "shop/api",
        "kind": "pause_stuck",
        "tasks": ["SendMail", "Cleanup"],
        "by": "ann",
        "reason": "the supplier is down",
        "since": "2026-11-30T06:00:00+00:00",
        "until": "2026-12-24T06:00:00+00:00",
        "execution": EXECUTION,
        "why": "AccessDenied",
    }
    assert event_of("shop/api", PauseNews.ENDED, pauses("SendMail"), SINCE)["until"] is None
