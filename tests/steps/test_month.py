"""Days of `python -m tests.month`: each run and each miss is recorded, each incident reported once."""

import pytest

from tests.month.judge import wrong
from tests.month.play import Month
from tests.month.script import drawn


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(("seed", "traced"), [(2, False), (3, True)], ids=["by their minute", "traced"])
def test_a_day_of_runs(seed: int, traced: bool) -> None:
    month = Month(drawn(seed, 1, traced=traced, jobs=16))
    month.play()
    assert wrong(month) == []
    assert {due.job for due in month.dues} >= {"Berlin", "NewYork", "InWindow", "Once", "Season"}
    assert {due.lost for due in month.dues} >= {"", "capacity", "NO_PERMISSIONS", "THROTTLING"}
    assert {each.kind for each in month.reported} >= {"missed", "failed", "recovered"}
