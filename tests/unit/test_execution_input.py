"""What a person adds to the push in an execution's input, or says in an input that has no image."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
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


def test_a_push_loads_nothing_that_corrects_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "difflib", None)
    assert list(execution_input.problems(PUSH)) == []
    with pytest.raises(ImportError):
        list(execution_input.problems(PUSH | {"resaon": "x"}))


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
        ({"kind": "rolback", "detail": {"image-digest": "sha256:1"}, "by": "ann"}, "a request by ann"),
        ({"by": "ann", "detail": "image-digest"}, "a request by ann"),
        ({"source": "aws.states", "detail": {}}, "None"),
        ("rollback", "None"),
    ],
)
def test_what_a_refused_input_says_of_who_started_it(given: Any, said: str) -> None:
    assert str(execution_input.origin_of_refused(given, EXECUTION)) == said


OF_AN_IMAGE = "dry_run schedule_key schedule_version now lift"
GIVEN: dict[str, Any] = {
    "dry_run": True,
    "release": "v7",
    "image_only": True,
    "schedule_key": "tasks.json",
    "schedule_version": "Kp2",
    "now": True,
    "with_before": True,
    "hold": {"until": "2026-12-24T06:00:00Z"},
    "pause": {"tasks": ["SendMail"], "until": "2026-12-24T06:00:00+01:00"},
    "lift": [DIGEST],
}


@pytest.mark.parametrize(
    ("kind", "allowed", "needed"),
    [
        ("push", OF_AN_IMAGE, ""),
        ("again", OF_AN_IMAGE, ""),
        ("image", OF_AN_IMAGE, ""),
        ("rollback", "dry_run release image_only with_before hold", "release"),
        ("pause", "pause hold", "pause or hold"),
        ("resume", "pause hold", ""),
        ("schedule", "dry_run schedule_key schedule_version now", ""),
        ("lift", "lift", "lift"),
    ],
)
def test_which_keys_go_with_a_kind(kind: str, allowed: str, needed: str) -> None:
    event = (PUSH if kind in IMAGES_KINDS else {}) | {"kind": kind, "by": "ann", "reason": "x"}
    lacks = [f"{needed} is missing, the kind {kind} needs it"] if needed else []
    assert list(execution_input.problems(event)) == lacks
    refused = [problem for problem in execution_input.problems(event | GIVEN) if "does not go" in problem]
    others = [key for key in GIVEN if key not in allowed.split()]
    more = ["pause.until does not go with the kind resume, which takes effect at once; leave it out"]
    expected = [f"{key} does not go with the kind {kind}; leave it out" for key in others]
    assert refused == expected + (more if kind == "resume" else [])


def test_all_that_an_input_says() -> None:
    event = {"kind": "pause", "by": "ann", "reason": "x"} | GIVEN
    assert execution_input.keys(event).model_dump(mode="json") == event
    nothing: dict[str, Any] = {"by": "", "reason": "", "kind": None}
    nothing |= dict.fromkeys(("dry_run", "image_only", "now", "with_before"), False)
    nothing |= dict.fromkeys(("release", "schedule_key", "schedule_version", "hold", "pause"))
    assert execution_input.keys({"other": 1}).model_dump(mode="json") == nothing | {"lift": []}
    assert execution_input.keys({"pause": {}, "hold": {}}).model_dump(mode="json", include={"pause", "hold"}) == {
        "pause": {"tasks": [], "until": None},
        "hold": {"until": None},
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param({"kind": "pause", "pause": {"tasks": ["A"]}}, None, id="a pause"),
        pytest.param({"kind": "pause", "hold": {}}, None, id="a hold"),
        pytest.param({"kind": "resume", "pause": {}}, None, id="all jobs resume"),
        pytest.param({"kind": "resume", "pause": {"tasks": ["A"]}}, None, id="a job resumes"),
        pytest.param(
            {"kind": "pause", "pause": {}},
            'pause.tasks is missing: pause must be an object such as {"tasks": ["SendMail"], "until": '
            '"2026-12-24T06:00:00Z"}, with 1,000 tasks at most',
            id="a pause of nothing",
        ),
        pytest.param(
            {"kind": "pause", "pause": {"tasks": ["A"]}, "hold": {}},
            "pause and hold do not go together; start an execution for each",
            id="both",
        ),
        pytest.param(
            {"kind": "schedule", "schedule_key": "proposals/a.json", "schedule_version": "v", "dry_run": True},
            None,
            id="a proposal is planned",
        ),
        pytest.param(
            {"kind": "schedule", "schedule_key": "a.json", "schedule_version": "v"}, None, id="a file is deployed"
        ),
        pytest.param({"release": "v1", "by": "ann"}, None, id="a push that lacks everything is refused as a push"),
        pytest.param(
            PUSH | {"detail": {"dry-run": 1}},
            'detail.dry-run is not a key of a push; write "dry_run", beside detail',
            id="dry-run in detail",
        ),
    ],
)
def test_what_goes_together(given: dict[str, Any], problem: str | None) -> None:
    assert list(execution_input.problems(given)) == ([problem] if problem else [])


ANY_HOLD = '{} or an object such as {"until": "2026-12-24T06:00:00Z"}'
ANY_PAUSE = 'an object such as {"tasks": ["SendMail"], "until": "2026-12-24T06:00:00Z"}, with 1,000 tasks at most'


@pytest.mark.parametrize(
    ("key", "value", "must_be"),
    [
        ("dry_run", "yes", "true or false"),
        ("kind", "stop", "one of push, again, image, rollback, pause, resume, schedule, lift"),
        ("release", "latest", '"previous" or a release such as "v41"'),
        ("release", "v0", '"previous" or a release such as "v41"'),
        ("image_only", 1, "true or false"),
        ("schedule_key", "", "the key of a schedule file in the bucket"),
        ("schedule_version", "", "the id of a version of that file"),
        ("now", 1, "true or false"),
        ("with_before", 0, "true or false"),
        ("hold", True, ANY_HOLD),
        ("hold", {"until": 1798000000}, ANY_HOLD),
        ("hold", {"until": "1798000000"}, ANY_HOLD),
        ("hold", {"until": "2026-12-24T06:00:00"}, ANY_HOLD),
        ("pause", ["A"], ANY_PAUSE),
        ("pause", {"tasks": [""]}, ANY_PAUSE),
        ("lift", [], 'a list of digests, such as ["sha256:..."]'),
        ("lift", ["x"], 'a list of digests, such as ["sha256:..."]'),
    ],
)
def test_what_a_value_must_be(key: str, value: Any, must_be: str) -> None:
    (problem,) = execution_input.problems({"kind": "schedule", key: value})
    assert problem == f"{key} is {json.dumps(value)}, it must be {must_be}"


@pytest.mark.parametrize("key", ["approve", "approved", "approval", "approves", "reject", "rejected", "Approve"])
def test_no_input_approves(key: str) -> None:
    says = f"{key} is not a key of the input; who may approve does it with rota approve"
    assert list(execution_input.problems(PUSH | {key: True})) == [says]


@pytest.mark.parametrize(("seconds", "is_past"), [(-1, True), (0, True), (1, False), (None, False)])
def test_what_was_over_before_it_began_is_refused(seconds: int | None, is_past: bool) -> None:
    began = datetime(2026, 12, 24, 6, tzinfo=UTC)
    until = None if seconds is None else began + timedelta(seconds=seconds)
    try:
        execution_input.refuse_past("hold", until, began)
    except RejectedError as error:
        assert is_past
        assert (
            str(error) == f"hold.until is {until:%Y-%m-%dT%H:%M:%S}+00:00, which is past; write when the hold is over"
        )
    else:
        assert not is_past


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
