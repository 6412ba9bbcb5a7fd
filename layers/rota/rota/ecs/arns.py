"""Parts of a task definition's ARN."""


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
