"""What Lambda sets for the handlers in this process, and clients that are made in it."""

import os
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


def differing() -> str:
    """The variables in which the environment differs from ENVIRONMENT: ` SCHEDULES_IN=scheduler`, or nothing."""
    found = {name: os.environ.get(name) for name in ENVIRONMENT}
    return "".join(f" {name}={value}" for name, value in found.items() if value != ENVIRONMENT[name])


def _forget_clients() -> None:
    for cached in vars(clients).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
