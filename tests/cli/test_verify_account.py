"""`rota verify-account` without AWS: its rows and the documents, its journal, its policy, its report."""

import io
import json
import os
import re
import resource
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner

from rota import __version__
from rota.cli.main import main
from rota.cli.verify_account import report, resources
from rota.cli.verify_account.account import Account, Clock, Network, tried
from rota.cli.verify_account.command import _clean, _network, _offer, _verify, status
from rota.cli.verify_account.journal import Entry, Journal, JournalError, Place
from rota.cli.verify_account.policy import policy
from rota.cli.verify_account.resources import KINDS
from rota.cli.verify_account.row import Probe, Row, Seen
from rota.cli.verify_account.rows.catalogue import GROUPS, NOT_TESTABLE, ROWS
from rota.cli.verify_account.rows.permissions import _Answers
from rota.cli.verify_account.rows.pushes import _Pushes
from rota.cli.verify_account.rows.refusals import LIMITS
from rota.cli.verify_account.rows.releases import _Transaction
from rota.cli.verify_account.rows.rules import _Shown
from rota.cli.verify_account.rows.service import _Baked, _Paused
from rota.cli.verify_account.rows.tasks import _next_minute, _Scheduled, _Stopped
from rota.cli.verify_account.run import Outcome, clean, stopped_by_signals, try_rows
from tests import verify_calls
from tests.cli.conftest import assert_as_in_the_file
from tests.printed import STAGE
from tests.stage import limits

PLACE = Place("111122223333", "eu-central-1")
AT = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
IDS = [*(row.id for row in ROWS), *(each.id for each in NOT_TESTABLE)]


def row_of(do: Any, expected: str = "this") -> Row:
    return Row("some-row", "free", "AWS | does this.", expected, "It matters.", "`Some`: it.", Probe(do, (), ()), Seen)


CLOCK = Clock(lambda: AT, lambda _: None)


def account(folder: Path, clock: Clock = CLOCK) -> Account:
    return Account(boto3.Session("x", "x", region_name=PLACE.region), Journal.begin(folder, "r1", PLACE), clock)


# ----------------------------------------------------------------------------------------------- rows and documents


