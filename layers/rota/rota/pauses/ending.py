"""Ending pauses whose time is up, without the lease; and saying so. Sweep does it once a minute.

```
in force --end--> over --settle--> settled --an hour later--> deleted
```
From `end` on, a step that writes the schedule leaves it on. `settle` switches it as the pause's item says, and is done
only if the item has not changed meanwhile: who writes a schedule changes the item first.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.errors import AWS_ERRORS, translate
from rota.aws.parallel import in_parallel
from rota.errors import RejectedError, TransientError
from rota.log import logger
from rota.pauses.messages import EVENT, PauseNews, event_of, message_of
from rota.pauses.model import KEPT_AFTER_ITS_END, KEPT_WITHOUT_ITS_TASK, REMIND_EVERY, Pause
from rota.pauses.table import pauses_of

if TYPE_CHECKING:
    from rota.pauses.table import PauseTable
    from rota.settings import Settings

# A schedule that is off so long after its pause is reported; and once a day from then on.
_LATE, _REPORT_EVERY = timedelta(minutes=3), timedelta(days=1)
# How often a paused task's schedule is looked at.
_LOOK_EVERY = timedelta(hours=1)
# How often a pause may change while it is settled: a deployment writes it once, a person rarely.
_ATTEMPTS = 5


class Ended(NamedTuple):
    """Every pause by the name of its task, as it is now; and what went wrong."""

    all: dict[str, Pause]
    errors: tuple[Exception, ...] = ()

    def raise_first(self) -> None:
        """Raise the first error, if there is one."""
        if self.errors:
            raise self.errors[0]


def end_pauses(settings: "Settings", now: datetime) -> Ended:
    """End what is due `now`, and report it. One pause that fails does not keep the others."""
    table = pauses_of(settings)
    known = table.read()
    if not known:
        return Ended({})
    ending = _Ending(settings, table, now)
    done = {pause.task: pause for pause in in_parallel(ending.tried, known.values())}
    errors = [*ending.errors.values(), *_report(settings, table, done, ending.errors, now)]
    for pause in done.values():
        if pause.settled_at and pause.settled_at <= now - KEPT_AFTER_ITS_END and not _is_news(pause):
            table.delete(pause)
    return Ended(done, tuple(errors))


class _Ending:
    """Each pause apart: one that cannot be ended does not keep the others."""

    def __init__(self, settings: "Settings", table: "PauseTable", now: datetime) -> None:
        from rota.schedules import backend  # noqa: PLC0415  here, because few apps have a pause

        self._settings, self._table, self._now = settings, table, now
        self._schedules = backend.connect(settings)
        self.errors: dict[str, Exception] = {}

    def tried(self, pause: Pause) -> Pause:
        """The pause as it is after its turn."""
        try:
            return self._look_after(pause)
        except (*AWS_ERRORS, TransientError, RejectedError) as error:
            self.errors[pause.task] = translate(error) if isinstance(error, AWS_ERRORS) else error
            logger.warning("a pause could not be looked after", task=pause.task, reason=str(self.errors[pause.task]))
            return self._change(pause, lambda seen: seen)

    def _look_after(self, pause: Pause) -> Pause:
        if pause.is_due(self._now):
            pause = self._change(pause, lambda seen: seen.over(self._now) if seen.is_due(self._now) else seen)
        if pause.is_in_force:
            return self._look(pause) if self._now - (pause.looked_at or pause.since) >= _LOOK_EVERY else pause
        return pause if pause.settled_at else self._settle(pause)

    def _settle(self, pause: Pause) -> Pause:
        """Switch the schedule as the pause's item says, until it says so after that, too."""
        for _ in range(_ATTEMPTS):
            name, on = self._settings.rule_prefix + pause.task, pause.enabled and not pause.is_in_force
            found = self._schedules.switch(name, on=on, in_scheduler=pause.in_scheduler)
            if pause.is_in_force or pause.settled_at:
                return pause
            update = {"settled_at": self._now, "gone_since": None if found.is_owned else self._now}
            before, settled = pause, pause.model_copy(update=update)
            pause = self._change(pause, lambda seen: settled if seen == before else seen)  # noqa: B023  called at once
            if pause.settled_at:
                return pause
        raise TransientError(f"the pause of {pause.task} changes too often to end it")

    def _look(self, pause: Pause) -> Pause:
        """That the schedule is off; and how long the task has none, which ends the pause in the end."""
        name = self._settings.rule_prefix + pause.task
        found = self._schedules.find(name)
        is_on = found.is_owned and found.is_on
        if is_on:
            self._schedules.switch(name, on=False)
        gone_since = None if found.is_owned else pause.gone_since or self._now
        if gone_since and self._now - gone_since >= KEPT_WITHOUT_ITS_TASK:
            return self._change(pause, lambda seen: seen.ended(self._now, "its task left the schedule file"))
        update = {"gone_since": gone_since, "looked_at": self._now}
        looked = self._change(pause, lambda seen: seen.model_copy(update=update) if seen == pause else seen)
        if is_on and not looked.is_in_force:  # a person resumed it in that moment
            return self._settle(self._change(looked, lambda seen: seen.model_copy(update={"settled_at": None})))
        return looked

    def _change(self, pause: Pause, changed: Callable[[Pause], Pause]) -> Pause:
        return self._table.change(pause.task, lambda seen: seen and changed(seen)) or pause


