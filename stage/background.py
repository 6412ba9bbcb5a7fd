"""The world around the API: what happens in AWS because of a call, or by itself, and not in the answer to a call.

An image push becomes an event, an event reaches its rules' targets, a service rolls, a task runs. `World` ties these
together; a stage has one, adds its `hooks` to the front door, and calls `reset` or `close` when it is done.
"""

import threading
from pathlib import Path
from typing import Any

from stage.ecr.images import Ecr
from stage.ecs import revisions
from stage.ecs.api import Ecs
from stage.ecs.service_deployments import ServiceDeployments
from stage.ecs.services import Services
from stage.ecs.tasks import LONGEST_RUN, Run, Tasks
from stage.ecs.timer import Agenda
from stage.eventbridge.bus import Bus, event, rules
from stage.eventbridge.tag_index import TagIndex
from stage.eventbridge.targets import Authorise, Failure, InvokeFunction, Targets
from stage.gateway.calls import Hook
from stage.settings import Settings


class CannotFireError(Exception):
    """A rule that EventBridge would not fire; the message says why and what to do."""


class World:
    """Everything of the stage that acts by itself.

    `app` is the directory in which the containers of `repository` run. `invoke_function` is given the ARN and payload
    of a function that is a rule's target, `authorise` is asked what EventBridge may do with a target's role.
    """

    def __init__(
        self,
        settings: Settings,
        app: Path,
        repository: str,
        invoke_function: InvokeFunction,
        authorise: Authorise = lambda *_: None,
    ) -> None:
        lock = threading.RLock()
        self.agenda = Agenda()
        self._tasks = Tasks(app, repository, self.agenda, self._emit, lock)
        self.services = Services(settings, self.agenda, self._emit, lock)
        self.targets = Targets(self._tasks.run, invoke_function, authorise)
        self.bus = Bus(self.targets.deliver)
        self.tag_index = TagIndex(settings)
        operations = {
            **revisions.operations(),
            **self.services.operations(),
            **ServiceDeployments(self.services).operations(),
            **self._tasks.operations(),
        }
        self.hooks: list[Hook] = [Ecs(operations, lock), Ecr(self.bus.publish), self.bus, self.tag_index]

    def fire(self, name: str) -> dict[str, Any]:
        """Have EventBridge fire a scheduled rule now, and wait until the tasks that it starts have ended.

        Returns what became of the task of an ECS target: task_arn, task_definition, command, image, exit_code,
        output and so on; with more than one task, all of them under `tasks`. A run that ECS refused is lost, as on
        AWS, and told as `error`. Raises CannotFireError for a rule that is missing, disabled, without a schedule or
        without a target.
        """
        rule = rules().get(name)
        if rule is None:
            raise CannotFireError(f"There is no rule {name}; there are {', '.join(sorted(rules())) or 'none'}.")
        if rule.state != "ENABLED":
            raise CannotFireError(f"The rule {name} is {rule.state}: EventBridge does not fire it. Enable it first.")
        if not rule.scheduled_expression:
            raise CannotFireError(f"The rule {name} has no schedule: it waits for an event that matches its pattern.")
        if not rule.targets:
            raise CannotFireError(f"The rule {name} has no target: EventBridge fires it and nothing happens.")
        happened = event("aws.events", "Scheduled Event", {}, [rule.arn])
        outcomes = [self.targets.deliver(rule, target, happened) for target in list(rule.targets)]
        tasks = [_told(each) for outcome in outcomes for each in (outcome if isinstance(outcome, list) else [outcome])]
        return {"rule": name, **tasks[0], **({"tasks": tasks} if len(tasks) > 1 else {})}

    def steady(self, timeout: float = 10) -> bool:
        """Wait until no service will move by itself any more; False after `timeout` seconds."""
        return self.agenda.wait_for(self.services.steady, timeout)

    def moving(self) -> list[str]:
        """The services that roll and the tasks that run, in words."""
        rolling = [service.name for service, rollouts in self.services.standing.items() if rollouts.moves]
        running = self._tasks.running()
        return [*(f"the rollout of {name}" for name in rolling), *(f"the task {arn}" for arn in running)]

    def reset(self) -> None:
        """Drop running rollouts and tasks, and what is due later."""
        self.agenda.clear()
        self.services.standing = {}
        self._tasks.reset()
        self.targets.failures.clear()
        self.tag_index.clear()

    def close(self) -> None:
        """End what runs; the stage is over."""
        self.reset()
        self._tasks.close()
        self.agenda.close()

    def _emit(self, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        self.bus.publish(event("aws.ecs", detail_type, detail, resources))


def _told(outcome: object) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"target": outcome.target, "error": {"code": outcome.code, "message": outcome.message}}
    if isinstance(outcome, Run):
        outcome.done.wait(LONGEST_RUN + 10)  # a process that is killed needs a moment to end
        return outcome.describe()
    return {"delivered": True}
