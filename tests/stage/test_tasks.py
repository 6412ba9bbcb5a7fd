"""Tasks that run, from a rule that fires or from RunTask."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.ecs.responses import DESCRIBE_TASKS_TAGS, EC2ContainerServiceResponse

from stage.background import CannotFireError
from tests.stage.small_stage import SmallStage, aws


def run_task(small: SmallStage, revision: str, **more: Any) -> Any:
    request = {
        "cluster": small.name,
        "taskDefinition": revision,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": small.network},
    }
    return aws("ecs").run_task(**{**request, **more})


def test_a_fired_rule_runs_its_task(small: SmallStage) -> None:
    revision = small.register("spam_task")
    rule = small.rule("spam", small.task_target(revision))
    fired = small.background.fire(rule)
    assert fired.pop("task_arn").startswith(f"arn:aws:ecs:us-east-1:123456789012:task/{small.name}/")
    assert fired == {
        "rule": rule,
        "task_definition": revision,
        "command": ["./bin/start", "spam_task"],
        "image": f"{small.image}:initial",
        "exit_code": 0,
        "stopped_reason": "Essential container in task exited",
        "output": "hello spam_task\n",
        "log_group": None,
        "log_stream": None,
    }


def test_a_failed_task_has_its_exit_code(small: SmallStage) -> None:
    fired = small.fire("fail")
    assert (fired["exit_code"], fired["output"]) == (3, "about to fail\n")
    task = small.task(fired["task_arn"])
    exit_codes = {container["name"]: container.get("exitCode") for container in task["containers"]}
    assert (task["lastStatus"], task["stopCode"], exit_codes) == (
        "STOPPED",
        "EssentialContainerExited",
        {"app": 3, "metrics": None},
    )


def test_a_task_publishes_its_states(small: SmallStage) -> None:
    heard = small.listen({"source": ["aws.ecs"], "detail": {"clusterArn": [small.cluster]}})
    rule = small.rule("fail", small.task_target(small.register("fail")))
    fired = small.background.fire(rule)
    published = heard()
    details = [each["detail"] for each in published]
    assert {each["detail-type"] for each in published} == {"ECS Task State Change"}
    assert [(detail["lastStatus"], detail["version"]) for detail in details] == [
        ("PROVISIONING", 1),
        ("PENDING", 2),
        ("RUNNING", 3),
        ("DEPROVISIONING", 4),
        ("STOPPED", 5),
    ]
    assert {detail["taskArn"] for detail in details} == {fired["task_arn"]}
    stopped = details[-1]
    assert (stopped["startedBy"], stopped["group"]) == (f"events-rule/{rule}"[:36], f"family:{small.name}")
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert [each.get("exitCode") for each in stopped["containers"] if each["name"] == "app"] == [3]
    assert details[0].get("stoppedReason") is None


def states(heard: list[Any]) -> list[tuple[str, str, int]]:
    """Status, desired status and version of each event."""
    details = (each["detail"] for each in heard)
    return [(each["lastStatus"], each["desiredStatus"], each["version"]) for each in details]


def events_of_tasks(small: SmallStage) -> Callable[[], list[Any]]:
    return small.listen({"source": ["aws.ecs"], "detail": {"clusterArn": [small.cluster]}})


def test_a_task_takes_its_time_to_start_and_to_end(small: SmallStage) -> None:
    small.settings.change({"start_seconds": 2500})
    heard = events_of_tasks(small)
    [task] = run_task(small, small.register("hello"))["tasks"]
    seen = []
    for seconds in (1799, 2, 698, 2):
        small.background.move_clock(seconds)
        seen.append(small.task(task["taskArn"])["lastStatus"])
    assert seen[:3] == ["PROVISIONING", "PENDING", "PENDING"]
    assert small.background.timer.wait_for(lambda: small.task(task["taskArn"])["lastStatus"] == "DEPROVISIONING")
    small.background.move_clock(2310)

    assert states(heard()) == [
        ("PROVISIONING", "RUNNING", 1),
        ("PENDING", "RUNNING", 2),
        ("RUNNING", "RUNNING", 3),
        ("DEPROVISIONING", "STOPPED", 4),
        ("STOPPED", "STOPPED", 5),
    ]
    ended = small.task(task["taskArn"])
    lasted = {name: (ended[name] - ended["createdAt"]).total_seconds() for name in ("pullStartedAt", "startedAt")}
    lasted["released"] = (ended["stoppedAt"] - ended["executionStoppedAt"]).total_seconds()
    assert lasted == pytest.approx({"pullStartedAt": 1800, "startedAt": 2500, "released": 2300}, abs=15)


def test_a_task_that_is_deprovisioning_has_its_exit_code(small: SmallStage) -> None:
    heard = events_of_tasks(small)
    small.fire("fail")
    ending, ended = [each["detail"] for each in heard()][-2:]
    codes = [
        (each["exitCode"], each["lastStatus"])
        for detail in (ending, ended)
        for each in detail["containers"]
        if each["name"] == "app"
    ]
    assert codes == [(3, "STOPPED")] * 2
    assert ending["stopCode"] == "EssentialContainerExited"
    assert "stoppedAt" not in ending
    assert ending["executionStoppedAt"].endswith(".000Z"), "whole seconds"
    assert [each["status"] for each in (*ending["attachments"], *ended["attachments"])] == ["ATTACHED", "DELETED"]


def test_a_task_that_cannot_start_never_runs(small: SmallStage) -> None:
    heard = events_of_tasks(small)
    small.fire("hello", image=f"{small.image}:missing")
    published = heard()
    assert states(published) == [
        ("PROVISIONING", "RUNNING", 1),
        ("PENDING", "RUNNING", 2),
        ("DEPROVISIONING", "STOPPED", 3),
        ("STOPPED", "STOPPED", 4),
    ]
    ended = published[-1]["detail"]
    assert ended["stopCode"] == "TaskFailedToStart"
    assert {"startedAt", "pullStartedAt", "pullStoppedAt", "tags"} & set(ended) == set()
    assert [each for each in ended["containers"] if "exitCode" in each] == []


def test_the_lines_of_a_task_are_shown_later(small: SmallStage) -> None:
    options = {"awslogs-group": small.name, "awslogs-stream-prefix": "ecs", "awslogs-create-group": "true"}
    small.settings.change({"late_logs": 30})
    fired = small.fire("hello", logConfiguration={"logDriver": "awslogs", "options": options})
    stream = {"logGroupName": fired["log_group"], "logStreamName": fired["log_stream"]}
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*log stream does not exist"):
        aws("logs").get_log_events(**stream)
    assert aws("logs").filter_log_events(logGroupName=small.name)["events"] == []
    small.background.move_clock(31)
    assert [event["message"] for event in aws("logs").get_log_events(**stream)["events"]] == ["hello hello"]
    assert len(aws("logs").filter_log_events(logGroupName=small.name)["events"]) == 1


@pytest.mark.parametrize("seconds", [0, 19], ids=["PROVISIONING", "PENDING"])
def test_a_task_stopped_on_its_way_up_runs_nothing(small: SmallStage, seconds: int) -> None:
    small.settings.change({"start_seconds": 25})
    heard = events_of_tasks(small)
    [task] = run_task(small, small.register("hello"))["tasks"]
    small.background.move_clock(seconds)
    aws("ecs").stop_task(cluster=small.name, task=task["taskArn"], reason="not now")
    small.background.move_clock(60)
    published = heard()
    before = ["PROVISIONING", "PENDING"] if seconds else ["PROVISIONING"]
    assert [state[:2] for state in states(published)] == [
        *((status, "RUNNING") for status in before),
        (before[-1], "STOPPED"),
        ("DEPROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
    ]
    ended = published[-1]["detail"]
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "not now")
    assert {"startedAt", "executionStoppedAt"} & set(ended) == set()
    assert [each for each in ended["containers"] if "exitCode" in each] == []


@pytest.mark.exhaustive(first=0)
def test_tasks_stopped_at_any_moment_end_once(small: SmallStage) -> None:
    heard, revision = events_of_tasks(small), small.register("hello")
    arns = [run_task(small, revision)["tasks"][0]["taskArn"] for _ in range(8)]
    for arn in arns:
        aws("ecs").stop_task(cluster=small.name, task=arn)
    assert small.background.timer.wait_for(lambda: small.background.active() == [])
    details = [each["detail"] for each in heard()]
    for arn in arns:
        of_task = sorted((each for each in details if each["taskArn"] == arn), key=lambda each: int(each["version"]))
        order = ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]
        seen = [order.index(each["lastStatus"]) for each in of_task]
        assert (seen, seen[-2:], small.task(arn)["lastStatus"]) == (sorted(seen), [3, 4], "STOPPED")


def test_stop_task_deletes_the_tags_of_a_task(small: SmallStage) -> None:
    [task] = run_task(small, small.register("sleep"), tags=[{"key": "by", "value": "me"}])["tasks"]
    assert task["tags"] == [{"key": "by", "value": "me"}]
    aws("ecs").stop_task(cluster=small.name, task=task["taskArn"])
    described = aws("ecs").describe_tasks(cluster=small.name, tasks=[task["taskArn"]], include=["TAGS"])["tasks"]
    assert described[0].get("tags", []) == []


def test_a_reset_ends_tasks_on_their_way_up(small: SmallStage) -> None:
    small.settings.change({"start_seconds": 3600})
    [task] = run_task(small, small.register("hello"))["tasks"]
    small.background.reset()
    assert small.task(task["taskArn"])["lastStatus"] == "STOPPED"


def test_a_run_of_an_inactive_revision_is_lost(small: SmallStage) -> None:
    revision, dead = small.register(), small.queue("dead")
    rule = small.rule("task", small.task_target(revision, DeadLetterConfig={"Arn": dead}))
    aws("ecs").deregister_task_definition(taskDefinition=revision)
    fired = small.background.fire(rule)
    assert fired["error"] == {"code": "InvalidParameterException", "message": "TaskDefinition is inactive"}
    [letter] = small.messages(dead)
    assert letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] == "TaskDefinition is inactive"
    assert aws("ecs").list_tasks(cluster=small.name)["taskArns"] == []


def test_without_capacity_run_task_answers_with_failures(small: SmallStage) -> None:
    small.settings.change({"run_task": "capacity"})
    answer = run_task(small, small.register())
    assert (answer["tasks"], [sorted(each) for each in answer["failures"]]) == ([], [["reason"]])
    assert answer["failures"][0]["reason"].startswith("Capacity is unavailable at this time")


def test_nothing_reports_a_fired_task_without_capacity(small: SmallStage) -> None:
    heard, dead = events_of_tasks(small), small.queue("dead")
    rule = small.rule("task", small.task_target(small.register(), DeadLetterConfig={"Arn": dead}))
    small.settings.change({"run_task": "capacity"})
    assert [*small.background.fire(rule)["failures"][0]] == ["reason"]
    small.background.move_clock(86_400)
    assert (heard(), small.messages(dead), [*small.background.targets.failures]) == ([], [], [])


@pytest.mark.parametrize(
    ("setting", "code"), [("refused", "AccessDeniedException"), ("throttled", "ThrottlingException")]
)
def test_run_task_can_be_refused(small: SmallStage, setting: str, code: str) -> None:
    small.settings.change({"run_task": setting})
    with pytest.raises(ClientError, match=code):
        run_task(small, small.register())


POLICY = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400}


@pytest.mark.parametrize(
    ("setting", "policy", "expected"),
    [
        pytest.param("refused", POLICY, ("NO_PERMISSIONS", "0", None, 0), id="final"),
        pytest.param("throttled", {"MaximumRetryAttempts": 0}, ("THROTTLING", "0", "MaximumRetryAttempts", 0), id="0"),
        pytest.param("throttled", {"MaximumRetryAttempts": 3}, ("THROTTLING", "3", "MaximumRetryAttempts", 7), id="3"),
        pytest.param(
            "throttled",
            {"MaximumEventAgeInSeconds": 60},
            ("THROTTLING", "5", "MaximumEventAgeInSeconds", 60),
            id="a minute",
        ),
        pytest.param("throttled", {}, ("THROTTLING", "185", "MaximumRetryAttempts", 86_400), id="by default"),
    ],
)
def test_a_target_is_tried_as_its_policy_says(
    small: SmallStage, setting: str, policy: dict[str, int], expected: tuple[str, str, str | None, int]
) -> None:
    *said, seconds = expected
    dead = small.queue("dead")
    more = {"DeadLetterConfig": {"Arn": dead}, "RetryPolicy": policy}
    small.settings.change({"run_task": setting})
    small.background.fire(small.rule("task", small.task_target(small.register(), **more)))
    if seconds > 2:
        small.background.move_clock(seconds / 2)
        assert small.messages(dead) == []
        small.background.move_clock(seconds / 2 + 1)

    [letter] = small.messages(dead)
    attributes = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    names = ("ERROR_CODE", "RETRY_ATTEMPTS", "EXHAUSTED_RETRY_CONDITION")
    assert [attributes.get(name) for name in names] == said
    assert json.loads(letter["Body"])["detail-type"] == "Scheduled Event"


def test_a_throttled_task_starts_later(small: SmallStage) -> None:
    heard = events_of_tasks(small)
    small.settings.change({"run_task": "throttled"})
    fired = small.background.fire(small.rule("task", small.task_target(small.register("hello"))))
    assert fired["error"]["code"] == "ThrottlingException"
    small.background.move_clock(100)
    assert heard() == []
    small.settings.change({"run_task": "ok"})
    small.background.move_clock(100)
    assert small.background.timer.wait_for(lambda: small.background.active() == [])
    assert [status for status, *_ in states(heard())][-1] == "STOPPED"


@pytest.mark.parametrize("given", ['{"containerOverrides": [{"name": "web"}]}', "not JSON"], ids=["name", "json"])
def test_a_run_with_an_invalid_input_is_lost(small: SmallStage, given: str) -> None:
    fired = small.background.fire(small.rule("task", small.task_target(small.register(), Input=given)))
    assert fired["error"]["code"] == "InvalidParameterException"


def test_a_target_can_run_several_tasks(small: SmallStage) -> None:
    revision = small.register("environment")
    fired = small.background.fire(small.rule("task", small.task_target(revision, EcsParameters={"TaskCount": 3})))
    assert len({task["task_arn"] for task in fired["tasks"]}) == 3
    assert {task["exit_code"] for task in fired["tasks"]} == {0}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, "no target"),
        ({"state": "DISABLED"}, "DISABLED"),
        ({"EventPattern": '{"source": ["a"]}'}, "no schedule"),
    ],
    ids=["no-target", "disabled", "no-schedule"],
)
def test_a_rule_that_eventbridge_does_not_fire_is_refused(small: SmallStage, rule: dict[str, str], why: str) -> None:
    name = small.rule("task", **rule)
    with pytest.raises(CannotFireError, match=why):
        small.background.fire(name)


def test_a_missing_rule_is_reported_with_the_existing_ones(small: SmallStage) -> None:
    there = small.rule("task")
    with pytest.raises(CannotFireError, match=f"There is no rule nothing; there are .*{there}"):
        small.background.fire("nothing")


def test_a_scheduled_event_reaches_other_kinds_of_targets(small: SmallStage) -> None:
    queue = small.queue("q")
    rule = small.rule("nightly", {"Arn": queue})
    assert small.background.fire(rule) == {"rule": rule, "delivered": True}
    [message] = small.messages(queue)
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [f"arn:aws:events:us-east-1:123456789012:rule/{rule}"]


@pytest.mark.parametrize(
    "other",
    [{"desiredStatus": "STOPPED"}, {"family": "another"}, {"launchType": "FARGATE"}],
    ids=lambda each: next(iter(each)),
)
def test_who_started_a_task_goes_with_no_other_filter(small: SmallStage, other: Any) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html"""
    assert aws("ecs").list_tasks(cluster=small.name, startedBy="a-user")["taskArns"] == []
    with pytest.raises(aws("ecs").exceptions.InvalidParameterException, match="the only filter"):
        aws("ecs").list_tasks(cluster=small.name, startedBy="a-user", **other)


