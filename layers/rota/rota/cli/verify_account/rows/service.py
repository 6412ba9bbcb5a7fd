"""What ECS reports of a service that rolls, waits at a hook, rolls back, bakes and is deleted: five tasks at most."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, NothingSeenError, tried
from rota.cli.verify_account.resources import CLUSTER, FAMILY, ROLE, SERVICE
from rota.cli.verify_account.row import Row, Seen, probe
from rota.cli.verify_account.rows import task_events

_SECONDS = 300
_POLICY_SECONDS = 60
"""How long IAM may take until a new policy counts."""
_HOOK_STAGE = "POST_SCALE_UP"
_ENDED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
_ROLLOUT = ("ecs:UpdateService", "ecs:DescribeServices", "ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments")

Described = dict[str, Any]


@dataclass(frozen=True)
class _Paused:
    stage: str | None
    """Where the rollout waited; None if it did not."""
    before: str
    after: str
    """The service's revision before the rollout, and as soon as it was asked to roll back."""
    status: str
    reason: str
    """How the rollout ended, and ECS's words for it."""


@dataclass(frozen=True)
class _Baked:
    statuses: dict[str, str] | None
    """By *new* and *old*, the status of each revision's entry during the bake; None if there was none."""
    deleted: str
    """The service's status after DeleteService."""


@probe(*task_events.KINDS, SERVICE, actions=(*task_events.ACTIONS, *_ROLLOUT, "ecs:ContinueServiceDeployment"))
def paused_rollout(account: Account) -> _Paused:
    """A rolling update waits at a PAUSE hook; there it is asked to roll back."""
    ecs = account.client("ecs")
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": [_HOOK_STAGE],
        "timeoutConfiguration": {"timeoutInMinutes": 10, "action": "ROLLBACK"},
    }
    before = _service(account)["taskDefinition"]
    rollout = _roll(account, {"strategy": "ROLLING", "lifecycleHooks": [hook]})
    waiting = account.wait(lambda: _if(rollout(), lambda each: _awaited(each) or each["status"] in _ENDED), _SECONDS)
    if waiting is None:
        raise NothingSeenError(f"the rollout neither waited nor ended within {_SECONDS} s")
    if not _awaited(waiting):
        return _Paused(None, before, "", rollout()["status"], str(rollout().get("statusReason")))
    ecs.continue_service_deployment(
        serviceDeploymentArn=waiting["serviceDeploymentArn"], hookId=_awaited(waiting), action="ROLLBACK"
    )
    account.wait(lambda: rollout()["status"].startswith("ROLLBACK"), _SECONDS)
    after = _service(account)["taskDefinition"]
    account.wait(lambda: rollout()["status"] in _ENDED, _SECONDS)
    ended = rollout()
    return _Paused(waiting["lifecycleStage"], before, after, ended["status"], str(ended.get("statusReason")))


