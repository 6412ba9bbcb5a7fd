"""`rota restore`: what it stops and starts, and what `--print` prints."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.client import BaseClient
from click.testing import CliRunner

from rota.cli.main import main
from rota.cli.restore.by_hand import Commands, commands
from tests.cli.test_stack import described
from tests.clock import Clock

NOW = datetime(2026, 12, 1, 6, 0, 20, tzinfo=UTC)
SERVICE = {"task_definition": "arn:aws:ecs:eu-west-1:1:task-definition/shop:6"}
REQUEST = re.compile(r"aws (\S+ \S+) --cli-input-json '(\{.*?\})' --region eu-west-1")


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "schedule_expression": "rate(1 day)",
        "event_pattern": None,
        "state": "ENABLED",
        "description": "it's daily",
        "role_arn": None,
        "tags": {"rota:app": "production/shop-api", "aws:stack": "x"},
        "targets": [{"Id": "task", "Arn": "cluster"}],
        **more,
    }


def test_a_rule_that_is_paused_stays_off() -> None:
    snapshot = {
        "rules": {"a": rule("a"), "b": rule("b")},
        "service": SERVICE,
    }
    first, targets, second, _, service = commands(snapshot, [], "production/shop-api", {"b"}, NOW, "eu-west-1")
    assert first == (
        """aws events put-rule --cli-input-json '{"Name": "a", "ScheduleExpression": "rate(1 day)", """
        """"State": "ENABLED", "Description": "it'"'"'s daily", """
        """"Tags": [{"Key": "rota:app", "Value": "production/shop-api"}]}' --region eu-west-1"""
    )
    assert targets.endswith("""'{"Rule": "a", "Targets": [{"Id": "task", "Arn": "cluster"}]}' --region eu-west-1""")
    assert ('"Name": "b"' in second, '"State": "DISABLED"' in second) == (True, True)
    assert service.endswith('"taskDefinition": "arn:aws:ecs:eu-west-1:1:task-definition/shop:6"}\' --region eu-west-1')


def test_a_schedule_is_put_back_as_aws_takes_it_now() -> None:
    members = {"ScheduleExpression": "rate(2 hours)", "StartDate": "2026-12-01T05:00:00Z", "State": "ENABLED"}
    others = {"ScheduleExpressionTimezone": "UTC", "Target": {"Arn": "cluster"}}
    rules = {
        f"group/{name}": {"backend": "scheduler", "name": f"group/{name}", "members": members | others} for name in "ab"
    }
    snapshot = {"rules": rules, "service": SERVICE}
    first, second, _service = commands(snapshot, [], "production/shop-api", {"b"}, NOW, "eu-west-1")
    assert first == (
        """aws scheduler update-schedule --cli-input-json '{"GroupName": "group", "Name": "a", """
        """"ScheduleExpression": "rate(2 hours)", "StartDate": "2026-12-01T07:00:00Z", "State": "ENABLED", """
        """"ScheduleExpressionTimezone": "UTC", "Target": {"Arn": "cluster"}}' --region eu-west-1"""
    )
    assert '"State": "DISABLED"' in second


def schedule(name: str) -> dict[str, Any]:
    members = {"ScheduleExpression": "cron(0 6 * * ? *)", "State": "ENABLED", "Target": {"Arn": "cluster"}}
    return {"backend": "scheduler", "name": name, "members": members | {"ScheduleExpressionTimezone": "UTC"}}


@pytest.mark.parametrize(
    ("before", "new", "back", "last"),
    [
        (rule("a"), "group/a", ["events put-rule"], ("scheduler delete-schedule", {"GroupName": "group", "Name": "a"})),
        (
            schedule("group/a"),
            "a",
            ["scheduler update-schedule", "scheduler create-schedule"],
            ("events disable-rule", {"Name": "a"}),
        ),
    ],
    ids=["to Scheduler", "to a rule"],
)
def test_a_job_that_moved_runs_once(before: dict[str, Any], new: str, back: list[str], last: tuple[str, Any]) -> None:
    changes = [
        {"kind": "create", "name": new, "replaces": {"expression": "cron(0 6 * * ? *)"}},
        {"kind": "remove", "name": before["name"], "moved": True},
    ]
    snapshot = {"rules": {before["name"]: before}, "service": SERVICE}
    first, *_, wait, end = commands(snapshot, changes, "production/shop-api", (), NOW, "eu-west-1")
    assert [call for call, _ in REQUEST.findall(first)] == back, "first, as it may be deleted"
    assert wait == "sleep 90", "until what is on again surely fires"
    ((call, request),) = REQUEST.findall(end)
    assert (call, json.loads(request)) == last