def test_a_client_token_starts_nothing_twice_within_a_day(small: SmallStage) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html"""
    network = {"awsvpcConfiguration": {"subnets": small.network["subnets"]}}
    revision = small.register("sleep")
    more: Any = {"clientToken": "IngestData of six", "networkConfiguration": network}
    first = run_task(small, revision, **more)
    assert run_task(small, revision, **more)["tasks"] == first["tasks"]
    with pytest.raises(aws("ecs").exceptions.ConflictException, match="already in use with a different RunTask"):
        run_task(small, revision, startedBy="another", **more)
    assert len(aws("ecs").list_tasks(cluster=small.name)["taskArns"]) == 1
    assert run_task(small, revision, clientToken="of seven")["tasks"] != first["tasks"]
    small.background.move_clock(86_401)
    assert run_task(small, revision, **more)["tasks"] != first["tasks"]


def test_a_client_token_is_known_for_an_hour_after_its_tasks_have_ended(small: SmallStage) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html: "the lifetime of the resource plus one
    hour".
    """
    revision, more = small.register("hello"), {"clientToken": "IngestData of six"}
    first = run_task(small, revision, **more)
    arn = first["tasks"][0]["taskArn"]
    assert small.background.timer.wait_for(lambda: small.task(arn)["lastStatus"] == "STOPPED")
    small.background.move_clock(3_500)
    assert run_task(small, revision, **more)["tasks"] == first["tasks"]
    small.background.move_clock(200)
    assert run_task(small, revision, **more)["tasks"] != first["tasks"]


