"""The stage of the tests of the whole machine: one for each worker of pytest, reset for each test."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jsonschema
import pytest
from botocore.session import Session
from click.testing import CliRunner

from examples.guestbook.client import Client, running
from rota.cli.json_schema import json_schema
from rota.cli.main import main
from tests.clock import Clock
from tests.processes import FORKS
from tests.stage.account import writes
from tests.stage.small_stage import SmallStage, small_stage
from tests.stage.toys import role_of_toys, zipped


@pytest.fixture(scope="session")
def one_stage() -> Iterator[Client]:
    """A stage with the real template, for all tests of a worker. Tests use `stage`."""
    with running(*FORKS) as client:
        client.advance(0.001)  # functions that start now see the stage's time: no test that moves it starts them again
        yield client


def as_new(stage: Client, snapshot: str | None = None) -> Client:
    """The stage before the first push, or as in a snapshot, with short waits and rollouts."""
    stage.reset(snapshot)
    stage.settings(time_scale=0.005, rollout_seconds=0.02)
    return stage


@pytest.fixture
def stage(one_stage: Client) -> Client:
    """A stage `as_new` for each test."""
    return as_new(one_stage)


class Kept(NamedTuple):
    """A snapshot after a deployment."""

    snapshot: str
    writes: Counter[str]
    """How often the deployment called what changes EventBridge or ECS."""


@pytest.fixture(scope="session")
def v1_kept(one_stage: Client) -> Kept:
    """The first deployment."""
    assert as_new(one_stage).deploy("v1")["status"] == "SUCCEEDED"
    one_stage.keep("v1")
    return Kept("v1", writes(one_stage))


@pytest.fixture
def deployed(one_stage: Client, v1_kept: Kept) -> Client:
    """A stage on which only v1 was deployed."""
    return as_new(one_stage, v1_kept.snapshot)


@pytest.fixture
def v1(deployed: Client) -> dict[str, Any]:
    """The execution that deployed v1, as `wait` returns it."""
    return deployed.wait(deployed.executions()[0])


@pytest.fixture
def function(stage: Client) -> Iterator[Callable[..., str]]:
    """Creates a function from its source through Lambda's API. Returns its name."""
    names: list[str] = []

    def make(source: str, **configuration: Any) -> str:
        name = f"toy-{len(names)}"
        stage.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role_of_toys(stage),
            Handler="app.handler",
            Code={"ZipFile": zipped(source)},
            **configuration,
        )
        names.append(name)
        return name

    yield make
    for name in names:
        stage.client("lambda").delete_function(FunctionName=name)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallStage]:
    """A part of the stage in this process, with nothing that checks requests."""
    with small_stage(tmp_path) as small:
        yield small


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """What it printed, on one line: where a sentence breaks depends on the time of day and the names in it."""
        return " ".join(self.out.split())


@cache
def _validator() -> Any:
    schema = json_schema()
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def assert_as_the_schema_says(printed: Any) -> None:
    """A document that a command prints with `--json`. The schema, which is large, is checked once."""
    _validator().validate(printed)


WHO_AND_WHERE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")


class Clients:
    """The clients of commands, each made once for who calls and where: to make one takes longer than ten calls."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Any] = {}
        self._heard: list[tuple[Any, str, Any]] = []

    def create(self, session: Session, service: str, *others: Any, **more: Any) -> Any:
        """As `Session.create_client` does, which makes the clients of tests, too."""
        if getattr(more.get("config"), "user_agent_extra", None) != "rota-cli":
            return _create_client(session, service, *others, **more)
        key = (service, session.profile, more["region_name"], *map(os.environ.get, WHO_AND_WHERE))
        if key not in self._made:
            client = self._made[key] = _create_client(session, service, *others, **more)
            self._note_what_hears(client)
        return self._made[key]

    def _note_what_hears(self, client: Any) -> None:
        register = client.meta.events.register

        def noted(event: str, hears: Any) -> None:
            register(event, hears)
            self._heard.append((client, event, hears))

        client.meta.events.register = noted

    def end_test(self, *, refused: bool) -> None:
        """The commands of a test have ended. What AWS has `refused` uses up the retries of a client."""
        for client, event, hears in self._heard:
            client.meta.events.unregister(event, hears)
        self._heard.clear()
        if refused:
            self._made.clear()


_create_client = Session.create_client
Rota = Callable[..., Done]


@pytest.fixture(scope="session")
def _clients() -> Clients:
    return Clients()


@pytest.fixture
def rota(one_stage: Client, _clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rota]:
    """Types a command, in this process. Retries do not wait, it looks at executions often, and between two looks at a
    task no time passes.
    """

    def create_client(session: Session, *given: Any, **more: Any) -> Any:
        return _clients.create(session, *given, **more)

    monkeypatch.setattr(Session, "create_client", create_client)
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
    monkeypatch.setattr("rota.cli.logs.follow.time", Clock())
    for pause in ("execution._FIRST_SECONDS", "plan.run._EVERY", "restore.command._EVERY"):
        monkeypatch.setattr(f"rota.cli.{pause}", 0.1)

    def typed(*arguments: str) -> Done:
        result = CliRunner().invoke(main, arguments, prog_name="rota")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    yield typed
    _clients.end_test(refused=bool(one_stage.faults_so_far()))
    one_stage.faults([])
