"""ReadConfig: checks everything before the first write and reports all problems at once."""

import json
from typing import Any

import pytest
from moto.ecs.models import ecs_backends

from rota.errors import ConfigError, RejectedError, TransientError
from stage.eventbridge.bus import rules
from tests.examples import EVENTS
from tests.guestbook import ACCOUNT, CLUSTER_ARN, CONTENT, IMAGE_URI, PREFIX, REGION, arn
from tests.in_process import client
from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployments, invoke
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World


def test_the_answer_to_the_example_event(world: World) -> None:
    version = world.upload(SCHEDULE)
    event = json.loads((EVENTS / "read_config.json").read_text())
    for _ in range(2):
        answer = invoke("read_config", event)
        assert world.stored(answer.pop("state"))["cluster_arn"] == CLUSTER_ARN
        assert answer == {
            "schedule": {"key": "scheduled_tasks.json", "version_id": version},
            "tasks": 2,
            "image_uri": IMAGE_URI,
            "base": arn(1),
        }
    assert world.calls.writes() == []


def test_all_problems_are_reported_at_once(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload({"tasks": [*SCHEDULE["tasks"], {"name": "Old", "task": "old_task", "rate": "1 day"}]})
    assert deployments.start().run() == "Deployed"
    role = "arn:aws:iam::123456789012:role/of-a-script"
    client("events").put_targets(Rule=PREFIX + "Old", Targets=[world.target("Old") | {"RoleArn": role}])
    world.calls.made.clear()
    wrong = [{"name": "ByHand", "task": "x", "cron": "61 * * * ? *"}, {"name": "B", "rate": "1 day"}]
    version = world.upload({"tasks": wrong})
    monkeypatch.setenv("CONTAINER", "web")
    expired = deployments.start(NEXT)
    expired.step("TakeTurn")
    client("ecr").batch_delete_image(repositoryName="guestbook", imageIds=[{"imageDigest": NEXT}])
    with pytest.raises(ConfigError) as raised:
        expired.step("ReadConfig")
    message = str(raised.value)
    assert message.startswith(f"s3://guestbook-config/scheduled_tasks.json (version {version}) has 2 problems:\n")
    for problem in (
        *("tasks[0].cron", "tasks[1]", "is not in ECR; push it again", "has no container web"),
        f"{PREFIX}Old names the role {role}, which Rota may not pass, so it could not restore the rule",
    ):
        assert problem in message
    assert world.calls.writes() == []


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CLUSTER", "gone", "there is no ECS cluster gone in this account and Region"),
        ("SERVICE", "gone", "there is no service gone on the ECS cluster production"),
        ("FAMILY", "shop", "but the parameter TaskDefinitionFamily says shop"),
        ("CONTAINER", "web", "has no container web, which the parameter ContainerName names; it has app, metrics"),
        ("SUBNETS", ",".join(["subnet-1"] * 17), "the parameter SubnetIds names 17, and ECS takes 16 at most"),
        ("TASK_ROLE_ARNS", "arn:aws:iam::123456789012:role/x", "which the parameter TaskRoleArns does not list"),
    ],
)
def test_parameters_that_do_not_match_the_account(
    variable: str, value: str, message: str, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deployments.start().until("ReadConfig")
    monkeypatch.setenv(variable, value)
    with pytest.raises(RejectedError) as raised:
        deployment.step("ReadConfig")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ClusterNotFoundException", "there is no ECS cluster production in this account and Region"),
        ("ClientException", "DescribeServices: ClientException: scripted"),
    ],
)
def test_a_cluster_that_is_inactive(code: str, message: str, world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("ReadConfig")
    with world.calls.refusing("ecs.DescribeServices", code), pytest.raises(RejectedError, match=message):
        deployment.step("ReadConfig")


def test_a_repository_that_is_gone(world: World, deployments: Deployments) -> None:
    client("ecr").delete_repository(repositoryName="guestbook", force=True)
    with pytest.raises(RejectedError, match="there is no ECR repository guestbook in this account and Region"):
        deployments.start().until("PlanDeployment")


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ([], r"the image guestbook@sha256:[0-9a-f]{64} is not in ECR, or is archived; push it again"),
        ([{"imageStatus": "ARCHIVED"}], r"the image guestbook@sha256:[0-9a-f]{64} is ARCHIVED in ECR"),
        ([{"imageStatus": "ACTIVATING"}], r"is ACTIVATING in ECR, and can be pulled only while it is ACTIVE"),
    ],
    ids=["not described", "archived", "activating"],
)
def test_an_image_that_cannot_be_pulled(
    shown: list[dict[str, str]], message: str, world: World, deployments: Deployments
) -> None:
    with world.calls.showing_images(shown), pytest.raises(RejectedError, match=message):
        deployments.start().until("PlanDeployment")


