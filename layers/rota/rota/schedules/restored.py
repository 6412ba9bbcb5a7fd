"""What restoring one schedule came to."""

from typing import NamedTuple


class Restored(NamedTuple):
    """`changed`: something was written; `remark`: what could not be restored and never will be, a sentence without its
    full stop, empty if there is nothing to say.
    """

    changed: bool = False
    remark: str = ""
