"""What the steps that write read of their deployment's artifacts."""

from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.deployment import artifacts
from rota.plan.model import Plan

if TYPE_CHECKING:
    from rota.contract.step_io import WritingInput
    from rota.settings import Settings


def read_plan(request: "WritingInput", settings: "Settings") -> Plan:
    """The plan. RejectedError if another version of Rota wrote it."""
    return artifacts.read(clients.s3(), settings.bucket, request.plan.document, Plan)


def read_plan_and_revisions(request: "WritingInput", settings: "Settings") -> tuple[Plan, dict[str, str]]:
    """The plan, and ARNs by fingerprint of what was registered."""
    s3 = clients.s3()
    with thread_pool() as pool:
        planning = pool.submit(read_plan, request, settings)
        revisions = artifacts.read_registered(s3, settings.bucket, request.revisions)
    return planning.result(), revisions
