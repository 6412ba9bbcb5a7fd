"""What `make watch` tells of deployments, also where several are under way."""

from stage.client import Client, wait_for
from stage.demo.watch import Watch
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
