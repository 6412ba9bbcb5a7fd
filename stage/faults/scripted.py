"""Scripted faults: `PUT /_stage/faults` sets which AWS calls fail, when, and how."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from botocore.session import get_session
from moto.core.utils import get_service_model
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from stage.faults import partial
from stage.gateway import refusals
from stage.gateway.calls import Call, Reply


@cache
def _services() -> list[str]:
    """The services that boto3 knows. The session looks for their models on the disk, each time."""
    return list(get_session().get_available_services())


class FaultsError(ValueError):
    """The faults are not valid; the message names the problem of each."""


class Fault(BaseModel):
    """One kind of fault in one kind of call.

    Without a `caller` it hits calls of functions, of users, and Step Functions' own `lambda Invoke`. `kill` and
    `kill_after` hit functions only, because only they have a process; `abort` hits calls of an execution.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    service: str
    """boto3's name."""
    operation: str
    """AWS's name, or `*` for all operations of the service."""
    caller: str | None = None
    """The function that makes the call, by its short name."""
    request: str = ""
    """A regular expression for the request: it is found in its members, as compact JSON with sorted names."""
    skip: int = Field(0, ge=0)
    """The number of matching calls that pass first."""
    count: int = Field(1, ge=0)
    """The number of calls that are hit then; 0 means all."""
    retries: bool = False
    """Whether the SDK's retries of a call that is hit are hit too, uncounted, so that the error reaches the caller."""
    code: str | None = None
    """The error code of `refused`, and of the failed entry of `partial`."""
    status: int = Field(400, ge=400, le=599)
    """The HTTP status of `refused`."""
    message: str = "scripted"
    """The words of `refused`."""
    answer: dict[str, Any] = {}
    """The members that `answered` answers."""
    pattern: str = ""
    """What `rewritten` looks for in the reply's body: a regular expression, of whose groups `replacement` may use
    some."""
    replacement: str = ""
    fault: Literal[
        "throttle",
        "internal",
        "denied",
        "refused",
        "answered",
        "rewritten",
        "lost",
        "cut",
        "partial",
        "kill",
        "kill_after",
        "abort",
    ]
    """`throttle`, `internal`, `denied`: the service refuses the call. `refused`: it does so with the error `code`.
    `answered`: it answers 200 with `answer` and carries nothing out. `rewritten`: it carries the call out, and in the
    reply's body the `replacement` replaces each match of `pattern`.
    `lost`: the call is carried out, but its reply is not sent; the reply to Lambda's Invoke is lost at once, while the
    function runs. `cut`: carried out, and the connection ends in the middle of the reply. `partial`: 200, but the
    request's last entry failed and was not carried out. `kill`, `kill_after`: the calling process is killed before or
    after the call is carried out. `abort`: the execution is stopped, as by StopExecution; the call is carried out and
    the function continues."""

    @field_validator("service")
    @classmethod
    def _is_known(cls, service: str) -> str:
        if service not in _services():
            raise ValueError(f"boto3 knows no service {service}")
        return service

    @field_validator("operation")
    @classmethod
    def _belongs_to_its_service(cls, operation: str, info: ValidationInfo) -> str:
        service = info.data.get("service")
        if service and operation != "*" and operation not in get_service_model(service).operation_names:
            raise ValueError(f"{service} has no operation {operation}")
        return operation

    @field_validator("caller")
    @classmethod
    def _is_deployed(cls, caller: str | None, info: ValidationInfo) -> str | None:
        functions = (info.context or {}).get("functions", ())
        if caller is not None and caller not in functions:
            raise ValueError(f"no function is called {caller}; there are {', '.join(sorted(functions)) or 'none'}")
        return caller

    @field_validator("fault")
    @classmethod
    def _can_happen(cls, fault: str, info: ValidationInfo) -> str:
        if fault == "partial" and (info.data.get("service"), info.data.get("operation")) not in partial.KINDS:
            able = ", ".join(" ".join(key) for key in partial.KINDS)
            raise ValueError(f"only these calls can fail in part: {able}")
        if fault == "refused" and not info.data.get("code"):
            raise ValueError("refused needs a code")
        if fault == "rewritten" and not info.data.get("pattern"):
            raise ValueError("rewritten needs a pattern")
        return fault

    @field_validator("request", "pattern")
    @classmethod
    def _is_an_expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as invalid:
            raise ValueError(f"{text!r} is no regular expression: {invalid}") from invalid
        return text

    def matches(self, call: Call) -> bool:
        """Whether this fault hits such a call."""
        return (
            self.service == call.service
            and self.operation in ("*", call.operation)
            and self.caller in (None, call.caller)
            and (not self.request or re.search(self.request, _members(call)) is not None)
            and not (self.fault in ("kill", "kill_after") and call.caller is None)
            and not (self.fault == "cut" and call.key == ("lambda", "Invoke"))  # its reply can only be lost
            and not (self.fault == "abort" and call.caller is None and call.key != ("lambda", "Invoke"))
        )


