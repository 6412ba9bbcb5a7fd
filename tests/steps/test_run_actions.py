"""What Rota does to runs where parameter and schedule file ask for it: skips, stops, replaces, starts once more.

Once, twice, and when half of it fails: in doubt the job runs, and nothing is started twice.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.contract.deployment import Execution
from rota.pauses import migration
from rota.pauses.ending import end_pauses
from rota.runs import sweep as sweeping
from rota.runs.event import started_by_catch_up
from rota.runs.model import STARTED, Run, Status, Trigger, Why
from rota.schedules import backend
from stage.ecs.api import timestamp
from tests.guestbook import PREFIX, SETTINGS
from tests.in_process import client
from tests.log_lines import Line, logged
from tests.run_events import dead_letter, message
from tests.steps.deployments import Deployments
from tests.steps.local_stage import local_stage
from tests.steps.snapshots import once
from tests.steps.test_sweep import DAILY, EVERY_15, HOUR, MINUTE, Watched, next_six
from tests.steps.world import World, handler

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:rota:v2"
NOT_YET = 100.0
"""So many seconds to start: what takes a minute never happens here, so that a task does not begin."""


@pytest.fixture
@once
def in_a_subnet(later: Deployments) -> Deployments:
    """Deployments after a first one, whose targets have a subnet that there is."""
    return _moved(later, DAILY, EVERY_15)


@pytest.fixture
@once
def of_one_in_a_subnet(of_one_job: Deployments) -> Deployments:
    return _moved(of_one_job, DAILY)


def _moved(deployments: Deployments, *tasks: str) -> Deployments:
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    for task in tasks:
        (target,) = client("events").list_targets_by_rule(Rule=PREFIX + task)["Targets"]
        network = target["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]
        network |= {"Subnets": [subnet], "SecurityGroups": []}
        client("events").put_targets(Rule=PREFIX + task, Targets=[target])
    return deployments


@pytest.fixture
def watched(in_a_subnet: Deployments, world: World, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The app, with a stack that lets Rota stop and start runs."""
    return _acting(in_a_subnet, world, monkeypatch)


