"""What the rows of `rota verify-account` see where AWS answers later, otherwise, or not as assumed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, Clock, Network
from rota.cli.verify_account.journal import Journal, Place
from rota.cli.verify_account.resources import KINDS
from rota.cli.verify_account.rows.catalogue import ROWS
from rota.cli.verify_account.run import clean, try_rows
from tests.cli.conftest import Aws

AT = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
PLACE = Place("111122223333", "eu-west-1")
SESSION = boto3.Session("x", "x", region_name=PLACE.region)
CREDENTIALS = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "x")
FAMILIES = "arn:aws:ecs:eu-west-1:111122223333:task-definition/"
OWN = "rota-verify-r1-"
DENIED = "AccessDeniedException: not authorized"
LATER: list[Any] = ["ResourceNotFoundException", {"Tags": [{"Key": "x", "Value": "r1"}]}]
TAGGED = {"Tags": [{"Key": "rota:verify", "Value": "r1"}]}


def message(**detail: Any) -> dict[str, Any]:
    return {"Body": json.dumps({"detail": detail}), "ReceiptHandle": "x"}


def letter(code: str | None = None, **attributes: str) -> dict[str, Any]:
    given = {"ERROR_CODE": code, **attributes} if code else attributes
    shown = {name: {"StringValue": value, "DataType": "String"} for name, value in given.items()}
    return {"Messages": [{"Body": "{}", "ReceiptHandle": "x", "MessageAttributes": shown}]}


def of_task(task: str, family: str, version: int, status: str, **members: Any) -> dict[str, Any]:
    """ECS's event of a task."""
    definition = f"{FAMILIES}{OWN}{family}:1"
    return message(taskArn=task, taskDefinitionArn=definition, version=version, lastStatus=status, **members)


FIRST = of_task("first", "first", 1, "STOPPED", containers=[{"exitCode": 0}])


