"""A small fixed part of the races; `make races` runs more."""

import pytest

from examples.guestbook.client import Client
from tests.sweep import races
from tests.sweep.races import Race


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    "race",
    [
        pytest.param(Race("aborted", pushes=4, pause=0.3, aborted=1), id="each aborted but the newest"),
        pytest.param(Race("at once", pushes=4, pause=0), id="at once"),
        pytest.param(Race("held", pushes=4, pause=0.1, gates="hold"), id="held and approved"),
    ],
)
def test_the_newest_push_wins_everywhere(one_stage: Client, race: Race) -> None:
    ended = races.hold(one_stage, race)
    assert ended.wrong == ()
    assert "aborted" in ended.outcomes or race.aborted < 1
