"""The time that a call needs between a client and its Region."""

import time

from stage.gateway.calls import STEP_FUNCTIONS, Call, Reply
from stage.settings import Settings


class Latency:
    """A hook that lets every call take `latency_ms`: half before it is answered, and half after.

    It comes first, so that refused calls take it too. What the stage itself needs for an answer is within it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def before(self, call: Call) -> None:
        """Wait for half of it, except for Step Functions' own calls, which stay inside AWS."""
        self._wait(call, 0.5)

    def after(self, call: Call, reply: Reply) -> None:
        """Wait for the rest of it."""
        self._wait(call, 1)

    def _wait(self, call: Call, part: float) -> None:
        if call.access_key.startswith(STEP_FUNCTIONS):
            return
        left = call.time + self._settings.latency_ms / 1000 * part - time.time()
        if left > 0:
            time.sleep(left)
