"""What is asked of EventBridge for rules, whole, and what its answers come to."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rota.aws import clients
from rota.errors import RejectedError, TransientError
from rota.schedule_file.when import When
from rota.schedules.eventbridge_rules import api
from rota.schedules.eventbridge_rules.backend import EventBridgeRules
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.schedules.found import Found
from rota.schedules.restored import Restored
from rota.schedules.revision import to_be_registered
from tests.guestbook import APP, CLUSTER_ARN, PREFIX, SETTINGS, arn
from tests.stubs import asked

JOB = f"{PREFIX}IngestData"
RULE_ARN = f"arn:aws:events:us-east-1:123456789012:rule/{JOB}"
OWN, FOREIGN = {"rota:app": APP}, {"rota:app": "production/another"}
CRON, LATER = "cron(0 6 * * ? *)", "cron(0 7 * * ? *)"
GONE, DENIED, INVALID = "ResourceNotFoundException", "AccessDeniedException", "ValidationException"
TARGET: dict[str, Any] = {"Id": JOB, "Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": arn(2)}}
PUT = {"Name": JOB, "ScheduleExpression": CRON, "State": "ENABLED"}
ASKED, TAGGED = {"ResourceARN": RULE_ARN}, [{"Key": "rota:app", "Value": APP}]


def client(stub: Stubber) -> Any:
    return stub.client


@pytest.fixture
def events(new_clients: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """A client, and what it is to be asked next. `time.sleep` returns at once."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with asked(clients.events()) as stub:
        yield stub


def tags(stub: Stubber, *found: dict[str, str] | None) -> None:
    """The rule is asked for its tags; None: there is no such rule."""
    for each in found:
        if each is None:
            stub.add_client_error("list_tags_for_resource", GONE, "no such rule", expected_params=ASKED)
        else:
            listed = [{"Key": key, "Value": value} for key, value in each.items()]
            stub.add_response("list_tags_for_resource", {"Tags": listed}, ASKED)


def puts(stub: Stubber, *targets: dict[str, Any], given: list[dict[str, str]] = TAGGED, **rule: Any) -> None:
    """The rule is put, and its targets."""
    stub.add_response("put_rule", {"RuleArn": RULE_ARN}, PUT | rule | {"Tags": given})
    puts_targets(stub, *targets)


def puts_targets(stub: Stubber, *targets: dict[str, Any]) -> None:
    answer: dict[str, Any] = {"FailedEntryCount": 0, "FailedEntries": []}
    stub.add_response("put_targets", answer, {"Rule": JOB, "Targets": [*targets]})


def removes_targets(stub: Stubber, *ids: str, failed: tuple[dict[str, str], ...] = ()) -> None:
    answer = {"FailedEntryCount": len(failed), "FailedEntries": [*failed]}
    stub.add_response("remove_targets", answer, {"Rule": JOB, "Ids": [*ids]})


def deletes(stub: Stubber) -> None:
    stub.add_response("list_targets_by_rule", {"Targets": [TARGET]}, {"Rule": JOB})
    removes_targets(stub, JOB)
    stub.add_response("delete_rule", {}, {"Name": JOB})


def rule(**changes: Any) -> Rule:
    whole = {"name": JOB, "schedule_expression": CRON, "state": "ENABLED", "tags": OWN, "targets": (TARGET,)}
    return Rule(**whole | changes)


def change(kind: Any, **members: Any) -> RuleChange:
    return RuleChange(kind=kind, name=JOB, arn=RULE_ARN, **members)


WRITES: dict[str, Any] = {"put_rule": PUT, "put_targets": (TARGET,)}


# ---------------------------------------------------------------------- calls


def test_rules_are_listed_page_by_page(events: Stubber) -> None:
    asked = {"NamePrefix": PREFIX, "Limit": 100}
    events.add_response("list_rules", {"Rules": [{"Name": "a"}], "NextToken": "2"}, asked)
    events.add_response("list_rules", {"Rules": [{"Name": "b"}]}, asked | {"NextToken": "2"})
    assert api.list_rules(client(events), PREFIX) == [{"Name": "a"}, {"Name": "b"}]
    events.add_response("list_rules", {"Rules": []}, {"Limit": 100})
    assert api.list_rules(client(events), "") == []


