"""The permissions that ECS's calls need.

docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from moto.ecs.models import TaskDefinition, ecs_backends

from stage.iam.conditions import OTHER_TAGS, Context
from stage.iam.evaluation import Permission
from stage.iam.permissions import Ask, Request, anywhere
from stage.moto.clients import ACCOUNT, REGION

ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}"


def pass_role(role: str, service: str) -> Permission:
    """The caller passes a role to a service.

    docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return Permission("iam:PassRole", arn, {"iam:PassedToService": service})


def run_task(request: Request) -> list[Permission]:
    """RunTask, the tags that it sets, and the task's roles or their overrides."""
    definition = _revision(str(request["taskDefinition"]))
    family, _, number = str(request["taskDefinition"]).rpartition("/")[2].partition(":")
    context: Context = {
        "ecs:cluster": _cluster(request),
        "ecs:enable-execute-command": str(bool(request.get("enableExecuteCommand"))).lower(),
    }
    asked = [Permission("ecs:RunTask", f"{ARN}:task-definition/{family}:{number or '*'}", context)]
    if request.get("tags") or request.get("propagateTags") or request.get("enableECSManagedTags"):
        resource = f"{ARN}:task/{_cluster(request).rpartition('/')[2]}/*"
        asked.append(Permission("ecs:TagResource", resource, {"ecs:CreateAction": "RunTask"}))
    overrides = request.get("overrides") or {}
    roles = [overrides.get(member) or role for member, role in _roles(definition).items()]
    return asked + [pass_role(role, "ecs-tasks.amazonaws.com") for role in roles if role]


def _register(request: Request) -> list[Permission]:
    """The number of the revision is not known yet: the resource is all revisions of the family."""
    family = f"{ARN}:task-definition/{request['family']}:*"
    asked = [Permission("ecs:RegisterTaskDefinition", family)]
    if request.get("tags"):
        asked.append(Permission("ecs:TagResource", family, {"ecs:CreateAction": "RegisterTaskDefinition"}))
    roles = [request.get("taskRoleArn"), request.get("executionRoleArn")]
    return asked + [pass_role(role, "ecs-tasks.amazonaws.com") for role in roles if role]


def _update_service(request: Request) -> list[Permission]:
    """UpdateService; with a revision also PassRole for its roles."""
    context = {"ecs:cluster": _cluster(request), "ecs:task-definition": request.get("taskDefinition")}
    asked = [Permission("ecs:UpdateService", _service(request, str(request["service"])), context)]
    if "taskDefinition" in request:
        roles = _roles(_revision(request["taskDefinition"])).values()
        asked += [pass_role(role, "ecs-tasks.amazonaws.com") for role in roles if role]
    return asked


def _describe_services(request: Request) -> list[Permission]:
    context = {"ecs:cluster": _cluster(request)}
    return [Permission("ecs:DescribeServices", _service(request, name), context) for name in request["services"]]


def _on_parts(action: str, kind: str, member: str) -> Ask:
    """On each service deployment or service revision that is named, and on its service."""

    def ask(request: Request) -> list[Permission]:
        named = request[member]
        arns = [named] if isinstance(named, str) else named
        services = dict.fromkeys(arn.rpartition("/")[0].replace(f":{kind}/", ":service/") for arn in arns)
        return [Permission(f"ecs:{action}", arn) for arn in [*services, *arns]]

    return ask


def _on_tasks(action: str, member: str) -> Ask:
    """On each task that is named."""

    def ask(request: Request) -> list[Permission]:
        named, cluster = request[member], _cluster(request)
        ids = [task.rpartition("/")[2] for task in ([named] if isinstance(named, str) else named)]
        name = cluster.rpartition("/")[2]
        return [
            Permission(f"ecs:{action}", f"{ARN}:task/{name}/{task}", {"ecs:cluster": cluster, **_tags_of(name, task)})
            for task in ids
        ]

    return ask


