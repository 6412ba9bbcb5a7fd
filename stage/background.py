"""What AWS does on its own after a call: events, rollouts and task runs.

An image push becomes an event, an event reaches its rules' targets, a service rolls, a task runs. `Background` connects
these parts; a stage has one, adds its `hooks` to the gateway, and calls `reset` or `close` when it is done.
"""

import heapq
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

from moto.core.exceptions import ServiceException
from moto.events.models import Rule

from stage import clock
from stage.cloudtrail.history import History
from stage.dynamodb import atomic_writes
from stage.dynamodb.expiry import expire_items
from stage.ecr import lifecycle
from stage.ecr.archive import Archive
from stage.ecr.images import Images
from stage.ecs import api, revisions
from stage.ecs.alarms import Alarms
from stage.ecs.api import Ecs
from stage.ecs.express import Express
from stage.ecs.placement import run_task_answer
from stage.ecs.service_deployments import ServiceDeployments
from stage.ecs.services import Services
from stage.ecs.task_events import TaskEvents
from stage.ecs.tasks import LONGEST_RUN, Run, Tasks
from stage.ecs.timer import Timer
from stage.eventbridge.bus import Bus, event, rules
from stage.eventbridge.late_reads import LateReads
from stage.eventbridge.schedules import due, note_state, state_as_of
from stage.eventbridge.tag_index import TagIndex
from stage.eventbridge.targets import Authorise, Failure, InvokeFunction, Targets
from stage.gateway.calls import Hook
from stage.gateway.pages import Pages
from stage.logs.late import LateLogs
from stage.scheduler.api import Scheduler
from stage.scheduler.schedules import as_of, fired_once, schedules
from stage.scheduler.schedules import due as due_in_scheduler
from stage.scheduler.starts import Starts
from stage.settings import Settings


class CannotFireError(Exception):
    """EventBridge would not fire this rule; the message says why and what to do."""


