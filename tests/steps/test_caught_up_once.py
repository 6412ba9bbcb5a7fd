"""Whatever is lost, repeated, late or killed: `catch_up` starts no minute of a job twice."""

import copy
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from rota.aws import clients, parallel
from rota.runs.catching_up import catch_up
from rota.runs.event import GivenUp, QueueMessage, TaskChange, task_change
from rota.runs.model import Job, Span
from rota.runs.record import Recorder
from rota.runs.table import RunTable
from rota.schedules.eventbridge_rules.desired import desired_rule
from tests.guestbook import APP, CLUSTER_ARN, ENVIRONMENT, PREFIX, SETTINGS, arn, task
from tests.month.play import _remember, _Response
from tests.month.table import Table
from tests.run_events import DUE, dead_letter, detail
from tests.steps.environment import functions_environment

ACTING = SETTINGS.model_copy(update={"run_actions": "both"})
WEEKLY = "0 6 ? * SUN *"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AGE = 21_600
REMEMBERED = timedelta(hours=1)
TOKEN_KNOWN = timedelta(hours=1)
"""At the least: ECS knows a client token until an hour after its tasks have ended."""


class KilledError(BaseException):
    """The function's process ends."""


@dataclass
class Account:
    """ECS, EventBridge and the table as far as catch_up asks them, and what goes wrong in the next call of a kind."""

    count: int
    now: datetime = DUE + MINUTE
    table: Table = field(default_factory=Table)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    started: list[int] = field(default_factory=list)
    """How many tasks each RunTask has started that catch_up sent."""
    group: str = ""
    capacity: int = 9

    def answer(self, model: Any, context: dict[str, Any], **_: object) -> Any:
        operation, request = model.name, context["asked"]
        fault = self.faults.pop(operation, "")
        if fault == "kill":
            raise KilledError
        status, answer = 500, {"Error": {"Code": "InternalServerError", "Message": "try again"}}
        if fault != "refused":
            status, answer = self._answer(operation, copy.deepcopy(request))
        if fault == "killed after":
            raise KilledError
        if fault == "lost":
            status, answer = 500, {"Error": {"Code": "InternalServerError", "Message": "try again"}}
        return _Response(status), {**answer, "ResponseMetadata": {"HTTPStatusCode": status}}

    def _answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        rule = desired_rule(task(cron=WEEKLY, count=self.count), ACTING, CLUSTER_ARN, arn(7))
        if operation == "DescribeRule":
            shown = {
                "Name": rule.name,
                "Arn": f"arn:aws:events:us-east-1:123456789012:rule/{rule.name}",
                "ScheduleExpression": f"cron({WEEKLY})",
                "State": "ENABLED",
            }
            return 200, shown
        if operation == "ListTagsForResource":
            return 200, {"Tags": [{"Key": "rota:app", "Value": APP}]}
        if operation == "ListTargetsByRule":
            (target,) = copy.deepcopy(rule.targets)
            target["EcsParameters"] |= {"Group": self.group} if self.group else {}
            return 200, {"Targets": [target]}
        if operation == "RunTask":
            return self._run_task(request)
        found = self.table.answer(operation, request)
        assert found is not None, operation
        return found

    def _run_task(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html"""
        token, whole = request["clientToken"], json.dumps(request, sort_keys=True)
        known, at = self.tokens.get(token, ("", self.now))
        if known and self.now - at < TOKEN_KNOWN:
            if known == whole:
                return 200, self._started(request)
            return 400, {"Error": {"Code": "ConflictException", "Message": "already in use"}}
        self.tokens[token] = whole, self.now
        self.started.append(request["count"])
        answer = self._started(request)
        for _ in answer["tasks"]:
            self.start(request["startedBy"])
        return 200, answer

    def _started(self, request: dict[str, Any]) -> dict[str, Any]:
        begun = min(self.capacity, request["count"])
        failures = [{"reason": "no capacity"}] * (request["count"] - begun)
        return {"tasks": [{"taskArn": "new"}] * begun, "failures": failures}

    def start(self, started_by: str) -> None:
        task = detail("RUNNING", created=self.now, startedBy=started_by, taskArn=f"task/{len(self.tasks):032}")
        self.tasks.append(task)

    def shown(self, *, late: bool) -> list[TaskChange]:
        """The tasks that ECS knows; each runs for a minute. A list that is late has none of the last minutes."""
        youngest = 5 * MINUTE if late else timedelta()
        known = [each for each in self.tasks if youngest <= self.now - _created(each) < REMEMBERED]
        return [task_change(_as_of(each, self.now)) for each in known]


def _created(task: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(task["createdAt"].replace("Z", "+00:00"))


def _as_of(task: dict[str, Any], now: datetime) -> dict[str, Any]:
    status = "STOPPED" if now - _created(task) > MINUTE else "RUNNING"
    return detail(status, created=_created(task), startedBy=task["startedBy"], taskArn=task["taskArn"], seconds=30)


class Sweep(NamedTuple):
    """What goes wrong in one sweep."""

    faults: dict[str, str] | None = None
    old: bool = False
    """Whether it has read the jobs before the one before it wrote them."""
    late: bool = False
    """Whether ECS does not list the newest tasks yet."""


LOST = Sweep({"RunTask": "lost"})
FAULTS = st.dictionaries(
    st.sampled_from(["RunTask", "UpdateItem", "Query", "GetItem", "ListTargetsByRule"]),
    st.sampled_from(["refused", "lost", "kill", "killed after"]),
    max_size=2,
)
SWEEPS = st.just(LOST) | st.builds(Sweep, FAULTS, st.booleans(), st.booleans())
STEPS = st.lists(
    SWEEPS
    | st.sampled_from([MINUTE, MINUTE, HOUR - MINUTE, HOUR + MINUTE, 25 * HOUR])
    | st.sampled_from(["gives up", "did not start", "a second one did not start", "starts, late", "events", "changes"]),
    min_size=1,
    max_size=10,
)


@pytest.fixture(scope="module")
def asked() -> Iterator[list[Account]]:
    """What the product asks of AWS is asked of the last of these accounts."""
    accounts: list[Account] = []

    def answer(**asked: Any) -> Any:
        return accounts[-1].answer(**asked)

    with functions_environment(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "CONCURRENT_CALLS", 1)
        events = clients._session().get_component("event_emitter")
        events.register("before-parameter-build", _remember)
        events.register_first("before-call", answer)
        logging.disable(logging.CRITICAL)
        yield accounts
        logging.disable(logging.NOTSET)


@budget(max_examples=budget().max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.sampled_from([1, 2]), first=st.sampled_from(["gives up", "did not start"]), steps=STEPS)
def test_no_minute_is_started_twice(asked: list[Account], count: int, first: str, steps: list[Any]) -> None:
    asked[:] = [account := Account(count)]
    play(account, [first, *steps, Sweep(late=True), Sweep()])
    assert len(account.started) <= 1
    assert sum(account.started) <= count


@pytest.mark.parametrize(
    ("steps", "started"),
    [
        pytest.param(["gives up", Sweep(), MINUTE, Sweep()], [1], id="given up"),
        pytest.param(["did not start", Sweep(), 7 * HOUR, Sweep(), MINUTE, Sweep()], [1], id="not started"),
        pytest.param(["gives up", LOST, Sweep(late=True), Sweep()], [1], id="the answer is lost"),
        pytest.param(["gives up", LOST, 25 * HOUR, Sweep(), Sweep()], [1], id="and asked for when ECS has forgotten"),
        pytest.param(["gives up", LOST, HOUR, Sweep()], [1], id="and asked for when ECS has just forgotten"),
        pytest.param(["gives up", LOST, "changes", Sweep(late=True)], [1], id="and the target changes"),
        pytest.param(["gives up", Sweep(), Sweep(old=True, late=True)], [1], id="two sweeps at once"),
        pytest.param(["gives up", "starts, late", Sweep()], [1], id="EventBridge gave up"),
        pytest.param(["did not start", "starts, late", "events", 7 * HOUR, Sweep()], [], id="EventBridge did not"),
    ],
)
def test_it_is_started_once(asked: list[Account], steps: list[Any], started: list[int]) -> None:
    asked[:] = [account := Account(1)]
    play(account, steps)
    assert account.started == started


def test_what_ecs_has_started_in_part_is_no_success(asked: list[Account]) -> None:
    asked[:] = [account := Account(2, capacity=1)]
    play(account, ["gives up", Sweep(), MINUTE, Sweep()])
    job = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP).job("IngestData")
    assert (len(account.tasks), job and job.owed and job.owed.answer) == (1, "ECS started 1 of 2 tasks: no capacity")


def play(account: Account, steps: list[Any]) -> None:
    """The job is due at six each Sunday, and is to be caught up whatever happens."""
    table = RunTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP)
    span = Span(expression=f"cron({WEEKLY})", since=DUE - timedelta(days=9))
    table.put_settings(
        Job(task="IngestData", spans=(span,), count=account.count, retry_age=AGE, grace=300, catch_up="both")
    )
    recorder = Recorder(table, ACTING, (), lambda _run: None)
    before = table.jobs()
    ended: dict[str, Any] = {"starts": False, "exit_code": None, "stopCode": "TaskFailedToStart"}
    gave_up = False
    for step in steps:
        if isinstance(step, Sweep):
            jobs = before if step.old else table.jobs()
            before = table.jobs()
            account.faults = dict(step.faults or {})
            with suppress(KilledError):
                catch_up(table, ACTING, jobs.values(), account.shown(late=step.late), account.now)
            account.faults = {}
        elif isinstance(step, timedelta):
            account.now += step
        elif step == "gives up":
            gave_up = True
            letter = QueueMessage.model_validate(dead_letter(PREFIX + "IngestData", sent=DUE + MINUTE)).read()
            assert isinstance(letter, GivenUp)
            recorder.give_up(letter)
        elif step == "did not start":
            recorder.record(task_change(detail(taskArn="task/n0", **ended)))
        elif step == "a second one did not start" and account.count > 1:
            recorder.record(task_change(detail(taskArn="task/n1", **ended)))
        elif step == "starts, late" and account.now < DUE + timedelta(seconds=AGE) and not gave_up:
            account.start(f"events-rule/{PREFIX}IngestData"[:36])
        elif step == "events":
            for each in account.shown(late=False):
                recorder.record(each)
        elif step == "changes":
            account.group += "x"
