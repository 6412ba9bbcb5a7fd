"""A run: tries the rows, and deletes what it has made, whatever happens. `clean` repeats the deletion."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Literal, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from rota.cli.verify_account.account import Account, NothingSeenError
from rota.cli.verify_account.journal import Entry
from rota.cli.verify_account.resources import KINDS
from rota.cli.verify_account.row import Row, Seen

_NEWEST = 3
_LATE_SECONDS = 5
"""How many names are deleted once more, and how much later."""
_IN_WORDS = (ClientError, BotoCoreError, OSError, NothingSeenError)
Verdict = Literal["as assumed", "otherwise", "not tried"]


class StoppedError(BaseException):
    """A signal ended the run; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@dataclass(frozen=True)
class Outcome:
    """What became of a row: what was seen, or why it was not tried."""

    row: Row
    seen: Seen | None = None
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.seen is None:
            return "not tried"
        return "as assumed" if self.seen.answer == self.row.expected else "otherwise"


def try_rows(account: Account, rows: Iterable[Row], show: Callable[[Outcome], None]) -> list[Outcome]:
    """Try the rows in their order; each outcome is shown as soon as it is known."""
    outcomes = []
    for row in rows:
        outcome = _tried(account, row)
        show(outcome)
        outcomes.append(outcome)
    return outcomes


def _tried(account: Account, row: Row) -> Outcome:
    try:
        return Outcome(row, row.read(account.once(row.probe.do)))
    except Exception as problem:  # noqa: BLE001 - AWS may answer in another shape than the row expects
        return Outcome(row, problem=in_words(problem))


def in_words(problem: Exception) -> str:
    """What AWS, the SDK or the system says, or which error it was."""
    return str(problem) if isinstance(problem, _IN_WORDS) else repr(problem)


def clean(account: Account) -> list[str]:
    """Delete everything that the journal names, the newest first. Returns what could not be deleted, and why.

    The journal ends with the last name; it stays while something is left.
    """
    entries = list(reversed(account.journal.entries()))
    left = _deleted(account, entries)
    if entries and not left:
        # AWS may not have known yet what was made last, when the run was stopped right after that.
        account.clock.sleep(_LATE_SECONDS)
        left = _deleted(account, entries[:_NEWEST])
    if not left:
        account.journal.end()
    return left


def _deleted(account: Account, entries: Iterable[Entry]) -> list[str]:
    left = []
    for entry in entries:
        try:
            KINDS[entry.kind].delete(account, entry.name)
        except Exception as problem:  # noqa: BLE001 - the others are to be deleted whatever happens to this one
            left.append(f"{entry.kind} {entry.name}: {in_words(problem)}")
    return left


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise StoppedError in the block at each signal that ends a command. After it, they are as they were before.

    One that is ignored stays so, as SIGHUP under nohup.
    """
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) != signal.SIG_IGN}

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise StoppedError(number)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
