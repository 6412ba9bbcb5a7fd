"""The steps where the stack's schedules live in EventBridge Scheduler: each does it, does it twice, does it by half."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.errors import ConfigError, RejectedError, TransientError
from rota.pauses.table import PauseTable
from stage.gateway.calls import Call, Reply
from stage.scheduler.schedules import members, schedules
from tests.guestbook import APP, CLUSTER_ARN, ENVIRONMENT, PREFIX, arn
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.environment import functions_environment
from tests.steps.local_stage import local_stage
from tests.steps.seed import SCHEDULE
from tests.steps.test_pauses import pause, resume, sweep
from tests.steps.test_rollback import BACK
from tests.steps.world import World

GROUP = ENVIRONMENT["SCHEDULE_GROUP"]
DATES = ("StartDate", "EndDate")


@pytest.fixture(scope="module", autouse=True)
def _functions_environment() -> Iterator[None]:
    with functions_environment(SCHEDULES_IN="scheduler"):
        yield


def named(task: str) -> dict[str, str]:
    return {"GroupName": GROUP, "Name": PREFIX + task}


def without_dates(schedules: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without the StartDate of rates, which is moved on with each write; `in_phase` compares that."""
    return {name: {m: v for m, v in found.items() if m not in DATES} for name, found in schedules.items()}


def in_phase(one: datetime, other: datetime, period: timedelta) -> bool:
    return (one - other) % period in (timedelta(), period)


def same(world: World, before: tuple[Any, ...]) -> bool:
    """Whether all is as it was, rates in their phase."""
    *others, schedules = world.everything()
    *others_before, schedules_before = before
    return (others, without_dates(schedules)) == (others_before, without_dates(schedules_before))


def test_every_task_is_a_schedule_of_the_apps_group(world: World, later: Deployments) -> None:
    assert world.owned_rules() == {}
    found = world.schedules()
    assert {name: each["ScheduleExpression"] for name, each in found.items()} == {
        "IngestData": "cron(0 6 * * ? *)",
        "RemoveSpam": "rate(15 minutes)",
    }
    assert {each["GroupName"] for each in found.values()} == {GROUP}
    revisions = {name: each["Target"]["EcsParameters"]["TaskDefinitionArn"] for name, each in found.items()}
    assert revisions == {"IngestData": arn(2), "RemoveSpam": arn(3)}


def test_a_rate_begins_after_one_period(world: World, later: Deployments) -> None:
    found = client("scheduler").get_schedule(**named("RemoveSpam"))
    begins = found["StartDate"] - found["CreationDate"]
    assert timedelta(minutes=14) < begins <= timedelta(minutes=15)


def test_deployed_twice_nothing_is_written(world: World, later: Deployments) -> None:
    before = world.everything()
    world.calls.made.clear()
    assert later.start().run() == "NothingToDo"
    assert (world.calls.writes(), world.everything()) == (["events.PutEvents"], before)


def test_a_new_image_is_one_update_a_task(world: World, later: Deployments) -> None:
    before = world.schedules()["RemoveSpam"]["StartDate"]
    deployment = later.start(NEXT).until("CreateTargets")
    world.calls.made.clear()
    assert deployment.step("CreateTargets")["written"] == 2
    assert world.calls.writes() == ["scheduler.UpdateSchedule"] * 2
    assert in_phase(world.schedules()["RemoveSpam"]["StartDate"], before, timedelta(minutes=15))


def test_a_deployment_adds_changes_and_removes(world: World, changing: Deployment) -> None:
    before = world.schedules()
    changing.until("FinishDeployment")
    meanwhile = world.schedules()
    assert changing.run() == "Deployed"
    after = world.schedules()
    assert {name: each["State"] for name, each in meanwhile.items()} == {
        "IngestData": "ENABLED",
        "RemoveSpam": "ENABLED",
        "CountTeaspoons": "DISABLED",
        "Digest": "ENABLED",
    }
    assert before.keys() == {"IngestData", "RemoveSpam", "CountTeaspoons"}
    assert after.keys() == {"IngestData", "RemoveSpam", "Digest"}
    assert after["RemoveSpam"]["ScheduleExpression"] == "rate(20 minutes)"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("step", ["CreateTargets", "ClearRules", "FinishDeployment"])
def test_a_step_done_twice_is_the_same(world: World, changing: Deployment, step: str) -> None:
    changing.until(step).step(step)
    first = without_dates(world.schedules())
    changing.step(step)
    assert without_dates(world.schedules()) == first


