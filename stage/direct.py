"""Clients of moto that do not pass the front door.

What the stage itself does (deploying the stack, laying out the user's world, keeping logs) goes through these:
AWS's own API, with boto3's own client, but inside the process. No hook sees it and no record is kept of it.
"""

from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.core import responses
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.utils import method_names_from_class

from stage.patch import replace

ACCOUNT = "123456789012"
REGION = "us-east-1"


# moto looks through all methods of a class at each call that the class answers, whichever way the call came.
replace(responses, "method_names_from_class", cache(method_names_from_class))


class _Moto(BotocoreStubber):
    """Answers a client's requests from moto's backends; never lets one out to the network."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True

    def __call__(self, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
        response = super().__call__(event_name, request, **kwargs)
        if response is None:
            raise NotImplementedError(f"moto answers nothing at {request.url}")
        return response


_session = boto3.Session(aws_access_key_id="stage", aws_secret_access_key="stage", region_name=REGION)  # noqa: S106 - nobody checks it


@cache
def client(service: Any) -> Any:
    """A client whose calls never leave this process. `service` as boto3 names it."""
    made = _session.client(service, config=Config(ignore_configured_endpoint_urls=True))  # type: ignore[call-arg] # the stubs lack it
    made.meta.events.register("before-send", _Moto())
    return made
