"""`rota check` of a stack: looks at everything that Rota needs in the account, side by side, and writes nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from rota.aws.parallel import thread_pool
from rota.cli.aws_errors import denial, explained, is_denied
from rota.cli.check import probes_of_images, probes_of_places, probes_of_roles, probes_of_schedules, probes_of_service
from rota.cli.check.facts import Facts, gather
from rota.cli.check.model import Checked, Finding

if TYPE_CHECKING:
    from rota.cli.frame import Account

Probe = Callable[[Facts], Iterable[Finding]]
_CLIENTS = (
    "iam",
    "ecr",
    "secretsmanager",
    "ssm",
    "logs",
    "ec2",
    "events",
    "scheduler",
    "sqs",
    "cloudwatch",
    "s3",
    "ecs",
)
PROBES: dict[str, Probe] = {
    "service": probes_of_service.service,
    "tasks run": probes_of_service.tasks,
    "deployments": probes_of_service.deployments,
    "deployment window": probes_of_service.deploy_window,
    "revision": probes_of_service.revision,
    "family": probes_of_service.family,
    "role of EventBridge": probes_of_roles.events_role,
    "role of EventBridge Scheduler": probes_of_roles.scheduler_role,
    "right to start tasks": probes_of_roles.may_start,
    "right to notify": probes_of_roles.may_notify,
    "roles of tasks": probes_of_roles.task_roles,
    "image": probes_of_images.live_image,
    "image architecture": probes_of_images.architecture,
    "images in danger": probes_of_images.in_danger,
    "secrets": probes_of_places.secrets,
    "log groups": probes_of_places.log_groups,
    "networking": probes_of_places.network,
    "capacity": probes_of_places.capacity_providers,
    "schedule file": probes_of_schedules.schedule_file,
    "uploads": probes_of_schedules.uploads,
    "rule quota": probes_of_schedules.rule_quota,
    "schedules": probes_of_schedules.drift,
    "targets": probes_of_schedules.targets,
    "queues": lambda facts: probes_of_places.queues(facts.account),
    "alarms": lambda facts: probes_of_places.alarms(facts.account),
}
"""By what each looks at, in the order in which they are shown."""


def check(account: "Account") -> Checked:
    """Every finding. A call that is denied leaves only what it was for unseen."""
    for service in _CLIENTS:  # making a client is not safe in threads
        account.client(service)
    facts = gather(account)
    with thread_pool() as pool:
        found = [*pool.map(lambda each: [*_tried(each[0], each[1], facts)], PROBES.items())]
    findings = [finding for each in found for finding in each]
    return Checked(ok=not any(each.status == "fail" for each in findings), checks=findings)


def _tried(name: str, probe: Probe, facts: Facts) -> Iterator[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield from probe(facts)
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and is_denied(error):
            yield Finding(name, "unknown", f"not to be seen: {denial(error)} is denied")
        else:
            known = explained(error)
            yield Finding(name, "unknown", f"not to be seen: {known.message if known else error}", "none")
