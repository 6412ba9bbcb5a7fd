"""The calls of a run of `rota verify-account`, with AWS's answers: kept from a run on the stage, and played again.

A call is `[service, operation, request, answer]`, or `["now", time]`; a refusal's answer is `{"Error": ...}`.
"""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

FILE = Path(__file__).parent / "cli" / "verify_account.json"
"""By row, the calls that are made when the rows are tried in their order; last, those of the deletion."""
_TOKEN = re.compile(r"\b[0-9a-f]{32}\b")
"""What a run makes up; AWS gets the same one where it is meant to."""

_SECRETS = ("AccessKeyId", "SecretAccessKey", "SessionToken")

Call = list[Any]
Played = tuple[str, list[Call]]
"""What was seen of a row, and its calls."""


def plain(value: Any) -> Any:
    """A request or an answer as JSON has it."""
    match value:
        case dict():
            shown = {name: plain(each) for name, each in value.items() if name != "ResponseMetadata"}
            return {name: "secret" if name in _SECRETS else each for name, each in shown.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case datetime():
            return {"$time": value.isoformat()}
        case bytes() if value.startswith(b"PK"):
            files = zipfile.ZipFile(io.BytesIO(value))
            return {"$zip": {name: files.read(name).decode() for name in files.namelist()}}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
    return value


def _answer(value: Any) -> Any:
    match value:
        case {"$time": time}:
            return datetime.fromisoformat(time)
        case {"$stream": text}:
            return StreamingBody(io.BytesIO(text.encode()), len(text.encode()))
        case {"$bytes": text}:
            return base64.b64decode(text)
        case dict():
            return {name: _answer(each) for name, each in value.items()}
        case list():
            return [_answer(each) for each in value]
    return value


def kept(answer: dict[str, Any]) -> Any:
    """An answer of AWS as JSON has it. A stream in it is read, and replaced by one that was not."""
    streams = {name: each.read().decode() for name, each in answer.items() if isinstance(each, StreamingBody)}
    shown: dict[str, Any] = plain({name: each for name, each in answer.items() if name not in streams})
    for name, text in streams.items():
        shown[name] = {"$stream": text}
        answer[name] = _answer(shown[name])
    return shown


def refused(refusal: ClientError) -> dict[str, Any]:
    """A refusal as JSON has it."""
    return {name: plain(each) for name, each in refusal.response.items() if name in ("Error", "CancellationReasons")}


def write(subnets: Sequence[str], rows: Mapping[str, Played]) -> None:
    """Keep the calls, one in a line."""
    FILE.write_text(
        "\n".join(
            [
                json.dumps(["subnets", *subnets]),
                *(json.dumps(line) for row, (seen, calls) in rows.items() for line in (["row", row, seen], *calls)),
                "",
            ]
        )
    )


def read() -> tuple[list[str], dict[str, Played]]:
    """The subnets of the run, and what was seen and called for each row."""
    (_, *subnets), *lines = map(json.loads, FILE.read_text().splitlines())
    rows: dict[str, Played] = {}
    for line in lines:
        if line[0] == "row":
            rows[line[1]] = (line[2], [])
        else:
            rows[[*rows][-1]][1].append(line)
    return subnets, rows


class Player:
    """Plays calls again, and notes the first of a row that is another one."""

    def __init__(self) -> None:
        self.others: list[str] = []
        self._left: list[Call] = []
        self._row = ""
        self._tokens: tuple[list[str], list[str]] = ([], [])

    @contextmanager
    def playing(self, row: str, calls: Sequence[Call]) -> Iterator[None]:
        """All of these calls are to be made, and no others."""
        self._left, self._row = [*calls], row
        yield
        if self._left:
            self.others.append(f"{self._row}: not called: {self._left[0][:3]}")

    def now(self) -> datetime:
        return datetime.fromisoformat(self._next(["now"])[1])

    def calls(self) -> Callable[[BaseClient, str, dict[str, Any]], dict[str, Any]]:
        """A function in place of BaseClient._make_api_call: a class binds its functions, but no bound method."""

        def call(client: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
            return self._answered(client, operation, request)

        return call

    def _answered(self, client: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        *_, answer = self._next([client.meta.service_model.service_name, operation, plain(request)])
        if "Error" in answer:
            error: Any = client.exceptions.from_code(answer["Error"]["Code"])
            raise error(answer, operation)
        answered: dict[str, Any] = _answer(answer)
        return answered

    def _next(self, called: Call) -> Call:
        expected = self._left.pop(0) if self._left else ["nothing"]
        mine, kept = (
            _numbered(call, tokens)
            for call, tokens in zip((called, expected[: len(called)]), self._tokens, strict=True)
        )
        if mine != kept:
            self._left = []
            self.others.append(f"{self._row}: called {mine}, not {kept}")
            raise AssertionError(self.others[-1])
        return expected


def _numbered(call: Call, tokens: list[str]) -> str:
    """A call with numbers in place of its tokens."""

    def number(token: re.Match[str]) -> str:
        if token[0] not in tokens:
            tokens.append(token[0])
        return f"token {tokens.index(token[0])}"

    return _TOKEN.sub(number, json.dumps(call, sort_keys=True))
