"""The cause of a failed deployment: what happened, in which step, what became of it, and who acts."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.contract.deployment import Asks, Decision, Verdict
from rota.contract.step_io import CaughtError, FailedDeployment
from rota.contract.steps import STEPS, failed_step
from rota.deployment.failure_message import asks_for, explain, outcome_of, stored_error, without_who_acts
from rota.deployment.notify import _plain
from rota.deployment.waiting import Answer
from rota.errors import listed
from rota.notifications.chat import chat_notification
from rota.notifications.message import Message
from rota.restore.everything import RestoreResult
from tests.examples import ANSWERS

# What each step adds to the machine's document, in the machine's order.
ADDED: dict[str, Any] = {step.result: ANSWERS[step.name].model_dump() for step in STEPS if step.name != "CheckService"}
TURN, PLAN, REVISIONS, BEFORE, ROLLOUT = (ADDED[key] for key in ("turn", "plan", "revisions", "before", "rollout"))
NO_SCHEDULE_CHANGES = {"created": 0, "updated": 0, "targets": 0}
NOTHING_TO_DO = (
    PLAN
    | NO_SCHEDULE_CHANGES
    | {"nothing_to_do": True, "removed": 0, "disables": 0, "registers": 0, "rolls_service": False}
)
COMPLETE = {"rollout": ROLLOUT | {"status": "COMPLETED"}}
NOTHING = str(RestoreResult())
UNTIL = datetime(2026, 12, 8, 6, tzinfo=UTC)
TEN = "t0, t1, t2, t3, t4, t5, t6, t7, t8, t9"


def failed(error: str = "TransientError", cause: str = "no answer", **document: Any) -> FailedDeployment:
    return FailedDeployment.model_validate({"error": {"Error": error, "Cause": cause}, **document})


def cause_of(document: FailedDeployment, became: str) -> str:
    """The cause of a deployment that ended with that document."""
    assert document.error
    return explain(failed_step(document), document.error, became)


def up_to(last: str) -> dict[str, Any]:
    """The document when the step that adds the key `last` has ended."""
    keys = list(ADDED)
    return {"before": None, "after": None} | {key: ADDED[key] for key in keys[: keys.index(last) + 1]}


@pytest.mark.parametrize(
    ("document", "step"),
    [
        pytest.param({}, "TakeTurn", id="nothing"),
        pytest.param({"turn": TURN | {"decision": "wait"}}, "TakeTurn", id="still waiting"),
        pytest.param(up_to("turn"), "ReadConfig", id="turn"),
        pytest.param(up_to("config"), "PlanDeployment", id="config"),
        pytest.param(up_to("plan"), "RegisterRevisions", id="plan"),
        pytest.param(up_to("plan") | {"plan": NOTHING_TO_DO}, "FinishDeployment", id="nothing to do"),
        pytest.param(
            up_to("revisions") | {"plan": PLAN | {"removed": 0, "disables": 0}}, "CreateTargets", id="nothing to remove"
        ),
        pytest.param(up_to("revisions") | {"plan": PLAN | {"disables": 0}}, "CreateTargets", id="nothing to disable"),
        pytest.param(
            up_to("revisions") | {"plan": {key: each for key, each in PLAN.items() if key != "disables"}},
            "ClearRules",
            id="a plan of the version before",
        ),
        pytest.param(up_to("plan") | {"plan": PLAN | {"registers": 0}}, "ClearRules", id="nothing to register"),
        pytest.param(
            up_to("cleared") | {"plan": PLAN | NO_SCHEDULE_CHANGES},
            "RollService",
            id="no schedule to create or update",
        ),
        pytest.param(
            up_to("targets") | {"plan": PLAN | {"rolls_service": False}}, "FinishDeployment", id="no service to roll"
        ),
        pytest.param(up_to("revisions"), "ClearRules", id="revisions"),
        pytest.param(up_to("revisions") | {"plan": PLAN | {"runs_before": True}}, "RunBefore", id="a migration"),
        pytest.param(
            up_to("before") | {"plan": PLAN | {"runs_before": True}, "before": BEFORE | {"finished": False}},
            "RunBefore",
            id="a migration that runs",
        ),
        pytest.param(up_to("before") | {"plan": PLAN | {"runs_before": True}}, "ClearRules", id="migrated"),
        pytest.param(
            up_to("revisions") | {"revisions": REVISIONS | {"finished": False, "document": None, "remaining": 9}},
            "RegisterRevisions",
            id="not yet all registered",
        ),
        pytest.param(up_to("cleared"), "CreateTargets", id="cleared"),
        pytest.param(up_to("targets"), "RollService", id="targets"),
        pytest.param(up_to("rollout"), "CheckService", id="rollout under way"),
        pytest.param(
            up_to("rollout") | COMPLETE,
            "FinishDeployment",
            id="completed",
        ),
        pytest.param(
            up_to("rollout") | COMPLETE | {"plan": PLAN | {"runs_after": True}}, "RunAfter", id="a smoke test"
        ),
    ],
)
def test_the_keys_of_the_document_name_the_step_that_failed(document: dict[str, Any], step: str) -> None:
    assert cause_of(failed(**document), NOTHING).startswith(f"{step}: no answer. ")


@pytest.mark.parametrize(
    ("error", "who_acts"),
    [
        ("ConfigError", "For the author of the schedule file: correct it, upload it, then deploy again."),
        ("RejectedError", "For the operator: fix this, then deploy again."),
        ("TransientError", "AWS did not recover in time; deploy again."),
        ("StillRunningError", "AWS did not recover in time; deploy again."),
        ("OvertakenError", "Nothing to do, unless the newer deployment is stopped; then deploy this one again."),
        ("Lambda.ServiceException", "AWS did not recover in time; deploy again."),
        ("Runtime.ExitError", "AWS did not recover in time; deploy again."),
        ("Sandbox.Timedout", "AWS did not recover in time; deploy again."),
        ("States.Timeout", "AWS did not recover in time; deploy again."),
        ("TaskFailedError", "For the app's developers: correct it, then push again."),
        ("ExecutionAborted", "Nothing to do; to deploy that image after all, start a new execution."),
        (
            "ExecutionTimedOut",
            "For the operator: find out what it waited for; to deploy that image after all, start a new execution.",
        ),
        ("KeyError", "This is a bug in Rota: report it with the function's log, which has the traceback."),
    ],
)
def test_every_error_says_who_acts(error: str, who_acts: str) -> None:
    whole = cause_of(failed(error), NOTHING)
    assert whole == f"TakeTurn: no answer. Nothing had to be restored. {who_acts}"
    leaves_out = error in {"ConfigError", "RejectedError"}
    assert without_who_acts(whole, error) == (whole.removesuffix(f" {who_acts}") if leaves_out else whole)


def test_a_request_that_is_refused_is_started_again() -> None:
    error = CaughtError(Error="RejectedError", Cause="no such release")
    whole = explain("TakeTurn", error, NOTHING, refused=True)
    said = "TakeTurn: no such release. Nothing had to be restored."
    assert whole == f"{said} For the operator: fix this, then start it again."
    assert without_who_acts(whole, "RejectedError") == said


def test_a_list_of_problems_has_a_line_each() -> None:
    error = CaughtError(Error="ConfigError", Cause="two problems:\n- one\n- two.")
    assert explain("ReadConfig", error, NOTHING) == (
        "ReadConfig: two problems:\n- one\n- two\nNothing had to be restored. For the author of the schedule file: "
        "correct it, upload it, then deploy again."
    )


@pytest.mark.parametrize(
    ("error", "decision", "outcome"),
    [
        (None, None, "overtaken"),
        (None, "overtaken", "overtaken"),
        (None, "held", "held"),
        (None, "barred", "barred"),
        (None, "rejected", "rejected"),
        (None, "done", "done"),
        ("OvertakenError", "go", "overtaken"),
        ("ExecutionAborted", "go", "aborted"),
        ("ExecutionTimedOut", "go", "failed"),
        ("RejectedError", "held", "failed"),
    ],
)
def test_how_it_ends(error: str | None, decision: str | None, outcome: str) -> None:
    caught = CaughtError(Error=error, Cause="") if error else None
    verdict = Verdict(decision=Decision(decision), reason="") if decision else None
    assert outcome_of(caught, verdict) == outcome


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        pytest.param(
            json.dumps({"errorMessage": "the file is wrong", "errorType": "ConfigError", "stackTrace": ["line 1"]}),
            "the file is wrong",
            id="a function's error",
        ),
        pytest.param("out of memory", "out of memory", id="plain text"),
        pytest.param("the file is wrong.", "the file is wrong", id="a full stop"),
        pytest.param('"text"', '"text"', id="JSON, but no object"),
        pytest.param('{"other": 1}', '{"other": 1}', id="JSON of another shape"),
        pytest.param("", "Lambda.Unknown", id="nothing but the error's name"),
        pytest.param('{"errorMessage": ""}', '{"errorMessage": ""}', id="an empty message"),
        pytest.param('{"errorMessage": "a\ttab', "a\ttab ... (cut here)", id="cut, with a tab"),
        pytest.param(' { "errorMessage":"close', "close ... (cut here)", id="cut, other spaces"),
        pytest.param(
            '{"errorMessage": "the \\"file\\" is wrong.", "errorType": "ConfigErr',
            'the "file" is wrong',
            id="cut later",
        ),
        pytest.param('{"errorMessage": "the \\u00fcber \\u00', "the über  ... (cut here)", id="cut in the message"),
        pytest.param('{"errorMessage": "an emoji \\ud83d', "an emoji  ... (cut here)", id="cut in a character"),
    ],
)
def test_the_cause_quotes_the_error_in_full(cause: str, message: str) -> None:
    assert cause_of(failed("Lambda.Unknown", cause), NOTHING).startswith(f"TakeTurn: {message}. Nothing had to be")


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        pytest.param(NOTHING, "Nothing had to be restored.", id="nothing"),
        pytest.param(RestoreResult(again=True), "Everything is as it was before. ", id="nothing more"),
        pytest.param(
            RestoreResult(schedules=1),
            "Everything is as it was before; 1 schedule was restored.",
            id="one rule",
        ),
        pytest.param(
            RestoreResult(schedules=2, service="guestbook:5"),
            "All schedules are as they were before, 2 schedules were restored; "
            "ECS is rolling the service back to guestbook:5.",
            id="rules and service",
        ),
        pytest.param(
            RestoreResult(service="guestbook:5"),
            "All schedules are as they were before; ECS is rolling the service back to guestbook:5.",
            id="service",
        ),
        pytest.param(
            RestoreResult(schedules=1, remarks=("the rule A is gone: no",)),
            "Everything is as it was before; 1 schedule was restored. But the rule A is gone: no. AWS did not",
            id="a rule that AWS refused",
        ),
        pytest.param(
            RestoreResult(too_late=True),
            "Nothing was restored, because another deployment has held the lease since. If that one failed, deploy "
            "again.",
            id="another deployment's turn",
        ),
    ],
)
def test_the_cause_says_what_was_restored(done: RestoreResult, sentence: str) -> None:
    assert sentence in cause_of(failed(), str(done))


def test_a_record_keeps_the_message_and_not_lambdas_json() -> None:
    cause = json.dumps({"errorMessage": "y" * 7_000, "stackTrace": ["line 1" * 1_000]})
    assert stored_error(CaughtError(Error="X", Cause=cause)) == CaughtError(Error="X", Cause="y" * 7_000)
    (kept,) = {stored_error(CaughtError(Error="X", Cause=each)).Cause for each in ("z" * 9_000, "z" * 30_000)}
    assert (len(kept), kept[-18:]) == (8_000, "zzz ... (cut here)")


@pytest.mark.parametrize("cause", ["x" * 50_000, json.dumps({"errorMessage": "y" * 50_000})], ids=["plain", "JSON"])
def test_an_over_long_cause_is_cut_and_still_says_who_acts(cause: str) -> None:
    whole = cause_of(failed("RejectedError", cause), NOTHING)
    end = " ... (cut here). Nothing had to be restored. For the operator: fix this, then deploy again."
    assert len(whole) == 32_000
    assert whole.startswith("TakeTurn: ")
    assert whole.endswith(f"{cause[20_000]}{end}")
    fits = 32_000 - len("TakeTurn: ") - len(end) + len(" ... (cut here)")
    assert "(cut here)" not in cause_of(failed("RejectedError", "x" * fits), NOTHING)
    assert "(cut here)" in cause_of(failed("RejectedError", "x" * (fits + 1)), NOTHING)


@pytest.mark.parametrize("again", [False, True], ids=["", "again"])
def test_what_a_person_is_to_approve(again: bool) -> None:
    asks = Asks(changes="5f" * 16, until=UNTIL)
    answer = Answer(changes="6f" * 16, approves=True, by="bob", reason="the new prices", at=UNTIL)
    execution = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:e1"
    repeated = " It is asked again, because this is not what bob approved." if again else ""
    assert asks_for(asks, "2 new schedules", answer if again else None, execution) == (
        f"It waits for an approval until 2026-12-08 06:00 UTC: 2 new schedules.{repeated} "
        f"To approve it: rota approve {'5f' * 16} --reason ... To reject it: rota reject {'5f' * 16} --reason ... "
        "It deploys once it is approved, unless a newer push does. The plan: "
        f"https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{execution}"
    )


def test_of_a_long_summary_the_mail_says_how_to_approve_it() -> None:
    asks = Asks(changes="5f" * 16, until=UNTIL)
    answer = Answer(changes="6f" * 16, approves=True, by="b" * 256, reason="the new prices", at=UNTIL)
    execution = f"arn:aws:states:us-east-1:111122223333:execution:{'m' * 80}:{'e' * 80}"
    cause = asks_for(asks, "x" * 8_000, answer, execution)
    message = Message(title="held", lead=cause, thread="t", kind="k")
    for form in (_plain(cause), chat_notification(message)):
        assert f"rota approve {asks.changes} --reason" in form
        assert "/v2/executions/details/" in form


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, ""), (1, "t0"), (2, "t0, t1"), (10, TEN), (11, f"{TEN} and 1 more"), (99, f"{TEN} and 89 more")],
)
def test_a_message_names_ten(count: int, said: str) -> None:
    assert listed([f"t{number}" for number in range(count)]) == said
