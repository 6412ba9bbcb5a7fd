"""Sweep: what is missed, lost, overlong or doubled, by a clock that the tests give it."""

import json
import logging
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.errors import RejectedError
from rota.log import logger
from rota.pauses.table import PauseTable
from rota.runs import running, stops
from rota.runs import sweep as sweeping
from rota.runs.event import task_change
from rota.runs.model import Job, Release, Run, Status, Swept, Why, job_key, partition
from rota.runs.sweep import sweep
from rota.runs.table import RunTable
from stage import clock
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.gateway.calls import Call, Reply
from tests.guestbook import APP, CONTENT, DIGEST, ENVIRONMENT, PREFIX, SETTINGS
from tests.in_process import client
from tests.log_lines import logged
from tests.run_events import detail, message
from tests.steps import items
from tests.steps.deployments import AFTER, NEXT, Deployments
from tests.steps.items import LEASE, RELEASES
from tests.steps.local_stage import local_stage
from tests.steps.world import World, handler

DAILY, EVERY_15 = "IngestData", "RemoveSpam"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Watched:
    """The app after its first deployment, and a clock with which it is swept."""

    def __init__(self, deployments: Deployments, world: World, **parameters: Any) -> None:
        self.deployments = deployments
        self._calls = world.calls
        topic = client("sns").create_topic(Name="mail")["TopicArn"]
        self._settings = SETTINGS.model_copy(update={"notifications_topic_arn": topic, **parameters})
        self.table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
        self.now = datetime.now(UTC)
        self.found: list[Run] = []

    def sweep(self, after: timedelta = MINUTE) -> None:
        """Sweep once, so long after the last time."""
        self.now += after
        pauses = PauseTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP).read()
        sweep(self._settings, self.now, self.found.append, pauses)

    def sweep_for(self, time: timedelta, step: timedelta = 40 * MINUTE) -> None:
        """Sweep so often that ECS still remembers the tasks since the last time: a sweep counts on no more."""
        end = self.now + time
        while self.now < end:
            self.sweep(min(step, end - self.now))

    def swept_until(self, now: datetime) -> None:
        """Sweep has looked each minute until now."""
        self.now = now
        self.table.put_swept(self.swept().model_copy(update={"at": now, "asked_at": now}))

    def reported(self, task: str) -> list[str]:
        """What was reported of a job, by the events on the bus."""
        return [each["kind"] for each in self._calls.notifications if each.get("task") == task]

    def job(self, task: str) -> Job:
        found = self.table.job(task)
        assert found is not None
        return found

    def swept(self) -> Swept:
        found = self.table.swept()
        assert found is not None
        return found

    def runs(self, task: str) -> list[Run]:
        return self.table.runs(task, self.now - timedelta(days=30), self.now + timedelta(days=1))

    def ran(self, task: str, at: datetime, **more: Any) -> None:
        """RecordRun receives a run that ended."""
        arn = f"{detail()['taskArn'][:-12]}{int(at.timestamp()):012}"
        handler("record_run")({"Records": [message(detail(task=task, created=at, taskArn=arn, **more))]}, None)


@pytest.fixture
def watched(later: Deployments, world: World) -> Watched:
    return _swept(later, world)


@pytest.fixture
def daily(of_one_job: Deployments, world: World) -> Watched:
    """The daily job alone: the one that is missed every 15 minutes would only take time."""
    return _swept(of_one_job, world)


def _swept(deployments: Deployments, world: World, **parameters: Any) -> Watched:
    sweeping._settled.clear()
    found = Watched(deployments, world, **parameters)
    found.sweep()
    return found


def next_six(watched: Watched) -> datetime:
    """The next time that the daily job is due, in three hours at the earliest: tests begin up to two hours before."""
    six = watched.now.replace(hour=6, minute=0, second=0, microsecond=0)
    return six if six > watched.now + 3 * HOUR else six + timedelta(days=1)


def test_the_first_sweep_learns_what_is_live(watched: Watched) -> None:
    daily = watched.job(DAILY)
    assert [(span.expression, span.since, span.until) for span in daily.spans] == [
        ("cron(0 6 * * ? *)", watched.now, None)
    ]
    assert (daily.retry_age, watched.job(EVERY_15).retry_age) == (21_600, 450)
    (release,) = watched.table.releases()
    assert (release.number, release.base) == (1, "")


