"""TakeTurn: takes the app's lease, or waits, or learns that a newer deployment has overtaken this one."""

from datetime import UTC, datetime

from rota import execution_input
from rota.aws import clients
from rota.contract.deployment import Approval, Decision, Execution, Image, Kind, Origin, Pinned, Stored, Verdict
from rota.contract.step_io import TakeTurnInput, TakeTurnOutput
from rota.deployment import upload_event
from rota.deployment.gates import Asked, Closed, Gates, hold_of
from rota.deployment.lease import turn
from rota.deployment.lease.item import LeaseItem, lease_table_of
from rota.deployment.ledger import ledger_of
from rota.deployment.waiting import BackTo
from rota.ecr import push_event
from rota.errors import RejectedError, updated_meanwhile
from rota.execution_input import ExecutionInput, PauseKey
from rota.handlers.step import step
from rota.settings import Settings
from rota.stepfunctions import stopped

# A machine of the version of Rota before, which hands over no `turn`, takes any other decision for one to wait.
_KNOWN_BEFORE = (Decision.GO, Decision.WAIT, Decision.OVERTAKEN, Decision.IGNORE, Decision.RESTORE)


@step
def handler(request: TakeTurnInput, settings: Settings) -> TakeTurnOutput:
    answer = _turn(request, settings)
    if "turn" not in request.model_fields_set and answer.decision not in _KNOWN_BEFORE:
        raise updated_meanwhile("the state machine")
    return answer


def _turn(request: TakeTurnInput, settings: Settings) -> TakeTurnOutput:
    waited = (datetime.now(UTC) - request.execution.started_at).total_seconds()
    if ended := stopped.execution_named_by(request.event, request.execution.id):
        return _turn_of_a_restore(request, settings, ended, waited)
    if execution_input.names_no_image(request.event):
        return _turn_without_an_image(request, settings, waited)
    if upload_event.is_of_s3(request.event):
        return _turn_of_an_upload(request, settings, waited)
    return _turn_of_a_push(request, settings, waited)


def _turn_of_a_restore(request: TakeTurnInput, settings: Settings, ended: str, waited: float) -> TakeTurnOutput:
    described = clients.stepfunctions().describe_execution(executionArn=ended)
    verdict = stopped.decide(described, waited, by_hand="id" not in request.event)
    restores = None
    if verdict.decision == Decision.RESTORE:
        restores = stopped.execution_to_restore(described)
        turn.reserve_for_restore(lease_table_of(settings, request.execution.id), {ended, restores})
    return TakeTurnOutput(**dict(verdict), wait_seconds=turn.wait_seconds(waited), dry_run=False, restores=restores)


def _turn_of_a_push(request: TakeTurnInput, settings: Settings, waited: float) -> TakeTurnOutput:
    execution = request.execution
    image = push_event.parse_image(request.event, settings.repository, execution)
    keys = execution_input.keys(request.event)
    origin = execution_input.origin(request.event, image, execution.name)
    passed = _passed(execution, settings) if keys.now and not keys.dry_run else ()
    asked = Asked(
        image=image,
        origin=origin,
        closed=None if keys.now else _closed(settings),
        passes=keys.now,
        passed=passed,
        lifts=_lifted(keys, image),
        schedule=keys.schedule,
    )
    said = ""
    if reason := push_event.reason_to_skip(request.event):
        verdict = Verdict(decision=Decision.IGNORE, reason=reason)
    elif image.started(execution.name) and push_event.is_replication(request.event) and not keys.dry_run:
        verdict = _verdict_on_a_replica(request, settings, asked, image)
    else:
        if not image.started(execution.name):
            _require_image(image)
        _require_file(settings, keys.schedule)
        before = request.turn.remark if request.turn else ""  # it may be pending no more
        replaced = "" if keys.dry_run else _replaced(execution, settings) or before
        verdict = _verdict(execution, settings, asked, dry_run=keys.dry_run)
        said = replaced if verdict.decision in (Decision.GO, Decision.HELD, Decision.WAIT) else ""
    return _answer_to(asked, settings, verdict, waited, keys, image, _pinned(keys.schedule), said)


def _replaced(execution: Execution, settings: Settings) -> str:
    """The rollback that a person asked for and that waits for an approval, in words: a push takes its place."""
    if settings.approval == "none":
        return ""
    pending = lease_table_of(settings, execution.id).read().gate.pending
    if not (pending and pending.back_to) or pending.rejected_at(datetime.now(UTC)):
        return ""
    release = pending.back_to.release
    return f"replaces the rollback to {release}, which waits ({pending.origin}); to ask again: rota rollback {release}"


