"""Approve: takes a person's answer to a deployment that waits for an approval, and starts what was approved."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from pydantic import Field, StrictBool

from rota.aws import clients
from rota.contract.shape import Shape
from rota.deployment import approval, window
from rota.deployment.lease.item import lease_table_of
from rota.deployment.lease.pending import start_pending
from rota.deployment.waiting import Answer
from rota.errors import RejectedError
from rota.execution_input import LONGEST_NAME, LONGEST_REASON, said
from rota.handlers.event import on_event
from rota.settings import Settings


class ApproveRequest(Shape):
    """The digest of the changes, which a person has seen, and what that person says to them."""

    changes: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    approves: StrictBool
    by: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


class ApproveAnswer(Shape):
    """The name of the execution that deploys it, or records that it is rejected; empty while a hold or the deployment
    window stops it, which `stopped_by` names: then it begins when they are over.
    """

    execution: str = ""
    stopped_by: tuple[str, ...] = ()


@on_event(None)
def handler(request: ApproveRequest, settings: Settings) -> ApproveAnswer:
    now = datetime.now(UTC)
    by, reason = said(request.by, LONGEST_NAME), said(request.reason, LONGEST_REASON)
    given = Answer(changes=request.changes, approves=request.approves, by=by, reason=reason, at=now)
    closed = partial(window.closed_at, settings.deploy_window, now)
    gates = approval.answer(lease_table_of(settings), given)
    try:
        # If this fails, Sweep does it within a minute.
        if name := start_pending(clients.stepfunctions(), settings, gates, closed, now):
            return ApproveAnswer(execution=name)
        return ApproveAnswer(stopped_by=tuple(str(each) for each in (gates.hold_at(now), closed()) if each))
    except RejectedError as unreadable:  # of the deployment window; the answer is recorded already
        return ApproveAnswer(stopped_by=(str(unreadable),))
