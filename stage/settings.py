"""The stage's settings: how slow and how strict it is, and how rollouts end. They can be changed while it runs."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(ValueError):
    """The settings are not valid; the message names every problem."""


class EventFaults(BaseModel):
    """How ECS's task events go wrong; `repeat`, `swap` and `lose` are shares of the events, from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    repeat: float = Field(0, ge=0, le=1)
    swap: float = Field(0, ge=0, le=1)
    lose: float = Field(0, ge=0, le=1)
    delay_seconds: float = Field(0, ge=0, le=86_400)
    seed: int = 0


class ScheduleFaults(BaseModel):
    """How rules fire otherwise than once and in time; `repeat` is a share of the times, from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    late_seconds: float = Field(0, ge=0, lt=60)
    repeat: float = Field(0, ge=0, le=1)
    seed: int = 0
    lag_seconds: float = Field(0, ge=0, le=3600)


class SchedulerFaults(BaseModel):
    """How EventBridge Scheduler lags behind: in seconds on the stage's clock."""

    model_config = ConfigDict(extra="forbid")

    lag_seconds: float = Field(0, ge=0, le=3600)
    conflict_seconds: float = Field(0, ge=0, le=3600)


class Script(BaseModel):
    """How scripted tasks end: `seconds`, `spread`, `exit_code`, `seed`, and shares of the tasks, from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(60, ge=0, le=86_400)
    spread: float = Field(0, ge=0, le=1)
    exit_code: int = Field(1, ge=1, le=255)
    fails: float = Field(0, ge=0, le=1)
    out_of_memory: float = Field(0, ge=0, le=1)
    does_not_start: float = Field(0, ge=0, le=1)
    interrupted: float = Field(0, ge=0, le=1)
    maintenance: float = Field(0, ge=0, le=1)
    seed: int = 0


class Settings(BaseModel):
    """One object for the stage's life, changed in place: all parts of the stage share it."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    quotas: bool = False
    """Whether AWS's documented request rates hold, as token buckets (`GET /_stage/quotas`); setting it fills them."""
    concurrency: int | None = Field(None, ge=1)
    """How many functions of the account run at once; in a new account ten. Who invokes one more is refused by
    TooManyRequestsException; for queues and events, Lambda itself waits until one is free."""
    rules_per_bus: int = Field(300, ge=1)
    """EventBridge's quota of rules on a bus: 300 unless AWS has raised it."""
    page_size: int | None = Field(None, ge=1)
    """The most entries of a page of a list, also where the request asks for more."""
    late_reads: float = Field(0, ge=0, le=86_400)
    """How many seconds ago, times `time_scale`, the rules, targets and tags are that EventBridge and GetResources show.
    Writes take effect at once."""
    late_tags: float = Field(0, ge=0, le=86_400)
    """The same for GetResources alone, where it is longer. Changes from before these settings are shown at once."""
    late_logs: float = Field(0, ge=0, le=86_400)
    """How many seconds after it was written CloudWatch Logs shows a line, on the stage's clock. A log stream is there
    with its first line."""
    latency_ms: float = Field(0, ge=0, le=60_000)
    """The least time that an AWS call takes, from its arrival: half before AWS sees it, half after."""
    rollout_seconds: float = Field(2, ge=0, le=86_400)
    """The time from UpdateService to the end of the rollout, or until all new tasks run if traffic shifts then."""
    rollout: Literal["completes", "fails", "hangs"] = "completes"
    """How the next rollouts end. `fails`: new tasks stop soon after their start. `hangs`: they make no progress."""
    circuit_breaker: bool = True
    """Whether services have the deployment circuit breaker that they are configured with."""
    start_seconds: float = Field(0, ge=0, le=3600)
    """The time from a task's creation until it is RUNNING, on the stage's clock; on Fargate about 25. Its end takes
    nearly as long."""
    run_task: Literal["ok", "capacity", "refused", "throttled"] = "ok"
    """How ECS answers RunTask, also EventBridge's. `capacity`: 200 with no task and a failure in `failures`, which
    nothing else reports. `refused`: AccessDeniedException. `throttled`: ThrottlingException, after which EventBridge
    tries again."""
    tasks: Literal["run", "scripted"] = "run"
    """Whether tasks run as processes of this machine, or do nothing and end on the stage's clock, as `script` says."""
    script: Script = Script()
    """Scripted tasks run for `seconds`, more or less by up to the share `spread`. The shares (0 to 1) of those that end
    otherwise than with 0: `fails` with `exit_code`, `out_of_memory`, `does_not_start`, `interrupted` as a Spot task,
    `maintenance` of their host. `seed` chooses which."""
    events: EventFaults = EventFaults()
    """What becomes of *ECS Task State Change* events. `repeat`, `swap` and `lose` are the shares (0 to 1) that come
    twice, after the task's next event, or never; `seed` chooses which. All come `delay_seconds` late, on the stage's
    clock."""
    fire_schedules: bool = False
    """Whether advancing the clock fires each enabled rule or schedule that falls due meanwhile, in order."""
    schedules: ScheduleFaults = ScheduleFaults()
    """How rules that fall due fire: `late_seconds` after the time that their event names, which is less than a minute,
    and twice for the share `repeat` (0 to 1) of the times, which `seed` chooses; and how long after it was switched a
    rule still is on or off as before (`lag_seconds`)."""
    scheduler: SchedulerFaults = SchedulerFaults()
    """How long after a change a schedule still fires as it was (`lag_seconds`), and after its creation or last change
    UpdateSchedule is refused with ConflictException (`conflict_seconds`)."""
    time_scale: float = Field(1, ge=0, le=1000)
    """Factor for the waits of Step Functions (Wait states, Retry intervals), for the minutes of a service's
    deploymentConfiguration, and for the time that functions sleep, for example the SDK between two attempts. Timeouts
    keep their length."""

    def change(self, changes: Mapping[str, object]) -> None:
        """Change any of the settings. Raises SettingsError and changes none if one is not valid."""
        try:
            new = Settings.model_validate({**self.model_dump(), **changes})
        except ValidationError as invalid:
            raise SettingsError("; ".join(_problem(dict(error)) for error in invalid.errors())) from invalid
        self._take(new)

    def reset(self) -> None:
        """Return to the settings of a new stage."""
        self._take(Settings())

    def _take(self, other: "Settings") -> None:
        for name in Settings.model_fields:
            setattr(self, name, getattr(other, name))


def _problem(error: dict[str, object]) -> str:
    path = error["loc"] if isinstance(error["loc"], tuple) else ()
    name = ".".join(map(str, path))
    if error["type"] == "extra_forbidden":
        there = Settings.model_fields if len(path) == 1 else type(Settings.model_fields[path[0]].default).model_fields
        return f"{name}: there is no such setting; there are {', '.join(there)}"
    return f"{name}: {error['msg']}, not {error['input']!r}"
