"""What `rota plan` shows of the plan and the snapshot that the machine stored."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import click
import pytest

from rota.cli.plan.changes import Jobs, changes_of_file, commands_of, task_changes
from rota.cli.plan.model import ImageChange, Plan, ScheduleFile, ServiceChange, TaskChange
from rota.cli.plan.run import held
from rota.cli.plan.text import lines, words_of
from rota.cli.table import Present
from rota.schedule_file.task import ScheduleFile as WholeFile
from rota.schedule_file.task import Task

PREFIX = "production__shop__"
NEW = "to be registered: 1f"


def target(revision: str = "arn:aws:ecs:eu-west-1:1:task-definition/shop:5", **members: Any) -> dict[str, Any]:
    return {"Id": "a", "Arn": "arn:cluster/production", "EcsParameters": {"TaskDefinitionArn": revision}, **members}


def rule(expression: str = "rate(15 minutes)", state: str = "ENABLED", *targets: dict[str, Any]) -> dict[str, Any]:
    return {"schedule_expression": expression, "state": state, "targets": list(targets) or [target()]}


def changed(before: dict[str, Any] | None, **change: Any) -> TaskChange:
    change = {"kind": "update", "name": f"{PREFIX}SendMail", **change}
    plan = {"changes": [change], "commands": {"tasks": {"SendMail": ["./bin/start", "mail"]}}}
    snapshot = {"rules": {change["name"]: before} if before else {}}
    (found,) = task_changes(plan, snapshot, PREFIX, Jobs(), Jobs(commands_of(plan)))
    return found


def put(expression: str, state: str = "ENABLED") -> dict[str, str]:
    return {"Name": f"{PREFIX}SendMail", "ScheduleExpression": expression, "State": state}


def test_a_new_task() -> None:
    found = changed(None, kind="create", put_rule=put("rate(5 minutes)"), put_targets=[target(NEW)])
    assert (found.task, found.change, found.in_words, found.was) == ("SendMail", "create", "every 5 minutes", "")
    assert found.command == "./bin/start mail"


def test_a_task_that_is_removed() -> None:
    found = changed(rule(), kind="remove", disable=True)
    assert (found.change, found.in_words, found.was, found.fields) == ("remove", "", "every 15 minutes", {})


def test_another_time() -> None:
    found = changed(rule(), put_rule=put("rate(5 minutes)"), put_targets=[target(NEW)])
    assert found.change == "update"
    assert found.fields == {"schedule": ("rate(15 minutes)", "rate(5 minutes)"), "revision": ("shop:5", "a new one")}


def test_another_description() -> None:
    described = put("rate(15 minutes)") | {"Description": "Mails"}
    found = changed(rule() | {"description": "Mail"}, put_rule=described, put_targets=[])
    assert (found.change, found.fields) == ("update", {"description": ("Mail", "Mails")})
    assert words_of(found, other_image=False) == "description differs"


def test_an_expression_of_the_same_words() -> None:
    found = changed(rule("cron(0/5 * * * ? *)"), put_rule=put("rate(5 minutes)"), put_targets=[])
    assert words_of(found, other_image=False) == "cron(0/5 * * * ? *) -> rate(5 minutes)"


def test_only_another_image() -> None:
    found = changed(rule(), put_targets=[target(NEW)])
    assert (found.change, found.in_words, found.fields) == (
        "image",
        "every 15 minutes",
        {"revision": ("shop:5", "a new one")},
    )


def test_a_task_that_is_switched_off() -> None:
    found = changed(rule(), put_rule=put("rate(15 minutes)", "DISABLED"))
    assert found.fields == {"enabled": ("yes", "no")}


def test_fields_of_the_target_have_words() -> None:
    found = changed(rule(), put_targets=[target(RetryPolicy={"MaximumEventAgeInSeconds": 300}, RoleArn="r")])
    assert found.fields == {"retry age, seconds": (None, "300"), "role": (None, "r")}
    others = target(RetryPolicy={"MaximumRetryAttempts": 2}, DeadLetterConfig={"Arn": "q"})
    assert changed(rule(), put_targets=[others]).fields == {"retries": (None, "2"), "dead letters": (None, "q")}


EVERY_PART = {
    "Arn": "arn:cluster/staging",
    "EcsParameters": {
        "TaskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/shop:6",
        "TaskCount": 2,
        "EnableExecuteCommand": True,
        "PlatformVersion": "1.4.0",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s-1", "s-2"]}},
        "Tags": [{"Key": "team", "Value": "data"}, {"env": "test"}, {"a": 1, "b": 2}, ["x"], "y"],
        "CapacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
    },
    "Input": json.dumps(
        {"cpu": "512", "environment": "kept", "list": [{"n": 1, "environment": [{"name": "A", "value": "b"}]}]}
    ),
}


def test_every_part_of_a_target_has_a_name() -> None:
    """What is the same in both is not said, and of the targets the first one counts."""
    second = {"Id": "b", "Arn": "arn:lambda", "RoleArn": "r"}
    before = rule("rate(1 hour)", "ENABLED", target(RoleArn="role", SqsParameters={"Old": 1}), second)
    found = changed(before, put_targets=[target(RoleArn="role") | EVERY_PART, second | {"RoleArn": "other"}])
    assert found.fields == {
        "cluster": ("arn:cluster/production", "arn:cluster/staging"),
        "SqsParameters.Old": ("1", None),
        "count": (None, "2"),
        "ECS Exec": (None, "True"),
        "PlatformVersion": (None, "1.4.0"),
        "Subnets": (None, "s-1, s-2"),
        "tags": (None, 'team=data, env=test, {"a": 1, "b": 2}, ["x"], y'),
        "capacity provider": (None, "FARGATE 0"),
        "Input.cpu": (None, "512"),
        "Input.environment": (None, "kept"),
        "Input.list": (None, '{"n": 1, "environment": ["A"]}'),
        "revision": ("shop:5", "shop:6"),
    }


def test_a_description_that_goes() -> None:
    described = put("rate(15 minutes)") | {"Description": ""}
    found = changed(rule() | {"description": "Mail"}, put_rule=described, put_targets=[])
    assert found.fields == {"description": ("Mail", None)}


def test_changes_are_by_the_names_of_tasks() -> None:
    plan = {"changes": [{"kind": "create", "name": PREFIX + each, "put_rule": put("rate(1 hour)")} for each in "BA"]}
    assert [each.task for each in task_changes(plan, {"rules": {}}, PREFIX, Jobs(), Jobs())] == ["A", "B"]


WORDS: dict[str, tuple[dict[str, tuple[str | None, str | None]], str]] = {
    "enabled": ({"enabled": ("no", "yes")}, "enabled"),
    "disabled": ({"enabled": ("yes", "no"), "revision": ("a", "b")}, "disabled"),
    "a move": ({"in": ("a rule", "EventBridge Scheduler")}, "moves to EventBridge Scheduler"),
    "one other": ({"role": (None, "r")}, "role differs"),
    "everything": (
        {
            "schedule": ("rate(1 hour)", "rate(2 hours)"),
            "in": ("EventBridge Scheduler", "a rule"),
            "enabled": ("no", "yes"),
            "runs": ("a", "b"),
            "environment": ("A=...", "B=..."),
            "revision": ("a", "b"),
            "cpu": ("256", None),
            "role": (None, "r"),
        },
        "every hour -> every 2 hours; moves to a rule; enabled; runs a -> b; environment changes; cpu, role differ",
    ),
}


@pytest.mark.parametrize(("fields", "words"), WORDS.values(), ids=WORDS)
def test_what_becomes_of_a_task_in_words(fields: dict[str, tuple[str | None, str | None]], words: str) -> None:
    change = TaskChange("Send", "update", "every 2 hours", "every hour", fields, "")
    assert words_of(change, other_image=True) == words


@pytest.mark.parametrize(("other", "words"), [(True, "new image only"), (False, "a new revision only")])
def test_what_changes_only_in_its_revision(other: bool, words: str) -> None:
    change = TaskChange("Send", "image", "every hour", "every hour", {"revision": ("a", "b")}, "")
    assert words_of(change, other_image=other) == words


def old_and_new(old: dict[str, str], new: dict[str, str]) -> TaskChange:
    name = f"{PREFIX}SendMail"
    change = {"kind": "update", "name": name, "put_targets": [target(NEW)]}
    jobs = [job("mail", environment=each) for each in (old, new)]
    (found,) = task_changes({"changes": [change]}, {"rules": {name: rule()}}, PREFIX, *jobs)
    return found


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ({"A": "1", "B": "2"}, {"A": "1", "C": "3"}, ("B=...", "C=...")),
        ({"A": "1"}, {"A": "2", "B": "3"}, ("A=...", "A=..., B=...")),
        ({"A": "1"}, {}, ("A=...", None)),
        ({}, {"A": "1"}, (None, "A=...")),
    ],
    ids=["one for another", "a value and one more", "gone", "new"],
)
def test_variables_that_differ_are_named(old: dict[str, str], new: dict[str, str], shown: Any) -> None:
    assert old_and_new(old, new).fields["environment"] == shown


def test_values_of_environment_variables_are_masked() -> None:
    secret = {"containerOverrides": [{"name": "app", "environment": [{"name": "DB_URL", "value": "postgres://pw"}]}]}
    found = changed(rule(), put_targets=[target(Input=json.dumps(secret))])
    assert "postgres" not in str(found)
    assert "DB_URL" in str(found.fields)


def test_an_input_that_is_no_json_is_masked() -> None:
    assert "postgres" not in str(changed(rule(), put_targets=[target(Input="postgres://pw")]))


def job(command: str, **keys: Any) -> Jobs:
    task = Task.model_validate({"name": "SendMail", "task": command, "cron": "0 6 * * ? *", **keys})
    return Jobs({"SendMail": ["./bin/start", command]}, {"SendMail": task})


SPAM, SECRET = job("spam_task", environment={"DB": "old secret"}), {"environment": {"DB": "new secret", "LEVEL": "a"}}
OVERRIDES = target(Input=json.dumps({"containerOverrides": [{"command": ["./bin/start", "teaspoon_task"]}]}))


@pytest.mark.parametrize(
    ("planned", "put", "words"),
    [
        (
            job("teaspoon_task", **SECRET),
            target(NEW),
            "runs ./bin/start spam_task -> ./bin/start teaspoon_task; environment changes",
        ),
        (
            job("teaspoon_task", **SECRET),
            OVERRIDES,
            "runs ./bin/start spam_task -> ./bin/start teaspoon_task; environment changes",
        ),
        (job("spam_task", **SECRET), target(NEW), "environment changes"),
        (job("spam_task", memory=1024, environment={"DB": "old secret"}), target(NEW), "memory differs"),
    ],
    ids=["a revision of its own", "overrides", "only the environment", "its size"],
)
def test_a_job_that_will_run_otherwise_is_changed(planned: Jobs, put: dict[str, Any], words: str) -> None:
    name = f"{PREFIX}SendMail"
    change = {"kind": "update", "name": name, "put_targets": [put]}
    (found,) = task_changes({"changes": [change]}, {"rules": {name: rule()}}, PREFIX, SPAM, planned)
    shown = [click.unstyle(line) for line in lines(plan(found), NOW, 200, details=True)]
    assert shown[1] == f"~  SendMail  {words}"
    assert shown[-1].startswith("1 changed; ")
    assert "secret" not in str(shown) + str(found)


NOW = datetime(2026, 11, 30, 12, 4, tzinfo=UTC)


def plan(*tasks: TaskChange, nothing: bool = False, **members: Any) -> Plan:
    given: dict[str, Any] = {
        "nothing_to_do": nothing,
        "image": ImageChange("sha256:" + "b" * 64, "b81d07e", "sha256:" + "a" * 64, "4f2a9c1"),
        "schedule": ScheduleFile("scheduled_tasks.json", "v2", NOW, True),
        "service": ServiceChange(True, "shop:5", None, []),
        "tasks": list(tasks),
        "unchanged": 0,
        "registers": 4,
        "seconds_at_least": 4,
        "summary": "",
        **members,
    }
    return Plan(**given)


REMOVED = TaskChange("Count", "remove", "", "Sundays at 22:00 UTC", {}, "")
MOVED = TaskChange("Send", "update", "every 5 minutes", "every 15 minutes", {"schedule": ("a", "b")}, "")
FRESH = TaskChange("Print", "create", "every hour", "", {}, "")


def test_removals_are_last_and_counted() -> None:
    shown = [*lines(plan(REMOVED, MOVED, FRESH), NOW, 100)]
    assert [line.split()[0] for line in shown[-4:-1]] == ["+", "~", "-"] or "\x1b" in shown[-2]
    assert shown[-1].startswith("1 new, 1 changed, 1 REMOVED; 4 revisions, at least 4 s. Deploy it: rota deploy")
    assert "image 4f2a9c1 -> b81d07e" in shown[0]


def test_a_file_that_is_only_recorded_is_no_nothing() -> None:
    shown = [*lines(plan(nothing=True, changes_of_file=["before leaves the schedule file"]), NOW, 200)]
    assert shown[-2] == "note: before leaves the schedule file"
    assert shown[-1].startswith("Nothing would change in AWS; the schedule file would be live. Deploy it: rota deploy")


MIGRATE, SMOKE = {"before": {"task": "migrate"}}, {"after": {"task": "smoke"}}
SEND = {"name": "Send", "task": "mail", "rate": "5 minutes"}
FOR_ROTA = {"owner": "team-a", "watch": {"grace": 60}}


def whole(*tasks: dict[str, Any], **keys: Any) -> WholeFile:
    return WholeFile.model_validate({"tasks": tasks, **keys})


@pytest.mark.parametrize(
    ("live", "planned", "said"),
    [
        (None, whole(SEND, **MIGRATE), []),
        (whole(SEND, **MIGRATE), whole(SEND | {"rate": "1 hour"}, **MIGRATE), []),
        (whole(SEND, **MIGRATE, **SMOKE), whole(SEND), ["before and after leave the schedule file"]),
        (whole(**SMOKE), whole(**MIGRATE), ["after leaves the schedule file", "before is new in the schedule file"]),
        (whole(**MIGRATE), whole(before={"task": "other"}), ["before changes"]),
        (whole(SEND | FOR_ROTA), whole(SEND), ["owner, watch of Send change"]),
        (whole(SEND), whole(SEND | {"catch_up": "missed"}), ["catch_up of Send changes"]),
        (whole(SEND | FOR_ROTA), whole(), []),
    ],
    ids=["not known", "nothing", "both leave", "one is new", "other", "keys of a task", "one key", "a task leaves"],
)
def test_what_changes_of_the_file_alone(live: WholeFile | None, planned: WholeFile, said: list[str]) -> None:
    assert [*changes_of_file(live, planned)] == said


def test_nothing_is_one_sentence() -> None:
    assert [*lines(plan(nothing=True), NOW, 100)][-1] == "Nothing would change."


@pytest.mark.parametrize("width", [100, 60, 40])
def test_it_fits_the_terminal(width: int) -> None:
    shown = [click.unstyle(line) for line in lines(plan(REMOVED, MOVED, FRESH), NOW, width, details=True)]
    assert max(map(len, shown)) <= width


def test_what_keys_change_of_a_target_and_of_its_revision() -> None:
    keys = {
        "CapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0}],
        "Tags": [{"Key": "team", "Value": "data"}],
    }
    after = target(NEW)
    name = f"{PREFIX}SendMail"
    change = {
        "kind": "update",
        "name": name,
        "put_targets": [{**after, "EcsParameters": after["EcsParameters"] | keys}],
    }
    plan = {"changes": [change], "revision_changes": {name: {"role": [None, "a-role"]}}}
    (found,) = task_changes(plan, {"rules": {name: rule()}}, PREFIX, Jobs(), Jobs())
    assert found.change == "update"
    assert found.fields == {
        "revision": ("shop:5", "a new one"),
        "capacity provider": (None, "FARGATE_SPOT 3"),
        "tags": (None, "team=data"),
        "role": (None, "a-role"),
    }


def members(expression: str = "cron(0 7 * * ? *)", **more: Any) -> dict[str, Any]:
    state = {"State": "ENABLED", "FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpressionTimezone": "Europe/Berlin"}
    return {"ScheduleExpression": expression, **state, "Target": {**target(), "Id": None}, **more}


def of_scheduler(**change: Any) -> TaskChange:
    name = f"shop/{PREFIX}SendMail"
    plan = {"changes": [{"backend": "scheduler", "kind": "update", "name": name, **change}]}
    before = {"backend": "scheduler", "name": name, "members": members()}
    (found,) = task_changes(plan, {"rules": {name: before}}, PREFIX, Jobs(), Jobs())
    return found


def test_another_zone() -> None:
    found = of_scheduler(members=members(ScheduleExpressionTimezone="Asia/Tokyo"))
    assert (found.task, found.change, found.was) == ("SendMail", "update", "every day at 07:00 Europe/Berlin")
    assert found.fields == {"schedule": ("cron(0 7 * * ? *) Europe/Berlin", "cron(0 7 * * ? *) Asia/Tokyo")}


def test_another_target_of_a_schedule() -> None:
    retried = {**members()["Target"], "RetryPolicy": {"MaximumEventAgeInSeconds": 300}}
    assert of_scheduler(members=members(Target=retried)).fields == {"retry age, seconds": (None, "300")}
    assert of_scheduler(kind="remove", members=members()).was == "every day at 07:00 Europe/Berlin"


def test_a_schedule_that_moves_is_one_change() -> None:
    name = f"{PREFIX}SendMail"
    changes = [
        {"kind": "create", "backend": "scheduler", "name": f"shop/{name}", "members": members()},
        {"kind": "remove", "backend": "rules", "name": name, "disable": True},
    ]
    (found,) = task_changes({"changes": changes}, {"rules": {name: rule()}}, PREFIX, Jobs(), Jobs())
    assert (found.change, found.was, found.in_words) == (
        "update",
        "every 15 minutes",
        "every day at 07:00 Europe/Berlin",
    )
    assert found.fields == {
        "in": ("a rule", "EventBridge Scheduler"),
        "schedule": ("rate(15 minutes)", "cron(0 7 * * ? *) Europe/Berlin"),
    }
    assert "in differs" not in str([*lines(plan(found), NOW, 200)])


HOLD = {"by": "ana", "reason": "the sale", "at": "2026-11-30T11:00:00Z"}


@pytest.mark.parametrize(
    ("gates", "window", "words"),
    [
        ({}, "", []),
        ({"hold": HOLD}, "", ["note: deployments are held: add --now, or it waits"]),
        (
            {"hold": HOLD | {"until": "2026-11-30T18:00:00Z"}},
            "Mon 13:00-14:00 UTC",
            ["note: deployments are held until 2026-11-30 18:00 UTC: add --now, or it waits"],
        ),
        ({"hold": HOLD | {"until": "2026-11-30T12:00:00Z"}}, "", []),
        ({}, "Mon 13:00-14:00 UTC", ["note: the deployment window opens 2026-11-30 13:00 UTC: add --now, or it waits"]),
    ],
    ids=["nothing", "a hold", "it ends before the window counts", "it has ended", "the window"],
)
def test_what_a_push_would_wait_for_is_noted(gates: dict[str, Any], window: str, words: list[str]) -> None:
    table, stack = SimpleNamespace(present=lambda _: Present(None, {"gates": gates}, [])), {"DeployWindow": window}
    account: Any = SimpleNamespace(table=table, now=lambda: NOW, stack=SimpleNamespace(parameters=stack))
    shown = [click.unstyle(each) for each in lines(plan(remarks=[*held(account)]), NOW, 100)]
    assert [each for each in shown if each.startswith("note: ")] == words


def test_a_secret_of_a_command_is_not_shown() -> None:
    name = f"{PREFIX}SendMail"
    change = {"kind": "update", "name": name, "put_targets": [target(NEW)]}
    jobs = [Jobs({"SendMail": ["sh", "-c", f"TOKEN={value} ./mail"]}) for value in ("hunter2", "swordfish")]
    (found,) = task_changes({"changes": [change]}, {"rules": {name: rule()}}, PREFIX, *jobs)
    assert found.command == "sh -c TOKEN=*** ./mail"
    assert found.fields["runs"] == (found.command, found.command)


LIVE_IMAGE = ImageChange("sha256:" + "a" * 64, "4f2a9c1", "sha256:" + "a" * 64, "4f2a9c1")
WITHOUT_TAGS = ImageChange("sha256:" + "b" * 64, None, "sha256:" + "a" * 64, None)
LIVE_FILE = ScheduleFile("scheduled_tasks.json", "v2", None, False)
PLANS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the live image": (
        {"image": LIVE_IMAGE, "schedule": LIVE_FILE, "registers": 1},
        [
            "image 4f2a9c1 (live)   schedule file scheduled_tasks.json (live)   service shop:5 -> a new revision",
            "no schedule changes; 1 revision, at least 4 s. Deploy it: rota deploy --image 4f2a9c1",
        ],
    ),
    "images without tags": (
        {"image": WITHOUT_TAGS, "service": ServiceChange(False, "shop:5", "shop:6", ["image"]), "unchanged": 3},
        [
            "image sha256:aaaaaaaa -> sha256:bbbbbbbb   schedule file scheduled_tasks.json of 12:04   service shop:5 "
            "unchanged",
            "3 unchanged; 4 revisions, at least 4 s. Deploy it: rota deploy --image sha256:" + "b" * 64,
        ],
    ),
    "nothing was live": (
        {
            "image": ImageChange("sha256:" + "b" * 64, "b8", None, None),
            "service": ServiceChange(True, "a:1", "a:2", []),
        },
        [
            "image none -> b8   schedule file scheduled_tasks.json of 12:04   service a:1 -> a:2",
            "no schedule changes; 4 revisions, at least 4 s. Deploy it: rota deploy --image b8",
        ],
    ),
}


@pytest.mark.parametrize(("members", "shown"), PLANS.values(), ids=PLANS)
def test_a_plan_without_changes_of_schedules(members: dict[str, Any], shown: list[str]) -> None:
    assert [*lines(plan(**members), NOW, 200)] == shown
    deployed = [*lines(plan(**members), NOW, 200, deploy="rota rollback v1", options=" --env prod")][-1]
    assert deployed.endswith("Deploy it: rota rollback v1 --env prod")
