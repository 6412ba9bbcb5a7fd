"""`rota import`, whole: everything that is said of rules and schedules, and what the command prints and asks."""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rota.cli.import_schedules import copilot
from rota.cli.import_schedules.entry import Taken, take
from rota.cli.import_schedules.job import CannotTakeError
from rota.schedules.eventbridge_rules.rule import Rule
from tests.cli import test_import_scheduler as of_scheduler
from tests.cli import test_import_schedules as of_rules
from tests.cli.conftest import ACCOUNT, NOW, Aws, Played, Typed, assert_as_in_the_file
from tests.cli.test_import_scheduler import LETTERS, MACHINE, REQUEST, UNIVERSAL, on, schedule
from tests.cli.test_import_schedules import (
    BASE,
    CONTAINER,
    KEY,
    OF_WORKER,
    PLACE,
    REGISTRY,
    SPAM,
    STATE,
    TOPIC,
    other,
    overrides,
    rule,
)
from tests.guestbook import APP, PREFIX


def said(make: Callable[[], Taken]) -> Iterator[str]:
    try:
        made = make()
    except CannotTakeError as error:
        yield from (f"  not taken: {reason}" for reason in error.reasons)
    else:
        yield f"  {json.dumps(made.entry)}{'' if made.in_place else ', not in place'}"
        yield from (f"  note: {remark}" for remark in made.remarks)


def of_all(cases: Iterable[tuple[str, Callable[[], Taken]]]) -> str:
    shown = "".join(f"{line}\n" for name, make in cases for line in (name, *said(make)))
    return re.sub(r"\(20\d\d[a-z]\)", "(YEAR)", shown)  # of the database of time zones


def variables(**values: str) -> dict[str, Any]:
    return {"environment": [{"name": name, "value": value} for name, value in values.items()]}


def in_network(*subnets: str, groups: tuple[str, ...] = ("sg-1",), **members: str) -> dict[str, Any]:
    vpc = {"Subnets": [*subnets], "SecurityGroups": [*groups], **members}
    return {"NetworkConfiguration": {"awsvpcConfiguration": vpc}}


