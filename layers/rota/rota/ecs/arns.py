"""Parts of a task definition's ARN."""


def revision_number(arn: str) -> int:
    """The number behind the family in a task definition's ARN."""
    return int(arn.rsplit(":", 1)[1])


def short_name(arn: str) -> str:
    """Family and number, as people name a revision: `guestbook:5`."""
    return arn.rsplit("/", 1)[1]


def family(arn: str) -> str:
    """The family in a task definition's ARN."""
    return short_name(arn).rsplit(":", 1)[0]
