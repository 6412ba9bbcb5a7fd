"""The one screen: what `rota status`, `rota history` and `rota next` know, in the board's words. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from typing import Any
from urllib.parse import quote

from rota.board import model
from rota.board.drawing import SLOTS, spans
from rota.cli import time_text
from rota.cli.check.model import Finding
from rota.cli.columns import beginning
from rota.cli.history.model import Deployment
from rota.cli.status import tasks
from rota.cli.status.gather import Gathered
from rota.cli.status.model import BY_HAND, Deploying, Ended, LastRun, Pending, PendingSchedule, Status, Task
from rota.cli.status.text import short, whose, why_off
from rota.cli.table import Item
from rota.schedule_file.expression import period_of
from rota.schedule_file.next_runs import runs_after
from rota.schedule_file.when import When
from rota.watch.wording import for_people

_UPCOMING = 3
_MOST_TIMES = 2_500
_WEEK = 168
_TONES: dict[str, model.Tone] = {"failed": "bad", "refused": "warn", "restoring": "bad", "aborted": "warn"}
_BAD_WORDS = {"not_started": "did not start", "missed": "missed"}


@dataclass(frozen=True)
class Clock:
    """The time now, and whether times are shown in UTC; if not, in the zone of this machine."""

    now: datetime
    utc: bool

    @property
    def zone(self) -> str:
        return "UTC" if self.utc else str(self.now.astimezone().tzname())

    def local(self, at: datetime) -> datetime:
        return at.astimezone(UTC) if self.utc else at.astimezone()

    def moment(self, at: datetime, words: str) -> model.Moment:
        at = at.astimezone(UTC)
        exact = time_text.whole(at, utc=self.utc)
        return model.Moment(at, words, exact if self.utc else f"{exact}, {time_text.whole(at, utc=True)}")

    def past(self, at: datetime) -> model.Moment:
        return self.moment(at, time_text.ago(at, self.now))

    def clock(self, at: datetime) -> model.Moment:
        return self.moment(at, time_text.clock(at, self.now, utc=self.utc))

    def coming(self, at: datetime) -> model.Moment:
        """Soon: in how long; else at what time."""
        soon = at - self.now < timedelta(hours=1)
        return self.moment(at, time_text.ahead(at, self.now) if soon else time_text.clock(at, self.now, utc=self.utc))


def axis(clock: Clock, hours: int) -> model.Axis:
    """So many hours to each side of now, with a tick for each quarter of a day, or each day."""
    now, half = clock.now, timedelta(hours=hours)
    day = clock.local(now - half).replace(hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(days=1) if hours >= _WEEK else timedelta(hours=6)
    ticks = []
    while (day := day + step) < now + half:
        if half / 5 < abs(day - now) < half * 0.88:
            ticks.append((day, f"{day:%a}" if step.days else f"{day:%H:%M}"))
    moment = clock.moment(now, f"{clock.local(now):%H:%M} {clock.zone}")
    return model.Axis(hours, now - half, now, now + half, tuple(ticks), moment)


def front(
    frame: model.Frame,
    gathered: Gathered,
    deployments: Sequence[Deployment],
    deploying: model.Deploying | None,
    clock: Clock,
    hours: int,
    *,
    more: bool,
    blame: Mapping[str, str],
    health: Sequence[Finding] = (),
) -> model.Front:
    """The page. `deployments` are those that have ended, the newest first, and `more` whether there are older ones;
    `blame` says by task whether a release is why it fails; `health` what is wrong with queues and alarms.
    """
    status, shown = gathered.status, axis(clock, hours)
    troubles = [*_troubles(status, gathered, clock, frame.options, blame), *_todos_of_health(health, frame.options)]
    rows = [_row(task, gathered.runs.get(task.task, ()), shown, clock) for task in status.tasks]
    rows.sort(key=lambda row: (row.tone != "bad", row.name.lower()))
    gates = [*_gates(status, clock, frame.options)]
    tone, headline = _headline(status, troubles)
    live = status.release
    return model.Front(
        frame=frame,
        tone=tone,
        headline=headline,
        release=(live.release or "") if live else "",
        image=(live.tag or short(live.digest)) if live else "",
        live=_live(status, clock),
        live_href=f"/r/{live.release}" if live and live.release else "",
        service=_service(status),
        service_tone=_service_tone(status),
        gates=gates,
        deploying=deploying,
        idle=_idle(status, deployments, clock),
        upcoming=[*_upcoming(status.tasks, clock)],
        axis=shown,
        tasks=rows,
        releases=[*_releases(deployments, clock)],
        more_releases=more,
        troubles=troubles,
        notes=[] if status.watched else ["Runs are not watched: the stack's parameter WatchRuns is false."],
        held=status.hold is not None,
    )


def task_href(name: str) -> str:
    """The page of a task."""
    return f"/t/{quote(name, safe='')}"


def run_href(task: str, item: Item) -> str:
    """The page of a run."""
    _, _, due, task_id = str(item["record"]).split("#")
    return f"{task_href(task)}/{due}/{task_id}"


def run(task: str, item: Item, clock: Clock) -> model.Run:
    """A run, by its item in the table, for a picture, with its page."""
    found = tasks.run_of(item)
    took = f", {time_text.duration(found.seconds)}" if found.seconds is not None else ""
    why = f": {found.reason}" if found.reason else ""
    words = f"{time_text.clock(found.at, clock.now, utc=clock.utc)} {run_words(found)}{took}{why}"
    return model.Run(found.at, found.status, found.seconds, words, run_href(task, item))


def _in_a_row(task: str, item: Item, clock: Clock) -> model.Run:
    """The same among many: only what is not ok is said."""
    if item["status"] != "ok":
        return run(task, item, clock)
    seconds = float(item["seconds"]) if item.get("seconds") is not None else None
    return model.Run(datetime.fromisoformat(item["scheduled_at"]), "ok", seconds, "", "")


def run_words(last: LastRun) -> str:
    """`exit 1`, `did not start`, `ok`."""
    if last.status == "failed":
        return f"exit {last.exit}" if last.exit is not None else "failed"
    return _BAD_WORDS.get(last.status) or {"running": "runs", "starting": "starts"}.get(last.status, last.status)


def run_tone(last: LastRun | None) -> model.Tone:
    """What a person runs says nothing of how the job does, and is shown as it was."""
    if last is None:
        return "plain"
    if last.status in ("failed", "not_started", "missed"):
        return "bad"
    return {"ok": "good", "running": "busy", "starting": "busy"}.get(last.status, "plain")  # type: ignore[return-value]


def release_rows(deployments: Sequence[Deployment], clock: Clock) -> list[model.Release]:
    """A row for each deployment."""
    return [*_releases(deployments, clock)]


def _headline(status: Status, troubles: Sequence[model.Todo]) -> tuple[model.Tone, str]:
    return next(_how_it_is(status, troubles))


def _how_it_is(status: Status, troubles: Sequence[model.Todo]) -> Iterator[tuple[model.Tone, str]]:
    """What there is to say of all together, the gravest first."""
    failing, deploying, last = [task for task in status.tasks if _fails(task)], status.deploying, status.last_deployment
    if status.half_done:
        yield "bad", "A deployment is half done: a person acts now"
    if status.service is None:
        yield "bad", "The service is gone"
    if deploying:
        also = f"; {_jobs(failing)}" if failing else ""
        yield ("bad" if failing else "busy"), f"{doing(deploying)}{also}"
    if failing:
        yield "bad", _jobs(failing)
    if last and last.outcome in _TONES:
        named = last.tag or short(last.digest)
        how = "was aborted" if last.outcome == "aborted" else "failed"
        live = "; service and schedules are as before" if status.release else ""
        yield "bad", f"The deployment {f'of {named} ' if named else ''}{how}{live}"
    if status.release is None:
        yield "plain", "Nothing is live yet"
    if troubles:
        yield "warn", troubles[0].title
    if status.pending and status.pending.approve_until:
        yield "warn", f"{status.pending.tag or short(status.pending.digest)} waits for an approval"
    if status.hold:
        yield "warn", "Deployments are held"
    yield "good", "Everything is as it should be"


def _jobs(failing: Sequence[Task]) -> str:
    if len(failing) == 1:
        verb = {"not_started": "does not start", "missed": "is missed"}.get(_bad(failing[0]), "fails")
        return f"{failing[0].task} {verb}"
    return f"{len(failing)} tasks fail"


def _fails(task: Task) -> bool:
    return bool(task.bad_runs or (task.last and task.last.is_bad))


def _bad(task: Task) -> str:
    return task.last.status if task.last and task.last.is_bad else ""


def _live(status: Status, clock: Clock) -> str:
    live = status.release
    if live is None:
        return ""
    lasts = f"for {time_text.duration((clock.now - live.since).total_seconds())}" if live.since else ""
    said = how(live.kind, live.by)
    why = f" “{live.reason}”" if live.reason else ""
    return ", ".join(filter(None, (lasts, said))) + why


def how(kind: str | None, by: str) -> str:
    """`pushed`, `rollback by ana`."""
    words = {"push": "pushed", "again": "deployed again", "image": "deployed", "schedule": "new schedule file"}
    said = words.get(kind or "", kind or "")
    return " ".join(filter(None, (said, by and f"by {_person(by)}")))


def doing(found: Deploying) -> str:
    """`Deploying 9d0cc1f`, `Pausing jobs`: the end of a hold deploys what has waited."""
    named = found.tag or short(found.digest)
    if found.phase == "restoring":
        return f"Restoring what {named or 'a deployment'} changed"
    if found.kind == "rollback":
        return f"Rolling back to {named}"
    if named:
        return f"Deploying {named}"
    return {"pause": "Pausing jobs", "resume": "Resuming jobs"}.get(found.kind or "", "Changing what is live")


def _person(by: str) -> str:
    """The last part of what STS says of a caller: `ana` of `user/ana`."""
    return by.rpartition("/")[2]


def _service(status: Status) -> str:
    service = status.service
    if service is None:
        return "is gone"
    rolls = {"IN_PROGRESS": "; a rollout is under way", "FAILED": "; its rollout failed"}.get(service.rollout, "")
    return f"{service.running} of {service.desired} tasks run{rolls}"


def _service_tone(status: Status) -> model.Tone:
    service = status.service
    if service is None or service.rollout == "FAILED":
        return "bad"
    if service.rollout == "IN_PROGRESS":
        return "busy"
    return "plain" if service.running >= service.desired else "warn"


def _gates(status: Status, clock: Clock, options: str) -> Iterator[model.Todo]:
    hold, waits = status.hold, status.pending
    if waits and waits.approve_until:
        yield _approval(waits, clock, options)
        waits = None
    if status.pending_schedule and status.pending_schedule.approve_until:
        yield _approval(status.pending_schedule, clock, options)
    if hold:
        title = f"Deployments are held{whose(hold, clock.now, utc=clock.utc)}"
        why = [f"{waits.tag or short(waits.digest)} waits, and is deployed at the end."] if waits else []
        does = [("End the hold", "/do/end-hold")]
        yield model.Todo("warn", title, why, [f"rota resume --deployments{options}"], does=does)
    elif waits and waits.opens:
        image = waits.tag or short(waits.digest)
        title = f"The push of {image} waits for the deployment window"
        opens = time_text.clock(waits.opens, clock.now, utc=clock.utc)
        yield model.Todo("warn", title, [f"It opens {opens}."], [f"rota deploy --image {image} --now{options}"])
    elif waits:
        yield model.Todo("busy", f"The push of {waits.tag or short(waits.digest)} is started within minutes")
    if status.barred:
        named = list(dict.fromkeys(each.tag or short(each.digest) for each in status.barred))
        last = status.barred[-1]
        by = f" by {_person(last.by)}" if last.by else ""
        be, them = ("is", "it") if len(named) == 1 else ("are", "them")
        why = [f"A rollback{by} left {them}: “{last.reason}”"] if last.reason else []
        title = f"{', '.join(named)} {be} barred: a push deploys nothing"
        does = [("Lift the bar", "/do/lift")]
        yield model.Todo("warn", title, why, [f"rota resume --barred{options}"], does=does)


def waiting(waits: Pending | PendingSchedule) -> str:
    """What waits, in words."""
    if isinstance(waits, Pending):
        return f"the push of {waits.tag or short(waits.digest)}"
    return "the change of the schedule file"


def _approval(waits: Pending | PendingSchedule, clock: Clock, options: str) -> model.Todo:
    until = time_text.clock(waits.approve_until, clock.now, utc=clock.utc) if waits.approve_until else ""
    what = waiting(waits)
    title = f"{what[:1].upper()}{what[1:]} waits for an approval until {until}"
    todo = [f"rota {verb} {waits.changes}{options} --reason …" for verb in ("approve", "reject")]
    does = [(words, f"/do/{verb}/{waits.changes}") for words, verb in (("Approve", "approve"), ("Reject", "reject"))]
    return model.Todo("warn", title, [for_people(waits.summary)], todo, does=does)


def _idle(status: Status, deployments: Sequence[Deployment], clock: Clock) -> str:
    last = next(iter(deployments), None)
    if last is None or last.finished_at is None:
        return (
            "Nothing deploys."
            if status.release
            else "Nothing deploys. The first push will be shown here, step by step."
        )
    took = f", in {time_text.duration(last.seconds)}" if last.seconds is not None else ""
    named = " ".join(filter(None, (last.release, last.tag or short(last.digest)))) or "what was changed"
    ago = time_text.ago(last.finished_at, clock.now)
    if last.outcome == "deployed":
        return f"Nothing deploys. The last deployment, of {named}, succeeded {ago}{took}."
    return f"Nothing deploys. The last deployment, of {named}, ended {ago}: {last.outcome}."


def _upcoming(found: Iterable[Task], clock: Clock) -> Iterator[tuple[str, str, model.Moment]]:
    due = [(task.next, task.task) for task in found if task.next and task.enabled and not task.paused]
    for at, name in sorted(due)[:_UPCOMING]:
        yield name, task_href(name), clock.coming(at)


def _row(task: Task, items: Sequence[Item], shown: model.Axis, clock: Clock) -> model.Task:
    newest = items[0] if items else None
    last = task.last
    off = off_note = ""
    if paused := task.paused:
        until = time_text.clock(paused.until, clock.now, utc=clock.utc) if paused.until else ""
        off = f"paused until {until}" if until else "paused"
        off_note = ": ".join(filter(None, (_person(paused.by), paused.reason and f"“{paused.reason}”")))
    elif not task.enabled:
        off = why_off(task)
    remarks = [*task.drift] + (["not the app's rule"] if task.foreign else [])
    took = f", {time_text.duration(last.seconds)}" if last and last.seconds is not None else ""
    hand = ", by hand" if last and last.trigger == BY_HAND else ""
    return model.Task(
        name=task.task,
        href=task_href(task.task),
        schedule=task.in_words,
        tone="bad" if _fails(task) else "warn" if task.drift or task.foreign else run_tone(last),
        last=f"{run_words(last)}{took}{hand}" if last else "no run yet",
        last_tone=run_tone(last),
        last_at=clock.clock(last.at) if last else None,
        last_href=run_href(task.task, newest) if newest else "",
        runs=[_in_a_row(task.task, each, clock) for each in reversed(items)],
        coming=_coming(task, shown),
        next=clock.coming(task.next) if task.next else None,
        next_note=_next_note(task, clock),
        off=off,
        off_note=off_note,
        remarks=remarks,
        owner=task.owner,
    )


def _next_note(task: Task, clock: Clock) -> str:
    """The next time in the schedule's own zone, and in UTC; that it is not known exactly."""
    if task.next is None:
        return ""
    parts = []
    if task.timezone != "UTC":
        from rota.schedule_file import zones

        own = task.next.astimezone(zones.zone(task.timezone))
        parts.append(f"{own:%H:%M} {task.timezone}")
    if not clock.utc:
        parts.append(f"{task.next.astimezone(UTC):%H:%M} UTC")
    elif task.next - clock.now < timedelta(hours=1):
        parts.append(f"{task.next.astimezone(UTC):%H:%M}")
    return " ".join([*([] if task.exact else ["about"]), ", ".join(parts)]).strip()