def _turn_of_an_upload(request: TakeTurnInput, settings: Settings, waited: float) -> TakeTurnOutput:
    """Of a schedule file that was uploaded. It takes no lease: it is pending, and Sweep starts its deployment."""
    # Pushes, which are the rule, load neither.
    from rota.deployment import uploads  # noqa: PLC0415
    from rota.deployment.releases import releases_of  # noqa: PLC0415

    execution, upload = request.execution, upload_event.parse(request.event, settings.bucket)
    live = releases_of(settings).read()
    if reason := uploads.reason_to_skip(clients.s3(), settings, upload, is_live=bool(live)):
        verdict = Verdict(decision=Decision.IGNORE, reason=reason)
    else:
        ledger_of(settings, execution).refuse_redrive()
        verdict = uploads.defer(lease_table_of(settings, execution.id), execution, upload)
    return _answer(verdict, waited, ExecutionInput(), None, upload.origin)


def _approval(settings: Settings, keys: ExecutionInput, asked: Asked) -> Approval | None:
    """Whether a person has to approve the changes, and which one has approved."""
    is_free = asked.origin.kind == Kind.ROLLBACK and asked.back_to is None
    if keys.dry_run or settings.approval == "none" or is_free:
        return None
    return Approval(given=asked.answer.changes if asked.answer else "")


def _closed(settings: Settings) -> Closed | None:
    """That the deployment window is not open."""
    if not settings.deploy_window:
        return None
    from rota.deployment import window  # noqa: PLC0415  here, because most apps have none, and it loads time zones

    return window.closed_at(settings.deploy_window, datetime.now(UTC))


def _passed(execution: Execution, settings: Settings) -> tuple[str, ...]:
    """The hold and the window that are in force, in words: this execution passes them."""
    hold = lease_table_of(settings, execution.id).read().gate.hold_at(datetime.now(UTC))
    try:
        closed = str(_closed(settings) or "")
    except RejectedError as unreadable:
        closed = str(unreadable)
    return tuple(each for each in (str(hold or ""), closed) if each)


def _lifted(keys: ExecutionInput, image: Image) -> tuple[str, ...]:
    """The digests that a person chose in spite of a bar."""
    return tuple(dict.fromkeys((*keys.lift, *((image.digest,) if keys.kind == Kind.IMAGE else ()))))


def _turn_without_an_image(request: TakeTurnInput, settings: Settings, waited: float) -> TakeTurnOutput:
    """Of an input that names no image."""
    keys = execution_input.parse(request.event)
    origin = execution_input.origin(request.event, None, request.execution.name)
    if keys.kind == Kind.ROLLBACK:
        return _turn_of_a_rollback(request, settings, waited, keys, origin)
    if keys.pause:
        return _answer(_verdict_on_a_pause(request, settings, keys.pause, origin), waited, keys, None, origin)
    if keys.kind in (Kind.PAUSE, Kind.RESUME, Kind.LIFT):
        # Here, because pushes, which are the rule, do not load it.
        from rota.deployment import steering  # noqa: PLC0415

        lease = lease_table_of(settings, request.execution.id)
        given = steering.Steering(
            datetime.now(UTC),
            lambda: _closed(settings),
            lambda: _passed(request.execution, settings),
            settings.approval,
            _is_active,
        )
        verdict, asked = steering.carry_out(lease, request.execution, keys, origin, given)
        if asked.back_to and verdict.decision == Decision.GO:
            return _turn_of_a_rollback(request, settings, waited, _goes_back(asked.back_to), asked.origin, asked)
        if asked.is_schedule and verdict.decision == Decision.GO:
            named = asked.schedule
            of_a_file = {"schedule_key": named.key, "schedule_version": named.version_id} if named else {}
            of_its_kind = ExecutionInput(kind=Kind.SCHEDULE, **of_a_file)
            return _turn_of_a_schedule(request, settings, waited, of_its_kind, asked.origin, asked)
        return _answer_to(asked, settings, verdict, waited, keys, asked.image, _pinned(asked.schedule))
    return _turn_of_a_schedule(request, settings, waited, keys, origin)


def _turn_of_a_schedule(
    request: TakeTurnInput,
    settings: Settings,
    waited: float,
    keys: ExecutionInput,
    origin: Origin,
    resumed: Asked | None = None,
) -> TakeTurnOutput:
    """Of a change of the schedule file alone. Hold, window and approval stop it, too. `resumed`: how one was asked for
    that was pending.
    """
    execution, passes = request.execution, keys.now or bool(resumed and resumed.passes)
    _require_file(settings, keys.schedule)
    asked = Asked(
        is_schedule=True,
        origin=origin,
        closed=None if passes else _closed(settings),
        passes=passes,
        passed=_passed(execution, settings) if passes and not keys.dry_run else (),
        order=resumed.order if resumed else "",
        schedule=keys.schedule,
        answer=resumed.answer if resumed else None,
    )
    verdict = _verdict(execution, settings, asked, dry_run=keys.dry_run)
    image = _live_image(execution, settings, dry_run=keys.dry_run) if verdict.decision == Decision.GO else None
    return _answer_to(asked, settings, verdict, waited, keys, image, _pinned(keys.schedule))


