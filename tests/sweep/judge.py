"""What must hold after a deployment in which something went wrong. Pure: it is given all that was seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.sweep.app import Runs, State

Fault = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """One deployment in which something went wrong, and everything that was seen of it."""

    faults: Sequence[Fault]
    """As the stage shows them: with the number of calls that each has hit."""
    execution: Mapping[str, Any]
    """DescribeExecution's answer."""
    ended_by: Mapping[str, Any]
    """The same of the execution that put it back if it was aborted, else of itself."""
    before: State
    after: State
    digest: str
    """Of the image that was pushed."""
    tasks: Sequence[Mapping[str, Any]]
    """The schedule file that was to be deployed."""
    prefix: str
    runs: Mapping[str, Runs]
    """What each revision that is in use runs."""
    lease: Mapping[str, Any]
    entry: Mapping[str, Any]
    """What the ledger keeps of the deployment."""
    heard: int
    """How often the outcome was published: at least once."""
    has_snapshot: bool
    gaps: Sequence[Mapping[str, Any]] = field(default=())
    """What the stage's watchman has seen."""

    @property
    def aborted(self) -> bool:
        """Whether the execution was stopped."""
        return any(fault["fault"] == "abort" and fault["hit"] for fault in self.faults)

    @property
    def deployed(self) -> bool:
        """Whether it was deployed, be it that only its last step was stopped."""
        done = self.aborted and self.entry.get("outcome") == "deployed"
        return self.execution["status"] == "SUCCEEDED" or done

    @property
    def cause(self) -> str:
        """Why it was not."""
        return str(self.ended_by.get("cause") or self.entry.get("cause", ""))


def hopeless(faults: Sequence[Fault]) -> bool:
    """Whether nothing can be put back: a call that RestoreDeployment needs, or its invocation, fails for good."""
    return any(
        fault["count"] == 0 and (fault["caller"] == "RestoreDeployment" or fault["operation"] == "Invoke")
        for fault in faults
    )


def wrong(seen: Seen) -> Iterator[str]:
    """Whatever breaks a promise, a sentence each."""
    for gap in seen.gaps:
        call = gap["call"]
        yield f"{gap['problem']}, after {call['operation']} of {call['caller']}"
    if seen.deployed:
        yield from _not_all_new(seen)
        yield from _not_closed(seen, "deployed")
    elif seen.execution["status"] != ("ABORTED" if seen.aborted else "FAILED"):
        yield f"the execution is {seen.execution['status']}"
    else:
        yield from _unexplained(seen)
        if seen.ended_by.get("error") == "RestoreFailed" and hopeless(seen.faults):
            # FinishDeployment may have done its work, and nobody have heard of it.
            if seen.entry.get("outcome") == "deployed":
                yield from _not_all_new(seen)
            elif not seen.has_snapshot and seen.before != seen.after:
                yield "nothing was put back, and there is no snapshot from which a person could do it"
        else:
            yield from _not_all_old(seen)
            yield from _not_closed(seen, *_outcomes(seen))


def _outcomes(seen: Seen) -> tuple[str, ...]:
    """What the ledger may say of one that was not deployed. It may have failed already when it was stopped."""
    if not seen.aborted:
        return ("failed",)
    return ("aborted",) if seen.ended_by["status"] == "SUCCEEDED" else ("failed", "aborted")


def _not_all_new(seen: Seen) -> Iterator[str]:
    wanted = {seen.prefix + task["name"]: task for task in seen.tasks}
    for name in wanted.keys() ^ seen.after.rules.keys():
        yield f"the rule {name} is {'missing' if name in wanted else 'still there'}"
    used = {seen.after.service}
    for name in wanted.keys() & seen.after.rules.keys():
        rule, task = seen.after.rules[name], wanted[name]
        expression = f"cron({task['cron']})" if "cron" in task else f"rate({task['rate']})"
        state = "ENABLED" if task.get("enabled", True) else "DISABLED"
        if (rule["ScheduleExpression"], rule["State"]) != (expression, state):
            yield f"the rule {name} is {rule['State']} at {rule['ScheduleExpression']}, not {state} at {expression}"
        revision = rule["Targets"][0]["EcsParameters"]["TaskDefinitionArn"]
        used.add(revision)
        yield from _not_running(seen, name, revision, ("./bin/start", task["task"]))
    yield from _not_running(seen, "the service", seen.after.service, ("./bin/start",))
    if twins := seen.after.active - seen.before.active - used:
        yield f"ACTIVE and unused: {', '.join(sorted(twins))}"
    if gone := seen.before.active - seen.after.active:
        yield f"revisions of before were deregistered: {', '.join(sorted(gone))}"


