"""What the world is told of a deployment's end beside the ledger: the event on the bus."""

import json

import pytest

from tests.steps.conftest import Deployment, Deployments
from tests.steps.world import World

LARGEST_EVENT = 256 * 1024  # docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html


@pytest.fixture
def overdue(world: World, deployments: Deployments) -> Deployment:
    """A deployment that got as far as CheckService; the world has heard of none yet."""
    return deployments.start().until("CheckService")


@pytest.mark.parametrize(
    ("message", "news"),
    [
        pytest.param('a "b" c:\\d\te', "a 'b' c:/d e. All", id="what JSON escapes"),
        pytest.param('says "\\"x\\""', "says ''x''. All", id="quotes in quotes"),
        pytest.param("two faults:\n\none\ntwo", "two faults: | one | two | All", id="lines"),
    ],
)
def test_the_news_of_a_cause_have_nothing_that_json_escapes(
    message: str, news: str, world: World, overdue: Deployment
) -> None:
    overdue.fail("RejectedError", message)
    overdue.step("RestoreDeployment")
    (told,) = world.calls.news
    assert told["news"].startswith(f"CheckService: {news} ")
    assert told["news"].endswith(" The operator acts.")
    assert message in told["cause"]


def test_the_longest_cause_fits_an_event(world: World, overdue: Deployment) -> None:
    overdue.fail("RejectedError", "\u00fc" * 32_000)
    overdue.step("RestoreDeployment")
    (told,) = world.calls.news
    assert told["news"].endswith("\u00fc... The execution's cause has the rest.")
    assert len(json.dumps(told)) < LARGEST_EVENT - 1024
