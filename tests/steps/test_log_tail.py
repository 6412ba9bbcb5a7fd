"""The last lines that a run logged, as a message shows them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rota.ownership import OWNER_TAG
from rota.runs.log_tail import with_log
from rota.runs.model import LogPlace, Run
from stage.gateway.calls import Call, Reply
from stage.logs.streams import append
from tests.alerts import failed
from tests.guestbook import ACCOUNT, APP_CONTAINER, CONTENT, REGION, SETTINGS
from tests.in_process import client
from tests.log_lines import logged
from tests.steps.local_stage import local_stage
from tests.steps.world import World

TASK_ID = "0f1e2d3c"
STREAM = f"jobs/app/{TASK_ID}"
GROUP = "/ecs/guestbook"
PLACE = LogPlace(driver="awslogs", group=GROUP, stream=STREAM)
LOG = {"logDriver": "awslogs", "options": {"awslogs-group": GROUP, "awslogs-stream-prefix": "jobs"}}

Ran = Callable[..., Run]


@pytest.fixture
def ran(world: World) -> Ran:
    """A run of a revision with that log configuration and environment; its log has these lines."""

    def run(*lines: str, log: dict[str, Any] = LOG, **environment: str) -> Run:
        given = [{"name": name, "value": value} for name, value in environment.items()]
        container = APP_CONTAINER | {"logConfiguration": log, "environment": given}
        content = {**CONTENT, "containerDefinitions": [container]}
        revision = client("ecs").register_task_definition(**content)["taskDefinition"]["taskDefinitionArn"]
        for line in lines:
            append(GROUP, STREAM, line)
        task = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/production/{TASK_ID}"
        world.calls.made.clear()
        return failed(revision=revision, task_arn=task, task_id=TASK_ID, tail=(), log=None)

    return run


def test_the_last_lines_are_read(ran: Ran) -> None:
    shown = with_log(ran(*(f"line {number}" for number in range(30))), SETTINGS, lines=10)
    assert (shown.log, shown.tail) == (PLACE, tuple(f"line {number}" for number in range(20, 30)))


def test_secrets_are_masked_by_their_look_and_by_the_environment(ran: Ran) -> None:
    lines = "connecting to postgres://shop:tr0ub4dor@db", "trying swordfish", "level info"
    shown = with_log(ran(*lines, DB_PASSWORD="swordfish", LOG_LEVEL="info"), SETTINGS, lines=10)
    assert shown.tail == ("connecting to postgres://shop:***@db", "trying ***", "level info")


def test_colours_hide_no_secret(ran: Ran) -> None:
    lines = "\x1b[36mpassword\x1b[0m=\x1b[35mtr0ub4dor\x1b[0m", "trying sword\x1b[1mfish\x1b[0m"
    shown = with_log(ran(*lines, DB_PASSWORD="swordfish"), SETTINGS, lines=10)
    assert shown.tail == ("password=***", "trying ***")


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param({"job_log_groups": ()}, 10, id="no log may be read"),
        pytest.param({}, 0, id="no lines are wanted"),
    ],
)
def test_a_log_that_is_not_shown_is_not_read(world: World, ran: Ran, changes: dict[str, Any], lines: int) -> None:
    shown = with_log(ran("a line"), SETTINGS.model_copy(update=changes), lines=lines)
    assert (shown.log, shown.tail) == (PLACE, ())
    assert world.calls.made == ["ecs.DescribeTaskDefinition"]


@pytest.mark.parametrize("missing", ["revision", "task_arn"])
def test_a_run_without_a_task_has_no_log(world: World, ran: Ran, missing: str) -> None:
    run = ran("a line").model_copy(update={missing: ""})
    assert (with_log(run, SETTINGS, lines=10), world.calls.made) == (run, [])


def test_a_run_that_logged_nothing_has_no_lines(ran: Ran) -> None:
    append(GROUP, "jobs/app/another", "a line")
    assert with_log(ran(), SETTINGS, lines=10).tail == ()


def test_an_empty_log_ends_where_the_token_stays_the_same(world: World, ran: Ran) -> None:
    run = ran()
    append(GROUP, "jobs/app/another", "a line")
    client("logs").create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    assert with_log(run, SETTINGS, lines=10).tail == ()
    assert world.calls.made.count("logs.GetLogEvents") == 2


@pytest.mark.parametrize(
    ("call", "log", "said"),
    [
        ("ecs.DescribeTaskDefinition", None, "a run's log configuration could not be read"),
        ("logs.GetLogEvents", PLACE, "a run's log could not be read"),
    ],
    ids=["its revision", "its log"],
)
def test_what_aws_refuses_is_left_out_and_logged(
    world: World, ran: Ran, caplog: pytest.LogCaptureFixture, call: str, log: LogPlace | None, said: str
) -> None:
    run = ran("a line")
    caplog.clear()
    with world.calls.refusing(call, "AccessDeniedException"):
        shown = with_log(run, SETTINGS, lines=10)
    assert (shown.log, shown.tail) == (log, ())
    (line,) = caplog.records
    assert logged(caplog) == [("ERROR", said, {"task": run.task})]
    assert "AccessDeniedException" in str(line.exc_info)


class _Pages:
    """A hook that answers a log of one line, after some pages without a line, as CloudWatch may."""

    def __init__(self, empty: int) -> None:
        self._empty = empty

    def before(self, call: Call) -> Reply | None:
        if call.operation != "GetLogEvents":
            return None
        self._empty -= 1
        events = [] if self._empty >= 0 else [{"message": "a line", "timestamp": 1, "ingestionTime": 1}]
        tokens = {"nextBackwardToken": f"b/{self._empty}", "nextForwardToken": "f/0"}
        return Reply.result(call, {"events": events, **tokens})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


@pytest.mark.parametrize(("empty", "tail"), [(2, ("a line",)), (9, ())], ids=["two pages", "all that are looked at"])
def test_pages_without_a_line_are_passed(ran: Ran, empty: int, tail: tuple[str, ...]) -> None:
    run = ran()
    with local_stage().hooked(_Pages(empty)):
        assert with_log(run, SETTINGS, lines=10).tail == tail


OVERRIDES = {"containerOverrides": [{"name": "app", "environment": [{"name": "DB_PASSWORD", "value": "swordfish"}]}]}


class _Known:
    """A hook with which ECS knows the task, started with these overrides."""

    def before(self, call: Call) -> Reply | None:
        if call.operation != "DescribeTasks":
            return None
        task = {"taskArn": "arn", "version": 1, "lastStatus": "STOPPED", "createdAt": 1, "taskDefinitionArn": "arn"}
        return Reply.result(call, {"tasks": [task | {"overrides": OVERRIDES}]})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def test_secrets_of_the_tasks_overrides_are_masked(ran: Ran) -> None:
    run = ran("trying swordfish")
    with local_stage().hooked(_Known()):
        assert with_log(run, SETTINGS, lines=10).tail == ("trying ***",)


def test_secrets_of_a_task_that_ecs_has_forgotten_are_masked_as_its_target_has_them(ran: Ran) -> None:
    run, rule = ran("trying swordfish"), SETTINGS.rule_prefix + "IngestData"
    made = client("events").put_rule(Name=rule, ScheduleExpression="rate(1 hour)")["RuleArn"]
    client("events").tag_resource(ResourceARN=made, Tags=[{"Key": OWNER_TAG, "Value": SETTINGS.app}])
    cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/production"
    ecs = {"TaskDefinitionArn": run.revision}
    target = {"Id": rule, "Arn": cluster, "RoleArn": SETTINGS.events_role_arn, "EcsParameters": ecs}
    client("events").put_targets(Rule=rule, Targets=[target | {"Input": json.dumps(OVERRIDES)}])
    assert with_log(run, SETTINGS, lines=10).tail == ("trying ***",)
