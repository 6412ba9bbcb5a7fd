"""The checks before the first write. Pure.

A problem is a sentence that says where it is, what is wrong and what would be right.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rota.ecs import arns, jobs, secrets, service_deployments, task_definitions
from rota.ecs.derive import derive_content, target_overrides
from rota.errors import SHORT_SERVICE_ARN, listed
from rota.schedule_file.fargate_sizes import FARGATE_MEMORY
from rota.schedule_file.task import (
    LARGEST_TASK_DEFINITION,
    MOST_SECURITY_GROUPS,
    MOST_SUBNETS,
    MOST_TAGS,
    Task,
)
from rota.schedules import backend
from rota.tracing import VARIABLES

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

    from rota.ecs.task_definitions import Revision
    from rota.schedule_file.task import Runnable
    from rota.schedules.backend import Schedule
    from rota.settings import Settings

_MINUTES_OF_A_DAY = 24 * 60
# 30 days: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
_LONGEST_SERVICE_DEPLOYMENT = 30 * _MINUTES_OF_A_DAY
LONGEST_ROLLOUT = 2880
"""The most that the parameter RolloutTimeoutMinutes takes."""
_ADDED_TAGS = 5
# A deployment may take so long until the last schedule is there.
_MADE_WITHIN = timedelta(minutes=10)
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html
_WITH_STORAGE = (1, 4, 0)


def _placed(tasks: Sequence["Runnable"]) -> "Iterator[tuple[str, Runnable]]":
    """Each with its place in the schedule file: `tasks[0]`, `before`."""
    for index, task in enumerate(tasks):
        yield f"tasks[{index}]" if isinstance(task, Task) else task.key, task


def _called(task: "Runnable") -> str:
    return f"the task {task.name}" if isinstance(task, Task) else task.key


def problems_of_starting_tasks(base: "Revision", settings: "Settings", tasks: Sequence["Runnable"]) -> Iterator[str]:
    """What keeps every task from starting, which ECS reports only when a rule fires."""
    if not tasks:
        return
    for parameter, given, most in (
        ("SubnetIds", settings.subnets, MOST_SUBNETS),
        ("SecurityGroupIds", settings.security_groups, MOST_SECURITY_GROUPS),
    ):
        if len(given) > most:
            yield (
                f"the parameter {parameter} names {len(given)}, and ECS takes {most} at most, so no scheduled task "
                "could start; take some of them out"
            )
    if _chosen(base, settings):
        for name, reason in jobs.needed_and_left_out(base.content, settings).items():
            yield (
                f"the container {settings.container} of the task definition {arns.short_name(base.arn)} needs {name}, "
                f"which {reason}, so no scheduled task could start; let {name} wait for nothing or for its START"
            )
    # EventBridge's EcsParameters have no volumeConfigurations, without which ECS starts no such task.
    volumes = [volume["name"] for volume in base.content.get("volumes", []) if volume.get("configuredAtLaunch")]
    if volumes:
        yield (
            f"the task definition {arns.short_name(base.arn)} has volumes that are configured at launch, "
            f"{', '.join(volumes)}, which EventBridge cannot do, so no scheduled task could start; use volumes of "
            "another kind, such as EFS"
        )


def problems_of_actions(settings: "Settings", tasks: Sequence["Task"]) -> Iterator[str]:
    """The keys that have Rota stop or start runs, where the stack's parameters do not let it, a line each."""
    may = {"stop": settings.stops_runs, "start": settings.starts_runs}
    # One value for all keys, and for what is on already.
    needed = {action for task in tasks for action in task.actions.values()} | {settings.run_actions} - {"none"}
    wanted, reason = (
        f"RunActions to {'both' if len(needed) > 1 else ''.join(needed)}",
        f"RunActions is {settings.run_actions}",
    )
    if not settings.watch_runs:
        wanted, reason = f"WatchRuns to true and {wanted}", "WatchRuns is false"
    asked: set[str] = set()
    for index, task in enumerate(tasks):
        for key, action in task.actions.items():
            if may[action]:
                continue
            given, off = json.dumps(getattr(task, key)), json.dumps(type(task).model_fields[key].default)
            yield (
                f"tasks[{index}].{key}: {given} has Rota {action} runs, and the parameter {reason}; "
                f"{_ask(asked, f'set {wanted}')}, or write {off}"
            )


