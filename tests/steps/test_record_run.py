"""RecordRun: messages of RunQueue become runs in the table: twice, in any order, in part, with lost replies."""

import itertools
import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.errors import TransientError
from rota.runs.model import MISSED, Actor, Job, Reason, Release, Run, Span, Status, Trigger, Why
from rota.runs.table import RunTable
from stage.gateway.calls import Call, Reply
from tests.examples import shown
from tests.guestbook import APP, DIGEST, ENVIRONMENT
from tests.log_lines import logged
from tests.run_events import CREATED, DUE, TASK_ID, dead_letter, detail, message
from tests.steps.local_stage import local_stage
from tests.steps.world import World, handler

JOB = Job(
    task="IngestData",
    spans=(Span(expression="cron(0 6 * * ? *)", since=DUE - timedelta(days=9)),),
    retry_age=21_600,
    grace=300,
)
RELEASE = Release(number=41, tag="b81d07e", digest=DIGEST)
KEY = f"run#IngestData#2026-03-01T06:00:00Z#{TASK_ID}"
STATUSES = ("PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED")


@pytest.fixture
def table(world: World) -> RunTable:
    """The app's runs, with one job that Sweep knows."""
    table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
    table.put_settings(JOB)
    table.put_releases([RELEASE])
    world.calls.made.clear()
    return table


def record(*records: dict[str, Any]) -> list[str]:
    """The ids of the messages that RecordRun wants again."""
    answer = handler("record_run")({"Records": list(records)}, None)
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_the_example_event_is_recorded(table: RunTable) -> None:
    assert record(*shown()["record_run"]["Records"]) == []
    assert only(table).status == Status.OK


def only(table: RunTable) -> Run:
    """The one run that there is."""
    (found,) = table.runs("IngestData", DUE - timedelta(days=30), DUE + timedelta(days=30))
    return found


def test_a_run_is_recorded_from_its_start_to_its_end(table: RunTable) -> None:
    assert record(message(detail("PROVISIONING"))) == []
    begun = only(table)
    assert (begun.key, begun.status, begun.version, begun.release) == (KEY, Status.STARTING, 1, RELEASE)
    assert record(message(detail("RUNNING"))) == []
    assert only(table) == begun, "of what comes in between nothing is written"
    assert record(message(detail("STOPPED"))) == []
    ended = only(table)
    assert (ended.key, ended.status, ended.exit_code, ended.trigger) == (KEY, Status.OK, 0, Trigger.SCHEDULE)
    job = table.job("IngestData")
    assert job is not None
    assert job.last_good is not None
    assert (job.last_good.runs, job.last_good.release, job.spans, job.incident) == (1, RELEASE, JOB.spans, None)


