"""What a service says of the template's parameters, and how samconfig.toml is written."""

import re
import shlex
import tomllib
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from rota.cli.exits import CommandError
from rota.cli.init import jobs, parameters, samconfig
from rota.cli.init.text import ORDER, REQUIRED, proposed
from rota.ecs.task_definitions import Revision
from tests.examples import ROOT

ROLE = "arn:aws:iam::111122223333:role"
LOGS = "arn:aws:logs:eu-west-1:111122223333"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop@sha256:0"
SERVICE: dict[str, Any] = {
    "serviceName": "shop-api",
    "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/production",
    "loadBalancers": [{"containerName": "web", "containerPort": 8080}],
    "platformVersion": "1.4.0",
    "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-0a1b2c3d", "subnet-4e5f6071"],
            "securityGroups": ["sg-0a1b2c3d"],
            "assignPublicIp": "ENABLED",
        }
    },
}
LOG = {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/shop"}}
WEB = {"name": "web", "image": IMAGE, "logConfiguration": LOG}
NGINX = {"name": "nginx", "image": "public.ecr.aws/nginx/nginx:1"}
DEFINITION: dict[str, Any] = {
    "family": "shop",
    "networkMode": "awsvpc",
    "taskRoleArn": f"{ROLE}/shop-task",
    "executionRoleArn": f"{ROLE}/shop-execution",
    "containerDefinitions": [NGINX, WEB],
}
OF_RULES = {
    "RulePrefix": "production__shop__",
    "StartCommand": "python manage.py",
    "FormerEventsRoleArns": f"{ROLE}/ecsEventsRole",
    "TaskNetworks": "any",
    "EventsRoleAllows": "tags,exec",
    "SecretsAllowed": "arn:aws:ssm:eu-west-1:111122223333:parameter/key",
}


def read(service: dict[str, Any] = SERVICE, definition: dict[str, Any] = DEFINITION, name: str | None = None) -> Any:
    base = Revision(arn="", active=True, content=definition, tags={})
    return parameters.parameters_of_service(service, base, name, LOGS)


def test_everything_that_a_service_says() -> None:
    found = read()
    assert found.values == {
        "ClusterName": "production",
        "ServiceName": "shop-api",
        "RepositoryName": "team/shop",
        "TaskDefinitionFamily": "shop",
        "ContainerName": "web",
        "SubnetIds": "subnet-0a1b2c3d,subnet-4e5f6071",
        "SecurityGroupIds": "sg-0a1b2c3d",
        "AssignPublicIp": "ENABLED",
        "PlatformVersion": "1.4.0",
        "TaskRoleArns": f"{ROLE}/shop-task,{ROLE}/shop-execution",
        "JobLogGroups": f"{LOGS}:log-group:/ecs/shop:*",
    }
    assert found.remarks == ()


def test_the_parameters_are_the_templates() -> None:
    declared = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    values = read().values | OF_RULES
    assert values.keys() == {*ORDER}
    for name, value in values.items():
        is_list = declared[name]["Type"] != "String"
        for each in value.split(",") if is_list else [value]:
            assert re.fullmatch(declared[name].get("AllowedPattern", ".*"), each), name
    required = {name for name, parameter in declared.items() if "Default" not in parameter}
    assert required == {*REQUIRED, "ClusterName", "ServiceName", "TaskDefinitionFamily", "ContainerName", "RulePrefix"}


REMARKS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no circuit breaker": ({"deploymentConfiguration": {}}, {}, "the service has no circuit breaker"),
    "another controller": ({"deploymentController": {"type": "CODE_DEPLOY"}}, {}, "is deployed by CODE_DEPLOY"),
    "no image of ECR": ({}, {"containerDefinitions": [NGINX]}, "which is not from ECR"),
    "no role": ({}, {"taskRoleArn": None, "executionRoleArn": None}, "TaskRoleArns needs one"),
    "EC2": ({}, {"networkMode": "bridge"}, "does not run on Fargate"),
    "no network": ({"networkConfiguration": {}}, {}, "set SubnetIds and SecurityGroupIds"),
}


