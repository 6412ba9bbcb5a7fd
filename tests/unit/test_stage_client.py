"""What a client raises when the stage has ended."""

import socket
from collections.abc import Callable

import pytest

from stage.client import NO_ANSWER, Client


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(Client.describe, id="its own routes"),
        pytest.param(lambda stage: stage.client("ecs").list_clusters(), id="AWS"),
    ],
)
def test_a_stage_that_has_ended_gives_no_answer(ask: Callable[[Client], object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(NO_ANSWER):
        ask(Client(f"http://127.0.0.1:{port}"))
