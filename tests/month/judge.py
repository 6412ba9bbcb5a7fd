"""What happened in a month against what Rota has made of it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rota.runs.model import MISSED, Run, Status
from tests.month.play import Due, Month, Reported
from tests.month.script import COUNTED, HOUR, MINUTE

_TURNS = {"failed", "not_started", "missed"}
# How far a missed minute of a rate may be from the one that it stands for: its phase is known by its runs alone.
_NEAR = 2 * MINUTE


def wrong(month: Month) -> list[str]:
    """One line for each thing that is not as it should be."""
    runs = [run for run in month.runs() if run.scheduled_at < month.script.ends - MINUTE]
    missed = defaultdict(list)
    for run in runs:
        if run.task_id == MISSED:
            missed[run.task].append(run)
    dues = defaultdict(list)
    for due in _judged(month):
        dues[due.job].append(due)
    found = list(_tasks(month, [run for run in runs if run.task_id != MISSED]))
    for job in month.script.jobs:
        judge = _counted if job == COUNTED and not month.script.traced else _distinguished
        found += judge(month, dues[job], missed[job])
        found += _incidents(month, job, [run for run in runs if run.task == job])
    return found


def _judged(month: Month) -> list[Due]:
    return [due for due in month.dues if due.at < month.script.ends - MINUTE]


def _tasks(month: Month, runs: Sequence[Run]) -> Iterator[str]:
    """Every task is one run, with its end."""
    recorded = defaultdict(list)
    for run in runs:
        recorded[run.task_id].append(run)
    for due in _judged(month):
        for task in due.tasks:
            own = recorded.pop(task.id, [])
            gone = task.id in month.hidden and _was_away(month, task.stopped, task.stopped + HOUR)
            if not own and gone:
                continue
            if len(own) != 1:
                yield f"{due.job} of {due.at}: the task {task.id} was recorded {len(own)} times"
            elif own[0].status != task.status and not (gone and own[0].status == Status.UNKNOWN):
                yield f"{due.job} of {due.at}: {task.status}, recorded as {own[0].status}"
            elif month.script.traced and own[0].scheduled_at != due.at:
                yield f"{due.job} of {due.at}: recorded for {own[0].scheduled_at}"
    for own in recorded.values():
        yield f"{own[0].task} of {own[0].scheduled_at}: no such task was started"


def _distinguished(month: Month, dues: Sequence[Due], missed: Sequence[Run]) -> Iterator[str]:
    """Each minute without a task is missed, once, and no other is."""
    left = sorted(missed, key=lambda run: run.scheduled_at)
    for due in dues:
        own = [run for run in left if abs(run.scheduled_at - due.at) <= _NEAR]
        left = [run for run in left if run not in own]
        if due.tasks:
            yield from (f"{due.job} of {due.at}: a false {run.status}" for run in own if not _was_hidden(month, due))
        elif len(own) != 1:
            if not _was_changed(month, due.at) or own:
                yield f"{due.job} of {due.at}: {due.lost}, and missed {len(own)} times"
        elif own[0].status != Status.MISSED and not _was_away(month, due.at, due.at + 7 * HOUR):
            yield f"{due.job} of {due.at}: {due.lost}, recorded as {own[0].status}"
    yield from (f"{run.task} of {run.scheduled_at}: {run.status}, and it was not due" for run in left)


def _counted(month: Month, dues: Sequence[Due], missed: Sequence[Run]) -> Iterator[str]:
    """On each day so many are missed as had no task; a job that was started twice may hide one."""
    lost, lacking, spare, days = Counter[object](), Counter[object](), Counter[object](), set()
    for due in dues:
        days.add(due.at.date())
        lost[due.at.date()] += 0 if due.tasks else due.wanted
        spare[due.at.date()] += max(0, len(due.tasks) - due.wanted) + _was_hidden(month, due)
    for run in missed:
        lacking[run.scheduled_at.date()] += run.lacking
    for day in sorted(days, key=str):
        if not lost[day] - spare[day] <= lacking[day] <= lost[day] + spare[day]:
            yield f"{dues[0].job} on {day}: {lost[day]} had no task, {lacking[day]} are missed"


def _incidents(month: Month, job: str, runs: Sequence[Run]) -> Iterator[str]:
    """Each time that a job turned to failing was reported once, and so was its recovery."""
    reported: dict[str, list[Reported]] = defaultdict(list)
    for each in month.reported:
        if each.job == job and each.kind in {*_TURNS, "recovered"}:
            reported[each.incident].append(each)
    for incident, messages in reported.items():
        kinds = Counter("turned" if each.kind in _TURNS else each.kind for each in messages)
        if max(kinds.values()) > 1:
            yield f"{incident} was reported as {[each.kind for each in messages]}"
        if kinds["recovered"] == 0 and month.jobs()[job].get("incident", {}).get("id") != incident:
            yield f"{incident} was never reported to have recovered"
    for streak in _streaks(runs):
        own = [incident for incident in reported if _begins_in(incident, streak)]
        others = [incident for incident, messages in reported.items() if _lasted(messages, streak)]
        if not own and not others:
            yield f"{job} failed from {streak[0].scheduled_at} to {streak[-1].scheduled_at}, and nobody was notified"
        elif len(own) > 1 and job != COUNTED and not _was_away(month, streak[0].scheduled_at, streak[-1].scheduled_at):
            # After Rota was away, a recovery is known before what was missed until then.
            yield f"{job} failed from {streak[0].scheduled_at} to {streak[-1].scheduled_at}, reported as {own}"


def _streaks(runs: Sequence[Run]) -> list[list[Run]]:
    """The bad runs, one after the other in the order in which they were due."""
    streaks: list[list[Run]] = [[]]
    for run in sorted(runs, key=lambda run: (run.scheduled_at, run.status == Status.OK)):
        if run.status.is_bad:
            streaks[-1].append(run)
        elif run.status == Status.OK and streaks[-1]:
            streaks.append([])
    return [streak for streak in streaks if streak]


def _begins_in(incident: str, streak: Sequence[Run]) -> bool:
    at = datetime.fromisoformat(incident.partition("#")[2])
    return streak[0].scheduled_at <= at <= streak[-1].scheduled_at


def _lasted(messages: Sequence[Reported], streak: Sequence[Run]) -> bool:
    """Whether an earlier incident was still open: a recovery is reported late where others have not recovered."""
    began = datetime.fromisoformat(messages[0].incident.partition("#")[2])
    recovered = next((each.at for each in messages if each.kind == "recovered"), None)
    return began <= streak[0].scheduled_at and (recovered is None or streak[0].scheduled_at <= recovered)


def _was_hidden(month: Month, due: Due) -> bool:
    """Whether no event reported its tasks, and Rota was away while ECS knew them."""
    return any(task.id in month.hidden and _was_away(month, task.created, task.stopped + HOUR) for task in due.tasks)


def _was_away(month: Month, since: datetime, until: datetime) -> bool:
    betweens = [each for each in month.script.betweens if each.fault == "away"]
    return any(each.since - timedelta(hours=1) <= until and since <= each.until for each in betweens)


def _was_changed(month: Month, at: datetime) -> bool:
    return any(since - MINUTE <= at <= until + 2 * MINUTE for since, until in month.changed)
