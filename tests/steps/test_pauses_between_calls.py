"""Sweep ends a pause, without the lease, between any two calls of whoever writes the schedule, which may die then."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from stage.gateway.calls import Call, Reply
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, NEXT, Deployment, Deployments
from tests.steps.local_stage import local_stage
from tests.steps.snapshots import once
from tests.steps.test_pauses import HOUR, JOB, in_an_hour, in_force, pause, states, sweep
from tests.steps.world import World

GOES = "CountTeaspoons"
# More than any of them makes.
MOST_CALLS = 60


class Between:
    """Sweep before the call with that number; then the function that makes it may be killed once it is carried out."""

    def __init__(self, number: int, *, kills: bool) -> None:
        self._number, self._kills = number, kills
        self._sweeps = False
        self._faults = ExitStack()
        self.made = 0

    def before(self, call: Call) -> Reply | None:
        if call.caller is None or self._sweeps:
            return None
        if self.made == self._number:
            self._sweeps = True
            sweep(2 * HOUR)
            self._sweeps = False
            if self._kills:
                fault = {"service": call.service, "operation": call.operation, "fault": "kill_after"}
                self._faults.enter_context(local_stage().failing(**fault))
        self.made += 1
        return None

    def after(self, call: Call, reply: Reply) -> None:
        """Nothing."""

    @contextmanager
    def hooked(self) -> Iterator[None]:
        with self._faults, local_stage().hooked(self):
            yield


@pytest.fixture
@once
def pausing(of_before: Deployments) -> Deployment:
    """ChangePauses comes next, and pauses a job."""
    return of_before.ask(**pause(until=in_an_hour())).until("ChangePauses")


@pytest.fixture
@once
def deploying(world: World, of_before: Deployments) -> Deployment:
    """ClearRules comes next. Two jobs are paused, one of which leaves the file."""
    of_before.ask(**pause(JOB, GOES, until=in_an_hour())).run()
    world.upload(AFTER)
    return of_before.start(NEXT).until("ClearRules")


@pytest.fixture
@once
def restoring(deploying: Deployment) -> Deployment:
    """RestoreDeployment comes next, after all schedules are written."""
    deploying.until("RollService").fail("RejectedError", "what happened")
    return deploying


def begin_again(execution: Deployment) -> None:
    execution.run()


def stop_it(execution: Deployment) -> None:
    execution.stop()
    execution.restorer().run()


def played(
    execution: Deployment, work: Callable[[], object], number: int, then: Callable[[Deployment], None] | None
) -> int:
    """How many calls were made. With `then`, the function was killed, and that was done."""
    between = Between(number, kills=then is not None)
    with between.hooked(), suppress(KilledError):
        work()
        return between.made
    if then:
        then(execution)
    return between.made


# The first are those in which a pause is written and its rule disabled.
NUMBERS = sorted(range(MOST_CALLS), key=lambda number: abs(number - 7))
EACH = pytest.mark.parametrize(
    ("number", "then"),
    [(number, then) for number in NUMBERS for then in (begin_again, stop_it, None)],
    ids=[f"{number} {then}" for number in NUMBERS for then in ("is tried again", "is stopped", "goes on")],
)


@pytest.mark.exhaustive(first=1)
@EACH
def test_a_pause(number: int, then: Callable[[Deployment], None] | None, world: World, pausing: Deployment) -> None:
    made = played(pausing, pausing.run, number, then)
    assert made < MOST_CALLS
    sweep(2 * HOUR)
    assert (set(states(world).values()), in_force()) == ({"ENABLED"}, set())


@pytest.mark.exhaustive(first=0)
@EACH
def test_a_deployment(
    number: int, then: Callable[[Deployment], None] | None, world: World, deploying: Deployment
) -> None:
    made = played(deploying, deploying.run, number, then)
    assert made < MOST_CALLS
    sweep(2 * HOUR)
    assert (set(states(world).values()), in_force()) == ({"ENABLED"}, set())


@pytest.mark.exhaustive(first=0)
@EACH
def test_a_restore(number: int, then: Callable[[Deployment], None] | None, world: World, restoring: Deployment) -> None:
    played(restoring, restoring.restore, number, then)
    sweep(2 * HOUR)
    assert (set(states(world).values()), in_force()) == ({"ENABLED"}, set())
