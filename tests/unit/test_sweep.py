"""The fault sweep: how it judges a deployment, and which faults it tries."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.deployment.waiting import Answer
from tests.examples import ROOT
from tests.sweep import gated, judge, report, script
from tests.sweep.__main__ import Sweep
from tests.sweep.app import FILES, Runs, State
from tests.sweep.gated import Span
from tests.sweep.judge import Seen
from tests.sweep.script import Conditions, Script
from tests.sweep.trial import Verdict

DIGEST = "sha256:new"
OLD, NEW = (f"arn:aws:ecs:us-east-1:123456789012:task-definition/guestbook:{number}" for number in (1, 2))
DENIED: dict[str, Any] = {
    "service": "events",
    "operation": "PutTargets",
    "caller": "CreateTargets",
    "skip": 0,
    "count": 1,
    "fault": "denied",
    "hit": 1,
}


def rule(task: dict[str, Any], revision: str) -> dict[str, Any]:
    return {
        "ScheduleExpression": f"cron({task['cron']})",
        "State": "ENABLED",
        "Targets": [{"EcsParameters": {"TaskDefinitionArn": revision}}],
    }


TASK = {"name": "Stays", "task": "spam_task", "cron": "0 6 * * ? *"}
BEFORE = State({"app-Stays": rule(TASK, OLD)}, OLD, frozenset({OLD}))
RUNS = {
    OLD: Runs("guestbook@sha256:old", ("./bin/start",), {}),
    NEW: Runs(f"guestbook@{DIGEST}", ("./bin/start", "spam_task"), {}),
    f"{NEW}1": Runs(f"guestbook@{DIGEST}", ("./bin/start",), {}),
}
AFTER = State({"app-Stays": rule(TASK, NEW)}, f"{NEW}1", frozenset({OLD, NEW, f"{NEW}1"}))
DEPLOYED = Seen(
    faults=[DENIED],
    execution={"status": "SUCCEEDED"},
    ended_by={"status": "SUCCEEDED"},
    before=BEFORE,
    after=AFTER,
    digest=DIGEST,
    tasks=[TASK],
    prefix="app-",
    runs=RUNS,
    lease={"app": "x"},
    entry={"outcome": "deployed"},
    heard=1,
    has_snapshot=True,
)
FAILURE = {"status": "FAILED", "error": "RejectedError", "cause": "CreateTargets: PutTargets was denied"}
FAILED = replace(
    DEPLOYED,
    execution=FAILURE,
    ended_by=FAILURE,
    after=BEFORE,
    entry={"outcome": "failed"},
)
GAP = {"problem": "the rule app-Stays is gone", "call": {"operation": "DeleteRule", "caller": "ClearRules"}}


ABORTED = replace(
    DEPLOYED,
    faults=[{**DENIED, "fault": "abort"}],
    execution={"status": "ABORTED"},
    after=BEFORE,
    entry={"outcome": "aborted", "cause": "CreateTargets: the execution was aborted. Everything is ..."},
)


GONE = rule(TASK, OLD) | {"State": "DISABLED"}
UNDELETABLE = replace(
    DEPLOYED,
    faults=[DENIED | {"caller": "RestoreDeployment", "operation": "DeleteRule", "count": 0}],
    after=replace(AFTER, rules={**AFTER.rules, "app-Gone": GONE}),
    entry={"outcome": "deployed", "summary": "1 removed; AWS refuses to delete app-Gone, disabled until the next"},
)


def test_what_aws_refuses_to_delete_may_stay_disabled_and_named() -> None:
    assert list(judge.wrong(UNDELETABLE)) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"faults": [DENIED]}, id="AWS refuses nothing for good"),
        pytest.param({"entry": {"outcome": "deployed", "summary": "1 removed"}}, id="not named"),
        pytest.param(
            {"after": replace(AFTER, rules={**AFTER.rules, "app-Gone": rule(TASK, OLD)})},
            id="it would still start tasks",
        ),
    ],
)
def test_any_other_rule_too_many_breaks_a_promise(changes: dict[str, Any]) -> None:
    assert "the rule app-Gone is still there" in list(judge.wrong(replace(UNDELETABLE, **changes)))


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(DEPLOYED, id="all new"),
        pytest.param(FAILED, id="all old"),
        pytest.param(ABORTED, id="aborted, all old"),
        pytest.param(replace(DEPLOYED, faults=ABORTED.faults, execution={"status": "ABORTED"}), id="aborted, all new"),
    ],
)
def test_a_deployment_that_keeps_every_promise_passes(seen: Seen) -> None:
    assert list(judge.wrong(seen)) == []


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        pytest.param(replace(DEPLOYED, after=BEFORE), "runs ./bin/start of guestbook@sha256:old", id="an old image"),
        pytest.param(replace(DEPLOYED, tasks=[]), "the rule app-Stays is still there", id="a rule too many"),
        pytest.param(
            replace(DEPLOYED, after=replace(AFTER, rules={})), "the rule app-Stays is missing", id="a rule too few"
        ),
        pytest.param(
            replace(DEPLOYED, tasks=[{**TASK, "cron": "0 7 * * ? *"}]), "not ENABLED at cron(0 7", id="not moved"
        ),
        pytest.param(
            replace(DEPLOYED, after=replace(AFTER, active=AFTER.active | {"another"})),
            "and unused: another",
            id="an unused revision",
        ),
        pytest.param(
            replace(DEPLOYED, after=replace(AFTER, active=AFTER.active - {OLD})),
            "were deregistered",
            id="an old revision deregistered",
        ),
        pytest.param(replace(FAILED, after=AFTER), "has another Targets", id="half deployed"),
        pytest.param(
            replace(FAILED, after=replace(BEFORE, active=BEFORE.active | {NEW})), "left behind", id="a revision left"
        ),
        pytest.param(
            replace(FAILED, after=replace(BEFORE, rules={})), "the rule app-Stays is gone", id="a rule not restored"
        ),
        pytest.param(replace(FAILED, ended_by={**FAILURE, "cause": "it failed"}), "names no call", id="no cause"),
        pytest.param(
            replace(FAILED, ended_by={**FAILURE, "error": "RestoreFailed"}, after=AFTER),
            "has another Targets",
            id="gave up without need",
        ),
        pytest.param(replace(FAILED, execution={"status": "ABORTED"}), "is ABORTED", id="neither"),
        pytest.param(replace(ABORTED, after=AFTER), "has another Targets", id="aborted and half deployed"),
        pytest.param(replace(ABORTED, ended_by=FAILURE, entry={}), "the ledger says nothing", id="aborted and lost"),
        pytest.param(replace(DEPLOYED, gaps=[GAP]), "is gone, after DeleteRule of ClearRules", id="a gap"),
        pytest.param(replace(DEPLOYED, lease={"holder": "x"}), "still held", id="the lease held"),
        pytest.param(replace(FAILED, lease={"at_work": "1"}), "still held", id="the lease busy"),
        pytest.param(replace(DEPLOYED, entry={}), "the ledger says nothing", id="no record"),
        pytest.param(replace(DEPLOYED, heard=0), "was not published", id="never published"),
    ],
)
def test_every_broken_promise_is_reported(seen: Seen, says: str) -> None:
    assert says in "; ".join(judge.wrong(seen))


def test_a_failed_restore_is_accepted_only_with_a_snapshot() -> None:
    hopeless = {**DENIED, "caller": "RestoreDeployment", "count": 0}
    gave_up = {"status": "FAILED", "error": "RestoreFailed", "cause": "PutTargets was denied"}
    seen = replace(FAILED, faults=[DENIED, hopeless], ended_by=gave_up, after=AFTER, heard=0)
    seen = replace(seen, entry={"outcome": "restoring"})
    assert list(judge.wrong(seen)) == []
    assert "no snapshot" in "; ".join(judge.wrong(replace(seen, has_snapshot=False)))
    unheard = replace(seen, entry={"outcome": "deployed"})
    assert list(judge.wrong(unheard)) == []
    assert "runs ./bin/start of guestbook@sha256:old" in "; ".join(judge.wrong(replace(unheard, after=BEFORE)))


def test_a_revision_that_stays_active_must_be_named() -> None:
    never = {**DENIED, "operation": "DeregisterTaskDefinition", "caller": "RestoreDeployment", "count": 0}
    named = {**FAILURE, "cause": f"{FAILURE['cause']} But {NEW.rpartition('/')[2]} stay ACTIVE."}
    left = replace(FAILED, faults=[*FAILED.faults, never], after=replace(BEFORE, active=BEFORE.active | {NEW}))
    assert list(judge.wrong(replace(left, ended_by=named))) == []
    assert "left behind" in "; ".join(judge.wrong(left))


def test_a_restore_killed_every_time_is_named_by_the_error_alone() -> None:
    killed = {**DENIED, "caller": "RestoreDeployment", "count": 0, "fault": "kill"}
    gave_up = {"status": "FAILED", "error": "RestoreFailed", "cause": "Runtime exited with error: signal: killed"}
    assert (
        list(judge.wrong(replace(FAILED, faults=[killed], ended_by=gave_up, entry={"outcome": "restoring"}, heard=0)))
        == []
    )


def test_every_call_meets_every_fault_possible_for_it() -> None:
    put = {"service": "events", "operation": "PutTargets", "caller": "CreateTargets"}
    read = {"service": "s3", "operation": "GetObject", "caller": "CreateTargets"}
    invoke = {"service": "lambda", "operation": "Invoke", "caller": None}
    tried = [(f["operation"], f["skip"], f["fault"]) for (f,) in script.singles([put, read, put, invoke])]
    assert len(tried) == len(set(tried)) == 9 + 8 + 9 + 5
    assert ("PutTargets", 1, "partial") in tried
    assert {f["count"] for (f,) in script.bursts([put, read, put, invoke])} == {0}


def test_the_same_seed_draws_the_same_pairs() -> None:
    steps = ("ReadConfig", "ClearRules", "CreateTargets", "RestoreDeployment")
    calls = [{"service": "s3", "operation": "GetObject", "caller": step} for step in steps]
    drawn = list(script.pairs(calls[:3], calls, 1, 50))
    assert drawn == list(script.pairs(calls[:3], calls, 1, 50)) != list(script.pairs(calls[:3], calls, 2, 50))
    assert all(first != second for first, second in drawn)
    assert any(second["caller"] == "RestoreDeployment" for _, second in drawn)
    assert any(second["caller"] != "RestoreDeployment" for _, second in drawn)


def test_both_files_differ_as_a_deployment_can() -> None:
    before, after = ({task["name"]: task for task in file} for file in FILES)
    assert after.keys() - before.keys()
    assert before.keys() - after.keys()
    kept = before.keys() & after.keys()
    assert any(before[name] == after[name] for name in kept)
    assert any(before[name] != after[name] for name in kept)


class _Broken:
    """Trials in which a promise is broken and the fault hits no call."""

    def run(self, faults: Script) -> Verdict:
        return Verdict(faults, "FAILED", "", reached=False, wrong=("the lease is still held",))


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    "recipe",
    [
        report.recipe([DENIED | {"caller": "it's"}], Conditions(7)),
        report.recipe([DENIED], Conditions(7, late=4.5)),
        report.race_recipe(3, Conditions(7)),
    ],
    ids=["a trial", "with late reads", "a race"],
)
def test_a_recipe_can_be_pasted_in_the_checkouts_root(recipe: str) -> None:
    shell = ["sh", "-c", f"{recipe} --help"]  # --help comes last, so all before it was parsed
    ran = subprocess.run(shell, cwd=ROOT, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "try every fault in every call" in ran.stdout


def test_those_that_gave_up_are_not_counted_as_all_old() -> None:
    old = Verdict((DENIED,), "FAILED", "", reached=True, wrong=())
    line = report.summary("bursts", [old, replace(old, gave_up=True), replace(old, new=True)])
    assert line == "bursts: 3 tried, 3 survived (1 all new, 1 all old, 1 gave up with a snapshot to restore by hand)"


def test_a_promise_broken_without_the_fault_counts_too() -> None:
    trials: Any = _Broken()
    sweep = Sweep([trials], Conditions(1))
    sweep.run("one fault", [(DENIED,)])
    assert sweep.broken


def test_a_share_is_the_same_for_the_same_seed() -> None:
    scripts = [({"number": number},) for number in range(95)]
    drawn = script.drawn(scripts, 7, 10)
    assert len(drawn) == 10
    assert drawn == script.drawn(scripts, 7, 10) != script.drawn(scripts, 8, 10)
    assert sorted(map(str, script.drawn(scripts, 7, 1))) == sorted(map(str, scripts))


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 12, minute, tzinfo=UTC)


def asked(kind: str, began: int, ended: int, status: str = "SUCCEEDED") -> dict[str, Any]:
    given = {"kind": kind, "hold": {}}
    return {"input": given, "status": status, "startDate": at(began), "stopDate": at(ended)}


PUSH = asked("", 0, 59) | {"input": {"detail": {}}}
SWEPT = asked("resume", 4, 5) | {"input": {"kind": "resume"}}


@pytest.mark.parametrize(
    ("executions", "turn", "is_wrong"),
    [
        pytest.param([asked("pause", 1, 2), asked("resume", 8, 9)], (3, 7), True, id="in a hold"),
        pytest.param([asked("pause", 1, 2), asked("resume", 8, 9)], (3, 9), False, id="perhaps after it"),
        pytest.param([asked("pause", 1, 4), asked("resume", 8, 9)], (3, 7), False, id="perhaps before it"),
        pytest.param([asked("resume", 1, 9), asked("pause", 2, 3)], (4, 7), True, id="an end that came before"),
        pytest.param([asked("pause", 1, 2), SWEPT, PUSH], (6, 7), True, id="never ended"),
        pytest.param([asked("pause", 1, 2, "FAILED")], (3, 7), False, id="refused"),
        pytest.param([PUSH], (3, 7), False, id="no hold"),
    ],
)
def test_no_turn_is_taken_in_a_hold(executions: list[dict[str, Any]], turn: tuple[int, int], *, is_wrong: bool) -> None:
    turns = [Span("a push", *map(at, turn))]
    assert bool([*gated.taken_while([*gated.holds_of(executions)], turns)]) == is_wrong


CHANGES, OTHERS = "a" * 32, "b" * 32
APPROVED = Answer(changes=CHANGES, approves=True, by=gated.APPROVER, reason="the new prices", at=at(0))


@pytest.mark.parametrize(
    ("answer", "is_wrong"),
    [
        pytest.param(APPROVED, False, id="approved"),
        pytest.param(APPROVED.model_copy(update={"changes": OTHERS}), True, id="other changes"),
        pytest.param(APPROVED.model_copy(update={"approves": False}), True, id="rejected"),
        pytest.param(APPROVED.model_copy(update={"by": gated.OTHER}), True, id="by another person"),
        pytest.param(None, True, id="not answered"),
    ],
)
def test_what_is_deployed_was_approved(answer: Answer | None, *, is_wrong: bool) -> None:
    assert bool([*gated.unapproved("a push", CHANGES, answer)]) == is_wrong
