"""The board's pages, whole: of each the model that is drawn, and what is asked of AWS for it."""

import io
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from pprint import pformat
from typing import Any

import pytest

from rota.board.answer import NotShownError
from rota.cli.board.gather import Source
from rota.cli.frame import Account
from rota.cli.output import Output
from tests.board.test_blame import INCIDENT, SAID
from tests.cli.conftest import NOW, Aws, Typed, assert_as_in_the_file
from tests.cli.test_acting_answers import event
from tests.cli.test_explain_answers import DEFINITION, FIRST, LAST, REVISION, TAGS, TARGETS, TASK, with_members
from tests.cli.test_plan_answers import BEFORE, PLAN, PLANNED, SNAPSHOT
from tests.cli.test_status import (
    APP,
    ASKS,
    EXECUTION,
    GATES,
    ITEMS,
    PENDING,
    RULES,
    SCHEDULER,
    SERVICE,
    at,
    deploying,
    digest,
    run,
)  # fmt: skip
from tests.clock import Clock

pytestmark = pytest.mark.usefixtures("in_vienna")

RECORD = {
    "plan": {"key": "plans/4.json", "version_id": "1"},
    "snapshot": {"key": "snapshots/4.json", "version_id": "1"},
    "entered": {"TakeTurn": at(30, "08:50"), "PlanDeployment": at(30, "08:52"), "RollService": at(30, "08:51")},
    "seconds": {"TakeTurn": "2.5", "PlanDeployment": 61},
    "failed_step": "RollService",
}
OF_FILE = {"schedule_key": "scheduled_tasks.json"}
STORED = {"plans/4.json 1": {**PLAN, "base": {"arn": "a/shop:5"}}, "snapshots/4.json 1": SNAPSHOT}
STORED |= {"scheduled_tasks.json v-1": PLANNED, "scheduled_tasks.json v-0": BEFORE}
STEP_EVENTS = [
    event(1, "ExecutionStarted"),
    event(2, "TaskStateEntered", stateEnteredEventDetails={"name": "TakeTurn"}),
    event(3, "LambdaFunctionScheduled"),
    event(4, "LambdaFunctionFailed", lambdaFunctionFailedEventDetails={"error": "TransientError", "cause": "{}"}),
    event(5, "LambdaFunctionScheduled"),
    event(6, "TaskStateExited", stateExitedEventDetails={"output": json.dumps({"turn": {"reason": "it is free"}})}),
    event(8, "TaskStateEntered", stateEnteredEventDetails={"name": "RollService"}),
    event(9, "LambdaFunctionScheduled"),
]


def read(request: Mapping[str, Any]) -> Any:
    found = STORED.get(f"{request['Key']} {request['VersionId']}")
    text = json.dumps(found, indent=1).encode()
    return {"Body": io.BytesIO(text), "LastModified": NOW - timedelta(hours=20)} if found else "NoSuchVersion"