def _ask(asked: set[str], what: str) -> str:
    """What the operator is asked to do: in words once, and after that `as above`."""
    if what in asked:
        return "as above"
    asked.add(what)
    return f"have the operator {what}"


def problems_of_past_times(
    settings: "Settings", tasks: Sequence["Task"], schedules: Mapping[str, "Schedule"], now: datetime
) -> Iterator[str]:
    """The times of new or changed tasks that run once, where the schedule may be made too late, a line each. One that
    is there already may be past: its task has run.
    """
    for index, task in enumerate(tasks):
        if task.at is None or not task.enabled:
            continue
        from rota.schedule_file.next_runs import runs_after  # noqa: PLC0415  here, because few tasks run once

        if next(runs_after(task.when, now + _MADE_WITHIN), None):
            continue
        current = schedules.get(backend.name_of(task, settings))
        known = backend.when_of(current) if current else None
        if known is None or (known.expression, known.timezone) != (task.when.expression, task.when.timezone):
            yield (
                f"tasks[{index}].at: {task.at} in {task.when.timezone} is past, or less than "
                f"{_MADE_WITHIN // timedelta(minutes=1)} minutes ahead, when the schedule may not be made yet; write a "
                "later time, or take the task out"
            )


def problems_of_capacity_providers(
    settings: "Settings", tasks: Sequence["Runnable"], of_cluster: Collection[str]
) -> Iterator[str]:
    """The capacity providers that tasks name and the cluster does not have: ECS would start no run of them."""
    for place, task in _placed(tasks):
        if missing := sorted({*(task.capacity_provider or ())} - {*of_cluster}):
            yield (
                f"{place}.capacity_provider: the cluster {settings.cluster} does not have "
                f"{' and '.join(missing)}; have the operator add that with aws ecs put-cluster-capacity-providers, "
                "beside those that it has, or leave the key out"
            )


def problems_of_events_role(settings: "Settings", tasks: Sequence["Task"]) -> Iterator[str]:
    """The keys for which the role that starts tasks lacks a right, so that no run would start, a line each."""
    asked: set[str] = set()
    for index, task in enumerate(tasks):
        for key, right in task.rights.items():
            if right not in settings.events_role_allows:
                ask = f"{_ask(asked, f'add {right}')}, or leave the key out"
                yield f"tasks[{index}].{key}: {_not_allowed(right)}; {ask}"


def problems_of_kept_rights(settings: "Settings", task: "Task", kept: Mapping[str, str]) -> Iterator[str]:
    """What the task's target keeps, as a script or a person set it, and the role that starts it may not."""
    for member, right in kept.items():
        if right not in settings.events_role_allows:
            yield (
                f"the target of {task.name} has {member}: {_not_allowed(right)}; add {right}, or put the target "
                "without it"
            )


def _not_allowed(right: str) -> str:
    what = "tag the tasks that it starts" if right == "tags" else "start tasks with ECS Exec"
    return f"the parameter EventsRoleAllows does not say that the role of EventBridge may {what}"


def problems_of_execute_command(base: "Revision", tasks: Sequence["Task"]) -> Iterator[str]:
    """Where ECS starts no run with ECS Exec, because the task has no role."""
    if base.content.get("taskRoleArn"):
        return
    for index, task in enumerate(tasks):
        if task.enable_execute_command and not task.role:
            yield (
                f"tasks[{index}].enable_execute_command: ECS Exec needs a task role, and the task definition "
                f"{arns.short_name(base.arn)} has none; give the task a role, or leave the key out"
            )


