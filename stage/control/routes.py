"""The stage's own routes, below `/_stage`: for people, tests and the benchmark. The product knows none of them."""

import json
import re
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from examples.guestbook.steps import ExampleError
from stage.background import CannotFireError
from stage.faults.scripted import FaultsError
from stage.invariants.checker import WatchError
from stage.settings import SettingsError
from stage.snapshots.account import START, BusyError, UnknownMomentError

if TYPE_CHECKING:
    from stage.stage import Stage

Handler = Callable[..., Any]


class RefusedError(Exception):
    """A request that cannot be served; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Routes:
    """Answers every request below `/_stage`, in JSON."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/_stage/"): stage.describe,
            ("GET", "/_stage/calls"): stage.recorder.calls,
            ("DELETE", "/_stage/calls"): stage.recorder.clear,
            ("GET", "/_stage/invocations"): stage.functions.under_way,
            ("GET", "/_stage/iam"): stage.access.records,
            ("DELETE", "/_stage/iam"): stage.access.clear,
            ("GET", "/_stage/settings"): stage.settings.model_dump,
            ("PUT", "/_stage/settings"): self._change_settings,
            ("GET", "/_stage/quotas"): stage.quotas.show,
            ("GET", "/_stage/faults"): stage.faults.show,
            ("PUT", "/_stage/faults"): self._set_faults,
            ("GET", "/_stage/watch"): stage.watch.show,
            ("PUT", "/_stage/watch"): self._begin_to_watch,
            ("POST", "/_stage/fire/<rule name>"): self._fire,
            ("POST", "/_stage/before/<step>"): self._before,
            ("POST", "/_stage/keep/<moment>"): self._keep,
            ("POST", "/_stage/reset"): self._reset,
            ("POST", "/_stage/reset/<moment>"): self._reset,
        }

    def __call__(self, request: Request) -> Response:
        """Serve one request."""
        try:
            answer, status = self._serve(request), 200
        except RefusedError as refused:
            answer, status = {"error": str(refused)}, refused.status
        except Exception as bug:  # noqa: BLE001 - a server outlives a request that it cannot serve
            traceback.print_exc(file=sys.stderr)
            answer, status = {"error": f"the stage failed: {bug!r}"}, 500
        if answer is None:
            return Response(status=204)
        return Response(json.dumps(answer, indent=1) + "\n", status, content_type="application/json")

    def _serve(self, request: Request) -> Any:
        path = request.path if request.path != "/_stage" else "/_stage/"
        for (method, route), handler in self._routes.items():
            match = re.fullmatch(re.sub("<.*>", "(.+)", route), path)
            if match and method == request.method:
                if not self._stage.ready:
                    raise RefusedError(503, "the stage is not ready yet")
                return handler(*match.groups(), *([_json(request)] if method == "PUT" else []))
        there_are = ", ".join(" ".join(route) for route in self._routes)
        raise RefusedError(404, f"there is no {request.method} {request.path}; there are {there_are}")

    def _change_settings(self, changes: Any) -> dict[str, Any]:
        if not isinstance(changes, dict):
            raise RefusedError(400, "settings are an object")
        try:
            self._stage.settings.change(changes)
        except SettingsError as fault:
            raise RefusedError(400, str(fault)) from fault
        if "quotas" in changes:
            self._stage.quotas.fill()
        return self._stage.settings.model_dump()

    def _set_faults(self, faults: Any) -> list[dict[str, Any]]:
        try:
            self._stage.faults.replace(faults)
        except FaultsError as fault:
            raise RefusedError(400, str(fault)) from fault
        return self._stage.faults.show()

    def _begin_to_watch(self, order: Any) -> None:
        try:
            self._stage.watch.begin(order)
        except WatchError as fault:
            raise RefusedError(400, str(fault)) from fault

    def _fire(self, rule: str) -> dict[str, Any]:
        try:
            return self._stage.world.fire(rule)
        except CannotFireError as cannot:
            raise RefusedError(409, str(cannot)) from cannot

    def _keep(self, moment: str) -> None:
        self._refuse_on_a_bare_stage()
        if moment == START or not re.fullmatch(r"[\w. -]{1,64}", moment, re.ASCII):
            raise RefusedError(
                400, f"a moment's name has letters, digits, spaces and . _ -, at most 64; {START} is taken"
            )
        try:
            self._stage.keep(moment)
        except BusyError as busy:
            raise RefusedError(409, str(busy)) from busy

    def _reset(self, moment: str = START) -> None:
        self._refuse_on_a_bare_stage()
        try:
            self._stage.reset(moment)
        except UnknownMomentError as unknown:
            raise RefusedError(404, str(unknown)) from unknown

    def _before(self, step: str) -> dict[str, Any]:
        self._refuse_on_a_bare_stage()
        try:
            return self._stage.play_example(step)
        except ExampleError as cannot:
            raise RefusedError(409, str(cannot)) from cannot

    def _refuse_on_a_bare_stage(self) -> None:
        if not self._stage.deployed:
            raise RefusedError(409, "what others deployed on a bare stage cannot be told from the rest: start another")


def _json(request: Request) -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError as fault:
        raise RefusedError(400, f"the body is not JSON: {fault}") from fault
