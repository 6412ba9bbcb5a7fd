"""`rota init`, whole: what is read of a service and of the rules that start its jobs, and the files that it writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ACCOUNT, Aws, Played, Typed, assert_as_in_the_file
from tests.cli.test_init import CONFIG, DEFINITION, NGINX, SERVICE, WEB
from tests.cli.test_status import rule

REVISION = f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:7"
CLUSTER = SERVICE["clusterArn"]
OWN_NETWORK = {"awsvpcConfiguration": {"Subnets": ["subnet-9"], "SecurityGroups": ["sg-0a1b2c3d"]}}
NETWORK = {
    "awsvpcConfiguration": {
        "Subnets": ["subnet-0a1b2c3d", "subnet-4e5f6071"],
        "SecurityGroups": ["sg-0a1b2c3d"],
        "AssignPublicIp": "ENABLED",
    }
}


def target(*command: str, cluster: str = CLUSTER, **parameters: Any) -> dict[str, Any]:
    overrides = {"containerOverrides": [{"name": "web", "command": list(command)}]}
    starts = {"TaskDefinitionArn": REVISION, "LaunchType": "FARGATE", "NetworkConfiguration": NETWORK, **parameters}
    role = "arn:aws:iam::111122223333:role/ecsEventsRole"
    return {"Id": "1", "Arn": cluster, "RoleArn": role, "Input": json.dumps(overrides), "EcsParameters": starts}


TARGETS: dict[str, dict[str, Any]] = {
    "shop__Mail": target("python", "manage.py", "mail"),
    "shop__Report": target("python", "manage.py", "report", NetworkConfiguration=OWN_NETWORK),
    "shop__Tagged": target("python", "manage.py", "tagged", Tags=[{"Key": "team", "Value": "data"}]),
    "shop__Lambda": {"Id": "1", "Arn": f"arn:aws:lambda:{ACCOUNT}:function:f"},
    "elsewhere": target("x", cluster=CLUSTER.replace("production", "other")),
    "till__Count": target("count"),
    "till__Sum": target("sum"),
}


@pytest.fixture
def service(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """A service with four rules on its cluster, and another app's two; it is in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    described = {**SERVICE, "status": "ACTIVE", "serviceArn": f"arn:aws:ecs:{ACCOUNT}:service/production/shop-api"}

    def tags(request: dict[str, Any]) -> dict[str, Any]:
        name = (request.get("ResourceARN") or request["ResourceArn"]).rpartition("/")[2]
        return {"Tags": [{"Key": "rota:app", "Value": "production/till"}] if name.startswith("till__") else []}

    definition = {**DEFINITION, "taskDefinitionArn": REVISION, "revision": 7, "status": "ACTIVE"}
    # samconfig.toml's example has the account of examples.
    definition |= {
        role: DEFINITION[role].replace(ACCOUNT[-12:], "4" * 12) for role in ("taskRoleArn", "executionRoleArn")
    }
    rules = [rule(name) | {"Name": name, "Arn": f"arn:aws:events:{ACCOUNT}:rule/{name}"} for name in TARGETS]
    aws.answers |= {
        "DescribeServices": {"services": [{**described, "taskDefinition": REVISION}]},
        "DescribeTaskDefinition": {"taskDefinition": definition, "tags": []},
        "ListRules": {"Rules": rules},
        "ListTargetsByRule": lambda request: {"Targets": [TARGETS[request["Rule"]]]},
        "ListTagsForResource": tags,
        "ListSchedules": {"Schedules": []},
    }
    return aws


def test_the_whole_answer(service: Aws, played: Played) -> None:
    played("init", "init production/shop-api", "init production/shop-api --json --yes", "init production/shop-api")
    assert json.loads(Path("scheduled_tasks.json").read_text())["tasks"]
    Path("init").mkdir()
    more = "--env staging --stack mine --rule-prefix other__ --start-command 'a b' --schedule init/jobs.yaml"
    played("init_options", f"init production/shop-api {more}")


