"""What people write instead of a key, as they know it from other tools, and what the file says to write."""

import json
from typing import Any

import pytest

from rota.schedule_file.parse import find_problems

TASK = {"name": "A", "task": "t", "rate": "1 day"}


def said(where: str, key: str) -> str:
    """The message about a key in a task, in `retry` or `watch` of one, in `before`, in `defaults` or in the file."""
    wrong: dict[str, Any] = {key: "x"}
    files: dict[str, dict[str, Any]] = {
        "task": {"tasks": [TASK | wrong]},
        "retry": {"tasks": [TASK | {"retry": wrong}]},
        "watch": {"tasks": [TASK | {"watch": wrong}]},
        "before": {"tasks": [], "before": {"task": "t"} | wrong},
        "after": {"tasks": [], "after": {"task": "t"} | wrong},
        "defaults": {"tasks": [], "defaults": wrong},
        "file": {"tasks": []} | wrong,
    }
    (problem,) = find_problems(json.dumps(files[where]).encode(), rule_prefix="", max_tasks=10)
    return problem.message


@pytest.mark.parametrize(
    ("where", "key", "others"),
    [
        ("task", "environment", "env envs envVars vars variables environmentVariables"),
        ("task", "command", "cmd args arguments exec run container-command"),
        ("task", "memory", "mem RAM memoryMiB memory_mb memorySize"),
        ("task", "cpu", "cpus vCPU vcpus cpuUnits"),
        ("task", "cron", "cronExpression crontab"),
        ("task", "rate", "every interval"),
        ("task", "schedule", "expression ScheduleExpression"),
        ("task", "timezone", "tz zone ScheduleExpressionTimezone timezoneName"),
        ("task", "at", "date once runAt one-time"),
        ("task", "start", "StartDate startAt startsAt notBefore"),
        ("task", "end", "EndDate endAt endsAt until notAfter"),
        ("task", "window", "jitter FlexibleTimeWindow flexible MaximumWindowInMinutes"),
        ("task", "description", "desc comment"),
        ("task", "count", "copies TaskCount replicas desiredCount"),
        ("task", "retry", "retries RetryPolicy"),
        ("retry", "attempts", "maxAttempts retries MaximumRetryAttempts"),
        ("retry", "age", "maxAge maxEventAge MaximumEventAgeInSeconds"),
        ("task", "enabled", "active"),
        ("task", "platform_version", "platform"),
        ("task", "watch", "monitor monitoring checkin"),
        ("watch", "grace", "gracePeriod graceSeconds graceTime checkin_margin margin"),
        ("file", "before", "migration migrate migrations preDeploy beforeDeploy preRelease"),
        ("file", "after", "smokeTest smoke postDeploy afterDeploy postRelease"),
        ("before", "timeout", "timeoutMinutes maxRuntime minutes timeoutSeconds timeLimit"),
        ("before", "pause_tasks", "pauseJobs pause pauseCrons pauseSchedules"),
        ("watch", "max_runtime", "maxDuration maximumRuntime longest timeout timeoutSeconds duration timeLimit"),
        ("watch", "tolerance", "failureTolerance failureThreshold failure_issue_threshold tolerate"),
        ("task", "owner", "team contact responsible ownedBy"),
        ("task", "overlap", "concurrency concurrencyPolicy lock singleton overlapping overlapPolicy"),
        ("task", "tags", "labels TasksTags taskTags"),
        ("task", "enable_execute_command", "executeCommand ecsExec enableExec"),
        ("task", "ephemeral_storage", "storage disk diskSize ephemeral_storage_gib sizeInGiB"),
        ("task", "secrets", "secret secretVariables valueFrom"),
        ("task", "role", "taskRole taskRoleArn roleArn"),
        ("task", "subnets", "subnetIds subnet network NetworkConfiguration vpcSubnets"),
        ("task", "security_groups", "securityGroupIds securityGroup sg sgs"),
        ("task", "assign_public_ip", "publicIp assignPublicIpAddress"),
        ("task", "capacity_provider", "CapacityProviderStrategy capacityProviders spot fargateSpot launchType"),
        ("task", "catch_up", "backfill rerun start_late misfire misfirePolicy"),
        ("defaults", "environment", "env"),
        ("after", "timeout", "minutes"),
    ],
)
def test_what_other_tools_call_a_key(where: str, key: str, others: str) -> None:
    known = {other: said(where, other) for other in others.split()}
    assert known == dict.fromkeys(known, f'is not a known key; did you mean "{key}"?')


@pytest.mark.parametrize(
    ("others", "instead"),
    [
        ("disabled paused suspended State", 'write "enabled": false to stop its runs'),
        (
            "alert alerts alarm notify notification notifications on_failure onSuccess email",
            'Rota reports each job that fails or does not run; write "owner": "data-team" to say who should know',
        ),
        (
            "image entryPoint volumes mountPoints ports portMappings healthCheck executionRole executionRoleArn user "
            "dependsOn",
            "the task definition says that",
        ),
        (
            "container containerName cluster family prefix",
            "a parameter of the stack says that for all tasks",
        ),
        (
            "deadLetter dead_letter_queue DeadLetterConfig DLQ group ReferenceId EnableECSManagedTags",
            "set it on the target of the task's rule, where a deployment keeps it",
        ),
    ],
)
def test_what_the_file_cannot_say(others: str, instead: str) -> None:
    known = {other: said("task", other) for other in others.split()}
    assert known == dict.fromkeys(known, f"is not a known key; {instead}")


@pytest.mark.parametrize(
    ("where", "key", "message"),
    [
        ("defaults", "cron", "cannot be a default; write it in each task"),
        ("file", "cpus", 'is not a known key of the file; for all tasks, write "defaults": {"cpu": ...}'),
        ("task", "grace", 'is not a known key of a task; write "watch": {"grace": ...}'),
        ("task", "attempt", 'is not a known key of a task; write "retry": {"attempts": ...}'),
        ("defaults", "toleranze", 'is not a known key of a task; write "watch": {"tolerance": ...}'),
        ("retry", "cron", "is not a known key; known keys are attempts, age"),
        ("watch", "cron", "is not a known key; known keys are grace, max_runtime, tolerance"),
        ("before", "cron", "is not a known key of before, which runs once in a deployment; it is one of tasks"),
        ("after", "pause_tasks", "is not a known key of after; it is one of before"),
        ("after", "owner", "is not a known key of after, which runs once in a deployment; it is one of tasks"),
        ("file", "zzz", "is not a known key; known keys are $schema, defaults, before, after, tasks"),
        ("file", "schema", 'is not a known key; did you mean "$schema"?'),
    ],
)
def test_a_key_in_the_wrong_place(where: str, key: str, message: str) -> None:
    assert said(where, key) == message
