"""Deployments that walk through the real state machine with the real handlers, step by step."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from rota.deployment.lease.item import LeaseTable
from rota.deployment.lease.lease import Lease
from rota.errors import RejectedError, TransientError
from tests import asl
from tests.examples import PUSH, end_of, snake
from tests.guestbook import SETTINGS
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import Lasting
from tests.steps.world import World, handler

NEXT = "sha256:" + "2e" * 32
THIRD = "sha256:" + "3f" * 32
# Against SCHEDULE: one task stays, one moves, one goes, one comes.
BEFORE = {"tasks": [*SCHEDULE["tasks"], {"name": "CountTeaspoons", "task": "teaspoon_task", "rate": "1 day"}]}
AFTER = {
    "tasks": [
        SCHEDULE["tasks"][0],
        SCHEDULE["tasks"][1] | {"rate": "20 minutes"},
        {"name": "Digest", "task": "digest_task", "rate": "7 days"},
    ]
}


class Context:
    """What Lambda passes to a function about its invocation."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def invoke(folder: str, event: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
    """Invoke a function; its answer has been through JSON, as Lambda's answers have."""
    answer: dict[str, Any] = json.loads(json.dumps(handler(folder)(event, context or Context())))
    return answer


def killed(invocation: str, error: str = "Runtime.ExitError") -> dict[str, Any]:
    """What the history says when an invocation's process has died, or with another error."""
    cause = f"RequestId: {invocation} Error: Runtime exited with error: signal: killed"
    details = {"error": error, "cause": json.dumps({"errorType": error, "errorMessage": cause})}
    return {"type": "LambdaFunctionFailed", "timestamp": datetime.now(UTC), "lambdaFunctionFailedEventDetails": details}


def entered(step: str, document: dict[str, Any]) -> dict[str, Any]:
    """What the history says when the state of a step begins with that document."""
    details = {"name": step, "input": json.dumps(document)}
    return {"type": "TaskStateEntered", "timestamp": datetime.now(UTC), "stateEnteredEventDetails": details}


class Deployment(Lasting):
    """One execution of the state machine, as far as a test lets it come."""

    def __init__(self, world: World, name: str, event: dict[str, Any], started_at: datetime) -> None:
        self._world = world
        self.arn = f"arn:aws:states:us-east-1:123456789012:execution:rota-deploy:{name}"
        started = started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.context: dict[str, Any] = {
            "Execution": {"Id": self.arn, "Name": name, "StartTime": started, "Input": event},
            "State": {"RetryCount": 0},
        }
        self.document: dict[str, Any] = {"turn": None}
        self._state: str | None = asl.MACHINE["StartAt"]

    def until(self, step: str) -> "Deployment":
        """Go on to just before `step`. An error of a step comes out as it is; the next call tries that step again."""
        for state in asl.walk(self._state, self._advancing(self._work)):
            if state == step:
                break
        return self

    def run(self) -> str:
        """Go on to the end, whatever happens; the state in which it ended."""
        *_, end = "", *asl.walk(self._state, self._advancing(self._work_or_fail))
        return end

    @property
    def at(self) -> str | None:
        """The state that comes next; None after the end."""
        return self._state

    def go_on(self) -> str:
        """Carry out one state, whatever happens in it. Returns its name if it was the end, else nothing."""
        state = str(self._state)
        self._advancing(self._work_or_fail)(state)
        return "" if self._state else state

    def step(self, step: str) -> dict[str, Any]:
        """Carry out one step with what the document holds now, and add what it answers."""
        answer = self._work(step, self.request(step))
        self.document[asl.STATES[step]["ResultPath"].removeprefix("$.")] = answer
        return answer

    def restore(self) -> dict[str, Any]:
        """What RestoreDeployment answers, retried as the state machine does it, so that it can take its time."""
        for retries in range(10):
            self.context["State"]["RetryCount"] = retries
            try:
                return self._work("RestoreDeployment", self.request("RestoreDeployment"))
            except (TransientError, RejectedError):
                if retries == 9:
                    raise
        raise AssertionError

    def request(self, step: str) -> dict[str, Any]:
        """What the state machine hands the step now."""
        return asl.request(step, self.document, self.context)

    def fail(self, error: str, message: str) -> None:
        """Add what a Catch adds when a step fails."""
        self.document["error"] = {"Error": error, "Cause": json.dumps({"errorMessage": message, "errorType": error})}

    def stop(
        self, ago: timedelta = timedelta(minutes=1), status: Literal["ABORTED", "TIMED_OUT", "FAILED"] = "ABORTED"
    ) -> None:
        """A person stops the execution, or has done so some time ago; or it has come to the machine's time limit."""
        own = self.context["Execution"]
        started_at = datetime.fromisoformat(own["StartTime"])
        self._world.execution(own["Name"], ended=ago, given=own["Input"], started_at=started_at, status=status)

    def restorer(self, name: str = "restorer") -> "Deployment":
        """The execution that is started to restore this one after it was stopped."""
        event = end_of(self.arn)
        self._world.execution(name, given=event)
        return Deployment(self._world, name, event, datetime.now(UTC))

    def lease(self) -> Lease:
        """The app's lease, as a function of this execution writes to it."""
        return Lease(LeaseTable(client("dynamodb"), SETTINGS.table, SETTINGS.app, self.context["Execution"]["Id"]))

    def _advancing(self, work: asl.Work) -> Callable[[str], str | None]:
        def advance(state: str) -> str | None:
            self._state = asl.advance(state, self.document, self.context, work)
            return self._state

        return advance

    def _work(self, step: str, request: dict[str, Any]) -> dict[str, Any]:
        context = Context()
        try:
            answer = invoke(snake(step), request, context)
        except KilledError:
            self._world.calls.history.append(killed(context.aws_request_id))
            raise
        if step == "RollService" and not self._world.in_stages:
            self._world.roll("COMPLETED")
        return answer

    def _work_or_fail(self, step: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.restore() if step == "RestoreDeployment" else self._work(step, request)
        except Exception as error:
            cause = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__})
            raise asl.FailedError(type(error).__name__, cause) from error


class Deployments(Lasting):
    """Starts deployments, each a minute after the last."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._started_at = datetime(2026, 1, 1, 6, 0, 2, tzinfo=UTC)
        self._count = 0
        self._in_real_time = False

    def in_real_time(self) -> None:
        """From now on each starts when it is started, as what is recorded of them has the real time."""
        self._in_real_time = True

    def start(self, digest: str | None = None, **event: Any) -> Deployment:
        """The push of the guestbook's image, or of the one with that digest, has just arrived."""
        if digest:
            self._world.push(digest, "next")
        detail = PUSH["detail"] | ({"image-digest": digest, "image-tag": "next"} if digest else {})
        return self.ask(**(PUSH | {"detail": detail} | event))

    def ask(self, **given: Any) -> Deployment:
        """A person has just started an execution with that input."""
        self._count += 1
        self._started_at = datetime.now(UTC) if self._in_real_time else self._started_at + timedelta(minutes=1)
        return Deployment(self._world, f"deployment-{self._count}", given, self._started_at)
