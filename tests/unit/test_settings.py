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
