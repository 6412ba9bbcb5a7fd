"""The guestbook's stack with the parameter RunActions, whose value is in the environment."""

import os
from dataclasses import replace

from examples.guestbook.scenario import APP
from examples.guestbook.scenario import SCENARIO as GUESTBOOK

VALUE = "STAGE_RUN_ACTIONS"


def parameters() -> dict[str, str]:
    return {**APP.parameters(), "RunActions": os.environ[VALUE], "EventsRoleAllows": "tags,exec"}


SCENARIO = replace(GUESTBOOK, parameters=parameters)
