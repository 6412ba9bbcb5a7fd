"""The machine's own dry run, and what it stored."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rota.cli import execution
from rota.cli.exits import CommandError, Exit
from rota.cli.plan.changes import Jobs, changes_of_file, commands_of, task_changes
from rota.cli.plan.model import ImageChange, Plan, ScheduleFile, ServiceChange
from rota.times import minute

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.plan.proposal import Proposal
    from rota.cli.stack import Stack
    from rota.schedule_file import task

_T = TypeVar("_T")
_EVERY, _LONGEST = 0.5, 900


def dry_run(account: "Account", event: Mapping[str, Any], proposal: "Proposal | None" = None) -> Plan:
    """What deploying this input would change, with a schedule file that is not uploaded if there is one.

    CommandError with every problem that it would meet.
    """
    deploying = account.table.present(0).lease.get("holder")
    started = execution.start(account, {**event, **(proposal.keys if proposal else {}), "dry_run": True}, "plan")
    account.interrupted = ""  # it changes nothing
    found = plan_of(account, _output(account, started), started, proposal)
    if deploying:
        found.remarks.append(
            f"{deploying.rpartition(':')[2]} was deploying: this is compared with what it had changed so far. Plan "
            "again once it has ended; `rota status` shows it"
        )
    return found


def show(account: "Account", event: Mapping[str, Any], deploy: str = "", proposal: "Proposal | None" = None) -> None:
    """Print what deploying this input would change, with that schedule file if there is one, before it is asked; as
    JSON it is an event. `deploy`: the command that deploys it, if it is not `rota deploy`.
    """
    from rota.cli.plan import text

    plan, output = dry_run(account, event, proposal), account.output
    if output.as_json:
        output.document_event("plan", plan, account.stack)
    else:
        output.lines(
            text.lines(plan, account.now(), output.width, utc=output.utc, deploy=deploy, options=account.options)
        )


def plan_of(account: "Account", document: Mapping[str, Any], started: str, proposal: "Proposal | None") -> Plan:
    """The plan whose places the machine's document has."""
    stack = account.stack
    pointers, config, image = document["plan"], document["config"], document["turn"]["image"]
    plan, snapshot = (_stored(account, pointers[name]) for name in ("document", "snapshot"))
    live = account.table.present(0).live or {}
    schedule = config["schedule"]
    content, modified = _read(account, schedule)
    file = _parsed(account, content)
    planned = Jobs(commands_of(plan), _by_name(file))
    is_live = (schedule["key"], schedule["version_id"]) == (
        live.get("live_schedule_key"),
        live.get("live_schedule_version"),
    )
    before = file if is_live else live_file(account, live)
    jobs = Jobs(commands_of(_live_plan(account, live)), _by_name(before))
    tasks = [*task_changes(plan, snapshot, stack.rule_prefix, jobs, planned)]
    runs = snapshot["service"]["task_definition"]
    to = plan["reused"].get(plan["api"])
    return Plan(
        nothing_to_do=pointers["nothing_to_do"],
        image=ImageChange(image["digest"], image.get("tag"), live.get("live_digest"), live.get("live_tag")),
        schedule=ScheduleFile(
            key=schedule["key"],
            version=schedule["version_id"],
            modified=modified,
            differs=not is_live,
            proposed=proposal.name if proposal else None,
        ),
        service=ServiceChange(
            rolls=plan["roll"],
            revision=runs.rpartition("/")[2],
            to=to.rpartition("/")[2] if to else None,
            changes=list(plan.get("service_changes", ())),
        ),
        tasks=tasks,
        unchanged=plan["kept"],
        registers=len(plan["registers"]),
        seconds_at_least=pointers["estimated_seconds"],
        summary=pointers["summary"],
        remarks=[*plan.get("remarks", ()), *_waits(stack, nothing=pointers["nothing_to_do"])],
        left_out=dict(plan.get("left_out", {})),
        changes_of_file=[*changes_of_file(before, file)],
        execution=started,
    )


