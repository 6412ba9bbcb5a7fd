"""What restoring one schedule came to."""

from typing import NamedTuple


class Restored(NamedTuple):
    """`changed`: something was written; `remark`: what could not be restored and never will be, a sentence without its
    full stop, empty if there is nothing to say; `redated`: the name of a schedule whose StartDate was past, so that AWS
    did not take it back.
    """

    changed: bool = False
    remark: str = ""
    redated: str = ""