LISTED: Any = {"Name": JOB, "Arn": RULE_ARN, "State": "ENABLED", "ScheduleExpression": CRON}


def test_only_what_is_not_known_is_asked_for_its_tags(events: Stubber) -> None:
    other = LISTED | {"Name": "other"}
    tags(events, {"a": "1"})
    assert api.tags_of(client(events), [LISTED, other], {"other": OWN}) == {JOB: {"a": "1"}, "other": OWN}
    tags(events, None)
    assert api.tags_of(client(events), [LISTED], {}) == {}, "it was deleted since it was listed"


def test_a_rule_is_read_whole(events: Stubber) -> None:
    more = {"EventPattern": "{}", "Description": "d", "RoleArn": "a-role", "ManagedBy": "scaling.amazonaws.com"}
    asked = {"Rule": JOB}
    shown = TARGET | {"EcsParameters": {"TaskDefinitionArn": arn(2), "Tags": [], "Group": ""}}
    events.add_response("describe_rule", LISTED | more, {"Name": JOB})
    tags(events, OWN)
    events.add_response("list_targets_by_rule", {"Targets": [shown], "NextToken": "2"}, asked)
    queue = {"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"}
    events.add_response("list_targets_by_rule", {"Targets": [queue]}, asked | {"NextToken": "2"})
    assert api.read_rule(client(events), JOB) == Rule(
        name=JOB,
        schedule_expression=CRON,
        event_pattern="{}",
        state="ENABLED",
        description="d",
        role_arn="a-role",
        managed_by="scaling.amazonaws.com",
        tags=OWN,
        targets=(TARGET, queue),
    )
    events.add_response("list_targets_by_rule", {"Targets": [queue]}, asked)
    least = api.read_rules(client(events), [{"Name": JOB, "State": "DISABLED"}], {JOB: {}})
    assert least == {JOB: Rule(name=JOB, schedule_expression=None, state="DISABLED", tags={}, targets=(queue,))}


def test_a_rule_that_is_deleted_while_it_is_read(events: Stubber) -> None:
    events.add_client_error("describe_rule", GONE)
    assert api.read_rule(client(events), JOB) is None
    events.add_response("describe_rule", LISTED, {"Name": JOB})
    tags(events, None)
    events.add_client_error("list_targets_by_rule", GONE)
    assert api.read_rule(client(events), JOB) is None


def test_a_change_is_sent_in_order(events: Stubber) -> None:
    """AWS's own tags are refused from others."""
    puts(events, TARGET)
    removes_targets(events, *(f"t{number}" for number in range(10)))
    removes_targets(events, "t10", failed=({"TargetId": "t10", "ErrorCode": GONE, "ErrorMessage": "gone"},))
    gone = tuple(f"t{number}" for number in range(11))
    api.send(client(events), change("update", **WRITES, remove_targets=gone), OWN | {"aws:cloudformation:stack": "x"})
    api.send(client(events), change("update"), OWN)


def test_a_target_that_is_not_removed_is_an_error(events: Stubber) -> None:
    failed = tuple({"TargetId": each, "ErrorCode": DENIED, "ErrorMessage": f"why {each}"} for each in ("a", "b"))
    removes_targets(events, "a", "b", failed=failed)
    with pytest.raises(RejectedError, match=f"^RemoveTargets on {JOB} was denied: why a$"):
        api.remove_targets(client(events), JOB, ["a", "b"])


