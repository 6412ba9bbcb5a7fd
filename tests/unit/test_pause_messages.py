"""What the mails about pauses say."""

import json
from datetime import UTC, datetime, timedelta

from rota.notifications.message import mail_text
from rota.pauses.messages import PauseNews, message_of
from rota.pauses.model import Pause

SINCE = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)


def test_a_reminder_says_how_to_resume() -> None:
    pauses = [
        Pause(task=task, since=SINCE, by="ann", execution="arn:aws:states:eu-west-1:111122223333:execution:m:e")
        for task in ("SendMail", "Cleanup")
    ]
    text = mail_text(message_of("shop/api", PauseNews.CONTINUES, pauses, SINCE + timedelta(days=7)))
    (todo,) = [line for line in text.splitlines() if "resume" in line and line.startswith("- ")]
    command, _, given = todo.removeprefix("- ").partition(", or start ")
    assert command == "rota resume SendMail Cleanup"
    assert json.loads(given) == {"kind": "resume", "pause": {"tasks": ["SendMail", "Cleanup"]}}
