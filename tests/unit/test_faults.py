"""The one message for all that is found to be wrong before the first write."""

from typing import NoReturn

import pytest

from rota.errors import ConfigError, RejectedError
from rota.plan.problems import Problems


def refuse(error: Exception) -> NoReturn:
    raise error


def test_no_fault_is_no_fault() -> None:
    faults = Problems()
    faults.blame_author([])
    faults.blame_operator([])
    assert faults.gather(lambda: 1) == 1
    assert not faults


def test_faults_of_both_are_one_config_error_the_authors_first() -> None:
    faults = Problems()
    faults.blame_operator(["the service is gone"])
    assert faults.gather(lambda: refuse(RejectedError("there is no image"))) is None
    assert faults.gather(lambda: refuse(ConfigError("tasks[0].cron is wrong"))) is None
    with pytest.raises(ConfigError) as raised:
        faults.complain()
    assert str(raised.value) == "tasks[0].cron is wrong\nthe service is gone\nthere is no image"


def test_faults_of_the_operator_alone_are_a_rejected_error() -> None:
    faults = Problems()
    faults.gather(lambda: refuse(RejectedError("there is no image")))
    with pytest.raises(RejectedError, match=r"^there is no image$"):
        faults.complain()


def test_what_time_cures_is_no_fault_and_passes_through() -> None:
    with pytest.raises(TimeoutError):
        Problems().gather(lambda: refuse(TimeoutError()))
