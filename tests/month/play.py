"""A month, event by event: deployments, starts, tasks and their events; RecordRun and Sweep as AWS calls them.

Deployments are the steps' own, on the stage's parts; what they leave there is what starts: each rule's schedule, state,
target and retry policy. Tasks and the table of runs are in memory. All happens on the stage's clock.
"""

import heapq
import itertools
import json
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import EndpointConnectionError

from rota.aws import clients, parallel, rate_limit
from rota.deployment.items import plain
from rota.runs import sweep as sweeping
from rota.runs.model import Run
from stage import clock
from stage.ecs.script import TERMINATED, Outcome, outcome
from stage.eventbridge import bus
from stage.eventbridge.retries import LONGEST_WAIT
from stage.eventbridge.schedules import due
from stage.eventbridge.targets import run_task_request
from stage.scheduler.schedules import due as due_in_scheduler
from stage.scheduler.schedules import members, run_task_of, schedules
from stage.settings import Script as Ends
from tests.examples import PUSH
from tests.guestbook import ACCOUNT, PREFIX, REGION
from tests.month.fleet import Fleet, Task
from tests.month.script import BEGINS, HOUR, MINUTE, Script
from tests.month.table import Table
from tests.run_events import dead_letter, dead_letter_of_schedule, message
from tests.steps import firing, items
from tests.steps.deployments import Deployment
from tests.steps.environment import functions_environment
from tests.steps.local_stage import local_stage
from tests.steps.world import World, handler

CALM = 10 * MINUTE
"""Sweep comes once a minute for an hour about each deployment, else so often: that only makes reports later."""
# Shares of the events of tasks, and of all other events.
LOST, TWICE, LATE, LATE_BY = 0.03, 0.05, 0.05, 40 * MINUTE
FIRES_TWICE, HANDED_OVER_TWICE, MAIL_FAILS = 0.004, 0.03, 0.02
GIVEN_UP = 30 * MINUTE
"""What could not be recorded in five attempts is in the queue of a person."""
_SHARES = {"fails": 0.02, "out_of_memory": 0.004, "does_not_start": 0.008, "interrupted": 0.003, "maintenance": 0.003}
_BY_A_PERSON = ("UserInitiated", "Task stopped by user")
_SECRET = ("TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry auth: AccessDenied")
# Between the parts of a deployment, so that starts and sweeps lie in all of them.
_PARTS = ("RegisterRevisions", "CreateTargets", "CheckService")
_PART = timedelta(seconds=50)
_AFTER = 10
"""Hours after the month in which jobs go on, and what was missed in it becomes known."""


@dataclass
class Due:
    """A minute for which a job was due, and what became of it."""

    job: str
    at: datetime
    wanted: int
    tasks: list[Task] = field(default_factory=list)
    lost: str = ""
    """Why there is none."""


class Start(NamedTuple):
    """What starts for a minute, by a rule or a schedule."""

    due: Due
    age: int
    """Seconds for which it is tried."""
    request: Callable[[], dict[str, Any]]
    letter: Callable[..., dict[str, Any]]
    """Makes the dead letter of an error."""


@dataclass(frozen=True)
class Reported:
    """One job in one message that was sent."""

    at: datetime
    kind: str
    job: str
    incident: str


class _Message(NamedTuple):
    """A message of the queue that RecordRun reads."""

    at: datetime
    record: dict[str, Any]
    ends: str


