"""CloudWatch alarms that fail a rollout: `aws cloudwatch set-alarm-state` sets one off.

docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from collections.abc import Callable

from stage.gateway.calls import Call, Reply


class Alarms:
    """A hook that passes on the name of an alarm that goes into ALARM."""

    def __init__(self, goes_off: Callable[[str], None]) -> None:
        self._goes_off = goes_off

    def before(self, _call: Call) -> None:
        """Answers no call: moto does."""

    def after(self, call: Call, reply: Reply) -> None:
        if call.key == ("cloudwatch", "SetAlarmState") and reply.ok and call.params.get("StateValue") == "ALARM":
            self._goes_off(str(call.params["AlarmName"]))