def test_without_capacity_a_client_token_is_not_used(small: SmallStage) -> None:
    revision, more = small.register("hello"), {"clientToken": "IngestData of six"}
    small.settings.change({"run_task": "capacity"})
    assert run_task(small, revision, **more)["tasks"] == []
    small.settings.change({"run_task": "ok"})
    assert len(run_task(small, revision, **more)["tasks"]) == 1


def test_run_task_starts_and_stop_task_stops(small: SmallStage) -> None:
    answer = run_task(small, small.register("sleep"), startedBy="a-user")
    [task] = answer["tasks"]
    assert (answer["failures"], task["startedBy"], task["desiredStatus"]) == ([], "a-user", "RUNNING")
    assert small.background.timer.wait_for(lambda: small.task(task["taskArn"])["lastStatus"] == "RUNNING")
    aws("ecs").stop_task(cluster=small.name, task=task["taskArn"], reason="enough")
    assert small.background.timer.wait_for(lambda: small.task(task["taskArn"])["lastStatus"] == "STOPPED")
    stopped = small.task(task["taskArn"])
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert [each.get("exitCode") for each in stopped["containers"] if each["name"] == "app"] == [143]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException"),
        ({"launchType": "EC2"}, "No Container Instances were found in your cluster"),
        ({"count": 11}, "Count must be between 1 and 10"),
        ({"networkConfiguration": None}, "Network Configuration must be provided"),
        ({"taskDefinition": "nothing"}, "TaskDefinition not found"),
        ({"overrides": {"containerOverrides": [{"name": "web"}]}}, "container named web is not a container in the"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0"]}}}, "InvalidSubnetID.NotFound"),
    ],
    ids=["no-cluster", "no-instances", "too-many", "no-network", "no-revision", "no-container", "no-subnet"],
)
def test_a_task_that_cannot_be_placed_is_refused(small: SmallStage, change: dict[str, Any], error: str) -> None:
    request = {
        "cluster": small.name,
        "taskDefinition": small.register(),
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": small.network},
        **change,
    }
    with pytest.raises(ClientError, match=error):
        aws("ecs").run_task(**{member: value for member, value in request.items() if value is not None})
    assert aws("ecs").list_tasks(cluster=small.name)["taskArns"] == []


