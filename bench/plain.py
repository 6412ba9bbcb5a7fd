"""What any function on the same libraries has to load: boto3, pydantic, Powertools, one client, one call."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from pydantic import BaseModel

logger = Logger()
metrics = Metrics()


class Request(BaseModel):
    """A model like any other."""

    table: str


def _client(service: Any) -> Any:
    return boto3.client(service)


def handler(event: dict[str, Any], context: object) -> int:
    """Ask for one item that is not there."""
    request = Request.model_validate(event)
    key = {"app": {"S": "none"}, "record": {"S": "none"}}
    found = _client("dynamodb").get_item(TableName=request.table, Key=key)
    logger.info("done")
    return len(found)
