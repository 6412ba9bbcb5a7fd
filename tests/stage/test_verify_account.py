"""`rota verify-account` on the stage: as assumed, otherwise, and killed, beside resources with nearly its names."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.cli.verify_account.account import Clock, Network
from rota.cli.verify_account.policy import actions_of
from rota.cli.verify_account.resources import KINDS
from rota.cli.verify_account.row import Probe, Row
from rota.cli.verify_account.rows.catalogue import NOT_TESTABLE, ROWS
from rota.cli.verify_account.rows.tasks import scheduled_tasks, scheduler_task
from rota.cli.verify_account.run import Outcome, clean, try_rows
from stage.client import wait_for
from stage.moto.clients import ACCOUNT
from tests import verify_calls
from tests.printed import ROOT, signed_in
from tests.stage.conftest import Rota, as_new
from tests.stage.turned import TURNED, answered, own, received, refused, rewritten
from tests.stage.verify_runs import OWN, RUN, Runs, answers, everything, foreign_code, make_foreign, recorded

LAYER = ROOT / "layers" / "rota"
Command = Callable[..., subprocess.Popen[str]]
SERVICES = {"stepfunctions": "states", "resourcegroupstaggingapi": "tag"}
"""IAM's names of services that boto3 names otherwise."""
ACTIONS = {"HeadObject": "GetObject", "ListObjectVersions": "ListBucketVersions", "TransactWriteItems": "PutItem"}
"""IAM's names of calls that the APIs name otherwise."""
ASKED = ("CreateRole", "AssumeRole", "CreateStateMachine")
MAKING = ("PutRule", "RegisterTaskDefinition", "RunTask")
LAYERS = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
FARGATE = {"tasks": "scripted", "script": {"seconds": 5}, "start_seconds": 25, "rollout_seconds": 20, "time_scale": 1}


@pytest.fixture(scope="session")
def _foreign_kept(one_stage: Client) -> str:
    """A snapshot of an account with foreign resources whose names are nearly those of a run."""
    as_new(one_stage)
    make_foreign(one_stage)
    one_stage.keep("foreign")
    return "foreign"


@pytest.fixture(scope="module")
def _foreign(one_stage: Client, _foreign_kept: str) -> Iterator[str]:
    """That snapshot, while there are state machines and functions of such names, too."""
    with foreign_code(as_new(one_stage, _foreign_kept)):
        yield _foreign_kept


@pytest.fixture
def verifying(one_stage: Client, _foreign: str, tmp_path: Path) -> Iterator[Runs]:
    """Runs in that account, of which every call is seen. What they write must be in their journal by then."""
    stage = as_new(one_stage, _foreign)
    stage.settings(fire_schedules=True, **FARGATE)
    runs = Runs(stage, tmp_path)
    with recorded(runs):
        yield runs
    assert runs.unnamed == []


@pytest.fixture
def runs(verifying: Runs) -> Iterator[Runs]:
    """The same. Afterwards everything in the account is as before, but for INACTIVE revisions."""
    before = everything(verifying.stage)
    yield verifying
    assert answers(everything(verifying.stage)) == answers(before)


def test_every_row_is_as_assumed(runs: Runs) -> None:
    """And of a run through all rows: the tasks, the tags, and the permissions that each row says it needs."""
    account, outcomes = runs.account(), list[Outcome]()
    runs.calls.clear()
    called, kept = 0, dict[str, verify_calls.Played]()
    for row in ROWS:
        runs.log = []
        outcomes += try_rows(account, [row], lambda _: None)
        kept[row.id] = str(outcomes[-1].seen), runs.log
        asked, called = set(map(action, runs.calls[called:])), len(runs.calls)
        assert asked <= actions_of(row), row.id
    assert {each.row.id: str(each.seen or each.problem) for each in outcomes if each.verdict != "as assumed"} == {}
    runs.log = []
    assert clean(account) == []
    if os.environ.get("REWRITE_PRINTED"):
        verify_calls.write(runs.network.subnets, {**kept, "deletion": ("", runs.log)})
    started = runs.stage.client("ecs").list_tasks(cluster=OWN.format("cluster"), desiredStatus="STOPPED")["taskArns"]
    operations = [operation for _, operation, _ in runs.calls]
    rollouts = sum(map(operations.count, ("CreateService", "UpdateService", "ContinueServiceDeployment")))
    assert 0 < len(started) + rollouts <= 12
    assert_tagged(runs)
    assert_called(runs)
    assert_accepted_by_aws(runs)