class Scripted:
    """A fault, and the calls that it has matched and hit."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.matched = 0
        self.hit = 0
        self.invocations: set[str] = set()
        """The SDK's identifiers of the calls that were hit; retries have the same."""

    @property
    def due(self) -> bool:
        """Whether it hits the next matching call."""
        return self.matched >= self.fault.skip and (self.fault.count == 0 or self.hit < self.fault.count)


class Faults:
    """A hook that makes calls fail as scripted.

    Every fault counts every call that it matches. Where several are due, the first in the list hits and the others stay
    due. `kill` ends the process that owns an access key, `abort` stops the execution that makes a call, `functions`
    returns the short names of all functions.
    """

    def __init__(
        self, kill: Callable[[str], None], abort: Callable[[Call], None], functions: Callable[[], set[str]]
    ) -> None:
        self._kill = kill
        self._abort = abort
        self._functions = functions
        self._lock = threading.Lock()
        self._scripted: list[Scripted] = []
        self._this_call = threading.local()

    def replace(self, faults: Any) -> None:
        """Replace all faults by these, as read from JSON. Raises FaultsError, and changes none, if one is invalid."""
        try:
            read = TypeAdapter(list[Fault]).validate_python(faults, context={"functions": self._functions()})
        except ValidationError as invalid:
            raise FaultsError("; ".join(_problem(dict(error)) for error in invalid.errors())) from invalid
        with self._lock:
            self._scripted = [Scripted(fault) for fault in read]

    @contextmanager
    def added(self, fault: Any) -> Iterator[None]:
        """Add a fault for as long as the block runs. Raises ValidationError."""
        scripted = Scripted(Fault.model_validate(fault, context={"functions": self._functions()}))
        with self._lock:
            self._scripted.append(scripted)
        try:
            yield
        finally:
            with self._lock:
                self._scripted = [each for each in self._scripted if each is not scripted]

    def show(self) -> list[dict[str, Any]]:
        """The faults, and the number of calls that each has `matched` and `hit`."""
        with self._lock:
            return [{**each.fault.model_dump(), "matched": each.matched, "hit": each.hit} for each in self._scripted]

    def before(self, call: Call) -> Reply | None:
        """Refuse the call, kill its caller, or note the fault for `after`."""
        fault = self._this_call.fault = self._due(call)
        self._this_call.call = call
        if fault is None:
            return None
        match fault.fault:
            case "throttle" | "internal" | "denied" | "refused":
                return _refusal(call, fault)
            case "lost" if call.key == ("lambda", "Invoke"):
                # Carried out asynchronously: the caller is gone before the function ends.
                call.request.environ["HTTP_X_AMZ_INVOCATION_TYPE"] = "Event"
            case "abort":
                self._abort(call)
            case "kill":
                self._kill(call.access_key)
                return _no_answer("kill")
            case "partial":
                self._this_call.held_back, reply = partial.hold_back(call)
                return reply
            case "answered":
                return Reply.result(call, fault.answer)
        return None

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Lose, cut or rewrite the reply, kill the caller, or add the failed entry to the reply."""
        seen = getattr(self._this_call, "call", None) is call  # else an earlier hook has answered it
        fault: Fault | None = self._this_call.fault if seen else None
        if fault is None:
            return None
        match fault.fault:
            case "lost" | "kill_after" as kind:
                if kind == "kill_after":
                    self._kill(call.access_key)
                return _no_answer(kind)
            case "cut" as kind:
                return replace(reply, cut=True, error=kind) if reply.body else _no_answer(kind)
            case "partial" if reply.ok:
                return partial.with_failed_entry(call, reply, self._this_call.held_back, fault.code)
            case "rewritten":
                body = re.sub(fault.pattern, fault.replacement, reply.body.decode())
                return replace(reply, body=body.encode())
        return None

    def _due(self, call: Call) -> Fault | None:
        invocation = call.request.headers.get("amz-sdk-invocation-id", "")
        with self._lock:
            matching = [each for each in self._scripted if each.fault.matches(call)]
            for each in matching:
                if each.fault.retries and invocation in each.invocations:
                    return each.fault
            hitting = next((each for each in matching if each.due), None)
            for each in matching:
                each.matched += 1
            if hitting is None:
                return None
            hitting.hit += 1
            if invocation:
                hitting.invocations.add(invocation)
            return hitting.fault


def _refusal(call: Call, fault: Fault) -> Reply:
    """The error that the call gets in place of an answer."""
    match fault.fault:
        case "throttle":
            return refusals.throttled(call)
        case "internal":
            return refusals.failed(call)
        case "denied":
            return refusals.denied(call)
    return Reply.refusal(call, str(fault.code), fault.message, fault.status)


def _members(call: Call) -> str:
    return json.dumps(call.params, separators=(",", ":"), sort_keys=True, default=str)


def _no_answer(kind: str) -> Reply:
    """A call without an answer: the record shows no status, and the fault as the error."""
    return Reply(status=0, error=kind, lost=True)


def _problem(error: dict[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"faults{place}: there is no such key; there are {', '.join(Fault.model_fields)}"
    if error["type"] == "missing":
        return f"faults{place}: is missing"
    if error["type"] == "value_error":
        return f"faults{place}: {error['msg'].removeprefix('Value error, ')}"
    return f"faults{place}: {error['msg']}, not {error['input']!r}"
