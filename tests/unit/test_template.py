"""The template by itself; test_contract.py checks that it agrees with the code."""

import copy
import json
import re
from typing import Any

import pytest

import rota
from tests import asl
from tests.examples import ROOT
from tests.template import TEMPLATE

PARAMETERS = TEMPLATE["Parameters"]
RESOURCES = TEMPLATE["Resources"]
QUEUES = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::SQS::Queue"]
MACHINE_PROPERTIES = RESOURCES["DeployStateMachine"]["Properties"]
CHECKED_BY_AWS = re.compile(r"List<AWS::EC2::")
"""CloudFormation looks up by itself whether each of these is there."""

ROLE = "arn:aws:iam::111122223333:role/shop"
SWITCHES = (
    *("WatchRuns", "TraceScheduledTime", "ExplainMissed", "DeployOnScheduleChange", "DeployReplicated"),
    "PoliciesForPeople",
)
TAKEN = [
    ("DeployWindow", ""),
    ("DeployWindow", "Mon-Thu 09:00-17:00, Fri 22:00-04:00, Sat 00:00-24:00 America/Argentina/Buenos_Aires"),
    ("RepositoryName", "team/shop"),
    ("RepositoryName", "r" * 256),
    ("ImageTagPattern", "*"),
    ("ImageTagPattern", "release-*"),
    ("ImageTagPattern", "v*.*.*"),
    ("ImageTagPattern", "*-rc.*-a"),
    ("ImageTagPattern", "t" * 128),
    ("ClusterName", "c" * 127),  # with / and the longest service's name, what the value of a tag may have
    ("ServiceName", "s" * 127),
    ("TaskDefinitionFamily", "f" * 255),
    ("ContainerName", "c" * 255),
    ("StartCommand", "x"),
    ("StartCommand", "x" * 512),
    ("ApiCommand", ""),
    ("ApiCommand", "base"),
    ("ApiCommand", "x" * 512),
    *(("ApiPort", port) for port in ("base", "1", "99", "8000", "9999", "10000", "59999", "64999", "65535")),
    ("RulePrefix", "production__shop__"),
    ("RulePrefix", "p" * 48),  # a rule's name has 64 characters, which leaves 16 for the task's
    ("PlatformVersion", "1.4.0"),
    ("EventsRoleArn", ""),
    ("EventsRoleArn", "arn:aws-cn:iam::111122223333:role/path/ecsEventsRole"),
    ("FormerEventsRoleArns", ""),
    ("FormerEventsRoleArns", ROLE),
    ("TaskRoleArns", "arn:aws-us-gov:iam::111122223333:role/shop"),
    ("ScheduleKeys", "{repository}/{tag}.json"),
    ("ScheduleKeys", "config/scheduled_tasks.json"),
    ("ScheduleKeys", "k" * 512),
    *(("RolloutTimeoutMinutes", minutes) for minutes in (1, 2880)),
    *(("RuleQuota", rules) for rules in (1, 100_000)),
    *(("HistoryDays", days) for days in (30, 3650)),
    *(("RunHistoryDays", days) for days in (8, 3650)),
    # CloudWatch Logs takes these and no others below five years
    *(
        ("LogRetentionDays", days)
        for days in (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
    ),
    ("LogRetentionDays", 3653),
    ("NotificationEmail", ""),
    ("NotificationEmail", "shop@example.com"),
    ("JobLogGroups", ""),
    ("JobLogGroups", "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/ecs/shop:*"),
    ("JobLogGroups", "arn:aws:logs:eu-west-1:111122223333:log-group:/ecs/shop-*:*"),
    *(("LogTail", lines) for lines in (0, 50)),
    ("ChatTopicArn", ""),
    ("ChatTopicArn", "arn:aws-cn:sns:cn-north-1:111122223333:shop-chat"),
    *(("AssignPublicIp", value) for value in ("ENABLED", "DISABLED")),
    *(("SchedulesIn", value) for value in ("rules", "scheduler")),
    *(("RevisionMode", value) for value in ("per-task", "shared")),
    *(("Architecture", value) for value in ("x86_64", "arm64")),
    *(("TaskNetworks", value) for value in ("stack", "any")),
    *(("EventsRoleAllows", value) for value in ("", "tags", "exec", "tags,exec")),
    *(("RunActions", value) for value in ("none", "stop", "start", "both")),
    *(("Approval", value) for value in ("none", "required", "required-always")),
    *(("ApprovalDays", days) for days in (1, 90)),
    ("SecretsAllowed", ""),
    ("SecretsAllowed", "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:shop/*"),
    ("SecretsAllowed", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"),
    *((name, value) for name in SWITCHES for value in ("true", "false")),
]
REFUSED = [
    ("DeployWindow", "Mon-Fri 09:00-17:00"),
    ("DeployWindow", "Mo-Fr 09:00-17:00 UTC"),
    ("DeployWindow", "Mon-Fri 9:00-17:00 UTC"),
    ("DeployWindow", "Mon 09:00-17:00, UTC"),
    ("RepositoryName", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/Shop"),
    ("RepositoryName", "r" * 257),
    ("ImageTagPattern", "release-**"),
    ("ImageTagPattern", "*-*-*-*"),
    ("ImageTagPattern", ""),
    ("ImageTagPattern", "t" * 129),
    ("ClusterName", "arn:aws:ecs:eu-west-1:111122223333:cluster/production"),
    ("ClusterName", "c" * 128),
    ("ServiceName", "s" * 128),
    ("TaskDefinitionFamily", "shop:12"),
    ("TaskDefinitionFamily", "f" * 256),
    ("ContainerName", "c" * 256),
    ("StartCommand", ""),
    ("StartCommand", "x" * 513),
    ("StartCommand", "sh -c 'bin/start'"),
    ("ApiCommand", "x" * 513),
    ("ApiCommand", 'sh -c "bin/start"'),
    *(("ApiPort", port) for port in ("", "0", "080", "65536", "65540", "65600", "66000", "70000", "100000", "http")),
    ("RulePrefix", "production/shop/"),
    ("RulePrefix", ""),
    ("RulePrefix", "p" * 49),
    ("PlatformVersion", "1.4"),
    ("EventsRoleArn", "ecsEventsRole"),
    ("FormerEventsRoleArns", "ecsEventsRole"),
    ("TaskRoleArns", "ecsTaskExecutionRole"),
    ("TaskRoleArns", ""),
    ("TaskRoleArns", ROLE.replace(":role/", ":user/")),
    ("ScheduleKeys", "{commit}.json"),
    ("ScheduleKeys", "/scheduled_tasks.json"),
    ("ScheduleKeys", "deployments/scheduled_tasks.json"),
    ("ScheduleKeys", ""),
    ("ScheduleKeys", "k" * 513),
    *(("RolloutTimeoutMinutes", minutes) for minutes in (0, 2881)),
    *(("RuleQuota", rules) for rules in (0, 100_001)),
    *(("HistoryDays", days) for days in (29, 3651)),
    *(("RunHistoryDays", days) for days in (7, 3651)),
    *(("LogRetentionDays", days) for days in (0, 2)),
    ("NotificationEmail", "me"),
    ("JobLogGroups", "/ecs/shop"),
    ("JobLogGroups", "arn:aws:logs:eu-west-1:111122223333:log-group:/ecs/shop"),
    ("JobLogGroups", "arn:aws:logs:eu-west-1:111122223333:log-group:*:*"),
    *(("LogTail", lines) for lines in (-1, 51)),
    ("ChatTopicArn", "shop-chat"),
    ("ChatTopicArn", "arn:aws:sns:eu-west-1:111122223333:shop.fifo"),  # Amazon Q Developer takes standard topics
    ("AssignPublicIp", ""),
    ("RevisionMode", "per_task"),
    ("SchedulesIn", "both"),
    ("Architecture", "amd64"),
    ("TaskNetworks", ""),
    ("EventsRoleAllows", "exec,tags"),
    ("RunActions", "true"),
    ("Approval", "always"),
    *(("ApprovalDays", days) for days in (0, 91)),
    ("SecretsAllowed", "shop/database"),
    ("SecretsAllowed", "*"),
    *((name, value) for name in SWITCHES for value in ("yes", "True", "")),
]
# A stack that does not set a parameter has this, so a change is one that every such stack gets with its next update.
DEFAULTS: dict[str, str | int] = {
    "ImageTagPattern": "*",
    "DeployReplicated": "false",
    "StartCommand": "./bin/start",
    "ApiCommand": "base",
    "ApiPort": "base",
    "AssignPublicIp": "DISABLED",
    "TaskNetworks": "stack",
    "SecretsAllowed": "",
    "EventsRoleAllows": "",
    "PlatformVersion": "LATEST",
    "EventsRoleArn": "",
    "FormerEventsRoleArns": "",
    "ScheduleKeys": "scheduled_tasks.json",
    "RolloutTimeoutMinutes": 30,
    "DeployOnScheduleChange": "false",
    "DeployWindow": "",
    "Approval": "none",
    "ApprovalDays": 7,
    "RuleQuota": 300,
    "RevisionMode": "per-task",
    "SchedulesIn": "rules",
    "HistoryDays": 365,
    "LogRetentionDays": 90,
    "NotificationEmail": "",
    "JobLogGroups": "",
    "LogTail": 10,
    "ChatTopicArn": "",
    "PoliciesForPeople": "false",
    "Architecture": "x86_64",
    "WatchRuns": "true",
    "TraceScheduledTime": "false",
    "RunActions": "none",
    "ExplainMissed": "false",
    "RunHistoryDays": 90,
}


def texts(value: Any) -> list[str]:
    """Every string in a part of the template."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [str(value)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_checked_and_says_what_it_takes(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"].endswith(".")
    if "AllowedValues" in parameter or CHECKED_BY_AWS.match(parameter["Type"]):
        return
    assert {"AllowedPattern", "MinValue"} & parameter.keys()
    assert "ConstraintDescription" in parameter


def takes(name: str, value: str | int) -> bool:
    """As CloudFormation does: a pattern fits the whole of a string, or each item of a list."""
    parameter = PARAMETERS[name]
    assert (parameter["Type"] == "Number") == isinstance(value, int)
    if "AllowedValues" in parameter:
        return value in parameter["AllowedValues"]
    if isinstance(value, int):
        return bool(parameter["MinValue"] <= value <= parameter["MaxValue"])
    fits = re.fullmatch(parameter["AllowedPattern"], value) is not None
    return fits and parameter.get("MinLength", 0) <= len(value) <= parameter.get("MaxLength", 4096)


@pytest.mark.parametrize(("name", "value"), TAKEN, ids=lambda each: str(each)[:30])
def test_a_parameter_takes(name: str, value: str | int) -> None:
    assert takes(name, value)


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda each: str(each)[:30])
def test_a_parameter_refuses(name: str, value: str | int) -> None:
    assert not takes(name, value)


def test_every_allowed_value_and_bound_is_tried() -> None:
    checked = {name: each for name, each in PARAMETERS.items() if not CHECKED_BY_AWS.match(each["Type"])}
    assert {name for name, _ in TAKEN} == {name for name, _ in REFUSED} == checked.keys()
    allowed = {(name, value) for name, each in checked.items() for value in each.get("AllowedValues", ())}
    assert allowed <= {*TAKEN}
    bounds = {
        (name, each[bound]) for name, each in checked.items() for bound in ("MinValue", "MaxValue") if bound in each
    }
    assert bounds <= {*TAKEN}


def test_the_default_of_every_parameter() -> None:
    assert {name: each["Default"] for name, each in PARAMETERS.items() if "Default" in each} == DEFAULTS
    assert all(takes(name, value) for name, value in DEFAULTS.items())


def test_every_parameter_is_in_a_group_of_the_console() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_two_stacks_in_one_region_share_no_name() -> None:
    """A name that the template sets contains the stack's; CloudFormation generates all others."""
    names = {"BucketName", "TableName", "QueueName", "TopicName", "RoleName", "FunctionName", "LayerName", "AlarmName"}
    names |= {"LogGroupName", "FilterName", "Name"}
    given = {
        (resource, key): resource_properties[key]
        for resource, each in RESOURCES.items()
        for resource_properties in [each.get("Properties", {})]
        for key in names & resource_properties.keys()
    }
    refers = {key: value for key, value in given.items() if not (isinstance(value, dict) and "Ref" in value)}
    assert all("${AWS::StackName}" in value["Fn::Sub"] for value in refers.values()), refers
    counted = [
        each["Properties"].get("Namespace") or each["Properties"]["MetricTransformations"][0]["MetricNamespace"]
        for each in RESOURCES.values()
        if each["Type"] in {"AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter"} and "Metrics" not in each["Properties"]
    ]
    own = [namespace for namespace in counted if not str(namespace).startswith("AWS/")]
    assert own == [{"Fn::Sub": "Rota/${AWS::StackName}"}] * 2


def test_nothing_names_a_partition_a_region_or_an_account() -> None:
    fixed = re.compile(r"arn:aws[\w-]*:|\b[a-z]{2}-(north|south|east|west|central)\w*-\d|\b\d{12}\b|amazonaws\.com\.cn")
    assert [text for text in texts([RESOURCES, TEMPLATE["Outputs"]]) if fixed.search(text)] == []


def test_scheduler_assumes_its_role_for_the_apps_group_alone() -> None:
    group, role = RESOURCES["ScheduleGroup"]["Properties"], RESOURCES["SchedulerRole"]["Properties"]
    # Without a name of its own the group is never replaced, as no schedule can follow it.
    assert group == {"Tags": [{"Key": "rota:app", "Value": {"Fn::Sub": "${ClusterName}/${ServiceName}"}}]}
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ScheduleGroup", "Arn"]}},
        },
    }


def test_what_the_app_needs_stays_when_the_stack_is_deleted() -> None:
    kept = {name for name, resource in RESOURCES.items() if "DeletionPolicy" in resource}
    policies = {"ConfigBucketPolicy", "RunQueuePolicy"}
    of_schedules = {"EventsRole", "SchedulerRole", "ScheduleGroup", "RunQueue"}
    assert kept == {"ConfigBucket", "LedgerTable"} | of_schedules | policies
    how = {(RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]) for name in kept}
    assert how == {("RetainExceptOnCreate", "Retain")}, "a creation that fails leaves nothing behind"
    unconditional = {name for name in kept if "Condition" not in RESOURCES[name]}
    assert kept - unconditional == {"EventsRole"}, "a stack that stops watching runs keeps the queue that targets name"
    listed = json.dumps(TEMPLATE["Outputs"]["KeptWhenDeleted"])
    assert all(name in listed for name in kept - policies)


