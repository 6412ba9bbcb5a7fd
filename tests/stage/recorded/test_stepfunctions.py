"""Step Functions' and Lambda's answers, events and histories, on a whole stage."""

import base64
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from stage.moto.clients import ACCOUNT, REGION
from tests.stage.recorded import normalise
from tests.stage.recorded.calls import Question, call, members
from tests.stage.recorded.rows import Row, compare, each
from tests.stage.toys import ALL, role_of_toys

FUNCTIONS = {
    "raises": 'def handler(event, context):\n    raise Exception("Some exception was raised.")\n',
    "raises a class of its own": (
        "\n\n\n\n\nclass CustomException(Exception):\n    ...\n"
        "def handler(event, context):\n    raise CustomException()\n"
    ),
    "fails": 'def handler(event, context):\n    raise Exception("Handler fails")\n',
    "sleeps": "import time\ndef handler(event, context):\n    time.sleep(30)\n",
    "sleeps longer": "import time\ndef handler(event, context):\n    time.sleep(30)\n",
    "answers too much": 'def handler(event, context):\n    return "x" * 257 * 1024\n',
    "answers what it got": "def handler(event, context):\n    return event\n",
    "answers nothing": "def handler(event, context):\n    return {}\n",
    "exits": "import sys\ndef handler(event, context):\n    sys.exit(0)\n",
    "exits while it is loaded": "import sys\nsys.exit(0)\n",
}
LONG = "a" * 263_168
TOKEN = "x" * 3_097
"""One character more than a token may have."""


class Account:
    """Functions and machines, each made when it is first needed."""

    def __init__(self, stage: Client) -> None:
        self.stage = stage
        self.states, self.functions = stage.client("stepfunctions"), stage.client("lambda")
        self._names: dict[str, str] = {}
        self._ran: dict[str, Any] = {}

    @cached_property
    def role(self) -> str:
        return role_of_toys(self.stage)

    @cached_property
    def role_of_events(self) -> str:
        """A role with which EventBridge may start any execution."""
        iam = self.stage.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName="recorded-events", AssumeRolePolicyDocument=document)
        iam.put_role_policy(RoleName="recorded-events", PolicyName="all", PolicyDocument=json.dumps(ALL))
        return f"arn:aws:iam::{ACCOUNT}:role/recorded-events"

    def function(self, kind: str) -> str:
        """The ARN of a function of this kind."""
        if kind not in self._names:
            content = io.BytesIO()
            with zipfile.ZipFile(content, "w") as archive:
                archive.writestr("handler.py", FUNCTIONS[kind])
            made = self.functions.create_function(
                FunctionName=f"recorded-{uuid.uuid4().hex[:8]}",
                Runtime="python3.13",
                Role=self.role,
                Handler="handler.handler",
                Code={"ZipFile": content.getvalue()},
                Timeout=1 if kind == "sleeps" else 10,
            )
            self._names[kind] = made["FunctionArn"]
        return self._names[kind]

    def machine(self, definition: Any) -> str:
        """The ARN of a machine with this definition, the same for the same one."""
        text = json.dumps(definition)
        if text not in self._names:
            made = self.states.create_state_machine(
                name=f"recorded-{uuid.uuid4().hex[:8]}", definition=text, roleArn=self.role
            )
            self._names[text] = made["stateMachineArn"]
        return self._names[text]

    def ended(self, execution: str) -> Any:
        """DescribeExecution, once it has ended."""

        def described() -> Any:
            found = self.states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return wait_for(described, 20, every=0.02)

    def run(self, definition: Any, given: str = "{}") -> Any:
        """DescribeExecution of an execution that has run; one that ran before serves again."""
        key = json.dumps([definition, given])
        if key not in self._ran:
            self._ran[key] = self._run(definition, given)
        return self._ran[key]

    def _run(self, definition: Any, given: str) -> Any:
        return self.ended(
            self.states.start_execution(stateMachineArn=self.machine(definition), input=given)["executionArn"]
        )

    def close(self) -> None:
        for arn in self._names.values():
            if ":function:" in arn:
                self.functions.delete_function(FunctionName=arn)
            else:
                self.states.delete_state_machine(stateMachineArn=arn)