def problems_of_task_tags(base: "Revision", settings: "Settings", tasks: Sequence["Task"]) -> Iterator[str]:
    """Where a run would have more tags than ECS takes, with those of its revision; and tags that no schedule of its
    kind may have.
    """
    inherited = task_definitions.inherited_tags(base)
    for index, task in enumerate(tasks):
        tags = len({*inherited, *(task.tags or ())}) + _ADDED_TAGS
        if task.propagate_tags and tags > MOST_TAGS:
            yield (
                f"tasks[{index}].propagate_tags: with those of its revision a run would have {tags} tags, and ECS "
                f"takes {MOST_TAGS}; leave some out"
            )
        yield from (f"tasks[{index}].tags: {problem}" for problem in backend.problems_of_tags(task, settings))


def problems_of_roles(settings: "Settings", tasks: Sequence["Runnable"]) -> Iterator[str]:
    """The roles of tasks that Rota may not pass to ECS, a line each."""
    for place, task in _placed(tasks):
        if task.role and task.role not in settings.task_role_arns:
            yield (
                f"{place}.role: the parameter TaskRoleArns does not list {task.role}; have the operator add it, "
                "or name one that it lists"
            )


def problems_of_secrets(
    settings: "Settings", base: "Revision", tasks: Sequence["Runnable"], cluster_arn: str, missing: Collection[str]
) -> Iterator[str]:
    """The secrets of tasks without which ECS starts no run, or that the stack does not allow, a line each. `missing`:
    ARNs of those that are not there.
    """
    for place, task in _placed(tasks):
        named = secrets.arns_of(task, cluster_arn)
        if refused := sorted(
            name for name, arn in named.items() if not secrets.is_allowed(arn, settings.secrets_allowed)
        ):
            yield (
                f"{place}.secrets: the parameter SecretsAllowed has no pattern for what {listed(refused)} "
                f"{'name' if len(refused) > 1 else 'names'}; have the operator add "
                f"{listed([*dict.fromkeys(named[name] for name in refused)])}, or name a secret that it allows"
            )
        for name in sorted(name for name, arn in named.items() if arn in missing):
            yield f"{place}.secrets.{name}: there is no such secret, or it is being deleted; correct its name"
        if named and not base.content.get("executionRoleArn"):
            yield (
                f"{place}.secrets: ECS reads secrets with the execution role, and the task definition "
                f"{arns.short_name(base.arn)} has none; register a revision with executionRoleArn"
            )


def problems_of_platform(base: "Revision", settings: "Settings", tasks: Sequence["Runnable"]) -> Iterator[str]:
    """What Fargate's platform cannot do for a task, so that ECS starts no run of it, a line each."""
    windows = str((base.content.get("runtimePlatform") or {}).get("operatingSystemFamily")).startswith("WINDOWS")
    for place, task in _placed(tasks):
        version = task.platform_version or settings.platform_version
        if task.ephemeral_storage and not windows and version != "LATEST" and _number(version) < _WITH_STORAGE:
            yield (
                f"{place}.ephemeral_storage: Fargate's platform version {version} cannot do that; write "
                '"platform_version": "LATEST", or leave the key out'
            )
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
        if windows and "FARGATE_SPOT" in (task.capacity_provider or ()):
            yield (
                f"{place}.capacity_provider: the task definition {arns.short_name(base.arn)} runs on Windows, "
                "and FARGATE_SPOT does not; leave it out"
            )


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def problems_of_networks(settings: "Settings", tasks: Sequence["Runnable"], vpcs: Mapping[str, str]) -> Iterator[str]:
    """What keeps ECS from starting tasks in a network of their own, or that the stack allows none, a line each. `vpcs`:
    of each subnet and security group that there is, by its ID.
    """
    asked: set[str] = set()
    for place, task in _placed(tasks):
        if task.network and settings.task_networks == "stack":
            yield (
                f"{place}.{next(iter(task.network))}: the parameter TaskNetworks is stack, so every task runs "
                f"in the stack's network; {_ask(asked, 'set TaskNetworks to any')}, or leave the key out"
            )
        elif task.network:
            yield from _problems_of_network(place, task, settings, vpcs)