MACHINE = [{"Name": "StateMachineArn", "Value": {"Ref": "DeployStateMachine"}}]
PUSHES = [{"Name": "RuleName", "Value": {"Ref": "DeployStateMachinePush"}}]
UPLOADS = [{"Name": "RuleName", "Value": {"Ref": "UploadRule"}}]
UNRECORDED = [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["UnrecordedRunsQueue", "QueueName"]}}]
STOPS = [{"Name": "RuleName", "Value": {"Ref": "DeployStateMachineStopped"}}]
# What each alarm watches, and over how many minutes: EventBridge's metrics are best effort and may come late.
ALARMS: dict[str, tuple[Any, str, Any, int]] = {
    "FailedDeploymentsAlarm": ("AWS/States", "ExecutionsFailed", MACHINE, 1),
    "FailedRestoresAlarm": ({"Fn::Sub": "Rota/${AWS::StackName}"}, "FailedRestores", None, 1),
    "TimedOutDeploymentsAlarm": ("AWS/States", "ExecutionsTimedOut", MACHINE, 1),
    "LostUploadsAlarm": ("AWS/Events", "InvocationsSentToDlq", UPLOADS, 15),
    "LostPushesAlarm": ("AWS/Events", "InvocationsSentToDlq", PUSHES, 15),  # arrivals, not what the queue holds
    "UnkeptPushesAlarm": ("AWS/Events", "InvocationsFailedToBeSentToDlq", PUSHES, 15),
    "LostRestoresAlarm": ("AWS/Events", "FailedInvocations", STOPS, 15),
}


