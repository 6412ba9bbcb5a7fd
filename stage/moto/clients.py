"""boto3 clients that reach moto inside the process, past the gateway.

The stage itself uses them, for example to deploy a stack. No hook sees these calls and they are not recorded.
"""

from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.core.botocore_stubber import BotocoreStubber

from stage.moto import speed

ACCOUNT = "123456789012"
REGION = "us-east-1"


class _Moto(BotocoreStubber):
    """Answers a client's requests from moto's backends and sends none to the network."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True

    def __call__(self, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
        response = super().__call__(event_name, request, **kwargs)
        if response is None:
            raise NotImplementedError(f"moto has no answer for {request.url}")
        return response


speed.install()
_session = boto3.Session(aws_access_key_id="stage", aws_secret_access_key="stage", region_name=REGION)  # noqa: S106 - not checked


@cache
def client(service: Any) -> Any:
    """A client whose calls never leave this process. `service` is boto3's name."""
    made = _session.client(service, config=Config(ignore_configured_endpoint_urls=True))  # type: ignore[call-arg] # missing in the stubs
    made.meta.events.register("before-send", _Moto())
    return made
