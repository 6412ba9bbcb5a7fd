"""Reporting jobs to people: once, at least once if Sweep is killed, and hundreds in one message."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from rota.aws import clients
from rota.deployment.items import stored
from rota.errors import RejectedError, TransientError
from rota.runs.model import Job, Release, attributes, partition
from rota.runs.report import report
from rota.runs.table import RunTable
from rota.settings import Settings
from stage.gateway.calls import Call, Reply
from stage.logs.streams import append
from tests.alerts import APP, DUE, GOOD, V40, V41, failed, incident, job, not_started
from tests.guestbook import ACCOUNT, APP_CONTAINER, CONTENT, ENVIRONMENT, REGION, SETTINGS
from tests.in_process import client
from tests.log_lines import logged
from tests.steps.calls import KilledError
from tests.steps.local_stage import local_stage
from tests.steps.world import World

SOON = DUE + timedelta(minutes=30)
FAILED = job(incident(failed()), owner="data-team")
LATER = SOON + timedelta(minutes=3)
"""When one that was killed does not hold the item any more."""


class Jobs:
    """The jobs of an app in the table, and who is notified of them."""

    def __init__(self) -> None:
        self._topics = {name: self._topic(name) for name in ("mail", "chat")}
        topics = {"notifications_topic_arn": self._topics["mail"][0], "chat_topic_arn": self._topics["chat"][0]}
        self._table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
        self.settings: Settings = SETTINGS.model_copy(update=topics)

    @staticmethod
    def _topic(name: str) -> tuple[str, str]:
        """A topic and a queue behind it: its ARN, and the queue's URL."""
        topic = client("sns").create_topic(Name=name)["TopicArn"]
        url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
        behind = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=behind)
        return topic, url

    def _heard(self, name: str) -> list[dict[str, Any]]:
        """What came since the last time."""
        messages = client("sqs").receive_message(QueueUrl=self._topics[name][1], MaxNumberOfMessages=10)
        for message in messages.get("Messages", []):
            client("sqs").delete_message(QueueUrl=self._topics[name][1], ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages.get("Messages", [])]

    def mails(self) -> list[dict[str, Any]]:
        return self._heard("mail")

    def chats(self) -> list[dict[str, Any]]:
        return [json.loads(each["Message"]) for each in self._heard("chat")]

    def put(self, *jobs: Job) -> None:
        items = [{"app": partition(APP), "record": each.key, **attributes(each)} for each in jobs]
        puts = [{"PutRequest": {"Item": {name: stored(value) for name, value in item.items()}}} for item in items]
        for first in range(0, len(puts), 25):
            client("dynamodb").batch_write_item(RequestItems={ENVIRONMENT["TABLE"]: puts[first : first + 25]})

    def get(self, task: str = "IngestData") -> Job:
        job = self._table.job(task)
        assert job is not None
        return job

    def report(self, *read: Job, now: Any = SOON) -> int:
        """As Sweep does, which has read these jobs a moment ago."""
        return report(self._table, self.settings, read, (V40, V41), now)


@pytest.fixture
def jobs(world: World) -> Iterator[Jobs]:
    yield Jobs()


def test_a_failing_job_is_reported_by_mail_chat_and_event(world: World, jobs: Jobs) -> None:
    jobs.put(FAILED)
    assert jobs.report(FAILED) == 1
    (mail,) = jobs.mails()
    assert mail["Subject"] == f"IngestData failed: exit code 1 ({APP})"
    assert mail["MessageAttributes"] == {
        "task": {"Type": "String", "Value": "IngestData"},
        "kind": {"Type": "String", "Value": "failed"},
        "owner": {"Type": "String", "Value": "data-team"},
    }
    (chat,) = jobs.chats()
    assert chat["content"]["title"] == f"\u274c IngestData failed: exit code 1 ({APP})"
    assert [(each["task"], each["kind"]) for each in world.calls.notifications] == [("IngestData", "failed")]
    noted = jobs.get()
    assert noted.incident is not None
    assert (noted.incident.reported_at, noted.incident.thread, noted.state) == (
        SOON,
        "IngestData#2026-11-29T06:00:00Z",
        1,
    )


def test_a_release_of_which_the_image_alone_was_known_is_named(world: World, jobs: Jobs) -> None:
    unnamed = job(incident(failed(release=Release(digest=V41.digest))))
    jobs.put(unnamed)
    jobs.report(unnamed)
    assert "First failure since v41 (b81d07e)" in jobs.mails()[0]["Message"]