@pytest.mark.parametrize(("service", "definition", "words"), REMARKS.values(), ids=REMARKS)
def test_what_should_be_known_of_a_service(service: dict[str, Any], definition: dict[str, Any], words: str) -> None:
    (remark,) = read(SERVICE | service, DEFINITION | definition).remarks
    assert words in remark


OTHER_VALUES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str | None]]] = {
    "the newest platform": ({"platformVersion": "LATEST"}, {}, {"PlatformVersion": None}),
    "no platform": ({"platformVersion": None}, {}, {"PlatformVersion": None}),
    "private": (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}}},
        {},
        {"AssignPublicIp": None, "SubnetIds": "subnet-1", "SecurityGroupIds": None},
    ),
    "one role for both": ({}, {"executionRoleArn": f"{ROLE}/shop-task"}, {"TaskRoleArns": f"{ROLE}/shop-task"}),
    "two groups": (
        {"networkConfiguration": {"awsvpcConfiguration": {"securityGroups": ["sg-2", "sg-1"]}}},
        {},
        {"SecurityGroupIds": "sg-2,sg-1", "SubnetIds": None, "AssignPublicIp": None},
    ),
    "no role of the task": ({}, {"taskRoleArn": ""}, {"TaskRoleArns": f"{ROLE}/shop-execution"}),
    "a role of the task alone": ({}, {"executionRoleArn": None}, {"TaskRoleArns": f"{ROLE}/shop-task"}),
    "another log driver": (
        {},
        {"containerDefinitions": [NGINX, WEB | {"logConfiguration": LOG | {"logDriver": "splunk"}}]},
        {"JobLogGroups": None},
    ),
    "no log group": (
        {},
        {"containerDefinitions": [WEB | {"logConfiguration": {"logDriver": "awslogs"}}]},
        {"JobLogGroups": None},
    ),
    "no log": ({}, {"containerDefinitions": [{"name": "web", "image": IMAGE}]}, {"JobLogGroups": None}),
}


@pytest.mark.parametrize(("service", "definition", "values"), OTHER_VALUES.values(), ids=OTHER_VALUES)
def test_what_another_service_says(
    service: dict[str, Any], definition: dict[str, Any], values: dict[str, str | None]
) -> None:
    given = {name: each for name, each in (SERVICE | service).items() if each is not None}
    found = read(given, DEFINITION | definition)
    assert {name: found.values.get(name) for name in values} == values
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("compatibilities", "runs"), [(("EC2",), False), (("EC2", "FARGATE"), True), (None, True), ((), True)]
)
def test_a_task_definition_that_is_not_for_fargate(compatibilities: tuple[str, ...] | None, runs: bool) -> None:
    base = Revision(arn="", active=True, content=DEFINITION, tags={}, compatibilities=compatibilities)
    said = [] if runs else ["the task definition shop does not run on Fargate; jobs of Rota do"]
    assert [*parameters.parameters_of_service(SERVICE, base, None, LOGS).remarks] == said


TWO = [WEB, WEB | {"name": "worker"}]


