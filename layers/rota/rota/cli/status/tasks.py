"""The status of a task: its rule, its job and its last runs together. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rota.cli import table as items
from rota.cli.live_schedules import noun
from rota.cli.status.model import GONE, LastRun, Pause, Task
from rota.cli.table import Item
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import in_words, next_runs, written
from rota.schedule_file.when import When, when_of_aws

_MARKS = {"ok": ".", "failed": "x", "not_started": "!", "missed": "-", "unknown": "?", "starting": ">", "running": ">"}
_MARKS |= {"skipped": "/", "replaced": "/"}


def is_wanted(job: Item) -> bool:
    """Whether the schedule file has the task, enabled: its job's newest span is open."""
    spans: list[Item] = job.get("spans", [])
    return bool(spans) and not spans[-1].get("until")


def status(
    name: str,
    rule: Mapping[str, Any] | None,
    job: Item | None,
    runs: Sequence[Item],
    paused: Pause | None,
    now: datetime,
    *,
    compared: bool,
    live: Item | None = None,
    deployments: Iterable[Item] = (),
    foreign: bool = False,
) -> Task:
    """Rule and job may be missing: of a job that left the file at once there are only runs, and no schedule. `runs` are
    the newest first; `compared`: the job is as the live release has it; `live` and `deployments` as `run_of` has them.
    """
    spans = (job or {}).get("spans")
    when = when_of_aws(rule) if rule else _when(spans[-1]) if spans else None
    enabled = rule is not None and rule["State"] != "DISABLED"
    last = run_of(runs[0], live, deployments) if runs else None
    rate = None if when is None or when.start else period_of(when.expression)
    following = None
    if when and enabled:
        anchor = last.at if rate and last else now
        following = next(
            iter(at for at in next_runs(when, max(anchor, now - rate) if rate else now, 2) if at > now), None
        )
    shown, drift = [*reversed(runs)], [*_drift(rule, job, paused, now)] if compared else []
    return Task(
        task=name,
        schedule=when.expression if when else "",
        timezone=when.timezone if when else "",
        in_words=in_words(when.from_now_on(now)) if when else "",
        enabled=enabled,
        paused=paused,
        last=last,
        strip="".join(_MARKS.get(each["status"], "?") for each in shown),
        exits=[_number(each.get("exit_code")) for each in shown],
        bad_runs=int((job or {}).get("bad_runs", 0)),
        next=following,
        exact=rate is None,
        owner=(job or {}).get("owner", ""),
        drift=drift,
        why=_why(job or {}, [run_of(each) for each in runs]),
        foreign=foreign,
        removed=rule is None and GONE not in drift,
    )


def _why(job: Item, runs: Sequence[LastRun]) -> str:
    """Why the newest bad run was bad, if nothing ran well since. What a person starts changes nothing of that."""
    incident = job.get("incident") or {}
    is_open = job.get("bad_runs") or (incident and not incident.get("recovered"))
    if not is_open and not (runs and runs[0].is_bad):
        return ""
    of_incident = ((incident.get("last") or {}).get("reason") or {}).get("words", "")
    return next((each.reason for each in runs if each.is_bad), of_incident)


def _when(span: Item) -> When:
    """The schedule of a job, as its newest span has it."""
    start, end = items.at(span, "start"), items.at(span, "end")
    return When(span["expression"], span.get("timezone", "UTC"), start, end, int(span.get("window", 0)))


def _drift(rule: Mapping[str, Any] | None, job: Item | None, paused: Pause | None, now: datetime) -> Iterator[str]:
    """What a person changed by hand, as far as the rule alone shows it."""
    if job is None or not is_wanted(job):
        return
    if rule is None:
        yield GONE
        return
    its = f"its {noun(rule)}"
    if rule["State"] == "DISABLED" and not paused:
        yield f"{its} is disabled, and the schedule file has it enabled"
    found, wanted = when_of_aws(rule), _when(job["spans"][-1])
    if _comparable(found, now) != _comparable(wanted, now):
        yield f"{its} has {written(found)}, and the schedule file {written(wanted)}"


def _comparable(when: When, now: datetime) -> When:
    """What is to be as the file has it. AWS takes no start that is past, so that a rate has a later one then."""
    return when._replace(start=None) if period_of(when.expression) else when.from_now_on(now)


def run_of(run: Item, live: Item | None = None, deployments: Iterable[Item] = ()) -> LastRun:
    """A run, by its item in the table. Sweep may have learnt of its release only after it was recorded: what is `live`,
    and the `deployments` that have ended, the newest first, know it.
    """
    due = items.at(run, "scheduled_at")
    if due is None:
        raise ValueError(f"{run.get('record')} has no time")
    return LastRun(
        at=due,
        status=run["status"],
        exit=_number(run.get("exit_code")),
        seconds=float(run["seconds"]) if run.get("seconds") is not None else None,
        release=items.version(_release_of(run, live, deployments)),
        reason=(run.get("reason") or {}).get("words", ""),
        trigger=run.get("trigger", "schedule"),
    )


def _release_of(run: Item, live: Item | None, deployments: Iterable[Item]) -> Any:
    """The number of the newest release of the run's image that was live when it began; else what was recorded, or the
    first that went live later: a job runs an image before its deployment ends. None if none is known.
    """
    began, recorded = items.at(run, "created_at"), run.get("release") or {}
    found = [(live["number"], items.at(live, "live_since"), live["live_digest"])] if live else []
    found += [
        (each["release"], items.at(each, "finished_at"), each.get("digest"))
        for each in deployments
        if each.get("release")
    ]
    alike = [(number, since) for number, since, digest in found if since and digest == recorded.get("digest")]
    if not began:
        return recorded.get("number")
    before = next((number for number, since in alike if since <= began), None)
    return before or recorded.get("number") or next((number for number, _ in reversed(alike)), None)


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
