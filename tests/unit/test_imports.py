"""The modules that each function loads: one that is not used lengthens every cold start."""

import json
import subprocess
import sys
from pathlib import Path

from tests import asl
from tests.examples import ROOT, snake

LAYER = ROOT / "layers/rota"


def modules(folder: Path) -> set[str]:
    """Every module below a folder of the package."""
    return {".".join(file.relative_to(LAYER).with_suffix("").parts) for file in folder.rglob("[!_]*.py")}


_OF_THE_COMMAND = modules(LAYER / "rota/board") | modules(LAYER / "rota/cli") | modules(LAYER / "rota/watch")
_OF_RUNS = {"record_run", "sweep"}
_ALL = {snake(step) for step in asl.TASKS}
_OF_THE_LEDGER = {"take_turn", "read_config", "finish_deployment", "restore_deployment", "change_pauses"}
_OF_AN_END = {"finish_deployment", "restore_deployment", "change_pauses"}
_OF_ONE_OFFS = {"run_before", "run_after"}
_OF_ECS = _ALL - {"take_turn", "finish_deployment", "change_pauses"}
_OF_PAUSED_WRITES = {"clear_rules", "create_targets", "restore_deployment"}
_OF_ROLLOUTS = {"read_config", "roll_service", "check_service", "restore_deployment"}
_OF_THE_PLAN = {
    *("plan_deployment", "clear_rules", "register_revisions", "create_targets", "roll_service", "restore_deployment"),
    *_OF_ONE_OFFS,
}
_OF_PLANNED_WRITES = {"clear_rules", "register_revisions", "create_targets", "roll_service"} | _OF_ONE_OFFS
_OF_TASKS = _OF_THE_PLAN | {"read_config"}
LOADED_BY_ALL = {
    *("rota.errors", "rota.settings", "rota.log", "rota.contract.shape", "rota.contract.deployment"),
    "rota.handlers.frame",
    *(f"rota.aws.{module}" for module in ("botocore_hooks", "clients", "errors", "parallel", "rate_limit")),
}
LOADED_ONLY_BY: dict[str, set[str]] = {
    **{f"rota.contract.{module}": _ALL | {"sweep"} for module in ("step_io", "steps")},
    "rota.contract.run_event": {"sweep"},
    "rota.handlers.step": _ALL,
    "rota.handlers.event": _OF_RUNS,
    "rota.ecr.image": {"read_config", "sweep"},
    "rota.ecr.push_event": {"take_turn"},
    "rota.execution_input": {"take_turn", "change_pauses"},
    "rota.schedule_file.parse": {"read_config"},
    "rota.schedule_file.s3": {"read_config"},
    "rota.schedule_file.task": _OF_TASKS,
    "rota.schedule_file.fargate_sizes": _OF_TASKS,
    "rota.schedule_file.json_reader": {"read_config"},
    "rota.schedule_file.problem": _OF_TASKS | _OF_RUNS | {"change_pauses"},
    "rota.schedule_file.expression": _OF_TASKS | _OF_RUNS | {"change_pauses"},
    # Of the steps, only for a schedule file with problems, and for days that not every month has.
    "rota.schedule_file.next_runs": _OF_RUNS | _OF_ONE_OFFS,
    "rota.schedule_file.when": _OF_TASKS | _OF_RUNS | {"change_pauses"},
    # Only for a task with a zone or times of its own.
    **{f"rota.schedule_file.{module}": set() for module in ("advice", "moments", "zones")},
    "rota.ownership": _OF_TASKS | {"sweep", "change_pauses"},
    # With holds, pauses and rollouts that wait for a person.
    "rota.times": _OF_PAUSED_WRITES | _OF_ROLLOUTS | {"take_turn", "change_pauses", "sweep"},
    "rota.tracing": _OF_TASKS | _OF_RUNS | {"change_pauses"},
    "rota.ecs.arns": _OF_ECS | {"sweep"},
    "rota.ecs.service": _OF_ECS,
    "rota.ecs.service_deployments": _OF_ROLLOUTS,
    "rota.ecs.task_definitions": _OF_TASKS | {"sweep"},
    "rota.ecs.fingerprint": _OF_TASKS | {"sweep"},
    "rota.ecs.network": set(),
    "rota.ecs.one_off": _OF_ONE_OFFS | {"plan_deployment", "restore_deployment"},
    **{f"rota.one_offs.{module}": _OF_ONE_OFFS for module in ("rounds", "words")},
    "rota.ecs.secrets": {"read_config"},
    "rota.ecs.cluster": {"read_config"},
    "rota.ecs.derive": {"read_config", "plan_deployment", "register_revisions"},
    # Once a day, and for `rota check`.
    "rota.ecr.lifecycle": set(),
    "rota.ecs.images": {"read_config", "plan_deployment", "register_revisions"},
    "rota.ecs.jobs": {"read_config", "plan_deployment", "register_revisions"},
    "rota.ecs.reusable": {"read_config"},
    "rota.schedules.backend": _OF_TASKS | {"change_pauses"},
    "rota.schedules.restored": _OF_TASKS | {"change_pauses"},
    "rota.schedules.revision": _OF_TASKS | {"change_pauses"},
    "rota.schedules.eventbridge_rules.rule": _OF_TASKS | {"change_pauses"},
    "rota.schedules.eventbridge_scheduler.schedule": _OF_TASKS | {"change_pauses"},
    # A step that reads or writes schedules loads these when it connects to its backend.
    "rota.schedules.eventbridge_rules.api": set(),
    "rota.schedules.eventbridge_rules.backend": set(),
    "rota.schedules.eventbridge_rules.inventory": set(),
    "rota.schedules.eventbridge_rules.tag_index": set(),
    "rota.schedules.eventbridge_rules.takeover": set(),
    "rota.schedules.eventbridge_rules.start": set(),
    "rota.schedules.run_task": set(),
    "rota.schedules.interface": _OF_TASKS | {"change_pauses"},
    "rota.schedules.connected": set(),
    "rota.schedules.moving": set(),
    "rota.schedules.eventbridge_scheduler.api": set(),
    "rota.schedules.eventbridge_scheduler.backend": set(),
    "rota.schedules.eventbridge_scheduler.inventory": set(),
    "rota.schedules.eventbridge_scheduler.desired": set(),
    "rota.schedules.eventbridge_scheduler.start": set(),
    # As is a plan made.
    "rota.schedules.eventbridge_rules.desired": set(),
    "rota.schedules.target_keys": set(),
    "rota.schedules.eventbridge_rules.watching": set(),
    "rota.schedule_file.retry_age": {"sweep"},
    "rota.schedules.found": _OF_TASKS | {"change_pauses"},
    "rota.pauses.model": _OF_PAUSED_WRITES | {"change_pauses", "sweep"},
    "rota.pauses.table": _OF_PAUSED_WRITES | {"change_pauses", "sweep"},
    "rota.pauses.writing": _OF_PAUSED_WRITES,
    "rota.pauses.change": {"change_pauses"},
    # Only where a migration pauses jobs.
    "rota.pauses.migration": set(),
    # Only where the lease was taken over in the middle of one.
    "rota.one_offs.left_running": set(),
    "rota.pauses.ending": {"sweep"},
    "rota.pauses.messages": {"sweep"},
    "rota.plan.checks": {"read_config"},
    "rota.plan.problems": {"read_config"},
    "rota.plan.current_state": {"read_config", "plan_deployment"},
    "rota.plan.build": {"plan_deployment"},
    "rota.plan.service_changes": {"plan_deployment"},
    "rota.plan.model": _OF_THE_PLAN,
    "rota.plan.earlier": {"restore_deployment"},
    "rota.deployment.artifacts": _OF_TASKS,
    "rota.deployment.live_revisions": {"read_config"},
    "rota.handlers.finishing": {"finish_deployment", "change_pauses"},
    "rota.handlers.planned": _OF_PLANNED_WRITES,
    # The frame of a step that writes loads it as the step takes its turn.
    "rota.deployment.lease.lease": set(),
    "rota.deployment.lease.item": {"take_turn", "sweep"},
    "rota.deployment.lease.turn": {"take_turn"},
    "rota.deployment.gates": {"take_turn", "sweep"},
    "rota.deployment.lease.pending": {"sweep"},
    # Only for a schedule file that was uploaded; whether it is one, TakeTurn asks of each event.
    "rota.deployment.upload_event": {"take_turn"},
    "rota.deployment.uploads": set(),
    # Only for what a person asks for.
    "rota.deployment.named_file": {"read_config"},
    "rota.deployment.rollback": set(),
    "rota.deployment.steering": set(),
    # Where there is a deployment window, and in Approve, which a person invokes.
    **{module: set() for module in ("rota.deployment.window", "rota.deployment.approval")},
    "rota.deployment.waiting": _OF_THE_LEDGER | {"sweep"},
    # Where changes are approved.
    "rota.plan.seen": set(),
    # Once a day.
    "rota.deployment.retention": set(),
    "rota.deployment.items": _OF_THE_LEDGER | _OF_RUNS | _OF_PAUSED_WRITES | _OF_ONE_OFFS,
    "rota.deployment.record": _OF_THE_LEDGER | {"sweep"},
    "rota.deployment.releases": _OF_THE_LEDGER | {"sweep"},
    "rota.deployment.ledger": _OF_THE_LEDGER,
    "rota.deployment.finish": _OF_AN_END,
    "rota.deployment.notify": _OF_AN_END,
    # Of the steps, only where there is a chat to notify.
    "rota.deployment.outcome_message": set(),
    **{f"rota.notifications.{module}": {"sweep"} for module in ("chat", "links", "message", "send")},
    "rota.sanitise": _OF_ONE_OFFS | {"sweep"},
    "rota.notifications.events": _OF_AN_END | {"sweep"},
    "rota.deployment.failure_message": {"restore_deployment"},
    "rota.stepfunctions.history": _OF_AN_END,
    "rota.stepfunctions.stopped": {"take_turn", "restore_deployment"},
    "rota.stepfunctions.failed": {"restore_deployment"},
    # Only for what another version of Rota began.
    "rota.stepfunctions.recover": set(),
    **{
        f"rota.runs.{module}": {"sweep"}
        for module in ("alert", "alert_text", "attribution", "log_place", "log_tail", "report")
    },
    **{f"rota.runs.{module}": {"sweep"} for module in ("image", "migrations", "missed", "running", "sweep")},
    "rota.runs.tasks": _OF_ONE_OFFS | {"sweep"},
    # Only after a deployment, for a run that is missed, and where the stack lets Rota stop and start runs.
    **{f"rota.runs.{module}": set() for module in ("image_policy", "jobs_of_a_file", "live_jobs", "trail")},
    **{f"rota.runs.{module}": set() for module in ("skipping", "catching_up")},
    **{
        f"rota.runs.{module}": _OF_RUNS | _OF_ONE_OFFS
        for module in ("due", "event", "judge", "model", "reasons", "stops")
    },
    **{f"rota.runs.{module}": _OF_RUNS for module in ("by_job", "incidents", "metrics", "record", "table")},
    "rota.restore.attempt": {"restore_deployment"},
    "rota.restore.context": {"restore_deployment"},
    "rota.restore.everything": {"restore_deployment"},
    "rota.restore.one_offs": {"restore_deployment"},
    "rota.restore.revisions": {"restore_deployment"},
    "rota.restore.service": {"restore_deployment"},
}
LOADED_BY_NONE = {
    *_OF_THE_COMMAND,
    *("rota.schedule_file.json_schema", "click", "boto3"),
    *("croniter", "antlr4", "aws_cron_expression_validator"),
    # Those of the schedule file are loaded for a file with problems.
    *(f"rota.schedule_file.{module}" for module in ("dialects", "json_errors", "validation_messages")),
    *("moto", "stage", "pytest", "hypothesis", "rich", "fastapi", "unittest"),
}


