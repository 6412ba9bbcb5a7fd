"""Other people's tools, run for real for few tasks, computed for many."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from bench.deployment import LATENCY_MS, Bench
from examples.guestbook.client import Client


@dataclass(frozen=True)
class Line:
    """Seconds by number of tasks, as a line through what was measured."""

    fixed: float
    per_task: float

    @classmethod
    def through(cls, measured: Mapping[int, float]) -> "Line":
        """The line through the fewest and the most tasks that were measured."""
        few, many = min(measured), max(measured)
        per_task = (measured[many] - measured[few]) / (many - few)
        return cls(measured[few] - few * per_task, per_task)

    def seconds(self, tasks: int) -> float:
        return self.fixed + self.per_task * tasks

    def __str__(self) -> str:
        return f"{self.fixed:.1f} s + tasks x {self.per_task:.2f} s"


def prepare(stage: Client, bench: Bench, tasks: int) -> None:
    """What a tool finds: so many rules that Rota has made, and AWS's quotas and latency."""
    bench.begin("per-task", tasks)
    bench.prepare()
    stage.clear_calls()
    stage.settings(quotas=True, latency_ms=LATENCY_MS)


def environment(stage: Client) -> dict[str, str]:
    """The user's own, but for everything of AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": stage.endpoint,
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "user",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
    }
