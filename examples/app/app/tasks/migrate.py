"""Brings the guestbook's tables to what this image expects: the schedule file's `before`."""

import os

from app.guestbook import open_guestbook


def run() -> None:
    """Carries out the migrations that are new; $DRAFTS adds those that nobody has tried yet."""
    book = open_guestbook()
    done = book.migrate(drafts=bool(os.environ.get("DRAFTS")))
    print(f"Migrated: {', '.join(done)}." if done else "Nothing to migrate; the porter is asleep, too.")
    print(f"The guestbook holds {len(book.entries())} entries.")