CALLS = [
    ("CreateTargets", "scheduler.CreateSchedule", 0),
    ("ClearRules", "scheduler.UpdateSchedule", 0),
    ("CreateTargets", "scheduler.UpdateSchedule", 0),
    ("CreateTargets", "scheduler.UpdateSchedule", 1),
]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after the call", "before it"])
@pytest.mark.parametrize(("step", "call", "skip"), CALLS)
def test_a_step_that_died_goes_on(
    world: World, changing: Deployment, step: str, call: str, skip: int, after: bool
) -> None:
    changing.until(step)
    with world.calls.killing(call, skip=skip, after=after), pytest.raises(KilledError):
        changing.step(step)
    assert changing.run() == "Deployed"
    assert world.schedules().keys() == {"IngestData", "RemoveSpam", "Digest"}
    assert {each["State"] for each in world.schedules().values()} == {"ENABLED"}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after the call", "before it"])
@pytest.mark.parametrize(("step", "call", "skip"), CALLS)
def test_a_deployment_that_fails_by_half_is_restored(
    world: World, changing: Deployment, step: str, call: str, skip: int, after: bool
) -> None:
    before = world.everything()
    changing.until(step)
    with world.calls.killing(call, skip=skip, after=after), pytest.raises(KilledError):
        changing.step(step)
    changing.fail("RejectedError", "what happened")
    assert changing.restore()["outcome"] == "failed"
    assert same(world, before)


@pytest.mark.exhaustive(first=0)
def test_a_restore_done_by_half_is_done_again(world: World, changing: Deployment) -> None:
    before = world.everything()
    changing.until("CheckService").fail("RejectedError", "what happened")
    with world.calls.killing("scheduler.UpdateSchedule", skip=1), pytest.raises(KilledError):
        changing.restore()
    assert changing.restore()["outcome"] == "failed"
    assert same(world, before)
    period = timedelta(minutes=15)
    assert in_phase(world.schedules()["RemoveSpam"]["StartDate"], before[-1]["RemoveSpam"]["StartDate"], period)


def test_what_aws_does_not_take_back_is_named(world: World, changing: Deployment) -> None:
    kept = members(schedules()[f"{GROUP}/{PREFIX}RemoveSpam"])
    kept["StartDate"] -= timedelta(days=1)  # as it is on the next day
    before = kept["StartDate"]
    changing.until("CheckService").fail("RejectedError", "what happened")
    assert changing.restore()["outcome"] == "failed"
    after = world.schedules()["RemoveSpam"]["StartDate"]
    cause = world.entry(changing.arn)["cause"]
    assert f"AWS did not take back a StartDate that is past, of {GROUP}/{PREFIX}RemoveSpam: what is a rate" in cause
    assert in_phase(after, before, timedelta(minutes=15))


def test_a_schedule_that_a_person_deleted_is_refused(world: World, later: Deployments) -> None:
    deployment = later.start(NEXT).until("CreateTargets")
    client("scheduler").delete_schedule(**named("IngestData"))
    with pytest.raises(RejectedError, match="IngestData was deleted since the deployment was planned"):
        deployment.step("CreateTargets")
    deployment.fail("RejectedError", "what happened")
    assert deployment.restore()["outcome"] == "failed"
    assert world.schedules().keys() == {"IngestData", "RemoveSpam"}  # made again


def test_a_schedule_that_a_person_made_meanwhile_is_replaced(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("CreateTargets")
    target = {"Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/other", "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"]}
    client("scheduler").create_schedule(
        **named("IngestData"), ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    assert deployment.run() == "Deployed"
    assert world.schedules()["IngestData"]["ScheduleExpression"] == "cron(0 6 * * ? *)"


def test_schedules_that_a_former_stack_left(world: World, later: Deployments) -> None:
    client("scheduler").create_schedule_group(Name="former")
    for task, state in (("IngestData", "ENABLED"), ("RemoveSpam", "DISABLED")):
        left = members(schedules()[f"{GROUP}/{PREFIX}{task}"])
        client("scheduler").create_schedule(**left | {"GroupName": "former", "State": state})
    with pytest.raises(RejectedError, match=f"the names of this app's tasks: former/{PREFIX}IngestData. A stack"):
        later.start().until("PlanDeployment")


def test_a_group_that_is_gone_is_said_in_words(deployments: Deployments) -> None:
    client("scheduler").delete_schedule_group(Name=GROUP)
    with pytest.raises(RejectedError, match=f"the schedule group {GROUP}, which the stack has made, was deleted"):
        deployments.start().until("PlanDeployment")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("code", "error"),
    [("ConflictException", TransientError), ("ThrottlingException", Exception), ("AccessDeniedException", Exception)],
)
def test_what_aws_refuses(world: World, later: Deployments, code: str, error: type[Exception]) -> None:
    before = world.everything()
    deployment = later.start(NEXT).until("CreateTargets")
    with world.calls.refusing("scheduler.UpdateSchedule", code, count=0), pytest.raises(error):
        deployment.step("CreateTargets")
    deployment.fail("RejectedError", "what happened")
    assert deployment.restore()["outcome"] == "failed"
    assert same(world, before)


