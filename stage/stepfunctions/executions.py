"""Publishes the status changes of executions, and answers StopExecution, which ends an execution at once.

moto stops an execution when its current state has ended. On AWS it ends at once: the function that it invoked runs on,
and the history does not mention it any more.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakSet

from moto.core.utils import iso_8601_datetime_with_milliseconds
from moto.stepfunctions.exceptions import ExecutionDoesNotExist
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.evaluation_details import ExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from stage import clock
from stage.eventbridge.bus import Event, event
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.moto.patch import replace

Publish = Callable[[Event], None]

IN_EVENT = (
    *("executionArn", "stateMachineArn", "stateMachineVersionArn", "stateMachineAliasArn", "name", "status"),
    *("startDate", "stopDate", "input", "output", "error", "cause"),
    *("redriveCount", "redriveDate", "redriveStatus", "redriveStatusReason"),
)
DATES = ("startDate", "stopDate", "redriveDate")
# The histories and threads of stopped executions, which may still run a state.
_STOPPED: WeakSet[object] = WeakSet()
# Guards the end of an execution, which happens once.
_ENDING = threading.Lock()


class Executions:
    """Publishes each change of an execution's status. As a hook it answers StopExecution; moto loses the error and the
    cause.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    def install(self) -> None:
        """Have executions publish start and end, write no history once they are stopped, and end with their machine."""
        start, end, add = Execution.start, BaseExecutionWorkerCommunication.terminated, EventManager.add_event
        details_of, delete = Execution.get_start_execution_details, StepFunctionsParserBackend.delete_state_machine

        def details_with_the_start(execution: Execution) -> ExecutionDetails:
            # As the context object on AWS writes it.
            details = details_of(execution)
            details.start_time = iso_8601_datetime_with_milliseconds(execution.start_date)  # type: ignore[misc]  # moto's is Final
            return details

        def start_and_publish(execution: Execution) -> None:
            # Milliseconds, as in the context object on AWS: both must name the same moment.
            began = execution.start_date
            execution.redrives = 0  # type: ignore[attr-defined] # moto knows no redrives
            execution.start_date = began.replace(microsecond=began.microsecond // 1000 * 1000)
            execution.exec_status = ExecutionStatus.RUNNING
            begun = _changed(execution)  # it may have ended when `start` returns
            start(execution)
            self._publish(begun)

        def end_and_publish(thread: BaseExecutionWorkerCommunication) -> None:
            with _ENDING:
                if thread in _STOPPED:
                    return
                end(thread)
            self._publish(_changed(thread.execution))

        def add_unless_stopped(history: EventManager, context: EventHistoryContext, *args: Any, **more: Any) -> int:
            return context.last_published_event_id if history in _STOPPED else add(history, context, *args, **more)

        def delete_with_executions(backend: StepFunctionsParserBackend, arn: str) -> None:
            # docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html: they are terminated.
            for execution in executions():
                if execution.state_machine.arn == arn:
                    _stop(execution, None, None)
            delete(backend, arn)

        replace(Execution, "start", start_and_publish)
        replace(StepFunctionsParserBackend, "delete_state_machine", delete_with_executions)
        replace(Execution, "get_start_execution_details", details_with_the_start)
        replace(BaseExecutionWorkerCommunication, "terminated", end_and_publish)
        replace(EventManager, "add_event", add_unless_stopped)

    def stop(self, name: str) -> None:
        """Stop the execution of that name, as StopExecution does."""
        for execution in executions():
            if execution.name == name and _stop(execution, None, None):
                self._publish(_changed(execution))

    def before(self, call: Call) -> Reply | None:
        """StopExecution."""
        if call.key != ("stepfunctions", "StopExecution"):
            return None
        execution = named(call)
        if isinstance(execution, Reply):
            return execution
        if _stop(execution, call.params.get("error"), call.params.get("cause")):
            self._publish(_changed(execution))
        return Reply.result(call, {"stopDate": execution.stop_date.timestamp()})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def named(call: Call) -> Any:
    """The execution that a call names, moto's untyped object; or the refusal if there is none."""
    try:
        return stepfunctions_parser_backends[ACCOUNT][call.region].describe_execution(call.params["executionArn"])
    except ExecutionDoesNotExist as unknown:
        return Reply.refusal(call, "ExecutionDoesNotExist", unknown.message)


def redriven(execution: Any) -> dict[str, Any]:
    """How often an execution was redriven, and when the last time."""
    count = execution.redrives
    return {"redriveCount": count, **({"redriveDate": execution.redrive_date} if count else {})}


def redrivable(execution: Any) -> dict[str, Any]:
    """Whether an execution can be redriven, and how often it was."""
    status, found = str(execution.status), redriven(execution)
    if status in ("RUNNING", "SUCCEEDED"):
        reason = f"Execution is {status} and cannot be redriven"
        return {**found, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    return {**found, "redriveStatus": "REDRIVABLE"}


def running() -> list[str]:
    """The names of the executions that are running."""
    return [execution.name for execution in executions() if execution.status == "RUNNING"]


def stop_all() -> None:
    """Stop every running execution and publish nothing."""
    for execution in executions():
        _stop(execution, None, None)


def executions() -> Iterator[Any]:
    """All executions, moto's untyped objects."""
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        yield from list(machine.executions)


def _stop(execution: Any, error: str | None, cause: str | None) -> bool:
    """Stop an execution now; False if it has ended already."""
    worker = execution.exec_worker
    while execution.status == "RUNNING" and worker.env is None:
        time.sleep(0.001)  # it can be stopped only after it has parsed its definition
    with _ENDING:
        if execution.status != "RUNNING":
            return False
        history = worker.env.event_manager
        details = {"executionAbortedEventDetails": {"error": error, "cause": cause}}
        at = EventHistoryContext(previous_event_id=0)
        history.add_event(context=at, event_type=HistoryEventType.ExecutionAborted, event_details=details)
        _STOPPED.update((history, worker._execution_communication))
        execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, clock.now()
        execution.error, execution.cause = error, cause
        worker.stop(stop_date=execution.stop_date, error=error, cause=cause)
    return True


def _changed(execution: Execution) -> Event:
    """docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html."""
    described: dict[str, Any] = {**execution.to_describe_output(), **redrivable(execution)}
    detail = {key: described.get(key) for key in IN_EVENT}
    detail |= {key: round(described[key].timestamp() * 1000) for key in DATES if described.get(key)}
    detail["status"] = str(described["status"].value)  # moto's enum is no JSON string, and no pattern matches it
    for key in ("input", "output"):
        detail[f"{key}Details"] = {"included": True} if detail[key] else None
    return event("aws.states", "Step Functions Execution Status Change", detail, [execution.exec_arn])
