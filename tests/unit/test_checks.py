"""The checks before the first write."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.errors import SHORT_SERVICE_ARN
from rota.plan.checks import (
    LONGEST_ROLLOUT,
    problems_of_actions,
    problems_of_capacity_providers,
    problems_of_deriving_revisions,
    problems_of_events_role,
    problems_of_execute_command,
    problems_of_kept_rights,
    problems_of_networks,
    problems_of_past_times,
    problems_of_platform,
    problems_of_published_ports,
    problems_of_roles,
    problems_of_secrets,
    problems_of_service,
    problems_of_starting_tasks,
    problems_of_task_roles,
    problems_of_task_tags,
)
from rota.schedules import backend
from rota.schedules.eventbridge_scheduler.schedule import SchedulerSchedule
from tests.guestbook import APP_CONTAINER, AS_THE_BASE, CLUSTER_ARN, CONTENT, SETTINGS, SIDECAR, arn, definition, task
from tests.template import TEMPLATE

SERVICE_ARN = "arn:aws:ecs:us-east-1:123456789012:service"
SERVICE: dict[str, Any] = {
    "status": "ACTIVE",
    "serviceArn": f"{SERVICE_ARN}/production/guestbook-api",
    "taskDefinition": arn(4),
    "deploymentController": {"type": "ECS"},
}
TWO_WEEKS = {
    "targetType": "PAUSE",
    "lifecycleStages": ["POST_SCALE_UP"],
    "timeoutConfiguration": {"timeoutInMinutes": 20_160},
}


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        pytest.param({}, [], id="fits"),
        pytest.param({"deploymentController": {}}, [], id="without a controller"),
        pytest.param(
            {"status": "DRAINING"},
            ["the service guestbook-api is DRAINING, so it was deleted; create it again, and let it start its tasks"],
            id="draining",
        ),
        pytest.param(
            {"deploymentController": {"type": "CODE_DEPLOY"}},
            [
                "the service guestbook-api is deployed by CODE_DEPLOY; "
                "Rota rolls services with the deployment controller ECS only: give it that one"
            ],
            id="CodeDeploy",
        ),
        pytest.param(
            {"deploymentController": {"type": "EXTERNAL"}},
            [
                "the service guestbook-api is deployed by EXTERNAL; "
                "Rota rolls services with the deployment controller ECS only: give it that one"
            ],
            id="an external controller",
        ),
        pytest.param(
            {"serviceArn": f"{SERVICE_ARN}/guestbook-api"},
            [f"the service guestbook-api has the ARN {SERVICE_ARN}/guestbook-api: {SHORT_SERVICE_ARN}"],
            id="an ARN from before 2021",
        ),
        pytest.param(
            {"taskDefinition": arn(4, "shop")},
            [
                "the service guestbook-api runs the task-definition family shop, "
                "but the parameter TaskDefinitionFamily says guestbook; correct that, or let the service run a "
                "revision of that family"
            ],
            id="another family",
        ),
        pytest.param(
            {"deploymentConfiguration": {"strategy": "CANARY", "bakeTimeInMinutes": 19}}, [], id="bakes for 29 minutes"
        ),
        pytest.param(
            {"deploymentConfiguration": {"strategy": "CANARY", "bakeTimeInMinutes": 20}},
            [
                "each rollout of the service guestbook-api bakes for 30 minutes (canaryBakeTimeInMinutes 10, "
                "bakeTimeInMinutes 20), and the parameter RolloutTimeoutMinutes says 30, so it would fail although it "
                "is healthy; set it to more than 30, with the time that the tasks take to start, or bake for less"
            ],
            id="bakes for as long as a rollout may take",
        ),
        pytest.param(
            {"deploymentConfiguration": {"strategy": "LINEAR", "linearConfiguration": {"stepBakeTimeInMinutes": 1440}}},
            [
                "each rollout of the service guestbook-api bakes for 12,960 minutes (9 times stepBakeTimeInMinutes "
                "1440), and the parameter RolloutTimeoutMinutes says 30, so it would fail although it is healthy; "
                "it is 2,880 at most, so bake for less"
            ],
            id="bakes for longer than any rollout may take",
        ),
        pytest.param({"deploymentConfiguration": {"lifecycleHooks": [TWO_WEEKS]}}, [], id="waits for two weeks"),
    ],
)
def test_a_service_that_cannot_be_deployed_to(changes: dict[str, Any], problems: list[str]) -> None:
    assert list(problems_of_service(SERVICE | changes, SETTINGS)) == problems  # type: ignore[arg-type]  # only what is read


@pytest.mark.parametrize(
    ("service", "parameter", "proposed", "more"),
    [
        pytest.param(
            {"deploymentConfiguration": {"strategy": "CANARY", "bakeTimeInMinutes": 20}},
            "rollout_timeout_minutes",
            r"set it to more than ([\d,]+)",
            1,
            id="a limit that a bake passes",
        ),
        pytest.param(
            {"deploymentConfiguration": {"lifecycleHooks": [TWO_WEEKS]}},
            "history_days",
            r"set it to (\d+) or more",
            0,
            id="days that a wait passes",
        ),
        pytest.param(
            {"loadBalancers": [{"containerName": "app", "containerPort": 8080}]},
            "api_port",
            r"set ApiPort to base or to (\d+)",
            0,
            id="a load balancer's port",
        ),
    ],
)
def test_a_parameter_that_is_proposed_is_right(
    service: dict[str, Any], parameter: str, proposed: str, more: int
) -> None:
    settings = SETTINGS.model_copy(update={"history_days": 1})
    found = " ".join(problems_of_service(SERVICE | service, settings))  # type: ignore[arg-type]  # only what is read
    (number,) = re.findall(proposed, found)
    settings = settings.model_copy(update={parameter: int(number.replace(",", "")) + more})
    left = " ".join(problems_of_service(SERVICE | service, settings))  # type: ignore[arg-type]  # only what is read
    assert re.findall(proposed, left) == []


def test_what_a_restore_needs_is_kept_while_ecs_waits() -> None:
    settings = SETTINGS.model_copy(update={"history_days": 14})
    service: Any = SERVICE | {"deploymentConfiguration": {"lifecycleHooks": [TWO_WEEKS]}}
    assert list(problems_of_service(service, settings)) == [
        "a rollout of the service guestbook-api may wait for a person for 20,160 minutes (POST_SCALE_UP), and the "
        "parameter HistoryDays keeps what a restore needs for 14 days; set it to 15 or more"
    ]


def test_the_longest_rollout_is_the_templates() -> None:
    parameter = TEMPLATE["Parameters"]["RolloutTimeoutMinutes"]
    assert parameter["MaxValue"] == LONGEST_ROLLOUT


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        pytest.param({}, [], id="fits"),
        pytest.param(
            {"containerDefinitions": [APP_CONTAINER | {"name": "web"}, SIDECAR]},
            [
                "the task definition guestbook:1 has no container app, which the parameter ContainerName names; "
                "it has web, metrics: set ContainerName to the one that runs the jobs"
            ],
            id="no such container",
        ),
        pytest.param(
            {"taskRoleArn": "arn:aws:iam::123456789012:role/other"},
            [
                "the task definition guestbook:1 names the role arn:aws:iam::123456789012:role/other, "
                "which the parameter TaskRoleArns does not list; list it there too"
            ],
            id="a role that Rota may not pass",
        ),
        pytest.param({"taskRoleArn": None}, [], id="no task role"),
        pytest.param(
            {"networkMode": "bridge"},
            ["the task definition guestbook:1 has the network mode bridge, Fargate needs awsvpc: register one with it"],
            id="network mode",
        ),
        pytest.param(
            {"cpu": None},
            [
                "the task definition guestbook:1 does not set cpu and memory of the whole task, which Fargate needs: "
                "register a revision with both"
            ],
            id="no size",
        ),
        pytest.param(
            {"memory": None},
            [
                "the task definition guestbook:1 does not set cpu and memory of the whole task, which Fargate needs: "
                "register a revision with both"
            ],
            id="no memory",
        ),
    ],
)
def test_a_definition_that_cannot_be_derived_from(changes: dict[str, Any], problems: list[str]) -> None:
    content = {key: value for key, value in (CONTENT | changes).items() if value is not None}
    assert list(problems_of_deriving_revisions(definition(content), SETTINGS)) == problems


@pytest.mark.parametrize(
    ("container", "named"),
    [
        pytest.param(
            APP_CONTAINER | {"environment": [{"name": "ROTA_TASK", "value": "x"}]}, "ROTA_TASK", id="a variable"
        ),
        pytest.param(
            APP_CONTAINER | {"secrets": [{"name": "ROTA_SCHEDULED_AT", "valueFrom": "x"}]},
            "ROTA_SCHEDULED_AT",
            id="a secret",
        ),
        pytest.param(
            APP_CONTAINER
            | {"environment": [{"name": name, "value": ""} for name in ("ROTA_SCHEDULED_AT", "ROTA_TASK")]},
            "ROTA_TASK and ROTA_SCHEDULED_AT",
            id="both",
        ),
        pytest.param(APP_CONTAINER, None, id="neither"),
    ],
)
def test_rotas_own_variables_are_no_others(container: dict[str, Any], named: str | None) -> None:
    sidecar = SIDECAR | {"environment": [{"name": "ROTA_TASK", "value": "x"}]}
    base = definition(CONTENT | {"containerDefinitions": [container, sidecar]})
    problem = (
        f"the container app of the task definition guestbook:1 has {named}, which Rota sets itself in each job; "
        "register a revision in which it has another name"
    )
    assert list(problems_of_deriving_revisions(base, SETTINGS)) == ([problem] if named else [])


@pytest.mark.parametrize(
    ("compatibilities", "changes", "problems"),
    [
        pytest.param(("EC2", "FARGATE"), {}, [], id="Fargate too"),
        pytest.param(None, {}, [], id="not known"),
        pytest.param(
            ("EC2",),
            {},
            [
                "the task definition guestbook:1 cannot run on Fargate, only on EC2, and jobs run on Fargate, whatever "
                "capacity provider the service has; register one with requiresCompatibilities FARGATE, and ECS will "
                "name the reason"
            ],
            id="EC2 alone",
        ),
        pytest.param(
            ("EC2",),
            {"cpu": None},
            [
                "the task definition guestbook:1 does not set cpu and memory of the whole task, which Fargate needs: "
                "register a revision with both"
            ],
            id="without a size",
        ),
        pytest.param(
            ("EC2", "EXTERNAL"),
            {"networkMode": "bridge"},
            ["the task definition guestbook:1 has the network mode bridge, Fargate needs awsvpc: register one with it"],
            id="for a reason with its own problem",
        ),
    ],
)
def test_the_base_must_be_able_to_run_on_fargate(
    compatibilities: tuple[str, ...] | None, changes: dict[str, Any], problems: list[str]
) -> None:
    base = definition(CONTENT | changes).model_copy(update={"compatibilities": compatibilities})
    assert list(problems_of_deriving_revisions(base, SETTINGS)) == problems


TOO_MANY = {"subnets": ("subnet-1",) * 17, "security_groups": ("sg-1",) * 6}
AT_LAUNCH = {"volumes": [{"name": "scratch", "host": {}}, {"name": "data", "configuredAtLaunch": True}]}


@pytest.mark.parametrize(
    ("settings", "content", "problems"),
    [
        pytest.param({"subnets": ("s",) * 16, "security_groups": ("g",) * 5}, {}, [], id="as many as ECS takes"),
        pytest.param(
            TOO_MANY,
            {},
            [
                "the parameter SubnetIds names 17, and ECS takes 16 at most, so no scheduled task could start; take "
                "some of them out",
                "the parameter SecurityGroupIds names 6, and ECS takes 5 at most, so no scheduled task could start; "
                "take some of them out",
            ],
            id="one more of each",
        ),
        pytest.param(
            {},
            AT_LAUNCH,
            [
                "the task definition guestbook:1 has volumes that are configured at launch, data, which EventBridge "
                "cannot do, so no scheduled task could start; use volumes of another kind, such as EFS"
            ],
            id="a volume that RunTask would have to configure",
        ),
        pytest.param({}, {"volumes": [{"name": "data", "configuredAtLaunch": False}]}, [], id="a volume that is not"),
    ],
)
def test_settings_with_which_no_task_could_start(
    settings: dict[str, Any], content: dict[str, Any], problems: list[str]
) -> None:
    given = SETTINGS.model_copy(update=settings)
    assert list(problems_of_starting_tasks(definition(CONTENT | content), given, [task()])) == problems


def test_without_tasks_there_is_nothing_to_start() -> None:
    assert (
        list(problems_of_starting_tasks(definition(CONTENT | AT_LAUNCH), SETTINGS.model_copy(update=TOO_MANY), []))
        == []
    )


AMBIGUOUS = (
    "no port mapping of app in the task definition guestbook:1 has the port 8000, which the parameter ApiPort names, "
    "and Rota cannot know which mapping is the API's; map 8000 there, or set ApiPort to the API's port, or to base, "
    "which leaves the mappings as they are"
)


@pytest.mark.parametrize(
    ("mappings", "problems"),
    [
        pytest.param([], [], id="none"),
        pytest.param([{"containerPort": 3000}], [], id="one, which becomes the API's"),
        pytest.param([{"containerPort": 9090}, {"containerPort": 8000}], [], id="the API's among others"),
        pytest.param([{"containerPortRange": "9000-9010"}, {"containerPort": 8000}], [], id="the API's beside a range"),
        pytest.param([{"containerPort": 9090}, {"containerPort": 3000}], [AMBIGUOUS], id="others"),
        pytest.param([{"containerPortRange": "9000-9010"}], [AMBIGUOUS], id="a range"),
    ],
)
def test_the_apis_port_must_be_unambiguous(mappings: list[dict[str, Any]], problems: list[str]) -> None:
    content = CONTENT | {"containerDefinitions": [APP_CONTAINER | {"portMappings": mappings}, SIDECAR]}
    assert list(problems_of_deriving_revisions(definition(content), SETTINGS)) == problems
    assert list(problems_of_deriving_revisions(definition(content), AS_THE_BASE)) == []


@pytest.mark.parametrize(
    ("tags", "problems"),
    [
        pytest.param(45, [], id="space for Rota's"),
        pytest.param(
            46,
            [
                "the task definition guestbook:1 has 46 tags; Rota adds 5, and ECS allows 50: register a revision with "
                "45 at most"
            ],
            id="too many",
        ),
    ],
)
def test_a_definition_with_too_many_tags(tags: int, problems: list[str]) -> None:
    assert (
        list(problems_of_deriving_revisions(definition(tags={f"tag-{n}": "x" for n in range(tags)}), SETTINGS))
        == problems
    )


@pytest.mark.parametrize(
    ("attached", "problems"),
    [
        pytest.param({"containerName": "app", "containerPort": 8000}, [], id="the API's port"),
        pytest.param({"containerName": "metrics", "containerPort": 9090}, [], id="another container's"),
        pytest.param(
            {"containerName": "app", "containerPort": 8080},
            [
                "the service guestbook-api is reached at port 8080 of app, but the parameter ApiPort says 8000; set "
                "ApiPort to base or to 8080"
            ],
            id="another port",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["loadBalancers", "serviceRegistries"])
def test_callers_must_reach_the_api(kind: str, attached: dict[str, Any], problems: list[str]) -> None:
    assert list(problems_of_service({**SERVICE, kind: [attached]}, SETTINGS)) == problems  # type: ignore[typeddict-item]  # what is read of it
    assert list(problems_of_service({**SERVICE, kind: [attached]}, AS_THE_BASE)) == []  # type: ignore[typeddict-item]  # what is read of it


CONNECT = {"enabled": True, "services": [{"portName": "web"}]}
LATTICE = [{"portName": "web", "roleArn": "r", "targetGroupArn": "t"}]
PUBLISHED = (
    "the service guestbook-api is reached at port 3000 of app by {}, as web, but the parameter ApiPort says 8000; set "
    "ApiPort to base or to 3000"
)


@pytest.mark.parametrize(
    ("published", "port", "settings", "problems"),
    [
        pytest.param({}, 3000, SETTINGS, [], id="nothing"),
        pytest.param({"serviceConnectConfiguration": CONNECT}, 8000, SETTINGS, [], id="the API's port"),
        pytest.param({"serviceConnectConfiguration": CONNECT}, 3000, AS_THE_BASE, [], id="the base's port"),
        pytest.param(
            {"serviceConnectConfiguration": CONNECT},
            3000,
            SETTINGS,
            [PUBLISHED.format("Service Connect")],
            id="Service Connect",
        ),
        pytest.param(
            {"serviceConnectConfiguration": CONNECT | {"services": [{"portName": "admin"}]}},
            3000,
            SETTINGS,
            [],
            id="another mapping",
        ),
        pytest.param({"serviceConnectConfiguration": CONNECT | {"enabled": False}}, 3000, SETTINGS, [], id="off"),
        pytest.param({"serviceConnectConfiguration": {"enabled": True}}, 3000, SETTINGS, [], id="a client only"),
        pytest.param(
            {"vpcLatticeConfigurations": LATTICE}, 3000, SETTINGS, [PUBLISHED.format("VPC Lattice")], id="VPC Lattice"
        ),
        pytest.param({"status": "ACTIVE", "serviceConnectConfiguration": CONNECT}, 3000, SETTINGS, [], id="no longer"),
        pytest.param({"serviceConnectConfiguration": CONNECT}, None, SETTINGS, [], id="a range"),
    ],
)
def test_ports_published_by_name_must_be_the_apis(
    published: dict[str, Any], port: int | None, settings: Any, problems: list[str]
) -> None:
    description: Any = SERVICE | {"deployments": [{"status": "PRIMARY"} | published]}
    mapped = {"containerPort": port} if port else {"containerPortRange": "3000-3010"}
    app = APP_CONTAINER | {"portMappings": [{"name": "web", **mapped}]}
    base = definition(CONTENT | {"containerDefinitions": [app, SIDECAR]})
    assert list(problems_of_published_ports(description, base, settings)) == problems


def test_each_role_that_rota_may_not_pass_is_a_problem() -> None:
    """Also of the revision that the service runs: a restore rolls the service back to it."""
    settings = SETTINGS.model_copy(update={"task_role_arns": (CONTENT["taskRoleArn"],)})
    assert list(problems_of_task_roles(definition(revision=4), settings)) == [
        f"the task definition guestbook:4 names the role {CONTENT['executionRoleArn']}, "
        "which the parameter TaskRoleArns does not list; list it there too"
    ]


SKIPS, CATCHES_UP = {"overlap": "skip"}, {"catch_up": "missed"}
BOTH = {"overlap": "replace", "catch_up": "both"}


@pytest.mark.parametrize(
    ("parameters", "keys", "problems"),
    [
        pytest.param({}, {"watch": {"max_runtime": 60}}, [], id="max_runtime is reported without a right"),
        pytest.param({}, {"overlap": "allow", "catch_up": False}, [], id="nothing to do"),
        pytest.param({"run_actions": "both"}, BOTH, [], id="both"),
        pytest.param({"run_actions": "stop"}, SKIPS, [], id="stop"),
        pytest.param({"run_actions": "start"}, CATCHES_UP, [], id="start"),
        pytest.param(
            {},
            SKIPS,
            [
                'tasks[1].overlap: "skip" has Rota stop runs, and the parameter RunActions is none; have the operator '
                'set RunActions to stop, or write "allow"'
            ],
            id="none",
        ),
        pytest.param(
            {"run_actions": "stop"},
            BOTH,
            [
                'tasks[1].catch_up: "both" has Rota start runs, and the parameter RunActions is stop; have the '
                "operator set RunActions to both, or write false"
            ],
            id="one of two",
        ),
        pytest.param(
            {},
            BOTH,
            [
                'tasks[1].overlap: "replace" has Rota stop runs, and the parameter RunActions is none; have the '
                'operator set RunActions to both, or write "allow"',
                'tasks[1].catch_up: "both" has Rota start runs, and the parameter RunActions is none; as above, or '
                "write false",
            ],
            id="one value for two keys",
        ),
        pytest.param(
            {"run_actions": "both", "watch_runs": False},
            CATCHES_UP,
            [
                'tasks[1].catch_up: "missed" has Rota start runs, and the parameter WatchRuns is false; have the '
                "operator set WatchRuns to true and RunActions to both, or write false"
            ],
            id="nobody watches",
        ),
    ],
)
def test_a_key_that_acts_needs_the_parameter(
    parameters: dict[str, Any], keys: dict[str, Any], problems: list[str]
) -> None:
    settings = SETTINGS.model_copy(update=parameters)
    assert list(problems_of_actions(settings, [task("Other"), task(**keys)])) == problems


@pytest.mark.parametrize(
    ("time", "keys", "known", "refused"),
    [
        pytest.param("2026-12-01T12:09:00", {}, None, True, id="too near"),
        pytest.param("2026-12-01T12:10:00", {}, None, True, id="just too near"),
        pytest.param("2026-12-01T12:11:00", {}, None, False, id="in time"),
        pytest.param("2026-11-01T13:00:00", {}, None, True, id="past"),
        pytest.param("2026-11-01T13:00:00", {"enabled": False}, None, False, id="not enabled"),
        pytest.param("2026-11-01T13:00:00", {}, "at(2026-11-01T13:00:00)", False, id="it has run"),
        pytest.param("2026-11-01T13:00:00", {}, "at(2026-11-01T14:00:00)", True, id="changed"),
        pytest.param(
            "2026-11-01T13:00:00", {"timezone": "UTC"}, "at(2026-11-01T13:00:00)", False, id="it has run, in its zone"
        ),
    ],
)
def test_a_time_that_is_past(time: str, keys: dict[str, Any], known: str | None, refused: bool) -> None:
    once = task("Once", at=time, **keys)
    name = backend.name_of(once, SETTINGS)
    there = {name: SchedulerSchedule(name=name, members={"ScheduleExpression": known})} if known else {}
    found = list(problems_of_past_times(SETTINGS, [task(), once], there, datetime(2026, 12, 1, 12, tzinfo=UTC)))
    assert found == refused * [
        f"tasks[1].at: {time} in UTC is past, or less than 10 minutes ahead, when the schedule may not be made yet; "
        "write a later time, or take the task out"
    ]


def test_capacity_providers_that_the_cluster_does_not_have() -> None:
    tasks = [task(), task(capacity_provider="FARGATE"), task(capacity_provider={"FARGATE": 1, "FARGATE_SPOT": 2})]
    assert list(problems_of_capacity_providers(SETTINGS, tasks, ["FARGATE", "FARGATE_SPOT", "machines"])) == []
    assert list(problems_of_capacity_providers(SETTINGS, tasks, ["FARGATE"])) == [
        "tasks[2].capacity_provider: the cluster production does not have FARGATE_SPOT; have the operator add that "
        "with aws ecs put-cluster-capacity-providers, beside those that it has, or leave the key out"
    ]


VPCS = {**dict.fromkeys((*SETTINGS.subnets, *SETTINGS.security_groups, "subnet-8"), "vpc-1"), "subnet-9": "vpc-2"}


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        pytest.param({}, [], id="the stack's"),
        pytest.param({"subnets": ["subnet-8"], "assign_public_ip": True}, [], id="in the same VPC"),
        pytest.param(
            {"subnets": ["subnet-8", "subnet-7"], "security_groups": ["sg-7"]},
            [
                "tasks[0].subnets: subnet-7 is not in this account and Region; correct it",
                "tasks[0].security_groups: sg-7 is not in this account and Region; correct it",
            ],
            id="not there",
        ),
        pytest.param(
            {"subnets": ["subnet-9"]},
            [
                "tasks[0]: its subnets and security groups are in different VPCs, "
                f"{SETTINGS.security_groups[-1]} in vpc-1, subnet-9 in vpc-2; name subnets and "
                "security_groups of one VPC"
            ],
            id="in two VPCs",
        ),
    ],
)
def test_networks_in_which_no_task_starts(keys: dict[str, Any], problems: list[str]) -> None:
    takes_any = SETTINGS.model_copy(update={"task_networks": "any"})
    assert list(problems_of_networks(takes_any, [task(**keys)], VPCS)) == problems


def test_a_network_that_the_stack_does_not_take() -> None:
    assert list(
        problems_of_networks(SETTINGS, [task(), task(assign_public_ip=False), task(assign_public_ip=True)], {})
    ) == [
        "tasks[1].assign_public_ip: the parameter TaskNetworks is stack, so every task runs in the stack's network; "
        "have the operator set TaskNetworks to any, or leave the key out",
        "tasks[2].assign_public_ip: the parameter TaskNetworks is stack, so every task runs in the stack's network; "
        "as above, or leave the key out",
    ]


MAY_NOT = "the parameter EventsRoleAllows does not say that the role of EventBridge may"


@pytest.mark.parametrize(
    ("keys", "allows", "problems"),
    [
        pytest.param({"tags": {}, "propagate_tags": False, "enable_execute_command": False}, (), [], id="asks nothing"),
        pytest.param(
            {"tags": {"a": "1"}, "propagate_tags": True, "enable_execute_command": True},
            (),
            [
                f"tasks[0].tags: {MAY_NOT} tag the tasks that it starts; have the operator add tags, or leave the key "
                "out",
                f"tasks[0].propagate_tags: {MAY_NOT} tag the tasks that it starts; as above, or leave the key out",
                f"tasks[0].enable_execute_command: {MAY_NOT} start tasks with ECS Exec; have the operator add exec, or "
                "leave the key out",
            ],
            id="neither",
        ),
        pytest.param({"tags": {"a": "1"}, "propagate_tags": True}, ("tags",), [], id="tags"),
        pytest.param({"enable_execute_command": True}, ("exec",), [], id="exec"),
    ],
)
def test_what_the_role_of_eventbridge_may(keys: dict[str, Any], allows: tuple[str, ...], problems: list[str]) -> None:
    settings = SETTINGS.model_copy(update={"events_role_allows": allows})
    assert list(problems_of_events_role(settings, [task(**keys)])) == problems


def test_what_a_target_keeps_the_role_must_be_allowed() -> None:
    kept = {"Tags": "tags", "EnableExecuteCommand": "exec"}
    allows = SETTINGS.model_copy(update={"events_role_allows": ("exec",)})
    assert list(problems_of_kept_rights(allows, task(), kept)) == [
        f"the target of IngestData has Tags: {MAY_NOT} tag the tasks that it starts; add tags, or put the target "
        "without it"
    ]


ROLE = "arn:aws:iam::123456789012:role/report"


def test_ecs_exec_needs_a_task_role() -> None:
    without = {key: value for key, value in CONTENT.items() if key != "taskRoleArn"}
    exec_ = [task(), task(enable_execute_command=True)]
    assert list(problems_of_execute_command(definition(), exec_)) == []
    assert list(problems_of_execute_command(definition(without), [task(enable_execute_command=True, role=ROLE)])) == []
    assert list(problems_of_execute_command(definition(without), exec_)) == [
        "tasks[1].enable_execute_command: ECS Exec needs a task role, and the task definition guestbook:1 has none; "
        "give the task a role, or leave the key out"
    ]


def test_a_run_has_fifty_tags_at_most() -> None:
    base = definition(tags={f"b{number}": "" for number in range(40)})
    tagged = {f"t{number}": "" for number in range(6)}
    fifty = task(tags={"t0": "", "t1": "", "t2": "", "t3": "", "t4": "", "b0": "x"}, propagate_tags=True)
    assert list(problems_of_task_tags(base, SETTINGS, [task(tags=tagged), task(propagate_tags=True), fifty])) == []
    assert list(problems_of_task_tags(base, SETTINGS, [task(tags=tagged, propagate_tags=True)])) == [
        "tasks[0].propagate_tags: with those of its revision a run would have 51 tags, and ECS takes 50; leave some out"
    ]


def test_scheduler_takes_no_tag_without_a_value() -> None:
    tagged = [task(), task(tags={"cost": "42", "team": ""})]
    assert list(problems_of_task_tags(definition(), SETTINGS, tagged)) == []
    there = SETTINGS.model_copy(update={"schedules_in": "scheduler"})
    assert list(problems_of_task_tags(definition(), there, tagged)) == [
        'tasks[1].tags: "team" has no value, which EventBridge Scheduler does not take; write one, or leave it out'
    ]


def test_the_role_of_a_task_is_one_that_may_be_passed() -> None:
    allows = SETTINGS.model_copy(update={"task_role_arns": (ROLE,)})
    assert list(problems_of_roles(allows, [task(role=ROLE)])) == []
    assert list(problems_of_roles(SETTINGS, [task(), task(role=ROLE)])) == [
        f"tasks[1].role: the parameter TaskRoleArns does not list {ROLE}; have the operator add it, or name one "
        "that it lists"
    ]


@pytest.mark.parametrize(
    ("version", "keys", "refused"),
    [
        ("LATEST", {"ephemeral_storage": 50}, False),
        ("1.3.0", {"ephemeral_storage": 50}, True),
        ("1.3.0", {"ephemeral_storage": 50, "platform_version": "1.4.0"}, False),
        ("1.4.0", {"ephemeral_storage": 50}, False),
        ("1.3.0", {}, False),
    ],
)
def test_a_larger_disk_needs_a_platform_version(version: str, keys: dict[str, Any], refused: bool) -> None:
    settings = SETTINGS.model_copy(update={"platform_version": version})
    assert list(problems_of_platform(definition(), settings, [task(), task(**keys)])) == refused * [
        f"tasks[1].ephemeral_storage: Fargate's platform version {version} cannot do that; write "
        '"platform_version": "LATEST", or leave the key out'
    ]


def test_windows_does_not_run_on_spot() -> None:
    windows = definition(CONTENT | {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}})
    keys: dict[str, Any] = {"ephemeral_storage": 50, "platform_version": "1.0.0"}
    on_spot = task(capacity_provider="FARGATE_SPOT", **keys)
    assert list(problems_of_platform(windows, SETTINGS, [task(), task(capacity_provider="FARGATE", **keys)])) == []
    assert list(problems_of_platform(definition(), SETTINGS, [task(capacity_provider="FARGATE_SPOT")])) == []
    assert list(problems_of_platform(windows, SETTINGS, [on_spot])) == [
        "tasks[0].capacity_provider: the task definition guestbook:1 runs on Windows, and FARGATE_SPOT does not; leave "
        "it out"
    ]


OF_SSM, OF_MANAGER = (f"arn:aws:{each}:us-east-1:123456789012:" for each in ("ssm", "secretsmanager"))
NAMED = {"B": f"{OF_MANAGER}secret:shop/b-AbCdEf:key::", "A": "/shop/a"}


@pytest.mark.parametrize(
    ("allowed", "missing", "content", "problems"),
    [
        pytest.param((f"{OF_SSM}parameter/shop/?", f"{OF_MANAGER}secret:shop/*"), [], CONTENT, [], id="in order"),
        pytest.param(
            (f"{OF_SSM}parameter/other/*",),
            [],
            CONTENT,
            [
                "tasks[1].secrets: the parameter SecretsAllowed has no pattern for what A, B name; have the operator "
                f"add {OF_SSM}parameter/shop/a, {OF_MANAGER}secret:shop/b-AbCdEf, or name a secret that it allows"
            ],
            id="not allowed",
        ),
        pytest.param(
            (f"{OF_SSM}parameter/shop/*",),
            [],
            CONTENT,
            [
                "tasks[1].secrets: the parameter SecretsAllowed has no pattern for what B names; have the operator "
                f"add {OF_MANAGER}secret:shop/b-AbCdEf, or name a secret that it allows"
            ],
            id="one is not allowed",
        ),
        pytest.param(
            ("*",),
            [f"{OF_SSM}parameter/shop/a", f"{OF_MANAGER}secret:shop/b-AbCdEf"],
            {key: value for key, value in CONTENT.items() if key != "executionRoleArn"},
            [
                "tasks[1].secrets.A: there is no such secret, or it is being deleted; correct its name",
                "tasks[1].secrets.B: there is no such secret, or it is being deleted; correct its name",
                "tasks[1].secrets: ECS reads secrets with the execution role, and the task definition guestbook:1 has "
                "none; register a revision with executionRoleArn",
            ],
            id="not there",
        ),
    ],
)
def test_the_secrets_of_a_task(
    allowed: tuple[str, ...], missing: list[str], content: dict[str, Any], problems: list[str]
) -> None:
    settings = SETTINGS.model_copy(update={"secrets_allowed": allowed})
    tasks = [task(), task(secrets=NAMED)]
    assert list(problems_of_secrets(settings, definition(content), tasks, CLUSTER_ARN, missing)) == problems
