"""Parts of a task definition's ARN, and ranges of revisions' numbers."""

from collections.abc import Iterable, Mapping

Ranges = tuple[tuple[int, int], ...]
"""Numbers of one family's revisions: the first and the last of each range, in order."""
# What is forgotten is read. What others register in the family ends a range, so many a deployment each.
_MOST_RANGES = 100


def revision_number(arn: str) -> int:
    """The number of the revision."""
    return int(arn.rsplit(":", 1)[1])


def has_number(arn: str) -> bool:
    """False for an ARN that names a family alone, as EventBridge takes it: it runs the newest ACTIVE revision."""
    return ":" in short_name(arn)


def short_name(arn: str) -> str:
    """Family and number of the revision: `guestbook:5`."""
    return arn.rsplit("/", 1)[1]


def family(arn: str) -> str:
    """The family of the revision."""
    return short_name(arn).rsplit(":", 1)[0]


def is_among(arn: str, numbers: Mapping[str, Ranges]) -> bool:
    """Whether the revision's number is in one of its family's ranges."""
    number = revision_number(arn)
    return any(first <= number <= last for first, last in numbers.get(_without_number(arn), ()))


def with_numbers_of(revisions: Iterable[str], numbers: Mapping[str, Ranges]) -> dict[str, Ranges]:
    """The ranges with the numbers of these revisions, by the family's ARN; of each family the newest ranges."""
    spans = {name: [*ranges] for name, ranges in numbers.items()}
    for arn in revisions:
        number = revision_number(arn)
        spans.setdefault(_without_number(arn), []).append((number, number))
    return {name: _joined(each)[-_MOST_RANGES:] for name, each in spans.items()}


def _without_number(arn: str) -> str:
    """Of the family, in its account and Region: other ones have the same numbers."""
    return arn.rsplit(":", 1)[0]


def _joined(spans: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        before = joined[-1] if joined else None
        if before and first <= before[1] + 1:
            joined[-1] = (before[0], max(before[1], last))
        else:
            joined.append((first, last))
    return tuple(joined)
