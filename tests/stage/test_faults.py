"""Scripted faults: what the caller sees, and what AWS carried out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from examples.guestbook.client import Client
from examples.guestbook.seed import FOREIGN_RULE
from stage.client import wait_for
from tests.stage.account import revisions, service
from tests.stage.toys import PUT_RULE, put_rule, rule_names


def targets(stage: Client, *ids: str) -> list[dict[str, Any]]:
    role = stage.names["outputs"]["EventsRoleArn"]
    return [{"Id": id_, "Arn": f"{stage.names['state_machine_arn']}-{id_}", "RoleArn": role} for id_ in ids]


def target_ids(stage: Client) -> set[str]:
    found = stage.client("events").list_targets_by_rule(Rule=FOREIGN_RULE)["Targets"]
    return {target["Id"] for target in found}


# ------------------------------------------------------------------------------------------------- each kind of fault


@pytest.mark.parametrize(
    ("service", "ask", "fault", "code", "status"),
    [
        pytest.param("events", "list_rules", "throttle", "ThrottlingException", 400, id="json, throttled"),
        pytest.param("events", "list_rules", "internal", "InternalException", 500, id="json, broken"),
        pytest.param("events", "list_rules", "denied", "AccessDeniedException", 400, id="json, denied"),
        pytest.param("ecs", "list_clusters", "internal", "ServerException", 500, id="another name for broken"),
        pytest.param("s3", "list_buckets", "throttle", "SlowDown", 503, id="rest-xml, throttled"),
        pytest.param("s3", "list_buckets", "internal", "InternalError", 500, id="rest-xml, broken"),
        pytest.param("s3", "list_buckets", "denied", "AccessDenied", 403, id="rest-xml, denied"),
        pytest.param(
            "lambda", "list_functions", "throttle", "TooManyRequestsException", 429, id="rest-json, throttled"
        ),
        pytest.param("lambda", "list_functions", "denied", "AccessDeniedException", 403, id="rest-json, denied"),
        pytest.param("sns", "list_topics", "throttle", "Throttling", 400, id="query, throttled"),
        pytest.param("sns", "list_topics", "denied", "AccessDenied", 403, id="query, denied"),
    ],
)
def test_a_refusal_has_the_services_own_error_code(
    stage: Client, service: str, ask: str, fault: str, code: str, status: int
) -> None:
    stage.faults([{"service": service, "operation": "*", "fault": fault}])
    with pytest.raises(ClientError) as refused:
        getattr(stage.client(service), ask)()
    response = refused.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    getattr(stage.client(service), ask)()  # the fault hits once


def test_a_denial_names_the_caller_and_the_action(stage: Client) -> None:
    stage.faults([{"service": "stepfunctions", "operation": "ListExecutions", "fault": "denied"}])
    with pytest.raises(ClientError, match="User: user is not authorized to perform: states:ListExecutions"):
        stage.executions()


@pytest.mark.parametrize("fault", ["throttle", "internal", "denied"])
def test_a_refused_call_is_not_carried_out(stage: Client, fault: str) -> None:
    stage.faults([{**PUT_RULE, "fault": fault}])
    with pytest.raises(ClientError):
        put_rule(stage)
    assert "new" not in rule_names(stage)


def test_a_lost_reply_is_that_of_a_call_that_was_carried_out(stage: Client) -> None:
    stage.faults([{**PUT_RULE, "fault": "lost"}])
    stage.clear_calls()
    with pytest.raises(ConnectionClosedError):
        put_rule(stage)
    assert "new" in rule_names(stage)
    assert [(call["status"], call["error"]) for call in stage.calls("events", "PutRule")] == [(0, "lost")]


def test_a_cut_reply_is_that_of_a_call_that_was_carried_out(stage: Client) -> None:
    stage.faults([{**PUT_RULE, "fault": "cut"}])
    stage.clear_calls()
    response = put_rule(stage)["ResponseMetadata"]  # boto3 reads it as a success without content
    assert "new" in rule_names(stage)
    assert int(response["HTTPHeaders"]["content-length"]) > 0
    assert [(call["status"], call["error"]) for call in stage.calls("events", "PutRule")] == [(200, "cut")]


@pytest.mark.exhaustive(first=0)
def test_a_deployment_survives_one_cut_reply_of_each_call(stage: Client) -> None:
    stage.deploy("v1")
    kinds = {(call["caller"], call["service"], call["operation"]) for call in stage.calls() if call["caller"]}
    stage.faults([{"caller": c, "service": s, "operation": o, "fault": "cut"} for c, s, o in sorted(kinds)])
    assert stage.deploy("v2")["status"] == "SUCCEEDED"
    hit = {(each["caller"], each["operation"]) for each in stage.faults_so_far() if each["hit"]}
    assert {
        ("PlanDeployment", "PutObject"),
        ("ReadConfig", "ListRules"),
        ("RegisterRevisions", "RegisterTaskDefinition"),
    } < hit
    assert {("CreateTargets", "PutTargets"), ("RollService", "UpdateService"), ("TakeTurn", "UpdateItem")} < hit


def test_a_function_with_a_lost_reply_runs_on(stage: Client, function: Callable[..., str], tmp_path: Path) -> None:
    source = """
