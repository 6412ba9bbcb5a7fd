"""What the ledger keeps of a deployment that was restored, or that never held the lease."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from rota.aws import clients
from rota.contract.deployment import Asks, Decision, Execution, Image, Kind, Origin, Outcome, Stored, Verdict
from rota.contract.step_io import CaughtError, OneOffRun
from rota.deployment.ledger import Entry, LedgerItem
from rota.deployment.record import DeploymentRecord
from rota.deployment.releases import Live
from rota.deployment.waiting import Answer
from rota.plan.model import Plan, Snapshot
from rota.restore.attempt import Attempt, restore_or_finish
from rota.restore.context import RestoreContext, read
from rota.restore.everything import RestoreResult
from tests.guestbook import IMAGE_URI, SETTINGS, arn, definition, service_state
from tests.stubs import asked

BEGAN = datetime(2026, 11, 30, 6, tzinfo=UTC)
ARN = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:"
V1, V2 = (f"sha256:{number:064x}" for number in (1, 2))
IMAGE = Image(repository="guestbook", digest=V2, tag="latest")
PLAN = Stored(key="plan.json", version_id="1")
DENIED, OVERTAKEN = (
    CaughtError(Error="RejectedError", Cause="denied"),
    CaughtError(Error="OvertakenError", Cause="newer"),
)
MIGRATED = OneOffRun(kind="before", task_arn="task/1", finished=True, exit_code=0, seconds=3.0)
WAS = "Everything is as it was."


def execution(name: str) -> Execution:
    return Execution(id=f"{ARN}{name}", name=name, started_at=BEGAN)


def attempt(
    record: dict[str, Any] | None = None,
    *,
    step: str = "CreateTargets",
    error: CaughtError | None = DENIED,
    restorer: str = "v2",
    **more: Any,
) -> Attempt:
    known = {"image": IMAGE, "origin": Origin(kind=Kind.PUSH), "summary": "1 new", "tasks": 2, **(record or {})}
    return Attempt(
        settings=SETTINGS,
        record=DeploymentRecord(execution=execution("v2"), **known),
        restorer=execution(restorer),
        step=step,
        error=error,
        verdict=more.pop("verdict", None),
        retries=0,
        **more,
    )


def verdict(decision: Decision, reason: str = "why") -> Verdict:
    return Verdict(decision=decision, reason=reason)


@pytest.mark.parametrize(
    ("given", "outcome", "cause"),
    [
        pytest.param(
            attempt(), Outcome.FAILED, f"CreateTargets: denied. {WAS} For the operator: fix this, then", id="a failure"
        ),
        pytest.param(attempt(error=OVERTAKEN), Outcome.OVERTAKEN, f"CreateTargets: newer. {WAS} ", id="a newer push"),
        pytest.param(
            attempt({"before": MIGRATED}),
            Outcome.FAILED,
            f"The migration ran and stays. CreateTargets: denied. {WAS} For",
            id="after its migration",
        ),
        pytest.param(
            attempt({"before": MIGRATED.model_copy(update={"exit_code": 3})}),
            Outcome.FAILED,
            f"CreateTargets: denied. {WAS} What the migration did before it ended stays. For",
            id="after half of its migration",
        ),
        pytest.param(
            attempt({"before": OneOffRun(kind="before", task_arn="task/1")}),
            Outcome.FAILED,
            f"CreateTargets: denied. {WAS} What the migration did before it ended stays. For",
            id="in its migration",
        ),
        pytest.param(
            attempt({"before": OneOffRun(kind="before", task_arn="task/1", finished=True)}),
            Outcome.FAILED,
            f"CreateTargets: denied. {WAS} For",
            id="with a migration that never began",
        ),
        pytest.param(
            attempt({"before": OneOffRun(kind="before")}),
            Outcome.FAILED,
            f"CreateTargets: denied. {WAS} For",
            id="before its migration was started",
        ),
        *(
            pytest.param(attempt(error=None, verdict=verdict(decision)), outcome, "why", id=outcome)
            for decision, outcome in (
                (Decision.OVERTAKEN, Outcome.OVERTAKEN),
                (Decision.HELD, Outcome.HELD),
                (Decision.BARRED, Outcome.BARRED),
                (Decision.REJECTED, Outcome.REJECTED),
            )
        ),
        pytest.param(attempt(error=None), Outcome.OVERTAKEN, "", id="without an error"),
    ],
)
def test_how_it_ended_and_why(given: Attempt, outcome: Outcome, cause: str) -> None:
    entry = given.entry(WAS)
    assert (entry.outcome, entry.cause.startswith(cause), bool(entry.cause)) == (outcome, True, bool(cause)), (
        entry.cause
    )
    assert (entry.summary, entry.tasks, entry.image, entry.origin) == ("1 new", 2, IMAGE, Origin(kind=Kind.PUSH))


def test_what_needs_no_deployment_has_its_answer_as_summary() -> None:
    entry = attempt({"image": None}, error=None, verdict=verdict(Decision.DONE, "barred no more")).entry(WAS)
    assert (entry.outcome, entry.summary, entry.cause) == (Outcome.DONE, "barred no more", "")


@pytest.mark.parametrize(
    "answer",
    [None, Answer(approves=True, by="ann", reason="the new prices", changes="old", at=BEGAN)],
    ids=["first", "again"],
)
def test_what_is_to_be_approved_is_held(answer: Answer | None) -> None:
    asks = {"asks": Asks(changes="c0ffee", until=BEGAN + timedelta(days=7)), "answer": answer}
    entry = attempt(asks, error=None, verdict=verdict(Decision.GO)).entry(WAS)
    again = " It is asked again, because this is not what ann approved." if answer else ""
    console = "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/"
    assert (entry.outcome, entry.summary) == (Outcome.HELD, "1 new")
    assert entry.cause == (
        f"It waits for an approval until 2026-12-07 06:00 UTC: 1 new.{again} To approve it: rota approve c0ffee "
        "--reason ... To reject it: rota reject c0ffee --reason ... It deploys once it is approved, unless a newer "
        f"push does. The plan: {console}{ARN}v2"
    )
    assert attempt(asks).entry(WAS).outcome == Outcome.FAILED, "it failed, whatever it would have asked for"


REQUEST, RESUME, PAUSE = (
    {"image": None, "origin": Origin(kind=kind)} for kind in (Kind.ROLLBACK, Kind.RESUME, Kind.PAUSE)
)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        pytest.param(attempt(REQUEST, step="TakeTurn"), True, id="a request"),
        pytest.param(attempt({"image": None, "origin": None}, step="TakeTurn"), True, id="one that says nothing"),
        pytest.param(attempt(step="TakeTurn"), False, id="a push"),
        pytest.param(attempt(REQUEST, step="ReadConfig"), False, id="one that had its turn"),
        pytest.param(attempt(REQUEST, step="TakeTurn", error=OVERTAKEN), False, id="one that is late"),
        pytest.param(attempt(PAUSE, step="ChangePauses"), True, id="a pause"),
        pytest.param(
            attempt({"image": None, "origin": None}, step="ChangePauses"), True, id="a pause that says nothing"
        ),
        pytest.param(attempt(RESUME, step="ChangePauses"), False, id="a resume, which is done as far as it goes"),
        pytest.param(attempt(RESUME, step="TakeTurn"), True, id="a resume that cannot be read"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused(given: Attempt, refused: bool) -> None:
    entry = given.entry(WAS)
    assert (entry.outcome == Outcome.REFUSED) is refused
    assert entry.cause.endswith("For the operator: fix this, then start it again.") is refused


@pytest.mark.parametrize(
    ("image", "tag", "lost"),
    [
        pytest.param(IMAGE, "latest", True, id="the same"),
        pytest.param(IMAGE, "v1", False, id="another"),
        pytest.param(IMAGE, None, False, id="not known"),
        pytest.param(IMAGE.model_copy(update={"tag": None}), None, False, id="pushed without one"),
        pytest.param(IMAGE.model_copy(update={"digest": V1}), "latest", False, id="of the image that is live"),
        pytest.param(None, "latest", False, id="no push"),
    ],
)
def test_a_push_takes_its_tag_from_the_image_that_is_live(image: Image | None, tag: str | None, lost: bool) -> None:
    live = Live(number=1, live_digest=V1, live_tag=tag, live_schedule_key="s", live_schedule_version="1")
    cause = attempt({"image": image}, live=live).entry(WAS).cause
    said = (
        f" The image that is live, {V1}, has lost its tag latest to this push, so a lifecycle policy of the repository "
        'may delete it: give it a tag, as docs/operations.md says under "Images in use".'
    )
    assert cause == denied(f"{WAS}{said if lost else ''}")


NOTHING = "Nothing had to be restored."
NOT_HELD = (
    "Nothing was restored, because this deployment does not hold the lease: it had changed nothing, or another "
    "deployment has held the lease since. If that one failed, deploy again."
)
TOO_LATE = (
    "Nothing was restored, because another deployment has held the lease since. If that one failed, deploy again."
)
RESTORING = Entry(outcome=Outcome.FAILED, image=IMAGE, schedule=None, summary="", cause="It is being restored.")


def in_ledger(outcome: str = "restoring", deployment: DeploymentRecord | None = None) -> LedgerItem:
    return LedgerItem(outcome=outcome, entry=RESTORING.model_dump_json(), deployment=deployment)


def denied(became: str) -> str:
    return f"CreateTargets: denied. {became} For the operator: fix this, then deploy again."


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        pytest.param(attempt(), denied(NOTHING), id="by itself, before it had begun"),
        pytest.param(attempt({"plan": PLAN}), denied(TOO_LATE), id="by itself, begun"),
        pytest.param(
            attempt({"plan": PLAN, "nothing_to_do": True}), denied(NOTHING), id="by itself, with nothing to do"
        ),
        pytest.param(attempt(restorer="r"), denied(NOT_HELD), id="by another, before it had begun"),
        pytest.param(attempt({"plan": PLAN}, restorer="r"), denied(TOO_LATE), id="by another, begun"),
        pytest.param(
            attempt(in_ledger=in_ledger(deployment=DeploymentRecord(execution=execution("v2")))),
            denied(TOO_LATE),
            id="by itself, while it was restored",
        ),
        pytest.param(
            attempt(in_ledger=in_ledger()),
            f"It is being restored. {TOO_LATE}",
            id="by a version of Rota that made no record",
        ),
        pytest.param(attempt(in_ledger=in_ledger("failed")), denied(NOTHING), id="after it has ended"),
    ],
)
def test_without_the_lease_nothing_is_restored(given: Attempt, cause: str) -> None:
    assert restore_or_finish(given, holds_lease=False).cause == cause


def test_with_the_lease_what_had_not_begun_needs_no_call() -> None:
    assert restore_or_finish(attempt({"nothing_to_do": True, "plan": PLAN}), holds_lease=True) == attempt().entry(
        NOTHING
    )


def test_all_that_the_ledger_keeps() -> None:
    error = CaughtError(Error="KeyError", Cause="PASSWORD=hunter2 is wrong")
    assert attempt({"schedule": PLAN}, error=error).entry(WAS) == Entry(
        outcome=Outcome.FAILED,
        image=IMAGE,
        schedule=PLAN,
        summary="1 new",
        cause=f"CreateTargets: PASSWORD=*** is wrong. {WAS} This is a bug in Rota: report it with the function's log, "
        "which has the traceback.",
        tasks=2,
        origin=Origin(kind=Kind.PUSH),
    )


# ---------------------------------------------------------------------- what was begun, by its record

LATER, LATEST = BEGAN + timedelta(minutes=5), BEGAN + timedelta(minutes=9)


def given(entered: dict[str, datetime], *, roll: bool = True, earlier: bool = False) -> RestoreContext:
    record = DeploymentRecord(execution=execution("v2"), entered={"TakeTurn": BEGAN} | entered)
    plan = Plan(
        image_uri=IMAGE_URI,
        base=definition(),
        newest_revision=1,
        changes=(),
        kept=0,
        registers=(),
        reused={},
        api="f",
        roll=roll,
        service_runs=arn(1),
    )
    snapshot = Snapshot(schedules={}, service=service_state())
    return RestoreContext(SETTINGS, record.execution, record, plan, snapshot, {}, 0, earlier)


@pytest.mark.parametrize(
    ("context", "begun"),
    [
        pytest.param(given({}), (False, False, False), id="nothing"),
        pytest.param(given({"ClearRules": LATER}), (True, False, False), id="clearing"),
        pytest.param(given({"CreateTargets": LATER}), (False, True, False), id="writing schedules"),
        pytest.param(given({"RollService": LATER}), (False, False, True), id="rolling"),
        pytest.param(given({"RollService": LATER}, roll=False), (False, False, False), id="rolling by another's plan"),
        pytest.param(given({}, earlier=True), (True, True, False), id="of an earlier version"),
    ],
)
def test_what_has_begun(context: RestoreContext, begun: tuple[bool, bool, bool]) -> None:
    assert (context.clearing_begun, context.targets_begun, context.rollout_begun) == begun


@pytest.mark.parametrize(
    ("entered", "since"),
    [
        ({}, None),
        ({"CreateTargets": LATER}, LATER),
        ({"CreateTargets": LATER, "RestoreDeployment": LATEST}, LATER),
        ({"CreateTargets": LATER, "RollService": LATER}, None),
        ({"CreateTargets": LATER, "RollService": LATER, "RestoreDeployment": LATEST}, LATEST),
    ],
    ids=["it has not", "it moves", "it moved", "it has moved", "it has moved, and moves back"],
)
def test_since_when_schedules_may_be_on_in_both(entered: dict[str, datetime], since: datetime | None) -> None:
    assert given(entered).moving_back_since == since


@pytest.mark.parametrize("known", [{}, {"plan": PLAN}, {"snapshot": PLAN}], ids=["neither", "a plan", "a snapshot"])
def test_without_a_plan_there_is_nothing_to_read(known: dict[str, Stored]) -> None:
    with pytest.raises(ValueError, match=r"^a deployment without a plan has changed nothing$"):
        read(SETTINGS, DeploymentRecord(execution=execution("v2"), **known), 0)


@pytest.mark.parametrize(
    ("known", "left"),
    [
        ({}, None),
        ({"entered": {"RunBefore": LATER}}, ""),
        ({"entered": {"RunBefore": LATER}, "before": MIGRATED.model_copy(update={"finished": False})}, "task/1"),
        ({"entered": {"RunBefore": LATER}, "before": MIGRATED}, None),
        ({"before": MIGRATED.model_copy(update={"finished": False})}, None),
    ],
    ids=["no migration", "about to be started", "running", "ended", "not begun"],
)
def test_which_migration_may_still_run(known: dict[str, Any], left: str | None) -> None:
    found = DeploymentRecord(execution=execution("v2"), **known).leaves_running
    assert (found and (found.execution, found.task_arn)) == (None if left is None else (f"{ARN}v2", left))


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (RestoreResult(), NOTHING),
        (RestoreResult(again=True), "Everything is as it was before."),
        (RestoreResult(schedules=2), "Everything is as it was before; 2 schedules were restored."),
        (RestoreResult(schedules=1, again=True), "Everything is as it was before; 1 schedule was restored."),
        (
            RestoreResult(stopped=("The migration was stopped.", "So was the test."), remarks=("one stays", "two")),
            f"The migration was stopped. So was the test. {NOTHING} But one stays. But two.",
        ),
        (
            RestoreResult(service="guestbook:5", schedules=1, stopped=("The migration was stopped.",)),
            "The migration was stopped. All schedules are as they were before, 1 schedule was restored; ECS is rolling "
            "the service back to guestbook:5.",
        ),
        (
            RestoreResult(service="guestbook:5"),
            "All schedules are as they were before; ECS is rolling the service back to guestbook:5.",
        ),
        (RestoreResult(too_late=True, schedules=1, remarks=("one stays",)), TOO_LATE),
    ],
)
def test_what_was_restored_in_words(result: RestoreResult, said: str) -> None:
    assert str(result) == said


@pytest.fixture
def ledger(new_clients: None) -> Iterator[Stubber]:
    """Answers what the function's own client asks of the table."""
    with asked(clients.dynamodb()) as stub:
        yield stub


