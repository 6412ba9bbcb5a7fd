"""Taking over a rule of a script: what stays of its target, and what cannot."""

import json
from typing import Any

import pytest

from rota.schedules import backend
from rota.schedules.eventbridge_rules import api
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from tests.guestbook import CLUSTER_ARN, PREFIX, RUN_QUEUE, SETTINGS, TIMED, arn, task
from tests.unit.account import Bus

QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead-letters"
TOPIC = "arn:aws:sns:us-east-1:123456789012:started"
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
KEPT: dict[str, Any] = {
    "DeadLetterConfig": {"Arn": QUEUE},
    "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 600},
    "FutureMember": {"a": [1]},
}
KEPT_OF_ECS = {
    "CapacityProviderStrategy": SPOT,
    "PropagateTags": "TASK_DEFINITION",
    "Tags": [{"Key": "cost", "Value": "42"}],
    "EnableExecuteCommand": True,
    "EnableECSManagedTags": True,
    "Group": "jobs",
    "ReferenceId": "r",
}
NAME = PREFIX + "IngestData"


def target(id_: str = "job", ecs: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    parameters = {"TaskDefinitionArn": arn(1), "TaskCount": 1, **(ecs or {})}
    return {"Id": id_, "Arn": CLUSTER_ARN, "RoleArn": "a-role", "EcsParameters": parameters, **members}


def of_a_script(*targets: dict[str, Any], **changes: Any) -> Rule:
    rule = Rule(name=NAME, schedule_expression="rate(1 day)", state="ENABLED", tags={}, targets=targets)
    return rule.model_copy(update=changes)


def desired(current: Rule, *, sets_retry: bool = False, set_before: Any = (), **keys: Any) -> dict[str, Any]:
    """The target that the rule gets."""
    (made,) = desired_rule(
        task(**keys), SETTINGS, CLUSTER_ARN, arn(7), current=current, sets_retry=sets_retry, set_before=set_before
    ).targets
    return made


def test_a_target_keeps_what_rota_does_not_set() -> None:
    made = desired(of_a_script(target(ecs=KEPT_OF_ECS | {"LaunchType": "FARGATE"}, **KEPT)))
    assert {member: made[member] for member in KEPT} == KEPT
    ecs = made["EcsParameters"]
    assert {member: ecs[member] for member in KEPT_OF_ECS} == KEPT_OF_ECS
    assert "LaunchType" not in ecs, "ECS refuses it beside a capacity provider"
    assert (made["Id"], made["RoleArn"], ecs["TaskDefinitionArn"]) == ("job", SETTINGS.events_role_arn, arn(7))


def test_without_a_capacity_provider_it_runs_on_fargate() -> None:
    made = desired(of_a_script(target(ecs={"LaunchType": "EC2", "CapacityProviderStrategy": []})))
    assert made["EcsParameters"]["LaunchType"] == "FARGATE"


def test_what_would_change_the_run_is_not_kept() -> None:
    dropped: dict[str, Any] = {"InputPath": "$", "InputTransformer": {"InputPathsMap": {}, "InputTemplate": "{}"}}
    made = desired(of_a_script(target(ecs={"PlacementStrategy": [{"type": "random"}]}, **dropped)))
    assert not dropped.keys() & made.keys()
    assert "PlacementStrategy" not in made["EcsParameters"]


@pytest.mark.parametrize(
    ("key", "member", "value"),
    [
        pytest.param(
            {"capacity_provider": {"FARGATE_SPOT": 3, "FARGATE": 1}},
            "CapacityProviderStrategy",
            [
                {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0},
                {"capacityProvider": "FARGATE", "weight": 1, "base": 0},
            ],
            id="capacity_provider",
        ),
        pytest.param({"tags": {"team": "data"}}, "Tags", [{"Key": "team", "Value": "data"}], id="tags"),
        pytest.param({"enable_execute_command": False}, "EnableExecuteCommand", False, id="enable_execute_command"),
        pytest.param({"propagate_tags": True}, "PropagateTags", "TASK_DEFINITION", id="propagate_tags"),
    ],
)
def test_a_key_wins_over_what_a_target_had_and_takes_it_along(key: dict[str, Any], member: str, value: Any) -> None:
    had = of_a_script(target(ecs=KEPT_OF_ECS))
    assert desired(had, **key)["EcsParameters"][member] == value
    assert member not in backend.kept(had, SETTINGS, task(**key))
    assert desired(had)["EcsParameters"][member] == KEPT_OF_ECS[member]
    assert backend.set_by_keys(task(**key)) == (member,)
    assert member not in desired(had, set_before=(member,))["EcsParameters"]


def test_tags_that_are_not_to_be_propagated() -> None:
    assert "PropagateTags" not in desired(of_a_script(target(ecs=KEPT_OF_ECS)), propagate_tags=False)["EcsParameters"]


@pytest.mark.parametrize(
    ("keys", "set_before", "needed"),
    [
        pytest.param(
            {},
            (),
            {"Tags": "tags", "PropagateTags": "tags", "EnableECSManagedTags": "tags", "EnableExecuteCommand": "exec"},
            id="all of it",
        ),
        pytest.param(
            {"tags": {}, "enable_execute_command": False},
            ("PropagateTags",),
            {"EnableECSManagedTags": "tags"},
            id="not what keys say, or have said",
        ),
    ],
)
def test_what_a_target_keeps_needs_rights(keys: dict[str, Any], set_before: Any, needed: dict[str, str]) -> None:
    had = of_a_script(target(ecs=KEPT_OF_ECS))
    assert backend.rights_of_kept(had, task(**keys), SETTINGS, set_before) == needed


LOST = f"the target job of the rule {NAME} has {{}}, which "
FROM_THE_FILE = (
    LOST + "a schedule of EventBridge Scheduler gets from the file alone: say so in the task IngestData of the "
    "schedule file ({}) before it moves"
)
NO_KEY = LOST + "Rota gives no schedule of EventBridge Scheduler: put the target without it before the task moves"
SHOWN = {"EnableECSManagedTags": False, "EnableExecuteCommand": False}


@pytest.mark.parametrize(
    ("had", "keys", "set_before", "lost"),
    [
        pytest.param(target(ecs=SHOWN, DeadLetterConfig={"Arn": RUN_QUEUE}), {}, (), [], id="nothing"),
        pytest.param(
            target(ecs=KEPT_OF_ECS, **KEPT),
            {},
            (),
            [
                FROM_THE_FILE.format(
                    "CapacityProviderStrategy, EnableExecuteCommand, PropagateTags, RetryPolicy, Tags",
                    "capacity_provider, enable_execute_command, propagate_tags, retry, tags",
                ),
                NO_KEY.format("DeadLetterConfig, EnableECSManagedTags, FutureMember, Group, ReferenceId"),
            ],
            id="all of it",
        ),
        pytest.param(
            target(ecs={member: KEPT_OF_ECS[member] for member in ("PropagateTags", "Tags")}, **KEPT),
            {"tags": {"team": "data"}, "retry": {"attempts": 1}},
            ("PropagateTags",),
            [NO_KEY.format("DeadLetterConfig, FutureMember")],
            id="not what keys say, or have said",
        ),
    ],
)
@pytest.mark.parametrize("watch_runs", [True, False])
def test_what_a_move_to_scheduler_would_lose(
    had: dict[str, Any], keys: dict[str, Any], set_before: Any, lost: list[str], watch_runs: bool
) -> None:
    rule, moving = of_a_script(had), task(window=1, **keys)
    settings = SETTINGS.model_copy(update={"watch_runs": watch_runs})
    assert list(backend.problems_of_lost(rule, moving, settings, set_before, sets_retry=False)) == lost
    assert list(backend.problems_of_lost(rule, task(**keys), settings, set_before, sets_retry=False)) == []
    assert backend.rights_of_kept(rule, moving, settings, set_before) == {}


def test_a_retry_policy_of_rotas_own_is_not_lost() -> None:
    rule = of_a_script(target(RetryPolicy=RETRY))
    assert list(backend.problems_of_lost(rule, task(window=1), SETTINGS, (), sets_retry=True)) == []


RETRY = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 600}


