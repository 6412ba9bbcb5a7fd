"""The handlers' calls to AWS: a record of them, and ways to make them fail or return other data."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stage.eventbridge import tag_index
from stage.eventbridge.late_reads import Tags
from stage.gateway.calls import Call, Reply
from tests.in_process import FUNCTION
from tests.steps.local_stage import KilledError, local_stage
from tests.steps.snapshots import Lasting

__all__ = ["Calls", "KilledError", "number"]

_SHORT = {"resourcegroupstaggingapi": "tagging"}
_BOTO3 = {short: name for name, short in _SHORT.items()}


class Calls(Lasting):
    """A hook that records the handlers' calls and the events that they publish."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.notifications: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        """The events that Step Functions returns for an execution."""
        self.history_of = ""
        """The ARN of the only execution that has these events; empty: every execution has them."""
        self.tag_index: dict[str, Tags] | None = None
        """The rules' tags in the tag index; None: the tags of all rules."""

    def before(self, call: Call) -> Reply | None:
        if call.caller is None:
            return None
        self.made.append(f"{_SHORT.get(call.service, call.service)}.{call.operation}")
        match call.operation:
            case "GetExecutionHistory":
                known = self.history_of in ("", call.params["executionArn"])
                return Reply.result(call, {"events": self.history if known else []})
            case "GetResources" if self.tag_index is not None:
                return Reply.result(call, tag_index.listed(self.tag_index, call.params))
        return None

    def after(self, call: Call, reply: Reply) -> None:
        if call.caller and call.key == ("events", "PutEvents") and reply.ok:
            self.notifications += [json.loads(entry["Detail"]) for entry in call.params["Entries"]]

    def writes(self) -> list[str]:
        """The calls so far that changed rules, schedules, revisions or the service."""
        verbs = (
            "Create",
            "Put",
            "Register",
            "Update",
            "Remove",
            "Delete",
            "Deregister",
            "Tag",
            "Untag",
            "Enable",
            "Disable",
            "Stop",
        )
        return [
            c
            for c in self.made
            if c.startswith(("events.", "scheduler.", "ecs.")) and c.split(".")[1].startswith(verbs)
        ]

    @contextmanager
    def refusing(self, call: str, code: str, *, status: int = 400, skip: int = 0, count: int = 1) -> Iterator[None]:
        """Let AWS refuse `count` calls such as `events.PutTargets` after the first `skip`; 0: all later ones."""
        fault = _fault(call, "refused", skip=skip, count=count, code=code, status=status, retries=True)
        with local_stage().failing(**fault):
            yield

    @contextmanager
    def half_failing(self, call: str, code: str) -> Iterator[None]:
        """Answer one call with 200 and a failed entry."""
        with local_stage().failing(**_fault(call, "partial", code=code)):
            yield

    @contextmanager
    def killing(self, call: str, *, skip: int = 0, after: bool = False) -> Iterator[None]:
        """Kill the function at a call, before the call takes effect or `after`. No later call of it reaches AWS."""
        with local_stage().failing(**_fault(call, "kill_after" if after else "kill", skip=skip)):
            yield

    @contextmanager
    def losing(self, call: str, *, skip: int = 0) -> Iterator[None]:
        """Carry out one call and lose its reply, so that botocore calls again."""
        with local_stage().failing(**_fault(call, "lost", skip=skip)):
            yield

    @contextmanager
    def showing(self, rules: dict[str, dict[str, Any]]) -> Iterator[None]:
        """Let reads of EventBridge return these rules, as late reads do; writes apply to the actual rules."""
        with local_stage().hooked(_Rules(rules)):
            yield

    @contextmanager
    def showing_service(self, shown: list[dict[str, Any]], *, skip: int = 0) -> Iterator[None]:
        """Let ECS describe the service as `shown` after the first `skip` times, until `shown` is empty."""
        with local_stage().hooked(_Shown("DescribeServices", "services", lambda: shown or None, skip)):
            yield

    @contextmanager
    def showing_images(self, shown: list[dict[str, Any]]) -> Iterator[None]:
        """Let ECR describe every image as `shown`."""
        with local_stage().hooked(_Shown("DescribeImages", "imageDetails", lambda: shown)):
            yield


class _Shown:
    """A hook that answers an operation of the handlers, after the first `skip` times, unless `shown` returns None."""

    def __init__(
        self, operation: str, member: str, shown: Callable[[], list[dict[str, Any]] | None], skip: int = 0
    ) -> None:
        self._operation, self._member, self._shown, self._skip = operation, member, shown, skip

    def before(self, call: Call) -> Reply | None:
        if call.caller is None or call.operation != self._operation:
            return None
        self._skip -= 1
        shown = self._shown() if self._skip < 0 else None
        return None if shown is None else Reply.as_sent({self._member: shown})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


class _Rules:
    """A hook that returns these rules to the handlers instead of the actual ones."""

    def __init__(self, rules: dict[str, dict[str, Any]]) -> None:
        self._rules = rules

    def before(self, call: Call) -> Reply | None:
        reads = ("ListRules", "ListTargetsByRule", "ListTagsForResource")
        if call.caller is None or call.service != "events" or call.operation not in reads:
            return None
        if call.operation == "ListRules":
            return Reply.as_sent({"Rules": list(self._rules.values())})
        name = call.params.get("Rule") or call.params["ResourceARN"].partition(":rule/")[2]
        if name not in self._rules:
            return Reply.refusal(call, "ResourceNotFoundException", f"Rule {name} does not exist.")
        return Reply.as_sent({key: self._rules[name][key] for key in ("Targets", "Tags")})

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def number(revision: str) -> int:
    """The number in a revision's ARN."""
    return int(revision.rsplit(":", 1)[1])


def _fault(call: str, fault: str, **more: Any) -> dict[str, Any]:
    service, _, operation = call.partition(".")
    return {"service": _BOTO3.get(service, service), "operation": operation, "caller": FUNCTION, "fault": fault, **more}
