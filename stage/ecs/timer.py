"""Runs actions at a later time: one thread for all rollouts and tasks.

A rollout advances in steps, and each step publishes events, so it cannot be computed when a caller asks for it. One
queue and one thread run the actions in the order of their times and never two at once. `clear()` drops all of them, and
a test waits for a state instead of sleeping.
"""

import sched
import sys
import threading
import traceback
from collections.abc import Callable

from stage import clock


class Timer:
    """Runs actions when they are due, one after another."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._queue = sched.scheduler(clock.monotonic, self._pause)
        self._changed = threading.Condition()
        self._closed = False
        self._count = threading.Lock()
        self._left = 0
        """The actions that wait or run."""
        self._ran = 0
        self._thread = threading.Thread(target=self._work, name="stage-timer", daemon=True)
        self._thread.start()

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Run `action` after so many seconds. Actions that are due at the same time run in the order of these calls.
        Once it is closed none is taken.
        """
        if self._closed:
            return
        with self._count:
            self._left += 1
        self._queue.enter(seconds, 0, self._run, (action,))
        self._wake.set()

    def clear(self) -> None:
        """Drop all actions that have not begun."""
        for entry in self._queue.queue:
            try:
                self._queue.cancel(entry)
            except ValueError:
                continue  # it has begun in the meantime
            with self._count:
                self._left -= 1

    def close(self) -> None:
        """Drop all actions and end the thread, after the action that runs."""
        self._closed = True
        self.clear()
        self._wake.set()
        self._thread.join()

    def play(self, seconds: float) -> None:
        """Advance the clock by up to so many seconds, from one action to the next, and wait until each has run: an
        action may have others follow it.
        """
        end = clock.monotonic() + seconds
        self.wait_for(self._idle, 1)
        while (entries := self._queue.queue) and entries[0].time <= end:
            ran = self._ran
            clock.move(max(0.0, entries[0].time - clock.monotonic()))
            self._wake.set()
            self.wait_for(lambda ran=ran: self._ran > ran and self._idle(), 1)  # type: ignore[misc] # a lambda's default has no type

    def notify(self) -> None:
        """Have `wait_for` check its condition again: something changed outside of an action."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], timeout: float = 10) -> bool:
        """Wait until `condition` holds, which is checked after each action. False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def _run(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - the other actions must still run
            traceback.print_exc(file=sys.stderr)
        with self._count:
            self._left -= 1
            self._ran += 1
        self.notify()

    def _idle(self) -> bool:
        """Whether no action runs or is due."""
        with self._count:
            entries = self._queue.queue
            return self._left == len(entries) and not (entries and entries[0].time <= clock.monotonic())

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _work(self) -> None:
        while True:
            self._queue.run()
            if self._closed:
                return
            self._wake.wait()
