"""`rota check`: checks a schedule file without AWS, or the stack in AWS; prints the JSON Schema."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command

if TYPE_CHECKING:
    from rota.cli.check.model import Checked, Planned
    from rota.schedule_file.task import ScheduleFile, Task

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html, rules on an event bus
_RULES_PER_BUS = 300


def _rule_prefix(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """The prefix, if a rule's name can begin with it. Raises BadParameter."""
    if not text:
        return text
    from rota.schedule_file.task import EXPECTED, RULE_NAME

    if not re.fullmatch(RULE_NAME, text):
        raise click.BadParameter(f"{text!r} cannot begin a rule's name; write {EXPECTED['name']}")
    return text


@command("check", "rota check scheduled_tasks.json", short_help="Check a schedule file; or the stack and all it needs.")
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option(
    "--rule-prefix", default="", callback=_rule_prefix, help="What the stack puts before each name to make the rule's."
)
@click.option(
    "--max-tasks",
    metavar="NUMBER",
    default=_RULES_PER_BUS,
    type=click.IntRange(min=0),
    show_default=True,
    help="How many rules the bus has room for.",
)
@click.option("--live", is_flag=True, help="The stack also with a FILE.")
@click.option(
    "-o", "--output", metavar="FILE", help="Also write the file as JSON, as it is uploaded; - is standard output."
)
@click.option("--json-schema", is_flag=True, help="Print the schedule file's JSON Schema.")
def check(
    account: Account,
    file: str | None,
    rule_prefix: str,
    max_tasks: int,
    live: bool,
    output: str | None,
    json_schema: bool,
) -> int:
    """With FILE: check a schedule file without AWS, and list when each task runs next; - is standard input. FILE is
    JSON, or YAML if its name ends in .yaml or .yml.

    Without FILE: look at the stack and all that it needs: roles and whom they trust, the image, secrets, log groups,
    the network, the rule quota, dead letters, alarms, rules changed by hand, images that ECR will soon delete. Each
    line is OK, NG, or ? where it cannot be seen. Nothing is written.

    Exits with 0 if all is well, 1 if not, 2 where there is no file to read.
    """
    if json_schema:
        from rota.schedule_file import json_schema as schema

        click.echo(json.dumps(schema.json_schema(), indent=2))
        return Exit.DONE
    from rota.cli.check.model import Checked
    from rota.cli.local_file.source import NAME_A_FILE

    if file == "" or (output and not file):
        raise CommandError(Exit.MISUSED, NAME_A_FILE, error="NoFile")
    if output == "-" and account.output.as_json:
        raise CommandError(Exit.MISUSED, "-o - and --json both print on standard output", "type one of them")
    whole = _check_file(account, file, rule_prefix, max_tasks, output) if file else Checked(ok=True, checks=[])
    stack = None if file and not live else account.stack
    if stack:
        from rota.cli.check.live import check as look
        from rota.cli.check.text import lines

        of_stack = look(account)
        if not account.output.as_json:
            account.output.lines(lines(of_stack, account.output.width))
        whole = Checked(whole.ok and of_stack.ok, of_stack.checks, whole.faults, whole.tasks)
    if account.output.as_json:
        account.output.answer(whole, stack, list)
    return Exit.DONE if whole.ok else Exit.FAILED


def _check_file(account: Account, file: str, rule_prefix: str, max_tasks: int, output: str | None) -> "Checked":
    """What a schedule file has; it is printed, but not as JSON."""
    from rota.cli.check.model import Checked, Fault
    from rota.cli.local_file.source import raw, read
    from rota.schedule_file.parse import parse_whole_file

    source, now, quiet = read(file, raw(file)), account.now(), account.output.as_json or output == "-"
    problems = source.problems(rule_prefix=rule_prefix, max_tasks=max_tasks)
    if problems:
        if not account.output.as_json:
            count = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
            for line in (f"{file}: The schedule file has {count}:", *problems):
                account.output.say(str(line))
        return Checked(ok=False, checks=[], faults=[Fault(each.place, each.problem, each.line) for each in problems])
    if output:
        _write(output, source.json)
    found = parse_whole_file(source.json, rule_prefix=rule_prefix, max_tasks=max_tasks)
    planned = [_planned(task, now) for task in found.tasks]
    if not quiet:
        count = f"{len(found.tasks)} {'task' if len(found.tasks) == 1 else 'tasks'}"
        parts = [count, *(each.key for each in found.one_offs)]
        account.output.line(f"OK: {', '.join(parts)}{_remark(found, rule_prefix)}")
        account.output.lines(map(_listed, planned))
    return Checked(ok=True, checks=[], tasks=planned)


