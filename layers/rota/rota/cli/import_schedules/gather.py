"""What import asks AWS: rules and schedules with their targets, what these run, and the service of the app."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rota.aws.parallel import in_parallel
from rota.aws.rate_limit import SCHEDULER_GROUPS, bucket_for
from rota.cli.exits import CommandError, Exit
from rota.cli.import_schedules import copilot, job
from rota.cli.import_schedules.compare import Place
from rota.cli.import_schedules.job import CannotTakeError, Job, NotTaken
from rota.cli.import_schedules.scheduler import RUN_TASK, Listed, job_of_schedule
from rota.ecs.task_definitions import Revision, find_revision
from rota.ownership import OWNER_TAG
from rota.schedules.eventbridge_rules import api
from rota.settings import Settings

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.ecs.fingerprint import Content
    from rota.schedules.eventbridge_rules.rule import Rule

# What a job is compared with; a stack's other parameters make no difference to it.
_PARAMETERS = {
    "repository": "RepositoryName",
    "cluster": "ClusterName",
    "service": "ServiceName",
    "family": "TaskDefinitionFamily",
    "container": "ContainerName",
    "start_command": "StartCommand",
    "rule_prefix": "RulePrefix",
    "subnets": "SubnetIds",
    "security_groups": "SecurityGroupIds",
    "assign_public_ip": "AssignPublicIp",
    "platform_version": "PlatformVersion",
    "events_role_arn": "EventsRoleArn",
    "former_events_role_arns": "FormerEventsRoleArns",
    "task_role_arns": "TaskRoleArns",
    "task_networks": "TaskNetworks",
    "events_role_allows": "EventsRoleAllows",
    "secrets_allowed": "SecretsAllowed",
}


def describe_service(account: "Account", cluster: str, service: str) -> Mapping[str, Any]:
    """The service. CommandError if there is none."""
    ecs = account.client("ecs")
    try:
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    except ecs.exceptions.ClusterNotFoundException:
        found = []
    active: list[Mapping[str, Any]] = [each for each in found if each["status"] == "ACTIVE"]
    if not active or "taskDefinition" not in active[0]:
        raise CommandError(
            Exit.NOT_ALLOWED,
            f"there is no service {service} on the ECS cluster {cluster}",
            "`aws ecs list-services --cluster NAME` lists them; --region names another Region",
            error="NoService",
        )
    return active[0]


def place_of(parameters: Mapping[str, str], base: Revision) -> Place:
    """Where the app of these parameters of the template runs its jobs, which derive from `base`. Pure."""
    given = {field: parameters[name] for field, name in _PARAMETERS.items() if parameters.get(name)}
    unused = {"schedule_keys": "", "bucket": "", "table": "", "events_role_arn": "", "task_role_arns": ""}
    # Of a service that says no more, as `rota init` may find one.
    unknown = {"repository": "", "subnets": "", "security_groups": "", "start_command": (), "rule_prefix": ""}
    return Place(Settings.model_validate({**unknown, **unused, **given}), base)


def with_former_roles(place: Place, found: Iterable[Job]) -> Place:
    """The place for a stack that is to be made: its FormerEventsRoleArns will list the roles that rules name now."""
    roles = sorted({each.role for each in found if each.in_place and each.role and each.name.startswith(place.prefix)})
    return replace(place, settings=place.settings.model_copy(update={"former_events_role_arns": tuple(roles)}))


def rules(account: "Account", prefix: str) -> list["Rule"]:
    """Every rule of the default bus whose name begins so, whole, by name."""
    events = account.client("events")
    listed = sorted(api.list_rules(events, prefix), key=lambda rule: rule["Name"])
    tags = api.tags_of(events, listed, {})
    return list(api.read_rules(events, [each for each in listed if each["Name"] in tags], tags).values())


def schedules(account: "Account", prefix: str) -> list[Listed]:
    """Every schedule of EventBridge Scheduler whose name begins so, in any group, by group and name."""
    scheduler = account.client("scheduler")
    begin = {"NamePrefix": prefix} if prefix else {}
    pages = scheduler.get_paginator("list_schedules").paginate(**begin)
    found = [each for page in pages for each in page["Schedules"]]
    groups = {
        each["GroupName"]: each["Arn"].rpartition("/")[0].replace(":schedule/", ":schedule-group/") for each in found
    }
    groups.pop("default", None)  # it cannot be tagged
    pace = bucket_for(SCHEDULER_GROUPS)

    def tags_of(arn: str) -> list[Mapping[str, str]]:
        pace.wait()
        found_tags: list[Mapping[str, str]] = scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"]
        return found_tags

    tags = dict(zip(groups, in_parallel(tags_of, groups.values()), strict=True))

    def owner(group: str) -> str | None:
        return next((tag["Value"] for tag in tags.get(group, ()) if tag["Key"] == OWNER_TAG), None)

    listed = [
        Listed(each["GroupName"], each["Name"], each["Target"]["Arn"], owner(each["GroupName"])) for each in found
    ]
    return sorted(listed, key=lambda each: each.path)


def related(
    found: Iterable["Rule"], in_scheduler: Iterable[Listed], cluster: str, prefix: str
) -> dict[str, str | None]:
    """The rules and schedules that begin so, or may start anything on the cluster: by what they are called, whose they
    are by their tag, or by that of their group.
    """
    rules = {
        rule.name: rule.owner
        for rule in found
        if rule.name.startswith(prefix) or any(_starts_on(cluster, target["Arn"]) for target in rule.targets)
    }
    return rules | {
        each.path: each.owner
        for each in in_scheduler
        if each.name.startswith(prefix) or _starts_on(cluster, each.target) or each.target.endswith(RUN_TASK)
    }


def _starts_on(cluster: str, arn: str) -> bool:
    return ":ecs:" in arn and arn.endswith(f"/{cluster}")


def jobs(account: "Account", found: Iterable["Rule"], app: str) -> tuple[list[Job], list[NotTaken]]:
    """The jobs of these rules; a rule that starts a state machine is what that starts."""
    found = list(found)
    arns = sorted({arn for rule in found if (arn := job.starts_a_machine(rule))})
    machines = dict(zip(arns, _machines(account, arns), strict=True)) if arns else {}
    taken: list[Job] = []
    not_taken: list[NotTaken] = []
    for rule in found:
        try:
            if arn := job.starts_a_machine(rule):
                taken.append(copilot.job_of_machine(rule, app, arn.rpartition(":")[2], machines[arn]))
            else:
                taken.append(job.job_of_rule(rule, app))
        except CannotTakeError as error:
            not_taken += [(rule.name, reason) for reason in error.reasons]
    return taken, not_taken


def jobs_of_scheduler(
    account: "Account", found: Iterable[Listed], app: str, own_group: str = ""
) -> tuple[list[Job], list[NotTaken]]:
    """The jobs of these schedules; `own_group`: as in `job_of_schedule`."""
    found = list(found)
    scheduler = account.client("scheduler")
    arns = sorted({each.machine for each in found if each.machine})
    machines = dict(zip(arns, _machines(account, arns), strict=True)) if arns else {}
    asked = [each for each in found if each.may_start_a_task]

    def read(each: Listed) -> Mapping[str, Any] | None:
        try:
            shown: Mapping[str, Any] = scheduler.get_schedule(GroupName=each.group, Name=each.name)
        except scheduler.exceptions.ResourceNotFoundException:  # deleted since it was listed, as after its one time
            return None
        return shown

    shown = in_parallel(read, asked)
    gone = {each.path for each, one in zip(asked, shown, strict=True) if one is None}
    whole = {each.path: one for each, one in zip(asked, shown, strict=True) if one}
    taken: list[Job] = []
    not_taken: list[NotTaken] = []
    for each in (each for each in found if each.path not in gone):
        machine = machines.get(each.machine or "", "{}")
        try:
            taken.append(job_of_schedule(each, whole.get(each.path, {}), app, own_group, machine, account.now()))
        except CannotTakeError as error:
            not_taken += [(each.path, reason) for reason in error.reasons]
    return taken, not_taken


def definitions(account: "Account", found: Iterable[Job]) -> dict[str, "Content | None"]:
    """The content of each task definition that the jobs run; None for one that is gone."""
    ecs = account.client("ecs")
    arns = sorted({each.task_definition for each in found})
    revisions = in_parallel(lambda arn: find_revision(ecs, arn), arns)
    return {arn: revision.content if revision else None for arn, revision in zip(arns, revisions, strict=True)}


def _machines(account: "Account", arns: Iterable[str]) -> list[str]:
    """The definition of each state machine; an empty one for one that is gone."""
    states = account.client("stepfunctions")

    def read(arn: str) -> str:
        try:
            return str(states.describe_state_machine(stateMachineArn=arn)["definition"])
        except states.exceptions.StateMachineDoesNotExist:
            return json.dumps({})

    return in_parallel(read, arns)
