"""The items of runs on DynamoDB in memory, which costs a test microseconds."""

from typing import Any

import boto3

from rota.runs.model import Job
from rota.runs.table import RunTable
from tests.guestbook import SETTINGS
from tests.month.table import Table


class HttpResponse:
    """As much of an HTTP response as botocore looks at."""

    def __init__(self, status: int) -> None:
        self.status_code, self.headers = status, dict[str, str]()


def table_with(*jobs: Job) -> RunTable:
    """DynamoDB in memory, in which these jobs are."""
    client: Any = boto3.client("dynamodb", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    rows = Table()

    def answer(model: Any, context: dict[str, Any], **_: object) -> Any:
        status, parsed = rows.answer(model.name, context["asked"]) or (500, {})
        return HttpResponse(status), parsed

    client.meta.events.register("before-parameter-build", lambda params, context, **_: context.update(asked=params))
    client.meta.events.register("before-call", answer)
    table = RunTable(client, "ledger", SETTINGS.app)
    for job in jobs:
        table.put_settings(job)
    return table
