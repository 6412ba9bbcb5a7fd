"""The time that a call needs between a client and its Region."""

import time

from stage.gateway.calls import STEP_FUNCTIONS, Call, Reply
from stage.settings import Settings


class Latency:
    """A hook that delays every call by `latency_ms`; it comes first, so that refused calls are delayed too."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def before(self, call: Call) -> None:
        """Wait, except for Step Functions' own calls, which stay inside AWS."""
        if not call.access_key.startswith(STEP_FUNCTIONS) and self._settings.latency_ms:
            time.sleep(self._settings.latency_ms / 1000)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""
