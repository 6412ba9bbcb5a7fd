"""The answer of `rota check`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rota.cli.exits import Acts

Verdict = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `unknown`: it could not be seen, such as for want of a right."""

    name: str
    status: Verdict
    message: str
    acts: Acts = "operator"


@dataclass(frozen=True)
class Fault:
    """A problem of the schedule file. `line` is known of YAML."""

    place: str
    problem: str
    line: int | None = None


@dataclass(frozen=True)
class Planned:
    """When a task of a schedule file runs. `next` are its next three runs, counted from now, as if its rate began now;
    none if it is disabled, or past.
    """

    task: str
    schedule: str
    in_words: str
    enabled: bool
    next: list[datetime]
    timezone: str = "UTC"
    remarks: list[str] = field(default_factory=list)
    """What its author should know of when it runs."""


@dataclass(frozen=True)
class Checked:
    """Everything that was looked at; `faults` and `tasks` are those of a schedule file. Nothing was written."""

    ok: bool
    checks: list[Finding]
    faults: list[Fault] = field(default_factory=list)
    tasks: list[Planned] = field(default_factory=list)
    kind: Literal["check"] = "check"

    def count(self, verdict: Verdict) -> int:
        """How many have this verdict."""
        return sum(each.status == verdict for each in self.checks)