@pytest.fixture
def daily(of_one_in_a_subnet: Deployments, world: World, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The same with the daily job alone: the one that is missed every 15 minutes would only take time."""
    return _acting(of_one_in_a_subnet, world, monkeypatch)


def _acting(deployments: Deployments, world: World, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setenv("RUN_ACTIONS", "both")
    sweeping._settled.clear()
    local_stage().settings.change({"tasks": "scripted", "script": {"seconds": 3600}})
    found = Watched(deployments, world, run_actions="both")
    found.sweep()
    world.calls.made.clear()
    return found


def asks(watched: Watched, task: str, **keys: Any) -> None:
    """The schedule file says so of that task."""
    watched.table.put_settings(watched.job(task).model_copy(update=keys))


def start(task: str, started_by: str = "") -> str:
    """Start a task as its rule does. Returns its ARN."""
    (target,) = client("events").list_targets_by_rule(Rule=PREFIX + task)["Targets"]
    awsvpc = target["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]
    (found,) = client("ecs").run_task(
        cluster="production",
        taskDefinition=target["EcsParameters"]["TaskDefinitionArn"],
        overrides=json.loads(target["Input"]),
        startedBy=started_by or f"events-rule/{PREFIX}{task}"[:36],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": awsvpc["Subnets"]}},
    )["tasks"]
    arn: str = found["taskArn"]
    return arn


def ecs(arn: str) -> dict[str, Any]:
    """The task as ECS has it."""
    (found,) = client("ecs").describe_tasks(cluster="production", tasks=[arn])["tasks"]
    task: dict[str, Any] = found
    return task


def event(arn: str) -> dict[str, Any]:
    """What ECS reports of the task now."""
    found: dict[str, Any] = json.loads(json.dumps(ecs(arn), default=timestamp))
    return found


def record(*events: dict[str, Any]) -> list[str]:
    """RecordRun gets these events. Returns the ids of the messages that it wants again."""
    answer = handler("record_run")({"Records": [message(each, number) for number, each in enumerate(events)]}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def record_now(*arns: str) -> list[str]:
    """RecordRun gets the newest event of each."""
    return record(*map(event, arns))


def run_of(watched: Watched, arn: str) -> Run:
    """What is recorded of that task."""
    (found,) = [run for task in (DAILY, EVERY_15) for run in watched.runs(task) if run.task_arn == arn]
    return found


def running_and_new(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A run of the job that goes on, and a quarter of an hour later one that does not run yet."""
    elder = start(EVERY_15)
    record_now(elder)
    monkeypatch.setattr("stage.clock._offset", 900.0)
    local_stage().settings.change({"start_seconds": NOT_YET})
    newcomer = start(EVERY_15)
    local_stage().settings.change({"start_seconds": 0})
    return elder, newcomer


# ---------------------------------------------------------------------- overlap: skip


def test_a_run_is_skipped_while_an_earlier_one_goes_on(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(watched, EVERY_15, overlap="skip")
    elder, newcomer = running_and_new(monkeypatch)
    assert record_now(newcomer) == []
    assert (ecs(newcomer)["stopCode"], ecs(elder)["desiredStatus"]) == ("UserInitiated", "RUNNING")
    record_now(newcomer)
    record_now(newcomer)
    run = run_of(watched, newcomer)
    assert (run.status, run.overlaps, run.started_at) == (Status.SKIPPED, elder.rpartition("/")[2], None)
    watched.now = datetime.now(UTC) + 16 * MINUTE
    watched.sweep()
    watched.sweep()
    assert watched.reported(EVERY_15) == ["skipped"]
    assert (watched.job(EVERY_15).incident, watched.job(EVERY_15).bad_runs) == (None, 0)


def test_without_the_key_nobody_asks_ecs(watched: Watched, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, newcomer = running_and_new(monkeypatch)
    world.calls.made.clear()
    record_now(newcomer)
    assert [call for call in world.calls.made if call.startswith("ecs.") and call != "ecs.DescribeTasks"] == []
    assert ecs(newcomer)["desiredStatus"] == "RUNNING"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("parameter", ["none", "start"])
def test_without_the_parameter_nothing_is_skipped(
    parameter: str, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_ACTIONS", parameter)
    asks(watched, EVERY_15, overlap="skip")
    _, newcomer = running_and_new(monkeypatch)
    record_now(newcomer)
    assert ecs(newcomer)["desiredStatus"] == "RUNNING"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("fault", ["denied", "throttle", "internal"])
@pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks", "StopTask"])
def test_in_doubt_both_run(
    operation: str, fault: str, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asks(watched, EVERY_15, overlap="skip")
    elder, newcomer = running_and_new(monkeypatch)
    created = event(newcomer)
    caplog.clear()
    with local_stage().failing(service="ecs", operation=operation, count=4, fault=fault):
        assert record(created) == [], "it is recorded"
    reason = f"Rota skipped {EVERY_15}: its overlap is skip, and its task {elder.rpartition('/')[2]} still runs"
    doubt: Line = ("ERROR", "ECS could not be asked for earlier runs; both run", {"tasks": [newcomer]})
    if operation == "StopTask":
        doubt = ("ERROR", "a task was not stopped", {"task": newcomer, "reason": reason})
    assert [line for line in logged(caplog) if line[0] == "ERROR"] == [doubt]
    assert [ecs(arn)["desiredStatus"] for arn in (elder, newcomer)] == ["RUNNING", "RUNNING"]
    assert run_of(watched, newcomer).status == Status.STARTING


@pytest.mark.exhaustive(first=0)
def test_an_event_that_comes_late_stops_no_run_that_has_begun(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(watched, EVERY_15, overlap="skip")
    elder = start(EVERY_15)
    monkeypatch.setattr("stage.clock._offset", 900.0)
    local_stage().settings.change({"start_seconds": NOT_YET})
    created = event(start(EVERY_15))
    client("ecs").stop_task(cluster="production", task=created["taskArn"])
    local_stage().settings.change({"start_seconds": 0})
    begun = start(EVERY_15)
    record(created | {"taskArn": begun})
    assert [ecs(arn)["desiredStatus"] for arn in (elder, begun)] == ["RUNNING", "RUNNING"]


# ---------------------------------------------------------------------- max_runtime, overlap: replace


def test_a_run_that_takes_too_long_is_stopped_with_our_reason(watched: Watched) -> None:
    asks(watched, EVERY_15, max_runtime=600)
    task = start(EVERY_15)
    record_now(task)
    watched.now = datetime.now(UTC)
    watched.sweep(9 * MINUTE)
    assert ecs(task)["desiredStatus"] == "RUNNING"
    watched.sweep(2 * MINUTE)
    reason = "Rota stopped RemoveSpam: it ran for longer than its max_runtime, 600 s"
    assert (ecs(task)["stoppedReason"], ecs(task)["desiredStatus"]) == (reason, "STOPPED")
    for _ in range(4):
        record_now(task)
        watched.sweep()
    run = run_of(watched, task)
    assert (run.status, run.reason and run.reason.why) == (Status.FAILED, Why.MAX_RUNTIME)
    assert watched.reported(EVERY_15) == ["failed"]


@pytest.mark.parametrize(
    ("operation", "said"),
    [("StopTask", "a task was not stopped"), ("DescribeTasks", "ECS could not be asked once more; nothing is stopped")],
)
def test_a_run_that_could_not_be_stopped_is_reported_and_stopped_later(
    operation: str, said: str, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    asks(watched, EVERY_15, max_runtime=600)
    task = start(EVERY_15)
    record_now(task)
    watched.now = datetime.now(UTC)
    # Of the two DescribeTasks of a sweep the second one decides.
    skip = int(operation == "DescribeTasks")
    with local_stage().failing(service="ecs", operation=operation, skip=skip, count=1, fault="denied"):
        watched.sweep(11 * MINUTE)
    assert [line[1] for line in logged(caplog) if line[0] == "ERROR"] == [said]
    assert ecs(task)["desiredStatus"] == "RUNNING"
    assert watched.reported(EVERY_15) == ["overlong"]
    watched.sweep()
    assert ecs(task)["desiredStatus"] == "STOPPED"
    assert watched.reported(EVERY_15) == ["overlong"]


def test_with_the_parameter_off_a_long_run_is_only_record_now(
    later: Deployments, world: World, watched: Watched
) -> None:
    asks(watched, EVERY_15, max_runtime=600)
    task = start(EVERY_15)
    record_now(task)
    off = Watched(later, world, run_actions="start")
    off.now = datetime.now(UTC)
    off.sweep(11 * MINUTE)
    off.sweep()
    assert ecs(task)["desiredStatus"] == "RUNNING"
    assert off.reported(EVERY_15) == ["overlong"]


def test_the_earlier_run_is_replaced_once_the_later_one_runs(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(watched, EVERY_15, overlap="replace")
    elder = start(EVERY_15)
    monkeypatch.setattr("stage.clock._offset", 900.0)
    newcomer = start(EVERY_15)
    record_now(elder, newcomer)
    watched.now = datetime.now(UTC) + 16 * MINUTE
    watched.sweep()
    assert [ecs(arn)["desiredStatus"] for arn in (elder, newcomer)] == ["STOPPED", "RUNNING"]
    for _ in range(3):
        record_now(elder)
        watched.sweep()
    assert run_of(watched, elder).status == Status.REPLACED
    assert watched.reported(EVERY_15) == ["replaced"], "and not overlapping"
    assert watched.job(EVERY_15).incident is None


@pytest.mark.exhaustive(first=0)
def test_a_later_run_that_does_not_begin_replaces_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(watched, EVERY_15, overlap="replace")
    elder, newcomer = running_and_new(monkeypatch)
    watched.now = datetime.now(UTC) + 16 * MINUTE
    watched.sweep()
    assert [ecs(arn)["desiredStatus"] for arn in (elder, newcomer)] == ["RUNNING", "RUNNING"]


# ---------------------------------------------------------------------- catch_up


def caught_up(due: datetime) -> list[dict[str, Any]]:
    """The tasks that catch_up has started for that minute."""
    ids = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in client("ecs").list_tasks(cluster="production", desiredStatus=status)["taskArns"]
    ]
    found = client("ecs").describe_tasks(cluster="production", tasks=ids)["tasks"] if ids else []
    return [task for task in found if task.get("startedBy") == started_by_catch_up(due)]


def gives_up(due: datetime) -> None:
    """EventBridge gives up the daily job's start of that minute."""
    body = json.dumps({"time": due.isoformat()})
    handler("record_run")({"Records": [dead_letter(PREFIX + DAILY, body=body, sent=due)]}, None)


@pytest.fixture
def owing(daily: Watched) -> Watched:
    """At six EventBridge has given up the daily job, which is to be caught up."""
    local_stage().settings.change({"script": {"seconds": 30}})
    asks(daily, DAILY, catch_up="missed")
    daily.swept_until(next_six(daily) + MINUTE)
    daily.six = daily.now - MINUTE  # type: ignore[attr-defined]  # for the tests below
    gives_up(daily.now - MINUTE)
    return daily


def six_of(watched: Watched) -> datetime:
    six: datetime = watched.six  # type: ignore[attr-defined]  # as above
    return six


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("catch_up", "started", "ends"),
    [
        *(("missed", 1, "well"), ("not_started", 0, "by itself"), (False, 0, "well"), ("both", 1, "by itself")),
        *(("missed", 1, "by itself"), ("not_started", 0, "well"), (False, 0, "by itself"), ("both", 1, "well")),
    ],
    ids=str,
)
def test_what_was_due_while_a_migration_ran(catch_up: Any, started: int, ends: str, daily: Watched) -> None:
    """It is skipped and never missed, and started once afterwards where the file asks for it."""
    local_stage().settings.change({"script": {"seconds": 30}})
    asks(daily, DAILY, catch_up=catch_up)
    six = next_six(daily)
    execution = Execution(id=EXECUTION, name="v2", started_at=six)
    daily.swept_until(six - 10 * MINUTE)
    schedule = backend.connect(SETTINGS).read(PREFIX + DAILY)
    assert schedule is not None
    migration.pause(SETTINGS, [schedule], execution, six + 20 * MINUTE, six - 5 * MINUTE)
    daily.sweep_for(20 * MINUTE, 4 * MINUTE)
    assert caught_up(six) == []
    if ends == "well":
        migration.lift(SETTINGS, execution.id, six + 12 * MINUTE)
    else:
        end_pauses(SETTINGS, six + 20 * MINUTE).raise_first()
    daily.sweep_for(HOUR)
    daily.swept_until(six + 6 * HOUR)
    daily.sweep_for(HOUR)
    (run,) = [each for each in daily.runs(DAILY) if each.trigger == Trigger.SCHEDULE]
    assert (run.status, run.scheduled_at, run.reason and run.reason.why) == (Status.SKIPPED, six, Why.MIGRATION)
    assert len(caught_up(six)) == started
    assert (daily.reported(DAILY), daily.job(DAILY).notices, daily.job(DAILY).incident) == ([], (), None)
    assert len(daily.job(DAILY).spans) == 1, "what is due next counts as ever"


def test_nothing_is_caught_up_while_a_migration_runs(owing: Watched) -> None:
    six = six_of(owing)
    execution = Execution(id=EXECUTION, name="v2", started_at=six)
    schedule = backend.connect(SETTINGS).read(PREFIX + DAILY)
    assert schedule is not None
    migration.pause(SETTINGS, [schedule], execution, six + HOUR, six + MINUTE)
    owing.sweep_for(10 * MINUTE, 5 * MINUTE)
    assert caught_up(six) == []
    migration.lift(SETTINGS, execution.id, owing.now)
    owing.sweep()
    assert len(caught_up(six)) == 1


def test_a_missed_run_is_started_once_more(owing: Watched) -> None:
    owing.sweep()
    (task,) = caught_up(six_of(owing))
    assert task["overrides"]["containerOverrides"][0]["environment"] == [{"name": "ROTA_TASK", "value": DAILY}]
    assert owing.job(DAILY).owed.answer == STARTED  # type: ignore[union-attr]  # it owes
    gives_up(six_of(owing))
    owing.sweep_for(10 * MINUTE, 5 * MINUTE)
    assert len(caught_up(six_of(owing))) == 1
    found = [run for run in owing.runs(DAILY) if run.trigger == Trigger.CATCH_UP]
    assert [(run.status, run.scheduled_at) for run in found] == [(Status.OK, six_of(owing))]
    assert owing.reported(DAILY) == ["missed", "recovered"]


@pytest.mark.exhaustive(first=0)
def test_a_run_that_did_not_start_is_caught_up_once_its_retry_age_is_over(daily: Watched) -> None:
    asks(daily, DAILY, catch_up="both")
    six = next_six(daily)
    daily.ran(DAILY, six + MINUTE, starts=False, exit_code=None, stopCode="TaskFailedToStart")
    daily.swept_until(six)
    daily.sweep_for(6 * HOUR)
    assert caught_up(six) == []
    daily.sweep(2 * MINUTE)
    assert len(caught_up(six)) == 1


def test_a_start_that_a_message_promised_and_ecs_refuses_is_reported(daily: Watched) -> None:
    asks(daily, DAILY, catch_up="both")
    six = next_six(daily)
    daily.ran(DAILY, six + MINUTE, starts=False, exit_code=None, stopCode="TaskFailedToStart")
    daily.swept_until(six + 5 * HOUR)
    daily.sweep_for(HOUR)
    local_stage().settings.change({"run_task": "capacity"})
    daily.sweep_for(10 * MINUTE, 2 * MINUTE)
    assert daily.reported(DAILY) == ["not_started", "not_caught_up"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("service", "operation", "skip"),
    [
        pytest.param("ecs", "RunTask", 0, id="the start"),
        pytest.param("dynamodb", "UpdateItem", 0, id="taking it on"),
        pytest.param("dynamodb", "UpdateItem", 1, id="noting its answer"),
        pytest.param("events", "ListTargetsByRule", 0, id="reading its target"),
    ],
)
@pytest.mark.parametrize("fault", ["lost", "throttle", "internal", "kill", "kill_after"])
def test_whatever_fails_it_is_started_once(service: str, operation: str, skip: int, fault: str, owing: Watched) -> None:
    count = 1 if fault.startswith("kill") else 4
    try:
        with local_stage().failing(service=service, operation=operation, skip=skip, count=count, fault=fault):
            owing.sweep()
    except BaseException as error:  # noqa: BLE001  as Lambda does, whatever it is
        assert fault.startswith("kill") or "KilledError" not in repr(error)
    owing.sweep_for(5 * MINUTE, MINUTE)
    assert len(caught_up(six_of(owing))) == 1
    assert owing.job(DAILY).owed.answer == STARTED  # type: ignore[union-attr]  # it owes


@pytest.mark.exhaustive(first=0)
def test_two_sweeps_at_once_start_it_once(owing: Watched) -> None:
    """The second one has read the job before the first one took it on."""
    before = owing.job(DAILY)
    owing.sweep()
    assert not owing.table.update_state(before, before)
    owing.table.put_settings(owing.job(DAILY))
    owing.sweep()
    assert len(caught_up(six_of(owing))) == 1


def test_a_deployment_between_two_tries_starts_nothing_twice(owing: Watched) -> None:
    """The target is another one then, and ECS refuses the client token."""
    with local_stage().failing(service="ecs", operation="RunTask", count=4, fault="lost"):
        owing.sweep()
    (target,) = client("events").list_targets_by_rule(Rule=PREFIX + DAILY)["Targets"]
    target["EcsParameters"]["Group"] = "another"
    client("events").put_targets(Rule=PREFIX + DAILY, Targets=[target])
    (task,) = caught_up(six_of(owing))
    # ECS does not list it yet.
    client("ecs").stop_task(cluster="production", task=task["taskArn"])
    owing.sweep()
    assert len(caught_up(six_of(owing))) == 1
    assert owing.job(DAILY).owed.answer == STARTED  # type: ignore[union-attr]  # it owes


def test_a_schedule_that_a_person_has_disabled_starts_nothing(owing: Watched) -> None:
    client("events").disable_rule(Name=PREFIX + DAILY)
    owing.sweep()
    assert caught_up(six_of(owing)) == []
    assert owing.job(DAILY).owed.answer == "its schedule is disabled or gone, or does not name the job"  # type: ignore[union-attr]  # it owes


def test_what_a_person_has_run_meanwhile_is_not_caught_up(owing: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stage.clock._offset", (owing.now - datetime.now(UTC)).total_seconds())
    start(DAILY, "by-hand")
    owing.sweep()
    assert caught_up(six_of(owing)) == []
    assert owing.job(DAILY).owed.answer == "it has run meanwhile"  # type: ignore[union-attr]  # it owes


def test_a_schedule_that_a_deployment_is_changing_starts_nothing_yet(owing: Watched) -> None:
    """It may be due at another time now, and in a minute."""
    rule = client("events").describe_rule(Name=PREFIX + DAILY)
    client("events").put_rule(Name=PREFIX + DAILY, ScheduleExpression="cron(3 6 * * ? *)")
    owing.sweep()
    assert caught_up(six_of(owing)) == []
    client("events").put_rule(Name=PREFIX + DAILY, ScheduleExpression=rule["ScheduleExpression"])
    owing.sweep()
    assert len(caught_up(six_of(owing))) == 1, "it was restored"


def test_what_began_while_rota_was_away_is_waited_for(owing: Watched) -> None:
    """ECS has forgotten what a person ran, and RecordRun has not recorded it yet."""
    owing.sweep(2 * HOUR)
    assert caught_up(six_of(owing)) == []
    owing.ran(DAILY, six_of(owing) + 10 * MINUTE, startedBy="kim")
    owing.sweep_for(20 * MINUTE, 5 * MINUTE)
    assert caught_up(six_of(owing)) == []
    assert owing.job(DAILY).owed.answer == "it has run meanwhile"  # type: ignore[union-attr]  # it owes


def test_when_a_missed_run_is_reported_its_answer_is_known(watched: Watched) -> None:
    """No mail promises a start that then does not come."""
    asks(watched, DAILY, catch_up="missed")
    local_stage().settings.change({"run_task": "capacity"})
    watched.swept_until(next_six(watched) + 6 * HOUR + 5 * MINUTE)
    watched.sweep(2 * MINUTE)
    assert watched.reported(DAILY) == ["missed"]
    assert watched.job(DAILY).owed.answer.startswith("ECS started nothing")  # type: ignore[union-attr]  # it owes


def test_without_capacity_it_is_said_that_nothing_was_started(owing: Watched) -> None:
    local_stage().settings.change({"run_task": "capacity"})
    owing.sweep()
    answer = owing.job(DAILY).owed.answer  # type: ignore[union-attr]  # it owes
    assert answer.startswith("ECS started nothing: Capacity is unavailable at this time.")
    local_stage().settings.change({"run_task": "ok"})
    owing.sweep_for(10 * MINUTE, 5 * MINUTE)
    assert caught_up(six_of(owing)) == []
    assert owing.reported(DAILY) == ["missed"]


def test_with_the_parameter_off_nothing_is_owed(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """So no mail promises it, and nothing is started when the parameter is on again, weeks later."""
    asks(watched, DAILY, catch_up="missed")
    six = next_six(watched)
    gives_up(six)
    assert watched.job(DAILY).owed is not None
    monkeypatch.setenv("RUN_ACTIONS", "stop")
    gives_up(six + 24 * HOUR)
    assert watched.job(DAILY).owed is None


def test_with_the_parameter_off_nothing_is_started(owing: Watched, world: World) -> None:
    off = Watched(owing.deployments, world, run_actions="stop")
    off.now = owing.now
    off.sweep_for(5 * MINUTE, MINUTE)
    assert caught_up(six_of(owing)) == []