def of_tasks(*events: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    """ECS's events: first that of the first task; of no other queue any."""
    left = [[FIRST], [*events]]

    def received(asked: dict[str, Any]) -> dict[str, Any]:
        if not asked["QueueUrl"].endswith("task-events"):
            return {}
        return {"Messages": left.pop(0)} if left else {}

    return received


def history(*events: dict[str, Any]) -> dict[str, Any]:
    return {"events": [*events]}


def entered(kind: str, **details: Any) -> dict[str, Any]:
    return {"type": kind, "id": 1, "details": details}


def image(**members: str) -> dict[str, Any]:
    return {"imageDetails": [members]}


SERVICE = {"taskDefinition": "family:1", "status": "ACTIVE", "deployments": [
    {"taskDefinition": "family:1", "status": "PRIMARY", "rolloutState": "COMPLETED"}]}  # fmt: skip
ROLLOUT = {"serviceDeploymentArn": "new", "status": "IN_PROGRESS"}
WAITS = ROLLOUT | {
    "lifecycleStage": "POST_SCALE_UP",
    "lifecycleHookDetails": [
        {"hookId": "other", "status": "SUCCEEDED"},
        {"hookId": "hook", "status": "AWAITING_ACTION"},
    ],
}
USUAL: dict[str, Any] = {
    "AssumeRole": {"Credentials": CREDENTIALS},
    "CreateCluster": {"cluster": {"clusterArn": f"arn:aws:ecs:eu-west-1:111122223333:cluster/{OWN}cluster"}},
    "CreateFunction": {"FunctionArn": "function"},
    "CreateQueue": lambda asked: {"QueueUrl": asked["QueueName"]},
    "CreateRole": {"Role": {"Arn": "role"}},
    "CreateService": {"service": {"serviceArn": "service"}},
    "CreateStateMachine": {"stateMachineArn": "machine"},
    "CreateTopic": {"TopicArn": "topic"},
    "DescribeExecution": {"status": "ABORTED"},
    "DescribeServiceDeployments": {"serviceDeployments": [WAITS]},
    "DescribeServices": {"services": [SERVICE]},
    "DescribeTable": {"Table": {"TableStatus": "ACTIVE"}},
    "GetItem": {},
    "GetResources": {"ResourceTagMappingList": []},
    "GetSchedule": {"Target": {"RetryPolicy": {"MaximumRetryAttempts": 3}}},
    "ListExecutions": {"executions": [{"executionArn": "execution", "name": "event_1"}]},
    "ListRules": {"Rules": [{}]},
    "ListServiceDeployments": {"serviceDeployments": [{"serviceDeploymentArn": "old"}]},
    "ListTagsForResource": TAGGED,
    "ListTargetsByRule": {"Targets": [{}]},
    "ListTasks": {"taskArns": []},
    "PutEvents": {"Entries": [{"EventId": "event"}]},
    "PutImage": {"image": {"imageId": {"imageDigest": "sha256:1"}}},
    "PutObject": {"VersionId": "v-1"},
    "PutTargets": {},
    "ReceiveMessage": {},
    "RegisterTaskDefinition": lambda asked: {
        "taskDefinition": {"taskDefinitionArn": f"{FAMILIES}{asked['family']}:1"}
    },
    "RunTask": {"tasks": [{"taskArn": "task"}]},
    "StartExecution": {"executionArn": "execution"},
}  # fmt: skip
BEGINS: Any = [USUAL["ListServiceDeployments"], {"serviceDeployments": [
    {"serviceDeploymentArn": "old"}, {"serviceDeploymentArn": "new"}]}]  # fmt: skip


def in_turn(*answers: Any) -> Callable[[dict[str, Any]], Any]:
    """One after the other; the last is given again."""
    left = [*answers]

    def answer(asked: dict[str, Any]) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found(asked) if callable(found) else found

    return answer


class Answers(dict[str, Any]):
    """To what no test says, AWS answers nothing."""

    def __missing__(self, _operation: str) -> Any:
        return {}


@pytest.fixture
def account(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """By its clock waiting alone takes time."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", PLACE.region)
    aws.answers = Answers(USUAL)
    now = [AT]

    def sleep(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    journal = Journal.begin(tmp_path, "r1", PLACE)
    return Account(SESSION, journal, Clock(lambda: now[0], sleep), Network(["subnet-1"]))


NOT_SAID = "An error occurred ({}) when calling the {} operation: {}"
OTHERWISE: list[tuple[str, dict[str, Any], str]] = [
    ("register-in-family", {"RegisterTaskDefinition": [DENIED, DENIED, {}]}, "accepted"),
    ("register-in-family", {"RegisterTaskDefinition": [DENIED]}, "AccessDeniedException (not authorized)"),
    ("register-elsewhere", {"RegisterTaskDefinition": [{}, {}]}, "accepted"),
    ("list-tasks-by-cluster", {"ListTasks": [DENIED, {}]}, "accepted"),
    ("stop-tagged-task", {"StopTask": [DENIED, DENIED, {}]}, "AccessDeniedException, then accepted"),
    ("stop-tagged-task", {}, "accepted, then accepted"),
    ("stop-tagged-task", {"RunTask": [{"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]}]},
     "no task starts in these subnets: RESOURCE:ENI"),
    ("tags-after-put-rule", {"ListTagsForResource": [*LATER, TAGGED]}, "later (after 0.2 s)"),
    ("tags-after-put-rule", {"ListTagsForResource": [{"Tags": []}, TAGGED]}, "later (after 0.1 s)"),
    ("tags-after-put-rule", {"ListTagsForResource": [{"Tags": []}]}, "not within a minute"),
    ("tags-after-put-rule", {"ListTagsForResource": [DENIED]},
     NOT_SAID.format("AccessDeniedException", "ListTagsForResource", "not authorized")),
    ("late-reads", {"ListRules": [{"Rules": []}]}, "later than a minute"),
    ("late-reads", {"ListTargetsByRule": [*[{"Targets": []}] * 7, {"Targets": [{}]}]}, "within 15 s (11.2 s)"),
    ("late-reads", {"ListTargetsByRule": [*[{"Targets": []}] * 8, {"Targets": [{}]}]}, "later (16.2 s)"),
    ("tag-index", {"GetResources": [{"ResourceTagMappingList": [{"ResourceARN": "another"}]}]}, "later"),
    ("tag-index", {"GetResources": [{"ResourceTagMappingList": [{"ResourceARN": "another"}, {
        "ResourceARN": f"arn:aws:events:eu-west-1:111122223333:rule/{OWN}reads"}]}]}, "within a minute (0.0 s)"),
    ("rule-takes-effect", {}, "not in 120 s"),
    ("rule-takes-effect", {"ReceiveMessage": [{}, {}, {"Messages": [message()]}]}, "within 60 s (0.6 s)"),
    ("cron-last-days", {}, "accepted"),
    ("rule-switched-twice", {"EnableRule": [{}, "ConflictException: It is on."]}, "ConflictException (It is on.)"),
    ("rule-switched-twice", {"DisableRule": [{}, "ConflictException: It is off."]}, "ConflictException (It is off.)"),
    ("unknown-placeholder", {"PutTargets": [{"FailedEntries": [{"ErrorCode": "ConcurrentModification"}]}]},
     "ConcurrentModification"),
    ("unknown-placeholder", {"PutTargets": [{"FailedEntries": [{"ErrorCode": "A", "ErrorMessage": "b"}]}]}, "A (b)"),
    ("untagged-push", {}, "no push has an event that a new rule takes"),
    ("untagged-push", {"PutImage": [DENIED]}, NOT_SAID.format("AccessDeniedException", "PutImage", "not authorized")),
    ("archived-image", {"DescribeImages": [image(imageStatus="ACTIVE")]}, "the image (ACTIVE)"),
    ("archived-image", {"DescribeImages": [image(imageStatus="ACTIVE"), {"imageDetails": []}]}, "an empty list"),
    ("archived-image", {"DescribeImages": [image(imageStatus="ARCHIVED")]}, "the image (ARCHIVED)"),
    ("archived-image", {"DescribeImages": [image()]}, "the image"),
    ("archived-image", {"DescribeImages": ["ImageNotFoundException"]}, "ImageNotFoundException"),
    ("dead-letter-attributes", {}, "no dead letter"),
    ("dead-letter-at-once", {"ReceiveMessage": [letter("FAILED_TO_ASSUME_ROLE"), letter("TRANSIENT_ASSUME_ROLE"),
                             letter("NO_PERMISSIONS"), letter("X", RETRY_ATTEMPTS="0", ERROR_MESSAGE="no")]},
     "0 retries (X: no)"),
    ("dead-letter-at-once", {"ReceiveMessage": [letter("NO_PERMISSIONS"), {}]},
     "EventBridge may not start a task with the run's role: NO_PERMISSIONS"),
    ("dead-letter-at-once", {"ReceiveMessage": [letter()]}, "None retries (None: None)"),
    ("execution-name", {"ListExecutions": [{"executions": []}]}, "EventBridge started no execution within 120 s"),
    ("execution-name", {"ListExecutions": [*[{"executions": []}] * 9, USUAL["ListExecutions"]],
                        "PutEvents": [{"Entries": [{"EventId": "lost"}]}, USUAL["PutEvents"]],
                        "GetExecutionHistory": [history()]}, "begins with it"),
    ("execution-name", {"GetExecutionHistory": [history()], "PutEvents": [{"Entries": [{"EventId": "x"}]}]},
     "begins otherwise"),
    ("redriven-state", {"GetExecutionHistory": [history(entered("FailStateEntered"))]}, "entered once"),
    ("redriven-state", {"GetExecutionHistory": [
        history(entered("FailStateEntered"), entered("ExecutionFailed")),
        history(*[entered("FailStateEntered"), entered("ExecutionFailed")] * 2)]}, "entered twice"),
    ("history-without-data", {"GetExecutionHistory": [history(entered("A", input="", outputDetails={}, roleArn="x"))]},
     "input, outputDetails"),
    ("history-without-data", {"GetExecutionHistory": [history(entered("A", roleArn="x"))]}, "none of them"),
    ("throttled-function", {"GetExecutionHistory": [history(
        entered("LambdaFunctionScheduled"), entered("LambdaFunctionScheduleFailed", error="E", cause="c"),
        entered("ExecutionFailed"))]}, "LambdaFunctionScheduleFailed, E"),
    ("throttled-function", {"GetExecutionHistory": [history(entered("TaskFailed"), entered("ExecutionFailed"))]},
     "the execution reported no failure of its function within 120 s"),
    ("throttled-function", {"GetExecutionHistory": [history(
        entered("LambdaFunctionFailed", error="E", cause="is not authorized"), entered("ExecutionFailed"))]},
     "the role of the state machine may not invoke the function, although its policy allows it"),
    ("name-used-running", {"StartExecution": [{"executionArn": each} for each in "abcd"]}, "another execution"),
    ("name-used-running", {}, "the same execution"),
    ("name-used-other", {"StartExecution": [USUAL["StartExecution"]] * 2 + ["ExecutionAlreadyExists"]},
     "ExecutionAlreadyExists"),
    ("name-used-ended", {"DescribeExecution": [{"status": "RUNNING"}, {"status": "ABORTED"}]}, "the same execution"),
    ("missing-version", {"PutObject": [{"VersionId": "null"}]}, "a new bucket keeps no versions within 60 s"),
    ("missing-version", {"PutObject": [{}, {"VersionId": "null"}, {"VersionId": "v"}], "GetObject": ["NoSuchVersion"]},
     "NoSuchVersion"),
    ("no-version-id", {"GetObject": ["NoSuchVersion", "InvalidArgument"]}, "InvalidArgument"),
    ("deleted-object", {"HeadObject": ["404"]}, "404"),
    ("refused-transaction", {"DescribeTable": [{"Table": {"TableStatus": "CREATING"}}]},
     "a new table is not ACTIVE within 60 s"),
    ("refused-transaction", {"DescribeTable": [{"Table": {"TableStatus": "CREATING"}}, USUAL["DescribeTable"]],
                             "TransactWriteItems": ["TransactionCanceledException"], "GetItem": [{"Item": {}}]},
     "TransactionCanceledException (), the other written"),
    ("scheduler-retry-policy", {"GetSchedule": [{"Target": {}}]}, "completed ({})"),
    ("scheduler-retry-policy", {}, 'as given ({"MaximumRetryAttempts": 3})'),
    ("scheduler-past-update", {"UpdateSchedule": ["ConflictException", {}]}, "accepted"),
    ("scheduler-past-update", {"UpdateSchedule": [{}, "ValidationException: It is past."]},
     "ValidationException (It is past.)"),
    ("scheduler-past-update", {"UpdateSchedule": ["ConflictException: It changes."]},
     "ConflictException (It changes.)"),
    ("stop-before-start", {"ReceiveMessage": [of_tasks(of_task("task", "stopped", 1, "PENDING"))]},
     "ECS reported no end of the task within 240 s"),
    ("stop-before-start", {"ReceiveMessage": [of_tasks(of_task("other", "stopped", 1, "STOPPED"))]},
     "ECS reported no end of the task within 240 s"),
    ("stop-before-start", {"ReceiveMessage": [of_tasks(
        of_task("task", "stopped", 2, "STOPPED", stopCode="UserInitiated", containers=[{}]),
        of_task("task", "stopped", 1, "PENDING", containers=[{"exitCode": 0}]))]},
     "UserInitiated, no container ran"),
    ("stop-before-start", {"ReceiveMessage": [of_tasks(of_task("task", "stopped", 1, "STOPPED", containers=[
        {}, {"exitCode": 137}]))]}, "None, a container ran"),
    ("stop-reason", {"ReceiveMessage": [of_tasks(of_task("task", "stopped", 1, "STOPPED", stoppedReason="x"))]},
     "something else (x)"),
    ("run-task-token", {"ReceiveMessage": [of_tasks(of_task("task", "stopped", 1, "STOPPED"))]},
     "the same task, then none"),
    ("run-task-token", {"RunTask": [{"tasks": [{"taskArn": each}]} for each in ("first", "task", "b")]
                        + ["ConflictException"],
                        "ReceiveMessage": [of_tasks(of_task("task", "stopped", 1, "STOPPED"))]},
     "another task, then ConflictException"),
    ("target-environment", {"ReceiveMessage": [of_tasks()]}, "its schedule started no task within 420 s"),
    ("target-environment", {"ReceiveMessage": [{}]}, "ECS reported no task that ended in these subnets within 240 s"),
    ("target-environment", {"ReceiveMessage": [{"Messages": [of_task("first", "first", 1, "RUNNING")]}]},
     "ECS reported no task that ended in these subnets within 240 s"),
    ("target-environment", {"ReceiveMessage": [{"Messages": [
        of_task("first", "first", 1, "STOPPED", stoppedReason="no way", containers=[{"exitCode": 1}])]}]},
     "no task runs in these subnets: no way"),
    ("target-environment", {"ReceiveMessage": [{"Messages": [
        of_task("first", "first", 1, "STOPPED", stoppedReason="x", containers=[{"reason": "CannotPull"}])]}]},
     "no task runs in these subnets: CannotPull"),
    ("scheduler-started-by", {"ReceiveMessage": [of_tasks(
        of_task("a", "by-scheduler", 1, "STOPPED", startedBy="chronos-schedule/rota-verify-r1-sche"))]},
     "36 characters (chronos-schedule/rota-verify-r1-sche)"),
    ("scheduler-started-by", {"ReceiveMessage": [of_tasks(
        of_task("a", "by-scheduler", 1, "STOPPED", startedBy="chronos-schedule/rota-verify-r1-schedule"))]},
     "something else (chronos-schedule/rota-verify-r1-schedule)"),
    ("inactive-revision", {"ReceiveMessage": [of_tasks()]}, "no dead letter"),
    ("inactive-revision", {"ReceiveMessage": [of_tasks()], "ListTasks": [{"taskArns": []}, {"taskArns": ["a"]}]},
     "a task was started"),
    ("update-service-pass-role", {"UpdateService": [DENIED]}, "AccessDeniedException (not authorized)"),
    ("update-service-pass-role", {"UpdateService": [f"{DENIED}: ecs:UpdateService"]},
     "UpdateService itself is denied, although the role's policy allows it"),
    ("update-service-pass-role", {"UpdateService": [f"{DENIED}: ecs:UpdateService", f"{DENIED}: iam:PassRole"]},
     "iam:PassRole is denied (not authorized: iam:PassRole)"),
    ("cloudtrail-delay", {"LookupEvents": [{"Events": []}]}, "later"),
    ("cloudtrail-delay", {"LookupEvents": [
        {"Events": [{"CloudTrailEvent": "{}"}, {"CloudTrailEvent": '{"requestParameters": null}'}]},
        {"Events": [{"CloudTrailEvent": '{"requestParameters": {"taskDefinition": "rota-verify-r1-none:1"}}'}]}]},
     "within 15 min (0.0 min)"),
]  # fmt: skip


def rollouts(*each: dict[str, Any], **answers: list[Any]) -> dict[str, list[Any]]:
    """ECS's answers while a service rolls."""
    shown = [{"serviceDeployments": [one]} for one in each]
    given: dict[str, list[Any]] = {"ReceiveMessage": [of_tasks()], "ListServiceDeployments": BEGINS}
    return given | {"DescribeServiceDeployments": shown} | answers


SUCCEEDED, BACK = ROLLOUT | {"status": "SUCCESSFUL"}, ROLLOUT | {"status": "ROLLBACK_IN_PROGRESS"}
WENT_BACK = ROLLOUT | {"status": "ROLLBACK_SUCCESSFUL", "statusReason": "as asked"}
FAILS = {"status": "ACTIVE", "deployments": [{"failedTasks": 1}], "events": [{"message": "unable to pull"}]}
BAKES = ROLLOUT | {"lifecycleStage": "BAKE_TIME"}
TWO = SERVICE | {
    "deployments": [
        {"taskDefinition": "family:2", "status": "PRIMARY"},
        {"taskDefinition": "family:1", "status": "ACTIVE", "rolloutState": "COMPLETED"},
    ]
}
OF_A_SERVICE: list[tuple[str, dict[str, Any], str]] = [
    ("pause-stages", rollouts(ROLLOUT, SUCCEEDED), "None"),
    ("pause-stages", rollouts(ROLLOUT), "the rollout neither waited nor ended within 300 s"),
    ("pause-stages", rollouts(ROLLOUT, WAITS, WENT_BACK), "POST_SCALE_UP"),
    ("rollback-revision", rollouts(SUCCEEDED), "the rollout did not wait, so that it was not rolled back: SUCCESSFUL"),
    ("rollback-revision", rollouts(WAITS, BACK, WENT_BACK), "the former one (family:1)"),
    ("rollback-status", rollouts(SUCCEEDED), "the rollout did not wait, so that it was not rolled back: SUCCESSFUL"),
    ("rollback-status", rollouts(WAITS, ROLLOUT, BACK, WENT_BACK), "ROLLBACK_SUCCESSFUL (as asked)"),
    ("rollback-status", rollouts(WAITS, BACK, BACK, ROLLOUT | {"status": "ROLLBACK_FAILED"}), "ROLLBACK_FAILED (None)"),
    ("pause-stages", rollouts(WAITS, DescribeServices=[{"services": [FAILS]}]),
     "the service's task does not run; can the subnets reach the internet? unable to pull"),
    ("pause-stages", rollouts(WAITS, DescribeServices=[{"services": [{"deployments": [{"failedTasks": 0}]}]}]),
     "the service's task does not run; can the subnets reach the internet?"),
    ("bake-deployments", rollouts(ROLLOUT), "no bake"),
    ("bake-deployments", rollouts(ROLLOUT, BAKES, DescribeServices=[{"services": [SERVICE]}] * 2
                                  + [{"services": [TWO]}]), "new PRIMARY, old ACTIVE"),
    ("deleted-service", rollouts(BAKES, DescribeServices=[{"services": [SERVICE]}] * 3
                                 + [{"services": [SERVICE | {"status": "DRAINING"}]}]), "DRAINING"),
    ("deleted-service", rollouts(BAKES, DeleteService=["InvalidParameterException: no"]),
     "InvalidParameterException: no"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answers", "seen"),
    [*OTHERWISE, *OF_A_SERVICE],
    ids=[f"{name}: {seen[:50]}" for name, _, seen in [*OTHERWISE, *OF_A_SERVICE]],
)
def test_what_a_row_sees_of_other_answers(
    name: str, answers: dict[str, list[Any]], seen: str, account: Account, aws: Aws
) -> None:
    aws.answers |= {operation: in_turn(*given) for operation, given in answers.items()}
    (row,) = (each for each in ROWS if each.id == name)
    (outcome,) = try_rows(account, [row], lambda _: None)
    assert str(outcome.seen or outcome.problem) == seen


def test_a_layer_is_uploaded_where_ecr_asks_for_it(account: Account, aws: Aws) -> None:
    aws.answers |= {
        "PutImage": in_turn("LayersNotFoundException", USUAL["PutImage"]),
        "InitiateLayerUpload": {"uploadId": "u"},
        "DescribeImages": {"imageDetails": []},
    }
    (row,) = (each for each in ROWS if each.id == "archived-image")
    (outcome,) = try_rows(account, [row], lambda _: None)
    assert outcome.verdict == "as assumed"
    name = {"repositoryName": f"{OWN}archive"}
    digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    uploaded = [asked for asked in aws.asked if "Layer" in asked[0]]
    assert uploaded == [
        ("InitiateLayerUpload", name),
        ("UploadLayerPart", {**name, "uploadId": "u", "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": b"{}"}),
        ("CompleteLayerUpload", {**name, "uploadId": "u", "layerDigests": [digest]}),
    ]
    first, second = (asked for operation, asked in aws.asked if operation == "PutImage")
    assert first == second


def test_a_bucket_is_made_in_the_runs_region_with_versions_and_the_tag(account: Account, aws: Aws) -> None:
    assert resources.bucket(account, "b") == f"{OWN}b"
    assert aws.asked == [
        ("CreateBucket", {"Bucket": f"{OWN}b", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
        ("PutBucketTagging", {"Bucket": f"{OWN}b", "Tagging": {"TagSet": [{"Key": "rota:verify", "Value": "r1"}]}}),
        ("PutBucketVersioning", {"Bucket": f"{OWN}b", "VersioningConfiguration": {"Status": "Enabled"}}),
    ]


def test_a_service_whose_task_fails_is_deleted_at_once(account: Account, aws: Aws) -> None:
    aws.answers |= {"ReceiveMessage": of_tasks(), "DescribeServices": {"services": [FAILS]}}
    (row,) = (each for each in ROWS if each.id == "bake-deployments")
    try_rows(account, [row], lambda _: None)
    cluster = USUAL["CreateCluster"]["cluster"]["clusterArn"]
    asked = [request for operation, request in aws.asked if operation == "DeleteService"]
    assert asked == [{"cluster": cluster, "service": "service", "force": True}]


GONE: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("rule", "RemoveTargets", "InternalException", ("ResourceNotFoundException",)),
    ("queue", "GetQueueUrl", "OverLimit", ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")),
    ("role", "DeleteRolePolicy", "UnmodifiableEntity", ("NoSuchEntity",)),
    ("role", "DeleteRole", "DeleteConflict", ("NoSuchEntity",)),
    ("cluster", "DeleteCluster", "ServerException", ("ClusterNotFoundException",)),
    (
        *("service", "DeleteService", "ServerException"),
        ("ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"),
    ),
    ("repository", "DeleteRepository", "ServerException", ("RepositoryNotFoundException",)),
    ("state machine", "DeleteStateMachine", "ValidationException", ("StateMachineDoesNotExist",)),
    ("schedule", "DeleteSchedule", "ConflictException", ("ResourceNotFoundException",)),
    (
        *("schedule group", "DeleteScheduleGroup", "ValidationException"),
        ("ResourceNotFoundException", "ConflictException"),
    ),
    ("function", "DeleteFunction", "ServiceException", ("ResourceNotFoundException",)),
    ("bucket", "DeleteBucket", "BucketNotEmpty", ("NoSuchBucket",)),
    ("table", "DeleteTable", "LimitExceededException", ("ResourceNotFoundException",)),
]


@pytest.mark.parametrize(
    ("kind", "operation", "refused", "codes"), GONE, ids=[f"{each[0]}: {each[1]}" for each in GONE]
)
def test_what_is_gone_is_deleted_and_any_other_refusal_is_reported(
    kind: str, operation: str, refused: str, codes: tuple[str, ...], account: Account, aws: Aws
) -> None:
    aws.answers["GetQueueUrl"] = {"QueueUrl": "x"}
    account.journal.write(kind, "a/b")
    before = account.journal.path.read_text()
    for code in codes:
        account.journal.path.write_text(before)
        aws.answers[operation] = code
        assert clean(account) == []
        assert not account.journal.path.exists()
    account.journal.path.write_text(before)
    aws.answers[operation] = refused
    assert clean(account) == [f"{kind} a/b: {NOT_SAID.format(refused, operation, 'as the test says')}"]
    assert account.journal.path.read_text() == before


BUSY: dict[str, tuple[str, str, list[str]]] = {
    "a target that is still there": ("rule", "DeleteRule", ["ValidationException"]),
    "tasks that still run": ("cluster", "DeleteCluster", ["ClusterContainsTasksException"]),
    "a service that drains": ("cluster", "DeleteCluster", ["ClusterContainsServicesException"]),
    "a cluster that changes": ("cluster", "DeleteCluster", ["UpdateInProgressException"]),
    "a table that is being made": ("table", "DeleteTable", ["ResourceInUseException"]),
}


@pytest.mark.parametrize(("kind", "operation", "refusals"), BUSY.values(), ids=BUSY)
def test_what_is_busy_is_deleted_later(
    kind: str, operation: str, refusals: list[str], account: Account, aws: Aws
) -> None:
    aws.answers |= {operation: in_turn(*refusals, {}), "ListTasks": {"taskArns": ["t"]}}
    account.journal.write(kind, "a")
    assert clean(account) == []
    aws.answers[operation] = in_turn(*refusals)
    account.journal.path.write_text(f'{{"account": "1", "region": "x"}}\n{{"kind": "{kind}", "name": "a"}}\n')
    assert [each.partition(": ")[0] for each in clean(account)] == [f"{kind} a"]


def test_all_that_is_in_a_cluster_or_a_bucket_of_the_run_is_deleted(account: Account, aws: Aws) -> None:
    aws.answers |= {
        "ListTasks": {"taskArns": ["t1", "t2"]},
        "ListObjectVersions": {
            "Versions": [{"Key": "a", "VersionId": "1"}],
            "DeleteMarkers": [{"Key": "b", "VersionId": "2"}],
        },
        "ListTaskDefinitions": {"taskDefinitionArns": [f"{FAMILIES}f:1", f"{FAMILIES}f-2:1", f"{FAMILIES}f:2"]},
    }
    for kind, name in (("bucket", "b"), ("cluster", "c"), ("family", "f")):
        account.journal.write(kind, name)
        KINDS[kind].delete(account, name)
    reason = "rota verify-account is over"
    assert [each for each in aws.asked if not each[0].startswith("List")] == [
        ("DeleteObject", {"Bucket": "b", "Key": "a", "VersionId": "1"}),
        ("DeleteObject", {"Bucket": "b", "Key": "b", "VersionId": "2"}),
        ("DeleteBucket", {"Bucket": "b"}),
        ("StopTask", {"cluster": "c", "task": "t1", "reason": reason}),
        ("StopTask", {"cluster": "c", "task": "t2", "reason": reason}),
        ("DeleteCluster", {"cluster": "c"}),
        ("DeregisterTaskDefinition", {"taskDefinition": f"{FAMILIES}f:1"}),
        ("DeregisterTaskDefinition", {"taskDefinition": f"{FAMILIES}f:2"}),
    ]


NEW: dict[str, tuple[Callable[[Account], Any], str, str, str]] = {
    "a target's role": (
        lambda of: resources.put_targets(of, "r", {"Arn": "a"}),
        *("PutTargets", "ValidationException", "Provided role cannot be assumed by principal"),
    ),
    "a schedule's role": (
        lambda of: resources.schedule(of, "s", {}, ScheduleExpression="rate(1 day)"),
        *("CreateSchedule", "ValidationException", "must allow Scheduler to assume the role."),
    ),
    "ECS's own role": (
        resources.cluster,
        *("CreateCluster", "InvalidParameterException", "Unable to assume the service linked role"),
    ),
    "a machine's role": (
        lambda of: resources.machine(of, "m", "r", {}),
        *("CreateStateMachine", "AccessDeniedException", "Neither the global service principal"),
    ),
    "a function's role": (
        lambda of: resources.function(of, "f", "r"),
        *("CreateFunction", "InvalidParameterValueException", "cannot be assumed by Lambda."),
    ),
    "an assumed role": (
        lambda of: of.as_role("r", "ecs"),
        *("AssumeRole", "AccessDenied", "is not authorized to perform: sts:AssumeRole"),
    ),
}


@pytest.mark.parametrize(("make", "operation", "code", "words"), NEW.values(), ids=NEW)
def test_a_role_that_is_too_new_is_tried_again(
    make: Callable[[Account], Any], operation: str, code: str, words: str, account: Account, aws: Aws
) -> None:
    usual = aws.answers[operation]
    aws.answers[operation] = in_turn(f"{code}: {words}", usual)
    make(account)
    times = [asked for asked, _ in aws.asked].count(operation)
    assert times == 2
    for other in (f"ServiceException: {words}", *([] if operation in EVERY_WORD else [f"{code}: other words"])):
        aws.answers[operation] = other
        aws.asked.clear()
        with pytest.raises(ClientError, match=other.partition(":")[0]):
            make(Account(SESSION, account.journal, account.clock, Network(["subnet-1"])))
        assert [asked for asked, _ in aws.asked].count(operation) == 1
    began = account.clock.now()
    aws.answers[operation] = f"{code}: {words}"
    with pytest.raises(ClientError, match=words):
        make(Account(SESSION, account.journal, account.clock, Network(["subnet-1"])))
    assert 90 <= (account.clock.now() - began).total_seconds() <= 130


EVERY_WORD = ("CreateStateMachine", "CreateFunction")
"""Of these every refusal with that code is taken for that of a new role."""
