"""Why a release, a deployment or an execution is as it is."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rota.cli import table as items
from rota.cli import time_text
from rota.cli.ecs_tasks import short
from rota.cli.execution import ACTS, restored_by
from rota.cli.exits import Acts
from rota.cli.explain.model import Explanation, Link
from rota.cli.one_offs import KINDS, one_off_of_record
from rota.cli.status.gather import origin
from rota.cli.table import Item

if TYPE_CHECKING:
    from rota.cli.frame import Account

_WHO: dict[Acts, str] = {"author": "the schedule file's author", "operator": "the operator"}
_OF_THE_ROLLOUT = ("RollService", "CheckService")
_CHANGES_NOTHING = ("TakeTurn", "RunBefore", "CheckService", "RunAfter", "RestoreDeployment")
_WELL = ("deployed", "nothing to do", "done")


def explain_entry(
    account: "Account", entry: Item, live: Item | None, bars: Iterable[Item], *, utc: bool
) -> Explanation:
    """A deployment of the ledger; `bars` are those that are in force."""
    name = items.version(entry.get("release"))
    image = " ".join(filter(None, (entry.get("tag"), str(entry.get("digest", ""))[:19])))
    named = f"{name} = {image}" if name else image or who(entry)
    bar = next((each for each in bars if each["digest"] == entry.get("digest")), None)
    state = ", and it is live" if items.is_of_live(entry, live) else ", and its image is barred" if bar else ""
    chain = [*_chain(entry, utc=utc), *([link_of_bar(bar)] if bar else [])]
    advice = [*_advice(account, entry)]
    if bar:
        advice.append(f"lift what is barred, so that a push deploys it: rota resume --barred{account.options}")
    headline = f"{named}: {entry['outcome']}{state}"
    return Explanation("release" if name else "deployment", name or image, headline, chain, advice)


def link_of_bar(bar: Item) -> Link:
    """Who barred an image, and why. Pure."""
    by = f"by {bar['by']}" if bar.get("by") else ""
    said = f': "{bar["reason"]}"' if bar.get("reason") else ""
    return Link("barred", by, f"a rollback left it, and no push of it deploys{said}")


def explain_execution(described: Mapping[str, Any], *, utc: bool) -> Explanation:
    """An execution that the ledger does not have: it runs, was a dry run, was ignored, restored another one."""
    name = described["name"]
    event, restored = json.loads(described.get("input", "null")), restored_by(described)
    what = f"it restores {restored.rpartition(':')[2]}" if restored else "it deploys an image"
    if isinstance(event, dict) and event.get("dry_run"):
        what = "a dry run, which changes nothing"
    chain = [
        Link("input", what, json.dumps(event)[:400]),
        Link("begun", time_text.whole(described["startDate"], utc=utc), ""),
    ]
    output = json.loads(described.get("output") or "{}")
    turn = output.get("turn") if isinstance(output, dict) else None
    if turn:
        chain.append(Link("TakeTurn", turn["decision"], turn["reason"]))
    if plan := (output.get("plan") if isinstance(output, dict) else None):
        chain.append(Link("plan", "planned", plan["summary"]))
    if described.get("cause"):
        chain.append(Link("cause", described.get("error", ""), described["cause"]))
    advice = (
        [f"watch it: rota deploy --watch {name}", f"stop it: rota restore {name}"]
        if described["status"] == "RUNNING"
        else []
    )
    return Explanation("execution", name, f"{name} is {described['status']}", chain, advice)


def explain_holder(account: "Account", lease: Item, *, utc: bool) -> Explanation:
    """The deployment that holds the lease: what it does, and what it has done."""
    states = account.client("stepfunctions")
    described = states.describe_execution(executionArn=lease["holder"])
    record = items.record_of_holder(lease)
    explained = explain_execution(described, utc=utc)
    chain = [*explained.chain, *_record_links(record)]
    phase = record.get("phase") or "planning"
    headline = f"{explained.name} holds the lease; its execution is {described['status']}, its phase {phase}"
    return Explanation("execution", explained.name, headline, chain, explained.advice)


def who(entry: Item) -> str:
    """`image by user/ana`, of an entry of the ledger."""
    how = origin(entry)
    kind, by = how["kind"] or "by hand", how["by"]
    return f"{kind} by {by}" if by else str(kind)


def _chain(entry: Item, *, utc: bool) -> Iterator[Link]:
    started, finished = (items.at(entry, name) for name in ("started_at", "finished_at"))
    yield Link("begun", time_text.whole(started, utc=utc) if started else "", who(entry))
    if reason := origin(entry)["reason"]:
        yield Link("reason", "", reason)
    if entry.get("schedule_key"):
        tasks = (entry.get("deployment") or {}).get("tasks")
        count = f"{tasks} tasks; " if tasks is not None else ""
        yield Link("schedule file", entry["schedule_key"], f"{count}version {entry.get('schedule_version')}")
    if entry.get("summary"):
        yield Link("plan" if entry.get("digest") else "what", "", entry["summary"])
    yield from _record_links(entry.get("deployment") or {}, with_cause=not entry.get("cause"))
    if entry.get("durations"):
        yield Link(
            "took",
            time_text.duration((finished - started).total_seconds()) if started and finished else "",
            entry["durations"],
        )
    if entry.get("cause"):
        yield Link("cause", "", entry["cause"])
    if entry["outcome"] not in _WELL:
        yield Link("now", entry["outcome"], _became(entry))
    yield Link("execution", entry["execution"].rpartition(":")[2], "its steps are in Step Functions for 90 days")


def _record_links(record: Mapping[str, Any], *, with_cause: bool = True) -> Iterator[Link]:
    """How far it has come, and its error; `with_cause`: in full, because nothing else of the entry has its text."""
    entered = sorted((record.get("entered") or {}).items(), key=lambda each: str(each[1]))
    seconds = record.get("seconds") or {}
    for step, at in entered:
        worked = f"worked {time_text.duration(float(seconds[step]))}" if step in seconds else ""
        yield Link(
            "step",
            step,
            f"entered {datetime.fromisoformat(at).astimezone(UTC):%H:%M:%S} UTC{f', {worked}' if worked else ''}",
        )
    for kind in KINDS:
        if run := one_off_of_record(record, kind):
            ended = f"ended with exit code {run.exit}" if run.exit is not None else "did not run to its end"
            became = ended if run.finished else "its end is not recorded"
            yield Link(kind, f"task {short(run.task_arn)}", f"{became}; its log: rota logs {kind}")
    error = record.get("error")
    if error:
        step = record.get("failed_step")
        cause = error.get("Cause", "") if with_cause else ""
        yield Link("failed", step or "", f"{error['Error']}: {cause}".strip(": "))


def _became(entry: Item) -> str:
    if entry["outcome"] == "restoring":
        return "it is being restored, or its restore was given up: schedules or the service may be half new"
    record = entry.get("deployment") or {}
    begun = [step for step in (record.get("entered") or {}) if step not in _CHANGES_NOTHING]
    words = f"everything that {', '.join(begun)} changed is as before" if begun else "nothing had been changed"
    return f"{words}; what the migration did stays" if one_off_of_record(record, "before") else words


def _advice(account: "Account", entry: Item) -> Iterator[str]:
    name = entry["execution"].rpartition(":")[2]
    options = account.options
    if entry["outcome"] == "restoring":
        yield f"a person acts now: rota restore {name}{options}"
    elif entry["outcome"] in ("failed", "aborted"):
        error = ((entry.get("deployment") or {}).get("error") or {}).get("Error", "")
        if error == "TaskFailedError":
            yield "the app's developers act: do what the cause says"
        elif error in ACTS:
            yield f"{_WHO[ACTS[error]]} acts: do what the cause says"
        if (entry.get("deployment") or {}).get("failed_step") in _OF_THE_ROLLOUT:
            yield f"what the service's tasks have logged: rota logs --service --since 1h{options}"
        then = "then push again, or the same image" if error == "TaskFailedError" else "then"
        yield f"{then} once more: rota deploy --again {name}{options}"
    elif entry["outcome"] == "overtaken":
        yield "a newer push was deployed instead: rota history"