def test_a_mail_about_one_job_shows_what_it_logged(jobs: Jobs) -> None:
    options = {"awslogs-group": "/ecs/guestbook", "awslogs-stream-prefix": "jobs"}
    container = APP_CONTAINER | {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    content = {**CONTENT, "containerDefinitions": [container]}
    revision = client("ecs").register_task_definition(**content)["taskDefinition"]["taskDefinitionArn"]
    append("/ecs/guestbook", "jobs/app/0f1e", "out of cheese, token=abcdefgh")
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/production/0f1e"
    logged = job(incident(failed(revision=revision, task_id="0f1e", task_arn=arn, log=None, tail=())))
    jobs.put(logged)
    jobs.report(logged)
    assert "\nThe last lines of its log:\n  out of cheese, token=***\n" in jobs.mails()[0]["Message"]
    noted = jobs.get().incident
    assert noted is not None
    assert (noted.last.tail, noted.last.log) == ((), None), "no line of a log is kept"


DEFINITION, LINES = "ecs.DescribeTaskDefinition", "logs.GetLogEvents"


@pytest.mark.parametrize(
    ("ill", "asks"),
    [
        pytest.param([FAILED], [DEFINITION, LINES], id="one that failed"),
        pytest.param([job(incident(failed(f"J{n}"))) for n in range(5)], [DEFINITION], id="five that failed alike"),
        pytest.param([job(incident(failed(), reported_at=DUE, recovered=GOOD))], [DEFINITION], id="one that is well"),
        pytest.param([job(incident(not_started()))], [], id="one that did not start"),
    ],
)
def test_what_is_read_of_logs(world: World, jobs: Jobs, ill: list[Job], asks: list[str]) -> None:
    """For a link where it logged; for one job alone what it logged, too."""
    options = {"awslogs-group": "/ecs/guestbook", "awslogs-stream-prefix": "jobs"}
    container = APP_CONTAINER | {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    content = {**CONTENT, "containerDefinitions": [container]}
    revision = client("ecs").register_task_definition(**content)["taskDefinition"]["taskDefinitionArn"]
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/production/0f1e"
    own = [each.incident for each in ill if each.incident]
    lasts = [
        each.last.model_copy(update={"revision": revision, "task_arn": arn, "log": None, "tail": ()}) for each in own
    ]
    read = [
        each.model_copy(update={"incident": of.model_copy(update={"last": last})})
        for each, of, last in zip(ill, own, lasts, strict=True)
    ]
    jobs.put(*read)
    assert jobs.report(*read) == 1
    assert [call for call in world.calls.made if call in (DEFINITION, LINES)] == asks


def test_who_was_slow_does_not_end_the_hold_of_another(world: World) -> None:
    table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
    assert table.begin_reporting("slow", SOON, LATER - timedelta(minutes=1))
    assert not table.begin_reporting("second", SOON, LATER)
    assert table.begin_reporting("second", LATER, LATER + timedelta(minutes=2))
    table.end_reporting("slow")
    assert not table.begin_reporting("third", LATER, LATER + timedelta(minutes=2))
    table.end_reporting("second")
    assert table.begin_reporting("third", LATER, LATER + timedelta(minutes=2))


def test_what_was_reported_is_not_reported_again(jobs: Jobs) -> None:
    jobs.put(FAILED)
    assert (jobs.report(FAILED), jobs.report(FAILED), jobs.report(jobs.get())) == (1, 0, 0)
    assert len(jobs.mails()) == 1


def test_a_job_costs_one_write(world: World, jobs: Jobs) -> None:
    jobs.put(FAILED)
    jobs.report(FAILED)
    dynamodb = [each.partition(".")[2] for each in world.calls.made if each.startswith("dynamodb.")]
    assert dynamodb == ["UpdateItem", "Query", "UpdateItem", "UpdateItem"]


def test_nothing_to_report_costs_no_call(world: World, jobs: Jobs) -> None:
    assert jobs.report(job()) == 0
    assert world.calls.made == []


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(
    ("call", "after", "skip", "before", "mails"),
    [
        pytest.param("dynamodb.UpdateItem", True, 0, 0, 1, id="after its claim"),
        pytest.param("events.PutEvents", True, 0, 0, 1, id="after the event"),
        pytest.param("sns.Publish", False, 0, 0, 1, id="before the mail"),
        pytest.param("sns.Publish", True, 0, 1, 2, id="after the mail"),
        pytest.param("dynamodb.UpdateItem", False, 1, 1, 2, id="before it is noted"),
        pytest.param("dynamodb.UpdateItem", True, 1, 1, 1, id="after it is noted"),
    ],
)
def test_the_next_one_completes_what_a_killed_one_began(
    world: World, jobs: Jobs, call: str, after: bool, skip: int, before: int, mails: int
) -> None:
    jobs.put(FAILED)
    with world.calls.killing(call, after=after, skip=skip), pytest.raises(KilledError):
        jobs.report(FAILED)
    heard = jobs.mails()
    assert len(heard) == before
    assert jobs.report(FAILED, now=SOON + timedelta(minutes=1)) == 0
    jobs.report(jobs.get(), now=LATER)
    assert len(heard + jobs.mails()) == mails
    noted = jobs.get().incident
    assert noted is not None
    assert noted.reported_at is not None


class _Meanwhile:
    """A hook that does something once, just before a call of an operation is answered, after the first `skip`."""

    def __init__(self, operation: str, act: Callable[[], object], skip: int = 0) -> None:
        self._operation, self._act, self._skip = operation, act, skip

    def before(self, call: Call) -> Reply | None:
        if call.caller and call.operation == self._operation:
            self._skip -= 1
            if self._skip == -1:
                self._act()
        return None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_two_at_once_report_once(jobs: Jobs) -> None:
    jobs.put(FAILED)
    second = []
    with local_stage().hooked(_Meanwhile("Publish", lambda: second.append(jobs.report(FAILED)))):
        assert jobs.report(FAILED) == 1
    assert second == [0]
    assert len(jobs.mails()) == 1


def test_many_at_once_report_once(jobs: Jobs) -> None:
    jobs.put(FAILED)
    threads = [Thread(target=jobs.report, args=(FAILED,)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(jobs.mails()) == 1


@pytest.mark.exhaustive(first=0)
def test_a_storm_of_300_is_one_mail(world: World, jobs: Jobs) -> None:
    storm = [job(incident(not_started(f"Job{number:03}"))) for number in range(300)]
    jobs.put(*storm)
    assert jobs.report(*storm) == 1
    (mail,) = jobs.mails()
    assert mail["Subject"].startswith("300 jobs did not start: a secret")
    assert mail["MessageAttributes"]["task"]["Type"] == "String.Array"
    assert len(json.loads(mail["MessageAttributes"]["task"]["Value"])) == 300
    assert len({each["task"] for each in world.calls.notifications}) == 300
    threads = {each.incident.thread for each in map(jobs.get, ("Job000", "Job299")) if each.incident}
    assert threads == {"Job000#2026-11-29T06:00:00Z"}
    assert len(jobs.chats()) == 1


@pytest.mark.exhaustive(first=0)
def test_the_next_one_reports_the_rest_of_a_storm(world: World, jobs: Jobs) -> None:
    storm = [job(incident(not_started(f"Job{number:03}"))) for number in range(30)]
    jobs.put(*storm)
    with world.calls.killing("dynamodb.UpdateItem", skip=10), pytest.raises(KilledError):
        jobs.report(*storm)
    jobs.report(*storm, now=LATER)
    noted = [jobs.get(each.task).incident for each in storm]
    assert sum(1 for each in noted if each and each.reported_at) >= 9
    jobs.report(*storm, now=LATER + timedelta(hours=1))
    noted = [jobs.get(each.task).incident for each in storm]
    assert all(each and each.reported_at for each in noted)


@pytest.mark.parametrize(
    ("code", "error"),
    [("InternalError", TransientError), ("AuthorizationError", RejectedError)],
    ids=["for now", "denied"],
)
def test_what_cannot_be_sent_is_sent_by_the_next_one(
    world: World, jobs: Jobs, code: str, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    other = job(incident(failed("SendMail")))
    jobs.put(FAILED, other)
    status = 500 if error is TransientError else 403
    with (
        world.calls.refusing("sns.Publish", code, status=status),
        pytest.raises(error),
    ):
        jobs.report(FAILED, other)
    said = f"Publish: {code}: scripted"
    facts = {"kind": "failed", "incident": "IngestData#2026-11-29T06:00:00Z", "reason": said}
    assert logged(caplog) == [("WARNING", "could not be reported", facts)]
    assert [each["Subject"].split()[0] for each in jobs.mails()] == ["SendMail"]
    assert jobs.report(jobs.get(), jobs.get("SendMail"), now=LATER) == 1
    assert [each["Subject"].split()[0] for each in jobs.mails()] == ["IngestData"]


def test_a_chat_that_refuses_delays_no_mail(world: World, jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    jobs.put(FAILED)
    with world.calls.refusing("sns.Publish", "AuthorizationError", status=403, skip=1):
        assert jobs.report(FAILED) == 1
    assert (len(jobs.mails()), jobs.chats()) == (1, [])
    assert logged(caplog) == [("ERROR", "the chat was not notified; see the parameter ChatTopicArn", {})]


def test_a_job_that_changes_meanwhile_is_read_again(jobs: Jobs) -> None:
    jobs.put(FAILED)
    changed = FAILED.model_copy(update={"state": 7, "bad_runs": 2})
    with local_stage().hooked(_Meanwhile("UpdateItem", lambda: jobs.put(changed), skip=1)):
        assert jobs.report(FAILED) == 1
    noted = jobs.get()
    assert noted.incident is not None
    assert (noted.incident.reported_at, noted.state, noted.bad_runs) == (SOON, 8, 2)


def test_a_job_that_is_gone_is_not_made_again(jobs: Jobs) -> None:
    jobs.put(FAILED)
    key = {"app": {"S": partition(APP)}, "record": {"S": FAILED.key}}

    def delete() -> None:
        client("dynamodb").delete_item(TableName=ENVIRONMENT["TABLE"], Key=key)

    with local_stage().hooked(_Meanwhile("Publish", delete)):
        jobs.report(FAILED)
    assert "Item" not in client("dynamodb").get_item(TableName=ENVIRONMENT["TABLE"], Key=key)
