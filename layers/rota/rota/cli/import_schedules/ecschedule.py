"""The file of ecschedule, https://github.com/Songmu/ecschedule, as jobs; without asking AWS. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rota.cli.import_schedules.compare import Place
from rota.cli.import_schedules.guess import start_command
from rota.cli.import_schedules.job import CannotTakeError, Job, NotTaken, kept
from rota.cli.local_file.source import Finding
from rota.ecs.task_definitions import Revision
from rota.settings import Settings

_TEMPLATE = re.compile(r"\{\{.*?\}\}")
# Keys of the file that a rule may repeat.
_SHARED = {"region", "cluster", "accountId", "trackingId", "role"}
_OF_A_RULE = {
    *("name", "description", "scheduleExpression", "disabled", "targetId", "taskDefinition", "taskCount", "role"),
    *("containerOverrides", "group", "launch_type", "platform_version", "network_configuration", "dead_letter_config"),
    *("propagateTags", "capacityProviderStrategy", "region", "cluster", "accountId", "trackingId"),
}
_DEFAULT_ROLE = "ecsEventsRole"
_REPOSITORY = "the-repository"


def problems(text: str) -> Iterator[Finding]:
    """What keeps the file from being read: templates, whose values ecschedule alone knows."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TEMPLATE.search(line):
            yield Finding("", f"{found[0]} is a template of ecschedule; write its value", number)


def read(document: Mapping[str, Any]) -> tuple[list[Job], list[NotTaken]]:
    """The jobs of the file, and for each rule that is none its name and why."""
    jobs, not_taken = [], []
    for number, rule in enumerate(document.get("rules") or []):
        name = str(rule.get("name", f"rules[{number}]"))
        try:
            jobs.append(_job(name, {**_shared(document), **rule}))
        except CannotTakeError as error:
            not_taken += [(name, reason) for reason in error.reasons]
    return jobs, not_taken


def place_of(jobs: Sequence[Job], prefix: str) -> Place:
    """Where most of the jobs run. The service itself is not in the file."""
    network = _most(_network(job) for job in jobs) or ((), (), "DISABLED")
    containers = [each.get("name") for job in jobs for each in job.overrides.get("containerOverrides", [])]
    container = _most(containers) or "app"
    commands = [each.get("command") or [] for job in jobs for each in job.overrides.get("containerOverrides", [])]
    cluster, family = _most(job.cluster for job in jobs) or "", _most(job.family for job in jobs) or ""
    settings = Settings.model_validate(
        {
            "repository": _REPOSITORY,
            "cluster": cluster,
            "service": "",
            "family": family,
            "container": container,
            "start_command": start_command(commands),
            "rule_prefix": prefix,
            "subnets": network[0],
            "security_groups": network[1],
            "assign_public_ip": network[2],
            "events_role_arn": "",
            "task_role_arns": (),
            "schedule_keys": (),
            "bucket": "",
            "table": "",
        }
    )
    image = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/{_REPOSITORY}:x"
    content = {"family": family, "containerDefinitions": [{"name": container, "image": image}]}
    return Place(settings, Revision(arn=family, active=True, content=content, tags={}), offline=True)


def parameters(place: Place, jobs: Sequence[Job]) -> dict[str, str]:
    """What the file says that parameters of the stack will have to."""
    settings = place.settings
    said = {
        "ClusterName": settings.cluster,
        "TaskDefinitionFamily": settings.family,
        "ContainerName": settings.container,
        "StartCommand": " ".join(settings.start_command),
        "RulePrefix": settings.rule_prefix,
        "SubnetIds": ",".join(settings.subnets),
        "SecurityGroupIds": ",".join(settings.security_groups),
        "AssignPublicIp": settings.assign_public_ip if settings.assign_public_ip != "DISABLED" else "",
        "FormerEventsRoleArns": ",".join(sorted({job.role for job in jobs})),
    }
    return {name: value for name, value in said.items() if value}


def _job(name: str, rule: Mapping[str, Any]) -> Job:
    reasons = [f"has no {key}" for key in ("scheduleExpression", "taskDefinition") if not rule.get(key)]
    unknown = sorted(rule.keys() - _OF_A_RULE)
    reasons += [f"has the key {key}, which is not known to be one of ecschedule" for key in unknown]
    if reasons:
        raise CannotTakeError(*reasons)
    vpc = (rule.get("network_configuration") or {}).get("aws_vpc_configuration") or {}
    network = {
        "Subnets": vpc.get("subnets") or [],
        "SecurityGroups": vpc.get("security_groups") or [],
        "AssignPublicIp": vpc.get("assign_public_ip") or "DISABLED",
    }
    ecs = {
        "TaskDefinitionArn": str(rule["taskDefinition"]),
        "TaskCount": rule.get("taskCount") or 1,
        "LaunchType": rule.get("launch_type"),
        "PlatformVersion": str(rule["platform_version"]) if rule.get("platform_version") else None,
        "NetworkConfiguration": {"awsvpcConfiguration": network} if vpc else None,
        "CapacityProviderStrategy": rule.get("capacityProviderStrategy"),
        "Group": rule.get("group"),
        "PropagateTags": rule.get("propagateTags"),
    }
    ecs = {member: value for member, value in ecs.items() if value}
    target = {"EcsParameters": ecs, "DeadLetterConfig": rule.get("dead_letter_config")}
    role = str(rule.get("role") or _DEFAULT_ROLE)
    overrides = [_overrides(each) for each in rule.get("containerOverrides") or []]
    return Job(
        rule=name,
        name=name,
        expression=str(rule["scheduleExpression"]),
        ecs=ecs,
        cluster=str(rule.get("cluster") or "default"),
        enabled=not rule.get("disabled"),
        description=str(rule.get("description") or ""),
        overrides={"containerOverrides": overrides} if overrides else {},
        role=role if role.startswith("arn:") else f"arn:aws:iam::{rule.get('accountId', 'ACCOUNT')}:role/{role}",
        kept=kept(target),
    )


def _overrides(given: Mapping[str, Any]) -> dict[str, Any]:
    """As ECS has them; ecschedule takes variables as an object, and numbers and booleans for text."""
    environment = [{"name": key, "value": _text(value)} for key, value in (given.get("environment") or {}).items()]
    others = {key: value for key, value in given.items() if key not in ("environment", "command")}
    command = [_text(each) for each in given.get("command") or []]
    return {
        **others,
        **({"command": command} if command else {}),
        **({"environment": environment} if environment else {}),
    }


def _text(value: Any) -> str:
    return getattr(value, "text", None) or (str(value).lower() if isinstance(value, bool) else str(value))


def _network(job: Job) -> tuple[tuple[str, ...], tuple[str, ...], str] | None:
    network = job.ecs.get("NetworkConfiguration", {}).get("awsvpcConfiguration")
    if not network:
        return None
    return tuple(network["Subnets"]), tuple(network["SecurityGroups"]), network["AssignPublicIp"]


def _shared(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key in _SHARED}


def _most(values: Any) -> Any:
    """The most frequent of the values that are there; None without one."""
    return next((value for value, _ in Counter(filter(None, values)).most_common(1)), None)