@pytest.mark.exhaustive(first=0)
def test_of_another_base_the_release_that_took_it_over_is_known(watched: Watched) -> None:
    """Not what the service ran before, which is the base of every other release."""
    other = client("ecs").register_task_definition(**CONTENT)["taskDefinition"]["taskDefinitionArn"]
    for digest in (NEXT, f"sha256:{'3f' * 32}"):
        assert watched.deployments.start(digest).run() == "Deployed"
        watched.sweep()
    assert [release.base for release in watched.table.releases()] == ["", other, ""]


def test_a_deployment_makes_no_call_for_it(world: World, later: Deployments) -> None:
    assert [item for item in world.ledger().values() if item["app"] != APP] == []


def test_before_the_first_deployment_nothing_is_watched(world: World) -> None:
    sweep(SETTINGS, datetime.now(UTC), lambda _: None)
    assert set(world.ledger()) == {"sweep"}
    assert "ecs.ListTasks" not in world.calls.made


def test_what_an_older_version_deployed_is_not_watched(watched: Watched, world: World) -> None:
    """Its targets do not pass ROTA_TASK."""
    items.change(RELEASES, "REMOVE live_since, live_watched")
    world.calls.made.clear()
    watched.sweep_for(2 * HOUR)
    assert watched.runs(DAILY) == []
    assert "ecs.ListTasks" not in world.calls.made


def test_a_minute_without_anything_new_asks_for_each_thing_once(daily: Watched, world: World) -> None:
    daily.sweep()
    world.calls.made.clear()
    daily.sweep()
    assert Counter(world.calls.made) == {
        "dynamodb.Query": 2,  # the pauses, and the jobs
        "dynamodb.GetItem": 4,  # the lease, what is live, how far it has looked, and the releases
        "ecs.ListTasks": 2,  # what runs, and what has ended
        "dynamodb.PutItem": 1,  # how far it has looked
    }


