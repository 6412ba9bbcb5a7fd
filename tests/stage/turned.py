"""Each assumption of `rota verify-account` turned round: faults with which the stage answers otherwise."""

from typing import Any

from tests.stage.verify_runs import OWN

EVERY = {"count": 0}
MADE = {"RuleArn": "arn:aws:events:us-east-1:123456789012:rule/made-up"}
SCHEDULED = {"ScheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/made/up"}
# Of the variables of a task: the one with the scheduled time, up to that. It is the first of a task of Scheduler.
TIME = r'\{\\"name\\": ?\\"ROTA_SCHEDULED_AT.{1,20}?'
REVISION = "arn:aws:ecs:us-east-1:123456789012:task-definition/made-up:1"


def own(purpose: str) -> str:
    """The run's name for a purpose, whole, as a member of a request."""
    return rf'\b{OWN.format(purpose)}"'


def answered(service: str, operation: str, request: str, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    call = {"service": service, "operation": operation, "request": request, **EVERY}
    return {**call, "fault": "answered", "answer": answer, **more}


def refused(service: str, operation: str, request: str, code: str, message: str) -> dict[str, Any]:
    call = {"service": service, "operation": operation, "request": request, **EVERY}
    return {**call, "fault": "refused", "code": code, "message": message}


def rewritten(service: str, operation: str, request: str, pattern: str, replacement: str) -> dict[str, Any]:
    call = {"service": service, "operation": operation, "request": request, **EVERY}
    return {**call, "fault": "rewritten", "pattern": pattern, "replacement": replacement}


def received(queue: str, pattern: str, replacement: str) -> dict[str, Any]:
    """What comes from a queue of the run; a body is JSON in JSON, so that its quotes have a backslash."""
    return rewritten("sqs", "ReceiveMessage", own(queue), pattern, replacement)


def retries(queue: str) -> dict[str, Any]:
    return received(queue, r'("RETRY_ATTEMPTS": ?\{[^}]*"StringValue": ?)"0"', r'\1"3"')


STARTED = {"executionArn": "arn:aws:states:us-east-1:123456789012:execution:made:up", "startDate": 0}


TURNED: dict[str, dict[str, Any]] = {
    "register-in-family": refused(
        "ecs", "RegisterTaskDefinition", own("family"), "AccessDeniedException", "not authorized"
    ),
    "register-elsewhere": answered(
        "ecs", "RegisterTaskDefinition", own("other-family"), {"taskDefinition": {"taskDefinitionArn": REVISION}}
    ),
    # The probe names the cluster by its ARN, the deletion by its name.
    "list-tasks-by-cluster": refused(
        "ecs", "ListTasks", f":cluster/{OWN.format('cluster')}", "AccessDeniedException", "not authorized"
    ),
    "denied-words": refused("events", "PutRule", own("denied"), "AccessDeniedException", "No."),
    "tags-after-put-rule": answered("events", "ListTagsForResource", own("reads"), {"Tags": []}, count=1),
    "late-reads": answered("events", "ListRules", own("reads"), {"Rules": []}, count=9),
    "tag-index": answered("resourcegroupstaggingapi", "GetResources", "", {"ResourceTagMappingList": []}),
    "rule-takes-effect": answered("sqs", "ReceiveMessage", own("effect"), {}),
    "cron-last-days": answered("events", "PutRule", own("last-days"), MADE),
    "cron-step-of-60": answered("events", "PutRule", own("step-of-60"), MADE),
    "rule-switched-twice": refused("events", "EnableRule", own("switched"), "ValidationException", "It is enabled."),
    "pattern-complexity": answered("events", "PutRule", own("pattern-11"), MADE),
    "unknown-placeholder": answered("events", "PutTargets", own("placeholder"), {"FailedEntryCount": 0}),
    "limit-words": refused("ecs", "DescribeServices", '"s10"', "InvalidParameterException", "Too many services."),
    "sns-subject": refused("sns", "Publish", own("topic"), "InvalidParameter", "Invalid parameter: Subject"),
    "untagged-push": received("every-push", r'\\"image-tag\\":\\"\\",?', ""),
    "untagged-push-pattern": answered("sqs", "ReceiveMessage", own("tagged-push"), {}),
    "same-push-again": answered(
        "ecr",
        "PutImage",
        '"imageTag":"verify-last"',
        {
            "image": {
                "repositoryName": OWN.format("pushes"),
                "imageId": {"imageDigest": "sha256:0", "imageTag": "verify-last"},
                "imageManifest": "{}",
            }
        },
        skip=1,
    ),
    "archived-image": refused("ecr", "DescribeImages", own("archive"), "ImageNotFoundException", "There is none."),
    "dead-letter-attributes": received("dead", '"TARGET_ARN"', '"TARGET"'),
    "dead-letter-body": received("dead", r'\\"detail\\"', r'\\"input\\"'),
    "dead-letter-at-once": retries("dead"),
    "inactive-revision": retries("inactive"),
    "execution-name": rewritten("stepfunctions", "ListExecutions", own("fails"), '"name": ?"', '"name":"x'),
    "history-without-data": rewritten(
        "stepfunctions",
        "GetExecutionHistory",
        '"includeExecutionData":false',
        r'"executionStartedEventDetails": ?\{',
        r'"executionStartedEventDetails":{"input":"{}",',
    ),
    "redriven-state": rewritten(
        "stepfunctions", "GetExecutionHistory", "-fails:", "FailStateEntered", "PassStateEntered"
    ),
    "throttled-function": rewritten(
        "stepfunctions", "GetExecutionHistory", "-invokes:", '"LambdaFunctionFailed"', '"LambdaFunctionScheduleFailed"'
    ),
    "name-used-running": answered("stepfunctions", "StartExecution", own("waits"), STARTED, skip=1, count=1),
    "name-used-other": answered("stepfunctions", "StartExecution", own("waits"), STARTED, skip=2, count=1),
    "name-used-ended": answered("stepfunctions", "StartExecution", own("waits"), STARTED, skip=3, count=1),
    "missing-version": refused(
        "s3", "GetObject", '"versionId": ?"(?!no-version)', "NoSuchKey", "There is no such key."
    ),
    "no-version-id": refused("s3", "GetObject", '"versionId": ?"no-version"', "NoSuchVersion", "There is none."),
    "deleted-object": refused("s3", "HeadObject", own("versions"), "MethodNotAllowed", "It is a delete marker."),
    "refused-transaction": answered("dynamodb", "TransactWriteItems", "", {}),
    "scheduler-retry-policy": rewritten(
        "scheduler",
        "GetSchedule",
        "",
        r'("RetryPolicy": ?\{)',
        r'\1"MaximumEventAgeInSeconds": 86400, ',
    ),
    "scheduler-create-twice": answered("scheduler", "CreateSchedule", own("daily"), SCHEDULED, skip=1),
    "scheduler-time-zone": answered("scheduler", "CreateSchedule", own("zone"), SCHEDULED),
    "scheduler-past-end": refused("scheduler", "CreateSchedule", own("past-end"), "ValidationException", "It is past."),
    "scheduler-past-time": refused(
        "scheduler", "CreateSchedule", own("past-time"), "ValidationException", "It is past."
    ),
    "scheduler-past-update": refused("scheduler", "UpdateSchedule", "", "ValidationException", "It is past."),
    "target-environment": received("task-events", "ROTA_TASK", "TASK"),
    "target-scheduled-time": received("task-events", rf"(\}}, ?{TIME})\d{{4}}-", r"\g<1>1999-"),
    "scheduler-scheduled-time": received("task-events", rf"(\[{TIME})\d{{4}}-", r"\g<1>1999-"),
    "scheduler-started-by": received("task-events", r"(chronos-schedule/[\w-]+)", r"\1-task"),
    "started-by": received("task-events", r"(events-rule/[\w-]+)", r"\1-tasks"),
    "start-in-the-minute": received("task-events", r'(createdAt\\": ?\\")\d{4}', r"\g<1>2099"),
    "task-states": received("task-events", r'(lastStatus\\": ?\\")PENDING', r"\1ACTIVATING"),
    "stop-before-start": received("task-events", "UserInitiated", "EssentialContainerExited"),
    "stop-reason": received("task-events", "Rota stopped", "Someone stopped"),
    "stop-tagged-task": answered("ecs", "StopTask", "what a tag allows", {"task": {}}),
    "run-task-token": refused("ecs", "RunTask", '"startedBy": ?"verify"', "ClientException", "no"),
    "stop-task-event": received("task-events", r'(desiredStatus\\": ?\\")STOPPED', r"\1RUNNING"),
    "update-service-pass-role": answered("ecs", "UpdateService", own("idle"), {"service": {"serviceName": "idle"}}),
    "pause-stages": rewritten("ecs", "DescribeServiceDeployments", "", '"POST_SCALE_UP"', '"SCALE_UP"'),
    "rollback-revision": rewritten(
        "ecs", "DescribeServices", "", r'("taskDefinition": ?"[^"]*-service:)1(".*-service:2")', r"\g<1>9\2"
    ),
    "rollback-status": rewritten("ecs", "DescribeServiceDeployments", "", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"),
    "bake-deployments": rewritten("ecs", "DescribeServices", own("service"), '"PRIMARY"', '"ACTIVE"'),
    "deleted-service": rewritten("ecs", "DescribeServices", own("service"), '"DRAINING"', '"INACTIVE"'),
    "cloudtrail-delay": answered("cloudtrail", "LookupEvents", "", {"Events": []}),
}
