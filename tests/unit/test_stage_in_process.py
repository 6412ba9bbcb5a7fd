"""Calls to a gateway in the caller's own process."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from stage.faults.scripted import Faults
from stage.gateway.calls import Call, Reply
from stage.gateway.in_process import Connection
from stage.gateway.server import Gateway


class Recorded:
    """The calls of a gateway whose only hook makes them fail."""

    def __init__(self) -> None:
        self.faults = Faults(lambda _: None, lambda _: None, set)
        self.made: list[tuple[str, int]] = []
        self.gateway = Gateway({"user": "person"}.get, self._record)
        self.gateway.hooks.append(self.faults)

    def _record(self, call: Call, reply: Reply, _duration: float) -> None:
        assert (call.caller, call.region) == ("person", "us-east-1")
        self.made.append((call.operation, reply.status))

    def client(self, service: Any, connection: Connection | None = None) -> Any:  # boto3 makes its classes at run time
        made = boto3.client(
            service,
            endpoint_url="http://127.0.0.1:1",
            region_name="us-east-1",
        )
        (connection or Connection(self.gateway, "user")).attach(made.meta.events)
        return made


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between botocore's attempts
    return Recorded()


def test_a_call_is_recognised_recorded_and_answered(recorded: Recorded) -> None:
    s3 = recorded.client("s3")
    s3.create_bucket(Bucket="in-process")
    s3.put_object(Bucket="in-process", Key="a key", Body=b"content")
    assert s3.get_object(Bucket="in-process", Key="a key")["Body"].read() == b"content"
    assert s3.head_object(Bucket="in-process", Key="a key")["ContentLength"] == 7
    operations = ["CreateBucket", "PutObject", "GetObject", "HeadObject"]
    assert recorded.made == [(operation, 200) for operation in operations]


def test_a_form_is_read_by_hooks_and_by_moto(recorded: Recorded) -> None:
    assert recorded.client("sns").create_topic(Name="in-process")["TopicArn"].endswith(":in-process")


def test_a_lost_reply_closes_the_connection(recorded: Recorded) -> None:
    lost = {"service": "events", "operation": "ListRules", "count": 0, "fault": "lost"}
    with recorded.faults.added(lost), pytest.raises(ConnectionClosedError):
        recorded.client("events").list_rules()


def test_a_cut_reply_is_shorter_than_it_says(recorded: Recorded) -> None:
    with recorded.faults.added({"service": "events", "operation": "ListRules", "fault": "cut"}):
        reply = recorded.client("events").list_rules()
    assert "Rules" not in reply
    assert int(reply["ResponseMetadata"]["HTTPHeaders"]["content-length"]) > 0


def test_a_refusal_can_hit_the_retries_of_a_call_too(recorded: Recorded) -> None:
    throttled = {"service": "events", "operation": "ListRules", "fault": "refused", "code": "ThrottlingException"}
    with recorded.faults.added({**throttled, "status": 429}):
        recorded.client("events").list_rules()
    assert recorded.made == [("ListRules", 429), ("ListRules", 200)]
    with recorded.faults.added({**throttled, "retries": True}):
        with pytest.raises(ClientError, match="ThrottlingException"):
            recorded.client("events").list_rules()
        recorded.client("events").list_rules()


def test_what_the_check_raises_reaches_the_caller(recorded: Recorded) -> None:
    def refuse() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recorded.client("events", Connection(recorded.gateway, "user", refuse)).list_rules()
    assert recorded.made == []
