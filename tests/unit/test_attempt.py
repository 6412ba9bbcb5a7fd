"""What the ledger keeps of a deployment that was restored, or that never held the lease."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.contract.deployment import Asks, Decision, Execution, Image, Kind, Origin, Outcome, Stored, Verdict
from rota.contract.step_io import CaughtError, OneOffRun
from rota.deployment.ledger import Entry, LedgerItem
from rota.deployment.record import DeploymentRecord
from rota.deployment.releases import Live
from rota.deployment.waiting import Answer
from rota.restore.attempt import Attempt, restore_or_finish
from tests.guestbook import SETTINGS

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
    assert (entry.outcome, "rota approve c0ffee" in entry.cause) == (Outcome.HELD, True)
    assert ("not what ann approved" in entry.cause) is (answer is not None)
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
    assert (f"The image that is live, {V1}, has lost its tag latest to this push" in cause) is lost


NOTHING = "Nothing had to be restored."
NOT_HELD = "Nothing was restored, because this deployment does not hold the lease: it had changed nothing, or another"
TOO_LATE = "Nothing was restored, because another deployment has held the lease since."
RESTORING = Entry(outcome=Outcome.FAILED, image=IMAGE, schedule=None, summary="", cause="It is being restored.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(attempt(), NOTHING, id="by itself, before it had begun"),
        pytest.param(attempt({"plan": PLAN}), TOO_LATE, id="by itself, begun"),
        pytest.param(attempt({"plan": PLAN, "nothing_to_do": True}), NOTHING, id="by itself, with nothing to do"),
        pytest.param(attempt(restorer="r"), NOT_HELD, id="by another, before it had begun"),
        pytest.param(attempt({"plan": PLAN}, restorer="r"), TOO_LATE, id="by another, begun"),
        pytest.param(
            attempt(
                in_ledger=LedgerItem(
                    outcome="restoring",
                    entry=RESTORING.model_dump_json(),
                    deployment=DeploymentRecord(execution=execution("v2")),
                )
            ),
            f"CreateTargets: denied. {TOO_LATE}",
            id="by itself, while it was restored",
        ),
        pytest.param(
            attempt(in_ledger=LedgerItem(outcome="restoring", entry=RESTORING.model_dump_json())),
            f"It is being restored. {TOO_LATE}",
            id="by a version of Rota that made no record",
        ),
    ],
)
def test_without_the_lease_nothing_is_restored(given: Attempt, said: str) -> None:
    assert said in restore_or_finish(given, holds_lease=False).cause
