"""What is sent to SNS, EventBridge and ECS, whole, by the functions' own clients."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rota.aws import clients
from rota.contract.deployment import Execution, Image, Kind, Origin, Outcome, Stored
from rota.deployment.ledger import Entry
from rota.deployment.notify import notify
from rota.errors import RejectedError, TransientError
from rota.notifications import events, send
from rota.notifications.chat import chat_notification
from rota.notifications.message import Message
from rota.runs import skipping, tasks
from rota.runs.stops import Stop
from tests.guestbook import APP, DIGEST, SETTINGS
from tests.run_events import CREATED, detail
from tests.stubs import asked

MESSAGE = Message(title="A title", lead="A sentence.", thread="t", kind="Rota Run")
STOPS = SETTINGS.model_copy(update={"run_actions": "stop"})


@pytest.fixture(autouse=True)
def of_a_function(new_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Rota")


def an_entry(number: int) -> dict[str, str]:
    return {"Source": "rota", "DetailType": "Rota Run", "Detail": f'{{"number": {number}, "name": "\u00fc"}}'}


@pytest.mark.parametrize(("count", "calls"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_ten_events_are_put_at_once(count: int, calls: list[int]) -> None:
    numbers = iter(range(count))
    with asked(clients.events()) as stub:
        for size in calls:
            entries = [an_entry(next(numbers)) for _ in range(size)]
            answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * size}
            stub.add_response("put_events", answer, {"Entries": entries})
        events.put_events("Rota Run", [{"number": number, "name": "\u00fc"} for number in range(count)])


@pytest.mark.parametrize(
    ("entry", "error", "says"),
    [
        (
            {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"},
            TransientError,
            "^PutEvents: ThrottlingException: slow down$",
        ),
        ({"ErrorCode": "InternalFailure"}, TransientError, "^PutEvents: InternalFailure: $"),
        ({"ErrorCode": "AccessDeniedException", "ErrorMessage": "no"}, RejectedError, "^PutEvents was denied: no$"),
    ],
)
def test_an_event_that_is_refused_is_an_error(entry: dict[str, str], error: type[Exception], says: str) -> None:
    with asked(clients.events()) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, entry]})
        with pytest.raises(error, match=says):
            events.put_events("Rota Run", [{}, {}])


def test_a_mail_has_attributes_to_filter_by() -> None:
    request = {
        "TopicArn": "arn:mail",
        "Subject": "A title",
        "Message": "A sentence.\n",
        "MessageAttributes": {
            "kind": {"DataType": "String", "StringValue": "failed"},
            "task": {"DataType": "String.Array", "StringValue": '["A", "B"]'},
        },
    }
    with asked(clients.sns()) as stub:
        stub.add_response("publish", {"MessageId": "1"}, request)
        send.send_mail("arn:mail", MESSAGE, {"kind": ["failed"], "task": ["A", "B"]})
        stub.add_client_error("publish", "AuthorizationError")
        with pytest.raises(ClientError):
            send.send_mail("arn:mail", MESSAGE, {})


def test_a_chat_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    with asked(clients.sns()) as stub:
        send.send_chat("", MESSAGE)
        request = {"TopicArn": "arn:chat", "Message": chat_notification(MESSAGE)}
        stub.add_response("publish", {"MessageId": "1"}, request)
        send.send_chat("arn:chat", MESSAGE)
        assert caplog.records == []
        stub.add_client_error("publish", "AuthorizationError")
        send.send_chat("arn:chat", MESSAGE)
    (line,) = caplog.records
    assert (line.levelname, line.message) == ("ERROR", "the chat was not notified; see the parameter ChatTopicArn")


# ---------------------------------------------------------------------- stopping tasks


def test_tasks_are_stopped_one_by_one() -> None:
    wanted = {"a": Stop("skip", "IngestData", "1f"), "b": Stop("max_runtime", "IngestData", "60")}
    with asked(clients.ecs(attempts=1)) as stub:
        first = {"cluster": "production", "task": "a", "reason": wanted["a"].reason}
        stub.add_response("stop_task", {}, first)
        assert tasks.stop(STOPS, {"a": wanted["a"]}) == {"a"}
        stub.add_client_error("stop_task", "AccessDeniedException")
        assert tasks.stop(STOPS, {"b": wanted["b"]}) == set()
    assert tasks.stop(STOPS, {}) == set()


def test_a_newcomer_is_skipped_while_an_earlier_one_runs() -> None:
    old = detail("RUNNING", created=CREATED - timedelta(hours=1), taskArn="task/old")
    new = detail("PENDING", taskArn="task/new")
    reason = "Rota skipped IngestData: its overlap is skip, and its task old still runs"
    lists = {"cluster": "production", "family": "guestbook", "desiredStatus": "RUNNING"}
    for found in (["task/old"], ["task/old", "task/new"]):
        with asked(clients.ecs()) as ecs, asked(clients.ecs(attempts=1)) as once:
            ecs.add_response("list_tasks", {"taskArns": found}, lists)
            asks = {"cluster": "production", "tasks": ["task/new", "task/old"]}
            ecs.add_response("describe_tasks", {"tasks": json.loads(json.dumps([old, new]))}, asks)
            once.add_response("stop_task", {}, {"cluster": "production", "task": "task/new", "reason": reason})
            skipping.skip(STOPS, iter(["task/new"]))


# ---------------------------------------------------------------------- how a deployment ended

ENDED = Execution(id="arn:e1", name="e1", started_at=datetime.now(UTC) - timedelta(minutes=5))
PUSHED = Image(repository="guestbook", digest=DIGEST, tag="v2")
OF_PUSHED = {"repository": "guestbook", "digest": DIGEST, "tag": "v2", "event_id": None, "pushed_at": None}


def told(entry: Entry) -> dict[str, Any]:
    """The event's detail, but for how long it took."""
    seen: list[dict[str, Any]] = []
    of_calls = clients.events().meta.events
    of_calls.register_last("provide-client-params.eventbridge.PutEvents", lambda params, **_: seen.append(params))
    with asked(clients.events()) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
        notify(SETTINGS, ENDED, entry)
    ((event,),) = (each["Entries"] for each in seen)
    assert (event["Source"], event["DetailType"]) == ("rota", "Rota Deployment")
    found: dict[str, Any] = json.loads(event["Detail"])
    seconds = found.pop("seconds")
    assert seconds == round(seconds, 1)
    assert seconds == pytest.approx(300, abs=60)
    return found


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param(
            Entry(
                outcome=Outcome.DEPLOYED,
                image=PUSHED,
                schedule=Stored(key="file.json", version_id="7"),
                summary="1 new",
                tasks=2,
                release=4,
                origin=Origin(kind=Kind.IMAGE, by="ann", reason="try it"),
                paused=("Spam",),
            ),
            {
                "image": OF_PUSHED,
                "schedule": {"key": "file.json", "version_id": "7"},
                "summary": "1 new",
                "tasks": 2,
                "release": 4,
                "kind": "image",
                "by": "ann",
                "reason": "try it",
                "started": "image by ann: try it",
                "pushed": f"v2 {DIGEST}",
                "news": "Release v4. 1 new",
            },
            id="a release",
        ),
        pytest.param(
            Entry(
                outcome=Outcome.FAILED,
                image=PUSHED.model_copy(update={"tag": None}),
                schedule=None,
                summary="1 new",
                cause="why",
            ),
            {
                "outcome": "failed",
                "image": OF_PUSHED | {"tag": None},
                "summary": "1 new",
                "cause": "why",
                "pushed": DIGEST,
                "news": "why",
            },
            id="a failure",
        ),
        pytest.param(
            Entry(outcome=Outcome.REFUSED, image=None, schedule=None, summary="", origin=Origin(kind=None, by='"ann"')),
            {"outcome": "refused", "by": '"ann"', "started": "a request by 'ann'", "what": "request"},
            id="refused",
        ),
    ],
)
def test_the_whole_event_of_an_end(entry: Entry, said: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        told(entry)
        == {
            "id": "arn:e1",
            "app": APP,
            "execution": "arn:e1",
            "outcome": "deployed",
            "image": None,
            "schedule": None,
            "summary": "",
            "cause": "",
            "tasks": None,
            "release": None,
            "kind": None,
            "by": "",
            "reason": "",
            "started": "unknown",
            "pushed": "none",
            "what": "deployment",
            "news": "",
        }
        | said
    )
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]
    assert (line["app"], line["outcome"], line["Deployments"]) == (APP, entry.outcome, [1])
    assert line.get("Tasks") == (None if entry.tasks is None else [entry.tasks])
    assert line["Duration"][0] == pytest.approx(300, abs=60)


@pytest.mark.parametrize(
    ("cause", "news"),
    [
        ("x" * 8_000, "x" * 8_000),
        ("x" * 8_001, "x" * 8_000 + "... The execution's cause has the rest."),
        ('one\n\n\ttwo "x" \\"y\\" a\\b\x00', "one |  two 'x' 'y' a/b "),
    ],
    ids=["as long as it may be", "cut", "what JSON escapes"],
)
def test_the_news_is_fit_for_a_mail(cause: str, news: str) -> None:
    assert told(Entry(outcome=Outcome.FAILED, image=None, schedule=None, summary="", cause=cause))["news"] == news
