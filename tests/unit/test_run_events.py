"""What the messages of RunQueue say of a run."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rota.runs.event import GivenUp, QueueMessage, TaskChange, started_by_catch_up, task_change
from rota.runs.model import Status, Trigger
from tests.guestbook import DIGEST
from tests.run_events import CREATED, DUE, TASK_ID, dead_letter, dead_letter_of_schedule, detail, message


def read(record: dict[str, Any]) -> TaskChange | GivenUp | None:
    return QueueMessage.model_validate(record, extra="ignore").read()


def test_an_event_of_a_task_is_read() -> None:
    change = read(message(detail(scheduled_at=DUE, exit_code=3)))
    assert isinstance(change, TaskChange)
    assert (change.job, change.overrides.scheduled_at, change.version) == ("IngestData", DUE, 5)
    assert (change.task_id, change.trigger, change.has_ended) == (TASK_ID, Trigger.SCHEDULE, True)
    assert change.digest("app") == DIGEST
    assert change.containers[0].exit_code == 3
    assert change.created_at == CREATED


def test_describe_tasks_says_the_same_as_the_event() -> None:
    task = detail(exit_code=3)
    described = {name: datetime.fromisoformat(value) if name.endswith("At") else value for name, value in task.items()}
    assert task_change({**described, "tags": [], "attachments": []}) == task_change(task)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("PROVISIONING", Status.STARTING),
        ("PENDING", Status.STARTING),
        ("RUNNING", Status.RUNNING),
        ("DEPROVISIONING", Status.RUNNING),
    ],
)
def test_a_task_has_ended_once_it_is_stopped(status: str, expected: Status) -> None:
    """Its exit code and its stop code are there before."""
    change = task_change(detail(status))
    assert (change.status, change.has_ended) == (expected, False)


@pytest.mark.parametrize(
    ("members", "begun", "runs", "stops"),
    [
        pytest.param({"status": "PENDING"}, False, False, False, id="pending"),
        pytest.param({"status": "PENDING", "startedAt": "2026-03-01T06:01:00Z"}, True, False, False, id="begun"),
        pytest.param({"status": "PENDING", "lastStatus": "ACTIVATING"}, False, False, False, id="activating"),
        pytest.param({"status": "RUNNING"}, True, True, False, id="running"),
        pytest.param({"status": "RUNNING", "starts": False}, True, False, False, id="it does not say since when"),
        pytest.param({"status": "RUNNING", "desiredStatus": "STOPPED"}, True, False, True, id="to be stopped"),
        pytest.param({"status": "RUNNING", "stopCode": "UserInitiated"}, True, False, True, id="stopped by a person"),
        pytest.param(
            {"status": "RUNNING", "executionStoppedAt": "2026-03-01T06:01:00Z"}, True, False, True, id="its end"
        ),
        pytest.param({"status": "STOPPED"}, True, False, True, id="stopped"),
    ],
)
def test_how_far_a_task_is(members: dict[str, Any], begun: bool, runs: bool, stops: bool) -> None:
    change = task_change(detail(**members))
    assert (change.has_begun, change.is_running, change.is_stopping) == (begun, runs, stops)


def test_what_a_task_says_of_itself() -> None:
    task = detail(task=None, startedBy="rota/catch-up/20260301T060000Z")
    task["overrides"]["containerOverrides"] = [
        {"name": "proxy"},
        {"name": "app", "environment": [{"name": "X"}, {"name": "ROTA_COMMAND_OF", "value": "IngestData"}]},
    ]
    change = task_change(task)
    assert (change.job, change.command_of, change.overrides.variable("X")) == ("", "IngestData", "")
    assert change.caught_up_for == DUE
    assert task_change(detail(startedBy="rota/catch-up/soon")).caught_up_for is None
    assert task_change(detail()).caught_up_for is None
    assert (change.digest("proxy"), change.container("proxy")) == ("", None)
    assert started_by_catch_up(DUE.astimezone(timezone(timedelta(hours=2)))) == "rota/catch-up/20260301T060000Z"


def test_a_task_says_so_itself_when_it_was_due() -> None:
    task = detail(scheduled_at=DUE + timedelta(milliseconds=9))
    assert task_change(task).overrides.scheduled_at == DUE
    task["overrides"]["containerOverrides"][0]["environment"][1]["value"] = "2026-03-01T08:00:00+02:00"
    said = task_change(task).overrides.scheduled_at
    assert said is not None
    assert (said, said.tzinfo) == (DUE, UTC)


@pytest.mark.parametrize(
    ("started_by", "trigger"),
    [
        ("events-rule/production__guestbook__I", Trigger.SCHEDULE),
        ("chronos-schedule/gold-coast-data-lak", Trigger.SCHEDULE),
        ("rota/catch-up/20260301T060000Z", Trigger.CATCH_UP),
        ("rota-run/kim", Trigger.BY_HAND),
        ("", Trigger.BY_HAND),
    ],
)
def test_what_started_a_run(started_by: str, trigger: Trigger) -> None:
    assert task_change(detail(startedBy=started_by)).trigger == trigger


@pytest.mark.parametrize(
    ("rule", "cut", "may"),
    [
        ("production__guestbook__IngestData", "events-rule/production__guestbook__I", True),
        ("production__guestbook__Index", "events-rule/production__guestbook__I", True),
        ("production__guestbook__RemoveSpam", "events-rule/production__guestbook__I", False),
        ("hello", "events-rule/hello", True),
        ("hell", "events-rule/hello", False),
        ("production__guestbook__IngestData", "chronos-schedule/production__guestbo", True),
        ("production__guestbook__IngestData", "chronos-schedule/production__guestb", False),
    ],
    ids=["cut", "looks alike", "another", "short", "part of it", "of Scheduler", "cut by one more"],
)
def test_a_rules_name_is_cut_to_36_characters(rule: str, cut: str, may: bool) -> None:
    assert task_change(detail(startedBy=cut)).is_started_by(rule) is may


@pytest.mark.parametrize("said", ["", "yesterday", "2026-03-01T06:00:00"], ids=["nothing", "no time", "no zone"])
def test_a_time_that_is_none_is_not_believed(said: str) -> None:
    task = detail()
    task["overrides"]["containerOverrides"][0]["environment"] = [{"name": "ROTA_SCHEDULED_AT", "value": said}]
    assert task_change(task).overrides.scheduled_at is None


@pytest.mark.parametrize(
    "task",
    [detail(group="service:guestbook-api", task=None), detail(group="family:guestbook")],
    ids=["service", "job"],
)
def test_a_task_of_the_service_is_no_run(task: dict[str, Any]) -> None:
    assert task_change(task).is_of_a_service is task["group"].startswith("service:")


def test_a_dead_letter_is_read_with_all_its_attributes() -> None:
    letter = read(
        dead_letter(code="THROTTLING", text="Rate exceeded", retries=12, exhausted="MaximumEventAgeInSeconds")
    )
    assert letter == GivenUp(
        rule="production__guestbook__IngestData",
        at=DUE,
        sent_at=CREATED.replace(microsecond=849_000),
        code="THROTTLING",
        message="Rate exceeded",
        attempts=12,
        exhausted="MaximumEventAgeInSeconds",
    )


def _input(**variables: str) -> str:
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    return json.dumps({"containerOverrides": [{"name": "app", "environment": environment}]})


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (_input(ROTA_TASK="IngestData", ROTA_SCHEDULED_AT="2026-03-01T06:00:00Z"), DUE),
        (_input(ROTA_TASK="IngestData"), None),
        ("no JSON", None),
        ("[]", None),
        ('{"time": "soon"}', None),
    ],
    ids=["traced input", "plain input", "no JSON", "another JSON", "no time"],
)
def test_a_dead_letter_holds_the_event_or_the_input(body: str, at: datetime | None) -> None:
    letter = read(dead_letter(body=body))
    assert isinstance(letter, GivenUp)
    assert letter.at == at


@pytest.mark.parametrize(
    ("said", "body", "at"),
    [
        ("2026-03-01T06:00:00Z", "{}", DUE),
        ("2026-03-01T06:00:00Z", _input(ROTA_SCHEDULED_AT="2026-03-01T07:00:00Z"), DUE),
        ("soon", "{}", None),
        ("soon", _input(ROTA_SCHEDULED_AT="2026-03-01T06:00:00Z"), DUE),
        (None, "{}", None),
    ],
    ids=["said", "said beside an input", "no time", "no time beside an input", "not said"],
)
def test_schedulers_dead_letter_says_when_it_was_due(said: str | None, body: str, at: datetime | None) -> None:
    arn = "arn:aws:scheduler:us-east-1:123456789012:schedule/guestbook/production__guestbook__IngestData"
    record = dead_letter_of_schedule(
        arn, DUE, "execution", code="AccessDenied", text="no", exhausted=None, sent=CREATED
    )
    record["body"] = body
    record["messageAttributes"]["SCHEDULED_TIME"]["stringValue"] = said
    if said is None:
        del record["messageAttributes"]["SCHEDULED_TIME"]
    letter = read(record)
    assert isinstance(letter, GivenUp)
    assert (letter.rule, letter.at) == ("production__guestbook__IngestData", at)


def test_a_dead_letter_may_say_little() -> None:
    record = dead_letter(body="{}")
    record["messageAttributes"] = {
        "RULE_ARN": record["messageAttributes"]["RULE_ARN"],
        "RETRY_ATTEMPTS": {"stringValue": "many"},
    }
    expected = GivenUp(rule="production__guestbook__IngestData", sent_at=CREATED.replace(microsecond=849_000))
    assert read(record) == expected


@pytest.mark.parametrize("body", ['{"detail-type": "ECS Service Action", "detail": {}}', "[]", "7", "{}"])
def test_another_event_is_not_about_a_run(body: str) -> None:
    assert read({**message(detail()), "body": body}) is None


@pytest.mark.parametrize(
    "body",
    ["{", '{"detail-type": "ECS Task State Change", "detail": {}}', '{"detail-type": "ECS Task State Change"}'],
    ids=["no JSON", "an empty detail", "no detail"],
)
def test_a_message_that_cannot_be_read_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read({**message(detail()), "body": body})


def test_times_of_other_zones_are_the_same_time() -> None:
    task = detail(createdAt=CREATED.astimezone(tz=None).isoformat())
    assert task_change(task).created_at == CREATED
    assert task_change(task).created_at.astimezone(UTC) - DUE < timedelta(minutes=1)
