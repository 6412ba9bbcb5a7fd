"""The record of AWS calls that `GET /_stage/calls` shows, as CloudTrail would, but at once and complete."""

from collections import deque
from datetime import UTC, datetime
from typing import Any

from stage.gateway.calls import Call, Reply

KEPT = 200_000
"""So many calls are kept, some 60 MB; then each new one takes the place of the oldest."""


class Recorder:
    """Remembers every call that came through the front door."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, str, str, str | None, int, str | None, float]] = deque(maxlen=KEPT)

    def record(self, call: Call, reply: Reply, duration_ms: float) -> None:
        """Remember one finished call."""
        entry = (call.time, call.service, call.operation, call.caller, reply.status, reply.error, duration_ms)
        self._calls.append(entry)

    def calls(self) -> list[dict[str, Any]]:
        """All of them in the order in which they ended, as the stage's contract spells them."""
        return [
            {
                "time": datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds"),
                "service": service,
                "operation": operation,
                "caller": caller,
                "status": status,
                "error": error,
                "duration_ms": round(duration_ms, 2),
            }
            for time, service, operation, caller, status, error, duration_ms in list(self._calls)
        ]

    def clear(self) -> None:
        """Forget them all."""
        self._calls.clear()
