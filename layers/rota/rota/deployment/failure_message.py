"""Why a deployment failed: in which step, what went wrong, what was restored, who does what. Pure."""

import json
from typing import TYPE_CHECKING

from rota.contract import Outcome
from rota.deployment.ledger import Entry

if TYPE_CHECKING:
    from rota.contract import CaughtError, FailedDeployment

# Step Functions cuts an execution's cause at 32,768 characters:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
_LONGEST_CAUSE = 32_000

_WHO_ACTS = {
    "ConfigError": "For the author of the schedule file: correct it, upload it, then deploy again.",
    "RejectedError": "For the operator: fix this, then deploy again.",
    "TransientError": "AWS did not recover in time; deploy again.",
    "StillRunningError": "AWS did not recover in time; deploy again.",
    "OvertakenError": "Nothing to do, unless the newer deployment is stopped; then deploy this one again.",
    "ExecutionAborted": "Nothing to do; to deploy that image after all, start a new execution.",
    "ExecutionTimedOut": "For the operator: find out what it waited for; to deploy that image after all, start a new "
    "execution.",
}
# Step Functions' names for errors of the function's runtime, not of the code in it.
_OF_LAMBDA = ("Lambda.", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout")
_BUG = "This is a bug in Rota: report it with the function's log, which has the traceback."


def entry_of(failed: "FailedDeployment", became: str) -> Entry:
    """What the ledger keeps of a deployment that was not deployed; `became` as in `explain`."""
    return Entry(
        outcome=_outcome(failed),
        image=failed.turn.image if failed.turn else None,
        schedule=failed.config.schedule if failed.config else None,
        summary=failed.plan.summary if failed.plan else "",
        cause=explain(failed, became),
        tasks=failed.config.tasks if failed.config else None,
    )


def explain(failed: "FailedDeployment", became: str) -> str:
    """The cause of the failed execution; `became` says what became of what it had changed."""
    if failed.error is None:
        return failed.turn.reason if failed.turn else ""
    before = f"{failed.step}: "
    after = f"{became} {_who_acts(failed.error.Error)}"
    message = _message(failed.error)[: _LONGEST_CAUSE - len(before) - len(after) - 2].rstrip(".")
    # A list of faults has a line each, and what became of it stands below.
    separator = "\n" if "\n" in message else ". "
    return f"{before}{message}{separator}{after}"


def _outcome(failed: "FailedDeployment") -> Outcome:
    if failed.error is None or failed.error.Error == "OvertakenError":
        return Outcome.OVERTAKEN
    return Outcome.ABORTED if failed.error.Error == "ExecutionAborted" else Outcome.FAILED


def _who_acts(error: str) -> str:
    if error.startswith(_OF_LAMBDA):
        return _WHO_ACTS["TransientError"]
    return _WHO_ACTS.get(error, _BUG)


def _message(error: "CaughtError") -> str:
    """Lambda hands over a failed function's error as JSON; other causes are plain text."""
    try:
        told = json.loads(error.Cause)
    except ValueError:
        told = None
    if isinstance(told, dict) and told.get("errorMessage"):
        return str(told["errorMessage"])
    return error.Cause or error.Error