def _it_is(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function takes that for the time."""
    handler("sweep")
    monkeypatch.setattr(sys.modules["functions_sweep"], "datetime", clock.Datetime)
    monkeypatch.setattr("stage.clock._offset", (at - datetime.now(UTC)).total_seconds())


def test_without_watching_it_looks_at_what_is_held_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("WATCH_RUNS", "false")
    _it_is(datetime(2027, 1, 31, 6, tzinfo=UTC), monkeypatch)
    assert handler("sweep")({"id": "tick"}, None) == {"found": 0}  # its context is not used
    assert world.calls.made == ["dynamodb.Query", "dynamodb.GetItem"], "what is paused, and what is held"
    (line,) = [
        json.loads(logger.registered_formatter.format(each)) for each in caplog.records if each.name == logger.name
    ]
    assert (line["id"], line["answer"]) == ("tick", {"found": 0})


@pytest.mark.parametrize(("hour", "minute", "stored"), [(3, 10, 2), (3, 9, 0), (4, 10, 0)])
def test_once_a_day_it_keeps_what_releases_need(
    hour: int, minute: int, stored: int, world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCH_RUNS", "false")
    in_a_year = datetime.now(UTC) + timedelta(days=360)
    _it_is(in_a_year.replace(hour=hour, minute=minute), monkeypatch)
    world.calls.made.clear()
    handler("sweep")({"id": "tick"}, None)
    assert world.calls.made.count("s3.PutObject") == stored, "its plan, and its revisions"


def test_what_it_finds_is_counted(
    daily: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daily.swept_until(next_six(daily) + 6 * HOUR + 5 * MINUTE)
    monkeypatch.setenv("NOTIFICATIONS_TOPIC_ARN", client("sns").create_topic(Name="mail")["TopicArn"])
    _it_is(daily.now + 2 * MINUTE, monkeypatch)
    assert handler("sweep")({"id": "tick"}, None) == {"found": 1}
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert (metric["task"], metric["outcome"], metric["Runs"]) == (DAILY, "missed", [1.0])


def test_a_pause_that_cannot_be_ended_keeps_no_run_from_being_looked_at(
    daily: Watched, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = datetime.now(UTC) + HOUR
    asked: dict[str, Any] = {"pause": {"tasks": [DAILY], "until": until.isoformat()}, "by": "ann"}
    assert daily.deployments.ask(kind="pause", **asked).run() == "Done"
    _it_is(until + MINUTE, monkeypatch)
    world.calls.made.clear()
    with (
        world.calls.refusing("events.EnableRule", "AccessDeniedException"),
        pytest.raises(RejectedError, match=r"^EnableRule was denied: scripted$"),
    ):
        handler("sweep")({"id": "tick"}, None)
    assert "ecs.ListTasks" in world.calls.made


def test_what_was_due_in_a_pause_is_never_missed(daily: Watched) -> None:
    """The job is paused before its time. The next sweep after its resume counts again."""
    asked: dict[str, Any] = {"pause": {"tasks": [DAILY]}, "by": "ann"}
    assert daily.deployments.ask(kind="pause", **asked).run() == "Done"
    daily.sweep()
    (span,) = daily.job(DAILY).spans
    assert span.until is not None and span.until <= daily.now
    daily.now = next_six(daily) - HOUR
    daily.sweep_for(8 * HOUR)
    assert daily.deployments.ask(kind="resume", **asked).run() == "Done"
    daily.sweep_for(HOUR, 20 * MINUTE)
    assert daily.reported(DAILY) == []
    assert daily.job(DAILY).spans[-1].until is None


def test_a_pause_between_two_sweeps_is_seen(watched: Watched) -> None:
    """What EventBridge did not start in it was not missed."""
    asked: dict[str, Any] = {"pause": {"tasks": [DAILY]}}
    for kind in ("pause", "resume"):
        assert watched.deployments.ask(kind=kind, **asked).run() == "Done"
    watched.sweep()
    before, after = watched.job(DAILY).spans
    assert (before.until is not None, after.since, after.until) == (True, watched.now, None)
    watched.sweep()
    assert watched.job(DAILY).spans == (before, after)


def test_a_run_that_is_due_and_not_there_is_missed(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six - HOUR)
    daily.sweep_for(7 * HOUR)
    assert daily.runs(DAILY) == []
    daily.sweep(16 * MINUTE)
    (run,) = daily.runs(DAILY)
    assert (run.status, run.scheduled_at, run.reason and run.reason.why) == (Status.MISSED, six, Why.NO_TRACE)
    incident = daily.job(DAILY).incident
    assert incident is not None
    assert incident.last == run
    daily.sweep_for(2 * HOUR)
    assert daily.reported(DAILY) == ["missed"]
    assert daily.runs(DAILY) == [run]
    assert [each for each in daily.found if each.task == DAILY] == [run]


@pytest.mark.exhaustive(first=0)
def test_a_run_that_came_is_not_missed(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six)
    daily.ran(DAILY, six + 5 * HOUR)
    daily.sweep_for(8 * HOUR)
    (run,) = daily.runs(DAILY)
    assert run.status == Status.OK


@pytest.mark.exhaustive(first=0)
def test_a_rate_that_stops_is_missed_each_time(watched: Watched) -> None:
    began = watched.now
    for number in range(1, 5):
        watched.ran(EVERY_15, began + 15 * number * MINUTE)
        watched.sweep_for(15 * MINUTE, 5 * MINUTE)
    watched.sweep_for(HOUR, 5 * MINUTE)
    late = [run.scheduled_at for run in watched.runs(EVERY_15) if run.status == Status.MISSED]
    whole = began.replace(microsecond=0)
    assert late == [whole + 75 * MINUTE, whole + 90 * MINUTE, whole + 105 * MINUTE]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda: client("events").disable_rule(Name=PREFIX + DAILY), Why.DISABLED),
        (lambda: _delete(PREFIX + DAILY), Why.GONE),
    ],
    ids=["disabled", "deleted"],
)
def test_a_schedule_that_a_person_changed_is_why(daily: Watched, change: Any, why: Why) -> None:
    change()
    daily.sweep()
    daily.swept_until(next_six(daily) + 5 * HOUR)
    daily.sweep_for(2 * HOUR)
    (run,) = daily.runs(DAILY)
    assert run.reason is not None
    assert run.reason.why == why


class _Refusals:
    """A hook with which CloudTrail shows a refused start of that task's rule each minute."""

    def __init__(self, task: str) -> None:
        request = {"startedBy": f"events-rule/{PREFIX}{task}"[:36], "taskDefinition": "guestbook:2"}
        self._event = json.dumps({"errorCode": "AccessDenied", "requestParameters": request})

    def before(self, call: Call) -> Reply | None:
        if call.operation != "LookupEvents":
            return None
        minutes = range(int(call.params["StartTime"]) // 60 + 1, int(call.params["EndTime"]) // 60)
        shown = [{"EventTime": 60 * minute, "CloudTrailEvent": self._event} for minute in reversed(minutes)]
        return Reply.result(call, {"Events": shown})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_of_several_missed_runs_each_has_its_reason(later: Deployments, world: World) -> None:
    watched = _swept(later, world, explain_missed=True)
    with local_stage().hooked(_Refusals(EVERY_15)):
        watched.sweep_for(2 * HOUR)
    runs = watched.runs(EVERY_15)
    assert len(runs) > 4
    assert {run.reason and run.reason.why for run in runs} == {Why.ROLE}


def test_a_schedule_that_is_off_is_why_whatever_was_refused(later: Deployments, world: World) -> None:
    watched = _swept(later, world, explain_missed=True)
    client("events").disable_rule(Name=PREFIX + EVERY_15)
    with local_stage().hooked(_Refusals(EVERY_15)):
        watched.sweep_for(HOUR)
    assert {run.reason and run.reason.why for run in watched.runs(EVERY_15)} == {Why.DISABLED}


def test_what_cloudtrail_knows_of_an_absence_is_missed(of_one_job: Deployments, world: World) -> None:
    daily = _swept(of_one_job, world, explain_missed=True)
    six = next_six(daily)
    daily.swept_until(six)
    with local_stage().hooked(_Refusals(DAILY)):
        daily.sweep(10 * HOUR)
        daily.sweep_for(20 * MINUTE, 5 * MINUTE)
    found = [(run.status, run.scheduled_at, run.reason and run.reason.why) for run in daily.runs(DAILY)]
    assert found == [(Status.MISSED, six, Why.ROLE)]


def _delete(rule: str) -> None:
    events = client("events")
    ids = [target["Id"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
    events.remove_targets(Rule=rule, Ids=ids)
    events.delete_rule(Name=rule)


def test_a_target_that_is_tried_for_longer_is_waited_for(daily: Watched) -> None:
    """A script's own retry policy stays as it is."""
    (target,) = client("events").list_targets_by_rule(Rule=PREFIX + DAILY)["Targets"]
    target["RetryPolicy"]["MaximumEventAgeInSeconds"] = 12 * 3600
    client("events").put_targets(Rule=PREFIX + DAILY, Targets=[target])
    six = next_six(daily)
    daily.swept_until(six)
    daily.sweep_for(12 * HOUR)
    assert daily.runs(DAILY) == []
    daily.sweep_for(HOUR)
    (run,) = daily.runs(DAILY)
    assert run.scheduled_at == six


def test_a_sweep_that_was_away_does_not_say_missed(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six)
    daily.sweep(10 * HOUR)
    assert daily.runs(DAILY) == [], "RecordRun may still catch up"
    daily.sweep_for(20 * MINUTE, 5 * MINUTE)
    (run,) = daily.runs(DAILY)
    assert (run.status, run.scheduled_at) == (Status.UNKNOWN, six)
    assert daily.job(DAILY).incident is None
    daily.sweep_for(2 * HOUR)
    assert [each.status for each in daily.runs(DAILY)] == [Status.UNKNOWN]
    assert daily.reported(DAILY) == ["unknown"]


def test_what_ecs_remembers_of_an_absence_is_missed(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six - 2 * HOUR)
    daily.sweep(2 * HOUR + 30 * MINUTE)
    daily.sweep_for(7 * HOUR)
    assert [(run.status, run.scheduled_at) for run in daily.runs(DAILY)] == [(Status.MISSED, six)]


@pytest.mark.exhaustive(first=0)
def test_a_sweep_between_two_absences_does_not_say_missed(daily: Watched) -> None:
    """It came back and had not caught up: what ECS forgot in the second absence is not known either."""
    six = next_six(daily)
    daily.swept_until(six - 2 * HOUR)
    daily.sweep(2 * HOUR - 5 * MINUTE)
    daily.sweep(10 * HOUR)
    assert daily.runs(DAILY) == []
    daily.sweep_for(20 * MINUTE, 5 * MINUTE)
    assert [(run.status, run.scheduled_at) for run in daily.runs(DAILY)] == [(Status.UNKNOWN, six)]


def test_after_a_long_absence_only_the_last_day_is_judged(daily: Watched) -> None:
    daily.sweep(timedelta(days=20))
    daily.sweep_for(HOUR)
    runs = daily.runs(DAILY)
    assert {run.status for run in runs} == {Status.UNKNOWN}
    assert 1 <= len(runs) <= 2
    assert daily.reported(DAILY) == ["unknown"]


def test_what_came_while_sweep_was_away_is_known(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six)
    daily.sweep(10 * HOUR)
    daily.ran(DAILY, six + 10 * MINUTE)
    daily.sweep_for(HOUR)
    (run,) = daily.runs(DAILY)
    assert run.status == Status.OK


def test_a_short_absence_makes_no_difference(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six + 6 * HOUR - 20 * MINUTE)
    daily.sweep(45 * MINUTE)
    (run,) = daily.runs(DAILY)
    assert run.status == Status.MISSED


def test_an_end_that_was_not_seen_is_unknown(daily: Watched) -> None:
    daily.ran(DAILY, daily.now, status="PROVISIONING")
    daily.sweep(3 * HOUR)
    daily.sweep_for(HOUR)
    (run,) = [run for run in daily.runs(DAILY) if run.task_id != "missed"]
    assert run.reason is not None
    assert (run.status, run.reason.why, run.reason.words) == (Status.UNKNOWN, Why.AWAY, "Rota was not running")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("fails", [False, True])
def test_what_no_event_reported_is_asked_of_ecs(watched: Watched, fails: bool) -> None:
    """Both events of a run are lost."""
    local_stage().settings.change({"tasks": "scripted", "script": {"fails": int(fails), "seconds": 30}})
    _fire(DAILY)
    watched.now = datetime.now(UTC)
    watched.sweep(3 * MINUTE)
    (run,) = watched.runs(DAILY)
    assert run.status == (Status.FAILED if fails else Status.OK)
    assert [each.key for each in watched.found] == [run.key]
    watched.sweep()
    assert len(watched.found) == 1


def _fire(task: str) -> None:
    """Start a task as its target does, in a subnet that there is."""
    (target,) = client("events").list_targets_by_rule(Rule=PREFIX + task)["Targets"]
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    client("ecs").run_task(
        cluster="production",
        taskDefinition=target["EcsParameters"]["TaskDefinitionArn"],
        overrides=json.loads(target["Input"]),
        startedBy=f"events-rule/{PREFIX}{task}"[:36],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
    )


def test_a_run_that_was_recorded_is_not_written_again(watched: Watched, world: World) -> None:
    local_stage().settings.change({"tasks": "scripted", "script": {"seconds": 30}})
    _fire(DAILY)
    watched.now = datetime.now(UTC)
    watched.sweep(3 * MINUTE)
    world.calls.made.clear()
    sweeping._settled.clear()  # as a new process
    watched.sweep()
    written = [call for call in world.calls.made if call in ("dynamodb.TransactWriteItems", "dynamodb.UpdateItem")]
    assert written == []
    assert len(watched.runs(DAILY)) == 1


def test_a_changed_schedule_counts_from_the_sweep_that_learns_it(watched: Watched, world: World) -> None:
    world.upload(AFTER)
    assert watched.deployments.start(NEXT).run() == "Deployed"
    before = watched.now
    watched.sweep()
    old, new = watched.job(EVERY_15).spans
    assert (old.expression, new.expression, new.since) == ("rate(15 minutes)", "rate(20 minutes)", watched.now)
    assert old.until is not None
    assert old.until < before + HOUR
    assert watched.job(DAILY).spans[-1].until is None
    assert [release.number for release in watched.table.releases()] == [1, 2]


@pytest.mark.parametrize(("changed", "runs"), [(MINUTE, 1), (-MINUTE, 0)], ids=["after it was due", "before"])
def test_what_was_due_before_its_schedule_changed_is_missed(daily: Watched, changed: timedelta, runs: int) -> None:
    six = next_six(daily)
    daily.swept_until(six - 20 * MINUTE)
    job = daily.job(DAILY)
    (old,) = job.spans
    new = old.model_copy(update={"expression": "cron(0 23 * * ? *)", "since": six + changed})
    daily.table.put_settings(job.model_copy(update={"spans": (old.model_copy(update={"until": six + changed}), new)}))
    daily.sweep_for(7 * HOUR + 16 * MINUTE)
    assert len(daily.runs(DAILY)) == runs


@pytest.mark.exhaustive(first=0)
def test_a_task_that_left_the_file_is_not_missed(watched: Watched, world: World) -> None:
    world.upload({"tasks": []})
    assert watched.deployments.start(NEXT).run() == "Deployed"
    watched.sweep_for(HOUR)
    watched.swept_until(next_six(watched) + 6 * HOUR)
    watched.sweep_for(HOUR)
    assert (watched.runs(DAILY), watched.runs(EVERY_15)) == ([], [])
    assert "expires_at" in world.ledger()[f"job#{DAILY}"]


@pytest.mark.exhaustive(first=0)
def test_a_task_that_is_disabled_is_not_missed(watched: Watched, world: World) -> None:
    world.upload({"tasks": [{"name": DAILY, "task": "t", "cron": "0 6 * * ? *", "enabled": False}]})
    assert watched.deployments.start(NEXT).run() == "Deployed"
    watched.sweep()
    watched.swept_until(next_six(watched) + 6 * HOUR)
    watched.sweep_for(HOUR)
    assert watched.runs(DAILY) == []


def _change_schedules(since: datetime | None) -> None:
    """Let a deployment hold the lease that has changed schedules since then; None: it has ended."""
    if since is None:
        items.change(LEASE, "REMOVE holder")
        return
    record = {
        "M": {"execution": {"M": {"id": {"S": "arn"}, "name": {"S": "n"}, "started_at": {"S": since.isoformat()}}}}
    }
    record["M"]["entered"] = {"M": {"CreateTargets": {"S": since.isoformat()}}}
    items.change(LEASE, "SET holder = :holder, deployment = :record", holder={"S": "arn"}, record=record)


def test_during_a_deployment_nothing_is_missed_yet(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six - 20 * MINUTE)
    _change_schedules(daily.now)
    daily.sweep_for(7 * HOUR)
    assert daily.runs(DAILY) == []
    items.change(RELEASES, "SET live_since = :now", now={"S": daily.now.isoformat()})
    _change_schedules(None)
    daily.sweep()
    (run,) = daily.runs(DAILY)
    assert run.status == Status.MISSED, "the deployment did not change this schedule, and it is live"


def test_what_was_due_while_a_deployment_was_restored_is_unknown(daily: Watched) -> None:
    six = next_six(daily)
    daily.swept_until(six - 20 * MINUTE)
    _change_schedules(daily.now)
    daily.sweep_for(HOUR)
    _change_schedules(None)
    daily.sweep_for(7 * HOUR)
    (run,) = daily.runs(DAILY)
    assert (run.status, run.scheduled_at) == (Status.UNKNOWN, six)


def test_a_part_that_fails_is_done_by_the_next_sweep(daily: Watched, caplog: pytest.LogCaptureFixture) -> None:
    six = next_six(daily)
    daily.swept_until(six + 6 * HOUR)
    caplog.clear()
    with (
        local_stage().failing(service="events", operation="DescribeRule", fault="denied"),
        pytest.raises(Exception, match="DescribeRule"),
    ):
        daily.sweep(16 * MINUTE)
    assert logged(caplog) == [("ERROR", "a part of the sweep failed", {})]
    assert daily.runs(DAILY) == []
    daily.sweep()
    assert [run.status for run in daily.runs(DAILY)] == [Status.MISSED]


def test_two_sweeps_at_once_say_it_once(daily: Watched) -> None:
    daily.swept_until(next_six(daily) + 6 * HOUR)
    swept = daily.swept()
    daily.sweep(16 * MINUTE)
    daily.table.put_swept(swept)
    daily.sweep()
    assert len(daily.runs(DAILY)) == 1
    assert daily.job(DAILY).bad_runs == 1


def test_overlapping_is_reported_when_it_begins_and_not_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They run on: nothing of what takes a minute happens here.
    local_stage().settings.change({"tasks": "scripted", "script": {"seconds": 3600}})
    _fire(EVERY_15)
    with monkeypatch.context() as later:
        later.setattr("stage.clock._offset", 900.0)
        _fire(EVERY_15)
    watched.now = datetime.now(UTC) + 18 * MINUTE
    watched.sweep()
    watched.sweep()
    assert watched.reported(EVERY_15) == ["overlapping"]
    earlier, newest = sorted(watched.runs(EVERY_15), key=lambda run: run.scheduled_at)
    assert (newest.overlaps, earlier.overlaps) == (earlier.task_id, "")
    assert watched.job(EVERY_15).overlapping


def test_what_is_expected_of_a_job_is_learned_from_the_file(watched: Watched, world: World) -> None:
    daily = {"name": DAILY, "task": "data_ingestion_task", "cron": "0 6 * * ? *"}
    watch = {"grace": 60, "max_runtime": 600, "tolerance": 1}
    spam = {"name": EVERY_15, "task": "spam_task", "rate": "15 minutes"}
    world.upload({"tasks": [{**daily, "watch": watch, "owner": "data-team"}, spam]})
    assert watched.deployments.start().run() == "NothingToDo"
    watched.sweep()
    job = watched.job(DAILY)
    assert (job.grace, job.max_runtime, job.tolerance, job.owner) == (60, 600, 1, "data-team")
    assert len(job.spans) == 1, "its schedule goes on"
    assert [release.number for release in watched.table.releases()] == [1], "no other release"


def test_a_run_that_takes_too_long_is_reported_once(watched: Watched, world: World) -> None:
    local_stage().settings.change({"tasks": "scripted", "script": {"seconds": 3600}})
    job = watched.job(EVERY_15)
    watched.table.put_settings(job.model_copy(update={"max_runtime": 600}))
    _fire(EVERY_15)
    watched.now = datetime.now(UTC)
    watched.sweep_for(9 * MINUTE, 3 * MINUTE)
    assert watched.reported(EVERY_15) == []
    watched.sweep_for(6 * MINUTE, 3 * MINUTE)
    assert watched.reported(EVERY_15) == ["overlong"]
    (run,) = [run for run in watched.runs(EVERY_15) if run.task_id != "missed"]
    assert run.overlong_since is not None


@pytest.mark.parametrize(
    ("recorded", "known", "notes"),
    [
        pytest.param(["PENDING", "RUNNING"], True, 1, id="runs"),
        pytest.param(["PENDING"], True, 1, id="the event of its start has not come"),
        pytest.param([], True, 0, id="nothing is recorded of it"),
        pytest.param(["RUNNING", "STOPPED"], True, 0, id="has ended since ECS was asked"),
        pytest.param(["RUNNING"], False, 0, id="its job has gone since"),
    ],
)
def test_a_run_that_takes_too_long_is_noted_as_it_is_recorded(
    recorded: list[str], known: bool, notes: int, watched: Watched
) -> None:
    created, job = watched.now - 20 * MINUTE, watched.job(EVERY_15).model_copy(update={"max_runtime": 600})
    watched.table.put_settings(job)
    found = {
        status: detail(status, task=EVERY_15, rule=PREFIX + EVERY_15, created=created)
        for status in ("PENDING", "RUNNING", "STOPPED")
    }
    for status in recorded:
        handler("record_run")({"Records": [message(found[status])]}, None)
    if not known:
        key = {"app": {"S": partition(APP)}, "record": {"S": job_key(EVERY_15)}}
        items.delete({"TableName": ENVIRONMENT["TABLE"], "Key": key})
    for _ in range(2):
        running.judge(watched.table, SETTINGS, {EVERY_15: job}, [task_change(found["RUNNING"])], watched.now)
    noted = watched.job(EVERY_15).notices if known else ()
    assert [each.run.started_at for each in noted] == [task_change(found["RUNNING"]).started_at] * notes
    assert [run.overlong_since for run in watched.runs(EVERY_15) if run.overlong_since] == [watched.now] * notes


STOPPED_BY_ROTA = {"status": "STOPPED", "stopCode": "UserInitiated", "seconds": 20 * 60}


@pytest.mark.parametrize(
    ("elder", "recorded", "before", "after", "notes"),
    [
        pytest.param({}, True, False, True, 1, id="both run"),
        pytest.param({}, True, True, True, 0, id="which is known"),
        pytest.param({}, False, False, False, 0, id="nothing is recorded of the later one"),
        pytest.param(None, True, True, False, 0, id="no longer"),
        pytest.param(
            STOPPED_BY_ROTA | {"stoppedReason": stops.Stop("replace", EVERY_15, "b").reason},
            True,
            False,
            False,
            0,
            id="Rota has replaced the elder one",
        ),
        pytest.param(
            STOPPED_BY_ROTA | {"stoppedReason": stops.Stop("max_runtime", EVERY_15, "600").reason},
            True,
            False,
            True,
            1,
            id="Rota has stopped the elder one for another reason",
        ),
    ],
)
def test_an_overlap_is_noted_as_it_is_recorded(
    elder: dict[str, Any] | None, recorded: bool, before: bool, after: bool, notes: int, watched: Watched
) -> None:
    def task(minutes: int, status: str = "RUNNING", **more: Any) -> dict[str, Any]:
        created, arn = watched.now - minutes * MINUTE, f"{detail()['taskArn'][:-1]}{minutes}"
        return detail(status, task=EVERY_15, rule=PREFIX + EVERY_15, created=created, taskArn=arn, **more)

    job = watched.job(EVERY_15)
    watched.table.update_state(job.model_copy(update={"overlapping": before}), job)
    newest = task(9)
    if recorded:
        handler("record_run")({"Records": [message(newest)]}, None)
    found = [task_change(each) for each in (newest, *([] if elder is None else [task(24, **elder)]))]
    for _ in range(2):
        running.judge(watched.table, SETTINGS, {EVERY_15: watched.job(EVERY_15)}, found, watched.now)
    job = watched.job(EVERY_15)
    assert (job.overlapping, [each.kind for each in job.notices]) == (after, ["overlapping"] * notes)
    of_elder = detail()["taskArn"].rpartition("/")[2][:-1] + "24"
    assert [run.overlaps for run in watched.runs(EVERY_15)] == [of_elder if notes else ""] * recorded


def _mails() -> list[str]:
    """The subjects of what was mailed about images since the last time."""
    url = client("sqs").get_queue_url(QueueName="mails")["QueueUrl"]
    found = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for each in found:
        client("sqs").delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    subjects = [json.loads(each["Body"])["Subject"] for each in found]
    return [subject for subject in subjects if "image" in subject]


@pytest.fixture
def mailed(daily: Watched) -> Watched:
    """A person reads what the topic sends."""
    url = client("sqs").create_queue(QueueName="mails")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = client("sns").create_topic(Name="mail")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return daily


def test_an_image_that_is_gone_is_reported_once(mailed: Watched) -> None:
    mailed.sweep_for(HOUR)
    assert _mails() == []
    client("ecr").batch_delete_image(repositoryName="guestbook", imageIds=[{"imageDigest": DIGEST}])
    mailed.now += timedelta(days=1)
    mailed.sweep_for(HOUR)
    title = "The image of v1 is not in ECR any more (production/guestbook-api)"
    assert _mails() == [title]
    mailed.now += timedelta(days=1)
    mailed.sweep_for(HOUR)
    assert _mails() == []


def test_a_repository_that_is_gone_is_reported(mailed: Watched) -> None:
    client("ecr").delete_repository(repositoryName="guestbook", force=True)
    mailed.now += timedelta(days=1)
    mailed.sweep()
    assert _mails() == ["The image of v1 is not in ECR any more (production/guestbook-api)"]


def test_an_image_that_is_archived_is_reported(mailed: Watched) -> None:
    image = {"repositoryName": "guestbook", "imageId": {"imageDigest": DIGEST}}
    client("ecr").update_image_storage_class(**image, targetStorageClass="ARCHIVE")
    mailed.now += timedelta(days=1)
    mailed.sweep()
    assert _mails() == ["The image of v1 is archived in ECR (production/guestbook-api)"]


def _set_policy(count_type: str, number: int, **tags: Any) -> None:
    selection = {"tagStatus": "any", "countType": count_type, "countNumber": number, **tags}
    if count_type != "imageCountMoreThan":
        selection["countUnit"] = "days"
    rules = [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]
    client("ecr").put_lifecycle_policy(repositoryName="guestbook", lifecyclePolicyText=json.dumps({"rules": rules}))


def _next_day(watched: Watched) -> list[str]:
    """What was mailed about images by the sweeps of the next day."""
    watched.now += timedelta(days=1)
    watched.sweep_for(20 * MINUTE)
    return _mails()


def test_an_image_that_the_policy_will_soon_delete_is_reported_once(mailed: Watched) -> None:
    _set_policy("sinceImagePushed", 30)
    assert _next_day(mailed) == []
    _set_policy("sinceImagePushed", 5)
    reported = "ECR will soon delete the image of v1 (production/guestbook-api)"
    assert _next_day(mailed) == [reported]
    assert _next_day(mailed) == []
    _set_policy("imageCountMoreThan", 1)
    assert _next_day(mailed) == [reported], "another rule"
    client("ecr").delete_lifecycle_policy(repositoryName="guestbook")
    assert _next_day(mailed) == []


def test_a_policy_that_may_not_be_read_fails_no_sweep(mailed: Watched, world: World) -> None:
    image = {"repositoryName": "guestbook", "imageId": {"imageDigest": DIGEST}}
    client("ecr").update_image_storage_class(**image, targetStorageClass="ARCHIVE")
    with world.calls.refusing("ecr.GetLifecyclePolicy", "AccessDeniedException"):
        mails = _next_day(mailed)
    assert mails == ["The image of v1 is archived in ECR (production/guestbook-api)"]


def test_images_of_earlier_releases_are_reported_once_by_a_rule(mailed: Watched) -> None:
    live = mailed.table.releases()
    _set_policy("imageCountMoreThan", 3, tagStatus="tagged", tagPatternList=["old-*"])
    for number, reported in (
        (1, ["ECR will soon delete images of earlier releases (production/guestbook-api)"]),
        (2, []),
    ):
        pushed = client("ecr").put_image(
            repositoryName="guestbook",
            imageManifest=manifest(f"old {number}"),
            imageManifestMediaType=MEDIA_TYPE,
            imageTag=f"old-{number}",
        )
        old = Release(number=-number, digest=pushed["image"]["imageId"]["imageDigest"])
        mailed.table.put_releases([old, *mailed.table.releases()[: number - 1], *live])
        assert _next_day(mailed) == reported


def test_ecr_is_asked_once_a_day(daily: Watched, world: World) -> None:
    world.calls.made.clear()
    daily.sweep_for(23 * HOUR, 4 * HOUR)
    assert "ecr.DescribeImages" not in world.calls.made
    daily.sweep_for(2 * HOUR)
    assert world.calls.made.count("ecr.DescribeImages") == 1
