"""Existing rules as tasks of a schedule file: what comes of each, and what is said where a key cannot say it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from rota.cli.import_schedules import copilot, gather, guess, job, needed, text
from rota.cli.import_schedules.compare import Place
from rota.cli.import_schedules.entry import Taken, take, take_all
from rota.cli.import_schedules.job import CannotTakeError
from rota.cli.local_file.source import read
from rota.cli.local_file.writer import text_of
from rota.cli.main import main
from rota.ecs.task_definitions import Revision
from rota.schedule_file.parse import find_problems
from rota.schedules.eventbridge_rules.rule import Rule
from tests.guestbook import APP, CLUSTER_ARN, PREFIX, SETTINGS, arn

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
NETWORK = {"Subnets": ["subnet-2", "subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "DISABLED"}
CONTAINER = {
    "name": "app",
    "image": f"{REGISTRY}/guestbook:initial",
    "environment": [{"name": "LOG_LEVEL", "value": "info"}],
    "secrets": [{"name": "ADMIN", "valueFrom": "arn"}],
}
ROLE = "arn:aws:iam::123456789012:role"
KEY = "arn:aws:ssm:us-east-1:123456789012:parameter/key"
BASE: dict[str, Any] = {"family": "guestbook", "cpu": "256", "memory": "512", "containerDefinitions": [CONTAINER]}
PLACE = Place(SETTINGS, Revision(arn=arn(1), active=True, content=BASE, tags={}))
SPAM = ["./bin/start", "spam_task"]
TOPIC = {"Id": "topic", "Arn": "arn:aws:sns:us-east-1:123456789012:topic"}


def overrides(command: list[str] | None = None, **members: Any) -> str:
    container = {"name": "app", **({"command": command} if command else {}), **members.pop("container", {})}
    return json.dumps({"containerOverrides": [container], **members})


def rule(
    *others: dict[str, Any], ecs: dict[str, Any] | None = None, target: dict[str, Any] | None = None, **members: Any
) -> Rule:
    """A rule as a script makes it."""
    parameters = {"TaskDefinitionArn": arn(1), "TaskCount": 1, "NetworkConfiguration": {"awsvpcConfiguration": NETWORK}}
    own = {
        "Id": "job",
        "Arn": CLUSTER_ARN,
        "RoleArn": SETTINGS.events_role_arn,
        "Input": overrides(SPAM),
        "EcsParameters": {**parameters, **(ecs or {})},
        **(target or {}),
    }
    given = {"name": f"{PREFIX}RemoveSpam", "schedule_expression": "rate(5 minutes)", "state": "ENABLED", "tags": {}}
    return Rule(targets=(own, *others), **{**given, **members})


def taken(found: Rule, definition: dict[str, Any] | None = BASE) -> Taken:
    return take(job.job_of_rule(found, APP), PLACE, definition)


def other(**members: Any) -> dict[str, Any]:
    """The task definition of a job that has one of its own."""
    container = CONTAINER | {"name": "worker"} | members.pop("container", {})
    return {**BASE, "family": "worker", **members, "containerDefinitions": [container]}


DAYS = [{"name": "DAYS", "value": "30"}, {"name": "ROTA_TASK", "value": "RemoveSpam"}]
BY_ROTA = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 300}
ENTRIES: dict[str, tuple[Rule, dict[str, Any], dict[str, Any]]] = {
    "the start command": (rule(), BASE, {"task": "spam_task", "rate": "5 minutes"}),
    "another command": (
        rule(target={"Input": overrides(["python", "-m", "app"])}, schedule_expression="cron(0 6 * * ? *)"),
        BASE,
        {"command": ["python", "-m", "app"], "cron": "0 6 * * ? *"},
    ),
    "the definition's command": (
        rule(target={"Input": None}),
        other(container={"command": SPAM}),
        {"task": "spam_task", "rate": "5 minutes"},
    ),
    "disabled, described": (
        rule(state="DISABLED", description="Removes spam"),
        BASE,
        {"task": "spam_task", "rate": "5 minutes", "enabled": False, "description": "Removes spam"},
    ),
    "variables": (
        rule(target={"Input": overrides(SPAM, container={"environment": DAYS})}),
        BASE,
        {"task": "spam_task", "rate": "5 minutes", "environment": {"DAYS": "30"}},
    ),
    "sizes": (
        rule(target={"Input": overrides(SPAM, cpu="512", memory="1024")}),
        BASE,
        {"task": "spam_task", "rate": "5 minutes", "cpu": 512, "memory": 1024},
    ),
    "sizes of a definition": (
        rule(target={"Input": json.dumps({"containerOverrides": [{"name": "worker", "command": SPAM}]})}),
        other(cpu="1024", memory="2048"),
        {"task": "spam_task", "rate": "5 minutes", "cpu": 1024, "memory": 2048},
    ),
    "how it starts": (
        rule(
            ecs={"TaskCount": 2, "PlatformVersion": "1.4.0", "CapacityProviderStrategy": [
                {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]},
            target={"RetryPolicy": {"MaximumRetryAttempts": 2}},
        ),
        BASE,
        {
            "task": "spam_task",
            "rate": "5 minutes",
            "count": 2,
            "retry": {"attempts": 2, "age": 86_400},
            "platform_version": "1.4.0",
            "capacity_provider": "FARGATE_SPOT",
        },
    ),
    "tags and ECS Exec": (
        rule(
            ecs={
                "Tags": [{"Key": "cost", "Value": "12"}],
                "PropagateTags": "TASK_DEFINITION",
                "EnableExecuteCommand": True,
            }
        ),
        BASE,
        {
            "task": "spam_task",
            "rate": "5 minutes",
            "tags": {"cost": "12"},
            "propagate_tags": True,
            "enable_execute_command": True,
        },
    ),
    "another network": (
        rule(
            ecs={
                "NetworkConfiguration": {
                    "awsvpcConfiguration": {
                        "Subnets": ["subnet-9"],
                        "SecurityGroups": ["sg-9"],
                        "AssignPublicIp": "ENABLED",
                    }
                }
            }
        ),
        BASE,
        {
            "task": "spam_task",
            "rate": "5 minutes",
            "subnets": ["subnet-9"],
            "security_groups": ["sg-9"],
            "assign_public_ip": True,
        },
    ),
    "of its definition": (
        rule(),
        {
            **BASE,
            "taskRoleArn": f"{ROLE}/worker",
            "ephemeralStorage": {"sizeInGiB": 50},
            "containerDefinitions": [CONTAINER | {"secrets": [*CONTAINER["secrets"], {"name": "K", "valueFrom": KEY}]}],
        },
        {
            "task": "spam_task",
            "rate": "5 minutes",
            "role": f"{ROLE}/worker",
            "ephemeral_storage": 50,
            "secrets": {"K": KEY},
        },
    ),
    "what stays on the target": (
        rule(ecs={"Group": "jobs"}, target={"DeadLetterConfig": {"Arn": "q"}, "RetryPolicy": BY_ROTA}),
        BASE,
        {"task": "spam_task", "rate": "5 minutes"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "definition", "entry"), ENTRIES.values(), ids=ENTRIES)
def test_a_rule_that_keys_can_say(found: Rule, definition: dict[str, Any], entry: dict[str, Any]) -> None:
    made = taken(found, definition)
    assert made.entry == {"name": "RemoveSpam", **entry}
    assert (made.remarks, made.in_place) == ((), True)


def test_what_the_stack_has_so_is_not_written_whatever_the_order() -> None:
    base = {**BASE, "taskRoleArn": f"{ROLE}/task", "ephemeralStorage": {"sizeInGiB": 50}}
    own = {"subnets": ("subnet-2", "subnet-1", "subnet-3"), "security_groups": ("sg-2", "sg-1", "sg-3")}
    place = Place(SETTINGS.model_copy(update=own), Revision(arn=arn(1), active=True, content=base, tags={}))
    network = {"Subnets": ["subnet-3", "subnet-1", "subnet-2"], "SecurityGroups": ["sg-3", "sg-1", "sg-2"]}
    found = rule(ecs={"NetworkConfiguration": {"awsvpcConfiguration": network}})
    made = take(job.job_of_rule(found, APP), place, base)
    assert (made.entry, made.remarks) == ({"name": "RemoveSpam", "task": "spam_task", "rate": "5 minutes"}, ())


OF_WORKER = json.dumps({"containerOverrides": [{"name": "worker", "command": SPAM}]})
SPOT_WITH_A_BASE = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 1}]
REMARKS = {
    "a secret": (rule(target={"Input": overrides(SPAM, container={"environment": [
        {"name": "API_TOKEN", "value": "s3cr3t"}]})}), BASE,
        "API_TOKEN may be secret, and is not written. Every deployment is refused until the task says it: in secrets"),
    "a role": (rule(target={"RoleArn": "arn:aws:iam::123456789012:role/old"}), BASE, "FormerEventsRoleArns"),
    "a secret less": (rule(target={"Input": OF_WORKER}), other(container={"secrets": []}),
                      "differs from guestbook:1 in app: secrets"),
    "an execution role": (rule(), {**BASE, "executionRoleArn": "x"}, "in task: executionRoleArn"),
    "a definition that is gone": (rule(), None, "its task definition guestbook:1 is gone"),
    "another prefix": (rule(name="old-spam", ecs={"Group": "jobs", "CapacityProviderStrategy": SPOT_WITH_A_BASE}), BASE,
                       "target lacks Group, CapacityProviderStrategy: set it there"),
    "a role of the rule": (rule(role_arn="arn:aws:iam::123456789012:role/old"), BASE, "its rule itself names a role"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "definition", "words"), REMARKS.values(), ids=REMARKS)
def test_what_will_differ_is_said(found: Rule, definition: dict[str, Any] | None, words: str) -> None:
    made = taken(found, definition)
    assert len(made.remarks) == 1
    assert words in made.remarks[0]
    assert "s3cr3t" not in json.dumps([made.entry, made.remarks])


A_AND_B = json.dumps({"containerOverrides": [{"name": "a"}, {"name": "b", "cpu": 5}]})
NOT_TAKEN = {
    "another cluster": (rule(target={"Arn": f"{CLUSTER_ARN}-2"}), "runs on the cluster production-2"),
    "two targets": (rule(TOPIC), "has targets beside its task"),
    "no target": (rule().model_copy(update={"targets": ()}), "has no target"),
    "no ECS task": (rule().model_copy(update={"targets": (TOPIC,)}), "its target is not an ECS task (sns)"),
    "a transformer": (rule(target={"Input": None, "InputTransformer": {"InputTemplate": "{}"}}), "an InputTransformer"),
    "a path": (rule(target={"Input": None, "InputPath": "$.detail"}), "its target has an InputPath"),
    "no overrides": (rule(target={"Input": "[]"}), "its target's Input is no overrides of a task"),
    "an event pattern": (rule(event_pattern="{}"), "has an event pattern too"),
    "an event pattern alone": (rule(event_pattern="{}", schedule_expression=None), "and no schedule"),
    "a service's": (rule(managed_by="ecs"), "the AWS service ecs manages it"),
    "another app's": (rule(tags={"rota:app": "a/b"}), "belongs to a/b"),
    "EC2": (rule(ecs={"LaunchType": "EC2"}), "runs on EC2"),
    "another provider": (rule(ecs={"CapacityProviderStrategy": [{"capacityProvider": "gpu"}]}), "runs on gpu"),
    "a placement": (rule(ecs={"PlacementStrategy": [{"type": "spread"}]}), "has PlacementStrategy"),
    "eleven copies": (rule(ecs={"TaskCount": 11}), "starts 11 copies"),
    "the image's command": (rule(target={"Input": None}), "runs the image's own command"),
    "a role in the overrides": (rule(target={"Input": overrides(SPAM, taskRoleArn="x")}), "overrides taskRoleArn"),
    "a limit in the overrides": (rule(target={"Input": overrides(SPAM, container={"cpu": 5})}),
                                 "overrides the container's cpu"),
    "two containers": (rule(target={"Input": A_AND_B}),
                       "overrides more than one container (a, b), which"),
    "an unknown container": (rule(target={"Input": overrides(SPAM).replace("app", "web")}), "the container web"),
    "seconds": (rule(schedule_expression="rate(30 seconds)"), "EventBridge has no seconds"),
    "no such date": (rule(schedule_expression="cron(0 6 30 2 ? *)", target={"RetryPolicy": BY_ROTA}), "never runs"),
    "a prefix alone": (rule(name=PREFIX), "cannot be part of a rule's name"),
    "an odd size": (rule(target={"Input": overrides(SPAM, cpu="300")}), "cpu: 300 is not allowed"),
}  # fmt: skip


@pytest.mark.exhaustive(first=8)
@pytest.mark.parametrize(("found", "words"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_what_no_key_can_say_is_not_taken(found: Rule, words: str) -> None:
    with pytest.raises(CannotTakeError) as refused:
        taken(found)
    assert words in str(refused.value)


def test_the_parameters_without_which_a_deployment_refuses_them() -> None:
    names = ("another network", "tags and ECS Exec", "of its definition")
    all_ = [taken(found, definition) for found, definition, _ in (ENTRIES[name] for name in names)]
    assert needed.parameters(all_, PLACE) == {
        "TaskNetworks": "any",
        "EventsRoleAllows": "tags,exec",
        "TaskRoleArns": f"{','.join(SETTINGS.task_role_arns)},{ROLE}/worker",
        "SecretsAllowed": KEY,
    }
    allowed = {"task_networks": "any", "events_role_allows": ("tags", "exec"), "secrets_allowed": (KEY,)}
    roles = {"task_role_arns": (*SETTINGS.task_role_arns, f"{ROLE}/worker")}
    assert needed.parameters(all_, Place(SETTINGS.model_copy(update=allowed | roles), PLACE.base)) == {}


def test_the_secrets_that_are_to_be_allowed_are_in_order() -> None:
    keys = [f"{KEY}-{number}" for number in range(8)]
    container = CONTAINER | {
        "secrets": [*CONTAINER["secrets"], *({"name": key[-1], "valueFrom": key} for key in reversed(keys))]
    }
    found = taken(rule(), {**BASE, "containerDefinitions": [container]})
    assert needed.parameters([found], PLACE)["SecretsAllowed"] == ",".join(keys)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ([{"capacityProvider": "FARGATE_SPOT", "weight": 3}, {"capacityProvider": "FARGATE"}], True),
        ([{"capacityProvider": "FARGATE_SPOT"}], False),
        ([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 1}], False),
        ([], False),
    ],
    ids=["weights", "no weight", "a base", "none"],
)
def test_the_capacity_providers_that_a_key_can_say(strategy: list[dict[str, Any]], said: bool) -> None:
    expected = {"FARGATE_SPOT": 3, "FARGATE": 0} if said else {}
    assert job.weights({"CapacityProviderStrategy": strategy}) == expected


def test_another_image_is_not_taken() -> None:
    with pytest.raises(CannotTakeError, match="runs the image nginx"):
        taken(rule(), other(container={"image": "nginx", "name": "app"}))


def test_all_that_keeps_a_rule_out_is_listed() -> None:
    with pytest.raises(CannotTakeError) as refused:
        taken(rule(TOPIC, event_pattern="{}"))
    assert len(refused.value.reasons) == 2


def test_two_rules_of_one_name_are_said() -> None:
    jobs = [job.job_of_rule(rule(name=name), APP) for name in (f"{PREFIX}A", "A")]
    made, not_taken = take_all(jobs, PLACE, {arn(1): BASE})
    assert [each.entry["name"] for each in made] == ["A"]
    assert not_taken == [("A", f"would be the task A, as {PREFIX}A is; give it another name")]


OWNED = {"tags": {"rota:app": APP}}


@pytest.mark.parametrize(
    ("rules", "tagged", "said"),
    [
        ([rule(name=f"{PREFIX}A")], [f"{PREFIX}A"], [f"handed over to Rota: {PREFIX}A"]),
        (
            [rule(name=f"{PREFIX}A"), rule(name=f"{PREFIX}B", **OWNED)],
            [f"{PREFIX}A"],
            [f"handed over to Rota: {PREFIX}A", f"Rota's already: {PREFIX}B"],
        ),
        (
            [rule(name="legacy-A")],
            [],
            [
                "not tagged: legacy-A; a deployment changes none of these: of rules it changes those that begin with "
                f"{PREFIX} and start ECS tasks themselves, of schedules its own group's"
            ],
        ),
        ([], [], ["nothing is tagged: none of these rules is taken"]),
    ],
    ids=["a new one", "one is Rota's already", "of another name", "none"],
)
def test_what_became_of_the_rules_to_be_tagged(rules: list[Rule], tagged: list[str], said: list[str]) -> None:
    assert [*text.tagging([taken(each) for each in rules], tagged, PREFIX, 200)] == said


def test_a_secret_of_the_definition_alone_is_no_reason_to_refuse() -> None:
    variables = [{"name": "API_TOKEN", "value": "s3cr3t"}]
    made = taken(rule(target={"Input": OF_WORKER}), other(container={"environment": variables}))
    assert made.unsaid == ()
    assert any("API_TOKEN may be secret, and is not written: put it into" in each for each in made.remarks)


def test_what_a_deployment_refuses_is_said_before_rules_are_handed_over() -> None:
    secret = taken(REMARKS["a secret"][0])
    name = secret.entry["name"]
    said = f"Every deployment is refused until the schedule file says these variables: {name} (API_TOKEN)"
    assert [*text.refused([secret, taken(rule())])] == [said]
    assert [*text.refused([taken(rule())])] == []


def test_what_the_live_file_has_and_aws_has_not() -> None:
    answer = text.imported(
        [taken(rule())], [], {}, None, lacks=["before leaves the schedule file", "owner of A changes"]
    )
    said = [line for line in text.remarks(answer, 300) if "does not have every key" in line]
    assert len(said) == 1
    assert "before leaves the schedule file; owner of A changes. Copy these keys" in said[0]


@pytest.mark.parametrize(
    ("removes", "said"),
    [(["A", "B"], "removes the jobs A, B of the app"), (["A"], "removes the job A of the app"), ([], "")],
    ids=["two", "one", "none"],
)
def test_what_a_file_of_some_rules_removes(removes: list[str], said: str) -> None:
    answer = text.imported([taken(rule(name=f"{PREFIX}C"))], [], {}, None, removes)
    lines = [line for line in text.remarks(answer, 300) if "schedule file is whole" in line]
    assert (len(lines), said in "".join(lines)) == (bool(removes), True)


STATE: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::ecs:runTask.sync",
    "Parameters": {
        "LaunchType": "FARGATE",
        "PlatformVersion": "1.4.0",
        "Cluster": CLUSTER_ARN,
        "TaskDefinition": arn(1),
        "Group.$": "$$.Execution.Name",
        "NetworkConfiguration": {"AwsvpcConfiguration": NETWORK},
    },
    "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
    "End": True,
}
BY_COPILOT = rule().model_copy(
    update={"name": "shop-prod-report-Rule-1", "targets": ({"Id": "statemachine", "Arn": "arn:aws:states:::x"},)}
)


def of_machine(**changes: Any) -> job.Job:
    machine = {"TimeoutSeconds": 3600, "StartAt": "Run", "States": {"Run": STATE}, **changes}
    return copilot.job_of_machine(BY_COPILOT, APP, f"{PREFIX}report", json.dumps(machine))


def test_a_state_machine_of_copilot() -> None:
    """Its image has a repository of its own."""
    made = take(of_machine(), PLACE, other(container={"image": f"{REGISTRY}/shop/report:1", "command": SPAM}))
    assert made.entry == {
        "name": "report",
        "task": "spam_task",
        "rate": "5 minutes",
        "platform_version": "1.4.0",
        "watch": {"max_runtime": 3600},
    }
    assert [words.partition(" ")[0] for words in made.remarks] == ["starts", "is", "runs", "is"]
    assert made.remarks[0].endswith("\naws events disable-rule --name shop-prod-report-Rule-1")
    assert not made.in_place


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"States": {"Run": STATE, "Then": STATE}}, "does more than to start one ECS task"),
        ({"States": {}}, "does more than to start one ECS task"),
        ({"States": {"Run": STATE | {"Parameters": {"Cluster.$": "$.x"}}}}, "computes Cluster.$"),
    ],
    ids=["two states", "gone", "from its input"],
)
def test_another_state_machine_is_not_taken(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CannotTakeError, match=words.replace("$", r"\$")):
        of_machine(**changes)


FILE = """\
cluster: api
role: ecsEventsRole
rules:
- name: shop-hoge
  scheduleExpression: cron(0 0 * * ? *)
  taskDefinition: task1
  group: xxx
  launch_type: FARGATE
  network_configuration:
    aws_vpc_configuration: {subnets: [subnet-1], security_groups: [sg-1], assign_public_ip: ENABLED}
  containerOverrides:
  - name: worker
    command: [python, manage.py, argument]
    environment: {DEBUG: on, DAYS: 30, ALL: true}
  dead_letter_config: {sqs: queue1}
