"""AWS in this process: clients of the gateway through which tests and handlers reach moto, without a port.

There is one gateway in a process, because there is one moto. A test sets its hooks.
"""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from stage.gateway.in_process import Connection
from stage.gateway.server import Gateway
from stage.moto.clients import REGION

ENDPOINT = "http://127.0.0.1:1"
"""Nothing listens there: a call that does not go through the gateway fails."""
FUNCTION = "function"
"""The access key of handlers, and what the gateway calls them."""
NOT_CHECKED: dict[str, Any] = {"aws_access_key_id": "user", "aws_secret_access_key": "user"}
"""Without any credentials botocore would look for those of an EC2 instance."""


@cache
def gateway() -> Gateway:
    return Gateway({FUNCTION: FUNCTION}.get, lambda *_: None)


@cache
def client(service: Any, config: Config | None = None) -> Any:  # boto3 makes its clients' classes at run time
    """A user's client."""
    made = boto3.client(service, endpoint_url=ENDPOINT, region_name=REGION, config=config, **NOT_CHECKED)
    Connection(gateway(), "user").attach(made.meta.events)
    return made
