"""`rota resume`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command
from rota.cli.options import asking, waiting

if TYPE_CHECKING:
    from rota.cli.table import Item


@command("resume", "rota resume SendMail", short_help="End a pause or a hold, or lift what a rollback barred.")
@click.argument("tasks", metavar="[TASK]...", nargs=-1, shell_complete=names.tasks)
@click.option("--all", "every", is_flag=True, help="Every job that is paused.")
@click.option("--deployments", is_flag=True, help="End the hold; the newest push that waited is deployed.")
@click.option("--barred", is_flag=True, help="Lift the bars of all images that rollbacks barred; it deploys nothing.")
@click.option("--run-missed", is_flag=True, help="Start each job once that was due in its pause.")
@asking
@waiting
def resume(
    account: Account,
    tasks: tuple[str, ...],
    every: bool,
    deployments: bool,
    barred: bool,
    run_missed: bool,
    reason: str | None,
    yes: bool,
    no_wait: bool,
    timeout: timedelta,
) -> Exit:
    """End what `rota pause` or `rota rollback` has begun. Exits as `rota deploy` does if a push is deployed.

    What was due in a pause is not started, unless --run-missed says so: then each job is started once, as `rota run`
    does it, for the last time that it was due.
    """
    from rota.cli import execution

    if (named := sum((bool(tasks), every, deployments, barred))) != 1:
        words = "name what to resume" if not named else f"{named} things are named to resume, and it resumes one"
        raise CommandError(Exit.MISUSED, words, "TASK..., --all, --deployments, or --barred")
    if run_missed and not (tasks or every):
        raise CommandError(Exit.MISUSED, "--run-missed starts jobs", "name them, or --all")
    if run_missed and no_wait:
        words = "--run-missed starts jobs once their pause has ended"
        raise CommandError(Exit.MISUSED, words, "leave out --no-wait: it is waited for")
    stack = account.stack
    if tasks or every:
        paused = _paused(account, tasks)
        if not paused:
            return execution.end_without_one(
                account, "nothing to do", f"Not paused: {', '.join(tasks)}." if tasks else "No job is paused."
            )
        signed = execution.signed(account, {"pause": {"tasks": [*paused]} if tasks else {}}, "resume", reason)
        started = execution.start(account, signed, "resume")
        code = execution.started(account, started) if no_wait else execution.follow(account, started, timeout)
        return _run_missed(account, paused) if run_missed and code is Exit.DONE else code
    gates = account.table.present(0).gates
    event: dict[str, Any]
    if deployments:
        event, kind, question = {"hold": {}}, "resume", f"End the hold of {stack}?"
        if not (gates.get("hold") or gates.get("pending")):
            return execution.end_without_one(account, "nothing to do", "Deployments are not held.")
    else:
        digests = list(dict.fromkeys(each["digest"] for each in gates.get("bars", ())))
        what = "the bar of 1 image" if len(digests) == 1 else f"the bars of {len(digests)} images"
        event, kind, question = {"lift": digests}, "lift", f"Lift {what} of {stack}?"
        if not digests:
            return execution.end_without_one(account, "nothing to do", "No image is barred.")
    execution.confirm(account, question, yes=yes)
    started = execution.start(account, execution.signed(account, event, kind, reason), kind)
    return execution.started(account, started) if no_wait else execution.follow(account, started, timeout)


def _paused(account: Account, tasks: tuple[str, ...]) -> "dict[str, Item]":
    """The pauses of these jobs that are in force; of no names, all that are. CommandError for what is no job."""
    from rota.cli import live_schedules

    paused, prefix = account.table.pauses(), account.stack.rule_prefix
    named = [live_schedules.task_of(each, prefix) for each in tasks]
    if others := [each for each in named if each not in paused]:
        live_schedules.require(others, live_schedules.Schedules(account, account.stack).listed())
    return {each: paused[each] for each in named or paused if each in paused}


def _run_missed(account: Account, paused: "Mapping[str, Item]") -> Exit:
    """Start each job once that was due in its pause."""
    from rota.cli.resume.missed import due_in_a_pause
    from rota.cli.run import start, wait
    from rota.schedules import backend

    for task, pause in sorted(paused.items()):
        job, now = start.find(account, task), account.now()
        due = due_in_a_pause(pause, backend.when_of(job.schedule), now)
        if due is None:
            account.output.notes([f"{task} was not due in its pause."])
            continue
        request = start.request_of(job, account.stack.container, start.Changes(), due, late=True)
        wait.wait(account, task, due, start.start(account, task, request), None, stops=False)
    return Exit.DONE
