"""Fault scripts: which calls a fault hits, and which scripts are refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client
from stage.client import StageError
from tests.stage.toys import PUT_RULE, put_rule, rule_names


@pytest.mark.parametrize(
    ("script", "refused"),
    [
        pytest.param([{"fault": "throttle"}], [0], id="one by default"),
        pytest.param([{"skip": 2, "count": 2, "fault": "throttle"}], [2, 3], id="some after some"),
        pytest.param([{"skip": 1, "count": 0, "fault": "throttle"}], [1, 2, 3, 4], id="all from then on"),
        pytest.param(
            [{"skip": 1, "fault": "throttle"}, {"skip": 1, "fault": "internal"}], [1, 2], id="two due at once, by turns"
        ),
        pytest.param([], [], id="none any more"),
    ],
)
def test_a_fault_hits_the_scripted_calls(stage: Client, script: list[dict[str, Any]], refused: list[int]) -> None:
    stage.faults([{**PUT_RULE, "count": 0, "fault": "denied"}])
    stage.faults([{**PUT_RULE, **each} for each in script])
    failed = []
    for number in range(5):
        try:
            put_rule(stage, f"rule-{number}")
        except ClientError:
            failed.append(number)
    assert failed == refused
    assert {f"rule-{number}" for number in range(5)} - rule_names(stage) == {f"rule-{number}" for number in refused}
    assert sum(fault["hit"] for fault in stage.faults_so_far()) == len(refused)
    assert {fault["matched"] for fault in stage.faults_so_far()} <= {5}


def test_a_fault_for_one_function_spares_the_others(stage: Client) -> None:
    stage.faults([{**PUT_RULE, "caller": "CreateTargets", "count": 0, "fault": "denied"}])
    put_rule(stage)
    assert "new" in rule_names(stage)
    assert [fault["matched"] for fault in stage.faults_so_far()] == [0]


def test_reset_removes_all_faults(stage: Client) -> None:
    stage.faults([{**PUT_RULE, "count": 0, "fault": "denied"}])
    stage.reset()
    assert stage.faults_so_far() == []
    put_rule(stage)


# ---------------------------------------------------------------------------------------------------- invalid scripts


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param({"service": "event"}, "[0].service: boto3 knows no service event", id="no such service"),
        pytest.param({"fault": "rewritten"}, "[0].fault: rewritten needs a pattern", id="nothing to rewrite"),
        pytest.param({"request": "("}, "[0].request: '(' is no regular expression: missing ), ", id="no expression"),
        pytest.param(
            {"operation": "PutRules"}, "[0].operation: events has no operation PutRules", id="no such operation"
        ),
        pytest.param({"fault": "explode"}, "[0].fault", id="no such fault"),
        pytest.param({"caller": "CreateTarget"}, "CreateTargets", id="a missing function names the existing ones"),
        pytest.param({"skip": -1}, "[0].skip", id="a negative skip"),
        pytest.param({"count": "all"}, "[0].count", id="a count in words"),
        pytest.param({"fault": "partial"}, "events PutTargets", id="a call that AWS never fails in part"),
        pytest.param({"operation": "*", "fault": "partial"}, "events PutTargets", id="all calls in part"),
        pytest.param({"fault": "refused"}, "refused needs a code", id="refused without a code"),
        pytest.param({"times": 2}, "[0].times: there is no such key", id="an unknown key"),
    ],
)
def test_an_invalid_fault_is_refused_and_changes_nothing(stage: Client, wrong: dict[str, Any], says: str) -> None:
    stage.faults([{**PUT_RULE, "fault": "lost"}])
    with pytest.raises(StageError) as refused:
        stage.faults([{**PUT_RULE, "fault": "denied", **wrong}])
    assert says in str(refused.value)
    assert [fault["fault"] for fault in stage.faults_so_far()] == ["lost"]


def test_all_problems_are_reported_at_once(stage: Client) -> None:
    with pytest.raises(StageError) as refused:
        stage.faults([{**PUT_RULE, "fault": "lost"}, {"service": "s4", "skip": -1}])
    for place in ("[1].service", "[1].operation: is missing", "[1].skip", "[1].fault: is missing"):
        assert place in str(refused.value)
    assert "[0]" not in str(refused.value)


def test_faults_must_be_a_list(stage: Client) -> None:
    with pytest.raises(StageError, match="list"):
        stage.faults({"fault": "lost"})  # type: ignore[arg-type] # this is the mistake
