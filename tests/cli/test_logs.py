"""A log as `rota logs` shows it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

from rota.cli.frame import Account
from rota.cli.logs import service
from rota.cli.logs.deployment import _step, _text
from rota.cli.logs.follow import follow
from rota.cli.logs.model import Line
from rota.cli.logs.runs import _run_of_task
from rota.cli.logs.task_log import Masked
from rota.cli.output import Output
from rota.cli.stack import Stack
from rota.runs.event import TaskChange, task_change
from tests.clock import Clock
from tests.run_events import detail

KEY = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA", "-----END RSA PRIVATE KEY-----"]


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        (["Ingested 4 postcards\n"], ["Ingested 4 postcards"]),
        (["password=hunter22", "db is hunter33"], ["password=***", "db is ***"]),
        ([*KEY, "well"], ["***", "***", "***", "well"]),
        (["\x1b[31mred\x1b[0m\x07"], ["red"]),
    ],
    ids=["plain", "a secret by its name, and a known one", "a key on three lines", "control characters"],
)
def test_lines_are_masked(logged: list[str], shown: list[str]) -> None:
    masked = Masked(["hunter33"])
    assert [masked.line(0, each).message for each in logged] == shown


def test_a_functions_line_is_short() -> None:
    stream = "2026/11/30/rota-CreateTargetsFunction-1ABC[$LATEST]0f1e"
    line = Masked().line(
        0, '{"level":"WARNING","message":"slow","service":"rota","execution":"e","answer":{"written":3}}'
    )
    assert _text(_step(stream), line, utc=True) == '00:00:00 CreateTargets     WARNING slow  answer {"written": 3}'
    assert _text(_step("2026/11/30/[$LATEST]0f1e"), Masked().line(0, "START"), utc=True).split() == [
        "00:00:00",
        "START",
    ]


DUE = datetime(2026, 11, 29, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("task", "due", "status", "exit_code"),
    [
        (detail(scheduled_at=DUE, startedBy="rota-run/ana", exit_code=3), DUE, "failed", 3),
        (detail(startedBy="rota-run/ana"), None, "ok", 0),
        (detail("RUNNING", scheduled_at=DUE, exit_code=None), DUE, "running", None),
        (detail(task=None), None, None, 0),
    ],
    ids=["a repeat", "by hand", "it runs", "no job's"],
)
def test_a_run_that_ecs_still_knows(
    task: dict[str, Any], due: datetime | None, status: str | None, exit_code: int | None
) -> None:
    run = _run_of_task("app", task_change(task))
    assert (run.due, run.status, run.exit) == (due, status, exit_code)


TASK = "arn:aws:ecs:eu-west-1:111122223333:task/production/{}234567890"


CONTAINER = {
    "name": "app",
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "/ecs/shop", "awslogs-stream-prefix": "shop"},
    },
}


def account(monkeypatch: pytest.MonkeyPatch, give: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Account:
    """That of a stack whose AWS gives these answers."""
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda _, *asked: give(*asked))
    made = Account(Output(), region="eu-west-1")
    parameters = {"ClusterName": "production", "ServiceName": "shop-api", "ContainerName": "app"}
    made.__dict__["stack"] = Stack("rota", "arn", "", parameters, {})
    return made


class Answers:
    """AWS's answers for two tasks of a service, each with a log."""

    def __init__(self, *logs: list[tuple[int, str]]) -> None:
        self._logs = {TASK.format(number): log for number, log in enumerate(logs)}

    def give(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "ListTasks":
                return {"taskArns": [*self._logs] if request["desiredStatus"] == "RUNNING" else []}
            case "DescribeTasks":
                return {"tasks": [detail("RUNNING", taskArn=each) for each in request["tasks"]]}
            case "DescribeTaskDefinition":
                return {"taskDefinition": {"containerDefinitions": [CONTAINER]}}
            case "GetLogEvents":
                (log,) = (log for arn, log in self._logs.items() if arn.endswith(request["logStreamName"][-10:]))
                read = int(request.get("nextToken", "0"))
                page = [{"timestamp": at, "message": message} for at, message in log[read : read + 2]]
                return {"events": page, "nextForwardToken": str(read + len(page))}
        raise AssertionError(operation)


def test_the_lines_of_a_services_tasks_are_in_the_order_of_their_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also on several pages; those of one moment are as the task has logged them."""
    begun = round(datetime.now(UTC).timestamp() * 1000)
    first = [(begun - 900_000, "too old"), (begun, "z"), (begun, "a"), (begun + 3, "d")]
    answers = Answers(first, [(begun + 1, "b"), (begun + 2, "c")])
    service.show(
        account(monkeypatch, answers.give), timedelta(minutes=10), lambda line: line.message != "c", follows=False
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["z", "a", "b", "d"]
    assert [line.split()[-2] for line in lines] == ["02345678", "02345678", "12345678", "02345678"]


class Seen:
    """What is seen of a task that is followed."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.lines: list[str] = []

    def changed(self, change: TaskChange) -> None:
        self.statuses.append(change.last_status)

    def line(self, _: str, line: Line) -> None:
        self.lines.append(line.message)

    def unreadable(self, task_arn: str, refusal: Exception | str) -> None:
        raise AssertionError(task_arn, refusal)


@pytest.mark.parametrize(
    ("statuses", "logged", "ends"),
    [
        ({0: "RUNNING", 2: "STOPPED"}, {1: "begins", 4: "ends"}, 5),
        ({0: "STOPPED"}, {0: "begins", 2: "ends"}, 3),
        ({0: "RUNNING", 2: "DEPROVISIONING", 30: "STOPPED"}, {0: "begins", 4: "ends"}, 30),
    ],
    ids=["its last line is late", "it has ended", "its network is deleted"],
)
def test_a_task_is_followed_until_its_last_line_can_be_read(
    monkeypatch: pytest.MonkeyPatch, statuses: dict[int, str], logged: dict[int, str], ends: int
) -> None:
    """By the seconds that have passed: its status, and the lines that CloudWatch shows."""
    clock, arn = Clock(), TASK.format(0)
    monkeypatch.setattr("rota.cli.logs.follow.time", clock)

    def give(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        now = clock.monotonic()
        assert now <= 60, "it is followed for ever"
        match operation:
            case "DescribeTasks":
                return {"tasks": [detail([each for at, each in statuses.items() if at <= now][-1], taskArn=arn)]}
            case "DescribeTaskDefinition":
                return {"taskDefinition": {"containerDefinitions": [CONTAINER]}}
            case "GetLogEvents":
                lines = [each for at, each in logged.items() if at <= now]
                page = [{"timestamp": 0, "message": each} for each in lines[int(request.get("nextToken", "0")) :]]
                return {"events": page, "nextForwardToken": str(len(lines))}
        raise AssertionError(operation)

    seen = Seen()
    (task,) = follow(account(monkeypatch, give), [arn], seen, None)
    assert (task.last_status, seen.statuses, seen.lines) == ("STOPPED", [*statuses.values()], ["begins", "ends"])
    assert clock.monotonic() == ends
