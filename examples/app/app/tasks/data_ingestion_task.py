"""Empties the postbox: the next few postcards go into the guestbook."""

import json
from pathlib import Path

from app.guestbook import Note, open_guestbook

POSTCARDS = Path(__file__).parent.parent / "postcards.jsonl"
BATCH = 4


def run() -> None:
    """Takes the next postcards, whoever sent them; what is spam is for the spam task to say."""
    postbag = [Note(**json.loads(line)) for line in POSTCARDS.read_text(encoding="utf-8").splitlines()]
    book = open_guestbook()
    for entry in book.receive(postbag, BATCH):
        print(f"No. {entry.id}, {entry.name}: {entry.message}")
    print(f"Ingested {BATCH} postcards; the guestbook holds {len(book.entries())} entries.")
