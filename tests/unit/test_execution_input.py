"""What a person adds to the push in an execution's input, or says in an input that has no image."""

import re
from typing import Any

import pytest

from rota import execution_input
from rota.contract.deployment import Kind
from rota.errors import RejectedError
from tests.examples import EXECUTION, IMAGE, PUSH
from tests.guestbook import DIGEST

OUGHT = execution_input._MUST_BE
IMAGES_KINDS = ["push", "again", "image"]
ROLLBACK = {"kind": "rollback", "release": "v1"}


def test_a_push_that_eventbridge_delivered_is_a_push() -> None:
    origin = execution_input.origin(PUSH, IMAGE, EXECUTION)
    assert (origin.kind, origin.by, origin.reason, str(origin)) == (Kind.PUSH, "", "", "push")


def test_the_same_event_started_by_a_person_is_again() -> None:
    origin = execution_input.origin(PUSH, IMAGE, "by-hand")
    assert (origin.kind, str(origin)) == (Kind.AGAIN, "again by a person")


@pytest.mark.parametrize("kind", IMAGES_KINDS)
def test_a_person_says_who_why_and_what_kind(kind: str) -> None:
    event = PUSH | {"by": "ann", "reason": "the invoices are wrong", "kind": kind}
    assert list(execution_input.problems(event)) == []
    origin = execution_input.origin(event, IMAGE, "by-hand")
    assert (origin.kind, origin.by, origin.reason) == (kind, "ann", "the invoices are wrong")
    assert str(origin) == f"{kind} by ann: the invoices are wrong"


def test_a_secret_in_a_reason_is_not_kept() -> None:
    given = {"kind": "schedule", "by": "ann token=abcdefgh", "reason": "pwd=a " * 166}
    origin = execution_input.origin(given, None, "by-hand")
    assert origin == execution_input.origin_of_refused(given, "by-hand")
    assert (origin.by, origin.reason[:14], len(origin.reason)) == ("ann token=***", "pwd=*** pwd=**", 1_000)


def test_a_problem_quotes_no_secret() -> None:
    (problem,) = execution_input.problems({"kind": "schedule", "by": ["password=hunter2"]})
    assert problem.startswith('by is ["password=***"]')


def test_a_pause_names_so_many_tasks_as_the_ledger_takes() -> None:
    most = [f"{'N' * 60}{number:04}" for number in range(1_001)]
    assert list(execution_input.problems({"kind": "pause", "pause": {"tasks": most[1:]}})) == []
    (problem,) = execution_input.problems({"kind": "pause", "pause": {"tasks": most}})
    assert problem.endswith("1,000 tasks at most")
    (problem,) = execution_input.problems({"kind": "pause", "pause": {"tasks": ["N" * 65]}})
    assert problem.startswith("pause is ")


@pytest.mark.parametrize("given", [{"kind": "schedule"}, {"kind": "schedule", "by": "ann", "dry_run": True}])
def test_an_input_may_name_no_image(given: dict[str, Any]) -> None:
    assert execution_input.names_no_image(given)
    assert execution_input.parse(given).kind == Kind.SCHEDULE