def test_every_alarm_is_listed() -> None:
    alarms = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms == ALARMS.keys() | {"UnrecordedRunsAlarm", "LateRunsAlarm", "NoSweepAlarm"}


@pytest.mark.parametrize("name", ALARMS)
def test_the_first_event_within_a_minute_raises_the_alarm(name: str) -> None:
    alarm = {key: value for key, value in RESOURCES[name]["Properties"].items() if key != "AlarmDescription"}
    namespace, metric, dimensions, minutes = ALARMS[name]
    assert alarm == {
        "Namespace": namespace,
        "MetricName": metric,
        **({"Dimensions": dimensions} if dimensions else {}),
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": minutes,
        **({"DatapointsToAlarm": 1} if minutes > 1 else {}),
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "NotificationsTopic"}],
    }


def test_an_event_of_a_run_that_was_not_recorded_raises_an_alarm() -> None:
    alarm = RESOURCES["UnrecordedRunsAlarm"]
    assert alarm["Condition"] == "WatchesRuns"
    like = RESOURCES["FailedDeploymentsAlarm"]["Properties"]
    assert alarm["Properties"] == like | {
        "AlarmDescription": alarm["Properties"]["AlarmDescription"],
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": UNRECORDED,
        "Statistic": "Maximum",
    }