@pytest.mark.parametrize("there", [True, False], ids=["to Scheduler", "to a rule"])
def test_what_was_off_before_a_move_goes_off_last(there: bool) -> None:
    """It may be on already, and starts the job until the other does."""
    off = {"State": "DISABLED"}
    new = schedule("group/a") if there else rule("a", state="DISABLED")
    new |= {"members": new["members"] | off} if there else {}
    old = rule("a") if there else schedule("group/a")
    changes = [
        {"kind": "update", "name": new["name"], "replaces": {"expression": "cron(0 6 * * ? *)"}},
        {"kind": "remove", "name": old["name"], "moved": True},
    ]
    snapshot = {"rules": {new["name"]: new, old["name"]: old}, "service": SERVICE}
    found = [*commands(snapshot, changes, "production/shop-api", (), NOW, "eu-west-1")]
    number = found.index("sleep 90")
    last = "aws scheduler update-schedule" if there else "aws events put-rule"
    assert '"DISABLED"' not in "".join(found[:number])
    assert (found[number + 1].startswith(last), '"DISABLED"' in found[number + 1]) == (True, True)


def test_what_stays_is_said_in_a_comment() -> None:
    assert [*Commands("push-1", ["aws x"], ["prefix__New", "group/prefix__New"]).lines()] == [
        "# What push-1 found. Look at each command before you run it.",
        "aws x",
        "# It may have made the rule prefix__New, which stays.",
        "# It may have made the schedule group/prefix__New, which stays.",
    ]


EXECUTION = "arn:aws:states:eu-west-1:111122223333:execution:rota-deploy:"


class Machine:
    """The state machine of a stack: `push-1` has this status, and others run, each with the one that it restores."""

    def __init__(self, status: str, running: dict[str, str]) -> None:
        self._status, self._running = status, running
        self.stopped: list[str] = []
        self.started: list[dict[str, Any]] = []

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetCallerIdentity":
                return {"Arn": "arn:aws:iam::111122223333:user/ana"}
            case "DescribeStacks":
                return {"Stacks": [described()]}
            case "StopExecution":
                self.stopped.append(f"{request['executionArn'].rpartition(':')[2]}: {request['cause']}")
                return {}
            case "StartExecution":
                self.started.append(json.loads(request["input"]))
                return {}
            case "ListExecutions":
                return {"executions": [{"executionArn": EXECUTION + name} for name in self._running]}
            case "DescribeExecution":
                name = request["executionArn"].rpartition(":")[2]
                restores = self._running.get(name)
                given = {"detail": {"executionArn": EXECUTION + restores}} if restores else {"detail": {}}
                status = self._status if name == "push-1" else "RUNNING"
                return {"name": name, "status": status, "input": json.dumps(given)}
        raise AssertionError(operation)


STOPPED = ["push-1: rota restore by user/ana: the wrong image"]
STARTED = [{"source": "aws.states", "detail": {"executionArn": f"{EXECUTION}push-1"}}]
RESTORES: dict[str, tuple[Machine, list[str], list[dict[str, Any]], str]] = {
    "it failed": (Machine("FAILED", {}), [], STARTED, "started restore-"),
    "another one is restored": (Machine("FAILED", {"end-0": "push-0"}), [], STARTED, "started restore-"),
    "it is being restored": (Machine("ABORTED", {"end-1": "push-1"}), [], [], "started end-1"),
    "it runs": (Machine("RUNNING", {"end-1": "push-1"}), STOPPED, [], "started end-1"),
    "it runs, and EventBridge starts nothing": (Machine("RUNNING", {}), STOPPED, STARTED, "started restore-"),
    "it restores another one": (Machine("RUNNING", {"push-1": "push-0"}), [], [], "started push-1"),
}


@pytest.mark.parametrize(("machine", "stopped", "started", "says"), RESTORES.values(), ids=RESTORES)
def test_what_is_stopped_and_what_restores_it(
    monkeypatch: pytest.MonkeyPatch,
    machine: Machine,
    stopped: list[str],
    started: list[dict[str, Any]],
    says: str,
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda _, *asked: machine.call(*asked))
    monkeypatch.setattr("rota.cli.restore.command.time", Clock())
    typed = ["restore", "push-1", "--region", "eu-west-1", "--yes", "--no-wait", "--reason", "the wrong image"]
    done = CliRunner().invoke(main, typed, prog_name="rota")
    assert (done.exit_code, done.output[: len(says)]) == (0, says), done.output
    assert (machine.stopped, machine.started) == (stopped, started)
