"""TakeTurn: takes the app's lease, or waits, or learns that a newer deployment has overtaken this one."""

from rota import aws, lease, push
from rota.models import TakeTurnInput, TakeTurnOutput
from rota.settings import Settings
from rota.step import step

# Between looks at the lease; a deployment takes minutes.
_WAIT_SECONDS = 20


@step
def handler(request: TakeTurnInput, settings: Settings) -> TakeTurnOutput:
    image = push.image(request.event, settings.repository)
    dry_run = push.is_dry_run(request.event)
    if push.is_attachment(image):
        turn = lease.Turn(decision="ignore", reason=f"{image.tag} is a signature or an attestation, no image")
    elif dry_run:
        turn = lease.Turn(decision="go", reason="a dry run changes nothing and needs no lease")
    else:
        turn = lease.take(aws.dynamodb(), settings, request.execution, image, _runs)
    return TakeTurnOutput(
        decision=turn.decision, reason=turn.reason, wait_seconds=_WAIT_SECONDS, dry_run=dry_run, image=image
    )


def _runs(execution_arn: str) -> bool:
    stepfunctions = aws.stepfunctions()
    try:
        return stepfunctions.describe_execution(executionArn=execution_arn)["status"] == "RUNNING"
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return False  # of a state machine that was deleted since; the table outlives the stack