def test_runs_that_are_recorded_late_raise_an_alarm() -> None:
    alarm = RESOURCES["LateRunsAlarm"]
    assert alarm["Condition"] == "WatchesRuns"
    like = RESOURCES["UnrecordedRunsAlarm"]["Properties"]
    assert alarm["Properties"] == like | {
        "AlarmDescription": alarm["Properties"]["AlarmDescription"],
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["RunQueue", "QueueName"]}}],
        "Threshold": 900,
    }


def test_ten_minutes_without_a_sweep_raise_an_alarm() -> None:
    """By metrics that every function has: ten sweeps in a row that fail, or none at all. It says nothing of a new one:
    docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
    """
    alarm = RESOURCES["NoSweepAlarm"]
    assert "Condition" not in alarm, "pauses and holds end also where no runs are watched"
    shown, *summed = alarm["Properties"]["Metrics"]
    assert shown["Expression"] == "invocations - errors"
    for each, metric in zip(summed, ("Invocations", "Errors"), strict=True):
        dimensions = [{"Name": "FunctionName", "Value": {"Ref": "SweepFunction"}}]
        expected = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}
        assert each["MetricStat"] == {"Metric": expected, "Period": 60, "Stat": "Sum"}
        assert (each["Id"], each["ReturnData"]) == (metric.lower(), False)
    how = ("Threshold", "ComparisonOperator", "TreatMissingData", "EvaluationPeriods")
    assert [alarm["Properties"][name] for name in how] == [1, "LessThanThreshold", "missing", 10]
    assert "DatapointsToAlarm" not in alarm["Properties"], "all of them, unless it is said"
    topic = [{"Ref": "NotificationsTopic"}]
    assert (alarm["Properties"]["AlarmActions"], alarm["Properties"]["InsufficientDataActions"]) == (topic, topic)
    sweep = RESOURCES["SweepFunction"]
    assert sweep["Properties"]["Events"]["EveryMinute"]["Properties"]["Schedule"] == "rate(1 minute)"
    assert "Condition" not in sweep