class _News(NamedTuple):
    kind: PauseNews
    why: str
    execution: str


def _report(
    settings: "Settings",
    table: "PauseTable",
    pauses: Mapping[str, Pause],
    errors: Mapping[str, Exception],
    now: datetime,
) -> Iterable[Exception]:
    """Notify people of what is new, of all pauses that one execution began in one message."""
    groups: dict[_News, list[Pause]] = {}
    for pause in sorted(pauses.values(), key=lambda pause: pause.task):
        if news := _news(pause, errors.get(pause.task), now):
            groups.setdefault(news, []).append(pause)
    for news, group in groups.items():
        try:
            _publish(settings, news, group, now)
            in_parallel(partial(_note, table, now), group)
        except (*AWS_ERRORS, TransientError, RejectedError) as error:
            found = translate(error) if isinstance(error, AWS_ERRORS) else error
            logger.warning("a pause could not be reported", kind=news.kind, reason=str(found))
            yield found


def _news(pause: Pause, error: Exception | None, now: datetime) -> _News | None:
    if _is_news(pause):
        return _News(PauseNews.ENDED, "", pause.execution)
    reported = pause.reported_at
    if pause.is_in_force:
        due = pause.until is None and now - (reported or pause.since) >= REMIND_EVERY
        return _News(PauseNews.CONTINUES, "", pause.execution) if due else None
    is_stuck = pause.ended_at and now - pause.ended_at >= _LATE and not pause.settled_at
    if is_stuck and error and (reported is None or now - reported >= _REPORT_EVERY):
        return _News(PauseNews.STUCK, str(error), pause.execution)
    return None


def _is_news(pause: Pause) -> bool:
    """Whether its time was up, and that is not reported yet."""
    if pause.settled_at is None or pause.ended_by:
        return False
    return pause.reported_at is None or pause.reported_at < pause.settled_at


def _publish(settings: "Settings", news: _News, pauses: list[Pause], now: datetime) -> None:
    from rota.notifications.events import put_events  # noqa: PLC0415  here, because there is rarely news
    from rota.notifications.send import send_chat, send_mail  # noqa: PLC0415

    message = message_of(settings.app, news.kind, pauses, now, news.why)
    put_events(EVENT, [event_of(settings.app, news.kind, pauses, now, news.why)])
    attributes = {"task": tuple(pause.task for pause in pauses), "kind": (str(news.kind),)}
    send_mail(settings.notifications_topic_arn, message, attributes)
    send_chat(settings.chat_topic_arn, message)


def _note(table: "PauseTable", now: datetime, pause: Pause) -> None:
    table.change(pause.task, lambda seen: seen and seen.model_copy(update={"reported_at": now}))