class Month:
    """Plays one script. Afterwards it knows what happened, and what Rota has made of it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.now = BEGINS - HOUR
        self.table = Table()
        self.dues: list[Due] = []
        self.reported: list[Reported] = []
        self.changed: list[tuple[datetime, datetime]] = []
        """While these deployments went on, a minute of a job that they changed may count or not."""
        self.hidden: set[str] = set()
        """The tasks of whose end no event came."""
        self.sweeps = 0
        self._fleet = Fleet()
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._fired: set[tuple[str, datetime]] = set()
        self._anchors: dict[str, tuple[str, datetime]] = {}
        self._images: dict[str, str] = {}
        self._queue: list[_Message] = []
        self._drains = False
        self._said: list[dict[str, Any]] = []
        self._unsent = False
        """Whether a message could not be sent in this sweep, which fails then."""
        self._deployed: dict[str, dict[str, Any]] = {}
        """What deployments have written that Sweep reads, as GetItem answers it; empty while one writes."""
        self._bad_image = ""

    # ------------------------------------------------------------------ afterwards

    def runs(self) -> list[Run]:
        """All that are recorded."""
        return [Run.model_validate(plain({"M": item})) for item in self.table.items("run#")]

    def jobs(self) -> dict[str, Any]:
        """How each job does, as it is recorded."""
        return {job["task"]: job for job in (plain({"M": item}) for item in self.table.items("job#"))}

    # ------------------------------------------------------------------ playing

    def play(self) -> None:
        """From an hour before the month to some hours after it, when everything is known."""
        traced = str(self.script.traced).lower()
        with (
            functions_environment(REVISION_MODE="shared", TRACE_SCHEDULED_TIME=traced, LOG_TAIL="0"),
            self._answering(),
        ):
            local_stage().reset()
            self._world = World()
            with local_stage().open(self._world.calls), _quiet():
                self._schedule()
                while self._agenda:
                    self.now, _, action = heapq.heappop(self._agenda)
                    clock.move((self.now - clock.now()).total_seconds())
                    action()

    def _at(self, at: datetime, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), action))

    def _schedule(self) -> None:
        self._world.upload({"tasks": [*self.script.jobs.values()]})
        ends = self.script.ends
        for number, at in enumerate([self.now + MINUTE, *self.script.deployments]):
            self._at(at, partial(self._deploy, number))
        for number in range(int((ends - self.now) / HOUR) + _AFTER):
            self._at(self.now + number * HOUR, self._plan_starts)
        for job, since, until in self.script.by_hand:
            self._at(since, partial(self._switch, job, "DISABLED"))
            self._at(until, partial(self._switch, job, "ENABLED"))
        for each in self.script.betweens:
            if each.fault == "away":
                self._at(each.until + MINUTE, self._drain)
        at = self.now
        while at < ends + _AFTER * HOUR:
            self._at(at, self._sweep)
            busy = any(abs(at + 10 * MINUTE - each) < HOUR / 2 for each in (BEGINS - HOUR, *self.script.deployments))
            at += MINUTE if busy else CALM

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """The clock in the handlers' modules, and answers to what they ask of runs and tasks."""
        events = clients._session().get_component("event_emitter")
        events.register("before-parameter-build", _remember)
        events.register_first("before-call", self._answer)
        firing.load_steps()
        for name in ("record_run", "sweep"):
            handler(name)
        with pytest.MonkeyPatch.context() as patch:
            for name, module in list(sys.modules.items()):
                if name.startswith(("rota.", "functions_")) and vars(module).get("datetime") is datetime:
                    patch.setattr(module, "datetime", clock.Datetime)
            patch.setattr(parallel, "CONCURRENT_CALLS", 1)  # in the same order each time
            patch.setattr("time.sleep", lambda _seconds: None)
            rate_limit.bucket_for.cache_clear()
            sweeping._settled.clear()
            sweeping._begun.clear()
            try:
                yield
            finally:
                clock.reset()

    def _answer(self, model: Any, context: dict[str, Any], **_: object) -> Any:
        service, operation, request = model.service_model.service_name, model.name, context.get("asked", {})
        answer: tuple[int, dict[str, Any]] | None = None
        if service == "dynamodb":
            answer = self.table.answer(operation, request)
            if (
                answer is None
                and operation == "GetItem"
                and (kept := self._deployed.get(request["Key"]["record"]["S"]))
            ):
                answer = 200, kept
        elif service == "ecs" and (found := self._fleet.answer(operation, request, self.now)):
            answer = 200, found
        elif service == "sns":
            answer = self._send()
        elif operation == "PutEvents" and request["Entries"][0]["DetailType"] == "Rota Run":
            self._said += [json.loads(entry["Detail"]) for entry in request["Entries"]]
            answer = 200, {"FailedEntryCount": 0, "Entries": []}
        return answer and (_Response(answer[0]), answer[1])

    def _send(self) -> tuple[int, dict[str, Any]]:
        """A message about jobs, or about a deployment."""
        if self._said and self.script.chance("mail", self.now, len(self.reported)).random() < MAIL_FAILS:
            self._said, self._unsent = [], True
            raise EndpointConnectionError(endpoint_url="sns")
        self.reported += [Reported(self.now, each["kind"], each["task"], each["incident"]) for each in self._said]
        self._said = []
        return 200, {"MessageId": "1"}

    # ------------------------------------------------------------------ what starts

    def _plan_starts(self) -> None:
        """What falls due up to the next full hour, by the rules as they are now."""
        until = self.now.replace(minute=0, second=0) + HOUR
        for name, rule in bus.rules().items():
            if not name.startswith(PREFIX) or not rule.targets or "ByHand" in name:
                continue
            expression = str(rule.scheduled_expression)
            if self._anchors.get(name, ("",))[0] != expression:
                self._anchors[name] = (expression, self.now)
            for at in due(expression, self._anchors[name][1], self.now, until):
                late = self.script.chance("late", name, at).uniform(0, 55)
                self._at(at + timedelta(seconds=late), partial(self._fire, name, expression, at))

        for name, schedule in schedules().items():
            known = members(schedule)
            window = known["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0)
            for at in due_in_scheduler(schedule, self.now, until):
                late = self.script.chance("late", name, at).uniform(0, 55 + 60 * window)
                fire = partial(self._fire_schedule, name, known["ScheduleExpression"], at)
                self._at(at + timedelta(seconds=late), fire)

    def _fire(self, name: str, expression: str, at: datetime) -> None:
        rule = bus.rules().get(name)
        if rule is None or rule.scheduled_expression != expression or (name, at) in self._fired:
            return
        self._fired.add((name, at))
        job = name.removeprefix(PREFIX)
        (target,) = rule.targets
        found = Due(job, at, target["EcsParameters"].get("TaskCount", 1))
        self.dues.append(found)
        if rule.state != "ENABLED":
            found.lost = "disabled"
            return
        event = bus.event("aws.events", "Scheduled Event", {}, [rule.arn]) | {"time": clock.text(at)}
        chance = self.script.chance("start", job, at)
        start = Start(
            found,
            target["RetryPolicy"]["MaximumEventAgeInSeconds"],
            partial(run_task_request, rule, target, event),
            partial(dead_letter, PREFIX + job, body=json.dumps(event)),
        )
        for _ in range(2 if chance.random() < FIRES_TWICE else 1):
            self._start(start)

    def _fire_schedule(self, name: str, expression: str, at: datetime) -> None:
        schedule = schedules().get(name)
        if schedule is None or members(schedule)["ScheduleExpression"] != expression or (name, at) in self._fired:
            return
        self._fired.add((name, at))
        known, job = members(schedule), schedule.name.removeprefix(PREFIX)
        found = Due(job, at, 1)
        self.dues.append(found)
        if known["State"] != "ENABLED":
            found.lost = "disabled"
            return
        chance = self.script.chance("start", job, at)
        execution = uuid.UUID(int=chance.getrandbits(128)).hex
        start = Start(
            found,
            known["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"],
            partial(run_task_of, schedule, known, at, execution, 1),
            partial(dead_letter_of_schedule, schedule.arn, at, execution),
        )
        for _ in range(2 if chance.random() < FIRES_TWICE else 1):
            self._start(start)

    def _start(self, start: Start) -> None:
        """EventBridge or EventBridge Scheduler calls RunTask, again if it is throttled."""
        found = start.due
        script, now = self.script, self.now
        if script.fault(now, "capacity"):
            found.lost = "capacity"
        elif script.fault(now, "refused"):
            self._give_up(start, "NO_PERMISSIONS")
        elif throttled := script.fault(now, "throttled"):
            wait, at, age = 1, now, timedelta(seconds=start.age)
            while at < throttled.until:
                at, wait = at + timedelta(seconds=wait), min(2 * wait, int(LONGEST_WAIT))
            if at - now > age:
                given_up = partial(self._give_up, start, "THROTTLING", "MaximumEventAgeInSeconds")
                self._at(now + age, given_up)
            else:
                self._at(at, partial(self._start, start))
        else:
            for _ in range(found.wanted):
                self._begin(found, start.request())

    def _give_up(self, start: Start, code: str, exhausted: str | None = None) -> None:
        start.due.lost = code
        text = "not authorized" if not exhausted else "Rate exceeded"
        self._hand_over(start.letter(code=code, text=text, exhausted=exhausted, sent=self.now))

    def _begin(self, found: Due, request: dict[str, Any]) -> None:
        number = len(found.tasks)
        image = self._image(request["taskDefinition"])
        id_ = uuid.UUID(int=self.script.chance("id", found.job, found.at, number).getrandbits(128)).hex
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/production/{id_}"
        task = Task(arn, request, image, self.now, self._outcome(found, number, image))
        found.tasks.append(task)
        self._fleet.add(task)
        # Only the begin and the end have events that match the rule.
        for at in (self.now, task.stopped):
            self._at(at, partial(self._send_event, task, last=at > self.now))

    def _outcome(self, found: Due, number: int, image: str) -> Outcome:
        chance = self.script.chance("end", found.job, found.at, number)
        if self.script.fault(self.now, "secret"):
            return Outcome(0, None, _SECRET)
        if image == self._bad_image and chance.random() < 0.9 and found.job[-1] in "0369":
            return Outcome(30, 3)
        if chance.random() < 0.002:
            return Outcome(40, TERMINATED, _BY_A_PERSON)
        return outcome(Ends(**_SHARES, seconds=120, spread=0.9), chance.getrandbits(32))

    def _image(self, revision: str) -> str:
        if revision not in self._images:
            number = int(revision.rpartition(":")[2])
            self._images[revision] = self._world.containers(number)["app"]["image"]
        return self._images[revision]

    # ------------------------------------------------------------------ what AWS reports

    def _send_event(self, task: Task, *, last: bool) -> None:
        """Send what ECS says of a task now: never, late, or twice."""
        chance = self.script.chance("event", task.id, last)
        if chance.random() < LOST:
            if last:
                self.hidden.add(task.id)
            return
        for _ in range(2 if chance.random() < TWICE else 1):
            late = chance.uniform(0, 1) * LATE_BY if chance.random() < LATE else timedelta(seconds=chance.random())
            self._at(
                self.now + late, partial(self._hand_over, message(task.described(self.now)), task.id if last else "")
            )

    def _hand_over(self, record: dict[str, Any], ends: str = "") -> None:
        """Put a message into the queue; `ends` is the task whose end it reports."""
        self._queue.append(_Message(self.now, {**record, "messageId": str(next(self._order))}, ends))
        if not self._drains:
            self._drains = True
            self._at(self.now + timedelta(seconds=1), self._drain)

    def _drain(self) -> None:
        """RecordRun reads what the queue holds, unless Rota is switched off."""
        self._drains = False
        if self.script.fault(self.now, "away"):
            return
        chance = self.script.chance("batches", self.now)
        messages, self._queue = self._queue, []
        moved = [each for each in messages if self.now - each.at > GIVEN_UP]
        if moved and chance.random() < 0.5:
            # Nobody moves them back.
            self.hidden.update(each.ends for each in moved)
            messages = [each for each in messages if each not in moved]
        records = [each.record for each in messages]
        chance.shuffle(records)  # a standard queue has no order
        for batch in (records[start : start + 10] for start in range(0, len(records), 10)):
            for _ in range(2 if chance.random() < HANDED_OVER_TWICE else 1):
                failed = {each["itemIdentifier"] for each in _answer_of("record_run", {"Records": batch})}
            for record in batch:
                if record["messageId"] in failed:
                    self._hand_over(record)

    def _sweep(self) -> None:
        if self.script.fault(self.now, "away"):
            return
        self.sweeps += 1
        self._unsent = False
        if not self._deployed:
            self._deployed = {each["Key"]["record"]["S"]: _read(each) for each in (items.LEASE, items.RELEASES)}
        try:
            handler("sweep")({"id": "tick"}, None)
        except Exception:
            if not self._unsent:
                raise

    # ------------------------------------------------------------------ what people do

    def _switch(self, job: str, state: str) -> None:
        if rule := bus.rules().get(PREFIX + job):
            rule.state = state
        for schedule in schedules().values():
            if schedule.name == PREFIX + job:
                members(schedule)["State"] = state

    def _deploy(self, number: int) -> None:
        """A push. Its parts come one after the other."""
        digest = f"sha256:{self.script.chance('image', number).getrandbits(256):064x}"
        self._world.push(digest, f"v{number}")
        detail = {**PUSH["detail"], "image-digest": digest, "image-tag": f"v{number}"}
        push = {**PUSH, "time": clock.text(self.now), "detail": detail}
        if number == self.script.breaks:
            self._bad_image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/guestbook@{digest}"
        deployment = Deployment(self._world, f"deployment-{number}", push, self.now)
        for index, part in enumerate(_PARTS):
            self._at(self.now + (index + 1) * _PART, partial(self._go_on, deployment, part))
        end = self.now + (len(_PARTS) + 1) * _PART
        self.changed.append((self.now, end))
        self._at(end, partial(self._finish, deployment, number))

    def _go_on(self, deployment: Deployment, part: str) -> None:
        self._deployed = {}
        deployment.until(part)

    def _finish(self, deployment: Deployment, number: int) -> None:
        self._deployed = {}
        if number == self.script.fails:
            deployment.fail("RejectedError", "the rollout failed")
            assert deployment.step("RestoreDeployment")["outcome"] == "failed"
        else:
            assert (end := deployment.run()) == "Deployed", end
        self._plan_starts()


def _read(item: items.Item) -> dict[str, Any]:
    found = items.read(item)
    return {"Item": found} if found else {"ResponseMetadata": {}}


def _answer_of(folder: str, event: dict[str, Any]) -> Any:
    return handler(folder)(event, None)["batchItemFailures"]


class _Response:
    """As much of an HTTP response as botocore looks at."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}


def _remember(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Keep what a caller asks, for `_answer`: what botocore makes of it is JSON."""
    context["asked"] = params


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what the functions log."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no file
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
