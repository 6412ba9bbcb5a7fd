"""TakeTurn: takes the app's lease, or waits, or learns that a newer deployment has overtaken this one."""

from datetime import UTC, datetime

from rota import aborted, aws, ended, lease, ledger, push
from rota.errors import RejectedError
from rota.models import Execution, Image, TakeTurnInput, TakeTurnOutput, Verdict
from rota.settings import Settings
from rota.step import step


@step
def handler(request: TakeTurnInput, settings: Settings) -> TakeTurnOutput:
    waited = (datetime.now(UTC) - request.execution.started_at).total_seconds()
    if stopped := aborted.named_by(request.event, request.execution.id):
        return _of_an_end(request, settings, stopped, waited)
    return _of_a_push(request, settings, waited)


def _of_an_end(request: TakeTurnInput, settings: Settings, stopped: str, waited: float) -> TakeTurnOutput:
    described = aws.stepfunctions().describe_execution(executionArn=stopped)
    verdict = ended.verdict(described, waited, by_hand="id" not in request.event)
    restores = None
    if verdict.decision == "restore":
        restores = ended.to_put_back(described)
        lease.keep_for(aws.dynamodb(), settings, request.execution, {stopped, restores})
    return TakeTurnOutput(**dict(verdict), wait_seconds=lease.wait_seconds(waited), dry_run=False, restores=restores)


def _of_a_push(request: TakeTurnInput, settings: Settings, waited: float) -> TakeTurnOutput:
    image, dry_run = push.image(request.event, settings.repository), push.is_dry_run(request.event)
    if reason := push.no_image(request.event):
        verdict = Verdict(decision="ignore", reason=reason)
    else:
        verdict = _verdict(request.execution, settings, image, dry_run=dry_run)
    return TakeTurnOutput(**dict(verdict), wait_seconds=lease.wait_seconds(waited), dry_run=dry_run, image=image)


def _verdict(execution: Execution, settings: Settings, image: Image, *, dry_run: bool) -> Verdict:
    if dry_run:
        return Verdict(decision="go", reason="a dry run changes nothing and needs no lease")
    _refuse_a_redrive(settings, execution)
    verdict = lease.take(aws.dynamodb(), settings, execution, image, _goes_on)
    if verdict.decision == "go":  # what put it back may have recorded it meanwhile
        _refuse_a_redrive(settings, execution)
    return verdict


def _refuse_a_redrive(settings: Settings, execution: Execution) -> None:
    """What is recorded as ended RestoreDeployment would not put back any more."""
    if ledger.find(aws.dynamodb(), settings, execution):
        raise RejectedError("this execution has ended before, as the ledger says; start a new one instead")


def _goes_on(execution_arn: str) -> bool:
    stepfunctions = aws.stepfunctions()
    try:
        return ended.goes_on(stepfunctions.describe_execution(executionArn=execution_arn), datetime.now(UTC))
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return False  # of a state machine that was deleted since; the table outlives the stack
