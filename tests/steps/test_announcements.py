"""What the world is told of a deployment's end beside the ledger: the event on the bus, and metrics in the log."""

import json
from typing import Any

import pytest

from tests.guestbook import APP
from tests.steps.deployments import Deployment, Deployments
from tests.steps.moment import once
from tests.steps.world import World

LARGEST_EVENT = 256 * 1024  # docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html


@pytest.fixture
@once
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


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What CloudWatch makes metrics of, among the lines that the functions have printed."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]


def test_deployments_durations_and_tasks_are_counted(
    world: World, deployments: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    deployments.start().run()
    (told,) = metrics(capsys)
    assert (told["app"], told["outcome"]) == (APP, "deployed")
    assert (told["Deployments"], told["Tasks"]) == ([1], [2])
    assert told["Duration"][0] > 0
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]} == {
        "Deployments": "Count",
        "Duration": "Seconds",
        "Tasks": "Count",
    }
    assert world.calls.news[0]["tasks"] == 2


def test_tasks_that_nobody_could_read_are_not_counted(
    world: World, deployments: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    world.upload(b"broken")
    deployments.start().run()
    (told,) = metrics(capsys)
    assert told["outcome"] == "failed"
    assert "Tasks" not in told
