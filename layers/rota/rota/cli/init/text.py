"""`rota init` for people. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rota.cli.import_rules.model import remark
from rota.cli.import_rules.text import about_rules
from rota.cli.init.model import Initialised
from rota.cli.places import SAMCONFIG
from rota.cli.tables import folded

if TYPE_CHECKING:
    from rota.cli.import_rules.entry import Taken
    from rota.cli.import_rules.job import NotTaken

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


def initialised(
    environment: str,
    stack: str,
    values: Mapping[str, str],
    taken: "Sequence[Taken]",
    not_taken: "Sequence[NotTaken]",
    of_the_service: Sequence[str],
    schedule: str,
) -> Initialised:
    """The answer."""
    lacking = [name for name in REQUIRED if not values.get(name)]
    remarks = [remark("", words) for words in of_the_service]
    remarks += [remark("", f"the parameter {name} could not be read: write it into {SAMCONFIG}") for name in lacking]
    remarks += [remark(each.job.rule, words) for each in taken for words in each.remarks]
    return Initialised(
        environment=environment,
        stack=stack,
        parameters={name: values[name] for name in ORDER if values.get(name)},
        tasks=[each.entry for each in taken],
        not_taken=[remark(*each) for each in not_taken],
        remarks=remarks,
        files=[SAMCONFIG, schedule],
        next=f"make deploy ENV={environment}",
    )


def lines(answer: Initialised) -> Iterator[str]:
    """What was written, and what comes next."""
    config, schedule = answer.files
    yield f"{config}: [{answer.environment}] with {len(answer.parameters)} parameters, for the stack {answer.stack}"
    yield f"{schedule}: {len(answer.tasks)} {'task' if len(answer.tasks) == 1 else 'tasks'}"
    yield f"read both, then in Rota's directory: {answer.next}"


def remarks(answer: Initialised, width: int) -> Iterator[str]:
    """What could not be read, and what is to be done."""
    if "StartCommand" not in answer.parameters and any("task" not in task for task in answer.tasks or [{}]):
        yield from folded("jobs with the key task run ./bin/start and its value, unless you set StartCommand", width)
    yield from about_rules(answer.not_taken, answer.remarks, width)