@pytest.mark.parametrize(
    ("sets_retry", "keys", "policy"),
    [
        pytest.param(False, {}, RETRY, id="the rule's own stays"),
        pytest.param(
            True,
            {},
            {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 21_600},
            id="what Rota set goes with its reason",
        ),
        pytest.param(
            False,
            {"retry": {"attempts": 0, "age": 60}},
            {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
            id="the file's key wins",
        ),
    ],
)
def test_the_retry_policy(sets_retry: bool, keys: dict[str, Any], policy: dict[str, int] | None) -> None:
    current = of_a_script(target(RetryPolicy=RETRY))
    assert desired(current, sets_retry=sets_retry, **keys).get("RetryPolicy") == policy


def test_planned_again_nothing_of_it_changes() -> None:
    current = of_a_script(target(ecs=KEPT_OF_ECS, **KEPT))
    first = backend.change(task(), SETTINGS, CLUSTER_ARN, arn(7), None, current)
    assert isinstance(first, RuleChange)
    after = current.model_copy(update={"targets": first.put_targets, "schedule_expression": "cron(0 6 * * ? *)"})
    assert backend.change(task(), SETTINGS, CLUSTER_ARN, arn(7), None, after) is None


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        pytest.param(of_a_script(target()), True, id="a script's"),
        pytest.param(of_a_script(target(ecs={"TaskDefinitionArn": arn(7)})), False, id="Rota's"),
        pytest.param(of_a_script(target(), target("2", ecs={"TaskDefinitionArn": arn(7)})), False, id="one of both"),
        pytest.param(of_a_script({"Id": "1", "Arn": TOPIC}), True, id="no task"),
        pytest.param(of_a_script(), False, id="no target"),
    ],
)
def test_which_rules_are_taken_over(rule: Rule, taken: bool) -> None:
    assert backend.taken_over(rule, {arn(7), arn(8)}) is taken