@pytest.mark.parametrize(
    ("containers", "balanced", "named", "chosen"),
    [
        ([NGINX], [], None, "nginx"),
        ([NGINX, WEB], [], None, "web"),
        (TWO, ["web"], None, "web"),
        (TWO, [], "worker", "worker"),
        (TWO, [], None, "has several containers: web, worker"),
        (TWO, [], "app", "has no container app: web, worker"),
        ([NGINX], [], "app", "has no container app: nginx"),
        ([NGINX, WEB], [], "app", "has no container app: nginx, web"),
        (TWO, ["web"], "app", "has no container app: web, worker"),
        ([NGINX, *TWO], ["nginx"], None, "has several containers: nginx, web, worker"),
        ([NGINX, WEB], ["nginx"], None, "web"),
        (TWO, ["web"], "worker", "worker"),
        (TWO, ["web", "worker"], None, "has several containers: web, worker"),
    ],
    ids=[
        *("the only one", "the only one from ECR", "the load balancer's", "named", "several", "unknown"),
        *("unknown beside one", "unknown beside one from ECR", "unknown beside the load balancer's"),
        *("not from ECR", "the load balancer's is not from ECR", "not the load balancer's", "two of the load balancer"),
    ],
)
def test_which_container_is_the_apps(containers: Any, balanced: list[str], named: str | None, chosen: str) -> None:
    service = SERVICE | {
        "loadBalancers": [{"loadBalancerName": "classic"}, *({"containerName": each} for each in balanced)]
    }
    try:
        found = read(service, DEFINITION | {"containerDefinitions": containers}, named).values["ContainerName"]
    except CommandError as error:
        found = error.message
    assert found.endswith(chosen)


@pytest.mark.parametrize(
    ("cluster", "service", "prefix"),
    [
        ("production", "shop-api", "production__shop-api__"),
        ("shop-prod-Cluster-Kq3", "shop-prod-web-Service-Zz9", "shop-prod-web-Service-Zz9__"),
        ("c", "s" * 60, f"{'s' * 46}__"),
    ],
    ids=["both", "the service alone", "as much of it"],
)
def test_a_prefix_where_no_schedule_has_one(cluster: str, service: str, prefix: str) -> None:
    assert jobs._prefix([], {"ClusterName": cluster, "ServiceName": service}) == prefix


@pytest.mark.parametrize("text", ["shop", "a/b/c", "/shop", "shop/"])
def test_no_service(text: str) -> None:
    with pytest.raises(CommandError, match="is no service"):
        parameters.named(text)


CONFIG = (ROOT / "samconfig.toml").read_text()


def test_an_environment_is_written_into_samconfig() -> None:
    written = samconfig.with_environment(CONFIG, "shop", "rota-shop", "eu-west-1", {"A": "b c", "D": "e,f"})
    assert written.startswith(CONFIG.rstrip())
    shop = tomllib.loads(written)["shop"]
    assert shop["global"]["parameters"] == {"stack_name": "rota-shop", "region": "eu-west-1"}
    assert shop["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"
    assert [shlex.split(each) for each in shop["deploy"]["parameters"]["parameter_overrides"]] == [["A=b c"], ["D=e,f"]]
    assert samconfig.overrides_of(written, "shop") == {"A": "b c", "D": "e,f"}


def test_an_environment_that_is_there_keeps_its_other_settings() -> None:
    mine = CONFIG.replace('stack_name = "rota-staging"', 'stack_name = "mine"\nprofile = "p"')
    mine = mine.replace(":111122223333:", ":444455556666:")
    written = samconfig.with_environment(mine, "staging", "rota-staging", "eu-west-1", {"A": "b"})
    parsed, before = tomllib.loads(written), tomllib.loads(mine)
    assert parsed["staging"]["global"]["parameters"]["profile"] == "p"
    assert parsed["staging"]["deploy"]["parameters"]["parameter_overrides"] == ["A=b"]
    assert parsed["staging"]["deploy"]["parameters"]["confirm_changeset"] is False
    assert {**parsed, "staging": None} == {**before, "staging": None}
    comments = [line for line in CONFIG.splitlines() if line.startswith("#")]
    assert [line for line in written.splitlines() if line.startswith("#")] == comments


@pytest.mark.parametrize("text", ["# Of the next one.\n", "# Two\n# lines.\n", ""], ids=["a line", "two lines", "none"])
def test_the_comment_before_the_next_table_stays_with_it(text: str) -> None:
    tables = (
        f'version = 0.1\n\n[a.global.parameters]\nregion = "eu-west-1"\n\n{text}[b.global.parameters]\nregion = "x"\n'
    )
    written = samconfig.with_environment(tables, "a", "rota", "eu-west-1", {"A": "b"})
    assert written.startswith(f'version = 0.1\n\n{text}[b.global.parameters]\nregion = "x"\n\n[a.global.parameters]\n')


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ('region = "x"\n', ""),
        ('region = "x"\n\nprofile = "p"\n', ""),
        ('region = "x"\n\n# The end.\n', "# The end.\n"),
    ],
    ids=["one part", "two parts", "a comment at its end"],
)
@pytest.mark.parametrize("after", ["", '[b.global.parameters]\nregion = "y"\n'], ids=["the last one", "before another"])
def test_what_stays_of_a_table_that_is_replaced(text: str, stays: str, after: str) -> None:
    written = samconfig.with_environment(
        f"version = 0.1\n\n[a.global.parameters]\n{text}{after}", "a", "s", "r", {"A": "b"}
    )
    assert written.partition("[a.global.parameters]")[0] == f"version = 0.1\n\n{stays}{after}".rstrip() + "\n\n"
    assert ('profile = "p"\n' in written) == ("profile" in text)


