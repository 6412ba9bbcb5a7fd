"""The stage's own routes below `/_stage`, for people, tests and benchmarks. Deployed functions know none of them."""

import json
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response

from stage import clock
from stage.background import CannotFireError
from stage.faults.scripted import FaultsError
from stage.invariants.checker import OrderError
from stage.scenario import ScenarioError
from stage.settings import SettingsError
from stage.snapshots.account import START, BusyError, UnknownSnapshotError
from stage.stage import Stage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Beside AWS's own paths: S3 reads the first part of a path as a bucket, and no bucket's name may begin with "_".
PATH = "/_stage"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

Handler = Callable[..., Any]


class RefusedError(Exception):
    """The request cannot be served; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The WSGI application of a stage: answers requests below `/_stage` in JSON, passes all others to the gateway."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/_stage/"): stage.describe,
            ("GET", "/_stage/calls"): stage.recorder.calls,
            ("DELETE", "/_stage/calls"): stage.recorder.clear,
            ("GET", "/_stage/invocations"): stage.functions.active,
            ("GET", "/_stage/iam"): stage.access.records,
            ("DELETE", "/_stage/iam"): stage.access.clear,
            ("GET", "/_stage/messages"): stage.messages,
            ("GET", "/_stage/settings"): stage.settings.model_dump,
            ("PUT", "/_stage/settings"): self._change_settings,
            ("GET", "/_stage/quotas"): stage.quotas.show,
            ("GET", "/_stage/faults"): stage.faults.show,
            ("PUT", "/_stage/faults"): self._set_faults,
            ("GET", "/_stage/watch"): stage.invariants.show,
            ("PUT", "/_stage/watch"): self._watch,
            ("GET", "/_stage/clock"): stage.clock,
            ("PUT", "/_stage/clock"): self._move_clock,
            ("POST", "/_stage/fire/<rule name>"): self._fire,
            ("POST", "/_stage/before/<step>"): self._before,
            ("POST", "/_stage/keep/<name>"): self._keep,
            ("POST", "/_stage/reset"): self._reset,
            ("POST", "/_stage/reset/<name>"): self._reset,
        }

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        if request.path != PATH and not request.path.startswith(f"{PATH}/"):
            return self._stage.gateway(environ, start_response)
        try:
            request.get_data(cache=True)
        except ClientDisconnected:
            return Response(status=400)(environ, start_response)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            answer, status = self._serve(request), 200
        except RefusedError as refused:
            answer, status = {"error": str(refused)}, refused.status
        except Exception as bug:  # noqa: BLE001 - a server survives a request that it cannot answer
            traceback.print_exc(file=sys.stderr)
            answer, status = {"error": f"the stage failed: {bug!r}"}, 500
        if answer is None:
            return Response(status=204)
        return Response(json.dumps(answer, indent=1) + "\n", status, content_type="application/json")

    def _serve(self, request: Request) -> Any:
        path = request.path if request.path != PATH else f"{PATH}/"
        for (method, route), handler in self._routes.items():
            match = re.fullmatch(re.sub("<.*>", "(.+)", route), path)
            if match and method == request.method:
                if not self._stage.ready:
                    raise RefusedError(503, "the stage is not ready yet")
                return handler(*match.groups(), *([_json(request)] if method == "PUT" else []))
        routes = ", ".join(" ".join(route) for route in self._routes)
        raise RefusedError(404, f"there is no {request.method} {request.path}; there are {routes}")

    def _change_settings(self, changes: Any) -> dict[str, Any]:
        if not isinstance(changes, dict):
            raise RefusedError(400, "settings are an object")
        try:
            self._stage.settings.change(changes)
        except SettingsError as invalid:
            raise RefusedError(400, str(invalid)) from invalid
        if "quotas" in changes:
            self._stage.quotas.fill()
        return self._stage.settings.model_dump()

    def _set_faults(self, faults: Any) -> list[dict[str, Any]]:
        try:
            self._stage.faults.replace(faults)
        except FaultsError as invalid:
            raise RefusedError(400, str(invalid)) from invalid
        return self._stage.faults.show()

    def _watch(self, order: Any) -> None:
        try:
            self._stage.invariants.begin(order)
        except OrderError as invalid:
            raise RefusedError(400, str(invalid)) from invalid

    def _move_clock(self, order: Any) -> dict[str, Any]:
        match order:
            case {"advance": int() | float() as seconds, **rest} if seconds >= 0 and not rest:
                until = clock.now() + timedelta(seconds=seconds)
            case {"now": str() as text, **rest} if not rest and re.fullmatch(TIME, text):
                until = datetime.fromisoformat(text.replace("Z", "+00:00"))
            case _:
                raise RefusedError(400, 'give {"now": "2026-03-01T06:00:00Z"} or {"advance": 3600}')
        return self._stage.move_clock(until)

    def _fire(self, rule: str) -> dict[str, Any]:
        try:
            return self._stage.background.fire(rule)
        except CannotFireError as cannot:
            raise RefusedError(409, str(cannot)) from cannot

    def _keep(self, name: str) -> None:
        self._refuse_unless_deployed()
        if name == START or not re.fullmatch(r"[\w. -]{1,64}", name, re.ASCII):
            raise RefusedError(
                400, f"a snapshot's name has letters, digits, spaces and . _ -, at most 64; {START} is taken"
            )
        try:
            self._stage.keep(name)
        except BusyError as busy:
            raise RefusedError(409, str(busy)) from busy

    def _reset(self, name: str = START) -> None:
        self._refuse_unless_deployed()
        try:
            self._stage.reset(name)
        except UnknownSnapshotError as unknown:
            raise RefusedError(404, str(unknown)) from unknown

    def _before(self, step: str) -> dict[str, Any]:
        self._refuse_unless_deployed()
        try:
            return self._stage.play(step)
        except ScenarioError as cannot:
            raise RefusedError(409, str(cannot)) from cannot

    def _refuse_unless_deployed(self) -> None:
        if not self._stage.deployed:
            raise RefusedError(
                409,
                "the stage deployed nothing itself and cannot distinguish what others deployed from the rest: "
                "start it without --bare and with a scenario, or start a new one",
            )


def _json(request: Request) -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError as invalid:
        raise RefusedError(400, f"the body is not JSON: {invalid}") from invalid
