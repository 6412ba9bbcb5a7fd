"""The ECS service: read it, roll it, judge how our own deployment of it stands."""

from typing import TYPE_CHECKING

from rota.contract import Rollout, Shape
from rota.ecs.arns import short_name
from rota.errors import RejectedError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef

    from rota.settings import Settings

# Quick at first, slower later: most rollouts take minutes, and each look costs three state transitions.
_SHORTEST_WAIT, _LONGEST_WAIT = 5, 60
# ECS's answers are eventually consistent: so many seconds after the update it may not show our deployment yet.
ROLLOUT_VISIBLE_AFTER = 20


class ServiceState(Shape):
    """What a restore must bring back, and what it was doing when we came."""

    task_definition: str
    deployment_id: str
    steady: bool


def read_service(ecs: "ECSClient", settings: "Settings") -> "ServiceTypeDef":
    """The service as ECS describes it. RejectedError if there is no such cluster or service."""
    try:
        reply = ecs.describe_services(cluster=settings.cluster, services=[settings.service])
    except ecs.exceptions.ClusterNotFoundException:
        raise RejectedError(f"there is no ECS cluster {settings.cluster} in this account and Region") from None
    if not reply["services"]:
        raise RejectedError(f"there is no service {settings.service} on the ECS cluster {settings.cluster}")
    return reply["services"][0]


def state_of_service(description: "ServiceTypeDef") -> ServiceState:
    """What is kept of the service in a snapshot."""
    primary = _primary(description)
    return ServiceState(
        task_definition=description["taskDefinition"],
        deployment_id=primary["id"],
        steady=len(description["deployments"]) == 1 and primary.get("rolloutState", "COMPLETED") == "COMPLETED",
    )


def start_rollout(
    ecs: "ECSClient", settings: "Settings", revision: str, description: "ServiceTypeDef | None" = None
) -> Rollout:
    """Have the service run `revision`; a service that does already, according to `description`, is only looked at.

    `description` is what the caller has judged it by: asked again, ECS may answer with what was before.
    """
    description = description or read_service(ecs, settings)
    failed = _primary(description).get("rolloutState") == "FAILED"
    if description["taskDefinition"] != revision or failed:
        description = ecs.update_service(
            cluster=settings.cluster,
            service=settings.service,
            taskDefinition=revision,
            # The same revision once more makes ECS try again only when it is told to.
            forceNewDeployment=description["taskDefinition"] == revision,
        )["service"]
    primary = _primary(description)
    if primary["taskDefinition"] != revision:
        raise TransientError(f"ECS does not show its rollout of {short_name(revision)} yet")
    return Rollout(
        task_definition=revision,
        deployment_id=primary["id"],
        status="IN_PROGRESS",
        progress=_progress(primary),
        wait_seconds=_SHORTEST_WAIT,
        waited_seconds=0,
    )


def judge_rollout(description: "ServiceTypeDef", rollout: Rollout, settings: "Settings") -> Rollout:
    """How our own deployment stands. Pure.

    Success is that *our* deployment is PRIMARY and COMPLETED: a service is just as steady after ECS has rolled it back.
    RejectedError if the deployment failed, was rolled back or replaced, or takes longer than it may.
    """
    waited = rollout.waited_seconds + rollout.wait_seconds
    ours = next((d for d in description["deployments"] if d["id"] == rollout.deployment_id), None)
    if ours is None and waited <= ROLLOUT_VISIBLE_AFTER:
        return rollout.model_copy(update={"progress": "ECS does not show it yet", "waited_seconds": waited})
    if ours is None or ours["status"] != "PRIMARY":
        primary = _primary(description)
        raise RejectedError(
            f"the rollout of {short_name(rollout.task_definition)} did not last: ECS now deploys "
            f"{short_name(primary['taskDefinition'])} ({primary.get('rolloutStateReason') or 'no reason given'})"
            + _last_words(description, rollout)
        )
    rollout_state = ours.get("rolloutState") or ("COMPLETED" if _is_alone(description, ours) else "IN_PROGRESS")
    if rollout_state == "FAILED":
        raise RejectedError(
            f"the rollout of {short_name(rollout.task_definition)} failed: "
            f"{ours.get('rolloutStateReason') or 'ECS gives no reason'}" + _last_words(description, rollout)
        )
    if rollout_state != "COMPLETED" and waited >= settings.rollout_timeout_minutes * 60:
        raise RejectedError(
            f"the rollout of {short_name(rollout.task_definition)} is not done after "
            f"{settings.rollout_timeout_minutes} minutes ({_progress(ours)})" + _last_words(description, rollout)
        )
    return rollout.model_copy(
        update={
            "status": "COMPLETED" if rollout_state == "COMPLETED" else "IN_PROGRESS",
            "progress": _progress(ours),
            "wait_seconds": min(_LONGEST_WAIT, max(_SHORTEST_WAIT, waited // 4)),
            "waited_seconds": waited,
        }
    )


def _primary(description: "ServiceTypeDef") -> "DeploymentTypeDef":
    primary = next((d for d in description["deployments"] if d["status"] == "PRIMARY"), None)
    if primary is None:
        raise TransientError(f"the service {description['serviceName']} shows no PRIMARY deployment at the moment")
    return primary


def _is_alone(description: "ServiceTypeDef", ours: "DeploymentTypeDef") -> bool:
    return len(description["deployments"]) == 1 and ours["runningCount"] == ours["desiredCount"]


def _progress(deployment: "DeploymentTypeDef") -> str:
    return f"{deployment['runningCount']} of {deployment['desiredCount']} tasks run"


def _last_words(description: "ServiceTypeDef", rollout: Rollout) -> str:
    """The service's newest event that names our deployment, else its newest: mostly it says the true reason."""
    told = [event["message"] for event in description.get("events", [])]
    of_ours = [message for message in told if rollout.deployment_id in message]
    return f". ECS says: {(of_ours or told)[0]}" if told else ""
