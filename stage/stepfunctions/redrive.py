"""Step Functions' RedriveExecution, which moto lacks: an execution continues from the state in which it ended.

docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html: same ARN, definition and input; succeeded steps
do not run again; the machine's timeout restarts. On the stage the history shows that the state is entered again.
"""

import copy
import json
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager

from stage import clock
from stage.gateway.calls import Call, Reply
from stage.stepfunctions.executions import named


class Redrive:
    """A hook that answers RedriveExecution."""

    def before(self, call: Call) -> Reply | None:
        if call.key != ("stepfunctions", "RedriveExecution"):
            return None
        execution = named(call)
        if isinstance(execution, Reply):
            return execution
        if execution.status in ("RUNNING", "SUCCEEDED"):
            message = f"Execution is {execution.status} and not redrivable: '{execution.exec_arn}'"
            return Reply.refusal(call, "ExecutionNotRedrivable", message)
        _redrive(execution)
        return Reply.result(call, {"redriveDate": clock.time()})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _redrive(execution: Any) -> None:  # moto's Execution, whose parts are typed for what moto does with them
    """Run the execution from the state that it entered last, with that state's input."""
    history = execution.exec_worker.env.event_manager
    so_far = history.get_event_history()
    last = [event["stateEnteredEventDetails"] for event in so_far if event.get("stateEnteredEventDetails")][-1]
    redrives = 1 + sum(event["type"] == HistoryEventType.ExecutionRedriven for event in so_far)

    worker = execution._get_start_execution_worker()
    program = copy.copy(worker._get_evaluation_entrypoint())  # shared by all executions
    program.start_at = SimpleNamespace(start_at_name=last["name"])
    env = worker._get_evaluation_environment()
    env.event_manager = history = _copy(history)
    env.event_history_context = EventHistoryContext(previous_event_id=so_far[-1]["id"])
    env.states.context_object.context_object_data["Execution"]["RedriveCount"] = redrives
    env.states.reset(input_value=json.loads(last["input"]))
    history.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.ExecutionRedriven,
        event_details={"executionRedrivenEventDetails": {"redriveCount": redrives}},
    )

    def run() -> None:
        program.eval(env)
        worker._execution_communication.terminated()

    worker.env, worker._execution_logic = env, run
    execution.error = execution.cause = execution.stop_date = None
    execution.redrives, execution.redrive_date = redrives, clock.now()
    execution.exec_worker, execution.exec_status = worker, ExecutionStatus.RUNNING
    worker.start()


def _copy(history: Any) -> Any:  # moto's EventManager
    """A copy to continue, because the stopped execution may still run its last state."""
    copied: Any = EventManager()
    copied._history_event_list.extend(history._history_event_list)
    copied._event_id_gen._next_id = history._event_id_gen._next_id
    return copied
