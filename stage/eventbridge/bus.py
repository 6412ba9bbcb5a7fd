"""EventBridge's default bus: what goes on it, and which rules it reaches.

moto keeps rules and targets and matches patterns, but sends nothing for AWS's own events, and cannot deliver what
PutEvents is given to a state machine or an ECS task. Here both go one way: `Bus.publish`.
"""

import json
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule, events_backends

from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION

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
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def rules() -> dict[str, Rule]:
    """The rules of the default bus, by name."""
    return events_backends[ACCOUNT][REGION].event_buses["default"].rules


class Bus:
    """The default event bus. As a hook it answers PutEvents; AWS's own events come by `publish`."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    def publish(self, happened: Event) -> None:
        """Send an event to every target of every enabled rule whose pattern it matches.

        EventBridge does so in its own time and at least once; here it is done, once, when this returns.
        """
        for rule in list(rules().values()):
            pattern = rule.event_pattern
            if rule.state == "ENABLED" and pattern.get_pattern() and pattern.matches_event(happened):  # type: ignore[arg-type] # an event is what moto's TypedDict says, and JSON
                for target in list(rule.targets):
                    self._deliver(rule, target, happened)

    def before(self, call: Call) -> Reply | None:
        """PutEvents on the default bus; other buses are left to moto."""
        if call.key != ("events", "PutEvents"):
            return None
        entries = call.params.get("Entries", [])
        if any(entry.get("EventBusName", "default").rpartition("/")[2] != "default" for entry in entries):
            return None
        told = [self._put(entry) for entry in entries]
        return Reply.result(call, {"FailedEntryCount": sum("ErrorCode" in each for each in told), "Entries": told})

    def after(self, call: Call, reply: Reply) -> None:
        """Nothing is left to do."""

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
        happened = event(entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()))
        if "Time" in entry:
            happened["time"] = f"{datetime.fromtimestamp(entry['Time'], UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.publish(happened)
        return {"EventId": happened["id"]}
