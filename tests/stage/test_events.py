"""Events on the bus and their targets, over HTTP."""

import json
from typing import Any

import pytest

from stage.eventbridge.bus import event
from stage.moto.clients import ACCOUNT, REGION
from tests.stage.small_stage import SmallStage, aws


def test_put_events_reaches_targets(small: SmallStage) -> None:
    heard = small.listen({"source": ["my.app"], "detail": {"who": [small.name]}})
    answer = aws("events").put_events(
        Entries=[
            {
                "Source": "my.app",
                "DetailType": "Greeting",
                "Detail": json.dumps({"who": small.name}),
                "Resources": ["a"],
            },
            {"Source": "other.app", "DetailType": "Greeting", "Detail": json.dumps({"who": small.name})},
        ]
    )
    assert answer["FailedEntryCount"] == 0
    [received] = heard()
    assert received["id"] == answer["Entries"][0]["EventId"]
    assert (received["detail-type"], received["resources"], received["detail"]) == (
        "Greeting",
        ["a"],
        {"who": small.name},
    )


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Source": ""}, "InvalidArgument"),
        ({"Source": "aws.ecs"}, "NotAuthorizedForSourceException"),
    ],
    ids=["broken-json", "no-object", "no-source", "aws-own-source"],
)
def test_a_wrong_entry_fails_alone(small: SmallStage, entry: dict[str, str], code: str) -> None:
    good = {"Source": "my.app", "DetailType": "Greeting", "Detail": "{}"}
    answer = aws("events").put_events(Entries=[{**good, **entry}, good])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert "EventId" in answer["Entries"][1]


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ({}, "everything"),
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail.inner"}, {"n": 7}),
        (
            {"InputTransformer": {"InputPathsMap": {"n": "$.detail.inner.n"}, "InputTemplate": '{"got": <n>}'}},
            {"got": 7},
        ),
    ],
    ids=["event", "constant", "part", "transformed"],
)
def test_a_target_gets_the_input_it_is_configured_with(small: SmallStage, what: dict[str, Any], given: Any) -> None:
    queue = small.queue("q")
    small.rule("r", {"Arn": queue, **what}, EventPattern=json.dumps({"source": [small.name]}))
    sent = event(small.name, "Greeting", {"inner": {"n": 7}})
    small.background.bus.publish(sent)
    [message] = small.messages(queue)
    assert json.loads(message["Body"]) == (sent if given == "everything" else given)


SAID = {"InputPathsMap": {"who": "$.detail.who", "n": "$.detail.n", "none": "$.detail.none.at.all"}}


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ('"<who> says <n>"', '"Ann says [1,2]"'),
        ('"<who> says"\n"<none>, by <aws.events.rule-name>"\n', '"Ann says"\n", by {rule}"'),
        ('{"who": <who>, "said": "by <who>: <n>", "n": <n>}', '{"who":"Ann","said":"by Ann: [1,2]","n":[1,2]}'),
        ('"no <variable>"', '"no <variable>"'),
    ],
    ids=["text", "lines", "json", "unknown"],
)
def test_input_templates(small: SmallStage, template: str, sent: str) -> None:
    queue = small.queue("q")
    target = {"Arn": queue, "InputTransformer": SAID | {"InputTemplate": template}}
    rule = small.rule("r", target, EventPattern=json.dumps({"source": [small.name]}))
    small.background.bus.publish(event(small.name, "Greeting", {"who": "Ann", "n": [1, 2]}))
    [message] = small.messages(queue)
    assert message["Body"] == sent.replace("{rule}", rule.rpartition("/")[2])


@pytest.mark.parametrize("who", ['"Ann"', "Ann\nBob", "Ann\\"])
def test_an_input_that_is_not_json_is_not_delivered(small: SmallStage, who: str) -> None:
    queue, dead = small.queue("q"), small.queue("dead")
    target = {"Arn": queue, "InputTransformer": SAID | {"InputTemplate": '"<who>"'}, "DeadLetterConfig": {"Arn": dead}}
    small.rule("r", target, EventPattern=json.dumps({"source": [small.name]}))
    small.background.bus.publish(event(small.name, "Greeting", {"who": who}))
    [message] = small.messages(dead)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"
    assert small.messages(queue) == []


