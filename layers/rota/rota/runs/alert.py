"""What is to be told of jobs now, and what of it together: hundreds of jobs with one cause are one message. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from rota.contract import RunKind
from rota.runs.incidents import begin_incident
from rota.runs.model import Incident, Job, Notice, Run, Status, Why, incident_id

REMIND_AFTER = timedelta(days=1)
# Jobs of one minute end within a minute or two: so long a message waits for others with its cause.
_SETTLE, _LONGEST_SETTLE = timedelta(seconds=60), timedelta(seconds=180)
# What joins what was told already: in hours to come each job that is due fails by the same cause, and each recovers.
_JOIN = timedelta(hours=1)
# So many jobs that fail alike have one cause, as when a release breaks them all; fewer may be chance.
_STORM = 5

_TURNED = {
    Status.FAILED: RunKind.FAILED,
    Status.NOT_STARTED: RunKind.NOT_STARTED,
    Status.MISSED: RunKind.MISSED,
}
_TURNS = frozenset(_TURNED.values())
# Reasons that lie outside of the job: equal ones are one cause, however few jobs have them.
_SHARED = {Why.IMAGE, Why.SECRET, Why.LOGS, Why.ROLE, Why.NETWORK, Why.CAPACITY, Why.SPOT, Why.HOST}
_SHARED |= {Why.REFUSED, Why.DISABLED, Why.GONE, Why.NO_TRACE, Why.AWAY}

# The message attribute `owner` of a job without one, so that a subscription can ask for it.
NO_OWNER = "none"

Key = tuple[str, ...]


class Telling(NamedTuple):
    """One thing to tell of one job: of its incident, or of a run by itself."""

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
        """The id of the incident with which this one was told first."""
        return (self.incident and self.incident.thread) or self.id

    @property
    def since(self) -> datetime:
        """Since when it waits to be told."""
        if self.incident is None:
            return self.run.ended_at or self.run.started_at or self.run.scheduled_at
        return self.incident.recovered.ended_at if self.incident.recovered else self.incident.opened_at


class Alert(NamedTuple):
    """What one message says: of one job, or of all that have one cause. The one that waits longest is the first."""

    tellings: tuple[Telling, ...]
    thread: str
    """The id of the incident with which the cause was told first."""

    @property
    def kind(self) -> RunKind:
        return self.tellings[0].kind


def due_alerts(jobs: Iterable[Job], now: datetime) -> list[Alert]:
    """What is to be told now, of all jobs of an app. What has to wait for others with its cause is not in it."""
    jobs = list(jobs)
    known = [each.incident for each in jobs if each.incident and each.incident.told_at and not each.incident.recovered]
    groups: dict[Key, list[Telling]] = {}
    for telling in (telling for job in jobs for telling in _untold(job, now)):
        groups.setdefault(_cause(telling), []).append(telling)
    alerts = []
    for cause, group in groups.items():
        tellings = sorted(group, key=lambda each: (each.since, each.id))
        if now < _time_to_tell(cause, tellings, known):
            continue
        alike = _alike(tellings[0], known)
        if _have_one_cause(tellings, alike):
            alerts.append(Alert(tuple(tellings), alike[0].thread if alike else tellings[0].thread))
        else:
            alerts += [Alert((each,), each.thread) for each in tellings]
    return alerts


def told(job: Job, telling: Telling, thread: str, now: datetime) -> Job | None:
    """The job once that is told; None if it has nothing of it any more. Pure."""
    if telling.notice:
        left = tuple(each for each in job.notices if (each.kind, each.run.key) != (telling.kind, telling.run.key))
        return job.model_copy(update={"notices": left}) if len(left) < len(job.notices) else None
    incident = job.incident
    if incident is None or incident.id != telling.id:
        return None
    if telling.kind == RunKind.RECOVERED:
        # A run that failed meanwhile begins another incident: people were told that this one is over.
        failed = incident.recovered is None and job.bad_runs > job.tolerance
        well = telling.incident.recovered if telling.incident else None
        another = begin_incident(incident.last, job.bad_runs, last_good=well) if failed else None
        return job.model_copy(update={"incident": another})
    update = {"told_at": now, "thread": incident.thread or thread}
    return job.model_copy(update={"incident": incident.model_copy(update=update)})


def attributes_of(alert: Alert) -> dict[str, tuple[str, ...]]:
    """The message attributes, by which a subscription's FilterPolicy chooses."""
    return {
        "task": tuple(dict.fromkeys(each.run.task for each in alert.tellings)),
        "kind": (str(alert.kind),),
        "owner": tuple(dict.fromkeys(each.job.owner or NO_OWNER for each in alert.tellings)),
    }


