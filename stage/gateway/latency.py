"""How far the client is from its Region."""

import time

from stage.gateway.calls import STEP_FUNCTIONS, Call, Reply
from stage.settings import Settings


class Latency:
    """A hook that holds every call for `latency_ms`; put it first, so that refusals take their time as well."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def before(self, call: Call) -> None:
        """Wait."""
        if not call.access_key.startswith(STEP_FUNCTIONS) and self._settings.latency_ms:
            time.sleep(self._settings.latency_ms / 1000)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""
