"""The script of AWS CLI calls, `classic.sh`: run for real for few tasks, computed for many."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.deployment import LATENCY_MS, Bench, ended, schedule
from stage.client import Client

_SCRIPT = Path(__file__).parent / "classic.sh"


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


def can_run() -> bool:
    """Whether what the script needs is on this machine."""
    return all(shutil.which(tool) for tool in ("aws", "jq", "bash"))


def measure(stage: Client, bench: Bench, tasks: int) -> float:
    """Seconds from a new image to the script's last PutTargets, with every rule there before it begins."""
    bench.begin("per-task", tasks)
    bench.prepare()
    stage.clear_calls()
    stage.settings(quotas=True, latency_ms=LATENCY_MS)
    begun = time.time()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "scheduled_tasks.json"
        file.write_text(json.dumps(schedule(tasks)))
        names = stage.names
        command: list[str | Path] = [_SCRIPT, f"{names['repository']}:new", file, names["rule_prefix"]]
        command += [names["cluster"], names["service"], names["family"], '["subnet-1"]', '["sg-1"]']
        subprocess.run(command, check=True, env=_environment(stage))
    return max(ended(call) for call in stage.calls("events", "PutTargets")) - begun


def _environment(stage: Client) -> dict[str, str]:
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
