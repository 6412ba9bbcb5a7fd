"""What is asked of EventBridge Scheduler, whole, and what its answers come to."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from rota.aws import clients
from rota.errors import RejectedError, TransientError
from rota.schedules.eventbridge_scheduler import api
from rota.schedules.eventbridge_scheduler.backend import EventBridgeScheduler
from rota.schedules.eventbridge_scheduler.schedule import SchedulerChange, SchedulerSchedule
from rota.schedules.found import Found
from rota.schedules.restored import Restored
from rota.schedules.revision import to_be_registered
from tests.guestbook import CLUSTER_ARN, PREFIX, SETTINGS, arn
from tests.stubs import asked

GROUP, JOB = SETTINGS.schedule_group, f"{PREFIX}IngestData"
PATH, NAMED = f"{GROUP}/{JOB}", {"GroupName": GROUP, "Name": JOB}
ECS = {"TaskDefinitionArn": arn(2)}
TARGET: dict[str, Any] = {"Arn": CLUSTER_ARN, "RoleArn": SETTINGS.scheduler_role_arn, "EcsParameters": ECS}
MEMBERS: dict[str, Any] = {
    "ScheduleExpression": "cron(0 6 * * ? *)",
    "ScheduleExpressionTimezone": "UTC",
    "State": "ENABLED",
    "ActionAfterCompletion": "NONE",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": TARGET,
}
LATE = {"ScheduleExpression": "at(2026-01-01T06:00:00)"}
# In its window: AWS may start the run just now.
CLOSING = {
    "ScheduleExpression": f"at({datetime.now(UTC) - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S})",
    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1440},
}
OFF = {"State": "DISABLED"}
RATE = {"ScheduleExpression": "rate(1 hour)"}
OTHER = {"Description": "of a person"}

# A call, and the members that it shows (None: there is no such schedule) or sends, or the code of AWS's refusal.
Call = tuple[str, dict[str, Any] | str | None]
GONE, CONFLICT, DENIED = "ResourceNotFoundException", "ConflictException", "AccessDeniedException"


@pytest.fixture
def scheduler(new_clients: None) -> Iterator[Stubber]:
    """A client, and what it is to be asked next."""
    with asked(clients.scheduler()) as stub:
        yield stub


def expect(stub: Stubber, calls: list[Call], wanted: dict[str, Any]) -> None:
    """These calls and no others. A write that is refused sends what is `wanted`."""
    for operation, given in calls:
        name = f"{operation}_schedule"
        if operation in ("get", "delete"):
            sent = NAMED
        else:
            sent = NAMED | MEMBERS | wanted | (given if isinstance(given, dict) else {})
        if given is None or isinstance(given, str):
            stub.add_client_error(name, given or GONE, "what AWS says", expected_params=sent)
        elif operation == "get":
            stub.add_response(name, MEMBERS | given, sent)
        else:
            answer = {"ScheduleArn": "arn:aws:scheduler:..."} if operation != "delete" else {}
            stub.add_response(name, answer, sent)


def schedule(**members: Any) -> SchedulerSchedule:
    return SchedulerSchedule(name=PATH, members=MEMBERS | members)


def change(kind: Any, members: dict[str, Any] | None = None, *, disable: bool = False) -> SchedulerChange:
    return SchedulerChange(kind=kind, name=PATH, members=MEMBERS | (members or {}), disable=disable)


# ---------------------------------------------------------------------- calls


def test_a_group_is_read_page_by_page(scheduler: Stubber) -> None:
    asked = {"GroupName": GROUP, "NamePrefix": PREFIX, "MaxResults": 100}
    scheduler.add_response("list_schedules", {"Schedules": [], "NextToken": "2"}, asked)
    scheduler.add_response("list_schedules", {"Schedules": [NAMED]}, asked | {"NextToken": "2"})
    expect(scheduler, [("get", OTHER)], {})
    found = api.read_group(scheduler.client, GROUP, PREFIX)
    assert {name: each.members for name, each in found.items()} == {PATH: MEMBERS | OTHER}
    read_at = found[PATH].read_at
    assert read_at
    assert abs(read_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_is_deleted_while_a_group_is_read_is_not_in_it(scheduler: Stubber) -> None:
    scheduler.add_response("list_schedules", {"Schedules": [NAMED]}, {"GroupName": GROUP, "MaxResults": 100})
    expect(scheduler, [("get", None)], {})
    assert api.read_group(scheduler.client, GROUP) == {}


def test_what_is_on_in_other_groups(scheduler: Stubber) -> None:
    others = [{"GroupName": "former", "Name": JOB}, {"GroupName": f"{GROUP}2", "Name": JOB}]
    asked = {"State": "ENABLED", "NamePrefix": PREFIX, "MaxResults": 100}
    scheduler.add_response("list_schedules", {"Schedules": [NAMED, *others]}, asked)
    assert api.on_in_other_groups(scheduler.client, GROUP, PREFIX) == {f"former/{JOB}", f"{GROUP}2/{JOB}"}


GROUP_GONE = (
    f"the schedule group {GROUP}, which the stack has made, was deleted: delete the stack and create it again; the "
    "app's rules stay"
)
NOT_TRUSTED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
CALLS: dict[str, Callable[[Any], Any]] = {
    "list_schedules": lambda client: api.read_group(client, GROUP),
    "get_schedule": lambda client: api.read_schedule(client, PATH),
    "create_schedule": lambda client: api.create(client, schedule()),
    "update_schedule": lambda client: api.replace(client, schedule()),
    "delete_schedule": lambda client: api.delete(client, PATH),
}


@pytest.mark.parametrize(
    ("operation", "code", "message", "answer"),
    [
        ("get_schedule", GONE, "", None),
        ("create_schedule", CONFLICT, "", False),
        ("update_schedule", GONE, "", False),
        ("delete_schedule", GONE, "", False),
    ],
)
def test_a_refusal_that_is_an_answer(
    operation: str, code: str, message: str, answer: object, scheduler: Stubber
) -> None:
    scheduler.add_client_error(operation, code, message)
    assert CALLS[operation](scheduler.client) is answer


def refused(operation: str, code: str, message: str = "why") -> str:
    """botocore's words."""
    return f"An error occurred ({code}) when calling the {operation} operation: {message}"


