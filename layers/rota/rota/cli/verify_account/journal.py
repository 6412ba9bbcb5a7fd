"""The journal of a run: a file that has every name before it is made. What it does not name is never deleted."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class JournalError(Exception):
    """There is no such journal, it belongs to another account, or its run is still active; the message says which."""


@dataclass(frozen=True)
class Place:
    """Where a run made its resources: the account's id and the Region."""

    account: str
    region: str


@dataclass(frozen=True)
class Entry:
    """A name that was about to be made, and what of: a kind of `resources`."""

    kind: str
    name: str


class Journal:
    """A file of JSON lines, the place first, then the entries in the order in which they were made."""

    def __init__(self, run: str, path: Path, place: Place) -> None:
        self.run = run
        self.place = place
        self.path = path

    @classmethod
    def begin(cls, folder: Path, run: str, place: Place) -> "Journal":
        """A new journal. Raises OSError: there is one already, or it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        journal = cls(run, _path(folder, run), place)
        journal.path.touch(exist_ok=False)
        try:
            journal._append(asdict(place))
            _sync(folder)
        except OSError:
            journal.path.unlink()
            raise
        return journal

    @classmethod
    def find(cls, folder: Path, run: str, place: Place) -> "Journal":
        """The journal of an earlier run in this account and Region. Raises JournalError."""
        path = _path(folder, run)
        lines = _lines(path) if path.is_file() else []
        if not lines:
            there = ", ".join(sorted(each.stem for each in folder.glob("*.jsonl"))) or "none"
            raise JournalError(f"there is no journal {path}; there are {there}")
        made_in = Place(**lines[0])
        if made_in != place:
            raise JournalError(
                f"the run {run} was in the account {made_in.account}, Region {made_in.region}; these credentials are "
                f"for {place.account}, Region {place.region}"
            )
        return cls(run, path, place)

    def write(self, kind: str, name: str) -> None:
        """Add a name that is about to be made. It is on the disk when this returns."""
        self._append(asdict(Entry(kind, name)))

    def entries(self) -> Sequence[Entry]:
        """Each name once, in the order in which they were made."""
        return list(dict.fromkeys(Entry(**line) for line in _lines(self.path)[1:]))

    def end(self) -> None:
        """Remove the file: nothing is left that it names."""
        self.path.unlink()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from deleting what a run makes. Raises JournalError where another process holds it."""
        with self.path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalError(
                    f"the run {self.run} still runs, and deletes what it has made when it ends; stop it with Ctrl-C"
                ) from None
            yield

    def _append(self, line: dict[str, str]) -> None:
        """Raises OSError, and leaves no half of the line: the next one would be joined to it."""
        written = f"{json.dumps(line)}\n".encode()
        with self.path.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                while written:
                    written = written[file.write(written) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise


def _path(folder: Path, run: str) -> Path:
    return folder / f"{run}.jsonl"


def _lines(path: Path) -> list[dict[str, str]]:
    """A line without its end was cut when the run was killed: what it names was not made yet."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _sync(folder: Path) -> None:
    """Put the folder's entry of a new file on the disk, too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
