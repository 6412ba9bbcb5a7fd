"""Tables of the schedules and the service on the stage."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from examples.guestbook.client import Client
from rota.schedule_file.next_runs import in_words, next_runs
from rota.schedule_file.when import when_of_aws

Schedule = Mapping[str, Any]


def schedules(stage: Client) -> dict[str, Schedule]:
    """The app's rules and its schedules in EventBridge Scheduler by task name, each with when it is due and the
    revision of its target; `rule` is what the stage fires.
    """
    events, scheduler = stage.client("events"), stage.client("scheduler")
    prefix, group = stage.names["rule_prefix"], stage.names["outputs"]["ScheduleGroup"]
    found: dict[str, Schedule] = {}
    for rule in events.list_rules(NamePrefix=prefix)["Rules"]:
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        found[rule["Name"].removeprefix(prefix)] = _schedule(rule["Name"], rule, target)
    for listed in scheduler.list_schedules(GroupName=group)["Schedules"]:
        shown = scheduler.get_schedule(GroupName=group, Name=listed["Name"])
        found[listed["Name"].removeprefix(prefix)] = _schedule(f"{group}/{listed['Name']}", shown, shown["Target"])
    return dict(sorted(found.items()))


def _schedule(name: str, members: Schedule, target: Schedule) -> Schedule:
    return {
        "rule": name,
        "when": when_of_aws(members),
        "revision": _short(target["EcsParameters"]["TaskDefinitionArn"]),
    }


def schedule_table(found: Mapping[str, Schedule], now: datetime) -> Table:
    """One row for each schedule: its time in words, the next three runs after `now`, the revision."""
    table = _table("task", "when", "next three runs (UTC)", "revision")
    for name, schedule in found.items():
        runs = ", ".join(f"{run:%d %b %H:%M}" for run in next_runs(schedule["when"], now, 3))
        table.add_row(name, in_words(schedule["when"]), runs, schedule["revision"])
    return table


def difference_table(before: Mapping[str, Schedule], after: Mapping[str, Schedule]) -> Table:
    """One row for each schedule before or after: what became of it, its times and revisions."""
    table = _table("task", "schedule", "when", "revision")
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            became = "[green]created[/green]" if old is None else "[red]deleted[/red]"
        elif old["when"] != new["when"]:
            became = "[yellow]updated[/yellow]"
        else:
            became = "new target"
        both = [schedule for schedule in (old, new) if schedule]
        table.add_row(
            name,
            became,
            " → ".join(dict.fromkeys(in_words(schedule["when"]) for schedule in both)),
            " → ".join(schedule["revision"] for schedule in both),
        )
    return table


def print_table(console: Console, table: Table) -> None:
    """Print a table without the blanks at the end of its lines."""
    for segments in console.render_lines(table, pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
        line.rstrip()
        console.print(line)


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def target_line(stage: Client, schedule: Schedule) -> str:
    """A rule's target in a sentence: cluster, launch type, network, role."""
    (target,) = stage.client("events").list_targets_by_rule(Rule=schedule["rule"])["Targets"]
    runs = target["EcsParameters"]
    subnets = len(runs["NetworkConfiguration"]["awsvpcConfiguration"]["Subnets"])
    return (
        f"Each rule has one target: cluster [bold]{_short(target['Arn'])}[/bold], {runs['LaunchType']}, "
        f"platform version {runs['PlatformVersion']}, {subnets} subnets,\n"
        f"started with the role {_short(target['RoleArn'])}"
    )


def service_line(stage: Client) -> str:
    """The service in a sentence: revision, number of tasks, image."""
    names, ecs = stage.names, stage.client("ecs")
    service = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"][0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    container = _container(stage, definition)
    image = container["image"].rsplit("/", 1)[1]
    return (
        f"Service [bold]{names['service']}[/bold]: revision {_short(service['taskDefinition'])}, "
        f"{service['runningCount']} of {service['desiredCount']} tasks run, image {_digest(image)}"
    )


def _container(stage: Client, definition: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(c for c in definition["containerDefinitions"] if c["name"] == stage.names["container"])


def _short(arn: str) -> str:
    return arn.rsplit("/", 1)[1]


def _digest(image: str) -> str:
    """The image with a digest shortened as Docker does: 12 of its 64 digits."""
    name, _, digest = image.partition("@sha256:")
    return f"{name}@sha256:{digest[:12]}" if digest else name
