"""How a scripted task ends, by the setting `script`. Pure.

The words are those of docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html,
…/fargate-capacity-providers.html and …/task-maintenance.html.
"""

import random
from dataclasses import dataclass

from stage.settings import Script

SPOT_WARNING = 120.0
"""Seconds between the warning that a Spot task gets and its end."""
TERMINATED = 143
"""The exit code of a process that SIGTERM has ended."""
EXITED = ("EssentialContainerExited", "Essential container in task exited")
"""stopCode and stoppedReason of a task that ended on its own."""


@dataclass(frozen=True)
class Outcome:
    """A task runs for so many seconds, then ends with `exit_code`; it never starts if that is None.

    With a `warning` it is stopped from outside, and ends so many seconds later.
    """

    seconds: float
    exit_code: int | None = 0
    stop: tuple[str, str] = EXITED
    """stopCode and stoppedReason."""
    container_reason: str | None = None
    warning: float | None = None


def outcome(script: Script, number: int) -> Outcome:
    """The end of the task of this number: the same each time."""
    chance = random.Random(f"{script.seed} {number}")  # noqa: S311 - nothing secret is chosen
    seconds = script.seconds * (1 + script.spread * chance.uniform(-1, 1))
    others = [
        (script.fails, Outcome(seconds, script.exit_code)),
        (
            script.out_of_memory,
            Outcome(seconds, 137, container_reason="OutOfMemoryError: container killed due to memory usage"),
        ),
        (
            script.does_not_start,
            Outcome(
                0,
                None,
                ("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete."),
            ),
        ),
        (
            script.interrupted,
            Outcome(seconds, TERMINATED, ("SpotInterruption", "Your Spot Task was interrupted."), warning=SPOT_WARNING),
        ),
        (
            script.maintenance,
            Outcome(
                seconds,
                TERMINATED,
                (
                    "ServiceSchedulerInitiated",
                    "ECS is performing maintenance on the underlying infrastructure hosting the task",
                ),
                warning=0,
            ),
        ),
    ]
    drawn = chance.random()
    for share, other in others:
        if drawn < share:
            return other
        drawn -= share
    return Outcome(seconds)
