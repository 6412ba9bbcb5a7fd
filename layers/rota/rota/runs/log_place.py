"""Where a run logs, by its revision, and whether Rota may read it. Pure."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rota.runs.model import LogPlace, Run
from rota.sanitise import is_named_like_a_secret

if TYPE_CHECKING:
    from rota.runs.event import TaskChange


def container_of(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The container of a revision with that name; empty if it has none."""
    found: Sequence[Mapping[str, Any]] = content.get("containerDefinitions", ())
    return next((each for each in found if each.get("name") == name), {})


def log_place_of(container: Mapping[str, Any], name: str, task_arn: str) -> LogPlace | None:
    """Where a container of that task logs; None if its definition says nothing.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html: PREFIX/CONTAINER/TASK.
    """
    configuration = container.get("logConfiguration") or {}
    driver, options = str(configuration.get("logDriver", "")), configuration.get("options") or {}
    if not driver:
        return None
    own_region = task_arn.split(":")[3]
    if driver != "awslogs":
        return LogPlace(driver=driver)
    if (region := options.get("awslogs-region", own_region)) != own_region:
        return LogPlace(driver=f"awslogs in {region}")
    prefix = options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{name}/{task_arn.rpartition('/')[2]}" if prefix else ""
    return LogPlace(driver=driver, group=str(options.get("awslogs-group", "")), stream=stream)


def may_be_read(place: LogPlace, run: Run, groups: Sequence[str]) -> bool:
    """Whether the parameter JobLogGroups names the log group."""
    return bool(place.stream) and any(fnmatch.fnmatchcase(group_arn(place, run), each) for each in groups)


def group_arn(place: LogPlace, run: Run) -> str:
    """The ARN of a run's log group, as CloudWatch and CloudFormation show it: with `:*` at its end."""
    _, partition, _, region, account, _ = run.task_arn.split(":", 5)
    return f"arn:{partition}:logs:{region}:{account}:log-group:{place.group}:*"


def secrets_of(container: Mapping[str, Any]) -> list[str]:
    """The values of its environment that are named like a secret."""
    environment: Sequence[Mapping[str, str]] = container.get("environment") or ()
    return [each.get("value", "") for each in environment if is_named_like_a_secret(each.get("name", ""))]


def secrets_of_start(request: Mapping[str, Any] | None) -> list[str]:
    """The same of the overrides in a request of RunTask; None has none."""
    overrides: Mapping[str, Any] = (request or {}).get("overrides") or {}
    return [value for each in overrides.get("containerOverrides") or () for value in secrets_of(each)]


def secrets_in(change: "TaskChange") -> list[str]:
    """The same of the overrides with which a task was started."""
    variables = (each for override in change.overrides.container_overrides for each in override.environment)
    return [each.value for each in variables if is_named_like_a_secret(each.name)]