PROXY = {"name": "proxy", "image": "nginx"}
TWO_SECRETS = variables(API_TOKEN="a", DB_PASSWORD="b", LOG_LEVEL="info", DAYS="3")
RULES: dict[str, tuple[Any, ...]] = {
    "ten copies": (rule(ecs={"TaskCount": 10, "LaunchType": "FARGATE"}),),
    "no copies": (rule(ecs={"TaskCount": None}),),
    "a placement": (rule(ecs={"PlacementConstraints": [{"type": "distinctInstance"}]}),),
    "two providers": (
        rule(ecs={"CapacityProviderStrategy": [
            {"capacityProvider": "gpu", "weight": 1}, {"capacityProvider": "arm"}, {"capacityProvider": "FARGATE"}]}),
    ),
    "Spot and others": (
        rule(ecs={"CapacityProviderStrategy": [
            {"capacityProvider": "FARGATE_SPOT", "weight": 3}, {"capacityProvider": "FARGATE", "weight": 1}]}),
    ),
    "much that is wrong": (
        rule(TOPIC, ecs={"LaunchType": "EC2"}, target={"Arn": "arn:aws:ecs:us-east-1:1:cluster/x", "Input": "[]"},
             event_pattern="{}", managed_by="ecs"),
    ),
    "wrong where it runs": (
        rule(ecs={"LaunchType": "EXTERNAL", "TaskCount": 11, "PlacementStrategy": [{"type": "spread"}]},
             target={"Arn": "arn:aws:ecs:us-east-1:1:cluster/x",
                     "Input": overrides(SPAM, container={"cpu": 5, "memory": 5}, taskRoleArn="x", other={})}),
    ),
    "one attempt": (rule(target={"RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300}}),),
    "an age": (rule(target={"RetryPolicy": {"MaximumEventAgeInSeconds": 301}}),),
    "an age of Rota's": (rule(target={"RetryPolicy": {"MaximumEventAgeInSeconds": 300}}),),
    "Rota's, of another name": (rule(name="spam", target={"RetryPolicy": {"MaximumEventAgeInSeconds": 300}}),),
    "no such expression": (rule(schedule_expression="every day"),),
    "spaces": (rule(schedule_expression=" rate(2 hours) "),),
    "a command of one word": (rule(target={"Input": overrides(["./bin/start"])}),),
    "a command of three": (rule(target={"Input": overrides([*SPAM, "now"])}),),
    "a name that is none": (rule(target={"Input": overrides(["./bin/start", "a b"])}),),
    "the stack's network": (rule(ecs=in_network("subnet-2", "subnet-1")),),
    "other groups": (rule(ecs=in_network("subnet-1", "subnet-2", groups=("sg-2",), AssignPublicIp="ENABLED")),),
    "no network": (rule(ecs={"NetworkConfiguration": {}}),),
    "the platform's version": (rule(ecs={"PlatformVersion": "LATEST", "Tags": [], "PropagateTags": "NONE"}),),
    "two secrets": (rule(target={"Input": overrides(SPAM, container=TWO_SECRETS)}),),
    "secrets of both": (
        rule(target={"Input": json.dumps({"containerOverrides": [
            {"name": "worker", "command": SPAM, **variables(API_TOKEN="a")}]})}),
        other(container=variables(DB_PASSWORD="b", MY_SECRET="c")),
    ),
    "a secret under another name": (rule(name="spam", target={"Input": overrides(SPAM, container=TWO_SECRETS)}),),
    "sizes of the base": (rule(target={"Input": overrides(SPAM, cpu="256", memory="512")}),),
    "a size that is no number": (rule(), {**BASE, "cpu": ".5 vCPU"}),
    "limits of its container": (
        rule(target={"Input": overrides(SPAM, cpu="512", memory="1024")}),
        {**BASE, "containerDefinitions": [CONTAINER | {"cpu": 256, "memory": 512, "memoryReservation": 128}]},
    ),
    "another source of a secret": (
        rule(),
        {**BASE, "containerDefinitions": [CONTAINER | {"secrets": [{"name": "ADMIN", "valueFrom": KEY}]}]},
    ),
    "roles and storage as the base": (rule(), {**BASE, "taskRoleArn": "", "ephemeralStorage": None}),
    "a sidecar": (rule(), {**BASE, "containerDefinitions": [PROXY, CONTAINER]}),
    "a sidecar alone": (rule(target={"Input": None}), {**BASE, "containerDefinitions": [PROXY]}),
    "a sidecar's command": (
        rule(target={"Input": overrides(SPAM).replace('"app"', '"proxy"')}),
        {**BASE, "containerDefinitions": [CONTAINER, PROXY]},
    ),
    "the worker of two": (
        rule(target={"Input": OF_WORKER}),
        {**BASE, "containerDefinitions": [CONTAINER, CONTAINER | {"name": "worker", **variables(A="1")}]},
    ),
    "gone, of no command": (rule(target={"Input": None}), None),
    "gone, of another container": (rule(target={"Input": OF_WORKER}), None),
    "the image's command, off": (rule(target={"Input": None}, state="DISABLED", description="Spam"),),
    "a variable that Rota sets": (rule(target={"Input": overrides(SPAM, container=variables(ROTA_TASK="x", A="1"))}),),
    "another role and members": (
        rule(target={"RoleArn": "arn:old", "DeadLetterConfig": {"Arn": "q"}}, name="old-spam", ecs={
            "Group": "g", "ReferenceId": "r", "EnableECSManagedTags": True}),
    ),
    "Rota's already": (rule(tags={"rota:app": APP}, role_arn="arn:x"),),
    "no role": (rule(target={"RoleArn": ""}),),
    "a wrong time, tried again": (
        rule(schedule_expression="every day", target={"RetryPolicy": {"MaximumEventAgeInSeconds": 300}}),
    ),
    "a variable of Rota's in the definition": (
        rule(),
        {**BASE, "containerDefinitions": [CONTAINER | variables(ROTA_SCHEDULED_AT="x", LOG_LEVEL="info")]},
    ),
    "a secret in the definition": (
        rule(),
        {**BASE, "containerDefinitions": [CONTAINER | variables(API_TOKEN="x", LOG_LEVEL="info")]},
    ),
    "another user": (rule(), {**BASE, "containerDefinitions": [CONTAINER | {"user": "1000"}]}),
    "another image of the repository": (
        rule(),
        {**BASE, "containerDefinitions": [CONTAINER | {"image": f"{REGISTRY}/guestbook:next"}]},
    ),
}  # fmt: skip


def test_everything_that_is_said_of_rules() -> None:
    cases: dict[str, tuple[Any, ...]] = {f"remark: {name}": case[:2] for name, case in of_rules.REMARKS.items()}
    cases |= {f"refused: {name}": case[:1] for name, case in of_rules.NOT_TAKEN.items()} | RULES
    assert_as_in_the_file(
        "import_rules", of_all((name, partial(of_rules.taken, *case)) for name, case in cases.items())
    )


def machine(*, retry: Any = None, timeout: Any = None, own: Any = None, resource: str = "", **parameters: Any) -> str:
    """A state machine of one state."""
    given = {**STATE["Parameters"], "Overrides": REQUEST["Overrides"], **parameters}
    state = {**STATE, "Parameters": given, "Retry": retry or [], **({"TimeoutSeconds": own} if own else {})}
    state |= {"Resource": resource} if resource else {}
    return json.dumps({"States": {"Run": state}, **({"TimeoutSeconds": timeout} if timeout else {})})


MACHINES = {
    "one": machine(),
    "as EventBridge says it": machine(
        Count="3", CapacityProviderStrategy=[{"CapacityProvider": "FARGATE_SPOT", "Weight": 2}], PropagateTags="NONE",
        Tags=[{"Key": "a", "Value": "b"}], EnableExecuteCommand=True, LaunchType=None, PlatformVersion="1.3.0",
    ),
    "retries": machine(retry=[{"ErrorEquals": ["A"]}, {"ErrorEquals": ["B"], "MaxAttempts": 4}], timeout=60, own=30),
    "its state's time": machine(own=90, StartedBy="x", ReferenceId="y"),
    "another resource": machine(resource="arn:aws:states:::lambda:invoke"),
    "computed": machine(**{"Cluster.$": "$.a", "Count.$": "$.b"}),
    "no task definition": machine(TaskDefinition=None),
    "no cluster": machine(Cluster=None),
    "no state": json.dumps({"States": {}}),
    "nulls": machine(Overrides={"ContainerOverrides": [{"Name": "app", "Command": SPAM, "Cpu": None}]}),
    "of its state alone": machine(Overrides={"ContainerOverrides": []}),
    "gone": "{}",
}  # fmt: skip
IN_SCHEDULER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "at its one time": (schedule(ScheduleExpression="at(2026-12-01T12:00:00)", ScheduleExpressionTimezone="UTC"), {}),
    "after it": (schedule(ScheduleExpression="at(2026-12-01T12:00:01)", ScheduleExpressionTimezone="UTC"), {}),
    "at its end": (schedule(EndDate=on("2026-12-01T12:00:00")), {}),
    "an end to come": (schedule(EndDate=on("2026-12-03T12:00:00")), {}),
    "a rate with an end, once": (schedule(ScheduleExpression="rate(1 minute)", EndDate=on("2027-01-01")), {}),
    "a rate in capitals": (schedule(ScheduleExpression="RATE(1 HOURS)"), {}),
    "no such rate": (schedule(ScheduleExpression="rate(x hours)"), {}),
    "a cron of seven": (schedule(ScheduleExpression="cron(0 0 7 * * ? *)"), {}),
    "no zone": (schedule(ScheduleExpressionTimezone=None, FlexibleTimeWindow={"Mode": "OFF"}), {}),
    "two attributes": (schedule({"Input": overrides(SPAM, container=variables(
        A="<aws.scheduler.execution-id>", B="<aws.scheduler.attempt-number>"))}), {}),
    "attributes and text": (schedule({"Input": "<aws.scheduler.execution-id>"}, EndDate=on("2020-01-01")), {}),
    "an array": (schedule({"Input": "[1]"}), {}),
    "of nothing": (schedule({"Input": ""}), {}),
    "much of one": (
        schedule(LETTERS, ActionAfterCompletion="DELETE", KmsKeyArn="arn:k", ScheduleExpression="rate(2 hours)",
                 Description="Spam"), {}),
    "much of the app's own": (
        schedule({**LETTERS, "EcsParameters": of_scheduler.IN_A_GROUP}, ActionAfterCompletion="DELETE",
                 GroupName="rota-group", Name=f"{PREFIX}Spam", EndDate=on("2020-01-01")), {}),
    "another owner, no task": (schedule({"Arn": "arn:aws:lambda:x"}), {"owner": "a/b"}),
    "no group of a stack": (schedule(GroupName="x", Name=f"{PREFIX}Spam"), {"own_group": "", "owner": APP}),
    "a group of its tag": (schedule(GroupName="x", Name=f"{PREFIX}Spam"), {"owner": APP}),
    "a request of much": (
        schedule({"Arn": UNIVERSAL, "EcsParameters": None, "Input": json.dumps({
            **REQUEST, "StartedBy": "x", "ReferenceId": "y", "Group": "z", "Tags": [{"Key": "a", "Value": "b"}],
            "PropagateTags": "TASK_DEFINITION",
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-0a1b2c3d"]}}})}),
        {}),
    "no machine": (schedule({"Arn": MACHINE.replace("states", "x"), "Input": None}), {}),
}  # fmt: skip


def test_everything_that_is_said_of_schedules() -> None:
    cases: dict[str, tuple[Any, dict[str, Any]]] = {}
    for kind, found in {"remark": of_scheduler.REMARKS, "refused": of_scheduler.NOT_TAKEN}.items():
        cases |= {f"{kind}: {name}": (shown, {}) for name, (shown, _) in found.items()}
    cases |= IN_SCHEDULER
    starts = schedule({"Arn": MACHINE, "Input": None, "EcsParameters": None}, Name="report")
    cases |= {f"a state machine: {name}": (starts, {"machine": text}) for name, text in MACHINES.items()}
    assert_as_in_the_file(
        "import_schedules",
        of_all((name, partial(of_scheduler.taken, case[0], **case[1])) for name, case in cases.items()),
    )


def of_machine(found: Rule, definition: str, image: dict[str, Any]) -> Taken:
    return take(copilot.job_of_machine(found, APP, "report", definition), PLACE, image)


def test_everything_that_is_said_of_copilots_state_machines() -> None:
    theirs = of_rules.BY_COPILOT.model_copy(update={"managed_by": "ecs", "event_pattern": "{}", "state": "DISABLED"})
    cases = {name: (of_rules.BY_COPILOT, text) for name, text in MACHINES.items()}
    cases |= {"of a service": (theirs, MACHINES["computed"])}
    image = other(container={"name": "app", "image": f"{REGISTRY}/shop/report:1"})
    all_ = [(name, partial(of_machine, found, definition, image)) for name, (found, definition) in cases.items()]
    all_ += [("the app's own image", partial(of_machine, of_rules.BY_COPILOT, MACHINES["one"], BASE))]
    assert_as_in_the_file("import_copilot", of_all(all_))


CLUSTER = f"arn:aws:ecs:{ACCOUNT}:cluster/production"
SHOP = f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:7"
GONE = f"arn:aws:ecs:{ACCOUNT}:task-definition/old:1"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:1"
STARTS = f"arn:aws:states:{ACCOUNT}:stateMachine:report"
NO_DEFINITION = "ClientException: Unable to describe task definition."
DEFINITION = {
    "taskDefinitionArn": SHOP, "family": "shop", "cpu": "256", "memory": "512", "status": "ACTIVE",
    "containerDefinitions": [{"name": "app", "image": IMAGE}],
}  # fmt: skip
SHOP_SERVICE = {
    "serviceArn": f"arn:aws:ecs:{ACCOUNT}:service/production/shop", "serviceName": "shop", "clusterArn": CLUSTER,
    "status": "ACTIVE", "taskDefinition": SHOP,
}  # fmt: skip


def target(command: str, definition: str = SHOP, **members: Any) -> dict[str, Any]:
    ecs = {"TaskDefinitionArn": definition, "TaskCount": 1, "LaunchType": "FARGATE", **members}
    return {"Id": "job", "Arn": CLUSTER, "RoleArn": "arn:old", "Input": overrides([command]), "EcsParameters": ecs}


TARGETS: dict[str, dict[str, Any]] = {
    "shop__Mail": target("mail"),
    "shop__Own": target("own", Tags=[{"Key": "a", "Value": "b"}]),
    "shop__Old": target("old", GONE),
    "other": target("other", Group="g"),
    "report": {"Id": "machine", "Arn": STARTS},
    "queue": {"Id": "q", "Arn": f"arn:aws:sqs:{ACCOUNT}:q"},
}
SCHEDULED = {
    "default/monthly": STARTS,
    "default/nightly": CLUSTER,
    "rota-group/shop__Zoned": CLUSTER,
    "theirs/shop__X": CLUSTER,
    "default/q": "arn:aws:sqs:x",
}


def arn_of(path: str) -> str:
    return f"arn:aws:scheduler:{ACCOUNT}:schedule/{path}"


def listed_rule(name: str) -> dict[str, Any]:
    expression = {"ScheduleExpression": "rate(1 hour)", "State": "DISABLED" if name == "shop__Old" else "ENABLED"}
    return {"Name": name, "Arn": f"arn:aws:events:{ACCOUNT}:rule/{name}", **expression}


def owner_of(request: dict[str, Any]) -> dict[str, Any]:
    """Whose a rule is, or a group."""
    owned = {"rule/shop__Own": "production/shop", "schedule-group/rota-group": "production/shop"}
    owned |= {"schedule-group/theirs": "a/b"}
    of = request.get("ResourceARN") or request["ResourceArn"]
    owner = owned.get(of.partition(f"{ACCOUNT}:")[2])
    return {"Tags": [{"Key": "x", "Value": "y"}, *([{"Key": "rota:app", "Value": owner}] if owner else [])]}


def listed_schedules(request: dict[str, Any]) -> dict[str, Any]:
    names = [path for path in SCHEDULED if path.partition("/")[2].startswith(request.get("NamePrefix", ""))]
    if group := request.get("GroupName"):
        names = [path for path in names if path.startswith(f"{group}/")]
    return {
        "Schedules": [
            {"Name": path.partition("/")[2], "GroupName": path.partition("/")[0], "Arn": arn_of(path),
             "State": "ENABLED", "Target": {"Arn": SCHEDULED[path]}}
            for path in names
        ]
    }  # fmt: skip


def one_schedule(request: dict[str, Any]) -> dict[str, Any]:
    path = f"{request['GroupName']}/{request['Name']}"
    at = {"ScheduleExpression": "cron(0 7 * * ? *)", "ScheduleExpressionTimezone": "Europe/Berlin"}
    of_target = {**target(request["Name"].lower()), "Arn": SCHEDULED[path]}
    return {**schedule(), **at, "GroupName": request["GroupName"], "Name": request["Name"], "Target": of_target}


@pytest.fixture
def account(aws: Aws) -> Aws:
    """With rules and schedules of many kinds, of which some are the app's."""
    aws.parameters |= {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "FormerEventsRoleArns": "arn:old"}
    aws.outputs["EventsRoleArn"] = "arn:aws:iam::111122223333:role/events"
    shown = {SHOP: {"taskDefinition": DEFINITION, "tags": []}}
    rules = {name: listed_rule(name) for name in TARGETS}
    aws.answers |= {
        "DescribeServices": {"services": [SHOP_SERVICE]},
        "DescribeTaskDefinition": lambda asked: shown.get(asked["taskDefinition"], NO_DEFINITION),
        "ListRules": lambda asked: {
            "Rules": [each for name, each in rules.items() if name.startswith(asked.get("NamePrefix", ""))]
        },
        "ListTagsForResource": owner_of,
        "ListTargetsByRule": lambda asked: {"Targets": [TARGETS[asked["Rule"]]]},
        "ListSchedules": listed_schedules,
        "GetSchedule": one_schedule,
        "DescribeStateMachine": {"definition": json.dumps({"States": {"A": {**STATE, "Parameters": {
            "Cluster": CLUSTER, "TaskDefinition": SHOP,
            "Overrides": {"ContainerOverrides": [{"Name": "app", "Command": ["report"]}]}}}}})},
        "TagResource": {},
    }  # fmt: skip
    return aws


@pytest.mark.usefixtures("account")
def test_the_whole_answers(played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    played(
        "import",
        *("import", "import --json", "import '' --region eu-west-1", "import shop__M", "import -o tasks.json"),
        *("import -o tasks.json", "import shop__Z -o tasks.yaml", "import -o tasks.json --yes", "import nothing"),
        "import --service production/shop",
        "import shop__ --service production/shop -o new.json",
        *("import x.json --tag", "import x.yaml --service a/b", "import x.yml", "import --service shop"),
    )


@pytest.mark.usefixtures("account")
def test_handing_rules_over(played: Played) -> None:
    played("import_tag", "import shop__M --tag", "import '' --tag --yes", "import q --tag --yes")


@pytest.mark.usefixtures("account", "terminal")
def test_handing_rules_over_at_a_terminal(played: Played) -> None:
    played("import_tag_asked", "import --tag", answers=["y"])
    played("import_tag_not", "import shop__O --tag", answers=["n"])
    played("import_tag_stopped", "import shop__O --tag")


def test_what_is_not_there(account: Aws, played: Played) -> None:
    account.answers["DescribeStateMachine"] = "StateMachineDoesNotExist"
    played("import_no_machine", "import report")
    account.answers |= {"ListRules": {"Rules": []}, "ListSchedules": {"Schedules": []}}
    played("import_nothing", "import", "import ''", "import shop__ --json")
    account.answers["DescribeServices"] = {"services": [{**SHOP_SERVICE, "status": "INACTIVE"}]}
    played("import_no_service", "import", "import --service production/shop")
    no_definition = {key: value for key, value in SHOP_SERVICE.items() if key != "taskDefinition"}
    for found in ([], [no_definition], [{**SHOP_SERVICE, "status": "DRAINING"}]):
        account.answers["DescribeServices"] = {"services": found}
        played("import_no_service", "import", "import --service production/shop")
    account.answers["DescribeServices"] = "ClusterNotFoundException"
    played("import_no_cluster", "import")
    account.answers["DescribeStacks"] = lambda _: {"Stacks": []}
    played("import_no_stack", "import", "import x --json")


@pytest.mark.parametrize("found", ["live", "denied", "refused", "gone"])
def test_what_the_live_file_says(found: str, account: Aws, played: Played) -> None:
    file = {"before": {"task": "migrate"}, "tasks": [
        {"name": "Mail", "task": "mail", "rate": "1 hour", "owner": "ops", "watch": {"max_runtime": 600}},
        {"name": "Gone", "task": "gone", "rate": "1 hour"}]}  # fmt: skip
    answers = {"denied": "AccessDenied", "refused": "InternalError", "gone": "NoSuchVersion"}
    account.items = [{"app": "production/shop", "record": "releases", "live_schedule_key": "scheduled_tasks.json",
                      "live_schedule_version": "v-1", "live_release": 3}]  # fmt: skip
    account.answers["GetObject"] = lambda _: (
        answers.get(found) or {"Body": io.BytesIO(json.dumps(file).encode()), "LastModified": NOW}
    )
    played(f"import_live_{found}", "import")


ECSCHEDULE = """\
region: eu-west-1
cluster: api
accountId: '123456789012'
role: arn:aws:iam::123456789012:role/jobs
trackingId: t
plugins: [{name: tfstate}]
x-more: 1
rules:
- name: shop-a
  description: The first
  scheduleExpression: cron(0 0 * * ? *)
  taskDefinition: shop:4
  taskCount: 2
  launch_type: FARGATE
  platform_version: 1.4.0
  propagateTags: TASK_DEFINITION
  capacityProviderStrategy: [{capacityProvider: FARGATE_SPOT, weight: 1, base: 1}]
  network_configuration:
    aws_vpc_configuration: {subnets: [subnet-1], security_groups: [sg-1]}
  containerOverrides:
  - name: worker
    command: [python, manage.py, 1e3, true, 30]
    environment: {DEBUG: yes, N: 1.50, API_TOKEN: x}
- name: shop-b
  scheduleExpression: rate(1 hour)
  disabled: true
  taskDefinition: shop
  role: other
  group: jobs
  network_configuration:
    aws_vpc_configuration: {subnets: [subnet-1], security_groups: [sg-1], assign_public_ip: DISABLED}
  containerOverrides: [{name: worker, command: [python, manage.py, b]}]
- name: shop-c
  scheduleExpression: rate(2 hours)
  taskDefinition: arn:aws:ecs:eu-west-1:1:task-definition/mail:2
  network_configuration:
    aws_vpc_configuration: {subnets: [subnet-9], security_groups: [sg-9], assign_public_ip: ENABLED}
  containerOverrides: [{name: worker, command: [python, manage.py, c], cpu: 5}]
- name: mail-d
  scheduleExpression: rate(2 hours)
  cluster: default
  targetId: x
  taskDefinition: mail
  containerOverrides: [{name: mailer, command: [mail]}]
- scheduleExpression: rate(1 hour)
- name: shop-e
  taskDefinition: shop
  network: x
  other: y
- name: shop-f
  scheduleExpression: rate(1 hour)
  taskDefinition: shop
  role: plain
"""


def test_the_whole_answers_of_a_file_of_ecschedule(
    played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ecs.yaml").write_text(ECSCHEDULE)
    Path("one.yml").write_text(
        "rules: [{name: a, scheduleExpression: rate(1 hour), taskDefinition: a, containerOverrides: [{command: [x]}]}]"
    )
    Path("wrong").write_text("role: {{ must_env `ROLE` }}\nrules:\n- name: {{ env `X` }}\n")
    Path("none.yaml").write_text("rules: {}\n")
    Path("list.yaml").write_text("- a\n")
    Path("open.yaml").write_text("rules: [\n")
    played(
        "import_ecschedule",
        *("import ecs.yaml", "import ecs.yaml --rule-prefix shop-", "import one.yml -o tasks.json", "import one.yml"),
        *("import wrong", "import none.yaml --json", "import list.yaml", "import open.yaml", "import gone.yaml"),
    )


def test_a_rule_that_is_deleted_meanwhile_is_left_out(account: Aws, typed: Typed) -> None:
    """After the rules were listed, or after its tags were read."""
    gone = {"rule/shop__Mail": "ListTagsForResource", "shop__Own": "ListTargetsByRule"}
    for operation, member in (("ListTagsForResource", "ResourceARN"), ("ListTargetsByRule", "Rule")):
        usual: Any = account.answers[operation]

        def answer(asked: dict[str, Any], operation: str = operation, member: str = member, usual: Any = usual) -> Any:
            name = asked.get(member, "").partition(f"{ACCOUNT}:")[2] or asked.get(member, "")
            return "ResourceNotFoundException" if gone.get(name) == operation else usual(asked)

        account.answers[operation] = answer
    found = json.loads(typed("import", "shop__", "--service", "production/shop", "--json").out)
    assert [each["name"] for each in found["tasks"]] == ["Old", "Zoned"]
