"""Service deployments and service revisions, ECS's newer view of rollouts; moto has neither.

docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html. A deployment that the circuit breaker rolls
back is one service deployment, which ends in ROLLBACK_SUCCESSFUL, and two entries of the service's `deployments`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from moto.ecs.models import Service

from stage.ecs.api import Operation, backend
from stage.ecs.revisions import document
from stage.ecs.rollouts import Deployment
from stage.ecs.service_members import deployment_arn, members, named_service, revision_arn
from stage.ecs.services import Services
from stage.gateway.calls import Call, Reply

BREAKER = "Service deployment rolled back because the circuit breaker threshold was exceeded."


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

    def _all(self) -> Iterator[tuple[Service, Deployment]]:
        for service, rollouts in self._services.rollouts.items():
            for deployment in rollouts.history:
                yield service, deployment


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
        **_unless_none(finishedAt=end, statusReason=BREAKER if deployment.rollback else None),
        "targetServiceRevisionArn": revision_arn(service, deployment),
        "status": status_of(deployment),
    }


def _full(service: Service, deployment: Deployment) -> dict[str, Any]:
    brief = _brief(service, deployment)
    del brief["targetServiceRevisionArn"]
    [configuration] = members(service, ["deploymentConfiguration"])
    if rollback := deployment.rollback:
        brief["rollback"] = {
            "reason": BREAKER,
            "startedAt": rollback.created,
            "serviceRevisionArn": revision_arn(service, rollback),
        }
    return {
        **brief,
        "updatedAt": deployment.updated,
        "sourceServiceRevisions": [_counts(service, source) for source in deployment.sources],
        "targetServiceRevision": _counts(service, deployment),
        "deploymentConfiguration": configuration,
        "deploymentCircuitBreaker": {
            "status": _breaker(deployment, enabled=configuration["deploymentCircuitBreaker"]["enable"]),
            "failureCount": deployment.failed,
            "threshold": deployment.threshold,
        },
    }


def _breaker(deployment: Deployment, *, enabled: bool) -> str:
    if not enabled:
        return "DISABLED"
    if deployment.state == "FAILED":
        return "TRIGGERED"
    return "MONITORING_COMPLETE" if deployment.finished else "MONITORING"


def _counts(service: Service, deployment: Deployment) -> dict[str, Any]:
    return {
        "arn": revision_arn(service, deployment),
        "requestedTaskCount": deployment.desired,
        "runningTaskCount": deployment.running,
        "pendingTaskCount": deployment.pending,
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
