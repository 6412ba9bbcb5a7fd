"""The four ways through Rota as mermaid, for docs/architecture.md. Every name is taken from the code."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from samtranslator.yaml_helper import yaml_parse

from docs.generated import ROOT
from rota.contract.step_io import Registered
from rota.contract.steps import STEPS
from rota.deployment import artifacts, finish, notify
from rota.deployment.lease import turn
from rota.deployment.lease.lease import Lease
from rota.deployment.ledger import Ledger
from rota.deployment.record import DeploymentRecord
from rota.ecr import image, push_event
from rota.ecs import derive, one_off, reusable, service, service_deployments, task_definitions
from rota.one_offs import rounds
from rota.pauses import writing
from rota.plan import build, checks
from rota.plan.current_state import CurrentState
from rota.plan.model import Plan, Snapshot
from rota.restore import attempt, context, everything, one_offs
from rota.restore import revisions as restore_revisions
from rota.restore import service as restore_service
from rota.runs import alert, alert_text, incidents, judge, missed, report, sweep
from rota.runs.event import QueueMessage
from rota.runs.model import Job, Run
from rota.runs.record import Recorder
from rota.runs.table import RunTable
from rota.schedule_file import parse, s3
from rota.schedules import backend
from rota.schedules.eventbridge_rules import api, rule
from rota.schedules.eventbridge_rules.backend import EventBridgeRules
from rota.stepfunctions import failed, stopped


class At(NamedTuple):
    """What one step, function or rule does on a way: what it calls, in order, and what it stores or writes.

    `also`: what else leads here than the one before, and what that brings.
    """

    name: str
    calls: Sequence[Callable[..., Any]]
    leaves: str = ""
    also: tuple[str, str] | None = None


_RESOURCES = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
_NAMES = {step.name for step in STEPS} | {name.removesuffix("Function") for name in _RESOURCES}

SCHEDULE_FILE_TO_PUT_RULE = (
    At("ReadConfig", (s3.find_schedule_file, parse.parse_whole_file), f"{CurrentState.__name__} in S3"),
    At(
        "PlanDeployment",
        (build.build_plan, backend.change, rule.difference),
        f"{Plan.__name__} in S3, with each request",
    ),
    At(
        "CreateTargets",
        (writing.write_schedules, EventBridgeRules.apply, api.read_tags, api.send),
        "PutRule, PutTargets",
        also=("RegisterRevisions", f"{Registered.__name__} in S3"),
    ),
)
PUSH_TO_LIVE = (
    At("TakeTurn", (push_event.parse_image, turn.take), "the lease"),
    At(
        "ReadConfig",
        (
            EventBridgeRules.inventory,
            image.resolve_image,
            reusable.find_reusable,
            checks.problems_of_deriving_revisions,
        ),
        f"{CurrentState.__name__} in S3",
    ),
    At("PlanDeployment", (build.build_plan, artifacts.write), f"{Plan.__name__} and {Snapshot.__name__} in S3"),
    At(
        "RegisterRevisions",
        (derive.derive_content, task_definitions.register_revision),
        f"RegisterTaskDefinition, {Registered.__name__} in S3",
    ),
    At("RunBefore", (rounds.next_round, one_off.start), "RunTask, if the file has before"),
    At("ClearRules", (EventBridgeRules.disable,), "DisableRule"),
    At("CreateTargets", (EventBridgeRules.apply,), "PutRule, PutTargets"),
    At("RollService", (service.read_as_planned, service.start_rollout), "UpdateService"),
    At("CheckService", (service.judge_rollout, service_deployments.judge)),
    At("RunAfter", (rounds.next_round, one_off.start), "RunTask, if the file has after"),
    At(
        "FinishDeployment",
        (EventBridgeRules.delete, finish.end_deployment, notify.notify),
        "RemoveTargets, DeleteRule, ledger, lease, event",
    ),
)
ERROR_TO_RESTORE = (
    At(
        "TakeTurn",
        (stopped.execution_named_by, stopped.decide),
        "the execution to restore",
        also=("an execution was aborted or timed out", "event"),
    ),
    At(
        "RestoreDeployment",
        (failed.find_failed, Lease.enter),
        f"{DeploymentRecord.__name__} in the lease",
        also=("a step failed", "Catch"),
    ),
    At(
        "RestoreDeployment",
        (attempt.restore_or_finish, Ledger.begin_restoring, context.read),
        f"{Plan.__name__} and {Snapshot.__name__}, if anything was changed, unless the deployment was complete",
    ),
    At(
        "RestoreDeployment",
        (everything.restore_everything, one_offs.stop, one_offs.lift_pauses),
        "StopTask, EnableRule",
    ),
    At(
        "RestoreDeployment",
        (EventBridgeRules.restore, rule.undo),
        "EnableRule, PutRule, PutTargets, RemoveTargets, DeleteRule",
    ),
    At("RestoreDeployment", (restore_service.restore_service,), "UpdateService"),
    At("RestoreDeployment", (restore_revisions.deregister,), "DeregisterTaskDefinition"),
    At("RestoreDeployment", (finish.end_deployment, notify.notify), "ledger, lease, event"),
)
TASK_TO_MAIL = (
    At("TaskChanges", (), "a task's start and stop"),
    At("RunQueue", (), "ten messages at most", also=("a job's target", "dead letter")),
    At(
        "RecordRun",
        (QueueMessage.read, Recorder.record, judge.run_of, incidents.after_run, RunTable.end),
        f"{Run.__name__} and {Job.__name__} in the table",
    ),
    At("Sweep", (sweep.sweep, missed.lacking, Recorder.miss), "missed runs, in the same way"),
    At("Sweep", (report.report, alert.due_alerts, alert_text.message_of), "mail, chat, event"),
)


def chart(way: Sequence[At]) -> str:
    """The way as a mermaid flowchart: a box for what each step calls, and on the arrow what it leaves; round, what else
    leads to a box.
    """
    lines = ["```mermaid", "flowchart TD"]
    for number, at in enumerate(way):
        if at.name not in _NAMES:
            raise ValueError(f"{at.name} is no step and no resource of the template")
        names = "".join(f"<br>{_name(each)}" for each in at.calls)
        lines.append(f'  s{number}["<b>{at.name}</b>{names}"]')
        if at.also:
            what, brings = at.also
            lines.append(f"  a{number}([{what}]) -->|{brings}| s{number}")
        following = f"s{number + 1}" if number + 1 < len(way) else f"e{number}([done])"
        lines.append(f"  s{number} -->{f'|{at.leaves}|' if at.leaves else ''} {following}")
    return "\n".join([*lines, "```"])


def _name(function: Callable[..., Any]) -> str:
    """Module and function without the package's own name, `plan.build.build_plan`; of a method the class alone."""
    name = function.__qualname__
    return name if "." in name else f"{function.__module__.removeprefix('rota.')}.{name}"
