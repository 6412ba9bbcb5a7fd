"""What a schedule's target names while its revision is yet to be registered."""

from collections.abc import Mapping

_TO_BE_REGISTERED = "to be registered: "


def to_be_registered(fingerprint: str) -> str:
    """The placeholder in a target for the revision with this fingerprint."""
    return _TO_BE_REGISTERED + fingerprint


def registered(named: str, revisions: Mapping[str, str]) -> str:
    """The ARN of the revision that a target names; `revisions`: ARNs by fingerprint."""
    return revisions[named.removeprefix(_TO_BE_REGISTERED)] if named.startswith(_TO_BE_REGISTERED) else named
