"""AWS's limits and refusals, tried on the stage one by one; see `limits/`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from stage.client import ROOT
from stage.quotas.rules_per_bus import RulesPerBus
from stage.settings import Settings
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation
from tests.stage import limits
from tests.stage.limits.limit import Limit, good
from tests.stage.small_stage import SmallStage, aws, small_stage


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallStage]:
    with small_stage(tmp_path, Validation(), DocumentedRules(), RulesPerBus(Settings())) as small:
        yield small


UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
"""For clients that send requests that the SDK would refuse."""


@pytest.mark.exhaustive(every=3)
@pytest.mark.parametrize("limit", limits.ALL, ids=lambda limit: limit.id)
def test_what_aws_refuses_is_refused(small: SmallStage, limit: Limit) -> None:
    limit.before(small)
    change = limit.change(small) if callable(limit.change) else limit.change
    request = {name: value for name, value in {**good(small, limit.call), **change}.items() if value is not None}
    service, operation = limit.call
    with pytest.raises(ClientError) as refused:
        getattr(aws(service, UNCHECKED), xform_name(operation))(**request)
    error = refused.value.response["Error"]
    assert error["Code"] == limit.code, error["Message"]
    assert limit.says in error["Message"]


@pytest.mark.parametrize("operation", ["PutRule", "PutTargets", "RegisterTaskDefinition", "RemoveTargets"])
def test_what_aws_accepts_is_accepted(small: SmallStage, operation: str) -> None:
    small.rule("rule")
    service = "ecs" if operation == "RegisterTaskDefinition" else "events"
    answer = getattr(aws(service), xform_name(operation))(**good(small, (service, operation)))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("test", [test for *_, test in limits.ELSEWHERE])
def test_tests_named_in_the_document_exist(test: str) -> None:
    path, name = test.split("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()
