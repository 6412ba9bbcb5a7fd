"""The stage as its users meet it: its routes, its record of calls, its Lambda and its Step Functions."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.client import ROOT, Client, StageError, running, wait_for
from stage.direct import ACCOUNT
from tests.stage.toys import ROLE, zipped


@pytest.fixture
def machine(stage: Client) -> Iterator[Callable[..., str]]:
    """Makes a state machine of its states. Returns its ARN."""
    arns: list[str] = []

    def make(**states: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states}
        made = stage.client("stepfunctions").create_state_machine(
            name=f"toy-{len(arns)}", definition=json.dumps(definition), roleArn=ROLE
        )
        arns.append(made["stateMachineArn"])
        return arns[-1]

    yield make
    for arn in arns:
        stage.client("stepfunctions").delete_state_machine(stateMachineArn=arn)


def invoke(stage: Client, name: str, event: Any = None) -> tuple[Any, str | None]:
    answer = stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def ask(endpoint: str, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """The status, and what is said where the request is refused."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
    connection.request(method, path, body)
    response = connection.getresponse()
    answer = json.loads(response.read() or b"{}")
    connection.close()
    return response.status, answer.get("error", "")


def run(stage: Client, machine: str) -> dict[str, Any]:
    started = stage.client("stepfunctions").start_execution(stateMachineArn=machine)
    return stage.wait(started["executionArn"])


# ------------------------------------------------------------------------------------------------ what a user has


def test_what_the_stage_says_is_deployed_can_be_found_with_any_aws_client(stage: Client) -> None:
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


def test_a_push_that_fits_starts_a_deployment_and_reset_undoes_all_of_it(stage: Client) -> None:
    before = everything(stage)
    pushed = stage.push("v1")
    (execution,) = wait_for(stage.executions, 5)
    ended = stage.wait(execution)
    assert ended["status"] == "SUCCEEDED"
    assert ended["input"]["detail"]["image-digest"] == pushed
    assert everything(stage) != before

    stage.reset()

    assert everything(stage) == before
    assert stage.calls() != []  # what this test itself has asked since
    assert stage.settings()["time_scale"] == 1


def test_reset_stops_a_deployment_that_is_under_way(stage: Client) -> None:
    before = everything(stage)
    stage.settings(rollout="hangs")
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)

    stage.reset()

    assert everything(stage) == before
    assert stage.executions() == []


def everything(stage: Client) -> dict[str, Any]:
    """All that a deployment may change, without the times and ids that AWS gives."""
    names, ecs, s3 = stage.names, stage.client("ecs"), stage.client("s3")
    (service,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
    versions = s3.list_object_versions(Bucket=names["bucket"])
    groups = stage.client("logs").describe_log_groups()["logGroups"]
    return {
        "rules": sorted(rule["Name"] for rule in stage.client("events").list_rules()["Rules"]),
        "revisions": ecs.list_task_definitions()["taskDefinitionArns"],
        "inactive": ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"],
        "service": (service["taskDefinition"], [each["rolloutState"] for each in service["deployments"]]),
        "images": [image["imageTags"] for image in stage.client("ecr").describe_images(
            repositoryName=names["repository"])["imageDetails"]],
        "objects": [version["Key"] for version in versions["Versions"]],
        "ledger": stage.client("dynamodb").scan(TableName=names["outputs"]["LedgerTableName"])["Items"],
        "executions": stage.executions(),
        "logs": [
            stream["logStreamName"]
            for group in groups
            for stream in stage.client("logs").describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
        ],
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------- routes


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        pytest.param("GET", "/_stage/nonsense", None, 404, "GET /_stage/calls", id="an unknown route"),
        pytest.param("POST", "/_stage/calls", b"", 404, "DELETE /_stage/calls", id="a known route, another method"),
        pytest.param("PUT", "/_stage/settings", b"{", 400, "not JSON", id="settings that are not JSON"),
        pytest.param("PUT", "/_stage/settings", b"[]", 400, "an object", id="settings that are no object"),
        pytest.param("PUT", "/_stage/settings", b'{"rollout": "explodes"}', 400, "rollout", id="a wrong setting"),
        pytest.param("PUT", "/_stage/settings", b'{"quotas": true}', 501, "quotas", id="a setting to come"),
        pytest.param("PUT", "/_stage/faults", b'[{"service": "s4"}]', 400, "s4", id="faults that cannot be"),
        pytest.param("POST", "/_stage/fire/no-such-rule", b"", 409, "no-such-rule", id="a rule that is not there"),
        pytest.param("GET", "/_stage", None, 200, "", id="the slash may be left out"),
    ],
)  # fmt: skip
def test_routes_say_what_is_wrong(
    stage: Client, method: str, path: str, body: bytes | None, status: int, says: str
) -> None:
    answered, message = ask(stage.endpoint, method, path, body)
    assert (answered, says in message) == (status, True), message


