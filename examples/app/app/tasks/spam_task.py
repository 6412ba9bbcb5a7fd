"""Takes spam out of the guestbook."""

from app.guestbook import open_guestbook
from app.spam import THRESHOLD, judge


def run() -> None:
    """Judges every entry as the API would, removes what is spam and says why."""
    book = open_guestbook()
    entries = book.entries()
    removed = 0
    for entry in reversed(entries):
        verdict = judge(entry)
        if verdict.is_spam and book.remove(entry):
            removed += 1
            print(f"Removed no. {entry.id}, {entry.name}: {verdict.score} points ({', '.join(verdict.reasons)})")
    print(f"Read {len(entries)} entries, removed {removed} with {THRESHOLD} points or more.")
    if not removed:
        print("Egg, bacon, sausage, and not a slice of spam in it.")
