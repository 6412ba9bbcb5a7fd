"""EventBridge's answers: rules, targets, PutEvents, and what targets receive."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stage.eventbridge.bus import rules
from stage.iam.access import Access
from stage.moto.clients import ACCOUNT, REGION
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation
from tests.in_process import client as aws
from tests.stage.recorded import normalise
from tests.stage.recorded.calls import Question, call, members
from tests.stage.recorded.rows import Row, compare, each
from tests.stage.small_stage import SmallStage, small_stage

EVENT = {"Source": "shop", "DetailType": "order", "Detail": '{"command": "update-account"}'}
PATTERN = json.dumps({"source": ["shop"]})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStage]:
    with small_stage(tmp_path_factory.mktemp("app"), Validation(), Access(), DocumentedRules()) as small:
        yield small


@pytest.fixture
def rule(small: SmallStage) -> Iterator[str]:
    """A rule with the targets t0 to t4, the most that it can have."""
    queue, full = small.queue("targets"), f"{small.name}-rule"
    aws("events").put_rule(Name=full, EventPattern=PATTERN, State="DISABLED")
    aws("events").put_targets(Rule=full, Targets=[{"Id": f"t{n}", "Arn": queue} for n in range(5)])
    yield full
    rules().pop(full, None)


@pytest.mark.exhaustive(every=3)
@each("eventbridge")
def test_eventbridge_answers_as_recorded(row: Row, small: SmallStage, rule: str) -> None:
    compare(row, QUESTIONS[row.asked["question"]](row, small, rule))


def _call(row: Row, small: SmallStage, rule: str) -> Any:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{small.name}-targets"
    names = {"rule": rule, "queue": queue}
    request = json.loads(json.dumps(row.asked["request"]).replace("<rule>", rule).replace("<queue>", queue))
    return call(aws("events"), row.asked["call"], request, **names)


def _schedule(row: Row, small: SmallStage, rule: str) -> Any:
    made = call(aws("events"), "PutRule", {"Name": rule, "ScheduleExpression": row.asked["schedule"]})
    return "accepted" if made["status"] == 200 else f"{made['code']}: {made['message']}"


def _put_events(row: Row, small: SmallStage, rule: str) -> Any:
    """`times` entries, one with a detail of `size` characters, some for the bus `bus`."""
    entry = EVENT | ({"Detail": json.dumps({"text": "x" * row.asked["size"]})} if "size" in row.asked else {})
    entries = [entry] * row.asked.get("times", 1)
    if "bus" in row.asked:
        entries = [*entries, {**EVENT, "EventBusName": row.asked["bus"]}]
    answer = call(aws("events"), "PutEvents", {"Entries": entries})
    return answer | {"Entries": [sorted(entry) for entry in answer["Entries"]]} if "Entries" in answer else answer


def _put_events_to(row: Row, small: SmallStage, rule: str) -> Any:
    """An event that matches a rule whose target is gone."""
    target = f"arn:aws:{row.asked['target']}".replace("<there>", f"{REGION}:{ACCOUNT}")
    gone = small.rule("gone", {"Arn": target}, EventPattern=json.dumps({"source": ["gone"]}))
    answer = call(aws("events"), "PutEvents", {"Entries": [EVENT | {"Source": "gone"}]})
    del rules()[gone]
    return {"status": answer["status"], "FailedEntryCount": answer.get("FailedEntryCount")}


def _rule_members(row: Row, small: SmallStage, rule: str) -> Any:
    """The members of a rule as one of the reads shows it."""
    made = {"Name": rule, **row.asked["rule"]}
    del rules()[rule]
    reply = aws("events").put_rule(**made)
    if row.asked["call"] == "PutRule":
        return sorted(reply.keys() - {"ResponseMetadata"})
    if row.asked["call"] == "DescribeRule":
        return members(row, aws("events").describe_rule(Name=rule).keys() - {"ResponseMetadata"})
    [listed] = aws("events").list_rules(NamePrefix=rule)["Rules"]
    return members(row, listed)


def _targets(row: Row, small: SmallStage, rule: str) -> Any:
    """What ListTargetsByRule shows of a rule after some changes, each the name of an operation and its members."""
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{small.name}-targets"
    del rules()[rule]
    aws("events").put_rule(Name=rule, EventPattern=PATTERN)
    for change, given in row.asked["changes"]:
        request = json.loads(json.dumps(given).replace("<rule>", rule).replace("<queue>", queue))
        call(aws("events"), change, request)
    return call(aws("events"), "ListTargetsByRule", {"Rule": rule}, rule=rule, queue=queue)["Targets"]


def _pages(row: Row, small: SmallStage, rule: str) -> Any:
    """The sizes of all pages, the entries in their order, and which pages have a token."""
    operation, limit = row.asked["call"], row.asked["limit"]
    queue = small.queue("paged")
    for number in range(5):
        small.rule(f"paged-{number}", {"Arn": queue}, EventPattern=PATTERN)
    request = {
        "ListTargetsByRule": {"Rule": rule},
        "ListRules": {"NamePrefix": f"{small.name}-paged"},
        "ListRuleNamesByTarget": {"TargetArn": queue},
    }[operation]
    found: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(4):
        reply = call(aws("events"), operation, {**request, "Limit": limit, **token}, app=small.name)
        [entries] = [member for member in reply.values() if isinstance(member, list)]
        found += [[each if isinstance(each, str) else each.get("Id") or each["Name"] for each in entries]]
        if not (given := reply.get("NextToken")):
            break
        token = {"NextToken": given}
    for number in range(5):
        del rules()[f"{small.name}-paged-{number}"]
    return found


def _tags(row: Row, small: SmallStage, rule: str) -> Any:
    """The tags of a rule that is made with some, and of one that is made again without."""
    arn = rules()[rule].arn
    del rules()[rule]
    aws("events").put_rule(Name=rule, EventPattern=PATTERN, Tags=[{"Key": "k1", "Value": "v1"}])
    if row.asked["again"]:
        aws("events").delete_rule(Name=rule)
        aws("events").put_rule(Name=rule, EventPattern=PATTERN)
    return aws("events").list_tags_for_resource(ResourceARN=arn)["Tags"]


def _delivered(row: Row, small: SmallStage, rule: str) -> Any:
    """The text that a queue receives of an event, by a rule's target with this input; None if it receives nothing."""
    queue = small.queue("delivered")
    heard = small.rule("heard", {"Arn": queue, **row.asked.get("target", {})}, EventPattern=PATTERN)
    entry = EVENT | ({"Detail": json.dumps(row.asked["detail"])} if "detail" in row.asked else {})
    aws("events").put_events(Entries=[entry])
    del rules()[heard]
    [message] = small.messages(queue) or [None]
    if message is None:
        return None
    body = normalise.text(message["Body"], rule=heard)
    if row.asked.get("members"):
        return [sorted(each) for each in json.loads(f"[{body}]")]
    return json.loads(body) if row.asked.get("parsed") else body


def _scheduled_event(row: Row, small: SmallStage, rule: str) -> Any:
    queue = small.queue("scheduled")
    fired = small.rule("scheduled", {"Arn": queue})
    small.background.fire(fired)
    [message] = small.messages(queue)
    return normalise.value(json.loads(message["Body"]), rule=fired)


def _started_by(row: Row, small: SmallStage, rule: str) -> Any:
    """`startedBy` of the task that a rule with this name starts."""
    name = row.asked["rule"]
    aws("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")
    aws("events").put_targets(Rule=name, Targets=[{"Id": "t", **small.task_target(small.register("hello"))}])
    task = small.task(small.background.fire(name)["task_arn"])
    del rules()[name]
    return task["startedBy"]


QUESTIONS: dict[str, Question] = {
    "call": _call,
    "schedule": _schedule,
    "put events": _put_events,
    "put events to": _put_events_to,
    "rule members": _rule_members,
    "targets": _targets,
    "pages": _pages,
    "tags": _tags,
    "delivered": _delivered,
    "scheduled event": _scheduled_event,
    "started by": _started_by,
}