def test_a_call_is_recorded_with_its_error_and_for_whom_it_was_made(stage: Client) -> None:
    stage.clear_calls()
    with pytest.raises(ClientError):
        stage.client("events").describe_rule(Name="no-such-rule")
    with pytest.raises(ClientError):
        stage.client("s3").get_object(Bucket=stage.names["bucket"], Key="no-such-key")
    stage.client("sts").get_caller_identity()

    told = [(call["service"], call["operation"], call["status"], call["error"]) for call in stage.calls()]
    assert told == [
        ("events", "DescribeRule", 400, "ResourceNotFoundException"),
        ("s3", "GetObject", 404, "NoSuchKey"),
        ("sts", "GetCallerIdentity", 200, None),
    ]
    assert {call["caller"] for call in stage.calls()} == {None}
    assert all(call["time"].startswith("20") and call["duration_ms"] > 0 for call in stage.calls())

    stage.clear_calls()
    assert stage.calls() == []


def test_calls_of_a_step_bear_its_name(stage: Client) -> None:
    stage.deploy("v1")
    callers = {call["caller"] for call in stage.calls("events", "PutTargets")}
    assert callers == {"CreateTargets"}


def test_latency_is_part_of_every_call(stage: Client) -> None:
    stage.settings(latency_ms=80)
    stage.clear_calls()
    stage.client("ecs").list_clusters()
    with pytest.raises(ClientError):
        stage.client("ecs").describe_task_definition(taskDefinition="no-such-family")
    assert all(call["duration_ms"] >= 80 for call in stage.calls("ecs"))


# --------------------------------------------------------------------------------------------------------- Lambda


def test_a_function_runs_with_its_roles_credentials_and_its_own_environment(
    stage: Client, function: Callable[..., str]
) -> None:
    source = """
import boto3, os
def handler(event, context):
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    return {"event": event, "arn": arn, "color": os.environ["COLOR"], "home": "HOME" in os.environ}
"""
    answer, error = invoke(stage, function(source, Environment={"Variables": {"COLOR": "red"}}), {"a": "ü"})
    assert error is None
    assert answer == {
        "event": {"a": "ü"},
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/guestbook-task/toy-0",
        "color": "red",
        "home": False,
    }
    assert [call["caller"] for call in stage.calls("sts")] == ["toy-0"]


def test_a_worker_stays_warm_until_its_function_changes(stage: Client, function: Callable[..., str]) -> None:
    name = function("import os\ndef handler(event, context): return os.getpid()")
    first, again = invoke(stage, name), invoke(stage, name)
    assert first == again

    stage.client("lambda").update_function_code(FunctionName=name, ZipFile=zipped("def handler(e, c): return 'new'"))
    assert invoke(stage, name) == ("new", None)


def test_two_invocations_at_once_are_served_by_two_workers(
    stage: Client, function: Callable[..., str], tmp_path: Path
) -> None:
    # Each waits for the other: it can only end if both run at once.
    source = """
import os, pathlib, time
def handler(event, context):
    here = pathlib.Path(event["place"])
    (here / str(os.getpid())).touch()
    while len(list(here.iterdir())) < 2: time.sleep(0.01)
    return os.getpid()
"""
    name = function(source, Timeout=10)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(invoke(stage, name, {"place": str(tmp_path)}))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error for _, error in answers] == [None, None]
    assert len({pid for pid, _ in answers}) == 2