def test_each_row_has_a_name_of_its_own() -> None:
    assert len(IDS) == len(set(IDS))
    assert [each for each in IDS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_described_in_sentences(row: Row) -> None:
    assert all(text[0] not in " " and text.endswith(".") for text in (row.assumption, row.meaning, row.then))
    assert row.expected
    assert row.probe.kinds


def test_each_assumed_answer_of_the_stage_names_its_rows() -> None:
    (section,) = re.findall(r"^\| assumed \| .*?\n\n", STAGE, re.MULTILINE | re.DOTALL)
    named = [line.split("|")[-2] for line in section.strip().splitlines()[2:]]
    assert [each for each in named if not re.fullmatch(r" `[a-z0-9-]+`.*", each)] == []
    found = [each for cell in named for each in re.findall(r"`([a-z0-9-]+)`( \(not testable\))?", cell)]
    not_testable = {each.id for each in NOT_TESTABLE}
    assert {(name, bool(marked)) for name, marked in found} <= {(name, name in not_testable) for name in IDS}


def test_the_words_that_are_the_stages_own_are_tried() -> None:
    own = {(limit.call[1], limit.rule) for limit in limits.ALL if limit.words == "stage"}
    assert {(limit.operation, limit.rule) for limit in LIMITS} == own


def test_the_policy_allows_names_of_runs_alone() -> None:
    statements = policy(ROWS)["Statement"]
    unlimited = [action for each in statements if "rota-verify-" not in each["Resource"] for action in each["Action"]]
    assert unlimited == [
        *("cloudtrail:LookupEvents", "ecs:DeregisterTaskDefinition", "ecs:ListTaskDefinitions", "ecs:ListTasks"),
        *("events:ListRules", "sts:GetCallerIdentity", "tag:GetResources", "events:PutEvents"),
        "iam:CreateServiceLinkedRole",
    ]
    assert [action for each in statements for action in each["Action"] if "*" in action] == []
    printed = CliRunner().invoke(main, ["verify-account", "--policy"])
    assert json.loads(printed.stdout) == policy(ROWS)
    assert_as_in_the_file("verify_account_policy", printed.stdout)


# ----------------------------------------------------------------------------------------------------------- journal


def test_a_journal_has_each_name_once_and_in_order(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path / "rota" / "journals", "r1", PLACE)
    for entry in (Entry("rule", "b"), Entry("queue", "a"), Entry("rule", "b")):
        journal.write(entry.kind, entry.name)
    read = Journal.find(tmp_path / "rota" / "journals", "r1", PLACE)
    assert read.entries() == [Entry("rule", "b"), Entry("queue", "a")]
    with pytest.raises(FileExistsError):
        Journal.begin(tmp_path / "rota" / "journals", "r1", PLACE)


def test_a_line_that_was_cut_names_nothing(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "r1", PLACE)
    journal.write("rule", "a")
    with journal.path.open("a") as file:
        file.write('{"kind": "rule", "na')
    assert journal.entries() == [Entry("rule", "a")]


def test_a_line_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path / "journals", "r1", PLACE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.write("rule", "lost")
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        with pytest.raises(OSError, match="File too large"):
            Journal.begin(tmp_path / "others", "r2", PLACE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.write("rule", "a")
    assert journal.entries() == [Entry("rule", "a")]
    assert list(tmp_path.joinpath("others").iterdir()) == []


def test_an_active_run_is_not_cleaned(tmp_path: Path) -> None:
    again = "the run r1 still runs, and deletes what it has made when it ends; stop it with Ctrl-C"
    with Journal.begin(tmp_path, "r1", PLACE).held():
        found = Journal.find(tmp_path, "r1", PLACE)
        with pytest.raises(JournalError, match=again), found.held():
            pass
    with found.held():
        pass


@pytest.mark.parametrize(
    ("run", "place", "says"),
    [
        ("r2", PLACE, "there is no journal .*/r2.jsonl; there are r1"),
        ("r1", Place("444455556666", PLACE.region), "was in the account 111122223333, Region eu-central-1; these cred"),
        ("r1", Place(PLACE.account, "us-east-1"), "are for 111122223333, Region us-east-1"),
    ],
    ids=["no such run", "another account", "another Region"],
)
def test_a_journal_that_is_not_there_or_of_elsewhere(run: str, place: Place, says: str, tmp_path: Path) -> None:
    Journal.begin(tmp_path, "r1", PLACE)
    with pytest.raises(JournalError, match=says):
        Journal.find(tmp_path, run, place)


# ------------------------------------------------------------------------------------------------ outcomes and report


def fails(_: Account) -> str:
    raise KeyError("deployments")


@pytest.mark.parametrize(
    ("row", "verdict", "ends"),
    [
        (row_of(lambda _: "this"), "as assumed", 0),
        (row_of(lambda _: "that"), "otherwise", 1),
        (row_of(fails), "not tried", 4),
    ],
    ids=["as assumed", "otherwise", "an answer of another shape"],
)
def test_what_becomes_of_a_row(row: Row, verdict: str, ends: int, tmp_path: Path) -> None:
    outcomes = try_rows(account(tmp_path), [row], lambda _: None)
    assert ([each.verdict for each in outcomes], status(outcomes)) == ([verdict], ends)


def refuse(_: BaseClient, operation: str, __: dict[str, Any]) -> NoReturn:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


@pytest.mark.parametrize("as_json", [False, True], ids=["a table", "JSON"])
@pytest.mark.parametrize(
    ("seen", "left", "ends"),
    [("this", False, 0), ("that", False, 1), ("this", True, 5), ("that", True, 5)],
    ids=["as assumed", "otherwise", "something is left", "both"],
)
def test_how_a_run_ends(
    seen: str,
    left: bool,
    ends: int,
    as_json: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    of_run = account(tmp_path)
    if left:
        of_run.journal.write("queue", "rota-verify-r1-q")
    assert _verify(of_run, [row_of(lambda _: seen)], as_json=as_json, by_make=False) == ends
    printed = capsys.readouterr()
    assert printed.out.startswith("{" if as_json else "# rota verify-account r1")
    assert ("Left: queue rota-verify-r1-q: " in printed.err, "is left but" in printed.err) == (left, not left)


@pytest.mark.parametrize("left", [False, True])
def test_how_a_deletion_ends(
    left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    journal = Journal.begin(tmp_path, "r1", PLACE)
    if left:
        journal.write("queue", "rota-verify-r1-q")
    session = boto3.Session("x", "x", region_name=PLACE.region)
    assert _clean(session, PLACE, tmp_path, "r1", by_make=False) == (5 if left else 0)
    said = capsys.readouterr().err
    assert ("Left: queue rota-verify-r1-q: " in said, "is left but" in said) == (left, not left)


# The names in journals, also in those of earlier versions.
KINDS_OF_JOURNALS = [
    *("rule", "queue", "topic", "role", "family", "cluster", "service", "repository", "state machine", "function"),
    *("schedule group", "schedule", "bucket", "table"),
]


def test_whatever_a_journal_names_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    of_run = account(tmp_path)
    for kind in KINDS_OF_JOURNALS:
        of_run.journal.write(kind, "a/b" if kind in ("service", "schedule") else "a")
    left = [re.fullmatch(r"([a-z ]+) a(/b)?: An error occurred \(AccessDenied\) .*", each) for each in clean(of_run)]
    assert [each and each[1] for each in reversed(left)] == KINDS_OF_JOURNALS
    assert {*KINDS} == {*KINDS_OF_JOURNALS}


def test_what_was_made_last_is_deleted_once_more_and_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []

    def gone(_: BaseClient, __: str, request: dict[str, Any]) -> NoReturn:
        done.append(request["QueueName"])
        raise ClientError({"Error": {"Code": "QueueDoesNotExist", "Message": "no"}}, "GetQueueUrl")

    monkeypatch.setattr(BaseClient, "_make_api_call", gone)
    of_run = account(tmp_path, Clock(lambda: AT, done.append))
    for name in "abcd":
        of_run.journal.write("queue", name)
    assert clean(of_run) == []
    assert done == [*"dcba", 5, *"dcb"]


@pytest.mark.parametrize("groups", [[], ["sg-1", "sg-2"]], ids=["none", "two"])
@pytest.mark.parametrize("public", [True, False], ids=["public", "private"])
def test_the_network_that_is_given_is_that_of_the_tasks(groups: list[str], public: bool, tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "r1", PLACE)
    session = boto3.Session("x", "x", region_name=PLACE.region)
    given = Account(session, journal, CLOCK, Network(["subnet-1", "subnet-2"], groups, public))
    assert resources.network(given)["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        **({"securityGroups": groups} if groups else {}),
        "assignPublicIp": "ENABLED" if public else "DISABLED",
    }


@pytest.mark.parametrize(
    ("states", "seen"),
    [
        (["PROVISIONING", "PROVISIONING!", "STOPPED!"], "an event of its own (PROVISIONING, STOPPED)"),
        (["PROVISIONING", "PENDING!", "STOPPED!"], "an event of its own (PENDING, STOPPED)"),
        (["PROVISIONING", "PENDING", "STOPPED!"], "no event of its own (STOPPED)"),
        (["PROVISIONING", "PENDING", "DEPROVISIONING!", "STOPPED!"], "no event of its own (DEPROVISIONING, STOPPED)"),
        (["PROVISIONING"], "no event of its own"),
    ],
)  # fmt: skip
def test_a_task_may_be_stopped_in_any_state(states: list[str], seen: str) -> None:
    """`!`: by then it was to be stopped."""
    events = [
        {"lastStatus": each.rstrip("!"), "desiredStatus": "STOPPED" if each.endswith("!") else "RUNNING"}
        for each in states
    ]
    (row,) = (each for each in ROWS if each.id == "stop-task-event")
    assert str(row.read(_Stopped("task", "task", "", events))) == seen


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ([{"ROTA_SCHEDULED_AT": "2026-11-29T12:00:00Z"}, {}], "the minute (2026-11-29T12:00:00Z)"),
        ([{"ROTA_SCHEDULED_AT": "<time>"}], "something else (<time>)"),
        ([{}], "something else (no such variable)"),
    ],
    ids=["the minute", "the placeholder", "none"],
)
def test_the_scheduled_time_of_tasks(variables: list[dict[str, str]], seen: str) -> None:
    tasks = {
        str(number): [
            {
                "overrides": {
                    "containerOverrides": [
                        {"environment": [{"name": name, "value": value} for name, value in each.items()]}
                    ]
                }
            }
        ]
        for number, each in enumerate(variables)
    }
    (row,) = (each for each in ROWS if each.id == "target-scheduled-time")
    assert str(row.read(_Scheduled("name", AT, tasks))) == seen


@pytest.mark.parametrize(
    ("now", "due"),
    [("12:00:00.75+00:00", "12:02"), ("12:00:30+00:00", "12:03"), ("13:59:59.9+01:00", "13:02")],
    ids=["within a second", "90 s to the minute", "another zone"],
)
def test_a_schedule_of_a_run_is_due_at_a_whole_minute(now: str, due: str, tmp_path: Path) -> None:
    clock = Clock(lambda: datetime.fromisoformat(f"2026-11-29T{now}"), lambda _: None)
    assert _next_minute(account(tmp_path, clock)) == datetime.fromisoformat(f"2026-11-29T{due}:00+00:00")


def denied(*words: str) -> _Answers:
    accepted = ("accepted", "")
    return _Answers(accepted, accepted, (words[0], words[-1]), accepted)


def pushed(untagged: dict[str, str] | None = None, kept: tuple[str, ...] = (), again: int = 0) -> _Pushes:
    return _Pushes(untagged, [*kept], ("ImageAlreadyExistsException", "It exists."), again)


def scheduled(*created: str) -> _Scheduled:
    """Tasks that were made then, in the hour for which the schedule was due."""
    return _Scheduled("name", AT, {each: [{"createdAt": f"2026-11-29T12:{each}Z"}] for each in created})


def with_states(*of_tasks: str) -> _Scheduled:
    return _Scheduled("name", AT, {each: [{"lastStatus": state} for state in each.split()] for each in of_tasks})


ATTRIBUTES = ("RULE_ARN", "ERROR_CODE", "TARGET_ARN", "ERROR_MESSAGE", "RETRY_ATTEMPTS")


def letter(*names: str) -> dict[str, Any]:
    return {"MessageAttributes": {name: {"StringValue": "x"} for name in names}}


def named(*values: str | None) -> _Scheduled:
    """Tasks with that variable, if it has a value."""
    variables = [[{"name": "ROTA_TASK", "value": value}] if value else [] for value in values]
    overrides = [{"containerOverrides": [{}, {"environment": each}]} for each in variables]
    return _Scheduled("name", AT, {str(number): [{"overrides": each}] for number, each in enumerate(overrides)})


def started_by(*names: str) -> _Scheduled:
    return _Scheduled("name", AT, {each: [{"startedBy": each}, {}] for each in names})


USUAL = "User: arn is not authorized to perform: ecs:RunTask on resource: arn because no policy allows it"
CHECKED = {"Code": "ConditionalCheckFailed", "Item": {"app": {"S": "first"}}}
EACH_ONCE = "PROVISIONING PENDING RUNNING DEPROVISIONING STOPPED"
READ: list[tuple[str, Any, str]] = [
    ("tags-after-put-rule", _Shown(0, 1, 1, 1), "at once"),
    ("tags-after-put-rule", _Shown(0.1, 0, 0, 0), "later (after 0.1 s)"),
    ("tags-after-put-rule", _Shown(None, 0, 0, 0), "not within a minute"),
    ("late-reads", _Shown(15, 14, 0, 60), "within 15 s (15.0 s)"),
    ("late-reads", _Shown(16, 0, 0, 0), "later (16.0 s)"),
    ("late-reads", _Shown(0, 16, 0, 0), "later (16.0 s)"),
    ("late-reads", _Shown(0, 0, 16, 0), "later (16.0 s)"),
    ("late-reads", _Shown(0, 0, None, 0), "later than a minute"),
    ("tag-index", _Shown(0, 0, 0, 59), "within a minute (59.0 s)"),
    ("tag-index", _Shown(0, 0, 0, None), "later"),
    ("rule-takes-effect", 60, "within 60 s (60.0 s)"),
    ("rule-takes-effect", 61, "later (61.0 s)"),
    ("rule-takes-effect", None, "not in 120 s"),
    ("pattern-complexity", ("accepted", "accepted"), "10: accepted, 11: accepted"),
    ("pattern-complexity", ("refused", "refused"), "10: refused, 11: refused"),
    ("denied-words", denied(USUAL, USUAL), "those words"),
    ("denied-words", denied(USUAL, "No."), "other words (No.)"),
    ("denied-words", denied("No.", USUAL), "other words (No.)"),
    ("denied-words", denied(""), "nothing was denied"),
    ("untagged-push", pushed(), "no event"),
    ("untagged-push", pushed({"image-tag": ""}), '"image-tag": ""'),
    ("untagged-push", pushed({}), "absent"),
    ("untagged-push-pattern", pushed(kept=("a",)), 'only tagged ones ("a")'),
    ("untagged-push-pattern", pushed(kept=("a", "")), 'others too ("a", "")'),
    ("untagged-push-pattern", pushed(), "none"),
    ("same-push-again", pushed(again=1), "ImageAlreadyExistsException, another event"),
    (
        "refused-transaction",
        _Transaction("Canceled", [CHECKED, {"Code": "None"}], second=True),
        "Canceled (ConditionalCheckFailed with the item, None), the other written",
    ),
    (
        "refused-transaction",
        _Transaction("Canceled", [{"Code": "ConditionalCheckFailed"}], second=False),
        "Canceled (ConditionalCheckFailed), nothing written",
    ),
    ("start-in-the-minute", scheduled("00:05", "01:00"), "within the minute (60 s after it)"),
    ("start-in-the-minute", scheduled("01:01", "00:05"), "later (61 s after it)"),
    ("task-states", with_states(EACH_ONCE), f"each once ({EACH_ONCE.replace(' ', ', ')})"),
    ("task-states", with_states(EACH_ONCE, "STOPPED"), f"other events ({EACH_ONCE.replace(' ', ', ')}; STOPPED)"),
    ("rollback-revision", _Paused("stage", "family:1", "family:1", "STOPPED", ""), "the former one (family:1)"),
    ("rollback-revision", _Paused("stage", "family:1", "family:2", "STOPPED", ""), "another one (family:2)"),
    ("bake-deployments", _Baked(None, "DRAINING"), "no bake"),
    ("bake-deployments", _Baked({"old": "ACTIVE", "new": "ACTIVE"}, "DRAINING"), "new ACTIVE, old ACTIVE"),
    ("update-service-pass-role", ("Denied", "iam:PassRole"), "iam:PassRole is denied (iam:PassRole)"),
    ("update-service-pass-role", ("Denied", "another"), "Denied (another)"),
    ("dead-letter-attributes", letter(*ATTRIBUTES), "these"),
    ("dead-letter-attributes", letter(*ATTRIBUTES, "X"), "these (also X)"),
    (
        "dead-letter-attributes",
        letter(*ATTRIBUTES[2:], "Y", "X"),
        "others (without ERROR_CODE, RULE_ARN; also X, Y)",
    ),
    ("dead-letter-attributes", {}, f"others (without {', '.join(sorted(ATTRIBUTES))})"),
    ("dead-letter-body", None, "no dead letter"),
    ("dead-letter-body", {"Body": "x" * 70}, f"no JSON ({'x' * 60})"),
    ("dead-letter-body", {"Body": "[1]"}, "something else ([1])"),
    (
        "dead-letter-body",
        {"Body": json.dumps({"id": 1, "time": 2, "detail": "y" * 70})},
        f'something else ({{"id": 1, "time": 2, "detail": "{"y" * 28})',
    ),
    ("dead-letter-body", {"Body": json.dumps(dict.fromkeys(("id", "time", "detail", "source", "x")))}, "the event"),
    ("dead-letter-at-once", None, "no dead letter"),
    (
        "limit-words",
        [
            (LIMITS[0], LIMITS[0].code, f"Oh: {LIMITS[0].says}."),
            (LIMITS[1], "accepted", ""),
            (LIMITS[2], LIMITS[2].code, "No."),
            (LIMITS[3], "Another", LIMITS[3].says),
        ],
        "1 of 4 (RegisterTaskDefinition, a network mode is one of four: accepted; RegisterTaskDefinition, a family is "
        "letters, digits, - and _: ClientException No.; RegisterTaskDefinition, there is a container: Another "
        "Container list cannot be empty.)",
    ),
    ("target-environment", named("VerifyAccount", "VerifyAccount"), "each task has it (VerifyAccount, VerifyAccount)"),
    ("target-environment", named("VerifyAccount", None), "not each (VerifyAccount, None)"),
    ("started-by", started_by("events-rule/name"), "36 characters (events-rule/name)"),
    ("started-by", started_by("events-rule/name", "x"), "something else (events-rule/name, x)"),
    ("rollback-status", _Paused(None, "family:1", "family:1", "STOPPED", "no"), "STOPPED (no)"),
]


@pytest.mark.parametrize(("name", "probed", "seen"), READ, ids=[f"{name}: {seen}" for name, _, seen in READ])
def test_what_a_row_makes_of_what_was_probed(name: str, probed: Any, seen: str) -> None:
    (row,) = (each for each in ROWS if each.id == name)
    assert str(row.read(probed)) == seen


def test_what_each_row_asks_of_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is the one in tests/cli/verify_account.json; REWRITE_PRINTED=1 with tests/stage/test_verify_account.py
    writes that file anew.
    """
    subnets, kept = verify_calls.read()
    player = verify_calls.Player()
    monkeypatch.setattr(BaseClient, "_make_api_call", player.calls())
    session = boto3.Session("x", "x", region_name="us-east-1")
    journal = Journal.begin(tmp_path, "r1", Place("123456789012", "us-east-1"))
    of_run = Account(session, journal, Clock(player.now, lambda _: None), Network(subnets))
    seen = dict[str, str]()
    for row in ROWS:
        with player.playing(row.id, kept[row.id][1]):
            (outcome,) = try_rows(of_run, [row], lambda _: None)
        seen[row.id] = str(outcome.seen or outcome.problem)
    with player.playing("deletion", kept["deletion"][1]):
        seen["deletion"] = "; ".join(clean(of_run))
    assert player.others == []
    assert seen == {row: each for row, (each, _) in kept.items()}
    assert not journal.path.exists()


def test_a_probe_is_tried_once_for_its_rows(tmp_path: Path) -> None:
    tried: list[int] = []

    def do(_: Account) -> str:
        tried.append(1)
        return fails(_)

    outcomes = try_rows(account(tmp_path), [row_of(do), row_of(do)], lambda _: None)
    assert ([each.problem for each in outcomes], len(tried)) == (["KeyError('deployments')"] * 2, 1)


def test_the_table_begins_with_otherwise_and_names_no_account(tmp_path: Path) -> None:
    arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/c"
    row = row_of(None)
    outcomes = [Outcome(row, Seen("this")), Outcome(row, problem="denied"), Outcome(row, Seen("that", f"{arn} | x"))]
    _, _, summary, _, _, _, *lines = report.markdown(account(tmp_path), outcomes).splitlines()
    number = {group: sum(row.group == group for row in ROWS) for group in GROUPS}
    left_out = ", ".join(f"{number[group]} of the group {group} left out" for group in GROUPS)
    assert summary.endswith(f"eu-central-1, 2026-11-29: 1 as assumed, 1 not tried, 1 otherwise, {left_out}.")
    assert lines[:3] == [
        r"| `some-row` | AWS \| does this. | this | **that (arn:aws:ecs:eu-central-1:123456789012:cluster/c \| x)** | "
        "It matters. | `Some`: it. |",
        r"| `some-row` | AWS \| does this. | this | not tried: denied | If it is otherwise: It matters. |  |",
        r"| `some-row` | AWS \| does this. | this | this |  |  |",
    ]


@pytest.mark.parametrize("by_make", [False, True], ids=["rota", "make"])
@pytest.mark.parametrize("groups", [["free"], ["free", "tasks", "slow"]], ids=" and ".join)
def test_what_a_run_offers(groups: list[str], by_make: bool) -> None:
    text = _offer([row for row in ROWS if row.group in groups], by_make=by_make)
    assert_as_in_the_file(f"verify_account_offer_{groups[-1]}_{'make' if by_make else 'rota'}", f"{text}\n")


def test_what_a_run_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row is otherwise than assumed, but for one that is as assumed and one that fails."""
    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    of_run = account(tmp_path)
    of_run.journal.write("queue", "rota-verify-r1-q")
    others = [replace(row, probe=Probe(lambda _: "x", (), ()), read=lambda _: Seen("x", "why")) for row in ROWS]
    rows = [row_of(lambda _: "this"), row_of(fails), *others]
    assert _verify(of_run, rows, as_json=False, by_make=True) == 5
    table = capsys.readouterr()
    assert _verify(of_run, rows, as_json=True, by_make=False) == 5
    programs = capsys.readouterr()
    shown = "\n".join([table.err, table.out, programs.err, programs.out])
    assert_as_in_the_file("verify_account", shown.replace(str(tmp_path), "FOLDER").replace(__version__, "VERSION"))


@pytest.mark.parametrize("tried", [["free"], ["free", "tasks"], [*GROUPS]], ids=", ".join)
def test_what_was_left_out_is_counted(tried: list[str]) -> None:
    outcomes = [Outcome(row, Seen(row.expected)) for row in ROWS if row.group in tried]
    left_out = [(group, sum(row.group == group for row in ROWS)) for group in GROUPS if group not in tried]
    assert report.summary(outcomes) == ", ".join(
        [
            *(f"{len(outcomes)} as assumed", "0 not tried", "0 otherwise"),
            *(f"{number} of the group {group} left out" for group, number in left_out),
        ]
    )


def test_the_report_for_programs(tmp_path: Path) -> None:
    shown = report.as_json(account(tmp_path), [Outcome(row_of(None), Seen("that"))], ["rule x: denied"])
    (row,) = shown["rows"]
    assert (row["id"], row["verdict"], row["seen"], row["problem"]) == ("some-row", "otherwise", "that", None)
    assert (shown["kind"], shown["left"], len(shown["not_testable"])) == (
        "verify-account",
        ["rule x: denied"],
        len(NOT_TESTABLE),
    )
    assert "111122223333" not in json.dumps(shown)


def test_a_report_does_not_say_who_was_denied(tmp_path: Path) -> None:
    role = "User: arn:aws:sts::111122223333:assumed-role"
    problem, left = f"{role}/Admins/ann may not.", f"{role}/rota-verify-r1-limited/rota-verify may not."
    shown = report.as_json(account(tmp_path), [Outcome(row_of(None), problem=problem)], [left])
    assert shown["rows"][0]["problem"] == "User: the caller may not."
    assert shown["left"] == [left.replace("111122223333", "123456789012")]


def of_caller(monkeypatch: pytest.MonkeyPatch, ahead: int = 0) -> None:
    """AWS says who calls, and nothing else."""

    def answer(_: BaseClient, operation: str, __: dict[str, Any]) -> dict[str, Any]:
        assert operation == "GetCallerIdentity"
        date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead))
        arn = f"arn:aws:iam::{PLACE.account}:user/ana"
        return {"Account": PLACE.account, "Arn": arn, "ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def typed(*arguments: str, answer: str = "") -> Any:
    command = ["verify-account", "--region", PLACE.region, *arguments]
    return CliRunner().invoke(main, command, input=answer, prog_name="rota")


@pytest.mark.parametrize(("ahead", "offers"), [(-31, False), (31, False), (0, True)])
def test_a_clock_that_is_wrong_is_reported(ahead: int, offers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    of_caller(monkeypatch, ahead)
    done = typed(answer="n\n")
    assert (done.exit_code, "clock is" in done.stderr, "AWS Config" in done.stderr) == (4, not offers, offers)
    if ahead > 0:
        assert re.fullmatch(r"This machine's clock is \+3[123] s from AWS's: set it, then try again.\n", done.stderr)


@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "no answer"])
def test_what_is_said_before_it_begins(answer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    of_caller(monkeypatch)
    shown = []
    for more in ([], ["--by-make"], ["--subnets", " subnet-a, ,subnet-b", "--slow"], ["--slow", "--subnets", ","]):
        asked = typed("--journals", str(tmp_path), *more, answer=answer)
        assert (asked.exit_code, asked.stdout) == (4, "")
        shown.append(asked.stderr)
    assert_as_in_the_file(f"verify_account_asked_{'no' if answer else 'unanswered'}", "\n".join(shown))
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_tried_without_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    of_caller(monkeypatch)
    nowhere = typed("--yes", "--journals", f"{os.devnull}/journals")
    assert nowhere.exit_code == 4
    assert nowhere.stderr.splitlines()[-2:] == [
        f"No journal can be written, so nothing was tried: [Errno 20] Not a directory: '{os.devnull}/journals'.",
        "It needs a folder of yours with some room; --journals FOLDER names another one.",
    ]


def test_only_what_a_run_has_left_is_deleted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    of_caller(monkeypatch)
    Journal.begin(tmp_path, "r1", PLACE)
    unknown = typed("--clean", "r2", "--journals", str(tmp_path))
    says = f"there is no journal {tmp_path}/r2.jsonl; there are r1\n"
    assert (unknown.exit_code, unknown.stdout, unknown.stderr) == (2, "", says)
    done = typed("--clean", "r1", "--journals", str(tmp_path))
    says = "Nothing of the run r1 is left but INACTIVE revisions.\n"
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", says)
    assert [*tmp_path.iterdir()] == []
    unknown = typed("--clean", "r1", "--journals", str(tmp_path))
    assert unknown.stderr == f"there is no journal {tmp_path}/r1.jsonl; there are none\n"


@pytest.mark.parametrize(
    ("subnets", "groups", "network"),
    [
        ("", "sg-1", None),
        (" , ", "", None),
        ("a", "", Network(["a"], [], False)),
        ("a , b,", " c,d", Network(["a", "b"], ["c", "d"], False)),
    ],
)
def test_which_network_is_given(subnets: str, groups: str, network: Network | None) -> None:
    assert _network(subnets, groups, False) == network


def test_without_a_network_no_task_can_be_started(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no subnets are given"):
        resources.network(account(tmp_path))


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("eu-west-1", "aws")])
def test_the_policy_is_that_of_the_regions_partition(region: str, partition: str) -> None:
    printed = json.loads(CliRunner().invoke(main, ["verify-account", "--policy", "--region", region]).stdout)
    assert printed == policy(ROWS, partition)
    arns = {each["Resource"].split(":")[1] for each in printed["Statement"] if each["Resource"] != "*"}
    assert arns == {partition}


