"""RunBefore: the file's `before` runs once, before anything is switched; its exit code decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.errors import OvertakenError, RejectedError, StillRunningError
from stage.ecs.script import Outcome
from stage.gateway.calls import Call, Reply
from tests.in_process import client
from tests.steps import items
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, NEXT, THIRD, Deployment, Deployments
from tests.steps.items import LEASE
from tests.steps.local_stage import local_stage
from tests.steps.snapshots import once
from tests.steps.test_pauses import sweep
from tests.steps.world import World

MIGRATION = {"task": "migrate", "timeout": 10}
WITH_BEFORE = AFTER | {"before": MIGRATION}
PAUSING = AFTER | {"before": MIGRATION | {"pause_tasks": True}}
LASTING = 3600
"""Seconds: what takes a minute never happens here, so that a task does not end."""


@pytest.fixture
def live(of_before: Deployments, world: World, monkeypatch: pytest.MonkeyPatch) -> Deployments:
    """Deployments after a first one, in a subnet that there is; the next has a migration, which ends well."""
    monkeypatch.setenv("SUBNETS", client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])
    monkeypatch.setenv("SECURITY_GROUPS", "")
    of_before.in_real_time()
    world.upload(WITH_BEFORE)
    ends()
    world.calls.made.clear()
    return of_before


@pytest.fixture
def before(world: World, live: Deployments) -> tuple[Any, ...]:
    """All that a deployment may change, before the one with the migration."""
    return world.everything()


@pytest.fixture
def push(world: World, live: Deployments, before: tuple[Any, ...]) -> Deployment:
    """The next deployment, just before its migration starts."""
    return planned(world, live, WITH_BEFORE)


def planned(world: World, deployments: Deployments, file: dict[str, Any]) -> Deployment:
    made = _planned(world=world, deployments=deployments, file=file)
    ends()
    return made


@once
def _planned(world: World, deployments: Deployments, file: dict[str, Any]) -> Deployment:
    world.upload(file)
    push = deployments.start(NEXT).until("RunBefore")
    world.calls.made.clear()
    return push


def ends(code: int = 0, *, seconds: float = 1, **script: float) -> None:
    """The next tasks end with that exit code, after so many seconds."""
    fails = float(code != 0)
    local_stage().settings.change(
        {
            "tasks": "scripted",
            "script": {"seconds": seconds, "spread": 0, "fails": fails, "exit_code": code or 1} | script,
        }
    )


def tasks() -> list[dict[str, Any]]:
    """All tasks that ECS knows and the app's service did not start."""
    ecs = client("ecs")
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster="production", desiredStatus=status)["taskArns"]
    ]
    found: list[dict[str, Any]] = ecs.describe_tasks(cluster="production", tasks=arns)["tasks"] if arns else []
    return [task for task in found if task.get("startedBy", "").startswith("rota/")]


def end_tasks(code: int = 0) -> None:
    """What runs ends with that exit code."""
    running = local_stage().background._tasks
    for run in [*running._runs.values()]:
        running._exit(run, Outcome(0, code, run.stop) if run.stop else Outcome(0, code))


class IgnoringSigterm:
    """A hook with which a task runs on that is stopped."""

    def before(self, call: Call) -> Reply | None:
        if call.operation != "StopTask":
            return None
        running, arn = local_stage().background._tasks, call.params["task"]
        running._warn(running._runs[arn.rpartition("/")[2]], "UserInitiated", call.params["reason"])
        found = client("ecs").describe_tasks(cluster="production", tasks=[arn])["tasks"]
        return Reply.result(call, {"task": found[0]})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


class EndingFirst:
    """A hook with which what runs ends by itself just before it is stopped."""

    def before(self, call: Call) -> None:
        if call.operation == "StopTask":
            end_tasks()

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def entered_ago(ago: timedelta) -> None:
    """RunBefore has entered so long ago."""
    at = (datetime.now(UTC) - ago).isoformat()
    items.change(LEASE, "SET deployment.entered.RunBefore = :at", at={"S": at})


