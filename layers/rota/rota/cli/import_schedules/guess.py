"""What the names and commands of several jobs have in common: a prefix, a start command. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rota.schedule_file.task import TASK_NAME

if TYPE_CHECKING:
    from rota.cli.import_schedules.job import Job

LONGEST_PREFIX = 48
"""Of the parameter RulePrefix."""
_WORD_OF_A_PARAMETER = re.compile(r"[^\s\"'\\]+")


def start_command(commands: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The words with which most of the commands begin, and one of them is these and a last one that may be a task's
    name. Empty if no two begin so, or a parameter cannot say them.
    """
    whole = [tuple(each) for each in commands]
    likely = {each[:-1] for each in whole if len(each) > 1 and re.fullmatch(TASK_NAME, each[-1])}
    begun = {words: sum(each[: len(words)] == words for each in whole) for words in sorted(likely)}
    said = [words for words in begun if begun[words] > 1 and all(map(_WORD_OF_A_PARAMETER.fullmatch, words))]
    return max(said, key=lambda words: (begun[words], len(words)), default=())


def common_prefix(names: Sequence[str]) -> str:
    """How all names begin, up to a separator; of `__`, with which people separate larger parts, the last before others.
    Empty if they have nothing in common, or a name would be left empty.
    """
    first, last = min(names, default="")[:LONGEST_PREFIX], max(names, default="")
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    begun = first[:length]
    found = re.match(r".*__", begun) or re.match(r".*[._-]", begun)
    prefix = found[0] if found else ""
    return prefix if all(len(name) > len(prefix) for name in names) else ""


def command_of(job: "Job", definition: "Mapping[str, Any] | None", container: str) -> list[str]:
    """The command that a job runs today; empty where that is the image's own."""
    named = [each for each in job.overrides.get("containerOverrides", []) if each.get("command")]
    if named:
        return list(named[0]["command"])
    containers = (definition or {}).get("containerDefinitions", [])
    found: Mapping[str, Any] = next(
        (each for each in containers if each["name"] == container or len(containers) == 1), {}
    )
    return list(found.get("command") or [])
