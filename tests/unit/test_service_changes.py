"""What a deployment changes of the service, in words."""

from typing import Any

import pytest

from rota.ecs.derive import derive_content
from rota.plan.service_changes import service_changes
from tests.guestbook import APP_CONTAINER, AS_THE_BASE, CONTENT, IMAGE_URI, SETTINGS, SIDECAR, arn, definition

SERVED = definition(revision=4)
TERRAFORM = "arn:aws:iam::123456789012:role/terraform"


def app(**changes: Any) -> dict[str, Any]:
    return CONTENT | {"containerDefinitions": [APP_CONTAINER | changes, SIDECAR]}


def changes(base: Any, settings: Any = AS_THE_BASE, served: Any = SERVED) -> list[str]:
    return list(service_changes(served, base, derive_content(base, settings, IMAGE_URI, None), "app"))


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        pytest.param(CONTENT, AS_THE_BASE, [], id="the image alone"),
        pytest.param(
            app(command=["gunicorn", "my shop"], portMappings=[{"containerPort": 8080}]),
            SETTINGS,
            ["command gunicorn 'my shop' → ./bin/start", "port 8080 → 8000"],
            id="command and port by parameters",
        ),
        pytest.param(
            app(command=None, portMappings=None),
            SETTINGS,
            ["command the image's own → ./bin/start", "port none → 8000"],
            id="neither before",
        ),
        pytest.param(app(portMappings=[{"containerPortRange": "80-90"}]), AS_THE_BASE, [], id="a range that stays"),
        pytest.param(
            app(command=["./bin/start"], portMappings=[{"containerPortRange": "80-90"}, {"containerPort": 8000}]),
            SETTINGS,
            [],
            id="the port beside a range",
        ),
    ],
)
def test_what_the_parameters_change(content: dict[str, Any], settings: Any, said: list[str]) -> None:
    base = definition(content, revision=4)
    assert changes(base, settings, base) == [*said[:1], "image", *said[1:]]


def newer(content: dict[str, Any], **fields: Any) -> Any:
    return definition(content, revision=10, **fields).model_copy(update={"registrant": TERRAFORM})


BASE = f"base guestbook:10, registered by {TERRAFORM} since guestbook:4"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(CONTENT, ["image"], id="a copy"),
        pytest.param(
            CONTENT | {"containerDefinitions": [APP_CONTAINER, SIDECAR, SIDECAR | {"name": "helper"}]},
            ["image", "container helper added"],
            id="a container more",
        ),
        pytest.param(
            CONTENT | {"containerDefinitions": [APP_CONTAINER]},
            ["image", "container metrics removed"],
            id="less",
        ),
        pytest.param(
            CONTENT | {"containerDefinitions": [APP_CONTAINER, SIDECAR | {"image": "x:4", "memory": 256}]},
            ["image", "metrics: image, memory"],
            id="another container's",
        ),
        pytest.param(
            app(environment=[{"name": "TOKEN", "value": "hush"}], user="root"),
            ["image", "app: environment, user"],
            id="members by name alone",
        ),
        pytest.param(CONTENT | {"cpu": "512", "taskRoleArn": "x"}, ["image", "task: cpu, taskRoleArn"], id="task"),
        pytest.param(
            {key: value for key, value in CONTENT.items() if key != "taskRoleArn"},
            ["image", "task: taskRoleArn"],
            id="a member less",
        ),
        pytest.param(
            app(portMappings=[{"containerPortRange": "80-90"}]), ["image", "port 8000 → 80-90"], id="a range of ports"
        ),
        pytest.param(app(links=[], cpu=0), ["image"], id="what ECS completes"),
    ],
)
def test_what_another_base_changes(content: dict[str, Any], said: list[str]) -> None:
    assert changes(newer(content)) == [BASE, *said]


def test_parameters_that_replace_what_another_base_says() -> None:
    base = newer(app(command=["gunicorn"], portMappings=[{"containerPort": 8080}]))
    assert changes(base, SETTINGS) == [
        BASE,
        "ApiCommand replaces the command that guestbook:10 has, gunicorn",
        "ApiPort replaces the port that guestbook:10 maps, 8080",
        "image",
        "app: portMappings",
    ]


def test_another_base_may_bring_tags_and_no_name() -> None:
    base = newer(CONTENT, tags={"team": "books"}).model_copy(update={"registrant": None})
    assert changes(base) == ["base guestbook:10, registered since guestbook:4", "image", "tags"]


@pytest.mark.parametrize(("length", "said"), [(120, "x-" * 60), (121, f"{'x-' * 60}...")])
def test_a_long_command_is_cut(length: int, said: str) -> None:
    base = definition(app(command=[("x-" * 61)[:length]]), revision=4)
    (command, _) = changes(base, SETTINGS, base)
    assert command == f"command {said} → ./bin/start"


def test_the_same_revision_changes_nothing() -> None:
    served = definition(derive_content(SERVED, AS_THE_BASE, IMAGE_URI, None), revision=4)
    assert (changes(served, served=served), served.arn) == ([], arn(4))
