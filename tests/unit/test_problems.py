"""The one message for all that is found to be wrong before the first write."""

from typing import NoReturn

import pytest

from rota.errors import ConfigError, RejectedError
from rota.plan.problems import Problems


def refuse(error: Exception) -> NoReturn:
    raise error


def test_without_a_problem_there_is_nothing_to_raise() -> None:
    problems = Problems()
    problems.add_for_author([])
    problems.add_for_operator([])
    assert problems.gather(lambda: 1) == 1
    assert not problems


def test_problems_of_both_are_one_config_error_the_authors_first() -> None:
    problems = Problems()
    problems.add_for_operator(["the service is gone"])
    assert problems.gather(lambda: refuse(RejectedError("there is no image"))) is None
    assert problems.gather(lambda: refuse(ConfigError("tasks[0].cron is wrong"))) is None
    problems.add_for_author(["tasks[1].memory is wrong"])
    assert problems
    with pytest.raises(ConfigError) as raised:
        problems.raise_all()
    assert str(raised.value) == (
        "tasks[0].cron is wrong\ntasks[1].memory is wrong\nFor the operator:\nthe service is gone\nthere is no image"
    )


@pytest.mark.parametrize("error", [ConfigError, RejectedError])
def test_a_problem_of_one_is_an_error_of_its_own(error: type[Exception]) -> None:
    problems = Problems()
    problems.gather(lambda: refuse(error("there is no image")))
    assert problems
    with pytest.raises(error, match=r"^there is no image$"):
        problems.raise_all()


def test_what_is_temporary_is_no_problem() -> None:
    with pytest.raises(TimeoutError):
        Problems().gather(lambda: refuse(TimeoutError()))
