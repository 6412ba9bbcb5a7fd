"""What of a task definition a job can live with."""

import json
from typing import Any

import pytest

from rota.ecs.derive import derive_content, target_overrides
from rota.ecs.jobs import left_out, swallowed
from rota.plan.checks import problems_of_entry_point, problems_of_starting_tasks
from tests.guestbook import (
    APP_CONTAINER,
    AS_THE_BASE,
    CONTENT,
    IMAGE_URI,
    REPOSITORY_URI,
    SETTINGS,
    SHARED,
    definition,
    task,
)


def app(*waits: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """The app's container, which waits for others."""
    return APP_CONTAINER | waiting(*waits) | changes


def other(name: str, *waits: tuple[str, str], image: str = "public.ecr.aws/x/y:1", **changes: Any) -> dict[str, Any]:
    """Another container, of an image of its own."""
    return {"name": name, "image": image, "essential": True} | waiting(*waits) | changes


def waiting(*waits: tuple[str, str]) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition} for name, condition in waits]}


def base(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return CONTENT | {"containerDefinitions": list(containers)} | members


OF_THE_APP = f"{REPOSITORY_URI}:v1"
LOGS_TO_ROUTER: dict[str, Any] = {"logConfiguration": {"logDriver": "awsfirelens"}}
ROUTER: dict[str, Any] = {"firelensConfiguration": {"type": "fluentbit"}}


@pytest.mark.parametrize(
    ("content", "gone"),
    [
        pytest.param(base(app(), other("metrics")), {}, id="a sidecar stays"),
        pytest.param(
            base(app(), other("nginx", ("app", "HEALTHY"))), {"nginx": "waits until app is healthy"}, id="a front"
        ),
        pytest.param(base(app(), other("shipper", ("app", "START"))), {}, id="waits for the start alone"),
        pytest.param(
            base(app(essential=False), other("upload", ("app", "SUCCESS"))),
            {"upload": "waits until app is done"},
            id="runs after the app",
        ),
        pytest.param(base(app(("proxy", "HEALTHY")), other("proxy")), {}, id="the app waits for it"),
        pytest.param(
            base(app(("migrate", "SUCCESS")), other("migrate", image=OF_THE_APP)), {}, id="a migration before it"
        ),
        pytest.param(
            base(app(), other("worker", image=OF_THE_APP)),
            {"worker": "runs the app's image beside app, which does not wait for it"},
            id="a worker of the app's image",
        ),
        pytest.param(base(app(), other("cache", image="guestbook:1")), {}, id="another registry's image of that name"),
        pytest.param(
            base(app(("proxy", "START")), other("proxy", ("seed", "SUCCESS")), other("seed", image=OF_THE_APP)),
            {},
            id="needed by what is needed",
        ),
        pytest.param(
            base(app(), other("nginx", ("app", "HEALTHY")), other("exporter", ("nginx", "START"))),
            {"nginx": "waits until app is healthy", "exporter": "needs nginx"},
            id="needs what is left out",
        ),
        pytest.param(
            base(app(volumesFrom=[{"sourceContainer": "assets"}]), other("assets", image=OF_THE_APP)),
            {},
            id="shares its volumes",
        ),
        pytest.param(
            base(app(**LOGS_TO_ROUTER), other("router", image=OF_THE_APP, **ROUTER)), {}, id="takes the app's log"
        ),
        pytest.param(
            base(app(), other("envoy", image=OF_THE_APP), proxyConfiguration={"containerName": "envoy"}),
            {},
            id="the network's proxy",
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["", "in reverse"])
def test_containers_that_no_job_runs(content: dict[str, Any], gone: dict[str, str], turned: bool) -> None:
    containers = content["containerDefinitions"][::-1] if turned else content["containerDefinitions"]
    content = content | {"containerDefinitions": containers}
    assert left_out(content, SETTINGS) == gone
    stay = {each["name"] for each in containers} - gone.keys()
    job = derive_content(definition(content), SETTINGS, IMAGE_URI, task())
    assert {each["name"] for each in job["containerDefinitions"]} == stay
    api = derive_content(definition(content), SETTINGS, IMAGE_URI, None)
    assert [each["name"] for each in api["containerDefinitions"]] == [each["name"] for each in containers]


HEALTH = {"command": ["CMD", "curl", "localhost:8000"]}
RESTARTS = {"enabled": True, "restartAttemptPeriod": 60}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(
            base(app(**LOGS_TO_ROUTER), other("router", ("app", "HEALTHY"), **ROUTER)), "router", id="its log's router"
        ),
        pytest.param(
            base(
                app(),
                other("envoy", ("app", "HEALTHY")),
                proxyConfiguration={"type": "APPMESH", "containerName": "envoy"},
            ),
            "envoy",
            id="its proxy",
        ),
    ],
)
def test_what_the_app_needs_must_not_wait_for_it(content: dict[str, Any], name: str) -> None:
    """The app's container itself is left out of no job."""
    assert list(problems_of_starting_tasks(definition(content), SETTINGS, [task()])) == [
        f"the container app of the task definition guestbook:1 needs {name}, which waits until app is healthy, so no "
        f"scheduled task could start; let {name} wait for nothing or for its START"
    ]
    assert "app" not in left_out(content, SETTINGS)


def test_a_jobs_container_ends_the_task_and_has_no_ports() -> None:
    content = base(app(essential=False, healthCheck=HEALTH, restartPolicy=RESTARTS), other("metrics"))
    job, sidecar = derive_content(definition(content), SETTINGS, IMAGE_URI, task())["containerDefinitions"]
    assert job["essential"] is True
    assert not {"healthCheck", "portMappings", "restartPolicy"} & job.keys()
    assert sidecar == content["containerDefinitions"][1]
    api = derive_content(definition(content), AS_THE_BASE, IMAGE_URI, None)["containerDefinitions"][0]
    assert api == content["containerDefinitions"][0] | {"image": IMAGE_URI}


@pytest.mark.parametrize(
    ("content", "overrides"),
    [
        pytest.param(base(app(), other("metrics")), True, id="as it is"),
        pytest.param(base(app(healthCheck=HEALTH)), True, id="a health check for which nothing waits"),
        pytest.param(base(app(restartPolicy=RESTARTS)), False, id="a restart policy"),
        pytest.param(base(app(restartPolicy=RESTARTS | {"enabled": False})), True, id="a restart policy that is off"),
        pytest.param(base(app(essential=False), other("metrics")), False, id="not essential"),
        pytest.param(base(app(), other("nginx", ("app", "HEALTHY"))), False, id="a container to leave out"),
    ],
)
def test_which_jobs_run_the_apis_revision(content: dict[str, Any], overrides: bool) -> None:
    assert (target_overrides(definition(content), SHARED, task()) is not None) is overrides


START = ("./bin/start", "spam_task")


@pytest.mark.parametrize(
    ("entry_point", "command", "lost"),
    [
        pytest.param([], START, (), id="none"),
        pytest.param(["tini", "--"], START, (), id="no shell"),
        pytest.param(["./entrypoint.sh"], START, (), id="a script"),
        pytest.param(["sh", "./entrypoint.sh"], START, (), id="a shell that runs a file"),
        pytest.param(["sh", "./check.sh", "-c"], START, (), id="an option of the file"),
        pytest.param(["bash", "--rcfile"], START, (), id="a long option with a c"),
        pytest.param(["sh", "-c"], START, ("spam_task",), id="sh -c"),
        pytest.param(["sh", "-c"], ("./bin/start spam_task",), (), id="sh -c with one word"),
        pytest.param(["sh", "-c"], ('exec "$0" "$@"', *START), (), id="sh -c and a script that takes them"),
        pytest.param(["/bin/bash", "-lc"], START, ("spam_task",), id="bash -lc"),
        pytest.param(["bash", "-eo", "pipefail", "-c"], START, ("spam_task",), id="options before"),
        pytest.param(["tini", "--", "/bin/sh", "-c"], START, ("spam_task",), id="behind an init"),
        pytest.param(["sh", "-c", "exec gunicorn shop"], START, START, id="a script that runs the API"),
        pytest.param(["sh", "-c", "exec gunicorn shop", "--"], START, START, id="the same with $0"),
        pytest.param(["sh", "-c", 'exec "$@"'], START, ("./bin/start",), id="$@ without $0"),
        pytest.param(["sh", "-c", 'exec "$@"', "--"], START, (), id="$@ after $0"),
        pytest.param(["sh", "-c", 'exec "$0" "$@"'], START, (), id="$0 and $@"),
        pytest.param(["sh", "-c", "exec ${0} ${1}"], (*START, "--all"), ("--all",), id="two of three"),
        pytest.param(["sh", "-c", "shift; exec run", "--"], START, (), id="shift"),
    ],
)
def test_words_that_an_entry_point_does_not_run(
    entry_point: list[str], command: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    assert swallowed(entry_point, command) == lost


SWALLOWS = (
    'the container app of the task definition guestbook:1 has the entry point ["sh", "-c"], which runs one word and '
    "drops the others: {}. Register a revision without entryPoint, or with one that runs all its arguments, such as "
    '["sh", "-c", "exec \\"$0\\" \\"$@\\""]'
)
SPACED = SETTINGS.model_copy(update={"api_command": ("gunicorn", "shop")})


@pytest.mark.parametrize(
    ("settings", "tasks", "problems"),
    [
        pytest.param(SETTINGS, [], [], id="the service's one word"),
        pytest.param(SPACED, [], ["the service would run without shop"], id="the service's two words"),
        pytest.param(AS_THE_BASE, [task(command=["./bin/report --all"])], [], id="one word"),
        pytest.param(
            SETTINGS,
            [task("A", command=["./report"]), task("B"), task("C")],
            ["the task B and 1 more would run without data_ingestion_task"],
            id="tasks",
        ),
    ],
)
def test_an_entry_point_must_run_the_whole_command(settings: Any, tasks: list[Any], problems: list[str]) -> None:
    swallowing = definition(base(app(entryPoint=["sh", "-c"])))
    assert list(problems_of_entry_point(swallowing, settings, tasks)) == [
        SWALLOWS.format(problem) for problem in problems
    ]
    assert list(problems_of_entry_point(definition(), settings, tasks)) == []


def test_the_entry_point_that_is_suggested_runs_the_whole_command() -> None:
    (problem,) = problems_of_entry_point(definition(base(app(entryPoint=["sh", "-c"]))), SETTINGS, [task()])
    suggested = json.loads(problem.partition("such as ")[2])
    assert swallowed(suggested, START) == ()
