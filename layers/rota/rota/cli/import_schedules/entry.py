"""A job as a task of the schedule file, with everything that no key can say of it. Pure."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rota.cli.import_schedules import compare
from rota.cli.import_schedules.compare import Place, container_of
from rota.cli.import_schedules.job import CannotTakeError, Job, NotTaken, weights
from rota.ecs.images import is_of_repository_named
from rota.ecs.jobs import variables_of
from rota.sanitise import is_named_like_a_secret
from rota.schedule_file.expression import normalise_expression, one_time
from rota.schedule_file.parse import tasks_or_problems
from rota.schedule_file.retry_age import retry_age
from rota.schedule_file.task import CAPACITY_PROVIDERS, MOST_COPIES, TASK_NAME, Task
from rota.schedules.eventbridge_rules.rule import LONGEST_AGE
from rota.schedules.eventbridge_rules.watching import MOST_ATTEMPTS

if TYPE_CHECKING:
    from rota.ecs.fingerprint import Content
    from rota.settings import Settings

_SAID = {"name", "command", "environment"}


@dataclass(frozen=True)
class Taken:
    """A task of the schedule file, and what differs from what runs today."""

    job: Job
    entry: dict[str, Any]
    remarks: tuple[str, ...]
    in_place: bool
    task: Task
    unsaid: tuple[str, ...] = ()
    """The names of variables that its target sets and the task does not: a deployment is refused until it does."""


def take(job: Job, place: Place, definition: "Content | None") -> Taken:
    """The job's task; `definition` is the content of its task definition, None if that is gone.

    CannotTakeError names everything that keeps it out of a schedule file.
    """
    settings, remarks = place.settings, [*job.remarks]
    reasons = [*_elsewhere(job, settings)]
    container = _container(job, settings, definition)
    reasons += container if isinstance(container, list) else []
    if reasons or isinstance(container, list):
        raise CannotTakeError(*reasons)
    if definition is None and not place.offline:
        remarks.append(f"its task definition {job.revision} is gone; what it said beside the command is not known")
    today = compare.runs_today(definition or place.base.content, job, container, settings)
    own = container_of(today, settings.container)
    if not own.get("command"):
        named = {"name": job.name.removeprefix(place.prefix), "command": ["..."], **when(job)}
        raise CannotTakeError(
            f"runs the image's own command, which ECS does not know; write it into a task: {json.dumps(named)}"
        )
    entry = {"name": job.name.removeprefix(place.prefix), **what(own["command"], settings.start_command), **when(job)}
    entry |= _sizes(today, place.base.content)
    environment, secret = _environment(own, container_of(place.base.content, settings.container))
    entry |= {"environment": environment} if environment else {}
    entry |= _keys_of_definition(today, place.base.content, settings.container)
    in_place = job.in_place and job.name.startswith(place.prefix)
    unsaid = tuple(sorted({*secret} & job.variables)) if in_place and not job.group else ()
    remarks += _of_secrets(secret, unsaid)
    entry |= _how(job, settings, in_place=in_place)
    file = json.dumps({"tasks": [entry]}).encode()
    tasks, problems = tasks_or_problems(file, rule_prefix=place.prefix, max_tasks=1)
    if problems:
        raise CannotTakeError(*(str(each).removeprefix("tasks[0].") for each in problems))
    (task,) = tasks
    remarks += compare.differences(job, place, today, task)
    remarks += compare.changes_of_rule(job, place, task, in_place=in_place)
    return Taken(job, entry, tuple(remarks), in_place, task, unsaid)


def _of_secrets(secret: Collection[str], unsaid: Collection[str]) -> Iterator[str]:
    """What is to be done about variables that may be secret; `unsaid` are those that a deployment does not drop."""
    if dropped := [name for name in secret if name not in unsaid]:
        be = "is" if len(dropped) == 1 else "are"
        yield (
            f"{', '.join(dropped)} may be secret, and {be} not written: put it into Secrets Manager and the task "
            "definition, or into the task's environment"
        )
    if unsaid:
        it, be = ("it", "is") if len(unsaid) == 1 else ("each", "are")
        yield (
            f"{', '.join(unsaid)} may be secret, and {be} not written. Every deployment is refused until the task says "
            f"{it}: in secrets, as a secret of Secrets Manager or a parameter of SSM, or in environment. The task "
            "definition alone does not do"
        )


def take_all(
    jobs: Iterable[Job], place: Place, definitions: Mapping[str, "Content | None"]
) -> tuple[list[Taken], list[NotTaken]]:
    """The tasks of these jobs, and for each of the others its rule's name and why; `definitions`: by ARN."""
    taken: list[Taken] = []
    not_taken: list[NotTaken] = []
    names: dict[str, str] = {}
    for job in jobs:
        try:
            made = take(job, place, definitions.get(job.task_definition))
        except CannotTakeError as error:
            not_taken += [(job.rule, reason) for reason in error.reasons]
            continue
        name = made.entry["name"]
        if other := names.setdefault(name, job.rule) != job.rule and names[name]:
            not_taken.append((job.rule, f"would be the task {name}, as {other} is; give it another name"))
        else:
            taken.append(made)
    return taken, not_taken


