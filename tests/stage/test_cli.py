"""The command `rota` against the stage: what each command answers, and how it ends when AWS refuses."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import jsonschema
import pytest
from click.testing import CliRunner

from examples.guestbook.client import Client
from rota.cli.json_schema import json_schema
from rota.cli.main import main
from tests.stage.conftest import as_new


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Rota = Callable[..., Done]


@pytest.fixture(scope="module")
def world(one_stage: Client) -> Client:
    """A stage on which v1 was deployed and a job ran once; no test changes it."""
    stage = as_new(one_stage)
    assert stage.deploy("v1")["status"] == "SUCCEEDED"
    stage.fire(f"{stage.names['rule_prefix']}IngestData")
    return stage


@pytest.fixture
def rota(one_stage: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rota]:
    """Types a command, in this process; retries do not wait."""
    for name, value in {
        "AWS_ENDPOINT_URL": one_stage.endpoint,
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "user",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "ROTA_STACK": "",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))

    def typed(*arguments: str) -> Done:
        result = CliRunner().invoke(main, arguments, prog_name="rota")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    yield typed
    one_stage.faults([])


ANSWERS = {
    "status": ["status"],
    "status of all": ["status", "--all"],
    "history": ["history"],
    "history with failures": ["history", "--all"],
    "history of a task": ["history", "--task", "IngestData"],
}


@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
def test_each_answer_is_as_its_schema_says(world: Client, rota: Rota, arguments: list[str]) -> None:
    done = rota(*arguments, "--json")
    assert (done.exit, done.err) == (0, "")
    jsonschema.validate(done.json, json_schema())


@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
def test_each_answer_fits_100_columns(world: Client, rota: Rota, arguments: list[str]) -> None:
    done = rota(*arguments)
    assert (done.exit, done.err) == (0, "")
    assert done.out
    assert max(map(len, done.out.splitlines())) <= 100
    assert "\x1b" not in done.out


def test_status_shows_what_is_live_and_each_job(world: Client, rota: Rota) -> None:
    status = rota("status", "--json").json
    assert status["release"]["release"] == "v1"
    assert (status["release"]["tag"], status["release"]["kind"]) == ("v1", "push")
    assert (status["deploying"], status["service"]["running"]) == (None, 2)
    (ingest,) = (task for task in status["tasks"] if task["task"] == "IngestData")
    assert ingest["enabled"]
    assert (ingest["in_words"], ingest["exact"]) == ("every day at 06:00 UTC", True)


REFUSALS = {
    "throttled": ("throttle", 1, "AWS throttles DescribeStacks"),
    "an error of AWS": ("internal", 1, "AWS has an error of its own in DescribeStacks"),
    "denied": ("denied", 4, "you may not cloudformation:DescribeStacks"),
}


@pytest.mark.parametrize(("fault", "code", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_have_an_exit_code(world: Client, rota: Rota, fault: str, code: int, words: str) -> None:
    world.faults([{"service": "cloudformation", "operation": "DescribeStacks", "count": 50, "fault": fault}])
    done = rota("status")
    assert (done.exit, done.out) == (code, "")
    assert done.err.startswith(f"rota: {words}")
    printed = json.loads(rota("status", "--json").err)
    assert (printed["kind"], printed["exit"]) == ("error", code)


def test_one_refusal_is_retried(world: Client, rota: Rota) -> None:
    world.faults([{"service": "dynamodb", "operation": "Query", "count": 1, "fault": "internal"}])
    assert rota("status").exit == 0


def test_without_a_network_it_ends_at_once(world: Client, rota: Rota, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    done = rota("status")
    assert (done.exit, done.out) == (1, "")
    assert done.err.startswith("rota: AWS cannot be reached")


@pytest.mark.parametrize(
    ("missing", "code", "words"),
    [
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], 4, "there are no AWS credentials"),
        (["AWS_REGION"], 2, "no Region is set"),
    ],
    ids=["credentials", "Region"],
)
def test_what_is_not_configured_is_said(
    world: Client, rota: Rota, monkeypatch: pytest.MonkeyPatch, missing: list[str], code: int, words: str
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for name in missing:
        monkeypatch.delenv(name)
    done = rota("status")
    assert (done.exit, done.err.startswith(f"rota: {words}")) == (code, True)


def test_no_such_stack(world: Client, rota: Rota) -> None:
    done = rota("status", "--stack", "rotta")
    assert done.exit == 4
    assert "the Rota stacks here are rota" in done.err


def test_lists_of_parameters_are_as_they_were_given(world: Client) -> None:
    (stack,) = world.client("cloudformation").describe_stacks(StackName="rota")["Stacks"]
    shown = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert shown["SubnetIds"].count("subnet-") == 2
    assert shown["SubnetIds"].count(",") == 1
    assert shown["FormerEventsRoleArns"] == ""
