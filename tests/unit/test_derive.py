"""What is derived from the base: the API's revision, a task's revision, or a task's overrides."""

import copy
import json
from typing import Any

import pytest

from rota.ecs import images
from rota.ecs.derive import derive_content, target_overrides
from rota.schedule_file.task import Task
from rota.settings import Settings
from tests.guestbook import (
    APP_CONTAINER,
    AS_THE_BASE,
    CONTENT,
    DIGEST,
    IMAGE_URI,
    REPOSITORY_URI,
    SETTINGS,
    SHARED,
    SIDECAR,
    definition,
    task,
)

TASKS = [
    pytest.param(None, id="API"),
    pytest.param(task(), id="plain task"),
    pytest.param(task(command=["python", "-m", "app.report"]), id="task with a command"),
    pytest.param(task(cpu=512, memory=1024, environment={"LOG_LEVEL": "debug", "ADMIN_TOKEN": "x"}), id="full task"),
]


def derived(task_: Task | None, content: dict[str, Any] = CONTENT, settings: Any = SETTINGS) -> dict[str, Any]:
    return derive_content(definition(content), settings, IMAGE_URI, task_)


def container(task_: Task | None, content: dict[str, Any] = CONTENT, settings: Any = SETTINGS) -> dict[str, Any]:
    (found,) = (c for c in derived(task_, content, settings)["containerDefinitions"] if c["name"] == "app")
    return dict(found)


def with_app(**changes: Any) -> dict[str, Any]:
    return CONTENT | {"containerDefinitions": [APP_CONTAINER | changes, SIDECAR]}


@pytest.mark.parametrize("task_", TASKS)
def test_only_the_apps_container_changes(task_: Task | None) -> None:
    content = derived(task_)
    sizes = {"cpu", "memory"} if task_ and task_.cpu else set()
    untouched = CONTENT.keys() - {"containerDefinitions"} - sizes
    assert {key: content[key] for key in untouched} == {key: CONTENT[key] for key in untouched}
    assert content["containerDefinitions"][1] == SIDECAR


def test_the_base_is_not_changed() -> None:
    before = copy.deepcopy(CONTENT)
    derived(task(environment={"ADMIN_TOKEN": "x"}, memory=1024))
    assert before == CONTENT


@pytest.mark.parametrize("task_", TASKS)
def test_unknown_fields_are_kept(task_: Task | None) -> None:
    content = derived(task_, with_app(futureField={"a": [1]}) | {"alsoFromTheFuture": True})
    assert content["alsoFromTheFuture"] is True
    assert content["containerDefinitions"][0]["futureField"] == {"a": [1]}


@pytest.mark.parametrize("task_", TASKS)
def test_deriving_again_changes_nothing(task_: Task | None) -> None:
    once = derived(task_)
    assert derived(task_, once) == once


@pytest.mark.parametrize("task_", TASKS)
def test_the_image_is_the_pushed_one(task_: Task | None) -> None:
    assert container(task_)["image"] == IMAGE_URI


OLD = f"{REPOSITORY_URI}@sha256:{'0d' * 32}"
DUAL_STACK = "123456789012.dkr-ecr.us-east-1.on.aws/guestbook"


