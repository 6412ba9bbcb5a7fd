"""A row of the table: what Rota assumes of AWS, how that is tried, and what it means if it is otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rota.cli.verify_account.account import Account
from rota.cli.verify_account.resources import Kind

Group = Literal["free", "tasks", "slow"]


@dataclass(frozen=True)
class Probe:
    """What is done in the account, once, for one row or several. `do` returns what was seen.

    `actions` are the permissions that it needs beside those of the `kinds` that it makes.
    """

    do: Callable[[Account], Any]
    kinds: tuple[Kind, ...]
    actions: tuple[str, ...]


def probe(*kinds: Kind, actions: tuple[str, ...] = ()) -> Callable[[Callable[[Account], Any]], Probe]:
    """Make a function a probe."""
    return lambda do: Probe(do, kinds, actions)


@dataclass(frozen=True)
class Seen:
    """What was seen: it is as assumed if `answer` is what the row expects. `detail` is for readers."""

    answer: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.answer} ({self.detail})" if self.detail else self.answer


@dataclass(frozen=True)
class Row:
    """One assumption, in a sentence, and what is seen if it holds."""

    id: str
    group: Group
    assumption: str
    expected: str
    meaning: str
    """What it means for Rota if it is otherwise."""
    then: str
    """What to do then: the parameter to set, if there is one."""
    probe: Probe
    read: Callable[[Any], Seen]
    """What the probe's result says of this assumption."""


@dataclass(frozen=True)
class NotTestable:
    """An assumption that cannot be tried on purpose, and why."""

    id: str
    assumption: str
    reason: str
