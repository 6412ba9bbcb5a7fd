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
LOADED_BY_ALL = {f"rota.{module}" for module in ("aws", "errors", "models", "pace", "settings", "step", "wire")}
LOADED_ONLY_BY = {
    "rota.schedule": {"read_config", "plan_deployment"},
    "rota.source": {"read_config", "plan_deployment"},
    "rota.preflight": {"read_config", "plan_deployment"},
    "rota.faults": {"read_config", "plan_deployment"},
    "rota.ecr": {"read_config"},
    "rota.push": {"take_turn"},
    "rota.ended": {"take_turn"},
    "rota.aborted": {"take_turn", "restore_deployment"},
    "rota.planner": {"plan_deployment"},
    "rota.survey": {"plan_deployment"},
    "rota.derivation": {"read_config", "plan_deployment", "register_revisions"},
    "rota.canonical": _ALL - {"take_turn", "finish_deployment"},
    "rota.history": {"finish_deployment", "restore_deployment"},
    "rota.bus": {"read_config", "plan_deployment", "clear_rules", "create_targets", "restore_deployment"},
    "rota.plan": _ALL - {"take_turn", "read_config", "roll_service", "check_service", "finish_deployment"},
    "rota.task": _OF_TASKS,
    "rota.fargate": _OF_TASKS,
    "rota.document": _OF_TASKS,
    "rota.expression": _OF_TASKS,
    "rota.cron": _OF_TASKS,
    "rota.crontab": _OF_TASKS,
    "rota.store": _ALL - {"take_turn", "read_config", "check_service", "finish_deployment"},
    "rota.rules": _ALL - {"take_turn", "finish_deployment"},
    "rota.revisions": _ALL - {"take_turn", "finish_deployment"},
    "rota.service": _ALL - {"take_turn", "finish_deployment"},
    "rota.lease": _OF_THE_LEDGER,
    "rota.lease_item": _OF_THE_LEDGER,
    "rota.ledger": _OF_THE_LEDGER,
    "rota.closing": {"finish_deployment", "restore_deployment"},
    "rota.announce": {"finish_deployment", "restore_deployment"},
    "rota.failure": {"restore_deployment"},
    "rota.restore": {"restore_deployment"},
    "rota.restore_revisions": {"restore_deployment"},
    "rota.restore_rules": {"restore_deployment"},
    "rota.restore_service": {"restore_deployment"},
    "rota.tag_index": {"read_config", "plan_deployment"},
    "rota.undo": {"restore_deployment"},
}
LOADED_BY_NONE = {
    *("rota.schedule_cli", "rota.schema", "croniter", "antlr4", "aws_cron_expression_validator"),
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


def test_of_every_module_it_is_said_which_functions_load_it() -> None:
    modules = {f"rota.{file.stem}" for file in (ROOT / "layers/rota/rota").glob("[!_]*.py")}
    said = {*LOADED_BY_ALL, *LOADED_ONLY_BY, *LOADED_BY_NONE}
    assert {module for module in said if module.startswith("rota.")} == modules
