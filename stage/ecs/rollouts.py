"""The rollouts of one ECS service, task by task. Pure: no I/O, and the clock is passed in.

ECS's rolling update (docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html): a new deployment is
PRIMARY and IN_PROGRESS, the one before ACTIVE; tasks are replaced until the primary has them all and is COMPLETED, and
the others are gone. The deployment circuit breaker (…/deployment-circuit-breaker.html) fails a deployment after half
as many failed tasks as are desired, but at least 3 and at most 200, and goes back to what completed last.

Here one step replaces one task, and a setting decides how a rollout ends, not the image. The revision that completed
last always completes again. BLUE_GREEN, LINEAR and CANARY start all new tasks beside the old ones, go through the
stages of `lifecycle`, and stop the old ones at the end; they roll back as a rolling update does.
"""

import math
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from stage.ecs.lifecycle import Action, Lifecycle, lifecycle

Ending = Literal["completes", "fails", "hangs"]
Breaker = Literal["off", "stop", "rollback"]
"""What the deployment circuit breaker does: nothing, fail the deployment, or fail it and roll back."""

KEPT = 100  # messages: docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html
BREAKER = "Service deployment rolled back because the circuit breaker threshold was exceeded."
# The words of the other reasons are assumed.
ALARM = "Service deployment rolled back because an alarm was triggered."
REQUESTED = "Service deployment rolled back because a person asked for it."
TIMED_OUT = "Service deployment rolled back because a lifecycle hook timed out."
LONGEST_BACKOFF = 60.0
"""The most seconds between two attempts to start a task that keeps failing; ECS throttles them, too."""


@dataclass(frozen=True)
class Notice:
    """An event about a service: *ECS Deployment State Change*, or *ECS Service Action* if there is no deployment ID.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """

    type: Literal["INFO", "WARN", "ERROR"]
    name: str
    deployment_id: str | None = None
    reason: str = ""


@dataclass
class Deployment:
    """One entry of a service's `deployments`."""

    task_definition: str
    desired: int
    created: datetime
    ending: Ending
    seconds: float
    """The time from the start of the rollout to COMPLETED."""
    how: dict[str, Any] = field(default_factory=dict)
    """Where its tasks run: launchType, platformVersion, networkConfiguration and so on, with ECS's names."""
    id: str = field(default_factory=lambda: f"ecs-svc/{random.randrange(10**18, 10**19)}")  # noqa: S311 - not a secret
    status: Literal["PRIMARY", "ACTIVE"] = "PRIMARY"
    pending: int = 0
    running: int = 0
    failed: int = 0
    scheduled: bool = False
    """Whether ECS has begun to place its tasks; until then its desired count is 0."""
    state: Literal["IN_PROGRESS", "COMPLETED", "FAILED"] = "IN_PROGRESS"
    reason: str = ""
    updated: datetime = field(init=False)
    finished: datetime | None = None
    """When it was COMPLETED, FAILED or superseded."""
    sources: list["Deployment"] = field(default_factory=list, repr=False)
    """The deployments whose tasks it replaces."""
    rollback: "Deployment | None" = field(default=None, repr=False)
    """The deployment that rolled it back."""
    status_reason: str | None = None
    """Why it was rolled back or stopped, as its service deployment says."""
    alarms: tuple[str, ...] = ()
    """The alarms that failed it."""
    lifecycle: Lifecycle | None = field(default=None, repr=False)
    """Its stages, also once it has ended; None if it just replaces tasks."""
    revision: str = ""
    """The number of its service revision; a rollback has that of an older deployment."""

    def __post_init__(self) -> None:
        self.updated = self.created
        self.revision = self.revision or self.id.rpartition("/")[2]
        self.reason = self.reason or f"ECS deployment {self.id} in progress."

    @property
    def threshold(self) -> int:
        """The number of failed tasks that triggers the circuit breaker."""
        return max(3, min(200, math.ceil(self.desired / 2)))

    @property
    def stages(self) -> Lifecycle | None:
        """The stages that it is going through; None if it just replaces tasks, or has ended."""
        return self.lifecycle if self.state == "IN_PROGRESS" else None

    def describe(self) -> dict[str, Any]:
        """As DescribeServices shows it."""
        return {
            "id": self.id,
            "status": self.status,
            "taskDefinition": self.task_definition,
            "desiredCount": self.desired if self.scheduled else 0,
            "pendingCount": self.pending,
            "runningCount": self.running,
            "failedTasks": self.failed,
            "createdAt": self.created,
            "updatedAt": self.updated,
            **self.how,
            "rolloutState": self.state,
            "rolloutStateReason": self.reason,
        }


