"""A world for each test, before the first deployment and after it."""

from collections.abc import Iterator

import pytest

from rota.aws import rate_limit
from tests.steps import firing
from tests.steps.deployments import AFTER, BEFORE, NEXT, Deployment, Deployments
from tests.steps.environment import functions_environment
from tests.steps.local_stage import local_stage
from tests.steps.snapshots import once
from tests.steps.world import World


# Of a module: a folder that is no package has no scope of its own, and what follows in this process must not see it.
@pytest.fixture(scope="module", autouse=True)
def _functions_environment() -> Iterator[None]:
    """The environment that Lambda sets, and clients created in it."""
    with functions_environment():
        yield


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """What the user has. After the test the foreign rules must be unchanged. `time.sleep` returns at once."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    rate_limit.bucket_for.cache_clear()  # calls of other tests leave no bucket empty
    local_stage().reset()
    world = World()
    with local_stage().open(world.calls):
        yield world
    assert world.rules(*world.foreign) == world.foreign


@pytest.fixture
def on_the_stages_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stage's time is the time, and schedules fire in it."""
    with firing.on_the_stages_clock(monkeypatch):
        yield


@pytest.fixture
def deployments(world: World) -> Deployments:
    return Deployments(world)


@pytest.fixture
@once
def later(deployments: Deployments) -> Deployments:
    """Deployments after a first one, which deployed SCHEDULE."""
    assert deployments.start().run() == "Deployed"
    return deployments


@pytest.fixture
@once
def in_real_time(deployments: Deployments) -> Deployments:
    """The same, which start when they are started."""
    deployments.in_real_time()
    assert deployments.start().run() == "Deployed"
    return deployments


@pytest.fixture
@once
def pushing(later: Deployments) -> Deployment:
    """The second of them, of a new image alone, before its rules are written."""
    return later.start(NEXT).until("CreateTargets")


@pytest.fixture
@once
def of_before(world: World, deployments: Deployments) -> Deployments:
    """Deployments after a first one, which deployed BEFORE."""
    world.upload(BEFORE)
    assert deployments.start().run() == "Deployed"
    return deployments


@pytest.fixture
@once
def changing(world: World, of_before: Deployments) -> Deployment:
    """The second deployment: a new image, and a file that adds, changes and removes a task. `world.before` is what
    there was.
    """
    world.upload(AFTER)
    world.before = world.everything()
    return of_before.start(NEXT)


@pytest.fixture
@once
def creating(changing: Deployment) -> Deployment:
    """The second deployment, before its rules are written."""
    return changing.until("CreateTargets")


@pytest.fixture
@once
def rolling(changing: Deployment) -> Deployment:
    """The second deployment, before its service rolls."""
    return changing.until("RollService")


@pytest.fixture
@once
def checking(changing: Deployment) -> Deployment:
    """The second deployment, before it looks at the rollout."""
    return changing.until("CheckService")


@pytest.fixture
@once
def finishing(changing: Deployment) -> Deployment:
    """The second deployment, of which everything is done."""
    return changing.until("FinishDeployment")


@pytest.fixture
def restoring(checking: Deployment) -> Deployment:
    """The second deployment, failed at the last step that is restored."""
    checking.fail("RejectedError", "what happened")
    return checking


@pytest.fixture
@once
def of_one_job(world: World, deployments: Deployments) -> Deployments:
    """Deployments after a first one, of the daily job alone."""
    world.upload({"tasks": [{"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}]})
    assert deployments.start().run() == "Deployed"
    return deployments
