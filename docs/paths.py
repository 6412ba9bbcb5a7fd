"""The three ways through Rota as mermaid, for docs/architecture.md. Every name is taken from the code."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rota.contract import STEPS
from rota.deployment import artifacts, finish, notify
from rota.deployment.lease import Lease
from rota.deployment.record import DeploymentRecord
from rota.ecr import image, push_event
from rota.ecs import derive, reusable, service, task_definitions
from rota.plan import build, checks
from rota.plan.current_state import CurrentState
from rota.plan.model import Plan, Snapshot
from rota.restore import attempt
from rota.restore import deployment as restore
from rota.restore import revisions as restore_revisions
from rota.restore import service as restore_service
from rota.schedule_file import parse, s3
from rota.schedules import backend
from rota.schedules.eventbridge_rules import api, rule
from rota.schedules.eventbridge_rules.backend import EventBridgeRules
from rota.stepfunctions import failed, stopped


class At(NamedTuple):
    """What one step does on a way: the functions it calls, in order, and what it stores or writes."""

    step: str
    calls: Sequence[Callable[..., Any]]
    leaves: str = ""


_STEPS = {step.name for step in STEPS}

SCHEDULE_FILE_TO_PUT_RULE = (
    At("ReadConfig", (s3.find_schedule_file, parse.parse_schedule_file), f"{CurrentState.__name__} in S3"),
    At(
        "PlanDeployment",
        (build.build_plan, backend.change, rule.difference),
        f"{Plan.__name__} in S3, with each request",
    ),
    At("CreateTargets", (EventBridgeRules.apply, api.read_tags, api.send), "PutRule, PutTargets"),
)
PUSH_TO_RULE = (
    At("TakeTurn", (push_event.parse_image, Lease.take), "the lease"),
    At(
        "ReadConfig",
        (EventBridgeRules.inventory, image.resolve_image, reusable.find_reusable, checks.of_definition),
        f"{CurrentState.__name__} in S3",
    ),
    At("PlanDeployment", (build.build_plan, artifacts.write), f"{Plan.__name__} and {Snapshot.__name__} in S3"),
    At("ClearRules", (EventBridgeRules.disable,), "DisableRule"),
    At("RegisterRevisions", (derive.derive_content, task_definitions.register_revision), "RegisterTaskDefinition"),
    At("CreateTargets", (EventBridgeRules.apply,), "PutRule, PutTargets"),
    At("RollService", (service.read_as_planned, service.start_rollout), "UpdateService"),
    At("CheckService", (service.judge_rollout,)),
    At(
        "FinishDeployment",
        (EventBridgeRules.delete, finish.end_deployment, notify.notify),
        "DeleteRule, ledger, event",
    ),
)
ERROR_TO_RESTORE = (
    At(
        "TakeTurn", (stopped.execution_named_by, stopped.decide), "of an execution that was stopped; a Catch skips this"
    ),
    At("RestoreDeployment", (failed.find_failed, Lease.enter), f"{DeploymentRecord.__name__} in the lease"),
    At("RestoreDeployment", (attempt.restore,), "if anything was changed, and FinishDeployment had not begun"),
    At("RestoreDeployment", (restore.restore_deployment,), f"reads {Plan.__name__} and {Snapshot.__name__}"),
    At("RestoreDeployment", (EventBridgeRules.restore, rule.undo), "EnableRule, PutRule, PutTargets, DeleteRule"),
    At("RestoreDeployment", (restore_service.restore,), "UpdateService"),
    At("RestoreDeployment", (restore_revisions.deregister,), "DeregisterTaskDefinition"),
    At("RestoreDeployment", (finish.end_deployment, notify.notify), "ledger, lease, event"),
)


def chart(way: Sequence[At]) -> str:
    """The way as a mermaid flowchart: a box for what each step calls, and on the arrow what it leaves."""
    lines = ["```mermaid", "flowchart TD"]
    for number, at in enumerate(way):
        if at.step not in _STEPS:
            raise ValueError(f"{at.step} is no step")
        names = "<br>".join(map(_name, at.calls))
        lines.append(f'  s{number}["<b>{at.step}</b><br>{names}"]')
        following = f"s{number + 1}" if number + 1 < len(way) else f"e{number}([done])"
        lines.append(f"  s{number} -->{f'|{at.leaves}|' if at.leaves else ''} {following}")
    return "\n".join([*lines, "```"])


def _name(function: Callable[..., Any]) -> str:
    """Module and function without the package's own name, `plan.build.build_plan`; of a method the class alone."""
    name = function.__qualname__
    return name if "." in name else f"{function.__module__.removeprefix('rota.')}.{name}"
