"""`rota status` for people. Pure."""

from collections.abc import Iterator
from datetime import datetime

import click

from rota.cli import time_text
from rota.cli.columns import Cell, Row, beginning, folded, packed, table
from rota.cli.status.model import (
    BY_HAND,
    GONE,
    AllStatus,
    Hold,
    LastRun,
    Pause,
    Pending,
    PendingSchedule,
    Release,
    StackStatus,
    Status,
    Task,
)

_SHORT = len("sha256:") + 8
_WORDS = {"ok": "ok", "not_started": "did not start", "missed": "missed", "unknown": "unknown", "starting": "starts"}
_WORDS |= {"skipped": "skipped", "replaced": "replaced"}


def lines(app: str, status: Status, now: datetime, width: int, *, utc: bool) -> Iterator[str]:
    """One screen: what is live, what deploys, what is held, and a row for each task."""
    first, *others = packed([app, *_facts(status, now)], width)
    yield from [first.replace(app, click.style(app, bold=True), 1), *others]
    yield from _trouble(status, now, width, utc=utc)
    if not status.tasks:
        if status.release or status.deploying:
            yield "No schedule has the app's prefix."
        else:
            yield "Push an image, or: rota deploy --image TAG. The jobs are listed once it is live."
        return
    yield ""
    titles = ["task", "last runs", "last", "next"]
    rows = [_row(task, now, utc=utc) for task in status.tasks]
    if not status.watched:
        titles, rows = (
            ["task", "when", "next"],
            [[task.task, task.in_words, _next(task, now, utc=utc)] for task in status.tasks],
        )
    yield from table(titles, rows, width)
    for task in status.tasks:
        if task.why:
            which = "the last scheduled run: " if task.last and task.last.trigger == BY_HAND else ""
            yield from _folded(f"{task.task}: {which}{task.why}   rota explain {task.task}", width, "red")
        if task.foreign:
            words = "its rule has the app's prefix and is not the app's; to hand it over: rota import --tag"
            yield from _folded(f"{task.task}: {words}", width, "yellow")
        for drift in task.drift:
            yield from _folded(f"{task.task}: {drift}", width, "yellow")


def all_lines(every: AllStatus, width: int) -> Iterator[str]:
    """A row for each stack."""
    titles = ["stack", "app", "live", "tasks run", "deploys", "jobs that fail"]
    yield from table(titles, [_stack_row(each) for each in every.stacks], width)


def short(digest: str | None) -> str:
    """The digest with its first eight digits."""
    return (digest or "")[:_SHORT]


def how(kind: str | None, by: str, reason: str) -> str:
    """`image by ana "the new prices"`."""
    return " ".join(filter(None, (kind, by and f"by {by}", reason and f'"{reason}"')))


def whose(each: Hold | Pause, now: datetime, *, utc: bool) -> str:
    """` by ana until 18:00: "it mails twice"`."""
    until = f" until {time_text.clock(each.until, now, utc=utc)}" if each.until else ""
    return f"{_who(each.by)}{until}{_why(each.reason)}"


def _stack_row(stack: StackStatus) -> Row:
    live = " ".join(filter(None, (stack.release, stack.tag))) or "nothing yet"
    running = "-" if stack.running is None else f"{stack.running} of {stack.desired}"
    deploys = Cell("HALF DONE", "red", bold=True) if stack.half_done else "yes" if stack.deploying else "no"
    failing = Cell(", ".join(stack.failing), "red") if stack.failing else "none"
    return [stack.stack, stack.app, live, running, deploys, failing]


def _facts(status: Status, now: datetime) -> Iterator[str]:
    yield _live(status.release, now) if status.release else "nothing is live yet"
    if status.service:
        tasks = f"{status.service.running} of {status.service.desired} tasks run"
        yield tasks
    else:
        yield "THE SERVICE IS GONE"
    if not status.deploying:
        yield "nothing deploys"


def _live(release: Release, now: datetime) -> str:
    names = " ".join(filter(None, (release.release, release.tag and f"tag {release.tag}", short(release.digest))))
    since = f"live for {time_text.duration((now - release.since).total_seconds())}" if release.since else "live"
    words = how(release.kind, release.by, release.reason)
    return f"{names}   {since}{f', {words}' if words else ''}"


