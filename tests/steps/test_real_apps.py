"""An app that is not the example: gunicorn behind nginx on another port, with a release job of its own image."""

from typing import Any

import pytest

from tests.guestbook import CONTENT, IMAGE_URI, REPOSITORY_URI
from tests.in_process import client
from tests.steps.deployments import Deployment, Deployments
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World

WEB: dict[str, Any] = {
    "name": "web",
    "image": f"{REPOSITORY_URI}:initial",
    "essential": True,
    "command": ["gunicorn", "shop.wsgi", "--bind", "0.0.0.0:8080"],
    "portMappings": [{"name": "web", "containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
    "healthCheck": {"command": ["CMD", "curl", "-f", "localhost:8080"]},
    "environment": [{"name": "spring.profiles.active", "value": "web"}],
    "secrets": [{"name": "DATABASE_URL", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/shop"}],
    "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}],
}
NGINX = {
    "name": "nginx",
    "image": "public.ecr.aws/nginx/nginx:1.29",
    "essential": True,
    "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
    "dependsOn": [{"containerName": "web", "condition": "HEALTHY"}],
}
MIGRATE = {"name": "migrate", "image": f"{REPOSITORY_URI}:initial", "essential": False, "command": ["./migrate"]}
WORKER = {"name": "worker", "image": f"{REPOSITORY_URI}:initial", "essential": True, "command": ["celery", "worker"]}
SHOP = CONTENT | {
    "containerDefinitions": [WEB, NGINX, MIGRATE, WORKER],
    "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    "ephemeralStorage": {"sizeInGiB": 30},
}
SETTINGS = {"CONTAINER": "web", "START_COMMAND": "python manage.py", "API_COMMAND": "base", "API_PORT": "base"}


@pytest.fixture(params=["per-task", "shared"])
def shop(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The shop runs in the service; in both revision modes."""
    client("ecs").register_task_definition(**SHOP)
    client("ecs").update_service(cluster="production", service="guestbook-api", taskDefinition="guestbook:2")
    world.roll("COMPLETED")
    for name, value in (SETTINGS | {"REVISION_MODE": request.param}).items():
        monkeypatch.setenv(name, value)
    return world


@pytest.fixture
@once
def deployed(shop: World, deployments: Deployments) -> Deployment:
    """The shop's first deployment. `world.before` is what there was."""
    shop.before = shop.everything()
    deployment = deployments.start()
    assert deployment.run() == "Deployed"
    return deployment


def definition(revision: str) -> dict[str, Any]:
    described: dict[str, Any] = client("ecs").describe_task_definition(taskDefinition=revision)["taskDefinition"]
    return described


def containers(revision: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in definition(revision)["containerDefinitions"]}


@pytest.mark.exhaustive(first=1)
def test_nothing_changes_of_the_service_but_its_image(shop: World, deployed: Deployment) -> None:
    _, before, *_ = shop.before
    had, has = containers(before), containers(shop.service()["taskDefinition"])
    changed = {
        name: {key for key in had[name] | each if had[name].get(key) != each.get(key)} for name, each in has.items()
    }
    assert changed == {"web": {"image"}, "nginx": set(), "migrate": {"image"}, "worker": {"image"}}
    assert {has[name]["image"] for name in ("web", "migrate", "worker")} == {IMAGE_URI}
    for member in ("runtimePlatform", "ephemeralStorage", "cpu", "memory", "volumes"):
        assert definition(shop.service()["taskDefinition"])[member] == definition(before)[member]
    summary = deployed.document["plan"]["summary"]
    assert "the service rolls (migrate: image; worker: image); jobs run without nginx, worker" in summary


@pytest.mark.exhaustive(first=1)
@pytest.mark.usefixtures("deployed")
def test_a_job_runs_what_it_can_live_with(shop: World) -> None:
    job = containers(shop.target("RemoveSpam")["EcsParameters"]["TaskDefinitionArn"])
    assert job.keys() == {"web", "migrate"}
    assert job["web"]["command"] == ["python", "manage.py", "spam_task"]
    assert not job["web"].get("portMappings") and "healthCheck" not in job["web"]
    assert job["web"]["dependsOn"] == WEB["dependsOn"]
    assert job["web"]["secrets"] == WEB["secrets"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.usefixtures("deployed")
def test_deployed_again_nothing_is_to_do(deployments: Deployments) -> None:
    assert deployments.start().run() == "NothingToDo"


@pytest.mark.exhaustive(first=0)
def test_a_failed_rollout_restores_the_shop(shop: World, deployments: Deployments) -> None:
    shop.upload(SCHEDULE)
    before = shop.service()["taskDefinition"]
    deployment = deployments.start().until("CheckService")
    shop.roll("FAILED", reason="tasks failed to start")
    assert deployment.run() == "DeploymentFailed"
    assert shop.service()["taskDefinition"] == before
    assert shop.owned_rules() == {}