def test_tasks_are_listed_by_cluster_and_desired_status(small: SmallStage) -> None:
    small.settings.change({"start_seconds": 3600})
    aws("ecs").create_cluster(clusterName=f"{small.name}-2")
    [task] = run_task(small, small.register("hello"))["tasks"]
    [other] = run_task(small, small.register("hello"), cluster=f"{small.name}-2")["tasks"]
    assert aws("ecs").list_tasks(cluster=small.name)["taskArns"] == [task["taskArn"]]
    with pytest.raises(ClientError, match=r"The referenced task was not found\."):
        aws("ecs").stop_task(cluster=small.name, task=other["taskArn"])
    aws("ecs").stop_task(cluster=small.name, task=task["taskArn"])
    assert aws("ecs").list_tasks(cluster=small.name)["taskArns"] == []
    assert aws("ecs").list_tasks(cluster=small.name, desiredStatus="STOPPED")["taskArns"] == [task["taskArn"]]


def test_a_cluster_is_not_deleted_with_what_is_in_it(small: SmallStage) -> None:
    small.settings.change({"tasks": "scripted"})
    run_task(small, small.register())
    with pytest.raises(ClientError, match="ClusterContainsTasksException"):
        aws("ecs").delete_cluster(cluster=small.name)
    small.background.move_clock(60)
    small.service(small.register())
    with pytest.raises(ClientError, match="ClusterContainsServicesException"):
        aws("ecs").delete_cluster(cluster=small.name)
    aws("ecs").delete_service(cluster=small.name, service=small.name, force=True)
    small.background.move_clock(60)
    assert aws("ecs").delete_cluster(cluster=small.name)["cluster"]["status"] == "INACTIVE"


