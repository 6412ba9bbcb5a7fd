"""The answer of `rota stop`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Stopped:
    """The task that is being stopped; `task` is the job, empty if it is none's."""

    task: str
    arn: str
    kind: Literal["stop"] = "stop"
