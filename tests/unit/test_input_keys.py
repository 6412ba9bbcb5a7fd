"""What a person adds to the push in an execution's input."""

import re
from typing import Any

import pytest

from rota.contract import Kind
from rota.ecr import input_keys
from tests.examples import EXECUTION, IMAGE, PUSH


def test_a_push_that_eventbridge_delivered_is_a_push() -> None:
    origin = input_keys.origin(PUSH, IMAGE, EXECUTION)
    assert (origin.kind, origin.by, origin.reason) == (Kind.PUSH, "", "")


def test_the_same_event_started_by_a_person_is_again() -> None:
    assert input_keys.origin(PUSH, IMAGE, "by-hand").kind == Kind.AGAIN


@pytest.mark.parametrize("kind", ["push", "again", "image", "rollback"])
def test_a_person_says_who_why_and_what_kind(kind: str) -> None:
    event = PUSH | {"by": "ann", "reason": "the invoices are wrong", "kind": kind}
    assert list(input_keys.problems(event)) == []
    origin = input_keys.origin(event, IMAGE, "by-hand")
    assert (origin.kind, origin.by, origin.reason) == (kind, "ann", "the invoices are wrong")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"by": ""}, "by must be a string of 1 to 256 characters"),
        ({"by": "x" * 257}, "by must be a string of 1 to 256 characters"),
        ({"reason": ["x"]}, "reason must be a string of 1 to 1,000 characters"),
        ({"kind": "pause"}, 'kind is "pause", it must be one of push, again, image, rollback'),
        ({"kind": ["push"]}, 'kind is ["push"], it must be one of push, again, image, rollback'),
        ({"By": "ann"}, 'By is not a key of a push; write "by", beside detail'),
        ({"Reason": "x"}, 'Reason is not a key of a push; write "reason", beside detail'),
        ({"dry-run": True}, 'dry-run is not a key of a push; write "dry_run", beside detail'),
        ({"dry_run": 1}, "dry_run is 1, it must be true or false"),
        ({"hold": True}, "this version of Rota does not know the key hold; leave it out"),
        ({"imageOnly": True}, "this version of Rota does not know the key imageOnly; leave it out"),
        ({"schedule_version": "x"}, "this version of Rota does not know the key schedule_version; leave it out"),
        ({"detail": {"dryRun": True}}, 'detail.dryRun is not a key of a push; write "dry_run", beside detail'),
    ],
)
def test_a_misspelt_or_wrong_key_is_refused(given: dict[str, Any], problem: str) -> None:
    assert list(input_keys.problems(PUSH | given)) == [problem]


def test_other_keys_are_let_pass() -> None:
    """EventBridge and ECR may add members."""
    event = PUSH | {"replay-name": "x", "note": "y", "detail": PUSH["detail"] | {"reason": "x", "kind": "y"}}
    assert list(input_keys.problems(event)) == []


@pytest.mark.parametrize("wrong", ["By", "Reason", "KIND", "dry-run", "dryRun", "DryRun", "dry run"])
def test_a_key_that_is_proposed_is_taken(wrong: str) -> None:
    right = {"by": "ann", "reason": "x", "kind": "again", "dry_run": True}
    (problem,) = input_keys.problems(PUSH | {wrong: "x"})
    (proposed,) = re.findall(r'write "([^"]+)"', problem)
    assert list(input_keys.problems(PUSH | {proposed: right[proposed]})) == []
