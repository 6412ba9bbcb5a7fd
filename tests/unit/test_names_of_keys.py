"""What people and other tools call the keys of the schedule file: the message names the key that is meant."""

import pytest

from tests.schedule_files import entry, problems

# Where it is, the key, and what it is called elsewhere.
CALLED = [
    ("tasks", "environment", "env envs envVars vars variables environmentVariables"),
    ("tasks", "command", "cmd args arguments exec run containerCommand"),
    ("tasks", "memory", "mem ram memoryMiB memory_mb memorySize"),
    ("tasks", "cpu", "cpus vCPU vCPUs cpuUnits"),
    ("tasks", "cron", "cronExpression crontab"),
    ("tasks", "rate", "every interval"),
    ("tasks", "schedule", "expression ScheduleExpression"),
    ("tasks", "timezone", "tz zone ScheduleExpressionTimezone timezone-name"),
    ("tasks", "at", "date once runAt one_time"),
    ("tasks", "start", "StartDate startAt startsAt notBefore"),
    ("tasks", "end", "EndDate endAt endsAt until notAfter"),
    ("tasks", "window", "jitter FlexibleTimeWindow flexible MaximumWindowInMinutes"),
    ("tasks", "description", "desc comment"),
    ("tasks", "count", "copies TaskCount replicas desiredCount"),
    ("tasks", "retry", "retries RetryPolicy"),
    ("tasks", "enabled", "active"),
    ("tasks", "platform_version", "platform"),
    ("tasks", "watch", "monitor monitoring check-in"),
    ("tasks", "owner", "team contact responsible ownedBy"),
    ("tasks", "overlap", "concurrency concurrencyPolicy lock singleton overlapping overlapPolicy"),
    ("tasks", "tags", "labels tasksTags taskTags"),
    ("tasks", "enable_execute_command", "executeCommand ecsExec enableExec"),
    ("tasks", "ephemeral_storage", "storage disk diskSize ephemeralStorageGiB sizeInGiB"),
    ("tasks", "secrets", "secret secretVariables valueFrom"),
    ("tasks", "role", "taskRole taskRoleArn RoleArn"),
    ("tasks", "subnets", "subnetIds subnet network networkConfiguration vpcSubnets"),
    ("tasks", "security_groups", "securityGroupIds securityGroup sg sgs"),
    ("tasks", "assign_public_ip", "publicIp assignPublicIpAddress"),
    ("tasks", "capacity_provider", "capacityProviderStrategy capacityProviders spot fargate_spot launchType"),
    ("tasks", "catch_up", "backfill rerun start_late misfire misfirePolicy"),
    ("retry", "attempts", "maxAttempts retries MaximumRetryAttempts"),
    ("retry", "age", "maxAge maxEventAge MaximumEventAgeInSeconds"),
    ("watch", "grace", "gracePeriod graceSeconds graceTime checkin_margin margin"),
    ("watch", "max_runtime", "maxDuration maximumRuntime longest timeout timeoutSeconds duration timeLimit"),
    ("watch", "tolerance", "failureTolerance failureThreshold failure_issue_threshold tolerate"),
    ("before", "timeout", "timeoutMinutes maxRuntime minutes timeoutSeconds timeLimit"),
    ("before", "pause_tasks", "pauseJobs pause pauseCrons pauseSchedules"),
    ("", "before", "migration migrate migrations preDeploy beforeDeploy preRelease"),
    ("", "after", "smokeTest smoke postDeploy afterDeploy postRelease"),
]
ELSEWHERE = [
    ("disabled paused suspended state", 'write "enabled": false to stop its runs'),
    (
        "alert alerts alarm notify notification notifications onFailure onSuccess email",
        'Rota reports each job that fails or does not run; write "owner": "data-team" to say who should know',
    ),
    (
        "image entryPoint volumes mountPoints ports portMappings healthCheck user dependsOn executionRole"
        " executionRoleArn",
        "the task definition says that",
    ),
    ("container containerName cluster family prefix", "a parameter of the stack says that for all tasks"),
    (
        "deadLetter deadLetterQueue DeadLetterConfig dlq group ReferenceId EnableECSManagedTags",
        "set it on the target of the task's rule, where a deployment keeps it",
    ),
]


def said(outer: str, names: str) -> list[str]:
    """What is said of these keys, without where each is."""
    keys = dict.fromkeys(names.split(), 1)
    one_off = {"before": {"task": "migrate", **keys}} if outer == "before" else {}
    job = entry(**(keys if outer == "tasks" else {outer: keys} if outer in {"retry", "watch"} else {}))
    file = {"tasks": [job], **one_off, **(keys if not outer else {})}
    return [each.partition(": is not a known key; ")[2] for each in problems(file)]


@pytest.mark.parametrize(("outer", "key", "names"), CALLED, ids=[key for _, key, _ in CALLED])
def test_another_name_of_a_key(outer: str, key: str, names: str) -> None:
    assert said(outer, names) == [f'did you mean "{key}"?' for _ in names.split()]


@pytest.mark.parametrize(("names", "where"), ELSEWHERE, ids=[names.split()[0] for names, _ in ELSEWHERE])
def test_what_is_said_elsewhere(names: str, where: str) -> None:
    assert said("tasks", names) == [where for _ in names.split()]