@pytest.mark.parametrize(
    ("operation", "call", "code", "error", "said"),
    [
        pytest.param(
            "delete_rule",
            lambda client: api.delete(client, JOB),
            INVALID,
            TransientError,
            f"EventBridge still sees the targets that {JOB} has lost: An error occurred ({INVALID})",
            id="targets that are shown late",
        ),
        pytest.param(
            "delete_rule", lambda client: api.delete(client, JOB), DENIED, ClientError, "", id="a deletion denied"
        ),
        pytest.param(
            "put_targets",
            lambda client: api.send(client, change("create", **WRITES), OWN),
            GONE,
            TransientError,
            f"EventBridge does not see the rule {JOB} yet, which it has just made: An error occurred ({GONE})",
            id="a rule that is seen late",
        ),
        pytest.param(
            "put_targets",
            lambda client: api.send(client, change("update", put_targets=(TARGET,)), OWN),
            GONE,
            ClientError,
            "",
            id="a rule that was there",
        ),
        pytest.param(
            "put_targets",
            lambda client: api.send(client, change("create", **WRITES), OWN),
            DENIED,
            ClientError,
            "",
            id="targets denied",
        ),
    ],
)
def test_a_refusal_is_an_error(
    operation: str, call: Callable[[Any], Any], code: str, error: type[Exception], said: str, events: Stubber
) -> None:
    if operation == "delete_rule":
        events.add_response("list_targets_by_rule", {"Targets": [TARGET]}, {"Rule": JOB})
        removes_targets(events, JOB)
    elif error is TransientError or code == DENIED:
        events.add_response("put_rule", {"RuleArn": RULE_ARN})
    events.add_client_error(operation, code, "what AWS says")
    with pytest.raises((TransientError, ClientError)) as raised:
        call(client(events))
    assert isinstance(raised.value, error)
    assert str(raised.value).startswith(said or f"An error occurred ({code})")