def _trouble(status: Status, now: datetime, width: int, *, utc: bool) -> Iterator[str]:
    deploying, last = status.deploying, status.last_deployment
    if deploying and deploying.half_done:
        name = deploying.execution.rpartition(":")[2]
        yield from _folded(
            f"HALF DONE: {name} failed and could not be restored. A person acts now: rota restore {name}", width, "red"
        )
    elif deploying:
        names = ("deploying", deploying.tag or short(deploying.digest))
        what = deploying.phase if deploying.status == "RUNNING" else f"its execution is {deploying.status}"
        waits = "; a newer push waits" if deploying.newer_waits else ""
        yield from _folded(
            f"{' '.join(filter(None, names))} for {time_text.duration(deploying.seconds)}: {what}{waits}", width, "cyan"
        )
    if last and last.outcome in ("failed", "aborted") and not deploying:
        when = f" {time_text.ago(last.finished_at, now)}" if last.finished_at else ""
        cause = f": {beginning(last.cause)}" if last.cause else ""
        text = f"the last deployment{f', of {last.tag},' if last.tag else ''} {_ended(last.outcome)}{when}{cause}"
        yield from _folded(f"{text}   rota explain", width, "yellow")
    if hold := status.hold:
        yield from _folded(f"deployments are held{whose(hold, now, utc=utc)}", width, "yellow")
    if status.pending:
        yield from _folded(_waits(status.pending, status.hold, now, utc=utc), width, "yellow")
    if status.pending_schedule:
        behind = status.pending and status.pending.approve_until
        words = _waits(status.pending_schedule, status.hold, now, behind=bool(behind), utc=utc)
        yield from _folded(words, width, "yellow")
    for bar in status.barred:
        yield from _folded(f"barred: {bar.tag or short(bar.digest)}{_who(bar.by)}{_why(bar.reason)}", width, "yellow")
    if status.barred:
        yield from _folded("no push of a barred image deploys. To lift that: rota resume --barred", width, "yellow")


def _waits(
    pending: Pending | PendingSchedule, hold: Hold | None, now: datetime, *, behind: bool = False, utc: bool
) -> str:
    """For what the newest push or change of the schedule file waits, and what to type. `behind`: a push waits for an
    approval.
    """
    what, image, deploy = "the change of the schedule file", "", "rota deploy --schedule FILE"
    if isinstance(pending, Pending):
        image = pending.tag or short(pending.digest)
        what, deploy = f"the push of {image}", f"rota deploy --image {image}"
    words = "is started within minutes"
    if pending.approve_until:
        until = time_text.clock(pending.approve_until, now, utc=utc)
        plan = f"rota plan --image {image}" if image else "rota plan"
        words = (
            f"waits for an approval until {until}: {pending.summary}. Look at it: {plan}. Then rota approve "
            f"{pending.changes} --reason ..., or rota reject likewise"
        )
    elif hold:
        words = "waits for the hold to end: rota resume --deployments"
    elif pending.opens:
        opens = time_text.clock(pending.opens, now, utc=utc)
        words = f"waits for the deployment window, {opens}. To deploy it now: {deploy} --now"
    elif isinstance(pending, PendingSchedule) and pending.due and pending.due > now:
        words = f"is started at {time_text.clock(pending.due, now, utc=utc)}, unless an image is deployed before"
    elif behind and isinstance(pending, PendingSchedule) and pending.due:
        words = "waits for the push, which may be approved or rejected"
    return f"{what} {words}"


def _ended(outcome: str) -> str:
    return "failed" if outcome == "failed" else "was aborted"


def _row(task: Task, now: datetime, *, utc: bool) -> Row:
    bad = task.last is not None and task.last.is_bad
    return [
        task.task,
        Cell(task.strip, "red" if bad else None),
        Cell(_last(task.last, now, utc=utc) if task.last else "no run yet", "red" if bad else None),
        _next(task, now, utc=utc),
    ]


def _last(last: LastRun, now: datetime, *, utc: bool) -> str:
    when = time_text.clock(last.at, now, utc=utc)
    if last.status == "running":
        return f"{when} runs"
    how = _WORDS.get(last.status) or (f"exit {last.exit}" if last.exit is not None else "failed")
    took = f", {time_text.duration(last.seconds)}" if last.seconds is not None else ""
    return f"{when} {how}{took}{', by hand' if last.trigger == BY_HAND else ''}"


def _next(task: Task, now: datetime, *, utc: bool) -> str:
    if task.paused:
        return f"paused{whose(task.paused, now, utc=utc)}"
    if not task.enabled:
        return why_off(task)
    if task.next is None:
        return "never again"
    hour = 3600
    soon = (task.next - now).total_seconds() < hour
    when = time_text.ahead(task.next, now) if soon else time_text.clock(task.next, now, utc=utc)
    if not soon and task.timezone != "UTC":
        from rota.schedule_file import zones

        when += f" ({task.next.astimezone(zones.zone(task.timezone)):%H:%M} {task.timezone})"
    return when if task.exact else f"about {when}"


def why_off(task: Task) -> str:
    """Why a task that is not enabled has no next run."""
    return "removed" if task.removed else "no schedule" if GONE in task.drift else "disabled"


def _who(by: str) -> str:
    return f" by {by}" if by else ""


def _why(reason: str) -> str:
    return f': "{reason}"' if reason else ""


def _folded(text: str, width: int, colour: str) -> Iterator[str]:
    for line in folded(text, width):
        yield click.style(line, fg=colour)
