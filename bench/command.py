"""`python -m bench.command`: how fast the command answers, beside bare Python and one bare call of boto3.

All in one run on a stage, in turns, the fastest of each: only the ratio of two of them means anything.
"""

import os
import subprocess
import sys
import tempfile
import time

from bench import board
from examples.guestbook.client import running

TURNS = 9
MOST_HELP_MILLISECONDS, MOST_STATUS_RATIO = 150.0, 1.5
"""What help and completion may take longer than bare Python, and status as a multiple of one DescribeStacks."""
_BARE = "import boto3; boto3.client('cloudformation').describe_stacks()"
_COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "rota --help": ["-m", "rota", "--help"],
    "completion": ["-c", "from rota.cli.main import main; main(prog_name='rota')"],
    "boto3 DescribeStacks": ["-c", _BARE],
    "rota status": ["-m", "rota", "status"],
}
# A completion of a task's name: the first finds no names, and has them written in the background.
_MORE = {"completion": {"_ROTA_COMPLETE": "bash_complete", "COMP_WORDS": "rota explain ", "COMP_CWORD": "2"}}


def main() -> int:
    """Print the milliseconds. Returns 1 if a budget is missed."""
    with running() as stage, tempfile.TemporaryDirectory() as cache:
        stage.settings(time_scale=0.01, rollout_seconds=0.1)
        stage.deploy("v1")
        variables = {
            **os.environ,
            "AWS_ENDPOINT_URL": stage.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "user",
            "AWS_SECRET_ACCESS_KEY": "user",
            "XDG_CACHE_HOME": cache,
        }
        seen: dict[str, list[float]] = {name: [] for name in _COMMANDS}
        for _ in range(TURNS):
            for name, arguments in _COMMANDS.items():
                seen[name].append(_milliseconds(arguments, variables | _MORE.get(name, {})))
    python, help_, completion, stacks, status = (min(seen[name]) for name in _COMMANDS)
    for name, measured in seen.items():
        sys.stdout.write(f"{name:<22} {min(measured):6.0f} ms\n")
    sys.stdout.write(
        f"help: {help_ - python:.0f} ms more than Python, completion: {completion - python:.0f} "
        f"(at most {MOST_HELP_MILLISECONDS:.0f}); "
        f"status: {status / stacks:.2f} x DescribeStacks (at most {MOST_STATUS_RATIO})\n"
    )
    page, size = board.milliseconds()
    most = f"at most {board.MOST_MILLISECONDS:.0f}"
    sys.stdout.write(f"the board's page of {board.TASKS} tasks: {page:.0f} ms ({most}), {size:,} bytes\n")
    return int(
        page > board.MOST_MILLISECONDS
        or max(help_, completion) - python > MOST_HELP_MILLISECONDS
        or status / stacks > MOST_STATUS_RATIO
    )


def _milliseconds(arguments: list[str], variables: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=variables, check=True, capture_output=True)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    sys.exit(main())