def states(world: World) -> dict[str, str]:
    return {task: rule["State"] for task, rule in world.owned_rules().items()}


def test_a_migration_runs_before_anything_is_switched(world: World, live: Deployments) -> None:
    before = world.rules(), world.service()["taskDefinition"]
    push = live.start(NEXT).until("AreThereRulesToClear")
    (task,) = tasks()
    assert (world.rules(), world.service()["taskDefinition"]) == before
    assert push.document["before"]["finished"]
    (ran,) = task["overrides"].get("containerOverrides", [{}])[:1] or [{}]
    assert "environment" not in ran, "no run of a job"
    containers = world.containers(int(task["taskDefinitionArn"].rpartition(":")[2]))
    assert containers["app"]["command"] == ["./bin/start", "migrate"]
    assert containers["app"]["image"].endswith(NEXT)
    assert push.run() == "Deployed"
    assert len(tasks()) == 1
    assert "before: runs the migration ./bin/start migrate" in world.entry(push.arn)["summary"]
    assert (live.start(NEXT).run(), len(tasks())) == ("NothingToDo", 1)


def test_a_failing_migration_leaves_everything_as_it_was(
    world: World, push: Deployment, before: tuple[Any, ...]
) -> None:
    ends(3)
    assert push.run() == "DeploymentFailed"
    assert world.everything() == before
    restored = push.document["restored"]
    assert restored["error"] == "TaskFailedError"
    assert restored["cause"].startswith("RunBefore: the migration ended with exit code 3 after ")
    assert "What the migration did before it ended stays." in restored["cause"]
    assert "For the app's developers" in restored["cause"]
    assert "ecs.StopTask" not in world.calls.made
    assert {call for call in world.calls.writes() if call.startswith(("events.", "scheduler."))} == {"events.PutEvents"}


def test_without_pausing_no_pause_is_asked_for(world: World, push: Deployment) -> None:
    push.until("AreThereRulesToClear")
    assert "dynamodb.Query" not in world.calls.made


def test_a_migration_done_twice_is_started_once(push: Deployment) -> None:
    first = push.step("RunBefore")
    push.document["before"] = None  # its response was lost
    assert push.step("RunBefore")["task_arn"] == first["task_arn"]
    push.until("ClearRules")
    assert len(tasks()) == 1


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", ["ecs.RunTask", "dynamodb.UpdateItem"])
def test_a_killed_start_is_made_good(call: str, after: bool, world: World, push: Deployment) -> None:
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        push.step("RunBefore")
    push.until("ClearRules")
    assert len(tasks()) == 1


