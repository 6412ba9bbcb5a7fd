"""Schedules are written while some are paused, and Sweep may end a pause meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from rota.aws import clients
from rota.deployment.items import stored
from rota.errors import TransientError
from rota.pauses.model import Pause
from rota.pauses.writing import with_pauses, without_pauses, write_schedules
from rota.schedules.backend import Change
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, SchedulerSchedule, members_of
from tests.guestbook import PREFIX, SETTINGS
from tests.stubs import asked

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
NAME = f"{PREFIX}IngestData"
OF_RULE: Change = RuleChange(kind="update", name=NAME, arn=f"arn:aws:events:us-east-1:1:rule/{NAME}")
OF_SCHEDULE: Change = SchedulerChange(kind="update", name=f"group/{NAME}", members={})
IN_FORCE = Pause(task="IngestData", since=NOW, execution="arn", version=4)
ENDING = IN_FORCE.model_copy(update={"ended_at": NOW})
SETTLED = ENDING.model_copy(update={"settled_at": NOW})
KEY = {"app": {"S": "pauses#production/guestbook-api"}, "record": {"S": "pause#IngestData"}}


@pytest.fixture
def table(new_clients: None) -> Iterator[Stubber]:
    """What DynamoDB is asked next."""
    with asked(clients.dynamodb()) as stub:
        yield stub


def item(pause: Pause) -> dict[str, Any]:
    given = pause.model_dump(mode="json", exclude_none=True)
    return {**KEY, **{name: stored(value) for name, value in given.items()}}


def reads(table: Stubber, *found: Pause) -> None:
    """All pauses are read, once more."""
    table.add_response("query", {"Items": [item(each) for each in found]})


def becomes(table: Stubber, before: Pause, after: Pause) -> None:
    """The pause is changed."""
    table.add_response("get_item", {"Item": item(before)})
    put = {"TableName": SETTINGS.table, "Item": item(after.model_copy(update={"version": before.version + 1}))}
    seen = {
        "ConditionExpression": "#version = :seen",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":seen": {"N": str(before.version)}},
    }
    table.add_response("put_item", {}, put | seen)


def written(pause: Pause | None, on: bool | None, change: Change = OF_RULE) -> list[tuple[Change, bool]]:
    """Each write, with whether the schedule is kept off."""
    writes: list[tuple[Change, bool]] = []

    def write(of: Change, kept_off: bool) -> int:
        writes.append((of, kept_off))
        return len(writes)

    known = {"IngestData": pause} if pause else {}
    results = write_schedules(SETTINGS, known, [change], lambda _change: on, write)
    assert results == [len(writes)], "what the last write has returned"
    return writes


def test_without_pauses_each_is_written_as_it_is(table: Stubber) -> None:
    assert written(None, True) == [(OF_RULE, False)]
    other = IN_FORCE.model_copy(update={"task": "SendMail"})
    assert write_schedules(SETTINGS, {"SendMail": other}, [OF_RULE], lambda _: True, lambda _, off: off) == [False]


@pytest.mark.parametrize("on", [True, None], ids=["as it was", "not said"])
@pytest.mark.parametrize("change", [OF_RULE, OF_SCHEDULE], ids=["a rule", "a schedule"])
def test_what_is_paused_is_kept_off(table: Stubber, on: bool | None, change: Change) -> None:
    reads(table, IN_FORCE)
    assert written(IN_FORCE, on, change) == [(change, True)]


@pytest.mark.parametrize(
    ("pause", "kept_off"), [(IN_FORCE, True), (SETTLED, False)], ids=["in force", "over, and settled"]
)
def test_a_pause_learns_what_its_schedule_is_afterwards(table: Stubber, pause: Pause, kept_off: bool) -> None:
    after = pause.model_copy(update={"enabled": False, "settled_at": None})
    becomes(table, pause, after)
    if kept_off:
        reads(table, after)
    assert written(pause, False) == [(OF_RULE, kept_off)]


def test_a_pause_that_is_gone_meanwhile_keeps_nothing_off(table: Stubber) -> None:
    table.add_response("get_item", {})
    assert written(IN_FORCE, False) == [(OF_RULE, False)]


@pytest.mark.parametrize("after", [[ENDING], [SETTLED], []], ids=["it is ending", "it is over", "it is gone"])
def test_what_was_paused_as_it_was_written_is_written_again(table: Stubber, after: list[Pause]) -> None:
    reads(table, *after)
    assert written(IN_FORCE, True) == [(OF_RULE, True), (OF_RULE, False)]


def test_a_schedule_waits_while_its_pause_ends(table: Stubber) -> None:
    """Sweep writes all of it, as it was read before this change."""
    just = pytest.raises(TransientError, match=r"^the pause of IngestData is just ending$")
    with just:
        written(ENDING, True, OF_SCHEDULE)
    reads(table, ENDING)
    with just:
        written(IN_FORCE, True, OF_SCHEDULE)
    assert written(ENDING, True) == [(OF_RULE, False)], "of a rule it writes the state alone"
    assert written(SETTLED, True, OF_SCHEDULE) == [(OF_SCHEDULE, False)]
    reads(table, SETTLED)
    assert written(IN_FORCE, True, OF_SCHEDULE) == [(OF_SCHEDULE, True), (OF_SCHEDULE, False)]


def test_only_what_was_kept_off_is_looked_at_once_more(table: Stubber) -> None:
    other: Change = RuleChange(kind="update", name=f"{PREFIX}SendMail", arn="arn:aws:events:us-east-1:1:rule/x")
    reads(table)
    writes: list[tuple[str, bool]] = []
    results = write_schedules(
        SETTINGS,
        {"IngestData": IN_FORCE},
        [OF_RULE, other],
        lambda _change: True,
        lambda change, off: writes.append((change.name, off)) or f"{change.name} {off}",  # type: ignore[func-returns-value]  # it is None
    )
    assert results == [f"{NAME} False", f"{PREFIX}SendMail False"]
    assert sorted(writes) == [(NAME, False), (NAME, True), (f"{PREFIX}SendMail", False)]


def test_pauses_are_read_beside_something_else(table: Stubber) -> None:
    reads(table, IN_FORCE)
    assert with_pauses(SETTINGS, lambda: "plan") == ("plan", {"IngestData": IN_FORCE})


def rule(state: str = "DISABLED") -> Rule:
    return Rule(name=NAME, schedule_expression="rate(1 hour)", state=state, tags={}, targets=())


def schedule(state: str = "DISABLED") -> SchedulerSchedule:
    shown = {"ScheduleExpression": "rate(1 hour)", "State": state, "Target": {"Arn": "x"}}
    return SchedulerSchedule(name=f"group/{NAME}", members=members_of(shown))


@pytest.mark.parametrize(
    ("pause", "found", "on"),
    [
        pytest.param(IN_FORCE, [rule()], [True], id="a rule that is paused"),
        pytest.param(IN_FORCE, [schedule()], [True], id="a schedule that is paused"),
        pytest.param(None, [rule()], [False], id="off without a pause"),
        pytest.param(IN_FORCE.model_copy(update={"enabled": False}), [rule()], [False], id="off afterwards, too"),
        pytest.param(IN_FORCE, [rule("ENABLED")], [True], id="on"),
        pytest.param(
            IN_FORCE.model_copy(update={"enabled": False}), [rule("ENABLED")], [True], id="on, as it was written since"
        ),
        pytest.param(SETTLED, [rule()], [True], id="over as it was read"),
        pytest.param(
            SETTLED.model_copy(update={"settled_at": NOW - timedelta(seconds=1)}), [rule()], [False], id="over before"
        ),
        pytest.param(IN_FORCE, [rule(), schedule()], [True, False], id="of two the rule"),
        pytest.param(None, [rule(), schedule()], [False, False], id="two without a pause"),
        pytest.param(
            IN_FORCE.model_copy(update={"in_scheduler": True}),
            [rule(), schedule()],
            [False, True],
            id="of two the schedule",
        ),
        pytest.param(IN_FORCE.model_copy(update={"in_scheduler": True}), [rule()], [True], id="the one that there is"),
    ],
)
def test_schedules_as_if_none_was_paused(
    pause: Pause | None, found: list[Rule | SchedulerSchedule], on: list[bool]
) -> None:
    schedules = {each.name: each for each in found}
    pauses = {"IngestData": pause} if pause else {}
    shown = without_pauses(SETTINGS, schedules, pauses, NOW)
    assert {name: each.is_enabled for name, each in shown.items()} == dict(zip(schedules, on, strict=True))
