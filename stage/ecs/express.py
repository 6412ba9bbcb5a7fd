"""Services of ECS Express Mode: ordinary services with a canary that ECS manages; moto has none.

docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-overview.html. Load balancer, scaling, alarms and
the default network are not made here.
"""

from typing import Any

from moto.ecs.models import Service

from stage.ecs import revisions
from stage.ecs.api import Operation
from stage.ecs.service_members import named_service, update
from stage.ecs.services import Services
from stage.gateway.calls import Call, Reply

CONTAINER = "Main"
# docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-update-full.html
CANARY = {
    "strategy": "CANARY",
    "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 3},
    "bakeTimeInMinutes": 3,
}
_OF_THE_TASK = ("cpu", "memory", "executionRoleArn", "taskRoleArn")


class Express:
    """Creates and updates the services of Express Mode among all `services`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def operations(self) -> dict[str, Operation]:
        """The operations that moto does not have."""
        return {"CreateExpressGatewayService": self.create, "UpdateExpressGatewayService": self.update}

    def create(self, call: Call) -> Reply:
        """CreateExpressGatewayService, of a task definition or of one container."""
        request = call.params
        where = request.get("networkConfiguration")
        service = self._services.add(
            {
                "cluster": request.get("cluster", "default"),
                "serviceName": request["serviceName"],
                "taskDefinition": _revision(request, request["serviceName"]),
                "desiredCount": request.get("scalingTarget", {}).get("minTaskCount", 1),
                "launchType": "FARGATE",
                "deploymentConfiguration": CANARY,
                **({"networkConfiguration": {"awsvpcConfiguration": where}} if where else {}),
            }
        )
        update(service, resourceManagementType="ECS")
        return _answer(call, service)

    def update(self, call: Call) -> Reply:
        """UpdateExpressGatewayService: with a container ECS registers the next revision itself."""
        named = str(call.params["serviceArn"]).split("/")
        request = {"cluster": named[-2], "service": named[-1]}
        family = str(named_service(request).task_definition).rpartition("/")[2].partition(":")[0]
        return _answer(call, self._services.change({**request, "taskDefinition": _revision(call.params, family)}))


def _revision(request: dict[str, Any], family: str) -> str:
    """The ARN of the task definition that is named, or of one for the container that is."""
    if arn := request.get("taskDefinitionArn"):
        return str(arn)
    given = dict(request["primaryContainer"])
    port = given.pop("containerPort", 80)
    container = {**given, "name": CONTAINER, "portMappings": [{"name": "http", "containerPort": port}]}
    task = {"cpu": "256", "memory": "512", **{name: request[name] for name in _OF_THE_TASK if name in request}}
    return revisions.add(
        {
            **task,
            "family": family,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [container],
        }
    ).arn


def _answer(call: Call, service: Service) -> Reply:
    described = {"cluster": service.cluster_name, "serviceName": service.name, "serviceArn": service.arn}
    return Reply.result(call, {"service": {**described, "status": {"statusCode": service.status}}})