class Rollouts:
    """The deployments of one service, the newest first, and ECS's messages about them."""

    def __init__(self, service: str, now: Callable[[], datetime]) -> None:
        self.deployments: list[Deployment] = []
        self.messages: list[dict[str, Any]] = []
        self.history: list[Deployment] = []
        """Every requested deployment, the newest first; a rollback belongs to the deployment that it rolls back."""
        self._service = service
        self._now = now
        self._completed: Deployment | None = None

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    @property
    def moves(self) -> bool:
        """Whether it is still changing."""
        return bool(self.deployments) and self.delay() is not None

    def begin(
        self,
        task_definition: str,
        desired: int,
        *,
        ending: Ending,
        seconds: float,
        how: dict[str, Any],
        configuration: dict[str, Any] | None = None,
        minute: float = 60,
    ) -> list[Notice]:
        """Start a deployment. It supersedes one that is in progress, and replaces its tasks, too.

        A minute of the service's deployment `configuration` lasts `minute` seconds.
        """
        if self._completed and self._completed.task_definition == task_definition:
            ending = "completes"
        deployment = Deployment(task_definition, desired, self._now(), ending, seconds, how)
        sources = sum(1 for each in self.deployments if each.running)
        deployment.lifecycle = lifecycle(configuration or {}, sources=sources, minute=minute, now=deployment.created)
        self.history = [deployment, *self.history]
        for forgotten in self.history[KEPT:]:
            forgotten.sources.clear()  # otherwise each deployment would keep all earlier ones
        del self.history[KEPT:]
        return self._begin(deployment)

    def settle(self, task_definition: str, desired: int, how: dict[str, Any]) -> None:
        """Set the state of a service whose rollout has ended long ago."""
        settled = Deployment(
            task_definition, desired, self._now(), "completes", 0, how, running=desired, scheduled=True
        )
        settled.state, settled.reason = "COMPLETED", f"ECS deployment {settled.id} completed."
        settled.finished = settled.created
        self.deployments, self.history, self._completed = [settled], [settled], settled

    def scale(self, desired: int) -> None:
        """Change the desired count: ECS scales the primary deployment and starts none."""
        self.primary.desired = desired
        self.primary.updated = self._now()

    def delay(self) -> float | None:
        """Seconds until the next `step`; None when there is none."""
        primary = self.primary
        if primary.state == "FAILED":
            return None
        if (stages := primary.stages) and not stages.scales_up:
            return stages.delay(self._now())
        if not primary.scheduled:
            return 0
        settled = primary.running == primary.desired and len(self.deployments) == 1 and primary.state == "COMPLETED"
        if settled or primary.ending == "hangs":
            return None
        step = primary.seconds / max(primary.desired, 1)
        beyond = primary.failed - primary.threshold
        return step if beyond < 0 else min(LONGEST_BACKOFF, max(step, 1) * 2.0 ** min(beyond, 10))

    def step(self, circuit_breaker: Breaker) -> list[Notice]:
        """Replace one task. Returns the events to publish."""
        primary = self.primary
        primary.updated = self._now()
        if (stages := primary.stages) and not stages.scales_up:
            return self._next_stage(stages)
        if not primary.scheduled:
            primary.scheduled = True
            if primary.desired:
                self._start_task()
                return []
        if primary.pending and primary.ending == "fails":
            return self._fail_task(circuit_breaker)
        if primary.pending:
            primary.pending -= 1
            primary.running += 1
        if not (stages and stages.shifts):
            self._stop_surplus()
        if primary.running < primary.desired:
            self._start_task()
        replaced = (stages and stages.shifts) or not any(old.running for old in self.deployments[1:])
        if primary.running != primary.desired or not replaced:
            return []
        return self._next_stage(stages) if stages else self._complete()

    def decide(self, action: Action) -> list[Notice]:
        """Do what a person decided at the hook at which the primary deployment waits."""
        stages = self.primary.lifecycle
        if stages is None or stages.awaiting is None:
            raise ValueError("it does not wait for a person")
        stages.awaiting.status = "SUCCEEDED"
        return self.roll_back(REQUESTED) if action == "ROLLBACK" else []

    def roll_back(self, why: str) -> list[Notice]:
        """Fail the primary deployment and return to what completed last, if anything did."""
        return self._fail(why, goes_back=True)

    def alarm(self, name: str, *, rolls_back: bool) -> list[Notice]:
        """Fail the primary deployment for an alarm."""
        self.primary.alarms = (name,)
        return self._fail(ALARM, goes_back=rolls_back)

    def stop(self) -> None:
        """Stop all tasks and deployments: the service is deleted."""
        self.deployments.clear()
        self._completed = None

    def _begin(self, deployment: Deployment) -> list[Notice]:
        for old in self.deployments:
            old.status = "ACTIVE"
            old.pending = 0
            old.finished = old.finished or self._now()
        deployment.sources = [old for old in self.deployments if old.running]
        self.deployments.insert(0, deployment)
        return [Notice("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", deployment.id, deployment.reason)]

    def _start_task(self) -> None:
        self.primary.pending = 1
        self._message(f"has started 1 tasks: (task {uuid.uuid4().hex}).")

    def _stop_surplus(self) -> None:
        """Stop one task, an old one first, when more run than desired (minimumHealthyPercent 100)."""
        running = [deployment for deployment in reversed(self.deployments) if deployment.running]
        if sum(deployment.running for deployment in running) > self.primary.desired:
            running[0].running -= 1
            running[0].updated = self._now()
            self._message(f"has stopped 1 running tasks: (task {uuid.uuid4().hex}).")

    def _complete(self) -> list[Notice]:
        primary = self.primary
        del self.deployments[1:]
        if primary.state == "COMPLETED":  # the service was only scaled
            return []
        primary.state, primary.reason = "COMPLETED", f"ECS deployment {primary.id} completed."
        primary.finished = self._now()
        self._completed = primary
        self._message(f"(deployment {primary.id}) deployment completed.")
        self._message("has reached a steady state.")
        return [
            Notice("INFO", "SERVICE_DEPLOYMENT_COMPLETED", primary.id, primary.reason),
            Notice("INFO", "SERVICE_STEADY_STATE"),
        ]

    def _next_stage(self, stages: Lifecycle) -> list[Notice]:
        """Leave the stage, or do what follows when a hook has timed out."""
        if hook := stages.awaiting:
            hook.status = "TIMED_OUT"
            return self.roll_back(TIMED_OUT) if hook.action == "ROLLBACK" else []
        if not stages.advance(self._now()):
            return self._complete()
        if stages.stage == "CLEAN_UP":
            for old in self.deployments[1:]:
                old.running = 0
        return []

    def _fail_task(self, circuit_breaker: Breaker) -> list[Notice]:
        primary = self.primary
        primary.pending = 0
        primary.failed += 1
        if primary.failed < primary.threshold or circuit_breaker == "off":
            self._start_task()
            if primary.failed != primary.threshold:
                return []
            self._message(
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting "
                "section of the Amazon ECS Developer Guide."
            )
            return [Notice("WARN", "SERVICE_TASK_START_IMPAIRED")]
        return self._fail(BREAKER, goes_back=circuit_breaker == "rollback")

    def _fail(self, why: str, *, goes_back: bool) -> list[Notice]:
        """Fail the primary deployment and, if it `goes_back`, begin the one that rolls it back."""
        primary, good, breaker = self.primary, self._completed, why == BREAKER
        by = "circuit breaker" if breaker else "failed"
        primary.finished, primary.state, primary.pending = self._now(), "FAILED", 0
        primary.reason = f"ECS deployment {by}: {'tasks failed to start.' if breaker else why}"
        self._message(f"(deployment {primary.id}) deployment failed: {'tasks failed to start.' if breaker else why}")
        reason = f"ECS deployment {by}: {'task failed to start.' if breaker else why}"
        notices = [Notice("ERROR", "SERVICE_DEPLOYMENT_FAILED", primary.id, reason)]
        if goes_back and good:
            self._message(f"rolling back to deployment {good.id}.")
            reason = f"ECS deployment {by}: rolling back to deploymentId {good.id}."
            again = Deployment(
                good.task_definition, primary.desired, self._now(), "completes", primary.seconds, good.how
            )
            again.reason, again.revision = reason, good.revision
            primary.rollback, primary.status_reason = again, why
            notices += self._begin(again)
        return notices

    def _message(self, message: str) -> None:
        event = {"id": str(uuid.uuid4()), "createdAt": self._now(), "message": f"(service {self._service}) {message}"}
        self.messages = [event, *self.messages][:KEPT]