def _coming(task: Task, shown: model.Axis) -> model.Coming:
    if task.next is None or not task.schedule:
        return model.Coming()
    when = When(task.schedule, task.timezone)
    rate = period_of(task.schedule)
    if rate and rate <= (shown.end - shown.now) / SLOTS:
        return model.Coming(often=((task.next, shown.end),))
    begin = task.next - rate if rate else task.next - timedelta(microseconds=1)
    return spans(due_times(when, begin, shown.end), shown)


@lru_cache(maxsize=1024)
def due_times(when: When, begin: datetime, end: datetime) -> tuple[datetime, ...]:
    """When a schedule is due in that time; of many the first ones."""
    found = takewhile(lambda at: at <= end, runs_after(when, begin))
    return tuple(islice(found, _MOST_TIMES))


def _releases(deployments: Sequence[Deployment], clock: Clock) -> Iterator[model.Release]:
    went_live = [each for each in deployments if each.outcome == "deployed" and each.finished_at]
    until = {id(older): newer.finished_at for newer, older in pairwise(went_live)}
    for place, each in enumerate(deployments):
        # What was held is shown as what came of it, once something has.
        newer = {one.digest for one in deployments[:place]}
        if each.outcome == "held" and each.digest and each.digest in newer:
            continue
        lived = ""
        if each.outcome == "deployed" and each.finished_at:
            end = until.get(id(each)) or clock.now
            span = time_text.duration((end - each.finished_at).total_seconds())
            lived = f"{'live' if each.live else 'was live'} for {span}"
        ended = each.finished_at or each.started_at
        yield model.Release(
            name=each.release or "",
            image=each.tag or short(each.digest),
            href=f"/r/{each.release}" if each.release else f"/d/{quote(each.execution.rpartition(':')[2], safe='')}",
            outcome="live" if each.live else "" if each.outcome == "deployed" else each.outcome,
            tone="good" if each.live else _TONES.get(each.outcome, "plain"),
            live=each.live,
            ended=clock.past(ended) if ended else None,
            lived=lived,
            how=how(each.kind, each.by),
            reason=each.reason,
            what=for_people(beginning(each.cause) or each.summary),
            can_go_back=bool(each.release) and not each.live and each.outcome == "deployed",
        )


