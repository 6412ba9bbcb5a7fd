"""Aborted executions: another execution restores what they changed, wherever they were stopped."""

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.ecr.manifest import digest
from tests.examples import end_of
from tests.stage.account import (
    PREFIX,
    Described,
    account,
    history,
    push_of,
    schedules,
    states,
    writes,
)
from tests.stage.held import held, pushed_behind
from tests.stage.restored import assert_all_is_as_it_was
from tests.stage.scenarios import NEXT, delete_artifacts, events_lost
from tests.stage.test_redrive import redriven

WHY = "the wrong branch"


@pytest.fixture
def changing(deployed: Client) -> Client:
    """A stage on which the guestbook runs, and on which the next push adds, changes, keeps and removes tasks."""
    deployed.upload_schedule(NEXT)
    return deployed


def stop(stage: Client, execution: str) -> Described:
    stage.client("stepfunctions").stop_execution(executionArn=execution, cause=WHY)
    stopped = stage.wait(execution)
    assert stopped["status"] == "ABORTED"
    return stopped


def pushed_and_stopped_at(stage: Client, caller: str, service: str, operation: str) -> Described:
    """Push v2, and stop its execution after that call."""
    stage.push("v2")
    wait_for(lambda: [each for each in stage.calls(service, operation) if each["caller"] == caller], 30)
    return stop(stage, stage.executions()[0])


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("caller", "service", "operation"),
    [
        ("CreateTargets", "events", "PutTargets"),
        ("ClearRules", "dynamodb", "UpdateItem"),
        ("RollService", "ecs", "UpdateService"),
        ("CheckService", "ecs", "DescribeServices"),
    ],
)
def test_an_aborted_deployment_is_restored_wherever_it_stopped(
    changing: Client, caller: str, service: str, operation: str
) -> None:
    """A *Redrive* of it finds that."""
    before = account(changing)
    changing.settings(rollout="hangs", latency_ms=20)

    stopped = pushed_and_stopped_at(changing, caller, service, operation)
    changing.settings(rollout="completes", latency_ms=0)
    restored = changing.restored_by(stopped["executionArn"])

    assert (restored["status"], states(changing, restored)[-1]) == ("SUCCEEDED", "Restored")
    assert_all_is_as_it_was(changing, before)
    entry = history(changing)[0]
    assert (entry["execution"], entry["outcome"], entry["digest"]) == (stopped["executionArn"], "aborted", digest("v2"))
    assert f": the execution was aborted: {WHY}. " in entry["cause"]

    changing.clear_calls()
    again = redriven(changing, stopped)
    assert (again["status"], states(changing, again)[-1], *writes(changing)) == ("SUCCEEDED", "Restored")
    assert [event["type"] for event in changing.history(again["executionArn"])].count("ExecutionRedriven") == 1
    assert [entry["outcome"] for entry in history(changing)] == ["aborted", "deployed"]


DENIED = {"service": "events", "operation": "PutRule", "caller": "RestoreDeployment", "fault": "denied"}


@pytest.mark.exhaustive(first=0)
def test_the_next_deployment_waits_for_the_restore_and_may_fail(changing: Client) -> None:
    """AWS refuses the restore for a while, in which no function runs."""
    before = account(changing)
    changing.settings(rollout="hangs")
    changing.faults([{**DENIED, "count": 6}])
    stopped = pushed_and_stopped_at(changing, "RollService", "ecs", "UpdateService")
    changing.settings(rollout="completes")
    changing.upload_schedule(b"broken")
    failed = changing.deploy("v3")
    assert failed["error"] == "ConfigError"
    assert states(changing, changing.restored_by(stopped["executionArn"]))[-1] == "Restored"
    changing.upload_schedule(NEXT)  # as the account was
    assert_all_is_as_it_was(changing, {**before, "objects": account(changing)["objects"]})
    assert [entry["outcome"] for entry in history(changing)] == ["failed", "aborted", "deployed"]


@pytest.mark.exhaustive(first=0)
def test_it_is_restored_while_step_functions_does_not_answer(changing: Client) -> None:
    before = account(changing)
    changing.settings(rollout="hangs")
    no_answer = {"service": "stepfunctions", "operation": "*", "caller": "TakeTurn", "count": 0}
    changing.push("v2")
    wait_for(lambda: changing.calls("ecs", "UpdateService"), 30)
    changing.faults([{**no_answer, "fault": "internal"}])
    stopped = stop(changing, changing.executions()[0])
    changing.settings(rollout="completes")
    assert states(changing, changing.restored_by(stopped["executionArn"]))[-1] == "Restored"
    assert_all_is_as_it_was(changing, before)


@pytest.mark.exhaustive(first=0)
def test_it_is_restored_if_its_end_shows_late(changing: Client) -> None:
    """DescribeExecution shows the end late, so it waits; then Step Functions does not answer any more."""
    before = account(changing)
    changing.settings(rollout="hangs")
    changing.push("v2")
    wait_for(lambda: changing.calls("ecs", "UpdateService"), 30)
    running = changing.executions()[0]
    early = changing.start({"id": "an-event", **end_of(running)})
    wait_for(lambda: "WaitForTurn" in states(changing, {"executionArn": early}), 30)
    with events_lost(changing):
        no_answer = {"service": "stepfunctions", "operation": "*", "caller": "TakeTurn", "count": 0}
        changing.faults([{**no_answer, "fault": "internal"}])
        stop(changing, running)
        changing.settings(rollout="completes")
        assert states(changing, changing.wait(early))[-1] == "Restored"
    assert_all_is_as_it_was(changing, before)