# What every function loads of other packages is loaded once; each function is then loaded in a process of its own.
_PROGRAM = """
import json, os, sys
import aws_lambda_powertools, botocore.session, pydantic
for folder in sys.argv[1:]:
    if os.fork() == 0:
        sys.path.insert(0, folder)
        import app
        print(json.dumps([os.path.basename(folder), sorted(sys.modules)]), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_function_loads_nothing_that_it_does_not_use() -> None:
    functions = sorted(_ALL | _OF_RUNS)
    environment = {
        "PYTHONPATH": str(LAYER),
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Rota",
    }
    program = [sys.executable, "-c", _PROGRAM, *(str(ROOT / "functions" / function) for function in functions)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    loaded = {function: set(modules) for function, modules in map(json.loads, done.stdout.splitlines())}
    assert loaded.keys() == set(functions)
    for function in functions:
        assert (function, LOADED_BY_ALL - loaded[function], LOADED_BY_NONE & loaded[function]) == (
            function,
            set(),
            set(),
        )
    for module, those in LOADED_ONLY_BY.items():
        assert (module, {function for function in functions if module in loaded[function]}) == (module, those)


_START = """
import gc
import rota
def collections(): return sum(each["collections"] for each in gc.get_stats())
before = collections()
import app
from rota.aws import clients
description = clients.events().meta.service_model.metadata
print(type(description).__name__, collections() - before)
"""


def test_a_start_reads_into_plain_dicts_and_looks_for_garbage_hardly_ever() -> None:
    environment = {"PYTHONPATH": f"{LAYER}:{ROOT / 'functions/create_targets'}", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", _START], env=environment, capture_output=True, text=True, check=True)
    kind, collections = done.stdout.split()
    assert kind == "dict"
    assert int(collections) <= 3


def test_every_module_is_in_the_table() -> None:
    said = {*LOADED_BY_ALL, *LOADED_ONLY_BY, *LOADED_BY_NONE}
    assert {module for module in said if module.startswith("rota.")} == modules(LAYER / "rota")
