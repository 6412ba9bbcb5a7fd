"""The guestbook as the demo deploys it: a message about a job shows the last lines of its log."""

from dataclasses import replace

from examples.guestbook.scenario import APP
from examples.guestbook.scenario import SCENARIO as GUESTBOOK
from stage.moto.clients import ACCOUNT, REGION


def parameters() -> dict[str, str]:
    """Those of the guestbook, and its log group."""
    return {**APP.parameters(), "JobLogGroups": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{APP.log_group}:*"}


SCENARIO = replace(GUESTBOOK, parameters=parameters)
