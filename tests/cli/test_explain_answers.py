"""`rota explain`, whole: of a task, a release and an execution everything that AWS and the table say."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.cli.conftest import ACCOUNT, NOW, Answer, Aws, Played, Typed
from tests.cli.test_explain import WHOLE
from tests.cli.test_status import (
    APP,
    EXECUTION,
    ITEMS,
    RULES,
    RUNNING,
    SCHEDULER,
    at,
    deploying,
    digest,
    job,
    rule,
    run,
)

REVISION = f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:7"
TASK = f"arn:aws:ecs:{ACCOUNT}:task/production/4f2a4f2a4f2a"
FILE = '{"tasks": [\n  {"name": "Fails", "task": "fail"},\n  {"name": "Paused", "task": "p"}\n]}'
TARGETS: list[dict[str, Any]] = [
    {
        "Id": "Fails",
        "Arn": f"arn:aws:ecs:{ACCOUNT}:cluster/production",
        "RoleArn": f"arn:aws:iam::{ACCOUNT[-12:]}:role/events",
        "EcsParameters": {"TaskDefinitionArn": REVISION},
    },
    {"Id": "2", "Arn": "arn:other"},
    {"Id": "3", "Arn": "arn:other"},
]
OPTIONS = {"awslogs-group": "/ecs/shop", "awslogs-stream-prefix": "jobs"}
CONTAINERS = [
    {"name": "proxy", "image": "envoy:1"},
    {
        "name": "app",
        "image": f"{ACCOUNT[-12:]}.dkr.ecr.eu-west-1.amazonaws.com/shop@{digest('d')}",
        "logConfiguration": {"logDriver": "awslogs", "options": OPTIONS},
    },
]
DEFINITION = {"family": "shop", "status": "ACTIVE", "cpu": "256", "memory": "512", "containerDefinitions": CONTAINERS}
TAGS = [{"key": "team", "value": "data"}, {"key": "rota:execution", "value": "push-4"}]
PLAN = {"plan": {"key": "plans/4.json", "version_id": "p-4"}}
FIRST = {"runs": 2, "first": {"release": {"number": 3}}, "last_good": {"release": {"tag": "c3"}}, "id": "Fails#1"}
REASON = {"words": "ECS could not start it", "aws": "CannotPullContainer", "todo": "look at the image", "why": "x"}
RAN = {"task_arn": TASK, "revision": REVISION, "seconds": 12}
LAST = run("Fails", at(30, "06:00"), "failed", exit_code=3, reason=REASON, **RAN)


def stored(request: dict[str, Any]) -> dict[str, Any]:
    """The live schedule file, and the plan of the fourth push."""
    assert request["Bucket"] == "rota-bucket"
    texts = {("scheduled_tasks.json", "v-1"): FILE, ("plans/4.json", "p-4"): json.dumps({"base": {"arn": "a/shop:5"}})}
    text = texts[request["Key"], request["VersionId"]]
    return {"Body": io.BytesIO(text.encode()), "LastModified": NOW.replace(day=29)}


def with_members(items: Iterable[Mapping[str, Any]], record: str, **members: Any) -> list[Mapping[str, Any]]:
    return [{**each, **members} if each["record"].startswith(record) else each for each in items]


@pytest.fixture
def app(aws: Aws) -> Aws:
    aws.items = [*with_members(ITEMS, "job#Fails", incident=FIRST)]
    aws.items = with_members(aws.items, f"deployment#{at(30)}", summary="schedules: 1 new", deployment=PLAN)
    aws.items = [LAST if each.get("scheduled_at") == LAST["scheduled_at"] else each for each in aws.items]

    def read(request: dict[str, Any]) -> Any:
        found = [each for each in RULES if each["Name"] == request["Name"]]
        return found[0] if found else "ResourceNotFoundException"

    events = [{"timestamp": 0, "message": f"line {number}\n"} for number in range(12)]
    aws.answers |= {
        "DescribeRule": read,
        "GetSchedule": "ResourceNotFoundException",
        "ListTargetsByRule": {"Targets": TARGETS},
        "ListTagsForResource": {"Tags": [{"Key": "rota:app", "Value": "production/shop"}]},
        "DescribeTaskDefinition": {"taskDefinition": DEFINITION, "tags": TAGS},
        "GetObject": stored,
        "DescribeTasks": {"tasks": []},
        "GetLogEvents": {"events": events, "nextForwardToken": "f", "nextBackwardToken": "b"},
        "DescribeExecution": "ExecutionDoesNotExist",
    }
    return aws


def test_the_whole_answer_of_a_task(app: Aws, played: Played) -> None:
    played("explain_task", "explain Fails", "explain Fails --json", "explain shop__Fails")


def test_the_whole_answer_of_a_paused_task(app: Aws, played: Played) -> None:
    app.items = with_members(app.items, "pause#", until=at(30, "20:00"))
    app.answers["ListTargetsByRule"] = {"Targets": TARGETS[:1]}
    app.answers["DescribeTaskDefinition"] = {"taskDefinition": DEFINITION | {"status": "INACTIVE"}}
    played("explain_paused", "explain Paused", "explain Paused --stack rota")


def test_the_whole_answer_of_a_schedule_in_scheduler(app: Aws, played: Played) -> None:
    app.answers["GetSchedule"] = {**SCHEDULER, "Target": TARGETS[0]}
    app.answers["DescribeTaskDefinition"] = {
        "taskDefinition": {**DEFINITION, "containerDefinitions": [{"name": "app", "image": "shop:latest"}]},
        "tags": [{"key": "rota:execution", "value": "push-1"}],
    }
    played("explain_zoned", "explain Zoned")


def test_the_whole_answer_of_what_has_no_schedule(app: Aws, played: Played) -> None:
    played("explain_gone", "explain Gone --region eu-west-1")


def test_the_whole_answer_of_a_rule_that_is_not_rotas(app: Aws, played: Played) -> None:
    app.items = [each for each in app.items if each["record"] != "sweep"]
    app.parameters["WatchRuns"] = "false"
    app.answers |= {"ListTagsForResource": {"Tags": [{"Key": "rota:app", "Value": "other/app"}]}}
    app.answers |= {"ListTargetsByRule": {"Targets": []}, "GetObject": "NoSuchVersion"}
    played("explain_foreign", "explain Foreign")
    app.answers |= {"ListTagsForResource": {"Tags": []}, "GetObject": "AccessDenied"}
    played("explain_untagged", "explain Foreign")


def paused(record: str, kind: str, finished: str, **members: Any) -> dict[str, Any]:
    entry = {"execution": EXECUTION + record, "outcome": "done", "kind": kind, "finished_at": finished}
    return {"app": APP, "record": f"deployment#{finished}#{record}", "paused": ["Tried"], **entry, **members}


@pytest.mark.parametrize("resumed", [True, False], ids=["a person resumed it", "its time was up"])
def test_the_whole_answer_of_a_task_that_was_paused(app: Aws, played: Played, resumed: bool) -> None:
    app.answers["DescribeRule"] = rule("Tried", "cron(0 7 * * ? *)")
    until = {} if resumed else {"until": at(30, "08:00")}
    app.items += [paused("p-1", "pause", at(28, "12:00"), by="user/ana", reason="the sale", **until)]
    app.items += [paused("p-2", "resume", at(30, "08:30"), by="user/bo")] if resumed else []
    app.items = [each for each in app.items if each.get("scheduled_at") != at(30, "10:00")]
    played(f"explain_was_paused_{'resumed' if resumed else 'ended'}", "explain Tried")


@pytest.mark.parametrize(
    ("finished", "shown"), [(at(23, "12:00"), True), (at(23, "11:59"), False)], ids=["a week ago", "longer ago"]
)
def test_a_pause_that_is_over_is_shown_for_a_week(app: Aws, typed: Typed, finished: str, shown: bool) -> None:
    app.items += [paused("p-1", "pause", at(20, "12:00")), paused("p-2", "resume", finished)]
    said = typed("explain", "Tried").out
    assert ("  was paused " in said) == shown


@pytest.mark.parametrize(
    ("incident", "words"),
    [
        ({"runs": 1, "first": {}}, "1 bad run, the first on an unknown release"),
        ({"first": {"release": {"digest": digest("a")}}}, "1 bad run, the first on sha256:aaaaaaaaaaaa"),
        (
            {"runs": 3, "first": {"release": {"number": 2}}, "last_good": {"release": {"number": 1, "tag": "a1"}}},
            "3 bad runs, the first on v2; the last good run was on v1",
        ),
        ({"recovered": True, "first": {}}, None),
        (None, None),
    ],
    ids=["nothing is known", "a digest", "releases", "it has recovered", "there is none"],
)
def test_since_when_a_job_fails(app: Aws, typed: Typed, incident: Any, words: str | None) -> None:
    app.items = with_members(app.items, "job#Fails", incident=incident and {"id": "Fails#1", **incident})
    rows = [line.strip() for line in typed("explain", "Fails", "--no-color").out.splitlines() if "  incident " in line]
    assert [" ".join(each.split()) for each in rows] == ([f"incident Fails#1: {words}"] if words else [])


def test_the_whole_answer_of_deployments_and_executions(app: Aws, played: Played) -> None:
    bar = {"digest": digest("e"), "by": "user/ana", "reason": "the login fails"}
    app.items[1] = {"app": APP, "record": "lease", "gates": {"bars": [bar]}}
    app.items += [{"app": APP, "record": "deployment#2", **WHOLE, "release": 2}]
    app.items += [{"app": APP, "record": "deployment#1", **WHOLE, "release": 1, "durations": ""}]
    lines = [
        "",
        "v1",
        "v2",
        "v4",
        "d4",
        "previous",
        "push-5",
        f"{EXECUTION}push-5",
        "push-99",
        "arn:aws:states:a:b:execution:c:d",
    ]
    played("explain_deployments", *(f"explain {each}".strip() for each in lines), "explain v4 --json")


def test_the_whole_answer_of_an_execution_that_no_ledger_has(app: Aws, played: Played) -> None:
    event = {"detail": {"image-tag": "x" * 400}}
    described = RUNNING | {"name": "push-8", "input": json.dumps(event), "cause": "no more", "error": "States.Timeout"}
    app.answers["DescribeExecution"] = described
    app.items[1] = deploying("rolling", digest=digest("a"))
    played("explain_running", "explain", "explain push-8", "explain Fails")


@pytest.mark.parametrize(
    ("outcomes", "named"),
    [
        (["deployed", "failed"], "push-1: failed"),
        (["deployed", "aborted"], "push-1: aborted"),
        (["deployed", "restoring"], "push-1: restoring"),
        (["failed", "deployed", "overtaken"], "push-1: deployed"),
        (["overtaken"], "push-0: overtaken"),
    ],
    ids=["failed", "aborted", "restoring", "the live one", "none was deployed"],
)
def test_without_a_name_what_comes_first(app: Aws, typed: Typed, outcomes: list[str], named: str) -> None:
    app.items = [
        {"app": APP, "record": f"deployment#{number}", "execution": EXECUTION + f"p-{number}", "outcome": outcome}
        | {"digest": digest("a"), "tag": f"push-{number}"}
        for number, outcome in enumerate(outcomes)
    ]
    headline = typed("explain", "--no-color").out.splitlines()[0]
    assert headline == named.replace(":", " sha256:aaaaaaaaaaaa:")


def test_nothing_was_deployed(aws: Aws, played: Played) -> None:
    played("explain_nothing", "explain", "explain --json")


ANSWERS: dict[str, tuple[str, Answer, str]] = {
    "nothing logged": ("GetLogEvents", "ResourceNotFoundException", "it has logged nothing"),
    "denied": ("GetLogEvents", "AccessDeniedException", "not to be seen: GetLogEvents is denied"),
    "throttled": ("GetLogEvents", "ThrottlingException", "could not be read just now"),
}


@pytest.mark.parametrize(("operation", "answer", "words"), ANSWERS.values(), ids=ANSWERS)
def test_why_no_line_of_the_log_is_shown(app: Aws, typed: Typed, operation: str, answer: Answer, words: str) -> None:
    app.answers[operation] = answer
    (row,) = (line for line in typed("explain", "Fails", "--no-color").out.splitlines() if line.startswith("  log "))
    assert row.split(maxsplit=1)[1] == words


@pytest.mark.parametrize("lacking", ["task_arn", "revision"])
def test_a_run_that_did_not_begin_has_no_log(app: Aws, typed: Typed, lacking: str) -> None:
    without = {name: value for name, value in LAST.items() if name != lacking}
    app.items = [without if each.get("scheduled_at") == LAST["scheduled_at"] else each for each in app.items]
    shown = typed("explain", "Fails", "--no-color").out
    assert ("\n  log " in shown, "Its log: rota logs Fails" in shown) == (False, lacking == "revision")
    assert "Run it once more: rota run Fails" in shown


def test_a_job_that_has_no_run_yet(app: Aws, typed: Typed) -> None:
    app.items += [job("Soon")]
    rows = [" ".join(line.split()) for line in typed("explain", "Soon", "--no-color").out.splitlines()]
    assert "runs -: none is recorded yet" in rows


def rows(typed: Typed, task: str) -> list[str]:
    return [" ".join(line.split()) for line in typed("explain", task, "--no-color").out.splitlines()]


def test_a_job_that_has_left_the_file_is_explained_by_its_runs(app: Aws, typed: Typed) -> None:
    app.items = [LAST | {"task": "Left", "record": "run#Left#1#1"}]
    assert rows(typed, "Left")[0] == "Left does not run: it has no schedule"


def test_an_earlier_pause_is_not_said_while_another_is_in_force(app: Aws, typed: Typed) -> None:
    app.items += [paused("p-1", "pause", at(29, "08:00")) | {"paused": ["Paused"]}]
    app.items += [paused("p-2", "resume", at(29, "09:00")) | {"paused": ["Paused"]}]
    assert [row.split()[:2] for row in rows(typed, "Paused") if "paused" in row.split()[:2]] == [["paused", "by"]]


def test_one_further_target_is_not_rotas_and_a_revision_may_have_no_size(app: Aws, typed: Typed) -> None:
    app.answers["ListTargetsByRule"] = {"Targets": TARGETS[:2]}
    without = {name: value for name, value in DEFINITION.items() if name != "memory"}
    app.answers["DescribeTaskDefinition"] = {"taskDefinition": without}
    shown = rows(typed, "Fails")
    assert "target 1 more: not Rota's; the next deployment says so" in shown
    assert "revision shop:7: runs shop@sha256:dddddddddddd; ACTIVE, cpu 256" in shown


def test_a_file_that_is_no_text_and_one_that_cannot_be_read_just_now(app: Aws, typed: Typed) -> None:
    app.answers["GetObject"] = lambda _: {"Body": io.BytesIO(b'{"a": "\xff"}'), "LastModified": NOW}
    app.items = [each for each in app.items if not each["record"].startswith("deployment#")]
    assert "schedule file scheduled_tasks.json: which has no such task; version v-1 " in "\n".join(rows(typed, "Fails"))
    app.answers["GetObject"] = "SlowDown"
    assert typed("explain", "Fails").err.splitlines()[0] == "rota: AWS throttles GetObject: as the test says"


def test_what_was_due_in_a_pause_may_be_run_once(app: Aws, typed: Typed) -> None:
    app.answers["DescribeRule"] = rule("Tried", "cron(0 7 * * ? *)")
    app.items = with_members(app.items, f"deployment#{at(30)}", deployment={})
    app.items = [each for each in app.items if not each["record"].startswith("run#Tried")]
    app.items += [run("Tried", at(28, "07:00"), "ok"), paused("p-1", "pause", at(28, "12:00"))]
    app.items += [paused("p-2", "resume", at(30, "08:30"))]
    shown = rows(typed, "Tried")
    assert shown[-1] == "Run it once for what was due in the pause: rota run Tried"
    assert not any(row.startswith("base ") for row in shown)


def test_a_pause_of_which_nothing_is_known(app: Aws, typed: Typed) -> None:
    app.items = with_members(app.items, "pause#", by=None, reason=None, since=None)
    assert "paused until a person resumes it" in rows(typed, "Paused")
    app.items += [paused("p-1", "pause", at(28, "12:00")), paused("p-2", "resume", at(28, "13:00"))]
    (over,) = (row for row in rows(typed, "Tried") if row.startswith("was paused"))
    assert over == "was paused Sat 28 Nov 12:00:00 UTC to Sat 28 Nov 13:00:00 UTC, when a person resumed it"


def test_of_what_has_no_schedule_nobody_knows_what_a_pause_has_cost(app: Aws, typed: Typed) -> None:
    app.items += [paused("p-1", "pause", at(28, "12:00")) | {"paused": ["Gone"]}]
    app.items += [paused("p-2", "resume", at(30, "08:30")) | {"paused": ["Gone"]}]
    (over,) = (row for row in rows(typed, "Gone") if row.startswith("was paused"))
    assert over.endswith(", when a person resumed it")


def test_a_revision_without_the_container_of_jobs(app: Aws, typed: Typed) -> None:
    app.answers["DescribeTaskDefinition"] = {"taskDefinition": DEFINITION | {"containerDefinitions": CONTAINERS[:1]}}
    assert "revision shop:7: runs ?; ACTIVE, cpu 256, memory 512" in rows(typed, "Tried")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"exit_code": 3}, "failed, exit code 3"),
        ({"exit_code": 3, "reason": {"words": "it ended"}}, "failed: it ended"),
        ({"status": "not_started"}, "not started"),
        ({"status": "ok", "exit_code": 0}, "ok, exit code 0"),
    ],
    ids=["a code", "Rota's words", "it never ran", "well"],
)
def test_what_became_of_the_last_run(app: Aws, typed: Typed, members: dict[str, Any], words: str) -> None:
    app.items += [run("Soon", at(30, "06:00"), "failed") | members]
    (row,) = (each for each in rows(typed, "Soon") if each.startswith("last run "))
    assert row.split(": ", 1)[1] == words


LOG_PAGES: dict[str, tuple[list[str | None], list[str], int]] = {
    "the second page has lines": ([None, "one\ntwo"], ["one", "two"], 2),
    "the fifth has lines": ([None, None, None, None, "one"], ["one"], 5),
    "the sixth is not read": ([None, None, None, None, None, "one"], ["it has logged nothing"], 5),
}


@pytest.mark.parametrize(("pages", "shown", "asked"), LOG_PAGES.values(), ids=LOG_PAGES)
def test_a_page_of_a_log_may_be_empty_although_more_follow(
    app: Aws, typed: Typed, pages: list[str | None], shown: list[str], asked: int
) -> None:
    def page(request: dict[str, Any]) -> dict[str, Any]:
        number = int(request.get("nextToken", "0"))
        events = [{"timestamp": 0, "message": each} for each in (pages[number] or "").splitlines()]
        return {"events": events, "nextForwardToken": "f", "nextBackwardToken": str(number + 1)}

    app.answers["GetLogEvents"] = page
    lines = [line.split(maxsplit=1)[1] for line in rows(typed, "Fails") if line.startswith("log ")]
    requests = [request for operation, request in app.asked if operation == "GetLogEvents"]
    assert (lines, len(requests)) == (shown, asked)
    assert requests[1] == {
        **{"logGroupName": "/ecs/shop", "logStreamName": "jobs/app/4f2a4f2a4f2a", "startFromHead": False},
        **{"limit": 10, "nextToken": "1"},
    }


NO_STREAM: dict[str, tuple[dict[str, Any], str]] = {
    "no configuration": ({}, "its task definition has no log configuration"),
    "another driver": ({"logConfiguration": {"logDriver": "splunk"}}, "it logs by splunk"),
    "no prefix": (
        {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/shop"}}},
        "its log has no awslogs-stream-prefix, so its stream is not known",
    ),
}


@pytest.mark.parametrize(("members", "words"), NO_STREAM.values(), ids=NO_STREAM)
def test_a_log_that_is_not_in_cloudwatch_is_not_asked_for(
    app: Aws, typed: Typed, members: dict[str, Any], words: str
) -> None:
    containers = [{"name": "app", "image": "shop:1", **members}]
    app.answers["DescribeTaskDefinition"] = {"taskDefinition": {**DEFINITION, "containerDefinitions": containers}}
    assert [row for row in rows(typed, "Fails") if row.startswith("log ")] == [f"log {words}"]
    assert "GetLogEvents" not in {operation for operation, _ in app.asked}
