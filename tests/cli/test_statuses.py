"""The command knows every status that a run may have."""

from typing import get_args

from rota.cli.status.model import RunStatus
from rota.cli.status.tasks import _MARKS
from rota.runs.model import Status


def test_every_status_of_a_run_is_known() -> None:
    assert {*get_args(RunStatus)} == _MARKS.keys() == {*Status}