@pytest.mark.parametrize(
    ("given", "overrides"),
    [
        ('"A=b C=\\"d e\\" F"', {"A": "b", "C": "d e"}),
        ('["A=b=c", "D=\\"e f\\"", "G", "H="]', {"A": "b=c", "D": "e f", "H": ""}),
    ],
    ids=["a text", "a list"],
)
def test_the_parameters_of_an_environment(given: str, overrides: dict[str, str]) -> None:
    text = f"version = 0.1\n[a.deploy.parameters]\nparameter_overrides = {given}\n[b.global]\n"
    assert samconfig.overrides_of(text, "a") == overrides
    assert samconfig.overrides_of(text, "b") == {}
    assert samconfig.overrides_of(text, "c") is None
    with pytest.raises(samconfig.SamconfigError, match=r"^\[version\] in samconfig.toml is no table$"):
        samconfig.overrides_of(text, "version")


def test_settings_of_the_example_do_not_stay() -> None:
    written = samconfig.with_environment(CONFIG, "staging", "rota-staging", "eu-west-1", {"A": "b"})
    assert tomllib.loads(written)["staging"]["deploy"]["parameters"]["confirm_changeset"] is True


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_example_is_known_and_no_app_is_taken_for_it(environment: str) -> None:
    example = samconfig.overrides_of(CONFIG, environment)
    assert example
    assert samconfig.is_example(example)
    assert not samconfig.is_example({**example, "TaskRoleArns": "arn:aws:iam::444455556666:role/shop-task"})


@pytest.mark.parametrize(
    ("environment", "given", "lacking"),
    [
        ("production", {}, {"ImageTagPattern": "release-*", "NotificationEmail": "ops@example.com"}),
        ("staging", {"NotificationEmail": "a@b"}, {"ImageTagPattern": "staging-*"}),
    ],
)
def test_what_most_apps_need_is_proposed(environment: str, given: dict[str, str], lacking: dict[str, str]) -> None:
    assert proposed(environment, given) == lacking
    written = samconfig.with_environment("", environment, "rota", "eu-west-1", {"A": "b"}, lacking)
    assert samconfig.overrides_of(written, environment) == {"A": "b"}
    assert samconfig.overrides_of(written.replace("  # ", "  "), environment) == {"A": "b", **lacking}


def test_a_file_that_is_new() -> None:
    assert tomllib.loads(samconfig.with_environment("", "shop", "s", "r", {}))["version"] == 0.1


