"""ecs-deploy (PyPI): `ecs cron` gives one rule that exists a new revision; that is the part of a deployment it does."""

import shutil
import subprocess
import time

from bench.deployment import Bench, ended
from bench.tools import environment, prepare
from examples.guestbook.client import Client


def can_run() -> bool:
    """Whether it is on this machine."""
    return shutil.which("ecs") is not None


def measure(stage: Client, bench: Bench, tasks: int) -> float:
    """Seconds from a new image to the last PutTargets, one command a task."""
    prepare(stage, bench, tasks)
    names, begun = stage.names, time.time()
    for number in range(tasks):
        command = ["ecs", "cron", names["cluster"], names["family"], f"{names['rule_prefix']}Task{number:04}"]
        command += ["--image", names["container"], f"{names['repository']}:new"]
        command += ["--command", names["container"], f"./bin/start task_{number}"]
        # It takes the family's newest revision for the one before, which is another task's: that must stay.
        command += ["--no-deregister"]
        subprocess.run(command, check=True, env=environment(stage), stdout=subprocess.DEVNULL)
    return max(ended(call) for call in stage.calls("events", "PutTargets")) - begun