PASSES = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
TIMES_OUT = {**WAITS, "TimeoutSeconds": 1}
MACHINES = {"passes": PASSES, "waits": WAITS, "times out": TIMES_OUT}


@pytest.fixture(scope="module")
def account(one_stage: Client) -> Iterator[Account]:
    one_stage.reset()
    one_stage.settings(time_scale=1)
    account = Account(one_stage)
    yield account
    account.close()


@pytest.fixture(autouse=True)
def _no_waits(account: Account, row: Row) -> None:
    """Retries come at once; functions that are to reach a limit take their time."""
    account.stage.settings(time_scale=1 if "sleeps" in row.asked.get("function", "sleeps") else 0)


@pytest.mark.exhaustive(every=3)
@each("histories")
def test_a_history_is_as_recorded(row: Row, account: Account) -> None:
    function = account.function(row.asked["function"]) if "function" in row.asked else ""
    text = json.dumps(row.asked["definition"]).replace("<long>", LONG)
    given = json.dumps(row.asked["input"])
    name = function.rpartition(":")[2]
    text, given = (each.replace("<function>", name) for each in (text.replace("<arn>", function), given))
    ended = account.run(json.loads(text), given)
    history = account.states.get_execution_history(executionArn=ended["executionArn"])["events"]
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    machine = ended["stateMachineArn"].rpartition(":")[2]
    names = {"function": name or "-", "role": account.role, "machine": machine, "long": LONG}
    compare(row, [normalise.history_event(event, **names) for event in history])


@pytest.mark.exhaustive(every=2)
@each("stepfunctions")
def test_step_functions_and_lambda_answer_as_recorded(row: Row, account: Account) -> None:
    compare(row, QUESTIONS[row.asked["question"]](row, account))


def _call(row: Row, account: Account) -> Any:
    """A call; `<passes>` and `<waits>` are machines, `<role>` is a role, `<text N>` a text of N characters."""
    text = json.dumps(row.asked["request"]).replace("<role>", account.role)
    names = {"token": TOKEN}
    text = text.replace("<token>", TOKEN)
    for name, definition in MACHINES.items():
        if f"<{name}>" in text:
            names[name.replace(" ", "_")] = machine = account.machine(definition).rpartition(":")[2]
            text = text.replace(f"<{name}>", machine)
    request = json.loads(text)
    if "payload" in row.asked:
        request["Payload"] = base64.b64decode(row.asked["payload"])
    if "function" in row.asked:
        request["FunctionName"] = account.function(row.asked["function"]).rpartition(":")[2]
    if "fault" in row.asked:
        fault = {"service": row.asked["service"], "operation": row.asked["call"], "fault": row.asked["fault"]}
        account.stage.faults([fault])
    if row.asked.get("concurrency") == 0:
        account.functions.put_function_concurrency(FunctionName=request["FunctionName"], ReservedConcurrentExecutions=0)
    try:
        return call(
            account.stage.client(row.asked.get("service", "stepfunctions")), row.asked["call"], request, **names
        )
    finally:
        if row.asked.get("concurrency") == 0:
            account.functions.delete_function_concurrency(FunctionName=request["FunctionName"])


