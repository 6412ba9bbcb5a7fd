"""Which settings a stage accepts, and how it reports invalid ones."""

import pytest

from stage.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"latency_ms": -1}, "latency_ms: Input should be greater than or equal to 0, not -1", id="small"),
        pytest.param({"time_scale": "fast"}, "time_scale: Input should be a valid number, not 'fast'", id="a word"),
        pytest.param({"circuit_breaker": 1}, "circuit_breaker: Input should be a valid boolean, not 1", id="a number"),
        pytest.param({"rollout": "explodes"}, "'completes', 'fails' or 'hangs', not 'explodes'", id="not of the words"),
        pytest.param({"events": {"lose": 2}}, "events.lose: Input should be less than or equal to 1", id="share"),
        pytest.param({"events": {"drop": 1}}, "events.drop: there is no such setting; there are repeat,", id="fault"),
        pytest.param({"rollout_secs": 1}, "rollout_secs: there is no such setting; there are quotas,", id="unknown"),
    ],
)  # fmt: skip
def test_an_invalid_setting_is_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings().change(changes)
    assert says in str(refused.value)


def test_all_problems_are_named_and_nothing_changes() -> None:
    settings = Settings()
    with pytest.raises(SettingsError) as refused:
        settings.change({"latency_ms": -1, "speed": 2, "time_scale": 0.5})
    assert "latency_ms" in str(refused.value)
    assert "speed" in str(refused.value)
    assert settings == Settings()


def test_a_change_is_seen_by_all_holders_of_the_settings() -> None:
    settings = held = Settings()
    settings.change({"latency_ms": 40, "rollout": "fails"})
    settings.change({"time_scale": 0})
    assert (held.latency_ms, held.rollout, held.time_scale, held.rollout_seconds) == (40, "fails", 0, 2)
    settings.reset()
    assert held == Settings()
