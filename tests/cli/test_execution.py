"""What a command reads of an execution."""

import json
from typing import Any

import pytest

from rota.cli.execution import restored_by

FAILED = "arn:aws:states:eu-west-1:111122223333:execution:rota-deploy:push-1"


@pytest.mark.parametrize(
    ("given", "restored"),
    [
        ({"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": FAILED}}, FAILED),
        ({"detail": {"image-tag": "v2"}}, None),
        ({"dry_run": True}, None),
        ({"detail": "x"}, None),
        ([], None),
        (None, None),
    ],
    ids=["an end", "a push", "by hand", "a text", "a list", "nothing"],
)
def test_an_execution_restores_the_one_that_its_input_names(given: Any, restored: str | None) -> None:
    assert restored_by({"input": json.dumps(given)}) == restored
    assert restored_by({}) is None