def _started(row: Row, account: Account) -> Any:
    """StartExecution twice with a name; whether both answers are the same, or the second answer."""
    name = f"twice-{uuid.uuid4().hex[:8]}"
    machine = account.machine(WAITS)
    request = {"stateMachineArn": machine, "name": name, "input": "{}"}
    first = call(account.states, "StartExecution", request)
    again = {**request, "input": row.asked.get("again", "{}")}
    second = call(account.states, "StartExecution", again, name=name, machine=machine.rpartition(":")[2])
    account.states.stop_execution(executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{name}")
    return first["status"] == second["status"] == 200 if row.asked.get("same") else second


def _forbidden(row: Row, account: Account) -> Any:
    """The codes with which names with each of these characters are refused."""
    request = {"stateMachineArn": account.machine(PASSES)}
    return sorted(
        {
            call(account.states, "StartExecution", {**request, "name": f"a{char}b"})["code"]
            for char in row.asked["characters"]
        }
    )


def _described(row: Row, account: Account) -> Any:
    """DescribeExecution of one that has ended: its members, or some of them."""
    described = account.run(MACHINES[row.asked["machine"]])
    if "members" in row.asked:
        return {member: described.get(member) for member in row.asked["members"]}
    return members(row, described.keys() - {"ResponseMetadata"})


def _listed(row: Row, account: Account) -> Any:
    """Members of an execution in a list."""
    account.run(PASSES)
    [first, *_] = account.states.list_executions(stateMachineArn=account.machine(PASSES))["executions"]
    return members(row, first)


def _stopped(row: Row, account: Account) -> Any:
    """Type, previous event and details of the events of an execution that is stopped while it waits."""
    started = account.states.start_execution(stateMachineArn=account.machine(WAITS))["executionArn"]

    def waits() -> bool:
        events = account.states.get_execution_history(executionArn=started)["events"]
        return any(event["type"] == "WaitStateEntered" for event in events)

    wait_for(waits, 5, every=0.01)
    account.states.stop_execution(executionArn=started)
    events = account.states.get_execution_history(executionArn=started)["events"]
    return [[event["type"], event["previousEventId"], event.get("executionAbortedEventDetails")] for event in events]


def _pages(row: Row, account: Account) -> Any:
    """Pages of executions or events: their sizes, and whether the newest is first."""
    if row.asked["call"] == "ListExecutions":
        for number in range(5):
            account.run(PASSES, str(number))
        request = {"stateMachineArn": account.machine(PASSES), "maxResults": row.asked["limit"]}
        first = account.states.list_executions(**request)
        second = account.states.list_executions(**request, nextToken=first["nextToken"])
        started = [execution["startDate"] for page in (first, second) for execution in page["executions"]]
        return {"first page": len(first["executions"]), "newest first": started == sorted(started, reverse=True)}
    ended = account.run(PASSES)
    pages = account.states.get_paginator("get_execution_history").paginate(
        executionArn=ended["executionArn"], reverseOrder=True, PaginationConfig={"PageSize": row.asked["limit"]}
    )
    return [[event["id"] for event in page["events"]] for page in pages]


def _without_data(row: Row, account: Account) -> Any:
    """Whether the events of a history that leaves out execution data have inputs or outputs, and the error stays."""
    failing = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Broken", "Cause": "by hand"}}}
    ended = account.run(failing, '{"secret": 1}')
    text = json.dumps(
        account.states.get_execution_history(executionArn=ended["executionArn"], includeExecutionData=False)["events"],
        default=str,
    )
    return {"inputs or outputs": "secret" in text or '"output"' in text, "errors": "Broken" in text}


def _status_event(row: Row, account: Account) -> Any:
    """The event of a change of an execution's status: its members, or some of them."""
    sqs, events = account.stage.client("sqs"), account.stage.client("events")
    name = f"recorded-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    machine = account.machine(MACHINES[row.asked["machine"]])
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine], "status": [row.asked["status"]]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}])
    account.ended(
        account.states.start_execution(stateMachineArn=machine, input='{"Arg1": "argument1"}')["executionArn"]
    )
    message = wait_for(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), 5)[0]
    events.remove_targets(Rule=name, Ids=["t"])
    events.delete_rule(Name=name)
    detail = json.loads(message["Body"])["detail"]
    if "members" not in row.asked:
        return sorted(detail)
    chosen = {member: detail[member] for member in row.asked["members"]}
    return {**chosen, "output": chosen["output"] and json.loads(chosen["output"])} if "output" in chosen else chosen


