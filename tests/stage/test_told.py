"""What `make watch` tells of deployments, also where several are under way."""

from examples.guestbook.client import Client
from examples.guestbook.watch import Watch
from stage.client import wait_for
from tests.stage.conftest import as_new
from tests.stage.held import held


def test_deployments_that_go_on_side_by_side_are_told_apart(stage: Client) -> None:
    stage.settings(rollout="hangs")
    watch, told = Watch(stage), list[str]()

    def until(words: str, times: int = 1) -> None:
        wait_for(lambda: told.extend(watch.look()) or sum(words in line for line in told) >= times, 60)

    stage.push("v1")
    until("RollService")
    (stopped,) = stage.executions()
    stage.client("stepfunctions").stop_execution(executionArn=stopped, cause="the wrong branch")
    until("in Restored")
    stage.settings(rollout="completes")
    with held(stage):
        stage.push("v2")
        until("PlanDeployment", times=2)
        stage.push("latest", "v2")  # the same image, which looks several times and overtakes nobody
        until("waits:")
    until("in NothingToDo")

    titles = [line.strip().split(" at ")[0] for line in told if line.startswith("\n")]
    assert list(dict.fromkeys(titles)) == [
        "[bold]guestbook:v1[/bold]",
        f"[bold]putting back {stopped.rpartition(':')[2]}[/bold]",
        "[bold]guestbook:v2[/bold]",
        "[bold]guestbook:latest[/bold]",
    ]
    assert sum("waits:" in line for line in told) == 1
    assert "somebody has stopped the execution: the wrong branch." in next(line for line in told if "aborted" in line)


def test_a_stage_that_is_reset_is_told_and_the_next_deployment_is_too(stage: Client) -> None:
    stage.settings(rollout="hangs")
    watch, told = Watch(stage), list[str]()
    stage.push("v1")
    wait_for(lambda: told.extend(watch.look()) or any("RollService" in line for line in told), 60)
    as_new(stage)
    told.extend(watch.look())
    assert "the stage was reset" in told[-1]
    stage.push("v2")
    wait_for(lambda: told.extend(watch.look()) or any("in Deployed" in line for line in told), 60)


def test_what_a_step_met_is_told_at_once(stage: Client) -> None:
    stage.settings(time_scale=0.02)
    refused = {"service": "events", "operation": "PutTargets", "count": 0, "fault": "denied"}
    stage.faults([refused])
    watch, told = Watch(stage), list[str]()
    stage.push("v1")
    wait_for(lambda: told.extend(watch.look()) or any("CreateTargets" in line for line in told), 60)
    assert "RejectedError: PutTargets was denied: " in told[-1]