def _verdict_on_a_pause(request: TakeTurnInput, settings: Settings, asked: PauseKey, origin: Origin) -> Verdict:
    """It waits for the lease as every change of what is live, and goes to ChangePauses: it deploys nothing."""
    execution_input.refuse_past("pause", asked.until, request.execution.started_at)
    passed = _passed(request.execution, settings)
    verdict = _verdict(request.execution, settings, Asked(origin=origin, passed=passed), dry_run=False)
    is_next = verdict.decision == Decision.GO
    return Verdict(decision=Decision.PAUSE, reason=verdict.reason) if is_next else verdict


def _answer_to(
    asked: Asked,
    settings: Settings,
    verdict: Verdict,
    waited: float,
    keys: ExecutionInput,
    image: Image | None,
    pinned: Pinned | None,
    said: str = "",
) -> TakeTurnOutput:
    """The answer to what was asked of the lease: it remarks on what that passed, and who approved it."""
    passed = f"passed: {'; '.join(asked.passed)}" if asked.passed else ""
    also = () if verdict.decision == Decision.WAIT else (passed, str(asked.answer or ""))
    remark = "; ".join(filter(None, (said, *also)))
    return _answer(
        verdict, waited, keys, image, asked.origin, pinned, remark, approval=_approval(settings, keys, asked)
    )


def _answer(
    verdict: Verdict,
    waited: float,
    keys: ExecutionInput,
    image: Image | None,
    origin: Origin,
    pinned: Pinned | None = None,
    remark: str = "",
    *,
    approval: Approval | None = None,
) -> TakeTurnOutput:
    return TakeTurnOutput(
        **dict(verdict),
        wait_seconds=turn.wait_seconds(waited),
        dry_run=keys.dry_run,
        image=image,
        origin=origin,
        pinned=pinned,
        approval=approval,
        remark=remark,
        with_before=keys.kind not in (Kind.ROLLBACK, Kind.SCHEDULE) or keys.with_before,
    )


def _back_to(release: str, keys: ExecutionInput) -> BackTo:
    """What is kept of a rollback that is to be approved."""
    return BackTo(release=release, image_only=keys.image_only, with_before=keys.with_before)


def _goes_back(back_to: BackTo) -> ExecutionInput:
    """The keys of a rollback that was approved."""
    return ExecutionInput(kind=Kind.ROLLBACK, **dict(back_to))


def _turn_of_a_rollback(
    request: TakeTurnInput,
    settings: Settings,
    waited: float,
    keys: ExecutionInput,
    origin: Origin,
    approved: Asked | None = None,
) -> TakeTurnOutput:
    """It is refused before anything changes, also before it stops another deployment. Its bars count at once, of one
    that is to be approved once it has been.
    `approved`: how one was asked for that was pending.
    """
    from rota.deployment import rollback  # noqa: PLC0415 - pushes, which are the rule, do not load these
    from rota.deployment.releases import releases_of  # noqa: PLC0415

    execution, releases = request.execution, releases_of(settings)
    kept = releases.kept()
    target = rollback.find_target(kept, keys.release or "", execution.started_at)
    image = rollback.image_of(target, settings.repository)
    pinned = None if keys.image_only else rollback.pinned(target)
    if pinned:
        rollback.require(clients.s3(), settings.bucket, target)
    _require_image(image)
    lease, bars = lease_table_of(settings, execution.id), rollback.bars_of(kept, target, execution, origin)

    # With the file and the base of today it brings back no release as it was. Of the file's `before` the approval of a
    # change of the file alone has shown no command.
    changes_more = keys.image_only or keys.with_before
    needed = settings.approval == "required-always" or (settings.approval == "required" and changes_more)

    def hold(item: LeaseItem) -> Gates:
        until = keys.hold.until if keys.hold else None
        return item.gate.with_hold(execution, hold_of(execution, origin, until)) if keys.hold else item.gate

    def bar(item: LeaseItem) -> Gates:
        return hold(item).with_bars(execution, rollback.bars_of(kept, target, execution, origin))

    if not keys.dry_run:
        ledger_of(settings, execution).refuse_redrive()
        # One that is yet to be approved may wait long for the lease, only to ask.
        lease.change_gates(hold if needed and not (approved and approved.answer) else bar)
    passed = () if keys.dry_run else _passed(execution, settings)
    if settings.approval == "required" and not (needed or keys.dry_run):
        passed = (*passed, "the changes of a push have to be approved")
    asked = Asked(
        image=image,
        origin=origin,
        passes=True,
        passed=passed,
        lifts=(image.digest,),
        order=approved.order if approved else "",
        answer=approved.answer if approved else None,
        back_to=_back_to(target.name, keys) if needed else None,
    )
    verdict = _verdict(execution, settings, asked, dry_run=keys.dry_run)
    if verdict.decision == Decision.GO and not keys.dry_run:
        kept = releases.kept()  # what it waited for may have gone live; nothing does from now on
        lease.change_gates(bar)
        bars = rollback.bars_of(kept, target, execution, origin)
    said = rollback.remark(target, rollback.live_at(kept, execution.started_at), bars)
    return _answer_to(asked, settings, verdict, waited, keys, image, pinned, said)