def _invoked(row: Row, account: Account) -> Any:
    """The answer to an invocation of a function of this kind."""
    function = account.function(row.asked["function"])
    answered = account.functions.invoke(FunctionName=function)
    payload = json.loads(answered["Payload"].read())
    shown = {name: answered[name] for name in ("StatusCode", "FunctionError", "ExecutedVersion")}
    return normalise.value({**shown, "Payload": payload})


def _task_error(row: Row, account: Account) -> Any:
    """The error and the cause of a Task, as a Catch hands them on, or as the execution ends."""
    function = account.function(row.asked["function"]) if "function" in row.asked else ""
    definition = json.loads(json.dumps(row.asked["definition"]).replace("<arn>", function))
    if "fault" in row.asked:
        fault = {"service": "lambda", "operation": "Invoke", "fault": row.asked["fault"], "count": 0}
        account.stage.faults([fault])
    try:
        ended = account.run(definition)
    finally:
        account.stage.faults([])
    found = json.loads(ended["output"]) if "output" in ended else {"Error": ended["error"], "Cause": ended["cause"]}
    if row.asked.get("output"):
        return sorted(found)
    return normalise.value(found)


def _machine_twice(row: Row, account: Account) -> Any:
    """CreateStateMachine a second time, with the same or another definition."""
    name = f"twice-{uuid.uuid4().hex[:8]}"
    request = {"name": name, "definition": json.dumps(PASSES), "roleArn": account.role}
    first = call(account.states, "CreateStateMachine", request)
    second = call(account.states, "CreateStateMachine", {**request, **row.asked.get("again", {})}, name=name)
    account.states.delete_state_machine(stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}")
    return first["status"] == second["status"] if row.asked.get("same") else second


def _machine_members(row: Row, account: Account) -> Any:
    described = account.states.describe_state_machine(stateMachineArn=account.machine(PASSES))
    return members(row, described.keys() - {"ResponseMetadata"})


def _started_by_an_event(row: Row, account: Account) -> Any:
    """Whether the name of an execution that EventBridge starts begins with the event's id."""
    events = account.stage.client("events")
    name, machine = f"recorded-{uuid.uuid4().hex[:8]}", account.machine({**PASSES, "Comment": "by an event"})
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {"Id": "t", "Arn": machine, "RoleArn": account.role_of_events}
    events.put_targets(Rule=name, Targets=[target])
    answer = events.put_events(Entries=[{"Source": name, "DetailType": "x", "Detail": "{}"}])
    [started] = account.states.list_executions(stateMachineArn=machine)["executions"]
    events.remove_targets(Rule=name, Ids=["t"])
    events.delete_rule(Name=name)
    return started["name"].startswith(answer["Entries"][0]["EventId"])


def _log(row: Row, account: Account) -> Any:
    """The number of lines that a machine with a log of level ALL writes for each event of an execution."""
    group = f"recorded-{uuid.uuid4().hex[:8]}"
    account.stage.client("logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    machine = account.states.create_state_machine(
        name=group,
        definition=json.dumps(PASSES),
        roleArn=account.role,
        loggingConfiguration={"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]},
    )["stateMachineArn"]
    ended = account.ended(account.states.start_execution(stateMachineArn=machine)["executionArn"])
    events = account.states.get_execution_history(executionArn=ended["executionArn"])["events"]
    lines = account.stage.client("logs").filter_log_events(logGroupName=group)["events"]
    account.states.delete_state_machine(stateMachineArn=machine)
    account.stage.client("logs").delete_log_group(logGroupName=group)
    return len(lines) / len(events)


QUESTIONS: dict[str, Question] = {
    "call": _call,
    "started": _started,
    "forbidden": _forbidden,
    "described": _described,
    "listed": _listed,
    "stopped": _stopped,
    "pages": _pages,
    "without data": _without_data,
    "status event": _status_event,
    "invoked": _invoked,
    "task error": _task_error,
    "machine twice": _machine_twice,
    "machine members": _machine_members,
    "log": _log,
    "started by an event": _started_by_an_event,
}