@pytest.mark.parametrize("given", [PUSH, {}, {"by": "ann"}, None, [], "kind", PUSH | {"kind": "image"}])
def test_every_other_input_is_read_as_a_push(given: Any) -> None:
    assert not execution_input.names_no_image(given)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"by": ""}, 'by is "", it must be a string of 1 to 256 characters'),
        ({"by": "x" * 257}, f'by is "{"x" * 255}, it must be a string of 1 to 256 characters'),
        ({"by": None}, "by is null, it must be a string of 1 to 256 characters"),
        ({"reason": ["x"]}, 'reason is ["x"], it must be a string of 1 to 1,000 characters'),
        ({"kind": "stop"}, f'kind is "stop", it must be {OUGHT["kind"]}'),
        ({"kind": ["push"]}, f'kind is ["push"], it must be {OUGHT["kind"]}'),
        ({"kind": "schedule"}, "kind is schedule, which names no image; leave out detail, or write one of push, "
         "again, image"),
        ({"By": "ann"}, 'By is not a key of the input; write "by", beside detail'),
        ({"Reason": "x"}, 'Reason is not a key of the input; write "reason", beside detail'),
        ({"reasn": "x"}, 'reasn is not a key of the input; write "reason", beside detail'),
        ({"dry-run": True}, 'dry-run is not a key of the input; write "dry_run", beside detail'),
        ({"dry_run": 1}, "dry_run is 1, it must be true or false"),
        (
            {"schedule_key": "proposals/a.json", "schedule_version": "v"},
            'schedule_key is "proposals/a.json", which is only to be planned; upload the schedule file',
        ),
        ({"with_before": True}, "with_before does not go with the kind again; leave it out"),
        ({"withBefore": True}, 'withBefore is not a key of the input; write "with_before", beside detail'),
        ({"detail": {"dryRun": True}}, 'detail.dryRun is not a key of a push; write "dry_run", beside detail'),
    ],
)  # fmt: skip
def test_a_misspelt_or_wrong_key_is_refused(given: dict[str, Any], problem: str) -> None:
    assert list(execution_input.problems(PUSH | given)) == [problem]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"kind": "push"}, "kind is push, so detail must hold repository-name and image-digest"),
        ({"kind": "schedule", "resn": "x"}, 'resn is not a key of the input; write "reason"'),
        (
            {"kind": "schedule", "schedule_key": "k"},
            "schedule_version is missing: schedule_key and schedule_version go",
        ),
        (
            {"kind": "schedule", "schedule_version": "v"},
            "schedule_key is missing: schedule_key and schedule_version go",
        ),
        (
            {"kind": "schedule", "schedule_key": 1, "schedule_version": "v"},
            "schedule_key is 1, it must be the key of a",
        ),
        ({"kind": "schedule", "scheduleKey": "k"}, 'scheduleKey is not a key of the input; write "schedule_key"'),
        *[
            (given | {"schedule_key": "k", "schedule_version": "v"}, "schedule_key does not go with the kind")
            for given in (
                ROLLBACK,
                {"kind": "pause", "hold": {}},
                {"kind": "resume"},
                {"kind": "lift", "lift": [DIGEST]},
            )
        ],
        ({"kind": "pause", "hold": {"untill": "x"}}, 'hold.untill is not a key of hold; write "until"'),
        ({"kind": "pause", "pause": {"task": ["A"]}}, 'pause.task is not a key of pause; write "tasks"'),
        ({"kind": "resume", "pause": {"for": "2h"}}, "pause.for is not a key of pause; the keys are tasks, until"),
        ({"kind": "pause", "hold": {"until": "soon"}}, 'hold is {"until": "soon"}, it must be {} or an object'),
        ({"kind": "schedule", "region": "x"}, '"region" is not a key of the input; the keys are dry_run, by, reason'),
        ({"kind": "schedule", "x": 1}, '"x" is not a key of the input; the keys are dry_run, by, reason'),
    ],
)
def test_without_an_image_every_other_key_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(RejectedError, match=f"^the input cannot be carried out: {re.escape(problem)}"):
        execution_input.parse(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "rollback", "relaese": "v1", "by": "ann", "reason": "it fails"}, "rollback by ann: it fails"),
        ({"kind": "rolback", "release": "v1", "by": "ann"}, "a request by ann"),
        ({"kind": "pause", "by": 7, "reason": "x" * 1001}, "pause by a person"),
        ({"kind": ["pause"], "by": ""}, "None"),
        ({"detail": {"image-digest": "sha256:1"}, "by": "ann"}, "again by ann"),
        (PUSH | {"detail": {"image-digest": None}}, "push"),
        ({"source": "aws.states", "detail": {}}, "None"),
        ("rollback", "None"),
    ],
)
def test_what_a_refused_input_says_of_who_started_it(given: Any, said: str) -> None:
    assert str(execution_input.origin_of_refused(given, EXECUTION)) == said


def test_every_problem_is_named_at_once() -> None:
    given = {"kind": "schedule", "by": "", "reason": 1, "dryrun": True}
    assert len(list(execution_input.problems(given))) == 3


def test_other_keys_of_an_event_are_let_pass() -> None:
    """EventBridge and ECR may add members."""
    event = PUSH | {"replay-name": "x", "note": "y", "detail": PUSH["detail"] | {"reason": "x", "kind": "y"}}
    assert list(execution_input.problems(event)) == []


@pytest.mark.parametrize("wrong", ["By", "Reason", "reasons", "KIND", "dry-run", "dryRun", "DryRun", "dry run"])
def test_a_key_that_is_proposed_is_taken(wrong: str) -> None:
    right = {"by": "ann", "reason": "x", "kind": "again", "dry_run": True}
    (problem,) = execution_input.problems(PUSH | {wrong: "x"})
    (proposed,) = re.findall(r'write "([^"]+)"', problem)
    assert list(execution_input.problems(PUSH | {proposed: right[proposed]})) == []
