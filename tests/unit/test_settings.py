"""The template's parameters, from the environment of a function."""

from typing import Any

import pytest
from pydantic import ValidationError

from rota.settings import Settings
from tests.guestbook import ENVIRONMENT


def settings(**changes: str) -> Settings:
    return Settings.from_environment(ENVIRONMENT | changes)


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        pytest.param("SUBNETS", "subnet-1, subnet-2,", ("subnet-1", "subnet-2"), id="list with blanks"),
        pytest.param("SUBNETS", "subnet-1", ("subnet-1",), id="list of one"),
        pytest.param("START_COMMAND", "./bin/start", ("./bin/start",), id="one word"),
        pytest.param("START_COMMAND", 'sh -c "exec ./start"', ("sh", "-c", "exec ./start"), id="quoted words"),
        pytest.param("API_COMMAND", "", None, id="nothing: the base's"),
        pytest.param("API_COMMAND", "base", None, id="command: the base's"),
        pytest.param("API_COMMAND", "base camp", ("base", "camp"), id="a command that begins with base"),
        pytest.param("API_PORT", "3000", 3000, id="number"),
        pytest.param("API_PORT", "base", None, id="port: the base's"),
    ],
)
def test_a_variable(variable: str, text: str, value: Any) -> None:
    assert getattr(settings(**{variable: text}), variable.lower()) == value


def test_the_owner_is_cluster_and_service() -> None:
    assert settings().app == "production/guestbook-api"


def test_other_variables_are_ignored() -> None:
    assert settings(PATH="/usr/bin", AWS_REGION="us-east-1") == settings()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("API_PORT", "http"),
        ("API_PORT", "0"),
        ("API_PORT", "65536"),
        ("ASSIGN_PUBLIC_IP", "yes"),
        ("ROLLOUT_TIMEOUT_MINUTES", ""),
    ],
)
def test_a_bad_value_is_named(variable: str, text: str) -> None:
    with pytest.raises(ValidationError, match=variable.lower()):
        settings(**{variable: text})


def test_a_function_of_a_stack_that_is_just_updated_watches_no_runs() -> None:
    given = {name: value for name, value in ENVIRONMENT.items() if name not in ("WATCH_RUNS", "RUN_QUEUE_ARN")}
    assert not Settings.from_environment(given).watch_runs, "its code is new, its environment not yet"


@pytest.mark.parametrize("variable", ["API_COMMAND", "API_PORT"])
def test_what_is_not_said_stays_as_the_base_has_it(variable: str) -> None:
    given = {name: value for name, value in ENVIRONMENT.items() if name != variable}
    assert getattr(Settings.from_environment(given), variable.lower()) is None


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ValidationError, match="bucket"):
        Settings.from_environment({name: value for name, value in ENVIRONMENT.items() if name != "BUCKET"})


def test_an_error_quotes_no_value() -> None:
    with pytest.raises(ValidationError, match="api_port") as raised:
        settings(API_PORT="a-secret", AWS_SECRET_ACCESS_KEY="another-secret")
    with pytest.raises(ValidationError, match="repository") as missing:
        Settings.from_environment({"AWS_SECRET_ACCESS_KEY": "another-secret"})
    assert "secret" not in f"{raised.value} {missing.value}"


def test_what_a_variable_means_that_is_not_there() -> None:
    """As in a function of a stack that is just updated."""
    needed = {
        *("REPOSITORY", "CLUSTER", "SERVICE", "FAMILY", "CONTAINER", "START_COMMAND", "RULE_PREFIX", "SUBNETS"),
        *("SECURITY_GROUPS", "EVENTS_ROLE_ARN", "TASK_ROLE_ARNS", "SCHEDULE_KEYS", "BUCKET", "TABLE"),
    }
    least = {name: value for name, value in ENVIRONMENT.items() if name in needed}
    found = Settings.from_environment(least).model_dump(mode="json")
    assert {name: value for name, value in found.items() if name.upper() not in needed} == {
        "api_command": None,
        "api_port": None,
        "assign_public_ip": "DISABLED",
        "task_networks": "stack",
        "platform_version": "LATEST",
        "events_role_allows": [],
        "former_events_role_arns": [],
        "secrets_allowed": [],
        "schedules_in": "rules",
        "schedule_group": "",
        "scheduler_role_arn": "",
        "rule_quota": 300,
        "revision_mode": "per-task",
        "rollout_timeout_minutes": 30,
        "deploy_window": "",
        "approval": "none",
        "approval_days": 7,
        "history_days": 365,
        "watch_runs": False,
        "trace_scheduled_time": False,
        "run_queue_arn": "",
        "run_actions": "none",
        "explain_missed": False,
        "run_history_days": 90,
        "job_log_groups": [],
        "log_tail": 10,
        "notifications_topic_arn": "",
        "chat_topic_arn": "",
        "state_machine_arn": "",
    }


@pytest.mark.parametrize(
    ("watched", "actions", "stops", "starts"),
    [
        ("true", "none", False, False),
        ("true", "stop", True, False),
        ("true", "start", False, True),
        ("true", "both", True, True),
        ("false", "stop", False, False),
        ("false", "start", False, False),
    ],
)
def test_what_rota_may_do_with_runs(watched: str, actions: str, stops: bool, starts: bool) -> None:
    given = settings(WATCH_RUNS=watched, RUN_ACTIONS=actions)
    assert (given.stops_runs, given.starts_runs) == (stops, starts)