INVALID = "ValidationException"


@pytest.mark.parametrize(
    ("operation", "code", "message", "error", "said"),
    [
        ("list_schedules", GONE, "why", RejectedError, GROUP_GONE),
        ("list_schedules", DENIED, "why", ClientError, refused("ListSchedules", DENIED)),
        ("get_schedule", DENIED, "why", ClientError, refused("GetSchedule", DENIED)),
        ("create_schedule", DENIED, "why", ClientError, refused("CreateSchedule", DENIED)),
        ("update_schedule", DENIED, "why", ClientError, refused("UpdateSchedule", DENIED)),
        ("delete_schedule", DENIED, "why", ClientError, refused("DeleteSchedule", DENIED)),
        ("create_schedule", GONE, "why", ClientError, refused("CreateSchedule", GONE)),
        ("update_schedule", INVALID, "why", ClientError, refused("UpdateSchedule", INVALID)),
        *(
            (f"{each}_schedule", CONFLICT, "why", TransientError, f"{PATH} is being changed: {refused(call, CONFLICT)}")
            for each, call in (("update", "UpdateSchedule"), ("delete", "DeleteSchedule"))
        ),
        *(
            (f"{each}_schedule", INVALID, NOT_TRUSTED, TransientError, f"{PATH}: {refused(call, INVALID, NOT_TRUSTED)}")
            for each, call in (("create", "CreateSchedule"), ("update", "UpdateSchedule"))
        ),
    ],
)
def test_a_refusal_is_an_error(
    operation: str, code: str, message: str, error: type[Exception], said: str, scheduler: Stubber
) -> None:
    scheduler.add_client_error(operation, code, message)
    with pytest.raises(error) as raised:
        CALLS[operation](scheduler.client)
    assert str(raised.value) == said


# ---------------------------------------------------------------------- what steps do with one


