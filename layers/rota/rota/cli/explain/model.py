"""The answer of `rota explain`."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Link:
    """One thing, and why it is as it is."""

    what: str
    """`rule`, `schedule file`, `revision`, `release` ..."""
    name: str
    because: str


@dataclass(frozen=True)
class Explanation:
    """`chain` goes from the subject to what it comes from; `advice` are commands and other things to do."""

    subject: Literal["task", "release", "deployment", "execution"]
    name: str
    headline: str
    chain: list[Link]
    advice: list[str] = field(default_factory=list)
    kind: Literal["explain"] = "explain"
