"""What is to be reported of jobs now, and which together: hundreds of jobs with one cause are one message. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from rota.contract.run_event import RunKind
from rota.runs.incidents import begin_incident
from rota.runs.model import Incident, Job, Notice, Run, Status, Why, incident_id

REMIND_AFTER = timedelta(days=1)
# Jobs of one minute end within a minute or two: so long a message waits for others with its cause.
_SETTLE, _LONGEST_SETTLE = timedelta(seconds=60), timedelta(seconds=180)
# A cause that is reported reaches further jobs as they are due, and each recovers: one message an hour has them.
_FURTHER_JOBS_EVERY = timedelta(hours=1)
# So many jobs that fail alike have one cause, as when a release breaks them all; fewer may be chance.
_ONE_CAUSE_FROM = 5

_TURNED = {
    Status.FAILED: RunKind.FAILED,
    Status.NOT_STARTED: RunKind.NOT_STARTED,
    Status.MISSED: RunKind.MISSED,
}
# What a job's own doing brings about.
_OF_ONE_JOB = {RunKind.OVERLONG, RunKind.OVERLAPPING, RunKind.SKIPPED, RunKind.REPLACED}
_TURNS = frozenset(_TURNED.values())
# Reasons that lie outside of the job: equal ones are one cause, however few jobs have them.
_SHARED = {Why.IMAGE, Why.SECRET, Why.LOGS, Why.ROLE, Why.NETWORK, Why.CAPACITY, Why.SPOT, Why.HOST}
_SHARED |= {Why.REFUSED, Why.DISABLED, Why.GONE, Why.NO_TRACE, Why.AWAY}

# The message attribute `owner` of a job without one, so that a subscription can ask for it.
NO_OWNER = "none"

Key = tuple[str, ...]


class Report(NamedTuple):
    """One thing to report of one job: of its incident, or of a single run."""

    kind: RunKind
    job: Job
    run: Run
    """The newest bad one of the incident, or the notice's."""
    incident: Incident | None = None
    notice: Notice | None = None

    @property
    def id(self) -> str:
        """The incident's; of a notice that of one which began with its run."""
        return self.incident.id if self.incident else incident_id(self.run)

    @property
    def thread(self) -> str:
        """The id of the incident with which this one was first reported."""
        return (self.incident and self.incident.thread) or self.id

    @property
    def since(self) -> datetime:
        """Since when it waits to be reported."""
        if self.incident is None:
            return self.run.ended_at or self.run.started_at or self.run.scheduled_at
        return self.incident.recovered.ended_at if self.incident.recovered else self.incident.opened_at


class Alert(NamedTuple):
    """What one message says: of one job, or of all that have one cause. The one that waits longest is the first."""

    reports: tuple[Report, ...]
    thread: str
    """The id of the incident with which the cause was first reported."""

    @property
    def kind(self) -> RunKind:
        return self.reports[0].kind


def due_alerts(jobs: Iterable[Job], now: datetime) -> list[Alert]:
    """What is to be reported now, of all jobs of an app, without what has to wait for others with its cause."""
    jobs = list(jobs)
    known = [
        each.incident for each in jobs if each.incident and each.incident.reported_at and not each.incident.recovered
    ]
    groups: dict[Key, list[Report]] = {}
    for report in (report for job in jobs for report in _unreported(job, now)):
        groups.setdefault(_cause(report), []).append(report)
    alerts = []
    for cause, group in groups.items():
        reports = sorted(group, key=lambda each: (each.since, each.id))
        if now < _time_to_report(cause, reports, known):
            continue
        alike = _alike(reports[0], known)
        if _have_one_cause(reports, alike):
            alerts.append(Alert(tuple(reports), alike[0].thread if alike else reports[0].thread))
        else:
            alerts += [Alert((each,), each.thread) for each in reports]
    return alerts


