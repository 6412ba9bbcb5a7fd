"""The stage for its users: its names, its routes, and its record of calls."""

from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client
from stage.client import ROOT
from tests.stage.scenarios import sweep
from tests.stage.toys import ask

# ---------------------------------------------------------------------------------------------------------- names


def test_names_of_the_stage_are_found_with_an_aws_client(stage: Client) -> None:
    names = stage.describe()

    machine = stage.client("stepfunctions").describe_state_machine(stateMachineArn=names["state_machine_arn"])
    assert "${" not in machine["definition"]
    assert "$$.Execution.Id" in machine["definition"]
    schedule = stage.client("s3").get_object(Bucket=names["bucket"], Key=names["schedule_key"])
    assert schedule["VersionId"]
    assert (
        schedule["ContentLength"]
        == stage.client("s3").head_object(Bucket=names["bucket"], Key=names["schedule_key"])["ContentLength"]
    )
    assert schedule["Body"].read() == (ROOT / "examples/app/scheduled_tasks.json").read_bytes()
    (image,) = stage.client("ecr").describe_images(repositoryName=names["repository"])["imageDetails"]
    assert image["imageTags"] == ["initial"]
    (service,) = stage.client("ecs").describe_services(cluster=names["cluster"], services=[names["service"]])[
        "services"
    ]
    assert (service["status"], service["runningCount"], service["desiredCount"]) == ("ACTIVE", 2, 2)
    definition = stage.client("ecs").describe_task_definition(taskDefinition=names["family"])["taskDefinition"]
    assert service["taskDefinition"] == definition["taskDefinitionArn"]
    assert [container["name"] for container in definition["containerDefinitions"]] == [names["container"], "metrics"]
    assert definition["containerDefinitions"][0]["secrets"]
    assert names["region"] == "us-east-1"
    assert names["outputs"]["StateMachineArn"] == names["state_machine_arn"]


def test_the_templates_rule_sends_pushes_to_the_machine(stage: Client) -> None:
    events = stage.client("events")
    patterns = {rule["Name"]: rule.get("EventPattern", "") for rule in events.list_rules()["Rules"]}
    (rule,) = [name for name, pattern in patterns.items() if "ECR Image Action" in pattern]
    (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Arn"] == stage.names["state_machine_arn"]


# --------------------------------------------------------------------------------------------------------- routes


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        pytest.param("GET", "/_stage/nonsense", None, 404, "GET /_stage/calls", id="an unknown route"),
        pytest.param("POST", "/_stage/calls", b"", 404, "DELETE /_stage/calls", id="a known route, another method"),
        pytest.param("PUT", "/_stage/settings", b"{", 400, "not JSON", id="settings that are not JSON"),
        pytest.param("PUT", "/_stage/settings", b"[]", 400, "an object", id="settings that are not an object"),
        pytest.param("PUT", "/_stage/settings", b'{"rollout": "explodes"}', 400, "rollout", id="an invalid setting"),
        pytest.param("PUT", "/_stage/faults", b'[{"service": "s4"}]', 400, "s4", id="an invalid fault"),
        pytest.param("POST", "/_stage/fire/no-such-rule", b"", 409, "no-such-rule", id="a missing rule"),
        pytest.param("GET", "/_stage", None, 200, "", id="the slash is optional"),
    ],
)  # fmt: skip
def test_invalid_requests_of_routes_are_refused(
    stage: Client, method: str, path: str, body: bytes | None, status: int, says: str
) -> None:
    answered, message = ask(stage.endpoint, method, path, body)
    assert (answered, says in message) == (status, True), message


def test_what_was_published_is_shown(stage: Client) -> None:
    topic = stage.names["outputs"]["NotificationsTopicArn"]
    owner = {"owner": {"DataType": "String", "StringValue": "data-team"}}
    stage.client("sns").publish(TopicArn=topic, Subject="Job failed", Message="exit code 3", MessageAttributes=owner)
    stage.client("sns").publish(TopicArn=topic, Message="and nothing else")
    assert stage.messages() == [
        {"topic": topic, "subject": "Job failed", "message": "exit code 3", "attributes": {"owner": "data-team"}},
        {"topic": topic, "subject": None, "message": "and nothing else", "attributes": {}},
    ]


def test_a_call_is_recorded_with_error_and_caller(stage: Client) -> None:
    stage.clear_calls()
    with pytest.raises(ClientError):
        stage.client("events").describe_rule(Name="no-such-rule")
    with pytest.raises(ClientError):
        stage.client("s3").get_object(Bucket=stage.names["bucket"], Key="no-such-key")
    stage.client("sts").get_caller_identity()

    recorded = [(call["service"], call["operation"], call["status"], call["error"]) for call in stage.calls()]
    assert recorded == [
        ("events", "DescribeRule", 400, "ResourceNotFoundException"),
        ("s3", "GetObject", 404, "NoSuchKey"),
        ("sts", "GetCallerIdentity", 200, None),
    ]
    assert {call["caller"] for call in stage.calls()} == {None}
    assert all(call["time"].startswith("20") and call["duration_ms"] > 0 for call in stage.calls())

    stage.clear_calls()
    assert stage.calls() == []


def test_calls_of_a_function_have_its_name(stage: Client) -> None:
    sweep(stage)
    callers = {call["caller"] for call in stage.calls("dynamodb")}
    assert callers == {"Sweep"}


def test_latency_is_part_of_every_call(stage: Client) -> None:
    stage.settings(latency_ms=80)
    stage.clear_calls()
    stage.client("ecs").list_clusters()
    with pytest.raises(ClientError):
        stage.client("ecs").describe_task_definition(taskDefinition="no-such-family")
    assert all(call["duration_ms"] >= 80 for call in stage.calls("ecs"))


def test_a_connection_is_kept_for_all_kinds_of_requests(stage: Client) -> None:
    connection = HTTPConnection(stage.endpoint.removeprefix("http://"), timeout=30)
    asked: list[tuple[str, str, Any]] = [
        ("PUT", "/_stage/settings", b'{"latency_ms": 1}'),
        ("PUT", "/_stage/settings", iter([b'{"latency_ms"', b": 2}"])),  # in chunks
        ("DELETE", "/_stage/calls", None),  # answered without a body
        ("HEAD", "/_stage/settings", None),
        ("PUT", "/_stage/settings", b'{"latency_ms": "quick"}'),
        ("POST", "/", b"what no AWS client sends"),
        ("GET", "/_stage/settings", None),
    ]
    ports = []
    for method, path, body in asked:
        connection.request(method, path, body)
        ports.append(connection.sock.getsockname()[1])
        answer = connection.getresponse().read()
    connection.close()
    assert len(set(ports)) == 1
    assert b'"latency_ms": 2' in answer
