"""A world for each test, before the first deployment and after it."""

from collections.abc import Iterator

import moto
import pytest

from rota.aws import rate_limit
from tests.guestbook import ENVIRONMENT, REGION
from tests.steps.calls import CLIENTS
from tests.steps.deployments import AFTER, BEFORE, NEXT, Deployment, Deployments
from tests.steps.moment import once
from tests.steps.world import World


@pytest.fixture(scope="package", autouse=True)
def _functions_environment() -> Iterator[None]:
    """What Lambda sets for every function, and clients that were made in it."""
    own = {"AWS_DEFAULT_REGION": REGION, "POWERTOOLS_SERVICE_NAME": "rota", "POWERTOOLS_METRICS_NAMESPACE": "Rota"}
    own |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "MOTO_ECS_SERVICE_RUNNING": "2"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | own).items():
            patch.setenv(name, value)
        for client in CLIENTS:
            client.cache_clear()
        yield
        for client in CLIENTS:
            client.cache_clear()


@once
def _made(world: World) -> None:
    world.make()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """What the user has; what is not Rota's is untouched in the end, whatever the test did. Nobody sleeps in it."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    rate_limit.bucket_for.cache_clear()  # what other tests have called empties no bucket of this one's account
    with moto.mock_aws():
        world = World()
        _made(world=world)
        with world.calls.watching():
            yield world
        assert world.rules(*world.foreign) == world.foreign


@pytest.fixture
def deployments(world: World) -> Deployments:
    return Deployments(world)


@pytest.fixture
@once
def later(deployments: Deployments) -> Deployments:
    """Deployments after the first, which has deployed SCHEDULE."""
    assert deployments.start().run() == "Deployed"
    return deployments


@pytest.fixture
@once
def changing(world: World, deployments: Deployments) -> Deployment:
    """The second deployment: a new image, and a file in which everything happens."""
    world.upload(BEFORE)
    assert deployments.start().run() == "Deployed"
    world.upload(AFTER)
    world.push(NEXT, "next")
    return deployments.start(NEXT)