@pytest.mark.parametrize("was_written", [False, True], ids=["as before", "written"])
def test_a_refused_restore_is_none_where_the_deployment_was_refused_too(
    world: World, later: Deployments, was_written: bool
) -> None:
    before = world.everything()
    deployment = later.start(NEXT).until("RollService" if was_written else "CreateTargets")
    deployment.fail("RejectedError", "what happened")
    with world.calls.refusing("scheduler.UpdateSchedule", "AccessDeniedException", count=0):
        with pytest.raises(RejectedError, match="UpdateSchedule was denied"):
            deployment.restore() if was_written else deployment.step("CreateTargets")
        if not was_written:
            assert deployment.restore()["outcome"] == "failed"
    assert same(world, before) is not was_written


def test_read_later_its_changes_are_the_same(world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what is approved would be asked again each time."""
    monkeypatch.setenv("APPROVAL", "required")
    push = later.start(NEXT).until("RestoreDeployment")
    changes = push.document["plan"]["asks"]["changes"]
    for step in ("ReadConfig", "PlanDeployment"):
        push.step(step)
    assert push.document["plan"]["asks"]["changes"] == changes


def test_a_pause_switches_the_schedule_alone(world: World, later: Deployments) -> None:
    before = world.everything()
    assert later.ask(**pause()).run() == "Done"
    assert {name: each["State"] for name, each in world.schedules().items()} == {
        "IngestData": "ENABLED",
        "RemoveSpam": "DISABLED",
    }
    assert later.ask(**resume()).run() == "Done"
    assert same(world, before)


def test_a_deployment_leaves_a_paused_schedule_off(world: World, later: Deployments) -> None:
    assert later.ask(**pause()).run() == "Done"
    later.start(NEXT).until("RollService")
    found = world.schedules()["RemoveSpam"]
    assert (found["State"], found["Target"]["EcsParameters"]["TaskDefinitionArn"]) == ("DISABLED", arn(6))


class Ends:
    """A hook with which the pause of a schedule ends as a step writes it; Sweep switches the schedule only later."""

    def __init__(self, until: datetime) -> None:
        self.until = until

    def end(self) -> None:
        table = PauseTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
        table.change("RemoveSpam", lambda seen: seen and seen.ended(self.until))

    def before(self, call: Call) -> None:
        if call.caller and call.operation == "UpdateSchedule":
            self.end()

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "while it is written"])
def test_a_pause_that_ends_meanwhile_is_waited_for(world: World, later: Deployments, is_written: bool) -> None:
    ends = Ends(datetime.now(UTC) + timedelta(hours=1))
    assert later.ask(**pause(until=ends.until)).run() == "Done"
    deployment = later.start(NEXT).until("CreateTargets")
    if not is_written:
        ends.end()
    with (
        local_stage().hooked(ends) if is_written else nullcontext(),
        pytest.raises(TransientError, match="the pause of RemoveSpam is just ending"),
    ):
        deployment.step("CreateTargets")
    sweep(after=timedelta(hours=2))
    deployment.until("RollService")
    found = world.schedules()["RemoveSpam"]
    assert (found["State"], found["Target"]["EcsParameters"]["TaskDefinitionArn"]) == ("ENABLED", arn(6))


def test_sweep_ends_a_pause(world: World, later: Deployments) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    assert later.ask(**pause(until=until)).run() == "Done"
    sweep(after=timedelta(hours=2))
    assert world.schedules()["RemoveSpam"]["State"] == "ENABLED"


def test_the_file_may_have_more_tasks_than_a_bus(world: World, deployments: Deployments) -> None:
    tasks = [{**SCHEDULE["tasks"][0], "name": f"Job{number}"} for number in range(301)]
    world.upload({"tasks": tasks})
    assert deployments.start().until("PlanDeployment").document["config"]["tasks"] == 301


ONCE = {"name": "Once", "task": "spam_task", "at": "2030-01-31T07:00:00", "timezone": "Europe/Berlin"}
PAST = ONCE | {"at": "2026-01-31T07:00:00"}


@pytest.mark.parametrize("by_version", [False, True], ids=["today's file", "a version of it"])
def test_a_time_that_is_past_is_refused_of_a_new_task(world: World, deployments: Deployments, by_version: bool) -> None:
    version = world.upload({"tasks": [PAST]})
    asked = {"schedule_key": "scheduled_tasks.json", "schedule_version": version} if by_version else {}
    with pytest.raises(ConfigError, match=r"tasks\[0\].at: 2026-01-31T07:00:00 in Europe/Berlin is past, or less"):
        deployments.start(**asked).until("PlanDeployment")


def test_a_time_that_has_come_since_is_no_problem(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [ONCE]})
    assert deployments.start().run() == "Deployed"
    found = {**members(schedules()[f"{GROUP}/{PREFIX}Once"]), "ScheduleExpression": f"at({PAST['at']})"}
    client("scheduler").update_schedule(**found | named("Once"))
    world.upload({"tasks": [PAST]})
    assert deployments.start().run() == "NothingToDo"


def test_a_release_that_is_brought_back_may_have_a_time_that_is_past(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [ONCE]})
    assert deployments.start().run() == "Deployed"
    found = {**members(schedules()[f"{GROUP}/{PREFIX}Once"]), "ScheduleExpression": f"at({PAST['at']})"}
    client("scheduler").update_schedule(**found | named("Once"))
    for tasks in ([PAST, SCHEDULE["tasks"][0]], [SCHEDULE["tasks"][0]]):
        world.upload({"tasks": tasks})
        assert deployments.start().run() == "Deployed"
    assert deployments.ask(**BACK | {"release": "v2"}).run() == "Deployed"
    assert world.schedules()["Once"]["State"] == "DISABLED"


@pytest.mark.exhaustive(first=0)
def test_the_plan_says_when_clocks_skip_a_run(world: World, deployments: Deployments) -> None:
    night = ONCE | {"at": None, "cron": "30 2 * * ? *"}
    world.upload({"tasks": [{key: value for key, value in night.items() if value}]})
    deployment = deployments.start()
    assert deployment.run() == "Deployed"
    assert "Once: on Sun 20" in (summary := deployment.document["plan"]["summary"])
    assert "the clocks of Europe/Berlin skip 02:00 to 03:00, and so the run of 02:30" in summary
    again = deployments.start(NEXT).until("RegisterRevisions")
    assert "the clocks" not in again.document["plan"]["summary"], "said once"


def test_of_which_tasks_the_plan_gives_advice(world: World, deployments: Deployments) -> None:
    """Of those that are on, are in Scheduler for a key of theirs, and are new there or have other times."""
    night = {"task": "spam_task", "cron": "30 2 * * ? *", "timezone": "Europe/Berlin"}
    off = {**night, "name": "Off", "enabled": False}
    past = {"name": "Past", "task": "spam_task", "cron": "0 6 1 1 ? 2026"}
    asked: list[tuple[dict[str, Any], bool]] = [({}, True), ({}, False), ({"window": 5}, True)]
    asked.append(({"window": 5, "start": "2027-01-01T00:00:00Z"}, False))
    for keys, is_said in asked:
        world.upload({"tasks": [{**night, "name": "Night", **keys}, off, past]})
        deployment = deployments.start()
        assert deployment.run() == ("Deployed" if keys or is_said else "NothingToDo")
        summary = deployment.document["plan"]["summary"]
        assert ("Night: on Sun 20" in summary, "Off: " in summary, "Past: " in summary) == (is_said, False, False)


@pytest.mark.parametrize("is_on", [True, False], ids=["beside a schedule", "beside one that is off"])
def test_what_a_move_left_may_have_what_no_schedule_has(is_on: bool, world: World, later: Deployments) -> None:
    """It goes. But where the rule is what the job has, nothing of it is lost in silence."""
    own = [{"Key": "rota:app", "Value": APP}]
    client("events").put_rule(Name=PREFIX + "IngestData", ScheduleExpression="rate(1 day)", State="DISABLED", Tags=own)
    ecs = {"TaskDefinitionArn": arn(2), "Group": "jobs"}
    target = {"Id": "1", "Arn": CLUSTER_ARN, "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"], "EcsParameters": ecs}
    client("events").put_targets(Rule=PREFIX + "IngestData", Targets=[target])
    if is_on:
        assert later.start(NEXT).run() == "Deployed"
        assert world.owned_rules() == {}
        return
    found = members(schedules()[f"{GROUP}/{PREFIX}IngestData"])
    client("scheduler").update_schedule(**found | named("IngestData") | {"State": "DISABLED"})
    with pytest.raises(RejectedError, match="IngestData has Group, which Rota gives no schedule of EventBridge Sch"):
        later.start(NEXT).until("PlanDeployment")