def _write(name: str, content: bytes) -> None:
    """Write the file's JSON; `-` is standard output. Another schedule file is written over, and nothing else."""
    written = content.rstrip() + b"\n"
    try:
        before = Path(name).read_bytes() if name != "-" and Path(name).exists() else written
        if not _is_schedule(before):
            what = f"there is a file {name} already, which is no schedule file in JSON"
            raise CommandError(Exit.MISUSED, what, "name another one, or remove it")
        with click.open_file(name, "wb") as file:
            file.write(written)
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{name} cannot be written: {error.strerror}", error="NoFile") from error


def _is_schedule(content: bytes) -> bool:
    try:
        return "tasks" in json.loads(content)
    except (ValueError, TypeError):
        return False


def _remark(found: "ScheduleFile", rule_prefix: str) -> str:
    """What a person should know of a file that is good."""
    tasks = found.tasks
    if not tasks:
        return "; this removes every schedule"
    acting = {key: action for task in tasks for key, action in task.actions.items()}
    parts = [] if rule_prefix else ["with --rule-prefix the length of the rules' names is checked too"]
    if acting:
        actions = {*acting.values()}
        wanted = "both" if len(actions) > 1 else f"{actions.pop()} or both"
        parts.append(f"{' and '.join(acting)} will be refused unless the stack's RunActions is {wanted}")
    if needing := {key: parameter for task in (*tasks, *found.one_offs) for key, parameter in task.parameters.items()}:
        parameters = " and ".join(dict.fromkeys(needing.values()))
        parts.append(f"{' and '.join(needing)} will be refused unless the stack's {parameters} allow it")
    return "".join(f"; {part}" for part in parts)


def _planned(task: "Task", now: datetime) -> "Planned":
    from rota.cli.check.model import Planned
    from rota.schedule_file.next_runs import in_words, next_runs

    runs = [*next_runs(task.when, now, 3)] if task.enabled else []
    remarks: list[str] = []
    if task.scheduler_keys and task.enabled:
        from rota.schedule_file.advice import advice

        remarks = [*advice(task, now)]
    when = task.when
    return Planned(task.name, when.expression, in_words(when), task.enabled, runs, when.timezone, remarks)


def _listed(task: "Planned") -> str:
    exact = "" if task.schedule in task.in_words or task.schedule.startswith("at(") else f"  {task.schedule}"
    if not task.enabled:
        return f"  {task.task}: disabled{exact or '  ' + task.in_words}"
    never = "never" if task.remarks else "never again, its last run is past"  # a remark says why
    following = _in_zone(task.next, task.timezone) or never
    remarks = "".join(f"\n    {remark}" for remark in task.remarks)
    return f"  {task.task}: {task.in_words}{exact}\n    next: {following}{remarks}"


def _in_zone(runs: "Sequence[datetime]", timezone: str) -> str:
    """`Tue 2026-12-01 06:00, ... UTC`; of another zone `Tue 2026-12-01 07:00 CET (06:00 UTC), ...`."""
    if timezone == "UTC":
        return ", ".join(f"{run:%a %Y-%m-%d %H:%M}" for run in runs) + (" UTC" if runs else "")
    from rota.schedule_file import zones

    zone = zones.zone(timezone)
    local = [(run, run.astimezone(zone)) for run in runs]
    day = {True: "", False: "%a "}
    return ", ".join(
        f"{shown:%a %Y-%m-%d %H:%M %Z} ({run:{day[run.date() == shown.date()]}%H:%M} UTC)" for run, shown in local
    )
