"""The answer of `rota stop`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Stopped:
    """The task of ECS that is being stopped, `arn`; `task` is its job, empty if it has none."""

    task: str
    arn: str
    kind: Literal["stop"] = "stop"