def test_what_is_otherwise_counts_more_than_what_is_not_tried() -> None:
    row = row_of(None)
    not_tried, otherwise, fine = Outcome(row, problem="x"), Outcome(row, Seen("that")), Outcome(row, Seen("this"))
    assert [status(each) for each in ([not_tried, otherwise], [fine, not_tried], [fine], [])] == [1, 4, 0, 0]


SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.fixture
def no_handlers() -> Iterator[None]:
    """Each signal ends a program, also where the tests run in the background."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("no_handlers")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_run_which_deletes_what_it_made(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(_: BaseClient, operation: str, __: dict[str, Any]) -> NoReturn:
        raise ClientError({"Error": {"Code": "QueueDoesNotExist", "Message": "no"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", gone)
    of_run = account(tmp_path)
    of_run.journal.write("queue", "q")
    rows = [row_of(lambda _: "this"), row_of(lambda _: signal.raise_signal(number)), row_of(lambda _: "this")]
    assert _verify(of_run, rows, as_json=False, by_make=False) == 128 + number
    printed = capsys.readouterr()
    assert printed.out.count("| `some-row` |") == 1
    assert printed.err.splitlines()[2:-1] == [
        "  as assumed  some-row                 this",
        f"stopped by {number.name}.",
        "Deleting it again ...",
        "Nothing of the run r1 is left but INACTIVE revisions.",
    ]
    assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL] * 3


@pytest.mark.usefixtures("no_handlers")
@pytest.mark.parametrize(
    ("folder", "by_make", "command"),
    [
        (".rota-verify", False, "rota verify-account --clean r1"),
        (".rota-verify", True, "make verify-account CLEAN=r1"),
        ("others", False, "rota verify-account --clean r1 --journals others"),
        ("others", True, 'make verify-account CLEAN=r1 OPTIONS="--journals others"'),
    ],
)
def test_a_signal_while_it_deletes(
    folder: str,
    by_make: bool,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(_: BaseClient, __: str, ___: dict[str, Any]) -> dict[str, Any]:
        signal.raise_signal(signal.SIGTERM)
        return {}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(BaseClient, "_make_api_call", stop)
    of_run = account(Path(folder))
    of_run.journal.write("queue", "q")
    assert _verify(of_run, [], as_json=True, by_make=by_make) == 143
    printed = capsys.readouterr()
    says = f"stopped by SIGTERM before everything was deleted. Delete the rest: {command}"
    assert (printed.out, printed.err.splitlines()[-1]) == ("", says)
    assert of_run.journal.path.exists()


@pytest.mark.usefixtures("no_handlers")
def test_a_signal_that_is_ignored_stays_so() -> None:
    """As SIGHUP is under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stopped_by_signals():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN)
    assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL, signal.SIG_DFL, signal.SIG_IGN]