class StartingNothing:
    """A hook with which ECS has no capacity."""

    def before(self, call: Call) -> Reply | None:
        if call.operation != "RunTask":
            return None
        return Reply.result(call, {"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_the_whole_answer_of_each_round(push: Deployment) -> None:
    none_yet = {"task_arn": "", "revision": "", "asked_at": None, "since": None}
    open_ = {"kind": "before", "finished": False, "exit_code": None, "seconds": None}
    with local_stage().hooked(StartingNothing()):
        for attempt, wait in ((2, 15), (3, 30), (4, 60), (5, 120)):
            assert push.step("RunBefore") == none_yet | open_ | {
                "attempt": attempt,
                "reason": "RESOURCE:ENI",
                "progress": f"it did not begin (RESOURCE:ENI); tried again in {wait} s",
                "wait_seconds": wait,
            }
        with pytest.raises(RejectedError) as refused:
            push.step("RunBefore")
        assert str(refused.value) == "the migration did not begin: ECS started nothing in 5 attempts: RESOURCE:ENI"
    ends(seconds=LASTING)
    started = push.step("RunBefore")
    (task,) = tasks()
    name = task["taskArn"].rpartition("/")[2]
    begun = {
        "task_arn": task["taskArn"],
        "revision": task["taskDefinitionArn"],
        "asked_at": started["asked_at"],
        "since": None,
        "attempt": 5,
        "reason": "",
    }
    said = {"progress": f"task {name} is being started", "wait_seconds": 5}
    assert started == begun | open_ | said
    assert datetime.fromisoformat(started["asked_at"]) == task["createdAt"]
    assert push.step("RunBefore") == begun | open_ | said | {"progress": f"task {name} runs"}
    end_tasks()
    found = push.step("RunBefore")
    ended = {"finished": True, "exit_code": 0, "seconds": found["seconds"]}
    assert found == begun | open_ | ended | {"progress": "ended with exit code 0", "wait_seconds": 0}
    assert found["seconds"] < 60


class ShowingNoTask:
    """A hook that answers as ECS does of a task that it does not show yet, or does not know any more."""

    def before(self, call: Call) -> Reply | None:
        if call.operation != "DescribeTasks":
            return None
        failures = [{"arn": arn, "reason": "MISSING"} for arn in call.params["tasks"]]
        return Reply.result(call, {"tasks": [], "failures": failures})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_a_task_that_ecs_does_not_show_yet_is_waited_for(push: Deployment) -> None:
    ends(seconds=LASTING)
    started = push.step("RunBefore")
    with local_stage().hooked(ShowingNoTask()):
        assert push.step("RunBefore") == started
        asked_at = datetime.fromisoformat(started["asked_at"]) - timedelta(minutes=2)
        push.document["before"] = started | {"asked_at": asked_at.isoformat()}
        with pytest.raises(RejectedError, match=r"^ECS does not know the task arn:\S+ of the migration any more"):
            push.step("RunBefore")


@pytest.mark.parametrize(("step", "kind"), [("RunBefore", "before"), ("RunAfter", "after")])
def test_without_one_nothing_runs(step: str, kind: str, changing: Deployment) -> None:
    """The machine passes it by; a plan of another version may lead here."""
    answer = changing.until("AreThereRulesToClear").step(step)
    assert (answer["kind"], answer["finished"], answer["exit_code"]) == (kind, True, 0)
    assert (answer["progress"], answer["task_arn"], answer["wait_seconds"]) == ("nothing to run", "", 0)
    assert tasks() == []


def test_a_newer_push_lets_a_migration_end(
    world: World, live: Deployments, push: Deployment, before: tuple[Any, ...]
) -> None:
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    newer = live.start(THIRD)
    world.execution(push.context["Execution"]["Name"])
    assert newer.step("TakeTurn")["decision"] == "wait"
    assert not push.step("RunBefore")["finished"]
    end_tasks()
    assert push.run() == "Overtaken"
    assert world.everything() == before
    assert "ecs.StopTask" not in world.calls.made
    assert world.entry(push.arn)["cause"].startswith(
        "The migration ran and stays. ClearRules: a newer push has arrived"
    )


def test_a_newer_push_comes_before_a_migration(world: World, live: Deployments, push: Deployment) -> None:
    world.execution(push.context["Execution"]["Name"])
    live.start(THIRD).step("TakeTurn")
    assert push.run() == "Overtaken"
    assert tasks() == []


def test_a_person_who_aborts_stops_the_migration(world: World, push: Deployment, before: tuple[Any, ...]) -> None:
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    push.stop()
    assert push.restorer().run() == "Restored"
    (task,) = tasks()
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "UserInitiated")
    assert world.everything() == before
    cause = world.entry(push.arn)["cause"]
    assert f"The migration, task {task['taskArn'].rpartition('/')[2]}, was stopped. " in cause
    assert "What the migration did before it ended stays." in cause


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "RunTask's answer was lost"])
def test_the_lease_stays_until_a_migration_has_ended(recorded: bool, world: World, live: Deployments) -> None:
    world.upload(PAUSING)
    before = states(world)
    ends(seconds=LASTING)
    push = live.start(NEXT).until("WaitForBefore" if recorded else "RunBefore")
    if not recorded:
        with world.calls.killing("ecs.RunTask", after=True), pytest.raises(KilledError):
            push.step("RunBefore")
    push.stop()
    restorer = push.restorer().until("RestoreDeployment")
    with local_stage().hooked(IgnoringSigterm()):
        for _ in range(2):
            with pytest.raises(StillRunningError, match=r"the migration, task \w+, is being stopped"):
                restorer.step("RestoreDeployment")
        assert ("holder" in items.read(LEASE), {*states(world).values()}) == (True, {"DISABLED"})
        end_tasks(137)
        assert restorer.run() == "Restored"
    assert ("holder" in items.read(LEASE), states(world)) == (False, before)
    assert ", was stopped. " in world.entry(push.arn)["cause"]