@pytest.mark.parametrize(
    ("kind", "wanted", "calls", "late"),
    [
        pytest.param("update", {}, [("update", {})], False, id="a cron"),
        pytest.param("update", CLOSING, [("get", CLOSING)], False, id="just started"),
        pytest.param("update", CLOSING, [("get", CLOSING | OFF), ("update", {})], False, id="off until now"),
        pytest.param("update", CLOSING | OFF, [("get", CLOSING)], False, id="just started, is to be off"),
        pytest.param("update", CLOSING | OFF, [("get", CLOSING | OFF)], False, id="off, is to be off"),
        pytest.param("update", CLOSING, [("get", {}), ("update", {})], False, id="was due at another time"),
        pytest.param("update", CLOSING, [("get", None), ("update", {})], False, id="read late"),
        pytest.param("update", LATE, [("get", LATE)], False, id="past, and was on"),
        pytest.param("update", LATE, [("get", LATE | OFF)], True, id="past, and was off"),
        pytest.param("update", LATE, [("get", {}), ("update", OFF)], True, id="past, was due at another time"),
        pytest.param("update", LATE | OFF, [("update", {})], False, id="past, and is to be off"),
        pytest.param("create", {}, [("create", {})], False, id="new"),
        pytest.param("create", LATE, [("create", OFF)], True, id="new, and past"),
        pytest.param("create", {}, [("create", CONFLICT), ("get", {})], False, id="made before"),
        pytest.param("create", {}, [("create", CONFLICT), ("get", OTHER), ("update", {})], False, id="made otherwise"),
        pytest.param("create", {}, [("create", CONFLICT), ("get", None), ("create", {})], False, id="gone again"),
        pytest.param(
            "create",
            {},
            [("create", CONFLICT), ("get", OTHER), ("update", GONE), ("create", {})],
            False,
            id="gone as it is written",
        ),
        pytest.param("create", CLOSING, [("create", CONFLICT), ("get", CLOSING)], False, id="made, just started"),
        pytest.param(
            "create", CLOSING, [("create", CONFLICT), ("get", CLOSING | OFF), ("update", {})], False, id="made off"
        ),
        pytest.param(
            "create", CLOSING | OFF, [("create", CONFLICT), ("get", CLOSING | OFF)], False, id="made off, stays off"
        ),
    ],
)
def test_what_is_written_of_a_schedule(
    kind: str, wanted: dict[str, Any], calls: list[Call], late: bool, scheduler: Stubber
) -> None:
    expect(scheduler, calls, wanted)
    assert EventBridgeScheduler(SETTINGS).apply(change(kind, wanted), {}) is late


@pytest.mark.parametrize(("shown", "late"), [(LATE, False), (LATE | OFF, True)], ids=["on", "off"])
def test_one_that_was_made_before_and_is_past_is_not_written(
    shown: dict[str, Any], late: bool, scheduler: Stubber
) -> None:
    expect(scheduler, [("create", CONFLICT), ("get", shown)], LATE | OFF)
    assert EventBridgeScheduler(SETTINGS).apply(change("create", LATE), {}) is late


def test_what_is_written_runs_the_revision_that_was_registered(scheduler: Stubber) -> None:
    planned = {"Target": TARGET | {"EcsParameters": {"TaskDefinitionArn": to_be_registered("f")}}}
    expect(scheduler, [("update", {})], {"Target": TARGET | {"EcsParameters": {"TaskDefinitionArn": arn(9)}}})
    assert EventBridgeScheduler(SETTINGS).apply(change("update", planned), {"f": arn(9)}) is False


def test_an_update_of_what_a_person_deleted_is_refused(scheduler: Stubber) -> None:
    expect(scheduler, [("update", GONE)], {})
    with pytest.raises(RejectedError) as raised:
        EventBridgeScheduler(SETTINGS).apply(change("update"), {})
    assert str(raised.value) == f"the schedule {PATH} was deleted since the deployment was planned; start it again"


@pytest.mark.parametrize("there", [True, False])
def test_one_that_is_removed_is_switched_off_and_deleted(there: bool, scheduler: Stubber) -> None:
    expect(scheduler, [("update", OFF if there else GONE), ("delete", {} if there else GONE)], OFF)
    backend, removed = EventBridgeScheduler(SETTINGS), change("remove", disable=True)
    assert (backend.disable(removed), backend.delete(removed)) == (there, there)


OVER = f"the schedule {PATH} is off, because its last run is past, and AWS might have started it at once"
DONE, NOTHING = Restored(changed=True), Restored()
PAST = {"StartDate": "2026-01-01T06:00:00Z"}