def test_runs_are_read_as_the_function_and_its_queue_agree() -> None:
    """docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the function's timeout."""
    reads, queue = RESOURCES["RecordRunMessages"]["Properties"], RESOURCES["RunQueue"]["Properties"]
    assert reads == {
        "FunctionName": {"Ref": "RecordRunFunction"},
        "EventSourceArn": {"Fn::GetAtt": ["RunQueue", "Arn"]},
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 5},
    }
    assert queue["VisibilityTimeout"] == 6 * TEMPLATE["Globals"]["Function"]["Timeout"]
    assert "Timeout" not in RESOURCES["RecordRunFunction"]["Properties"]
    watched = {name for name, each in RESOURCES.items() if each.get("Condition") == "WatchesRuns"}
    assert watched >= {"RecordRunFunction", "RecordRunMessages", "TaskChanges"}


def test_a_sweep_that_is_late_is_left_to_the_next() -> None:
    """docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: throttled ones wait for six hours."""
    sweep = RESOURCES["SweepFunction"]["Properties"]
    assert sweep["Events"]["EveryMinute"]["Properties"]["Schedule"] == "rate(1 minute)"
    assert sweep["EventInvokeConfig"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_a_failed_restore_is_counted_for_its_alarm() -> None:
    counts = RESOURCES["FailedRestores"]["Properties"]
    alarm = RESOURCES["FailedRestoresAlarm"]["Properties"]
    (name,) = re.findall(
        r'^\{ \$\.type = "FailStateEntered" && \$\.details\.name = "(\w+)" \}$', counts["FilterPattern"]
    )
    assert asl.STATES[name]["Type"] == "Fail"
    assert name == asl.STATES["RestoreDeployment"]["Catch"][0]["Next"]
    assert counts["MetricTransformations"] == [
        {
            "MetricNamespace": alarm["Namespace"],
            "MetricName": alarm["MetricName"],
            "MetricValue": "1",
            "Unit": "Count",
        }
    ]
    logging = MACHINE_PROPERTIES["Logging"]
    assert logging["Level"] == "ALL", "below that, a Fail state's entry is not logged"
    (destination,) = logging["Destinations"]
    assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"] == [counts["LogGroupName"]["Ref"], "Arn"]


def test_the_application_repository_shows_this_version() -> None:
    published = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
    assert published["SemanticVersion"] == rota.__version__
    assert (ROOT / published["ReadmeUrl"]).is_file()


def test_nothing_in_the_bucket_can_be_public() -> None:
    bucket = RESOURCES["ConfigBucket"]["Properties"]
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_what_is_stored_is_encrypted() -> None:
    (encryption,) = RESOURCES["ConfigBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert RESOURCES["LedgerTable"]["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    for queue in QUEUES:
        assert RESOURCES[queue]["Properties"]["SqsManagedSseEnabled"] is True


def test_the_retention_of_stored_data() -> None:
    days = {"Ref": "HistoryDays"}
    bucket = RESOURCES["ConfigBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule.pop("Id"): rule for rule in copy.deepcopy(bucket["LifecycleConfiguration"]["Rules"])}
    assert {rule.pop("Status") for rule in rules.values()} == {"Enabled"}
    assert rules == {
        "plans-and-snapshots": {
            "Prefix": "deployments/",
            "ExpirationInDays": days,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        },
        "proposals": {
            "Prefix": "proposals/",
            "ExpirationInDays": 7,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        "schedule-files-of-the-past": {
            "NoncurrentVersionExpiration": {"NoncurrentDays": days, "NewerNoncurrentVersions": 100},
            "ExpiredObjectDeleteMarker": True,
        },
        "uploads-that-never-ended": {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    }
    table = RESOURCES["LedgerTable"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    for queue in QUEUES:
        assert RESOURCES[queue]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600, "SQS's maximum"
    for group in ("LogGroup", "StateMachineLogGroup"):
        assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("LogGroup", "/rota/${AWS::StackName}/steps"),
        # With this prefix log delivery does not meet the size limit of resource policies.
        ("StateMachineLogGroup", "/aws/vendedlogs/states/${AWS::StackName}-deploy"),
    ],
)
def test_an_operator_finds_the_logs_by_the_stacks_name(group: str, name: str) -> None:
    assert RESOURCES[group]["Properties"]["LogGroupName"] == {"Fn::Sub": name}


def test_what_cannot_be_recorded_of_runs_leaves_the_queue() -> None:
    queue = RESOURCES["RunQueue"]["Properties"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["UnrecordedRunsQueue", "Arn"]},
        "maxReceiveCount": 5,
    }
    assert "QueueName" not in queue, "a name of its own would keep a stack from being made again"
    longest = TEMPLATE["Globals"]["Function"]["Timeout"]
    assert queue["VisibilityTimeout"] == 6 * longest, "else a message comes again while a function still reads it"


FOR_AN_HOUR = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20}


def test_what_starts_a_deployment() -> None:
    push = MACHINE_PROPERTIES["Events"]["Push"]["Properties"]
    assert push == {
        "Pattern": {
            "source": ["aws.ecr"],
            "account": [{"Ref": "AWS::AccountId"}],
            "region": [{"Ref": "AWS::Region"}],
            "detail-type": {
                "Fn::If": ["DeploysReplicated", ["ECR Image Action", "ECR Replication Action"], ["ECR Image Action"]]
            },
            "detail": {
                "result": ["SUCCESS"],
                "action-type": {"Fn::If": ["DeploysReplicated", ["PUSH", "REPLICATE"], ["PUSH"]]},
                "repository-name": [{"Ref": "RepositoryName"}],
                "image-tag": [
                    {"Fn::If": ["TakesAnyTag", {"anything-but": ""}, {"wildcard": {"Ref": "ImageTagPattern"}}]}
                ],
            },
        },
        "RetryPolicy": FOR_AN_HOUR,
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["PushDeadLetterQueue", "Arn"]}},
    }


