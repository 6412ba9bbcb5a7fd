"""Whether a release is why a job turned to failing: the run that failed against the last good one. Pure."""

from rota.ecs.arns import short_name
from rota.runs.model import GoodRun, Incident, Release, Run, Why
from rota.runs.words import duration

# What happens to any release.
_OF_AWS = {Why.SPOT, Why.HOST, Why.NETWORK, Why.CAPACITY, Why.STOPPED, Why.REFUSED, Why.DISABLED, Why.GONE}
_OF_AWS |= {Why.NO_TRACE, Why.AWAY}
_COMMIT = 12


def attribute(incident: Incident) -> str:
    """One or two sentences; empty where a release can have nothing to do with it, or nothing is known.

    Two runs are compared: image first, then the version of the schedule file, then the base. Where releases lie between
    them with which the job did not run, the range is named.
    """
    run, good = incident.first, incident.last_good
    if (run.reason and run.reason.why in _OF_AWS) or run.release is None or (good and good.release is None):
        return ""
    if good is None or good.release is None:
        return f"No good run of it is known; this one began with {named(run.release)}."
    before, since = good.release, run.release
    changed = _changed(before, since)
    if not changed:
        return f"It is not the release: {_good_runs(good)} on {named(since)} before."
    if len(changed) == 1 and before.digest == since.digest:
        return f"Same image as in {_good_runs(good)} before, but {changed[0]}."
    if between := _between(before, since):
        first = f"It did not run between {named(before)} and {named(since)}: the reason may have come with {between}"
    else:
        first = f"First failure since {named(since)}{_went_live(since, run)}"
    more = f" Changed with it: {' and '.join(changed)}." if len(changed) > 1 else ""
    return f"{first}; {_good_runs(good)} on {named(before)}.{more}"


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
    if before.base and since.base and before.base != since.base:
        changed.append(f"another base ({short_name(since.base)}, was {short_name(before.base)})")
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
