"""Why a deployment failed: in which step, what went wrong, what was restored, who does what; and what one waits for.

Pure.
"""

import json
import re

from rota.contract.deployment import Asks, Decision, Outcome, Verdict
from rota.contract.step_io import CaughtError
from rota.deployment.waiting import Answer
from rota.times import minute

# Step Functions cuts an execution's cause at 32,768 characters:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
_LONGEST_CAUSE = 32_000
# Characters of an error's message in the deployment's record, a part of an item of at most 400 KB:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_LONGEST_IN_RECORD = 8_000
# Characters of a summary that is to be approved: a mail or chat message takes 8,000 in all, and ends with the command.
_LONGEST_ASKED = 6_000
_CUT = " ... (cut here)"

_WHO_ACTS = {
    "ConfigError": "For the author of the schedule file: correct it, upload it, then deploy again.",
    "RejectedError": "For the operator: fix this, then deploy again.",
    "TaskFailedError": "For the app's developers: correct it, then push again.",
    "TransientError": "AWS did not recover in time; deploy again.",
    "StillRunningError": "AWS did not recover in time; deploy again.",
    "OvertakenError": "Nothing to do, unless the newer deployment is stopped; then deploy this one again.",
    "ExecutionAborted": "Nothing to do; to deploy that image after all, start a new execution.",
    "ExecutionTimedOut": "For the operator: find out what it waited for; to deploy that image after all, start a new "
    "execution.",
}
_ASK_AGAIN = "For the operator: fix this, then start it again."
# Step Functions' names for errors of the function's runtime, not of the code in it.
_OF_LAMBDA = ("Lambda.", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout")
_BUG = "This is a bug in Rota: report it with the function's log, which has the traceback."


def explain(step: str, error: CaughtError, became: str, *, refused: bool = False) -> str:
    """The cause of a deployment that failed in `step`; `became` says what became of what it had changed. `refused`: it
    was none, but a request that could not be carried out.
    """
    before = f"{step}: "
    after = f"{became} {_ASK_AGAIN if refused else _who_acts(error.Error)}"
    message = _shortened(_message(error), _LONGEST_CAUSE - len(before) - len(after) - 2).rstrip(".")
    # A list of problems has a line each, and how the deployment ended is below.
    separator = "\n" if "\n" in message else ". "
    return f"{before}{message}{separator}{after}"


def stored_error(error: CaughtError) -> CaughtError:
    """The error as the deployment's record keeps it: with its message in place of Lambda's JSON, cut if it is long."""
    return CaughtError(Error=error.Error, Cause=_shortened(_message(error), _LONGEST_IN_RECORD))


def asks_for(asks: Asks, summary: str, before: Answer | None, execution: str) -> str:
    """What a person is to approve, what to type, and where the plan is. `before`: what a person has approved that would
    be otherwise now.
    """
    from rota.notifications.links import execution_link  # noqa: PLC0415  here, because next to no deployment waits

    again = f" It is asked again, because this is not what {before.by} approved." if before else ""
    return (
        f"It waits for an approval until {minute(asks.until)}: {_shortened(summary, _LONGEST_ASKED)}.{again} "
        f"To approve it: rota approve {asks.changes} --reason ... "
        f"To reject it: rota reject {asks.changes} --reason ... "
        f"It deploys once it is approved, unless a newer push does. The plan: {execution_link(execution)}"
    )


_BEFORE_THE_LEASE = {
    Decision.HELD: Outcome.HELD,
    Decision.BARRED: Outcome.BARRED,
    Decision.REJECTED: Outcome.REJECTED,
    Decision.DONE: Outcome.DONE,
}


def outcome_of(error: CaughtError | None, verdict: Verdict | None) -> Outcome:
    """How a deployment ends that was stopped by that error; None: by TakeTurn's verdict, before it took the lease."""
    if error is None:
        return _BEFORE_THE_LEASE.get(verdict.decision, Outcome.OVERTAKEN) if verdict else Outcome.OVERTAKEN
    if error.Error == "OvertakenError":
        return Outcome.OVERTAKEN
    return Outcome.ABORTED if error.Error == "ExecutionAborted" else Outcome.FAILED


def without_who_acts(cause: str, error: str) -> str:
    """The cause of a dry run without who acts, where that is the author or the operator: `rota plan` says it."""
    if error not in ("ConfigError", "RejectedError"):
        return cause
    return cause.removesuffix(_who_acts(error)).removesuffix(_ASK_AGAIN).rstrip()


def _who_acts(error: str) -> str:
    if error.startswith(_OF_LAMBDA):
        return _WHO_ACTS["TransientError"]
    return _WHO_ACTS.get(error, _BUG)


def _message(error: CaughtError) -> str:
    """Lambda hands over a failed function's error as JSON, which Step Functions may have cut; other causes are text."""
    try:
        reported = json.loads(error.Cause)
    except ValueError:
        return _message_of_cut(error.Cause) or error.Cause or error.Error
    if isinstance(reported, dict) and reported.get("errorMessage"):
        return str(reported["errorMessage"])
    return error.Cause or error.Error


def _message_of_cut(cause: str) -> str:
    """The message in what is left of Lambda's JSON; empty if it is no such JSON."""
    found = re.match(r'\s*\{\s*"errorMessage":\s*"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*)(")?', cause)
    if not found:
        return ""
    message = str(json.loads(f'"{found[1]}"', strict=False)).encode(errors="ignore").decode()  # half a character
    return message + ("" if found[2] else _CUT)


def _shortened(message: str, longest: int) -> str:
    """The message with at most so many characters; one that is cut says so."""
    return message if len(message) <= longest else message[: longest - len(_CUT)] + _CUT