def assert_tagged(runs: Runs) -> None:
    """Whatever is made has the tag of the run."""
    makes = re.compile(f"{'|'.join(MAKING)}|Create(?!Schedule$)")  # a schedule has no tags, but its group
    made = [(operation, request) for _, operation, request in runs.calls if makes.match(operation)]
    assert len({operation for operation, _ in made}) == len(KINDS) - 1 + len({"RunTask"})
    tags = [(operation, json.dumps([request.get("Tags"), request.get("tags")])) for operation, request in made]
    untagged = [operation for operation, each in tags if not ("rota:verify" in each and RUN in each)]
    # Refused: tasks without a network, without a revision and with a wrong tag, and a revision with too many tags. A
    # bucket is tagged by a call of its own.
    assert sorted(untagged) == ["CreateBucket", "RegisterTaskDefinition", "RunTask", "RunTask", "RunTask"]
    (tagging,) = [request["Tagging"] for _, operation, request in runs.calls if operation == "PutBucketTagging"]
    assert tagging == {"TagSet": [{"Key": "rota:verify", "Value": RUN}]}


def assert_called(runs: Runs) -> None:
    """No permission is asked for in vain, but for those that AWS asks for beside a call's own; no item is read late."""
    assert all(request.get("ConsistentRead") for _, operation, request in runs.calls if operation == "GetItem")
    needed = set[str]().union(*map(actions_of, ROWS))
    tags = {each for each in needed if each.partition(":")[2] in ("TagResource", "TagRole", "TagQueue")}
    beside = {*tags, "iam:PassRole", "iam:CreateServiceLinkedRole", *LAYERS}
    assert needed - set(map(action, runs.calls)) == beside


def assert_accepted_by_aws(runs: Runs) -> None:
    """What the stage does not ask: that a role trusts who assumes it, and that a state machine has an end."""
    requests = {name: [each for _, operation, each in runs.calls if operation == name] for name in ASKED}
    trusts = {each["RoleName"]: json.loads(each["AssumeRolePolicyDocument"]) for each in requests["CreateRole"]}
    principals = {name: [each["Principal"] for each in trust["Statement"]] for name, trust in trusts.items()}
    assumed = {each["RoleArn"].rpartition("/")[2] for each in requests["AssumeRole"]}
    by_account = [{"AWS": f"arn:aws:iam::{ACCOUNT}:root"}]
    assert {name for name, trusted in principals.items() if trusted == by_account} == assumed
    assert all(
        [*each] == ["Service"] for name, trusted in principals.items() if name not in assumed for each in trusted
    )
    states = [json.loads(each["definition"])["States"]["Only"] for each in requests["CreateStateMachine"]]
    assert [each for each in states if each["Type"] != "Fail" and each.get("End") is not True] == []


def action(call: tuple[str, str, dict[str, Any]]) -> str:
    """What IAM calls the permission for a call."""
    service, operation, request = call
    name = ACTIONS.get(operation, operation)
    of_version = name in ("GetObject", "DeleteObject") and "VersionId" in request
    return f"{SERVICES.get(service, service)}:{name}{'Version' if of_version else ''}"


