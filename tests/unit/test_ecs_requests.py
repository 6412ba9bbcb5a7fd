"""What is asked of ECS, EC2, Secrets Manager and SSM, whole, and what their answers come to."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rota.contract.step_io import Rollout, Staged
from rota.ecs import cluster, network, one_off, secrets, service, service_deployments, task_definitions
from rota.errors import RejectedError, StillRunningError, TransientError
from rota.runs import tasks
from rota.schedule_file.task import Before
from tests.guestbook import CLUSTER_ARN, SETTINGS, arn

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:one"
BEGAN = one_off.started_by("before", EXECUTION)
FAMILY = {"cluster": "production", "family": "guestbook"}


@pytest.fixture
def stubs() -> Iterator[dict[str, Stubber]]:
    """A client of each service, and what it is to be asked next."""
    made = {
        name: Stubber(boto3.client(name, "us-east-1", aws_access_key_id="a", aws_secret_access_key="b"))
        for name in ("ecs", "ec2", "secretsmanager", "ssm")
    }
    with ExitStack() as stack:
        for each in made.values():
            stack.enter_context(each)
        yield made
        for each in made.values():
            each.assert_no_pending_responses()


@pytest.fixture
def ecs(stubs: dict[str, Stubber]) -> Stubber:
    return stubs["ecs"]


def client(stub: Stubber) -> Any:
    return stub.client


# ---------------------------------------------------------------------- what the account has


def test_the_capacity_providers_of_a_cluster(ecs: Stubber) -> None:
    found: dict[str, Any] = {"clusters": [{"capacityProviders": ["FARGATE", "FARGATE_SPOT"]}]}
    answers: list[dict[str, Any]] = [found, {"clusters": []}, {"clusters": [{}]}]
    for answer in answers:
        ecs.add_response("describe_clusters", answer, {"clusters": ["production"]})
    asked = [cluster.capacity_providers(client(ecs), "production") for _ in range(3)]
    assert asked == [("FARGATE", "FARGATE_SPOT"), (), ()]


def test_the_vpc_of_subnets_and_security_groups(stubs: dict[str, Stubber]) -> None:
    ec2, many = stubs["ec2"], [f"subnet-{number:03}" for number in range(201)]
    for part in (many[:200], many[200:]):
        subnets = {"Subnets": [{"SubnetId": part[0], "VpcId": "vpc-1"}]}
        ec2.add_response("describe_subnets", subnets, {"Filters": [{"Name": "subnet-id", "Values": part}]})
    groups = {"SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-2"}]}
    ec2.add_response("describe_security_groups", groups, {"Filters": [{"Name": "group-id", "Values": ["sg-1"]}]})
    found = network.vpcs(client(ec2), [*reversed(many), many[0]], ["sg-1"])
    assert found == {"subnet-000": "vpc-1", "subnet-200": "vpc-1", "sg-1": "vpc-2"}


OF_MANAGER = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1B2c3"
OF_SSM = "arn:aws:ssm:us-east-1:123456789012:parameter"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (OF_MANAGER, OF_MANAGER),
        (f"{OF_MANAGER}:password:AWSCURRENT:", OF_MANAGER),
        ("/shop/db", f"{OF_SSM}/shop/db"),
        (f"{OF_SSM}/shop/db", f"{OF_SSM}/shop/db"),
    ],
)
def test_the_arn_that_a_secret_has(name: str, meant: str) -> None:
    before = Before(task="a", secrets={"DB": name})
    assert secrets.arns_of(before, CLUSTER_ARN) == {"DB": meant}
    assert secrets.arns_of(Before(task="a"), CLUSTER_ARN) == {}


@pytest.mark.parametrize(
    ("patterns", "is_allowed"),
    [
        ([], False),
        (["*"], True),
        ([f"{OF_SSM}/other/*", f"{OF_SSM}/shop/*"], True),
        ([f"{OF_SSM}/shop/d?"], True),
        ([f"{OF_SSM}/shop/?"], False),
        ([f"{OF_SSM}/shop"], False),
        ([f"{OF_SSM}/sh.p/db"], False),
    ],
)
def test_which_secrets_are_allowed(patterns: list[str], is_allowed: bool) -> None:
    assert secrets.is_allowed(f"{OF_SSM}/shop/db", patterns) is is_allowed


def test_which_secrets_are_missing(stubs: dict[str, Stubber]) -> None:
    """One by one, as those of one call may be asked for in any order."""
    manager, ssm = stubs["secretsmanager"], stubs["ssm"]

    def is_missing(name: str) -> bool:
        return secrets.missing(client(manager), client(ssm), [name]) == {name}

    manager.add_response("describe_secret", {}, {"SecretId": OF_MANAGER})
    manager.add_response("describe_secret", {"DeletedDate": "2026-03-01T06:00:00Z"}, {"SecretId": OF_MANAGER})
    manager.add_client_error("describe_secret", "ResourceNotFoundException")
    assert [is_missing(OF_MANAGER) for _ in range(3)] == [False, True, True]

    asked = {"ResourceType": "Parameter", "ResourceId": "/shop/db"}
    ssm.add_response("list_tags_for_resource", {}, asked)
    ssm.add_client_error("list_tags_for_resource", "InvalidResourceId", expected_params=asked)
    assert [is_missing(f"{OF_SSM}/shop/db") for _ in range(2)] == [False, True]
    ssm.add_client_error("list_tags_for_resource", "InvalidResourceId", expected_params=asked | {"ResourceId": "/db"})
    ssm.add_response("list_tags_for_resource", {}, asked | {"ResourceId": "db"})
    assert not is_missing(f"{OF_SSM}/db")
    assert secrets.missing(client(manager), client(ssm), []) == set()


# ---------------------------------------------------------------------- tasks


def lists(ecs: Stubber, running: list[list[str]], stopped: list[str]) -> None:
    """ListTasks for both states; of what runs page by page."""
    asked = FAMILY | {"desiredStatus": "RUNNING"}
    for number, page in enumerate(running):
        more = {"nextToken": str(number + 1)} if number + 1 < len(running) else {}
        ecs.add_response(
            "list_tasks", {"taskArns": page} | more, asked | ({"nextToken": str(number)} if number else {})
        )
    ecs.add_response("list_tasks", {"taskArns": stopped}, FAMILY | {"desiredStatus": "STOPPED"})


def describes(ecs: Stubber, arns: list[str], **members: Any) -> None:
    found = [{"taskArn": each, **members} for each in arns]
    ecs.add_response("describe_tasks", {"tasks": found}, {"cluster": "production", "tasks": arns})


def test_all_tasks_of_the_family_are_listed(ecs: Stubber) -> None:
    lists(ecs, [["a"], ["b"]], ["b", "c"])
    assert tasks.listed(client(ecs), SETTINGS) == ["a", "b", "c"]
    ecs.add_response("list_tasks", {"taskArns": ["a"]}, FAMILY | {"desiredStatus": "RUNNING"})
    assert tasks.listed(client(ecs), SETTINGS, ["RUNNING"]) == ["a"]


OF_TASK = {"version": 1, "lastStatus": "RUNNING", "createdAt": "2026-03-01T06:00:00Z", "taskDefinitionArn": "td"}


def test_tasks_are_described(ecs: Stubber) -> None:
    describes(ecs, ["a", "b"], **OF_TASK)
    assert [each.task_arn for each in tasks.described(client(ecs), SETTINGS, iter(["a", "b"]))] == ["a", "b"]
    assert tasks.described(client(ecs), SETTINGS, []) == []


REQUEST = {"cluster": "production", "count": 1}


def test_the_request_that_starts_a_one_off_task(ecs: Stubber) -> None:
    for attempt in (1, 2):
        token = hashlib.sha256(f"{EXECUTION} before {attempt}".encode()).hexdigest()
        asked = REQUEST | {"taskDefinition": "guestbook:6", "startedBy": BEGAN, "clientToken": token}
        ecs.add_response("run_task", {"tasks": [{"taskArn": "one"}]}, asked)
        started = one_off.start(client(ecs), REQUEST, "guestbook:6", "before", EXECUTION, attempt)
        assert started == ({"taskArn": "one"}, "")
    assert f"rota/before/{hashlib.sha256(EXECUTION.encode()).hexdigest()}"[:36] == BEGAN
    many = [{"reason": "AGENT"}, {"reason": "AGENT"}, {}, {"reason": "RESOURCE:MEMORY"}]
    ecs.add_response("run_task", {"tasks": [], "failures": many})
    nothing = one_off.start(client(ecs), REQUEST, "guestbook:6", "before", EXECUTION, 1)
    assert nothing == (None, "AGENT; RESOURCE:MEMORY")


def test_where_a_one_off_task_runs() -> None:
    own = Before(
        task="migrate",
        subnets=("subnet-9",),
        security_groups=("sg-9",),
        assign_public_ip=True,
        capacity_provider={"FARGATE_SPOT": 3, "FARGATE": 0},
        platform_version="1.4.0",
    )
    request = {
        "cluster": CLUSTER_ARN,
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 3}],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-9"],
                "securityGroups": ["sg-9"],
                "assignPublicIp": "ENABLED",
            }
        },
        "platformVersion": "1.4.0",
        "count": 1,
        "tags": [{"key": "rota:one-off", "value": "production/guestbook-api"}],
    }
    assert one_off.request_of(own, SETTINGS, CLUSTER_ARN) == request
    settings = SETTINGS.model_copy(update={"assign_public_ip": "ENABLED"})
    private = one_off.request_of(own.model_copy(update={"assign_public_ip": False}), settings, CLUSTER_ARN)
    assert private["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    of_the_stack = one_off.request_of(Before(task="migrate"), settings, CLUSTER_ARN)
    del request["capacityProviderStrategy"]
    assert of_the_stack == request | {
        "launchType": "FARGATE",
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": list(SETTINGS.subnets),
                "securityGroups": ["sg-1"],
                "assignPublicIp": "ENABLED",
            }
        },
        "platformVersion": "LATEST",
    }


def test_which_one_off_tasks_an_execution_has_started(ecs: Stubber) -> None:
    lists(ecs, [["a"]], ["b", "known"])
    found = [{"taskArn": name, "startedBy": by} for name, by in (("known", BEGAN), ("a", "x"), ("b", BEGAN))]
    asked = {"cluster": "production", "tasks": ["known", "a", "b"]}
    ecs.add_response("describe_tasks", {"tasks": found}, asked)
    begun = one_off.started(client(ecs), SETTINGS, "before", EXECUTION, "known")
    assert [each["taskArn"] for each in begun] == ["known", "b"]
    lists(ecs, [[]], [])
    assert one_off.started(client(ecs), SETTINGS, "before", EXECUTION) == []


def test_a_one_off_task_is_stopped_once(ecs: Stubber) -> None:
    runs = {"taskArn": "a", "startedBy": BEGAN, "desiredStatus": "RUNNING"}
    over = runs | {"desiredStatus": "STOPPED"}

    def answers(*found: dict[str, Any]) -> None:
        ecs.add_response("describe_tasks", {"tasks": [*found]}, {"cluster": "production", "tasks": ["a"]})

    lists(ecs, [["a"]], [])
    answers(over)
    assert one_off.stop(client(ecs), SETTINGS, "before", EXECUTION, "", "it is over") == [over]

    lists(ecs, [["a"]], [])
    answers(runs)
    ecs.add_response("stop_task", {"task": over}, {"cluster": "production", "task": "a", "reason": "it is over"})
    assert one_off.stop(client(ecs), SETTINGS, "before", EXECUTION, "", "it is over") == [over]

    for code, now, error in (
        ("AccessDeniedException", over, None),
        ("AccessDeniedException", runs, "AccessDenied"),
        ("ServerException", None, "ServerException"),
    ):
        lists(ecs, [["a"]], [])
        answers(runs)
        ecs.add_client_error("stop_task", code)
        if now:
            answers(now)
        if error:
            with pytest.raises(ClientError, match=error):
                one_off.stop(client(ecs), SETTINGS, "before", EXECUTION, "", "it is over")
        else:
            assert one_off.stop(client(ecs), SETTINGS, "before", EXECUTION, "", "it is over") == [over]


@pytest.mark.parametrize(
    ("task", "ended"),
    [
        ({"lastStatus": "RUNNING"}, False),
        ({"lastStatus": "DEPROVISIONING", "executionStoppedAt": "x"}, True),
        ({"lastStatus": "STOPPED"}, True),
    ],
)
def test_when_a_task_has_ended(task: dict[str, str], ended: bool) -> None:
    assert one_off.has_ended(task) is ended


# ---------------------------------------------------------------------- task definitions


def test_a_revision_is_read_whole(ecs: Stubber) -> None:
    described = {
        "taskDefinitionArn": arn(6),
        "status": "ACTIVE",
        "family": "guestbook",
        "revision": 6,
        "requiresAttributes": [],
        "compatibilities": ["EC2", "FARGATE"],
        "registeredAt": "2026-03-01T06:00:00Z",
        "deregisteredAt": "2026-03-01T06:00:00Z",
        "registeredBy": "arn:aws:iam::123456789012:role/ci",
        "cpu": "256",
    }
    asked = {"taskDefinition": "guestbook", "include": ["TAGS"]}
    answer = {"taskDefinition": described, "tags": [{"key": "team", "value": "shop"}]}
    ecs.add_response("describe_task_definition", answer, asked)
    assert task_definitions.read_revision(client(ecs), "guestbook") == task_definitions.Revision(
        arn=arn(6),
        active=True,
        content={"family": "guestbook", "cpu": "256"},
        tags={"team": "shop"},
        compatibilities=("EC2", "FARGATE"),
        registrant="arn:aws:iam::123456789012:role/ci",
    )
    least = {"taskDefinitionArn": arn(6), "status": "INACTIVE"}
    ecs.add_response("describe_task_definition", {"taskDefinition": least}, asked)
    found = task_definitions.find_revision(client(ecs), "guestbook")
    assert found == task_definitions.Revision(arn=arn(6), active=False, content={}, tags={})
    ecs.add_client_error("describe_task_definition", "ClientException", "Unable to describe task definition.")
    assert task_definitions.find_revision(client(ecs), "guestbook") is None
    ecs.add_client_error("describe_task_definition", "ClientException", "something else")
    with pytest.raises(ClientError, match="something else"):
        task_definitions.find_revision(client(ecs), "guestbook")


def test_active_revisions_are_listed_as_they_are_needed(ecs: Stubber) -> None:
    asked = {"familyPrefix": "guestbook", "status": "ACTIVE", "sort": "DESC", "maxResults": 100}
    other = arn(9).replace("guestbook", "guestbook-admin")
    page = {"taskDefinitionArns": [arn(9), other, arn(8)], "nextToken": "1"}
    ecs.add_response("list_task_definitions", page, asked)
    listed = task_definitions.list_active(client(ecs), "guestbook")
    ecs.assert_no_pending_responses()
    assert [next(listed), next(listed)] == [arn(9), arn(8)]
    ecs.add_response("list_task_definitions", {"taskDefinitionArns": [arn(7)]}, asked | {"nextToken": "1"})
    assert [*listed] == [arn(7)]
    ecs.add_response("list_task_definitions", {"taskDefinitionArns": [arn(9), arn(8), arn(7)]}, asked)
    assert [*task_definitions.list_newer(client(ecs), "guestbook", 8)] == [arn(9)]


def test_a_revision_is_registered_with_its_tags_and_deregistered(ecs: Stubber) -> None:
    content: dict[str, Any] = {"family": "guestbook", "containerDefinitions": []}
    asked = content | {"tags": [{"key": "a", "value": "b"}]}
    ecs.add_response("register_task_definition", {"taskDefinition": {"taskDefinitionArn": arn(7)}}, asked)
    assert task_definitions.register_revision(client(ecs), content, {"a": "b"}) == arn(7)
    ecs.add_response("deregister_task_definition", {}, {"taskDefinition": arn(7)})
    task_definitions.deregister_revision(client(ecs), arn(7))


# ---------------------------------------------------------------------- the service

NAMED = {"cluster": "production", "service": "guestbook-api"}
DEPLOYMENT_ARN = "arn:aws:ecs:us-east-1:123456789012:service-deployment/production/guestbook-api/1"


def of_service(revision: int, **more: Any) -> Any:
    primary = {"id": f"ecs-svc/{revision}", "status": "PRIMARY", "taskDefinition": arn(revision)}
    counts = {"runningCount": 1, "desiredCount": 2, "rolloutState": more.pop("state", "COMPLETED")}
    return {
        "serviceName": "guestbook-api",
        "taskDefinition": arn(revision),
        "deployments": [{"status": "ACTIVE"}, primary | counts],
        **more,
    }


def test_a_service_that_is_not_there_is_refused(ecs: Stubber) -> None:
    asked = {"cluster": "production", "services": ["guestbook-api"]}
    ecs.add_response("describe_services", {"services": [of_service(6)]}, asked)
    assert service.read_service(client(ecs), SETTINGS) == of_service(6)
    ecs.add_response("describe_services", {"services": []}, asked)
    ecs.add_client_error("describe_services", "ClusterNotFoundException")
    said = []
    for _ in range(2):
        with pytest.raises(RejectedError) as refusal:
            service.read_service(client(ecs), SETTINGS)
        said.append(str(refusal.value))
    assert said == [
        "there is no service guestbook-api on the ECS cluster production; create it, or correct the parameter "
        "ServiceName",
        "there is no ECS cluster production in this account and Region; create it, or correct the parameter "
        "ClusterName",
    ]


def a_rollout(staged: Staged | None) -> Rollout:
    return Rollout(
        task_definition=arn(7),
        deployment_id="ecs-svc/7",
        status="IN_PROGRESS",
        progress="1 of 2 tasks run",
        wait_seconds=5,
        waited_seconds=0,
        staged=staged,
    )


CANARY = {"deploymentConfiguration": {"strategy": "CANARY"}, "currentServiceDeployment": DEPLOYMENT_ARN}


@pytest.mark.parametrize(
    ("description", "again", "forced", "staged"),
    [
        pytest.param(of_service(6), False, False, None, id="another revision"),
        pytest.param(of_service(6, state="FAILED"), False, False, None, id="another revision after a failure"),
        pytest.param(of_service(7), False, None, None, id="it runs already"),
        pytest.param(of_service(7), True, True, None, id="it failed to"),
        pytest.param(of_service(7, state="FAILED"), False, True, None, id="ECS says so"),
        pytest.param(of_service(6, **CANARY), True, False, Staged(), id="staged"),
        pytest.param(of_service(7, **CANARY), False, None, Staged(), id="staged, and runs already"),
        pytest.param(of_service(7, **CANARY), True, True, Staged(replaces=DEPLOYMENT_ARN), id="staged, again"),
    ],
)
def test_a_rollout_is_started(
    ecs: Stubber, description: Any, again: bool, forced: bool | None, staged: Staged | None
) -> None:
    if forced is not None:
        asked = NAMED | {"taskDefinition": arn(7), "forceNewDeployment": forced}
        ecs.add_response("update_service", {"service": of_service(7)}, asked)
    assert service.start_rollout(client(ecs), SETTINGS, arn(7), description, again=again) == a_rollout(staged)


def test_a_rollout_that_ecs_does_not_show_is_waited_for(ecs: Stubber) -> None:
    ecs.add_response("update_service", {"service": of_service(6)})
    with pytest.raises(TransientError, match=r"^ECS does not show its rollout of guestbook:7 yet$"):
        service.start_rollout(client(ecs), SETTINGS, arn(7), of_service(6))


def shows(ecs: Stubber, **members: Any) -> None:
    found = [members] if members else []
    asked = {"serviceDeploymentArns": [DEPLOYMENT_ARN]}
    ecs.add_response("describe_service_deployments", {"serviceDeployments": found}, asked)


def test_the_service_deployment_of_a_rollout(ecs: Stubber) -> None:
    def find(staged: Staged | None = None, **more: Any) -> Any:
        return service_deployments.find(client(ecs), {**CANARY, **more}, arn(7), staged)  # type: ignore[typeddict-item]  # a part

    deployment = {"status": "IN_PROGRESS", "targetServiceRevision": {"arn": "revision"}}
    shows(ecs, **deployment)
    assert find(Staged(service_deployment=DEPLOYMENT_ARN), currentServiceDeployment="another") == deployment
    asked = {"serviceRevisionArns": ["revision"]}
    for runs, found in ((arn(7), deployment), (arn(6), None)):
        shows(ecs, **deployment)
        ecs.add_response("describe_service_revisions", {"serviceRevisions": [{"taskDefinition": runs}]}, asked)
        assert find() == found
    shows(ecs)
    assert find() is None
    shows(ecs, status="PENDING")
    assert find() is None, "it has no target yet"
    assert find(Staged(replaces=DEPLOYMENT_ARN)) is None
    assert find(currentServiceDeployment="") is None


@pytest.mark.parametrize(
    ("status", "failed_before", "may_go_back"),
    [
        ("PENDING", False, True),
        ("IN_PROGRESS", False, True),
        ("SUCCESSFUL", False, False),
        ("STOPPED", True, False),
        ("ROLLBACK_FAILED", True, False),
        ("ROLLBACK_SUCCESSFUL", False, False),
        ("STOP_REQUESTED", None, False),
        ("ROLLBACK_REQUESTED", None, False),
        ("ROLLBACK_IN_PROGRESS", None, False),
    ],
)
def test_how_the_last_service_deployment_ended(
    ecs: Stubber, status: str, failed_before: bool | None, may_go_back: bool
) -> None:
    shows(ecs, status=status)
    shows(ecs, status=status)
    description = of_service(6, **CANARY)
    assert service_deployments.may_go_back(client(ecs), description) is may_go_back
    if failed_before is None:
        with pytest.raises(StillRunningError, match=r"^ECS is still rolling the service back from the rollout before$"):
            service_deployments.has_failed_before(client(ecs), description)
    else:
        assert service_deployments.has_failed_before(client(ecs), description) is failed_before


def test_a_service_without_stages_has_no_service_deployment_that_counts(ecs: Stubber) -> None:
    rolling = of_service(6, currentServiceDeployment=DEPLOYMENT_ARN)
    before_the_first = of_service(6, deploymentConfiguration={"strategy": "CANARY"})
    for description in (rolling, before_the_first):
        assert not service_deployments.may_go_back(client(ecs), description)
        assert not service_deployments.has_failed_before(client(ecs), description)
    shows(ecs)
    assert not service_deployments.may_go_back(client(ecs), of_service(6, **CANARY))


@pytest.mark.parametrize(
    ("status", "asks", "goes_back"),
    [
        ("PENDING", True, True),
        ("IN_PROGRESS", True, True),
        ("ROLLBACK_REQUESTED", False, True),
        ("ROLLBACK_IN_PROGRESS", False, True),
        ("ROLLBACK_SUCCESSFUL", False, True),
        ("SUCCESSFUL", False, False),
        ("STOPPED", False, False),
    ],
)
def test_ecs_goes_back_by_itself_from_what_is_under_way(ecs: Stubber, status: str, asks: bool, goes_back: bool) -> None:
    deployment: Any = {"status": status, "serviceDeploymentArn": DEPLOYMENT_ARN}
    if asks:
        asked = {"serviceDeploymentArn": DEPLOYMENT_ARN, "stopType": "ROLLBACK"}
        ecs.add_response("stop_service_deployment", {}, asked)
    assert service_deployments.roll_back(client(ecs), deployment) is goes_back
    if asks:
        ecs.add_client_error("stop_service_deployment", "ConflictException")
        assert service_deployments.roll_back(client(ecs), deployment) is False
