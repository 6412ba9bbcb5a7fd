"""What is found of one schedule."""

from typing import NamedTuple


class Found(NamedTuple):
    """Whether there is such a schedule, whether it is the app's, and whether it is on."""

    exists: bool = False
    is_owned: bool = False
    is_on: bool = False
