"""TakeTurn: takes the app's lease, or waits, or learns that a newer deployment has overtaken this one."""

from datetime import UTC, datetime

from rota import aborted, aws, ended, lease, ledger, push
from rota.errors import RejectedError
from rota.models import Execution, TakeTurnInput, TakeTurnOutput
from rota.settings import Settings
from rota.step import step


@step
def handler(request: TakeTurnInput, settings: Settings) -> TakeTurnOutput:
    waited = (datetime.now(UTC) - request.execution.started_at).total_seconds()
    image, dry_run, restores = None, False, None
    if arn := aborted.told_of(request.event, request.execution.id):
        described = aws.stepfunctions().describe_execution(executionArn=arn)
        turn = ended.turn(described, waited, by_hand="id" not in request.event)
        if turn.decision == "restore":
            restores = ended.to_put_back(described)
            lease.keep_for(aws.dynamodb(), settings, request.execution, {arn, restores})
    else:
        image, dry_run = push.image(request.event, settings.repository), push.is_dry_run(request.event)
        if push.is_attachment(image):
            turn = lease.Turn(decision="ignore", reason=f"{image.tag} is a signature or an attestation, no image")
        elif dry_run:
            turn = lease.Turn(decision="go", reason="a dry run changes nothing and needs no lease")
        else:
            _refuse_a_redrive(settings, request.execution)
            turn = lease.take(aws.dynamodb(), settings, request.execution, image, _goes_on)
            if turn.decision == "go":  # what put it back may have recorded it meanwhile
                _refuse_a_redrive(settings, request.execution)
    return TakeTurnOutput(
        decision=turn.decision,
        reason=turn.reason,
        wait_seconds=lease.wait_seconds(waited),
        dry_run=dry_run,
        image=image,
        restores=restores,
    )


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