@probe(*task_events.KINDS, SERVICE, actions=(*task_events.ACTIONS, *_ROLLOUT))
def baked_rollout(account: Account) -> _Baked:
    """A blue/green rollout bakes for a minute; in it the service is looked at, then deleted."""
    old = _service(account)["taskDefinition"]
    rollout = _roll(account, {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": []})
    bakes = account.wait(lambda: _if(rollout(), lambda each: each.get("lifecycleStage") == "BAKE_TIME"), _SECONDS)
    statuses = None
    if bakes:
        deployments = _service(account)["deployments"]
        statuses = {"old" if each["taskDefinition"] == old else "new": each["status"] for each in deployments}
    where = {"cluster": resources.cluster(account), "service": account.name("service")}
    deleted, words = tried(lambda: account.client("ecs").delete_service(**where, force=True))
    return _Baked(statuses, _service(account)["status"] if deleted == "accepted" else f"{deleted}: {words}")


@probe(CLUSTER, FAMILY, SERVICE, ROLE, actions=("sts:AssumeRole", "iam:PassRole", "ecs:UpdateService"))
def update_without_pass_role(account: Account) -> tuple[str, str]:
    """A role that may update a service, and pass no role, moves it to a revision that names one. It wants no tasks."""
    nothing = resources.statement("sts:GetCallerIdentity", "*")
    task_role = resources.role(account, "task", {"Service": "ecs-tasks.amazonaws.com"}, nothing)
    family = resources.family(account, "idle")
    service = resources.service(
        account,
        "idle",
        taskDefinition=resources.revision(account, family),
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=resources.network(account),
    )
    # ECS may refuse a role that is too new: "Role is not valid".
    with_role = account.retry(
        lambda: resources.revision(account, family, taskRoleArn=task_role), ("ClientException",), _POLICY_SECONDS
    )
    trusted = {"AWS": account.arn("iam", "root", regional=False)}
    updates = resources.role(account, "updates", trusted, resources.statement("ecs:UpdateService", service))
    ecs = account.as_role(updates, "ecs")
    request = {"cluster": resources.cluster(account), "service": service, "taskDefinition": with_role}

    def answer() -> tuple[str, str] | None:
        """Until the policy counts, UpdateService itself is denied."""
        code, words = tried(lambda: ecs.update_service(**request), by_role=True)
        return None if "ecs:UpdateService" in words else (code, words)

    given = account.wait(answer, _POLICY_SECONDS)
    if given is None:
        raise NothingSeenError("UpdateService itself is denied, although the role's policy allows it")
    return given


def _if(rollout: Described, holds: Callable[[Described], object]) -> Described | None:
    return rollout if holds(rollout) else None


def _awaited(rollout: Described) -> str | None:
    """The id of the hook at which a rollout waits for a person."""
    hooks = rollout.get("lifecycleHookDetails", [])
    return next((str(hook["hookId"]) for hook in hooks if hook["status"] == "AWAITING_ACTION"), None)


def _steady(account: Account) -> str:
    """The run's service, once its task runs. Returns its ARN."""
    task_events.heard(account)
    configuration = {"minimumHealthyPercent": 100, "maximumPercent": 200}
    arn = resources.service(
        account,
        "service",
        taskDefinition=_revision(account),
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=resources.network(account),
        deploymentConfiguration=configuration,
    )

    def first() -> Described | None:
        """The first rollout, once it has ended or a task of it has failed: ECS would keep starting others."""
        rollout: Described = _described(account, arn)["deployments"][0]
        return rollout if rollout.get("rolloutState") == "COMPLETED" or rollout.get("failedTasks") else None

    rollout = account.wait(first, _SECONDS)
    if rollout is None or rollout.get("rolloutState") != "COMPLETED":
        message = next((each["message"] for each in _described(account, arn).get("events", [])), "")
        account.client("ecs").delete_service(cluster=resources.cluster(account), service=arn, force=True)
        raise NothingSeenError(
            f"the service's task does not run; can the subnets reach the internet? {message}".strip()
        )
    return arn


def _revision(account: Account) -> str:
    """Its task sleeps for longer than the rows take: ECS starts another one for each that ends."""
    return resources.revision(account, account.once(_family), seconds=3600)


def _family(account: Account) -> str:
    return resources.family(account, "service")


def _service(account: Account) -> Described:
    return _described(account, account.once(_steady))


def _described(account: Account, arn: str) -> Described:
    answer = account.client("ecs").describe_services(cluster=resources.cluster(account), services=[arn])
    service: Described = answer["services"][0]
    return service


def _roll(account: Account, configuration: Described) -> Callable[[], Described]:
    """Update the service to another revision. Returns what shows the service deployment of it."""
    ecs, service, where = account.client("ecs"), account.once(_steady), resources.cluster(account)
    before = {each["serviceDeploymentArn"] for each in _deployments(account, service)}
    ecs.update_service(
        cluster=where, service=service, taskDefinition=_revision(account), deploymentConfiguration=configuration
    )

    def begun() -> str | None:
        found = (each["serviceDeploymentArn"] for each in _deployments(account, service))
        return next((str(arn) for arn in found if arn not in before), None)

    arn = account.wait(begun, _SECONDS)
    return lambda: dict(ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0])


def _deployments(account: Account, service: str) -> list[Described]:
    answer = account.client("ecs").list_service_deployments(cluster=resources.cluster(account), service=service)
    deployments: list[Described] = answer["serviceDeployments"]
    return deployments


def _read_rollback(seen: _Paused) -> Seen:
    if not seen.after:
        raise NothingSeenError(f"the rollout did not wait, so that it was not rolled back: {seen.status}")
    return Seen("the former one" if seen.after == seen.before else "another one", seen.after.rpartition("/")[2])


def _read_rollback_status(seen: _Paused) -> Seen:
    _read_rollback(seen)
    return Seen(seen.status, seen.reason)


def _read_bake(seen: _Baked) -> Seen:
    if seen.statuses is None:
        return Seen("no bake")
    return Seen(", ".join(f"{which} {status}" for which, status in sorted(seen.statuses.items())))


def _read_pass_role(answer: tuple[str, str]) -> Seen:
    code, words = answer
    return Seen("iam:PassRole is denied" if "iam:PassRole" in words else code, words)


ROWS = (
    Row(
        id="update-service-pass-role",
        group="tasks",
        assumption="UpdateService asks for iam:PassRole also where only the revision changes.",
        expected="iam:PassRole is denied",
        meaning="Nothing: RollService may pass the roles in `TaskRoleArns`, and would not need to.",
        then="Nothing.",
        probe=update_without_pass_role,
        read=_read_pass_role,
    ),
    Row(
        id="pause-stages",
        group="tasks",
        assumption=f"A rolling update waits at a PAUSE hook of the stage {_HOOK_STAGE}.",
        expected=_HOOK_STAGE,
        meaning="Nothing: Rota shows the stage and goes by the status.",
        then="Nothing.",
        probe=paused_rollout,
        read=lambda seen: Seen(str(seen.stage)),
    ),
    Row(
        id="rollback-revision",
        group="tasks",
        assumption="As soon as ECS rolls back, the service's `taskDefinition` is the former one.",
        expected="the former one",
        meaning='A deployment that is planned before that is refused as "changed during this deployment".',
        then="Deploy again.",
        probe=paused_rollout,
        read=_read_rollback,
    ),
    Row(
        id="rollback-status",
        group="tasks",
        assumption="A rollout that was rolled back ends in ROLLBACK_SUCCESSFUL, with ECS's reason.",
        expected="ROLLBACK_SUCCESSFUL",
        meaning="The cause of a failed rollout has other words; CheckService may wait until its time is over.",
        then="`RolloutTimeoutMinutes`: shorter.",
        probe=paused_rollout,
        read=_read_rollback_status,
    ),
    Row(
        id="bake-deployments",
        group="tasks",
        assumption="Until a bake is over, DescribeServices lists the new tasks as PRIMARY and the old ones as ACTIVE.",
        expected="new PRIMARY, old ACTIVE",
        meaning="RollService fails without a PRIMARY deployment, and everything is restored.",
        then="The service's strategy: ROLLING.",
        probe=baked_rollout,
        read=_read_bake,
    ),
    Row(
        id="deleted-service",
        group="tasks",
        assumption="A service is DRAINING as soon as it is deleted.",
        expected="DRAINING",
        meaning="Nothing: a service that is not ACTIVE is refused at once.",
        then="Nothing.",
        probe=baked_rollout,
        read=lambda seen: Seen(seen.deleted),
    ),
)
