"""Service deployments and service revisions, ECS's newer view of rollouts; moto has neither.

docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html. A deployment that is rolled back is one
service deployment, which ends in ROLLBACK_SUCCESSFUL, and two entries of the service's `deployments`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import Service

from stage.ecs.api import Operation, backend
from stage.ecs.revisions import document
from stage.ecs.rollouts import REQUESTED, Deployment, Rollouts
from stage.ecs.service_members import configuration_of, deployment_arn, named_service, revision_arn
from stage.ecs.services import Services
from stage.gateway.calls import Call, Reply


class ServiceDeployments:
    """Answers from the rollouts of `services`; it has no state of its own."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> dict[str, Operation]:
        """The operations that moto does not have."""
        return {
            "ListServiceDeployments": self.list_deployments,
            "DescribeServiceDeployments": self.describe_deployments,
            "DescribeServiceRevisions": self.describe_revisions,
            "StopServiceDeployment": self.stop,
            "ContinueServiceDeployment": self.continue_,
        }

    def list_deployments(self, call: Call) -> Reply:
        """ListServiceDeployments: the newest first, in one page, because at most a hundred are kept."""
        request = call.params
        service = named_service(request)
        created = request.get("createdAt", {})
        listed = [
            brief
            for brief in (_brief(service, deployment) for deployment in self._services.rollouts_of(service).history)
            if brief["status"] in (request.get("status") or [brief["status"]])
            and created.get("after", 0) <= brief["createdAt"].timestamp() <= created.get("before", float("inf"))
        ]
        return Reply.result(call, {"serviceDeployments": listed})

    def describe_deployments(self, call: Call) -> Reply:
        """DescribeServiceDeployments."""
        wanted = call.params.get("serviceDeploymentArns", [])
        found = {deployment_arn(*each): _full(*each) for each in self._all()}
        return Reply.result(
            call,
            {"serviceDeployments": [found[arn] for arn in wanted if arn in found], "failures": _missing(wanted, found)},
        )

    def describe_revisions(self, call: Call) -> Reply:
        """DescribeServiceRevisions."""
        wanted = call.params.get("serviceRevisionArns", [])
        found = {revision_arn(*each): _revision(*each) for each in self._all()}
        return Reply.result(
            call,
            {"serviceRevisions": [found[arn] for arn in wanted if arn in found], "failures": _missing(wanted, found)},
        )

    def stop(self, call: Call) -> Reply:
        """StopServiceDeployment, whose one documented way is to roll back. ConflictException for one that has ended.

        docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
        """
        if call.params.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise InvalidParameterException("The stopType must be ROLLBACK.")
        service, rollouts, deployment = self._named(call)
        if status_of(deployment) in ENDED:
            raise ServiceException("ConflictException", f"The service deployment is {status_of(deployment)}.")
        if not deployment.rollback:
            self._services.advance(service, rollouts, rollouts.roll_back(REQUESTED))
        return Reply.result(call, {"serviceDeploymentArn": call.params["serviceDeploymentArn"]})

    def continue_(self, call: Call) -> Reply:
        """ContinueServiceDeployment: what a person decides at a PAUSE hook."""
        service, rollouts, deployment = self._named(call)
        waiting = deployment.lifecycle.awaiting if deployment.lifecycle and not deployment.finished else None
        if waiting is None or waiting.id != call.params["hookId"]:
            raise InvalidParameterException("The service deployment does not wait at this lifecycle hook.")
        self._services.advance(service, rollouts, rollouts.decide(call.params.get("action", "CONTINUE")))
        return Reply.result(call, {"serviceDeploymentArn": call.params["serviceDeploymentArn"]})

    def _named(self, call: Call) -> tuple[Service, Rollouts, Deployment]:
        for service, deployment in self._all():
            if deployment_arn(service, deployment) == call.params["serviceDeploymentArn"]:
                return service, self._services.rollouts_of(service), deployment
        raise ServiceException("ServiceDeploymentNotFoundException", "The service deployment was not found.")

    def _all(self) -> Iterator[tuple[Service, Deployment]]:
        for service, rollouts in self._services.rollouts.items():
            for deployment in rollouts.history:
                yield service, deployment


ENDED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")


