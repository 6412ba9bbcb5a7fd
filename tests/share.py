"""Which of many cases are run when `--share N --seed S` asks for one in N: others for each seed, all over time."""

import zlib

import pytest


def is_drawn(config: pytest.Config, name: str) -> bool:
    """Whether the case of that name is run."""
    seed, share = config.getoption("seed"), config.getoption("share")
    return bool(zlib.crc32(f"{seed} {name}".encode()) % share == 0)