@pytest.mark.parametrize("shown", [{}, {"imageStatus": "ACTIVE"}], ids=["ECR does not say", "active"])
def test_an_image_that_can_be_pulled(shown: dict[str, str], world: World, deployments: Deployments) -> None:
    with world.calls.showing_images([shown]):
        assert deployments.start().until("PlanDeployment").document["config"]["image_uri"] == IMAGE_URI


def test_a_missing_file_names_all_keys_tried(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULE_KEYS", "{repository}/{tag}.json,tasks.json")
    with pytest.raises(ConfigError) as raised:
        deployments.start().until("PlanDeployment")
    assert str(raised.value) == (
        "there is no schedule file; tried s3://guestbook-config/guestbook/5d0c6a1.json, "
        "s3://guestbook-config/tasks.json. Upload it, then push the image or start the execution again"
    )


def test_the_first_key_that_exists_wins(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULE_KEYS", "nowhere.json,{repository}/{tag}.json,scheduled_tasks.json")
    version = world.upload({"tasks": []}, "guestbook/5d0c6a1.json")
    answer = deployments.start().until("PlanDeployment").document["config"]
    assert answer["schedule"] == {"key": "guestbook/5d0c6a1.json", "version_id": version}
    assert answer["tasks"] == 0


def test_a_file_of_a_megabyte_is_no_schedule(world: World, deployments: Deployments) -> None:
    world.upload(b" " * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="has 1,048,577 bytes, and the limit for a schedule file is 1,048,576"):
        deployments.start().until("PlanDeployment")


def test_a_task_too_long_for_a_task_definition(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [SCHEDULE["tasks"][0] | {"environment": {"X": "x" * 65_000}}]})
    with pytest.raises(ConfigError, match=r"tasks\[0\]: with the base task definition this makes 6\d,\d+ characters"):
        deployments.start().until("PlanDeployment")


KEYS_AND_NEEDS: list[tuple[dict[str, Any], str]] = [
    ({"capacity_provider": "FARGATE_SPOT"}, "the cluster production does not have FARGATE_SPOT"),
    ({"subnets": ["subnet-9"]}, "the parameter TaskNetworks is stack"),
    ({"security_groups": ["sg-9"]}, "the parameter TaskNetworks is stack"),
    ({"assign_public_ip": True}, "the parameter TaskNetworks is stack"),
    ({"tags": {"team": "data"}}, "the parameter EventsRoleAllows does not say"),
    ({"propagate_tags": True}, "the parameter EventsRoleAllows does not say"),
    ({"enable_execute_command": True}, "the parameter EventsRoleAllows does not say"),
    ({"ephemeral_storage": 21}, "Fargate's platform version 1.3.0 cannot do that"),
    ({"secrets": {"TOKEN": "/token"}}, "the parameter SecretsAllowed has no pattern"),
    ({"role": "arn:aws:iam::123456789012:role/report"}, "the parameter TaskRoleArns does not list"),
]


def test_keys_without_what_they_need(world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a task of its own."""
    monkeypatch.setenv("PLATFORM_VERSION", "1.3.0")
    task = SCHEDULE["tasks"][0]
    world.upload({"tasks": [task | key | {"name": f"Task{n}"} for n, (key, _) in enumerate(KEYS_AND_NEEDS)]})
    with pytest.raises(ConfigError) as raised:
        deployments.start().until("PlanDeployment")
    said = str(raised.value)
    for number, (key, says) in enumerate(KEYS_AND_NEEDS):
        assert f"tasks[{number}].{next(iter(key))}: {says}" in said
        assert said.count(f"tasks[{number}]") == 1, "nothing else is wrong"


def test_what_tasks_name_is_there(world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASK_NETWORKS", "any")
    monkeypatch.setenv("SECRETS_ALLOWED", "*")
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf"
    keys = {"subnets": ["subnet-9"], "secrets": {"A": "/gone", "B": f"{arn}:key::", "C": "/there", "D": "/plain"}}
    for name in ("/there", "plain"):
        client("ssm").put_parameter(Name=name, Value="x", Type="SecureString")
    world.upload({"tasks": [SCHEDULE["tasks"][0] | keys]})
    with pytest.raises(ConfigError) as raised:
        deployments.start().until("PlanDeployment")
    problems = str(raised.value).split("tasks[0]")[1:]
    assert [problem.partition(":")[0] for problem in problems] == [".subnets", ".secrets.A", ".secrets.B"]


@pytest.mark.parametrize("networks", ["any", "stack"])
def test_networks_are_looked_for_where_a_task_may_name_one(
    networks: str, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASK_NETWORKS", networks)
    if networks == "stack":
        world.upload({"tasks": [SCHEDULE["tasks"][0] | {"subnets": ["subnet-9"]}]})
        with pytest.raises(ConfigError, match="the parameter TaskNetworks is stack"):
            deployments.start().until("PlanDeployment")
    else:
        deployments.start().until("PlanDeployment")
    assert not [call for call in world.calls.made if call.startswith("ec2.")]


def test_secrets_of_others_are_not_looked_for(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another Region, of another account, and what the stack does not allow."""
    monkeypatch.setenv("SECRETS_ALLOWED", "arn:aws:secretsmanager:eu-west-1:*,arn:aws:secretsmanager:*:111122223333:*")
    places = {"A": f"eu-west-1:{ACCOUNT}", "B": "us-east-1:111122223333", "C": f"us-east-1:{ACCOUNT}"}
    named = {name: f"arn:aws:secretsmanager:{place}:secret:{name}-AbCdEf" for name, place in places.items()}
    world.upload({"tasks": [SCHEDULE["tasks"][0] | {"secrets": named}]})
    with pytest.raises(ConfigError) as raised:
        deployments.start().until("PlanDeployment")
    assert "has no pattern for what C names" in str(raised.value)
    assert "there is no such secret" not in str(raised.value)
    assert not [call for call in world.calls.made if call.startswith(("secretsmanager.", "ssm."))]


def test_the_name_of_a_foreign_rule_is_refused(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [{"name": "ByHand", "task": "x", "rate": "1 day"}]})
    with pytest.raises(RejectedError, match="the rule production__guestbook__ByHand exists and Rota does not own it"):
        deployments.start().until("PlanDeployment")


def test_the_name_of_an_aws_services_rule_is_refused(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("ReadConfig")
    name = PREFIX + "IngestData"
    client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")
    rules()[name].managed_by = "autoscaling.amazonaws.com"
    with pytest.raises(RejectedError, match=f"{name} exists and the AWS service autoscaling.amazonaws.com manages it"):
        deployment.step("ReadConfig")


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(("quota", "free"), [("3", 1), ("2", 0), ("1", 0)])
def test_more_tasks_than_the_bus_has_free_rules(
    quota: str, free: int, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RULE_QUOTA", quota)
    with pytest.raises(ConfigError, match=f"has 2 tasks, and the event bus has space for {free} of this app's"):
        deployments.start().until("PlanDeployment")


def test_a_foreign_rule_deleted_during_the_check_is_no_problem(world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("ReadConfig")
    client("events").put_rule(Name=PREFIX + "IngestData", ScheduleExpression="rate(1 day)")
    with world.calls.refusing("events.ListTagsForResource", "ResourceNotFoundException", count=0):
        assert deployment.step("ReadConfig")["tasks"] == 2
    client("events").delete_rule(Name=PREFIX + "IngestData")


def test_owned_rules_are_not_counted_twice(later: Deployments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULE_QUOTA", "4")
    assert later.start().run() == "NothingToDo"


def test_a_newer_revision_of_infrastructure_code_is_the_base(world: World, later: Deployments) -> None:
    assert later.start().until("PlanDeployment").document["config"]["base"] == arn(4), "what the service runs"
    client("ecs").register_task_definition(**CONTENT)
    owned = [{"key": "rota:app", "value": "production/guestbook-api"}]
    client("ecs").register_task_definition(**CONTENT, tags=owned)
    assert later.start().until("PlanDeployment").document["config"]["base"] == arn(5), "from infrastructure code"


def test_a_restore_must_be_able_to_pass_the_services_role(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "arn:aws:iam::123456789012:role/of-the-newer-one"
    client("ecs").register_task_definition(**CONTENT | {"taskRoleArn": other, "executionRoleArn": other})
    monkeypatch.setenv("TASK_ROLE_ARNS", other)
    with pytest.raises(RejectedError, match=r"guestbook:1 names the role .*guestbook-task, which the parameter TaskR"):
        deployments.start().until("PlanDeployment")


def test_a_restore_must_be_able_to_pass_a_rules_role(world: World, later: Deployments) -> None:
    """PutRule replaces the whole rule, so a restore names the role that a person has given it."""
    role = "arn:aws:iam::123456789012:role/of-a-person"
    client("events").put_rule(Name=f"{PREFIX}IngestData", ScheduleExpression="cron(0 6 * * ? *)", RoleArn=role)
    with pytest.raises(RejectedError, match=f"the rule {PREFIX}IngestData names the role {role}, which Rota may not"):
        later.start().until("PlanDeployment")


def test_a_base_that_runs_on_ec2_alone_is_refused(world: World, deployments: Deployments) -> None:
    """Without a role to pull the image with, which Fargate needs."""
    content = {key: value for key, value in CONTENT.items() if key != "executionRoleArn"}
    content["containerDefinitions"] = [dict(each, secrets=[]) for each in CONTENT["containerDefinitions"]]
    client("ecs").register_task_definition(**content | {"requiresCompatibilities": ["EC2"]})
    with pytest.raises(RejectedError, match="guestbook:2 cannot run on Fargate, only on EC2"):
        deployments.start().until("PlanDeployment")


def test_another_apps_revision_in_the_family_is_left_alone(world: World, deployments: Deployments) -> None:
    foreign = [{"key": "rota:app", "value": "production/another"}, {"key": "rota:fingerprint", "value": "f" * 64}]
    client("ecs").register_task_definition(**CONTENT | {"cpu": "1024", "memory": "2048"}, tags=foreign)
    deployment = deployments.start()
    assert deployment.until("PlanDeployment").document["config"]["base"] == arn(1), "not the other app's"
    assert deployment.run() == "Deployed"
    assert 2 in world.active_revisions()
    assert deployments.start().run() == "NothingToDo"


@pytest.mark.exhaustive(first=0)
def test_a_service_on_another_apps_revision_is_deployed_from_it(world: World, deployments: Deployments) -> None:
    foreign = [{"key": "rota:app", "value": "production/another"}, {"key": "team", "value": "books"}]
    client("ecs").register_task_definition(**CONTENT, tags=foreign)
    client("ecs").update_service(cluster="production", service="guestbook-api", taskDefinition=arn(2))
    assert deployments.start().run() == "Deployed"
    described = client("ecs").describe_task_definition(taskDefinition=arn(3), include=["TAGS"])["tags"]
    assert {"key": "rota:app", "value": "production/guestbook-api"} in described
    assert {"key": "team", "value": "books"} in described
    assert {1, 2} < set(world.active_revisions())


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(
    "call",
    ["events.ListRules", "s3.GetObject", "ecr.DescribeImages", "ecs.DescribeServices", "ecs.DescribeTaskDefinition"],
)
def test_a_transient_error_is_no_problem(call: str, world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("ReadConfig")
    with world.calls.refusing(call, "ThrottlingException"), pytest.raises(TransientError):
        deployment.step("ReadConfig")
    assert deployment.step("ReadConfig")["tasks"] == 2


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("call", ["s3.GetObject", "ecs.DescribeTaskDefinition"])
def test_killed_while_reading_it_reads_everything_again(call: str, world: World, deployments: Deployments) -> None:
    deployment = deployments.start().until("ReadConfig")
    before = world.everything()
    with world.calls.killing(call), pytest.raises(KilledError):
        deployment.step("ReadConfig")
    assert world.everything() == before
    version = world.upload({"tasks": []})
    answer = deployment.step("ReadConfig")
    assert (answer["schedule"]["version_id"], answer["tasks"]) == (version, 0)
    assert deployment.until("RegisterRevisions").document["config"]["tasks"] == 0


def test_a_service_of_the_controller_external_is_refused(world: World, deployments: Deployments) -> None:
    """Such a service names no task definition; its task sets do."""
    described = {key: value for key, value in world.service().items() if key != "taskDefinition"}
    described |= {"deploymentController": {"type": "EXTERNAL"}, "deployments": []}
    with world.calls.showing_service([described]), pytest.raises(RejectedError, match="is deployed by EXTERNAL"):
        deployments.start().until("PlanDeployment")


@pytest.mark.parametrize("deleted", [False, True])
def test_the_base_noted_in_a_tag_is_used_unless_deleted(deleted: bool, world: World, later: Deployments) -> None:
    api = world.service()["taskDefinition"]
    client("ecs").tag_resource(resourceArn=api, tags=[{"key": "rota:newer-base", "value": arn(1)}])
    if deleted:
        del ecs_backends[ACCOUNT][REGION].task_definitions["guestbook"][1]
    document = later.start().until("PlanDeployment").document
    assert document["config"]["base"] == (api if deleted else arn(1))


@pytest.mark.parametrize("call", ["events.ListTagsForResource", "events.ListTargetsByRule"])
def test_a_rule_deleted_while_it_is_read_is_created(call: str, world: World, later: Deployments) -> None:
    world.calls.tag_index = {}  # so that each rule is asked for its tags
    deployment = later.start().until("ReadConfig")
    with world.calls.refusing(call, "ResourceNotFoundException", count=0):
        state = world.stored(deployment.step("ReadConfig")["state"])
    assert state["schedules"] == {}
    answer = deployment.step("PlanDeployment")
    assert (answer["created"], answer["kept"]) == (2, 0)


@pytest.fixture
@once
def deleted(world: World, later: Deployments) -> World:
    """The revision that a task runs is deleted, with DeleteTaskDefinitions; moto keeps what is deleted."""
    del ecs_backends[ACCOUNT][REGION].task_definitions["guestbook"][2]
    return world


def test_a_deleted_revision_is_replaced(deleted: World, deployments: Deployments) -> None:
    assert deployments.start().run() == "Deployed"
    assert deleted.target("IngestData")["EcsParameters"]["TaskDefinitionArn"] == arn(5)
    assert deleted.target("RemoveSpam")["EcsParameters"]["TaskDefinitionArn"] == arn(3)


def test_a_target_that_runs_a_deleted_revision_is_restored(deleted: World, deployments: Deployments) -> None:
    before = deleted.everything()
    deployment = deployments.start().until("FinishDeployment")
    deployment.document["targets"] = None
    deployment.fail("RejectedError", "what happened")
    deployment.step("RestoreDeployment")
    assert deleted.everything() == before


def test_a_revision_that_cannot_be_read_is_not_taken_for_deleted(world: World, later: Deployments) -> None:
    deployment = later.start().until("ReadConfig")
    with (
        world.calls.refusing("ecs.DescribeTaskDefinition", "ClientException"),
        pytest.raises(RejectedError, match="DescribeTaskDefinition: ClientException: scripted"),
    ):
        deployment.step("ReadConfig")


@pytest.mark.parametrize(("quota", "problem"), [("5", True), ("6", False)])
def test_new_rules_need_slots_beside_those_removed(
    quota: str, problem: bool, world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are two owned and two foreign rules; the removed one is deleted at the end only."""
    monkeypatch.setenv("RULE_QUOTA", quota)
    new = [{"name": name, "task": "new_task", "rate": "1 day"} for name in ("A", "B")]
    world.upload({"tasks": [SCHEDULE["tasks"][0], *new]})
    if not problem:
        assert later.start().until("PlanDeployment").at == "PlanDeployment"
        return
    with pytest.raises(RejectedError, match="adds 2 tasks, and the event bus has room for 1 more rules"):
        later.start().until("PlanDeployment")


def test_service_connect_must_reach_the_apis_port(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = {"portName": "web", "clientAliases": [{"port": 80}]}
    mapped = [{"name": "web", "containerPort": 3000, "protocol": "tcp"}]
    containers = [CONTENT["containerDefinitions"][0] | {"portMappings": mapped}]
    client("ecs").register_task_definition(**CONTENT | {"containerDefinitions": containers})
    client("ecs").update_service(
        cluster="production",
        service="guestbook-api",
        serviceConnectConfiguration={"enabled": True, "namespace": "internal", "services": [published]},
    )
    with pytest.raises(RejectedError, match="at port 3000 of app by Service Connect, as web, but the parameter"):
        deployments.start().until("PlanDeployment")
    monkeypatch.setenv("API_PORT", "base")
    assert deployments.start().until("PlanDeployment").at == "PlanDeployment"
