"""The shipped JSON Schema: generated from the model; it takes valid files and refuses what a schema can refuse."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from rota.cli.check.command import check
from tests.schedule_files import entry, problems

SHIPPED = Path(__file__).parents[2] / "layers/rota/rota/schedule_file/scheduled_tasks.schema.json"
SCHEMA = json.loads(SHIPPED.read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_shipped_schema_is_generated_from_the_model() -> None:
    printed = CliRunner().invoke(check, ["--json-schema"])
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout == SHIPPED.read_text()


def test_the_schema_describes_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for shape in (SCHEMA, *SCHEMA["$defs"].values()):
        assert shape["additionalProperties"] is False
        assert all(key["description"] for key in shape["properties"].values())


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"cron": "cron(0 6 ? * MON-FRI *)"},
        {"cron": "0/15 8-18 LW * ? 2026-2030"},
        {"cron": "0 6 ? jan 6#3 *"},
        {"cron": ..., "rate": "5 minutes"},
        {"cron": ..., "schedule": "rate(1 hour)"},
        {"cron": ..., "at": "2027-01-31T07:00", "timezone": "Europe/Berlin", "window": 15},
        {"start": "2027-01-31T07:00:00+01:00", "end": "2027-12-31T06:00:00Z", "timezone": "Etc/GMT+3"},
        {"task": ..., "command": ["ls", "-l"]},
        {
            "enabled": False,
            "description": "d",
            "cpu": 512,
            "memory": 4096,
            "environment": {"A": "b", "spring.profiles.active": "x"},
            "count": 10,
        },
        {"retry": {"attempts": 0}, "platform_version": "LATEST"},
        {"overlap": "replace", "catch_up": "not_started"},
        {"overlap": "allow", "catch_up": False},
        {"capacity_provider": "FARGATE_SPOT"},
        {"tags": {"cost-centre": "12", "team": ""}, "propagate_tags": True, "enable_execute_command": False},
        {"ephemeral_storage": 21, "role": "arn:aws:iam::123456789012:role/jobs/report"},
        {
            "secrets": {
                "A": "/shop/a",
                "B": "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf:password::",
            }
        },
        {"secrets": {"A": "arn:aws:ssm:us-east-1:123456789012:parameter/shop/a"}},
        {"subnets": ["subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"], "assign_public_ip": False},
        {"capacity_provider": {"FARGATE_SPOT": 3, "FARGATE": 0}},
    ],
)
def test_the_schema_takes_a_valid_file(keys: dict[str, Any]) -> None:
    document = {"tasks": [entry(**keys)]}
    VALIDATOR.validate(document)
    assert not problems(document)


@pytest.mark.parametrize(
    "defaults",
    [
        {"name": "Ingest"},
        {"cron": "0 6 * * ? *"},
        {"memory": 1000},
        {"environment": {"A=B": "c"}},
        None,
    ],
)
def test_the_schema_refuses_a_wrong_default(defaults: dict[str, Any] | None) -> None:
    document = {"defaults": defaults, "tasks": [entry()]}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)
    assert problems(document)


@pytest.mark.parametrize(
    "keys",
    [
        {"name": ...},
        {"name": "Ingest Data"},
        {"task": ...},
        {"command": ["a"]},
        {"cron": ...},
        {"rate": "5 minutes"},
        {"cron": "0 6 * * *"},
        {"cron": "0 6 * * * *"},
        {"cron": "0 6 ? * ? *"},
        {"cron": ..., "rate": "5 min"},
        {"cron": ..., "rate": "1 minutes"},
        {"cron": ..., "schedule": "0 6 * * ? *"},
        {"at": "2027-01-31T07:00"},
        {"cron": ..., "at": "2027-01-31T07:00Z"},
        {"cron": ..., "at": "2027-01-31"},
        {"start": "2027-01-31 07:00"},
        {"end": "2027-01-31T07:00:00.5Z"},
        {"timezone": "Europe Berlin"},
        {"window": 1441},
        {"task": None},
        {"crom": "0 6 * * ? *"},
        {"cpu": 300},
        {"cpu": 256, "memory": 4096},
        {"memory": 1000},
        {"environment": {"A": 1}},
        {"environment": {"A=B": "c"}},
        {"count": 11},
        {"retry": {"attempts": 186}},
        {"platform_version": "1.4"},
        {"capacity_provider": "SPOT"},
        {"tags": {"aws:x": "1"}},
        {"tags": {"x": "1" * 257}},
        {"tags": {"": "1"}},
        {"propagate_tags": "TASK_DEFINITION"},
        {"ephemeral_storage": 201},
        {"role": "report"},
        {"secrets": {"A": "hunter2"}},
        {"secrets": {"A=B": "/x"}},
        {"subnets": []},
        {"subnets": ["sg-1"]},
        {"security_groups": [f"sg-{number}" for number in range(6)]},
        {"assign_public_ip": "ENABLED"},
        {"capacity_provider": {}},
        {"capacity_provider": {"SPOT": 1}},
        {"capacity_provider": {"FARGATE": -1}},
    ],
)
def test_the_schema_refuses_a_wrong_file(keys: dict[str, Any]) -> None:
    document = {"tasks": [entry(**keys)]}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)
    assert problems(document)
