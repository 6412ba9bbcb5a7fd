"""Names in a message."""

from collections.abc import Collection

# So many are named; the cause of a failure has no room for hundreds.
_MOST_NAMED = 10


def listed(names: Collection[str]) -> str:
    """The names, as many as a message has room for, and how many more there are."""
    named, more = ", ".join(list(names)[:_MOST_NAMED]), len(names) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