@pytest.mark.parametrize("text", ["[shop", "shop.global.parameters.stack_name = 'x'\n"], ids=["no TOML", "other TOML"])
def test_a_file_that_is_not_understood_stays(text: str) -> None:
    with pytest.raises(samconfig.SamconfigError):
        samconfig.with_environment(text, "shop", "s", "r", {})


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        pytest.param("deploy = 1", "[shop.deploy.parameters] in samconfig.toml is no table", id="a command"),
        pytest.param('deploy.parameters = "x"', "[shop.deploy.parameters] in samconfig.toml is no table", id="its own"),
        pytest.param("[[shop]]", "[shop] in samconfig.toml is no table", id="several"),
        pytest.param("global.parameters = [1]", "[shop.global.parameters] in samconfig.toml is no table", id="of all"),
        pytest.param(
            "deploy.parameters.parameter_overrides = {A = 1}",
            "parameter_overrides of [shop.deploy.parameters] in samconfig.toml is neither a text nor a list of texts",
            id="overrides in a table",
        ),
        pytest.param(
            "deploy.parameters.parameter_overrides = [1]",
            "parameter_overrides of [shop.deploy.parameters] in samconfig.toml is neither a text nor a list of texts",
            id="a number",
        ),
        pytest.param(
            "deploy.parameters.parameter_overrides = ['A=\"b']",
            "parameter_overrides of [shop.deploy.parameters] in samconfig.toml cannot be read: No closing quotation",
            id="an open quote",
        ),
    ],
)
def test_a_table_that_is_not_as_sam_cli_has_it(table: str, problem: str) -> None:
    with pytest.raises(samconfig.SamconfigError, match=f"^{re.escape(problem)}$"):
        text = table if table == "[[shop]]" else f"[shop]\n{table}\n"
        samconfig.with_environment(f"version = 0.1\n{text}", "shop", "rota-shop", "eu-west-1", {})


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        pytest.param("'A=b C=\"d e\"'", {"A": "b", "C": "d e"}, id="a text"),
        pytest.param("['A=b C=d', '', 'E=\"f g\"']", {"A": "b", "C": "d", "E": "f g"}, id="a list"),
        pytest.param("[]", {}, id="none"),
    ],
)
def test_the_parameters_that_an_environment_has(overrides: str, found: dict[str, str]) -> None:
    text = f"[shop.deploy.parameters]\nparameter_overrides = {overrides}\n"
    assert samconfig.overrides_of(text, "shop") == found


DEPLOY, OF_STACK = "[shop.deploy.parameters]\n", "parameter_overrides"


@pytest.mark.parametrize(
    ("text", "others"),
    [
        pytest.param(f"{DEPLOY}a = 2026-01-01\nb = 2026-01-01T06:00:00Z\nc = 06:00:00\n", {}, id="dates"),
        pytest.param(f'{DEPLOY}tags = {{a = "b", c = [1, true]}}\n', {}, id="a table in a line"),
        pytest.param(f'{DEPLOY}{OF_STACK} = [\n  "A=b",\n\n  # c\n]\n', {}, id="a comment within the list"),
        pytest.param(f'{DEPLOY}lint = true\n\n# the stack\n{OF_STACK} = ["A=b"]\n', {}, id="a setting with a comment"),
        pytest.param(
            f'[shop.validate.parameters]\nlint = true\n\n{DEPLOY}b = true\n\n# c\nprofile = "p"\n',
            {"validate": {"parameters": {"lint": True}}},
            id="a setting with a comment, behind another table",
        ),
        pytest.param(f"{DEPLOY}b = true\n\n# the end\n", {}, id="a comment at the end"),
    ],
)
def test_what_an_environment_has_besides_stays(text: str, others: dict[str, Any]) -> None:
    written = samconfig.with_environment(text, "shop", "rota-shop", "eu-west-1", {"A": "c"})
    before, after = (tomllib.loads(each)["shop"] for each in (text, written))
    expected = {**before["deploy"]["parameters"], OF_STACK: ["A=c"]}
    assert {name: after["deploy"]["parameters"][name] for name in expected} == expected
    assert {name: after[name] for name in others} == others
    assert written.count("# the end") == text.count("# the end")
