"""Parts of a task definition's ARN, and ranges of revisions' numbers."""

from collections.abc import Iterable, Mapping

Ranges = tuple[tuple[int, int], ...]
"""Numbers of one family's revisions: the first and the last of each range, in order."""


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
    return any(first <= revision_number(arn) <= last for first, last in numbers.get(family(arn), ()))


def with_numbers_of(revisions: Iterable[str], numbers: Mapping[str, Ranges]) -> dict[str, Ranges]:
    """The ranges by family, with the numbers of these ARNs. What one deployment registers is next to no range more."""
    spans = {name: [*ranges] for name, ranges in numbers.items()}
    for arn in revisions:
        number = revision_number(arn)
        spans.setdefault(family(arn), []).append((number, number))
    return {name: _joined(each) for name, each in spans.items()}


def _joined(spans: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        before = joined[-1] if joined else None
        if before and first <= before[1] + 1:
            joined[-1] = (before[0], max(before[1], last))
        else:
            joined.append((first, last))
    return tuple(joined)
