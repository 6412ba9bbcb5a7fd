"""What tests make for themselves: a function or a rule of their own, a request that no AWS client sends."""

import http.client
import io
import json
import zipfile
from contextlib import suppress
from typing import Any

from examples.guestbook.client import Client
from stage.moto.clients import ACCOUNT

ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
PUT_RULE = {"service": "events", "operation": "PutRule"}


def role_of_toys(stage: Client) -> str:
    """A role with which functions and state machines may do everything. Its ARN."""
    iam = stage.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="toy", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    iam.put_role_policy(RoleName="toy", PolicyName="all", PolicyDocument=json.dumps(ALL))
    return f"arn:aws:iam::{ACCOUNT}:role/toy"


def zipped(source: str) -> bytes:
    """The zip of a function whose `app.py` this is, as Lambda's API takes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", source)
    return content.getvalue()


def put_rule(stage: Client, name: str = "new") -> Any:
    """The call PUT_RULE, which faults are told of."""
    return stage.client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")


def rule_names(stage: Client) -> set[str]:
    """All rules that there are."""
    return {rule["Name"] for rule in stage.client("events").list_rules()["Rules"]}


def ask(endpoint: str, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """The status, and what is said where the request is refused."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
    connection.request(method, path, body)
    response = connection.getresponse()
    answer = json.loads(response.read() or b"{}")
    connection.close()
    return response.status, answer.get("error", "")
