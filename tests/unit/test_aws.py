"""AWS's errors, truncated responses, retries, and fields that this SDK does not know."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from rota.aws import botocore_hooks, clients
from rota.aws.errors import AWS_ERRORS, error_from_code, translate
from rota.aws.parallel import in_parallel
from rota.aws.rate_limit import READ_DEFINITIONS, SCHEDULER, Quota, bucket_for
from rota.ecs import task_definitions
from rota.errors import RejectedError, TransientError
from tests.guestbook import CONTENT, REGION, arn

URL = "https://events.us-east-1.amazonaws.com"


def reply(code: str, message: str = "what AWS says", status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # the rest is not read
        "PutTargets",
    )


@pytest.mark.parametrize(
    ("error", "name"),
    [
        pytest.param(reply("ThrottlingException", "Rate exceeded"), TransientError, id="throttled"),
        pytest.param(reply("Throttling"), TransientError, id="throttled, the old name"),
        pytest.param(reply("TooManyRequestsException", status=429), TransientError, id="429"),
        pytest.param(reply("Throttled", status=429), TransientError, id="throttled by SNS"),
        pytest.param(reply("SlowDown", status=503), TransientError, id="throttled by S3"),
        pytest.param(reply("ProvisionedThroughputExceededException"), TransientError, id="throttled by DynamoDB"),
        pytest.param(reply("InvalidParameterException", "Rate exceeded"), TransientError, id="disguised, invalid"),
        pytest.param(reply("ValidationException", "Request was throttled"), TransientError, id="disguised, validation"),
        pytest.param(
            reply("ClientException", "Too many concurrent attempts to create a new revision of the specified family."),
            TransientError,
            id="two registrations at once",
        ),
        pytest.param(reply("ConcurrentModificationException"), TransientError, id="two changes of one rule"),
        pytest.param(reply("TransactionConflictException"), TransientError, id="two transactions of one item"),
        pytest.param(reply("TransactionInProgressException"), TransientError, id="a transaction sent again"),
        pytest.param(reply("InternalException", status=500), TransientError, id="500"),
        pytest.param(reply("ServiceUnavailable", status=503), TransientError, id="503"),
        pytest.param(reply("ThisCodeIsNew", status=500), TransientError, id="a new code for 500"),
        pytest.param(reply("ServerException"), TransientError, id="ECS's own fault with a 400"),
        pytest.param(reply("AccessDeniedException"), RejectedError, id="denied"),
        pytest.param(reply("AccessDenied", status=403), RejectedError, id="denied by S3"),
        pytest.param(reply("LimitExceededException", "Rate of growth exceeded"), RejectedError, id="a quota"),
        pytest.param(reply("LimitExceededException", status=429), RejectedError, id="a quota with a 429"),
        pytest.param(reply("InvalidParameterException", "no such container"), RejectedError, id="invalid"),
        pytest.param(reply("ClientException", "TaskDefinition is inactive"), RejectedError, id="inactive revision"),
        pytest.param(reply("ResourceNotFoundException"), RejectedError, id="not there"),
        pytest.param(reply("ThisCodeIsNew"), RejectedError, id="a new code for 400"),
        pytest.param(EndpointConnectionError(endpoint_url=URL), TransientError, id="no connection"),
        pytest.param(ConnectTimeoutError(endpoint_url=URL), TransientError, id="connection timed out"),
        pytest.param(ReadTimeoutError(endpoint_url=URL), TransientError, id="no answer in time"),
        pytest.param(ConnectionClosedError(endpoint_url=URL), TransientError, id="connection closed"),
        pytest.param(IncompleteReadError(actual_bytes=1, expected_bytes=2), TransientError, id="half an answer"),
        pytest.param(NoCredentialsError(), NoCredentialsError, id="no credentials: a bug"),
        pytest.param(ParamValidationError(report="x"), ParamValidationError, id="a bad request: a bug"),
    ],
)
def test_the_error_that_the_state_machine_sees(error: Any, name: type[Exception]) -> None:
    assert type(translate(error)) is name


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(reply("ThisCode"), "PutTargets: ThisCode: what AWS says", id="refused"),
        pytest.param(
            reply("AccessDenied", "not authorized to x"), "PutTargets was denied: not authorized to x", id="denied"
        ),
        pytest.param(
            reply("Invalid", "'PASSWORD=hunter2 x' is no y"),
            "PutTargets: Invalid: 'PASSWORD=*** x' is no y",
            id="masked",
        ),
        pytest.param(reply("Boom", status=500), "PutTargets: Boom: what AWS says", id="500"),
        pytest.param(
            ReadTimeoutError(endpoint_url=URL),
            f'GetObject: no response from AWS: Read timeout on endpoint URL: "{URL}"',
            id="timeout",
        ),
    ],
)
def test_the_message_has_the_call_and_awss_message(error: Any, message: str) -> None:
    assert str(translate(error)) == message


DENIED = "User: arn:aws:sts::123456789012:assumed-role/r/f is not authorized to perform: {} because no policy allows it"
ECS_ARN = "arn:aws:ecs:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("denied", "advice"),
    [
        pytest.param(
            "iam:PassRole on resource: arn:aws:iam::123456789012:role/lb", "", id="a role, by another call than below"
        ),
        pytest.param(
            "ecs:RegisterTaskDefinition on resource: *",
            "; ECS asks for this right on all resources here: in template.yaml, give ecs:RegisterTaskDefinition the",
            id="a right on all resources",
        ),
        pytest.param(f"ecs:DescribeServices on resource: {ECS_ARN}:service/api", "; services from before", id="short"),
        pytest.param(f"ecs:DescribeServices on resource: {ECS_ARN}:service/production/api", "", id="a long ARN"),
        pytest.param(f"ecs:RegisterTaskDefinition on resource: {ECS_ARN}:task-definition/a:*", "", id="a family"),
    ],
)
def test_a_denial_says_what_to_do_where_its_words_allow(denied: str, advice: str) -> None:
    message = DENIED.format(denied)
    said = str(translate(reply("AccessDeniedException", message))).partition(message)[2]
    assert (said[: len(advice)], bool(said)) == (advice, bool(advice))


def test_a_role_that_the_service_has_is_named_where_it_is_denied() -> None:
    denied = DENIED.format("iam:PassRole on resource: arn:aws:iam::123456789012:role/lb")
    said = str(error_from_code("UpdateService", "AccessDeniedException", denied))
    assert said.startswith(f"UpdateService was denied: {denied}; the service has this role for its load balancer")


def test_a_lost_connection_names_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # a closed port
    clients.ecs.cache_clear()
    with pytest.raises(EndpointConnectionError) as lost:
        clients.ecs(attempts=1).list_clusters()
    clients.ecs.cache_clear()
    assert str(translate(lost.value)).startswith("ListClusters: no response from AWS: Could not connect")


@pytest.mark.parametrize("service", ["dynamodb", "ecr", "ecs", "events", "s3", "stepfunctions"])
def test_every_throttle_of_the_services_is_transient(service: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    declared = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
    throttles = {code for code in declared if "throttl" in code.lower() or code == "RequestLimitExceeded"}
    assert {code for code in throttles if not isinstance(error_from_code("Op", code, ""), TransientError)} == set()


def test_parallel_results_keep_their_order() -> None:
    assert in_parallel(lambda number: number * 2, range(50)) == [number * 2 for number in range(50)]


def test_the_first_error_in_parallel_is_raised() -> None:
    def work(number: int) -> None:
        raise RejectedError(f"number {number}")

    with pytest.raises(RejectedError, match="number 0"):
        in_parallel(work, range(20))


Answer = tuple[int, dict[str, Any] | bytes]
"""A status and what is said; of bytes there were to be more when the connection closed."""


class Chunk(bytes):
    """Bytes that were sent as the first chunk of some."""


class Headers(bytes):
    """A status and headers that were to be more."""


class Server:
    """An AWS that answers from a script, the last answer for ever, and remembers what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        script, server = list(answers), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.headers["X-Amz-Target"].split(".")[1], json.loads(body)))
                self.answer()

            def do_GET(self) -> None:
                server.requests.append((self.path, {}))
                self.answer()

            def answer(self) -> None:
                status, answer = script.pop(0) if len(script) > 1 else script[0]
                if isinstance(answer, Headers):
                    self.wfile.write(answer)
                    return
                self.send_response(status)
                sent, missing = (answer, 100) if isinstance(answer, bytes) else (json.dumps(answer).encode(), 0)
                if isinstance(answer, Chunk):
                    self.send_header("Transfer-Encoding", "chunked")
                    sent = b"%x\r\n%b\r\n" % (len(answer), answer)
                else:
                    self.send_header("Content-Length", str(len(sent) + missing))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Serve = Callable[..., Server]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Let the clients talk to a server with that script."""
    servers = []

    def start(*answers: Answer) -> Server:
        servers.append(Server(*answers))
        monkeypatch.setenv("AWS_ENDPOINT_URL", servers[-1].url)
        return servers[-1]

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for client in (clients.ecs, clients.events, clients.s3):
        client.cache_clear()
    yield start
    for client in (clients.ecs, clients.events, clients.s3):
        client.cache_clear()
    for server in servers:
        server.stop()


FROM_THE_FUTURE: dict[str, Any] = CONTENT | {
    "gravity": {"enabled": False, "level": 1.5},
    "containerDefinitions": [CONTENT["containerDefinitions"][0] | {"antimatter": [{"grams": 1}]}],
}
READ_ONLY = {"taskDefinitionArn": arn(3), "revision": 3, "status": "ACTIVE", "registeredAt": 1795500000.25}
DESCRIBED = {"taskDefinition": FROM_THE_FUTURE | READ_ONLY, "tags": [{"key": "team", "value": "books"}]}
THROTTLED = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})


def test_a_described_revision_keeps_unknown_fields(serve: Serve) -> None:
    server = serve((200, DESCRIBED))
    found = task_definitions.read_revision(clients.ecs(), arn(3))
    assert found.content == FROM_THE_FUTURE
    assert (found.arn, found.tags) == (arn(3), {"team": "books"})
    assert server.requests == [("DescribeTaskDefinition", {"taskDefinition": arn(3), "include": ["TAGS"]})]


def test_a_registered_revision_keeps_unknown_fields(serve: Serve) -> None:
    server = serve((200, DESCRIBED))
    assert task_definitions.register_revision(clients.ecs(attempts=1), FROM_THE_FUTURE, {"team": "books"}) == arn(3)
    request = FROM_THE_FUTURE | {"tags": [{"key": "team", "value": "books"}]}
    assert server.requests == [("RegisterTaskDefinition", request)]


def test_a_registration_without_response_is_not_retried(serve: Serve) -> None:
    server = serve((500, {"__type": "ServerException", "message": "oops"}), (200, DESCRIBED))
    with pytest.raises(ClientError, match="ServerException"):
        task_definitions.register_revision(clients.ecs(attempts=1), CONTENT, {})
    assert len(server.requests) == 1


@pytest.mark.parametrize("attempts", [{}, {"attempts": 1}], ids=["a client that repeats", "one that does not"])
def test_a_throttled_call_is_retried(serve: Serve, attempts: dict[str, int]) -> None:
    server = serve(*[THROTTLED] * 6, (200, {"taskDefinitionArns": []}))
    assert clients.ecs(**attempts).list_task_definitions()["taskDefinitionArns"] == []
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("call", "quota", "growth", "last"),
    [
        (lambda: clients.ecs().list_task_definitions(), READ_DEFINITIONS, 1 / 20, 2),
        (lambda: clients.scheduler().get_schedule(Name="Mail"), SCHEDULER, 0.02, 0.8),  # type: ignore[attr-defined]  # made at run time
    ],
    ids=["20 a second", "1,000 a second"],
)
def test_a_call_that_is_always_throttled_fails(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any], quota: Quota, growth: float, last: float
) -> None:
    waits: list[float] = []
    bucket_for(quota)  # one that sleeps itself
    monkeypatch.setattr("time.sleep", waits.append)
    server = serve(THROTTLED)
    with pytest.raises(ClientError) as raised:
        call()
    assert type(translate(raised.value)) is TransientError
    assert len(server.requests) == len(waits) + 1 == 41
    assert waits[0] <= growth < max(waits) <= botocore_hooks._LONGEST_WAIT == 2
    assert last / 2 <= waits[-1] <= last, "the waits grow to the longest, less half of it at random"


def test_a_used_up_quota_is_not_retried(serve: Serve) -> None:
    server = serve((400, {"__type": "LimitExceededException", "message": "the bus holds 300 rules"}))
    with pytest.raises(ClientError, match="PutRule operation: the bus holds 300 rules") as raised:
        clients.events().put_rule(Name="one-too-many", ScheduleExpression="rate(1 day)")
    assert type(translate(raised.value)) is RejectedError
    assert len(server.requests) == 1


@pytest.mark.exhaustive(first=3)
@pytest.mark.parametrize(
    "half",
    [
        pytest.param((200, b'{"Rules": [{"Na'), id="the first bytes"),
        pytest.param((400, b'{"__type": "Val'), id="half a refusal"),
        pytest.param((200, Headers(b"HTTP/1.1 200 OK\r\n")), id="the status alone"),
        pytest.param((200, b""), id="nothing of it"),
        pytest.param((200, b'{"Rules": []}'), id="what would do as one"),
        pytest.param((200, '{"Rules": [{"Name": "a", "Description": "\u00e4'.encode()[:-1]), id="half a character"),
        pytest.param((200, Headers(b"HTTP/1.1 200 OK\r\nContent-Length: ")), id="half the headers"),
    ],
)
def test_a_truncated_response_is_retried(serve: Serve, half: Answer) -> None:
    server = serve(half, half, (200, {"Rules": [{"Name": "shop__Ingest"}]}))
    assert clients.events().list_rules()["Rules"] == [{"Name": "shop__Ingest"}]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("attempts", "asked"),
    [pytest.param({}, 4, id="a client that repeats"), pytest.param({"attempts": 1}, 1, id="one that does not")],
)
def test_a_response_that_is_always_truncated(serve: Serve, attempts: dict[str, int], asked: int) -> None:
    server = serve((200, b'{"taskDefinition": {"taskDef'))
    with pytest.raises(ConnectionClosedError) as lost:
        clients.ecs(**attempts).register_task_definition(family="shop", containerDefinitions=[])
    assert type(translate(lost.value)) is TransientError
    assert str(translate(lost.value)).startswith("RegisterTaskDefinition: no response from AWS")
    assert len(server.requests) == asked


OBJECT: Any = {"Bucket": "shop", "Key": "scheduled_tasks.json"}
MISSING = b"<Error><Code>NoSuchK"


def test_a_truncated_error_of_get_object_is_retried(serve: Serve) -> None:
    server = serve((404, MISSING), (200, Headers(b"HTTP/1.1 200 OK\r\nContent-Ty")), (200, {"tasks": []}))
    assert json.loads(clients.s3().get_object(**OBJECT)["Body"].read()) == {"tasks": []}
    assert len(server.requests) == 3


def test_a_chunked_error_that_breaks_off(serve: Serve) -> None:
    serve((404, Chunk(MISSING)))
    with pytest.raises(AWS_ERRORS) as lost:
        clients.s3().get_object(**OBJECT)
    error: Any = lost.value
    assert type(translate(error)) is TransientError
    assert str(translate(error)).startswith("GetObject: no response from AWS")


def test_a_truncated_object(serve: Serve) -> None:
    serve((200, b'{"tasks": ['))
    found = clients.s3().get_object(**OBJECT)
    with pytest.raises(AWS_ERRORS) as lost:
        found["Body"].read()
    error: Any = lost.value
    assert type(translate(error)) is TransientError
    assert str(translate(error)).startswith("GetObject: no response from AWS")


@pytest.mark.parametrize(
    ("make", "service", "attempts"),
    [
        (clients.cloudtrail, "cloudtrail", 2),
        (clients.dynamodb, "dynamodb", 4),
        (clients.ec2, "ec2", 4),
        (clients.ecr, "ecr", 4),
        (clients.ecs, "ecs", 4),
        (partial(clients.ecs, attempts=1), "ecs", 1),
        (clients.events, "events", 4),
        (clients.logs, "logs", 2),
        (clients.s3, "s3", 4),
        (clients.scheduler, "scheduler", 4),
        (clients.secretsmanager, "secretsmanager", 4),
        (clients.ssm, "ssm", 4),
        (clients.sns, "sns", 2),
        (clients.stepfunctions, "stepfunctions", 4),
        (clients.tagging, "resourcegroupstaggingapi", 4),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_how_each_service_is_called(
    make: Callable[[], Any], service: str, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    cached: Any = getattr(make, "func", make)
    cached.cache_clear()
    client = make()
    assert client is make()
    cached.cache_clear()
    config = client.meta.config
    assert client.meta.service_model.service_name == service
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (10, 10, 25)
    assert config.user_agent == f"rota Botocore/{botocore.__version__}"
