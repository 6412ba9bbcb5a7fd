"""The names that were there a minute ago at most, in a file for each stack. It imports neither the SDK nor models.

Completion itself never calls AWS: where the file is old, another process writes it for the next time.
"""

import json
import os
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

_SECONDS = 60
"""For which a file counts as new, and in which one process at most is started that writes it."""


@dataclass(frozen=True)
class Where:
    """Whose names: what was typed, and what of the environment decides which stack is meant. `stack`: None for the only
    one of the Region.
    """

    stack: str | None
    profile: str | None
    region: str | None
    endpoint: str | None

    @property
    def file(self) -> Path:
        """One for each stack; hashlib would take longer to load than the rest."""
        named = f"{zlib.crc32(json.dumps(asdict(self)).encode()):08x}"
        folder = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
        return Path(folder) / "rota" / f"names-{named}.json"


def names(where: Where, kind: str) -> list[str]:
    """The names of that kind; those of an old file too, and none where there is no file yet."""
    try:
        found = json.loads(where.file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    if _age(where.file) > _SECONDS:
        _refresh(where)
    listed = found.get(kind) if isinstance(found, dict) else None
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def write(where: Where, found: dict[str, list[str]]) -> None:
    """Replace the file, which only the user may read."""
    where.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = where.file.with_suffix(f".{os.getpid()}")
    new.touch(mode=0o600)
    new.write_text(json.dumps(found), encoding="utf-8")
    new.replace(where.file)


def _refresh(where: Where) -> None:
    """Have another process write the file, and wait for nothing. Where none can be started, completion goes without."""
    asked = where.file.with_suffix(".asked")
    if _age(asked) <= _SECONDS:
        return
    import subprocess

    null = subprocess.DEVNULL
    command = [sys.executable, "-m", "rota.cli.completion.refresh", json.dumps(asdict(where))]
    try:
        asked.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        asked.touch(mode=0o600)
        subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null)
    except OSError:
        return


def _age(file: Path) -> float:
    """Seconds since the file was written; infinite if it is not there."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return float("inf")