def test_the_files_that_are_written(service: Aws, typed: Typed) -> None:
    """Of an environment that is there, what no service says is kept."""
    overrides = '["RulePrefix=old__", "NotificationEmail=a@b.c", "TaskNetworks=any", "SecretsAllowed=x"]'
    before = '[production.global.parameters]\nstack_name = "s"\nprofile = "p"\n\n[production.deploy.parameters]\n'
    Path("samconfig.toml").write_text(f"version = 0.1\n\n{before}parameter_overrides = {overrides}\n")
    done = typed("init", "production/shop-api", "--yes")
    assert "  kept from before: NotificationEmail=a@b.c, SecretsAllowed=x\n" in done.out
    files = [Path(name).read_text() for name in ("samconfig.toml", "scheduled_tasks.json")]
    assert_as_in_the_file("init_files", "\n".join(files))


def test_the_example_is_replaced_without_a_question(service: Aws, played: Played) -> None:
    Path("samconfig.toml").write_text(CONFIG)
    played("init_example", "init production/shop-api --env staging")


def test_the_whole_answer_of_a_service_without_jobs_of_which_much_is_to_be_known(service: Aws, played: Played) -> None:
    bare = {**SERVICE, "status": "ACTIVE", "networkConfiguration": {}, "deploymentConfiguration": {}}
    bare |= {"serviceArn": f"arn:aws:ecs:{ACCOUNT}:service/production/shop-api", "taskDefinition": REVISION}
    definition = {**DEFINITION, "containerDefinitions": [NGINX], "taskRoleArn": "", "executionRoleArn": ""}
    definition |= {"taskDefinitionArn": REVISION, "status": "ACTIVE", "revision": 7, "networkMode": "bridge"}
    service.answers |= {
        "DescribeServices": {"services": [bare]},
        "DescribeTaskDefinition": {"taskDefinition": definition},
        "ListRules": {"Rules": []},
    }
    played("init_bare", "init production/shop-api", "init production/shop-api --yes --json")


def test_the_whole_answers_of_what_cannot_be_read(service: Aws, played: Played) -> None:
    lines = ["shop", "production/shop-api --env a.b", "a/b/c --json", "production/shop-api --container no"]
    played("init_refused", *(f"init {each}" for each in lines))
    Path("samconfig.toml").write_text("[shop")
    played("init_no_toml", "init production/shop-api")
    Path("samconfig.toml").unlink()
    Path("samconfig.toml").mkdir()
    played("init_folder", "init production/shop-api")
    Path("samconfig.toml").rmdir()
    Path("samconfig.toml").write_bytes(b"version = 0.1\n# caf\xe9\n")
    played("init_no_utf8", "init production/shop-api")
    service.answers["DescribeServices"] = {"services": []}
    played("init_no_service", "init production/shop-api")


@pytest.mark.parametrize("environment", ["a-b_C9", "a.b", "a b", ""])
def test_the_name_of_an_environment(service: Aws, typed: Typed, environment: str) -> None:
    refused = typed("init", "production/shop-api", "--env", environment)
    assert (refused.exit == 2) == (environment in ("a.b", "a b"))


@pytest.mark.parametrize(
    ("container", "image", "belongs"),
    [
        ("web", WEB["image"], True),
        ("web", f"{WEB['image']}".replace("shop", "till"), False),
        ("web", NGINX["image"], False),
    ],
    ids=["its image", "another one", "none of ECR"],
)
def test_a_job_of_another_definition_is_the_apps_by_its_image(
    service: Aws, typed: Typed, container: str, image: str, belongs: bool
) -> None:
    own = {**DEFINITION, "taskDefinitionArn": REVISION, "revision": 7, "status": "ACTIVE"}
    other = {**own, "family": "jobs", "containerDefinitions": [{"name": container, "image": image}]}
    others = REVISION.replace("shop:7", "jobs:1")

    def described(request: dict[str, Any]) -> dict[str, Any]:
        return {"taskDefinition": other if request["taskDefinition"] == others else own, "tags": []}

    service.answers["DescribeTaskDefinition"] = described
    service.answers["ListRules"] = {"Rules": [rule("Mail") | {"Name": "shop__Mail"}]}
    service.answers["ListTargetsByRule"] = {"Targets": [target("python", "manage.py", TaskDefinitionArn=others)]}
    typed("init", "production/shop-api", "--yes")
    assert bool(json.loads(Path("scheduled_tasks.json").read_text())["tasks"]) == belongs


def test_an_environment_that_is_not_written_as_tables_is_not_replaced(service: Aws, typed: Typed) -> None:
    Path("samconfig.toml").write_text('version = 0.1\n[production.deploy]\nparameters = {a = "b"}\n')
    refused = typed("init", "production/shop-api", "--yes")
    assert (refused.exit, refused.err.startswith("rota: ")) == (2, True)
    assert not Path("scheduled_tasks.json").exists()


