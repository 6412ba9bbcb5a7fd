"""TakeTurn: takes the app's lease, or waits, or learns that a newer deployment has overtaken this one."""

from datetime import UTC, datetime

from rota import contract, execution_input
from rota.aws import clients
from rota.contract import Decision, Execution, Image, Origin, TakeTurnInput, TakeTurnOutput, Verdict
from rota.deployment.lease import Lease, LeaseItem, wait_seconds
from rota.deployment.ledger import ledger_of
from rota.ecr import push_event
from rota.errors import RejectedError
from rota.handlers.step import step
from rota.settings import Settings
from rota.stepfunctions import stopped


@step
def handler(request: TakeTurnInput, settings: Settings) -> TakeTurnOutput:
    waited = (datetime.now(UTC) - request.execution.started_at).total_seconds()
    if ended := stopped.execution_named_by(request.event, request.execution.id):
        return _of_an_end(request, settings, ended, waited)
    if execution_input.names_no_image(request.event):
        return _of_a_change(request, settings, waited)
    return _of_a_push(request, settings, waited)


def _of_an_end(request: TakeTurnInput, settings: Settings, ended: str, waited: float) -> TakeTurnOutput:
    described = clients.stepfunctions().describe_execution(executionArn=ended)
    verdict = stopped.decide(described, waited, by_hand="id" not in request.event)
    restores = None
    if verdict.decision == Decision.RESTORE:
        restores = stopped.execution_to_restore(described)
        _lease(request.execution, settings).reserve({ended, restores})
    return TakeTurnOutput(**dict(verdict), wait_seconds=wait_seconds(waited), dry_run=False, restores=restores)


def _of_a_push(request: TakeTurnInput, settings: Settings, waited: float) -> TakeTurnOutput:
    execution = request.execution
    image = push_event.parse_image(request.event, settings.repository, execution)
    dry_run = contract.is_dry_run(request.event)
    origin = execution_input.origin(request.event, image, execution.name)
    if reason := push_event.reason_to_skip(request.event):
        verdict = Verdict(decision=Decision.IGNORE, reason=reason)
    elif image.started(execution.name) and push_event.is_replication(request.event) and not dry_run:
        verdict = _of_a_replica(request, settings, image, origin)
    else:
        if not image.started(execution.name):
            _require_image(image)
        verdict = _verdict(execution, settings, image, origin, dry_run=dry_run)
    return TakeTurnOutput(
        **dict(verdict), wait_seconds=wait_seconds(waited), dry_run=dry_run, image=image, origin=origin
    )


def _of_a_change(request: TakeTurnInput, settings: Settings, waited: float) -> TakeTurnOutput:
    """Of a change of what is live: it has no place in the line, and deploys the image that is live at its turn."""
    dry_run = execution_input.parse(request.event).dry_run
    origin = execution_input.origin(request.event, None, request.execution.name)
    verdict = _verdict(request.execution, settings, None, origin, dry_run=dry_run)
    image = _live_image(request.execution, settings, dry_run=dry_run) if verdict.decision == Decision.GO else None
    return TakeTurnOutput(
        **dict(verdict), wait_seconds=wait_seconds(waited), dry_run=dry_run, image=image, origin=origin
    )


def _live_image(execution: Execution, settings: Settings, *, dry_run: bool) -> Image:
    """The image that is live. No other deployment changes that meanwhile, unless this is a dry run.

    RejectedError if it is not known.
    """
    from rota.deployment.releases import Releases  # noqa: PLC0415 - pushes, which are the rule, do not load it

    live = Releases(clients.dynamodb(), settings.table, settings.app).read()
    if not live:
        raise RejectedError(f"no release of {settings.app} is known to be live; deploy an image first")
    image = Image(repository=settings.repository, digest=live.live_digest, tag=live.live_tag)
    if not dry_run:
        _lease(execution, settings).note_image(image)
    return image


def _require_image(image: Image) -> None:
    """RejectedError for an image that does not exist: a digest that a person mistyped must not overtake a push."""
    from rota.ecr.image import resolve_image  # noqa: PLC0415 - pushes, which are the rule, do not load it

    resolve_image(clients.ecr(), image)


def _of_a_replica(request: TakeTurnInput, settings: Settings, image: Image, origin: Origin) -> Verdict:
    """As of a push. But an image that came before the one that is live, or on its way, stops nothing and is ignored:
    ECR replicates in any order, and old images too when a person asks for that.
    """
    lease = _lease(request.execution, settings).look()
    # An attempt whose response was lost may have taken the lease, which then has to be released.
    if lease.holder != request.execution.id and (reason := _reason_to_stay(request, settings, image, lease)):
        return Verdict(decision=Decision.IGNORE, reason=reason)
    verdict = _verdict(request.execution, settings, image, origin, dry_run=False)
    # What was on its way may have gone live meanwhile; nothing does while this deployment holds the lease.
    if verdict.decision == Decision.GO and (reason := _reason_to_stay(request, settings, image)):
        return Verdict(decision=Decision.OVERTAKEN, reason=reason)
    return verdict


def _reason_to_stay(
    request: TakeTurnInput, settings: Settings, image: Image, lease: LeaseItem | None = None
) -> str | None:
    """Why this image is not deployed beside what is live, and what is on its way in that lease."""
    # Pushes, which are the rule, load none of these.
    from rota.deployment.releases import Releases  # noqa: PLC0415
    from rota.ecr.image import describe_image, find_newer  # noqa: PLC0415

    ecr = clients.ecr()
    found = describe_image(ecr, image.repository, image.digest)
    if not found:
        return None  # ReadConfig says so
    live = Releases(clients.dynamodb(), settings.table, settings.app).read()
    if not live:
        return f"{image.digest} was replicated, and may be older than what runs: start the first deployment by hand"
    if newer := find_newer(ecr, found, {live.live_digest} | (lease.on_their_way if lease else set())):
        return f"{image.digest} was replicated, and {newer}, which is live or being deployed, was pushed later"
    return push_event.reason_to_skip(request.event, found.get("artifactMediaType"))


def _verdict(
    execution: Execution, settings: Settings, image: Image | None, origin: Origin, *, dry_run: bool
) -> Verdict:
    if dry_run:
        return Verdict(decision=Decision.GO, reason="a dry run changes nothing and needs no lease")
    # Before it takes the turn of another one; its restore may record the outcome later, so ReadConfig looks again.
    ledger_of(settings, execution).refuse_redrive()
    return _lease(execution, settings).take(image, origin, _is_active)


def _lease(execution: Execution, settings: Settings) -> Lease:
    return Lease(clients.dynamodb(), settings.table, settings.app, execution)


def _is_active(execution_arn: str) -> bool:
    stepfunctions = clients.stepfunctions()
    try:
        return stopped.is_active(stepfunctions.describe_execution(executionArn=execution_arn), datetime.now(UTC))
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return False  # of a state machine that was deleted since; the table outlives the stack
