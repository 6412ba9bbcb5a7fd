"""What each function loads: every module costs a cold start, so none that is not used."""

import json
import os
import subprocess
import sys

import pytest

from tests import asl
from tests.examples import ROOT, snake

_ALL = {snake(step) for step in asl.TASKS}
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
    "rota.history": {"finish_deployment", "restore_deployment"},
    "rota.bus": {"read_config", "plan_deployment", "clear_rules", "create_targets", "restore_deployment"},
    "rota.plan": _ALL - {"take_turn", "read_config", "roll_service", "check_service", "finish_deployment"},
    "rota.task": _ALL - {"take_turn", "roll_service", "check_service", "finish_deployment"},
    "rota.closing": {"finish_deployment", "restore_deployment"},
    "rota.announce": {"finish_deployment", "restore_deployment"},
    "rota.failure": {"restore_deployment"},
    "rota.restore": {"restore_deployment"},
    "rota.restore_revisions": {"restore_deployment"},
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
    assert "rota.step" in loaded
    assert not loaded & LOADED_BY_NONE
    assert {
        module for module, steps in LOADED_ONLY_BY.items() if module in loaded and snake(step) not in steps
    } == set()
