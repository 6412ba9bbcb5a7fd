"""`rota run`, whole: what is started and asked of AWS, what is printed, and how the command ends."""

import io
import json
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import ACCOUNT, NOW, Answer, Aws, Played, Typed
from tests.cli.test_explain_answers import REVISION, TARGETS
from tests.cli.test_logs_answers import Ecs, ecs_task, of_service, recorded, task_arn
from tests.cli.test_run import API
from tests.cli.test_status import APP, EXECUTION, LIVE, RULES, at, digest, job, run
from tests.clock import Clock

INPUT: dict[str, Any] = {"cpu": "512", "containerOverrides": [{"name": "app", "command": ["./bin/start", "fail"]}]}
NETWORK = {"awsvpcConfiguration": {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"]}}
PARAMETERS: dict[str, Any] = {
    "TaskDefinitionArn": REVISION,
    "TaskCount": 1,
    "LaunchType": "FARGATE",
    "NetworkConfiguration": NETWORK,
}
TARGET: dict[str, Any] = {**TARGETS[0], "Input": json.dumps(INPUT), "EcsParameters": PARAMETERS}
OWNED = {"Tags": [{"Key": "rota:app", "Value": "production/shop"}]}


def started(*tasks: dict[str, Any], why: str | None = None) -> dict[str, Any]:
    """RunTask's answer."""
    return {"tasks": [*tasks], "failures": [{"arn": "a", "reason": why}, {"arn": "b", "reason": why}] if why else []}


@pytest.fixture
def ecs(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Ecs:
    """A job that is well, and a task of it that a person starts."""
    monkeypatch.setattr("rota.cli.logs.follow.time", Clock())
    aws.items = [job("Fails"), job("Tried"), {"app": APP, "record": "lease"}]
    aws.answers |= {
        "DescribeRule": lambda asked: next(
            (each for each in RULES if each["Name"] == asked["Name"]), "ResourceNotFoundException"
        ),
        "GetSchedule": "ResourceNotFoundException",
        "ListTargetsByRule": {"Targets": [TARGET]},
        "ListTagsForResource": OWNED,
        "ListRules": {"Rules": RULES[:2]},
        "ListSchedules": {"Schedules": []},
        "GetCallerIdentity": {"Arn": f"arn:aws:iam::{ACCOUNT[-12:]}:user/ana"},
    }
    made = Ecs(aws, **{"4": [(51, "four")], "8": [(52, "eight")]})

    def run_task(_: dict[str, Any]) -> dict[str, Any]:
        made.tasks.append(ecs_task("4", "PENDING", 50))
        return started(made.tasks[-1])

    aws.answers["RunTask"] = run_task
    return made


def stopped(character: str = "4", code: int | None = 0, **members: Any) -> dict[str, Any]:
    return ecs_task(character, "STOPPED", 50, exit_code=code, **members)


def test_the_whole_answer_of_a_run(ecs: Ecs, aws: Aws, played: Played) -> None:
    aws.answers["RunTask"] = lambda _: started(stopped(code=3))
    ecs.tasks.append(stopped(code=3))
    lines = ["run Fails --yes", "run shop__Fails --yes --json", "run Fails"]
    lines += ["run Fails --yes --count 2 -e DRY=1 -e LEVEL=a=b", "run Fails --yes --no-wait --stack rota -- sh -c id"]
    played("run", *lines, "run Fails --yes --no-wait --json")


def test_the_whole_answer_while_it_begins_and_ends(ecs: Ecs, played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each status that ECS names is said in words."""
    clock, statuses = Clock(), iter(["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEPROVISIONING", "STOPPED"])

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if (status := next(statuses, None)) is not None:
            ecs.tasks[:] = [ecs_task("4", "PENDING" if status == "ACTIVATING" else status, 50)]
            ecs.tasks[0]["lastStatus"] = status

    monkeypatch.setattr("rota.cli.logs.follow.time", SimpleNamespace(sleep=sleep, monotonic=clock.monotonic))
    played("run_statuses", "run Fails --yes")


def test_the_whole_answer_of_several_tasks(ecs: Ecs, aws: Aws, played: Played) -> None:
    ecs.tasks = [stopped("4"), stopped("8", 7)]
    aws.answers["RunTask"] = started(*ecs.tasks, why="RESOURCE:ENI")
    played("run_several", "run Fails --yes --count 3", "run Fails --yes --no-wait", "run Fails --yes --json")


NEVER: dict[str, dict[str, Any]] = {
    "run_never_ran": {
        "stopCode": "TaskFailedToStart",
        "stoppedReason": "CannotPullContainerError: no image",
        "starts": False,
        "exit_code": None,
    },
    "run_killed": {"exit_code": 137, "container": {"reason": "OutOfMemoryError: Container killed"}},
    "run_stopped": {"exit_code": 143, "stopCode": "UserInitiated", "stoppedReason": "by ana"},
}


@pytest.mark.parametrize(("name", "ended"), NEVER.items(), ids=NEVER)
def test_the_whole_answer_of_what_ended_otherwise(
    ecs: Ecs, aws: Aws, played: Played, name: str, ended: dict[str, Any]
) -> None:
    ecs.tasks = [ecs_task("4", "STOPPED", 50, **ended)]
    aws.answers["RunTask"] = started(*ecs.tasks)
    played(name, "run Fails --yes", "run Fails --yes --json")


@pytest.mark.parametrize("why", [None, "RESOURCE:MEMORY"])
def test_the_whole_answer_where_ecs_starts_nothing(aws: Aws, ecs: Ecs, played: Played, why: str | None) -> None:
    aws.answers["RunTask"] = started(why=why)
    played(f"run_nothing_{'why' if why else 'unknown'}", "run Fails --yes", "run Fails --yes --json")


def test_the_whole_answer_where_it_is_not_waited_for_to_its_end(
    ecs: Ecs, aws: Aws, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played("run_timeout", "run Fails --yes --timeout 5s", "run Fails --yes --timeout 5s --json")
    aws.answers["StopTask"] = {"task": {}}

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.logs.follow.time", SimpleNamespace(sleep=interrupt, monotonic=lambda: 0.0))
    played("run_interrupted", "run Fails --yes --region eu-west-1", "run Fails --yes --stop-on-interrupt")
    aws.answers["StopTask"] = "AccessDeniedException"
    played("run_not_stopped", "run Fails --yes --stop-on-interrupt")


def test_a_log_that_may_not_be_read_ends_no_run(ecs: Ecs, aws: Aws, played: Played) -> None:
    aws.answers["RunTask"] = started(stopped())
    aws.answers["GetLogEvents"] = "AccessDeniedException"
    ecs.tasks = [stopped()]
    played("run_log_denied", "run Fails --yes")
    ecs.definition = {"family": "shop", "containerDefinitions": [{"name": "app", "image": "i"}]}
    played("run_no_log", "run Fails --yes")


def test_the_whole_answer_of_what_a_person_should_know(ecs: Ecs, aws: Aws, played: Played) -> None:
    aws.items.append(
        {"app": "pauses#production/shop", "record": "pause#Fails", "task": "Fails", "by": "ana", "reason": "the sale"}
    )
    ecs.tasks = [ecs_task("8", "RUNNING", 40), of_service("5", "RUNNING")]
    # Another command of a person's is no run of the job.
    command = {"containerOverrides": [{"name": "app", "environment": [{"name": "ROTA_COMMAND_OF", "value": "Fails"}]}]}
    ecs.tasks.append(ecs_task("9", "RUNNING", 45, startedBy="rota-run/ben", overrides=command))
    played("run_remarks", "run Fails --yes --no-wait", "run Tried --yes --no-wait -- id")
    aws.parameters["WatchRuns"] = "false"
    ecs.tasks = []
    played("run_unwatched", "run Fails --yes --no-wait")


def test_the_whole_answers_of_what_cannot_be_run(ecs: Ecs, aws: Aws, played: Played) -> None:
    lines = ["", "--all", "Fials --yes", "Fails --schedule x.json", "before --count 2", "before --release v4"]
    lines += ["Fails -e X", "Soon --yes", "before --yes", "after --yes --json", "Fails --count 0", "Fails --timeout x"]
    lines += [f"--failed {each}" for each in ("--release v4", "--schedule x", "--count 2", "-e A=1", "--no-wait")]
    played("run_refused", *(f"run {each}".strip() for each in lines))
    aws.answers["ListTagsForResource"] = {"Tags": []}
    aws.answers["ListRules"] = {"Rules": []}
    played("run_no_jobs", "run Fails --yes")
    aws.answers |= {"ListTagsForResource": OWNED, "ListTargetsByRule": {"Targets": []}}
    played("run_no_target", "run Fails --yes")


WORDS = {"words": "the job ended with exit code 3", "why": "exit_code"}


@pytest.fixture
def failed(ecs: Ecs, aws: Aws) -> Ecs:
    aws.items = [
        job("Fails"),
        recorded("1", at(30, "07:00"), "failed", reason=WORDS),
        recorded("2", at(30, "08:00"), "not_started", lacking=2, trigger="schedule"),
        run("Fails", at(30, "05:59"), "failed"),
        run("Tried", at(30, "06:00"), "missed", lacking=3, counted=True),
        run("Tried", at(30, "09:00"), "failed", reason={"why": "stopped"}),
    ]
    codes = cycle([3, 0, 5])

    def run_task(_: dict[str, Any]) -> dict[str, Any]:
        ecs.tasks[:] = [stopped(code=next(codes))]
        return started(*ecs.tasks)

    aws.answers["RunTask"] = run_task
    return ecs


def test_the_whole_answer_of_what_is_repeated(failed: Ecs, aws: Aws, played: Played) -> None:
    lines = ["--failed --yes", "--failed Fails --yes --json", "--failed shop__Tried Fails --since 5h --yes", "--failed"]
    played("run_failed", *(f"run {each}" for each in lines))
    aws.items = aws.items[-1:]
    played("run_failed_left_out", "run --failed --yes", "run --failed --since 1h --json")
    aws.parameters["WatchRuns"] = "false"
    played("run_failed_unwatched", "run --failed --yes", "run --failed Fials")


def test_more_than_ten_runs_of_a_job_are_repeated_with_all(failed: Ecs, aws: Aws, played: Played) -> None:
    aws.items = [run("Fails", at(30, f"08:{minute}"), "failed") for minute in range(10, 21)]
    played("run_failed_many", "run --failed --yes", "run --failed Fials --yes")


def test_ten_runs_of_a_job_or_all_are_repeated(failed: Ecs, aws: Aws, typed: Typed) -> None:
    for minutes, options in ((range(10, 20), ()), (range(10, 21), ("--all",))):
        aws.asked.clear()
        aws.items = [run("Fails", at(30, f"08:{minute}"), "failed") for minute in minutes]
        assert typed("run", "--failed", "--yes", *options).exit in (3, 5)
        assert len([operation for operation, _ in aws.asked if operation == "RunTask"]) == len(minutes)


REQUEST = {"cluster": f"arn:aws:ecs:{ACCOUNT}:cluster/production", "launchType": "FARGATE", "tags": [{"key": "k"}]}
NEW = {**TARGET, "EcsParameters": {**PARAMETERS, "TaskDefinitionArn": "to be registered: 1f"}}
CHANGE = {"kind": "update", "name": "shop__Fails", "arn": "a", "put_targets": [NEW]}
OTHERS = [{**CHANGE, "name": "shop__Other"}, {**CHANGE, "put_targets": []}]


def pointer(name: str) -> dict[str, Any]:
    return {"key": f"{name}.json", "version_id": "1"}


def stored(plan: dict[str, Any], revisions: dict[str, Any]) -> Answer:
    def read(request: dict[str, Any]) -> Any:
        kept = {"plan.json": plan, "revisions.json": {"revisions": revisions}}[request["Key"]]
        return {"Body": io.BytesIO(json.dumps(kept).encode()), "LastModified": NOW}

    return read


def deployment(number: int, outcome: str = "deployed", **record: Any) -> dict[str, Any]:
    key = {"app": APP, "record": f"deployment#{number}", "execution": f"{EXECUTION}push-{number}"}
    of_image = {"digest": digest("abcd"[number - 1]), "tag": f"t{number}", "outcome": outcome, "release": number}
    plan = {"plan": pointer("plan"), "revisions": pointer("revisions")}
    return {**key, **of_image, "schedule_version": f"v-{number}", "deployment": {**plan, **record}}


def test_the_whole_answer_of_a_job_as_a_release_had_it(ecs: Ecs, aws: Aws, played: Played) -> None:
    aws.items += [deployment(1), deployment(2, "failed"), deployment(4, plan=None)]
    aws.items.append({"app": APP, "record": "releases", **LIVE})
    revisions = {"1f": REVISION.replace("shop:7", "shop:3")}
    aws.answers["GetObject"] = stored({"changes": [*OTHERS, CHANGE]}, revisions)
    lines = ["Fails --release v4", "Fails --release t1", "Old --release v4", "Fails --release v2", "Fails --release v9"]
    played("run_release", *(f"run {each} --yes --no-wait" for each in lines), "run Fails --release v4")
    aws.answers["GetObject"] = stored({"changes": [{**CHANGE, "kind": "remove"}]}, {})
    played("run_release_removed", "run Fails --release v4 --yes --no-wait")
    aws.answers["GetObject"] = "NoSuchVersion"
    played("run_release_gone", "run Fails --release v4 --yes --no-wait")


def test_the_whole_answer_of_a_one_off_task(ecs: Ecs, aws: Aws, played: Played) -> None:
    ran = {"task_arn": task_arn("1"), "revision": REVISION, "finished": True}
    aws.items += [
        deployment(1, before={**ran, "exit_code": 0}),
        deployment(2, "failed", before={**ran, "exit_code": 1}),
    ]
    left = {"left_running": {"execution": EXECUTION + "push-3", "task_arn": ""}}
    aws.items[2] = {"app": APP, "record": "lease", **left}
    aws.answers["GetObject"] = stored({"before": {"request": REQUEST}, "after": {}}, {})
    played("run_before", "run before --yes --no-wait", "run before --no-wait -e A=1 --yes -- sh", "run before")
    aws.answers["GetObject"] = "NoSuchKey"
    played("run_before_gone", "run before --yes", "run after --yes")


FILE = {"tasks": [], "before": {"task": "migrate", "environment": {"LEVEL": "debug"}, "cpu": 512, "memory": 1024}}


def test_the_whole_answer_of_a_trial(
    ecs: Ecs, aws: Aws, played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.json").write_text(json.dumps(FILE))
    aws.parameters |= {
        "SubnetIds": "subnet-1",
        "SecurityGroupIds": "sg-1",
        "StartCommand": "./bin/start",
        "RepositoryName": "guestbook",
        "TaskDefinitionFamily": "guestbook",
    }
    aws.items += [deployment(1), deployment(2, "failed"), deployment(4)]
    aws.items.append({"app": APP, "record": "releases", **LIVE, "live_plan": pointer("plan")})
    aws.answers["GetObject"] = stored({"reused": {"k": REVISION}, "api": "k"}, {})
    content = {**API, "taskDefinitionArn": REVISION, "revision": 7, "status": "ACTIVE"}
    aws.answers["DescribeTaskDefinition"] = {"taskDefinition": content, "tags": []}
    lines = ["before --schedule new.json", "before --schedule new.json --release v1", "after --schedule new.json"]
    lines += [f"before --schedule new.json --release {name}" for name in ("v2", "v9")]
    played("run_trial", *(f"run {each} --yes --no-wait" for each in lines))
    aws.answers["DescribeTaskDefinition"] = {"taskDefinition": content | {"status": "INACTIVE"}}
    played("run_trial_inactive", "run before --schedule new.json --yes")
    Path("new.json").write_text(json.dumps(FILE | {"before": {"task": "m", "secrets": {"A": "arn:x"}}}))
    played("run_trial_wrong", "run before --schedule new.json --yes")
    aws.items = aws.items[:3]
    Path("new.json").write_text(json.dumps(FILE))
    played("run_trial_nothing_live", "run before --schedule new.json --yes")


def test_a_rule_that_another_app_owns(ecs: Ecs, aws: Aws, typed: Typed) -> None:
    def tags(request: dict[str, Any]) -> dict[str, Any]:
        return OWNED if request["ResourceARN"].endswith("Tried") else {"Tags": []}

    aws.answers["ListTagsForResource"] = tags
    refused = typed("run", "Fails", "--yes")
    assert (refused.exit, refused.err) == (125, "rota: the app owns no rule of the job Fails\nthe jobs are Tried\n")
    aws.answers["ListTagsForResource"] = {"Tags": []}
    assert typed("run", "Fails", "--yes").err.endswith(
        "\nno job is deployed yet: push an image that matches ImageTagPattern, or rota deploy --image TAG\n"
    )


@pytest.mark.parametrize(
    ("record", "answer", "said"),
    [
        ({"plan": None}, "NoSuchKey", "rota: the plan of the deployment that ran before is gone from the bucket"),
        ({}, "NoSuchVersion", "rota: the plan of the deployment that ran before is gone from the bucket"),
        ({}, "AccessDenied", "rota: you may not GetObject"),
    ],
    ids=["none was stored", "gone", "denied"],
)
def test_the_plan_of_a_one_off_task_that_cannot_be_read(
    ecs: Ecs, aws: Aws, typed: Typed, record: dict[str, Any], answer: str, said: str
) -> None:
    ran = {"task_arn": task_arn("1"), "revision": REVISION, "finished": True, "exit_code": 0}
    aws.items += [deployment(1, before=ran, **record)]
    aws.answers["GetObject"] = answer
    assert typed("run", "before", "--yes").err.splitlines()[0] == said


def test_a_trial_that_needs_a_revision_of_its_own(
    ecs: Ecs, aws: Aws, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.json").write_text(json.dumps({"tasks": [], "before": {"task": "m", "secrets": {"TOKEN": "/token"}}}))
    aws.parameters |= {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}
    aws.items.append({"app": APP, "record": "releases", **LIVE, "live_plan": pointer("plan")})
    reused = {f"k{number}": REVISION.replace(":7", f":{number}") for number in range(30)}
    aws.answers["GetObject"] = stored({"reused": reused, "api": "k0"}, {})
    content = {**API, "taskDefinitionArn": REVISION, "revision": 7, "status": "ACTIVE"}
    aws.answers["DescribeTaskDefinition"] = {"taskDefinition": content, "tags": []}
    refused = typed("run", "before", "--schedule", "new.json", "--yes")
    assert refused.err == (
        "rota: no revision of v4 d4 can run this before: it needs one of its own, for its secrets or containers\n"
        "a deployment registers it\n"
    )
    assert len([operation for operation, _ in aws.asked if operation == "DescribeTaskDefinition"]) == 21


def test_a_task_that_is_never_seen_has_not_ended(ecs: Ecs, aws: Aws, typed: Typed) -> None:
    aws.answers["RunTask"] = started(stopped("4"), stopped("8"))
    ecs.tasks = [stopped("4")]
    ended = typed("run", "Fails", "--yes", "--timeout", "5s")
    assert (ended.exit, "rota: Fails has not ended after 0:00:05\n" in ended.err) == (124, True)


def test_a_trial_with_an_image_that_has_neither_a_number_nor_a_tag(
    ecs: Ecs, aws: Aws, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.json").write_text(json.dumps(FILE))
    nameless = {**LIVE, "live_plan": pointer("plan"), "number": None, "live_tag": None}
    aws.items.append({"app": APP, "record": "releases", **nameless})
    aws.answers["GetObject"] = stored({"reused": {"k": REVISION}, "api": "k"}, {})
    content = {**API, "taskDefinitionArn": REVISION, "revision": 7, "status": "INACTIVE"}
    aws.answers["DescribeTaskDefinition"] = {"taskDefinition": content, "tags": []}
    refused = typed("run", "before", "--schedule", "new.json", "--yes")
    assert refused.err.splitlines()[0] == f"rota: the revision of {LIVE['live_digest']} is not ACTIVE any more"
