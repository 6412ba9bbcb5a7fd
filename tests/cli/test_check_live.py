"""`rota check` of a stack: what it reads of AWS's answers, and how it shows what it found."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import click
import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from rota.cli.check.facts import Facts
from rota.cli.check.model import Checked, Finding
from rota.cli.check.probes_of_images import architecture, platforms
from rota.cli.check.probes_of_places import (
    alarms,
    capacity_providers,
    log_groups,
    network,
    queues,
    secrets,
    way_out,
)
from rota.cli.check.probes_of_roles import may_notify, trusts
from rota.cli.check.probes_of_schedules import refused_actions, refused_keys, targets
from rota.cli.check.probes_of_service import findings_on_window
from rota.cli.check.text import lines
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.stack import Stack
from rota.cli.status.model import Deploying, Release, Status
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.task import Task


def statement(principal: object, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ([statement({"Service": "ecs-tasks.amazonaws.com"})], True),
        (statement({"Service": ["events.amazonaws.com", "ecs-tasks.amazonaws.com"]}), True),
        ([statement({"Service": "events.amazonaws.com"})], False),
        ([statement({"Service": "ecs-tasks.amazonaws.com"}, "Deny")], False),
        ([statement({"AWS": "*"})], False),
        ([], False),
    ],
    ids=["yes", "one of several", "another service", "denied", "people", "nothing"],
)
def test_whom_a_role_trusts(statements: Any, trusted: bool) -> None:
    assert trusts({"Statement": statements}, "ecs-tasks.amazonaws.com") == trusted


@pytest.mark.parametrize(
    ("architectures", "built"),
    [(["amd64", "arm64"], {"X86_64", "ARM64"}), (["arm64", "unknown"], {"ARM64"}), ([], set())],
    ids=["both", "with an attestation", "a single image"],
)
def test_processors_of_an_image(architectures: list[str], built: set[str]) -> None:
    assert platforms({"manifests": [{"platform": {"architecture": each}} for each in architectures]}) == built


@pytest.mark.parametrize(
    ("window", "verdicts", "words"),
    [
        ("", [], ""),
        ("Mon-Sun 00:00-24:00 UTC", ["ok"], "is open"),
        ("Tue 09:00-17:00 UTC", ["ok"], "opens 2026-12-01 09:00 UTC"),
        ("Mon 09:00-17:00 Europe/Belrin", ["fail"], 'each push fails: .* "Europe/Belrin" is not a time zone'),
    ],
    ids=["none", "open", "shut", "unreadable"],
)
def test_the_deployment_window(window: str, verdicts: list[str], words: str) -> None:
    found = [*findings_on_window(window, datetime(2026, 11, 30, 12, tzinfo=UTC))]
    assert [each.status for each in found] == verdicts
    assert not found or re.search(words, found[0].message)


ACTING = b'{"tasks": [{"name": "A", "task": "a", "rate": "1 day", "overlap": "skip", "catch_up": "missed"}]}'


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"WatchRuns": "true", "RunActions": "both"}, []),
        ({"WatchRuns": "true", "RunActions": "stop"}, ["catch_up"]),
        ({"WatchRuns": "true"}, ["overlap", "catch_up"]),
        ({"WatchRuns": "false", "RunActions": "both"}, ["overlap", "catch_up"]),
    ],
    ids=["both", "stop", "none", "not watched"],
)
def test_keys_that_the_parameters_refuse(parameters: dict[str, str], refused: list[str]) -> None:
    found = refused_actions(
        parse_schedule_file(ACTING, rule_prefix="", max_tasks=1), Stack("rota", "", "", parameters, {})
    )
    assert {words.split()[2].strip(",") for words in found} == {*refused}


@pytest.mark.parametrize(("decision", "verdict"), [("allowed", "ok"), ("explicitDeny", "fail")])
def test_whether_sweep_may_notify(decision: str, verdict: str) -> None:
    iam = boto3.client("iam", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    stub, topic = Stubber(iam), "arn:aws:sns:eu-west-1:111122223333:topic"
    role = "arn:aws:iam::111122223333:role/rota-SweepFunctionRole-1"
    account, outputs = Account(Output()), {"SweepRoleArn": role, "NotificationsTopicArn": topic}
    account._clients["iam"] = iam
    stack = Stack("rota", "", "", {}, outputs)
    asked = {"PolicySourceArn": role, "ActionNames": ["sns:Publish"], "ResourceArns": [topic], "ContextEntries": []}
    result = {"EvalActionName": "sns:Publish", "EvalResourceName": topic, "EvalDecision": decision}
    stub.add_response("simulate_principal_policy", {"EvaluationResults": [result]}, asked)
    with stub:
        (found,) = may_notify(Facts(account, stack, None, None, None, {}, []))  # type: ignore[arg-type]
    assert (found.status, "sns:Publish on" in found.message) == (verdict, verdict == "fail")


WITHOUT_A_RELEASE = Status(None, None, None, None, None, None, [], None, [], watched=True, compared=True)


def route(**target: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **target}


def table(association: dict[str, Any], *routes: dict[str, Any]) -> dict[str, Any]:
    return {"Associations": [association], "Routes": list(routes)}


@pytest.mark.parametrize(
    ("tables", "way"),
    [
        ([table({"Main": True}, route(GatewayId="igw-1"))], "an internet gateway"),
        (
            [table({"Main": True}, route(GatewayId="igw-1")), table({"SubnetId": "s"}, route(NatGatewayId="n"))],
            "another route",
        ),
        ([table({"Main": True}, route(GatewayId="igw-1")), table({"SubnetId": "s"})], ""),
        ([table({"SubnetId": "s"}, route(NatGatewayId="n", State="blackhole"))], ""),
        ([], ""),
    ],
    ids=["the main table", "a table of its own", "a closed one", "a gateway that is gone", "nothing"],
)
def test_how_a_subnet_leaves_the_vpc(tables: list[Mapping[str, Any]], way: str) -> None:
    assert way_out(tables, "s") == way


CHECKED = Checked(
    ok=False,
    checks=[
        Finding("secrets", "ok", "3 of 3 are there"),
        Finding("image architecture", "fail", "is for ARM64 only; the family runs X86_64: build for it", "author"),
        Finding("networking", "unknown", "not to be seen: ec2:DescribeRouteTables is denied"),
    ],
)


IGW, NAT = route(GatewayId="igw-1"), route(NatGatewayId="nat-1")
ENDPOINTS = [{"ServiceName": f"com.amazonaws.eu-west-1.{name}"} for name in ("ecr.api", "ecr.dkr", "s3")]
NO_ADDRESS = (
    "unknown",
    "subnet-1 has an internet gateway, and tasks get no public address: set AssignPublicIp to ENABLED",
)


@pytest.mark.parametrize(
    ("to", "public", "endpoints", "said"),
    [
        (NAT, "DISABLED", [], ("ok", "subnet-1 reaches ECR by another route")),
        (IGW, "ENABLED", [], ("ok", "subnet-1 reaches ECR by an internet gateway")),
        (IGW, "DISABLED", ENDPOINTS, ("ok", "subnet-1 reaches ECR by endpoints of the VPC")),
        (IGW, "DISABLED", ENDPOINTS[1:], NO_ADDRESS),
        (IGW, "DISABLED", [ENDPOINTS[0], ENDPOINTS[2]], NO_ADDRESS),
        (
            IGW,
            "DISABLED",
            ENDPOINTS[:2],
            NO_ADDRESS,
        ),
        (
            route(DestinationCidrBlock="10.0.0.0/8", GatewayId="local"),
            "ENABLED",
            [],
            ("unknown", "subnet-1 shows no way to ECR: a NAT gateway, or the endpoints ecr.api, ecr.dkr and s3"),
        ),
    ],
    ids=[
        "another route",
        "a public address",
        "endpoints",
        "without its api",
        "without its dkr",
        "without s3",
        "no way",
    ],
)
def test_whether_tasks_reach_the_registry(
    to: dict[str, Any],
    public: str,
    endpoints: list[dict[str, Any]],
    said: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        "DescribeSubnets": {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]},
        "DescribeSecurityGroups": {"SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-1"}]},
        "DescribeRouteTables": {"RouteTables": [table({"Main": True}, to)]},
        "DescribeVpcEndpoints": {"VpcEndpoints": endpoints},
    }

    def answer(_: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        in_vpc = {"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}
        assert operation in ("DescribeSubnets", "DescribeSecurityGroups") or request == in_vpc
        return answers[operation]

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    parameters = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "AssignPublicIp": public}
    stack = Stack("rota", "arn:aws:cloudformation:eu-west-1:111122223333:stack/rota/1", "", parameters, {})
    facts = Facts(Account(Output(), region="eu-west-1"), stack, WITHOUT_A_RELEASE, None, None, {}, [])
    assert [(each.name, each.status, each.message) for each in network(facts)] == [("networking", *said)]


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    ],
)
def test_a_manifest_of_any_kind_is_asked_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(_: BaseClient, __: str, request: dict[str, Any]) -> dict[str, Any]:
        asked.extend(request["acceptedMediaTypes"])
        return {"images": []}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    release = Release("v1", "sha256:" + "a1" * 32, "tag", datetime(2026, 11, 30, tzinfo=UTC), "k", "1", "push")
    stack = Stack("rota", "arn", "", {"RepositoryName": "shop"}, {})
    status = replace(WITHOUT_A_RELEASE, release=release)
    [*architecture(Facts(Account(Output(), region="eu-west-1"), stack, status, None, {}, {}, []))]
    assert kind in asked


PLACE_OF_SECRETS = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ([f"{PLACE_OF_SECRETS}db-AbCdEf:password::", "key"], ("ok", "2 of 2 are there")),
        ([f"{PLACE_OF_SECRETS}going-AbCdEf"], ("fail", "is being deleted: no task would start")),
        (["no"], ("fail", "no is not there: no task would start")),
        (["arn:aws:ssm:eu-west-1:111122223333:parameter/key"], ("ok", "1 of 1 are there")),
        (
            ["arn:aws:ssm:eu-west-1:111122223333:parameter/no"],
            ("fail", "parameter/no is not there: no task would start"),
        ),
        (["arn:aws:ssm:eu-central-1:111122223333:parameter/key"], ("unknown", "is in another account or Region")),
    ],
    ids=["there", "being deleted", "not there", "by its ARN", "not there, by its ARN", "elsewhere"],
)
def test_whether_secrets_are_there(named: list[str], said: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "DescribeSecret":
            assert request["SecretId"].endswith("-AbCdEf")
            return {"DeletedDate": 1} if "going" in request["SecretId"] else {}
        return {"Parameters": [{"Name": "/key"}]}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    stack = Stack("rota", "arn:aws:cloudformation:eu-west-1:111122223333:stack/rota/1", "", {}, {})
    container = {"secrets": [{"name": "A", "valueFrom": each} for each in named]}
    definition = {"containerDefinitions": [container]}
    facts = Facts(Account(Output(), region="eu-west-1"), stack, WITHOUT_A_RELEASE, None, definition, {}, [])
    (found,) = secrets(facts)
    assert (found.name, found.status, found.message.endswith(said[1])) == ("secrets", said[0], True)


def facts_of(container: dict[str, Any] | None = None, tasks: Sequence[Task] = (), **parameters: str) -> Facts:
    """Of a service that runs this container, and tasks that need something of their own."""
    at = "arn:aws:cloudformation:eu-west-1:111122223333:stack/rota/1"
    stack = Stack("rota", at, "", {"ClusterName": "prod", **parameters}, {})
    definition = {"containerDefinitions": [container or {}]}
    found = Facts(Account(Output(), region="eu-west-1"), stack, WITHOUT_A_RELEASE, None, definition, {}, [])
    found.__dict__["demanding"] = [*tasks]
    return found


def test_where_nothing_is_named_nothing_is_looked_for() -> None:
    assert [each for probe in (secrets, log_groups, capacity_providers) for each in probe(facts_of())] == []


SHOP = {"awslogs-group": "/ecs/shop"}


@pytest.mark.parametrize(
    ("driver", "options", "there", "said"),
    [
        ("awslogs", SHOP, ["/ecs/shop", "/ecs/shop-old"], [("ok", "/ecs/shop is there")]),
        ("awslogs", SHOP, ["/ecs/shop-old"], [("fail", "there is no log group /ecs/shop: no task would start")]),
        ("awslogs", SHOP | {"awslogs-create-group": "true"}, [], []),
        ("awsfirelens", {}, [], []),
    ],
    ids=["there", "another one of the prefix", "the agent makes it", "another driver"],
)
def test_whether_log_groups_are_there(
    driver: str,
    options: dict[str, str],
    there: list[str],
    said: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(_: BaseClient, __: str, request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"logGroupNamePrefix": "/ecs/shop"}
        return {"logGroups": [{"logGroupName": name} for name in there]}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    found = log_groups(facts_of({"logConfiguration": {"logDriver": driver, "options": options}}))
    assert [(each.name, each.status, each.message) for each in found] == [("log groups", *each) for each in said]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("FARGATE", ("ok", "the cluster prod has FARGATE")),
        (
            "FARGATE_SPOT",
            (
                "fail",
                "the cluster prod does not have FARGATE_SPOT: no run of A would start; "
                "add it with aws ecs put-cluster-capacity-providers",
            ),
        ),
    ],
)
def test_whether_the_cluster_has_capacity(named: str, said: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"clusterName": "prod", "capacityProviders": ["FARGATE"]}
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: {"clusters": [cluster], "failures": []})
    plain, demanding = ({"name": name, "task": "a", "rate": "1 day"} for name in ("B", "A"))
    tasks = [Task.model_validate(each) for each in (plain, demanding | {"capacity_provider": named})]
    found = capacity_providers(facts_of(None, tasks))
    assert [(each.name, each.status, each.message) for each in found] == [("capacity", *said)]


@pytest.mark.parametrize("own", [True, False], ids=["a task's", "the service's"])
def test_subnets_and_groups_that_are_gone(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, Any] = {"DescribeSubnets": {"Subnets": []}, "DescribeSecurityGroups": {"SecurityGroups": []}}
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda _, operation, __: answers[operation])
    network_of_a = {"subnets": ["subnet-1"], "security_groups": ["sg-1"]}
    tasks = [Task.model_validate({"name": "A", "task": "a", "rate": "1 day", **network_of_a})] if own else []
    of_service = {} if own else {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}
    no_start = "no run of A would start" if own else "no task would start"
    assert [(each.name, each.status, each.message) for each in network(facts_of(None, tasks, **of_service))] == [
        ("networking", "fail", f"subnet-1 is not there: {no_start}"),
        ("networking", "fail", f"sg-1 is not there: {no_start}"),
    ]


STARTED_NOTHING = "started nothing: docs/operations.md, A push that starts nothing"
UNRECORDED = "could not be recorded: docs/operations.md, Runs that could not be recorded"


@pytest.mark.parametrize(
    ("output", "number", "said"),
    [
        ("PushDeadLetterQueueUrl", 0, [("ok", "PushDeadLetterQueue is empty")]),
        ("PushDeadLetterQueueUrl", 1, [("fail", f"1 push that {STARTED_NOTHING}")]),
        ("PushDeadLetterQueueUrl", 2, [("fail", f"2 pushes that {STARTED_NOTHING}")]),
        ("UnrecordedRunsQueueUrl", 1, [("fail", f"1 run that {UNRECORDED}")]),
        ("UnrecordedRunsQueueUrl", 3, [("fail", f"3 runs that {UNRECORDED}")]),
        ("OtherUrl", 3, []),
    ],
)
def test_whether_dead_letters_wait(
    output: str, number: int, said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_: BaseClient, __: str, request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"QueueUrl": "url", "AttributeNames": ["ApproximateNumberOfMessages"]}
        return {"Attributes": {"ApproximateNumberOfMessages": str(number)}}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    account = Account(Output(), region="eu-west-1")
    account.__dict__["stack"] = Stack("rota", "arn", "", {}, {output: "url"})
    assert [(each.name, each.status, each.message) for each in queues(account)] == [("queues", *each) for each in said]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"rota-Runs": "OK", "rota-Sweep": "INSUFFICIENT_DATA"}, ("ok", "2, none rings")),
        ({"rota-Runs": "OK", "rota-Sweep": "ALARM"}, ("fail", "rota-Sweep: It fails")),
        ({}, ("unknown", "CloudWatch shows none whose name begins with rota-")),
    ],
    ids=["none rings", "one rings", "none is there"],
)
def test_whether_alarms_ring(states: dict[str, str], said: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    there = [{"AlarmName": name, "StateValue": state, "AlarmDescription": "It fails"} for name, state in states.items()]

    def answer(_: BaseClient, __: str, request: dict[str, Any]) -> dict[str, Any]:
        return {"MetricAlarms": there if request == {"AlarmNamePrefix": "rota-"} else []}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    account = Account(Output(), region="eu-west-1")
    account.__dict__["stack"] = Stack("rota", "arn", "", {}, {})
    assert [(each.name, each.status, each.message) for each in alarms(account)] == [("alarms", *said)]


SINCE = datetime(2026, 11, 30, tzinfo=UTC)
LIVE = Release("v1", "sha256:" + "a1" * 32, "tag", SINCE, "k", "1", "push")
DEPLOYS = Deploying("arn:x:push-9", "rolling", SINCE, 12.0, LIVE.digest, "tag", "push", "", "", "RUNNING", False, False)
OF_SHOP = {"Key": "rota:app", "Value": "prod/shop"}
TARGET = {"Id": "A", "Arn": "arn:cluster/prod", "EcsParameters": {"TaskDefinitionArn": "arn:task-definition/shop:3"}}
REVISION = {
    "family": "shop",
    "revision": 3,
    "status": "ACTIVE",
    "containerDefinitions": [{"image": "nginx"}, {"image": LIVE.digest}],
}
AGAIN = f"rota deploy --image {'a1' * 6}"
OTHER = {"containerDefinitions": [{"image": "shop:initial"}]}
TARGETS: dict[str, tuple[dict[str, Any], tuple[str, str] | None]] = {
    "well": ({}, ("ok", "1 schedules start one task each, with the live image")),
    "no rule": ({"ListRules": {"Rules": []}}, None),
    "not Rota's": (
        {"ListTagsForResource": {"Tags": []}},
        ("fail", "A has a rule that has no tag rota:app: no deployment of prod/shop changes it"),
    ),
    "another app's": (
        {"ListTagsForResource": {"Tags": [OF_SHOP | {"Value": "prod/till"}]}},
        ("fail", "A has a rule that is prod/till's by its tag rota:app: no deployment of prod/shop changes it"),
    ),
    "two targets": (
        {"ListTargetsByRule": {"Targets": [TARGET, TARGET]}},
        ("fail", f"A has 2 targets: {AGAIN} puts it right"),
    ),
    "no task": (
        {"ListTargetsByRule": {"Targets": [TARGET | {"EcsParameters": {}}]}},
        ("fail", f"A has a target that starts no task: {AGAIN} puts it right"),
    ),
    "a revision that was deregistered": (
        {"DescribeTaskDefinition": {"taskDefinition": REVISION | {"status": "INACTIVE"}}},
        ("fail", "A starts shop:3, which is INACTIVE: no run would start"),
    ),
    "another image": (
        {"DescribeTaskDefinition": {"taskDefinition": REVISION | OTHER}},
        ("fail", "A starts shop:3, which does not have the live image"),
    ),
}


def found_of_targets(answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **status: Any) -> list[Finding]:
    there = {"Name": "shop__A", "Arn": "arn:rule/shop__A", "ScheduleExpression": "rate(1 hour)", "State": "ENABLED"}
    whole = {
        "ListRules": {"Rules": [there]},
        "ListTargetsByRule": {"Targets": [TARGET]},
        "ListTagsForResource": {"Tags": [OF_SHOP]},
        "DescribeTaskDefinition": {"taskDefinition": REVISION},
        **answers,
    }
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda _, operation, __: whole[operation])
    parameters = {"ClusterName": "prod", "ServiceName": "shop"}
    stack = Stack("rota", "arn", "", parameters, {"RulePrefix": "shop__"})
    shown = replace(WITHOUT_A_RELEASE, release=LIVE, **status)
    return [*targets(Facts(Account(Output(), region="eu-west-1"), stack, shown, None, None, {}, []))]


@pytest.mark.parametrize(("answers", "said"), TARGETS.values(), ids=TARGETS)
def test_what_schedules_start(
    answers: dict[str, Any], said: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(each.name, each.status, each.message) for each in found_of_targets(answers, monkeypatch)]
    assert found == ([("targets", *said)] if said else [])


def test_while_something_deploys_a_schedule_may_start_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"DescribeTaskDefinition": {"taskDefinition": REVISION | OTHER}}
    assert found_of_targets(answers, monkeypatch, deploying=DEPLOYS) == []


@pytest.mark.parametrize("width", [100, 50])
def test_each_finding_has_a_mark_and_the_end_counts_them(width: int) -> None:
    shown = [click.unstyle(line) for line in lines(CHECKED, width)]
    assert max(map(len, shown)) <= width
    assert [line[:2].strip() for line in shown if not line.startswith("    ")] == ["OK", "NG", "?", "1"]
    assert " ".join(" ".join(shown).split()).count("the author acts") == 1
    assert shown[-1] == "1 OK, 1 NG, 1 not seen"


ROLE = "arn:aws:iam::111122223333:role/report"
KEYS = {"tags": {"a": "1"}, "enable_execute_command": True, "subnets": ["subnet-1"], "secrets": {"A": "/shop/a"}}


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({}, ["tags", "enable_execute_command", "subnets", "secrets", "role"]),
        ({"EventsRoleAllows": "exec", "TaskNetworks": "any"}, ["tags", "secrets", "role"]),
        (
            {
                "EventsRoleAllows": "tags,exec",
                "TaskNetworks": "any",
                "SecretsAllowed": "arn:aws:ssm:*:*:parameter/shop/*",
                "TaskRoleArns": ROLE,
            },
            [],
        ),
    ],
)
def test_keys_that_other_parameters_do_not_allow(parameters: dict[str, str], refused: list[str]) -> None:
    task = Task.model_validate({"name": "A", "task": "a", "rate": "1 day", "role": ROLE, **KEYS})
    arn = "arn:aws:cloudformation:eu-west-1:111122223333:stack/rota/1"
    found = refused_keys([task], Stack("rota", arn, "", parameters | {"ClusterName": "production"}, {}))
    assert [words.split()[2].strip(",") for words in found] == refused
