"""ChangePauses: pauses or resumes tasks of what is live; it deploys nothing."""

from datetime import UTC, datetime

from rota import execution_input
from rota.contract.deployment import Kind, Outcome
from rota.contract.step_io import ChangePausesInput, ChangePausesOutput
from rota.deployment.ledger import Entry
from rota.deployment.record import DeploymentRecord
from rota.handlers.finishing import end_once
from rota.handlers.step import LeaseSession, finishing_step
from rota.pauses import change
from rota.settings import Settings


@finishing_step
def handler(request: ChangePausesInput, settings: Settings, session: LeaseSession) -> ChangePausesOutput:
    def work(record: DeploymentRecord) -> Entry:
        origin = execution_input.origin(request.event, None, request.execution.name)
        passed = f"; passed: {'; '.join(record.passed)}" if record.passed else ""
        given = execution_input.parse(request.event)
        tasks, until = (given.pause.tasks, given.pause.until) if given.pause else ((), None)
        return Entry(
            outcome=Outcome.DONE,
            image=None,
            schedule=None,
            summary=f"{_change(given.kind, settings, change.Asked(tasks, until, origin, request.execution))}{passed}",
            origin=origin,
            paused=tasks,
            until=until,
        )

    entry = end_once(request.execution, settings, session, work)
    return ChangePausesOutput(outcome=entry.outcome, summary=entry.summary)


def _change(kind: Kind | None, settings: Settings, asked: change.Asked) -> str:
    now = datetime.now(UTC)
    if kind == Kind.RESUME:
        return change.resume(settings, asked.tasks, asked.origin, now)
    return change.pause(settings, asked, now)
