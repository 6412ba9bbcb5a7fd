"""A fixed small part of the races (`python -m tests.sweep --races` holds more)."""

import pytest

from stage.client import Client
from tests.sweep import races
from tests.sweep.races import Race


@pytest.mark.parametrize(
    "race",
    [
        pytest.param(Race("at once", pushes=4, pause=0), id="at once"),
        pytest.param(Race("one after the other", pushes=6, pause=0.4), id="one after the other"),
        pytest.param(Race("aborted", pushes=6, pause=0.3, aborted=1), id="each aborted but the newest"),
    ],
)
def test_the_newest_push_is_everywhere_in_the_end(one_stage: Client, race: Race) -> None:
    ended = races.hold(one_stage, race)
    assert ended.wrong == ()
    assert "aborted" in ended.outcomes or race.aborted < 1