def overrides(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    return target(Input=json.dumps({"containerOverrides": list(containers), **members}))


NOT_KEPT = f"the target job of the rule {NAME} has {{}}, which Rota cannot keep: {{}}"


# Of Rota with another family: what it passed to the task is no variable that the file has to set.
traced = '{"containerOverrides":[{"name":"app","command":["./run"],"environment":[{"name":"A","value":"1"}]}]}'


@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        pytest.param(of_a_script(target(ecs=KEPT_OF_ECS, **KEPT)), [], id="all of it stays"),
        pytest.param(
            of_a_script({"Id": "notify", "Arn": TOPIC}, target(), target("second")),
            [
                f"the rule {NAME} has targets besides its task's: notify ({TOPIC}), second ({CLUSTER_ARN}). A schedule "
                "has one target: give the others a rule of their own, then run aws events remove-targets --rule "
                f"{NAME} --ids notify second"
            ],
            id="other targets",
        ),
        pytest.param(
            of_a_script(target(), event_pattern="{}"),
            [
                f"the rule {NAME} has an event pattern too, and a schedule has none: give the pattern a rule of its "
                "own, and remove it here"
            ],
            id="a pattern",
        ),
        pytest.param(
            of_a_script(
                target(ecs={"CapacityProviderStrategy": [{"capacityProvider": each} for each in ("z", "FARGATE", "a")]})
            ),
            [NOT_KEPT.format("the capacity provider a, z", "jobs run on Fargate; put the target without it")],
            id="a capacity provider",
        ),
        pytest.param(
            of_a_script(target(ecs={"PlacementConstraints": [{"type": "distinctInstance"}], "PlacementStrategy": []})),
            [NOT_KEPT.format("PlacementConstraints", "Fargate has no placement; put the target without it")],
            id="a placement",
        ),
        pytest.param(
            of_a_script(target(InputPath="$.detail")),
            [NOT_KEPT.format("InputPath", "put the target without it")],
            id="a path",
        ),
        pytest.param(
            of_a_script(overrides({"name": "app", "command": ["./run"]}, cpu="512")),
            [NOT_KEPT.format("cpu in its Input", "say so in the task IngestData of the schedule file")],
            id="a size that the file does not say",
        ),
        pytest.param(
            of_a_script(
                overrides(
                    {"name": "app", "environment": [{"name": "A", "value": "1"}]},
                    memory="1024",
                    taskRoleArn="arn:aws:iam::123456789012:role/report",
                    ephemeralStorage={"sizeInGiB": 50},
                )
            ),
            [],
            id="what the file says too",
        ),
        pytest.param(
            of_a_script(overrides({"name": "app", "environment": [{"name": "B", "value": "1"}]})),
            [NOT_KEPT.format("B in its Input", "say so in the task IngestData of the schedule file")],
            id="a variable that the file does not set",
        ),
        pytest.param(
            of_a_script(overrides({"name": "app", "environment": [{"name": "S", "value": "1"}]})),
            [],
            id="a variable that the file has as a secret",
        ),
        pytest.param(
            of_a_script(overrides({"name": "app"}, taskRoleArn="r", ephemeralStorage={"sizeInGiB": 30})),
            [
                NOT_KEPT.format(
                    "ephemeralStorage, taskRoleArn in its Input", "say so in the task IngestData of the schedule file"
                )
            ],
            id="a role and a disk that the file does not say",
        ),
        pytest.param(
            of_a_script(overrides({"name": "app", "memory": 64}, {"name": "metrics"}, executionRoleArn="r")),
            [
                NOT_KEPT.format(
                    "executionRoleArn, memory, overrides of metrics in its Input",
                    "say so in the task definition, and put the target without it",
                )
            ],
            id="what only a definition can say",
        ),
        pytest.param(
            of_a_script(*desired_rule(task(), SETTINGS, CLUSTER_ARN, arn(1), traced).targets), [], id="Rota's own"
        ),
        pytest.param(
            of_a_script(*desired_rule(task(), TIMED, CLUSTER_ARN, arn(1), traced).targets), [], id="with the time"
        ),
        pytest.param(
            of_a_script(target(InputTransformer={"InputPathsMap": {"time": "$.time"}, "InputTemplate": "<time>"})),
            [NOT_KEPT.format("InputTransformer", "put the target without it")],
            id="a transformer",
        ),
        *(
            pytest.param(
                of_a_script(target(Input=text)),
                [NOT_KEPT.format("an Input that is no overrides of a task", "put the target without it")],
                id=f"an input that is {text}",
            )
            for text in ("no JSON", '"text"', '{"containerOverrides": [{}]}')
        ),
    ],
)
def test_what_cannot_stay_is_refused_with_what_to_do(rule: Rule, problems: list[str]) -> None:
    role = "arn:aws:iam::123456789012:role/report"
    taking = task(environment={"A": "2"}, memory=1024, role=role, ephemeral_storage=50, secrets={"S": "/shop/s"})
    assert list(backend.problems_of_takeover(rule, taking, SETTINGS)) == problems


def test_an_empty_list_that_eventbridge_shows_is_not_put_again() -> None:
    shown = target(ecs={"LaunchType": "FARGATE", "CapacityProviderStrategy": [], "Tags": [], "TaskCount": 2})
    (read,) = api.list_targets(Bus([of_a_script(shown)]), NAME)  # type: ignore[arg-type]  # as much as is read of it
    assert read["EcsParameters"] == {"TaskDefinitionArn": arn(1), "TaskCount": 2, "LaunchType": "FARGATE"}
