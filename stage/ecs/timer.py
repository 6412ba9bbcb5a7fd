"""What happens by itself, later: one thread for every rollout of every service.

Rollouts advance in steps that are due at a time, and each step sends events to the bus, so they cannot be worked out
only when somebody asks. One queue and one thread keep their order the order of their times: nothing runs at once,
`clear()` leaves nothing behind, and a test waits for a state instead of sleeping.
"""

import sched
import sys
import threading
import time
import traceback
from collections.abc import Callable


class Timer:
    """Runs actions when they are due, one after the other."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._queue = sched.scheduler(time.monotonic, self._pause)
        self._happened = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="stage-timer", daemon=True)
        self._thread.start()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` that many seconds from now. Actions of the same time run in the order they were given."""
        self._queue.enter(seconds, 0, self._run, (action,))
        self._wake.set()

    def clear(self) -> None:
        """Forget all that has not begun."""
        for entry in self._queue.queue:
            try:
                self._queue.cancel(entry)
            except ValueError:
                continue  # it has begun in the meantime

    def close(self) -> None:
        """Forget all, and end the thread. Waits for the action that is under way."""
        self._closed = True
        self.clear()
        self._wake.set()
        self._thread.join()

    def happened(self) -> None:
        """Tell those who wait that something changed."""
        with self._happened:
            self._happened.notify_all()

    def wait_for(self, condition: Callable[[], bool], timeout: float = 10) -> bool:
        """Wait until `condition` holds, looking again whenever something happened. False after `timeout` seconds."""
        with self._happened:
            return self._happened.wait_for(condition, timeout)

    def _run(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - the other rollouts go on; what failed is told on stderr
            traceback.print_exc(file=sys.stderr)
        self.happened()

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _work(self) -> None:
        while True:
            self._queue.run()
            if self._closed:
                return
            self._wake.wait()
