"""What Rota asks of ECS for a schedule is what EventBridge asks, by the stage, which does so for itself."""

from datetime import timedelta
from typing import Any

import pytest
from moto.events.models import Rule as MotoRule

from rota.schedules import backend
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import Rule
from rota.settings import Settings
from stage import clock
from stage.eventbridge.targets import run_task_request
from tests.guestbook import ACCOUNT, CLUSTER_ARN, PREFIX, REGION, SETTINGS, SHARED, TIMED, arn, task
from tests.run_events import DUE

OVERRIDES = '{"cpu":"512","containerOverrides":[{"name":"app","command":["./bin/start","data_ingestion_task"]}]}'
# What a script gave the target, which stays.
OF_A_SCRIPT = {
    "Group": "nightly",
    "EnableECSManagedTags": True,
    "EnableExecuteCommand": False,
    "PropagateTags": "TASK_DEFINITION",
    "Tags": [{"Key": "cost-centre", "Value": "12"}],
    "CapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
}


KEYS: dict[str, Any] = {
    "capacity_provider": {"FARGATE_SPOT": 3, "FARGATE": 1},
    "subnets": ["subnet-9"],
    "tags": {"team": "data", "cost-centre": "12"},
    "propagate_tags": True,
    "enable_execute_command": True,
    "security_groups": ["sg-9"],
    "assign_public_ip": True,
}


def rule(settings: Settings, overrides: str | None = None, ecs: dict[str, Any] | None = None, **keys: Any) -> Rule:
    """The rule of a task, as a deployment makes it of one that had these members."""
    name = PREFIX + "IngestData"
    target = {"Id": name, "Arn": CLUSTER_ARN, "EcsParameters": ecs or {}}
    before = Rule(name=name, schedule_expression="rate(1 day)", state="ENABLED", tags={}, targets=(target,))
    return desired_rule(task(count=2, **keys), settings, CLUSTER_ARN, arn(7), overrides, before)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(rule(SETTINGS), id="as it is"),
        pytest.param(rule(SHARED, OVERRIDES), id="with overrides"),
        pytest.param(rule(TIMED), id="with the scheduled time"),
        pytest.param(rule(TIMED, OVERRIDES), id="with both"),
        pytest.param(rule(SETTINGS, ecs=OF_A_SCRIPT), id="with what a script gave it"),
        pytest.param(rule(SETTINGS, ecs=OF_A_SCRIPT, **KEYS), id="with keys of the file"),
    ],
)
def test_it_is_what_eventbridge_asks(made: Rule) -> None:
    fired = MotoRule(  # type: ignore[abstract]  # moto makes it all the same
        made.name, ACCOUNT, REGION, None, None, "cron(0 6 * * ? *)", None, "default", "ENABLED"
    )
    asked = run_task_request(fired, dict(made.targets[0]), {"time": clock.text(DUE)})
    del asked["startedBy"]
    assert backend.start_of(made, DUE) == asked


def test_the_time_is_that_of_the_run() -> None:
    found = backend.start_of(rule(TIMED), DUE + timedelta(hours=1))
    assert found is not None
    assert found["overrides"]["containerOverrides"][0]["environment"] == [
        {"name": "ROTA_TASK", "value": "IngestData"},
        {"name": "ROTA_SCHEDULED_AT", "value": "2026-03-01T07:00:00Z"},
    ]


def test_without_an_input_nothing_is_overridden() -> None:
    bare = rule(SETTINGS)
    plain = {key: value for key, value in bare.targets[0].items() if key != "Input"}
    found = backend.start_of(bare.model_copy(update={"targets": (plain,)}), DUE)
    assert found is not None
    assert found["overrides"] == {}


def test_of_a_rule_without_a_target_nothing_is_asked() -> None:
    assert backend.start_of(rule(SETTINGS).model_copy(update={"targets": ()}), DUE) is None


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"Input": '"text"'}, id="a text"),
        pytest.param(
            {
                "InputTransformer": {
                    "InputPathsMap": {"time": "$.time"},
                    "InputTemplate": '{"ROTA_SCHEDULED_AT": <time>, "rule": <aws.events.rule-name>}',
                }
            },
            id="a variable of EventBridge",
        ),
    ],
)
def test_what_a_person_has_written_is_not_asked(members: dict[str, Any]) -> None:
    made = rule(SETTINGS)
    target = {key: value for key, value in made.targets[0].items() if key != "Input"} | members
    assert backend.start_of(made.model_copy(update={"targets": (target,)}), DUE) is None