- name: shop-more
  scheduleExpression: rate(1 hour)
  disabled: true
  taskDefinition: task1:4
  containerOverrides: [{name: worker, command: [python, manage.py, more]}]
- name: shop-new
  scheduleExpression: rate(1 hour)
  taskDefinition: task2
  taskOverride: {cpu: 256}
"""


def typed(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["import", *arguments], prog_name="rota")


def test_a_file_of_ecschedule(tmp_path: Any) -> None:
    (tmp_path / "ecschedule.yaml").write_text(FILE)
    done = typed(str(tmp_path / "ecschedule.yaml"), "--json")
    answer = json.loads(done.stdout)
    assert answer["tasks"] == [
        {
            "name": "hoge",
            "task": "argument",
            "cron": "0 0 * * ? *",
            "environment": {"DEBUG": "on", "DAYS": "30", "ALL": "true"},
        },
        {"name": "more", "task": "more", "rate": "1 hour", "enabled": False},
    ]
    assert answer["parameters"] == {
        "ClusterName": "api",
        "TaskDefinitionFamily": "task1",
        "ContainerName": "worker",
        "StartCommand": "python manage.py",
        "RulePrefix": "shop-",
        "SubnetIds": "subnet-1",
        "SecurityGroupIds": "sg-1",
        "AssignPublicIp": "ENABLED",
        "FormerEventsRoleArns": "arn:aws:iam::ACCOUNT:role/ecsEventsRole",
    }
    assert [each["rule"] for each in answer["not_taken"]] == ["shop-new"]
    assert (done.exit_code, answer["remarks"]) == (1, [])


def test_what_a_rule_of_another_prefix_loses_is_said(tmp_path: Any) -> None:
    (tmp_path / "ecschedule.yaml").write_text(FILE)
    answer = json.loads(typed(str(tmp_path / "ecschedule.yaml"), "--rule-prefix", "app-", "--json").stdout)
    said = {each["rule"]: each["because"] for each in answer["remarks"]}
    assert [*said] == ["shop-hoge", "shop-more"]
    assert "The new rule's target lacks DeadLetterConfig, Group: set it there" in said["shop-hoge"]
    assert "lacks" not in said["shop-more"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {{ env `X` }}", "line 1: {{ env `X` }} is a template of ecschedule"),
        ("rules: []\na: '{{ env `X` }}'", "line 2: {{ env `X` }} is a template of ecschedule"),
        ("rules: [", "line 1, column 9: a bracket is not closed"),
        ("tasks: []", "it has no list of rules"),
    ],
    ids=["a template", "a template in quotes", "no YAML", "another file"],
)
def test_a_file_that_cannot_be_read(text: str, words: str, tmp_path: Any) -> None:
    (tmp_path / "a.yaml").write_text(text)
    done = typed(str(tmp_path / "a.yaml"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr


def test_every_entry_is_written_as_json_and_as_yaml() -> None:
    odd = {"name": "1e3", "command": ["sleep", "0o17", "on", "null", "~", "a: b", "ü", "", "\t"], "rate": "1 day"}
    tasks = [odd, *({"name": f"T{at}", **entry} for at, (_, _, entry) in enumerate(ENTRIES.values()))]
    for name in ("a.json", "a.yaml"):
        written = read(name, text_of(tasks, yaml=name == "a.yaml").encode())
        assert json.loads(written.json)["tasks"] == tasks
        assert find_problems(written.json, rule_prefix="", max_tasks=99) == ()


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["production__shop__Send_Mail", "production__shop__Send_Text"], "production__shop__"),
        (["shop-a", "shop-b"], "shop-"),
        (["shop-a"], "shop-"),
        (["shop-", "shop-a"], ""),
        (["shop-a-x", "shop-b-x"], "shop-"),
        (["shop-b-x", "shop-a-y", "shop-a-x"], "shop-"),
        ([f"{'x' * guess.LONGEST_PREFIX}-{each}" for each in "ab"], ""),
        (["a", "b"], ""),
        ([], ""),
    ],
)
def test_how_all_names_begin(names: list[str], prefix: str) -> None:
    assert guess.common_prefix(names) == prefix


WORKER = {"name": "worker", "command": ["work"]}


@pytest.mark.parametrize(
    ("overridden", "containers", "command"),
    [
        ([{"name": "app", "command": SPAM}], [CONTAINER | {"command": ["serve"]}], SPAM),
        ([{"name": "app", "environment": []}], [CONTAINER | {"command": ["serve"]}], ["serve"]),
        ([], [WORKER, CONTAINER | {"command": ["serve"]}], ["serve"]),
        ([], [WORKER], ["work"]),
        ([], [WORKER, WORKER | {"name": "more"}], []),
        ([], [CONTAINER], []),
        ([], None, []),
    ],
    ids=["overridden", "its variables are", "its own of two", "the only one", "none of two", "the image's", "gone"],
)
def test_what_a_job_runs_today(
    overridden: list[dict[str, Any]], containers: list[dict[str, Any]] | None, command: list[str]
) -> None:
    made = job.job_of_rule(rule(target={"Input": json.dumps({"containerOverrides": overridden})}), APP)
    definition = {"containerDefinitions": containers} if containers else None
    assert guess.command_of(made, definition, "app") == command


COMPARED: dict[str, tuple[str, Any]] = {
    "repository": ("RepositoryName", "shop"),
    "cluster": ("ClusterName", "prod"),
    "service": ("ServiceName", "api"),
    "family": ("TaskDefinitionFamily", "shop"),
    "container": ("ContainerName", "web"),
    "start_command": ("StartCommand", ("python", "manage.py")),
    "rule_prefix": ("RulePrefix", "shop__"),
    "subnets": ("SubnetIds", ("subnet-1", "subnet-2")),
    "security_groups": ("SecurityGroupIds", ("sg-1",)),
    "assign_public_ip": ("AssignPublicIp", "ENABLED"),
    "platform_version": ("PlatformVersion", "1.4.0"),
    "events_role_arn": ("EventsRoleArn", f"{ROLE}/events"),
    "former_events_role_arns": ("FormerEventsRoleArns", (f"{ROLE}/old", f"{ROLE}/older")),
    "task_role_arns": ("TaskRoleArns", (f"{ROLE}/task",)),
    "task_networks": ("TaskNetworks", "any"),
    "events_role_allows": ("EventsRoleAllows", ("tags", "exec")),
    "secrets_allowed": ("SecretsAllowed", (KEY,)),
}


def test_a_job_is_compared_with_what_the_parameters_say() -> None:
    given = {
        name: (" " if name == "StartCommand" else ",").join(value) if isinstance(value, tuple) else value
        for name, value in COMPARED.values()
    }
    found = gather.place_of(given, PLACE.base)
    assert {field: getattr(found.settings, field) for field in COMPARED} == {
        field: value for field, (_, value) in COMPARED.items()
    }


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ([["a", "b", "x"], ["a", "b", "y"], ["c"]], ("a", "b")),
        ([["a", "x"]], ()),
        ([["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"], ["b", "z"]], ("b",)),
        ([["b", "x"], ["b", "y"], ["a", "x"], ["a", "y"]], ("a",)),
        ([["a", "b"], ["a", "b", "x"]], ("a", "b")),
        ([["a 'b", "x"], ["a 'b", "y"]], ()),
        ([["a", "b'", "x"], ["a", "b'", "y"]], ()),
        ([["a", "--x"], ["a", "--y"]], ()),
    ],
    ids=[
        *("two of three", "one", "three of five", "two and two", "one more word", "quotes", "quotes in one word"),
        "options",
    ],
)
def test_how_most_commands_begin(commands: list[list[str]], words: tuple[str, ...]) -> None:
    assert guess.start_command(commands) == words