def test_what_an_upload_starts() -> None:
    assert RESOURCES["ConfigBucket"]["Properties"]["NotificationConfiguration"] == {
        "Fn::If": [
            "DeploysUploads",
            {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            {"Ref": "AWS::NoValue"},
        ]
    }
    rule = RESOURCES["UploadRule"]
    assert rule["Condition"] == RESOURCES["UploadRuleRole"]["Condition"] == "DeploysUploads"
    others = [{"anything-but": {"prefix": ["deployments/", "proposals/"]}}]
    assert rule["Properties"]["EventPattern"] == {
        "source": ["aws.s3"],
        "account": [{"Ref": "AWS::AccountId"}],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [{"Ref": "ConfigBucket"}]},
            "object": {"key": {"Fn::If": ["NamesNoRepository", {"Ref": "ScheduleKeys"}, others]}},
        },
    }
    (target,) = rule["Properties"]["Targets"]
    assert target == {
        "Id": "deploy",
        "Arn": {"Ref": "DeployStateMachine"},
        "RoleArn": {"Fn::GetAtt": ["UploadRuleRole", "Arn"]},
        "RetryPolicy": FOR_AN_HOUR,
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["PushDeadLetterQueue", "Arn"]}},
    }


def test_what_starts_the_restore_of_a_stopped_deployment() -> None:
    machine = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
    stopped = MACHINE_PROPERTIES["Events"]["Stopped"]["Properties"]
    assert stopped == {
        "Pattern": {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "stateMachineArn": [{"Fn::Sub": machine + MACHINE_PROPERTIES["Name"]["Fn::Sub"]}],
                "status": ["ABORTED", "TIMED_OUT"],
            },
        },
        "RetryPolicy": FOR_AN_HOUR,
    }


