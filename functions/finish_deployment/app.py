"""FinishDeployment: deletes the schedules that left the file or moved, writes the ledger, releases the lease,
publishes the outcome.
"""

from rota.aws import clients
from rota.contract.deployment import Outcome
from rota.contract.step_io import FinishDeploymentInput, FinishDeploymentOutput
from rota.deployment.ledger import BEING_RESTORED, Entry, ledger_of
from rota.deployment.record import DeploymentRecord, with_late
from rota.errors import OvertakenError
from rota.handlers.finishing import end_once
from rota.handlers.step import LeaseSession, finishing_step
from rota.settings import Settings


@finishing_step
def handler(request: FinishDeploymentInput, settings: Settings, session: LeaseSession) -> FinishDeploymentOutput:
    def work(record: DeploymentRecord) -> Entry:
        if request.plan.removed:
            _delete_removed(request, settings)  # from here on it goes forward only
        summary, targets = request.plan.summary, request.targets
        return Entry(
            outcome=Outcome.NOTHING_TO_DO if request.plan.nothing_to_do else Outcome.DEPLOYED,
            image=request.image,
            schedule=request.config.schedule,
            summary=with_late(summary, targets.late, targets.late_more) if targets else summary,
            tasks=request.config.tasks,
            origin=record.origin,
        )

    entry = end_once(request.execution, settings, session, work)
    return FinishDeploymentOutput(outcome=entry.outcome, summary=entry.summary, release=entry.release)


def _delete_removed(request: FinishDeploymentInput, settings: Settings) -> None:
    """OvertakenError if a restore has begun: it wins, and `end_once` would come too late to say so."""
    if ledger_of(settings, request.execution).read().is_restoring:
        raise OvertakenError(BEING_RESTORED)
    # Here, because few deployments remove a schedule, and each module costs a cold start.
    from rota.aws.parallel import in_parallel  # noqa: PLC0415
    from rota.deployment import artifacts  # noqa: PLC0415
    from rota.plan.model import Plan  # noqa: PLC0415
    from rota.schedules import backend  # noqa: PLC0415

    plan = artifacts.read(clients.s3(), settings.bucket, request.plan.document, Plan)
    in_parallel(backend.connect(settings).delete, plan.changes_of_kind("remove"))