def _output(account: "Account", started: str) -> Mapping[str, Any]:
    """The machine's document at the end of a dry run."""
    from rota.deployment.failure_message import without_who_acts

    states, ends_at = account.client("stepfunctions"), time.monotonic() + _LONGEST
    while time.monotonic() < ends_at:
        described = states.describe_execution(executionArn=started)
        if described["status"] == "SUCCEEDED":
            document: Mapping[str, Any] = json.loads(described["output"])
            if "plan" in document:
                return document
            raise CommandError(
                Exit.NOT_DEPLOYED, f"it would not be deployed: {document['turn']['reason']}", error="Ignored"
            )
        if described["status"] != "RUNNING":
            error = described.get("error", described["status"])
            cause = without_who_acts(described.get("cause", ""), error).strip()
            raise CommandError(
                Exit.FAILED,
                f"it would fail, before anything changes: {error}",
                "correct that, then plan again" if error in execution.ACTS else "",
                error=error,
                acts=execution.ACTS.get(error, "caller"),
                listed=cause,
            )
        time.sleep(_EVERY)
    raise CommandError(Exit.TIMED_OUT, f"the dry run has not ended: {started}", "it changes nothing")


def _live_plan(account: "Account", live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plan of what is live; empty where nothing is, or it is gone."""
    return _or_none(lambda: _stored(account, live["live_plan"])) or {} if live.get("live_plan") else {}


def live_file(account: "Account", live: Mapping[str, Any]) -> "task.ScheduleFile | None":
    """The live schedule file; None where nothing is live, or it is gone."""
    if not live:
        return None
    file = {"key": live["live_schedule_key"], "version_id": live["live_schedule_version"]}
    return _or_none(lambda: _parsed(account, _read(account, file)[0]))


def _or_none(read: Callable[[], _T]) -> _T | None:
    """What it returns; None if the object is gone, or a version of Rota wrote it whose files differ."""
    from botocore.exceptions import ClientError

    from rota.deployment.artifacts import is_gone
    from rota.errors import ConfigError

    try:
        return read()
    except ConfigError:
        return None
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def _parsed(account: "Account", content: bytes) -> "task.ScheduleFile":
    """A stored schedule file. ConfigError if it has problems."""
    from rota.schedule_file.parse import ANY_NUMBER, parse_whole_file

    return parse_whole_file(content, rule_prefix=account.stack.rule_prefix, max_tasks=ANY_NUMBER)


def _by_name(file: "task.ScheduleFile | None") -> "dict[str, task.Task]":
    return {each.name: each for each in file.tasks} if file else {}


def _stored(account: "Account", stored: Mapping[str, str]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(_read(account, stored)[0])
    return content


def _read(account: "Account", stored: Mapping[str, str]) -> tuple[bytes, datetime]:
    """A version's content, and when it was written."""
    s3, key, version = account.client("s3"), stored["key"], stored["version_id"]
    found = s3.get_object(Bucket=account.stack.bucket, Key=key, VersionId=version)
    return found["Body"].read(), found["LastModified"]


def held(account: "Account") -> Iterator[str]:
    """What is in force that a push would wait for: a hold, else the deployment window."""
    from rota.cli.status.gather import hold_in_force, window_opens

    if hold := hold_in_force(account.table.present(0).gates, account.now()):
        yield f"deployments are held{f' until {minute(hold.until)}' if hold.until else ''}: add --now, or it waits"
    elif opens := window_opens(account.stack.parameters.get("DeployWindow", ""), account.now()):
        yield f"the deployment window opens {minute(opens)}: add --now, or it waits"


def _waits(stack: "Stack", *, nothing: bool) -> Iterator[str]:
    """That a deployment of this plan waits for an approval."""
    if not nothing and stack.parameters.get("Approval", "none") != "none":
        yield "before it changes anything, a person has to approve it: rota approve"
