"""`rota import`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, command

if TYPE_CHECKING:
    from rota.cli.import_schedules.compare import Place
    from rota.cli.import_schedules.entry import Taken
    from rota.cli.import_schedules.job import NotTaken
    from rota.ecs.task_definitions import Revision

_FILES = (".yaml", ".yml", ".json")


@command(
    "import",
    "rota import production__shop__ -o scheduled_tasks.json",
    short_help="Rules and schedules that exist, as a schedule file.",
)
@click.argument("source", metavar="[PREFIX|FILE]", required=False, shell_complete=names.files)
@click.option("-o", "--output", metavar="FILE", help="Write the file there; YAML if its name ends in .yaml.")
@click.option("--service", metavar="CLUSTER/SERVICE", help="The app's service, where there is no stack yet.")
@click.option("--rule-prefix", metavar="TEXT", help="Of a FILE: how the names of its rules begin.")
@click.option("--tag", is_flag=True, help="Hand the rules over: tag them with rota:app, after showing them.")
@click.option("--yes", is_flag=True, help="Do not ask; write over a FILE.")
def import_(
    account: Account,
    source: str | None,
    output: str | None,
    service: str | None,
    rule_prefix: str | None,
    tag: bool,
    yes: bool,
) -> Exit:
    """Write what starts ECS tasks today as a schedule file: EventBridge rules, and schedules of EventBridge Scheduler
    in any group. PREFIX is how their names begin; default: the stack's RulePrefix. What starts a state machine as
    Copilot makes it is read, too.

    With FILE: the YAML of ecschedule, without AWS.

    What no key can say is said on stderr, one by one. A schedule file is whole: jobs of the stack's app that this one
    would remove are named, too. Exits with 0 if every key can say it, 1 if not, 4 where nothing begins so.
    """
    from rota.cli.import_schedules import ecschedule, needed, text
    from rota.cli.local_file.writer import write

    of_a_file = bool(source) and (str(source).endswith(_FILES) or Path(str(source)).is_file())
    if source and of_a_file:
        if tag or service:
            raise CommandError(Exit.MISUSED, "--tag and --service are about rules in AWS, not a file", "name a PREFIX")
        place, taken, not_taken = _taken_from_file(source, rule_prefix)
        parameters = {**ecschedule.parameters(place, [each.job for each in taken]), **needed.parameters(taken, place)}
    else:
        place, taken, not_taken = _taken_from_aws(account, source, service)
        roles = ",".join(place.settings.former_events_role_arns)
        parameters = {"FormerEventsRoleArns": roles} if service and roles else {}
        parameters |= needed.parameters(taken, place)
    removes = () if of_a_file or service else _removed(account, taken)
    lacks = () if of_a_file or service else _lacks(account, taken)
    imported = text.imported(taken, not_taken, parameters, output, removes, lacks)
    if output:
        account.interrupted = f"{output} may be written; nothing was changed in AWS."
        write(output, imported.tasks, overwrite=yes)
    account.output.notes(text.remarks(imported, account.output.width))
    if tag:
        imported = replace(imported, tagged=_tag(account, place, taken, yes=yes))
        account.output.notes(text.tagging(taken, imported.tagged, place.prefix, account.output.width))
    account.output.answer(imported, None, lambda: text.lines(imported, place.prefix))
    refused = not (of_a_file or service) and parameters  # by a deployment of the stack that there is
    return Exit.FAILED if imported.not_taken or imported.remarks or refused else Exit.DONE


def _taken_from_aws(
    account: Account, prefix: str | None, service: str | None
) -> "tuple[Place, list[Taken], list[NotTaken]]":
    """The tasks of the rules and schedules whose names begin so; of the stack's, or of a service that no stack deploys
    yet.
    """
    from rota.cli.import_schedules import gather
    from rota.cli.import_schedules.entry import take_all

    place = gather.place_of(*_parameters(account, prefix, service))
    begin = place.prefix if prefix is None else prefix
    rules, schedules = gather.rules(account, begin), gather.schedules(account, begin)
    if not rules and not schedules:
        what = "there is no rule and no schedule"
        raise CommandError(
            Exit.NOT_ALLOWED,
            f"{what} whose name begins with {begin}" if begin else what,
            "name how they begin, or '' for all: rota import ''; --region names another Region",
            error="NoRules",
        )
    app, group = place.settings.app, "" if service else account.stack.schedule_group
    jobs, not_taken = gather.jobs(account, rules, app)
    in_scheduler, others = gather.jobs_of_scheduler(account, schedules, app, group)
    jobs += in_scheduler
    not_taken += others
    if service:
        place = gather.with_former_roles(place, jobs)
    taken, refused = take_all(jobs, place, gather.definitions(account, jobs))
    return place, taken, not_taken + refused


def _parameters(account: Account, prefix: str | None, service: str | None) -> "tuple[dict[str, str], Revision]":
    """The template's parameters, the stack's or those that the service comes to; and the revision that it runs."""
    from rota.cli.import_schedules.gather import describe_service
    from rota.ecs.task_definitions import read_revision

    if service:
        from rota.cli.init.parameters import named, read

        found = read(account, *named(service))
        return found.values | {"RulePrefix": prefix or ""}, found.base
    try:
        stack = account.stack
    except CommandError as error:
        if error.error == "NoStack":
            error.todo = f"{error.todo}; before there is a stack: --service CLUSTER/SERVICE"
        raise
    described = describe_service(account, stack.cluster, stack.service)
    own = {"RulePrefix": stack.rule_prefix, "EventsRoleArn": stack.outputs["EventsRoleArn"]}
    return {**stack.parameters, **own}, read_revision(account.client("ecs"), described["taskDefinition"])


def _taken_from_file(name: str, prefix: str | None) -> "tuple[Place, list[Taken], list[NotTaken]]":
    """The tasks of ecschedule's file."""
    from rota.cli.import_schedules import ecschedule
    from rota.cli.import_schedules.entry import take_all
    from rota.cli.import_schedules.guess import common_prefix
    from rota.cli.local_file.source import parse_yaml, raw

    content = raw(name)
    document = parse_yaml(content)
    problems = [*ecschedule.problems(content.decode(errors="replace"))] or (
        document if isinstance(document, tuple) else ()
    )
    rules = None if isinstance(document, tuple) else document.value
    if problems or not isinstance(rules, dict) or not isinstance(rules.get("rules"), list):
        raise CommandError(
            Exit.FAILED,
            f"{name} cannot be read as ecschedule's file" + ("" if problems else ": it has no list of rules"),
            "correct that, or name a PREFIX to read the rules themselves",
            acts="author",
            listed="\n".join(map(str, problems)),
        )
    jobs, not_taken = ecschedule.read(rules)
    place = ecschedule.place_of(jobs, common_prefix([job.name for job in jobs]) if prefix is None else prefix)
    taken, others = take_all(jobs, place, {})
    return place, taken, not_taken + others