def _problems_of_network(place: str, task: "Runnable", settings: "Settings", vpcs: Mapping[str, str]) -> Iterator[str]:
    found: dict[str, str] = {}
    for key, given in (("subnets", task.subnets), ("security_groups", task.security_groups)):
        if missing := [each for each in given or () if each not in vpcs]:
            yield f"{place}.{key}: {', '.join(missing)} is not in this account and Region; correct it"
        found |= {vpcs[each]: each for each in given or getattr(settings, key) if each in vpcs}
    if len(found) > 1:
        named = ", ".join(f"{each} in {vpc}" for vpc, each in sorted(found.items()))
        yield (
            f"{place}: its subnets and security groups are in different VPCs, {named}; name subnets and "
            "security_groups of one VPC"
        )


def problems_of_service(description: "ServiceTypeDef", settings: "Settings") -> Iterator[str]:
    """What keeps Rota from deploying to this service, a sentence each."""
    if description["status"] != "ACTIVE":
        yield (
            f"the service {settings.service} is {description['status']}, so it was deleted; create it again, and let "
            "it start its tasks"
        )
    controller = description.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        yield (
            f"the service {settings.service} is deployed by {controller}; "
            "Rota rolls services with the deployment controller ECS only: give it that one"
        )
    if (service := description.get("serviceArn", "")).endswith(f":service/{settings.service}"):
        yield f"the service {settings.service} has the ARN {service}: {SHORT_SERVICE_ARN}"
    yield from _problems_of_rollout_time(description, settings)
    for attached in [*description.get("loadBalancers", []), *description.get("serviceRegistries", [])]:
        if attached.get("containerName") == settings.container:
            yield from _other_port(attached.get("containerPort"), "", settings)
    # One of the controller EXTERNAL has none.
    if "taskDefinition" in description and (ran := arns.family(description["taskDefinition"])) != settings.family:
        yield (
            f"the service {settings.service} runs the task-definition family {ran}, "
            f"but the parameter TaskDefinitionFamily says {settings.family}; correct that, or let the service run a "
            "revision of that family"
        )


def _problems_of_rollout_time(description: "ServiceTypeDef", settings: "Settings") -> Iterator[str]:
    """What lets a healthy rollout last longer than Rota waits for it, or keeps what a restore needs."""
    configuration, limit = description.get("deploymentConfiguration", {}), settings.rollout_timeout_minutes
    baked, waits = service_deployments.bakes(configuration), service_deployments.pauses(configuration)
    minutes, waiting = sum(baked.values()), min(sum(waits.values()), _LONGEST_SERVICE_DEPLOYMENT)
    if minutes >= limit:
        longer = f"set it to more than {minutes:,}, with the time that the tasks take to start, or bake for less"
        yield (
            f"each rollout of the service {settings.service} bakes for {minutes:,} minutes ({', '.join(baked)}), and "
            f"the parameter RolloutTimeoutMinutes says {limit:,}, so it would fail although it is healthy; "
            f"{longer if minutes < LONGEST_ROLLOUT else f'it is {LONGEST_ROLLOUT:,} at most, so bake for less'}"
        )
    days = math.ceil((waiting + limit) / _MINUTES_OF_A_DAY)
    if waits and days > settings.history_days:
        yield (
            f"a rollout of the service {settings.service} may wait for a person for {waiting:,} minutes "
            f"({', '.join(waits)}), and the parameter HistoryDays keeps what a restore needs for "
            f"{settings.history_days} days; set it to {days} or more"
        )


def problems_of_published_ports(description: "ServiceTypeDef", base: "Revision", settings: "Settings") -> Iterator[str]:
    """A sentence for each port that the service publishes by its mapping's name and that is not the API's."""
    published: dict[str, str] = {}
    for deployment in description.get("deployments", []):
        if deployment["status"] == "PRIMARY":
            connect = deployment.get("serviceConnectConfiguration")
            if connect and connect["enabled"]:
                published |= {each["portName"]: "Service Connect" for each in connect.get("services", [])}
            published |= {each["portName"]: "VPC Lattice" for each in deployment.get("vpcLatticeConfigurations", [])}
    for mapping in _mappings(base, settings):
        if name := published.get(mapping.get("name", "")):
            yield from _other_port(mapping.get("containerPort"), f" by {name}, as {mapping['name']}", settings)


