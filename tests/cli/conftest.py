"""A command as a person types it, with the answers of AWS that a test gives.

What it printed and asked, whole, is in a file of `tests/cli/printed`; with REWRITE_PRINTED=1 in the environment the
tests write these files before they compare, and `git diff` shows what has changed.
"""

import json
import os
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.client import BaseClient
from botocore.session import Session
from click.testing import CliRunner

from rota.cli.main import main

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACCOUNT = "eu-west-1:111122223333"
STACK = {
    "StackName": "rota",
    "StackId": f"arn:aws:cloudformation:{ACCOUNT}:stack/rota/1",
    "StackStatus": "UPDATE_COMPLETE",
    "CreationTime": NOW,
}
PARAMETERS = {
    "ClusterName": "production",
    "ServiceName": "shop",
    "TaskDefinitionFamily": "shop",
    "ContainerName": "app",
    "RepositoryName": "shop",
    "WatchRuns": "true",
}
OUTPUTS = {
    "StateMachineArn": f"arn:aws:states:{ACCOUNT}:stateMachine:rota-deploy",
    "LedgerTableName": "rota-table",
    "RulePrefix": "shop__",
    "ScheduleGroup": "rota-group",
    "BucketName": "rota-bucket",
    "ScheduleFileKeys": "scheduled_tasks.json",
}
_PRINTED = Path(__file__).parent / "printed"
_COLOURS = {"31": "red", "32": "green", "33": "yellow", "36": "cyan", "1": "bold", "2": "dim", "0": "/"}

Answer = Mapping[str, Any] | str | Callable[[dict[str, Any]], Any]
"""A string is an error: its code, or `CODE: MESSAGE`."""


class Printed(NamedTuple):
    """How a command ended and what it printed, with `<red>`, and `</>` after it, where a terminal shows a colour."""

    exit: int
    out: str
    err: str


class Aws:
    """Answers by operation, and the items of the stack's table. `asked` has each request, but those of the table."""

    def __init__(self) -> None:
        self.items: list[Mapping[str, Any]] = []
        self.parameters, self.outputs = dict(PARAMETERS), dict(OUTPUTS)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Answer] = {
            "DescribeStacks": lambda _: {"Stacks": [self.stack]},
            "Query": self._query,
        }

    @property
    def stack(self) -> dict[str, Any]:
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {**STACK, "Parameters": parameters, "Outputs": outputs}

    def call(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        if operation not in ("DescribeStacks", "Query"):
            self.asked.append((operation, request))
        answer = self.answers[operation]
        found = answer(request) if callable(answer) else answer
        if isinstance(found, str):
            code, _, message = found.partition(": ")
            error = {"Error": {"Code": code, "Message": message or "as the test says"}}
            raise client.exceptions.from_code(code)(error, operation)
        return found

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        """The items of a partition whose key has the prefix."""
        values = {name: each["S"] for name, each in request["ExpressionAttributeValues"].items()}
        found = [
            each
            for each in sorted(
                self.items, key=lambda each: str(each["record"]), reverse=not request["ScanIndexForward"]
            )
            if each["app"] == values[":app"] and each["record"].startswith(values.get(":prefix", ""))
        ]
        return {"Items": [_typed(each) for each in found]}


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


class _Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # no test asks for a subclass
        return NOW.astimezone(tz)


_create_client = Session.create_client


@cache
def _client(service: str, region: str) -> Any:
    """Made once for all tests: to make one takes longer than a command."""
    return _create_client(Session(), service, region, aws_access_key_id="user", aws_secret_access_key="user")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """It is noon on 30 November 2026, and every name that must be new is the same."""
    made = Aws()

    def call(client: Any, operation: str, request: dict[str, Any]) -> Any:
        return made.call(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    monkeypatch.setattr(
        Session, "create_client", lambda _, service, region_name, **_more: _client(service, region_name)
    )
    monkeypatch.setattr("rota.cli.frame.datetime", _Clock)
    monkeypatch.setattr("uuid.uuid4", lambda: UUID(int=0))
    return made


Typed = Callable[..., Printed]


@pytest.fixture
def typed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types a command into a terminal of 100 columns that shows colours."""
    of_a_person = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "user"}
    for name, value in {**of_a_person, "AWS_CONFIG_FILE": "/nowhere", "ROTA_STACK": "rota", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def type_(*arguments: str, answers: Iterable[str] = ()) -> Printed:
        result = CliRunner().invoke(main, arguments, "\n".join(answers), prog_name="rota")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.stderr, result.stderr
        return Printed(result.exit_code, coloured(result.stdout), coloured(result.stderr))

    return type_


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sits at it, and can be asked; it is as wide as what is no terminal."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)


@pytest.fixture
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is another than UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Vienna")
        time.tzset()
        yield
    time.tzset()


def coloured(text: str) -> str:
    for code, name in _COLOURS.items():
        text = text.replace(f"\x1b[{code}m", f"<{name}>")
    return text


Played = Callable[..., None]


@pytest.fixture
def played(aws: Aws, typed: Typed) -> Played:
    """Types commands, one after the other, and compares everything that they print and ask with the file of a name."""

    def play(name: str, *lines: str, answers: Iterable[str] = ()) -> None:
        shown = "\n".join(_typed_line(aws, typed, line, answers) for line in lines)
        assert_as_in_the_file(name, shown)

    return play


def assert_as_in_the_file(name: str, text: str) -> None:
    """Compares a text with the file of that name."""
    file = _PRINTED / f"{name}.txt"
    if os.environ.get("REWRITE_PRINTED"):
        file.write_text(text)
    assert text == file.read_text()


def _typed_line(aws: Aws, typed: Typed, line: str, answers: Iterable[str]) -> str:
    """The line, what it printed, its exit code, and what it asked, in the order of the operations' names."""
    aws.asked.clear()
    done = typed(*shlex.split(line), answers=answers)
    asked = Counter(f"{operation} {json.dumps(request, default=str)}" for operation, request in aws.asked)
    requests = [f"{request}{f'  {times} times' if times > 1 else ''}" for request, times in sorted(asked.items())]
    err = f"--- stderr\n{done.err}" if done.err else ""
    return "\n".join([f"$ rota {line}", f"{done.out}{err}--- exit {done.exit}, asked:", *requests, ""])
