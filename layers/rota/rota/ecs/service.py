"""The ECS service: read it, start a rollout, judge the rollout."""

import time
from typing import TYPE_CHECKING

from rota.contract.shape import Shape
from rota.contract.step_io import Rollout, Staged
from rota.ecs.arns import short_name
from rota.errors import RejectedError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef

    from rota.settings import Settings

# Seconds between two looks, growing: most rollouts take minutes, and each look costs three state transitions. After an
# hour they become rarer still: a person may let ECS wait for weeks, and an execution's history holds 25,000 events:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_SHORTEST_WAIT, _LONGEST_WAIT, _LONGEST_WAIT_OF_DAYS = 5, 60, 1800
# ECS is eventually consistent: for so many seconds after the update it may not show the new deployment.
ROLLOUT_VISIBLE_AFTER = 20


class ServiceState(Shape):
    """The service in a snapshot: what it ran, by which deployment of ECS, and whether that was complete."""

    task_definition: str
    deployment_id: str
    steady: bool


def read_service(ecs: "ECSClient", settings: "Settings") -> "ServiceTypeDef":
    """The service as ECS describes it. RejectedError if the cluster or the service does not exist."""
    try:
        reply = ecs.describe_services(cluster=settings.cluster, services=[settings.service])
    except ecs.exceptions.ClusterNotFoundException:
        raise RejectedError(
            f"there is no ECS cluster {settings.cluster} in this account and Region; create it, or correct the "
            "parameter ClusterName"
        ) from None
    if not reply["services"]:
        raise RejectedError(
            f"there is no service {settings.service} on the ECS cluster {settings.cluster}; create it, or correct the "
            "parameter ServiceName"
        )
    return reply["services"][0]


def state_of_service(description: "ServiceTypeDef") -> ServiceState:
    """The service for a snapshot."""
    primary = _primary(description)
    return ServiceState(
        task_definition=description["taskDefinition"],
        deployment_id=primary["id"],
        steady=len(description["deployments"]) == 1 and primary.get("rolloutState", "COMPLETED") == "COMPLETED",
    )


def breaks_circuit(description: "ServiceTypeDef") -> bool:
    """Whether ECS fails a rollout whose tasks do not start."""
    return description.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {}).get("enable", False)


def has_stages(description: "ServiceTypeDef") -> bool:
    """Whether a rollout goes through lifecycle stages of ECS: it shifts traffic, or has hooks. What becomes of it only
    its service deployment shows: rolloutState is for rolling updates, and says nothing of a hook.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    """
    configuration = description.get("deploymentConfiguration", {})
    return configuration.get("strategy", "ROLLING") != "ROLLING" or bool(configuration.get("lifecycleHooks"))


def start_rollout(
    ecs: "ECSClient", settings: "Settings", revision: str, description: "ServiceTypeDef", *, again: bool = False
) -> Rollout:
    """Update the service to `revision`, unless `description` shows that it runs it already and did not fail to.

    `description` is what the caller has decided by: ECS, asked again, may still describe the service as it was before.
    `again`: the service is known to have failed to. TransientError if ECS does not show the rollout yet.
    """
    failed = again or _primary(description).get("rolloutState") == "FAILED"
    staged = Staged() if has_stages(description) else None
    if staged and failed and description["taskDefinition"] == revision:
        staged = Staged(replaces=description.get("currentServiceDeployment", ""))
    if description["taskDefinition"] != revision or failed:
        description = ecs.update_service(
            cluster=settings.cluster,
            service=settings.service,
            taskDefinition=revision,
            # With the same revision, ECS starts a new deployment only if forced.
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
        staged=staged,
    )


def read_as_planned(ecs: "ECSClient", settings: "Settings", planned_from: str, revision: str) -> "ServiceTypeDef":
    """The service, which still runs `planned_from`, or `revision` already.

    RejectedError if it runs another one since the deployment was planned.
    """
    description = read_service(ecs, settings)
    if description["taskDefinition"] not in (planned_from, revision):
        time.sleep(ROLLOUT_VISIBLE_AFTER)  # ECS may have answered with what was before
        description = read_service(ecs, settings)
    if description["taskDefinition"] not in (planned_from, revision):
        raise RejectedError(
            f"the service {settings.service} was changed during this deployment: it ran "
            f"{short_name(planned_from)} and now runs {short_name(description['taskDefinition'])}; start the "
            "deployment again"
        )
    return description


