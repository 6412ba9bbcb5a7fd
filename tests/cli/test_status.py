"""`rota status`, whole: what people see and what programs read, of an app of which everything can be said."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import click
import pytest

from rota.cli.status import gather
from tests.cli.conftest import ACCOUNT, NOW, Aws, Played, Typed

APP, RUNS = "production/shop", "runs#production/shop"
EXECUTION = f"arn:aws:states:{ACCOUNT}:execution:rota-deploy:"


def at(day: int, time: str = "09:00") -> str:
    return f"2026-11-{day}T{time}:00+00:00"


def digest(character: str) -> str:
    return "sha256:" + character * 64


def rule(task: str, expression: str = "cron(0 6 * * ? *)", **members: Any) -> dict[str, Any]:
    arn = f"arn:aws:events:{ACCOUNT}:rule/shop__{task}"
    return {"Name": f"shop__{task}", "Arn": arn, "ScheduleExpression": expression, "State": "ENABLED", **members}


def run(task: str, due: str, status: str, **members: Any) -> dict[str, Any]:
    key = {"app": RUNS, "record": f"run#{task}#{due}#1", "task": task}
    return {**key, "scheduled_at": due, "status": status, **members}


def job(task: str, expression: str = "cron(0 6 * * ? *)", **members: Any) -> dict[str, Any]:
    spans = [{"expression": expression, "since": at(1)}]
    return {"app": RUNS, "record": f"job#{task}", "task": task, "spans": spans, **members}


LIVE = {
    "number": 4,
    "live_digest": digest("d"),
    "live_tag": "d4",
    "live_since": at(30),
    "live_schedule_key": "scheduled_tasks.json",
    "live_schedule_version": "v-1",
}
MADE = {"release": 4, "digest": digest("d"), "tag": "d4", "outcome": "deployed", "finished_at": at(30, "09:00")}
MADE |= {"by": "user/bo", "reason": "new prices", "schedule_key": "scheduled_tasks.json", "schedule_version": "v-1"}
THIRD = {"release": 3, "digest": digest("c"), "tag": "c3", "outcome": "deployed", "finished_at": at(29, "05:00")}
FAILED = {"digest": digest("e"), "tag": "e5", "outcome": "failed", "finished_at": at(30, "11:00"), "cause": "no\nyes"}
PENDING = {"image": {"digest": digest("f"), "tag": "f6"}, "execution": EXECUTION + "push-6"}
SINCE = {"since": at(30, "08:00"), "reason": "the sale"}
GATES = {
    "hold": {"by": "user/ana", "until": at(30, "18:00"), **SINCE},
    "pending": PENDING,
    "pending_schedule": {"execution": EXECUTION + "file-7", "origin": {"by": "user/bo"}, "due": at(30, "12:02")},
    "bars": [
        {"digest": digest("b"), "tag": "b2", "by": "user/ana", "reason": "the login fails"},
        {"digest": digest("c"), "by": "", "reason": ""},
    ],
}
WORDS = {"words": "the job ended with exit code 3", "why": "exit_code"}
OF_THIRD = {"release": {"digest": digest("c")}, "created_at": at(30, "06:00")}
FAILS = run("Fails", at(30, "06:00"), "failed", exit_code=3, seconds="12.5", reason=WORDS, **OF_THIRD)
ITEMS: list[dict[str, Any]] = [
    {"app": APP, "record": "releases", **LIVE},
    {"app": APP, "record": "lease", "gates": GATES},
    {"app": APP, "record": f"deployment#{at(30)}", "execution": EXECUTION + "push-4", "kind": "push", **MADE},
    {"app": APP, "record": f"deployment#{at(30, '11:00')}", "execution": EXECUTION + "push-5", **FAILED},
    {"app": APP, "record": f"deployment#{at(29)}", "execution": EXECUTION + "push-3", "started_by": "by hand", **THIRD},
    {"app": RUNS, "record": "sweep", "live_since": at(30)},
    job("Fails", bad_runs=2, owner="team-data"),
    run("Fails", at(28, "06:00"), "ok"),
    run("Fails", at(29, "06:00"), "missed"),
    FAILS,
    job("Tried"),
    run("Tried", at(29, "06:00"), "failed", reason={"words": "it was stopped"}),
    run(
        "Tried",
        at(30, "10:00"),
        "ok",
        seconds=3,
        trigger="by_hand",
        created_at=at(30, "10:00"),
        release={"digest": digest("d")},
    ),
    job("Paused", "rate(1 hour)"),
    job("Gone"),
    job("Zoned", "cron(0 6 * * ? *)"),
    job("Off", spans=[{"expression": "rate(1 day)", "since": at(1), "until": at(2)}]),
    {"app": "pauses#production/shop", "record": "pause#Paused", "task": "Paused", "by": "user/ana", **SINCE},
]
SCHEDULER = {"Name": "shop__Zoned", "GroupName": "rota-group", "State": "ENABLED"}
SCHEDULER |= {"ScheduleExpression": "cron(30 7 * * ? *)", "ScheduleExpressionTimezone": "Europe/Amsterdam"}
SERVICE = {
    "status": "ACTIVE",
    "taskDefinition": f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:7",
    "runningCount": 2,
    "desiredCount": 3,
    "deployments": [
        {"status": "ACTIVE", "rolloutState": "COMPLETED", "runningCount": 1},
        {"status": "PRIMARY", "rolloutState": "IN_PROGRESS", "runningCount": 1},
    ],
}
RULES = [
    rule("Fails"),
    rule("Tried", "cron(0 7 * * ? *)", State="DISABLED"),
    rule("Paused", "rate(1 hour)", State="DISABLED"),
    rule("Off", "rate(1 day)", State="DISABLED"),
    rule("Foreign", "rate(2 hours)"),
    rule("Soon", "cron(30 12 * * ? *)"),
]


@pytest.fixture
def app(aws: Aws) -> Aws:
    """An app of which everything can be said that is said while nothing deploys."""
    aws.items = [*ITEMS]
    aws.answers |= {
        "ListRules": {"Rules": RULES},
        "ListTagsForResource": {"Tags": []},
        "ListSchedules": {"Schedules": [SCHEDULER]},
        "GetSchedule": {**SCHEDULER, "Target": {"Arn": "a", "RoleArn": "r"}},
        "DescribeServices": {"services": [SERVICE]},
    }
    return aws


def deploying(phase: str | None = "rolling", **image: Any) -> dict[str, Any]:
    """The lease while a push is deployed; without a phase it has not planned yet."""
    started = {"execution": {"id": EXECUTION + "push-8", "started_at": at(30, "11:59")}}
    origin = {"origin": {"kind": "image", "by": "user/bo", "reason": "new prices"}}
    record = {"deployment": {"phase": phase, "image": image, **started, **origin}} if phase else {}
    key = {"app": APP, "record": "lease", "holder": EXECUTION + "push-8", "digest": digest("9")}
    return {**key, **record, "announced": True, "gates": {"pending": PENDING | TO_APPROVE}}


ASKS = {"changes": "c0ffee", "until": at(30, "20:00")}
RUNNING = {"status": "RUNNING", "startDate": NOW - timedelta(minutes=5)}
UPLOAD = {"execution": EXECUTION + "file-7", "due": at(30, "12:00")}
TO_APPROVE = {"asks": ASKS, "summary": "1 new"}
RESTORING = {"execution": EXECUTION + "push-8", "outcome": "restoring", "digest": digest("a")}


def test_the_whole_answer(app: Aws, played: Played) -> None:
    played("status", "status", "status --json", "status --exit-code")


def test_the_whole_answer_while_something_deploys(app: Aws, played: Played) -> None:
    """Schedules are not compared meanwhile, and runs are of the release that is live."""
    app.items[1] = deploying(digest=digest("a"), tag="a8")
    app.answers["DescribeExecution"] = RUNNING
    app.parameters["DeployWindow"] = "Mon 13:00-17:00 UTC"
    played("status_deploying", "status", "status --json")


def test_the_whole_answer_of_all_stacks(app: Aws, played: Played) -> None:
    other = {**app.stack, "StackName": "other", "Outputs": [{"OutputKey": "Bucket", "OutputValue": "b"}]}
    bare = {**app.stack, "StackName": "bare", "Parameters": [*app.stack["Parameters"]]}
    bare["Parameters"] = [each | {"ParameterValue": "n"} for each in bare["Parameters"]]
    app.answers["DescribeStacks"] = {"Stacks": [app.stack, other, bare]}
    played("status_all", "status --all", "status --all --json")


def test_a_stack_that_is_half_done_shows_in_the_exit_code(app: Aws, played: Played) -> None:
    app.items += [{"app": APP, "record": f"deployment#{at(30, '11:59')}", **RESTORING}]
    app.items[1] = deploying(None)
    app.answers["DescribeExecution"] = RUNNING | {"status": "ABORTED"}
    app.answers["DescribeStacks"] = {"Stacks": [app.stack]}
    played("status_half_done", "status", "status --all", "status --exit-code")


def test_what_cannot_be_asked_for(app: Aws, played: Played) -> None:
    app.answers["DescribeStacks"] = {"Stacks": []}
    played("status_refused", "status --all --watch", "status --all")


def test_an_app_whose_runs_are_not_watched_and_that_has_no_service(app: Aws, played: Played) -> None:
    app.parameters["WatchRuns"] = "false"
    app.answers["DescribeServices"] = {"services": [SERVICE | {"status": "INACTIVE"}]}
    app.items = [{"app": APP, "record": "releases", **LIVE, "live_tag": None}]
    played("status_unwatched", "status", "status --json")


def gates(**given: Any) -> dict[str, Any]:
    return {"app": APP, "record": "lease", "gates": given}


@pytest.mark.parametrize(
    ("lease", "words"),
    [
        (gates(pending=PENDING), "the push of f6 is started within minutes"),
        (gates(pending=PENDING | {"asks": ASKS, "answer": {"by": "bo"}}), "the push of f6 is started within minutes"),
        (
            gates(pending=PENDING | TO_APPROVE, pending_schedule=UPLOAD),
            "the push of f6 waits for an approval until 20:00: 1 new. Look at it: rota plan --image f6. Then rota "
            "approve c0ffee --reason ..., or rota reject likewise\n"
            "the change of the schedule file waits for the push, which may be approved or rejected",
        ),
        (
            gates(pending=PENDING, pending_schedule=UPLOAD),
            "the push of f6 is started within minutes\nthe change of the schedule file is started within minutes",
        ),
        (
            gates(pending=PENDING | TO_APPROVE, pending_schedule=UPLOAD | {"due": None}),
            "the push of f6 waits for an approval until 20:00: 1 new. Look at it: rota plan --image f6. Then rota "
            "approve c0ffee --reason ..., or rota reject likewise\n"
            "the change of the schedule file is started within minutes",
        ),
        (
            gates(pending_schedule=UPLOAD | TO_APPROVE),
            "the change of the schedule file waits for an approval until 20:00: 1 new. Look at it: rota plan. Then "
            "rota approve c0ffee --reason ..., or rota reject likewise",
        ),
        (
            gates(pending_schedule=UPLOAD | {"due": at(30, "12:01")}),
            "the change of the schedule file is started at 12:01, unless an image is deployed before",
        ),
        (gates(hold={"by": "ana", "until": at(30, "12:00")}), ""),
        (gates(hold={"by": "ana", "until": at(30, "12:01")}), "deployments are held by ana until 12:01"),
        (gates(hold={"reason": "sale"}), 'deployments are held: "sale"'),
    ],
    ids=[
        *("a push", "an approved push", "a file behind a push", "a push and a file", "a file without a time"),
        *("a file to approve", "a file to be started", "a hold that has ended", "a hold that lasts", "by nobody"),
    ],
)
def test_what_is_held_waits_for(app: Aws, typed: Typed, lease: dict[str, Any], words: str) -> None:
    app.items = [app.items[0], lease]
    app.answers |= {"ListRules": {"Rules": []}, "ListSchedules": {"Schedules": []}}
    shown = typed("status", "--no-color").out.partition("nothing deploys")[2].rpartition("\nNo schedule")[0]
    assert " ".join(shown.split()) == " ".join(words.split())


@pytest.mark.parametrize(
    ("lease", "described", "words"),
    [
        (deploying(digest=digest("a")), RUNNING, "deploying sha256:aaaaaaaa for 60 s: rolling; a newer push waits"),
        (deploying(None), RUNNING, "deploying sha256:99999999 for 5 min: planning; a newer push waits"),
        (deploying(None) | {"digest": None}, RUNNING, "deploying for 5 min: planning; a newer push waits"),
        (
            deploying("registering") | {"announced": False, "digest": None},
            RUNNING | {"status": "SUCCEEDED"},
            "deploying for 60 s: its execution is SUCCEEDED",
        ),
    ],
    ids=["no tag", "it has not planned", "no image is known", "it has ended"],
)
def test_what_deploys(app: Aws, typed: Typed, lease: dict[str, Any], described: Any, words: str) -> None:
    app.items[1] = lease
    app.answers["DescribeExecution"] = described
    assert typed("status").out.splitlines()[2] == f"<cyan>{words}</>"


@pytest.mark.parametrize(
    ("restorer", "half_done"), [("RUNNING", False), ("FAILED", True)], ids=["is restored", "could not be"]
)
def test_an_aborted_deployment(app: Aws, typed: Typed, restorer: str, half_done: bool) -> None:
    app.items += [{"app": APP, "record": f"deployment#{at(30, '11:59')}", **RESTORING}]
    app.items[1] = deploying(None) | {"restorer": EXECUTION + "restore-8"}

    def described(request: dict[str, Any]) -> dict[str, Any]:
        return RUNNING | {"status": restorer if request["executionArn"].endswith(":restore-8") else "ABORTED"}

    app.answers["DescribeExecution"] = described
    shown = typed("status")
    assert (shown.exit, "HALF DONE: push-8 failed" in shown.out) == ((5, True) if half_done else (0, False))
    assert ("its execution is ABORTED" in shown.out) is not half_done


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        ("failed", "the last deployment failed 60 min ago: no   rota explain"),
        ("aborted", "the last deployment was aborted 60 min ago: no   rota explain"),
        ("deployed", ""),
    ],
)
def test_the_last_deployment_is_said_if_it_did_not_go_live(app: Aws, typed: Typed, outcome: str, line: str) -> None:
    app.items = [{**each, "outcome": outcome, "tag": None} if "push-5" in str(each) else each for each in app.items]
    lines = typed("status", "--no-color").out.splitlines()
    assert [each for each in lines if each.startswith("the last deployment")] == ([line] if line else [])


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (3, "v3 tag d4 sha256:dddddddd   live for 31 h, again"),
        (9, "v9 tag d4 sha256:dddddddd   live for 3 h   "),
        (None, "tag d4 sha256:dddddddd   live for 3 h   "),
    ],
    ids=["by hand", "its deployment is not known", "it has no number"],
)
def test_since_when_a_release_is_live_and_how(app: Aws, typed: Typed, number: int | None, said: str) -> None:
    app.items = [{**each, "number": number} if each["record"] == "releases" else each for each in app.items]
    assert f"production/shop   {said}" in typed("status", "--no-color").out


def test_since_when_a_release_is_live_may_not_be_known(app: Aws, typed: Typed) -> None:
    app.items = [{"app": APP, "record": "releases", **LIVE, "live_since": None}]
    assert "sha256:dddddddd   live   2 of 3" in typed("status", "--no-color").out


RUN_WORDS = {
    "ok": "06:00 ok, 12 s",
    "failed": "06:00 failed, 12 s",
    "not_started": "06:00 did not start, 12 s",
    "missed": "06:00 missed, 12 s",
    "unknown": "06:00 unknown, 12 s",
    "starting": "06:00 starts, 12 s",
    "running": "06:00 runs",
    "skipped": "06:00 skipped, 12 s",
    "replaced": "06:00 replaced, 12 s",
}


@pytest.mark.parametrize(("status", "words"), RUN_WORDS.items(), ids=RUN_WORDS)
def test_what_the_last_run_came_to(app: Aws, typed: Typed, status: str, words: str) -> None:
    app.items = [job("Soon"), run("Soon", at(30, "06:00"), status, seconds=12)]
    app.answers["ListRules"] = {"Rules": [RULES[-1]]}
    (row,) = (line for line in typed("status", "--no-color").out.splitlines() if line.startswith("Soon "))
    assert row.partition("  ")[2].strip()[1:].strip() == f"{words}  in 30 min"


@pytest.mark.parametrize(
    ("expression", "words"),
    [("cron(59 12 * * ? *)", "in 59 min"), ("cron(0 13 * * ? *)", "13:00"), ("cron(1 13 * * ? *)", "13:01")],
    ids=["just before", "at", "after"],
)
def test_the_next_run_within_an_hour_is_said_otherwise(app: Aws, typed: Typed, expression: str, words: str) -> None:
    app.answers["ListRules"] = {"Rules": [rule("Soon", expression)]}
    (row,) = (line for line in typed("status").out.splitlines() if line.startswith("Soon "))
    assert row.endswith(f"no run yet                {words}")


def test_only_twenty_runs_are_shown_and_ten_deployments_are_looked_at(app: Aws, typed: Typed) -> None:
    runs = [run("Fails", at(29, f"{hour:02}:00"), "failed" if hour == 0 else "ok") for hour in range(21)]
    pauses = [
        {"app": APP, "record": f"deployment#{at(30, f'11:{minute}')}", "outcome": "done", "execution": "e"}
        for minute in range(10, 19)
    ]
    app.items = [app.items[0], {**app.items[3], "record": "deployment#2"}, *pauses, job("Fails"), *runs]
    shown = typed("status").out
    assert f"Fails    {'.' * 20}  20:00" in shown.replace("yesterday ", "")
    assert "the last deployment, of e5, failed" in shown
    app.items = [{**pauses[0], "record": f"deployment#{at(30, '11:59')}"}, *app.items]
    app.items = [each for each in app.items if each["record"] != "deployment#2"]
    app.items.append({**ITEMS[3], "record": "deployment#1"})
    assert "the last deployment" not in typed("status").out


def test_it_is_shown_again_when_something_has_changed(app: Aws, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every five seconds, until Ctrl-C; as JSON at each look."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            app.items.pop(1)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.status.command.time", SimpleNamespace(sleep=sleep))
    shown = typed("status", "--watch")
    assert (shown.exit, waited, shown.out.count("production/shop"), shown.out.count("are held")) == (130, [5] * 3, 2, 1)
    waited.clear()
    looks = [json.loads(line) for line in typed("status", "--watch", "--json").out.splitlines()]
    assert [(each["event"], each["kind"], each["app"]) for each in looks] == [("status", "status", APP)] * 3


def test_a_job_that_never_runs_again(app: Aws, typed: Typed) -> None:
    app.answers["ListRules"] = {"Rules": [rule("Over", "cron(0 6 1 1 ? 2026)")]}
    (row,) = (line for line in typed("status").out.splitlines() if line.startswith("Over "))
    assert row.split("  ")[-1] == "never again"


ORIGINS: dict[str, tuple[dict[str, Any], tuple[str | None, str, str]]] = {
    "nothing": ({}, (None, "", "")),
    "a push, of an earlier version": ({"started_by": "push"}, ("push", "", "")),
    "by hand, of an earlier version": ({"started_by": "by hand"}, ("again", "", "")),
    "another way": ({"started_by": "x"}, (None, "", "")),
    "as it says": (
        {"kind": "image", "by": "ana", "reason": "sale", "started_by": "push", "origin": {"kind": "x", "by": "x"}},
        ("image", "ana", "sale"),
    ),
    "as its input said": ({"origin": {"kind": "again", "by": "bo", "reason": "prices"}}, ("again", "bo", "prices")),
    "as its record says": ({"deployment": {"origin": {"kind": "image", "by": "bo"}}}, ("image", "bo", "")),
    "its own first": (
        {"origin": {"by": "ana"}, "deployment": {"origin": {"by": "bo", "kind": "image"}}},
        (None, "ana", ""),
    ),
}


@pytest.mark.parametrize(("entry", "origin"), ORIGINS.values(), ids=ORIGINS)
def test_who_began_a_deployment_how_and_why(entry: dict[str, Any], origin: tuple[str | None, str, str]) -> None:
    assert gather.origin(entry) == dict(zip(("kind", "by", "reason"), origin, strict=True))


SERVICES: dict[str, tuple[list[dict[str, Any]], list[Any] | None]] = {
    "it rolls": ([SERVICE], ["shop:7", 2, 3, "IN_PROGRESS", 1]),
    "no deployments": ([{**SERVICE, "deployments": []}], ["shop:7", 2, 3, "", 0]),
    "none of them is said": (
        [{name: value for name, value in SERVICE.items() if name != "deployments"}],
        ["shop:7", 2, 3, "", 0],
    ),
    "little is said": ([{**SERVICE, "deployments": [{"status": "PRIMARY"}]}], ["shop:7", 2, 3, "", 0]),
    "it drains": ([{**SERVICE, "status": "DRAINING"}], None),
    "there is none": ([], None),
}


@pytest.mark.parametrize(("services", "found"), SERVICES.values(), ids=SERVICES)
def test_what_ecs_says_of_the_service(
    app: Aws, typed: Typed, services: list[dict[str, Any]], found: list[Any] | None
) -> None:
    app.answers["DescribeServices"] = {"services": services}
    service = json.loads(typed("status", "--json").out)["service"]
    assert (service and [*service.values()]) == found


WINDOWS = [("Mon 12:00-13:00 UTC", None), ("Mon 13:00-17:00 UTC", "2026-11-30T13:00:00Z"), ("Mon 9-17 UTC", None)]


@pytest.mark.parametrize(("window", "opens"), [*WINDOWS, ("", None)], ids=["open", "shut", "unreadable", "none"])
def test_when_the_window_opens_for_what_waits(app: Aws, typed: Typed, window: str, opens: str | None) -> None:
    app.parameters["DeployWindow"] = window
    shown = json.loads(typed("status", "--json").out)
    assert [shown[name]["opens"] for name in ("pending", "pending_schedule")] == [opens, opens]


@pytest.mark.usefixtures("terminal")
def test_at_a_terminal_each_look_has_the_screen(app: Aws, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing has changed: the time has."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.status.command.time", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr("click.clear", lambda: click.echo("(cleared)"))
    shown = typed("status", "--watch").out
    assert [line[:17] for line in shown.splitlines() if "(cleared)" in line or "production/shop" in line] == [
        "(cleared)",
        "<bold>production/",
    ] * 3


def test_a_stack_in_which_nothing_is_live(app: Aws, typed: Typed) -> None:
    app.items, app.answers["DescribeStacks"] = [], {"Stacks": [app.stack]}
    app.answers["DescribeServices"] = {"services": []}
    (stack,) = json.loads(typed("status", "--all", "--json").out)["stacks"]
    of_none = dict.fromkeys(("release", "tag", "running", "desired"))
    assert stack == {"stack": "rota", "app": APP, **of_none, "deploying": False, "half_done": False, "failing": []}
