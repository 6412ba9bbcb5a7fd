"""How a job as Rota will run it differs from the job that runs today. Pure."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rota import tracing
from rota.ecs.arns import short_name
from rota.ecs.derive import derive_content
from rota.ecs.images import is_of_repository_named
from rota.ecs.jobs import keep_what_a_job_needs
from rota.ecs.task_definitions import Revision
from rota.plan.service_changes import base_changes
from rota.sanitise import is_named_like_a_secret

if TYPE_CHECKING:
    from rota.cli.import_schedules.job import Job
    from rota.ecs.fingerprint import Content
    from rota.schedule_file.task import Task
    from rota.settings import Settings


@dataclass(frozen=True)
class Place:
    """Where the app's jobs will run: what the stack's parameters say, and the revision that they derive from.

    `offline`: both are what a file says of most of its rules, and no account was asked.
    """

    settings: "Settings"
    base: Revision
    offline: bool = False

    @property
    def prefix(self) -> str:
        return self.settings.rule_prefix


def runs_today(definition: "Content", job: "Job", container: str, settings: "Settings") -> "Content":
    """What the job runs today, with the app's container named as the app names it."""
    content: Content = copy.deepcopy(definition)
    own = container_of(content, container) or container_of(content, settings.container)
    own["name"] = settings.container
    for each in job.overrides.get("containerOverrides") or []:
        own["command"] = each.get("command") or own.get("command")
        given = {variable["name"]: variable for variable in each.get("environment") or []}
        kept = [variable for variable in own.get("environment") or [] if variable["name"] not in given]
        own["environment"] = [*kept, *(each for name, each in given.items() if name not in tracing.VARIABLES)]
    for size, limits in (("cpu", ("cpu",)), ("memory", ("memory", "memoryReservation"))):
        if said := job.overrides.get(size):
            content[size] = str(said)
            for limit in limits:
                own.pop(limit, None)
    return content


def differences(job: "Job", place: Place, today: "Content", task: "Task") -> Iterator[str]:
    """How what Rota will run differs from what runs today."""
    settings = place.settings
    will_run = derive_content(place.base, settings, container_of(place.base.content, settings.container)["image"], task)
    keep_what_a_job_needs(today, settings)
    had, has = (_revision(_comparable(content, settings)) for content in (today, will_run))
    changes = base_changes(had, has, settings.container)
    if changes and not place.offline:
        base = short_name(place.base.arn)
        yield f"will run as {base} has it, and differs from {job.revision} in {'; '.join(changes)}"
    image = container_of(today, settings.container)["image"]
    if job.own_image and not is_of_repository_named(image, settings.repository):
        yield f"runs the image {image}; Rota will run its command in that of {settings.repository}"
    if job.max_runtime:
        yield (
            f"is stopped after {job.max_runtime} s; watch.max_runtime reports it, and stops it where the stack's "
            "RunActions is stop or both"
        )


def changes_of_rule(job: "Job", place: Place, task: "Task", *, in_place: bool) -> Iterator[str]:
    """How its rule, or its schedule, will differ."""
    settings = place.settings
    if job.group:
        yield from _changes_of_another_group(job, place, task) if not in_place else ()
        return
    if place.offline and job.family != settings.family:
        yield f"runs the family {job.family}; jobs run that of the service, as most of these run {settings.family}"
    if job.in_place and not in_place:
        kept = ", ".join(job.kept)
        also = f" The new rule's target lacks {kept}: set it there, and deployments keep it." if kept else ""
        yield (
            f"does not begin with {place.prefix}, so Rota makes a rule of its own.{also} Once that is live, disable "
            f"this one, or the job runs twice\naws events disable-rule --name {job.rule}"
        )
    known = {settings.events_role_arn, *settings.former_events_role_arns, ""}
    if in_place and not place.offline and job.role not in known:
        yield f"names the role {job.role}: list it in the parameter FormerEventsRoleArns, or a restore cannot pass it"


def _changes_of_another_group(job: "Job", place: Place, task: "Task") -> Iterator[str]:
    """What is to be done about a schedule of Scheduler that no deployment changes."""
    delete = f"\naws scheduler delete-schedule --group-name {job.group} --name {job.rule.rpartition('/')[2]}"
    if job.in_place:
        why = f"does not begin with {place.prefix}, and is in the app's group"
        yield f"{why}: deployments are refused until it is gone{delete}"
        return
    kind = "a schedule in the app's group" if task.scheduler_keys else "a rule, or a schedule in the app's group"
    if not job.enabled:
        then = ". This one is off: leave it so, or delete it"
    elif job.name == place.prefix + task.name:
        then = ", and refuses to deploy while this one is on. Delete it while none is due, just before the deployment"
    else:
        then = ". Once that is live, delete this one before it is due again, or the job runs twice"
    yield f"is in the group {job.group}, of which Rota changes nothing: it makes one of its own, {kind}{then}{delete}"


def _comparable(content: "Content", settings: "Settings") -> "Content":
    """Without what cannot differ in effect: the family, and which image of the repository it is."""
    made: Content = copy.deepcopy({key: value for key, value in content.items() if key != "family"})
    for each in made["containerDefinitions"]:
        if is_of_repository_named(each["image"], settings.repository):
            each["image"] = settings.repository
        each["environment"] = [
            variable
            for variable in each.get("environment") or []
            if not is_named_like_a_secret(variable["name"]) and variable["name"] not in tracing.VARIABLES
        ]
    return made


def _revision(content: "Content") -> Revision:
    return Revision(arn="", active=True, content=content, tags={})


def container_of(content: "Content", container: str) -> dict[str, Any]:
    """The container of that name; empty if there is none."""
    return next((each for each in content["containerDefinitions"] if each["name"] == container), {})
