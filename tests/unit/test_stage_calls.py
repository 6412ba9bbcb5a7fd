"""How the gateway recognises requests of all protocols, and how hooks run between client and moto."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from moto.core.request import Request
from werkzeug.serving import make_server

from stage.gateway.calls import Call, Reply, recognise
from stage.gateway.server import Gateway, RequestHandler

# AWS answers with more codes than its models list, such as ThrottlingException; moto warns of each.
pytestmark = pytest.mark.filterwarnings(r"ignore:Exception\(_Refusal\)")


class Scripted:
    """A hook with given answers, which remembers its calls."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name = name
        self.seen = seen
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Reply | None] = lambda _: None
        self.change: Callable[[Call, Reply], Reply | None] = lambda *_: None

    def before(self, call: Call) -> Reply | None:
        self.seen.append(f"{self.name} before")
        self.calls.append(call)
        return self.answer(call)

    def after(self, call: Call, reply: Reply) -> Reply | None:
        self.seen.append(f"{self.name} after")
        return self.change(call, reply)


class Served:
    """A served gateway with two hooks, and clients of it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.first, self.second = Scripted("first", self.seen), Scripted("second", self.seen)
        self.recorded: list[tuple[Call, Reply, float]] = []
        gateway = Gateway(
            lambda key: "CreateTargets" if key == "key-of-create-targets" else None,
            lambda *call: self.recorded.append(call),
        )
        gateway.hooks += [self.first, self.second]
        self.server = make_server("127.0.0.1", 0, gateway, threaded=True, request_handler=RequestHandler)

    def client(self, service: Any, key: str = "user") -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.server.port}",
            region_name="eu-central-1",
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    threading.Thread(target=served.server.serve_forever, args=(0.01,), daemon=True).start()
    yield served
    served.server.shutdown()


@pytest.mark.parametrize(
    ("service", "ask", "operation", "params"),
    [
        pytest.param(
            "events", lambda c: c.list_rules(NamePrefix="a"), "ListRules", {"NamePrefix": "a"}, id="JSON"),
        pytest.param(
            "stepfunctions", lambda c: c.list_state_machines(maxResults=7), "ListStateMachines", {"maxResults": 7},
            id="a service that signs with another name"),
        pytest.param(
            "sts", lambda c: c.get_session_token(DurationSeconds=900), "GetSessionToken", {"DurationSeconds": 900},
            id="query"),
        pytest.param(
            "lambda", lambda c: c.list_tags(Resource="arn:aws:lambda:eu-central-1:1:function:f"), "ListTags",
            {"Resource": "arn:aws:lambda:eu-central-1:1:function:f"}, id="REST with JSON"),
        pytest.param(
            "s3", lambda c: c.get_object(Bucket="b", Key="a/b c", VersionId="7"), "GetObject",
            {"Bucket": "b", "Key": "a/b c", "versionId": "7"}, id="S3: key and version"),
        pytest.param(
            "s3", lambda c: c.list_objects_v2(Bucket="b"), "ListObjectsV2", {"Bucket": "b", "list-type": "2"},
            id="S3: by a query argument"),
        pytest.param("s3", lambda c: c.list_buckets(), "ListBuckets", {}, id="S3: no bucket"),
        pytest.param("dynamodb", lambda c: c.list_tables(Limit=3), "ListTables", {"Limit": 3}, id="DynamoDB"),
    ],
)  # fmt: skip
def test_every_protocol_is_recognised_and_refused_in_its_form(
    served: Served, service: str, ask: Callable[[Any], Any], operation: str, params: dict[str, Any]
) -> None:
    served.first.answer = lambda call: Reply.refusal(call, "ThrottlingException", "Rate exceeded")

    with pytest.raises(ClientError) as refused:
        ask(served.client(service))

    (call,) = served.first.calls
    assert (call.service, call.operation, call.region, call.access_key) == (service, operation, "eu-central-1", "user")
    assert params.items() <= call.params.items()
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert refused.value.response["Error"]["Message"] == "Rate exceeded"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_hooks_run_around_moto_and_the_last_reply_counts(served: Served) -> None:
    served.first.change = lambda call, reply: Reply.result(call, {"Rules": [{"Name": "changed"}]})
    assert served.client("events").list_rules()["Rules"] == [{"Name": "changed"}]
    assert served.seen == ["first before", "second before", "second after", "first after"]


def test_a_hook_that_answers_ends_the_call(served: Served) -> None:
    served.first.answer = lambda call: Reply.result(call, {"RuleArn": "arn"})
    served.client("events").put_rule(Name="never-made", ScheduleExpression="rate(1 day)")
    assert served.seen == ["first before", "second after", "first after"]

    served.first.answer = lambda _: None
    assert served.client("events").list_rules()["Rules"] == []


def test_a_client_that_dies_during_its_request_is_ignored(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(1000)
    assert served.seen == []
    assert capfd.readouterr().err == ""


def test_a_lost_reply_does_not_arrive(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    served.first.change = lambda call, reply: Reply(reply.status, reply.body, lost=True)
    with pytest.raises(ConnectionClosedError):
        served.client("sqs").create_queue(QueueName="made")

    served.first.change = lambda *_: None
    assert len(served.client("sqs").list_queues()["QueueUrls"]) == 1
    assert [reply.lost for _, reply, _ in served.recorded] == [True, False]
    assert capfd.readouterr().err == ""


def test_a_call_is_recorded_with_the_owner_of_its_key(served: Served) -> None:
    served.client("ecs", key="key-of-create-targets").list_clusters()
    served.client("ecs").list_clusters()
    assert [call.caller for call, _, _ in served.recorded] == ["CreateTargets", None]


def test_an_operation_that_moto_lacks_is_answered_with_501(served: Served) -> None:
    with pytest.raises(ClientError, match=r"\(NotImplemented\).*events ListEndpoints"):
        served.client("events").list_endpoints()
    assert served.client("events").list_rules()["Rules"] == []


def test_a_bug_in_a_hook_is_an_internal_failure(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(_: Call) -> Reply:
        raise ZeroDivisionError("a bug")

    served.first.answer = broken
    with pytest.raises(ClientError) as failed:
        served.client("ecs").list_clusters()
    assert failed.value.response["Error"]["Code"] == "InternalFailure"
    assert "ZeroDivisionError: a bug" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        pytest.param("POST", "/", {}, None, id="an unsigned request is no AWS call"),
        pytest.param(
            "POST", "/2015-03-31/functions/f/invocations", {}, ("lambda", "Invoke"), id="an unsigned invocation is"),
        pytest.param(
            "GET", "/b/k?X-Amz-Credential=key%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", {}, ("s3", "GetObject"),
            id="a pre-signed URL"),
        pytest.param(
            "POST", "/", {"Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/events/aws4_request, x",
                  "X-Amz-Target": "AWSEvents.FlyToTheMoon", "Content-Type": "application/x-amz-json-1.1"},
            ("events", "FlyToTheMoon"), id="an operation that does not exist"),
    ],
)  # fmt: skip
def test_unsigned_requests(method: str, path: str, headers: dict[str, str], expected: tuple[str, str] | None) -> None:
    call = recognise(Request.from_primitives(method, f"http://127.0.0.1:5000{path}", headers))
    assert (call.key if call else None) == expected


@pytest.mark.parametrize(
    ("status", "body", "headers", "error"),
    [
        pytest.param(200, b'{"__type": "a member of that name"}', {}, None, id="success"),
        pytest.param(400, b'{"__type": "com.amazonaws#Throttled"}', {}, "Throttled", id="JSON, with a namespace"),
        pytest.param(404, b"<Error><Code>NoSuchKey</Code></Error>", {}, "NoSuchKey", id="XML"),
        pytest.param(404, b"", {"x-amzn-ErrorType": "NotFound:http://x"}, "NotFound", id="header"),
        pytest.param(404, b"", {}, "404", id="HEAD has a status only"),
    ],
)  # fmt: skip
def test_the_error_code_of_a_reply(status: int, body: bytes, headers: dict[str, str], error: str | None) -> None:
    reply = Reply.received(status, body, headers)  # type: ignore[arg-type] # any mapping will do
    assert (reply.error, reply.ok) == (error, error is None)
