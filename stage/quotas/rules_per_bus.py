"""The quota of rules on the default bus, where all scheduled rules are.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
"""

from stage.eventbridge.bus import on_default_bus, rules
from stage.gateway.calls import Call, Reply
from stage.settings import Settings


class RulesPerBus:
    """A hook that refuses a new rule when there are `rules_per_bus`. It comes after validation and permissions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def before(self, call: Call) -> Reply | None:
        """Refuse PutRule of a name that is not on the bus yet when the bus is full."""
        if call.key != ("events", "PutRule") or not on_default_bus(call.params):
            return None
        if call.params["Name"] in rules() or len(rules()) < self._settings.rules_per_bus:
            return None
        message = "The requested resource exceeds the maximum number allowed."
        return Reply.refusal(call, "LimitExceededException", message)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""
