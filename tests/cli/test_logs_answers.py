"""`rota logs`, whole: what is printed of runs, of the service and of a deployment, and what is asked of AWS."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import ACCOUNT, NOW, Aws, Played, Typed
from tests.cli.test_explain_answers import DEFINITION
from tests.cli.test_status import APP, EXECUTION, RULES, at, job, run
from tests.clock import Clock
from tests.run_events import detail

SECRET = [{"name": "app", "environment": [{"name": "ROTA_TASK", "value": "Fails"}, {"name": "DB_PASSWORD"}]}]
SECRET[0]["environment"][1]["value"] = "hunter22x"  # type: ignore[index]


def task_arn(character: str) -> str:
    return f"arn:aws:ecs:{ACCOUNT}:task/production/{character * 12}"


def ecs_task(character: str, status: str, minute: int, **members: Any) -> dict[str, Any]:
    """A task that was created at that minute after 11:00; of a job, unless it is of the service."""
    created = datetime(2026, 11, 30, 11, minute, tzinfo=UTC)
    of_job: dict[str, Any] = {"task": "Fails", "rule": "shop__Fails", "created": created}
    revision = f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:7"
    return detail(status, **of_job | {"taskArn": task_arn(character), "taskDefinitionArn": revision} | members)


def of_service(character: str, status: str) -> dict[str, Any]:
    return ecs_task(character, status, 30, task=None, group="service:shop", startedBy="ecs-svc/1")


class Ecs:
    """The tasks that ECS knows, and their logs by the character of their ids: the minute after 11:00, and the text."""

    def __init__(self, aws: Aws, *tasks: dict[str, Any], **logs: list[tuple[int, str]]) -> None:
        self.tasks, self.logs = [*tasks], logs
        self.definition = DEFINITION
        aws.answers |= {
            "ListTasks": self._list,
            "DescribeTasks": lambda asked: {
                "tasks": [each for each in self.tasks if each["taskArn"] in asked["tasks"]]
            },
            "DescribeTaskDefinition": lambda _: {"taskDefinition": self.definition},
            "GetLogEvents": self._log,
        }

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        group = f"service:{asked['serviceName']}" if "serviceName" in asked else None
        found = [
            each for each in self.tasks if (each["lastStatus"] == "STOPPED") == (asked["desiredStatus"] == "STOPPED")
        ]
        return {"taskArns": [each["taskArn"] for each in found if group in (None, each["group"])]}

    def _log(self, asked: dict[str, Any]) -> Any:
        character = asked["logStreamName"][-1]
        if character not in self.logs:
            return "ResourceNotFoundException"
        at_11 = NOW - timedelta(hours=1)
        lines = [] if asked.get("nextToken") else self.logs[character]
        events = [
            {"timestamp": int((at_11 + timedelta(minutes=minute)).timestamp() * 1000), "message": text}
            for minute, text in lines
        ]
        return {"events": events, "nextForwardToken": "end"}


def recorded(character: str, due: str, status: str, **members: Any) -> dict[str, Any]:
    revision = f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:6"
    ids = {"task_arn": task_arn(character), "task_id": character * 12, "revision": revision, "created_at": due}
    return run("Fails", due, status, **ids | members)


@pytest.fixture
def ecs(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Ecs:
    """A job with three runs in the table, one that has ended since, and one that runs; and the service."""
    monkeypatch.setattr("rota.cli.logs.follow.time", Clock())
    aws.items = [
        job("Fails"),
        recorded("1", at(28, "06:00"), "ok", exit_code=0),
        run("Fails", at(29, "06:00"), "missed"),
        recorded("2", at(30, "06:00"), "failed", exit_code=3),
        {"app": APP, "record": "lease", "holder": EXECUTION + "push-8"},
    ]
    aws.answers |= {
        "DescribeRule": RULES[0],
        "GetSchedule": "ResourceNotFoundException",
        "ListTargetsByRule": {"Targets": []},
        "ListTagsForResource": {"Tags": []},
        "ListRules": {"Rules": RULES},
        "ListSchedules": {"Schedules": []},
    }
    tasks = [
        ecs_task("3", "STOPPED", 40, exit_code=5),
        ecs_task("4", "RUNNING", 50, overrides={"containerOverrides": SECRET}),
        of_service("5", "RUNNING"),
        of_service("6", "STOPPED"),
        ecs_task("7", "RUNNING", 55, task="Other", rule="shop__Other"),
        ecs_task("8", "STOPPED", 10, task=None, rule="other"),
    ]
    logs = {
        "1": [(0, "one\n")],
        "2": [(0, "two"), (1, "secret=hunter22")],
        "3": [(41, "three")],
        "4": [(51, "four hunter22x"), (52, "\x1b[31mred\x1b[0m")],
        "5": [(49, "too old"), (50, "five"), (53, "three of five")],
        "6": [(52, "six")],
    }
    return Ecs(aws, *tasks, **logs)


@pytest.mark.usefixtures("ecs")
def test_the_whole_answers_of_runs(played: Played) -> None:
    lines = ["Fails", "Fails --last 4", "Fails --since 1d --json", "shop__Fails --last 3 --filter o"]
    runs = [f"--run {character * 6}" for character in "3459"]
    of_job = ["Fails --run 111111", "Fails --run 99999999", f"Fails --run {task_arn('2')} --json"]
    played("logs_runs", *(f"logs {each}" for each in [*lines, *runs, *of_job, "--run 888888 --json"]))


def test_the_whole_answers_of_what_has_no_lines(ecs: Ecs, played: Played) -> None:
    ecs.logs.pop("3")
    ecs.tasks[1:2] = []
    played("logs_nothing", "logs Fails")
    configurations: dict[str, dict[str, Any]] = {
        "logs_no_driver": {},
        "logs_another_driver": {"logConfiguration": {"logDriver": "splunk"}},
        "logs_no_prefix": {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}},
    }
    for name, options in configurations.items():
        ecs.definition = {**DEFINITION, "containerDefinitions": [{"name": "app", "image": "i", **options}]}
        played(name, "logs Fails --json", "logs --service", "logs --service --json")


def test_the_whole_answers_of_the_service(ecs: Ecs, played: Played) -> None:
    played("logs_service", *(f"logs --service{each}" for each in ("", " --since 20m --filter five", " --json")))
    ecs.tasks[:] = []
    played("logs_no_service", "logs --service", "logs --service --json")


def of_rota(step: str, minute: int, message: Any) -> dict[str, Any]:
    when = datetime(2026, 11, 30, 11, minute, tzinfo=UTC)
    stream = f"2026/11/30/rota-{step}Function-1ABC[$LATEST]0f1e" if step else "other"
    text = message if isinstance(message, str) else json.dumps(message)
    return {"timestamp": int(when.timestamp() * 1000), "message": text, "logStreamName": stream}


MEMBERS = ["level", "location", "timestamp", "service", "cold_start", "execution", "xray_trace_id"]
MEMBERS += [f"function_{name}" for name in ("name", "arn", "memory_size", "request_id")]
INFO: dict[str, Any] = dict.fromkeys(MEMBERS, "INFO")
EVENTS: list[dict[str, Any]] = [
    of_rota("TakeTurn", 2, {"message": "second", **INFO, "who": "ana", "answer": {"a": 1}}),
    of_rota("TakeTurn", 1, {"message": "first", "level": "WARNING"}),
    of_rota("", 3, "START of push-8"),
    of_rota("RollService", 4, [1, 2]),
    of_rota("RollService", 5, {"level": "INFO"}),
]
BEGAN = {"name": "push-8", "status": "RUNNING", "startDate": NOW - timedelta(minutes=59)}


def test_the_whole_answers_of_a_deployment(ecs: Ecs, aws: Aws, played: Played) -> None:
    aws.answers |= {"DescribeExecution": BEGAN, "FilterLogEvents": {"events": EVENTS}}
    lines = ["", " push-8 --filter second", f" {EXECUTION}push-8 --json"]
    played("logs_deployment", *(f"logs --deployment{each}" for each in lines))
    aws.items = [{"app": APP, "record": f"deployment#{number}", "execution": f"arn:e:{number}"} for number in (1, 2)]
    ended = {"status": "FAILED", "stopDate": NOW - timedelta(minutes=30)}
    aws.answers |= {"DescribeExecution": BEGAN | ended, "FilterLogEvents": {"events": []}}
    played("logs_deployment_ended", "logs --deployment", "logs --deployment --json")
    for name, code in {"logs_no_execution": "ExecutionDoesNotExist", "logs_no_arn": "InvalidArn"}.items():
        aws.answers["DescribeExecution"] = code
        played(name, "logs --deployment push-9", "logs --deployment push-9 --json")
    aws.items = []
    played("logs_no_deployment", "logs --deployment --json")


def test_the_whole_answers_of_what_cannot_be_shown(ecs: Ecs, aws: Aws, played: Played) -> None:
    both = ["Fails --service", "Fails --deployment", "--service --deployment", "Fails --last 1 --since 1h"]
    both += ["Fails --last 1 --run 1", "Fails --since 1h --run 1", "Fails -f --last 1", "Fails -f --since 1h"]
    none = [
        "",
        "-f --deployment",
        "Fials",
        "Soon",
        "Soon --json",
        "Soon --since 1m",
        "before",
        "after --json",
        "Fails --last 0",
    ]
    ecs.tasks[:] = []
    played("logs_refused", *(f"logs {each}".strip() for each in (*both, *none)))
    aws.parameters["WatchRuns"] = "false"
    played("logs_unwatched", "logs Fails")


def one_off(character: str, **members: Any) -> dict[str, Any]:
    ran = {"task_arn": task_arn(character), "revision": f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:6", **members}
    return {"app": APP, "record": f"deployment#{character}", "deployment": {"before": ran, "after": None}}


def test_the_whole_answers_of_a_one_off_task(ecs: Ecs, aws: Aws, played: Played) -> None:
    aws.items = [one_off("1"), one_off("2", finished=True, exit_code=0), one_off("3", finished=True, exit_code=7)]
    aws.items.append(one_off("5", finished=True))
    lines = ["before", "before --last 2 --json", "before --last 9", "before -f", "after -f"]
    played("logs_before", *(f"logs {each}" for each in lines))


def ends_after(seconds: int, ecs: Ecs, monkeypatch: pytest.MonkeyPatch, character: str) -> None:
    """A clock of the command at which, so many seconds later, that task has ended."""
    clock = Clock()

    def sleep(waited: float) -> None:
        clock.sleep(waited)
        if clock.monotonic() == seconds:
            (number,) = (place for place, each in enumerate(ecs.tasks) if each["taskArn"] == task_arn(character))
            ecs.tasks[number] = ecs_task(character, "STOPPED", 50)

    monkeypatch.setattr("rota.cli.logs.follow.time", SimpleNamespace(sleep=sleep, monotonic=clock.monotonic))


@pytest.mark.parametrize(
    ("name", "line"),
    [("follow", "Fails -f"), ("follow_json", "Fails -f --json"), ("follow_run", "--run 444444 -f --filter red")],
)
def test_the_whole_answer_of_what_is_followed(
    ecs: Ecs, played: Played, name: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_after(2, ecs, monkeypatch, "4")
    played(f"logs_{name}", f"logs {line}")


def test_several_tasks_of_a_job_are_followed_at_once(
    ecs: Ecs, aws: Aws, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecs.tasks.insert(2, ecs_task("2", "RUNNING", 50, task=None))
    ecs.tasks[2]["startedBy"] = "events-rule/shop__Fails"
    ends_after(2, ecs, monkeypatch, "4")

    def both_end(asked: dict[str, Any]) -> dict[str, Any]:
        found = [each for each in ecs.tasks if each["taskArn"] in asked["tasks"]]
        ended = {"lastStatus": "STOPPED"} if ecs.tasks[1]["lastStatus"] == "STOPPED" else {}
        return {"tasks": [each | ended for each in found]}

    aws.answers["DescribeTasks"] = both_end
    played("logs_follow_several", "logs Fails -f")


def test_what_has_ended_is_shown_as_it_was(ecs: Ecs, played: Played) -> None:
    ecs.tasks[1:2] = []
    played("logs_follow_ended", "logs Fails -f", "logs Fails -f --run 222222")
    ecs.tasks[:] = []
    played("logs_follow_recorded", "logs Fails -f", "logs Soon -f", "logs -f --run 222222")


def test_ctrl_c_says_that_the_job_continues(ecs: Ecs, played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    stopped = SimpleNamespace(sleep=interrupt, monotonic=lambda: 0.0)
    monkeypatch.setattr("rota.cli.logs.follow.time", stopped)
    monkeypatch.setattr("rota.cli.logs.service.time", stopped)
    played("logs_interrupted", "logs Fails -f --stack rota", "logs --service -f", "logs --service -f --json")


def test_the_log_of_another_driver_is_not_followed_and_a_refusal_ends_it(
    ecs: Ecs, aws: Aws, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.answers["GetLogEvents"] = "AccessDeniedException"
    played("logs_follow_denied", "logs Fails -f")
    ends_after(2, ecs, monkeypatch, "4")
    ecs.definition = {**DEFINITION, "containerDefinitions": [{"name": "app", "image": "envoy:1"}]}
    played("logs_follow_no_log", "logs Fails -f")


def test_new_tasks_of_the_service_are_looked_for_at_each_fifth_look(
    ecs: Ecs, aws: Aws, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had stopped before is looked for once."""
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            ecs.tasks.append(of_service("8", "RUNNING"))
            ecs.logs["8"] = [(57, "eight")]
        if len(looks) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.logs.service.time", SimpleNamespace(sleep=sleep))
    shown = typed("logs", "--service", "-f")
    asked = [(len(looks), request["desiredStatus"]) for operation, request in aws.asked if operation == "ListTasks"]
    assert (shown.exit, looks) == (130, [3] * 6)
    assert [status for _, status in asked] == ["RUNNING", "STOPPED", "RUNNING"]
    assert [line.split()[-1] for line in shown.out.splitlines()] == ["five", "six", "five", "eight"]