@pytest.mark.parametrize(
    ("undone", "before", "calls", "restored"),
    [
        pytest.param(change("create"), None, [("delete", {})], DONE, id="created"),
        pytest.param(change("create"), None, [("delete", GONE)], NOTHING, id="not created yet"),
        pytest.param(change("remove"), {}, [], NOTHING, id="not switched off"),
        pytest.param(change("remove", disable=True), OFF, [], NOTHING, id="off before"),
        pytest.param(change("remove", disable=True), {}, [("update", {})], DONE, id="switched off"),
        pytest.param(change("update"), {}, [("update", {})], DONE, id="updated"),
        pytest.param(change("update"), {}, [("update", GONE), ("create", {})], DONE, id="deleted meanwhile"),
        pytest.param(change("update"), CLOSING, [("get", CLOSING)], NOTHING, id="just started, and left alone"),
        pytest.param(change("update"), CLOSING, [("get", CLOSING | OFF), ("update", {})], DONE, id="just started"),
        pytest.param(
            change("update"), CLOSING, [("get", None), ("update", GONE), ("create", {})], DONE, id="and deleted"
        ),
        pytest.param(change("update"), LATE, [("update", OFF)], Restored(changed=True, remark=OVER), id="past"),
        pytest.param(change("update"), LATE | OFF, [("update", {})], DONE, id="past, and off before"),
        pytest.param(
            change("update"),
            RATE | PAST,
            [("update", {"StartDate": ANY})],
            Restored(changed=True, redated=PATH),
            id="a rate whose start is past",
        ),
        pytest.param(change("update"), RATE, [("update", {"StartDate": ANY})], DONE, id="a rate without a start"),
    ],
)
def test_what_a_restore_writes(
    undone: SchedulerChange,
    before: dict[str, Any] | None,
    calls: list[Call],
    restored: Restored,
    scheduler: Stubber,
) -> None:
    expect(scheduler, calls, before or {})
    found = EventBridgeScheduler(SETTINGS).restore(undone, None if before is None else schedule(**before), retries=0)
    assert found == restored


@pytest.mark.parametrize(
    ("code", "retries", "shown", "is_believed"),
    [
        pytest.param(DENIED, 3, [], False, id="at first"),
        pytest.param(DENIED, 4, [("get", {})], True, id="later, as before"),
        pytest.param(DENIED, 4, [("get", OTHER)], False, id="later, otherwise"),
        pytest.param(DENIED, 4, [("get", None)], False, id="later, gone"),
        pytest.param("ThrottlingException", 4, [], False, id="throttled"),
    ],
)
def test_a_restore_that_is_refused(
    code: str, retries: int, shown: list[Call], is_believed: bool, scheduler: Stubber
) -> None:
    expect(scheduler, [("update", code), *shown], {})
    backend = EventBridgeScheduler(SETTINGS)
    if is_believed:
        assert backend.restore(change("update"), schedule(), retries) == NOTHING
        return
    with pytest.raises(ClientError, match=code):
        backend.restore(change("update"), schedule(), retries)


ON, IS_OFF = (
    Found(exists=True, is_owned=True, is_on=True, in_scheduler=True),
    Found(exists=True, is_owned=True, in_scheduler=True),
)


@pytest.mark.parametrize(
    ("on", "calls", "found"),
    [
        pytest.param(True, [("get", {})], ON, id="on already"),
        pytest.param(False, [("get", {}), ("update", OFF)], ON, id="off"),
        pytest.param(False, [("get", OFF)], IS_OFF, id="off already"),
        pytest.param(True, [("get", OFF), ("update", {})], IS_OFF, id="on"),
        pytest.param(True, [("get", None)], Found(), id="none"),
        pytest.param(True, [("get", OFF), ("update", GONE)], Found(), id="deleted meanwhile"),
    ],
)
def test_a_schedule_is_found_and_switched(on: bool, calls: list[Call], found: Found, scheduler: Stubber) -> None:
    backend = EventBridgeScheduler(SETTINGS)
    expect(scheduler, calls[:1], {})
    assert backend.find(JOB) == (Found() if calls == [("get", None)] else ON if calls[0] == ("get", {}) else IS_OFF)
    expect(scheduler, calls, {})
    assert backend.switch(JOB, on=on) == found


def test_the_inventory_of_the_group(scheduler: Stubber) -> None:
    """One call after the other, so that they have an order."""
    scheduler.add_response("list_schedules", {"Schedules": [NAMED]}, {"GroupName": GROUP, "MaxResults": 100})
    expect(scheduler, [("get", {})], {})
    elsewhere = {"Schedules": [NAMED, {"GroupName": "former", "Name": JOB}]}
    scheduler.add_response("list_schedules", elsewhere, {"State": "ENABLED", "NamePrefix": PREFIX, "MaxResults": 100})
    with ThreadPoolExecutor(1) as pool:
        found = EventBridgeScheduler(SETTINGS).inventory(pool)()
    assert ([*found.schedules], found.elsewhere) == ([PATH], {f"former/{JOB}"})


def test_the_revisions_that_the_group_runs(scheduler: Stubber) -> None:
    asked = {"GroupName": GROUP, "NamePrefix": PREFIX, "MaxResults": 100}
    scheduler.add_response("list_schedules", {"Schedules": [NAMED]}, asked)
    expect(scheduler, [("get", {})], {})
    assert EventBridgeScheduler(SETTINGS).revisions_in_use() == {arn(2)}
