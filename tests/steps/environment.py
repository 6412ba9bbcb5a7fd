"""What Lambda sets for the handlers in this process, and clients that are made in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rota.aws import clients
from tests.guestbook import ENVIRONMENT, REGION
from tests.in_process import ENDPOINT
from tests.steps.local_stage import local_stage


@contextmanager
def functions_environment(**more: str) -> Iterator[None]:
    """Set it, with `more` variables, while the block runs."""
    own = {"AWS_DEFAULT_REGION": REGION, "POWERTOOLS_SERVICE_NAME": "rota", "POWERTOOLS_METRICS_NAMESPACE": "Rota"}
    own |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": ENDPOINT}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | own | more).items():
            patch.setenv(name, value)
        _forget_clients()
        local_stage().connect(clients._session())
        yield
        _forget_clients()


def _forget_clients() -> None:
    for cached in vars(clients).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