def test_a_task_that_ecs_never_knows_is_waited_for_a_minute(
    ecs: Ecs, aws: Aws, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("rota.cli.logs.follow.time", clock)
    aws.items = [recorded("9", at(30, "06:00"), "starting")]
    ecs.tasks[:] = []
    refused = typed("logs", "Fails", "-f")
    assert (refused.exit, clock.monotonic()) == (4, 62)
    assert refused.err.startswith("rota: ECS does not know the task\nrota history --task NAME\n")


def test_a_log_that_cannot_be_read_in_this_moment_says_so(ecs: Ecs, aws: Aws, typed: Typed) -> None:
    pages = iter([{"events": [{"timestamp": 0, "message": "one"}], "nextForwardToken": "t"}, "ThrottlingException"] * 2)
    aws.answers["GetLogEvents"] = lambda _: next(pages)
    shown = typed("logs", "Fails", "--run", "333333")
    assert (shown.out, shown.err.splitlines()[-1]) == ("one\n", "The rest could not be read just now.")
    aws.answers["GetLogEvents"] = "ThrottlingException"
    assert typed("logs", "Fails", "--run", "333333").err.splitlines()[-1] == "It could not be read just now."
    aws.answers["GetLogEvents"] = "InvalidParameterException"
    assert typed("logs", "Fails", "-f").err.splitlines()[1] == "rota: GetLogEvents: as the test says"
