"""What a mutant is."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mutant:
    """One small change to one file of the product."""

    area: str
    """python, asl or template."""
    path: str
    """The changed file, from the checkout's root."""
    line: int
    """Where the change is, from 1."""
    operator: str
    change: str
    """What was changed to what, in one line."""
    make: Callable[[], str | None] = field(repr=False, compare=False)
    """The whole file with the change; None where that would be no Python, or nothing new."""
    lines: frozenset[int] = frozenset()
    """What a test must execute to notice the change; empty where that is not one function's code."""
    column: int = 0
    weight: float = 1.0
    """How likely it is drawn, beside others of its area."""

    @property
    def id(self) -> str:
        """The same for the same change at the same place."""
        return hashlib.sha256(f"{self.path}|{self.line}|{self.column}|{self.change}".encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} [{self.operator}] {self.change}"