def test_topics_log_groups_and_functions_are_targets(small: SmallStage) -> None:
    topic = aws("sns").create_topic(Name=small.name)["TopicArn"]
    behind = small.queue("behind")
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=behind)
    group = f"/aws/events/{small.name}"
    aws("logs").create_log_group(logGroupName=group)
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hear"
    small.rule(
        "r",
        {"Arn": topic},
        {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"},
        {"Arn": function},
        EventPattern=json.dumps({"source": [small.name]}),
    )
    sent = event(small.name, "Greeting", {"n": 1})
    small.background.bus.publish(sent)
    [notification] = small.messages(behind)
    [logged] = aws("logs").filter_log_events(logGroupName=group)["events"]
    assert json.loads(json.loads(notification["Body"])["Message"]) == sent
    assert json.loads(logged["message"]) == sent
    assert small.invoked == [(function, sent)]


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:gone", "NO_RESOURCE"),
        (f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone", "NO_RESOURCE"),
        (f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/any", "ERROR_FROM_TARGET"),
    ],
    ids=["no-machine", "no-queue", "unknown-kind"],
)
def test_undeliverable_events_go_to_the_dead_letter_queue(small: SmallStage, arn: str, code: str) -> None:
    queue = small.queue("dead")
    rule = small.rule(
        "r", {"Arn": arn, "DeadLetterConfig": {"Arn": queue}}, EventPattern=json.dumps({"source": [small.name]})
    )
    sent = event(small.name, "Greeting", {})
    small.background.bus.publish(sent)
    [message] = small.messages(queue)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == sent
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}",
        "TARGET_ARN": arn,
        "ERROR_CODE": code,
        "RETRY_ATTEMPTS": "0",
    }


def test_a_failing_target_does_not_affect_the_others(small: SmallStage) -> None:
    queue = small.queue("q")
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
    small.rule("r", {"Arn": gone}, {"Arn": queue}, EventPattern=json.dumps({"source": [small.name]}))
    small.background.bus.publish(event(small.name, "Greeting", {}))
    assert len(small.messages(queue)) == 1
    assert [failure.target for failure in small.background.targets.failures] == [gone]


@pytest.mark.parametrize(
    ("scope", "policy", "received"),
    [
        ("MessageAttributes", {"owner": ["data-team"]}, ["data-team"]),
        ("MessageAttributes", {"owner": [{"anything-but": "data-team"}]}, ["web-team"]),
        ("MessageAttributes", {"owner": [{"prefix": "web"}], "kind": ["missed"]}, []),
        ("MessageBody", {"of": ["web-team"]}, ["web-team"]),
    ],
    ids=["value", "anything-but", "two", "body"],
)
def test_a_subscription_gets_what_its_filter_policy_lets_pass(
    small: SmallStage, scope: str, policy: dict[str, Any], received: list[str]
) -> None:
    topic, queue = aws("sns").create_topic(Name=small.name)["TopicArn"], small.queue("mail")
    filtered = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope}
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=filtered)
    for team in ("data-team", "web-team"):
        owner = {"owner": {"DataType": "String", "StringValue": team}}
        body = json.dumps({"default": "text", "sqs": json.dumps({"of": team})}) if scope == "MessageAttributes" else ""
        more = {"MessageStructure": "json"} if body else {}
        message = body or json.dumps({"of": team})
        aws("sns").publish(TopicArn=topic, Subject=f"For {team}", Message=message, MessageAttributes=owner, **more)
    notes = [json.loads(message["Body"]) for message in small.messages(queue)]
    assert [json.loads(note["Message"])["of"] for note in notes] == received
    assert [note["Subject"] for note in notes] == [f"For {team}" for team in received]
    assert [note["MessageAttributes"]["owner"]["Value"] for note in notes] == received
