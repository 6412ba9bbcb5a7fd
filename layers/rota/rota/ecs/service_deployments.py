"""Rollouts that go through lifecycle stages of ECS, judged by their service deployment.

A service of the strategy BLUE_GREEN, LINEAR or CANARY shifts traffic and bakes before a rollout is complete. A PAUSE
hook lets ECS wait for a person, in a rolling update too.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rota.contract.step_io import Rollout, Staged
from rota.ecs.arns import short_name
from rota.ecs.service import ROLLOUT_VISIBLE_AFTER, has_stages, rollout_failed, too_long, wait_seconds
from rota.errors import StillRunningError
from rota.times import minute

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import (
        DeploymentConfigurationOutputTypeDef,
        DeploymentLifecycleHookDetailTypeDef,
        ServiceDeploymentTypeDef,
        ServiceTypeDef,
    )

    from rota.settings import Settings

# From these stages on all production traffic goes to the new tasks.
_LIVE = ("POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP")
_UNDER_WAY = ("PENDING", "IN_PROGRESS")
_ROLLING_BACK = ("STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
_FAILED = ("STOPPED", "ROLLBACK_FAILED")


def bakes(configuration: "DeploymentConfigurationOutputTypeDef") -> dict[str, int]:
    """The minutes for which each rollout bakes at least, by what of the service's configuration says so.

    Defaults: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html and
    .../API_CanaryConfiguration.html. After the step to 100 percent bakeTimeInMinutes follows.
    """
    found = {}
    if configuration.get("strategy") == "LINEAR":
        linear = configuration.get("linearConfiguration", {})
        each, steps = linear.get("stepBakeTimeInMinutes", 6), _shifts(configuration) - 1
        found[f"{steps} times stepBakeTimeInMinutes {each}"] = steps * each
    if configuration.get("strategy") == "CANARY":
        minutes = configuration.get("canaryConfiguration", {}).get("canaryBakeTimeInMinutes", 10)
        found[f"canaryBakeTimeInMinutes {minutes}"] = minutes
    minutes = configuration.get("bakeTimeInMinutes", 0)
    found[f"bakeTimeInMinutes {minutes}"] = minutes
    return {what: minutes for what, minutes in found.items() if minutes}


def pauses(configuration: "DeploymentConfigurationOutputTypeDef") -> dict[str, int]:
    """By lifecycle stage: the minutes for which ECS waits there for a person at most, in all.

    1,440 unless the hook says otherwise. The stage before a shift comes before each:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html
    """
    found: dict[str, int] = {}
    for hook in configuration.get("lifecycleHooks", []):
        if hook.get("targetType") == "PAUSE":
            most = hook.get("timeoutConfiguration", {}).get("timeoutInMinutes", 1440)
            for stage in hook.get("lifecycleStages", []):
                found[stage] = most * (_shifts(configuration) if stage == "PRE_PRODUCTION_TRAFFIC_SHIFT" else 1)
    return found


def remarks(description: "ServiceTypeDef") -> Iterator[str]:
    """What a person should know of how ECS will roll the service out."""
    configuration = description.get("deploymentConfiguration", {})
    if baked := bakes(configuration):
        yield f"ECS bakes the rollout for {sum(baked.values()):,} minutes ({', '.join(baked)})"
    for stage, most in pauses(configuration).items():
        yield f"ECS waits for a person in {stage}, for {most:,} minutes at most"
    if configuration.get("earlySuccessCriteria", {}).get("enable"):
        yield "the rollout is complete as soon as the service's earlySuccessCriteria are met"


def find(
    ecs: "ECSClient", description: "ServiceTypeDef", revision: str, staged: Staged | None
) -> "ServiceDeploymentTypeDef | None":
    """The service deployment of a rollout of that revision, of which `staged` is known; None if ECS does not show it.

    It is the service's current one if that deploys the revision. Once it is known it is that one, whatever the service
    deploys by then.
    """
    staged = staged or Staged()
    if staged.service_deployment:
        return _describe(ecs, staged.service_deployment)
    arn = description.get("currentServiceDeployment", "")
    deployment = _describe(ecs, arn) if arn and arn != staged.replaces else None
    target = deployment.get("targetServiceRevision", {}).get("arn") if deployment else None
    if target is None:
        return None
    revisions = ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]
    deploys_it = any(each.get("taskDefinition") == revision for each in revisions)
    return deployment if deploys_it else None


def has_failed_before(ecs: "ECSClient", description: "ServiceTypeDef") -> bool:
    """Whether the service's last service deployment left it half done, so that its revision has to be deployed again.

    StillRunningError while ECS is rolling the service back.
    """
    status = _status(ecs, description)
    if status in _ROLLING_BACK:
        raise StillRunningError("ECS is still rolling the service back from the rollout before")
    return status in _FAILED


def may_go_back(ecs: "ECSClient", description: "ServiceTypeDef") -> bool:
    """Whether the service rolls out forwards, so that ECS may return it to what it still runs."""
    return _status(ecs, description) in _UNDER_WAY


def judge(
    deployment: "ServiceDeploymentTypeDef | None",
    description: "ServiceTypeDef",
    rollout: Rollout,
    settings: "Settings",
) -> Rollout:
    """The rollout's progress, as `judge_rollout` has it. A bake is waited for. The time in which ECS waits for a person
    does not count. No I/O.

    RejectedError if ECS stopped it or rolls it back, or if it takes longer than `rollout_timeout_minutes`.
    """
    staged, hook = rollout.staged or Staged(), _awaited(deployment)
    waited, paused = rollout.waited_seconds, staged.paused_seconds
    if staged.paused or hook:  # in part of it at least
        paused += rollout.wait_seconds
    else:
        waited += rollout.wait_seconds
    runs = description["taskDefinition"]
    if deployment is None and runs != rollout.task_definition and waited + paused > ROLLOUT_VISIBLE_AFTER:
        raise rollout_failed(f"was replaced: ECS now deploys {short_name(runs)}", rollout, description)
    status = deployment.get("status", "PENDING") if deployment else "PENDING"
    progress = _progress(deployment, hook) if deployment else "ECS does not show it yet"
    if deployment and status in (*_ROLLING_BACK, *_FAILED, "ROLLBACK_SUCCESSFUL"):
        raise rollout_failed(_why(deployment), rollout, description)
    if status != "SUCCESSFUL" and not hook and waited >= settings.rollout_timeout_minutes * 60:
        raise too_long(progress, rollout, description, settings)
    known = deployment.get("serviceDeploymentArn", "") if deployment else staged.service_deployment
    return rollout.model_copy(
        update={
            "status": "COMPLETED" if status == "SUCCESSFUL" else "IN_PROGRESS",
            "progress": progress,
            "wait_seconds": wait_seconds(waited + paused),
            "waited_seconds": waited,
            "staged": staged.model_copy(
                update={"service_deployment": known, "paused": hook is not None, "paused_seconds": paused}
            ),
        }
    )


def roll_back(ecs: "ECSClient", deployment: "ServiceDeploymentTypeDef") -> bool:
    """Have ECS go back from that service deployment, which shifts the traffic at once, without stages.

    False if it has ended in another way, so that the service has to be updated.
    """
    status = deployment.get("status")
    if status in ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"):
        return True
    if status not in _UNDER_WAY:
        return False
    try:
        ecs.stop_service_deployment(
            serviceDeploymentArn=deployment.get("serviceDeploymentArn", ""), stopType="ROLLBACK"
        )
    except ecs.exceptions.ConflictException:  # it has just ended
        return False
    return True


def _shifts(configuration: "DeploymentConfigurationOutputTypeDef") -> int:
    """In how many steps the production traffic shifts."""
    if configuration.get("strategy") == "LINEAR":
        return math.ceil(100 / configuration.get("linearConfiguration", {}).get("stepPercent", 10))
    return 2 if configuration.get("strategy") == "CANARY" else 1


def _describe(ecs: "ECSClient", arn: str) -> "ServiceDeploymentTypeDef | None":
    described = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    return described[0] if described else None


def _status(ecs: "ECSClient", description: "ServiceTypeDef") -> str | None:
    """Of the service's current service deployment; None of a service without stages."""
    arn = description.get("currentServiceDeployment")
    deployment = _describe(ecs, arn) if arn and has_stages(description) else None
    return deployment.get("status") if deployment else None