@pytest.mark.parametrize("task_", TASKS)
@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(f"{REPOSITORY_URI}:initial", IMAGE_URI, id="a tag"),
        pytest.param(REPOSITORY_URI, IMAGE_URI, id="no tag"),
        pytest.param(OLD, IMAGE_URI, id="a digest"),
        pytest.param(OLD.replace("@", ":v1@"), IMAGE_URI, id="both"),
        pytest.param(f"{DUAL_STACK}:v1", f"{DUAL_STACK}@{DIGEST}", id="another endpoint of the registry"),
        pytest.param(f"{REPOSITORY_URI}/worker:v1", f"{REPOSITORY_URI}/worker:v1", id="another repository"),
        pytest.param(f"{REPOSITORY_URI}-web:v1", f"{REPOSITORY_URI}-web:v1", id="a repository that begins alike"),
        pytest.param(OLD.replace("us-east-1", "eu-west-1"), OLD.replace("us-east-1", "eu-west-1"), id="another Region"),
        pytest.param(OLD.replace("1234", "9999"), OLD.replace("1234", "9999"), id="another account"),
        pytest.param("localhost:5000/guestbook", "localhost:5000/guestbook", id="a registry with a port"),
        pytest.param("guestbook:3", "guestbook:3", id="another registry"),
    ],
)
def test_every_container_of_the_repository_gets_the_image(task_: Task | None, image: str, expected: str) -> None:
    other = {"name": "migrate", "image": image, "essential": False}
    waiting = APP_CONTAINER | {"dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}]}
    found = derived(task_, CONTENT | {"containerDefinitions": [other, waiting]})["containerDefinitions"]
    assert {each["name"]: each["image"] for each in found} == {"migrate": expected, "app": IMAGE_URI}


def test_the_apps_container_may_be_of_another_repository() -> None:
    assert container(None, with_app(image="shop:1"))["image"] == IMAGE_URI


@pytest.mark.parametrize(
    "container_",
    [
        pytest.param({"command": ["gunicorn", "shop"], "portMappings": [{"containerPort": 3000}]}, id="its own"),
        pytest.param({"command": [], "portMappings": []}, id="empty"),
        pytest.param({"portMappings": [{"containerPort": 80}, {"containerPortRange": "1-9"}]}, id="several ports"),
    ],
)
def test_the_api_runs_as_the_base_says(container_: dict[str, Any]) -> None:
    absent = {key: value for key, value in APP_CONTAINER.items() if key not in ("command", "portMappings")}
    base = CONTENT | {"containerDefinitions": [absent | container_, SIDECAR]}
    assert container(None, base, AS_THE_BASE) == absent | container_ | {"image": IMAGE_URI}


@pytest.mark.parametrize(
    ("task_", "settings", "command"),
    [
        pytest.param(None, {}, ["./bin/start"], id="API by the start command"),
        pytest.param(None, {"api_command": ("serve", "--port", "80")}, ["serve", "--port", "80"], id="API by its own"),
        pytest.param(task(), {}, ["./bin/start", "data_ingestion_task"], id="task"),
        pytest.param(
            task(), {"api_command": ("serve",)}, ["./bin/start", "data_ingestion_task"], id="API's is no task's"
        ),
        pytest.param(task(), {"start_command": ("run", "it")}, ["run", "it", "data_ingestion_task"], id="two words"),
        pytest.param(task(command=["ls", "-l"]), {}, ["ls", "-l"], id="task with a command"),
    ],
)
def test_the_command(task_: Task | None, settings: dict[str, Any], command: list[str]) -> None:
    assert container(task_, settings=SETTINGS.model_copy(update=settings))["command"] == command


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        pytest.param(None, [{"protocol": "tcp", "containerPort": 8000, "hostPort": 8000}], id="none"),
        pytest.param([], [{"protocol": "tcp", "containerPort": 8000, "hostPort": 8000}], id="empty"),
        pytest.param(
            [{"name": "http", "containerPort": 3000, "hostPort": 3000, "protocol": "tcp", "appProtocol": "http"}],
            [{"name": "http", "containerPort": 8000, "hostPort": 8000, "protocol": "tcp", "appProtocol": "http"}],
            id="the rest of a mapping stays",
        ),
        pytest.param(
            [{"containerPort": 9090, "hostPort": 9090}, {"name": "http", "containerPort": 8000, "hostPort": 8000}],
            [{"containerPort": 9090, "hostPort": 9090}, {"name": "http", "containerPort": 8000, "hostPort": 8000}],
            id="the API's is there, after another",
        ),
    ],
)
def test_the_port_mapping(mappings: list[dict[str, Any]] | None, expected: list[dict[str, Any]]) -> None:
    assert container(None, with_app(portMappings=mappings))["portMappings"] == expected


def test_environment_variables_are_added_or_replaced() -> None:
    found = container(task(environment={"LOG_LEVEL": "debug", "NEW": "1"}))
    assert found["environment"] == [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "NEW", "value": "1"}]
    assert found["secrets"] == APP_CONTAINER["secrets"]


def test_a_variable_replaces_the_secret_of_that_name() -> None:
    found = container(task(environment={"ADMIN_TOKEN": "for the test"}))
    assert {"name": "ADMIN_TOKEN", "value": "for the test"} in found["environment"]
    assert found["secrets"] == []


