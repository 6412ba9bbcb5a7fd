"""What counts as spam. The API asks before it accepts an entry, the spam task asks again about all that stand."""

import re
from dataclasses import dataclass

from app.guestbook import Note

THRESHOLD = 3  # one link or one loud word is a guest; both at once is a salesman


@dataclass(frozen=True)
class Sign:
    """One sign of spam and the points for each time it is found."""

    name: str
    points: int
    pattern: re.Pattern[str]


SIGNS = (
    Sign("link", 2, re.compile(r"https?://", re.IGNORECASE)),
    Sign("shouting", 2, re.compile(r"\b[A-Z]{2,}(?:\W+[A-Z]{2,}\b){2,}")),
    Sign("excitement", 1, re.compile(r"!{3,}")),
    Sign("money", 1, re.compile(r"\b(?:free|winner|prize|cash|million|inherited)\b", re.IGNORECASE)),
    Sign("hurry", 1, re.compile(r"\b(?:click|act now|limited offer)\b", re.IGNORECASE)),
    # Once is a remark about breakfast.
    Sign("spam spam spam", 2, re.compile(r"(?:\bspam\b\W*){3,}", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Verdict:
    """The points of one note and where each came from, such as `link +2`."""

    score: int
    reasons: tuple[str, ...]

    @property
    def is_spam(self) -> bool:
        """Whether the note has no place in the book."""
        return self.score >= THRESHOLD


def judge(note: Note) -> Verdict:
    """Adds up the signs of spam in a note's message."""
    points = {sign.name: sign.points * len(sign.pattern.findall(note.message)) for sign in SIGNS}
    reasons = tuple(f"{name} +{found}" for name, found in points.items() if found)
    return Verdict(score=sum(points.values()), reasons=reasons)
