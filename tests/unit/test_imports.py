"""What each function loads: every module costs a cold start, so none that is not used."""

import json
import os
import subprocess
import sys

import pytest

from tests import asl
from tests.examples import ROOT, snake

_ALL = {snake(step) for step in asl.TASKS}
_OF_THE_LEDGER = {"take_turn", "finish_deployment", "restore_deployment"}
_OF_TASKS = _ALL - {"take_turn", "roll_service", "check_service", "finish_deployment"}
LOADED_BY_ALL = {
    *("rota.errors", "rota.contract", "rota.settings", "rota.handlers.frame"),
    *(f"rota.aws.{module}" for module in ("botocore_hooks", "clients", "errors", "parallel", "rate_limit")),
}
LOADED_ONLY_BY: dict[str, set[str]] = {
    "rota.handlers.step": _ALL,
    "rota.handlers.event": set(),
    "rota.schedule_file.parse": {"read_config", "plan_deployment"},
    "rota.schedule_file.s3": {"read_config", "plan_deployment"},
    "rota.plan.checks": {"read_config", "plan_deployment"},
    "rota.plan.problems": {"read_config", "plan_deployment"},
    "rota.ecr.image": {"read_config"},
    "rota.ecr.push_event": {"take_turn"},
    "rota.stepfunctions.stopped": {"take_turn", "restore_deployment"},
    "rota.stepfunctions.recover": {"take_turn", "restore_deployment"},
    "rota.plan.build": {"plan_deployment"},
    "rota.plan.current_state": {"plan_deployment"},
    "rota.ecs.derive": {"read_config", "plan_deployment", "register_revisions"},
    "rota.ecs.arns": _ALL - {"take_turn", "finish_deployment"},
    "rota.ownership": _ALL - {"take_turn", "finish_deployment"},
    "rota.ecs.fingerprint": _ALL - {"take_turn", "finish_deployment"},
    "rota.stepfunctions.history": {"finish_deployment", "restore_deployment"},
    "rota.schedules.eventbridge_rules.api": {
        "read_config",
        "plan_deployment",
        "clear_rules",
        "create_targets",
        "restore_deployment",
    },
    "rota.plan.model": _ALL - {"take_turn", "read_config", "roll_service", "check_service", "finish_deployment"},
    "rota.schedule_file.task": _OF_TASKS,
    "rota.schedule_file.fargate_sizes": _OF_TASKS,
    "rota.schedule_file.json_reader": {"read_config", "plan_deployment"},
    "rota.schedule_file.problem": _OF_TASKS,
    "rota.schedule_file.expression": _OF_TASKS,
    "rota.deployment.artifacts": _ALL - {"take_turn", "read_config", "check_service", "finish_deployment"},
    "rota.schedules.eventbridge_rules.rule": _ALL - {"take_turn", "finish_deployment"},
    "rota.ecs.task_definitions": _ALL - {"take_turn", "finish_deployment"},
    "rota.ecs.service": _ALL - {"take_turn", "finish_deployment"},
    "rota.deployment.lease": _OF_THE_LEDGER,
    "rota.deployment.items": _OF_THE_LEDGER,
    "rota.deployment.ledger": _OF_THE_LEDGER,
    "rota.deployment.finish": {"finish_deployment", "restore_deployment"},
    "rota.deployment.notify": {"finish_deployment", "restore_deployment"},
    "rota.deployment.failure_message": {"restore_deployment"},
    "rota.restore.deployment": {"restore_deployment"},
    "rota.restore.revisions": {"restore_deployment"},
    "rota.restore.rules": {"restore_deployment"},
    "rota.restore.service": {"restore_deployment"},
    "rota.schedules.eventbridge_rules.tag_index": {"read_config", "plan_deployment"},
    "rota.restore.context": {"restore_deployment"},
}
LOADED_BY_NONE = {
    *("rota.cli.main", "rota.cli.check", "rota.schedule_file.json_schema", "click", "boto3"),
    *("croniter", "antlr4", "aws_cron_expression_validator"),
    # Those of the schedule file are loaded for a file with problems, and for days that not every month has.
    *(f"rota.schedule_file.{module}" for module in ("dialects", "json_errors", "next_runs", "validation_messages")),
    *("moto", "stage", "pytest", "hypothesis", "rich", "fastapi", "unittest"),
}


@pytest.mark.parametrize("step", asl.TASKS)
def test_a_function_loads_nothing_that_it_does_not_use(step: str) -> None:
    program = "import json, sys; import app; print(json.dumps(sorted(sys.modules)))"
    environment = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "functions" / snake(step)), str(ROOT / "layers/rota")]),
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Rota",
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert loaded >= LOADED_BY_ALL
    assert not loaded & LOADED_BY_NONE
    assert {
        module for module, steps in LOADED_ONLY_BY.items() if module in loaded and snake(step) not in steps
    } == set()


def test_every_module_is_in_the_table() -> None:
    layer = ROOT / "layers/rota"
    modules = {".".join(file.relative_to(layer).with_suffix("").parts) for file in (layer / "rota").rglob("[!_]*.py")}
    said = {*LOADED_BY_ALL, *LOADED_ONLY_BY, *LOADED_BY_NONE}
    assert {module for module in said if module.startswith("rota.")} == modules
