"""Scripted faults: `PUT /_stage/faults` says which AWS calls go wrong, when, and how."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from botocore.session import get_session
from moto.core.utils import get_service_model
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from stage.faults import partial
from stage.gateway import refusals
from stage.gateway.calls import Call, Reply


class FaultsError(ValueError):
    """Faults that cannot be; the message names what is wrong with each of them."""


class Fault(BaseModel):
    """One kind of fault in one kind of call.

    Without a `caller` it may hit anybody's call: a function's, a person's, or Step Functions' own `lambda Invoke`. Only
    `kill` and `kill_after` are for functions alone, as nobody else has a process here, and `abort` for what an
    execution does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    service: str
    """As boto3 names it."""
    operation: str
    """As AWS names it, or `*` for all of the service."""
    caller: str | None = None
    """The step that makes the call."""
    skip: int = Field(0, ge=0)
    """So many matching calls are let through first."""
    count: int = Field(1, ge=0)
    """So many are hit then; 0 is all."""
    fault: Literal["throttle", "internal", "denied", "lost", "cut", "partial", "kill", "kill_after", "abort"]
    """`throttle`, `internal`, `denied`: refused in the service's own words, not carried out. `lost`: carried out, and
    the connection ends without a reply; Lambda's Invoke loses it at once, while the function goes on. `cut`: carried
    out, and the connection ends in the middle of the reply. `partial`: 200, the request's last entry failed and was not
    carried out. `kill`, `kill_after`: the calling process dies before or after the call is carried out. `abort`: the
    execution is stopped, as StopExecution does; the call is carried out and its function goes on."""

    @field_validator("service")
    @classmethod
    def _is_known(cls, service: str) -> str:
        if service not in get_session().get_available_services():
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
        steps = (info.context or {}).get("steps", ())
        if caller is not None and caller not in steps:
            raise ValueError(f"no function is called {caller}; there are {', '.join(sorted(steps)) or 'none'}")
        return caller

    @field_validator("fault")
    @classmethod
    def _can_happen(cls, fault: str, info: ValidationInfo) -> str:
        if fault == "partial" and (info.data.get("service"), info.data.get("operation")) not in partial.KINDS:
            able = ", ".join(" ".join(key) for key in partial.KINDS)
            raise ValueError(f"only these calls can fail in part: {able}")
        return fault

    def matches(self, call: Call) -> bool:
        """Whether the call is of the kind that this fault hits."""
        return (
            self.service == call.service
            and self.operation in ("*", call.operation)
            and self.caller in (None, call.caller)
            and not (self.fault in ("kill", "kill_after") and call.caller is None)
            and not (self.fault == "cut" and call.key == ("lambda", "Invoke"))  # which is `lost` or not
            and not (self.fault == "abort" and call.caller is None and call.key != ("lambda", "Invoke"))
        )


class Scripted:
    """A fault that was set, and how far its script has come."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.matched = 0
        self.hit = 0

    @property
    def due(self) -> bool:
        """Whether the next matching call is to be hit."""
        return self.matched >= self.fault.skip and (self.fault.count == 0 or self.hit < self.fault.count)


class Faults:
    """A hook that makes calls go wrong as it was told.

    Every fault counts every call that it matches. Where several are due at once the first in the list hits, and the
    others stay due. `kill` ends the process that holds an access key, `abort` the execution that a call is made in;
    `steps` names the functions there are.
    """

    def __init__(
        self, kill: Callable[[str], None], abort: Callable[[Call], None], steps: Callable[[], set[str]]
    ) -> None:
        self._kill = kill
        self._abort = abort
        self._steps = steps
        self._lock = threading.Lock()
        self._scripted: list[Scripted] = []
        self._this_call = threading.local()

    def replace(self, faults: Any) -> None:
        """Set these faults, as JSON has them, in the place of all others. All of them or, with a FaultsError, none."""
        try:
            read = TypeAdapter(list[Fault]).validate_python(faults, context={"steps": self._steps()})
        except ValidationError as invalid:
            raise FaultsError("; ".join(_told(dict(error)) for error in invalid.errors())) from invalid
        with self._lock:
            self._scripted = [Scripted(fault) for fault in read]

    def show(self) -> list[dict[str, Any]]:
        """The faults that are set, and how many calls each has `matched` and `hit`."""
        with self._lock:
            return [{**each.fault.model_dump(), "matched": each.matched, "hit": each.hit} for each in self._scripted]

    def before(self, call: Call) -> Reply | None:
        """Refuse the call, kill who makes it, or remember what is to happen once it is carried out."""
        kind = self._this_call.kind = self._due(call)
        self._this_call.call = call
        match kind:
            case "throttle":
                return refusals.throttled(call)
            case "internal":
                return refusals.failed(call)
            case "denied":
                return refusals.denied(call)
            case "lost" if call.key == ("lambda", "Invoke"):
                # Carried out as one that nobody waits for: the caller is gone long before the function has ended.
                call.request.environ["HTTP_X_AMZ_INVOCATION_TYPE"] = "Event"
            case "abort":
                self._abort(call)
            case "kill":
                self._kill(call.access_key)
                return _no_answer(kind)
            case "partial":
                self._this_call.held_back, reply = partial.hold_back(call)
                return reply
        return None

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Lose the reply, kill who waits for it, or have it tell of the entry that failed."""
        if getattr(self._this_call, "call", None) is not call:
            return None  # another hook answered it before it came here
        match self._this_call.kind:
            case "lost" | "kill_after" as kind:
                if kind == "kill_after":
                    self._kill(call.access_key)
                return _no_answer(kind)
            case "cut" as kind:
                return replace(reply, cut=True, error=kind) if reply.body else _no_answer(kind)
            case "partial" if reply.ok:
                return partial.told(call, reply, self._this_call.held_back)
        return None

    def _due(self, call: Call) -> str | None:
        with self._lock:
            matching = [each for each in self._scripted if each.fault.matches(call)]
            hitting = next((each for each in matching if each.due), None)
            for each in matching:
                each.matched += 1
            if hitting is None:
                return None
            hitting.hit += 1
            return hitting.fault.fault


def _no_answer(kind: str) -> Reply:
    """What the record of calls shows of a call that nobody heard of again: no status, and why."""
    return Reply(status=0, error=kind, lost=True)


def _told(error: dict[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"faults{place}: there is no such key; there are {', '.join(Fault.model_fields)}"
    if error["type"] == "missing":
        return f"faults{place}: is missing"
    if error["type"] == "value_error":
        return f"faults{place}: {error['msg'].removeprefix('Value error, ')}"
    return f"faults{place}: {error['msg']}, not {error['input']!r}"
