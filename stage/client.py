"""A stage from outside: for tests, the demo and the benchmark. It imports nothing of the stage's inside."""

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
# The stage is on this machine: no proxy leads there, and no profile of the user's is for it.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_NOBODYS: dict[str, Any] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}


class StageError(Exception):
    """The stage refused, or did not do in time what was waited for; the message is its own."""


NO_ANSWER = (urllib.error.URLError, ConnectionError, BotoCoreError, StageError)
"""What a stage that has ended, or is not ready yet, is met with, whichever way it is asked."""


class Client:
    """What one can do with a stage that is ready at `endpoint`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients = cache(self._make_client)

    @cached_property
    def names(self) -> dict[str, Any]:
        """What is deployed and under which names: `describe()`, asked once."""
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """`GET /_stage/`."""
        described: dict[str, Any] = self._ask("GET", "")
        return described

    def client(self, service: str) -> Any:
        """A client of the stage, the same one each time. It tries nothing twice."""
        return self._clients(service)

    def wait(self, execution: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until a deployment has ended. Returns DescribeExecution's answer, `input` and `output` read from JSON.

        Raises StageError with the execution's history when it has not ended after `timeout` seconds.
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
        """All events of an execution, the first one first."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]

    def calls(self, service: str | None = None, operation: str | None = None) -> list[dict[str, Any]]:
        """AWS calls since `clear_calls`, all or those of one service or operation."""
        calls: list[dict[str, Any]] = self._ask("GET", "calls")
        return [call for call in calls if service in (None, call["service"]) and operation in (None, call["operation"])]

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        self._ask("DELETE", "calls")

    def invocations(self) -> list[dict[str, str]]:
        """What functions are at work on now, also where nobody waits for their answer: `step` and `request_id`."""
        under_way: list[dict[str, str]] = self._ask("GET", "invocations")
        return under_way

    def permissions(self) -> list[dict[str, Any]]:
        """Every permission that IAM was asked for since the stage was reset: caller, action, resource, decision."""
        asked: list[dict[str, Any]] = self._ask("GET", "iam")
        return asked

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change any of the stage's settings. Returns all of them. Raises StageError for one that cannot be."""
        changed: dict[str, Any] = self._ask("PUT", "settings", changes)
        return changed

    def quotas(self) -> list[dict[str, Any]]:
        """AWS's token buckets, each with the `operations` that draw from it and the `tokens` that it holds now."""
        buckets: list[dict[str, Any]] = self._ask("GET", "quotas")
        return buckets

    def faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Set the faults that are to happen, in the place of all that were set before.

        Raises StageError when they cannot be, with what is wrong with each.
        """
        self._ask("PUT", "faults", faults)

    def faults_so_far(self) -> list[dict[str, Any]]:
        """The faults that are set, each with the number of calls that it has `matched` and `hit`."""
        so_far: list[dict[str, Any]] = self._ask("GET", "faults")
        return so_far

    def watch(self, rules: Mapping[str, str], app: str | None = None) -> None:
        """Look after every AWS call from now on whether these rules stand, by name the state that each must have, and
        whether only what belongs to `app` is touched.
        """
        self._ask("PUT", "watch", {"rules": rules, "app": app})

    def watched(self) -> dict[str, Any]:
        """What has been seen since: how many `checks` there were, and the `violations`."""
        seen: dict[str, Any] = self._ask("GET", "watch")
        return seen

    def fire(self, rule: str) -> dict[str, Any]:
        """Have EventBridge fire a rule now. Returns what its task did, with `exit_code` and `output`."""
        fired: dict[str, Any] = self._ask("POST", f"fire/{rule}")
        return fired

    def before(self, step: str) -> dict[str, Any]:
        """Start anew, then carry out the deployment that `events/*.json` tell of, up to before this step.

        Returns what `sam local invoke --env-vars` reads: the functions' environment, and where containers reach this
        stage (which must listen there: `--host 0.0.0.0`).
        """
        environment: dict[str, Any] = self._ask("POST", f"before/{step}")
        return environment

    def keep(self, moment: str) -> None:
        """Keep what there is under a name, for `reset`. Raises StageError while anything goes on."""
        self._ask("POST", f"keep/{moment}")

    def reset(self, moment: str | None = None) -> None:
        """Back to what a user has before the first push, or to what was kept. Raises StageError if nothing was."""
        self._ask("POST", f"reset/{moment}" if moment else "reset")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.endpoint}/_stage/{urllib.parse.quote(path)}"
        request = urllib.request.Request(url, data, method=method)  # noqa: S310 - http, always
        try:
            with _DIRECT.open(request, timeout=120) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as refused:
            raise StageError(json.loads(refused.read())["error"]) from refused

    def _make_client(self, service: Any) -> Any:
        return botocore.session.Session(_NOBODYS).create_client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="user",
            aws_secret_access_key="user",  # noqa: S106 - nobody checks it
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )


def wait_for(condition: Callable[[], T | None], timeout: float, every: float = 0.05) -> T:
    """The first true answer of `condition`, asked every so many seconds. TimeoutError when there is none in time."""
    end = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"it did not happen in {timeout} s")
        time.sleep(every)
    return answer
