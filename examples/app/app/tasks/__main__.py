"""`python -m app.tasks NAME`: runs one task; refuses, with exit status 64, whatever is not the name of one."""

import importlib
import os
import pkgutil
import signal
import sys
from types import FrameType

import app.tasks


def known_tasks() -> list[str]:
    """The modules beside this one."""
    return sorted(m.name for m in pkgutil.iter_modules(app.tasks.__path__) if not m.name.startswith("_"))


def stop(signum: int, _frame: FrameType | None) -> None:
    """Ends the task; an open transaction is rolled back on the way out."""
    sys.exit(128 + signum)


def main(arguments: list[str]) -> int:
    """Runs the one task that is named; an exception in it is left to end the process with its traceback."""
    known = known_tasks()
    if len(arguments) != 1 or arguments[0] not in known:
        # repr(), because an unknown name may hold any character.
        asked = " ".join(repr(a) for a in arguments) or "nothing given"
        print(f"bin/start: not a task: {asked}. Give one of: {', '.join(known)}", file=sys.stderr)
        return os.EX_USAGE
    # The first process of a container gets no default handling of SIGTERM: without this it would not stop.
    signal.signal(signal.SIGTERM, stop)
    importlib.import_module(f"app.tasks.{arguments[0]}").run()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
