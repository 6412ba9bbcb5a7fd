"""What can be set about the stage while it runs: how slow, how strict, and how a rollout ends."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(ValueError):
    """Settings that cannot be; the message names every fault."""


class Settings(BaseModel):
    """The stage's settings. One object for the stage's life, changed in place, so that everyone may hold it."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    quotas: bool = False
    """AWS's documented request rates per API, as token buckets (`GET /_stage/quotas`), full whenever this is set."""
    rules_per_bus: int = Field(300, ge=1)
    """How many rules EventBridge allows on a bus: 300 until AWS is asked for more."""
    tag_index_lags: bool = False
    """GetResources goes on telling of rules what it told last, whatever has been tagged, untagged or removed since."""
    latency_ms: float = Field(0, ge=0, le=60_000)
    """How long every AWS call takes at least, as between a client and its Region."""
    rollout_seconds: float = Field(2, ge=0, le=86_400)
    """From UpdateService to the end of the rollout."""
    rollout: Literal["completes", "fails", "hangs"] = "completes"
    """How the next rollouts end: `fails`: new tasks stop soon after their start; `hangs`: nothing moves on."""
    circuit_breaker: bool = True
    """Whether the service has ECS's deployment circuit breaker with rollback."""
    time_scale: float = Field(1, ge=0, le=1000)
    """Multiplies the waits of Step Functions itself (Wait states, Retry intervals) and what functions sleep (the SDK
    between two attempts); timeouts stay real."""

    def change(self, changes: Mapping[str, object]) -> None:
        """Set any subset of the settings; all of them or, with a SettingsError, none."""
        try:
            new = Settings.model_validate({**self.model_dump(), **changes})
        except ValidationError as invalid:
            raise SettingsError("; ".join(_told(dict(fault)) for fault in invalid.errors())) from invalid
        self._take(new)

    def reset(self) -> None:
        """Go back to what a stage starts with."""
        self._take(Settings())

    def _take(self, other: "Settings") -> None:
        for name in Settings.model_fields:
            setattr(self, name, getattr(other, name))


def _told(fault: dict[str, object]) -> str:
    name = ".".join(map(str, fault["loc"])) if isinstance(fault["loc"], tuple) else ""
    if fault["type"] == "extra_forbidden":
        return f"{name}: there is no such setting; there are {', '.join(Settings.model_fields)}"
    return f"{name}: {fault['msg']}, not {fault['input']!r}"