def test_what_others_write_each_time_is_tried_again(
    table: RunTable, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Never is it taken to be written."""
    with world.calls.refusing("dynamodb.PutItem", "ConditionalCheckFailedException", count=0):
        assert record(wanted := message(detail("PROVISIONING"))) == [wanted["messageId"]]
    assert logged(caplog)[:-1] == [("ERROR", "a message was not recorded", {"message_id": "message-1"})]
    with (
        world.calls.refusing("dynamodb.UpdateItem", "ConditionalCheckFailedException", count=0),
        pytest.raises(TransientError, match="job#IngestData is written too often to change it"),
    ):
        table.change_state("IngestData", lambda job: job.model_copy(update={"bad_runs": 1}))


class _Meanwhile:
    """A hook with which another function writes how the job does, once, as the end of a run is written."""

    def __init__(self, table: RunTable) -> None:
        self._table = table
        self.came = False

    def before(self, call: Call) -> None:
        if call.operation == "TransactWriteItems" and not self.came:
            self.came = True
            self._table.change_state("IngestData", lambda job: job.model_copy(update={"bad_runs": 7}))

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_an_end_that_another_write_comes_before_is_written_after_it(table: RunTable) -> None:
    with local_stage().hooked(meanwhile := _Meanwhile(table)):
        assert record(message(detail("STOPPED", exit_code=3))) == []
    job = table.job("IngestData")
    assert job is not None
    assert (meanwhile.came, only(table).status, job.bad_runs) == (True, Status.FAILED, 8)


def test_a_run_that_fails_begins_an_incident(table: RunTable) -> None:
    record(message(detail("STOPPED", exit_code=3)))
    job = table.job("IngestData")
    assert job is not None
    assert job.incident is not None
    assert job.incident.last == only(table)
    assert job.incident.last.reason is not None
    assert job.incident.last.reason.why == Why.EXIT_CODE


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(
    "order", [*itertools.permutations(STATUSES[::-1])], ids=lambda order: "-".join(s[0] for s in order)
)
def test_events_come_in_any_order(table: RunTable, order: tuple[str, ...]) -> None:
    for number, status in enumerate(order):
        assert record(message(detail(status, exit_code=3), number)) == []
    assert (only(table).status, only(table).version) == (Status.FAILED, 5)
    job = table.job("IngestData")
    assert job is not None
    assert job.bad_runs == 1


def test_events_come_again_alone_and_in_one_batch(table: RunTable) -> None:
    events = [message(detail(status), number) for number, status in enumerate(STATUSES * 2)]
    assert record(*events) == []
    once = only(table)
    assert record(*events) == []
    assert record(events[0]) == []
    assert only(table) == once
    job = table.job("IngestData")
    assert job is not None
    assert job.last_good is not None
    assert job.last_good.runs == 1


def test_a_run_takes_three_writes_and_a_repeat_none(table: RunTable, world: World) -> None:
    record(message(detail("PROVISIONING")))
    record(message(detail("STOPPED")))
    written = [
        call for call in world.calls.made if call.split(".")[-1] in ("PutItem", "UpdateItem", "TransactWriteItems")
    ]
    assert written == ["dynamodb.PutItem", "dynamodb.TransactWriteItems"], "the transaction has two"
    world.calls.made.clear()
    record(message(detail("STOPPED")))
    assert set(world.calls.made) == {"dynamodb.GetItem"}


@pytest.mark.parametrize("order", [("PROVISIONING", "STOPPED"), ("STOPPED", "PROVISIONING")], ids=" ".join)
def test_of_a_tasks_changes_in_one_batch_the_newest_is_written(
    table: RunTable, world: World, order: tuple[str, ...]
) -> None:
    assert record(*(message(detail(status), number) for number, status in enumerate(order))) == []
    assert only(table).status == Status.OK
    assert [call for call in world.calls.made if "Put" in call or "Write" in call] == ["dynamodb.TransactWriteItems"]


@pytest.mark.parametrize("fault", ["lost", "throttle", "internal"])
@pytest.mark.parametrize(("operation", "status"), [("PutItem", "PROVISIONING"), ("TransactWriteItems", "STOPPED")])
def test_a_run_is_counted_once_though_a_call_fails(table: RunTable, operation: str, status: str, fault: str) -> None:
    """What SQS hands over again ends the same; the SDK's own attempts are used up."""
    event = message(detail(status, exit_code=3))
    with local_stage().failing(service="dynamodb", operation=operation, count=4, fault=fault):
        again = record(event)
    assert again in ([], ["message-1"])
    assert record(event) == []
    job = table.job("IngestData")
    assert job is not None
    assert job.bad_runs == (status == "STOPPED")
    assert only(table).status == (Status.FAILED if status == "STOPPED" else Status.STARTING)


def test_one_bad_message_does_not_keep_the_others(table: RunTable, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    broken = {**message(detail(), 7), "body": "{"}
    strange = message(detail(version="many"), 8)
    assert record(broken, message(detail(), 9), strange) == ["message-7", "message-8"]
    assert only(table).status == Status.OK
    unread = [("ERROR", "a message cannot be read", {"message_id": f"message-{number}"}) for number in (7, 8)]
    recorded = {"message_id": "message-9", "task": "IngestData", "status": "ok"}
    assert logged(caplog)[:-1] == [*unread, ("INFO", "recorded", recorded)]


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(detail(group="service:guestbook-api", task=None), id="of the service"),
        pytest.param(detail(task=None, startedBy="kim"), id="by hand, without a name"),
        pytest.param(detail(task=None, startedBy="events-rule/another"), id="of another rule"),
    ],
)
def test_what_is_no_run_is_not_recorded(table: RunTable, task: dict[str, Any], world: World) -> None:
    assert record(message(task)) == []
    assert table.runs("IngestData", DUE - timedelta(days=30), DUE + timedelta(days=30)) == []
    assert [item for item in world.ledger() if item.startswith("run#")] == []


def test_a_target_of_before_the_update_is_known_by_its_rule(table: RunTable) -> None:
    record(message(detail(task=None)))
    assert only(table).task == "IngestData"


def test_rules_that_look_alike_are_not_guessed(table: RunTable, world: World) -> None:
    table.put_settings(JOB.model_copy(update={"task": "Index"}))
    record(message(detail(task=None)))
    assert [item for item in world.ledger() if item.startswith("run#")] == []


def test_a_job_that_sweep_does_not_know_yet_is_recorded(table: RunTable) -> None:
    record(message(detail(task="NewJob", exit_code=3)))
    (found,) = table.runs("NewJob", DUE - timedelta(days=1), DUE + timedelta(days=1))
    assert (found.status, found.scheduled_at) == (Status.FAILED, CREATED.replace(microsecond=0))
    assert table.job("NewJob") is None


def test_a_dead_letter_is_a_missed_run_with_its_reason(table: RunTable) -> None:
    assert record(dead_letter()) == []
    found = only(table)
    assert (found.status, found.task_id, found.scheduled_at) == (Status.MISSED, "missed", DUE)
    assert found.reason is not None
    assert found.reason.aws == "NO_PERMISSIONS: not authorized to perform: ecs:RunTask"
    job = table.job("IngestData")
    assert job is not None
    assert job.incident is not None
    assert record(dead_letter()) == []
    again = table.job("IngestData")
    assert again == job