def status_of(deployment: Deployment) -> str:
    """The service deployment's status. It is never PENDING or …_REQUESTED: the stage starts at once."""
    if deployment.rollback:
        if deployment.rollback.state == "COMPLETED":
            return "ROLLBACK_SUCCESSFUL"
        return "ROLLBACK_FAILED" if deployment.rollback.finished else "ROLLBACK_IN_PROGRESS"
    if deployment.state == "COMPLETED":
        return "SUCCESSFUL"
    return "STOPPED" if deployment.finished else "IN_PROGRESS"


def _brief(service: Service, deployment: Deployment) -> dict[str, Any]:
    end = deployment.rollback.finished if deployment.rollback else deployment.finished
    return {
        "serviceDeploymentArn": deployment_arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "createdAt": deployment.created,
        "startedAt": deployment.created,
        **_unless_none(finishedAt=end, statusReason=deployment.status_reason),
        "targetServiceRevisionArn": revision_arn(service, deployment),
        "status": status_of(deployment),
    }


def _full(service: Service, deployment: Deployment) -> dict[str, Any]:
    brief = _brief(service, deployment)
    del brief["targetServiceRevisionArn"]
    configuration = configuration_of(service)
    if rollback := deployment.rollback:
        brief["rollback"] = {
            "reason": deployment.status_reason,
            "startedAt": rollback.created,
            "serviceRevisionArn": revision_arn(service, rollback),
        }
    if stages := deployment.lifecycle:
        brief |= {"lifecycleStage": stages.stage, "lifecycleHookDetails": [hook.describe() for hook in stages.hooks]}
    if configuration.get("alarms"):
        brief["alarms"] = _alarms(deployment, configuration["alarms"])
    return {
        **brief,
        "updatedAt": deployment.updated,
        "sourceServiceRevisions": [_counts(service, source, deployment) for source in deployment.sources],
        "targetServiceRevision": _counts(service, deployment),
        "deploymentConfiguration": configuration,
        "deploymentCircuitBreaker": {
            "status": _monitor(
                deployment,
                enabled=configuration["deploymentCircuitBreaker"]["enable"],
                triggered=deployment.state == "FAILED" and deployment.failed >= deployment.threshold,
            ),
            "failureCount": deployment.failed,
            "threshold": deployment.threshold,
        },
    }


def _alarms(deployment: Deployment, watched: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": _monitor(deployment, enabled=watched["enable"], triggered=bool(deployment.alarms)),
        "alarmNames": watched["alarmNames"],
        "triggeredAlarmNames": list(deployment.alarms),
    }


def _monitor(deployment: Deployment, *, enabled: bool, triggered: bool) -> str:
    if not enabled:
        return "DISABLED"
    if triggered:
        return "TRIGGERED"
    return "MONITORING_COMPLETE" if deployment.finished else "MONITORING"


def _counts(service: Service, deployment: Deployment, source_of: Deployment | None = None) -> dict[str, Any]:
    """The tasks of a revision, and its share of the traffic while `source_of` or it itself shifts any."""
    shifting = (source_of or deployment).lifecycle
    weights = {}
    if shifting and shifting.shifts:
        test, production = shifting.part.test, shifting.part.production
        if source_of:
            test, production = 100 - test, 100 - production
        weights = {"requestedTestTrafficWeight": test, "requestedProductionTrafficWeight": production}
    return {
        "arn": revision_arn(service, deployment),
        "requestedTaskCount": deployment.desired,
        "runningTaskCount": deployment.running,
        "pendingTaskCount": deployment.pending,
        **weights,
    }


def _revision(service: Service, deployment: Deployment) -> dict[str, Any]:
    family, _, number = deployment.task_definition.rpartition("/")[2].partition(":")
    containers = document(backend().task_definitions[family][int(number)])["containerDefinitions"]
    return {
        "serviceRevisionArn": revision_arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "taskDefinition": deployment.task_definition,
        **deployment.how,
        "loadBalancers": service.load_balancers,
        "serviceRegistries": service.service_registries,
        "containerImages": [
            {
                "containerName": container["name"],
                "image": container["image"],
                **_unless_none(imageDigest=container["image"].partition("@")[2] or None),
            }
            for container in containers
        ],
        "createdAt": deployment.created,
    }


def _missing(wanted: list[str], found: dict[str, Any]) -> list[dict[str, str]]:
    return [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in found]


def _unless_none(**members: str | datetime | None) -> dict[str, Any]:
    return {member: value for member, value in members.items() if value is not None}