def test_which_tasks_are_runs() -> None:
    """All of the family on the cluster but the service's: their beginning, and their end."""
    anywhere = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:"
    revisions = {"Fn::Sub": f"{anywhere}task-definition/${{TaskDefinitionFamily}}:"}
    assert RESOURCES["TaskChanges"]["Properties"]["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [{"Fn::Sub": f"{anywhere}cluster/${{ClusterName}}"}],
            "taskDefinitionArn": [{"prefix": revisions}],
            "group": [{"anything-but": {"prefix": "service:"}}],
            "lastStatus": ["PROVISIONING", "STOPPED"],
        },
    }


def test_an_operator_sees_the_history_of_each_execution() -> None:
    assert MACHINE_PROPERTIES["Type"] == "STANDARD", "an express execution has no history"
    assert MACHINE_PROPERTIES["Tracing"] == {"Enabled": True}
    assert MACHINE_PROPERTIES["Logging"]["IncludeExecutionData"] is True
    functions = TEMPLATE["Globals"]["Function"]
    assert functions["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": "LogGroup"}}


def test_the_layer_fits_every_function() -> None:
    layer, functions = RESOURCES["RotaLayer"]["Properties"], TEMPLATE["Globals"]["Function"]
    assert functions["Layers"] == [{"Ref": "RotaLayer"}]
    assert layer["CompatibleRuntimes"] == [functions["Runtime"]] == ["python3.13"]
    assert functions["Architectures"] == [{"Ref": "Architecture"}]
    assert layer["CompatibleArchitectures"] == PARAMETERS["Architecture"]["AllowedValues"]
    assert layer["RetentionPolicy"] == "Delete"
    assert functions["MemorySize"] == 1769, "a whole CPU: docs/cold-starts.md"
    made = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::Function"}
    own = {name: each["MemorySize"] for name, each in made.items() if "MemorySize" in each}
    assert own == {"RecordRunFunction": 512, "SweepFunction": 512}


def test_each_outcome_of_this_app_goes_to_the_topic() -> None:
    rule = RESOURCES["OutcomeRule"]["Properties"]
    assert rule["EventPattern"] == {
        "source": ["rota"],
        "account": [{"Ref": "AWS::AccountId"}],
        "region": [{"Ref": "AWS::Region"}],
        "detail-type": ["Rota Deployment"],
        "detail": {"app": [{"Fn::Sub": "${ClusterName}/${ServiceName}"}]},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "NotificationsTopic"}
    transformer = target["InputTransformer"]
    paths = transformer["InputPathsMap"]
    names = ("what", "app", "outcome", "news", "pushed", "started", "execution")
    assert paths == {name: f"$.detail.{name}" for name in names}
    assert transformer["InputTemplate"].splitlines() == [
        '"The <what> of <app> has ended: <outcome>."',
        '"<news>"',
        '"Image: <pushed>"',
        '"Started: <started>"',
        '"Every step of it: <execution>"',
    ]
    assert RESOURCES["NotificationsByMail"] == {
        "Type": "AWS::SNS::Subscription",
        "Condition": "SendsMail",
        "Properties": {
            "TopicArn": {"Ref": "NotificationsTopic"},
            "Protocol": "email",
            "Endpoint": {"Ref": "NotificationEmail"},
        },
    }


