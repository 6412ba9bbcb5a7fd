"""Where a run logs, by its revision, and whether Rota may read it."""

from typing import Any

import pytest

from rota.runs.event import task_change
from rota.runs.log_place import (
    container_of,
    group_arn,
    log_place_of,
    may_be_read,
    secrets_in,
    secrets_of,
    secrets_of_start,
)
from rota.runs.model import LogPlace
from tests.alerts import GROUP, GROUP_ARN, failed
from tests.run_events import detail

RUN = failed(task_id="0f1e")
OPTIONS = {"awslogs-group": GROUP, "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "jobs"}
PLACE = LogPlace(driver="awslogs", group=GROUP, stream="jobs/app/0f1e")


@pytest.mark.parametrize(
    ("configuration", "place"),
    [
        pytest.param(None, None, id="none"),
        pytest.param({"logDriver": "awslogs", "options": OPTIONS}, PLACE, id="awslogs"),
        pytest.param(
            {"logDriver": "awslogs", "options": {"awslogs-group": GROUP}},
            LogPlace(driver="awslogs", group=GROUP),
            id="without a prefix",
        ),
        pytest.param(
            {"logDriver": "awslogs", "options": {**OPTIONS, "awslogs-region": "us-west-2"}},
            LogPlace(driver="awslogs in us-west-2"),
            id="another Region",
        ),
        pytest.param({"logDriver": "awsfirelens"}, LogPlace(driver="awsfirelens"), id="another driver"),
    ],
)
def test_where_a_run_logs(configuration: dict[str, Any] | None, place: LogPlace | None) -> None:
    content = {"containerDefinitions": [{"name": "proxy"}, {"name": "app", "logConfiguration": configuration}]}
    assert log_place_of(container_of(content, "app"), "app", f"{RUN.task_arn.rpartition('/')[0]}/0f1e") == place


@pytest.mark.parametrize(
    ("groups", "may"),
    [
        pytest.param((), False, id="none"),
        pytest.param((GROUP_ARN,), True, id="this one"),
        pytest.param((GROUP_ARN.replace("guestbook", "*"),), True, id="one of many"),
        pytest.param((GROUP_ARN.replace("eu-west-1", "eu-west-2"),), False, id="another Region's"),
        pytest.param((GROUP_ARN.replace("guestbook", "guest"),), False, id="another"),
    ],
)
def test_whether_a_log_may_be_read(groups: tuple[str, ...], may: bool) -> None:
    assert may_be_read(PLACE, RUN, groups) == may
    assert not may_be_read(PLACE.model_copy(update={"stream": ""}), RUN, groups)


def test_the_arn_of_a_log_group_is_as_the_parameter_takes_it() -> None:
    assert group_arn(PLACE, RUN) == GROUP_ARN


def test_values_that_are_named_like_a_secret_are_known() -> None:
    environment = [{"name": "LOG_LEVEL", "value": "info"}, {"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "KEY"}]
    assert secrets_of({"environment": environment}) == ["hunter2", ""]
    assert secrets_of({}) == []


def test_values_of_overrides_are_known_too() -> None:
    environment = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "LOG_LEVEL", "value": "info"}]
    overrides = {"containerOverrides": [{"name": "proxy"}, {"name": "app", "environment": environment}]}
    assert secrets_of_start({"overrides": overrides}) == ["hunter2"]
    assert secrets_of_start(None) == secrets_of_start({}) == secrets_of_start({"overrides": {}}) == []
    assert secrets_in(task_change(detail(overrides=overrides))) == ["hunter2"]


def test_a_revision_without_the_container_says_nothing() -> None:
    assert container_of({}, "app") == {}
    assert container_of({"containerDefinitions": [{"name": "proxy"}]}, "app") == {}
    assert log_place_of({"logConfiguration": {"logDriver": "awslogs"}}, "app", RUN.task_arn) == LogPlace(
        driver="awslogs"
    )
