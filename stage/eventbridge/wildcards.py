"""Wildcards in event patterns, and how complex EventBridge finds them.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-pattern-operators.html#eb-filtering-wildcard-matching: `*` is any
number of characters, `\\*` and `\\\\` are the characters themselves. A pattern that could be in too many places of a
text at once is refused.
"""

import re
from collections.abc import Sequence

TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard "
    "character"
)


class WildcardError(ValueError):
    """The text is no wildcard pattern; the message is AWS's reason."""


class Wildcard:
    """A wildcard pattern. Raises WildcardError."""

    def __init__(self, text: str) -> None:
        self.literals = _literals(text)
        """What is before the first `*`, between two, and after the last."""
        self._compiled = re.compile(".*".join(map(re.escape, self.literals)), re.DOTALL)

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._compiled.fullmatch(text) is not None


def complexity(wildcards: Sequence[Wildcard]) -> int:
    """In how many places of the patterns of one field a text can be at once, at most.

    A place is each `*` that the text has passed, and each beginning of a literal after a `*` that the text ends with.
    """
    with_star = [each for each in wildcards if len(each.literals) > 1]
    return max((_of_same_start(_fitting(each, with_star)) for each in with_star), default=0)


def _fitting(longest: Wildcard, wildcards: Sequence[Wildcard]) -> list[Wildcard]:
    """The wildcards that one text can be in together with `longest`: their first literals begin it."""
    return [each for each in wildcards if longest.literals[0].startswith(each.literals[0])]


def _of_same_start(wildcards: Sequence[Wildcard]) -> int:
    stars = sum(len(each.literals) - 1 for each in wildcards)
    later = [f'{literal}"' if last else literal for each in wildcards for last, literal in _after_stars(each)]
    begun = [literal[:end] for literal in later for end in range(1, len(literal) + 1)]
    return stars + max((sum(text.endswith(each) for each in begun) for text in set(begun)), default=0)


def _after_stars(wildcard: Wildcard) -> list[tuple[bool, str]]:
    """Each literal after a `*`, and whether it is the last: the text's end counts as a character."""
    last = len(wildcard.literals) - 1
    return [(number == last, literal) for number, literal in enumerate(wildcard.literals) if number]


def _literals(text: str) -> list[str]:
    found, at = [""], 0
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        position = len(text[:at].encode()) + 1  # AWS counts bytes, and a quote before the text
        if char == "*":
            if following == "*":
                raise WildcardError(f"Consecutive wildcard characters at pos {position}")
            found.append("")
        elif char == "\\":
            if following not in ("*", "\\") or not following:
                raise WildcardError(f"Invalid escape character at pos {position}")
            found[-1] += following
            at += 1
        else:
            found[-1] += char
        at += 1
    return found