def is_shared(telling: Telling) -> bool:
    """Whether its reason lies outside of the job."""
    reason = telling.run.reason
    return telling.kind not in _TURNS or (reason is not None and reason.why in _SHARED)


def _untold(job: Job, now: datetime) -> Iterable[Telling]:
    for notice in job.notices:
        yield Telling(RunKind(notice.kind), job, notice.run, notice=notice)
    incident = job.incident
    if incident is None:
        return
    if incident.recovered:
        yield Telling(RunKind.RECOVERED, job, incident.last, incident)
    elif incident.told_at is None:
        yield Telling(_TURNED.get(incident.last.status, RunKind.FAILED), job, incident.last, incident)
    elif now - incident.told_at >= REMIND_AFTER and _newest(incident) > incident.told_at:
        yield Telling(RunKind.STILL_FAILING, job, incident.last, incident)


def _newest(incident: Incident) -> datetime:
    """When its newest bad run ended, or was due: a job that did not run since is not reminded of."""
    return incident.last.ended_at or incident.last.scheduled_at


def _cause(telling: Telling) -> Key:
    """Equal for what may be told together."""
    if telling.incident is None:
        return (telling.kind, telling.run.reason.words if telling.run.reason else "")
    if telling.kind in _TURNS:
        return (telling.kind, *_reason(telling.incident))
    return (telling.kind, telling.thread)


def _reason(incident: Incident) -> Key:
    run = incident.last
    if run.reason is None:
        return ("",)
    if run.reason.why in _SHARED:
        return (run.reason.key,)
    return (run.reason.why, str(run.exit_code), run.release.digest if run.release else "")


def _have_one_cause(tellings: list[Telling], alike: list[Incident]) -> bool:
    """Whether they are told together, and not one by one."""
    first = tellings[0]
    if first.kind in (RunKind.OVERLONG, RunKind.OVERLAPPING) or not is_shared(first):
        return len(tellings) + len(alike) >= _STORM
    return True


def _alike(telling: Telling, known: list[Incident]) -> list[Incident]:
    """The incidents that were told already, go on, and have the cause of one that was not."""
    if telling.kind not in _TURNS or telling.incident is None:
        return []
    cause = _reason(telling.incident)
    return sorted((each for each in known if _reason(each) == cause), key=lambda each: (each.opened_at, each.id))


def _time_to_tell(cause: Key, tellings: list[Telling], known: list[Incident]) -> datetime:
    """From when on: at once, or once those with the same cause are known."""
    first = tellings[0]
    in_thread = [each for each in known if each.thread == cause[-1]]
    if first.kind == RunKind.RECOVERED:
        return first.since + _JOIN if in_thread else first.since
    if first.kind == RunKind.STILL_FAILING:
        # Those that joined are reminded of with the others.
        return max(each.told_at for each in in_thread if each.told_at) + REMIND_AFTER
    if first.kind not in _TURNS:
        return first.since
    alike = _alike(first, known)
    if alike and (is_shared(first) or len(alike) >= _STORM):
        return max(each.told_at for each in alike if each.told_at) + _JOIN
    return min(tellings[-1].since + _SETTLE, first.since + _LONGEST_SETTLE)
