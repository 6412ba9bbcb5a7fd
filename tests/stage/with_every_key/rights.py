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


RIGHTS = {
    "EventsRoleAllows": "tags,exec",
    "TaskNetworks": "any",
    "SecretsAllowed": ",".join(ALLOWED),
    "TaskRoleArns": f"{APP.task_role},{APP.execution_role},{ROLE}",
}
"""The parameters that every key needs."""


def parameters() -> dict[str, str]:
    return {**APP.parameters(), **RIGHTS, "RevisionMode": os.environ[MODE]}


SCENARIO = replace(GUESTBOOK, parameters=parameters)