def test_what_the_conditions_ask_of_the_parameters() -> None:
    def is_empty(value: Any) -> dict[str, Any]:
        return {"Fn::Equals": [value, ""]}

    def watching(also: dict[str, Any]) -> dict[str, Any]:
        return {"Fn::And": [{"Condition": "WatchesRuns"}, also]}

    def acts(how: str) -> dict[str, Any]:
        return watching({"Fn::Or": [{"Fn::Equals": [{"Ref": "RunActions"}, value]} for value in (how, "both")]})

    keys = {"Fn::Join": [",", {"Ref": "ScheduleKeys"}]}

    def lacks(placeholder: str) -> dict[str, Any]:
        return {"Fn::Equals": [{"Fn::Join": ["", {"Fn::Split": [placeholder, keys]}]}, keys]}

    assert TEMPLATE["Conditions"] == {
        "HasOneScheduleFile": {"Fn::And": [lacks("{tag}"), lacks("{digest}")]},
        "NamesNoRepository": lacks("{repository}"),
        "DeploysUploads": {
            "Fn::And": [
                {"Condition": "HasOneScheduleFile"},
                {"Fn::Equals": [{"Ref": "DeployOnScheduleChange"}, "true"]},
            ]
        },
        "StartsApiAlone": {"Fn::Equals": [{"Ref": "ApiCommand"}, ""]},
        "MakesEventsRole": is_empty({"Ref": "EventsRoleArn"}),
        "KnowsFormerEventsRoles": {"Fn::Not": [is_empty({"Fn::Join": [",", {"Ref": "FormerEventsRoleArns"}]})]},
        "TakesAnyTag": {"Fn::Equals": [{"Ref": "ImageTagPattern"}, "*"]},
        "DeploysReplicated": {"Fn::Equals": [{"Ref": "DeployReplicated"}, "true"]},
        "SendsMail": {"Fn::Not": [is_empty({"Ref": "NotificationEmail"})]},
        "WatchesRuns": {"Fn::Equals": [{"Ref": "WatchRuns"}, "true"]},
        "StopsRuns": acts("stop"),
        "StartsRuns": acts("start"),
        "NotifiesChat": {"Fn::Not": [is_empty({"Ref": "ChatTopicArn"})]},
        "ExplainsMissed": watching({"Fn::Equals": [{"Ref": "ExplainMissed"}, "true"]}),
        "ShowsJobLogs": watching({"Condition": "ReadsJobLogs"}),
        **{
            f"Allows{right.title()}": {
                "Fn::Or": [{"Fn::Equals": [{"Ref": "EventsRoleAllows"}, has]} for has in (right, "tags,exec")]
            }
            for right in ("tags", "exec")
        },
        **{
            f"StartsRunsWith{right}": {"Fn::And": [{"Condition": "StartsRuns"}, {"Condition": f"Allows{right}"}]}
            for right in ("Tags", "Exec")
        },
        "AllowsSecrets": {"Fn::Not": [is_empty({"Fn::Join": [",", {"Ref": "SecretsAllowed"}]})]},
        "TakesAnyNetwork": {"Fn::Equals": [{"Ref": "TaskNetworks"}, "any"]},
        "ReadsJobLogs": {"Fn::Not": [is_empty({"Fn::Join": [",", {"Ref": "JobLogGroups"}]})]},
        "OffersPolicies": {"Fn::Equals": [{"Ref": "PoliciesForPeople"}, "true"]},
    }
    assert RESOURCES["EventsRole"]["Condition"] == "MakesEventsRole"


POLICIES_FOR_PEOPLE = (
    *("ViewerPolicy", "PlanReaderPolicy", "DeployerPolicy", "ApproverPolicy", "RunnerPolicy", "DoctorPolicy"),
)


def test_what_is_there_on_a_condition_alone() -> None:
    assert {name: each["Condition"] for name, each in RESOURCES.items() if "Condition" in each} == {
        **dict.fromkeys(("RecordRunFunction", "RecordRunMessages", "TaskChanges"), "WatchesRuns"),
        **dict.fromkeys(("UnrecordedRunsAlarm", "LateRunsAlarm"), "WatchesRuns"),
        **dict.fromkeys(("UploadRule", "UploadRuleRole", "LostUploadsAlarm"), "DeploysUploads"),
        **dict.fromkeys(POLICIES_FOR_PEOPLE, "OffersPolicies"),
        "EventsRole": "MakesEventsRole",
        "NotificationsByMail": "SendsMail",
    }


def test_the_outputs_of_a_stack() -> None:
    role = {"Fn::If": ["MakesEventsRole", {"Fn::GetAtt": ["EventsRole", "Arn"]}, {"Ref": "EventsRoleArn"}]}
    values = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items() if name != "KeptWhenDeleted"}
    assert values == {
        "StateMachineArn": {"Ref": "DeployStateMachine"},
        "BucketName": {"Ref": "ConfigBucket"},
        "ScheduleFileKeys": {"Fn::Join": [",", {"Ref": "ScheduleKeys"}]},
        "LedgerTableName": {"Ref": "LedgerTable"},
        "ApproveFunctionName": {"Ref": "ApproveFunction"},
        "NotificationsTopicArn": {"Ref": "NotificationsTopic"},
        "EventsRoleArn": role,
        "SweepRoleArn": {"Fn::GetAtt": ["SweepFunctionRole", "Arn"]},
        "PushDeadLetterQueueUrl": {"Ref": "PushDeadLetterQueue"},
        "RunQueueUrl": {"Ref": "RunQueue"},
        "UnrecordedRunsQueueUrl": {"Ref": "UnrecordedRunsQueue"},
        "RulePrefix": {"Ref": "RulePrefix"},
        "ScheduleGroup": {"Ref": "ScheduleGroup"},
        "SchedulerRoleArn": {"Fn::GetAtt": ["SchedulerRole", "Arn"]},
        "Version": rota.__version__,
        **{f"{name}Arn": {"Ref": name} for name in POLICIES_FOR_PEOPLE},
    }
    assert all(TEMPLATE["Outputs"][f"{name}Arn"]["Condition"] == "OffersPolicies" for name in POLICIES_FOR_PEOPLE)
