"""The commands that change what is live, and history and next, whole: what they print and what they ask of AWS."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import NOW, Aws, Played, Typed
from tests.cli.test_logs_answers import Ecs, ecs_task, of_service, task_arn
from tests.cli.test_run import COMMAND_OF
from tests.cli.test_run_answers import TARGET
from tests.cli.test_status import APP, EXECUTION, GATES, ITEMS, LIVE, RULES, at, digest
from tests.clock import Clock

MADE = {"outcome": "deployed", "kind": "push", "schedule_key": "scheduled_tasks.json"}
THIRD = {"release": 3, "digest": digest("c"), "tag": "c3", "finished_at": at(29, "05:00"), "schedule_version": "v-0"}
SECOND = {"release": 2, "digest": digest("b"), "finished_at": at(28, "05:00"), "schedule_version": "v-0"}
FOURTH = {"release": 4, "digest": digest("d"), "tag": "d4", "finished_at": at(30), "schedule_version": "v-1"}
LEDGER = [
    {"app": APP, "record": f"deployment#{each['finished_at']}", "execution": f"{EXECUTION}push-{each['release']}"}
    | MADE
    | each
    for each in (SECOND, THIRD, FOURTH)
]
KEPT = [{"app": APP, "record": f"archive#{number}", "number": number} for number in (2, 3, 4)]
INPUT = {
    "detail": {"repository-name": "shop", "image-digest": digest("c"), "image-tag": "c3"},
    **{"kind": "push", "by": "x", "reason": "y", "now": True, "dry_run": False, "lift": [], "keep": 1},
    **{"schedule_key": "k", "schedule_version": "v"},
}
STEPS = {"TakeTurn": {"turn": {"decision": "go", "reason": "the lease was free"}}}
DEPLOYED = {"outcome": {"outcome": "deployed", "release": 5}}


def event(number: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"id": number, "timestamp": NOW - timedelta(seconds=60 - number), "type": kind, **members}


def history(state: str, output: dict[str, Any], *, failed: bool = False) -> list[dict[str, Any]]:
    """One step, and the end."""
    entered = [{"name": "TakeTurn"}, {"name": state}]
    turn = {"output": json.dumps(STEPS["TakeTurn"])}
    end = {"error": "RolloutError", "cause": "The rollout did not last."} if failed else {"output": json.dumps(output)}
    kind = "Failed" if failed else "Succeeded"
    return [
        event(1, "ExecutionStarted"),
        event(2, "TaskStateEntered", stateEnteredEventDetails=entered[0]),
        event(3, "LambdaFunctionScheduled"),
        event(5, "TaskStateExited", stateExitedEventDetails=turn),
        event(6, f"{'Fail' if failed else 'Succeed'}StateEntered", stateEnteredEventDetails=entered[1]),
        event(7, f"Execution{kind}", **{f"execution{kind}EventDetails": end}),
    ]


class Machine:
    """Each execution that is started ends as it says."""

    def __init__(self, aws: Aws) -> None:
        self.ends("Deployed", DEPLOYED)
        self.holder = "RUNNING"
        self.listed: list[str] = []
        self.inputs: dict[str, Any] = {}
        aws.answers |= {
            "GetCallerIdentity": {"Arn": "arn:aws:sts::111122223333:assumed-role/admin/ana"},
            "StartExecution": {},
            "StopExecution": {},
            "DescribeExecution": self._described,
            "GetExecutionHistory": lambda _: {"events": self.events[::-1]},
            "ListExecutions": lambda _: {"executions": [{"executionArn": each} for each in self.listed]},
            "DescribeImages": {"imageDetails": [{"imageDigest": digest("f"), "imageTags": ["f9"]}]},
            "ListRules": {"Rules": RULES},
            "ListTagsForResource": {"Tags": [{"Key": "rota:app", "Value": APP}]},
            "ListSchedules": {"Schedules": []},
            "HeadObject": {"VersionId": "v-1"},
            "PutObject": {"VersionId": "v-9"},
            "CopyObject": {},
        }

    def ends(self, state: str, output: dict[str, Any] | None = None, *, failed: bool = False) -> None:
        self.events, self.status = history(state, output or {}, failed=failed), "FAILED" if failed else "SUCCEEDED"
        why = {"error": "RolloutError", "cause": "The rollout did not last."}
        self.said = why if failed else {"output": json.dumps(output or {})}

    def _described(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["executionArn"]
        name = arn.rpartition(":")[2]
        status = self.holder if "push" in name else self.status
        given = self.inputs.get(name, INPUT)
        return self.said | {"executionArn": arn, "name": name, "status": status, "input": json.dumps(given)} | {
            "startDate": NOW - timedelta(minutes=1), "stopDate": NOW - timedelta(seconds=3)
        }  # fmt: skip


@pytest.fixture
def machine(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for module in ("execution", "restore.command"):
        monkeypatch.setattr(f"rota.cli.{module}.time", Clock())
    aws.items = [{"app": APP, "record": "releases", **LIVE}, {"app": APP, "record": "lease"}, *LEDGER, *KEPT]
    return Machine(aws)


def lease(aws: Aws, **members: Any) -> None:
    aws.items = [each for each in aws.items if each["record"] != "lease"]
    aws.items.append({"app": APP, "record": "lease", **members})


@pytest.mark.usefixtures("machine")
def test_deploying(played: Played) -> None:
    played(
        "deploy",
        *("deploy --image f9 --yes", f"deploy --image {digest('f')} --reason new --yes --json", "deploy --image f9"),
        *("deploy --image f9 --now --no-wait --yes --utc", "deploy --image f9 --no-wait --yes --json"),
        *("deploy --again --yes --no-wait", "deploy --again push-2 --yes --no-wait --stack rota"),
        *("deploy --watch push-2 --no-wait", "deploy --watch push-2 --now --reason x", "deploy --watch x --json"),
        "deploy --watch push-2 --now",
    )
    played(
        "deploy_misused",
        *("deploy", "deploy --image a --again", "deploy --image a --again --image-of b --watch c"),
        *("deploy --watch x --schedule a.json", "deploy --again --schedule a.json", "deploy --image f9 --timeout 1x"),
        *("deploy --image f9 --wait-until never", "deploy --image f9 --wait-until never --json"),
    )


def test_how_a_deployment_ends(aws: Aws, machine: Machine, played: Played) -> None:
    for state in ("NothingToDo", "Overtaken", "Held", "Barred"):
        machine.ends(state, {"outcome": {"outcome": state.lower()}})
        played(f"deploy_ends_{state}", "deploy --watch deploy-1", "deploy --watch deploy-1 --json")
    for state in ("DeploymentFailed", "RestoreFailed"):
        machine.ends(state, failed=True)
        played(f"deploy_ends_{state}", "deploy --watch deploy-1", "deploy --watch deploy-1 --json --stack rota")
    machine.status = "ABORTED"
    machine.events = [*machine.events[:-2], event(7, "ExecutionAborted", executionAbortedEventDetails={})]
    played("deploy_ends_aborted", "deploy --watch deploy-1", "deploy --watch deploy-1 --json")
    machine.status, machine.events = "RUNNING", machine.events[:-1]
    played("deploy_ends_not", "deploy --watch deploy-1 --timeout 2m")


def test_what_is_live_is_the_end_of_waiting(machine: Machine, played: Played) -> None:
    exited = machine.events[3]["stateExitedEventDetails"]
    exited["output"] = json.dumps({"rollout": {"status": "IN_PROGRESS", "progress": "1 of 2"}})
    machine.events[1]["stateEnteredEventDetails"] = {"name": "CheckService"}
    played("deploy_not_live", "deploy --watch a --wait-until live")
    exited["output"] = json.dumps({"rollout": {"status": "COMPLETED", "progress": "2 of 2"}})
    played("deploy_live", "deploy --watch a --wait-until live", "deploy --watch a --wait-until live --json")
    # Of all but a deployment the end is waited for.
    played("pause_is_waited_for", "pause Fails --reason x --timeout 2m")


def test_a_step_that_fails_and_what_ecs_says(aws: Aws, machine: Machine, played: Played) -> None:
    machine.ends("DeploymentFailed", failed=True)
    why = {"error": "RolloutError", "cause": json.dumps({"errorMessage": "The rollout did not last."})}
    machine.events[-2:-2] = [
        event(6, "TaskStateEntered", stateEnteredEventDetails={"name": "RollService"}),
        event(7, "LambdaFunctionScheduled"),
        event(8, "LambdaFunctionFailed", lambdaFunctionFailedEventDetails={"error": "TransientError", "cause": "{}"}),
        event(9, "LambdaFunctionScheduled"),
        event(10, "LambdaFunctionFailed", lambdaFunctionFailedEventDetails=why),
        event(11, "TaskStateExited", stateExitedEventDetails={"output": "{}"}),
    ]
    said = [
        {"id": str(number), "createdAt": NOW, "message": f"(service shop) {words}"}
        for number, words in enumerate(("has begun draining connections on 1 tasks. " * 3, "has started 1 tasks."))
    ]
    aws.answers["DescribeServices"] = {"services": [{"events": said, "deployments": []}]}
    machine.events[-2:] = [each | {"id": 20 + number} for number, each in enumerate(machine.events[-2:])]
    played("deploy_step_fails", "deploy --watch a", "deploy --watch a --json")
    aws.answers["DescribeServices"] = "AccessDeniedException"
    played("deploy_step_fails_denied", "deploy --watch a")


def test_deploying_what_deploys_already(aws: Aws, machine: Machine, played: Played) -> None:
    lease(aws, holder=EXECUTION + "push-8", digest=digest("f"))
    lines: tuple[str, ...] = ("--no-wait", "--no-wait --json", "--now --reason x --no-wait")
    played("deploy_already", *(f"deploy --image f9 --yes {each}" for each in lines))
    machine.holder = "SUCCEEDED"
    played("deploy_already_not", "deploy --image f9 --yes --no-wait")


def test_deploying_a_file(
    aws: Aws, machine: Machine, played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text("tasks:\n- {name: A, task: a, rate: 1 hour}\n")
    monkeypatch.chdir(tmp_path)
    lines: tuple[str, ...] = (
        "--schedule tasks.yaml --yes",
        "--schedule tasks.yaml --image f9 --yes --no-wait",
        "--schedule tasks.yaml",
    )
    played("deploy_file", *(f"deploy {each}" for each in (*lines, "--schedule tasks.yaml --yes --json")))
    machine.ends("DeploymentFailed", failed=True)
    played("deploy_file_failed", "deploy --schedule tasks.yaml --yes")
    aws.items = [each for each in aws.items if each["record"] != "releases"]
    played("deploy_file_first", "deploy --schedule tasks.yaml --image f9 --yes", "deploy --schedule tasks.yaml --yes")
    file.write_text("tasks:\n- {name: A, tsk: a, rate: 1 hour}\n")
    played("deploy_file_wrong", "deploy --schedule tasks.yaml --image f9 --yes", "deploy --schedule x.json --image f9")


def test_what_cannot_be_deployed(aws: Aws, machine: Machine, played: Played) -> None:
    aws.answers["DescribeImages"] = "ImageNotFoundException"
    played("deploy_no_image", "deploy --image x --yes", "deploy --image v3 --yes --no-wait", "deploy --image-of other")
    aws.items = [each for each in aws.items if not each["record"].startswith("deployment#")]
    played("deploy_live_again", "deploy --image v4 --yes --no-wait", "deploy --image v3 --yes")
    machine.inputs["push-2"] = {"release": "v1"}
    played("deploy_again_no_image", "deploy --again push-2 --yes")
    aws.items = [{"app": APP, "record": "lease"}]
    played("deploy_again_nothing", "deploy --again --yes", "deploy --image-of rota --yes", "deploy --schedule x --yes")


def test_rolling_back(aws: Aws, machine: Machine, played: Played) -> None:
    lines: tuple[str, ...] = (
        "",
        "--reason x",
        "--reason x --yes",
        "v2 --reason x --yes --json",
        "c3 --reason x --image-only --yes",
    )
    lines += ("--reason x --with-before --hold --no-wait --yes", "v9 --reason x --yes", "nope --reason x --yes")
    lines += ("--reason x --upload-schedule --image-only", "--reason x --upload-schedule --no-wait")
    lines += ("--reason x --upload-schedule --yes", "v2 --reason x --upload-schedule")
    played("rollback", *(f"rollback {each}".strip() for each in lines))
    lease(aws, gates=GATES)
    aws.answers["HeadObject"] = {"VersionId": "v-7"}
    played("rollback_newer", *(f"rollback --reason x --yes{each}" for each in ("", " --upload-schedule", " --json")))
    aws.answers["HeadObject"] = "404"
    played("rollback_deleted", "rollback --reason x --upload-schedule --yes", "rollback --reason x --upload-schedule")
    aws.items = [{"app": APP, "record": "lease"}]
    played("rollback_nothing", "rollback --reason x --yes", "rollback v3 --reason x --yes --json")


def test_restoring(aws: Aws, machine: Machine, played: Played) -> None:
    played("restore_nothing", "restore", "restore --json")
    lease(aws, holder=EXECUTION + "push-8", digest=digest("f"))
    restores = {"detail": {"executionArn": EXECUTION + "push-8"}}
    machine.inputs["restore-1"] = restores
    machine.ends("Restored", {"outcome": {"outcome": "restored"}})
    played("restore", "restore", "restore --yes --reason wrong", "restore --yes --json", "restore --no-wait --yes")
    machine.listed = [EXECUTION + "push-7", EXECUTION + "restore-1"]
    played("restore_begun", "restore --yes", "restore --yes --reason x --no-wait --json")
    machine.holder = "ABORTED"
    played("restore_aborted", "restore", "restore --no-wait --utc")
    machine.listed = []
    played("restore_again", "restore", "restore push-8 --yes", "restore --yes --no-wait")
    machine.ends("DeploymentFailed", failed=True)
    played("restore_failed", "restore --yes", "restore --yes --json")
    machine.ends("RestoreFailed", failed=True)
    played("restore_half_done", "restore --yes")
    machine.holder = "SUCCEEDED"
    played("restore_succeeded", "restore push-3")


def test_restoring_by_hand(aws: Aws, machine: Machine, played: Played) -> None:
    of_rule: dict[str, Any] = {
        "event_pattern": None,
        "description": "",
        "role_arn": "arn:r",
        "tags": {"rota:app": APP, "aws:x": "y"},
    }
    of_rule |= {"state": "ENABLED", "schedule_expression": "rate(1 hour)", "targets": [{"Id": "t", "Arn": "a"}]}
    snapshot: dict[str, Any] = {"rules": {name: {"name": name, **of_rule} for name in ("shop__A", "shop__B")}}
    snapshot |= {"service": {"task_definition": "shop:6"}}
    changes = [{"kind": "create", "name": name} for name in ("shop__New", "rota-group/shop__New")]
    changes += [{"kind": "remove", "name": "shop__A"}]
    stored: dict[str, Any] = {"snapshot": snapshot, "plan": {"changes": changes}}

    def read(request: dict[str, Any]) -> Any:
        found = stored.get(Path(request["Key"]).stem)
        return {"Body": io.BytesIO(json.dumps(found).encode())} if found else "NoSuchKey"

    aws.answers["GetObject"] = read
    aws.items += [{"app": "pauses#production/shop", "record": "pause#B", "task": "B"}]
    machine.inputs["restore-1"] = {"detail": {"executionArn": EXECUTION + "push-8"}}
    played("restore_print", "restore push-8 --print", "restore restore-1 --print --json --region eu-west-1")
    del stored["plan"]
    played("restore_print_no_plan", "restore push-8 --print")
    stored.clear()
    played("restore_print_nothing", "restore push-8 --print")


BARS: Any = GATES["bars"]
PAUSED = [each for each in ITEMS if each["app"].startswith("pauses#")]


def test_pausing(aws: Aws, machine: Machine, played: Played) -> None:
    machine.ends("Done", {"outcome": {"outcome": "done"}})
    lines: tuple[str, ...] = (
        "",
        "A --deployments",
        "A",
        "Fails --reason x",
        "Fails shop__Paused --for 2h --reason x --utc --stack rota",
    )
    lines += ("Fails --until 2026-12-24T06:00Z --reason x --json", "--deployments --reason x", "Fials --reason x")
    lines += (
        "--deployments --reason x --yes",
        "--deployments --reason x --for 1d --yes --no-wait",
        "A --for x --reason y",
    )
    lines += ("A --for 1h --until 18:00 --reason x", "A --until 2026-11-29T06:00Z --reason x", "A --until x --reason y")
    lines += ("A --until 2026-11-30T12:00Z --reason x", "--deployments --reason x --until 2026-12-01T06:00Z")
    played("pause", *(f"pause {each}".strip() for each in lines))
    machine.ends("DeploymentFailed", failed=True)
    played("pause_failed", "pause Fails --reason x")


def test_resuming(aws: Aws, machine: Machine, played: Played) -> None:
    machine.ends("Done", {"outcome": {"outcome": "done"}})
    lines: tuple[str, ...] = (
        "",
        "A --all",
        "--all --deployments --barred",
        "--deployments --run-missed",
        "Fails",
        "--all",
        "Nope",
    )
    lines += ("--deployments", "--barred", "--barred --json", "Fails shop__Off --json")
    played("resume_nothing", *(f"resume {each}".strip() for each in lines))
    aws.items += PAUSED
    lease(aws, gates={"bars": BARS[:1]})
    played("resume_one_bar", "resume --barred")
    lease(aws, gates=GATES)
    lines = ("Paused", "shop__Paused Fails --reason x --json", "--all --no-wait", "--deployments", "--barred")
    lines += ("--deployments --yes --reason x", "--barred --yes --json", "--deployments --yes --no-wait")
    played("resume", *(f"resume {each}" for each in lines))


ASKS = {"changes": "4f2a", "until": at(30, "20:00")}
TO_APPROVE = {"image": {"digest": digest("f"), "tag": "f6"}, "asks": ASKS, "summary": "schedules: 1 new"}
OF_A_FILE = {"asks": {"changes": "beef", "until": at(30, "20:00")}, "summary": "schedules: 2 changed"}


def test_approving(aws: Aws, machine: Machine, played: Played) -> None:
    answer: dict[str, Any] = {"execution": "push-8", "stopped_by": []}
    error: dict[str, Any] = {}
    aws.answers["Invoke"] = lambda _: {"Payload": io.BytesIO(json.dumps(answer).encode()), **error}
    played("approve_nothing", "approve", "reject", "approve --reason x --yes", "reject --reason x --yes --json")
    lease(aws, gates={"pending": TO_APPROVE})
    played("approve_not", "approve --reason x --yes")
    aws.outputs["ApproveFunctionName"] = "rota-Approve"
    machine.holder = "SUCCEEDED"
    lines: tuple[str, ...] = (
        "approve --reason x",
        "approve --reason x --yes",
        "approve 4f2a --reason x --yes --json --stack rota",
    )
    lines += ("approve beef --reason x --yes", "reject --reason x --yes --no-wait", "reject --reason x")
    played("approve", *lines)
    machine.ends("Rejected", {"outcome": {"outcome": "rejected"}})
    played("approve_rejected", "reject --reason x --yes", "approve --reason x --yes")
    lease(aws, gates={"pending": TO_APPROVE, "pending_schedule": OF_A_FILE})
    lines = (
        "approve --reason x --yes",
        "approve beef --reason x --yes --no-wait",
        "reject 4f2a --reason x --yes --no-wait",
    )
    played("approve_two", *lines, "approve c0ffee --reason x --yes")
    answer |= {"execution": "", "stopped_by": ["a hold of user/ana", "the deployment window"]}
    played("approve_held", "approve 4f2a --reason x --yes", "approve 4f2a --reason x --yes --json")
    error["FunctionError"] = "Unhandled"
    for content in ({"errorType": "RefusedError", "errorMessage": "It has changed."}, {"x": "y"}):
        answer.clear()
        answer |= content
        played(
            f"approve_refused_{len(content)}", "approve 4f2a --reason x --yes", "reject 4f2a --reason x --yes --json"
        )


def test_history(aws: Aws, machine: Machine, played: Played) -> None:
    aws.items = [*ITEMS]
    lines: tuple[str, ...] = (
        "",
        "--all",
        "-n 1",
        "--all -n 2 --json",
        "-n 0",
        "--task Fails",
        "--task Fails -n 2 --json",
        "--task Nope",
    )
    lines += ("--task Tried", "--task Paused", "--json", "--task Fails -n 3 --utc")
    played("history", *(f"history {each}".strip() for each in lines))
    aws.items = []
    played("history_nothing", "history", "history --all --json", "history --task Fails")


def test_next(aws: Aws, machine: Machine, played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tasks.yaml").write_text(
        "tasks:\n- {name: A, task: a, rate: 1 hour, description: 'a, b; c'}\n- {name: B, task: b, cron: 0 6 * * ? *}\n"
    )
    aws.items = [*ITEMS, *PAUSED]
    lines: tuple[str, ...] = (
        "",
        "--all --for 2h",
        "Soon Off --json --for 1d",
        "--ics",
        "Soon --ics --all --for 2d",
        "Nope",
        "--for 1x",
    )
    lines += ("--ics --json", "--for 1h --until 18:00", "--until 2026-11-30T11:00Z", "--since x", "shop__Fails --utc")
    lines += ("--file tasks.yaml", "--file tasks.yaml --ics A", "--file tasks.yaml C", "--file none.yaml")
    lines += ("--since 2026-11-30T13:00Z --until 2026-11-30T15:00Z", "Soon Fails --for 3d")
    played("next", *(f"next {each}".strip() for each in lines))


@pytest.mark.usefixtures("machine")
def test_stopping_a_run(aws: Aws, played: Played) -> None:
    command = {"overrides": {"containerOverrides": [{"name": "app", "environment": [COMMAND_OF]}]}}
    ecs = Ecs(aws, ecs_task("4", "RUNNING", 50), of_service("7", "RUNNING"), ecs_task("9", "STOPPED", 10, exit_code=0))
    aws.answers["StopTask"] = {}
    task = task_arn("4")
    lines: tuple[str, ...] = (
        "Fails",
        "Fails --yes",
        "shop__Fails --yes --reason 'it\nhangs' --stack rota",
        "4444444 --yes --json",
    )
    lines += (f"{task} --yes", "444 --yes", "777777777777 --yes", "99999999 --yes", "Tried --yes")
    played("stop", *(f"stop {each}" for each in lines))
    ecs.tasks.append(ecs_task("5", "PENDING", 51, **command))
    ecs.tasks.append(ecs_task("5", "PENDING", 52) | {"taskArn": task_arn("5") + "a"})
    played("stop_several", "stop Fails --yes", "stop Fails --yes --json", "stop 555555555555 --yes", "stop 44444444")
    aws.answers["StopTask"] = "AccessDeniedException"
    played("stop_denied", "stop 44444444 --yes")


def test_rolling_back_over_a_file_that_was_uploaded_meanwhile(aws: Aws, machine: Machine, played: Played) -> None:
    versions = iter(["v-7", "v-8"])
    aws.answers["HeadObject"] = lambda _: {"VersionId": next(versions)}
    played("rollback_meanwhile", "rollback --reason x --yes --upload-schedule --stack rota")


def test_what_is_said_after_a_rollback(aws: Aws, machine: Machine, played: Played) -> None:
    """It has changed what is live."""

    def history(_: dict[str, Any]) -> dict[str, Any]:
        aws.items[0] = {**aws.items[0], "number": 5, "live_schedule_version": "v-0"}
        return {"events": machine.events[::-1]}

    aws.answers["GetExecutionHistory"] = history
    played("rollback_done", "rollback --reason x --yes --region eu-west-1")


def test_resuming_what_was_missed(aws: Aws, machine: Machine, played: Played) -> None:
    machine.ends("Done", {"outcome": {"outcome": "done"}})
    key = {"app": "pauses#production/shop", "by": "user/ana"}
    aws.items += [
        {**key, "record": f"pause#{task}", "task": task, "since": at(30, "05:00")} for task in ("Fails", "Soon")
    ]
    Ecs(aws)
    aws.answers |= {
        "DescribeRule": lambda asked: next(each for each in RULES if each["Name"] == asked["Name"]),
        "GetSchedule": "ResourceNotFoundException",
        "ListTargetsByRule": {"Targets": [TARGET]},
        "RunTask": {"tasks": [ecs_task("9", "STOPPED", 59, exit_code=0)], "failures": []},
    }
    played("resume_missed", "resume Fails Soon --run-missed", "resume Soon --run-missed --no-wait --json")


@pytest.mark.usefixtures("terminal")
def test_at_a_terminal_the_state_that_runs_is_shown(machine: Machine, typed: Typed) -> None:
    machine.status, machine.events = "RUNNING", machine.events[:-2]
    assert "TakeTurn ..." in typed("deploy", "--watch", "deploy-1", "--timeout", "2m").out


@pytest.mark.usefixtures("machine")
def test_a_start_whose_answer_was_lost_or_that_is_not_to_be_seen_yet(aws: Aws, typed: Typed) -> None:
    usual: Any = aws.answers["DescribeExecution"]
    late = ["ExecutionDoesNotExist"] * 3
    aws.answers |= {
        "StartExecution": "ExecutionAlreadyExists",
        "DescribeExecution": lambda asked: late.pop() if late else usual(asked),
    }
    for looks in (4, 20):
        aws.asked.clear()
        done = typed("deploy", "--image", "f9", "--yes", "--no-wait")
        assert (done.exit, done.out.partition("-")[0]) == (0, "started deploy")
        assert [operation for operation, _ in aws.asked].count("DescribeExecution") == looks
        late += ["ExecutionDoesNotExist"] * 99
    aws.answers["DescribeExecution"] = "AccessDeniedException"
    assert typed("deploy", "--image", "f9", "--yes", "--no-wait").err.startswith("rota: you may not DescribeExecution")
    aws.answers["StartExecution"] = "AccessDeniedException"
    assert typed("deploy", "--image", "f9", "--yes", "--no-wait").err.startswith("rota: you may not StartExecution")


@pytest.mark.usefixtures("machine")
def test_what_named_no_image_is_not_what_was_deployed_last(aws: Aws, typed: Typed) -> None:
    ended = {"outcome": "failed", "kind": "push", "execution": EXECUTION + "push-9", "finished_at": at(30, "11:00")}
    aws.items.append({"app": APP, "record": f"deployment#{ended['finished_at']}", **ended})
    assert typed("deploy", "--again", "--yes", "--no-wait").exit == 0
    described = [asked["executionArn"] for operation, asked in aws.asked if operation == "DescribeExecution"]
    assert described[0] == EXECUTION + "push-4"


def test_of_several_pauses_those_that_are_named_end(aws: Aws, machine: Machine, typed: Typed) -> None:
    machine.ends("Done", {"outcome": {"outcome": "done"}})
    key = {"app": "pauses#production/shop", "by": "user/ana", "since": at(30, "11:59")}
    aws.items += [{**key, "record": f"pause#{task}", "task": task} for task in ("Fails", "Soon")]
    aws.answers |= {
        "DescribeRule": lambda asked: next(each for each in RULES if each["Name"] == asked["Name"]),
        "GetSchedule": "ResourceNotFoundException",
        "ListTargetsByRule": {"Targets": [TARGET]},
    }
    for line, tasks in (("Soon", ["Soon"]), ("Soon Fails", ["Soon", "Fails"]), ("--all --run-missed", None)):
        aws.asked.clear()
        done = typed("resume", *line.split())
        (given,) = (json.loads(asked["input"]) for operation, asked in aws.asked if operation == "StartExecution")
        assert (done.exit, given.get("pause", {}).get("tasks")) == (0, tasks)
    assert [f"{task} was not due in its pause.\n" in done.err for task in ("Fails", "Soon")] == [True, True]
