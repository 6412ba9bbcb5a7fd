"""What the guestbook's stack leaves at its defaults: a chat, and a log that may be read."""

from dataclasses import replace

from examples.guestbook.scenario import APP
from examples.guestbook.scenario import SCENARIO as GUESTBOOK
from stage.moto.clients import ACCOUNT, REGION

CHAT = f"arn:aws:sns:{REGION}:{ACCOUNT}:chat"


def parameters() -> dict[str, str]:
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{APP.log_group}:*"
    return {**APP.parameters(), "ChatTopicArn": CHAT, "JobLogGroups": logs}


SCENARIO = replace(GUESTBOOK, parameters=parameters)