def what(command: Sequence[str], start_command: Sequence[str]) -> dict[str, Any]:
    """The key that says what to run: `task` where the start command begins the command."""
    *start, last = command
    if start and start == [*start_command] and re.fullmatch(TASK_NAME, last):
        return {"task": last}
    return {"command": [*command]}


def when(job: Job) -> dict[str, Any]:
    """The keys that say when to run, and whether."""
    kind, _, rest = job.expression.strip().removesuffix(")").partition("(")
    keys: dict[str, Any] = {kind: rest} if kind in ("cron", "rate", "at") else {"schedule": job.expression}
    keys |= job.bounds
    keys |= {} if job.enabled else {"enabled": False}
    return keys | ({"description": job.description} if job.description else {})


def _elsewhere(job: Job, settings: "Settings") -> Iterator[str]:
    """What of where it runs no key can say, and a deployment would refuse."""
    if (cluster := job.cluster.rpartition("/")[2]) != settings.cluster:
        yield f"runs on the cluster {cluster}, and the app on {settings.cluster}"
    launch, providers = job.ecs.get("LaunchType"), job.ecs.get("CapacityProviderStrategy") or []
    foreign = sorted({each["capacityProvider"] for each in providers} - CAPACITY_PROVIDERS)
    if launch not in (None, "FARGATE") or foreign:
        yield f"runs on {', '.join(foreign) or launch}, and jobs run on Fargate"
    for member in ("PlacementConstraints", "PlacementStrategy"):
        if job.ecs.get(member):
            yield f"has {member}, which Fargate does not"
    if (count := job.ecs.get("TaskCount") or 1) > MOST_COPIES:
        yield f"starts {count} copies, and a task starts {MOST_COPIES} at most; write it as several tasks"
    others = sorted(job.overrides.keys() - {"containerOverrides", "cpu", "memory"})
    overridden = job.overrides.get("containerOverrides") or []
    for each in overridden[:1]:
        others += [f"the container's {member}" for member in sorted(each.keys() - _SAID)]
    if len(overridden) > 1:
        others.append(f"more than one container ({', '.join(str(each.get('name')) for each in overridden)})")
    if others:
        yield f"overrides {', '.join(others)}, which no key can say; say it in the task definition"


def _container(job: Job, settings: "Settings", definition: "Content | None") -> str | list[str]:
    """The container that runs the job; else why there is none."""
    named = [each.get("name") for each in job.overrides.get("containerOverrides") or []]
    if definition is None:
        return str(named[0]) if named else settings.container
    containers = {each["name"]: each for each in definition["containerDefinitions"]}
    images = {name: each["image"] for name, each in containers.items()}
    of_the_app = [name for name, image in images.items() if is_of_repository_named(image, settings.repository)]
    likely = [*named, *(name for name in (settings.container,) if name in of_the_app), *of_the_app, *containers]
    name = str(likely[0])
    if name not in containers:
        return [f"overrides the container {name}, which its task definition {job.revision} does not have"]
    if name not in of_the_app and not job.own_image:
        return [f"runs the image {images[name]}, and Rota deploys those of {settings.repository}"]
    return name


