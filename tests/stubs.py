"""Clients whose answers a test gives itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.stub import Stubber


@contextmanager
def asked(client: Any) -> Iterator[Stubber]:
    """What the client is to be asked in this block; all of it."""
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()
