"""A small fixed part of the fault sweep; `make sweep` runs all of it."""

import pytest

from examples.guestbook.client import Client
from tests.sweep.report import recipe
from tests.sweep.script import QUICK, Conditions, Script
from tests.sweep.trial import Trials


@pytest.fixture(scope="module")
def trials(one_stage: Client) -> Trials:
    return Trials(one_stage)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("faults", QUICK, ids=lambda faults: " ".join(f"{f['operation']}-{f['fault']}" for f in faults))
def test_one_fault_leaves_all_new_or_all_old(trials: Trials, faults: Script) -> None:
    verdict = trials.run(faults)
    assert verdict.wrong == (), recipe(faults, Conditions(0))
    assert verdict.reached