import pathlib, time, boto3
def handler(event, context):
    while not pathlib.Path(event["place"], "go-on").exists(): time.sleep(0.01)
    boto3.client("events").put_rule(Name="new", ScheduleExpression="rate(1 day)")
"""
    name = function(source, Timeout=30)
    stage.faults([{"service": "lambda", "operation": "Invoke", "fault": "lost"}])
    with pytest.raises(ConnectionClosedError):
        stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"place": str(tmp_path)}))
    assert "new" not in rule_names(stage)
    (tmp_path / "go-on").touch()
    wait_for(lambda: "new" in rule_names(stage), 10)


@pytest.mark.parametrize(
    ("ids", "kept"),
    [pytest.param(["a", "b", "c"], {"a", "b"}, id="the last of three"), pytest.param(["a"], set(), id="the only one")],
)
def test_a_partial_failure_is_reported_and_the_rest_is_done(stage: Client, ids: list[str], kept: set[str]) -> None:
    stage.faults([{"service": "events", "operation": "PutTargets", "fault": "partial"}])
    reply = stage.client("events").put_targets(Rule=FOREIGN_RULE, Targets=targets(stage, *ids))
    assert reply["FailedEntryCount"] == 1
    assert [entry["TargetId"] for entry in reply["FailedEntries"]] == [ids[-1]]
    assert target_ids(stage) == kept

    again = stage.client("events").put_targets(Rule=FOREIGN_RULE, Targets=targets(stage, *ids))
    assert (again["FailedEntryCount"], target_ids(stage)) == (0, set(ids))

    stage.faults([{"service": "events", "operation": "RemoveTargets", "fault": "partial"}])
    removed = stage.client("events").remove_targets(Rule=FOREIGN_RULE, Ids=ids)
    assert [entry["TargetId"] for entry in removed["FailedEntries"]] == [ids[-1]]
    assert target_ids(stage) == {ids[-1]}


def test_a_failed_event_is_reported_in_its_position(stage: Client) -> None:
    entry = {"Source": "test", "DetailType": "A Test", "Detail": "{}"}
    stage.faults([{"service": "events", "operation": "PutEvents", "fault": "partial"}])
    answer = stage.client("events").put_events(Entries=[entry, entry])
    assert answer["FailedEntryCount"] == 1
    assert ["EventId" in each for each in answer["Entries"]] == [True, False]
    assert answer["Entries"][1]["ErrorCode"] == "InternalFailure"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(("fault", "done"), [("kill", False), ("kill_after", True)])
def test_a_function_is_killed_before_or_after_its_call(
    stage: Client, function: Callable[..., str], fault: str, done: bool
) -> None:
    source = """
import boto3
def handler(event, context):
    return boto3.client("events").put_rule(Name="new", ScheduleExpression="rate(1 day)")["RuleArn"]
