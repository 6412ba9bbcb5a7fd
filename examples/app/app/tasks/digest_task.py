"""Sums up the day for whoever opens the guestbook next."""

from datetime import UTC, datetime

from app.guestbook import open_guestbook


def run() -> None:
    """Prints today's entries in three lines; the day is UTC's, as EventBridge's is."""
    book = open_guestbook()
    today = datetime.now(UTC).date()
    entries = [entry for entry in book.entries() if entry.written_at.date() == today]
    print(f"The Pier Hotel on {today:%d %B %Y}: {len(entries)} new entries, {book.removed()} spam removed so far.")
    if not entries:
        print("A quiet day. Even the seagulls wrote nothing.")
        return
    print(
        f"Longest entry: {max(entries, key=lambda entry: len(entry.message)).name}. Length is not depth, but it tries."
    )
    print(f"Last word, from {entries[0].name}: {entries[0].message}")
