"""What Step Functions reports of executions."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, NothingSeenError, code_of
from rota.cli.verify_account.resources import FUNCTION, MACHINE, ROLE, RULE
from rota.cli.verify_account.row import Row, Seen, probe
from rota.cli.verify_account.rows import events

_SECONDS = 120
_POLICY_SECONDS = 60
"""How long IAM may take until a new policy counts."""
_TRUST = {"Service": ["states.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com"]}
_DATA = {"input", "inputDetails", "output", "outputDetails"}
_HISTORY = ("states:StartExecution", "states:GetExecutionHistory", "iam:PassRole")
_STARTS = ("states:StartExecution", "states:StopExecution", "states:DescribeExecution", "iam:PassRole")


@dataclass(frozen=True)
class _Execution:
    name_has_id: bool
    data: set[str]
    """The members with inputs and outputs in a history that was asked for without them."""
    entered: int
    """How often the state is entered in the history of the execution, which was redriven."""


@probe(ROLE, MACHINE, RULE, actions=(*_HISTORY, "events:PutEvents", "states:ListExecutions", "states:RedriveExecution"))
def failed_execution(account: Account) -> _Execution:
    """An event starts an execution that fails, which is redriven."""
    states = account.client("stepfunctions")
    machine = account.arn("states", f"stateMachine:{account.name('fails')}")
    role = resources.role(account, "states", _TRUST, resources.statement("states:StartExecution", machine))
    resources.machine(account, "fails", role, {"Type": "Fail", "Error": "Verify", "Cause": "as it should"})
    target = {"Arn": machine, "RoleArn": role}
    resources.rule(account, "fails", target, EventPattern=json.dumps({"source": [events.source(account)]}))
    ids: list[str] = []

    def started() -> dict[str, Any] | None:
        """The first execution; another event is put while EventBridge does not know the rule or its role yet."""
        ids.append(events.put(account))
        found: list[dict[str, Any]] | None = account.wait(
            lambda: states.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"], 20
        )
        return found[0] if found else None

    execution = account.wait(started, _SECONDS)
    if execution is None:
        raise NothingSeenError(f"EventBridge started no execution within {_SECONDS} s")
    arn = execution["executionArn"]
    states.redrive_execution(executionArn=arn)
    account.wait(lambda: [each["type"] for each in _history(account, arn)].count("ExecutionFailed") > 1, _SECONDS)
    entered = [each["type"] for each in _history(account, arn)].count("FailStateEntered")
    members = {
        member
        for each in _history(account, arn, includeExecutionData=False)
        for details in each.values()
        if isinstance(details, dict)
        for member in details
    }
    return _Execution(execution["name"].startswith(tuple(ids)), members & _DATA, entered)


@probe(ROLE, MACHINE, FUNCTION, actions=(*_HISTORY, "lambda:PutFunctionConcurrency", "lambda:GetFunctionConfiguration"))
def throttled_function(account: Account) -> tuple[str, str]:
    """The event of an execution whose function may not run at all, and the error that it names."""
    states, lambda_ = account.client("stepfunctions"), account.client("lambda")
    arn = account.arn("lambda", f"function:{account.name('idle')}")
    role = resources.role(account, "invokes", _TRUST, resources.statement("lambda:InvokeFunction", arn))
    resources.function(account, "idle", role)
    account.wait(lambda: lambda_.get_function_configuration(FunctionName=arn).get("State", "Active") == "Active", 60)
    lambda_.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=0)
    machine = resources.machine(account, "invokes", role, {"Type": "Task", "Resource": arn, "End": True})

    def failure() -> tuple[str, str] | None:
        """How an execution fails; None while the policy of the new role does not count yet."""
        execution = states.start_execution(stateMachineArn=machine)["executionArn"]
        account.wait(lambda: any(each["type"] == "ExecutionFailed" for each in _history(account, execution)), _SECONDS)
        for event in _history(account, execution):
            if event["type"].startswith("LambdaFunction") and "Fail" in event["type"]:
                details = next((each for each in event.values() if isinstance(each, dict)), {})
                denied = "not authorized" in details.get("cause", "")
                return None if denied else (event["type"], str(details.get("error")))
        raise NothingSeenError(f"the execution reported no failure of its function within {_SECONDS} s")

    found = account.wait(failure, _POLICY_SECONDS)
    if found is None:
        raise NothingSeenError(
            "the role of the state machine may not invoke the function, although its policy allows it"
        )
    return found


@dataclass(frozen=True)
class _Starts:
    """What came of starting an execution again under its name: an answer, or the code of the refusal."""

    running: str
    """With the same input, while it runs."""
    other: str
    """With another input, while it runs."""
    ended: str
    """With the same input, when it has ended."""


@probe(ROLE, MACHINE, actions=_STARTS)
def repeated_start(account: Account) -> _Starts:
    """An execution that waits is started again under its name, and once more after it was stopped."""
    states = account.client("stepfunctions")
    machine = account.arn("states", f"stateMachine:{account.name('waits')}")
    role = resources.role(account, "waits", _TRUST, resources.statement("states:StartExecution", machine))
    resources.machine(account, "waits", role, {"Type": "Wait", "Seconds": 300, "End": True})

    def start(given: str) -> str:
        answer = states.start_execution(stateMachineArn=machine, name=account.name("waits"), input=given)
        return str(answer["executionArn"])

    first = start("{}")

    def again(given: str = "{}") -> str:
        try:
            return "the same execution" if start(given) == first else "another execution"
        except ClientError as refusal:
            return code_of(refusal)

    running, other = again(), again('{"other": true}')
    states.stop_execution(executionArn=first)
    account.wait(lambda: states.describe_execution(executionArn=first)["status"] == "ABORTED", _SECONDS)
    return _Starts(running, other, again())


def _history(account: Account, execution: str, **more: Any) -> list[dict[str, Any]]:
    answer = account.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=100, **more)
    history: list[dict[str, Any]] = answer["events"]
    return history


def _read_name(seen: _Execution) -> Seen:
    return Seen("begins with it" if seen.name_has_id else "begins otherwise")


ROWS = (
    Row(
        id="execution-name",
        group="free",
        assumption="The name of an execution that EventBridge starts begins with the event's id.",
        expected="begins with it",
        meaning="An event that comes twice starts two executions; one of them deploys, the other has nothing to do.",
        then="Nothing.",
        probe=failed_execution,
        read=_read_name,
    ),
    Row(
        id="history-without-data",
        group="free",
        assumption="GetExecutionHistory without execution data leaves out inputs and outputs and their details.",
        expected="none of them",
        meaning="Nothing: Rota reads neither.",
        then="Nothing.",
        probe=failed_execution,
        read=lambda seen: Seen(", ".join(sorted(seen.data)) or "none of them"),
    ),
    Row(
        id="redriven-state",
        group="free",
        assumption="A redriven execution enters its last state again in its history.",
        expected="entered twice",
        meaning="The durations of a redriven deployment could be wrong.",
        then="Nothing.",
        probe=failed_execution,
        read=lambda seen: Seen("entered twice" if seen.entered > 1 else "entered once"),
    ),
    Row(
        id="throttled-function",
        group="free",
        assumption="Step Functions reports a throttled function by LambdaFunctionFailed, with Lambda's error.",
        expected="LambdaFunctionFailed, Lambda.TooManyRequestsException",
        meaning="Nothing: a restore passes over errors of Lambda's API in any event.",
        then="Nothing.",
        probe=throttled_function,
        read=lambda failure: Seen(", ".join(failure)),
    ),
    Row(
        id="name-used-running",
        group="free",
        assumption="StartExecution under the name of an execution that runs, with its input, answers with that one.",
        expected="the same execution",
        meaning="Nothing: Sweep takes a refusal for the same.",
        then="Nothing.",
        probe=repeated_start,
        read=lambda starts: Seen(starts.running),
    ),
    Row(
        id="name-used-other",
        group="free",
        assumption="StartExecution under the name of an execution that runs, with another input, is refused.",
        expected="ExecutionAlreadyExists",
        meaning="A person who gives an execution the name of another one does not learn of it.",
        then="Leave out the name.",
        probe=repeated_start,
        read=lambda starts: Seen(starts.other),
    ),
    Row(
        id="name-used-ended",
        group="free",
        assumption="StartExecution under the name of an execution that has ended is refused.",
        expected="ExecutionAlreadyExists",
        meaning="Sweep starts a push that was held once more each minute, until its deployment has begun. The first "
        "that takes the lease deploys it; the others find nothing to do.",
        then="Nothing.",
        probe=repeated_start,
        read=lambda starts: Seen(starts.ended),
    ),
)
