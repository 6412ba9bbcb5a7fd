"""What restoring one schedule came to."""

from typing import NamedTuple


class Restored(NamedTuple):
    """`changed`: something was written; `remark`: what is not as it was and no later attempt will change, a sentence
    without its end, empty if there is nothing to say.
    """

    changed: bool = False
    remark: str = ""