@pytest.mark.parametrize(
    "record",
    [
        {"plan": PLAN, "snapshot": PLAN},
        {"entered": {"ChangePauses": BEGAN}, "origin": Origin(kind=Kind.PAUSE)},
        {"plan": PLAN, "snapshot": PLAN, "complete": False},
    ],
    ids=["a deployment", "a pause", "one that is not complete"],
)
def test_what_has_ended_meanwhile_is_not_restored(record: dict[str, Any], ledger: Stubber) -> None:
    ended = Entry(outcome=Outcome.FAILED, image=IMAGE, schedule=None, summary="", cause="why")
    item = {"outcome": {"S": "failed"}, "entry": {"S": ended.model_dump_json()}}
    ledger.add_client_error("put_item", "ConditionalCheckFailedException", modeled_fields={"Item": item})
    assert restore_or_finish(attempt(record), holds_lease=True) == ended


def test_a_restore_that_has_begun_is_not_finished(ledger: Stubber) -> None:
    """Whatever the record says: what is complete is restored all the same."""
    ended = Entry(outcome=Outcome.FAILED, image=IMAGE, schedule=None, summary="", cause="why")
    item = {"outcome": {"S": "failed"}, "entry": {"S": ended.model_dump_json()}}
    ledger.add_client_error("put_item", "ConditionalCheckFailedException", modeled_fields={"Item": item})
    record = {"plan": PLAN, "snapshot": PLAN, "complete": True}
    assert restore_or_finish(attempt(record, in_ledger=in_ledger()), holds_lease=True) == ended
