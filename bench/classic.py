"""The script of AWS CLI calls, `classic.sh`, which does all of a deployment."""

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench.deployment import Bench, ended, schedule
from bench.tools import environment, prepare
from examples.guestbook.client import Client

_SCRIPT = Path(__file__).parent / "classic.sh"


def can_run() -> bool:
    """Whether what the script needs is on this machine."""
    return all(shutil.which(tool) for tool in ("aws", "jq", "bash"))


def measure(stage: Client, bench: Bench, tasks: int) -> float:
    """Seconds from a new image to the script's last PutTargets, with every rule there before it begins."""
    prepare(stage, bench, tasks)
    begun = time.time()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "scheduled_tasks.json"
        file.write_text(json.dumps(schedule(tasks)))
        names = stage.names
        command: list[str | Path] = [_SCRIPT, f"{names['repository']}:new", file, names["rule_prefix"]]
        command += [names["cluster"], names["service"], names["family"], '["subnet-1"]', '["sg-1"]']
        subprocess.run(command, check=True, env=environment(stage))
    return max(ended(call) for call in stage.calls("events", "PutTargets")) - begun
