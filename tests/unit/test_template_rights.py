"""What each role and resource policy of the template allows, listed by hand: a wider right fails a test."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests import asl
from tests.template import TEMPLATE

RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
WITH_A_ROLE = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] in {"AWS::Serverless::Function", "AWS::Serverless::StateMachine", "AWS::IAM::Role"}
}
# Those that an operator may attach to people's roles.
WITH_A_ROLE |= {
    name: {"Policies": [resource["Properties"]]}
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::IAM::ManagedPolicy"
}


def arn(service: str, resource: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"}


def passed_to(service: str) -> dict[str, Any]:
    return {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}


RULES = arn("events", "rule/${RulePrefix}*")
SCHEDULES = arn("scheduler", "schedule/${ScheduleGroup}/${RulePrefix}*")
REVISIONS = arn("ecs", "task-definition/${TaskDefinitionFamily}:*")
CLUSTER = arn("ecs", "cluster/${ClusterName}")
TASKS = arn("ecs", "task/${ClusterName}/*")
SERVICE = arn("ecs", "service/${ClusterName}/${ServiceName}")
EVENTS_ROLE = {"Fn::If": ["MakesEventsRole", {"Fn::GetAtt": ["EventsRole", "Arn"]}, {"Ref": "EventsRoleArn"}]}
STARTERS = [EVENTS_ROLE, {"Fn::GetAtt": ["SchedulerRole", "Arn"]}]
# What a statement is about: its Resource and its Condition, as they are in the template.
KINDS: dict[str, tuple[Any, Any]] = {
    "anything": ("*", None),
    "ledger": ({"Fn::GetAtt": ["LedgerTable", "Arn"]}, None),
    "the app's runs in the table": (
        {"Fn::GetAtt": ["LedgerTable", "Arn"]},
        {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": {"Fn::Sub": "runs#${ClusterName}/${ServiceName}"}},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    ),
    "the app's own items in the table": (
        {"Fn::GetAtt": ["LedgerTable", "Arn"]},
        {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": {"Fn::Sub": "${ClusterName}/${ServiceName}"}},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    ),
    "the app's pauses in the table": (
        {"Fn::GetAtt": ["LedgerTable", "Arn"]},
        {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": {"Fn::Sub": "pauses#${ClusterName}/${ServiceName}"}},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    ),
    "the cluster": (CLUSTER, None),
    "the secrets that tasks may name": ({"Ref": "SecretsAllowed"}, None),
    "the cluster's lists of tasks": ("*", {"ArnEquals": {"ecs:cluster": CLUSTER}}),
    "tasks": (TASKS, None),
    "tasks, on the cluster alone": (TASKS, {"ArnEquals": {"ecs:cluster": CLUSTER}}),
    "the topic": ({"Ref": "NotificationsTopic"}, None),
    "the jobs' log groups": ({"Ref": "JobLogGroups"}, None),
    "the queue of runs": ({"Fn::GetAtt": ["RunQueue", "Arn"]}, None),
    "executions": (arn("states", "execution:${AWS::StackName}-deploy:*"), None),
    "bucket": ({"Fn::GetAtt": ["ConfigBucket", "Arn"]}, None),
    "files": ({"Fn::Sub": "${ConfigBucket.Arn}/*"}, None),
    "artifacts": ({"Fn::Sub": "${ConfigBucket.Arn}/deployments/*"}, None),
    "repository": (arn("ecr", "repository/${RepositoryName}"), None),
    "service": (SERVICE, None),
    "the service's deployments": ([SERVICE, arn("ecs", "service-deployment/${ClusterName}/${ServiceName}/*")], None),
    "the service's revisions": ([SERVICE, arn("ecs", "service-revision/${ClusterName}/${ServiceName}/*")], None),
    "rules": (RULES, None),
    "rules, with targets on the cluster alone": (
        RULES,
        {
            "ForAllValues:ArnEquals": {"events:TargetArn": CLUSTER},
            "Null": {"events:TargetArn": "false"},
        },
    ),
    "schedules": (SCHEDULES, None),
    "the whole group": (arn("scheduler", "schedule/${ScheduleGroup}/*"), None),
    "revisions": (REVISIONS, None),
    "revisions, while they are registered": (
        REVISIONS,
        {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
    ),
    "revisions, on the cluster alone": (
        REVISIONS,
        {"ArnEquals": {"ecs:cluster": CLUSTER}, "StringNotEquals": {"ecs:enable-execute-command": "true"}},
    ),
    "revisions, on the cluster alone, with ECS Exec": (
        REVISIONS,
        {"ArnEquals": {"ecs:cluster": CLUSTER}, "StringEquals": {"ecs:enable-execute-command": "true"}},
    ),
    "the app's one-off tasks": (
        TASKS,
        {"StringEquals": {"aws:ResourceTag/rota:one-off": {"Fn::Sub": "${ClusterName}/${ServiceName}"}}},
    ),
    "tasks, while they are started": (
        TASKS,
        {"StringEquals": {"ecs:CreateAction": "RunTask"}},
    ),
    "bus, with events of Rota alone": (
        arn("events", "event-bus/default"),
        {"ForAllValues:StringEquals": {"events:source": "rota"}, "Null": {"events:source": "false"}},
    ),
    "the tasks' roles, for ECS": ({"Ref": "TaskRoleArns"}, passed_to("ecs-tasks")),
    "the rules' role, for EventBridge": (EVENTS_ROLE, passed_to("events")),
    "the schedules' role, for Scheduler": ({"Fn::GetAtt": ["SchedulerRole", "Arn"]}, passed_to("scheduler")),
    "the rules' former roles, for EventBridge": ({"Ref": "FormerEventsRoleArns"}, passed_to("events")),
    "the topic of the chat": ({"Ref": "ChatTopicArn"}, None),
    "the state machine": ({"Ref": "DeployStateMachine"}, None),
    "the state machine, by its name": (arn("states", "stateMachine:${AWS::StackName}-deploy"), None),
    "the function that takes answers": ({"Fn::GetAtt": ["ApproveFunction", "Arn"]}, None),
    "schedule files that are only planned": ({"Fn::Sub": "${ConfigBucket.Arn}/proposals/*"}, None),
    "Rota's log": (arn("logs", "log-group:/rota/${AWS::StackName}/steps:*"), None),
    "who starts tasks, and the tasks' roles": (
        {"Fn::Split": [",", {"Fn::Join": [",", [*STARTERS, {"Fn::Join": [",", {"Ref": "TaskRoleArns"}]}]]}]},
        None,
    ),
    "who starts tasks, and Sweep": ([*STARTERS, {"Fn::GetAtt": ["SweepFunctionRole", "Arn"]}], None),
    "secrets": (arn("secretsmanager", "secret:*"), None),
    "the dead letters": (
        [{"Fn::GetAtt": [queue, "Arn"]} for queue in ("PushDeadLetterQueue", "UnrecordedRunsQueue")],
        None,
    ),
    "the steps": ([{"Fn::GetAtt": [f"{step}Function", "Arn"]} for step in asl.TASKS], None),
}
# None of these can be allowed for one resource alone (Service Authorization Reference, "Resource types").
ALLOWED_ON_ANYTHING = {
    *("ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:DeregisterTaskDefinition"),
    *("events:ListRules", "tag:GetResources", "cloudtrail:LookupEvents", "scheduler:ListSchedules"),
    *("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"),
    *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
    *("ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints", "ssm:DescribeParameters", "cloudwatch:DescribeAlarms"),
    "cloudformation:DescribeStacks",  # of the Region's stacks, where no name is given
}
RIGHTS: dict[str, dict[str, str]] = {
    "TakeTurnFunction": {
        "ledger": "dynamodb:GetItem dynamodb:UpdateItem dynamodb:Query",
        "files": "s3:GetObject s3:GetObjectVersion",
        "bucket": "s3:ListBucket s3:ListBucketVersions",
        "executions": "states:DescribeExecution",
        "repository": "ecr:DescribeImages ecr:DescribeRepositories",
    },
    "ReadConfigFunction": {
        "files": "s3:GetObject s3:GetObjectVersion",
        "artifacts": "s3:PutObject",
        "ledger": "dynamodb:GetItem",
        "the app's pauses in the table": "dynamodb:Query",
        "bucket": "s3:ListBucket s3:ListBucketVersions",
        "repository": "ecr:DescribeImages ecr:DescribeRepositories",
        "service": "ecs:DescribeServices",
        "the cluster": "ecs:DescribeClusters",
        "the secrets that tasks may name": "secretsmanager:DescribeSecret ssm:ListTagsForResource",
        "anything": "ecs:DescribeTaskDefinition ecs:ListTaskDefinitions events:ListRules tag:GetResources"
        " ec2:DescribeSubnets ec2:DescribeSecurityGroups scheduler:ListSchedules",
        "rules": "events:ListTagsForResource events:ListTargetsByRule",
        "the whole group": "scheduler:GetSchedule",
    },
    "PlanDeploymentFunction": {"artifacts": "s3:GetObjectVersion s3:PutObject"},
    "RegisterRevisionsFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion s3:PutObject",
        "revisions": "ecs:RegisterTaskDefinition",
        "revisions, while they are registered": "ecs:TagResource",
        "anything": "ecs:DescribeTaskDefinition ecs:ListTaskDefinitions",
        "the tasks' roles, for ECS": "iam:PassRole",
    },
    "RunBeforeFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion",
        "revisions, on the cluster alone": "ecs:RunTask",
        "tasks, while they are started": "ecs:TagResource",
        "the tasks' roles, for ECS": "iam:PassRole",
        "tasks": "ecs:DescribeTasks",
        "the cluster's lists of tasks": "ecs:ListTasks",
        "the app's one-off tasks": "ecs:StopTask",
        "anything": "ecs:DescribeTaskDefinition",
        "the jobs' log groups": "logs:GetLogEvents",
        "the app's pauses in the table": "dynamodb:GetItem dynamodb:PutItem dynamodb:Query",
        "rules": "events:DescribeRule events:ListTagsForResource events:DisableRule events:EnableRule",
        "schedules": "scheduler:GetSchedule scheduler:UpdateSchedule",
        "the schedules' role, for Scheduler": "iam:PassRole",
    },
    "ClearRulesFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion",
        "the app's pauses in the table": "dynamodb:GetItem dynamodb:PutItem dynamodb:Query",
        "rules": "events:ListTagsForResource events:DisableRule",
        "schedules": "scheduler:UpdateSchedule",
        "the schedules' role, for Scheduler": "iam:PassRole",
    },
    "CreateTargetsFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion",
        "the app's pauses in the table": "dynamodb:GetItem dynamodb:PutItem dynamodb:Query",
        "rules": "events:PutRule events:RemoveTargets events:TagResource events:ListTagsForResource"
        " events:DescribeRule events:DisableRule events:EnableRule",
        "rules, with targets on the cluster alone": "events:PutTargets",
        "the rules' role, for EventBridge": "iam:PassRole",
        "schedules": "scheduler:CreateSchedule scheduler:UpdateSchedule scheduler:GetSchedule",
        "the schedules' role, for Scheduler": "iam:PassRole",
    },
    "RollServiceFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion",
        "service": "ecs:DescribeServices ecs:UpdateService",
        "the service's deployments": "ecs:DescribeServiceDeployments",
        "the tasks' roles, for ECS": "iam:PassRole",
    },
    "CheckServiceFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "service": "ecs:DescribeServices",
        "the service's deployments": "ecs:DescribeServiceDeployments",
        "the service's revisions": "ecs:DescribeServiceRevisions",
    },
    "RunAfterFunction": {
        "ledger": "dynamodb:UpdateItem",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion",
        "revisions, on the cluster alone": "ecs:RunTask",
        "tasks, while they are started": "ecs:TagResource",
        "the tasks' roles, for ECS": "iam:PassRole",
        "tasks": "ecs:DescribeTasks",
        "anything": "ecs:DescribeTaskDefinition",
        "the jobs' log groups": "logs:GetLogEvents",
    },
    "FinishDeploymentFunction": {
        "ledger": "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query",
        "executions": "states:GetExecutionHistory",
        "artifacts": "s3:GetObjectVersion",
        "rules": "events:ListTagsForResource events:ListTargetsByRule events:RemoveTargets events:DeleteRule",
        "schedules": "scheduler:DeleteSchedule",
        "bus, with events of Rota alone": "events:PutEvents",
        "the topic of the chat": "sns:Publish",
    },
    "RestoreDeploymentFunction": {
        "ledger": "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query",
        "executions": "states:DescribeExecution states:GetExecutionHistory",
        "bus, with events of Rota alone": "events:PutEvents",
        "the topic of the chat": "sns:Publish",
        "artifacts": "s3:GetObjectVersion",
        "bucket": "s3:ListBucket s3:ListBucketVersions",
        # a rule of the app may hold targets that were added by hand, so PutTargets is not bound to the cluster
        "rules": "events:ListTargetsByRule events:ListTagsForResource events:PutRule events:PutTargets"
        " events:EnableRule events:DescribeRule events:RemoveTargets events:DeleteRule events:TagResource",
        "schedules": "scheduler:CreateSchedule scheduler:UpdateSchedule scheduler:GetSchedule scheduler:DeleteSchedule",
        "the schedules' role, for Scheduler": "iam:PassRole",
        "the cluster's lists of tasks": "ecs:ListTasks",
        "tasks": "ecs:DescribeTasks",
        "the app's one-off tasks": "ecs:StopTask",
        "service": "ecs:DescribeServices ecs:UpdateService",
        "the service's deployments": "ecs:DescribeServiceDeployments ecs:StopServiceDeployment",
        "the service's revisions": "ecs:DescribeServiceRevisions",
        "anything": "events:ListRules ecs:DescribeTaskDefinition ecs:ListTaskDefinitions ecs:DeregisterTaskDefinition"
        " scheduler:ListSchedules",
        "revisions": "ecs:RegisterTaskDefinition",
        "revisions, while they are registered": "ecs:TagResource",
        "the rules' role, for EventBridge": "iam:PassRole",
        "the rules' former roles, for EventBridge": "iam:PassRole",
        "the tasks' roles, for ECS": "iam:PassRole",
    },
    "ChangePausesFunction": {
        "ledger": "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query",
        "executions": "states:GetExecutionHistory",
        "rules": "events:DescribeRule events:ListTagsForResource events:DisableRule events:EnableRule",
        "schedules": "scheduler:GetSchedule scheduler:UpdateSchedule",
        "the schedules' role, for Scheduler": "iam:PassRole",
        "bus, with events of Rota alone": "events:PutEvents",
        "the topic of the chat": "sns:Publish",
    },
    "RecordRunFunction": {
        "the app's runs in the table": "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query",
        "the queue of runs": "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes",
        "the cluster's lists of tasks": "ecs:ListTasks",
        "tasks": "ecs:DescribeTasks",
        "tasks, on the cluster alone": "ecs:StopTask",
    },
    "SweepFunction": {
        "the app's runs in the table": "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:Query",
        "the app's own items in the table": "dynamodb:GetItem dynamodb:Query",
        "the state machine": "states:StartExecution",
        "the app's pauses in the table": "dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem dynamodb:Query",
        "artifacts": "s3:GetObject s3:PutObject",
        "files": "s3:GetObjectVersion",
        "bucket": "s3:ListBucket s3:ListBucketVersions",
        "the cluster's lists of tasks": "ecs:ListTasks",
        "tasks": "ecs:DescribeTasks",
        "tasks, on the cluster alone": "ecs:StopTask",
        "revisions, on the cluster alone": "ecs:RunTask",
        "revisions, on the cluster alone, with ECS Exec": "ecs:RunTask",
        "tasks, while they are started": "ecs:TagResource",
        "the tasks' roles, for ECS": "iam:PassRole",
        "rules": "events:DescribeRule events:ListTargetsByRule events:ListTagsForResource"
        " events:EnableRule events:DisableRule",
        "schedules": "scheduler:GetSchedule scheduler:UpdateSchedule",
        "the schedules' role, for Scheduler": "iam:PassRole",
        "anything": "ecs:DescribeTaskDefinition cloudtrail:LookupEvents",
        "the jobs' log groups": "logs:GetLogEvents",
        "repository": "ecr:DescribeImages ecr:GetLifecyclePolicy",
        "the topic": "sns:Publish",
        "the topic of the chat": "sns:Publish",
        "bus, with events of Rota alone": "events:PutEvents",
    },
    "ApproveFunction": {
        "the app's own items in the table": "dynamodb:GetItem dynamodb:UpdateItem",
        "the state machine": "states:StartExecution",
    },
    "DeployStateMachine": {
        "the steps": "lambda:InvokeFunction",
        "anything": "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery"
        " logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies logs:DescribeLogGroups",
    },
    "UploadRuleRole": {"the state machine": "states:StartExecution"},
    "SchedulerRole": {
        "revisions, on the cluster alone": "ecs:RunTask",
        "revisions, on the cluster alone, with ECS Exec": "ecs:RunTask",
        "tasks, while they are started": "ecs:TagResource",
        "the tasks' roles, for ECS": "iam:PassRole",
        "the queue of runs": "sqs:SendMessage",
    },
    "EventsRole": {
        "revisions, on the cluster alone": "ecs:RunTask",
        "revisions, on the cluster alone, with ECS Exec": "ecs:RunTask",
        "tasks, while they are started": "ecs:TagResource",
        "the tasks' roles, for ECS": "iam:PassRole",
    },
    "ViewerPolicy": {
        "anything": "cloudformation:DescribeStacks events:ListRules scheduler:ListSchedules ecs:DescribeTaskDefinition",
        "ledger": "dynamodb:Query",
        "executions": "states:DescribeExecution states:GetExecutionHistory",
        "rules": "events:DescribeRule events:ListTargetsByRule events:ListTagsForResource",
        "schedules": "scheduler:GetSchedule",
        "service": "ecs:DescribeServices",
        "the cluster's lists of tasks": "ecs:ListTasks",
        "tasks": "ecs:DescribeTasks",
        "Rota's log": "logs:FilterLogEvents",
        "the jobs' log groups": "logs:GetLogEvents",
    },
    "PlanReaderPolicy": {
        "files": "s3:GetObject s3:GetObjectVersion",
        "bucket": "s3:ListBucket s3:ListBucketVersions",
    },
    "DeployerPolicy": {
        "the state machine, by its name": "states:StartExecution states:ListExecutions",
        "executions": "states:StopExecution",
        "repository": "ecr:DescribeImages",
        "schedule files that are only planned": "s3:PutObject",
    },
    "ApproverPolicy": {"the function that takes answers": "lambda:InvokeFunction"},
    "RunnerPolicy": {
        "revisions, on the cluster alone": "ecs:RunTask",
        "revisions, on the cluster alone, with ECS Exec": "ecs:RunTask",
        "tasks, while they are started": "ecs:TagResource",
        "tasks, on the cluster alone": "ecs:StopTask",
        "the tasks' roles, for ECS": "iam:PassRole",
    },
    "DoctorPolicy": {
        "who starts tasks, and the tasks' roles": "iam:GetRole",
        "who starts tasks, and Sweep": "iam:SimulatePrincipalPolicy",
        "repository": "ecr:DescribeRepositories ecr:DescribeImages ecr:BatchGetImage ecr:GetLifecyclePolicy",
        "secrets": "secretsmanager:DescribeSecret",
        "the cluster": "ecs:DescribeClusters",
        "anything": "ssm:DescribeParameters logs:DescribeLogGroups ec2:DescribeSubnets ec2:DescribeSecurityGroups"
        " ec2:DescribeRouteTables ec2:DescribeVpcEndpoints cloudwatch:DescribeAlarms",
        "the dead letters": "sqs:GetQueueAttributes",
        "bucket": "s3:GetBucketNotification",
    },
}


# By the condition of a statement, what it is about: mostly what a parameter names.
GIVEN_BY: dict[str, list[Any]] = {
    "KnowsFormerEventsRoles": [{"Ref": "FormerEventsRoleArns"}],
    "NotifiesChat": [{"Ref": "ChatTopicArn"}],
    "ShowsJobLogs": [{"Ref": "JobLogGroups"}],
    "ReadsJobLogs": [{"Ref": "JobLogGroups"}],
    "WatchesRuns": [
        *("*", TASKS, RULES, arn("ecr", "repository/${RepositoryName}")),
        {"Fn::GetAtt": ["LedgerTable", "Arn"]},
    ],
    "ExplainsMissed": ["*"],
    "TakesAnyNetwork": ["*"],
    "DeploysUploads": [{"Fn::GetAtt": ["ConfigBucket", "Arn"]}],
    "AllowsSecrets": [{"Ref": "SecretsAllowed"}],
    "StopsRuns": ["*", TASKS],
    "StartsRuns": [REVISIONS, {"Ref": "TaskRoleArns"}],
    "StartsRunsWithTags": [TASKS],
    "StartsRunsWithExec": [REVISIONS],
    "AllowsTags": [TASKS],
    "AllowsExec": [REVISIONS],
}


def statements(role: str) -> Iterator[dict[str, Any]]:
    """The statements of a role's policies, also those that depend on a parameter."""
    for policy in WITH_A_ROLE[role]["Policies"]:
        document = policy.get("PolicyDocument", policy)
        assert document["Version"] == "2012-10-17"
        for statement in document["Statement"]:
            if "Fn::If" in statement:
                condition, statement, otherwise = statement["Fn::If"]  # noqa: PLW2901
                assert otherwise == {"Ref": "AWS::NoValue"}
                assert statement["Resource"] in GIVEN_BY[condition]
            assert statement["Effect"] == "Allow"
            assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
            yield statement


