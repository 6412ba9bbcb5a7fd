"""The answers of `rota board`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Written:
    """The file that was written, and the page's first sentence."""

    file: str
    headline: str
    kind: Literal["board"] = "board"


@dataclass(frozen=True)
class Serving:
    """Where it is served, in one browser that opens the address first; `writes`: it also does things."""

    address: str
    writes: bool
    kind: Literal["serving"] = "serving"