def _not_running(seen: Seen, who: str, revision: str, command: tuple[str, ...]) -> Iterator[str]:
    runs = seen.runs[revision]
    if not runs.image.endswith("@" + seen.digest) or runs.command != command:
        yield f"{who} runs {' '.join(runs.command)} of {runs.image}, not {' '.join(command)} of {seen.digest}"


def _not_all_old(seen: Seen) -> Iterator[str]:
    for name in sorted(seen.before.rules.keys() | seen.after.rules.keys()):
        had, has = seen.before.rules.get(name), seen.after.rules.get(name)
        if had is None or has is None:
            yield f"the rule {name} {'is gone' if had else 'was made and is still there'}"
        elif changed := [member for member in sorted(had.keys() | has.keys()) if had.get(member) != has.get(member)]:
            yield f"the rule {name} has another {' and '.join(changed)}"
    if seen.before.service != seen.after.service:
        yield f"the service ran {seen.before.service} and runs {seen.after.service}"
    # What is left to the next deployment is told.
    told = " ".join(sentence for sentence in seen.cause.split(". ") if "ACTIVE" in sentence)
    if left := {arn for arn in left_behind(seen) if arn.rpartition("/")[2] not in told}:
        yield f"ACTIVE and left behind: {', '.join(sorted(left))}"
    if gone := seen.before.active - seen.after.active:
        yield f"revisions of before were deregistered: {', '.join(sorted(gone))}"


def left_behind(seen: Seen) -> frozenset[str]:
    """The revisions that are ACTIVE now and were not before."""
    return seen.after.active - seen.before.active


def _not_closed(seen: Seen, *outcomes: str) -> Iterator[str]:
    if seen.lease.keys() & {"holder", "at_work"} and not _is_a_dead_ones(seen):
        yield f"the lease is still held: {seen.lease}"
    if seen.entry.get("outcome") not in outcomes:
        yield f"the ledger says {seen.entry.get('outcome', 'nothing')}, not {' or '.join(outcomes)}"
    # The ledger and the alarm on failed executions say what the bus never takes.
    silenced = any(fault["operation"] == "PutEvents" and fault["count"] == 0 for fault in seen.faults)
    if not seen.heard and not silenced:
        yield "the outcome was not published"


def _is_a_dead_ones(seen: Seen) -> bool:
    """Whether TakeTurn took the lease when its execution had been stopped and put back: nobody has to wait for that."""
    early = any(
        f["fault"] == "abort" and (f["caller"] == "TakeTurn" or f["operation"] == "Invoke") for f in seen.faults
    )
    return early and seen.lease.get("at_work") == {"M": {}}


def _unexplained(seen: Seen) -> Iterator[str]:
    error, cause = seen.ended_by.get("error"), seen.cause
    # Where the restoring itself was killed to the last, the error's name says which step that was.
    told = f"RestoreDeployment: {cause}" if error == "RestoreFailed" else cause
    if not any(_names(told, fault) for fault in seen.faults if fault["hit"]):
        yield f"the cause names no call that failed: {error}: {cause}"


def _names(cause: str, fault: Fault) -> bool:
    """Whether the cause names the call that the fault hit. Of a process that was killed only the step can be known."""
    if fault["fault"] == "abort":
        return "somebody has stopped the execution" in cause
    if fault["fault"] in ("kill", "kill_after"):
        return fault["caller"] in cause and "signal: killed" in cause
    if fault["operation"] == "Invoke":
        return any(
            words in cause
            for words in (
                "Rate exceeded",
                "internal error",
                "lambda:Invoke",
                "Connection was closed",
                "whose answer was lost",
            )
        )
    return fault["operation"] in cause