def _awaited(deployment: "ServiceDeploymentTypeDef | None") -> "DeploymentLifecycleHookDetailTypeDef | None":
    """The hook at which ECS waits for a person."""
    hooks = deployment.get("lifecycleHookDetails", []) if deployment else []
    return next(
        (each for each in hooks if each.get("targetType") == "PAUSE" and each.get("status") == "AWAITING_ACTION"), None
    )


def _progress(deployment: "ServiceDeploymentTypeDef", hook: "DeploymentLifecycleHookDetailTypeDef | None") -> str:
    target, stage = deployment.get("targetServiceRevision", {}), deployment.get("lifecycleStage", "")
    parts = [f"{target.get('runningTaskCount', 0)} of {target.get('requestedTaskCount', 0)} tasks run"]
    if stage:
        parts.insert(0, stage)
    if stage in _LIVE:
        parts.append("production traffic has shifted")
    elif share := target.get("requestedProductionTrafficWeight", 0):
        parts.append(f"{share:g} % of the production traffic")
    if hook:
        until = f", until {minute(hook['expiresAt'])}" if "expiresAt" in hook else ""
        then = "continues" if hook.get("timeoutAction") == "CONTINUE" else "rolls back"
        parts.append(f"ECS waits for a person, hook {hook.get('hookId')}{until}, then it {then}")
    return ", ".join(parts)


def _why(deployment: "ServiceDeploymentTypeDef") -> str:
    """How it failed, in which stage, and what ECS says of that."""
    rolled_back = deployment.get("status") not in ("STOPPED", "STOP_REQUESTED")
    reason = deployment.get("rollback", {}).get("reason") or deployment.get("statusReason") or "ECS gives no reason"
    alarms = deployment.get("alarms", {}).get("triggeredAlarmNames", [])
    stage = f" in {deployment['lifecycleStage']}" if "lifecycleStage" in deployment else ""
    return (
        f"{'was rolled back by ECS' if rolled_back else 'was stopped'}{stage}: {reason.rstrip('.')}"
        f"{' (' + ', '.join(alarms) + ')' if alarms else ''}"
    )