def test_one_that_does_not_end_keeps_the_lease_for_minutes_only(live: Deployments, push: Deployment) -> None:
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    push.stop()
    restorer = push.restorer().until("RestoreDeployment")
    with local_stage().hooked(IgnoringSigterm()):
        for retries in (0, 7):
            restorer.context["State"]["RetryCount"] = retries
            items.change(LEASE, "SET deployment.restore_attempts = :earlier", earlier={"N": str(retries)})
            with pytest.raises(StillRunningError):
                restorer.step("RestoreDeployment")
        restorer.context["State"]["RetryCount"] = 8
        assert ", is being stopped. " in restorer.step("RestoreDeployment")["cause"]
        ends()
        live.start(THIRD).until("WaitForBefore")
        assert len(tasks()) == 1, "the next one waits for its end"


def test_one_that_cannot_be_stopped_is_left_to_the_next(world: World, live: Deployments, push: Deployment) -> None:
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    push.stop()
    restorer = push.restorer().until("RestoreDeployment")
    restorer.context["State"]["RetryCount"] = 8
    items.change(LEASE, "SET deployment.restore_attempts = :eight", eight={"N": "8"})
    with world.calls.refusing("ecs.StopTask", "AccessDeniedException"):
        assert "the migration could not be stopped: " in restorer.step("RestoreDeployment")["cause"]
    ends()
    live.start(THIRD).until("AreThereRulesToClear")
    assert {task["stoppedReason"][:26] for task in tasks()} >= {"The deployment deployment-"}


def test_one_that_is_not_in_the_record_is_stopped_too(world: World, push: Deployment) -> None:
    """Aborted in the moment in which RunTask was called."""
    ends(seconds=LASTING)
    with world.calls.killing("ecs.RunTask", after=True), pytest.raises(KilledError):
        push.step("RunBefore")
    push.stop()
    assert push.restorer().run() == "Restored"
    assert [task["lastStatus"] for task in tasks()] == ["STOPPED"]


def is_lost(push: Deployment) -> None:
    """It is aborted, and the event of that is lost."""
    push.stop(timedelta(minutes=4))
    items.change(LEASE, "SET at_work = :none", none={"M": {}})


