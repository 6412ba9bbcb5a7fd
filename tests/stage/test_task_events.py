"""Task events that are repeated, swapped, late or lost, by the setting `events`."""

from datetime import UTC
from typing import Any

import pytest

from tests.stage.small_stage import SmallStage


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize(
    ("faults", "versions"),
    [
        pytest.param({}, [1, 2, 3, 4, 5], id="none"),
        pytest.param({"repeat": 1}, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5], id="repeated"),
        pytest.param({"lose": 1}, [], id="lost"),
        pytest.param({"swap": 1}, [2, 1, 4, 3, 5], id="swapped"),
        pytest.param({"swap": 1, "repeat": 1}, [2, 2, 1, 1, 4, 4, 3, 3, 5, 5], id="both"),
        pytest.param({"lose": 0.5, "seed": 3}, None, id="some"),
    ],
)
def test_events_go_wrong_as_the_setting_says(
    small: SmallStage, faults: dict[str, Any], versions: list[int] | None
) -> None:
    def fired() -> list[dict[str, Any]]:
        heard = small.listen({"source": ["aws.ecs"], "detail": {"clusterArn": [small.cluster]}})
        small.background.reset()
        small.fire("hello")
        return heard()

    small.settings.change({"events": faults})
    events = fired()
    seen = [event["detail"]["version"] for event in events]
    assert len({event["id"] for event in events}) == len(events)
    if versions is None:
        assert 0 < len(seen) < 5
        assert [event["detail"]["version"] for event in fired()] == seen, "the seed chooses the same"
    else:
        assert seen == versions


def test_late_events_have_the_time_at_which_they_happened(small: SmallStage) -> None:
    small.settings.change({"events": {"delay_seconds": 300}})
    heard = small.listen({"source": ["aws.ecs"], "detail": {"clusterArn": [small.cluster]}})
    task = small.task(small.fire("hello")["task_arn"])
    small.background.move_clock(290)
    assert heard() == []
    small.background.move_clock(11)
    events = heard()
    assert [event["detail"]["version"] for event in events] == [1, 2, 3, 4, 5]
    assert events[0]["time"] == f"{task['createdAt'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_reset_drops_late_events(small: SmallStage) -> None:
    small.settings.change({"events": {"delay_seconds": 300}})
    heard = small.listen({"source": ["aws.ecs"], "detail": {"clusterArn": [small.cluster]}})
    small.fire("hello")
    small.background.reset()
    small.background.move_clock(400)
    assert heard() == []