@pytest.mark.parametrize(("why", "is_better"), [(Why.NO_TRACE, True), (Why.AWAY, True), (Why.DISABLED, False)])
def test_a_dead_letter_says_more_than_that_there_is_no_trace(why: Why, is_better: bool, table: RunTable) -> None:
    found = Reason(why=why, words="Sweep's", todo="", reader=Actor.OPERATOR)
    missed = Run(task="IngestData", scheduled_at=DUE, task_id=MISSED, status=Status.MISSED, reason=found)
    assert table.put(missed, None)
    assert record(dead_letter()) == []
    assert (only(table).reason != found) is is_better


def test_a_dead_letter_without_a_time_is_of_the_latest_due_minute(table: RunTable) -> None:
    plain = json.dumps({"containerOverrides": [{"name": "app", "environment": []}]})
    assert record(dead_letter(body=plain)) == []
    assert only(table).scheduled_at == DUE


def test_a_dead_letter_of_before_a_change_is_of_a_minute_of_then(table: RunTable) -> None:
    hour = timedelta(hours=1)
    before = Span(expression="cron(0 6 * * ? *)", since=DUE - timedelta(days=9), until=DUE + hour)
    after = Span(expression="cron(59 5 * * ? *)", since=DUE + hour)
    table.put_settings(JOB.model_copy(update={"spans": (before, after)}))
    assert record(dead_letter(body="{}")) == []
    assert only(table).scheduled_at == DUE


def test_a_dead_letter_without_a_time_of_a_job_that_is_not_known(table: RunTable) -> None:
    letter = dead_letter("production__guestbook__NewJob", exhausted="MaximumEventAgeInSeconds", body="{}")
    assert record(letter) == []
    (found,) = table.runs("NewJob", DUE, DUE + timedelta(minutes=1))
    assert (found.scheduled_at, found.counted) == (CREATED.replace(microsecond=0), False)


@pytest.mark.parametrize(
    ("cron", "exhausted", "body", "counted"),
    [
        pytest.param("0/5 * * * ? *", "MaximumEventAgeInSeconds", "{}", True, id="until the next was due"),
        pytest.param("0/5 * * * ? *", None, "{}", False, id="given up at once"),
        pytest.param("0/5 * * * ? *", "MaximumEventAgeInSeconds", None, False, id="it says when it was due"),
        pytest.param("0 * * * ? *", "MaximumEventAgeInSeconds", "{}", False, id="hourly"),
    ],
)
def test_a_start_that_was_tried_until_the_next_one_was_due_is_not_caught_up(
    cron: str, exhausted: str | None, body: str | None, counted: bool, table: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which minute it is is not known then, and the last minute's own run may just begin."""
    monkeypatch.setenv("RUN_ACTIONS", "both")
    spans = (Span(expression=f"cron({cron})", since=DUE - timedelta(days=1)),)
    table.put_settings(JOB.model_copy(update={"spans": spans, "retry_age": 300, "catch_up": "both"}))
    assert record(dead_letter(exhausted=exhausted, body=body, sent=DUE + timedelta(minutes=5, seconds=10))) == []
    (found,) = table.runs("IngestData", DUE, DUE + timedelta(minutes=5))
    job = table.job("IngestData")
    assert job is not None
    assert (found.counted, job.owed is None) == (counted, counted)


def test_a_dead_letter_of_a_foreign_rule_is_ignored(table: RunTable, world: World) -> None:
    assert record(dead_letter("someone-elses")) == []
    assert [item for item in world.ledger() if item.startswith("run#")] == []


def test_all_jobs_of_one_minute_are_in_one_batch(table: RunTable) -> None:
    tasks = [f"Job{number}" for number in range(10)]
    for task in tasks:
        table.put_settings(JOB.model_copy(update={"task": task}))
    arn = detail()["taskArn"]
    events = [message(detail(task=task, taskArn=f"{arn[:-2]}{number:02}"), number) for number, task in enumerate(tasks)]
    assert record(*events) == []
    jobs = table.jobs()
    assert all(jobs[task].last_good for task in tasks)


def test_two_tasks_of_one_job_are_both_counted(table: RunTable) -> None:
    arn = detail()["taskArn"]
    events = [message(detail(taskArn=f"{arn[:-2]}{number:02}"), number) for number in range(5)]
    assert record(*events) == []
    job = table.job("IngestData")
    assert job is not None
    assert job.last_good is not None
    assert job.last_good.runs == 5


@pytest.mark.parametrize("days", [90, 8])
def test_runs_expire(table: RunTable, world: World, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_HISTORY_DAYS", str(days))
    record(message(detail()))
    expires = int(world.ledger()[KEY]["expires_at"])
    assert expires - CREATED.timestamp() == pytest.approx(days * 86_400, abs=120)
    assert "expires_at" not in world.ledger()["job#IngestData"]


def test_no_item_of_a_run_is_in_the_apps_own_partition(table: RunTable, world: World) -> None:
    record(message(detail()), dead_letter(number=2))
    assert {item["app"] for item in world.ledger().values()} == {f"runs#{APP}"}
