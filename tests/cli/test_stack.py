"""Which stack is meant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rota.cli import stack as stacks
from rota.cli.exits import CommandError, Exit
from tests.cli.conftest import Aws, Played

OUTPUTS = {
    "StateMachineArn": "arn:aws:states:eu-west-1:111122223333:stateMachine:rota-deploy",
    "LedgerTableName": "table",
    "RulePrefix": "production__shop__",
    "BucketName": "bucket",
}


def described(name: str = "rota", outputs: dict[str, str] = OUTPUTS, status: str = "CREATE_COMPLETE") -> dict[str, Any]:
    """A stack as DescribeStacks shows it."""
    parameters = {"ClusterName": "production", "ServiceName": "shop-api", "SubnetIds": "subnet-1,subnet-2"}
    return {
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{name}/1",
        "StackStatus": status,
        "CreationTime": "2026-11-01T00:00:00Z",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


@pytest.fixture
def cloudformation() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("cloudformation", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        yield client, stub


def test_the_only_one_is_meant(cloudformation: tuple[Any, Stubber]) -> None:
    client, stub = cloudformation
    others = [described("network", {}), described("gone", status="DELETE_COMPLETE")]
    stub.add_response("describe_stacks", {"Stacks": [*others, described()]})
    found = stacks.find(client, None)
    assert (found.name, found.app, found.account, found.region) == (
        "rota",
        "production/shop-api",
        "111122223333",
        "eu-west-1",
    )
    assert found.listed("SubnetIds") == ("subnet-1", "subnet-2")
    assert found.execution("abc") == "arn:aws:states:eu-west-1:111122223333:execution:rota-deploy:abc"
    assert found.execution(found.execution("abc")) == found.execution("abc")


def test_several_are_listed(cloudformation: tuple[Any, Stubber]) -> None:
    client, stub = cloudformation
    stub.add_response("describe_stacks", {"Stacks": [described("rota-staging"), described("rota-production")]})
    with pytest.raises(CommandError) as refused:
        stacks.find(client, None)
    assert refused.value.code == Exit.MISUSED
    assert [line.split()[1] for line in refused.value.listed.splitlines()] == ["rota-production", "rota-staging"]


def test_none_is_said(cloudformation: tuple[Any, Stubber]) -> None:
    client, stub = cloudformation
    stub.add_response("describe_stacks", {"Stacks": [described("network", {})]})
    with pytest.raises(CommandError, match="no Rota stack in eu-west-1") as refused:
        stacks.find(client, None)
    assert refused.value.code == Exit.NOT_ALLOWED


def test_a_mistyped_name_is_answered_with_those_there_are(cloudformation: tuple[Any, Stubber]) -> None:
    client, stub = cloudformation
    stub.add_client_error("describe_stacks", "ValidationError", "Stack with id rotta does not exist", 400)
    stub.add_response("describe_stacks", {"Stacks": [described()]})
    with pytest.raises(CommandError, match="no stack rotta") as refused:
        stacks.find(client, "rotta")
    assert (refused.value.code, refused.value.todo) == (Exit.NOT_ALLOWED, "the Rota stacks here are rota")


def test_another_stack_is_no_stack_of_rota(cloudformation: tuple[Any, Stubber]) -> None:
    client, stub = cloudformation
    stub.add_response("describe_stacks", {"Stacks": [described("network", {})]})
    stub.add_client_error("describe_stacks", "AccessDenied", "not authorized", 403)
    with pytest.raises(CommandError, match="network is no stack of Rota: it has no output LedgerTableName"):
        stacks.find(client, "network")


@pytest.mark.parametrize(
    ("version", "other", "older"),
    [("0.9.0", "0.10.0", True), ("0.1.0", "0.1.0", False), ("1.0.0", "0.9.9", False), ("0.1.0", "", False)],
    ids=["older", "the same", "newer", "not known"],
)
def test_a_command_older_than_its_stack(version: str, other: str, older: bool) -> None:
    assert stacks.is_older(version, other) == older


def test_what_is_said_of_stacks(aws: Aws, played: Played, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of no stack, several, one of another name, and one that is none of Rota's."""
    monkeypatch.chdir(tmp_path)
    first, other = aws.stack, {**aws.stack, "StackName": "rota-staging"}
    gone = {**aws.stack, "StackName": "gone", "StackStatus": "DELETE_COMPLETE"}
    found = {"rota": first, "rota-staging": other, "gone": gone, "network": {**first, "Outputs": []}}

    def stacks(asked: dict[str, Any]) -> Any:
        if not (name := asked.get("StackName")):
            return {"Stacks": [*found.values()][::-1]}
        return {"Stacks": [found[name]]} if name in found else "ValidationError"

    aws.answers["DescribeStacks"] = stacks
    lines = [f"history --stack {name}" for name in ("rota-staging", "nope", "network", "gone", "x --json")]
    played("stacks_named", *lines, "history --stack a --env b", "history --env qa")
    monkeypatch.delenv("ROTA_STACK")
    played("stacks_several", "history", "history --json")
    del found["rota-staging"]
    played("stacks_one", "history")
    del found["rota"]
    played("stacks_none", "history", "history --region us-east-1")
    aws.answers["DescribeStacks"] = "AccessDenied"
    played("stacks_denied", "history", "history --stack rota", "history --json")


def test_a_stack_of_a_later_version(aws: Aws, played: Played) -> None:
    aws.outputs["Version"] = "9.0.0"
    played("stacks_later", "history", "history --json")


def test_what_is_known_of_a_stack(aws: Aws) -> None:
    aws.parameters["JobLogGroups"] = " a , ,b,"
    found = stacks.Stack("rota", aws.stack["StackId"], "UPDATE_COMPLETE", aws.parameters, aws.outputs)
    shown = (found.cluster, found.service, found.container, found.repository, found.rule_prefix, found.schedule_group)
    assert shown == ("production", "shop", "app", "shop", "shop__", "rota-group")
    assert (found.table, found.bucket, found.log_group) == ("rota-table", "rota-bucket", "/rota/rota/steps")
    assert (found.watches_runs, found.version, found.listed("JobLogGroups"), found.listed("None")) == (
        True,
        "",
        ("a", "b"),
        (),
    )
    older = stacks.Stack("rota", aws.stack["StackId"], "", {"WatchRuns": "false"}, {"Version": "1.2"})
    assert (older.watches_runs, older.schedule_group, older.version) == (False, "", "1.2")
