"""What `rota status` asks AWS: the table, the schedules and the service, side by side."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.aws.parallel import thread_pool
from rota.cli import live_schedules
from rota.cli import table as items
from rota.cli.status import tasks
from rota.cli.status.model import Bar, Deploying, Ended, Hold, Pause, Pending, PendingSchedule, Release, Service, Status
from rota.cli.table import Item, Present, Table
from rota.errors import RejectedError

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.stack import Stack

STRIP = 20
"""Runs that a strip shows."""
CLIENTS = ("dynamodb", "events", "ecs")
"""Whom it asks."""
_RUNNING = "RUNNING"
_LOOKS_BACK = 10
"""Entries of the ledger in which the deployment that ended last may be, and the one that is live."""


def gather(account: "Account", stack: "Stack") -> Status:
    """The app's status now."""
    return gather_with_runs(account, stack).status


class Gathered(NamedTuple):
    """The status, and what it comes from: by task its job, and its last runs, the newest first."""

    status: Status
    jobs: Mapping[str, Item]
    runs: Mapping[str, Sequence[Item]]


def gather_with_runs(account: "Account", stack: "Stack") -> Gathered:
    """The app's status now, with the jobs and their last runs as they are in the table."""
    table, ecs, of_app = account.table_of(stack), account.client("ecs"), live_schedules.Schedules(account, stack)
    with thread_pool() as pool:
        present = pool.submit(table.present, _LOOKS_BACK)
        paused = pool.submit(table.pauses)
        listed = pool.submit(of_app.listed)
        service = pool.submit(_service, ecs, stack)
        swept = pool.submit(table.jobs_live_since) if stack.watches_runs else None
        jobs = table.jobs() if stack.watches_runs else {}
        names = sorted({*listed.result(), *(name for name, job in jobs.items() if tasks.is_wanted(job))})
        runs = _runs(pool, table, names) if stack.watches_runs else {}
        now = present.result()
        rule_of = listed.result()
        compared = swept is not None and are_live(now, swept.result())
        strange = {name: rule for name, rule in rule_of.items() if compared and name not in jobs}
        foreign = {*strange} - of_app.owned(strange)
        status = Status(
            **_without_tasks(account, stack, now),
            service=service.result(),
            tasks=[
                tasks.status(
                    name,
                    rule_of.get(name),
                    jobs.get(name),
                    runs.get(name, []),
                    pause_of(paused.result().get(name)),
                    account.now(),
                    compared=compared,
                    live=now.live,
                    deployments=now.deployments,
                    foreign=name in foreign,
                )
                for name in names
            ],
            watched=stack.watches_runs,
            compared=compared,
        )
        return Gathered(status, jobs, runs)


def gather_again(account: "Account", stack: "Stack", before: Status) -> Status:
    """That status with what is live, deploys and is held now. Its tasks stay: they are many calls."""
    present = account.table_of(stack).present(_LOOKS_BACK)
    return replace(before, **_without_tasks(account, stack, present), service=_service(account.client("ecs"), stack))


def _without_tasks(account: "Account", stack: "Stack", now: Present) -> dict[str, Any]:
    opens = window_opens(stack.parameters.get("DeployWindow", ""), account.now())
    return {
        "release": _release(now),
        "deploying": _deploying(account, now.lease, now.deployments) if now.lease.get("holder") else None,
        "last_deployment": _last(now.deployments),
        "hold": hold_in_force(now.gates, account.now()),
        "pending": _pending(now.gates, opens),
        "pending_schedule": _pending_schedule(now.gates, opens),
        "barred": [_bar(each) for each in now.gates.get("bars", ())],
    }


def are_live(present: Present, jobs_live_since: datetime | None) -> bool:
    """Whether the jobs are as the live release has them, and nothing deploys: then schedules are compared with them."""
    live = items.at(present.live, "live_since") if present.live else None
    return live is not None and live == jobs_live_since and not present.lease.get("holder")


def _runs(pool: ThreadPoolExecutor, table: Table, names: Sequence[str]) -> dict[str, list[Item]]:
    return dict(zip(names, pool.map(lambda name: table.runs(name, STRIP), names), strict=True))


def _service(ecs: Any, stack: "Stack") -> Service | None:
    found = ecs.describe_services(cluster=stack.cluster, services=[stack.service])["services"]
    if not found or found[0]["status"] != "ACTIVE":
        return None
    service = found[0]
    primary: dict[str, Any] = next((each for each in service.get("deployments", ()) if each["status"] == "PRIMARY"), {})
    return Service(
        revision=service["taskDefinition"].rpartition("/")[2],
        running=service["runningCount"],
        desired=service["desiredCount"],
        rollout=primary.get("rolloutState", ""),
        new=primary.get("runningCount", 0),
    )


