"""The guestbook's stack with WatchRuns=false from the beginning: an update to it would leave the queue read."""

from dataclasses import replace

from examples.guestbook.scenario import APP
from examples.guestbook.scenario import SCENARIO as GUESTBOOK


def parameters() -> dict[str, str]:
    return {**APP.parameters(), "WatchRuns": "false"}


SCENARIO = replace(GUESTBOOK, parameters=parameters)