def test_an_image_is_pushed_where_ecr_looks_for_its_layers(verifying: Runs) -> None:
    lacking = {"service": "ecr", "operation": "PutImage", "fault": "refused", "code": "LayersNotFoundException"}
    verifying.stage.faults([lacking])
    archived = [row for row in ROWS if row.id == "archived-image"]
    assert otherwise(verifying.tried(archived)) == set()
    assert set(LAYERS) <= set(map(action, verifying.calls))


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_says_what_is_otherwise(verifying: Runs, row: Row) -> None:
    """Exactly that row of those about the same thing."""
    verifying.stage.faults([TURNED[row.id]])
    related = [each for each in ROWS if each.probe.do.__module__ == row.probe.do.__module__ and each.group == row.group]
    assert otherwise(verifying.tried(related)) == {row.id}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("settings", "subnets", "says"),
    [
        ({}, ["subnet-nowhere"], "InvalidSubnetID.NotFound"),
        ({"run_task": "capacity"}, [], "no task starts in these subnets: Capacity is unavailable"),
        ({"script": {"seconds": 5, "does_not_start": 1}}, [], "no task runs in these subnets: Timeout waiting for"),
        ({"script": {"seconds": 5, "fails": 1}}, [], "no task runs in these subnets: Essential container in task"),
        ({"script": {"seconds": 900}}, [], "ECS reported no task that ended in these subnets within 240 s"),
        ({"fire_schedules": False}, [], "its schedule started no task within 420 s"),
    ],
    ids=["wrong subnets", "no capacity", "no network", "a broken image", "a task that hangs", "no start"],
)
def test_where_no_task_runs_no_row_says_that_aws_is_otherwise(
    verifying: Runs, settings: dict[str, Any], subnets: Sequence[str], says: str
) -> None:
    verifying.stage.settings(**settings)
    verifying.network = Network(subnets or verifying.network.subnets)
    verifying.shortest_pause = 5
    outcomes = verifying.tried([row for row in ROWS if row.group == "tasks"])
    assert {each.row.id for each in outcomes if each.verdict == "otherwise"} == set()
    problems = {each.problem for each in outcomes if each.row.probe in (scheduled_tasks, scheduler_task)}
    assert [each for each in problems if says not in each] == []
    assert problems