def test_secrets_are_added_or_replaced() -> None:
    (had,) = APP_CONTAINER["secrets"]
    secrets = {"LOG_LEVEL": "/shop/level", "TOKEN": "/shop/token"}
    added = [{"name": name, "valueFrom": value} for name, value in secrets.items()]
    found = container(task(secrets=secrets))
    assert (found["secrets"], found["environment"]) == ([had, *added], []), "a secret replaces a variable"
    found = container(task(secrets={"ADMIN_TOKEN": "/shop/admin"}))
    assert found["secrets"] == [{"name": "ADMIN_TOKEN", "valueFrom": "/shop/admin"}]
    assert found["environment"] == APP_CONTAINER["environment"]


@pytest.mark.parametrize(
    ("size", "sizes_of_task", "gone"),
    [
        pytest.param({"cpu": 512}, ("512", "512"), {"cpu"}, id="cpu"),
        pytest.param({"memory": 2048}, ("256", "2048"), {"memory", "memoryReservation"}, id="memory"),
        pytest.param(
            {"cpu": 1024, "memory": 2048}, ("1024", "2048"), {"cpu", "memory", "memoryReservation"}, id="both"
        ),
        pytest.param({}, ("256", "512"), set(), id="neither"),
    ],
)
def test_a_tasks_size_removes_the_containers_limit(
    size: dict[str, Any], sizes_of_task: tuple[str, str], gone: set[str]
) -> None:
    limits = {"cpu": 256, "memory": 512, "memoryReservation": 256}
    content = derived(task(**size), with_app(**limits))
    assert (content["cpu"], content["memory"]) == sizes_of_task
    assert limits.keys() - content["containerDefinitions"][0].keys() == gone


@pytest.mark.parametrize(
    ("task_", "policies"),
    [pytest.param(None, [True, True], id="API"), pytest.param(task(), [False, True], id="task")],
)
def test_a_tasks_container_has_no_restart_policy(task_: Task | None, policies: list[bool]) -> None:
    policy = {"enabled": True, "restartAttemptPeriod": 60}
    containers = [APP_CONTAINER | {"restartPolicy": policy}, SIDECAR | {"restartPolicy": policy}]
    found = derived(task_, CONTENT | {"containerDefinitions": containers})["containerDefinitions"]
    assert ["restartPolicy" in each for each in found] == policies


COMMAND = {"containerOverrides": [{"name": "app", "command": ["./bin/start", "data_ingestion_task"]}]}
BARE = {key: value for key, value in APP_CONTAINER.items() if key not in ("cpu", "memory")}


@pytest.mark.parametrize(
    ("task_", "container_", "override"),
    [
        pytest.param(task(), BARE, COMMAND, id="command"),
        pytest.param(
            task(environment={"LOG_LEVEL": "debug"}, memory=1024, cpu=512),
            BARE,
            {
                "containerOverrides": [
                    {
                        "name": "app",
                        "command": ["./bin/start", "data_ingestion_task"],
                        "environment": [{"name": "LOG_LEVEL", "value": "debug"}],
                    }
                ],
                "cpu": "512",
                "memory": "1024",
            },
            id="environment and size",
        ),
        pytest.param(task(environment={"ADMIN_TOKEN": "x"}), BARE, None, id="a secret to remove"),
        pytest.param(task(memory=1024), BARE | {"memory": 512}, None, id="a limit to remove"),
        pytest.param(task(memory=1024), BARE | {"memoryReservation": 512}, None, id="a reservation to remove"),
        pytest.param(task(cpu=512), BARE | {"cpu": 256}, None, id="a container's cpu to remove"),
        pytest.param(task(), BARE | {"memory": 512}, COMMAND, id="a limit to keep"),
        pytest.param(task(), BARE | {"restartPolicy": {"enabled": True}}, None, id="a restart policy to remove"),
        pytest.param(task(), BARE | {"restartPolicy": {"enabled": False}}, COMMAND, id="a restart policy that is off"),
        pytest.param(task(command=["x" * 9000]), BARE, None, id="too long for RunTask"),
        pytest.param(
            task(environment={"RUN": "<aws.scheduler.execution-id>"}), BARE, None, id="what Scheduler would replace"
        ),
        pytest.param(
            task(command=["echo", "of <aws.scheduler.schedule-arn>"]), BARE, None, id="what it would in a command"
        ),
    ],
)
def test_overrides_of_the_apis_revision(
    task_: Task, container_: dict[str, Any], override: dict[str, Any] | None
) -> None:
    base = definition(CONTENT | {"containerDefinitions": [container_, SIDECAR]})
    found = target_overrides(base, SHARED, task_)
    assert (json.loads(found) if found else None) == override


