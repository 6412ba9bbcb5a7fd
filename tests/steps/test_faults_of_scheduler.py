"""Every call to EventBridge Scheduler in a deployment fails, in every way: all is new, or all is as before."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from tests.steps.calls import KilledError
from tests.steps.deployments import NEXT, Deployment, Deployments
from tests.steps.environment import functions_environment
from tests.steps.snapshots import once
from tests.steps.test_scheduler import without_dates
from tests.steps.world import World

KINDS = {
    "killed before": lambda world, call, skip: world.calls.killing(call, skip=skip),
    "killed after": lambda world, call, skip: world.calls.killing(call, skip=skip, after=True),
    "denied": lambda world, call, skip: world.calls.refusing(call, "AccessDeniedException", skip=skip),
    "throttled": lambda world, call, skip: world.calls.refusing(call, "ThrottlingException", skip=skip, count=9),
    "in conflict": lambda world, call, skip: world.calls.refusing(call, "ConflictException", skip=skip),
    "an error of AWS's": lambda world, call, skip: world.calls.refusing(
        call, "InternalServerException", status=500, skip=skip, count=9
    ),
}
# More than the deployment makes; the test counts.
MOST_CALLS = 12
ZONE = {"timezone": "Europe/Berlin"}
BEFORE: list[dict[str, Any]] = [
    {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *", **ZONE},
    {"name": "RemoveSpam", "task": "spam_task", "rate": "15 minutes", "window": 5},
    {"name": "CountTeaspoons", "task": "teaspoon_task", "cron": "0 22 ? * SUN *", **ZONE},
    {"name": "PrintDigest", "task": "digest_task", "cron": "0 18 ? * MON-FRI *"},
]
# One rule beside the schedules changes; of these one stays in its time, one changes, one goes, one comes.
AFTER = [
    BEFORE[0],
    BEFORE[1] | {"window": 10},
    BEFORE[3] | {"cron": "0 19 ? * MON-FRI *"},
    {"name": "Report", "task": "report_task", "cron": "0 7 1 * ? *", **ZONE},
]
_CALLS: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _functions_environment() -> Iterator[None]:
    with functions_environment(REVISION_MODE="shared"):
        yield


@pytest.fixture
@once
def changing(world: World, deployments: Deployments) -> Deployment:
    """A new image, and a file that adds, changes and removes a schedule, and changes a rule."""
    world.upload({"tasks": BEFORE})
    assert deployments.start().run() == "Deployed"
    world.upload({"tasks": AFTER})
    return deployments.start(NEXT)


def state(world: World) -> Any:
    rules, service, _revisions, schedules = world.everything()
    return rules, service, without_dates(schedules)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(MOST_CALLS))
def test_all_or_nothing(world: World, changing: Deployment, number: int, kind: str) -> None:
    before = state(world)
    if not _CALLS:
        world.calls.made.clear()
        assert changing.run() == "Deployed"
        _CALLS.extend(call for call in world.calls.made if call.startswith("scheduler."))
        assert len(_CALLS) <= MOST_CALLS
        pytest.skip("this one counts the calls")
    if number >= len(_CALLS):
        pytest.skip("it makes fewer calls")
    fault: Callable[[World, str, int], AbstractContextManager[None]] = KINDS[kind]
    with fault(world, _CALLS[number], Counter(_CALLS[:number])[_CALLS[number]]), suppress(KilledError):
        end = changing.run()
        assert "Restore" not in end
    if changing.at:  # the machine invokes a function that was killed once more
        end = changing.run()
    schedules = world.schedules()
    assert {name for name, each in schedules.items() if each["State"] == "ENABLED"} == schedules.keys()
    if end == "Deployed":
        assert schedules.keys() == {"IngestData", "RemoveSpam", "Report"}
        assert schedules["RemoveSpam"]["FlexibleTimeWindow"]["MaximumWindowInMinutes"] == 10
        assert world.owned_rules()["PrintDigest"]["ScheduleExpression"] == "cron(0 19 ? * MON-FRI *)"
    else:
        assert (end, state(world)) == ("DeploymentFailed", before)