class Closed(io.StringIO):
    def write(self, _text: str) -> NoReturn:
        raise BrokenPipeError


def test_a_run_continues_where_nobody_reads_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of_run = account(tmp_path)
    monkeypatch.setattr("sys.stderr", Closed())
    assert _verify(of_run, [row_of(lambda _: "this")], as_json=False, by_make=False) == 0
    assert "| `some-row` |" in capsys.readouterr().out
    assert not of_run.journal.path.exists()


def test_a_table_that_cannot_be_printed_does_not_hide_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    of_run = account(tmp_path)
    of_run.journal.write("queue", "q")
    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        _verify(of_run, [], as_json=False, by_make=False)
    assert "\nLeft: queue q: An error occurred (AccessDenied)" in capsys.readouterr().err


ANSWERS = {
    "ValidationException": True,
    "ConflictException": True,
    "InvalidParameter": True,
    "AccessDeniedException": False,
    "AuthorizationError": False,
    "ThrottlingException": False,
    "LimitExceededException": False,
    "ExpiredToken": False,
    "ServerException": False,
    "InternalException": False,
    "OptInRequired": False,
}


@pytest.mark.parametrize(("code", "answers"), ANSWERS.items(), ids=ANSWERS)
def test_only_a_refusal_of_what_was_asked_is_an_answer(code: str, answers: bool, tmp_path: Path) -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "PutRule")

    (outcome,) = try_rows(account(tmp_path), [row_of(lambda _: tried(refuse)[0], code)], lambda _: None)
    assert outcome.verdict == ("as assumed" if answers else "not tried")


@pytest.mark.parametrize(
    ("variables", "says"),
    [({}, "You must specify a region."), ({"AWS_REGION": PLACE.region}, "Unable to locate credentials")],
    ids=["no Region", "no credentials"],
)
def test_without_an_account_it_says_what_is_lacking(
    variables: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    for name, value in {**nowhere, "AWS_EC2_METADATA_DISABLED": "true", **variables}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["verify-account", "--yes"])
    first, then = done.stderr.splitlines()
    assert (done.exit_code, first) == (4, f"No account to try it in: {says}")
    assert then.startswith("Export AWS_PROFILE and AWS_DEFAULT_REGION")
