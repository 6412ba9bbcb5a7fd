"""The template's parameters, as far as an ECS service says them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rota.cli.exits import CommandError, Exit
from rota.ecs.images import repository_of
from rota.ecs.service import breaks_circuit
from rota.ecs.task_definitions import Revision, read_revision

if TYPE_CHECKING:
    from rota.cli.frame import Account


@dataclass(frozen=True)
class Read:
    """The parameters by their names in the template, what to know of the service, and the revision that it runs."""

    values: dict[str, str]
    remarks: tuple[str, ...]
    base: Revision


def named(service: str) -> tuple[str, str]:
    """Cluster and service of `CLUSTER/SERVICE`. CommandError for anything else."""
    cluster, _, name = service.partition("/")
    if not cluster or not name or "/" in name:
        raise CommandError(Exit.MISUSED, f"{service!r} is no service", "write CLUSTER/SERVICE, such as production/shop")
    return cluster, name


def read(account: "Account", cluster: str, service: str, container: str | None = None) -> Read:
    """What the service and its revision say. CommandError without such a service, or if no container can be chosen."""
    from rota.cli.import_schedules.gather import describe_service

    described = describe_service(account, cluster, service)
    base = read_revision(account.client("ecs"), described["taskDefinition"])
    region = account.region
    owner = described["serviceArn"].split(":")
    return parameters_of_service(described, base, container, f"{':'.join(owner[:2])}:logs:{region}:{owner[4]}")


def parameters_of_service(service: Mapping[str, Any], base: Revision, container: str | None, logs: str) -> Read:
    """As `read`; `logs` is how the ARNs of log groups begin. Pure."""
    content = base.content
    chosen = _container(service, content, container)
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    roles = dict.fromkeys(content[role] for role in ("taskRoleArn", "executionRoleArn") if content.get(role))
    groups = dict.fromkeys(_log_groups(chosen, logs))
    version = service.get("platformVersion", "LATEST")
    values = {
        "ClusterName": service["clusterArn"].rpartition("/")[2],
        "ServiceName": service["serviceName"],
        "RepositoryName": repository_of(chosen["image"]) or "",
        "TaskDefinitionFamily": content["family"],
        "ContainerName": chosen["name"],
        "SubnetIds": ",".join(network.get("subnets", ())),
        "SecurityGroupIds": ",".join(network.get("securityGroups", ())),
        "AssignPublicIp": "ENABLED" if network.get("assignPublicIp") == "ENABLED" else "",
        "PlatformVersion": "" if version == "LATEST" else version,
        "TaskRoleArns": ",".join(roles),
        "JobLogGroups": ",".join(groups),
    }
    return Read({name: value for name, value in values.items() if value}, tuple(_remarks(service, base, chosen)), base)


def _container(service: Mapping[str, Any], content: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """The container of the app: the one that is named, that the load balancer reaches, or the only one from ECR."""
    containers: list[Mapping[str, Any]] = list(content["containerDefinitions"])
    balanced = {each["containerName"] for each in service.get("loadBalancers", ()) if "containerName" in each}
    from_ecr = [each for each in containers if repository_of(each["image"])]
    for likely in (
        [each for each in containers if each["name"] == name],
        containers if not name and len(containers) == 1 else [],
        [each for each in from_ecr if not name and each["name"] in balanced],
        from_ecr if not name else [],
    ):
        if len(likely) == 1:
            return likely[0]
    names = ", ".join(each["name"] for each in containers)
    what = f"has no container {name}" if name else "has several containers"
    raise CommandError(
        Exit.MISUSED, f"the task definition {content['family']} {what}: {names}", "name the app's: --container NAME"
    )


def _log_groups(container: Mapping[str, Any], logs: str) -> Iterator[str]:
    configuration = container.get("logConfiguration", {})
    group = configuration.get("options", {}).get("awslogs-group")
    if configuration.get("logDriver") == "awslogs" and group:
        yield f"{logs}:log-group:{group}:*"


def _remarks(service: Mapping[str, Any], base: Revision, container: Mapping[str, Any]) -> Iterator[str]:
    """What of the service keeps Rota from deploying it, or should be known before it does."""
    content = base.content
    name, cluster = service["serviceName"], service["clusterArn"].rpartition("/")[2]
    if not repository_of(container["image"]):
        yield (
            f"the container {container['name']} runs {container['image']}, which is not from ECR: Rota deploys what is "
            "pushed to a repository there; set RepositoryName to it"
        )
    if (controller := service.get("deploymentController", {}).get("type", "ECS")) != "ECS":
        yield f"the service is deployed by {controller}; Rota rolls services with the deployment controller ECS only"
    elif not breaks_circuit(service):  # type: ignore[arg-type]  # as ECS describes it
        yield (
            "the service has no circuit breaker: a broken image takes 30 minutes to fail. Switch it on\naws ecs "
            f"update-service --cluster {cluster} --service {name} --deployment-configuration "
            "'deploymentCircuitBreaker={enable=true,rollback=true}'"
        )
    if content.get("networkMode") != "awsvpc" or "FARGATE" not in (base.compatibilities or ("FARGATE",)):
        yield f"the task definition {content['family']} does not run on Fargate; jobs of Rota do"
    if not content.get("taskRoleArn") and not content.get("executionRoleArn"):
        yield "the task definition names no role, and the parameter TaskRoleArns needs one: give it an execution role"
    if not service.get("networkConfiguration"):
        yield "the service has no network configuration: set SubnetIds and SecurityGroupIds"
