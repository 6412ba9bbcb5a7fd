"""An alert in the words that a person reads, on a phone first, and as the event for programs. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from rota.contract.run_event import EventRelease, RunEvent, RunKind
from rota.notifications.links import log_link, task_link
from rota.notifications.message import Message
from rota.runs.alert import Alert, Report, is_shared
from rota.runs.attribution import attribute, is_of_the_release, is_unreleased, named
from rota.runs.log_place import group_arn, may_be_read
from rota.runs.model import STARTED, GoodRun, Incident, Job, Release, Run, Status, Trigger, Why
from rota.sanitise import mask
from rota.times import clock, day_and_time, duration

# So many jobs a message names; the event on the bus has each.
_MOST_NAMED = 50
_LATE = 60
_SHORT = {
    Why.OUT_OF_MEMORY: "out of memory",
    Why.KILLED: "killed",
    Why.STOPPED: "stopped by hand",
    Why.MAX_RUNTIME: "stopped after max_runtime",
    Why.OVERLAP: "stopped as it overlapped",
    Why.SPOT: "Spot interruption",
    Why.HOST: "its host",
    Why.IMAGE: "its image",
    Why.SECRET: "a secret",
    Why.LOGS: "its log group",
    Why.ROLE: "a role",
    Why.NETWORK: "the network",
    Why.CAPACITY: "no capacity",
    Why.COMMAND: "its command",
    Why.REFUSED: "refused by ECS",
    Why.DISABLED: "its schedule is disabled",
    Why.GONE: "its schedule does not exist",
}
# Whose words say all that AWS says.
_SAID = {Why.EXIT_CODE, Why.MAX_RUNTIME, Why.OVERLAP}
_VERBS = {RunKind.FAILED: "failed", RunKind.NOT_STARTED: "did not start", RunKind.MISSED: "did not run"}


class _Notice(NamedTuple):
    """The words for a single run, beside incidents, of one job and of many; `_notice_names` says what they name."""

    title: str
    lead: str
    title_of_many: str
    lead_of_many: str


_NOTICES = {
    RunKind.OVERLONG: _Notice(
        "{task} still runs after {limit}",
        "It is still running.",
        "{jobs} run for too long",
        "All of them are still running.",
    ),
    RunKind.OVERLAPPING: _Notice(
        "{task} runs twice at once",
        "It started while an earlier task of it ({overlaps}) still ran. Both are still running.",
        "{jobs} run twice at once",
        "All of them are still running.",
    ),
    RunKind.SKIPPED: _Notice(
        "{task} was skipped: an earlier run is still running",
        "An earlier task of it ({overlaps}) still ran, so Rota stopped this one before it began. Further ones that are "
        "skipped are recorded, and reported once a day.",
        "{jobs} were skipped: earlier runs are still running",
        "Earlier tasks of them still ran, so Rota stopped these before they began.",
    ),
    RunKind.REPLACED: _Notice(
        "{task} was replaced by its next run",
        "It still ran when its next run had begun, so Rota stopped it. Further ones that are replaced are recorded, "
        "and reported once a day.",
        "{jobs} were replaced by their next runs",
        "They still ran when their next runs had begun, so Rota stopped them.",
    ),
    RunKind.NOT_CAUGHT_UP: _Notice(
        "{task} was not started once more",
        "Its run of {due} UTC did not begin, and {why}.",
        "{jobs} were not started once more",
        "Their runs did not begin, and {why}.",
    ),
    RunKind.UNKNOWN: _Notice(
        "{task}: the result of a run is unknown",
        "Its result is unknown: {why}.",
        "The results of {runs} runs are unknown",
        "For one reason: {why}.",
    ),
}


class Place(NamedTuple):
    """Where the jobs run, and what may be read of their logs: ARNs of log groups, and how many lines."""

    app: str
    log_groups: tuple[str, ...] = ()
    log_lines: int = 10


def message_of(alert: Alert, place: Place) -> Message:
    """The message of an alert, for mail and chat."""
    if len(alert.reports) > 1:
        return _message_of_many(alert, place)
    (report,) = alert.reports
    run = report.run
    lead = _lines(_lead(report), _joined(alert), _no_log(report, place))
    return Message(
        title=f"{_title(report)} ({place.app})",
        lead=lead,
        facts=tuple(_facts(report)),
        log=run.tail[-place.log_lines :] if shows_log(report) and place.log_lines else (),
        next_steps=tuple(_next_steps([report])),
        links=tuple(_links(report)),
        thread=f"{place.app}:{alert.thread}",
        kind="Rota Run",
        keywords=(place.app, run.task, str(alert.kind)),
        good=_is_good(alert.kind),
    )


def events_of(alert: Alert, place: Place) -> list[RunEvent]:
    """The event of each job that the alert names."""
    return [_event(report, place) for report in alert.reports]


# ---------------------------------------------------------------------- one job


def _title(report: Report) -> str:
    task, incident = report.run.task, report.incident
    if notice := _NOTICES.get(report.kind):
        return notice.title.format(**_notice_names(report))
    match report.kind:
        case RunKind.RECOVERED if incident:
            return f"{task} recovered after {_bad_runs(incident)}"
        case RunKind.STILL_FAILING if incident:
            return f"{task} still fails: {_bad_runs(incident)} since {day_and_time(incident.first.scheduled_at)}"
    short = _short(report.run)
    return f"{task} {_VERBS[report.kind]}{': ' if short else ''}{short}"


def _notice_names(report: Report) -> dict[str, str]:
    """What the words of a notice name."""
    run, limit = report.run, duration(report.job.max_runtime or 0)
    why, due = run.reason.words if run.reason else "", clock(run.scheduled_at)
    return {"task": run.task, "limit": limit, "overlaps": run.overlaps, "why": why, "due": due}


def _short(run: Run) -> str:
    if run.reason is None:
        return ""
    if run.reason.why == Why.EXIT_CODE:
        return f"exit code {run.exit_code}"
    return _SHORT.get(run.reason.why, "")


def _lead(report: Report) -> str:
    run, incident = report.run, report.incident
    if notice := _NOTICES.get(report.kind):
        return notice.lead.format(**_notice_names(report))
    match report.kind:
        case RunKind.RECOVERED if incident and incident.recovered:
            return _recovered(incident, incident.recovered)
        case RunKind.STILL_FAILING if incident:
            first = f"{_sentence(incident.last)} It is the last of {_bad_runs(incident)}."
            return _lines(first, attribute(incident))
    in_a_row = f"{_bad_runs(incident)} in a row." if incident and incident.runs > 1 else ""
    return _lines(_sentence(run, incident), in_a_row, attribute(incident) if incident else "")


def _sentence(run: Run, incident: Incident | None = None) -> str:
    """What happened, as a sentence: of one run, or of all those of an incident that are missing."""
    words = run.reason.words if run.reason else "it failed"
    if run.counted and incident and incident.runs > 1 and incident.first.counted:
        words = f"runs are missing since {clock(incident.first.scheduled_at)} UTC: {words}"
    elif run.counted:
        lacking = "one run is" if run.lacking == 1 else f"{run.lacking} runs are"
        words = f"{lacking} missing in the hour after {clock(run.scheduled_at)} UTC: {words}"
    elif run.status == Status.NOT_STARTED:
        words = f"it did not start: {words}"
    elif run.status == Status.MISSED:
        words = f"it did not run at {clock(run.scheduled_at)} UTC: {words}"
    return f"{words[:1].upper()}{words[1:]}."


def _recovered(incident: Incident, good: GoodRun) -> str:
    never = "" if incident.reported_at else " It recovered before a message about it was sent."
    good_since = ""
    bad = incident.last.release
    if good.release and bad and good.release.digest != bad.digest:
        good_since = f"It succeeds since {named(good.release)}; it failed on {named(bad)}."
    return _lines(
        f"It failed for {duration(incident.seconds)}, {_bad_runs(incident)}.{never}",
        f"The reason was: {_sentence(incident.last, incident)}",
        good_since,
        "Rota had started it once more, late, because of catch_up." if good.caught_up else "",
    )


def _facts(report: Report) -> Iterable[tuple[str, str]]:
    run, incident = report.run, report.incident
    if report.kind == RunKind.RECOVERED and incident and incident.recovered:
        yield "First failure", day_and_time(incident.first.scheduled_at)
        yield "Recovered", day_and_time(incident.recovered.scheduled_at)
        if incident.recovered.release:
            yield "Release", _release(incident.recovered.release)
    else:
        yield from _facts_of_a_run(run, report.job)
        if incident and incident.last_good:
            yield "Last good run", day_and_time(incident.last_good.scheduled_at)
        yield from _aws_says(run)
    if report.job.owner:
        yield "Owner", report.job.owner
    yield "Incident", report.id


def _facts_of_a_run(run: Run, job: Job) -> Iterable[tuple[str, str]]:
    due = "Started by hand" if run.trigger == Trigger.BY_HAND else "Scheduled for"
    if not run.counted:
        yield due, day_and_time(run.scheduled_at) + _in_its_zone(run, job)
    if run.trigger == Trigger.CATCH_UP:
        yield "Started once more", "because of catch_up"
    if run.started_at:
        late = (run.started_at - run.scheduled_at).total_seconds()
        yield "Started", f"{clock(run.started_at)} UTC" + (f", {duration(late)} late" if late >= _LATE else "")
    if run.seconds is not None:
        yield "Lasted", duration(run.seconds)
    if run.release:
        yield "Release", _release(run.release)


def _aws_says(run: Run) -> Iterable[tuple[str, str]]:
    if run.reason and run.reason.aws and run.reason.why not in _SAID:
        yield "AWS says", run.reason.aws


def _in_its_zone(run: Run, job: Job) -> str:
    """` (07:00 Europe/Berlin)` of a job that is scheduled in a zone, with the day where it is another one."""
    zone = job.spans[-1].timezone if job.spans else "UTC"
    if zone == "UTC" or run.trigger == Trigger.BY_HAND:
        return ""
    from rota.schedule_file import zones  # noqa: PLC0415  here, because most jobs are scheduled in UTC

    local = run.scheduled_at.astimezone(zones.zone(zone))
    day = "" if local.date() == run.scheduled_at.date() else f"{local:%a} "
    return f" ({day}{local:%H:%M} {zone})"


def _release(release: Release) -> str:
    number = f"v{release.number}, " if release.number else ""
    tag = f"{release.tag}, " if release.tag else ""
    return f"{number}image {tag}{release.digest[:19]}"


def _links(report: Report) -> Iterable[tuple[str, str]]:
    run = report.run
    which = " of the last bad run" if report.kind == RunKind.RECOVERED else ""
    if log := _log(run):
        yield f"Log{which}", log
    if run.task_arn:
        yield f"Task{which}", task_link(run.task_arn)


def _log(run: Run) -> str:
    """The link to what it logged; empty if it cannot have logged, or not to CloudWatch."""
    place = run.log
    if run.status in (Status.NOT_STARTED, Status.SKIPPED) or not (place and place.stream and run.task_arn):
        return ""
    return log_link(run.task_arn, place.group, place.stream)


def shows_log(report: Report) -> bool:
    """Whether its message shows what the run logged last."""
    return report.kind in (RunKind.FAILED, RunKind.STILL_FAILING, RunKind.OVERLONG)


def _no_log(report: Report, place: Place) -> str:
    """Why there are no lines of the log, where a person would look for them."""
    log = report.run.log
    if not shows_log(report) or report.run.tail or log is None or not place.log_lines:
        return ""
    if log.driver != "awslogs":
        return f"Its log driver is {log.driver}, which Rota cannot read."
    if may_be_read(log, report.run, place.log_groups):
        return "It logged nothing."
    group = group_arn(log, report.run)
    return f"To see the log's last lines here, add {group} to the parameter JobLogGroups."


def _next_steps(reports: list[Report]) -> Iterable[str]:
    """What to do: the todo of the reason, and a rollback if the release is the cause."""
    first = reports[0]
    if first.kind == RunKind.RECOVERED:
        return
    if first.kind == RunKind.OVERLONG:
        yield "Check whether it makes progress. If not, stop the task in ECS's console."
    elif first.kind == RunKind.OVERLAPPING:
        yield "If two must not run at once, let the job take a lock."
    elif first.run.reason:
        if first.kind != RunKind.NOT_CAUGHT_UP:
            yield from _caught_up(reports)
        yield first.run.reason.todo
    incidents = [each.incident for each in reports if each.incident]
    good = incidents[0].last_good if incidents else None
    if good and good.release and all(is_of_the_release(each) for each in incidents):
        undone = any(is_unreleased(each) for each in incidents)
        way = "see how its deployment ended" if undone else f"roll back to {named(good.release)}"
        yield f"If the {'image' if undone else 'release'} is the cause: {way}, or push an image that fixes it."


def _caught_up(reports: list[Report]) -> Iterable[str]:
    """What became of it by `catch_up`."""
    owed = [each.job.owed for each in reports if each.job.owed and each.job.owed.scheduled_at == each.run.scheduled_at]
    started = sum(each.answer == STARTED for each in owed)
    if len(reports) > 1:
        if started:
            yield f"catch_up has started {started} of them once more."
    elif started:
        yield "catch_up has started it once more: see how that run ends."
    elif owed and owed[0].answer:
        yield f"catch_up did not start it once more: {owed[0].answer}."
    elif owed:
        yield f"catch_up starts it once more{'' if owed[0].given_up else ' when its retry age is over'}."


# ---------------------------------------------------------------------- many jobs


def _message_of_many(alert: Alert, place: Place) -> Message:
    reports = list(alert.reports)
    first = reports[0]
    incidents = [each.incident for each in reports if each.incident]
    words = {attribute(each) for each in incidents} if first.kind not in (RunKind.RECOVERED, RunKind.UNKNOWN) else set()
    lead = _lines(_lead_of_many(reports), _joined(alert), words.pop() if len(words) == 1 else "")
    return Message(
        title=f"{_title_of_many(reports)} ({place.app})",
        lead=f"{lead}\n\n{_listed(reports)}",
        facts=tuple(_facts_of_many(reports)),
        next_steps=tuple(_next_steps(reports)),
        links=tuple(_links(first)),
        thread=f"{place.app}:{alert.thread}",
        kind="Rota Run",
        keywords=(place.app, str(alert.kind)),
        good=_is_good(alert.kind),
    )


def _title_of_many(reports: list[Report]) -> str:
    first, jobs = reports[0], f"{len({each.run.task for each in reports})} jobs"
    if notice := _NOTICES.get(first.kind):
        return notice.title_of_many.format(jobs=jobs, runs=len(reports))
    match first.kind:
        case RunKind.RECOVERED:
            return f"{jobs} recovered"
        case RunKind.STILL_FAILING:
            return f"{jobs} still fail"
    short = _short(first.run)
    return f"{jobs} {_VERBS[first.kind]}{': ' if short else ''}{short}"


def _lead_of_many(reports: list[Report]) -> str:
    first = reports[0]
    if notice := _NOTICES.get(first.kind):
        return notice.lead_of_many.format(**_notice_names(first))
    if first.kind == RunKind.RECOVERED and first.incident:
        return f"The reason was: {_sentence(first.incident.last)}"
    alike = "All for one reason." if is_shared(first) else "They failed in the same way."
    return f"{alike} {_sentence(first.run)}"


def _listed(reports: list[Report]) -> str:
    """The jobs by name; with the time for which each was due, if that differs."""
    due = {each.run.scheduled_at for each in reports}
    more = f"and {len(reports) - _MOST_NAMED} more" if len(reports) > _MOST_NAMED else ""
    named = [each.run.task for each in reports[:_MOST_NAMED]]
    if len(due) == 1:
        return f"All were due {day_and_time(due.pop())}: {', '.join(filter(None, (*named, more)))}."
    times = [day_and_time(each.run.scheduled_at) for each in reports]
    return "\n".join(filter(None, (*map(", ".join, zip(named, times, strict=False)), more)))


def _facts_of_many(reports: list[Report]) -> Iterable[tuple[str, str]]:
    first = reports[0]
    releases = {_release(each.run.release) for each in reports if each.run.release}
    if len(releases) == 1:
        yield "Release", releases.pop()
    yield from _aws_says(first.run)
    owners = sorted({each.job.owner for each in reports if each.job.owner})
    if owners:
        yield "Owners", ", ".join(owners)
    yield "Incidents", f"{first.id} and {len(reports) - 1} more"


# ---------------------------------------------------------------------- both


def _joined(alert: Alert) -> str:
    """That the reason is known, where these jobs were not in its first message."""
    first = alert.reports[0]
    if first.incident is None or first.incident.reported_at or alert.thread in {each.id for each in alert.reports}:
        return ""
    return f"The same reason as in the incident {alert.thread}."


def _bad_runs(incident: Incident) -> str:
    return "one bad run" if incident.runs == 1 else f"{incident.runs} bad runs"


def _is_good(kind: RunKind) -> bool | None:
    return {RunKind.RECOVERED: True, RunKind.UNKNOWN: None}.get(kind, False)


def _lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _event(report: Report, place: Place) -> RunEvent:
    run, incident = report.run, report.incident
    good = incident.last_good if incident else None
    recovered = incident.recovered if incident and report.kind == RunKind.RECOVERED else None
    reason = run.reason
    reminder = f"/{run.scheduled_at:%Y-%m-%d}" if report.kind == RunKind.STILL_FAILING else ""
    return RunEvent(
        id=f"{report.id}/{report.kind}{reminder}",
        app=place.app,
        task=run.task,
        kind=report.kind,
        owner=report.job.owner,
        incident=report.id,
        scheduled_at=run.scheduled_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds=run.seconds,
        exit_code=run.exit_code,
        why=str(reason.why) if reason else None,
        reason=mask(reason.words) if reason else "",
        aws=mask(reason.aws) if reason else "",
        acts=str(reason.reader) if reason else None,
        todo=reason.todo if reason else "",
        bad_runs=incident.runs if incident else 0,
        since=incident.first.scheduled_at if incident else None,
        attribution=attribute(incident) if incident else "",
        release=_event_release(run.release),
        last_good=_event_release(good.release if good else None),
        good_runs=good.runs if good else None,
        recovered_at=recovered.ended_at if recovered else None,
        log=_log(run),
    )


def _event_release(release: Release | None) -> EventRelease | None:
    return EventRelease(number=release.number, tag=release.tag, digest=release.digest) if release else None
