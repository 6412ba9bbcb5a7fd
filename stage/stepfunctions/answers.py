"""Answers of Step Functions that moto gives without members, or otherwise.

docs.aws.amazon.com/step-functions/latest/apireference/: DescribeExecution, ListExecutions, GetExecutionHistory,
StartExecution, CreateStateMachine and UpdateStateMachine.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.stepfunctions.executions import executions, named, redrivable, redriven

NO_CHANGE = (
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
)
CHANGES = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
A_VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
WITHOUT = {"input", "inputDetails", "output", "outputDetails"}
"""The members of a history's event that `includeExecutionData` leaves out."""
# What Python says of invalid JSON, and what AWS says of the same character.
JSON_PROBLEMS = {
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Expecting value": f"expected a valid value {A_VALUE}",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate Object entries",
}


class Answers:
    """A hook that answers DescribeExecution, refuses what moto takes, and completes other answers."""

    def before(self, call: Call) -> Reply | None:
        """Refuse or answer some calls; moto answers the others."""
        if call.service != "stepfunctions":
            return None
        for member in ("executionArn", "stateMachineArn"):
            if not str(call.params.get(member, "arn:")).startswith("arn:"):
                words = f"Invalid Arn: 'Invalid ARN prefix: {call.params[member]}'"
                return Reply.refusal(call, "InvalidArn", words)
        answer = ANSWERS.get(call.operation)
        return answer(call) if answer else None

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Complete lists of executions, and leave inputs and outputs out of a history if that was asked for."""
        if not reply.ok:
            return None
        if call.key == ("stepfunctions", "ListExecutions"):
            found = {each.execution_arn: each for each in executions()}
            shown = [_listed(each, found.get(each["executionArn"])) for each in reply.data["executions"]]
            return Reply.as_sent({**reply.data, "executions": shown})
        if call.key == ("stepfunctions", "GetExecutionHistory") and call.params.get("includeExecutionData") is False:
            return Reply.as_sent({**reply.data, "events": [_without_data(each) for each in reply.data["events"]]})
        return None


def _describe(call: Call) -> Reply:
    execution = named(call)
    return execution if isinstance(execution, Reply) else Reply.result(call, described(execution))


def _start(call: Call) -> Reply | None:
    words = _invalid_input(call.params.get("input"))
    if words is None:
        return None
    return Reply.refusal(call, "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{words}'")


def _update(call: Call) -> Reply | None:
    if any(call.params.get(member) for member in CHANGES):
        return None
    return Reply.refusal(call, "MissingRequiredParameter", NO_CHANGE)


def described(execution: Any) -> dict[str, Any]:
    """An execution, moto's untyped object, as DescribeExecution shows it."""
    found: dict[str, Any] = {name: value for name, value in execution.to_describe_output().items() if value is not None}
    return {**found, "input": execution.execution_input, **redrivable(execution)}


def _listed(shown: dict[str, Any], execution: Any) -> dict[str, Any]:
    return {**shown, **redriven(execution)} if execution else shown


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (
            {inner: each for inner, each in value.items() if inner not in WITHOUT} if isinstance(value, dict) else value
        )
        for name, value in event.items()
    }


def _other_machine(call: Call) -> Reply | None:
    """Refuse a name that a machine with another definition has; the same request again returns the same machine."""
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        if machine.name != call.params.get("name"):
            continue
        same = machine.definition == call.params.get("definition") and machine.roleArn == call.params.get("roleArn")
        if not same:
            return Reply.refusal(call, "StateMachineAlreadyExists", f"State Machine Already Exists: '{machine.arn}'")
    return None


def _invalid_input(given: str | None) -> str | None:
    """Why an input is no JSON, in AWS's words; None if it is."""
    if given is None:
        return None
    if not given:
        return "Invalid execution input."
    try:
        json.loads(given)
    except json.JSONDecodeError as problem:
        found = given[problem.pos : problem.pos + 1]
        if not found:
            return "Unexpected end-of-input"
        if word := re.match(r"[A-Za-z_$][\w$]*", given[problem.pos :]):
            return f"Unrecognized token '{word[0]}': was expecting {A_VALUE}"
        words = JSON_PROBLEMS.get(problem.msg, problem.msg)
        return f"Unexpected character ('{found}' (code {ord(found)})): {words}"
    return None


ANSWERS: Mapping[str, Callable[[Call], Reply | None]] = {
    "CreateStateMachine": _other_machine,
    "DescribeExecution": _describe,
    "StartExecution": _start,
    "UpdateStateMachine": _update,
}
