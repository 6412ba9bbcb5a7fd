"""What restoring one schedule came to."""

from typing import NamedTuple

BELIEVED_AFTER_RETRIES = 4
"""After so many retries of a restore what AWS shows is believed, and what it refuses is looked at. They take 37 s on
average; the state's jitter is FULL, so that they may take next to none.
"""


class Restored(NamedTuple):
    """`changed`: something was written; `remark`: what could not be restored and never will be, a sentence without its
    full stop, empty if there is nothing to say; `redated`: the name of a schedule whose StartDate was past, so that AWS
    did not take it back.
    """

    changed: bool = False
    remark: str = ""
    redated: str = ""
