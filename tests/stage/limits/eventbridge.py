"""What EventBridge refuses of rules and targets."""

from collections.abc import Iterator
from typing import Any

from stage.eventbridge.bus import rules
from stage.moto.clients import ACCOUNT
from tests.stage.limits.limit import CLUSTER, EVENTS, REFERENCE, Limit, ecs_parameters, ecs_target
from tests.stage.small_stage import SmallStage

QUOTAS = f"{REFERENCE}/eventbridge/latest/userguide/eb-quota.html"
SCHEDULES = f"{REFERENCE}/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html"


def limits() -> Iterator[Limit]:
    put_rule, put_targets = ("events", "PutRule"), ("events", "PutTargets")
    invalid = "ValidationException"
    not_a_schedule = "Parameter ScheduleExpression is not valid."
    for what, expression in (
        ("is cron or rate, not crontab", "0 6 * * *"),
        ("has a ? for one of the days", "cron(0 6 * * * *)"),
        ("has hours up to 23", "cron(0 24 * * ? *)"),
        ("has minute steps up to 59", "cron(*/60 * * * ? *)"),
        ("has day steps up to 31", "cron(0 0 */60 * ? *)"),
        ("says 1 minute, not 1 minutes", "rate(1 minutes)"),
        ("has no rate of nothing", "rate(0 minutes)"),
    ):
        change = {"ScheduleExpression": expression}
        yield Limit(f"an expression {what}", put_rule, change, invalid, not_a_schedule, SCHEDULES)
    yield Limit(
        "a rule has a schedule or a pattern",
        put_rule,
        {"ScheduleExpression": None},
        invalid,
        "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        f"{EVENTS}/API_PutRule.html",
    )
    yield Limit(
        "a schedule is on the default bus",
        put_rule,
        {"EventBusName": "other"},
        invalid,
        "ScheduleExpression is supported only on the default event bus.",
        f"{REFERENCE}/eventbridge/latest/userguide/eb-create-rule-schedule.html",
    )
    yield Limit(
        "a pattern is JSON",
        put_rule,
        {"EventPattern": "{"},
        "InvalidEventPatternException",
        "Event pattern is not valid.",
        f"{EVENTS}/API_PutRule.html",
    )
    yield Limit(
        "a bus has at most 300 rules",
        put_rule,
        {},
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
        QUOTAS,
        before=full_bus,
    )
    yield Limit(
        "a rule of an AWS service is not changed",
        put_rule,
        {},
        "ManagedRuleException",
        "It is managed by that service.",
        f"{EVENTS}/API_PutRule.html",
        before=managed_rule,
    )
    yield Limit(
        "a rule of an AWS service is not deleted",
        ("events", "DeleteRule"),
        {},
        "ManagedRuleException",
        "It is managed by that service.",
        f"{EVENTS}/API_DeleteRule.html",
        before=managed_rule,
    )
    yield Limit(
        "the rule exists",
        put_targets,
        {"Rule": "nowhere"},
        "ResourceNotFoundException",
        "Rule nowhere does not exist on EventBus default.",
        f"{EVENTS}/API_PutTargets.html",
    )
    yield Limit(
        "a rule has at most 5 targets",
        put_targets,
        targets(6),
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
        QUOTAS,
        before=rule,
    )
    yield Limit(
        "at most 10 targets in a request",
        put_targets,
        targets(11),
        invalid,
        "at 'targets' failed to satisfy constraint: Member must have length less than or equal to 10",
        f"{EVENTS}/API_PutTargets.html",
        before=rule,
    )
    yield Limit(
        "a target's ARN is one",
        put_targets,
        {"Targets": [{"Id": "t", "Arn": "queue"}]},
        invalid,
        "Provided Arn is not in correct format.",
        f"{EVENTS}/API_Target.html",
        before=rule,
    )
    yield Limit(
        "an ECS target has a role",
        put_targets,
        ecs_target(RoleArn=None),
        invalid,
        f"RoleArn is required for target {CLUSTER}.",
        f"{REFERENCE}/eventbridge/latest/userguide/eb-targets.html",
        before=rule,
    )
    yield Limit(
        "an ECS target has ECS parameters",
        put_targets,
        ecs_target(EcsParameters=None),
        invalid,
        "Parameter(s) EcsParameters must be specified",
        f"{EVENTS}/API_Target.html",
        words="stage",
        before=rule,
    )
    yield Limit(
        "a launch type excludes capacity providers",
        put_targets,
        ecs_parameters(LaunchType="FARGATE", CapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}]),
        invalid,
        "LaunchType and CapacityProviderStrategy",
        f"{EVENTS}/API_EcsParameters.html",
        words="stage",
        before=rule,
    )
    yield Limit(
        "a platform version is for Fargate",
        put_targets,
        ecs_parameters(LaunchType="EC2", PlatformVersion="1.4.0"),
        invalid,
        "PlatformVersion must only be specified with LaunchType FARGATE",
        f"{EVENTS}/API_EcsParameters.html",
        words="stage",
        before=rule,
    )
    yield Limit(
        "an input is JSON",
        put_targets,
        ecs_target(Input="{"),
        invalid,
        "JSON syntax error in input for target t",
        f"{EVENTS}/API_Target.html",
        before=rule,
    )
    yield Limit(
        "a target has one kind of input",
        put_targets,
        ecs_target(Input="{}", InputPath="$.detail"),
        invalid,
        "Only one of Input, InputPath, or InputTransformer must be provided",
        f"{EVENTS}/API_PutTargets.html",
        words="stage",
        before=rule,
    )
    yield Limit(
        "a dead-letter queue is a standard one",
        put_targets,
        ecs_target(DeadLetterConfig={"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:late.fifo"}),
        invalid,
        "must name a standard SQS queue",
        f"{REFERENCE}/eventbridge/latest/userguide/eb-rule-dlq.html",
        words="stage",
        before=rule,
    )
    yield Limit(
        "a rule that has targets is not deleted",
        ("events", "DeleteRule"),
        {},
        invalid,
        "Rule can't be deleted since it has targets.",
        f"{EVENTS}/API_DeleteRule.html",
        before=lambda small: small.rule("rule", {"Arn": small.queue("q")}),
    )
    yield Limit(
        "at most 10 targets are removed in a request",
        ("events", "RemoveTargets"),
        {"Ids": [str(n) for n in range(11)]},
        invalid,
        "at 'ids' failed to satisfy constraint: Member must have length less than or equal to 10",
        f"{EVENTS}/API_RemoveTargets.html",
        before=rule,
    )
    yield Limit(
        "targets are removed from a rule that exists",
        ("events", "RemoveTargets"),
        {"Rule": "nowhere"},
        "ResourceNotFoundException",
        "Rule nowhere does not exist on EventBus default.",
        f"{EVENTS}/API_RemoveTargets.html",
    )


def rule(small: SmallStage) -> str:
    """A rule without targets."""
    return small.rule("rule")


def managed_rule(small: SmallStage) -> None:
    """Rules of AWS services, which only they can create."""
    rules()[rule(small)].managed_by = "autoscaling.amazonaws.com"


def full_bus(small: SmallStage) -> None:
    for number in range(300 - len(rules())):
        small.rule(f"filler-{number}")


def targets(count: int) -> dict[str, Any]:
    return {"Targets": [{"Id": str(n), "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}"} for n in range(count)]}