def actions(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def guarded(role: str, condition: str | None) -> set[str]:
    """The actions of the statements that are there on that condition alone."""
    return {
        action
        for policy in WITH_A_ROLE[role]["Policies"]
        for given in policy.get("PolicyDocument", policy)["Statement"]
        if (given["Fn::If"][0] if "Fn::If" in given else None) == condition
        for action in actions(given["Fn::If"][1] if "Fn::If" in given else given)
    }


def test_runs_are_stopped_and_started_on_request_alone() -> None:
    assert guarded("RecordRunFunction", "StopsRuns") == {"ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"}
    assert guarded("SweepFunction", "StopsRuns") == {"ecs:StopTask"}
    assert guarded("SweepFunction", "StartsRuns") == {"ecs:RunTask", "iam:PassRole"}
    assert guarded("SweepFunction", "StartsRunsWithTags") == {"ecs:TagResource"}
    assert guarded("SweepFunction", "StartsRunsWithExec") == {"ecs:RunTask"}
    for role in ("EventsRole", "SchedulerRole"):
        assert (guarded(role, "AllowsTags"), guarded(role, "AllowsExec")) == ({"ecs:TagResource"}, {"ecs:RunTask"})
    for role in ("RecordRunFunction", "SweepFunction"):
        assert not guarded(role, None) & {"ecs:StopTask", "ecs:RunTask", "ecs:TagResource"}


def test_sweep_may_nothing_of_runs_where_none_are_watched() -> None:
    of_runs = guarded("SweepFunction", "WatchesRuns")
    assert of_runs >= {"ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "ecr:DescribeImages"}
    always = guarded("SweepFunction", None)
    assert not {action for action in always if action.startswith(("ecs:", "ecr:", "logs:", "cloudtrail:"))}


def test_every_role_is_listed() -> None:
    assert RIGHTS.keys() == WITH_A_ROLE.keys()
    assert not any({"Role", "ManagedPolicyArns"} & properties.keys() for properties in WITH_A_ROLE.values())


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_may_do_this_and_nothing_else(role: str) -> None:
    allowed: defaultdict[str, set[str]] = defaultdict(set)
    for statement in statements(role):
        about = (statement["Resource"], statement.get("Condition"))
        kinds = [name for name, kind in KINDS.items() if kind == about]
        assert kinds, f"{actions(statement)} on something that is not in KINDS: {about}"
        allowed[kinds[0]].update(actions(statement))
    assert allowed == {kind: set(names.split()) for kind, names in RIGHTS[role].items()}


def test_no_action_has_a_wildcard() -> None:
    assert [action for role in RIGHTS for each in statements(role) for action in actions(each) if "*" in action] == []


def test_only_actions_without_a_resource_are_allowed_on_anything() -> None:
    wide = {
        action
        for role in RIGHTS
        for each in statements(role)
        if each["Resource"] == "*" and "Condition" not in each
        for action in actions(each)
    }
    assert wide == ALLOWED_ON_ANYTHING


def test_only_eventbridge_assumes_the_role_of_the_rules() -> None:
    assert WITH_A_ROLE["EventsRole"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        }
    ]


def policy_of(resource: str, kind: str, attached_to: str) -> list[dict[str, Any]]:
    """The statements of a resource policy, without their ids."""
    properties = RESOURCES[resource]["Properties"]
    assert properties[kind] in ({"Ref": attached_to}, [{"Ref": attached_to}])
    return [
        {key: part for key, part in each.items() if key != "Sid"} for each in properties["PolicyDocument"]["Statement"]
    ]


def test_the_bucket_refuses_requests_without_tls() -> None:
    assert policy_of("ConfigBucketPolicy", "Bucket", "ConfigBucket") == [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [{"Fn::GetAtt": ["ConfigBucket", "Arn"]}, {"Fn::Sub": "${ConfigBucket.Arn}/*"}],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_only_two_services_publish_to_the_topic() -> None:
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "NotificationsTopic"}}
    assert policy_of("NotificationsTopicPolicy", "Topics", "NotificationsTopic") == [
        # EventBridge does not reach a topic whose policy has a condition for it
        publish | {"Principal": {"Service": "events.amazonaws.com"}},
        publish
        | {
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        },
    ]


