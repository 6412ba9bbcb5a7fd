"""A small fixed part of the fault sweep; `make sweep` runs all of it."""

from typing import Any

import pytest

from examples.guestbook.client import Client
from tests.sweep.report import recipe
from tests.sweep.script import LAST_STRAW, QUICK, Conditions, Script
from tests.sweep.steering import Steering
from tests.sweep.trial import Trials


@pytest.fixture(scope="module")
def trials(one_stage: Client) -> Trials:
    return Trials(one_stage)


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("faults", QUICK, ids=lambda faults: " ".join(f"{f['operation']}-{f['fault']}" for f in faults))
def test_one_fault_leaves_all_new_or_all_old(trials: Trials, faults: Script) -> None:
    verdict = trials.run(faults)
    assert verdict.wrong == (), recipe(faults, Conditions(0))
    assert verdict.reached


def fault(operation: str, kind: str, caller: str = "CreateTargets") -> dict[str, Any]:
    service = "events" if operation.endswith("Rule") else "scheduler"
    return {"service": service, "operation": operation, "caller": caller, "skip": 0, "count": 1, "fault": kind}


OF_A_MOVE = {
    "switched on, then killed": ("moves to rules", fault("EnableRule", "kill_after")),
    "switched on, then aborted": ("moves to Scheduler", fault("UpdateSchedule", "abort")),
    "not switched off": ("moves to Scheduler", fault("DisableRule", "denied")),
    "undone": ("moves to rules", LAST_STRAW, fault("UpdateSchedule", "kill_after", "RestoreDeployment")),
}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(("scenario", "faults"), [(each[0], each[1:]) for each in OF_A_MOVE.values()], ids=OF_A_MOVE)
def test_one_fault_in_a_move_leaves_no_job_without_a_schedule(one_stage: Client, scenario: str, faults: Script) -> None:
    verdict = Steering(one_stage, scenario).run(faults)
    assert verdict.wrong == (), recipe(faults, Conditions(0), scenario)
    assert verdict.reached
