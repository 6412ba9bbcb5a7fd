"""What tests create themselves: functions, a rule, a request that no AWS client sends."""

import http.client
import io
import json
import zipfile
from contextlib import suppress
from typing import Any

from examples.guestbook.client import Client
from stage.moto.clients import ACCOUNT

ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
PUT_RULE = {"service": "events", "operation": "PutRule"}


def role_of_toys(stage: Client) -> str:
    """The ARN of a role that allows functions and state machines everything."""
    iam = stage.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="toy", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="toy", PolicyName="all", PolicyDocument=json.dumps(ALL))
    return f"arn:aws:iam::{ACCOUNT}:role/toy"


def zipped(source: str) -> bytes:
    """The zip of a function with this `app.py`, for Lambda's API."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", source)
    return content.getvalue()


def put_rule(stage: Client, name: str = "new") -> Any:
    """The PutRule call that faults are scripted for."""
    return stage.client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")


def rule_names(stage: Client) -> set[str]:
    """All rules."""
    return {rule["Name"] for rule in stage.client("events").list_rules()["Rules"]}


def ask(endpoint: str, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """The status, and the error of a refused request."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
    connection.request(method, path, body)
    response = connection.getresponse()
    answer = json.loads(response.read() or b"{}")
    connection.close()
    return response.status, answer.get("error", "")
