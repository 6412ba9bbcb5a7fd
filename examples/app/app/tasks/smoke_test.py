"""Looks whether the guestbook works with this image: the schedule file's `after`."""

import json
import os
import sys
import urllib.request

from app.guestbook import Note, open_guestbook

PROBE = Note(name="The porter", message="Testing, testing. Is this pen on?")


def run() -> None:
    """Signs the book and takes that out again; asks the API at $GUESTBOOK_URL, if there is one, how it is."""
    book = open_guestbook()
    if missing := book.pending():
        sys.exit(f"The tables are not what this image expects; not migrated: {', '.join(missing)}")
    signed = book.sign(PROBE)
    if not book.remove(signed):
        sys.exit("What was signed could not be taken out again.")
    print(f"Signed as no. {signed.id}, and wiped it off.")
    if url := os.environ.get("GUESTBOOK_URL"):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:  # noqa: S310 - the stack's own address
                print(f"{url} says {json.load(answer)['status']}.")
        except OSError as error:
            sys.exit(f"{url}/health does not answer: {error}")