def _other_port(port: int | None, how: str, settings: "Settings") -> Iterator[str]:
    """A sentence if others reach the API at a port that is not the parameter's."""
    if port and settings.api_port is not None and port != settings.api_port:
        yield (
            f"the service {settings.service} is reached at port {port} of {settings.container}{how}, but the parameter "
            f"ApiPort says {settings.api_port}; set ApiPort to base or to {port}"
        )


def problems_of_deriving_revisions(base: "Revision", settings: "Settings") -> Iterator[str]:
    """What keeps Rota from deriving revisions of this base, a sentence each."""
    name = arns.short_name(base.arn)
    containers = [container["name"] for container in base.content["containerDefinitions"]]
    if settings.container not in containers:
        yield (
            f"the task definition {name} has no container {settings.container}, which the parameter ContainerName "
            f"names; it has {', '.join(containers)}: set ContainerName to the one that runs the jobs"
        )
    yield from _problems_of_ports(base, settings)
    yield from problems_of_task_roles(base, settings)
    yield from _problems_of_fargate(base)
    container = _chosen(base, settings)
    named = {each["name"] for each in [*container.get("environment", []), *container.get("secrets", [])]}
    if own := [variable for variable in VARIABLES if variable in named]:
        yield (
            f"the container {settings.container} of the task definition {name} has {' and '.join(own)}, which Rota "
            "sets itself in each job; register a revision in which it has another name"
        )
    tags = len(task_definitions.inherited_tags(base))
    if tags + _ADDED_TAGS > MOST_TAGS:
        yield (
            f"the task definition {name} has {tags} tags; Rota adds {_ADDED_TAGS}, and ECS allows {MOST_TAGS}: "
            f"register a revision with {MOST_TAGS - _ADDED_TAGS} at most"
        )


def _problems_of_fargate(base: "Revision") -> Iterator[str]:
    """What keeps the base from running on Fargate, or that ECS says so without a reason that is seen here."""
    name, mode, runs_on = arns.short_name(base.arn), base.content.get("networkMode"), base.compatibilities
    if mode != "awsvpc":
        yield f"the task definition {name} has the network mode {mode}, Fargate needs awsvpc: register one with it"
    if not _has_size(base):
        yield (
            f"the task definition {name} does not set cpu and memory of the whole task, which Fargate needs: register "
            "a revision with both"
        )
    if mode == "awsvpc" and _has_size(base) and runs_on is not None and "FARGATE" not in runs_on:
        yield (
            f"the task definition {name} cannot run on Fargate, only on {', '.join(runs_on)}, and jobs run on Fargate, "
            "whatever capacity provider the service has; register one with requiresCompatibilities FARGATE, and ECS "
            "will name the reason"
        )


def _problems_of_ports(base: "Revision", settings: "Settings") -> Iterator[str]:
    """A sentence if `ApiPort` is a number, and no port mapping of the chosen container is clearly the API's."""
    port, mappings = settings.api_port, _mappings(base, settings)
    if port is None or any(mapping.get("containerPort") == port for mapping in mappings):
        return
    if len(mappings) > 1 or any("containerPortRange" in mapping for mapping in mappings):
        yield (
            f"no port mapping of {settings.container} in the task definition {arns.short_name(base.arn)} has the "
            f"port {port}, which the parameter ApiPort names, and Rota cannot know which mapping is the API's; "
            f"map {port} there, or set ApiPort to the API's port, or to base, which leaves the mappings as they are"
        )


def _mappings(base: "Revision", settings: "Settings") -> list[dict[str, Any]]:
    """The port mappings of the chosen container."""
    return _chosen(base, settings).get("portMappings") or []


