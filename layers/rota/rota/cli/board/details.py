"""The pages of a task, a run, a release and a deployment: what `rota explain`, `logs` and `plan` show of it."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rota.board import model
from rota.cli import releases, time_text
from rota.cli import table as items
from rota.cli.board import front
from rota.cli.board.blame import blame
from rota.cli.board.front import Clock
from rota.cli.exits import CommandError
from rota.cli.explain import deployment
from rota.cli.explain import task as explained_task
from rota.cli.explain.model import Explanation
from rota.cli.explain.text import because
from rota.cli.plan.changes import Jobs, commands_of, task_changes
from rota.cli.plan.text import words_of
from rota.cli.status import tasks
from rota.cli.table import Item
from rota.watch.wording import for_people

if TYPE_CHECKING:
    from rota.cli.frame import Account

_RUNS, _LINES, _DIFF_LINES = 60, 200, 400
_BAD, _WARN = ("cause", "failed", "incident"), ("by hand", "paused", "barred")
_MARKS: dict[str, Any] = {"create": "+", "update": "~", "image": "=", "remove": "-"}


def task(account: "Account", frame: model.Frame, name: str, clock: Clock) -> model.Detail | None:
    """The page of a task; None if there is none of that name."""
    facts = explained_task.TaskFacts(account, name)
    if not facts.is_known:
        return None
    found = explained_task.explain(facts, utc=clock.utc)
    last = tasks.run_of(facts.runs[0]) if facts.runs else None
    runs = account.table_of(account.stack).runs(name, _RUNS)
    writes = []
    if frame.writes:
        turn = ("Resume", "resume") if facts.paused else ("Pause", "pause")
        writes = [(words, f"/do/{do}/{quote(name, safe='')}") for words, do in (("Run now", "run"), turn)]
    return model.Detail(
        frame=frame,
        kind="task",
        name=name,
        tone="bad" if last and last.is_bad else "warn" if facts.paused else front.run_tone(last),
        headline=found.headline,
        facts=[*_facts(found)],
        why=[*_why(facts, clock)] if last and last.is_bad else [],
        advice=_advice(found),
        runs=[front.run(name, each, clock) for each in reversed(runs)],
        writes=writes,
    )


def run(account: "Account", frame: model.Frame, name: str, due: str, task_id: str, clock: Clock) -> model.Detail | None:
    """The page of one run; None if it is not known."""
    known = account.table_of(account.stack).runs(name, _RUNS)
    item = next((each for each in known if str(each["record"]).endswith(f"#{due}#{task_id}")), None)
    if item is None:
        return None
    of = tasks.run_of(item)
    lines, note = _log(account, item)
    reason: Mapping[str, Any] = item.get("reason") or {}
    took = f" after {time_text.duration(of.seconds)}" if of.seconds is not None else ""
    ended = "ended with " if of.status == "failed" and of.exit is not None else ""
    when = time_text.clock(of.at, clock.now, utc=clock.utc)
    return model.Detail(
        frame=frame,
        kind="run",
        parent=(name, front.task_href(name)),
        name=f"{name} {when}",
        tone=front.run_tone(of),
        headline=f"{name} of {when}: {ended}{front.run_words(of)}{took}",
        facts=[*_facts_of_run(item, clock)],
        advice=[str(reason["todo"])] if reason.get("todo") else [],
        log=[(f"{clock.local(each.at):%H:%M:%S}", each.message) for each in lines[-_LINES:]],
        log_note=note or (f"The last {_LINES} lines." if len(lines) > _LINES else ""),
    )


def release(account: "Account", frame: model.Frame, name: str, clock: Clock) -> model.Detail | None:
    """The page of a release, or of a deployment by its execution; None if there is none."""
    table = account.table_of(account.stack)
    present = table.present(0)
    try:
        entry = releases.find(table.deployments(), name, present.live)
    except CommandError:
        return _execution(account, frame, name, clock)
    found = deployment.explain_entry(account, entry, present.live, present.gates.get("bars", ()), utc=clock.utc)
    is_release, live = found.subject == "release", items.is_of_live(entry, present.live)
    bad = entry["outcome"] in ("failed", "restoring")
    changes, changes_note = _changes(account, entry)
    diff, diff_note = _diff(account, entry)
    can = frame.writes and is_release and not live and entry["outcome"] == "deployed"
    return model.Detail(
        frame=frame,
        kind="release" if is_release else "deployment",
        name=found.name or name,
        tone="good" if live else "bad" if bad else "plain",
        headline=for_people(found.headline),
        facts=[each for each in _facts(found) if each.what != "step"],
        advice=_advice(found),
        steps=[*_steps(entry)],
        changes=changes,
        changes_note=changes_note,
        diff=diff,
        diff_note=diff_note,
        writes=[(f"Roll back to {name}", f"/do/rollback/{name}")] if can else [],
    )


def _execution(account: "Account", frame: model.Frame, name: str, clock: Clock) -> model.Detail | None:
    """One that the ledger does not have yet, or never has."""
    states, arn = account.client("stepfunctions"), account.stack.execution(name)
    try:
        described = states.describe_execution(executionArn=arn)
    except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn):
        return None
    lease = account.table_of(account.stack).present(0).lease
    if lease.get("holder") == arn:
        found = deployment.explain_holder(account, lease, utc=clock.utc)
    else:
        found = deployment.explain_execution(described, utc=clock.utc)
    runs = described["status"] == "RUNNING"
    return model.Detail(
        frame=frame,
        kind="deployment",
        name=name,
        tone="busy" if runs else "plain",
        headline=found.headline,
        facts=[*_facts(found)],
        advice=_advice(found),
        writes=[("Stop it", f"/do/stop/{quote(name, safe='')}")] if frame.writes and runs else [],
    )


def _advice(found: Explanation) -> list[str]:
    return [f"{each[0].upper()}{each[1:]}" for each in found.advice]


def _why(facts: explained_task.TaskFacts, clock: Clock) -> Iterator[str]:
    """How the last run ended, and whether a release is to blame."""
    yield f"The last run: {front.run(facts.task, facts.runs[0], clock).words}."
    if said := blame({facts.task: facts.job or {}}).get(facts.task):
        yield f"{said.rstrip('.')}."


def _facts(found: Explanation) -> Iterator[model.Fact]:
    for link in found.chain:
        tone: model.Tone = "bad" if link.what in _BAD else "warn" if link.what in _WARN else "plain"
        yield model.Fact(link.what, link.name, because(link), tone)


def _facts_of_run(item: Item, clock: Clock) -> Iterator[model.Fact]:
    for link in explained_task.links_of_last_run(item, clock.now, utc=clock.utc):
        yield model.Fact(link.what.replace("last run", "run"), link.name, link.because)
    for words, attribute in (
        ("due", "scheduled_at"),
        ("created", "created_at"),
        ("started", "started_at"),
        ("ended", "ended_at"),
    ):
        if at := items.at(item, attribute):
            yield model.Fact(words, "", time_text.whole(at, utc=clock.utc))
    yield model.Fact("started by", "", str(item.get("trigger", "schedule")).replace("_", " "))
    made = item.get("release") or {}
    if number := items.version(made.get("number")):
        yield model.Fact("release", number, str(made.get("tag") or made.get("digest", ""))[:19])
    if item.get("revision"):
        yield model.Fact("revision", "", str(item["revision"]).rpartition("/")[2])
    if item.get("task_arn"):
        yield model.Fact("task", "", str(item["task_arn"]).rpartition("/")[2])


def _log(account: "Account", item: Item) -> "tuple[list[Any], str]":
    """The lines of its log, and why there are none."""
    from botocore.exceptions import ClientError

    from rota.cli.aws_errors import denial, is_denied
    from rota.cli.live_schedules import Schedules
    from rota.cli.logs.task_log import TaskLog, secrets_of_runs

    if not item.get("task_arn"):
        return [], "No task was started for it, so it has no log."
    try:
        schedule = Schedules(account, account.stack).read(item["task"])
        secrets = secrets_of_runs(account, [item["task_arn"]], schedule)
        log = TaskLog(account, item["task_arn"], item["revision"], secrets)
        lines = log.news()
    except ClientError as error:
        if is_denied(error):
            return [], f"It is not to be seen: {denial(error)} is denied."
        return [], f"It is not to be seen: {error.response['Error'].get('Message', '')}"
    return lines, log.note(lines)


def _steps(entry: Item) -> Iterator[model.Step]:
    record = entry.get("deployment") or {}
    seconds, failed = record.get("seconds") or {}, record.get("failed_step")
    for step, _ in sorted((record.get("entered") or {}).items(), key=lambda each: str(each[1])):
        took = time_text.duration(float(seconds[step])) if step in seconds else ""
        yield model.Step(step, "failed" if step == failed else "done", took)


def _changes(account: "Account", entry: Item) -> tuple[Sequence[model.Change] | None, str]:
    """What its plan changed, and why that is not to be seen."""
    record = entry.get("deployment") or {}
    if not (record.get("plan") and record.get("snapshot")):
        return None, "" if record.get("nothing_to_do") else "It stored no plan."
    stored = [_stored(account, record[name]) for name in ("plan", "snapshot")]
    if missing := next((each for each in stored if isinstance(each, str)), None):
        return None, f"Its plan is {missing}."
    plan, snapshot = (json.loads(each[0]) for each in stored)
    found = task_changes(plan, snapshot, account.stack.rule_prefix, Jobs(), Jobs(commands_of(plan)))
    changes = [
        model.Change(
            _MARKS[each.change],
            each.task,
            words_of(each, other_image=True),
            [
                (name, old or "none", new or "none")
                for name, (old, new) in each.fields.items()
                if each.change == "update"
            ],
        )
        for each in found
    ]
    order = "+~=-"
    kept = f"{plan['kept']} unchanged. " if plan.get("kept") else ""
    rolls = "The service rolled." if plan.get("roll") else "The service stayed as it was."
    return sorted(changes, key=lambda each: order.index(each.mark)), f"{kept}{rolls}"


def _diff(account: "Account", entry: Item) -> tuple[Sequence[str], str]:
    """How its schedule file differs from that of the release before, and what is to be said of that."""
    key, version = entry.get("schedule_key"), entry.get("schedule_version")
    if not key or entry["outcome"] != "deployed":
        return [], ""
    older = (
        each
        for each in account.table_of(account.stack).deployments()
        if each["outcome"] == "deployed"
        and each["started_at"] < entry["started_at"]
        and each.get("schedule_key") == key
    )
    before = next(older, None)
    if before is None:
        return [], f"{key}, version {version}: the first that the history knows."
    if before.get("schedule_version") == version:
        return [], f"{key} is as in the release before."
    texts = [
        _stored(account, {"key": key, "version_id": str(each)}) for each in (before.get("schedule_version"), version)
    ]
    if missing := next((each for each in texts if isinstance(each, str)), None):
        return [], f"{key} is {missing}."
    old, new = (str(each[0]).splitlines() for each in texts)
    lines = [*difflib.unified_diff(old, new, lineterm="", n=2)][2:]  # without the names of two files
    return lines[:_DIFF_LINES], f"{key} against the release before:"


def _stored(account: "Account", stored: Mapping[str, str]) -> tuple[str, datetime] | str:
    found = explained_task.stored_file(account, account.stack, stored["key"], stored["version_id"])
    return found or "not in the bucket any more"