def _release(present: Present) -> Release | None:
    """What is live, and who made it so, if the ledger's newest entries say."""
    live = present.live
    if live is None:
        return None
    number = live["number"]
    made = next((each for each in present.deployments if number and each.get("release") == number), {})
    return Release(
        release=items.version(number),
        digest=live["live_digest"],
        tag=live.get("live_tag"),
        since=items.at(made, "finished_at") or items.at(live, "live_since"),
        schedule_key=live["live_schedule_key"],
        schedule_version=live["live_schedule_version"],
        **origin(made),
    )


def origin(entry: Item) -> dict[str, Any]:
    """`kind`, `by` and `reason` of an entry of the ledger, or of a record in it."""
    said = entry.get("origin") or entry.get("deployment", {}).get("origin") or {}
    kind = (
        entry.get("kind") or said.get("kind") or {"push": "push", "by hand": "again"}.get(entry.get("started_by", ""))
    )
    by, reason = (entry.get(name) or said.get(name) or "" for name in ("by", "reason"))
    return {"kind": kind, "by": by, "reason": reason}


def _deploying(account: "Account", lease: Item, ended: Sequence[Item]) -> Deploying:
    """The lease's holder, whether its execution runs, and whether anything of it still runs."""
    record = items.record_of_holder(lease)
    states = account.client("stepfunctions")
    described = _described(states, lease["holder"])
    restorer = _described(states, lease["restorer"]) if lease.get("restorer") else None
    still_runs = any(each and each["status"] == _RUNNING for each in (described, restorer))
    restoring = any(each.get("execution") == lease["holder"] and each["outcome"] == "restoring" for each in ended)
    started = items.at(record.get("execution") or {}, "started_at") or described["startDate"]
    image = record.get("image") or {}
    return Deploying(
        execution=lease["holder"],
        phase=record.get("phase") or ("restoring" if restoring else "planning"),
        started_at=started,
        seconds=round((account.now() - started).total_seconds(), 1),
        digest=image.get("digest") or lease.get("digest"),
        tag=image.get("tag"),
        **origin(record),
        status=described["status"],
        newer_waits=bool(lease.get("announced")),
        half_done=not still_runs and (restoring or described["status"] == "FAILED"),
    )


def _described(states: Any, execution: str) -> Mapping[str, Any]:
    try:
        described: Mapping[str, Any] = states.describe_execution(executionArn=execution)
    except states.exceptions.ExecutionDoesNotExist:  # of a state machine that was deleted since
        return {"status": "GONE", "startDate": datetime.now(UTC)}
    return described


def _last(ended: Sequence[Item]) -> Ended | None:
    entry = next(filter(items.is_deployment, ended), None)
    if entry is None:
        return None
    return Ended(
        execution=entry["execution"],
        outcome=entry["outcome"],
        finished_at=items.at(entry, "finished_at"),
        tag=entry.get("tag"),
        digest=entry.get("digest"),
        cause=entry.get("cause", ""),
    )


def hold_in_force(gates: Item, now: datetime) -> Hold | None:
    """The hold that is in force."""
    found = gates.get("hold")
    hold = Hold(**_who(found)) if found else None
    return hold if hold and (hold.until is None or hold.until > now) else None


def _pending(gates: Item, opens: datetime | None) -> Pending | None:
    found = gates.get("pending")
    if not found:
        return None
    image = found["image"]
    return Pending(image["digest"], image.get("tag"), found["execution"], opens, **_asks(found))


def _pending_schedule(gates: Item, opens: datetime | None) -> PendingSchedule | None:
    found = gates.get("pending_schedule")
    if not found:
        return None
    due = items.at(found, "due")
    return PendingSchedule(found["execution"], origin(found)["by"], opens, **_asks(found), due=due)


def _asks(found: Item) -> dict[str, Any]:
    """What a person is to approve of what is pending."""
    asks = found.get("asks")
    if not asks or found.get("answer"):
        return {}
    summary = found.get("summary") or ""
    return {"changes": asks["changes"], "approve_until": items.at(asks, "until"), "summary": summary}


def window_opens(window: str, now: datetime) -> datetime | None:
    """When the deployment window opens; None if it is open, or if there is none that can be read."""
    if not window:
        return None
    from rota.deployment.window import closed_at

    try:
        closed = closed_at(window, now)
    except RejectedError:
        return None  # each push fails with why
    return closed.opens if closed else None


def pause_of(item: Item | None) -> Pause | None:
    """A task's pause, by its item in the table."""
    return Pause(**_who(item)) if item else None


def _who(item: Item) -> dict[str, Any]:
    said = {name: item.get(name) or "" for name in ("by", "reason")}
    return {**said, "since": items.at(item, "since"), "until": items.at(item, "until")}


def _bar(item: Item) -> Bar:
    return Bar(digest=item["digest"], tag=item.get("tag"), by=item.get("by") or "", reason=item.get("reason") or "")
