"""Why Rota stops a task: the reason that it gives StopTask, which ECS keeps as the task's `stoppedReason`. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html. So what ECS shows of a task that has ended
says whether it was Rota, and a stop needs no record of its own.
"""

import re
from datetime import timedelta
from typing import Literal, NamedTuple

from rota.runs.event import BY_A_USER, TaskChange
from rota.runs.model import Trigger

ONE_START = timedelta(seconds=30)
"""Tasks of one start, and a start that comes twice, are no further apart."""

Kind = Literal["max_runtime", "skip", "replace"]

_WORDS: dict[Kind, str] = {
    "max_runtime": "Rota stopped {task}: it ran for longer than its max_runtime, {because} s",
    "skip": "Rota skipped {task}: its overlap is skip, and its task {because} still runs",
    "replace": "Rota replaced {task}: its overlap is replace, and its task {because} runs",
}
_BY_A_PERSON = "rota stop by "


class Stop(NamedTuple):
    """Rota's stop of a task of that job."""

    kind: Kind
    task: str
    """The job's name."""
    because: str
    """The limit in seconds, or the id of the other task."""

    @property
    def reason(self) -> str:
        """StopTask's `reason`."""
        return _WORDS[self.kind].format(task=self.task, because=self.because)


def of(change: TaskChange) -> Stop | None:
    """Rota's stop of that task; None if something else ended it, or nothing has yet."""
    if change.stop_code != BY_A_USER:
        return None
    for kind, words in _WORDS.items():
        pattern = re.escape(words).replace(r"\{task\}", r"(\S+)").replace(r"\{because\}", r"(\S+)")
        if found := re.fullmatch(pattern, change.stopped_reason):
            return Stop(kind, found[1], found[2])
    return None


def by_a_person(who: str, why: str) -> str:
    """StopTask's `reason`, on one line, where a person stops a task with the command."""
    return f"{_BY_A_PERSON}{who}{f': {why}' if why else ''}"


def person_of(change: TaskChange) -> str:
    """Who stopped a task with the command, and why: `user/ana: it hangs`; empty if the command did not."""
    by_one = change.stop_code == BY_A_USER and change.stopped_reason.startswith(_BY_A_PERSON)
    return change.stopped_reason.removeprefix(_BY_A_PERSON) if by_one else ""


def is_the_apps(change: TaskChange, rule_prefix: str) -> bool:
    """Whether the app's schedule or Rota started it for a job. What a person started is not for Rota to stop."""
    if change.trigger == Trigger.SCHEDULE:
        return bool(change.job) and change.is_started_by(rule_prefix + change.job)
    return bool(change.job) and change.trigger == Trigger.CATCH_UP
