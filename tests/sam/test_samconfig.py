"""The two environments of samconfig.toml, deployed by the SAM CLI as they are delivered."""

import json
from collections.abc import Iterator

import pytest

from examples.guestbook.client import Client, running
from rota.settings import Settings
from tests.sam.test_deploy import BUILT, SAM, sam

pytestmark = pytest.mark.sam


@pytest.fixture(scope="module")
def stage() -> Iterator[Client]:
    """A stage with both stacks beside each other."""
    if not (SAM.exists() and BUILT.exists()):
        pytest.skip("the application is not built; make test-sam builds it first")
    with running("--bare") as client:
        for environment in ("staging", "production"):
            sam(client, "deploy", "--config-env", environment, "--no-confirm-changeset")
        yield client


def settings(stage: Client, stack: str) -> Settings:
    """What the functions of the stack read from their environment."""
    functions = stage.client("lambda").list_functions()["Functions"]
    environments = [
        each["Environment"]["Variables"] for each in functions if each["FunctionName"].startswith(f"{stack}-")
    ]
    assert environments
    found: dict[str, str] = {}
    for each in environments:
        assert found.items() <= {**found, **each}.items(), "two functions have another value of one variable"
        found |= each
    return Settings.from_environment({name: str(value) for name, value in found.items()})


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_command_of_two_words_arrives_whole(stage: Client, environment: str) -> None:
    found = settings(stage, f"rota-{environment}")
    assert found.start_command == ("python", "manage.py")
    assert (found.api_command, found.api_port) == (None, None), "as the task definition has them"
    assert (found.cluster, found.subnets) == (environment, ("subnet-0a1b2c3d4e5f60718", "subnet-08f7e6d5c4b3a2910"))


@pytest.mark.parametrize(
    ("tag", "starts"), [("staging-7", {"staging"}), ("release-7", {"production"}), ("main", set())]
)
def test_a_push_starts_one_environment_at_most(stage: Client, tag: str, starts: set[str]) -> None:
    events = stage.client("events")
    patterns = {
        rule["Name"].split("-")[1]: json.loads(rule["EventPattern"])
        for rule in events.list_rules(NamePrefix="rota-")["Rules"]
        if "Push" in rule["Name"]
    }
    assert patterns.keys() == {"staging", "production"}
    (account,) = {pattern["account"][0] for pattern in patterns.values()}
    push = {
        "id": "1",
        "source": "aws.ecr",
        "detail-type": "ECR Image Action",
        "account": account,
        "region": "us-east-1",
        "time": "2026-11-29T00:00:00Z",
        "resources": [],
        "detail": {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "shop", "image-tag": tag},
    }
    asked = {
        name: events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(push))["Result"]
        for name, pattern in patterns.items()
    }
    assert {name for name, matches in asked.items() if matches} == starts
