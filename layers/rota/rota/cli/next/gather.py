"""What `rota next` asks: the schedules and the pauses of the app, or a schedule file."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota.aws.parallel import in_parallel
from rota.cli import live_schedules
from rota.cli import table as items
from rota.cli.exits import CommandError, Exit
from rota.cli.local_file.source import raw, read
from rota.cli.next.calendar import Job
from rota.cli.status.gather import pause_of
from rota.schedule_file.expression import period_of
from rota.schedule_file.parse import ANY_NUMBER, parse_schedule_file
from rota.schedule_file.when import when_of_aws

if TYPE_CHECKING:
    from datetime import datetime

    from rota.cli.frame import Account


def jobs_of_app(account: "Account", names: Iterable[str]) -> list[Job]:
    """Its jobs by their schedules, of those names or all. CommandError for a name that is none's."""
    stack, table = account.stack, account.table
    found = live_schedules.Schedules(account, stack).listed()
    wanted = _chosen({*found}, [live_schedules.task_of(name, stack.rule_prefix) for name in names])
    pauses = table.pauses()

    def last(task: str) -> "datetime | None":
        """A cron needs none."""
        rated = stack.watches_runs and period_of(found[task]["ScheduleExpression"])
        return next((items.at(each, "scheduled_at") for each in table.runs(task, 1)), None) if rated else None

    return [
        Job(task, when_of_aws(found[task]), found[task]["State"] != "DISABLED", pause_of(pauses.get(task)), at)
        for task, at in zip(wanted, in_parallel(last, wanted), strict=True)
    ]


def jobs_of_file(name: str, names: Iterable[str]) -> list[Job]:
    """The jobs of a schedule file. CommandError for one with problems, and for a name that is none's."""
    source = read(name, raw(name))
    if problems := source.problems(rule_prefix="", max_tasks=ANY_NUMBER):
        listed = "\n".join(map(str, problems))
        raise CommandError(Exit.FAILED, f"{name} has problems:", f"rota check {name}", error="BadFile", listed=listed)
    tasks = {task.name: task for task in parse_schedule_file(source.json, rule_prefix="", max_tasks=ANY_NUMBER)}
    return [Job(each, tasks[each].when, tasks[each].enabled) for each in _chosen({*tasks}, [*names])]


def _chosen(known: set[str], names: list[str]) -> list[str]:
    live_schedules.require(names, known)
    return sorted({*names} or known)
