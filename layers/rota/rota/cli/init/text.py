"""`rota init` for people. Pure."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rota.cli.columns import folded
from rota.cli.import_schedules.model import remark
from rota.cli.import_schedules.text import about_rules
from rota.cli.init.model import Initialised
from rota.cli.places import SAMCONFIG

if TYPE_CHECKING:
    from rota.cli.init.jobs import Jobs
    from rota.cli.init.parameters import Read

REQUIRED = ("RepositoryName", "SubnetIds", "SecurityGroupIds", "TaskRoleArns")
"""Parameters without a default that a service may not say."""
ORDER = (
    *("RulePrefix", "ClusterName", "ServiceName", "RepositoryName", "TaskDefinitionFamily", "ContainerName"),
    *("StartCommand", "SubnetIds", "SecurityGroupIds", "AssignPublicIp", "TaskNetworks", "PlatformVersion"),
    *("EventsRoleAllows", "FormerEventsRoleArns", "TaskRoleArns", "SecretsAllowed", "JobLogGroups"),
)
"""Every parameter that can be read, in the order in which it is written."""
STAY = ("TaskNetworks", "EventsRoleAllows", "SecretsAllowed")
"""Those that a person may have set for tasks that are to come: they stay where nothing else is read."""
_WITHOUT = {
    "ImageTagPattern": "without it every tagged push deploys",
    "NotificationEmail": "without it no mail is sent",
}
"""What no service says and most apps need, and why."""


def proposed(environment: str, given: Mapping[str, str]) -> dict[str, str]:
    """Of what most apps need what is not given, with an example."""
    pattern = "staging-*" if environment == "staging" else "release-*"
    examples = {"ImageTagPattern": pattern, "NotificationEmail": "ops@example.com"}
    return {name: value for name, value in examples.items() if name not in given}


def initialised(environment: str, stack: str, service: "Read", jobs: "Jobs", schedule: str) -> Initialised:
    """The answer, before anything was written."""
    values = {**service.values, **jobs.parameters}
    lacking = [name for name in REQUIRED if not values.get(name)]
    remarks = [remark("", words) for words in service.remarks]
    remarks += [remark("", f"the parameter {name} could not be read: write it into {SAMCONFIG}") for name in lacking]
    remarks += [remark(each.job.rule, words) for each in jobs.taken for words in each.remarks]
    return Initialised(
        environment=environment,
        stack=stack,
        parameters={name: values[name] for name in ORDER if values.get(name)},
        kept={},
        tasks=[each.entry for each in jobs.taken],
        not_taken=[remark(*each) for each in jobs.not_taken],
        others=jobs.others,
        remarks=remarks,
        files=[SAMCONFIG, schedule],
        next=f"make deploy ENV={environment}",
    )


def lines(answer: Initialised) -> Iterator[str]:
    """What was written, and what comes next."""
    config, schedule = answer.files
    yield f"{config}: [{answer.environment}] with {len(answer.parameters)} parameters, for the stack {answer.stack}"
    if answer.kept:
        yield f"  kept from before: {', '.join(f'{name}={value}' for name, value in answer.kept.items())}"
    if answer.replaced:
        names = ", ".join(f"{name}={value}" for name, value in answer.replaced.items())
        yield f"  the example that was there is gone, with its {names}"
    for name, value in answer.proposed.items():
        yield f"  not set: {name}, for example {value}; {_WITHOUT[name]}"
    if answer.tasks:
        yield f"{schedule}: {len(answer.tasks)} {'task' if len(answer.tasks) == 1 else 'tasks'}"
    else:
        yield f"{schedule}: no job was found; write them into it, as docs/schedule.md says"
    yield f"read both, then in Rota's directory: {answer.next}"


def remarks(answer: Initialised, width: int) -> Iterator[str]:
    """What could not be read, and what is to be done."""
    if "StartCommand" not in answer.parameters:
        yield from folded("jobs with the key task run ./bin/start and its value, unless you set StartCommand", width)
    yield from about_rules(answer.not_taken, answer.remarks, width)
    for app, number in answer.others.items():
        schedules = f"{number} {'schedule' if number == 1 else 'schedules'}"
        yield from folded(f"left alone: {schedules} of {app}, by the tag rota:app", width)
