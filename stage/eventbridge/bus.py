"""EventBridge's default bus: events, and the rules that match them.

moto keeps rules and targets. It publishes none of AWS's own events and does not deliver events to state machines or ECS
tasks. Here both AWS's events and those of PutEvents go through `Bus.publish`.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.events.exceptions import InvalidEventPatternException
from moto.events.models import EventPattern, EventPatternParser, Rule, events_backends

from stage import clock
from stage.eventbridge.patterns import PatternError, parse
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.moto.patch import replace

Event = dict[str, Any]
Deliver = Callable[[Rule, dict[str, Any], Event], object]
"""Sends an event to one target of a rule."""


def event(source: str, detail_type: str, detail: dict[str, Any], resources: Iterable[str] = ()) -> Event:
    """An event in its envelope (docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html)."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": clock.text(clock.now()),
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def compact(value: Any) -> str:
    """JSON as EventBridge sends it to targets."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rules() -> dict[str, Rule]:
    """The rules of the default bus, by name."""
    return events_backends[ACCOUNT][REGION].event_buses["default"].rules


def bus_of(request: Mapping[str, Any]) -> str:
    """The name of the bus that a request, or an entry of PutEvents, is for; both may have its ARN."""
    return str(request.get("EventBusName", "default")).rpartition("/")[2]


def on_default_bus(request: Mapping[str, Any]) -> bool:
    """Whether a request is for the default bus."""
    return bus_of(request) == "default"


def _test(call: Call) -> Reply:
    """TestEventPattern. AWS also demands the members of an envelope in the event; the stage does not."""
    try:
        pattern, tested = parse(call.params["EventPattern"]), json.loads(call.params["Event"])
    except PatternError as invalid:
        refusal = InvalidEventPatternException(reason=str(invalid))
        return Reply.refusal(call, "InvalidEventPatternException", refusal.message)
    except ValueError:
        tested = None
    if not isinstance(tested, dict):
        return Reply.refusal(call, "ValidationException", "Parameter Event is not valid.")
    return Reply.result(call, {"Result": pattern.matches(tested)})


def _read_pattern(parser: EventPatternParser) -> dict[str, Any]:
    """A rule's pattern. Raises InvalidEventPatternException for what EventBridge refuses; moto takes nearly all."""
    if not parser.pattern:
        return {}
    try:
        parse(parser.pattern)
    except PatternError as invalid:
        raise InvalidEventPatternException(reason=str(invalid)) from invalid
    read: dict[str, Any] = json.loads(parser.pattern)
    return read


def _matches(pattern: EventPattern, published: Event) -> bool:
    """moto's own matcher differs from EventBridge's."""
    text = pattern.dump()
    return not text or parse(text).matches(published)


# A pattern reaches moto by PutRule and by CloudFormation.
replace(EventPatternParser, "parse", _read_pattern)
replace(EventPattern, "matches_event", _matches)


class Bus:
    """The default event bus. As a hook it answers PutEvents; the stage publishes AWS's own events by `publish`."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    def publish(self, published: Event) -> None:
        """Deliver an event to every target of every enabled rule whose pattern it matches.

        EventBridge delivers later and at least once; here it is delivered exactly once when this returns.
        """
        published = json.loads(json.dumps(published))  # moto's enums become text
        for rule in list(rules().values()):
            pattern = rule.event_pattern
            if rule.state == "ENABLED" and pattern.get_pattern() and pattern.matches_event(published):  # type: ignore[arg-type] # an Event has the keys of moto's TypedDict
                for target in list(rule.targets):
                    self._deliver(rule, target, published)

    def before(self, call: Call) -> Reply | None:
        """Answer PutEvents and TestEventPattern."""
        if call.key == ("events", "TestEventPattern"):
            return _test(call)
        if call.key != ("events", "PutEvents"):
            return None
        results = [self._put(entry) for entry in call.params.get("Entries", [])]
        failed = sum("ErrorCode" in each for each in results)
        return Reply.result(call, {"FailedEntryCount": failed, "Entries": results})

    def after(self, call: Call, reply: Reply) -> None:
        """Note when a rule is created: a rate counts from then."""
        if call.key == ("events", "PutRule") and reply.ok and (rule := rules().get(call.params["Name"])):
            vars(rule).setdefault("created", clock.now())

    def _put(self, entry: dict[str, Any]) -> dict[str, str]:
        """One entry (docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html)."""
        for member in ("Source", "DetailType", "Detail"):
            if not entry.get(member):
                reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        if entry["Source"].startswith("aws."):
            reason = "Not authorized for the source."
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": reason}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        sent = event(entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()))
        if "Time" in entry:
            sent["time"] = clock.text(datetime.fromtimestamp(entry["Time"], UTC))
        if on_default_bus(entry):
            self.publish(sent)
        elif bus_of(entry) in events_backends[ACCOUNT][REGION].event_buses:
            events_backends[ACCOUNT][REGION].put_events([entry])
        # An event for a bus that does not exist is lost; the caller does not hear of it.
        return {"EventId": sent["id"]}
