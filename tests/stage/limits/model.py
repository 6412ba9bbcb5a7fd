"""What botocore's model says and botocore does not check before it sends."""

from collections.abc import Iterator

from tests.stage.limits.limit import ECS, ECS_QUOTAS, EVENTS, REFERENCE, Limit, ecs_parameters, ecs_target

PUT_RULE = ("events", "PutRule")
PUT_TARGETS = ("events", "PutTargets")
INVALID = "ValidationException"
AT_MOST = "Member must have length less than or equal to"


def limits() -> Iterator[Limit]:
    api, target = f"{EVENTS}/API_PutRule.html", f"{EVENTS}/API_Target.html"
    yield Limit("a name has at most 64 characters", PUT_RULE, {"Name": "x" * 65}, INVALID, f"{AT_MOST} 64", api)
    yield Limit(
        "a name is letters, digits and .-_",
        PUT_RULE,
        {"Name": "a b"},
        INVALID,
        "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+",
        api,
    )
    yield Limit(
        "a name is required",
        PUT_RULE,
        {"Name": None},
        INVALID,
        "Value null at 'name' failed to satisfy constraint: Member must not be null",
        api,
    )
    yield Limit("a name is text", PUT_RULE, {"Name": 7}, "SerializationException", "NUMBER_VALUE can not be", api)
    yield Limit(
        "a description has at most 512 characters", PUT_RULE, {"Description": "x" * 513}, INVALID, f"{AT_MOST} 512", api
    )
    yield Limit(
        "an expression has at most 256 characters",
        PUT_RULE,
        {"ScheduleExpression": f"cron({256 * '0'})"},
        INVALID,
        f"at 'scheduleExpression' failed to satisfy constraint: {AT_MOST} 256",
        api,
    )
    yield Limit(
        "a state is one of three",
        PUT_RULE,
        {"State": "ON"},
        INVALID,
        "Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]",
        api,
    )
    yield Limit(
        "all problems are reported at once",
        PUT_RULE,
        {"Name": "a b", "State": "ON"},
        INVALID,
        "2 validation errors detected: Value 'a b' at 'name'",
        api,
    )
    yield Limit(
        "a tag's key has at most 128 characters",
        PUT_RULE,
        {"Tags": [{"Key": "k" * 129, "Value": ""}]},
        INVALID,
        f"at 'tags.1.member.key' failed to satisfy constraint: {AT_MOST} 128",
        f"{EVENTS}/API_Tag.html",
    )
    yield Limit(
        "there is at least one target",
        PUT_TARGETS,
        {"Targets": []},
        INVALID,
        "Member must have length greater than or equal to 1",
        f"{EVENTS}/API_PutTargets.html",
    )
    yield Limit(
        "a target's id has at most 64 characters",
        PUT_TARGETS,
        ecs_target(Id="x" * 65),
        INVALID,
        f"at 'targets.1.member.id' failed to satisfy constraint: {AT_MOST} 64",
        target,
    )
    yield Limit(
        "an input has at most 8192 characters",
        PUT_TARGETS,
        ecs_target(Input=f'"{"x" * 8191}"'),
        INVALID,
        f"{AT_MOST} 8192",
        target,
    )
    yield Limit(
        "a launch type is one of three",
        PUT_TARGETS,
        ecs_parameters(LaunchType="fargate"),
        INVALID,
        "at 'targets.1.member.ecsParameters.launchType' failed to satisfy constraint: Member must satisfy enum value "
        "set: [EC2, FARGATE, EXTERNAL]",
        f"{EVENTS}/API_EcsParameters.html",
    )
    yield Limit(
        "at least one task is started",
        PUT_TARGETS,
        ecs_parameters(TaskCount=0),
        INVALID,
        "Member must have value greater than or equal to 1",
        f"{EVENTS}/API_EcsParameters.html",
    )
    yield Limit(
        "at most 6 capacity providers",
        PUT_TARGETS,
        ecs_parameters(CapacityProviderStrategy=[{"capacityProvider": "FARGATE"}] * 7),
        INVALID,
        f"{AT_MOST} 6",
        f"{EVENTS}/API_EcsParameters.html",
    )
    yield Limit(
        "a retry policy has at most 185 attempts",
        PUT_TARGETS,
        ecs_target(RetryPolicy={"MaximumRetryAttempts": 186}),
        INVALID,
        "Member must have value less than or equal to 185",
        f"{EVENTS}/API_RetryPolicy.html",
    )
    yield Limit(
        "an event is tried for at least 60 seconds",
        PUT_TARGETS,
        ecs_target(RetryPolicy={"MaximumEventAgeInSeconds": 59}),
        INVALID,
        "Member must have value greater than or equal to 60",
        f"{EVENTS}/API_RetryPolicy.html",
    )
    yield Limit(
        "a page has at most 100 rules",
        ("events", "ListRules"),
        {"Limit": 101},
        INVALID,
        "Member must have value less than or equal to 100",
        f"{EVENTS}/API_ListRules.html",
    )
    yield Limit(
        "at most 10 events in a request",
        ("events", "PutEvents"),
        {"Entries": [{"Source": "me", "DetailType": "test", "Detail": "{}"}] * 11},
        INVALID,
        f"{AT_MOST} 10",
        f"{EVENTS}/API_PutEvents.html",
    )
    yield Limit(
        "at most 50 tags",
        ("ecs", "RegisterTaskDefinition"),
        {"tags": [{"key": str(n), "value": ""} for n in range(51)]},
        "InvalidParameterException",
        f"at 'tags' failed to satisfy constraint: {AT_MOST} 50",
        ECS_QUOTAS,
        words="stage",
    )
    yield Limit(
        "a network mode is one of four",
        ("ecs", "RegisterTaskDefinition"),
        {"networkMode": "vpc"},
        "InvalidParameterException",
        "Member must satisfy enum value set: [bridge, host, awsvpc, none]",
        f"{ECS}/API_RegisterTaskDefinition.html",
        words="stage",
    )
    yield Limit(
        "a repository's name is lower case",
        ("ecr", "DescribeImages"),
        {"repositoryName": "Guestbook"},
        "InvalidParameterException",
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression",
        f"{REFERENCE}/AmazonECR/latest/APIReference/API_DescribeImages.html",
    )