@pytest.fixture
def app(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """An app of which everything can be said, and an account that says it."""
    of_aws = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "user"}
    for name, value in {**of_aws, "AWS_CONFIG_FILE": "/nowhere", "ROTA_STACK": "rota"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("rota.cli.execution.time", Clock())
    last_due = LAST["scheduled_at"]
    items = with_members(ITEMS, "job#Fails", incident=FIRST)
    items = with_members(items, f"deployment#{at(30)}", summary="schedules: 1 new", deployment=RECORD)
    items = [LAST if each.get("scheduled_at") == last_due and each.get("task") == "Fails" else each for each in items]
    items = with_members(items, "deployment#", started_at=at(28, "08:00"), **OF_FILE)
    aws.items = with_members(items, f"deployment#{at(30)}", started_at=at(30, "08:59"))
    aws.items = with_members(aws.items, f"deployment#{at(29)}", schedule_version="v-0")
    rules = {each["Name"]: each for each in RULES}
    alarm = {"AlarmName": "rota-Runs", "StateValue": "ALARM", "AlarmDescription": "A job is late", "StateReason": "x"}
    events = [{"timestamp": 1000 * number, "message": f"line {number}\n"} for number in range(205)]
    aws.answers |= {
        "ListRules": {"Rules": RULES},
        "ListSchedules": {"Schedules": [SCHEDULER]},
        "DescribeServices": {"services": [SERVICE]},
        "DescribeRule": lambda asked: rules.get(asked["Name"], "ResourceNotFoundException"),
        "GetSchedule": lambda asked: (
            {**SCHEDULER, "Target": TARGETS[0]} if "Zoned" in asked["Name"] else "ResourceNotFoundException"
        ),
        "ListTargetsByRule": {"Targets": TARGETS},
        "ListTagsForResource": {"Tags": []},
        "DescribeTaskDefinition": {"taskDefinition": DEFINITION, "tags": TAGS},
        "GetObject": read,
        "DescribeTasks": {"tasks": []},
        "GetLogEvents": {"events": events, "nextForwardToken": "f", "nextBackwardToken": "b"},
        "DescribeExecution": "ExecutionDoesNotExist",
        "GetExecutionHistory": {"events": STEP_EVENTS[::-1]},
        "DescribeAlarms": {"MetricAlarms": [alarm], "CompositeAlarms": []},
        "ListStackResources": {"StackResourceSummaries": []},
        "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "2"}},
    }
    return aws


def source(*, writes: bool = False, utc: bool = True, stack: str | None = None) -> Source:
    output = Output()
    output.utc = utc  # where there is no terminal, it is
    return Source(Account(output, stack=stack), served=True, writes=writes)


def compare(name: str, aws: Aws, *pages: Any) -> None:
    """The pages, and what was asked for them."""
    plain = [json.loads(json.dumps(asdict(page), default=str)) for page in pages]
    for each in plain:
        each.get("frame", {}).pop("version", None)
    shown = [pformat(each, width=120, sort_dicts=False) for each in plain]
    asked = sorted({f"{operation} {json.dumps(request, default=str)}" for operation, request in aws.asked})
    assert_as_in_the_file(f"board_{name}", "\n".join([*shown, "--- asked:", *asked, ""]))


def test_the_front(app: Aws) -> None:
    compare("front", app, source(stack="rota", writes=True).front())
    app.asked.clear()
    app.items = [each for each in app.items if each["record"] not in ("releases", "lease")]
    app.parameters["WatchRuns"] = "false"
    app.answers["DescribeServices"] = {"services": []}
    app.answers["DescribeAlarms"] = "AccessDenied"
    compare("front_nothing", app, source(utc=False).front(168))


def test_it_looks_no_more_often_than_is_worth_it(app: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("rota.cli.board.gather.time", clock)
    board = source()
    asked = []
    for seconds in (0, 2, 0.1, 13, 46):
        clock.sleep(seconds)
        app.asked.clear()
        board.front()
        asked.append({operation for operation, _ in app.asked} & {"DescribeServices", "ListRules", "DescribeAlarms"})
    services, rules = {"DescribeServices"}, {"DescribeServices", "ListRules"}
    assert asked == [rules | {"DescribeAlarms"}, set(), services, rules, rules | {"DescribeAlarms"}]


def test_it_looks_at_all_again_after_something_was_deployed_or_done(app: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("rota.cli.board.gather.time", clock)
    gone = [each for each in app.items if each["record"] != "lease"]
    app.items = [*gone, deploying("rolling", digest=digest("9"))]
    board = source()
    board.front()
    app.items = gone
    clock.sleep(3)
    app.asked.clear()
    assert board.front().deploying is None
    assert "ListRules" in {operation for operation, _ in app.asked}


@pytest.mark.parametrize("phase", ["rolling", "restoring", None])
def test_what_is_under_way(phase: str | None, app: Aws) -> None:
    asks = {"pending": PENDING | {"asks": ASKS, "summary": "2 new"}}
    lease = deploying(phase, digest=digest("9"), tag="n9") | {"gates": GATES | asks, "announced": False}
    app.items = [each for each in app.items if each["record"] != "lease"] + [lease]
    given = {"detail": {"repository-name": "shop", "image-digest": digest("9")}}
    described = {
        "executionArn": EXECUTION + "push-8",
        "name": "push-8",
        "status": "RUNNING",
        "input": json.dumps(given),
    }
    app.answers["DescribeExecution"] = {**described, "startDate": NOW - timedelta(minutes=5)}
    said = [{"id": "1", "createdAt": NOW, "message": "(service shop) has started 1 tasks: (task 1)."}]
    app.answers["DescribeServices"] = {"services": [SERVICE | {"events": said}]}
    board = source(writes=True)
    compare(f"deploying_{phase}", app, board.front(), board.detail(("d", "push-8")))
    assert board.ask("stop", "push-8")
    compare(f"asks_{phase}", app, board.ask("stop", "push-8"), board.ask("approve", "c0ffee"))


@pytest.mark.parametrize("task", ["Fails", "Tried", "Paused", "Zoned", "Gone", "Off"])
def test_the_page_of_a_task(task: str, app: Aws) -> None:
    compare(f"task_{task}", app, source(writes=task != "Off").detail(("t", task)))


RUNS = {
    "failed": LAST,
    "missed": run("Fails", at(29, "06:00"), "missed"),
    "ok": run("Fails", at(27, "06:00"), "ok", task_arn=TASK, revision=REVISION, created_at=at(27), started_at=at(27))
    | {"ended_at": at(27, "09:01"), "trigger": "by_hand", "release": {"number": 3, "digest": digest("c")}},
    "no_code": run("Fails", at(26, "06:00"), "failed", seconds=3, release={"number": 2, "tag": "b2"}),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_page_of_a_run(name: str, app: Aws) -> None:
    app.items = [each for each in app.items if "run#Fails" not in each["record"]] + [*RUNS.values()]
    _, task, due, number = RUNS[name]["record"].split("#")
    compare(f"run_{name}", app, source().detail(("t", task, due, number)))
    app.asked.clear()
    app.answers["GetLogEvents"] = "AccessDeniedException" if name == "failed" else "ResourceNotFoundException"
    compare(f"run_{name}_without_a_log", app, source(utc=False).detail(("t", task, due, number)))


@pytest.mark.parametrize(
    "path", [("t", "None"), ("t", "Fails", at(1), "1"), ("r", "v99"), ("d", "none"), ("x",), ("",)]
)
def test_what_has_no_page(path: tuple[str, ...], app: Aws) -> None:
    assert source().detail(path) is None


@pytest.mark.parametrize("name", ["v4", "v3", "push-5"])
def test_the_page_of_a_release(name: str, app: Aws) -> None:
    compare(f"release_{name}", app, source(writes=True).detail(("r", name)))


@pytest.mark.parametrize("lost", ["plans/4.json 1", "scheduled_tasks.json v-0", "scheduled_tasks.json v-1"])
def test_what_is_not_stored_any_more(lost: str, app: Aws) -> None:
    app.answers["GetObject"] = lambda asked: (
        "NoSuchVersion" if f"{asked['Key']} {asked['VersionId']}" == lost else read(asked)
    )
    compare(f"release_without_{lost.partition('/')[0].replace(' ', '_')}", app, source().detail(("r", "v4")))


@pytest.mark.parametrize("members", [{"deployment": {"nothing_to_do": True}}, {"schedule_version": "v-0"}, {}])
def test_a_release_that_changed_little(members: dict[str, Any], app: Aws) -> None:
    plan = {**PLAN, "changes": [], "kept": 0, "roll": False, "base": {"arn": "a/shop:5"}}
    app.items = [{**each, **members} if each["record"] == f"deployment#{at(30)}" else each for each in app.items]
    app.answers["GetObject"] = lambda asked: (
        {"Body": io.BytesIO(json.dumps(plan).encode()), "LastModified": NOW} if "plans" in asked["Key"] else read(asked)
    )
    compare(f"release_{'_'.join(members) or 'no_change'}", app, source().detail(("r", "v4")))


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_the_page_of_an_execution(status: str, app: Aws) -> None:
    described = {"executionArn": EXECUTION + "push-9", "name": "push-9", "status": status, "input": "{}"}
    app.answers["DescribeExecution"] = {**described, "startDate": NOW - timedelta(minutes=5), "stopDate": NOW}
    compare(f"execution_{status}", app, source(writes=True).detail(("d", "push-9")))


def test_all_releases(app: Aws) -> None:
    paused = {"app": APP, "record": "deployment#x", "execution": EXECUTION + "p", "outcome": "done", "kind": "pause"}
    held = {
        "app": APP,
        "record": "deployment#y",
        "execution": EXECUTION + "h",
        "outcome": "held",
        "digest": digest("f"),
    }
    app.items += [
        paused,
        held,
        {**held, "record": "deployment#w", "outcome": "done"},
        {**paused, "record": "deployment#z", "outcome": "refused"},
    ]
    compare("releases", app, source().releases())


def test_what_may_be_done(app: Aws) -> None:
    pending = {"pending": PENDING | {"asks": {"changes": "4f2a", "until": at(30, "20:00")}, "summary": "x"}}
    upload = {"execution": EXECUTION + "file-7", "asks": {"changes": "beef", "until": at(30, "20:00")}, "summary": "y"}
    app.items = with_members(app.items, "lease", gates={**GATES, **pending, "pending_schedule": upload})
    board = source(stack="rota", writes=True)
    named = {"rollback": "v3", "run": "Fails", "pause": "Fails", "resume": "Paused", "hold": "", "end-hold": ""}
    asked = [board.ask(*each) for each in ({**named, "lift": "", "approve": "4f2a", "reject": "beef"}).items()]
    compare("asks", app, *asked)
    not_known = {"rollback": "x", "run": "None", "pause": "--all", "hold": "Fails", "approve": "x", "stop": "push-8"}
    assert [board.ask(*each) for each in not_known.items()] == [None] * len(not_known)


@pytest.mark.parametrize("code", ["AccessDenied", "ThrottlingException"])
def test_what_aws_refuses_is_said(code: str, app: Aws) -> None:
    board = source()
    app.answers["ListRules"] = code
    with pytest.raises(NotShownError) as refused:
        board.front()
    assert_as_in_the_file(f"board_{code}", "\n".join([refused.value.title, *refused.value.lines, ""]))


def log_of(count: int) -> Callable[[Mapping[str, Any]], Any]:
    """A log of so many lines."""
    events = [{"timestamp": 1000 * number, "message": f"line {number}"} for number in range(count)]
    return lambda asked: {"events": [] if "nextToken" in asked else events, "nextForwardToken": "f"}


@pytest.mark.parametrize(("count", "first", "note"), [(200, 0, ""), (201, 1, "The last 200 lines.")])
def test_of_a_log_the_last_200_lines_are_shown(app: Aws, count: int, first: int, note: str) -> None:
    app.answers["GetLogEvents"] = log_of(count)
    page = source().detail(("t", "Fails", at(30, "06:00"), "1"))
    assert page
    assert (page.log[0][1], len(page.log), page.log_note) == (f"line {first}", 200, note)


def test_a_board_that_only_shows_offers_nothing(app: Aws) -> None:
    described = {"executionArn": EXECUTION + "push-9", "name": "push-9", "status": "RUNNING", "input": "{}"}
    app.answers["DescribeExecution"] = {**described, "startDate": NOW}
    for writes, offered in ((True, [2, 1, 1]), (False, [0, 0, 0])):
        pages = [source(writes=writes).detail(path) for path in (("t", "Fails"), ("r", "v3"), ("d", "push-9"))]
        assert [len(page.writes) for page in pages if page] == offered
    app.answers["DescribeExecution"] = "InvalidArn"
    assert source().detail(("d", "push-9")) is None


@pytest.mark.parametrize(("outcome", "tone"), [("failed", "bad"), ("restoring", "bad"), ("aborted", "plain")])
def test_the_tone_of_a_deployment_that_went_otherwise(app: Aws, outcome: str, tone: str) -> None:
    app.items = with_members(app.items, f"deployment#{at(30, '11:00')}", outcome=outcome)
    page = source(writes=True).detail(("r", "push-5"))
    assert page
    assert (page.tone, page.writes) == (tone, [])


NO_PLAN = "It stored no plan."
CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "a plan alone": ({"deployment": {"plan": RECORD["plan"]}}, NO_PLAN),
    "a snapshot alone": ({"deployment": {"snapshot": RECORD["snapshot"]}}, NO_PLAN),
    "an empty record": ({"deployment": {}}, NO_PLAN),
    "its snapshot is gone": (
        {"deployment": {**RECORD, "snapshot": {"key": "snapshots/9.json", "version_id": "1"}}},
        "Its plan is not in the bucket any more.",
    ),
}


@pytest.mark.parametrize(("members", "note"), CHANGED.values(), ids=CHANGED)
def test_why_it_is_not_known_what_a_release_changed(app: Aws, members: dict[str, Any], note: str) -> None:
    app.items = with_members(app.items, f"deployment#{at(30)}", **members)
    page = source().detail(("r", "v4"))
    assert page
    assert (page.changes, page.changes_note) == (None, note)


@pytest.mark.parametrize(
    ("members", "note"),
    [
        ({"schedule_key": None}, ""),
        ({"schedule_key": "other.json"}, "other.json, version v-1: the first that the history knows."),
        ({"started_at": at(28, "07:59")}, "scheduled_tasks.json, version v-1: the first that the history knows."),
    ],
    ids=["none", "another file", "it is the oldest"],
)
def test_with_which_schedule_file_a_release_is_compared(app: Aws, members: dict[str, Any], note: str) -> None:
    app.items = with_members(app.items, f"deployment#{at(30)}", **members)
    page = source().detail(("r", "v4"))
    assert page
    assert (page.diff, page.diff_note) == ([], note)


def test_a_line_of_dashes_differs_as_any_other(app: Aws) -> None:
    texts = {"v-0": b"---\na\n", "v-1": b"a\nb\n"}
    app.answers["GetObject"] = lambda asked: (
        {"Body": io.BytesIO(texts[asked["VersionId"]]), "LastModified": NOW}
        if asked["VersionId"] in texts
        else read(asked)
    )
    page = source().detail(("r", "v4"))
    assert page
    assert page.diff == ["@@ -1,2 +1,2 @@", "----", " a", "+b"]


def test_a_release_is_blamed_for_a_task_that_fails(app: Aws) -> None:
    app.items = with_members(app.items, "job#Fails", incident=INCIDENT)
    board = source()
    page = board.detail(("t", "Fails"))
    assert page
    assert page.why == ["The last run: 06:00 UTC exit 3, 12 s: ECS could not start it.", SAID]
    (trouble,) = (each for each in board.front().troubles if each.title.startswith("Fails "))
    assert trouble.why == ["ECS could not start it.", SAID]


def test_an_alarm_that_does_not_ring_is_no_trouble(app: Aws) -> None:
    app.answers["DescribeAlarms"] = {"MetricAlarms": [{"AlarmName": "rota-Runs", "StateValue": "OK"}]}
    assert not [each.title for each in source().front().troubles if "larm" in each.title]


def test_a_mistake_is_not_taken_for_a_refusal(app: Aws) -> None:
    def mistaken(_: Any) -> Any:
        raise ZeroDivisionError

    app.answers["DescribeAlarms"] = mistaken
    with pytest.raises(ZeroDivisionError):
        source().front()


def test_what_is_seen_of_a_deployment_whose_execution_is_gone(app: Aws) -> None:
    app.items = [each for each in app.items if each["record"] != "lease"]
    app.items.append(deploying("rolling", digest=digest("9")))
    shown = source().front().deploying
    assert shown
    assert (shown.remarks, {step.state for step in shown.steps}) == (
        ["A newer push waits.", "Its execution is GONE."],
        {"to come"},
    )


def test_what_is_known_by_an_id_is_called_by_its_name(app: Aws) -> None:
    upload = {"execution": EXECUTION + "file-7", "asks": ASKS, "summary": "y"}
    lease = deploying(None) | {"digest": None, "gates": {"pending_schedule": upload}}
    app.items = [each for each in app.items if each["record"] != "lease"] + [lease]
    board = source(writes=True)
    asked = [board.ask(*each) for each in (("approve", "c0ffee"), ("stop", "push-8"))]
    assert [each.title for each in asked if each] == [
        "Approve the change of the schedule file",
        "Stop what is under way",
    ]
    assert [board.ask(*each) for each in (("approve", ""), ("stop", ""), ("stop", "push-9"))] == [None] * 3
    app.items = [each for each in app.items if each["record"] != "lease"]
    assert source().ask("reject", "c0ffee") is None


def test_after_something_was_done_all_is_looked_at_again(app: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("rota.cli.board.gather.time", clock)
    monkeypatch.setattr("subprocess.run", lambda call, **_: subprocess.CompletedProcess(call, 0, "", ""))
    board = source()
    board.front()
    app.items = [each for each in app.items if not each["record"].startswith(("deployment#", "lease", "job#Gone"))]
    clock.sleep(0.5)
    unchanged = board.front()
    assert board.do("run", "Fails", {}) == "Started: rota run Fails"
    found = board.front()
    for page, known in ((unchanged, True), (found, False)):
        assert (bool(page.releases), page.held, "Gone" in {task.name for task in page.tasks}) == (known, known, known)


@pytest.fixture
def served(app: Aws, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser opens; what is served is ended at once, by Ctrl-C."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    opened: list[str] = []
    monkeypatch.setattr("socketserver.BaseServer.serve_forever", interrupt)
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: "token")
    monkeypatch.setattr("click.launch", opened.append)
    return opened


CLOSED = "rota: stopped\nThe board is closed.\n"


@pytest.mark.parametrize(
    ("options", "does"),
    [([], "only shows"), (["--allow-writes"], "shows, and does what you confirm")],
    ids=["it shows", "it does, too"],
)
def test_the_whole_answer_of_a_board_that_is_served(
    served: list[str], typed: Typed, options: list[str], does: str
) -> None:
    done = typed("board", *options)
    said = re.sub(r":\d+/", ":PORT/", done.out)
    assert said == (
        f"The board of production/shop is at\n  http://127.0.0.1:PORT/open?token=token\nIt {does}. Ctrl-C ends it.\n"
    )
    assert (done.exit, done.err, served) == (130, CLOSED, [])
    answer = json.loads(typed("board", *options, "--json").out)
    assert (answer["kind"], answer["writes"]) == ("serving", bool(options))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/open\?token=token", answer["address"])


@pytest.mark.parametrize(("option", "opens"), [((), True), (("--no-open",), False), (("--open",), True)])
@pytest.mark.usefixtures("terminal")
def test_at_a_terminal_the_browser_opens_it(
    served: list[str], typed: Typed, option: tuple[str, ...], opens: bool
) -> None:
    done = typed("board", *option)
    assert served == ([done.out.splitlines()[1].strip()] if opens else [])


def test_a_port_that_is_taken(served: list[str], typed: Typed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = typed("board", "--port", str(port))
    assert (done.exit, done.err) == (1, f"rota: port {port} is taken: Address already in use\nleave out --port\n")
    assert f":{port}/" in typed("board", "--port", str(port)).out


MISUSED = {
    "a week of what is served": (["--week"], "--week is about the file of --out", "the board itself shows both"),
    "a file that does": (
        ["--out", "x.html", "--allow-writes"],
        "a file only shows",
        "leave out --allow-writes, or --out",
    ),
}


@pytest.mark.parametrize(("options", "words", "todo"), MISUSED.values(), ids=MISUSED)
def test_options_that_do_not_fit(app: Aws, typed: Typed, options: list[str], words: str, todo: str) -> None:
    assert typed("board", *options) == (2, "", f"rota: {words}\n{todo}\n")


def test_without_jinja_it_says_what_to_install(app: Aws, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    refused = typed("board", "--json")
    error = json.loads(refused.err)
    assert (refused.exit, error["error"], error["message"], error["todo"]) == (
        *(2, "NoJinja2", "the board needs the package jinja2"),
        "pip install jinja2",
    )


@pytest.mark.parametrize(("options", "hours"), [([], 24), (["--week"], 168)], ids=["a day", "a week"])
def test_the_page_as_a_file(app: Aws, typed: Typed, tmp_path: Path, options: list[str], hours: int) -> None:
    file = tmp_path / "board.html"
    assert typed("board", "--out", str(file), *options) == (0, f"{file}: Fails fails\n", "")
    html = file.read_text(encoding="utf-8")
    assert f"within {hours} hours" in html
    assert ("<script" in html, "/do/" in html, "“the sale”" in html) == (False, False, True)
    answer = json.loads(typed("board", "--out", str(file), *options, "--json").out)
    assert (answer["kind"], answer["file"], answer["headline"]) == ("board", str(file), "Fails fails")


def test_what_an_app_has_logged_is_shown_as_it_is(app: Aws) -> None:
    line = f"pulls sha256:{'a' * 64}, or start {{}}"
    page = {"events": [{"timestamp": 0, "message": line}], "nextForwardToken": "f", "nextBackwardToken": "b"}
    app.answers["GetLogEvents"] = page
    shown = source().detail(("t", "Fails"))
    assert shown
    assert [each.because for each in shown.facts if each.what == "log"] == [line]