@pytest.mark.exhaustive(first=0)
def test_a_rule_that_another_app_took_over_is_not_restored(changing: Client) -> None:
    """The event was lost, and the restore starts days later."""
    events = changing.client("events")
    with events_lost(changing):
        stopped = pushed_and_stopped_at(changing, "CreateTargets", "events", "PutTargets")
    rule = f"{PREFIX}IngestData"
    events.untag_resource(ResourceARN=schedules(changing)["IngestData"]["Arn"], TagKeys=["rota:app"])
    events.put_rule(Name=rule, ScheduleExpression="rate(3 days)", Description="mine now")
    foreign = schedules(changing)["IngestData"]
    changing.start(end_of(stopped["executionArn"]))
    assert "IngestData has another owner now" in restored_cause(changing, stopped)
    assert schedules(changing)["IngestData"] == foreign


def restored_cause(stage: Client, stopped: Described) -> str:
    """The cause in the ledger after a stopped execution was restored."""
    stage.restored_by(stopped["executionArn"])
    return next(str(entry["cause"]) for entry in history(stage) if entry["execution"] == stopped["executionArn"])


@pytest.mark.exhaustive(first=0)
def test_a_restore_by_hand_runs_once(changing: Client) -> None:
    """The event may be lost or come twice."""
    before = account(changing)
    changing.settings(rollout="hangs")
    with events_lost(changing):
        stopped = pushed_and_stopped_at(changing, "RollService", "ecs", "UpdateService")
    changing.settings(rollout="completes")
    asked = end_of(stopped["executionArn"])
    both = [changing.start(asked), changing.start(asked)]
    assert [states(changing, changing.wait(each))[-1] for each in both] == ["Restored", "Restored"]
    assert_all_is_as_it_was(changing, before)
    assert [entry["outcome"] for entry in history(changing)] == ["aborted", "deployed"]
    assert changing.deploy("v3")["status"] == "SUCCEEDED"


@pytest.mark.exhaustive(first=0)
def test_one_aborted_while_waiting_for_the_lease_changes_nothing(changing: Client) -> None:
    with held(changing):
        first, waiting = pushed_behind(changing, "v2", "again", "v2")  # the same image, which overtakes no deployment
        stop(changing, waiting)
    assert states(changing, changing.restored_by(waiting))[-1] == "Restored"
    assert states(changing, changing.wait(first))[-1] == "Deployed"
    outcomes = {entry["execution"]: entry["outcome"] for entry in history(changing)}
    assert outcomes[waiting] == "aborted"


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("tag", ["a dry run", "a restore"])
def test_an_execution_that_changed_nothing_is_not_restored(changing: Client, tag: str) -> None:
    changing.settings(latency_ms=50)
    if tag == "a dry run":
        stopped = stop(changing, changing.start({**push_of(digest("v1")), "dry_run": True}))
    else:
        changing.settings(rollout="hangs")
        first = pushed_and_stopped_at(changing, "RollService", "ecs", "UpdateService")
        asked = end_of(first["executionArn"])
        stopped = stop(changing, changing.start(asked))
    changing.clear_calls()
    passed = changing.restored_by(stopped["executionArn"])
    assert states(changing, passed)[-1] == "Ignored"


@pytest.mark.exhaustive(first=0)
def test_an_aborted_restore_can_be_started_by_hand(changing: Client) -> None:
    before = account(changing)
    changing.settings(rollout="hangs")
    changing.faults([{**DENIED, "count": 0}])
    pushed_and_stopped_at(changing, "RollService", "ecs", "UpdateService")
    wait_for(lambda: [each for each in changing.calls("events", "PutRule") if each["error"]], 30)
    second = stop(changing, changing.executions()[0])
    assert states(changing, changing.restored_by(second["executionArn"]))[-1] == "Ignored"
    changing.settings(rollout="completes")
    changing.faults([])
    asked = end_of(second["executionArn"])
    assert states(changing, changing.wait(changing.start(asked)))[-1] == "Restored"
    assert_all_is_as_it_was(changing, before)
    assert [entry["outcome"] for entry in history(changing)] == ["aborted", "deployed"]


@pytest.mark.exhaustive(first=0)
def test_a_restore_without_its_plan_gives_up_at_once(changing: Client) -> None:
    changing.settings(rollout="hangs")
    with events_lost(changing):
        stopped = pushed_and_stopped_at(changing, "RollService", "ecs", "UpdateService")
    delete_artifacts(changing)
    changing.start(end_of(stopped["executionArn"]))
    given_up = changing.restored_by(stopped["executionArn"])
    assert (given_up["status"], given_up["error"]) == ("FAILED", "RestoreFailed")
    assert "/plan.json cannot be read (NoSuchVersion" in given_up["cause"]
    assert states(changing, given_up).count("RestoreDeployment") == 1
    tried = [each for each in changing.calls("s3", "GetObject") if each["caller"] == "RestoreDeployment"]
    assert len(tried) == 1


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    ("named", "says"),
    [
        pytest.param("{machine}:typo", "Step Functions knows no execution {machine}:typo.", id="none"),
        pytest.param(
            "typo", "detail.executionArn is 'typo', it must be an execution to restore: {machine}:", id="no ARN"
        ),
        pytest.param("{machine}-2:v1", "it must be an execution to restore: {machine}:", id="another machine's"),
    ],
)
def test_an_execution_that_cannot_be_restored_fails_at_once(changing: Client, named: str, says: str) -> None:
    machine = changing.executions()[0].rpartition(":")[0]
    asked = end_of(named.format(machine=machine))
    failed = changing.wait(changing.start(asked))
    assert (failed["status"], failed["error"]) == ("FAILED", "RejectedError")
    assert says.format(machine=machine) in failed["cause"]
    assert failed["cause"].rpartition(". ")[2].startswith("For the operator: ")
    assert changing.deploy("v2")["status"] == "SUCCEEDED"