def test_a_job_whose_definition_is_gone_is_the_apps(service: Aws, typed: Typed) -> None:
    gone = REVISION.replace("shop:7", "gone:1")
    described = service.answers["DescribeTaskDefinition"]

    def describe(request: dict[str, Any]) -> Any:
        unable = "ClientException: Unable to describe task definition."
        return unable if request["taskDefinition"] == gone else described

    service.answers["DescribeTaskDefinition"] = describe
    service.answers["ListRules"] = {"Rules": [rule("Mail") | {"Name": "shop__Mail"}]}
    service.answers["ListTargetsByRule"] = {"Targets": [target("a", TaskDefinitionArn=gone)]}
    found = json.loads(typed("init", "production/shop-api", "--json").out)
    assert [(each["name"], each["command"]) for each in found["tasks"]] == [("Mail", ["a"])]
    why = "its task definition gone:1 is gone; what it said beside the command is not known"
    assert [each["because"] for each in found["remarks"]] == [why]


def test_a_service_of_which_everything_is_read(service: Aws, played: Played) -> None:
    """The account has its one job, and one of another app."""
    names = ("shop__Mail", "till__Count")
    service.answers["ListRules"] = {"Rules": [rule(name) | {"Name": name, "Arn": f"arn:rule/{name}"} for name in names]}
    played("init_all", "init production/shop-api --rule-prefix shop__ --start-command 'python manage.py'")
    assert json.loads(Path("scheduled_tasks.json").read_text())["tasks"][0]["task"] == "mail"


def test_rules_of_others_on_the_cluster(service: Aws, typed: Typed) -> None:
    """Those of the app's tag are its own; one of another app whose name begins as the app's do is not taken."""
    owners = {"shop__Own": "production/shop-api", "shop__Theirs": "production/till", "till__Own": "production/shop-api"}
    names = [*owners, "shop__Mail", "lambda", "other"]
    targets = {"lambda": TARGETS["shop__Lambda"], "other": TARGETS["elsewhere"]}

    def tags(request: dict[str, Any]) -> dict[str, Any]:
        owner = owners.get(request["ResourceARN"].rpartition("/")[2])
        return {"Tags": [{"Key": "rota:app", "Value": owner}] if owner else []}

    service.answers |= {
        "ListRules": {"Rules": [rule(name) | {"Name": name, "Arn": f"arn:rule/{name}"} for name in names]},
        "ListTargetsByRule": lambda request: {"Targets": [targets.get(request["Rule"], TARGETS["shop__Mail"])]},
        "ListTagsForResource": tags,
    }
    found = json.loads(typed("init", "production/shop-api", "--rule-prefix", "shop__", "--json").out)
    assert [each["name"] for each in found["tasks"]] == ["Mail", "Own", "till__Own"]
    assert [(each["rule"], each["because"]) for each in found["not_taken"]] == [
        ("shop__Theirs", "belongs to production/till, by its tag rota:app")
    ]
    assert found["others"] == {}


@pytest.mark.usefixtures("terminal")
def test_a_person_says_what_no_job_does(service: Aws, played: Played) -> None:
    service.answers["ListRules"] = {"Rules": []}
    played("init_asked", "init production/shop-api", answers=["node run"])
    for name in ("samconfig.toml", "scheduled_tasks.json"):
        assert Path(name).exists()
    played("init_asked_no", "init production/shop-api --start-command x", answers=["n"])
    Path("samconfig.toml").unlink()
    played("init_asked_once_more", "init production/shop-api", answers=["", "y"])
    Path("scheduled_tasks.json").unlink()
    service.answers["ListRules"] = {
        "Rules": [rule(name) | {"Name": name, "Arn": name} for name in ("shop__Mail", "shop__Report")]
    }
    played("init_asked_nothing", "init production/shop-api", answers=["y"])


def of_scheduler(path: str, arn: str) -> dict[str, Any]:
    group, _, name = path.partition("/")
    listed = {"GroupName": group, "Name": name, "Arn": f"arn:aws:scheduler:{ACCOUNT}:schedule/{path}"}
    return {**listed, "State": "ENABLED", "Target": {"Arn": arn}}