@pytest.mark.exhaustive(first=1)
class TestWhatAnotherHasLeftRunning:
    """It was aborted in the middle of its migration, and the event of that is lost."""

    @pytest.fixture(params=[True, False], ids=["recorded", "RunTask's answer was lost"])
    def left(self, request: pytest.FixtureRequest, world: World, push: Deployment) -> str:
        """The ARN of its task."""
        ends(seconds=LASTING)
        push.until("WaitForBefore" if request.param else "RunBefore")
        if not request.param:
            with world.calls.killing("ecs.RunTask", after=True), pytest.raises(KilledError):
                push.step("RunBefore")
        is_lost(push)
        (task,) = tasks()
        return str(task["taskArn"])

    def test_it_is_stopped_before_the_next_one(self, left: str, world: World, live: Deployments) -> None:
        push = live.start(THIRD)
        with local_stage().hooked(IgnoringSigterm()):
            push.until("WaitForBefore")
            assert len(tasks()) == 1, "two must not run at once"
            assert f"task {left.rpartition('/')[2]}, is being stopped" in push.document["before"]["progress"]
            end_tasks(137)
        ends()
        push.until("AreThereRulesToClear")
        stopped = {task["taskArn"]: task["stoppedReason"] for task in tasks()}
        assert len(stopped) == 2
        assert stopped[left] == "The deployment deployment-2 was aborted, and the next one runs its own migration"
        assert "left_running" not in items.read(LEASE)

    @pytest.mark.exhaustive(first=0)
    def test_it_ends_as_it_is_to_be_stopped(self, left: str, world: World, live: Deployments) -> None:
        """AWS denies StopTask then, as its tags are gone."""
        ends()
        refused = world.calls.refusing("ecs.StopTask", "AccessDeniedException")
        with local_stage().hooked(EndingFirst()), refused:
            live.start(THIRD).until("AreThereRulesToClear")
        assert len(tasks()) == 2

    @pytest.mark.exhaustive(first=0)
    def test_its_end_is_no_part_of_the_timeout(self, left: str, world: World, live: Deployments) -> None:
        with local_stage().hooked(IgnoringSigterm()):
            push = live.start(THIRD).until("WaitForBefore")
            entered_ago(timedelta(minutes=9, seconds=50))
            push.step("RunBefore")
            assert push.document["before"]["wait_seconds"] == 59
            end_tasks(137)
        ends(seconds=LASTING)
        push.step("RunBefore")
        entered_ago(timedelta(minutes=11))
        assert not push.step("RunBefore")["finished"]
        end_tasks()
        assert push.step("RunBefore")["finished"]

    @pytest.mark.exhaustive(first=0)
    def test_also_by_a_later_one(self, left: str, world: World, live: Deployments) -> None:
        world.upload({"tasks": "none"})
        assert live.start(THIRD).run() == "DeploymentFailed"
        world.upload(WITH_BEFORE)
        ends()
        live.start(THIRD).until("AreThereRulesToClear")
        assert len(tasks()) == 2
        assert {task["taskArn"] for task in tasks() if task["stopCode"] == "UserInitiated"} == {left}

    @pytest.mark.exhaustive(first=0)
    @pytest.mark.parametrize("ended", [False, True], ids=["it runs", "it has ended"])
    def test_a_newer_push_comes_before_it(self, ended: bool, left: str, world: World, live: Deployments) -> None:
        with local_stage().hooked(IgnoringSigterm()):
            push = live.start(THIRD).until("WaitForBefore")
            world.execution(push.context["Execution"]["Name"])
            live.start().step("TakeTurn")
            if ended:
                end_tasks(137)
                ends()
            assert push.run() == "Overtaken"
        assert [task["taskArn"] for task in tasks()] == [left]

    def test_one_that_does_not_end_fails_the_next(self, left: str, world: World, live: Deployments) -> None:
        with local_stage().hooked(IgnoringSigterm()):
            push = live.start(THIRD).until("WaitForBefore")
            entered_ago(timedelta(minutes=11))
            assert push.run() == "DeploymentFailed"
        cause = push.document["restored"]["cause"]
        assert "did not begin within its timeout of 10 minutes: the migration of deployment-2, task " in cause


def test_a_migration_is_stopped_at_its_timeout(push: Deployment) -> None:
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    entered_ago(timedelta(minutes=11))
    assert push.run() == "DeploymentFailed"
    cause = push.document["restored"]["cause"]
    assert cause.startswith("RunBefore: the migration did not end within its timeout of 10 minutes, and is stopped")
    assert [task["lastStatus"] for task in tasks()] == ["STOPPED"]


def test_at_its_timeout_a_process_that_has_ended_counts(push: Deployment) -> None:
    """Fargate shows the task as STOPPED some 20 seconds later."""
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    local_stage().settings.change({"start_seconds": LASTING})
    end_tasks()
    entered_ago(timedelta(minutes=11))
    answer = push.step("RunBefore")
    assert (tasks()[0]["lastStatus"], answer["finished"], answer["wait_seconds"]) == ("DEPROVISIONING", False, 5)


