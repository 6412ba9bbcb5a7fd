"""What the tests of more than one module use."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber

from rota.aws import clients
from tests.stubs import asked


@pytest.fixture
def dynamodb() -> Iterator[Stubber]:
    """Answers the requests that a test expects, each of which must come."""
    with asked(boto3.client("dynamodb", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")) as stub:
        yield stub


@pytest.fixture
def new_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions' own clients are made anew, in a Region and without a way to AWS: what is not expected fails."""
    for name, value in {"DEFAULT_REGION": "us-east-1", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    made = [each for name, each in vars(clients).items() if hasattr(each, "cache_clear") and not name.startswith("_")]
    for each in made:
        each.cache_clear()
    yield
    for each in made:
        each.cache_clear()
