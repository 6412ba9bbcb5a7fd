"""What is found of one schedule."""

from typing import NamedTuple


class Found(NamedTuple):
    """Whether there is such a schedule, whether it is the app's, and whether it is on; and whether it is no rule."""

    exists: bool = False
    is_owned: bool = False
    is_on: bool = False
    in_scheduler: bool = False
