"""`overlap: skip`: a run that is due while an earlier one runs is stopped before it begins.

From its creation a Fargate task takes some 25 seconds to its first container, and the event of its creation comes at
once: so RecordRun normally is in time. Where it is not, or cannot be sure, both run, and Sweep reports it.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.runs import stops, tasks
from rota.runs.event import TaskChange

if TYPE_CHECKING:
    from rota.settings import Settings


def skip(settings: "Settings", newcomers: Iterable[str]) -> None:
    """Stop those of these tasks, by ARN, that have not begun while an earlier run of their job runs.

    ECS is asked now, for all tasks of the family.
    """
    ecs, wanted = clients.ecs(), list(newcomers)
    # A task that was created a moment ago may not be listed yet.
    arns = dict.fromkeys([*wanted, *tasks.listed(ecs, settings, ["RUNNING"])])
    found = tasks.described(ecs, settings, arns)
    tasks.stop(settings, to_skip(found, wanted, settings.rule_prefix))


def to_skip(found: Sequence[TaskChange], newcomers: Iterable[str], rule_prefix: str) -> dict[str, stops.Stop]:
    """Of the newcomers, by ARN, those to be stopped, each for an earlier task that really runs. Pure."""
    wanted: dict[str, stops.Stop] = {}
    known = {change.task_arn: change for change in found}
    for newcomer in filter(None, map(known.get, newcomers)):
        if newcomer.has_begun or newcomer.is_stopping or not stops.is_the_apps(newcomer, rule_prefix):
            continue
        elder = next((each for each in found if _is_elder(each, newcomer)), None)
        if elder:
            wanted[newcomer.task_arn] = stops.Stop("skip", newcomer.job, elder.task_id)
    return wanted


def _is_elder(change: TaskChange, newcomer: TaskChange) -> bool:
    """Whether it is an earlier run of the newcomer's job, and runs; whoever started it."""
    return (
        change.job == newcomer.job and change.is_running and newcomer.created_at - change.created_at > stops.ONE_START
    )