def test_at_its_timeout_it_may_not_have_begun(push: Deployment) -> None:
    local_stage().settings.change({"start_seconds": LASTING})
    push.until("WaitForBefore")
    entered_ago(timedelta(minutes=11))
    with pytest.raises(
        RejectedError, match=r"did not begin within its timeout of 10 minutes: task \w+ is PROVISIONING"
    ):
        push.step("RunBefore")


def test_what_a_person_stops_is_not_started_again(push: Deployment) -> None:
    ends(seconds=LASTING)
    push.until("WaitForBefore")
    client("ecs").stop_task(cluster="production", task=push.document["before"]["task_arn"], reason="it locks the table")
    assert push.run() == "DeploymentFailed"
    assert "the migration failed: a person or a program stopped the task" in push.document["restored"]["cause"]
    assert len(tasks()) == 1


def test_what_never_began_is_started_again(push: Deployment) -> None:
    ends(does_not_start=1)
    push.until("WaitForBefore")
    push.step("RunBefore")
    assert "did not begin" in push.document["before"]["progress"]
    ends()
    push.until("AreThereRulesToClear")
    assert [task["lastStatus"] for task in tasks()] == ["STOPPED"] * 2
    assert push.document["before"]["attempt"] == 2


def test_what_never_begins_fails_at_the_fifth_start(push: Deployment) -> None:
    ends(does_not_start=1)
    push.until("WaitForBefore").document["before"]["attempt"] = 4
    assert push.run() == "DeploymentFailed"
    restored = push.document["restored"]
    assert restored["error"] == "RejectedError"
    assert restored["cause"].startswith("RunBefore: the migration did not begin: the task's network did not come up")
    assert "stays" not in restored["cause"]
    assert len(tasks()) == 2


def test_without_capacity_it_is_asked_for_again(push: Deployment) -> None:
    local_stage().settings.change({"run_task": "capacity"})
    push.until("WaitForBefore")
    assert push.document["before"]["progress"].startswith("it did not begin (Capacity is unavailable")
    local_stage().settings.change({"run_task": "ok"})
    push.until("AreThereRulesToClear")
    assert (push.document["before"]["finished"], len(tasks())) == (True, 1)


def test_what_never_began_gives_way_to_a_newer_push(world: World, live: Deployments, push: Deployment) -> None:
    local_stage().settings.change({"run_task": "capacity"})
    push.until("WaitForBefore")
    world.execution(push.context["Execution"]["Name"])
    live.start(THIRD).step("TakeTurn")
    assert (push.run(), tasks()) == ("Overtaken", [])


@pytest.mark.exhaustive(first=0)
def test_a_spot_interruption_is_not_a_bug_of_the_migration(push: Deployment) -> None:
    ends(interrupted=1, seconds=0)
    push.until("WaitForBefore")
    end_tasks(143)
    assert push.run() == "DeploymentFailed"
    assert push.document["restored"]["error"] == "RejectedError"
    assert "the migration failed: AWS interrupted the Spot task" in push.document["restored"]["cause"]
    assert len(tasks()) == 1, "it had begun"


def test_a_later_failure_says_that_the_migration_ran(world: World, push: Deployment, before: tuple[Any, ...]) -> None:
    push.until("CheckService").fail("RejectedError", "what happened")
    push.step("RestoreDeployment")
    assert world.entry(push.arn)["cause"].startswith("The migration ran and stays. CheckService: what happened. ")
    assert world.everything() == before
    assert "ecs.StopTask" not in world.calls.made


