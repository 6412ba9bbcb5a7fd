"""Delivers *ECS Task State Change* events as unreliably as the setting `events` says.

docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html: events may come more than once, with the same
`version`. That they may also be late, swapped or lost is what a reader of them has to expect.
"""

import random
import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from stage.ecs.timer import Timer
from stage.settings import Settings

Event = dict[str, Any]


class TaskEvents:
    """Passes each event of a task on to `send`: at once, late, twice, after the next one, or never."""

    def __init__(self, settings: Settings, timer: Timer, send: Callable[[Event], None]) -> None:
        self._settings = settings
        self._timer = timer
        self._send = send
        self._lock = threading.Lock()
        self._count = 0
        self._held: dict[str, list[Event]] = {}
        """By task, what comes after its next event."""

    def publish(self, event: Event) -> None:
        """Deliver a task's event, and then the one before it if that was swapped. The event of its end never is."""
        faults = self._settings.events
        task, last = event["detail"]["taskArn"], event["detail"]["lastStatus"] == "STOPPED"
        with self._lock:
            self._count += 1
            chance = random.Random(f"{faults.seed} {self._count}")  # noqa: S311 - nothing secret is chosen
            lost, repeated, swapped = (chance.random() < share for share in (faults.lose, faults.repeat, faults.swap))
            events = [event, *([{**event, "id": str(uuid.uuid4())}] if repeated else [])]
            held = self._held.pop(task, [])
            if lost:
                events = []
            elif swapped and not held and not last:
                held, events, self._held[task] = [], [], events
        for each in [*events, *held]:
            if faults.delay_seconds:
                self._timer.after(faults.delay_seconds, partial(self._send, each))
            else:
                self._send(each)

    def reset(self) -> None:
        """Drop what has not been delivered."""
        with self._lock:
            self._count = 0
            self._held.clear()