def _troubles(
    status: Status, gathered: Gathered, clock: Clock, options: str, blame: Mapping[str, str]
) -> Iterator[model.Todo]:
    deploying, last = status.deploying, status.last_deployment
    if deploying and deploying.half_done:
        name = deploying.execution.rpartition(":")[2]
        why = ["It failed and could not be restored: schedules or the service may be half new."]
        href = f"/d/{quote(name, safe='')}"
        yield model.Todo("bad", "A deployment is half done", why, [f"rota restore {name}{options}"], href)
    if status.service is None:
        yield model.Todo(
            "bad", "The service is gone", ["ECS has no active service of this name."], [f"rota check{options}"]
        )
    if last and last.outcome in _TONES and not (deploying and deploying.half_done):
        yield _failed_deployment(last, clock, options)
    for task in sorted(status.tasks, key=lambda each: each.last.at if each.last else clock.now, reverse=True):
        if _fails(task):
            yield _failing_task(task, gathered, clock, options, blame.get(task.task, ""))
    for task in status.tasks:
        if task.drift:
            from rota.cli.releases import deploy_live

            todo = [f"{deploy_live(status.release.digest)}{options}"] if status.release else []
            yield model.Todo(
                "warn",
                f"{task.task} was changed by hand",
                [f"{each}." for each in task.drift],
                todo,
                task_href(task.task),
            )
        if task.foreign:
            why = ["The rule has the app's prefix, and is not the app's: deployments leave it alone."]
            yield model.Todo(
                "warn",
                f"{task.task} is not in the schedule file",
                why,
                [f"rota import --tag{options}"],
                task_href(task.task),
            )


