"""The stage that tests of the whole machine run on: one for each of pytest's workers, as new for every test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client, running
from tests.stage.toys import role_of_toys, zipped


@pytest.fixture(scope="session")
def one_stage() -> Iterator[Client]:
    """A stage with the real template, for as long as this worker runs. Tests take `stage`."""
    with running() as client:
        yield client


def as_new(stage: Client, moment: str | None = None) -> Client:
    """The stage as a user has it before the first push, or as it was kept, with waits and rollouts cut short."""
    stage.reset(moment)
    stage.settings(time_scale=0.005, rollout_seconds=0.02)
    return stage


@pytest.fixture
def stage(one_stage: Client) -> Client:
    """A stage `as_new` for each test."""
    return as_new(one_stage)


@pytest.fixture(scope="session")
def _v1_kept(one_stage: Client) -> str:
    """The moment at which the first deployment has ended."""
    assert as_new(one_stage).deploy("v1")["status"] == "SUCCEEDED"
    one_stage.keep("v1")
    return "v1"


@pytest.fixture
def deployed(one_stage: Client, _v1_kept: str) -> Client:
    """A stage on which v1 is deployed, and nothing else has ever been."""
    return as_new(one_stage, _v1_kept)


@pytest.fixture
def v1(deployed: Client) -> dict[str, Any]:
    """The execution that deployed v1, as `wait` returns it."""
    return deployed.wait(deployed.executions()[0])


@pytest.fixture
def function(stage: Client) -> Iterator[Callable[..., str]]:
    """Makes a function of its source through Lambda's API, as any deployment tool does. Returns its name."""
    names: list[str] = []

    def make(source: str, **configuration: Any) -> str:
        name = f"toy-{len(names)}"
        stage.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role_of_toys(stage),
            Handler="app.handler",
            Code={"ZipFile": zipped(source)},
            **configuration,
        )
        names.append(name)
        return name

    yield make
    for name in names:
        stage.client("lambda").delete_function(FunctionName=name)
