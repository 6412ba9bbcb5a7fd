"""What a pause, a resume and a withdrawal make of the pauses that there are, each at one moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.contract.deployment import Execution, Kind, Origin
from rota.errors import RejectedError
from rota.pauses import change
from rota.pauses.model import Pause
from rota.pauses.table import PauseTable
from tests.guestbook import APP, ENVIRONMENT, PREFIX, SETTINGS
from tests.in_process import client
from tests.steps.deployments import Deployments
from tests.steps.test_pauses import JOB, OTHER, pauses, states
from tests.steps.world import World

NOW = datetime(2027, 1, 31, 6, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
EXECUTION = Execution(id="arn", name="e", started_at=NOW)


def write(**members: Any) -> Pause:
    """A pause that is there already."""
    given = Pause(**{"task": JOB, "since": NOW - DAY, "execution": "arn", **members})
    written = PauseTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP).write(given, None)
    assert written is not None
    return written


@pytest.mark.parametrize(
    ("changes", "tasks", "ends"),
    [
        pytest.param({"ended_at": NOW, "ended_by": "resume by bob"}, (), {JOB, OTHER}, id="it had ended one"),
        pytest.param({"ended_at": NOW, "ended_by": "resume by bob"}, (JOB,), {JOB}, id="of one task"),
        pytest.param({"ended_at": NOW - SECOND, "ended_by": "resume by bob"}, (), {JOB}, id="another one had"),
        pytest.param({"ended_at": NOW, "ended_by": "resume by ann"}, (), {JOB}, id="by another person"),
        pytest.param({"ended_at": NOW}, (), {JOB}, id="its time was up"),
        pytest.param({}, (), set(), id="it had ended none"),
    ],
)
def test_a_resume_that_had_begun_is_finished(
    changes: dict[str, Any], tasks: tuple[str, ...], ends: set[str], world: World
) -> None:
    for task, more in ((JOB, changes), (OTHER, {})):
        write(task=task, **more)
    origin, later = Origin(kind=Kind.RESUME, by="bob"), NOW + HOUR
    had_begun = changes.get("ended_by") == "resume by bob" and changes["ended_at"] == NOW
    assert change.finish_resume(SETTINGS, tasks, origin, NOW, later) is had_begun
    found = pauses()
    assert {task for task, each in found.items() if each.ended_at} == ends
    assert found[OTHER].ended_by == ("resume by bob" if OTHER in ends else "")


WITHDRAWN = {"ended_at": NOW, "ended_by": "withdrawn, because it could not be carried out", "settled_at": NOW}
BEFORE_IT = Pause(task=JOB, since=NOW - 2 * DAY, execution="before")


@pytest.mark.parametrize(
    ("changes", "becomes", "state"),
    [
        pytest.param({}, WITHDRAWN, "ENABLED", id="in force"),
        pytest.param({"enabled": False}, WITHDRAWN, "DISABLED", id="of one that is not on"),
        pytest.param({"replaces": BEFORE_IT}, BEFORE_IT.model_dump(), "DISABLED", id="the one before is back"),
        pytest.param({"ended_at": NOW - HOUR}, {"settled_at": NOW}, "ENABLED", id="that Sweep has ended"),
        pytest.param({"execution": "another"}, {}, "DISABLED", id="another's"),
    ],
)
def test_what_a_withdrawal_makes_of_a_pause(
    changes: dict[str, Any], becomes: dict[str, Any], state: str, world: World, later: Deployments
) -> None:
    client("events").disable_rule(Name=PREFIX + JOB)
    given = write(**changes)
    assert change.withdraw(SETTINGS, "arn", NOW) == ([] if "execution" in changes else [JOB])
    expected = given.model_copy(update=becomes)
    assert pauses()[JOB].model_dump(exclude={"version"}) == expected.model_dump(exclude={"version"})
    assert states(world)[JOB] == state


OVER: dict[str, Any] = {"ended_at": NOW - HOUR, "ended_by": "resume by bob"}


@pytest.mark.parametrize(
    ("seen", "on", "expected"),
    [
        pytest.param(None, True, {"enabled": True}, id="on"),
        pytest.param(None, False, {"enabled": False}, id="off"),
        pytest.param(
            {}, False, {"since": NOW - DAY, "reported_at": NOW, "enabled": True, "replaces": ...}, id="paused already"
        ),
        pytest.param(OVER, False, {"enabled": True}, id="a pause that is not settled"),
        pytest.param(OVER | {"enabled": False, "settled_at": NOW}, True, {"enabled": False}, id="settled just now"),
        pytest.param(OVER | {"enabled": False, "settled_at": NOW - SECOND}, True, {"enabled": True}, id="before that"),
        pytest.param(OVER | {"in_scheduler": True}, False, {"in_scheduler": True}, id="whose schedule is no rule"),
    ],
)
def test_what_a_pause_knows_of_the_one_before(
    seen: dict[str, Any] | None, on: bool, expected: dict[str, Any], world: World, later: Deployments
) -> None:
    if not on:
        client("events").disable_rule(Name=PREFIX + JOB)
    before = None if seen is None else write(execution="before", **seen)
    asked = change.Asked((JOB,), None, Origin(kind=Kind.PAUSE, by="ann"), EXECUTION)
    assert change.pause(SETTINGS, asked, NOW) == f"{JOB} is paused by ann until a person resumes it"
    whole = {"task": JOB, "since": NOW, "by": "ann", "execution": "arn", **expected}
    found = pauses()[JOB]
    assert found == Pause(**{**whole, "replaces": before if "replaces" in expected else None, "version": found.version})
    assert states(world)[JOB] == "DISABLED"


def test_a_pause_whose_time_is_up_begins_only_if_it_had_begun(world: World, later: Deployments) -> None:
    """An attempt before this one may have written it."""
    asked = change.Asked((JOB,), NOW, Origin(kind=Kind.PAUSE, by="ann"), EXECUTION)
    assert change.pause(SETTINGS, asked, NOW) == (
        "nothing was paused: 2027-01-31 06:00 UTC was over before this execution held the lease"
    )
    assert pauses() == {}
    assert change.pause(SETTINGS, asked, NOW - SECOND).startswith(f"{JOB} is paused by ann until 2027-01-31 06:00 UTC")
    first = pauses()
    assert change.pause(SETTINGS, asked, NOW).startswith(f"{JOB} is paused by ann until 2027-01-31 06:00 UTC")
    assert pauses() == first


@pytest.mark.parametrize(
    ("changes", "becomes", "said"),
    [
        pytest.param(
            {"reported_at": NOW - HOUR},
            {"ended_at": NOW, "ended_by": "resume by bob", "settled_at": NOW, "reported_at": None},
            f"{JOB} is not paused any more",
            id="in force",
        ),
        pytest.param(OVER, {"settled_at": NOW}, f"{JOB} is not paused any more", id="over, and its schedule is off"),
        pytest.param(OVER | {"settled_at": NOW - HOUR}, {}, "no task was paused", id="over"),
    ],
)
def test_what_a_resume_makes_of_a_pause(
    changes: dict[str, Any], becomes: dict[str, Any], said: str, world: World, later: Deployments
) -> None:
    given = write(**changes)
    assert change.resume(SETTINGS, (), Origin(kind=Kind.RESUME, by="bob"), NOW) == said
    expected = given.model_copy(update=becomes)
    assert pauses()[JOB].model_dump(exclude={"version"}) == expected.model_dump(exclude={"version"})


def test_what_cannot_be_paused_is_named_once(world: World, later: Deployments) -> None:
    client("events").untag_resource(ResourceARN=world.owned_rules()[JOB]["Arn"], TagKeys=["rota:app"])
    asked = change.Asked((JOB, OTHER, "Nothing"), None, Origin(kind=Kind.PAUSE, by="ann"), EXECUTION)
    with pytest.raises(RejectedError) as refused:
        change.pause(SETTINGS, asked, NOW)
    assert str(refused.value) == (
        f"nothing was paused: there is no schedule {PREFIX}Nothing; name tasks as the schedule file that is live does, "
        f"in upper and lower case; the schedule {PREFIX}{JOB} is not the app's, so Rota does not change it"
    )
    assert pauses() == {}
