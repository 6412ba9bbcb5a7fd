"""ECS services: CreateService, UpdateService and DeleteService, and the rollouts that follow.

moto changes a service's `taskDefinition` but not its `deployments`. Here the service is still moto's object, so that
moto's DescribeServices shows it; its deployments, counts and events are updated from a `Rollouts`, which the timer
advances.
"""

import threading
from typing import Any
from weakref import WeakKeyDictionary

from botocore import xform_name
from moto.ecs.exceptions import EcsClientException, ECSException, InvalidParameterException
from moto.ecs.models import Service

from stage import clock
from stage.ecs.api import Operation, Publish, backend, timestamp, usable_revision
from stage.ecs.rollouts import Breaker, Notice, Rollouts
from stage.ecs.service_members import (
    KNOWN_TO_MOTO,
    complete,
    configuration_of,
    members,
    named_service,
    placement,
    show,
    update,
)
from stage.ecs.timer import Timer
from stage.gateway.calls import Call, Reply
from stage.moto.clients import client
from stage.settings import Settings

# A new value of these starts a deployment; other members only change the service.
# docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
START_A_DEPLOYMENT = (
    "capacityProviderStrategy",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "loadBalancers",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfigurations",
)
ONLY_CHANGE = ("availabilityZoneRebalancing", "deploymentConfiguration", "healthCheckGracePeriodSeconds")