def test_overrides_look_at_the_apps_container_only() -> None:
    limits = {"memory": 128, "secrets": [{"name": "ADMIN_TOKEN", "valueFrom": "x"}], "restartPolicy": {"enabled": True}}
    base = definition(CONTENT | {"containerDefinitions": [SIDECAR | limits, BARE]})
    assert target_overrides(base, SHARED, task(memory=1024, cpu=512)) is not None
    bare = {"containerDefinitions": [SIDECAR | limits, {k: v for k, v in BARE.items() if k != "secrets"}]}
    assert target_overrides(definition(CONTENT | bare), SHARED, task(environment={"ADMIN_TOKEN": "x"})) is not None


@pytest.mark.parametrize(
    ("settings", "added"),
    [
        pytest.param({"watch_runs": False, "trace_scheduled_time": True}, "", id="not watched"),
        pytest.param(
            {},
            ',"environment":[{"name":"ROTA_TASK","value":"IngestData"},'
            '{"name":"ROTA_SCHEDULED_AT","value":"2026-11-29T06:00:00Z"}]',
            id="the task and the time",
        ),
    ],
)
def test_overrides_have_room_for_what_run_watching_adds(settings: dict[str, bool], added: str) -> None:
    watched = SHARED.model_copy(update=settings)
    rest = len('{"containerOverrides":[{"name":"app","command":[""]' + added + "}]}")
    for length, fits in ((8192 - rest, True), (8193 - rest, False)):
        assert (target_overrides(definition(), watched, task(command=["x" * length])) is not None) is fits


def test_no_overrides_in_the_mode_per_task() -> None:
    assert target_overrides(definition(), SETTINGS, task()) is None


@pytest.mark.parametrize("settings", [SETTINGS, SHARED], ids=["per-task", "shared"])
def test_what_only_a_revision_can_say(settings: Settings) -> None:
    keys: dict[str, Any] = {
        "ephemeral_storage": 50,
        "role": "arn:aws:iam::123456789012:role/report",
        "secrets": {"TOKEN": "/shop/token"},
    }
    variables = [{"name": "TOKEN", "value": "of the base"}, {"name": "B", "value": "2"}]
    app, *others = CONTENT["containerDefinitions"]
    base = definition(CONTENT | {"containerDefinitions": [app | {"environment": variables}, *others]})
    content = derive_content(base, settings, IMAGE_URI, task(**keys))
    (container,) = [each for each in content["containerDefinitions"] if each["name"] == "app"]
    assert (content["ephemeralStorage"], content["taskRoleArn"]) == ({"sizeInGiB": 50}, keys["role"])
    assert container["secrets"][-1] == {"name": "TOKEN", "valueFrom": "/shop/token"}
    assert container["environment"] == [{"name": "B", "value": "2"}], "ECS refuses a variable and a secret of one name"
    assert all(target_overrides(base, settings, task(**{key: value})) is None for key, value in keys.items())


REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "repository", "is_it"),
    [
        (f"{REGISTRY}/shop/api", "shop/api", True),
        (f"{REGISTRY}/shop/api:v1", "shop/api", True),
        (f"{REGISTRY}/shop/api:v1@{DIGEST}", "shop/api", True),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/shop/api", "shop/api", True),
        ("123456789012.dkr-ecr.us-east-1.on.aws/shop/api:v1", "shop/api", True),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws/shop/api", "shop/api", True),
        (f"{REGISTRY.replace('us-', 'eu-')}/shop/api", "shop/api", False),
        (f"{REGISTRY.replace('1234', '4321')}/shop/api", "shop/api", False),
        (f"{REGISTRY}/shop/api-2", "shop/api-2", False),
        ("public.ecr.aws/shop/api:v1", None, False),
        ("localhost:5000/shop/api", None, False),
        ("nginx", None, False),
    ],
)
def test_of_which_repository_an_image_is(image: str, repository: str | None, is_it: bool) -> None:
    pushed = f"{REGISTRY}/shop/api@{DIGEST}"
    assert images.repository_of(image) == repository
    assert images.is_of_repository_named(image, "shop/api") is (repository == "shop/api")
    assert images.is_of_repository(image, pushed) is is_it
    name = image.partition("@")[0].removesuffix(":v1")
    assert images.with_digest_of(pushed, image) == (f"{name}@{DIGEST}" if is_it else pushed)