def _removed(account: Account, taken: "list[Taken]") -> list[str]:
    """The jobs of the stack's app that a schedule file of these tasks would remove."""
    from rota.cli.live_schedules import Schedules

    of_app = Schedules(account, account.stack)
    return sorted(of_app.owned(of_app.listed()) - {each.entry["name"] for each in taken})


def _lacks(account: Account, taken: "list[Taken]") -> list[str]:
    """What a schedule file of these tasks changes of the live file's keys that AWS does not have; a viewer may not read
    that file.
    """
    from botocore.exceptions import ClientError

    from rota.cli.aws_errors import denial, is_denied
    from rota.cli.plan.changes import changes_of_file
    from rota.cli.plan.run import live_file
    from rota.schedule_file.task import ScheduleFile

    try:
        live = live_file(account, account.table.present(0).live or {})
    except ClientError as error:
        if not is_denied(error):
            raise
        return [f"before, after, and the tasks' owner and watch are not to be seen ({denial(error)} is denied)"]
    return [*changes_of_file(live, ScheduleFile(tasks=tuple(each.task for each in taken)))]


def _tag(account: Account, place: "Place", taken: "list[Taken]", *, yes: bool) -> tuple[str, ...]:
    """Tag the rules that a deployment can take over and that are not Rota's yet, once the caller agrees. Returns their
    names.
    """
    from rota.cli.execution import confirm
    from rota.cli.import_schedules import text
    from rota.ownership import OWNER_TAG
    from rota.schedules.eventbridge_rules import api

    events, app = account.client("events"), place.settings.app
    names = [each.job.rule for each in taken if each.in_place and not each.job.is_owned]
    if not names:
        return ()
    account.output.say("\n".join([*(f"  {name}" for name in names), *text.refused(taken)]))
    count = f"{len(names)} {'rule' if len(names) == 1 else 'rules'}"
    confirm(account, f"Tag {count} with {OWNER_TAG}={app}, so that deployments may change and remove them?", yes=yes)
    account.interrupted = "Some of them may be tagged. Type it again to tag the others."
    arns = {rule["Name"]: rule["Arn"] for rule in api.list_rules(events, place.prefix)}
    tagged = [name for name in names if name in arns]
    for name in tagged:
        events.tag_resource(ResourceARN=arns[name], Tags=[{"Key": OWNER_TAG, "Value": app}])
    return tuple(tagged)