def _chosen(base: "Revision", settings: "Settings") -> dict[str, Any]:
    """The chosen container; empty where the base has none of that name, which `problems_of_deriving_revisions` says."""
    names = {container["name"] for container in base.content["containerDefinitions"]}
    return jobs.chosen(base.content, settings) if settings.container in names else {}


def problems_of_task_roles(definition: "Revision", settings: "Settings") -> Iterator[str]:
    """The roles of a definition that Rota may not pass to ECS, a sentence each."""
    for role in (definition.content.get("taskRoleArn"), definition.content.get("executionRoleArn")):
        if role and role not in settings.task_role_arns:
            yield (
                f"the task definition {arns.short_name(definition.arn)} names the role {role}, "
                "which the parameter TaskRoleArns does not list; list it there too"
            )


def problems_of_sizes(base: "Revision", settings: "Settings", tasks: Sequence["Runnable"]) -> Iterator[str]:
    """Where a task's own cpu or memory does not go together with the rest of the base, a line each.

    A base without a size is the operator's to correct first (`problems_of_deriving_revisions` says so).
    """
    if not _has_size(base):
        return
    left_out = jobs.left_out(base.content, settings)
    others = [c for c in base.content["containerDefinitions"] if c["name"] not in {settings.container, *left_out}]
    reserved = sum(int(c.get("memory") or c.get("memoryReservation") or 0) for c in others)
    taken = sum(int(c.get("cpu") or 0) for c in others)
    for place, task in _placed(tasks):
        if not (task.cpu or task.memory):
            continue
        cpu, memory = task.cpu or int(base.content["cpu"]), task.memory or int(base.content["memory"])
        if memory not in FARGATE_MEMORY.get(cpu, ()):
            yield (
                f"{place}: with the base task definition this makes cpu {cpu} and memory {memory}, which "
                f"Fargate does not offer together; set both cpu and memory"
            )
        if reserved >= memory:
            yield (
                f"{place}.memory: the other containers of the task definition alone reserve {reserved} MiB; "
                "give the task more"
            )
        if taken >= cpu:
            yield (
                f"{place}.cpu: the other containers of the task definition alone take {taken} units; give the task more"
            )


def problems_of_lengths(
    base: "Revision", settings: "Settings", image_uri: str, tasks: Sequence["Runnable"]
) -> Iterator[str]:
    """Where a task's revision would be longer than ECS allows, as the SDK writes it, a line each.

    A base without the container is the operator's to correct first (`problems_of_deriving_revisions` says so).
    """
    if not _chosen(base, settings):
        return
    for place, task in _placed(tasks):
        if isinstance(task, Task) and target_overrides(base, settings, task):
            continue
        length = len(json.dumps(derive_content(base, settings, image_uri, task)))
        if length > LARGEST_TASK_DEFINITION:
            yield (
                f"{place}: with the base task definition this makes {length:,} characters, and ECS allows a "
                f"whole task definition {LARGEST_TASK_DEFINITION:,}; keep large values in S3, SSM or Secrets Manager"
            )


def problems_of_entry_point(base: "Revision", settings: "Settings", tasks: Sequence["Runnable"]) -> Iterator[str]:
    """What the entry point of the chosen container does not run of the commands that Rota gives it."""
    entry_point = _chosen(base, settings).get("entryPoint") or []
    commands = [(_called(task), task.command_line(settings.start_command)) for task in tasks]
    if settings.api_command is not None:
        commands.append(("the service", settings.api_command))
    found = [(who, lost) for who, command in commands if (lost := jobs.swallowed(entry_point, command))]
    if found:
        who, lost = found[0]
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield (
            f"the container {settings.container} of the task definition {arns.short_name(base.arn)} has the entry "
            f"point {json.dumps(entry_point)}, which runs one word and drops the others: {who}{others} would run "
            f"without {' '.join(lost)}. Register a revision without entryPoint, or with one that runs all its "
            'arguments, such as ["sh", "-c", "exec \\"$0\\" \\"$@\\""]'
        )


def _has_size(base: "Revision") -> bool:
    return bool(base.content.get("cpu") and base.content.get("memory"))
