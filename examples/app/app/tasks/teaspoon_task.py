"""Counts the teaspoons, of which every guest takes one as a souvenir."""

from app.guestbook import open_guestbook

TEASPOONS = 24


def run() -> None:
    """Counts without opening the drawer."""
    guests = len({entry.name for entry in open_guestbook().entries()})
    left = max(TEASPOONS - guests, 0)
    print(f"Teaspoons at the start of the season: {TEASPOONS}. Guests in the book: {guests}.")
    print(f"Teaspoons left: {left}. {'The forks are getting nervous.' if left else 'Guests may stir with a fork.'}")
