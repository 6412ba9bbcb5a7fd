"""The guestbook itself: one SQLite file that the API and any number of tasks may open at once."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT NOT NULL, message TEXT NOT NULL,"
    " written_at TEXT NOT NULL, removed_at TEXT)",
    "CREATE TABLE IF NOT EXISTS postbag (position INTEGER NOT NULL)",
    "INSERT INTO postbag SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM postbag)",
)
# By name, in their order: each runs once. The image before must be able to live with what they do.
MIGRATIONS = {
    "rooms": (
        "ALTER TABLE entry ADD COLUMN room TEXT",
        "UPDATE entry SET room = name WHERE name LIKE 'Room %'",
    ),
}
# Not ready yet: a guest may well have signed twice.
DRAFTS = {"one entry per guest": ("CREATE UNIQUE INDEX one_per_guest ON entry (name)",)}
LOCK_SECONDS = 30  # how long one process waits for another to finish writing


@dataclass(frozen=True)
class Note:
    """What a guest writes."""

    name: str
    message: str


@dataclass(frozen=True)
class Entry(Note):
    """A note that stands in the book."""

    id: int
    written_at: datetime


class Guestbook:
    """The book in one directory. Every method is one transaction, so that processes never see half of one."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file = directory / "guestbook.sqlite3"
        with self._transaction() as connection:
            for statement in SCHEMA:
                connection.execute(statement)

    def sign(self, note: Note) -> Entry:
        """Writes one note into the book."""
        with self._transaction() as connection:
            return _write(connection, note)

    def receive(self, postbag: Sequence[Note], batch: int) -> list[Entry]:
        """Writes the next `batch` notes of the postbag into the book; after the last one comes the first again."""
        with self._transaction() as connection:
            (position,) = connection.execute("SELECT position FROM postbag").fetchone()
            notes = [postbag[(position + i) % len(postbag)] for i in range(batch)]
            connection.execute("UPDATE postbag SET position = ?", ((position + batch) % len(postbag),))
            return [_write(connection, note) for note in notes]

    def entries(self, limit: int = -1) -> list[Entry]:
        """The entries that stand, newest first; all of them unless limited."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT id, name, message, written_at FROM entry WHERE removed_at IS NULL ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [Entry(id=i, name=n, message=m, written_at=datetime.fromisoformat(t)) for i, n, m, t in rows]

    def remove(self, entry: Entry) -> bool:
        """Takes an entry out of the book; False if another process already did."""
        with self._transaction() as connection:
            removed = connection.execute(
                "UPDATE entry SET removed_at = ? WHERE id = ? AND removed_at IS NULL",
                (datetime.now(UTC).isoformat(), entry.id),
            )
            return removed.rowcount == 1

    def removed(self) -> int:
        """How many entries were ever taken out."""
        with self._transaction() as connection:
            (count,) = connection.execute("SELECT count(*) FROM entry WHERE removed_at IS NOT NULL").fetchone()
        return int(count)

    def migrate(self, *, drafts: bool = False) -> list[str]:
        """Carries out what was not carried out yet, all of it or nothing; the names of what was."""
        done = []
        with self._transaction() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, done_at TEXT NOT NULL)")
            known = {name for (name,) in connection.execute("SELECT name FROM migration")}
            for name, statements in {**MIGRATIONS, **(DRAFTS if drafts else {})}.items():
                if name not in known:
                    print(f"migration {name!r} ...")
                    for statement in statements:
                        connection.execute(statement)
                    now = datetime.now(UTC).isoformat()
                    connection.execute("INSERT INTO migration VALUES (?, ?)", (name, now))
                    done.append(name)
        return done

    def pending(self) -> list[str]:
        """The migrations that were not carried out yet."""
        with self._transaction() as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'migration'").fetchall()
            known = {name for (name,) in connection.execute("SELECT name FROM migration")} if tables else set()
        return [name for name in MIGRATIONS if name not in known]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # A connection per transaction: SQLite's connections belong to one thread, and FastAPI has many.
        with closing(sqlite3.connect(self._file, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")  # takes the write lock first: a later upgrade could deadlock
            with connection:
                yield connection


def open_guestbook() -> Guestbook:
    """The book in $DATA_DIR, or in a directory for temporary files when that is not set."""
    directory = os.environ.get("DATA_DIR")
    return Guestbook(Path(directory) if directory else Path(tempfile.gettempdir()) / "guestbook")


def _write(connection: sqlite3.Connection, note: Note) -> Entry:
    now = datetime.now(UTC)
    (entry_id,) = connection.execute(
        "INSERT INTO entry (name, message, written_at) VALUES (?, ?, ?) RETURNING id",
        (note.name, note.message, now.isoformat()),
    ).fetchone()
    return Entry(id=entry_id, name=note.name, message=note.message, written_at=now)