MACHINE = f"arn:aws:states:{ACCOUNT}:stateMachine:report"
RUN_TASK = "arn:aws:scheduler:::aws-sdk:ecs:runTask"
OTHER_CLUSTER = CLUSTER.replace("production", "other")
REQUEST = {"Cluster": CLUSTER, "TaskDefinition": REVISION, "Overrides": {
    "ContainerOverrides": [{"Name": "web", "Command": ["python", "manage.py", "whole"]}]}}  # fmt: skip
SCHEDULES = {
    "default/shop__Night": CLUSTER,
    "default/shop__Whole": RUN_TASK,
    "default/shop__Queue": f"arn:aws:sqs:{ACCOUNT}:q",
    "default/elsewhere": OTHER_CLUSTER,
    "default/queue": f"arn:aws:sqs:{ACCOUNT}:production",
    "default/request": RUN_TASK,
    "till/nightly": CLUSTER,
    "till/shop__Theirs": CLUSTER,
}


@pytest.fixture
def scheduled(service: Aws) -> Aws:
    """The same service, whose jobs are schedules of Scheduler, and one is a state machine; no rule starts one."""
    usual: Any = service.answers["ListTagsForResource"]

    def tags(request: dict[str, Any]) -> Any:
        of_group = request.get("ResourceArn", "").endswith(":schedule-group/till")
        return {"Tags": [{"Key": "rota:app", "Value": "production/till"}]} if of_group else usual(request)

    def described(request: dict[str, Any]) -> dict[str, Any]:
        path, command = f"{request['GroupName']}/{request['Name']}", ["python", "manage.py", request["Name"]]
        given = target(*command, cluster=SCHEDULES[path])
        if SCHEDULES[path] == RUN_TASK:
            text = json.dumps(REQUEST if path.endswith("Whole") else {"Cluster": CLUSTER})
            given = {"Arn": RUN_TASK, "RoleArn": "arn:r", "Input": text}
        at = {"ScheduleExpression": "cron(0 6 * * ? *)", "State": "ENABLED", "FlexibleTimeWindow": {"Mode": "OFF"}}
        return {**request, **at, "Target": given}

    names = ("report", "bus", "shop__Bus")
    state = {"Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {
        "Cluster": CLUSTER, "TaskDefinition": "jobs:1", "Overrides": {
            "ContainerOverrides": [{"Name": "web", "Command": ["node", "report"]}]}}}  # fmt: skip
    own = {**DEFINITION, "taskDefinitionArn": REVISION, "revision": 7, "status": "ACTIVE"}
    theirs = {
        **own,
        "family": "jobs",
        "containerDefinitions": [WEB | {"image": f"{WEB['image']}".replace("shop", "till")}],
    }
    service.answers |= {
        "DescribeTaskDefinition": lambda asked: {
            "taskDefinition": theirs if asked["taskDefinition"] == "jobs:1" else own, "tags": []
        },
        "DescribeStateMachine": {"definition": json.dumps({"States": {"Run": state}})},
        "GetSchedule": described,
        "ListRules": {"Rules": [rule(name) | {"Name": name, "Arn": f"arn:rule/{name}"} for name in names]},
        "ListSchedules": {"Schedules": [of_scheduler(path, arn) for path, arn in SCHEDULES.items()]},
        "ListTagsForResource": tags,
        "ListTargetsByRule": lambda asked: {"Targets": [{"Id": "1", "Arn": (
            MACHINE if asked["Rule"] == "report" else f"arn:aws:events:{ACCOUNT}:event-bus/production")}]},
    }  # fmt: skip
    return service


def test_a_service_whose_jobs_are_schedules(scheduled: Aws, played: Played) -> None:
    """Of what is about other clusters and other targets only that is said whose name begins as the app's jobs do."""
    played("init_schedules", "init production/shop-api", "init production/shop-api --yes --json")


def test_rules_say_how_names_begin_whatever_schedules_are_called(service: Aws, typed: Typed) -> None:
    service.answers |= {
        "ListSchedules": {"Schedules": [of_scheduler("default/nightly", CLUSTER)]},
        "GetSchedule": lambda asked: {
            **asked, "ScheduleExpression": "rate(1 day)", "State": "ENABLED", "Target": target("nightly")
        },
    }  # fmt: skip
    found = json.loads(typed("init", "production/shop-api", "--json").out)
    assert found["parameters"]["RulePrefix"] == "shop__"
    assert "nightly" in [each["name"] for each in found["tasks"]]