NOT_TRIED = {
    "the caller may not": (
        refused("events", "PutRule", own("last-days"), "AccessDeniedException", "not authorized"),
        ["cron-last-days"],
    ),
    "too many schedules": (
        refused("scheduler", "CreateSchedule", own("zone"), "ServiceQuotaExceededException", "Too many."),
        ["scheduler-time-zone"],
    ),
    "the role may not invoke": (
        rewritten("stepfunctions", "GetExecutionHistory", "-invokes:", r'("cause": ?")', r"\1is not authorized: "),
        ["throttled-function"],
    ),
    "the role may not start a task": (
        received("dead", r'("ERROR_CODE": ?\{[^}]*"StringValue": ?)"\w+"', r'\1"NO_PERMISSIONS"'),
        ["dead-letter-body"],
    ),
    "no push has an event": (answered("sqs", "ReceiveMessage", "-push", {}), ["untagged-push"]),
    "no task is reported": (
        answered("sqs", "ReceiveMessage", own("task-events"), {}),
        ["target-environment", "start-in-the-minute", "scheduler-scheduled-time", "stop-before-start"],
    ),
    "ECS starts nothing": (
        answered("ecs", "RunTask", "", {"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]}),
        ["stop-before-start"],
    ),
    "the role's policy never counts": (
        refused("ecs", "UpdateService", own("idle"), "AccessDeniedException", "not authorized: ecs:UpdateService"),
        ["update-service-pass-role"],
    ),
    "the service's task fails": (
        rewritten("ecs", "DescribeServices", own("service"), '"rolloutState": ?"[A-Z_]*"', '"failedTasks": 1'),
        ["pause-stages", "rollback-status", "bake-deployments"],
    ),
}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(("fault", "rows"), NOT_TRIED.values(), ids=NOT_TRIED)
def test_a_probe_that_fails_says_nothing_of_aws(runs: Runs, fault: dict[str, Any], rows: Sequence[str]) -> None:
    runs.stage.faults([fault])
    outcomes = runs.begin([row for row in ROWS if row.id in rows])
    assert {each.row.id: each.verdict for each in outcomes} == dict.fromkeys(rows, "not tried")
    runs.stage.faults([])
    assert clean(runs.account()) == []


NEW = {
    "a target's role": (
        ("events", "PutTargets", "ValidationException", "Provided role 'x' cannot be assumed by principal 'y'."),
        "dead-letter-body",
    ),
    "a schedule's role": (
        ("scheduler", "CreateSchedule", "ValidationException", "The role must allow Scheduler to assume the role."),
        "scheduler-time-zone",
    ),
    "ECS's own role": (
        ("ecs", "CreateCluster", "InvalidParameterException", "Unable to assume the service linked role."),
        "dead-letter-body",
    ),
    "a role that is assumed": (
        ("sts", "AssumeRole", "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole on resource: y"),
        "list-tasks-by-cluster",
    ),
    "a role's policy": (
        ("ecs", "ListTasks", "AccessDeniedException", "not authorized"),
        "list-tasks-by-cluster",
    ),
}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(("refusal", "row"), NEW.values(), ids=NEW)
def test_what_aws_does_not_know_yet_is_asked_again(runs: Runs, refusal: tuple[str, ...], row: str) -> None:
    service, operation, code, message = refusal
    runs.stage.faults([{**refused(service, operation, "", code, message), "count": 1}])
    (outcome,) = runs.tried([each for each in ROWS if each.id == row])
    assert (outcome.verdict, outcome.problem) == ("as assumed", "")


@pytest.mark.exhaustive(first=0)
def test_what_was_made_last_is_deleted_again_when_aws_knows_it(runs: Runs) -> None:
    runs.begin([row for row in ROWS if row.id == "unknown-placeholder"])
    gone = refused("sqs", "GetQueueUrl", "", "AWS.SimpleQueueService.NonExistentQueue", "There is none.")
    runs.stage.faults([{**gone, "count": 1}])
    assert clean(runs.account()) == []


def test_a_read_that_knows_no_rule_yet_is_late(verifying: Runs) -> None:
    denied = refused("events", "ListTagsForResource", "", "ResourceNotFoundException", "Rule does not exist.")
    verifying.stage.faults([{**denied, "count": 1}])
    assert otherwise(verifying.tried([row for row in ROWS if row.id == "tags-after-put-rule"])) == {
        "tags-after-put-rule"
    }


@pytest.mark.exhaustive(first=0)
def test_an_event_that_comes_twice_is_one_event(verifying: Runs) -> None:
    verifying.stage.settings(events={"repeat": 1, "swap": 0.5})
    assert otherwise(verifying.tried([row for row in ROWS if row.id == "task-states"])) == set()


@pytest.mark.exhaustive(first=0)
def test_what_cannot_be_deleted_is_kept_in_the_journal(runs: Runs) -> None:
    runs.begin([row for row in ROWS if row.id in ("sns-subject", "archived-image")])
    runs.stage.faults([refused("sns", "DeleteTopic", "", "AuthorizationError", "You may not.")])
    (left,) = clean(runs.account())
    assert left.startswith(f"topic {OWN.format('topic')}: An error occurred (AuthorizationError)")
    runs.stage.faults([])
    assert clean(runs.account()) == []


@pytest.mark.exhaustive(first=0)
def test_revisions_of_another_family_stay_whatever_is_listed(runs: Runs) -> None:
    foreign = {"taskDefinitionArns": [f"arn:aws:ecs:us-east-1:123456789012:task-definition/{OWN.format('family')}-2:1"]}
    runs.stage.faults([answered("ecs", "ListTaskDefinitions", own("family"), foreign, count=1)])
    assert otherwise(runs.tried([row for row in ROWS if row.id == "sns-subject"])) == set()
    runs.account().journal.write("family", OWN.format("family"))
    assert clean(runs.account()) == []


@pytest.mark.exhaustive(first=0)
def test_exactly_the_rows_say_so_that_are_otherwise(verifying: Runs) -> None:
    one_of_each = {row.probe.do.__module__: row.id for row in ROWS}
    verifying.stage.faults([TURNED[name] for name in one_of_each.values()])
    assert otherwise(verifying.tried(ROWS)) == set(one_of_each.values())


def otherwise(outcomes: Sequence[Outcome]) -> set[str]:
    assert [each.problem for each in outcomes if each.problem] == []
    return {each.row.id for each in outcomes if each.verdict == "otherwise"}


PROBES = {row.probe: row.id for row in ROWS}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("probe", [pytest.param(probe, id=name) for probe, name in PROBES.items()])
def test_a_run_that_is_killed_after_any_call_is_cleaned(runs: Runs, probe: Probe) -> None:
    runs.shortest_pause = 60
    for after in count(1):
        killed = runs.killed(partial(runs.begin, [row for row in ROWS if row.probe is probe]), after)
        assert clean(runs.account()) == [], f"killed after {after} calls"
        if not killed:
            break
    assert after > 1


@pytest.mark.exhaustive(first=0)
def test_a_deletion_that_is_killed_after_any_call_is_repeated(runs: Runs) -> None:
    runs.shortest_pause = 60
    one_of_each = {kind: row for row in ROWS for kind in row.probe.kinds}
    assert len(one_of_each) == len(KINDS)
    assert otherwise(runs.begin(list(dict.fromkeys(one_of_each.values())))) == set()
    for after in count(1):
        if not runs.killed(lambda: clean(runs.account()), after):
            break
    assert after > len(KINDS)


# -------------------------------------------------------------------------------------------------------- the command


@pytest.fixture
def unchanged(one_stage: Client, _foreign: str, tmp_path: Path) -> Iterator[Client]:
    """A stage on which afterwards everything is as before, but for INACTIVE revisions."""
    stage = as_new(one_stage, _foreign)
    before = everything(stage)
    stage.clear_calls()
    yield stage
    assert answers(everything(stage)) == answers(before)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def command(unchanged: Client, tmp_path: Path) -> Iterator[Command]:
    """Starts the command in a process of its own."""

    def started(*arguments: str) -> subprocess.Popen[str]:
        called = [sys.executable, "-m", "rota", "verify-account", "--journals", str(tmp_path), *arguments]
        variables = {**os.environ, **signed_in(unchanged)}
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process: subprocess.Popen[str] = subprocess.Popen(called, cwd=LAYER, env=variables, text=True, **streams)
        return process

    # Where the tests run in the background, SIGHUP is ignored, and a process that they start would ignore it too.
    ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield started
    signal.signal(signal.SIGHUP, ignored)


def made(stage: Client, operation: str) -> bool:
    """Whether the command has come to its first call of an operation."""
    return any(call["operation"] == operation for call in stage.calls())


FREE = [row for row in ROWS if row.group == "free"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("rows", [FREE[:3], FREE], ids=["three rows", "every free row"])
def test_it_prints_a_table_and_leaves_nothing(
    unchanged: Client, rota: Rota, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: Sequence[Row]
) -> None:
    others = [row for row in ROWS if row not in FREE]
    for module in ("report", "rows.catalogue"):
        monkeypatch.setattr(f"rota.cli.verify_account.{module}.ROWS", [*rows, *others])
    unchanged.settings(fire_schedules=True, **FARGATE)
    clock = Clock(lambda: datetime.fromisoformat(unchanged.clock()), unchanged.advance)
    monkeypatch.setattr("rota.cli.verify_account.account.Clock", lambda: clock)
    done = rota("verify-account", "--journals", str(tmp_path), "--yes")
    table = re.findall(r"^\| `([a-z0-9-]+)` \|", done.out, re.MULTILINE)
    assert (table, "0 otherwise" in done.out) == (
        [*(row.id for row in rows), *(each.id for each in NOT_TESTABLE)],
        True,
    )
    assert done.err.splitlines()[-1].startswith(f"{len(rows)} as assumed, 0 not tried, 0 otherwise, ")
    assert "is left but INACTIVE revisions.\n" in done.err
    assert done.exit == 0


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(
    ("arguments", "offered", "unasked"),
    [
        ((), ["needs --subnets", "needs --slow", "This run: 0 $, 5 minutes."], "--yes"),
        (("--by-make",), ["needs SUBNETS=", "needs SLOW=1", "This run: 0 $, 5 minutes."], "YES=1"),
        (("--subnets", "subnet-a", "--slow"), ["  slow   1 row ", "This run: below 0.02 $, 37 minutes."], "--yes"),
    ],
    ids=["free", "by make", "all"],
)
def test_it_says_what_it_costs_and_asks_before_it_begins(
    stage: Client, rota: Rota, tmp_path: Path, arguments: Sequence[str], offered: Sequence[str], unasked: str
) -> None:
    stage.clear_calls()
    asked = rota("verify-account", "--journals", str(tmp_path), *arguments)
    assert (asked.exit, [each for each in offered if each not in asked.err]) == (4, [])
    assert asked.err.endswith(f"Continue? [y/N]: Nothing was tried. {unasked} does not ask.\n")
    assert max(map(len, asked.err.splitlines())) <= 80
    assert [call["operation"] for call in stage.calls()] == ["GetCallerIdentity"]
    assert [*tmp_path.iterdir()] == []


@pytest.mark.exhaustive(first=0)
def test_it_tries_nothing_without_a_journal(one_stage: Client, command: Command, tmp_path: Path) -> None:
    nowhere = command("--yes", "--journals", f"{os.devnull}/journals")
    errors = nowhere.communicate()[1]
    assert (nowhere.returncode, "No journal can be written, so nothing was tried: [Errno" in errors) == (4, True)
    assert [call["operation"] for call in one_stage.calls()] == ["GetCallerIdentity"]


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it_and_it_leaves_nothing(one_stage: Client, command: Command, number: signal.Signals) -> None:
    stopped = command("--yes")
    wait_for(lambda: made(one_stage, "CreateCluster"), 30)
    stopped.send_signal(number)
    errors = stopped.communicate(timeout=60)[1]
    assert (stopped.returncode, f"\nstopped by {number.name}.\n" in errors) == (128 + number, True)


@pytest.mark.exhaustive(first=0)
def test_a_second_signal_says_how_to_delete_the_rest(one_stage: Client, command: Command, tmp_path: Path) -> None:
    stopped = command("--yes", "--by-make")
    wait_for(lambda: made(one_stage, "CreateCluster"), 30)
    one_stage.settings(latency_ms=300)
    stopped.terminate()
    wait_for(lambda: made(one_stage, "DeleteRole"), 30)
    stopped.terminate()
    errors = stopped.communicate(timeout=60)[1]
    one_stage.settings(latency_ms=0)
    (journal,) = tmp_path.iterdir()
    clean_it = f'make verify-account CLEAN={journal.stem} OPTIONS="--journals {tmp_path}"'
    assert errors.endswith(f"stopped by SIGTERM before everything was deleted. Delete the rest: {clean_it}\n")
    assert (stopped.returncode, command("--clean", journal.stem).wait()) == (128 + signal.SIGTERM, 0)


@pytest.mark.exhaustive(first=0)
def test_it_deletes_also_if_its_output_is_not_read(command: Command) -> None:
    unread = command("--yes")
    assert unread.stdout is not None
    assert unread.stderr is not None
    while "begins;" not in unread.stderr.readline():
        pass
    unread.stderr.close()
    assert "0 otherwise" in unread.stdout.read()
    assert unread.wait(60) == 0


@pytest.mark.exhaustive(first=0)
def test_a_run_is_not_cleaned_while_it_is_active(one_stage: Client, command: Command, tmp_path: Path) -> None:
    running = command("--yes")
    wait_for(lambda: made(one_stage, "CreateCluster"), 30)
    (journal,) = tmp_path.iterdir()
    running.send_signal(signal.SIGSTOP)
    early = command("--clean", journal.stem)
    assert "still runs, and deletes" in early.communicate()[1]
    running.terminate()
    running.send_signal(signal.SIGCONT)
    assert (early.returncode, running.wait(60)) == (2, 128 + signal.SIGTERM)


@pytest.mark.exhaustive(first=0)
def test_what_a_killed_run_has_left_is_deleted(one_stage: Client, command: Command, tmp_path: Path) -> None:
    killed = command("--yes")
    wait_for(lambda: made(one_stage, "CreateCluster"), 30)
    killed.kill()
    killed.wait()
    (journal,) = tmp_path.iterdir()
    cleaned = command("--clean", journal.stem)
    assert cleaned.wait() == 0
    again = command("--clean", journal.stem)
    errors = again.communicate()[1]
    assert (again.returncode, errors.endswith("there are none\n")) == (2, True)
