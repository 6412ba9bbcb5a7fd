"""How executions begin and end, as on AWS: EventBridge is told, and StopExecution ends one at once.

moto stops an execution once the state that it is in has ended. On AWS nothing waits for that: the function that it had
invoked goes on by itself, and the history says no more of it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

from moto.stepfunctions.exceptions import ExecutionDoesNotExist
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from stage.direct import ACCOUNT, REGION
from stage.door.calls import Call, Reply
from stage.eventbridge.bus import Event, event
from stage.patch import replace

Publish = Callable[[Event], None]

# The histories and the threads of executions that were stopped, which may still work on a state.
_STOPPED: WeakSet[object] = WeakSet()
# An execution ends once.
_ENDING = threading.Lock()


def prepare(publish: Publish) -> None:
    """Make moto's executions publish each change of their status, and be silent once they are stopped."""
    start, end, add = Execution.start, BaseExecutionWorkerCommunication.terminated, EventManager.add_event

    def start_and_tell(self: Execution) -> None:
        start(self)
        publish(_changed(self))

    def stop_and_tell(self: Execution, stop_date: datetime, error: str | None, cause: str | None) -> None:
        if stop(self, error, cause):
            publish(_changed(self))

    def end_and_tell(self: BaseExecutionWorkerCommunication) -> None:
        with _ENDING:
            if self in _STOPPED:
                return
            end(self)
        publish(_changed(self.execution))

    def add_unless_stopped(self: EventManager, context: EventHistoryContext, *args: Any, **more: Any) -> int:
        return context.last_published_event_id if self in _STOPPED else add(self, context, *args, **more)

    replace(Execution, "start", start_and_tell)
    replace(Execution, "stop", stop_and_tell)
    replace(BaseExecutionWorkerCommunication, "terminated", end_and_tell)
    replace(EventManager, "add_event", add_unless_stopped)


def stop(execution: Any, error: str | None = None, cause: str | None = None) -> bool:
    """End an execution now, if it has not ended; True if this did. `execution` is moto's, whose parts are not typed."""
    worker = execution.exec_worker
    while execution.status == "RUNNING" and worker.env is None:
        time.sleep(0.001)  # it has begun, and can be stopped only once it has read its definition
    with _ENDING:
        if execution.status != "RUNNING":
            return False
        history = worker.env.event_manager
        told = {"executionAbortedEventDetails": {"error": error or None, "cause": cause or None}}
        at = EventHistoryContext(previous_event_id=0)
        history.add_event(context=at, event_type=HistoryEventType.ExecutionAborted, event_details=told)
        _STOPPED.update((history, worker._execution_communication))
        now = datetime.now(UTC)
        execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, now
        execution.error, execution.cause = error or None, cause or None
        worker.stop(stop_date=now, error=error, cause=cause)
    return True


def stop_all() -> None:
    """End every execution that is running; nobody hears of it."""
    for execution in _all():
        stop(execution)


def stop_by_name(name: str) -> None:
    """End an execution, and have EventBridge told, as StopExecution does."""
    for execution in _all():
        if execution.name == name:
            execution.stop(datetime.now(UTC), None, None)


class Stop:
    """A hook that answers StopExecution, of which moto forgets the error and the cause."""

    def before(self, call: Call) -> Reply | None:
        if call.key != ("stepfunctions", "StopExecution"):
            return None
        arn = call.params["executionArn"]
        try:
            execution = stepfunctions_parser_backends[ACCOUNT][call.region].describe_execution(arn)
        except ExecutionDoesNotExist as unknown:
            return Reply.refusal(call, "ExecutionDoesNotExist", unknown.message)
        now = datetime.now(UTC)
        execution.stop(now, call.params.get("error"), call.params.get("cause"))
        return Reply.result(call, {"stopDate": now.timestamp()})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _all() -> Iterator[Any]:
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        yield from list(machine.executions)


def _changed(execution: Execution) -> Event:
    """docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html."""
    described: dict[str, Any] = dict(execution.to_describe_output())
    keys = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "output")
    detail = {key: described.get(key) for key in (*keys, "error", "cause")}
    detail |= {key: round(described[key].timestamp() * 1000) for key in ("startDate", "stopDate") if described[key]}
    for key in ("input", "output"):
        detail[f"{key}Details"] = {"included": True} if detail[key] else None
    return event("aws.states", "Step Functions Execution Status Change", detail, [execution.exec_arn])
