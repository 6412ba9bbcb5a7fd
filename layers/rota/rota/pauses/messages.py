"""What people read about pauses: one is over, one continues, one cannot be ended. Pure."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rota.contract.deployment import Kind
from rota.errors import listed
from rota.notifications.message import Message
from rota.pauses.model import Pause
from rota.times import minute

EVENT = "Rota Pause"
"""The event's detail-type on the default bus."""


class PauseNews(StrEnum):
    """What there is to say of pauses, as event and message attribute spell it."""

    ENDED = "pause_ended"
    """Its time was up, and the task runs by its schedule again."""
    CONTINUES = "pause_continues"
    """It has no end, and a week is over."""
    STUCK = "pause_stuck"
    """It is over, and the task's schedule could not be switched on."""


def message_of(app: str, news: PauseNews, pauses: Sequence[Pause], now: datetime, why: str = "") -> Message:
    """The message about pauses that one execution began, for mail and chat; `why` a schedule is off still."""
    first, names = pauses[0], listed([pause.task for pause in pauses])
    are, their = ("is", "its schedule") if len(pauses) == 1 else ("are", "their schedules")
    title, lead, steps = {
        PauseNews.ENDED: (
            f"{names} {are} not paused any more",
            f"The pause was to end {minute(first.until or now)}. From now on {their} start{'s' * (are == 'is')} "
            "what is due; what was due before is not started."
            + (f" No schedule is left of {_without(pauses)}." if _without(pauses) else ""),
            (),
        ),
        PauseNews.CONTINUES: (
            f"{names} {are} paused for {_days(now - first.since)} now",
            "A person paused this without an end, so Rota says so each week.",
            (_resumes([pause.task for pause in pauses]),),
        ),
        PauseNews.STUCK: (
            f"{names} {are} not paused any more, but {their} {are} off",
            f"The pause was over {minute(first.ended_at or now)}. Rota could not switch {their} on: {why}",
            ("Rota tries again each minute. Allow what AWS refuses, or enable the schedule by hand.",),
        ),
    }[news]
    facts = [("Paused", f"since {minute(first.since)} {first.why}")]
    facts += [("Ended", first.ended_by)] if first.ended_by else []
    return Message(
        title=f"{title} ({app})",
        lead=lead,
        facts=tuple(facts),
        next_steps=steps,
        thread=f"{app}:{first.execution}",
        kind=EVENT,
        keywords=(app, str(news)),
        good={PauseNews.ENDED: True, PauseNews.STUCK: False}.get(news),
    )


def event_of(app: str, news: PauseNews, pauses: Sequence[Pause], now: datetime, why: str = "") -> dict[str, Any]:
    """The same as an event. Its `id` is the same for repeats."""
    first = pauses[0]
    return {
        "id": f"{first.execution}/{news}/{now:%Y-%m-%d}",
        "app": app,
        "kind": str(news),
        "tasks": [pause.task for pause in pauses],
        "by": first.by,
        "reason": first.reason,
        "since": first.since.isoformat(),
        "until": first.until.isoformat() if first.until else None,
        "execution": first.execution,
        "why": why,
    }


def _resumes(tasks: Sequence[str]) -> str:
    """The command that resumes these tasks, and the input of an execution that does."""
    return f"rota resume {' '.join(tasks)}, or start {json.dumps({'kind': Kind.RESUME, 'pause': {'tasks': tasks}})}"


def _without(pauses: Sequence[Pause]) -> str:
    return listed([pause.task for pause in pauses if pause.gone_since])


def _days(time: timedelta) -> str:
    return "1 day" if time.days == 1 else f"{time.days} days"
