"""The answer of `rota import`."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Remark:
    """What no key of the schedule file says of a rule, or of a schedule in Scheduler, which is called `GROUP/NAME`;
    `todo` is a command for it, where there is one.
    """

    rule: str
    because: str
    todo: str = ""


def remark(rule: str, words: str) -> Remark:
    """Of words whose second line is a command."""
    because, _, todo = words.partition("\n")
    return Remark(rule, because, todo)


@dataclass(frozen=True)
class Imported:
    """The tasks that rules and schedules come to, as the schedule file has them; `remarks` are about those that differ
    in something.

    `parameters` are those that the stack needs for these tasks and does not have. `file` is where the tasks were
    written, `tagged` the rules that were handed over. `removes`: the jobs of the app that have a schedule now and are
    not among these tasks: deployed as the whole schedule file, they remove those. `lacks`: what that would change of
    the live file's keys that AWS does not have, in words.
    """

    tasks: list[dict[str, Any]]
    not_taken: list[Remark]
    remarks: list[Remark]
    parameters: dict[str, str]
    file: str | None = None
    tagged: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    kind: Literal["import"] = "import"
