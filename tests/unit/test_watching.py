"""What run watching adds to a rule's target, what it leaves alone, and the remarks about that."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.schedules import backend
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.schedules.eventbridge_rules.rule import Rule, RuleChange
from rota.settings import Settings
from rota.tracing import A_TIME
from stage.eventbridge.transformer import transformed
from tests.guestbook import CLUSTER_ARN, PREFIX, RUN_QUEUE, SETTINGS, TIMED, UNWATCHED, arn, task

Target = dict[str, Any]

NAME = PREFIX + "IngestData"
OVERRIDES = '{"containerOverrides":[{"name":"app","command":["./run","a b"],"environment":[{"name":"A","value":"1"}]}]}'
TASK = '{"name":"ROTA_TASK","value":"IngestData"}'
TIME = '{"name":"ROTA_SCHEDULED_AT","value":<time>}'
DAY = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 21_600}
OWN_QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead-letters"
LEFT_QUEUE = "arn:aws:sqs:us-east-1:123456789012:old-rota-RunQueue-0Z9Y8X7W6V5U"
ENVIRONMENT = '"environment":[{"name":"A","value":"1"}'


def rule(*targets: Target) -> Rule:
    return Rule(name=NAME, schedule_expression="cron(0 6 * * ? *)", state="ENABLED", tags={}, targets=targets)


def target(**members: Any) -> Target:
    return {"Id": "job", "Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": arn(1)}, **members}


def desired(
    settings: Settings,
    current: Target | None = None,
    overrides: str | None = None,
    *,
    sets_retry: bool = False,
    **keys: Any,
) -> Target:
    """The target that a task gets."""
    before = rule(current) if current else None
    (made,) = desired_rule(
        task(**keys), settings, CLUSTER_ARN, arn(7), overrides, before, sets_retry=sets_retry
    ).targets
    return made


def watched(settings: Settings = SETTINGS, **keys: Any) -> Target:
    """A target as a deployment with WatchRuns left it."""
    return desired(settings, **keys)


@pytest.mark.parametrize(
    ("settings", "overrides", "member", "value"),
    [
        pytest.param(
            SETTINGS,
            None,
            "Input",
            f'{{"containerOverrides":[{{"name":"app","environment":[{TASK}]}}]}}',
            id="a revision of its own",
        ),
        pytest.param(
            SETTINGS,
            OVERRIDES,
            "Input",
            OVERRIDES.replace(ENVIRONMENT, f"{ENVIRONMENT},{TASK}"),
            id="a shared revision",
        ),
        pytest.param(
            TIMED,
            None,
            "InputTransformer",
            {
                "InputPathsMap": {"time": "$.time"},
                "InputTemplate": f'{{"containerOverrides":[{{"name":"app","environment":[{TASK},{TIME}]}}]}}',
            },
            id="with the time",
        ),
        pytest.param(
            TIMED,
            OVERRIDES,
            "InputTransformer",
            {
                "InputPathsMap": {"time": "$.time"},
                "InputTemplate": OVERRIDES.replace(ENVIRONMENT, f"{ENVIRONMENT},{TASK},{TIME}"),
            },
            id="a shared revision, with the time",
        ),
        pytest.param(UNWATCHED, OVERRIDES, "Input", OVERRIDES, id="not watched"),
        pytest.param(
            UNWATCHED.model_copy(update={"trace_scheduled_time": True}),
            OVERRIDES,
            "Input",
            OVERRIDES,
            id="the time alone",
        ),
    ],
)
def test_a_target_passes_its_task(settings: Settings, overrides: str | None, member: str, value: object) -> None:
    made = desired(settings, overrides=overrides)
    assert {each: made[each] for each in ("Input", "InputTransformer") if each in made} == {member: value}


def test_a_stack_that_does_not_watch_adds_nothing() -> None:
    assert not {"Input", "InputTransformer", "RetryPolicy", "DeadLetterConfig"} & desired(UNWATCHED).keys()


@pytest.mark.parametrize("text", ["a<b>c", "<time>", "a > b", "C:\\app", 'say "hi"', "it's", "two\nlines", "größer"])
@pytest.mark.parametrize("where", ["command", "variable"])
def test_no_time_beside_what_eventbridge_might_change(text: str, where: str) -> None:
    container: dict[str, Any] = (
        {"name": "app", "command": [text]} if where == "command" else {"name": "app", "environment": []}
    )
    if where == "variable":
        container["environment"] = [{"name": "A", "value": text}]
    made = desired(TIMED, overrides=json.dumps({"containerOverrides": [container]}))
    assert "InputTransformer" not in made
    (sent,) = json.loads(made["Input"])["containerOverrides"]
    variables = [*container.get("environment", []), {"name": "ROTA_TASK", "value": "IngestData"}]
    assert sent == container | {"environment": variables}


@given(st.lists(st.text(max_size=9), min_size=1), st.dictionaries(st.text(max_size=9), st.text(max_size=9)))
def test_whatever_a_task_says_is_passed_to_ecs(command: list[str], environment: dict[str, str]) -> None:
    said = [{"name": name, "value": value} for name, value in environment.items()]
    overrides = {"containerOverrides": [{"name": "app", "command": command, "environment": said}]}
    made = desired(TIMED, overrides=json.dumps(overrides))
    variables = [{"name": "ROTA_TASK", "value": "IngestData"}]
    if transformer := made.get("InputTransformer"):
        text = transformed(transformer, SimpleNamespace(arn="an-arn", name=NAME), {"time": A_TIME})  # type: ignore[arg-type]  # all that it reads of a rule
        variables.append({"name": "ROTA_SCHEDULED_AT", "value": A_TIME})
    else:
        text = made["Input"]
    (sent,) = json.loads(text)["containerOverrides"]
    assert sent == {"name": "app", "command": command, "environment": [*said, *variables]}


@pytest.mark.parametrize(
    ("before", "settings"),
    [
        pytest.param(watched(), UNWATCHED, id="traced"),
        pytest.param(watched(TIMED), UNWATCHED, id="with the time"),
        pytest.param(watched(retry={"attempts": 2}), UNWATCHED, id="with retries of the file"),
        pytest.param(desired(UNWATCHED), UNWATCHED, id="never watched"),
        pytest.param(watched() | {"DeadLetterConfig": {"Arn": OWN_QUEUE}}, UNWATCHED, id="with a queue of its own"),
        pytest.param(watched(TIMED), TIMED, id="watched as before"),
    ],
)
def test_a_target_is_left_as_it_is(before: Target, settings: Settings) -> None:
    keys: dict[str, Any] = (
        {"retry": {"attempts": 2}} if before.get("RetryPolicy", {}).get("MaximumRetryAttempts") == 2 else {}
    )
    assert desired(settings, before, sets_retry=True, **keys) == before


def test_a_traced_target_of_an_unwatched_stack_follows_its_task() -> None:
    made = desired(UNWATCHED, watched(TIMED), OVERRIDES, sets_retry=True, rate="1 hour")
    assert made["InputTransformer"]["InputTemplate"] == OVERRIDES.replace(ENVIRONMENT, f"{ENVIRONMENT},{TASK},{TIME}")
    assert made["RetryPolicy"]["MaximumEventAgeInSeconds"] == 1800
    assert made["DeadLetterConfig"] == {"Arn": RUN_QUEUE}


def test_the_time_is_taken_away_when_it_is_not_asked_for_any_more() -> None:
    assert desired(SETTINGS, watched(TIMED), sets_retry=True) == watched()


@pytest.mark.parametrize(
    ("queue", "then"),
    [
        pytest.param(None, RUN_QUEUE, id="none"),
        pytest.param(RUN_QUEUE, RUN_QUEUE, id="the stack's"),
        pytest.param(LEFT_QUEUE, RUN_QUEUE, id="that of a stack that is gone"),
        pytest.param(OWN_QUEUE, OWN_QUEUE, id="its own"),
        pytest.param(LEFT_QUEUE + "-dlq", LEFT_QUEUE + "-dlq", id="its own, of a like name"),
        *(
            pytest.param(elsewhere, elsewhere, id="of a like name elsewhere")
            for elsewhere in (
                LEFT_QUEUE.replace("us-east-1", "eu-west-1"),
                LEFT_QUEUE.replace("123456789012", "2" * 12),
            )
        ),
    ],
)
def test_the_queue_for_dead_letters(queue: str | None, then: str) -> None:
    before = target(DeadLetterConfig={"Arn": queue}) if queue else target()
    assert desired(SETTINGS, before)["DeadLetterConfig"] == {"Arn": then}
    assert backend.has_dead_letters_elsewhere(rule(before), SETTINGS) is (then != RUN_QUEUE)
    assert ("DeadLetterConfig" in backend.kept(rule(before), SETTINGS, task())) is (then != RUN_QUEUE)


OWN_POLICY = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 600}
HOUR = DAY | {"MaximumEventAgeInSeconds": 1800}
A_DAY = 86_400


@pytest.mark.parametrize(
    ("settings", "keys", "policy", "by_rota", "then", "recorded"),
    [
        pytest.param(SETTINGS, {}, None, True, DAY, True, id="what fits the schedule"),
        pytest.param(SETTINGS, {"rate": "1 hour"}, DAY, True, HOUR, True, id="another schedule"),
        pytest.param(SETTINGS, {}, None, False, DAY, True, id="none yet"),
        pytest.param(SETTINGS, {}, OWN_POLICY, False, OWN_POLICY, False, id="its own"),
        pytest.param(
            SETTINGS,
            {"retry": {"attempts": 0, "age": 60}},
            OWN_POLICY,
            False,
            {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
            True,
            id="the file's wins",
        ),
        pytest.param(
            SETTINGS,
            {"retry": {"attempts": 3}},
            None,
            True,
            DAY | {"MaximumRetryAttempts": 3},
            True,
            id="attempts alone",
        ),
        pytest.param(UNWATCHED, {}, None, True, None, False, id="not watched"),
        pytest.param(UNWATCHED, {}, OWN_POLICY, False, OWN_POLICY, False, id="not watched, its own"),
        pytest.param(UNWATCHED, {}, OWN_POLICY, True, None, False, id="not watched, what the file said before"),
        pytest.param(
            UNWATCHED,
            {"retry": {"attempts": 3}},
            None,
            True,
            {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": A_DAY},
            True,
            id="not watched, attempts alone",
        ),
    ],
)
def test_the_retry_policy(
    settings: Settings,
    keys: dict[str, Any],
    policy: dict[str, int] | None,
    by_rota: bool,
    then: dict[str, int] | None,
    recorded: bool,
) -> None:
    before = target(RetryPolicy=policy) if policy else target()
    assert desired(settings, before, sets_retry=by_rota, **keys).get("RetryPolicy") == then
    assert backend.sets_retry(task(**keys), settings, rule(before), before=by_rota) is recorded


FILE_S = {"retry": {"attempts": 185, "age": 90}}
OWN = {"RetryPolicy": OWN_POLICY}


@pytest.mark.parametrize(
    ("updates", "remarks"),
    [
        pytest.param(
            [(target(), {}), (target(), {}), (target(), {"rate": "1 minute"})],
            [
                "3 targets: traced from now on",
                "3 targets: a start is given up after 5 min to 6 h, no longer after 24 h",
            ],
            id="the first with run watching",
        ),
        pytest.param(
            [(target(), {"cron": "0/15 * * * ? *"})],
            ["1 target: traced from now on", "1 target: a start is given up after 7.5 min, no longer after 24 h"],
            id="one",
        ),
        pytest.param([(watched(), {"rate": "1 hour"}), (watched(), FILE_S)], [], id="other schedules"),
        pytest.param(
            [(target(), {"retry": {"age": 100}}), (target(), {"retry": {"age": 90}}), (target(**OWN), {})],
            [
                "3 targets: traced from now on",
                "2 targets: a start is given up after 1.5 min to 100 s, no longer after 24 h",
            ],
            id="as the file says, and a policy of its own",
        ),
        pytest.param([], [], id="nothing"),
        pytest.param(
            [(watched() | {"DeadLetterConfig": {"Arn": LEFT_QUEUE}}, {})],
            ["1 target: dead letters go to the stack's queue, no longer to old-rota-RunQueue-0Z9Y8X7W6V5U"],
            id="another stack",
        ),
        pytest.param(
            [({"Id": "x", "Arn": OWN_QUEUE}, {})],
            ["1 target: traced from now on", "1 target: a start is given up after 6 h, no longer after 24 h"],
            id="no task so far",
        ),
    ],
)
def test_what_the_plan_remarks(updates: list[tuple[Target, dict[str, Any]]], remarks: list[str]) -> None:
    pairs = []
    for before, keys in updates:
        image = arn(8)  # so that each of them changes
        change = backend.change(task(**keys), SETTINGS, CLUSTER_ARN, image, None, rule(before), sets_retry=True)
        assert change is not None
        pairs.append((rule(before), change))
    assert list(backend.remarks_on_watching(pairs)) == remarks


def test_a_change_of_the_rule_without_its_target_says_nothing_of_it() -> None:
    before = rule(*(watched(),), {"Id": "by-hand", "Arn": OWN_QUEUE})
    change = backend.change(task(), SETTINGS, CLUSTER_ARN, arn(7), None, before, sets_retry=True)
    assert isinstance(change, RuleChange) and change.put_targets == ()
    assert list(backend.remarks_on_watching([(before, change)])) == []