def wait_seconds(waited: int) -> int:
    """Seconds until the next check of a rollout that has been waited for so many seconds."""
    longest = min(_LONGEST_WAIT_OF_DAYS, max(_LONGEST_WAIT, waited // 60))
    return min(longest, max(_SHORTEST_WAIT, waited // 4))


def judge_rollout(description: "ServiceTypeDef", rollout: Rollout, settings: "Settings") -> Rollout:
    """The rollout's progress. COMPLETED means that *this* rollout's deployment of ECS is PRIMARY and COMPLETED: a
    service is just as steady after ECS has rolled it back. No I/O.

    RejectedError if the rollout failed, was rolled back or replaced, or takes longer than `rollout_timeout_minutes`.
    TransientError if ECS shows no PRIMARY deployment.
    """
    waited = rollout.waited_seconds + rollout.wait_seconds
    deployment = next((d for d in description["deployments"] if d["id"] == rollout.deployment_id), None)
    if deployment is None and waited <= ROLLOUT_VISIBLE_AFTER:
        return rollout.model_copy(update={"progress": "ECS does not show it yet", "waited_seconds": waited})
    if deployment is None or deployment["status"] != "PRIMARY":
        primary = _primary(description)
        reason = primary.get("rolloutStateReason") or "no reason given"
        now = short_name(primary["taskDefinition"])
        raise rollout_failed(f"was replaced: ECS now deploys {now} ({reason})", rollout, description)
    rollout_state = deployment.get("rolloutState") or (
        "COMPLETED" if _is_alone(description, deployment) else "IN_PROGRESS"
    )
    if rollout_state == "FAILED":
        raise rollout_failed(
            f"failed: {deployment.get('rolloutStateReason') or 'ECS gives no reason'}", rollout, description
        )
    if rollout_state != "COMPLETED" and waited >= settings.rollout_timeout_minutes * 60:
        raise too_long(_progress(deployment), rollout, description, settings)
    return rollout.model_copy(
        update={
            "status": "COMPLETED" if rollout_state == "COMPLETED" else "IN_PROGRESS",
            "progress": _progress(deployment)
            + (_early(description, deployment) if rollout_state == "COMPLETED" else ""),
            "wait_seconds": wait_seconds(waited),
            "waited_seconds": waited,
        }
    )


def _primary(description: "ServiceTypeDef") -> "DeploymentTypeDef":
    primary = next((d for d in description["deployments"] if d["status"] == "PRIMARY"), None)
    if primary is None:
        raise TransientError(f"the service {description['serviceName']} shows no PRIMARY deployment at the moment")
    return primary


def _is_alone(description: "ServiceTypeDef", deployment: "DeploymentTypeDef") -> bool:
    return len(description["deployments"]) == 1 and deployment["runningCount"] == deployment["desiredCount"]


def _progress(deployment: "DeploymentTypeDef") -> str:
    return f"{deployment['runningCount']} of {deployment['desiredCount']} tasks run"


def _early(description: "ServiceTypeDef", deployment: "DeploymentTypeDef") -> str:
    """What to say of a rollout that is complete before all its tasks run and all others have stopped.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/early-success-criteria.html
    """
    criteria = description.get("deploymentConfiguration", {}).get("earlySuccessCriteria", {})
    if not criteria.get("enable") or _is_alone(description, deployment):
        return ""
    return ", complete early by the service's earlySuccessCriteria, after which ECS rolls nothing back"


def too_long(progress: str, rollout: Rollout, description: "ServiceTypeDef", settings: "Settings") -> RejectedError:
    """The error for a rollout that is not complete after `rollout_timeout_minutes`."""
    breaker = "; the service's circuit breaker is off: with it, ECS fails a rollout whose tasks do not start"
    return rollout_failed(
        f"is not complete after {settings.rollout_timeout_minutes} minutes ({progress}); if it needs "
        f"longer, raise the parameter RolloutTimeoutMinutes{'' if breaks_circuit(description) else breaker}",
        rollout,
        description,
    )


def rollout_failed(how: str, rollout: Rollout, description: "ServiceTypeDef") -> RejectedError:
    """The error for a rollout that failed.

    With the service's newest event that names the rollout's deployment, else its newest: it often has the reason.
    """
    messages = [event["message"] for event in description.get("events", [])]
    of_rollout = [message for message in messages if rollout.deployment_id in message]
    event = f" ECS says: {(of_rollout or messages)[0].rstrip('.')}." if messages else ""
    return RejectedError(
        f"the rollout of {short_name(rollout.task_definition)} {how}.{event} Look at the service's events and the logs "
        "of its stopped tasks"
    )
