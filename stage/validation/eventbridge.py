"""EventBridge's rules for rules and targets that moto does not enforce.

docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html, API_PutTargets.html, API_Target.html,
docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html. moto itself refuses a schedule on another bus, a
rule without schedule and pattern, a missing rule, the deletion of a rule that has targets, and bad patterns;
`stage.quotas` refuses one rule too many.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from stage.eventbridge.bus import on_default_bus, rules
from stage.eventbridge.schedules import is_cron
from stage.eventbridge.transformer import VARIABLE

TARGETS_PER_RULE = 5
TARGETS_PER_REQUEST = 10  # the model says 100, the API reference 10
EVENTS_SIZE = 256 * 1024
# What EventBridge itself defines for an InputTransformer.
OWN_VARIABLES = re.compile(r"aws\.events\.(rule-arn|rule-name|event\.ingestion-time|event(\.json)?)")
LIMIT = "The requested resource exceeds the maximum number allowed."
MANAGED = (
    "This rule was created by an Amazon Web Services service on behalf of your account. It is managed by that service."
)
NEED_A_ROLE = ("batch", "codebuild", "codepipeline", "ec2", "ecs", "firehose", "kinesis", "ssm", "states")
INPUTS = ("Input", "InputPath", "InputTransformer")

Request = Mapping[str, Any]


def put_rule(request: Request) -> None:
    """Raises ServiceException, as do the other functions here."""
    schedule = request.get("ScheduleExpression")
    if schedule and on_default_bus(request) and not is_schedule(schedule):
        raise _invalid("Parameter ScheduleExpression is not valid.")
    if on_default_bus(request):
        _not_managed(request["Name"])


def put_events(request: Request) -> None:
    """docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html"""
    if sum(map(_size, request["Entries"])) > EVENTS_SIZE:
        raise _invalid("Total size of the entries in the request is over the limit.")


def named_rule(request: Request) -> None:
    """A write to a rule that must be there. Reads see what `stage.eventbridge.late_reads` shows."""
    name = request["Name"]
    if on_default_bus(request) and name not in rules():
        raise ServiceException("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.")


def put_targets(request: Request) -> None:
    targets: list[dict[str, Any]] = request["Targets"]
    _at_most(TARGETS_PER_REQUEST, "targets", targets)
    for problem in (problem for target in targets for problem in _problems(target)):
        raise _invalid(problem)
    rule = rules().get(request["Rule"]) if on_default_bus(request) else None
    if rule:
        _not_managed(rule.name)
        if len({target["Id"] for target in [*rule.targets, *targets]}) > TARGETS_PER_RULE:
            raise ServiceException("LimitExceededException", LIMIT)


def remove_targets(request: Request) -> None:
    _at_most(TARGETS_PER_REQUEST, "ids", request["Ids"])
    if not request.get("Force"):
        _not_managed(request["Rule"])


def delete_rule(request: Request) -> None:
    if not request.get("Force"):
        _not_managed(request["Name"])


REFUSALS: Mapping[tuple[str, str], Callable[[Request], None]] = {
    ("events", "DisableRule"): named_rule,
    ("events", "EnableRule"): named_rule,
    ("events", "PutEvents"): put_events,
    ("events", "PutRule"): put_rule,
    ("events", "PutTargets"): put_targets,
    ("events", "RemoveTargets"): remove_targets,
    ("events", "DeleteRule"): delete_rule,
}


def _problems(target: Request) -> Iterator[str]:
    arn, id_ = target["Arn"], target["Id"]
    service = (arn.split(":") + [""] * 3)[2]
    if service in NEED_A_ROLE and "RoleArn" not in target:
        yield f"RoleArn is required for target {arn}."
    if sum(member in target for member in INPUTS) > 1:
        yield f"Only one of Input, InputPath, or InputTransformer must be provided for target {id_}."
    yield from _undefined_placeholders(target)
    if "Input" in target and not _is_json(target["Input"]):
        yield f"JSON syntax error in input for target {id_}"
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue and not re.fullmatch(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:(?!.*\.fifo$).+", queue):
        yield f"Parameter(s) DeadLetterConfig.Arn must name a standard SQS queue for target: {id_}."
    if service == "ecs":
        yield from _ecs_problems(target.get("EcsParameters"), id_)


def _undefined_placeholders(target: Request) -> Iterator[str]:
    transformer = target.get("InputTransformer", {})
    for name in VARIABLE.findall(transformer.get("InputTemplate", "")):
        if name not in transformer.get("InputPathsMap", {}) and not OWN_VARIABLES.fullmatch(name):
            yield f"InputTemplate for target {target['Id']} contains invalid placeholder {name}."


def _ecs_problems(parameters: Request | None, id_: str) -> Iterator[str]:
    if parameters is None:
        yield f"Parameter(s) EcsParameters must be specified for target: {id_}."
        return
    if "LaunchType" in parameters and "CapacityProviderStrategy" in parameters:
        yield f"Parameter(s) LaunchType and CapacityProviderStrategy must not both be specified for target: {id_}."
    if "PlatformVersion" in parameters and parameters.get("LaunchType", "FARGATE") != "FARGATE":
        yield f"Parameter(s) PlatformVersion must only be specified with LaunchType FARGATE for target: {id_}."


def _not_managed(name: str) -> None:
    rule = rules().get(name)
    if rule and rule.managed_by:
        raise ServiceException("ManagedRuleException", MANAGED)


def _invalid(message: str) -> ServiceException:
    return ServiceException("ValidationException", message)


def _at_most(most: int, member: str, given: list[Any]) -> None:
    if len(given) > most:
        raise _invalid(
            f"1 validation error detected: Value '{given}' at '{member}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {most}"
        )


def is_schedule(expression: str) -> bool:
    """docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html"""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression):
        return int(rate[1]) > 0 and (rate[1] == "1") == (rate[3] == "")
    cron = re.fullmatch(r"cron\((.+)\)", expression)
    return cron is not None and is_cron(cron[1])


def _size(entry: Request) -> int:
    """An entry's bytes as EventBridge counts them: the texts, and 14 for the time."""
    texts = [entry.get(member) or "" for member in ("Source", "DetailType", "Detail")]
    return 14 * ("Time" in entry) + sum(len(text.encode()) for text in [*texts, *(entry.get("Resources") or [])])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