def reported(job: Job, report: Report, thread: str, now: datetime) -> Job | None:
    """The job once that is reported; None if it has nothing of it any more. Pure."""
    if report.notice:
        left = tuple(each for each in job.notices if (each.kind, each.run.key) != (report.kind, report.run.key))
        return job.model_copy(update={"notices": left}) if len(left) < len(job.notices) else None
    incident = job.incident
    if incident is None or incident.id != report.id:
        return None
    if report.kind == RunKind.RECOVERED:
        # A run that failed meanwhile begins another incident: people were notified that this one is over.
        failed = incident.recovered is None and job.bad_runs > job.tolerance
        well = report.incident.recovered if report.incident else None
        another = begin_incident(incident.last, job.bad_runs, last_good=well) if failed else None
        return job.model_copy(update={"incident": another})
    update = {"reported_at": now, "thread": incident.thread or thread}
    return job.model_copy(update={"incident": incident.model_copy(update=update)})


def attributes_of(alert: Alert) -> dict[str, tuple[str, ...]]:
    """The message attributes, by which a subscription's FilterPolicy chooses."""
    return {
        "task": tuple(dict.fromkeys(each.run.task for each in alert.reports)),
        "kind": (str(alert.kind),),
        "owner": tuple(dict.fromkeys(each.job.owner or NO_OWNER for each in alert.reports)),
    }


def is_shared(report: Report) -> bool:
    """Whether its reason lies outside of the job."""
    reason = report.run.reason
    return report.kind not in _TURNS or (reason is not None and reason.why in _SHARED)


def _unreported(job: Job, now: datetime) -> Iterable[Report]:
    for notice in job.notices:
        yield Report(RunKind(notice.kind), job, notice.run, notice=notice)
    incident = job.incident
    if incident is None:
        return
    if incident.recovered:
        yield Report(RunKind.RECOVERED, job, incident.last, incident)
    elif incident.reported_at is None:
        yield Report(_TURNED.get(incident.last.status, RunKind.FAILED), job, incident.last, incident)
    elif now - incident.reported_at >= REMIND_AFTER and _newest(incident) > incident.reported_at:
        yield Report(RunKind.STILL_FAILING, job, incident.last, incident)


def _newest(incident: Incident) -> datetime:
    """When its newest bad run ended, or was due: a job that did not run since is not reminded of."""
    return incident.last.ended_at or incident.last.scheduled_at


def _cause(report: Report) -> Key:
    """Equal for what may be reported together."""
    if report.incident is None:
        return (report.kind, report.run.reason.words if report.run.reason else "")
    if report.kind in _TURNS:
        return (report.kind, *_reason(report.incident))
    return (report.kind, report.thread)


def _reason(incident: Incident) -> Key:
    run = incident.last
    if run.reason is None:
        return ("",)
    if run.reason.why in _SHARED:
        return (run.reason.key,)
    return (run.reason.why, str(run.exit_code), run.release.digest if run.release else "")


def _have_one_cause(reports: list[Report], alike: list[Incident]) -> bool:
    """Whether they are reported together, and not one by one."""
    first = reports[0]
    if first.kind in _OF_ONE_JOB or not is_shared(first):
        return len(reports) + len(alike) >= _ONE_CAUSE_FROM
    return True


def _alike(report: Report, known: list[Incident]) -> list[Incident]:
    """The incidents that are reported already, are not over, and have the cause of one that is not reported."""
    if report.kind not in _TURNS or report.incident is None:
        return []
    cause = _reason(report.incident)
    return sorted((each for each in known if _reason(each) == cause), key=lambda each: (each.opened_at, each.id))


def _time_to_report(cause: Key, reports: list[Report], known: list[Incident]) -> datetime:
    """From when on: at once, or once those with the same cause are known."""
    first = reports[0]
    in_thread = [each for each in known if each.thread == cause[-1]]
    if first.kind == RunKind.RECOVERED:
        return first.since + _FURTHER_JOBS_EVERY if in_thread else first.since
    if first.kind == RunKind.STILL_FAILING:
        # Those that joined are reminded of with the others.
        return max(each.reported_at for each in in_thread if each.reported_at) + REMIND_AFTER
    if first.kind not in _TURNS:
        return first.since
    alike = _alike(first, known)
    if alike and (is_shared(first) or len(alike) >= _ONE_CAUSE_FROM):
        return max(each.reported_at for each in alike if each.reported_at) + _FURTHER_JOBS_EVERY
    return min(reports[-1].since + _SETTLE, first.since + _LONGEST_SETTLE)