def test_what_a_function_prints_is_in_its_log_group_when_it_has_answered(
    stage: Client, function: Callable[..., str]
) -> None:
    name = function("def handler(event, context): print('hello', event['who'])")
    invoke(stage, name, {"who": "Ada"})
    found = stage.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [event["message"] for event in found]
    assert lines[0] == "hello Ada"
    assert lines[1].startswith("REPORT RequestId: ")
    assert "Init Duration" in lines[1]


def test_an_asynchronous_invocation_is_answered_at_once_and_carried_out(
    stage: Client, function: Callable[..., str]
) -> None:
    name = function("def handler(event, context): print('did it')")
    answer = stage.client("lambda").invoke(FunctionName=name, InvocationType="Event")
    assert answer["StatusCode"] == 202
    logs = stage.client("logs")

    def logged() -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        events = [e for g in groups for e in logs.filter_log_events(logGroupName=g["logGroupName"])["events"]]
        return any(event["message"] == "did it" for event in events)

    assert wait_for(logged, 10)


def test_a_function_that_is_not_there_is_refused(stage: Client) -> None:
    with pytest.raises(ClientError) as refused:
        stage.client("lambda").invoke(FunctionName="nobody")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


# -------------------------------------------------------------------------------------------------- Step Functions


def test_waits_and_retries_last_as_long_as_time_scale_says(
    stage: Client, function: Callable[..., str], machine: Callable[..., str]
) -> None:
    name = function("def handler(event, context): raise LookupError('never')")
    retry = {"ErrorEquals": ["LookupError"], "IntervalSeconds": 3000, "MaxAttempts": 2}
    stage.settings(time_scale=0.00001)

    ended = run(
        stage,
        machine(
            Wait={"Type": "Wait", "Seconds": 9000, "Next": "Try"},
            Try={
                "Type": "Task",
                "Resource": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}",
                "Retry": [retry],
                "End": True,
            },
        ),
    )

    assert (ended["status"], ended["error"]) == ("FAILED", "LookupError")
    assert len(stage.calls("lambda", "Invoke")) == 3


def test_a_refused_invocation_has_the_name_that_aws_gives_it(stage: Client, machine: Callable[..., str]) -> None:
    nobody = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:nobody"
    ended = run(stage, machine(Try={"Type": "Task", "Resource": nobody, "End": True}))
    assert (ended["status"], ended["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_executions_without_a_name_are_told_apart(stage: Client, machine: Callable[..., str]) -> None:
    arn = machine(Done={"Type": "Succeed"})
    assert [run(stage, arn)["status"] for _ in range(2)] == ["SUCCEEDED", "SUCCEEDED"]


# --------------------------------------------------------------------------------------------------- the process


def test_a_busy_port_is_told_in_one_line(stage: Client) -> None:
    port = stage.endpoint.rpartition(":")[2]
    began = subprocess.run(
        [sys.executable, "-m", "stage"],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )
    assert began.returncode == 1
    assert began.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in began.stderr


def test_a_stage_is_not_ready_before_it_says_so_and_leaves_nothing_behind_when_it_is_told_to_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "stage", "--port", port]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        client = Client(f"http://127.0.0.1:{port}")
        assert wait_for(lambda: answered(client.endpoint), 60) == (503, "the stage is not ready yet")
        assert client.endpoint in process.stdout.readline()
        assert ask(client.endpoint, "GET", "/_stage/") == (200, "")
        client.push("v1")
        wait_for(lambda: workers_of(process.pid), 30)
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert wait_for(lambda: not any(alive(worker) for worker in workers), 30)


def answered(endpoint: str) -> tuple[int, str] | None:
    try:
        return ask(endpoint, "GET", "/_stage/")
    except ConnectionError:
        return None


def test_a_stage_that_cannot_begin_says_so() -> None:
    with pytest.raises(StageError, match="did not become ready"), running("--template", "no-such-template.yaml"):
        pass


def workers_of(stage: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(pid) for parent, pid in pairs if int(parent) == stage]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
