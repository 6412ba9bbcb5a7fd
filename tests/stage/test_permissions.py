"""How the stage judges permissions, and what happens to a deployment that lacks one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.moto.clients import ACCOUNT
from tests.stage import scenarios
from tests.stage.account import PREFIX, account, schedules


@pytest.fixture
def policy(stage: Client) -> Iterator[Any]:
    """Changes the statements of a step's policy, for this test."""
    iam = stage.client("iam")
    before: list[dict[str, str]] = []

    def change(step: str, edit: Any) -> None:
        (role,) = [
            each["RoleName"] for each in iam.list_roles()["Roles"] if f"-{step}FunctionRole-" in each["RoleName"]
        ]
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        before.append({"RoleName": role, "PolicyName": name, "PolicyDocument": json.dumps(document)})
        edited = {**document, "Statement": edit(document["Statement"])}
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(edited))

    yield change
    for policy_before in reversed(before):
        iam.put_role_policy(**policy_before)


def without(action: str) -> Any:
    return lambda statements: [each for each in statements if action not in each["Action"]]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("step", "action", "resource"),
    [
        ("CreateTargets", "events:PutTargets", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{PREFIX}"),
        ("RollService", "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/guestbook-task"),
    ],
)
def test_a_missing_permission_fails_with_awss_message(
    stage: Client, policy: Any, step: str, action: str, resource: str
) -> None:
    before = account(stage)
    policy(step, without(action))
    ended = stage.deploy("v1")
    assert ended["status"] == "FAILED"
    role = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/rota-{step}FunctionRole-"
    assert role in ended["cause"]
    assert f" is not authorized to perform: {action} on resource: {resource}" in ended["cause"]
    assert f"because no identity-based policy allows the {action} action" in ended["cause"]
    assert account(stage)["rules"] == before["rules"]


@pytest.mark.exhaustive(first=0)
def test_an_explicit_deny_wins(stage: Client, policy: Any) -> None:
    deny = {"Effect": "Deny", "Action": "events:Put*", "Resource": f"arn:aws:events:*:*:rule/{PREFIX}RemoveSpam"}
    policy("CreateTargets", lambda statements: [*statements, deny])
    ended = stage.deploy("v1")
    assert ended["status"] == "FAILED"
    assert f"rule/{PREFIX}RemoveSpam with an explicit deny in an identity-based policy" in ended["cause"]
    assert schedules(stage) == {}


@pytest.mark.exhaustive(first=0)
def test_a_target_outside_the_cluster_is_denied(stage: Client, policy: Any) -> None:
    def elsewhere(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        (put,) = [each for each in statements if each["Action"] == "events:PutTargets"]
        condition = json.loads(json.dumps(put["Condition"]).replace("cluster/production", "cluster/another"))
        return [*[each for each in statements if each is not put], {**put, "Condition": condition}]

    policy("CreateTargets", elsewhere)
    assert "is not authorized to perform: events:PutTargets" in stage.deploy("v1")["cause"]


def test_a_missing_object_is_403_without_list_bucket(stage: Client, policy: Any) -> None:
    stage.client("s3").delete_object(Bucket=stage.names["bucket"], Key=stage.names["schedule_key"])
    policy("ReadConfig", without("s3:ListBucket"))
    assert "is not authorized to perform: s3:ListBucket on resource: arn:aws:s3:::" in stage.deploy("v1")["cause"]


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:ListBucketVersions"])
def test_a_version_that_is_gone_is_403_without_both(stage: Client, policy: Any, action: str) -> None:
    """Revisions that cannot be looked up in the live deployment's record are read themselves."""
    stage.deploy("v1")
    scenarios.delete_artifacts(stage)
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy("ReadConfig", lambda statements: [*statements, deny])
    stage.clear_calls()
    assert stage.deploy("v2")["status"] == "SUCCEEDED"
    assert "AccessDenied" in {call["error"] for call in stage.calls("s3", "GetObject")}
    denied = {each["action"] for each in stage.permissions() if not each["allowed"]}
    assert denied == {action}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    "condition",
    [{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"StringEquals": {"aws:ViaAWSService": "true"}}],
    ids=["operator", "key"],
)
def test_a_policy_that_cannot_be_evaluated_is_an_error(stage: Client, policy: Any, condition: dict[str, Any]) -> None:
    policy("ReadConfig", lambda statements: [{**each, "Condition": condition} for each in statements])
    stage.faults([{"service": "lambda", "operation": "Invoke", "count": 0, "skip": 2, "fault": "denied"}])
    stage.deploy("v1")
    errors = {call["error"] for call in stage.calls() if call["caller"] == "ReadConfig"}
    assert errors == {"InternalFailure"}


def test_a_user_is_an_administrator(stage: Client) -> None:
    stage.client("events").put_rule(Name="mine", ScheduleExpression="rate(1 day)")
    assert stage.permissions() == []


def test_a_call_with_unknown_permissions_is_refused(stage: Client, function: Any) -> None:
    source = "import boto3\ndef handler(event, context): return boto3.client('ecs').list_account_settings()"
    answer = stage.client("lambda").invoke(FunctionName=function(source))
    assert "NotImplemented" in json.loads(answer["Payload"].read())["errorMessage"]


@pytest.mark.parametrize(
    ("trusted", "says"),
    [
        ("scheduler.amazonaws.com", "events.amazonaws.com is unable to assume role"),
        ("", "is not authorized to perform: ecs:RunTask on resource"),
    ],
    ids=["not-trusted", "not-allowed"],
)
def test_eventbridge_needs_a_role_that_may_run_the_task(deployed: Client, trusted: str, says: str) -> None:
    role = deployed.names["outputs"]["EventsRoleArn"].rpartition("/")[2]
    iam = deployed.client("iam")
    found = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    policy = iam.get_role_policy(RoleName=role, PolicyName="run-scheduled-tasks")["PolicyDocument"]
    if trusted:
        other = json.dumps(found).replace("events.amazonaws.com", trusted)
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=other)
    else:
        iam.delete_role_policy(RoleName=role, PolicyName="run-scheduled-tasks")
    try:
        fired = deployed.fire(PREFIX + "IngestData")
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(found))
        document = json.dumps(policy)
        iam.put_role_policy(RoleName=role, PolicyName="run-scheduled-tasks", PolicyDocument=document)
    assert fired["error"]["code"] == "AccessDeniedException"
    assert says in fired["error"]["message"]


def test_a_machine_invokes_only_functions_that_its_role_allows(stage: Client) -> None:
    iam = stage.client("iam")
    (role,) = [each["RoleName"] for each in iam.list_roles()["Roles"] if "-DeployStateMachineRole-" in each["RoleName"]]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        ended = stage.deploy("v1")
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    assert ended["status"] == "FAILED"
    asked = {(record["action"], record["allowed"]) for record in stage.permissions()}
    assert ("lambda:InvokeFunction", False) in asked