class TestWhenItRuns:
    def test_not_for_what_is_live(self, world: World, live: Deployments) -> None:
        assert live.start().run() == "Deployed"  # the file alone changes
        assert tasks() == []

    @pytest.mark.exhaustive(first=0)
    def test_not_for_the_file_alone(self, world: World, live: Deployments) -> None:
        """Also if a person has rolled the service to another image meanwhile."""
        ecs, service = client("ecs"), world.service()
        world.push(NEXT, "next")
        content = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        containers = [
            each | {"image": f"{each['image'].rpartition('@')[0]}@{NEXT}"} for each in content["containerDefinitions"]
        ]
        members = {
            "containerDefinitions": containers,
            **{
                name: content[name]
                for name in (
                    "family",
                    "cpu",
                    "memory",
                    "networkMode",
                    "requiresCompatibilities",
                    "executionRoleArn",
                    "taskRoleArn",
                )
            },
        }
        other = ecs.register_task_definition(**members)["taskDefinition"]["taskDefinitionArn"]
        ecs.update_service(cluster="production", service=service["serviceName"], taskDefinition=other)
        world.roll("COMPLETED")
        assert live.ask(kind="schedule", by="ann").run() == "Deployed"
        assert (tasks(), world.service()["taskDefinition"] != other) == ([], True)

    def test_for_a_rollback_only_if_asked_for(self, world: World, live: Deployments) -> None:
        assert live.start(NEXT).run() == "Deployed"
        world.push(NEXT, "kept")
        assert live.start(THIRD).run() == "Deployed"
        back = live.ask(kind="rollback", release="v2").until("AreThereRulesToClear")
        assert len(tasks()) == 2
        assert "the migration does not run for a rollback" in back.document["plan"]["summary"]
        back.fail("RejectedError", "what happened")
        back.step("RestoreDeployment")
        asked = live.ask(kind="rollback", release="v2", with_before=True).until("AreThereRulesToClear")
        assert len(tasks()) == 3
        assert "the migration does not run for a rollback" not in asked.document["plan"]["summary"]


