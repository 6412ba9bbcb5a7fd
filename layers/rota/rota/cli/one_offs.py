"""The runs of the file's `before` and `after`, by the records of deployments. These two names never mean a job; one of
that name is meant by its rule's whole name.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.cli.table import record_of_holder

if TYPE_CHECKING:
    from rota.cli.frame import Account

KINDS = ("before", "after")


class OneOff(NamedTuple):
    """One run: `exit` is None if it has not ended; `record` that of its deployment."""

    kind: str
    task_arn: str
    revision: str
    finished: bool
    exit: int | None
    record: Mapping[str, Any]


def runs(account: "Account", kind: str) -> Iterator[OneOff]:
    """Those of that kind, the newest first: first that of the deployment under way."""
    lease = account.table.present(0).lease
    for record in (record_of_holder(lease), *(each.get("deployment") for each in account.table.deployments())):
        if found := one_off_of_record(record or {}, kind):
            yield found


def one_off_of_record(record: Mapping[str, Any], kind: str) -> OneOff | None:
    """The run of a deployment by its record; None if it has started none. Pure."""
    run = record.get(kind) or {}
    if not run.get("task_arn"):
        return None
    code = run.get("exit_code")
    return OneOff(
        kind, run["task_arn"], run["revision"], bool(run.get("finished")), None if code is None else int(code), record
    )