def test_moving_the_clock_stops_no_process(small: SmallStage) -> None:
    [task] = run_task(small, small.register("sleep"))["tasks"]
    assert small.background.timer.wait_for(lambda: small.task(task["taskArn"])["lastStatus"] == "RUNNING")
    small.background.move_clock(86_400)
    assert small.task(task["taskArn"])["desiredStatus"] == "RUNNING"


def test_a_stopped_task_is_forgotten_after_an_hour(small: SmallStage) -> None:
    arn = small.fire("hello")["task_arn"]
    small.background.move_clock(3500)
    assert small.task(arn)["lastStatus"] == "STOPPED"
    small.background.move_clock(200)
    answer = aws("ecs").describe_tasks(cluster=small.name, tasks=[arn, "0" * 32])
    missing = arn.rpartition("/")[0] + "/" + "0" * 32
    assert (answer["tasks"], answer["failures"]) == (
        [],
        [{"arn": arn, "reason": "MISSING"}, {"arn": missing, "reason": "MISSING"}],
    )
    assert aws("ecs").list_tasks(cluster=small.name, desiredStatus="STOPPED")["taskArns"] == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [({"cluster": "none", "tasks": ["a"]}, "ClusterNotFoundException"), ({"tasks": []}, "InvalidParameterException")],
    ids=["no-cluster", "no-tasks"],
)
def test_describe_tasks_is_refused(small: SmallStage, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        aws("ecs").describe_tasks(**{"cluster": small.name, **request_})


def test_a_reset_kills_tasks(small: SmallStage) -> None:
    [task] = run_task(small, small.register("sleep"))["tasks"]
    small.background.reset()
    assert small.task(task["taskArn"])["lastStatus"] == "STOPPED"


def test_a_task_that_runs_too_long_is_stopped(small: SmallStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stage.ecs.tasks.LONGEST_RUN", 0.3)
    fired = small.fire("sleep")
    assert fired["exit_code"] == 137
    assert fired["stopped_reason"].startswith("The stage stops a task after")


@pytest.mark.usefixtures("small")
def test_an_answer_has_its_tags_beside_one_without() -> None:
    with_tags, without = EC2ContainerServiceResponse(), EC2ContainerServiceResponse()
    with_tags._include_in_response(DESCRIBE_TASKS_TAGS)
    without._exclude_from_response(DESCRIBE_TASKS_TAGS)
    shown = [each.RESPONSE_KEY_PATH_TO_TRANSFORMER[DESCRIBE_TASKS_TAGS]("tags") for each in (with_tags, without)]
    assert shown == ["tags", None]