def _default_age(job: Job) -> float | None:
    """Seconds of the retry age that Rota gives such a schedule; None for one that is wrong."""
    try:
        one_spelling = job.expression if one_time(job.expression) else normalise_expression(job.expression)
        return retry_age(one_spelling).total_seconds()
    except ValueError:
        return None


def _sizes(today: "Content", base: "Content") -> dict[str, int]:
    """The keys `cpu` and `memory`, where they are not the base's."""
    sizes = {size: str(today.get(size, "")) for size in ("cpu", "memory")}
    return {size: int(text) for size, text in sizes.items() if text.isdigit() and text != str(base.get(size, ""))}


def _environment(own: Mapping[str, Any], base: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The variables that the base does not have so, and the names of those that may be secret."""
    had = variables_of(base)
    differing = {name: value for name, value in variables_of(own).items() if had.get(name) != value}
    secret = sorted(filter(is_named_like_a_secret, differing))
    return {name: value for name, value in differing.items() if name not in secret}, secret


def _keys_of_definition(today: "Content", base: "Content", container: str) -> dict[str, Any]:
    """The keys of what only a task definition says."""
    keys: dict[str, Any] = {}
    had, has = (
        {each["name"]: each["valueFrom"] for each in container_of(content, container).get("secrets") or []}
        for content in (base, today)
    )
    if secrets := {name: source for name, source in has.items() if had.get(name) != source}:
        keys["secrets"] = secrets
    if (role := today.get("taskRoleArn")) and role != base.get("taskRoleArn"):
        keys["role"] = role
    if (storage := today.get("ephemeralStorage")) and storage != base.get("ephemeralStorage"):
        keys["ephemeral_storage"] = storage["sizeInGiB"]
    return keys


def _network(job: Job, settings: "Settings") -> dict[str, Any]:
    """The keys of its network, as far as that is not the stack's."""
    network = job.ecs.get("NetworkConfiguration", {}).get("awsvpcConfiguration", {})
    keys: dict[str, Any] = {}
    if (subnets := network.get("Subnets")) and sorted(subnets) != sorted(settings.subnets):
        keys["subnets"] = [*subnets]
    if (groups := network.get("SecurityGroups")) and sorted(groups) != sorted(settings.security_groups):
        keys["security_groups"] = [*groups]
    if network and (public := network.get("AssignPublicIp", "DISABLED")) != settings.assign_public_ip:
        keys["assign_public_ip"] = public == "ENABLED"
    return keys


def _how(job: Job, settings: "Settings", *, in_place: bool) -> dict[str, Any]:
    """The keys about how it is started."""
    keys: dict[str, Any] = {}
    if (count := job.ecs.get("TaskCount") or 1) != 1:
        keys["count"] = count
    if job.retry:
        attempts, age = (
            job.retry.get("MaximumRetryAttempts", MOST_ATTEMPTS),
            job.retry.get("MaximumEventAgeInSeconds", LONGEST_AGE),
        )
        if not (in_place and attempts == MOST_ATTEMPTS and age == _default_age(job)):
            keys["retry"] = {"attempts": attempts, "age": age}
    if (version := job.ecs.get("PlatformVersion") or "LATEST") != settings.platform_version:
        keys["platform_version"] = version
    if shares := weights(job.ecs):
        keys["capacity_provider"] = next(iter(shares)) if [*shares.values()] == [1] else shares
    if tags := {each["Key"]: each["Value"] for each in job.ecs.get("Tags") or []}:
        keys["tags"] = tags
    if job.ecs.get("PropagateTags") == "TASK_DEFINITION":
        keys["propagate_tags"] = True
    if job.ecs.get("EnableExecuteCommand"):
        keys["enable_execute_command"] = True
    keys |= _network(job, settings)
    if job.max_runtime:
        keys["watch"] = {"max_runtime": job.max_runtime}
    return keys