def _tags_of(cluster: str, task: str) -> Context:
    """The tags of a task, as conditions see them."""
    found = ecs_backends[ACCOUNT][REGION].tasks.get(cluster, {})
    tags = next((each.tags or [] for arn, each in found.items() if arn.rpartition("/")[2] == task), [])
    return {OTHER_TAGS: None, **{f"aws:ResourceTag/{tag['key']}": tag["value"] for tag in tags}}


def _list_tasks(request: Request) -> list[Permission]:
    """A cluster's tasks. AWS's denials name all resources or, lately, the cluster's container instances, also where
    there are none: a policy has to allow both.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html, "List and describe
    tasks", and the Service Authorization Reference.
    """
    cluster = _cluster(request)
    instances = f"{ARN}:container-instance/{cluster.rpartition('/')[2]}/*"
    return [Permission("ecs:ListTasks", resource, {"ecs:cluster": cluster}) for resource in ("*", instances)]


def _list_service_deployments(request: Request) -> list[Permission]:
    context = {"ecs:cluster": _cluster(request)}
    return [Permission("ecs:ListServiceDeployments", _service(request, request["service"]), context)]


def _describe_clusters(request: Request) -> list[Permission]:
    return [
        Permission("ecs:DescribeClusters", _cluster({"cluster": name})) for name in request.get("clusters", ["default"])
    ]


def _cluster(request: Request) -> str:
    name = str(request.get("cluster", "default"))
    return name if name.startswith("arn:") else f"{ARN}:cluster/{name}"


def _service(request: Request, name: str) -> str:
    return name if name.startswith("arn:") else f"{ARN}:service/{_cluster(request).rpartition('/')[2]}/{name}"


def _revision(name: str) -> TaskDefinition | None:
    """The registered revision; None when there is none, which ECS refuses itself."""
    family, _, number = name.rpartition("/")[2].partition(":")
    revisions = ecs_backends[ACCOUNT][REGION].task_definitions.get(family, {})
    newest = max((key for key, each in revisions.items() if each.status == "ACTIVE"), default=0)
    return revisions.get(int(number) if number.isdigit() else newest)


def _roles(definition: TaskDefinition | None) -> dict[str, str | None]:
    if definition is None:
        return {}
    known = vars(definition)  # moto's object has only what was registered
    return {"taskRoleArn": known.get("task_role_arn"), "executionRoleArn": known.get("execution_role_arn")}


ACTIONS = {
    ("ecs", "DeregisterTaskDefinition"): anywhere("ecs:DeregisterTaskDefinition"),
    ("ecs", "DescribeClusters"): _describe_clusters,
    ("ecs", "ContinueServiceDeployment"): _on_parts(
        "ContinueServiceDeployment", "service-deployment", "serviceDeploymentArn"
    ),
    ("ecs", "DescribeServiceDeployments"): _on_parts(
        "DescribeServiceDeployments", "service-deployment", "serviceDeploymentArns"
    ),
    ("ecs", "DescribeServiceRevisions"): _on_parts(
        "DescribeServiceRevisions", "service-revision", "serviceRevisionArns"
    ),
    ("ecs", "DescribeServices"): _describe_services,
    ("ecs", "DescribeTaskDefinition"): anywhere("ecs:DescribeTaskDefinition"),
    ("ecs", "DescribeTasks"): _on_tasks("DescribeTasks", "tasks"),
    ("ecs", "ListTasks"): _list_tasks,
    ("ecs", "StopTask"): _on_tasks("StopTask", "task"),
    ("ecs", "ListServiceDeployments"): _list_service_deployments,
    ("ecs", "ListTaskDefinitions"): anywhere("ecs:ListTaskDefinitions"),
    ("ecs", "RegisterTaskDefinition"): _register,
    ("ecs", "RunTask"): run_task,
    ("ecs", "StopServiceDeployment"): _on_parts("StopServiceDeployment", "service-deployment", "serviceDeploymentArn"),
    ("ecs", "UpdateService"): _update_service,
}
