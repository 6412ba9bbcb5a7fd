"""Reporting jobs to people: at least once and normally once, whatever is lost, repeated or killed meanwhile.

One Sweep reports at a time: it holds the item `reporting`, reads the jobs again, publishes, and then notes in each job
that it is reported. If it is killed before that, the next one publishes once more.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from rota.aws.errors import AWS_ERRORS, translate
from rota.aws.parallel import in_parallel
from rota.contract.run_event import RunKind
from rota.errors import RejectedError, TransientError
from rota.log import logger
from rota.notifications.events import put_events
from rota.notifications.send import send_chat, send_mail
from rota.runs.alert import Alert, Report, attributes_of, due_alerts, reported
from rota.runs.alert_text import Place, events_of, message_of, shows_log
from rota.runs.attribution import with_releases
from rota.runs.log_tail import with_log
from rota.runs.model import Job, Release

if TYPE_CHECKING:
    from rota.runs.table import RunTable
    from rota.settings import Settings

# A Sweep that is killed or fails here holds the item for so long; one that succeeds is done in seconds.
_HELD_FOR = timedelta(seconds=120)


def report(
    table: "RunTable", settings: "Settings", jobs: Iterable[Job], releases: Sequence[Release], now: datetime
) -> int:
    """Report what is due of these jobs, all those of the app, as they were read a moment ago. Returns how many messages
    were sent. `releases` are those that runs may have begun with, the newest last.

    TransientError or RejectedError if one could not be: it is tried again by the next call, the others are sent.
    """
    if not due_alerts(jobs, now):
        return 0
    me = str(uuid.uuid4())
    if not table.begin_reporting(me, now, now + _HELD_FOR):
        return 0
    # Another Sweep may have reported meanwhile what was due.
    known = [with_releases(job, releases) for job in table.jobs().values()]
    sent = _report(table, settings, due_alerts(known, now), now)
    # After an error it stays held: what is tried again is not tried each minute.
    table.end_reporting(me)
    return sent


def _report(table: "RunTable", settings: "Settings", alerts: list[Alert], now: datetime) -> int:
    errors: list[Exception] = []
    for alert in alerts:
        try:
            _publish(settings, alert)
            in_parallel(partial(_note, table, alert, now), alert.reports)
        except (*AWS_ERRORS, TransientError, RejectedError) as error:
            errors.append(translate(error) if isinstance(error, AWS_ERRORS) else error)
            logger.warning("could not be reported", kind=alert.kind, incident=alert.thread, reason=str(errors[-1]))
    if errors:
        raise errors[0]
    return len(alerts)


def _publish(settings: "Settings", alert: Alert) -> None:
    """The events first: programs know a repeated one by its id, should the mail be refused minute by minute."""
    place = Place(settings.app, settings.job_log_groups, settings.log_tail)
    alert = _with_log(alert, settings)
    message = message_of(alert, place)
    put_events("Rota Run", [event.model_dump(mode="json") for event in events_of(alert, place)])
    send_mail(settings.notifications_topic_arn, message, attributes_of(alert))
    send_chat(settings.chat_topic_arn, message)


def _with_log(alert: Alert, settings: "Settings") -> Alert:
    """With where the first run logs, for the link; and, if it is alone, with its log's last lines."""
    first, *others = alert.reports
    if not (shows_log(first) or first.kind == RunKind.RECOVERED):
        return alert
    lines = settings.log_tail if shows_log(first) and not others else 0
    run = with_log(first.run, settings, lines=lines)
    return alert._replace(reports=(first._replace(run=run), *others))


def _note(table: "RunTable", alert: Alert, now: datetime, report: Report) -> None:
    """Write into the job that it is reported."""
    table.change_state(report.job.task, lambda job: reported(job, report, alert.thread, now), seen=report.job)
