"""Every call of a rollback, of a push that is held and of its resumption fails once: all of it is done, or none."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest

from tests.guestbook import DIGEST
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, NEXT, Deployment, Deployments
from tests.steps.snapshots import once
from tests.steps.test_hold import HOLD, RESUME, gates, pending
from tests.steps.test_rollback import BACK, barred, live
from tests.steps.world import World

KINDS = ("killed before", "killed after", "denied")
# More than any of the three makes; a test counts.
MOST_CALLS = 75
_CALLS: dict[str, list[str]] = {}


@pytest.fixture
@once
def rolling_back(world: World, deployments: Deployments) -> Deployment:
    """v2 is live, and a rollback to v1 begins."""
    deployments.in_real_time()
    assert deployments.start().run() == "Deployed"
    world.upload(AFTER)
    assert deployments.start(NEXT).run() == "Deployed"
    return deployments.ask(**BACK)


@pytest.fixture
@once
def pushing(world: World, deployments: Deployments) -> Deployment:
    """v1 is live, deployments are held, and a push begins."""
    deployments.in_real_time()
    assert deployments.start().run() == "Deployed"
    assert deployments.ask(**HOLD).run() == "Done"
    return deployments.start(NEXT)


@pytest.fixture
@once
def resuming(world: World, deployments: Deployments) -> Deployment:
    """v1 is live, a push is pending, and deployments are resumed."""
    deployments.in_real_time()
    assert deployments.start().run() == "Deployed"
    assert deployments.ask(**HOLD).run() == "Done"
    assert deployments.start(NEXT).run() == "Held"
    return deployments.ask(**RESUME)


def fails_once(world: World, name: str, begin: Callable[[], Deployment], number: int, kind: str) -> str:
    """How the execution ends whose call with that number fails; empty if it makes fewer calls."""
    if name not in _CALLS:
        counting = begin()
        world.calls.made.clear()
        counting.run()
        _CALLS[name] = list(world.calls.made)
        pytest.skip("this one counts the calls")
    calls = _CALLS[name]
    assert len(calls) <= MOST_CALLS
    if number >= len(calls):
        return ""
    before = Counter(calls[:number])[calls[number]]
    faults: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "killed before": lambda: world.calls.killing(calls[number], skip=before),
        "killed after": lambda: world.calls.killing(calls[number], skip=before, after=True),
        "denied": lambda: world.calls.refusing(calls[number], "AccessDeniedException", skip=before),
    }
    execution = begin()
    with faults[kind](), suppress(KilledError):
        end = execution.run()
        if end == "RestoreFailed" and (calls[number], kind) == ("dynamodb.UpdateItem", "denied"):
            pytest.skip("by the lease, an invocation that could not leave may write for a minute, which no test waits")
        return end
    return execution.run()  # the machine invokes a function that was killed once more


EACH = pytest.mark.parametrize(("number", "kind"), [(number, kind) for number in range(MOST_CALLS) for kind in KINDS])


@pytest.mark.exhaustive(first=0)
@EACH
def test_a_rollback_is_whole_or_not_at_all(number: int, kind: str, world: World, rolling_back: Deployment) -> None:
    before = world.everything()
    end = fails_once(world, "rollback", lambda: rolling_back, number, kind)
    if end in ("Deployed", "NothingToDo"):
        assert (live(), barred()) == (("3", DIGEST), {NEXT: "v2"})
    elif end:
        assert end == "DeploymentFailed"
        assert (world.everything(), live(), barred()) == (before, ("2", NEXT), {})
    assert "holder" not in world.ledger()["lease"] or not end


@pytest.mark.exhaustive(first=0)
@EACH
def test_a_held_push_is_pending(number: int, kind: str, world: World, pushing: Deployment) -> None:
    before = world.everything()
    end = fails_once(world, "held", lambda: pushing, number, kind)
    if end:
        assert (end, pending()) == ("Held", NEXT) or end == "DeploymentFailed"
        assert (world.everything(), live()) == (before, ("1", DIGEST))
        assert gates()["hold"]["by"] == "ann"


@pytest.mark.exhaustive(first=0)
@EACH
def test_a_resumed_push_is_live_or_reported(number: int, kind: str, world: World, resuming: Deployment) -> None:
    end = fails_once(world, "resume", lambda: resuming, number, kind)
    if end == "Deployed":
        assert (live(), pending(), "hold" in gates()) == (("2", NEXT), None, False)
    elif end:
        assert end == "DeploymentFailed"
        assert live() == ("1", DIGEST)
        assert world.calls.notifications[-1]["outcome"] in ("failed", "refused")