def test_a_target_that_is_not_put_is_an_error(events: Stubber) -> None:
    failed = [{"TargetId": JOB, "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "why"}]
    events.add_response("put_targets", {"FailedEntryCount": 1, "FailedEntries": failed})
    with pytest.raises(TransientError, match=f"^PutTargets on {JOB}: ConcurrentModificationException: why$"):
        api.send(client(events), change("update", put_targets=(TARGET,)), OWN)


def test_what_is_gone_is_as_good_as_deleted(events: Stubber) -> None:
    deletes(events)
    assert api.delete(client(events), JOB) is True
    events.add_client_error("list_targets_by_rule", GONE)
    assert api.delete(client(events), JOB) is False


def test_a_write_says_whether_a_rule_is_there(events: Stubber) -> None:
    removes_targets(events, "rota-is-it-there")
    assert api.exists(client(events), JOB) is True
    events.add_client_error("remove_targets", GONE)
    assert api.exists(client(events), JOB) is False


# ---------------------------------------------------------------------- what steps do with one


@pytest.mark.parametrize(
    ("shown", "is_read"), [(OWN, True), (FOREIGN, False), (None, False)], ids=["own", "foreign", "no tags"]
)
def test_only_the_apps_rule_is_read(shown: dict[str, str] | None, is_read: bool, events: Stubber) -> None:
    events.add_response("describe_rule", LISTED, {"Name": JOB})
    tags(events, shown)
    events.add_response("list_targets_by_rule", {"Targets": [TARGET]}, {"Rule": JOB})
    assert EventBridgeRules(SETTINGS).read(JOB) == (rule() if is_read else None)


@pytest.mark.parametrize("targets", [[TARGET, {"Id": "q", "Arn": "arn:aws:sqs:us-east-1:1:q"}], None])
def test_the_revisions_that_rules_run(targets: list[dict[str, Any]] | None, events: Stubber) -> None:
    events.add_response("list_rules", {"Rules": [LISTED]}, {"NamePrefix": PREFIX, "Limit": 100})
    if targets is None:
        events.add_client_error("list_targets_by_rule", GONE)
    else:
        events.add_response("list_targets_by_rule", {"Targets": targets}, {"Rule": JOB})
    assert EventBridgeRules(SETTINGS).revisions_in_use() == ({arn(2)} if targets else set())


def test_the_inventory_of_the_bus(events: Stubber) -> None:
    """Only what the index does not list is asked for its tags; one call after the other, so that they have an order."""
    managed = LISTED | {"Name": f"{PREFIX}Managed", "ManagedBy": "scaling.amazonaws.com"}
    foreign = LISTED | {"Name": f"{PREFIX}Foreign"}
    others = [managed, foreign, LISTED | {"Name": "elsewhere"}]
    events.add_response("list_rules", {"Rules": [LISTED, *others]}, {"Limit": 100})
    tags(events, FOREIGN)
    events.add_response("list_targets_by_rule", {"Targets": [TARGET]}, {"Rule": JOB})
    index = [{"ResourceARN": RULE_ARN.replace(JOB, each), "Tags": TAGGED} for each in (JOB, managed["Name"])]
    with asked(clients.tagging()) as stub:
        stub.add_response("get_resources", {"ResourceTagMappingList": index})
        with ThreadPoolExecutor(1) as pool:
            found = EventBridgeRules(SETTINGS).inventory(pool)()
    assert found.schedules == {JOB: rule()}
    assert found.tags == {JOB: OWN, managed["Name"]: OWN, foreign["Name"]: FOREIGN}
    assert found.managers == {managed["Name"]: "scaling.amazonaws.com"}
    assert found.names == {JOB, managed["Name"], foreign["Name"], "elsewhere"}
    assert found.indexed == {JOB, managed["Name"]}


BY_OTHERS = (
    f"the rule {JOB} was {{}} by someone else since the deployment was planned: its tag rota:app is {{}}, not "
    f"'{APP}'; rename the task, or tag the rule to hand it over, and start the deployment again"
)


@pytest.mark.parametrize(
    ("kind", "shown", "refused"),
    [
        pytest.param("create", [None], None, id="new"),
        pytest.param("create", [OWN], None, id="made before"),
        pytest.param("create", [{}, OWN], None, id="made before, its tags are shown late"),
        pytest.param("create", [{}, {}], BY_OTHERS.format("created", "None"), id="made by a person"),
        pytest.param("create", [{}, None], None, id="deleted meanwhile"),
        pytest.param("create", [FOREIGN], BY_OTHERS.format("created", "'production/another'"), id="of another app"),
        pytest.param("update", [OWN], None, id="there"),
        pytest.param("update", [{}], BY_OTHERS.format("untagged", "None"), id="untagged"),
        pytest.param(
            "update",
            [None],
            f"the rule {JOB} was deleted since the deployment was planned; start it again",
            id="deleted",
        ),
    ],
)
def test_a_rule_is_written_if_it_is_the_apps(
    kind: str, shown: list[dict[str, str] | None], refused: str | None, events: Stubber
) -> None:
    tags(events, *shown)
    backend = EventBridgeRules(SETTINGS)
    planned = TARGET | {"EcsParameters": {"TaskDefinitionArn": to_be_registered("f")}}
    wanted = change(kind, put_rule=PUT, put_targets=(planned,))
    if refused is None:
        puts(events, TARGET)
        assert backend.apply(wanted, {"f": arn(2)}) is False
        return
    with pytest.raises(RejectedError) as raised:
        backend.apply(wanted, {})
    assert str(raised.value) == refused


@pytest.mark.parametrize("shown", [None, {}, FOREIGN], ids=["deleted", "untagged", "of another app"])
def test_what_is_no_longer_the_apps_is_not_removed(shown: dict[str, str] | None, events: Stubber) -> None:
    backend, removed = EventBridgeRules(SETTINGS), change("remove", disable=True)
    tags(events, shown, shown)
    assert (backend.disable(removed), backend.delete(removed)) == (False, False)


def test_one_that_is_removed_is_disabled_and_deleted(events: Stubber) -> None:
    backend, removed = EventBridgeRules(SETTINGS), change("remove", disable=True)
    tags(events, OWN)
    events.add_response("disable_rule", {}, {"Name": JOB})
    assert backend.disable(removed) is True
    tags(events, OWN)
    deletes(events)
    assert backend.delete(removed) is True


DONE, NOTHING = Restored(changed=True), Restored()
OTHERS = f"the rule {JOB} has another owner now and was left unchanged"


def enables(stub: Stubber) -> None:
    stub.add_response("enable_rule", {}, {"Name": JOB})


FOR_CLOUDTRAIL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@pytest.mark.parametrize(
    ("undone", "before", "shown", "writes", "restored"),
    [
        pytest.param(change("create"), None, OWN, deletes, DONE, id="created"),
        pytest.param(
            change("create"),
            None,
            FOREIGN,
            None,
            Restored(remark=f"the rule {JOB} has another owner and was left unchanged"),
            id="created by others",
        ),
        pytest.param(
            change("create"),
            None,
            None,
            lambda stub: stub.add_client_error("remove_targets", GONE),
            NOTHING,
            id="not created yet",
        ),
        pytest.param(change("update", **WRITES), rule(), FOREIGN, None, Restored(remark=OTHERS), id="of others now"),
        pytest.param(
            change("remove", disable=True),
            rule(),
            FOREIGN,
            None,
            Restored(remark=f"{OTHERS}, although ClearRules may have disabled it"),
            id="of others now, and off",
        ),
        pytest.param(
            change("update", put_targets=(TARGET,)),
            rule(tags=OWN | {"team": "books"}),
            None,
            lambda stub: puts(stub, TARGET, given=[*TAGGED, {"Key": "team", "Value": "books"}]),
            DONE,
            id="deleted meanwhile",
        ),
        pytest.param(
            change("update", put_targets=(TARGET | {"Id": "more"},)),
            rule(),
            OWN,
            lambda stub: removes_targets(stub, "more"),
            DONE,
            id="updated",
        ),
        pytest.param(change("remove", disable=True), rule(), OWN, enables, DONE, id="disabled"),
        pytest.param(change("remove"), rule(), OWN, None, NOTHING, id="not disabled"),
        pytest.param(change("remove", disable=True), rule(state="DISABLED"), OWN, None, NOTHING, id="off before"),
        pytest.param(
            change("remove", disable=True),
            rule(state=FOR_CLOUDTRAIL),
            OWN,
            lambda stub: puts(stub, TARGET, State=FOR_CLOUDTRAIL),
            DONE,
            id="disabled, in a state of its own",
        ),
    ],
)
def test_what_a_restore_writes(
    undone: RuleChange,
    before: Rule | None,
    shown: dict[str, str] | None,
    writes: Callable[[Stubber], None] | None,
    restored: Restored,
    events: Stubber,
) -> None:
    tags(events, shown)
    if writes:
        writes(events)
    assert EventBridgeRules(SETTINGS).restore(undone, before, retries=0) == restored


NOT_SHOWN = f"EventBridge may not show the tags of the rule {JOB} yet"


@pytest.mark.parametrize(
    ("undone", "before", "shown", "said"),
    [
        pytest.param(change("create"), None, {}, NOT_SHOWN, id="created"),
        pytest.param(change("update", **WRITES), rule(), {}, NOT_SHOWN, id="there"),
        pytest.param(
            change("create"),
            None,
            None,
            f"EventBridge does not show the rule {JOB} yet, which was made a moment ago",
            id="not shown",
        ),
    ],
)
def test_what_eventbridge_shows_late_is_waited_for(
    undone: RuleChange, before: Rule | None, shown: dict[str, str] | None, said: str, events: Stubber
) -> None:
    tags(events, shown)
    if shown is None:
        removes_targets(events, "rota-is-it-there")
    with pytest.raises(TransientError) as raised:
        EventBridgeRules(SETTINGS).restore(undone, before, retries=3)
    assert str(raised.value) == said


def test_without_tags_after_four_retries_it_is_another_ones(events: Stubber) -> None:
    tags(events, {}, {})
    backend = EventBridgeRules(SETTINGS)
    assert backend.restore(change("create"), None, retries=4).remark.endswith(
        "has another owner and was left unchanged"
    )
    assert backend.restore(change("update", **WRITES), rule(), retries=4).remark == OTHERS


SPENT = "cron(0 6 1 1 ? 2026)"
DATED = {"schedule_expression": SPENT}


@pytest.mark.parametrize(
    ("code", "before", "retries", "found", "end"),
    [
        pytest.param(DENIED, rule(), 3, None, "raised", id="at first"),
        pytest.param("ThrottlingException", rule(), 4, None, "raised", id="throttled"),
        pytest.param(DENIED, rule(), 4, {}, "as before", id="later, as before"),
        pytest.param(DENIED, rule(), 4, {"ScheduleExpression": LATER}, "raised", id="later, otherwise"),
        pytest.param(INVALID, rule(), 4, {"ScheduleExpression": LATER}, "raised", id="it would run again"),
        pytest.param(DENIED, rule(**DATED), 4, {}, "raised", id="spent, and denied"),
        pytest.param(INVALID, rule(**DATED), 4, {}, "deleted", id="spent"),
        pytest.param(INVALID, rule(**DATED, event_pattern="{}"), 4, {}, "raised", id="spent, with a pattern"),
        pytest.param(INVALID, rule(schedule_expression="cron(x)"), 4, {}, "raised", id="not to be read"),
        pytest.param(INVALID, rule(schedule_expression=None), 4, {}, "raised", id="without a schedule"),
    ],
)
def test_a_restore_that_is_refused(
    code: str, before: Rule, retries: int, found: dict[str, str] | None, end: str, events: Stubber
) -> None:
    tags(events, OWN)
    events.add_client_error("put_rule", code, "why")
    if found is not None:  # beside one whose name begins with this one's
        listed = [LISTED | {"Name": f"{JOB}2"}, LISTED | found]
        events.add_response("list_rules", {"Rules": listed}, {"NamePrefix": JOB, "Limit": 100})
        events.add_response("list_targets_by_rule", {"Targets": [TARGET]}, {"Rule": JOB})
    backend, undone = EventBridgeRules(SETTINGS), change("update", put_rule=PUT)
    if end == "raised":
        with pytest.raises(ClientError, match=code):
            backend.restore(undone, before, retries)
        return
    if end == "deleted":
        deletes(events)
    assert backend.restore(undone, before, retries) == Restored(
        remark=f"the rule {JOB} was not restored: its last run is past, and AWS refused it (PutRule: {INVALID}: why)"
        if end == "deleted"
        else ""
    )


@pytest.mark.parametrize(
    ("described", "shown", "found"),
    [
        pytest.param({}, OWN, Found(exists=True, is_owned=True, is_on=True), id="on"),
        pytest.param({"State": "DISABLED"}, OWN, Found(exists=True, is_owned=True), id="off"),
        pytest.param({"State": FOR_CLOUDTRAIL}, OWN, Found(exists=True, is_owned=True, is_on=True), id="on, otherwise"),
        pytest.param({}, FOREIGN, Found(exists=True, is_on=True), id="of another app"),
        pytest.param({"ManagedBy": "x"}, OWN, Found(exists=True, is_on=True), id="of AWS's"),
        pytest.param({}, None, Found(is_on=True), id="just deleted"),
        pytest.param(None, None, Found(), id="none"),
    ],
)
def test_a_rule_is_found_and_switched(
    described: dict[str, str] | None, shown: dict[str, str] | None, found: Found, events: Stubber
) -> None:
    backend = EventBridgeRules(SETTINGS)

    def shows() -> None:
        if described is None:
            events.add_client_error("describe_rule", GONE)
        else:
            events.add_response("describe_rule", LISTED | described, {"Name": JOB})
            tags(events, shown)

    shows()
    assert backend.find(JOB) == found
    for on in (True, False):
        shows()
        if found.is_owned:
            events.add_response("enable_rule" if on else "disable_rule", {}, {"Name": JOB})
        assert backend.switch(JOB, on=on) == found


def test_one_that_is_deleted_as_it_is_switched_is_none(events: Stubber) -> None:
    events.add_response("describe_rule", LISTED, {"Name": JOB})
    tags(events, OWN)
    events.add_client_error("enable_rule", GONE)
    assert EventBridgeRules(SETTINGS).switch(JOB, on=True) == Found()


@pytest.mark.parametrize(
    ("is_on", "more"), [(True, ", on: until you disable it, each run of its task comes twice"), (False, "")]
)
def test_a_rule_of_others_that_takes_the_place_of_a_schedule(is_on: bool, more: str, events: Stubber) -> None:
    tags(events, FOREIGN)
    events.add_response("describe_rule", LISTED | {"State": "ENABLED" if is_on else "DISABLED"}, {"Name": JOB})
    tags(events, FOREIGN)
    found = EventBridgeRules(SETTINGS).restore(change("create", replaces=When(CRON)), None, retries=0)
    assert found == Restored(remark=f"the rule {JOB} has another owner and was left unchanged{more}")