class Services:
    """The services of the stage and their rollouts."""

    def __init__(self, settings: Settings, timer: Timer, publish: Publish, lock: threading.RLock) -> None:
        self._settings = settings
        self._timer = timer
        self._emit = publish
        self._lock = lock
        self._rollouts: WeakKeyDictionary[Service, Rollouts] = WeakKeyDictionary()
        self._due: WeakKeyDictionary[Rollouts, object] = WeakKeyDictionary()

    def operations(self) -> dict[str, Operation]:
        """The operations that the stage answers instead of moto."""
        return {
            "CreateService": self.create,
            "UpdateService": self.update,
            "DeleteService": self.delete,
            "DescribeServices": self.describe,
        }

    @property
    def rollouts(self) -> dict[Service, Rollouts]:
        """The rollouts of each service that was created or described. To set them replaces all and stops them."""
        return dict(self._rollouts)

    @rollouts.setter
    def rollouts(self, rollouts: dict[Service, Rollouts]) -> None:
        with self._lock:
            self._due.clear()
            self._rollouts = WeakKeyDictionary(rollouts)

    def steady(self) -> bool:
        """Whether no service is still changing."""
        with self._lock:
            return not any(rollouts.moves for rollouts in self._rollouts.values())

    def create(self, call: Call) -> Reply:
        """CreateService: the service runs when this returns, because its first deployment replaces no tasks."""
        return _reply(call, self.add(call.params))

    def add(self, request: dict[str, Any]) -> Service:
        """Create the service of a CreateService request."""
        name, cluster = str(request.get("serviceName")), str(request.get("cluster", "default"))
        existing = backend().services.get(f"{cluster.rpartition('/')[2]}:{name}")
        if existing and existing.status == "ACTIVE":
            raise InvalidParameterException("Creation of service was not idempotent.")
        revision = usable_revision(str(request.get("taskDefinition")), EcsClientException).arn
        taken = {xform_name(member): request[member] for member in KNOWN_TO_MOTO if member in request}
        if awsvpc := request.get("networkConfiguration", {}).get("awsvpcConfiguration"):
            awsvpc.setdefault("securityGroups", [])  # moto needs the member; ECS takes the VPC's default group
        service = backend().create_service(cluster, name, request.get("desiredCount", 0), revision, **taken)
        rollouts = self._rollouts[service] = Rollouts(name, clock.now)
        complete(service, request)
        notices = rollouts.begin(revision, service.desired_count, ending="completes", seconds=0, how=placement(service))
        while rollouts.delay() is not None:
            notices += rollouts.step("off")
        self.advance(service, rollouts, notices)
        return service

    def update(self, call: Call) -> Reply:
        """UpdateService: a deployment starts only if a member changes that makes a task different."""
        return _reply(call, self.change(call.params))

    def change(self, request: dict[str, Any]) -> Service:
        """Change the service of an UpdateService request."""
        service = _active_service(request)
        rollouts = self.rollouts_of(service)
        before = [service.task_definition, *members(service, START_A_DEPLOYMENT)]
        if name := request.get("taskDefinition"):
            service.task_definition = usable_revision(name, EcsClientException).arn
        changes = (*START_A_DEPLOYMENT, *ONLY_CHANGE)
        given = {member: value for member, value in request.items() if member in changes}
        if configuration := given.get("deploymentConfiguration"):
            given["deploymentConfiguration"] = {**configuration_of(service), **configuration}
        update(service, **given)
        service.desired_count = request.get("desiredCount", service.desired_count)
        changed = before != [service.task_definition, *members(service, START_A_DEPLOYMENT)]
        if changed or request.get("forceNewDeployment"):
            self._begin(service, rollouts)
        elif service.desired_count != rollouts.primary.desired:
            rollouts.scale(service.desired_count)
            self.advance(service, rollouts)
        else:
            show(service, rollouts)
        return service

    def delete(self, call: Call) -> Reply:
        """DeleteService: DRAINING until its tasks have stopped, then INACTIVE."""
        service = _active_service(call.params)
        if service.desired_count > 0 and not call.params.get("force"):
            raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
        rollouts = self.rollouts_of(service)
        rollouts.stop()
        self._due.pop(rollouts, None)
        service.status, service.desired_count = "DRAINING" if service.running_count else "INACTIVE", 0
        show(service, rollouts)
        reply = _reply(call, service)

        def end() -> None:
            with self._lock:
                service.status = "INACTIVE"

        self._timer.after(self._settings.rollout_seconds, end)
        return reply

    def describe(self, call: Call) -> None:
        """DescribeServices is moto's, after rollouts of services that did not come through the gateway are added."""
        names = {str(name).rpartition("/")[2] for name in call.params.get("services", [])}
        for service in backend().services.values():
            if service.name in names:
                self.rollouts_of(service)

    def rollouts_of(self, service: Service) -> Rollouts:
        """A service's rollouts. One that was not created through the gateway counts as completed."""
        if service not in self._rollouts:
            rollouts = self._rollouts[service] = Rollouts(service.name, clock.now)
            complete(service, {})
            rollouts.settle(str(service.task_definition), service.desired_count, placement(service))
            show(service, rollouts)
        return self._rollouts[service]

    def _begin(self, service: Service, rollouts: Rollouts) -> None:
        notices = rollouts.begin(
            str(service.task_definition),
            service.desired_count,
            ending=self._settings.rollout,
            seconds=self._settings.rollout_seconds,
            how=placement(service),
            configuration=configuration_of(service),
            minute=60 * self._settings.time_scale,
        )
        self.advance(service, rollouts, notices)

    def alarm(self, name: str) -> None:
        """An alarm goes off: the rollouts that watch it fail."""
        with self._lock:
            for service, rollouts in self.rollouts.items():
                watched = configuration_of(service).get("alarms", {})
                rolls = rollouts.deployments and rollouts.primary.state == "IN_PROGRESS"
                if rolls and watched.get("enable") and name in watched["alarmNames"]:
                    self.advance(service, rollouts, rollouts.alarm(name, rolls_back=watched["rollback"]))

    def advance(self, service: Service, rollouts: Rollouts, notices: list[Notice] | None = None) -> None:
        """Update the service, publish events, and schedule the next step, which replaces an earlier one."""
        service.task_definition = rollouts.primary.task_definition  # after a rollback it is the former one
        show(service, rollouts)
        for notice in notices or []:
            self._publish(service, notice)
        ticket = self._due[rollouts] = object()

        def step() -> None:
            with self._lock:
                if self._due.get(rollouts) is ticket:
                    self.advance(service, rollouts, rollouts.step(self._circuit_breaker(service)))

        delay = rollouts.delay()
        if delay is not None:
            self._timer.after(delay, step)

    def _circuit_breaker(self, service: Service) -> Breaker:
        breaker = configuration_of(service).get("deploymentCircuitBreaker", {})
        if not (breaker.get("enable") and self._settings.circuit_breaker):
            return "off"
        return "rollback" if breaker.get("rollback") else "stop"

    def _publish(self, service: Service, notice: Notice) -> None:
        detail: dict[str, Any] = {"eventType": notice.type, "eventName": notice.name}
        now = timestamp(clock.now())
        if notice.deployment_id is None:
            detail |= {"clusterArn": service.cluster_arn, "createdAt": now}
            self._emit("ECS Service Action", [service.arn], detail)
        else:
            detail |= {"deploymentId": notice.deployment_id, "updatedAt": now, "reason": notice.reason}
            self._emit("ECS Deployment State Change", [service.arn], detail)


def _active_service(request: dict[str, Any]) -> Service:
    """Raises ClusterNotFoundException, ServiceNotFoundException or ServiceNotActiveException."""
    service = named_service(request)
    if service.status != "ACTIVE":
        raise ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
    return service


def _reply(call: Call, service: Service) -> Reply:
    described = client("ecs").describe_services(cluster=service.cluster_arn, services=[service.arn], include=["TAGS"])
    return Reply.result(call, {"service": described["services"][0]})