def _live_image(execution: Execution, settings: Settings, *, dry_run: bool) -> Image:
    """The image that is live. No other deployment changes that meanwhile, unless this is a dry run.

    RejectedError if it is not known.
    """
    from rota.deployment.releases import releases_of  # noqa: PLC0415 - pushes, which are the rule, do not load it

    image = releases_of(settings).live_image(settings.repository)
    if not image:
        raise RejectedError(f"no release of {settings.app} is known to be live; deploy an image first")
    if not dry_run:
        turn.note_image(lease_table_of(settings, execution.id), image)
    return image


def _require_image(image: Image) -> None:
    """RejectedError for an image that does not exist: a digest that a person mistyped must not overtake a push."""
    from rota.ecr.image import resolve_image  # noqa: PLC0415 - pushes, which are the rule, do not load it

    resolve_image(clients.ecr(), image)


def _require_file(settings: Settings, file: Stored | None) -> None:
    """RejectedError for a version of a schedule file that does not exist: that a person mistyped must not overtake a
    push either. None is not looked for.
    """
    if file:
        from rota.deployment import named_file  # noqa: PLC0415 - pushes, which are the rule, do not load it

        named_file.read(clients.s3(), settings.bucket, file)


def _pinned(file: Stored | None) -> Pinned | None:
    return Pinned(schedule=file) if file else None


def _verdict_on_a_replica(request: TakeTurnInput, settings: Settings, asked: Asked, image: Image) -> Verdict:
    """As of a push. But an image that came before the one that is live, or on its way, stops nothing and is ignored:
    ECR replicates in any order, and old images too when a person asks for that.
    """
    lease = lease_table_of(settings, request.execution.id).read()
    # An attempt whose response was lost may have taken the lease, which then has to be released.
    if lease.holder != request.execution.id and (reason := _reason_to_stay(request, settings, image, lease)):
        return Verdict(decision=Decision.IGNORE, reason=reason)
    verdict = _verdict(request.execution, settings, asked, dry_run=False)
    # What was on its way may have gone live meanwhile; nothing does while this deployment holds the lease.
    if verdict.decision == Decision.GO and (reason := _reason_to_stay(request, settings, image)):
        return Verdict(decision=Decision.OVERTAKEN, reason=reason)
    return verdict


def _reason_to_stay(
    request: TakeTurnInput, settings: Settings, image: Image, lease: LeaseItem | None = None
) -> str | None:
    """Why this image is not deployed beside what is live, and what is on its way in that lease."""
    # Pushes, which are the rule, load none of these.
    from rota.deployment.releases import releases_of  # noqa: PLC0415
    from rota.ecr.image import describe_image, find_newer  # noqa: PLC0415

    ecr = clients.ecr()
    found = describe_image(ecr, image.repository, image.digest)
    if not found:
        return None  # ReadConfig says so
    live = releases_of(settings).read()
    if not live:
        return f"{image.digest} was replicated, and may be older than what runs: start the first deployment by hand"
    if newer := find_newer(ecr, found, {live.live_digest} | (lease.on_their_way if lease else set())):
        return f"{image.digest} was replicated, and {newer}, which is live or being deployed, was pushed later"
    return push_event.reason_to_skip(request.event, found.get("artifactMediaType"))


def _verdict(execution: Execution, settings: Settings, asked: Asked, *, dry_run: bool) -> Verdict:
    if dry_run:
        return Verdict(decision=Decision.GO, reason="a dry run changes nothing and needs no lease")
    # Before it takes the turn of another one; its restore may record the outcome later, so ReadConfig looks again.
    ledger_of(settings, execution).refuse_redrive()
    return turn.take(lease_table_of(settings, execution.id), execution, asked, _is_active, settings.approval)


def _is_active(execution_arn: str) -> bool:
    stepfunctions = clients.stepfunctions()
    try:
        return stopped.is_active(stepfunctions.describe_execution(executionArn=execution_arn), datetime.now(UTC))
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return False  # of a state machine that was deleted since; the table outlives the stack