def test_only_the_apps_rules_send_to_the_queue_of_runs() -> None:
    queue = {"Fn::GetAtt": ["RunQueue", "Arn"]}
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    letters, changes = RESOURCES["RunQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert letters == send | {"Sid": "StartsThatWereGivenUp", "Condition": {"ArnLike": {"aws:SourceArn": RULES}}}
    only_task_changes = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["TaskChanges", "Arn"]}}}
    watched = send | {"Sid": "ChangesOfTasks", "Condition": only_task_changes}
    assert changes == {"Fn::If": ["WatchesRuns", watched, {"Ref": "AWS::NoValue"}]}
    assert RESOURCES["RunQueuePolicy"]["Properties"]["Queues"] == [{"Ref": "RunQueue"}]
    assert [target["Arn"] for target in RESOURCES["TaskChanges"]["Properties"]["Targets"]] == [queue]


def test_only_rules_of_what_starts_deployments_send_to_the_dead_letter_queue() -> None:
    pushes, uploads = policy_of("PushDeadLetterQueuePolicy", "Queues", "PushDeadLetterQueue")
    sent = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["PushDeadLetterQueue", "Arn"]},
    }
    by_rules = [
        {"Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}}}
        for rule in ("DeployStateMachinePush", "UploadRule")
    ]
    assert pushes == sent | by_rules[0]
    with_its_id = {"Sid": "UploadsThatStartedNothing", **sent, **by_rules[1]}
    assert uploads == {"Fn::If": ["DeploysUploads", with_its_id, {"Ref": "AWS::NoValue"}]}