def _todos_of_health(health: Sequence[Finding], options: str) -> Iterator[model.Todo]:
    for each in health:
        what, _, more = each.message.partition(": ")
        title = f"The alarm {what} rings" if each.name == "alarms" else what
        yield model.Todo("warn", title, [f"{more}."] if more else [], [f"rota check{options}"])


def _failed_deployment(last: Ended, clock: Clock, options: str) -> model.Todo:
    name = last.execution.rpartition(":")[2]
    named = last.tag or short(last.digest)
    how = "was aborted" if last.outcome == "aborted" else "failed"
    when = f" {time_text.ago(last.finished_at, clock.now)}" if last.finished_at else ""
    title = f"The deployment {f'of {named} ' if named else ''}{how}{when}"
    why = [for_people(beginning(last.cause))] if last.cause else []
    todo = [f"rota explain {name}{options}", f"rota deploy --again {name}{options}"]
    return model.Todo("bad", title, why, todo, f"/d/{quote(name, safe='')}")


def _failing_task(task: Task, gathered: Gathered, clock: Clock, options: str, blame: str) -> model.Todo:
    items = gathered.runs.get(task.task, ())
    bad = next((each for each in items if tasks.run_of(each).is_bad), None)
    incident: Mapping[str, Any] = gathered.jobs.get(task.task, {}).get("incident") or {}
    bad = bad or incident.get("last")
    words, when = "fails", ""
    todo = []
    if bad:
        of = tasks.run_of(bad)
        words = {"not_started": "did not start", "missed": "was missed"}.get(of.status, f"ended with {run_words(of)}")
        when = f" at {time_text.clock(of.at, clock.now, utc=clock.utc)}"
        if said := (bad.get("reason") or {}).get("todo"):
            todo.append(str(said))
        if bad.get("task_arn"):
            todo.append(f"rota logs {task.task}{options}")
        todo.append(f"rota run {task.task}{options}")
    row = f", {task.bad_runs} in a row" if task.bad_runs > 1 else ""
    why = [f"{each[:1].upper()}{each[1:].rstrip('.')}." for each in (task.why, blame) if each]
    name = quote(task.task, safe="")
    does = [("Run it now", f"/do/run/{name}"), ("Pause it", f"/do/pause/{name}")]
    title = f"{task.task} {words}{when}{row}"
    return model.Todo("bad", title, why, todo, task_href(task.task), [] if task.paused else does)
