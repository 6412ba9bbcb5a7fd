"""`rota plan` for people. Pure."""

from collections.abc import Iterator
from datetime import datetime

import click

from rota.cli import time_text
from rota.cli.columns import Cell, Row, folded, packed, table
from rota.cli.plan.model import Plan, ScheduleFile, TaskChange
from rota.cli.status.text import short
from rota.watch.wording import for_people

_ORDER = ("create", "update", "image", "remove")
_MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "image": ("=", None), "remove": ("-", "red")}
_IN_WORDS = ("in", "schedule", "enabled", "runs", "environment", "revision")


def lines(
    plan: Plan,
    now: datetime,
    width: int,
    *,
    details: bool = False,
    utc: bool = True,
    deploy: str = "",
    options: str = "",
) -> Iterator[str]:
    """What changes, removals last, and the counts at the end. `deploy`: the command that deploys it, if it is not
    `rota deploy`; `options` name its stack.
    """
    yield from packed(_facts(plan, now, utc=utc), width)
    rows = [_row(task, plan) for kind in _ORDER for task in plan.of(kind)]
    yield from table(["", "", ""], rows, width)
    if details:
        yield from _details(plan, width)
    for words in plan.service.changes:
        if words != "image":
            yield from folded(f"service: {words}", width)
    for words in [*plan.changes_of_file, *plan.remarks]:
        yield from folded(f"note: {for_people(words)}", width)
    yield from _counts(plan, width, f"{deploy or _deploy(plan)}{options}")


def _facts(plan: Plan, now: datetime, *, utc: bool) -> Iterator[str]:
    image = plan.image
    after = image.tag or short(image.digest)
    before = image.from_tag or short(image.from_digest)
    same = image.digest == image.from_digest
    yield f"image {after} (live)" if same else f"image {before or 'none'} -> {after}"
    yield _schedule_file(plan.schedule, now, utc=utc)
    service = plan.service
    yield (
        f"service {service.revision} -> {service.to or 'a new revision'}"
        if service.rolls
        else f"service {service.revision} unchanged"
    )


def _schedule_file(file: ScheduleFile, now: datetime, *, utc: bool) -> str:
    if file.proposed:
        return f"schedule file {file.proposed} (not uploaded)"
    when = f" of {time_text.clock(file.modified, now, utc=utc)}" if file.modified else ""
    return f"schedule file {file.key}{when}{'' if file.differs else ' (live)'}"


def _row(task: TaskChange, plan: Plan) -> Row:
    mark, colour = _MARKS[task.change]
    words = words_of(task, other_image=plan.image.digest != plan.image.from_digest)
    return [Cell(mark, colour), task.task, Cell(words, colour)]


def words_of(task: TaskChange, *, other_image: bool) -> str:
    """What becomes of the task: `every 15 minutes -> every 5 minutes`."""
    if task.change == "remove":
        return f"was: {task.was}"
    if task.change == "create":
        return task.in_words
    if task.change == "image":
        return "new image only" if other_image else "a new revision only"
    parts = []
    if "schedule" in task.fields:
        equal = task.was == task.in_words  # such as a cron of every 5 minutes, and a rate of them
        parts.append("{} -> {}".format(*(task.fields["schedule"] if equal else (task.was, task.in_words))))
    if "in" in task.fields:
        parts.append(f"moves to {task.fields['in'][1]}")
    if "enabled" in task.fields:
        parts.append("enabled" if task.fields["enabled"][1] == "yes" else "disabled")
    if "runs" in task.fields:
        parts.append("runs {} -> {}".format(*task.fields["runs"]))
    if "environment" in task.fields:
        parts.append("environment changes")
    others = [name for name in task.fields if name not in _IN_WORDS]
    if others:
        parts.append(f"{', '.join(others)} {'differs' if len(others) == 1 else 'differ'}")
    return "; ".join(parts)


def _details(plan: Plan, width: int) -> Iterator[str]:
    for task in plan.of("create", "update", "image"):
        yield click.style(task.task, bold=True)
        if task.command and "runs" not in task.fields:
            yield from folded(f"runs: {task.command}", width, "  ")
        for name, (old, new) in task.fields.items():
            yield from folded(
                f"{name}: {old if old is not None else 'none'} -> {new if new is not None else 'none'}", width, "  "
            )
    for container, why in plan.left_out.items():
        yield from folded(f"jobs do not run the container {container}: {why}", width)


def _counts(plan: Plan, width: int, deploy: str) -> Iterator[str]:
    if plan.changes_nothing:
        yield "Nothing would change."
        return
    if plan.nothing_to_do:
        yield from folded(f"Nothing would change in AWS; the schedule file would be live. Deploy it: {deploy}", width)
        return
    words = {"create": "new", "update": "changed", "image": "image only", "remove": "REMOVED"}
    counts = [f"{len(plan.of(kind))} {words[kind]}" for kind in _ORDER if plan.of(kind)]
    counts += [f"{plan.unchanged} unchanged"] if plan.unchanged else []
    revisions = (
        f"{plan.registers} {'revision' if plan.registers == 1 else 'revisions'}, at least {plan.seconds_at_least} s"
    )
    yield from folded(f"{', '.join(counts) or 'no schedule changes'}; {revisions}. Deploy it: {deploy}", width)


def _deploy(plan: Plan) -> str:
    schedule = f" --schedule {plan.schedule.proposed}" if plan.schedule.proposed else ""
    return f"rota deploy{schedule} --image {plan.image.tag or plan.image.digest}"
