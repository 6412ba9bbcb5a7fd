"""What must hold after a deployment with faults. Pure: all observations are given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.sweep.app import Runs, State

Fault = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """All observations of one deployment with faults."""

    faults: Sequence[Fault]
    """As the stage returns them: with the number of calls that each has hit."""
    execution: Mapping[str, Any]
    """DescribeExecution's answer."""
    ended_by: Mapping[str, Any]
    """The same of the execution that restored an aborted one, else of itself."""
    before: State
    after: State
    digest: str
    """Of the image that was pushed."""
    tasks: Sequence[Mapping[str, Any]]
    """The tasks of the schedule file."""
    prefix: str
    runs: Mapping[str, Runs]
    """Image and command of each revision in use."""
    lease: Mapping[str, Any]
    entry: Mapping[str, Any]
    """The ledger's entry of the deployment."""
    heard: int
    """How often the outcome was published: at least once."""
    has_snapshot: bool
    gaps: Sequence[Mapping[str, Any]] = field(default=())
    """The violations that the stage's invariant checks found."""

    @property
    def aborted(self) -> bool:
        """Whether the execution was stopped."""
        return any(fault["fault"] == "abort" and fault["hit"] for fault in self.faults)

    @property
    def deployed(self) -> bool:
        """Whether it was deployed, also if its last step was stopped."""
        done = self.aborted and self.entry.get("outcome") == "deployed"
        return self.execution["status"] == "SUCCEEDED" or done

    @property
    def cause(self) -> str:
        """Why it was not deployed."""
        return str(self.ended_by.get("cause") or self.entry.get("cause", ""))


def hopeless(faults: Sequence[Fault]) -> bool:
    """Whether nothing can be restored: a call of RestoreDeployment, or its invocation, fails for good."""
    return any(
        fault["count"] == 0 and (fault["caller"] == "RestoreDeployment" or fault["operation"] == "Invoke")
        for fault in faults
    )


def wrong(seen: Seen) -> Iterator[str]:
    """A sentence for each broken promise."""
    yield from gaps(seen)
    if seen.deployed:
        yield from _not_all_new(seen)
        yield from not_closed(seen, "deployed")
    elif seen.execution["status"] != ("ABORTED" if seen.aborted else "FAILED"):
        yield f"the execution is {seen.execution['status']}"
    else:
        yield from unexplained(seen)
        if seen.ended_by.get("error") == "RestoreFailed" and hopeless(seen.faults):
            # FinishDeployment may have been complete although its response was lost.
            if seen.entry.get("outcome") == "deployed":
                yield from _not_all_new(seen)
            elif not seen.has_snapshot and seen.before != seen.after:
                yield "nothing was restored, and there is no snapshot from which a person could do it"
        else:
            yield from _not_all_old(seen)
            yield from not_closed(seen, *_outcomes(seen))


def gaps(seen: Seen) -> Iterator[str]:
    """What the stage has found wrong between two calls."""
    for gap in seen.gaps:
        call = gap["call"]
        yield f"{gap['problem']}, after {call['operation']} of {call['caller']}"


def _outcomes(seen: Seen) -> tuple[str, ...]:
    """The outcomes that a deployment which was not deployed may have. It may have failed before it was stopped."""
    if not seen.aborted:
        return ("failed",)
    return ("aborted",) if seen.ended_by["status"] == "SUCCEEDED" else ("failed", "aborted")


def _not_all_new(seen: Seen) -> Iterator[str]:
    wanted = {seen.prefix + task["name"]: task for task in seen.tasks}
    for name in (wanted.keys() ^ seen.after.rules.keys()) - set(_undeletable(seen)):
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
    if unused := seen.after.active - seen.before.active - used:
        yield f"ACTIVE and unused: {', '.join(sorted(unused))}"
    if gone := seen.before.active - seen.after.active:
        yield f"revisions of before were deregistered: {', '.join(sorted(gone))}"


def _undeletable(seen: Seen) -> Iterator[str]:
    """Rules that AWS refuses to delete for good: left disabled for the next deployment, as the summary says of each by
    its name, or of all where the plan, which names them, cannot be read.
    """
    if hopeless(seen.faults):
        summary = seen.entry.get("summary", "")
        for name, rule in seen.after.rules.items():
            said = f"AWS refuses to delete {name}" in summary or "that were removed stay disabled" in summary
            if rule["State"] == "DISABLED" and said:
                yield name


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
    # The cause must name what stays for the next deployment.
    named = " ".join(sentence for sentence in seen.cause.split(". ") if "ACTIVE" in sentence)
    if left := {arn for arn in left_behind(seen) if arn.rpartition("/")[2] not in named}:
        yield f"ACTIVE and left behind: {', '.join(sorted(left))}"
    if gone := seen.before.active - seen.after.active:
        yield f"revisions of before were deregistered: {', '.join(sorted(gone))}"


def left_behind(seen: Seen) -> frozenset[str]:
    """The revisions that are ACTIVE now and were not before."""
    return seen.after.active - seen.before.active


def not_closed(seen: Seen, *outcomes: str) -> Iterator[str]:
    if seen.lease.keys() & {"holder", "at_work"} and not (_is_a_dead_ones(seen) or _is_shut(seen)):
        yield f"the lease is still held: {seen.lease}"
    if seen.entry.get("outcome") not in outcomes:
        yield f"the ledger says {seen.entry.get('outcome', 'nothing')}, not {' or '.join(outcomes)}"
    # The ledger and the alarm on failed executions say what the bus never takes.
    silenced = any(fault["operation"] == "PutEvents" and fault["count"] == 0 for fault in seen.faults)
    if not seen.heard and not silenced:
        yield "the outcome was not published"


def _is_a_dead_ones(seen: Seen) -> bool:
    """Whether TakeTurn took the lease for an execution that was stopped and restored already. It blocks no other."""
    early = any(
        f["fault"] == "abort" and (f["caller"] == "TakeTurn" or f["operation"] == "Invoke") for f in seen.faults
    )
    return early and seen.lease.get("at_work") == {"M": {}}


def _is_shut(seen: Seen) -> bool:
    """Whether it ended while one of its invocations might still write, which was killed or whose reply was lost.
    The next deployment takes the lease over once that one's time is up.
    """
    lives_on = any(f["fault"] in ("kill", "kill_after") or f["operation"] == "Invoke" for f in seen.faults if f["hit"])
    shut = seen.lease.get("shut", {}).get("S")
    return lives_on and shut == seen.lease.get("holder", {}).get("S") and seen.lease["at_work"] != {"M": {}}


def unexplained(seen: Seen) -> Iterator[str]:
    error, cause = seen.ended_by.get("error"), seen.cause
    # Where every attempt to restore was killed, the error's name says which step that was.
    full = f"RestoreDeployment: {cause}" if error == "RestoreFailed" else cause
    if not any(_names(full, fault) for fault in seen.faults if fault["hit"]):
        yield f"the cause names no call that failed: {error}: {cause}"


def _names(cause: str, fault: Fault) -> bool:
    """Whether the cause names the call that the fault hit, or the step of a killed process."""
    if fault["fault"] == "abort":
        return "the execution was aborted" in cause
    if fault["fault"] in ("kill", "kill_after"):
        return fault["caller"] in cause and "signal: killed" in cause
    if fault["operation"] == "Invoke":
        return any(
            words in cause
            for words in (
                "Rate Exceeded",
                "internal error",
                "lambda:Invoke",
                "Connection was closed",
                "whose response was lost",
            )
        )
    return fault["operation"] in cause