class Background:
    """The parts of the stage that act after a call has been answered.

    Containers of `repository` run in `directory`. `invoke_function` gets the ARN and the payload of a function that is
    a rule's target; `authorise` decides what EventBridge may do with a target's role.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        repository: str,
        invoke_function: InvokeFunction,
        authorise: Authorise = lambda *_: None,
        timer: Timer | None = None,
    ) -> None:
        atomic_writes.install()
        lifecycle.install()
        api.install()
        lock = threading.RLock()
        self._settings = settings
        self.timer = timer or Timer()
        self._tasks = Tasks(settings, directory, repository, self.timer, self._publish, lock)
        self.services = Services(settings, self.timer, self._publish, lock)
        self.targets = Targets(self._run_task, invoke_function, authorise, self.timer.after)
        self._starts = Starts(self._run_task, authorise, self.timer.after)
        self.history = History()
        self.bus = Bus(self.targets.deliver)
        self._task_events = TaskEvents(settings, self.timer, self.bus.publish)
        self.late_reads = LateReads(settings)
        operations = {
            **revisions.operations(),
            **self.services.operations(),
            **ServiceDeployments(self.services).operations(),
            **Express(self.services).operations(),
            **self._tasks.operations(),
        }
        self.hooks: list[Hook] = [
            Pages(settings),
            LateLogs(settings),
            self.history,
            Ecs(operations, lock),
            Scheduler(settings, authorise),
            Alarms(self.services.alarm),
            Archive(),
            Images(self.bus.publish),
            self.bus,
            self.late_reads,
            TagIndex(self.late_reads),
        ]

    def fire(self, name: str) -> dict[str, Any]:
        """Have EventBridge fire a scheduled rule now, and wait until the tasks that it starts have ended, unless they
        are scripted.

        Returns the task of an ECS target as `Run.describe` does; several tasks are under `tasks`. A task that ECS
        refused is returned as `error`, also where EventBridge tries again; what RunTask could not place, as `failures`.
        Raises CannotFireError for a rule that is missing or disabled, and for one without a schedule or a target.
        """
        outcomes = self._fire(name)
        self._wait_for_processes(outcomes)
        return _report(name, outcomes)

    def fire_due(self, until: datetime) -> list[dict[str, Any]]:
        """Advance the clock and fire each enabled rule that falls due, in the order of their times. Waits for the end
        of its tasks unless that depends on the clock. Returns what `fire` returns, with the time.
        """
        now = clock.now()
        for rule in rules().values():
            note_state(rule, now)
        fired: list[tuple[datetime, str, list[object]]] = []
        times = {name: _due(rule, now, until) for name, rule in sorted(rules().items()) if rule.scheduled_expression}
        times |= {name: due_in_scheduler(each, now, until) for name, each in sorted(schedules().items())}
        for at, name in heapq.merge(*(zip(each, repeat(name), strict=False) for name, each in times.items())):
            late = self._settings.schedules.late_seconds
            self.move_clock(max(0.0, (at - clock.now()).total_seconds()) + late)
            for _ in range(self._times(at, name)):
                with suppress(CannotFireError):
                    outcomes = self._fire(name, at)
                    fired.append((at, name, outcomes))
                    if not self._settings.start_seconds:
                        self._wait_for_processes(outcomes)
        self.move_clock(max(0.0, (until - clock.now()).total_seconds()))
        return [{"at": clock.text(at), **_report(name, outcomes)} for at, name, outcomes in fired]

    def _wait_for_processes(self, outcomes: list[object]) -> None:
        """Wait until the tasks that run as processes have ended."""
        for run in _runs(outcomes):
            run.done.wait(LONGEST_RUN + 10 + 2 * self._settings.start_seconds)  # a killed process needs a moment to end

    def _times(self, at: datetime, name: str) -> int:
        """How often EventBridge fires a rule for one time: "in rare cases" more than once (eb-troubleshooting.html)."""
        faults = self._settings.schedules
        chance = random.Random(f"{faults.seed} {at:%Y-%m-%dT%H:%M} {name}").random()  # noqa: S311 - nothing secret
        return 2 if chance < faults.repeat else 1

    def _fire(self, name: str, at: datetime | None = None) -> list[object]:
        """What each target of the rule, or of the schedule `group/name`, answers at this time, or now.

        Raises CannotFireError.
        """
        if "/" in name:
            return [self._fire_schedule(name, at or clock.now())]
        rule = rules().get(name)
        if rule is None:
            raise CannotFireError(f"There is no rule {name}; there are {', '.join(sorted(rules())) or 'none'}.")
        state = state_as_of(rule, at, timedelta(seconds=self._settings.schedules.lag_seconds)) if at else rule.state
        if state != "ENABLED":
            raise CannotFireError(f"The rule {name} is {state}: EventBridge does not fire it. Enable it first.")
        if not rule.scheduled_expression:
            raise CannotFireError(f"The rule {name} has no schedule: it waits for an event that matches its pattern.")
        if not rule.targets:
            raise CannotFireError(f"The rule {name} has no target: EventBridge fires it and nothing happens.")
        fired = event("aws.events", "Scheduled Event", {}, [rule.arn])
        if at:
            fired["time"] = clock.text(at)
        return [self.targets.deliver(rule, target, fired) for target in list(rule.targets)]

    def _fire_schedule(self, name: str, at: datetime) -> object:
        """The tasks that a schedule starts, or the Failure. Raises CannotFireError."""
        schedule = schedules().get(name)
        if schedule is None:
            raise CannotFireError(f"There is no schedule {name}; there are {', '.join(sorted(schedules())) or 'none'}.")
        known = as_of(schedule, at, timedelta(seconds=self._settings.scheduler.lag_seconds))
        if known["State"] != "ENABLED":
            words = f"The schedule {name} is {known['State']}: Scheduler does not fire it. Enable it first."
            raise CannotFireError(words)
        fired_once(schedule)
        return self._starts.start(schedule, known, at)

    def move_clock(self, seconds: float) -> None:
        """Advance the clock, or set it back, and do what is due by then."""
        end = clock.now() + timedelta(seconds=seconds)
        self.timer.play(seconds)
        left = (end - clock.now()).total_seconds()
        if seconds < 0 or left > 0:
            clock.move(left)
        expire_items()

    def wait_until_steady(self, timeout: float = 10) -> bool:
        """Wait until no service changes any more; False after `timeout` seconds."""
        return self.timer.wait_for(self.services.steady, timeout)

    def active(self) -> list[str]:
        """The services that roll and the tasks that run, in words."""
        rolling = [service.name for service, rollouts in self.services.rollouts.items() if rollouts.moves]
        running = self._tasks.running()
        return [*(f"the rollout of {name}" for name in rolling), *(f"the task {arn}" for arn in running)]

    def reset(self) -> None:
        """Drop running rollouts and tasks, and what is due later."""
        self.timer.clear()
        self.services.rollouts = {}
        self._tasks.reset()
        self._task_events.reset()
        self.history.clear()
        self.targets.failures.clear()
        self.late_reads.clear()

    def close(self) -> None:
        """End everything that runs."""
        self.reset()
        self._tasks.close()
        self.timer.close()

    def _run_task(self, request: dict[str, Any], role: str, check: Callable[[], None]) -> list[Run]:
        """EventBridge's RunTask, which CloudTrail shows. Raises ServiceException."""
        try:
            check()
            runs = self._tasks.run(request)
        except ServiceException as refusal:
            self.history.ran_task(request, role, refusal)
            raise
        self.history.ran_task(request, role, run_task_answer([{"taskArn": run.task.task_arn} for run in runs]))
        return runs

    def _publish(self, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        published = event("aws.ecs", detail_type, detail, resources)
        if detail_type == "ECS Task State Change":
            self._task_events.publish(published)
        else:
            self.bus.publish(published)


def _due(rule: Rule, after: datetime, until: datetime) -> Iterator[datetime]:
    created = vars(rule).setdefault("created", after)
    return due(str(rule.scheduled_expression), created, after, until)


def _runs(outcomes: list[object]) -> list[Run]:
    """The tasks that were started as processes."""
    runs = [run for outcome in outcomes if isinstance(outcome, list) for run in outcome]
    return [run for run in runs if run.outcome is None]


def _report(rule: str, outcomes: list[object]) -> dict[str, Any]:
    """What a rule that was fired has done: one result, or several under `tasks`."""
    results = [result for outcome in outcomes for result in _results(outcome)]
    return {"rule": rule, **results[0], **({"tasks": results} if len(results) > 1 else {})}


def _results(outcome: object) -> list[dict[str, Any]]:
    if isinstance(outcome, Failure):
        return [{"target": outcome.target, "error": {"code": outcome.code, "message": outcome.message}}]
    if isinstance(outcome, list):
        return [run.describe() for run in outcome] or [{"failures": run_task_answer([])["failures"]}]
    return [{"delivered": True}]
