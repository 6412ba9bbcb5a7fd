"""What the tests of more than one module use."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber


@pytest.fixture
def dynamodb() -> Iterator[Stubber]:
    """Answers the requests that a test expects, each of which must come."""
    client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()
