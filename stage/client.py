"""A client of a running stage, for tests, demos and benchmarks. It imports no other part of the stage."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
# The stage is on this machine: it is reached without a proxy and without the user's AWS profile.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_NO_PROFILE: dict[str, Any] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}


class StageError(Exception):
    """The stage refused, or something did not happen in time; the message says what."""


class NotAStageError(StageError):
    """Another program answers at the stage's address."""


NO_ANSWER = (urllib.error.URLError, ConnectionError, BotoCoreError, StageError)
"""What a call raises when the stage has ended or is not ready yet."""


class Client:
    """The routes of the stage at `endpoint`, clients of AWS's services on it, and executions."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients = cache(self._make_client)

    @cached_property
    def names(self) -> dict[str, Any]:
        """What is deployed and under which names: the first answer of `describe()`."""
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """`GET /_stage/`."""
        described: dict[str, Any] = self._ask("GET", "")
        return described

    def client(self, service: str) -> Any:
        """The boto client of a service, the same one each time. It retries nothing."""
        return self._clients(service)

    def wait(self, execution: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until an execution has ended. Returns DescribeExecution's answer, `input` and `output` read from JSON.

        Raises StageError with the types of the execution's events when it has not ended after `timeout` seconds.
        """
        states = self.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            described: dict[str, Any] = states.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        try:
            described = wait_for(ended, timeout, every=0.2)
        except TimeoutError as late:
            seen = [event["type"] for event in self.history(execution)]
            raise StageError(f"{execution} is still running after {timeout} s: {', '.join(seen)}") from late
        read = {key: json.loads(described[key]) for key in ("input", "output") if key in described}
        return described | read

    def history(self, execution: str) -> list[dict[str, Any]]:
        """All events of an execution, the oldest first."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]

    def calls(self, service: str | None = None, operation: str | None = None) -> list[dict[str, Any]]:
        """The AWS calls since `clear_calls`: all, or those of one service or operation."""
        calls: list[dict[str, Any]] = self._ask("GET", "calls")
        return [call for call in calls if service in (None, call["service"]) and operation in (None, call["operation"])]

    def clear_calls(self) -> None:
        """Forget all calls so far."""
        self._ask("DELETE", "calls")

    def invocations(self) -> list[dict[str, str]]:
        """The invocations that run now, also those whose caller has gone: `step` and `request_id`."""
        active: list[dict[str, str]] = self._ask("GET", "invocations")
        return active

    def permissions(self) -> list[dict[str, Any]]:
        """Every permission that was checked since the last reset: caller, action, resource, decision."""
        asked: list[dict[str, Any]] = self._ask("GET", "iam")
        return asked

    def messages(self) -> list[dict[str, Any]]:
        """What was published to SNS: `topic`, `subject`, `message`, `attributes`; of each topic the oldest first."""
        published: list[dict[str, Any]] = self._ask("GET", "messages")
        return published

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change any of the stage's settings. Returns all of them. Raises StageError for an invalid one."""
        changed: dict[str, Any] = self._ask("PUT", "settings", changes)
        return changed

    def quotas(self) -> list[dict[str, Any]]:
        """AWS's token buckets, each with the `operations` that use it and the `tokens` in it now."""
        buckets: list[dict[str, Any]] = self._ask("GET", "quotas")
        return buckets

    def faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Script these faults; they replace all earlier ones. Raises StageError for invalid ones, with each problem."""
        self._ask("PUT", "faults", faults)

    def faults_so_far(self) -> list[dict[str, Any]]:
        """The scripted faults, each with the number of calls that it `matched` and `hit`."""
        so_far: list[dict[str, Any]] = self._ask("GET", "faults")
        return so_far

    def watch(
        self, rules: Mapping[str, str], app: str | None = None, jobs: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """From now on check after every AWS call that these rules are complete and have their state, by name, that of
        each of the `jobs` one rule or schedule `group/name` is on, and that only resources of `app` change.
        """
        self._ask("PUT", "watch", {"rules": rules, "app": app, "jobs": jobs or {}})

    def watched(self) -> dict[str, Any]:
        """The number of `checks` since `watch`, and the `violations`."""
        seen: dict[str, Any] = self._ask("GET", "watch")
        return seen

    def fire(self, rule: str) -> dict[str, Any]:
        """Have EventBridge fire a rule now. Returns its task, with `exit_code` and `output`."""
        fired: dict[str, Any] = self._ask("POST", f"fire/{rule}")
        return fired

    def clock(self) -> str:
        """The time of the stage's clock."""
        return str(self._ask("GET", "clock")["now"])

    def advance(self, seconds: float) -> list[dict[str, Any]]:
        """Advance the clock. Returns what was fired, if `fire_schedules` is set."""
        fired: list[dict[str, Any]] = self._ask("PUT", "clock", {"advance": seconds})["fired"]
        return fired

    def set_clock(self, now: str) -> list[dict[str, Any]]:
        """Set the clock to a time such as `2026-03-01T06:00:00Z`. Returns what was fired on the way."""
        fired: list[dict[str, Any]] = self._ask("PUT", "clock", {"now": now})["fired"]
        return fired

    def before(self, step: str) -> dict[str, Any]:
        """Reset the stage and play the scenario's example up to before this step.

        Returns what `sam local invoke --env-vars` reads: the functions' environment, and the address at which
        containers reach this stage, which must listen there (`--host 0.0.0.0`).
        """
        environment: dict[str, Any] = self._ask("POST", f"before/{step}")
        return environment

    def keep(self, name: str) -> None:
        """Keep a snapshot for `reset`. Raises StageError while something in the account still changes."""
        self._ask("POST", f"keep/{name}")

    def reset(self, name: str | None = None) -> None:
        """Restore the account as it was at first, or a snapshot. Raises StageError when there is none of that name."""
        self._ask("POST", f"reset/{name}" if name else "reset")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.endpoint}/_stage/{urllib.parse.quote(path)}"
        request = urllib.request.Request(url, data, method=method)  # noqa: S310 - http, always
        try:
            with _DIRECT.open(request, timeout=120) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as refused:
            raise self._error(refused) from refused
        except ValueError as other:
            raise NotAStageError(f"what answers on {self.endpoint} is not a stage") from other

    def _error(self, refused: urllib.error.HTTPError) -> StageError:
        try:
            return StageError(json.loads(refused.read())["error"])
        except (ValueError, KeyError, TypeError):
            return NotAStageError(f"what answers on {self.endpoint} is not a stage: status {refused.code}")

    def _make_client(self, service: Any) -> Any:
        return botocore.session.Session(_NO_PROFILE).create_client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="user",
            aws_secret_access_key="user",  # noqa: S106 - not checked
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )


def wait_for(condition: Callable[[], T | None], timeout: float, every: float = 0.05) -> T:
    """The first true result of `condition`, called `every` so many seconds. TimeoutError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"nothing after {timeout} s")
        time.sleep(every)
    return answer