"""
    name = function(source)
    stage.faults([{**PUT_RULE, "fault": fault}])
    answer = stage.client("lambda").invoke(FunctionName=name)
    assert answer["FunctionError"] == "Unhandled"
    assert b"signal: killed" in answer["Payload"].read()
    assert ("new" in rule_names(stage)) is done

    alive = stage.client("lambda").invoke(FunctionName=name)
    assert "FunctionError" not in alive


# -------------------------------------------------------------------------------------------- faults and deployments


@pytest.mark.exhaustive(first=0)
def test_invocations_by_step_functions_fail_and_are_retried(stage: Client) -> None:
    stage.faults([{"service": "lambda", "operation": "Invoke", "skip": 2, "count": 2, "fault": "throttle"}])
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    refused = [call for call in stage.calls("lambda", "Invoke") if call["error"]]
    assert [call["error"] for call in refused] == ["TooManyRequestsException"] * 2


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("refused", "error"), [(5, "Lambda.AccessDeniedException"), (0, "RestoreFailed")], ids=["for a while", "for good"]
)
def test_restore_is_retried_also_after_an_unknown_error(stage: Client, refused: int, error: str) -> None:
    of_the_step = 1 if refused else 0
    invocations = {"service": "lambda", "operation": "Invoke", "skip": 5, "fault": "denied"}
    stage.faults([{**invocations, "count": refused + of_the_step}])
    ended = stage.deploy("v1")
    assert ended["error"] == error
    assert len([call for call in stage.calls("lambda", "Invoke") if call["error"]]) == (refused or 6) + 1


@pytest.mark.exhaustive(first=0)
def test_a_revision_that_ecs_may_roll_back_to_is_kept(deployed: Client) -> None:
    """ECS completes the rollout, and Rota cannot see it. The rollback takes long; should it fail, ECS goes back."""
    before = revisions(deployed)
    deployed.settings(time_scale=0.1, rollout_seconds=0.1)
    denied = {"service": "ecs", "operation": "DescribeServices", "caller": "CheckService", "count": 0}
    deployed.faults([{**denied, "fault": "denied"}])

    deployed.push("v2")
    wait_for(lambda: deployed.calls("ecs", "UpdateService"), 30)
    wait_for(lambda: [state for _, state in service(deployed)["deployments"]] == ["COMPLETED"], 10)
    deployed.settings(rollout_seconds=60)
    failed = deployed.wait(deployed.executions()[0])

    (kept,) = [arn for arn, each in revisions(deployed).items() if each["status"] == "ACTIVE" and arn not in before]
    remark = f"But {kept.rpartition('/')[2]} stays ACTIVE, since ECS may go back to it."
    assert remark in failed["cause"]


def test_a_call_is_answered_as_scripted(stage: Client) -> None:
    expression, rule = "cron(0 6 L-3 * ? *)", {"RuleArn": "arn:aws:events:us-east-1:123456789012:rule/made-up"}
    stage.faults([{**PUT_RULE, "request": r'"ScheduleExpression":"cron\(0 6 L-3', "fault": "answered", "answer": rule}])
    put_rule(stage, "another")
    answer = stage.client("events").put_rule(Name="made-up", ScheduleExpression=expression)
    assert answer["RuleArn"] == rule["RuleArn"]
    assert rule_names(stage) & {"another", "made-up"} == {"another"}


def test_an_answer_is_rewritten_as_scripted(stage: Client) -> None:
    put_rule(stage, "some-rule")
    listed = {"service": "events", "operation": "ListRules", "fault": "rewritten"}
    stage.faults([{**listed, "pattern": r'"some-(\w+)"', "replacement": r'"any-\1"'}])
    assert rule_names(stage) & {"some-rule", "any-rule"} == {"any-rule"}
    assert "some-rule" in rule_names(stage)


def test_a_refusal_has_the_scripted_words(stage: Client) -> None:
    stage.faults([{**PUT_RULE, "fault": "refused", "code": "LimitExceededException", "message": "No more."}])
    with pytest.raises(ClientError, match=r"LimitExceededException.*No more\."):
        put_rule(stage)
