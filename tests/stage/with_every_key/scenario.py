"""The guestbook's stack with every right that a key of a task needs; its RevisionMode is in the environment."""

import os
from dataclasses import replace

from examples.guestbook.scenario import APP
from examples.guestbook.scenario import SCENARIO as GUESTBOOK
from stage.moto.clients import ACCOUNT, REGION

MODE = "STAGE_REVISION_MODE"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/guestbook-report"
ALLOWED = (
    f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:guestbook/*",
    f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/guestbook/*",
)


def parameters() -> dict[str, str]:
    given = APP.parameters()
    return {
        **given,
        "RevisionMode": os.environ[MODE],
        "EventsRoleAllows": "tags,exec",
        "TaskNetworks": "any",
        "SecretsAllowed": ",".join(ALLOWED),
        "TaskRoleArns": f"{given['TaskRoleArns']},{ROLE}",
    }


SCENARIO = replace(GUESTBOOK, parameters=parameters)
