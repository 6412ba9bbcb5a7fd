"""What a stack needs that takes every key of a task."""

from examples.guestbook.scenario import APP
from stage.moto.clients import ACCOUNT, REGION

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
