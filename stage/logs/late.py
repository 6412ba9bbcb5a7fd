"""CloudWatch Logs shows a line some time after it was written, by the setting `late_logs`."""

from stage import clock
from stage.gateway.calls import Call, Reply
from stage.settings import Settings

READS = {("logs", "GetLogEvents"), ("logs", "FilterLogEvents")}
MISSING = "The specified log stream does not exist."


class LateLogs:
    """A hook that leaves out lines that are too new. A stream of such lines only does not exist yet."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def before(self, call: Call) -> Reply | None:
        """Answer nothing."""

    def after(self, call: Call, reply: Reply) -> Reply | None:
        if not self._settings.late_logs or call.key not in READS or not reply.ok:
            return None
        answer, newest = reply.data, (clock.time() - self._settings.late_logs) * 1000  # milliseconds
        shown = [each for each in answer["events"] if each["ingestionTime"] <= newest]
        if call.operation == "GetLogEvents" and answer["events"] and not shown and "nextToken" not in call.params:
            return Reply.refusal(call, "ResourceNotFoundException", MISSING)
        return Reply.result(call, {**answer, "events": shown})
