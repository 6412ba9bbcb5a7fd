"""The record of AWS calls that `GET /_stage/calls` shows: CloudTrail, but immediate and complete."""

from collections import deque
from datetime import UTC, datetime
from typing import Any

from stage.gateway.calls import Call, Reply

KEPT = 200_000
"""The number of calls that are kept, about 60 MB; each further one replaces the oldest."""


class Recorder:
    """Records every call that the gateway has answered."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, str, str, str | None, int, str | None, float]] = deque(maxlen=KEPT)

    def record(self, call: Call, reply: Reply, duration_ms: float) -> None:
        """Record a finished call."""
        entry = (call.time, call.service, call.operation, call.caller, reply.status, reply.error, duration_ms)
        self._calls.append(entry)

    def calls(self) -> list[dict[str, Any]]:
        """The calls in the order in which they ended."""
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
        """Forget all calls."""
        self._calls.clear()
