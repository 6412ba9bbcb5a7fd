"""The stage that tests of the whole machine run on: one for each of pytest's workers, as new for every test."""

from collections.abc import Iterator

import pytest

from stage.client import Client, running


@pytest.fixture(scope="session")
def one_stage() -> Iterator[Client]:
    """A stage with the real template, for as long as this worker runs. Tests take `stage`."""
    with running() as client:
        yield client


@pytest.fixture
def stage(one_stage: Client) -> Client:
    """A stage as a user has it before the first push, with waits and rollouts cut short."""
    one_stage.reset()
    one_stage.settings(time_scale=0.01, rollout_seconds=0.1)
    return one_stage