class TestPausingJobs:
    @pytest.fixture(autouse=True)
    def _file(self, world: World, live: Deployments) -> None:
        world.upload(PAUSING)

    @pytest.fixture
    def push(self, world: World, live: Deployments, before: tuple[Any, ...]) -> Deployment:
        return planned(world, live, PAUSING)

    def test_no_job_starts_meanwhile(self, world: World, push: Deployment) -> None:
        before = states(world)
        ends(seconds=LASTING)
        push.until("WaitForBefore")
        assert {*states(world).values()} == {"DISABLED"}
        end_tasks()
        assert states(world) != before
        push.until("AreThereRulesToClear")
        assert states(world) == before
        assert push.run() == "Deployed"
        assert {*states(world).values()} == {"ENABLED"}

    @pytest.mark.exhaustive(first=0)
    @pytest.mark.parametrize("code", [1, None], ids=["it fails", "it is aborted"])
    def test_they_start_again_also_when(
        self, code: int | None, world: World, push: Deployment, before: tuple[Any, ...]
    ) -> None:
        ends(seconds=LASTING)
        push.until("WaitForBefore")
        if code:
            end_tasks(code)
            assert push.run() == "DeploymentFailed"
        else:
            push.stop()
            assert push.restorer().run() == "Restored"
        assert world.everything() == before

    @pytest.mark.exhaustive(first=1)
    @pytest.mark.parametrize("call", ["events.DisableRule", "dynamodb.PutItem", "events.EnableRule"])
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_killed_halfway_and_aborted(
        self, call: str, after: bool, world: World, push: Deployment, before: tuple[Any, ...]
    ) -> None:
        with world.calls.killing(call, skip=1, after=after), pytest.raises(KilledError):
            push.step("RunBefore")
            push.step("RunBefore")
        push.stop()
        assert push.restorer().run() == "Restored"
        assert world.everything() == before

    @pytest.mark.exhaustive(first=0)
    def test_a_migration_ran_whose_pauses_cannot_be_ended(
        self, world: World, push: Deployment, before: tuple[Any, ...]
    ) -> None:
        with (
            world.calls.refusing("events.EnableRule", "AccessDeniedException", count=0),
            pytest.raises(RejectedError, match="EnableRule was denied") as refused,
        ):
            push.until("AreThereRulesToClear")
        push.fail("RejectedError", str(refused.value))
        push.step("RestoreDeployment")
        cause = world.entry(push.arn)["cause"]
        assert cause.startswith("The migration ran and stays. RunBefore: ")
        assert "before it ended" not in cause
        assert world.everything() == before, "the restore has ended them"

    @pytest.mark.exhaustive(first=0)
    def test_those_of_a_migration_that_was_left_running(
        self, world: World, live: Deployments, push: Deployment
    ) -> None:
        ends(seconds=LASTING)
        is_lost(push.until("WaitForBefore"))
        ends()
        live.start(THIRD).until("AreThereRulesToClear")
        assert {*states(world).values()} == {"ENABLED"}

    def test_what_was_live_is_read_before_its_start_alone(self, world: World, push: Deployment) -> None:
        ends(seconds=LASTING)
        for snapshots in (1, 0):
            world.calls.made.clear()
            push.step("RunBefore")
            assert world.calls.made.count("s3.GetObject") == 2 + snapshots, "beside plan and revisions"

    def test_a_newer_push_comes_before_it(self, world: World, live: Deployments, push: Deployment) -> None:
        before = states(world)
        world.execution(push.context["Execution"]["Name"])
        live.start(THIRD).step("TakeTurn")
        with pytest.raises(OvertakenError):
            push.step("RunBefore")
        assert (states(world), tasks(), "events.DisableRule" in world.calls.made) == (before, [], False)

    def test_sweep_ends_it_if_nothing_else_does(self, world: World, push: Deployment) -> None:
        before = states(world)
        ends(seconds=LASTING)
        push.until("WaitForBefore")
        sweep(timedelta(minutes=9))
        assert {*states(world).values()} == {"DISABLED"}
        sweep(timedelta(minutes=11))
        assert states(world) == before

    @pytest.mark.exhaustive(first=0)
    def test_what_runs_no_more_stays_as_it_is(
        self, world: World, live: Deployments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """AWS might start a job of one time at once if it was switched off and on after that."""
        group = client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]
        monkeypatch.setenv("SECURITY_GROUPS", group)
        once = {"name": "Once", "task": "once_task", "at": "2126-01-31T07:00:00"}
        world.upload(AFTER | {"tasks": [*AFTER["tasks"], once]})
        assert live.start().run() == "Deployed"
        scheduler = client("scheduler")
        (shown,) = scheduler.list_schedules()["Schedules"]
        which = {"Name": shown["Name"], "GroupName": shown["GroupName"]}
        found = scheduler.get_schedule(**which)
        members = {name: found[name] for name in ("Target", "FlexibleTimeWindow", "ScheduleExpressionTimezone")}
        scheduler.update_schedule(**which, **members, ScheduleExpression="at(2026-01-31T07:00:00)", State="ENABLED")
        world.upload(PAUSING | {"tasks": [*AFTER["tasks"], once | {"at": "2026-01-31T07:00:00"}]})
        ends(1)
        assert live.start(NEXT).run() == "DeploymentFailed"
        assert scheduler.get_schedule(**which)["State"] == "ENABLED"

    @pytest.mark.exhaustive(first=1)
    @pytest.mark.parametrize("by", ["the deployment", "Sweep"])
    def test_what_a_person_paused_is_paused_again(self, by: str, world: World, live: Deployments) -> None:
        live.ask(kind="pause", pause={"tasks": ["IngestData"]}, by="ann").run()
        ends(seconds=LASTING if by == "Sweep" else 1)
        push = live.start(NEXT)
        if by == "Sweep":
            push.until("WaitForBefore")
            sweep(timedelta(minutes=11))
        else:
            push.until("AreThereRulesToClear")
        found = states(world)
        assert found.pop("IngestData") == "DISABLED"
        assert {*found.values()} == {"ENABLED"}
