"""Whether a release is why a job turned to failing: the run that failed against the last good one. Pure."""

from collections.abc import Sequence
from datetime import datetime

from rota.ecs.arns import short_name
from rota.runs.judge import release_of
from rota.runs.model import GoodRun, Incident, Job, Release, Run, Why
from rota.times import duration

# What happens to any release.
_OF_AWS = {Why.SPOT, Why.HOST, Why.NETWORK, Why.CAPACITY, Why.STOPPED, Why.REFUSED, Why.DISABLED, Why.GONE}
_OF_AWS |= {Why.NO_TRACE, Why.AWAY, Why.OVERLAP}
_COMMIT = 12


def attribute(incident: Incident) -> str:
    """One or two sentences; empty where a release can have nothing to do with it, or nothing is known.

    Two runs are compared: image first, then the version of the schedule file, then the base. Where releases lie between
    them with which the job did not run, the range is named. An image that is no release is that of a deployment that
    was running: jobs run it before the service does.
    """
    run, good = incident.first, incident.last_good
    if (run.reason and run.reason.why in _OF_AWS) or run.release is None or (good and good.release is None):
        return ""
    if good is None or good.release is None:
        return f"No good run of it is known; this one began with {named(run.release)}."
    before, since = good.release, run.release
    changed = _changed(before, since)
    if not changed:
        return f"The release is not the cause: {_good_runs(good)} on {named(since)} before."
    if len(changed) == 1 and before.digest == since.digest:
        return f"Same image as in {_good_runs(good)} before, but {changed[0]}."
    if is_unreleased(incident):
        first = (
            f"First failure with {named(since)}, which is not a release: its deployment was running and may have failed"
        )
    elif between := _between(before, since):
        first = f"It did not run between {named(before)} and {named(since)}: the cause may be {between}"
    else:
        first = f"First failure since {named(since)}{_went_live(since, run)}"
    more = f" Changed with it: {' and '.join(changed)}." if len(changed) > 1 else ""
    return f"{first}; {_good_runs(good)} on {named(before)}.{more}"


def with_releases(job: Job, releases: Sequence[Release]) -> Job:
    """With what RecordRun knew by its image alone, or as an earlier release of that image: a run may begin before Sweep
    has seen what is live.
    """
    incident = job.incident
    if incident is None:
        return job
    first, last = (
        run.model_copy(update={"release": _known(run.release, run.created_at or run.scheduled_at, releases)})
        for run in (incident.first, incident.last)
    )
    last_good, recovered = (
        good and good.model_copy(update={"release": _known(good.release, good.scheduled_at, releases)})
        for good in (incident.last_good, incident.recovered)
    )
    update = {"first": first, "last": last, "last_good": last_good, "recovered": recovered}
    return job.model_copy(update={"incident": incident.model_copy(update=update)})


def _known(release: Release | None, began: datetime, releases: Sequence[Release]) -> Release | None:
    found = release and release_of(release.digest, began, releases)
    if release is None or found is None or release.number is None:
        return found
    was_live = found.number is not None and found.since is not None and found.since <= began
    return found if was_live else release


def is_unreleased(incident: Incident) -> bool:
    """Whether the run that failed began with an image that is no release, where releases have numbers."""
    since, good = incident.first.release, incident.last_good
    numbered = good and good.release and good.release.number is not None
    return bool(numbered and since and since.number is None)


def is_of_the_release(incident: Incident) -> bool:
    """Whether the run that failed began with another release than the last good one."""
    run, good = incident.first, incident.last_good
    if (run.reason and run.reason.why in _OF_AWS) or not (run.release and good and good.release):
        return False
    return bool(_changed(good.release, run.release))


def named(release: Release) -> str:
    """`v41 (b81d07e)`: the number and the tag, or as much of the digest as people know commits by."""
    commit = release.tag or release.digest.removeprefix("sha256:")[:_COMMIT]
    return f"v{release.number} ({commit})" if release.number else commit


def _changed(before: Release, since: Release) -> list[str]:
    """What differs between two releases, in words."""
    changed = []
    if before.digest != since.digest:
        changed.append("another image")
    if before.schedule and since.schedule and before.schedule != since.schedule:
        changed.append(f"another version of the schedule file ({since.schedule.version_id})")
    if since.base and before.base != since.base:
        changed.append(f"another base ({short_name(since.base)})")
    return changed


def _between(before: Release, since: Release) -> str:
    """The releases with one of which it may have come; empty if there is only one."""
    if before.number is None or since.number is None or since.number - before.number <= 1:
        return ""
    return f"one of v{before.number + 1} to v{since.number}"


def _went_live(release: Release, run: Run) -> str:
    began = run.created_at or run.scheduled_at
    if release.since is None or release.since > began:
        return ""
    return f", which went live {duration((began - release.since).total_seconds())} before"


def _good_runs(good: GoodRun) -> str:
    return "one good run" if good.runs == 1 else f"{good.runs} good runs"
