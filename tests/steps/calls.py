"""The calls that the functions make to AWS: what they were, and ways to make them fail.

Everything hangs on botocore's own events, so the code under test is the real one up to the wire.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from rota.aws import clients
from stage.eventbridge import tag_index
from tests.steps.moment import Lasting

CLIENTS = (
    clients.dynamodb,
    clients.ecr,
    clients.ecs,
    clients.events,
    clients.s3,
    clients.stepfunctions,
    clients.tagging,
)

# By botocore's name for a service in its events, ours.
_SERVICES = {"eventbridge": "events", "sfn": "stepfunctions", "resource-groups-tagging-api": "tagging"}

_Reply = tuple[AWSResponse, dict[str, Any]]


class KilledError(BaseException):
    """The function's process is gone: no handler of errors runs any more."""


class Calls(Lasting):
    """Notes the functions' calls and what they tell the world; fails those that a test names."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.news: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.tag_index: dict[str, tag_index.Tags] | None = None
        """What the index of tags tells of rules; None: all there is."""

    def writes(self) -> list[str]:
        """The calls so far that changed rules, revisions or the service."""
        verbs = ("Put", "Register", "Update", "Remove", "Delete", "Deregister", "Tag", "Untag", "Enable", "Disable")
        return [c for c in self.made if c.startswith(("events.", "ecs.")) and c.split(".")[1].startswith(verbs)]

    @contextmanager
    def refusing(self, call: str, code: str, *, status: int = 400, skip: int = 0, count: int = 1) -> Iterator[None]:
        """Let AWS refuse `count` calls such as `events.PutTargets` after the first `skip`; 0: all that follow."""
        reply = {"Error": {"Code": code, "Message": "scripted"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        with self._answering(call, status, reply, skip, count):
            yield

    @contextmanager
    def half_failing(self, call: str, code: str, *, skip: int = 0) -> Iterator[None]:
        """Let one call be answered with 200 and a failed entry."""
        entry = {"TargetId": "x", "ErrorCode": code, "ErrorMessage": "scripted"}
        reply = {"FailedEntryCount": 1, "FailedEntries": [entry], "ResponseMetadata": {"HTTPStatusCode": 200}}
        with self._answering(call, 200, reply, skip, 1):
            yield

    @contextmanager
    def killing(self, call: str, *, skip: int = 0, after: bool = False) -> Iterator[None]:
        """Let the function die at a call, before it is carried out or `after`. Nothing it does then reaches AWS."""
        state = {"left": skip, "dead": False}

        def die(event_name: str, **_: Any) -> None:
            if _call(event_name) == call and event_name.startswith("after" if after else "before"):
                state["dead"] = state["dead"] or not state["left"]
                state["left"] = max(0, state["left"] - 1)
            if state["dead"]:
                raise KilledError(event_name)

        with self._hooked("before-call", die), self._hooked("after-call", die):
            yield

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note every call that the functions make, and do for AWS what moto leaves out: take the news, which moto would
        deliver to every rule, tell the history of executions, which no interpreter runs here, list revisions in the
        order that was asked for, show a service's new revision in its PRIMARY deployment, and have an index of the
        rules' tags.
        """

        def note(event_name: str, params: dict[str, Any], context: dict[str, Any], **_: Any) -> _Reply | None:
            call = _call(event_name)  # other threads add theirs meanwhile
            self.made.append(call)
            if call == "ecs.ListTaskDefinitions":
                context["newest_first"] = json.loads(params["body"]).get("sort") == "DESC"
            if call == "stepfunctions.GetExecutionHistory":
                return _response(200), {"events": self.history}
            if call == "tagging.GetResources":
                return _response(200), tag_index.page(
                    tag_index.tagged() if self.tag_index is None else self.tag_index, context["asked"]
                )
            if call != "events.PutEvents":
                return None
            self.news += [json.loads(entry["Detail"]) for entry in json.loads(params["body"])["Entries"]]
            return _response(200), {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

        def keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            context["asked"] = params

        def sort(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            if context.get("newest_first"):
                parsed["taskDefinitionArns"].sort(key=number, reverse=True)

        def roll(parsed: dict[str, Any], **_: Any) -> None:
            for service in [*parsed.get("services", []), *filter(None, [parsed.get("service")])]:
                for primary in [each for each in service.get("deployments", []) if each["status"] == "PRIMARY"]:
                    primary["taskDefinition"] = service["taskDefinition"]

        with (
            self._hooked("before-call", note, last=True),
            self._hooked("provide-client-params.resource-groups-tagging-api.GetResources", keep),
            self._hooked("after-call.ecs.ListTaskDefinitions", sort),
            self._hooked("after-call.ecs.UpdateService", roll),
            self._hooked("after-call.ecs.DescribeServices", roll),
        ):
            yield

    @contextmanager
    def showing(self, rules: dict[str, dict[str, Any]]) -> Iterator[None]:
        """Let EventBridge show these rules, as it may for a moment after a change; writes meet what there is."""

        def show(model: Any, params: dict[str, Any], **_: Any) -> _Reply | None:
            asked = json.loads(params["body"])
            if model.name == "ListRules":
                return _response(200), {"Rules": list(rules.values())}
            name = asked.get("Rule") or asked["ResourceARN"].partition(":rule/")[2]
            if name in rules:
                return _response(200), {key: rules[name][key] for key in ("Targets", "Tags")}
            error = {"Code": "ResourceNotFoundException", "Message": f"Rule {name} does not exist."}
            return _response(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

        with ExitStack() as hooks:
            for operation in ("ListRules", "ListTargetsByRule", "ListTagsForResource"):
                hooks.enter_context(self._hooked(f"before-call.eventbridge.{operation}", show))
            yield

    @contextmanager
    def showing_service(self, shown: list[dict[str, Any]], *, skip: int = 0) -> Iterator[None]:
        """Let ECS describe the service so after the first `skip` times, as long as there is anything in `shown`."""
        seen = iter(range(10**6))

        def show(parsed: dict[str, Any], **_: Any) -> None:
            if next(seen) >= skip and shown:
                parsed["services"] = shown

        with self._hooked("after-call.ecs.DescribeServices", show):
            yield

    @contextmanager
    def showing_images(self, shown: list[dict[str, Any]]) -> Iterator[None]:
        """Let ECR describe the image so, whichever it is asked for."""
        with self._answering("ecr.DescribeImages", 200, {"imageDetails": shown}, skip=0, count=0):
            yield

    @contextmanager
    def _answering(self, call: str, status: int, reply: dict[str, Any], skip: int, count: int) -> Iterator[None]:
        seen = iter(range(10**6))

        def answer(**_: Any) -> _Reply | None:
            number = next(seen)
            hit = number >= skip and (not count or number < skip + count)
            return (_response(status), reply) if hit else None

        with self._hooked(f"before-call.{call}", answer):
            yield

    @contextmanager
    def _hooked(self, event: str, hook: Callable[..., Any], *, last: bool = False) -> Iterator[None]:
        made = [
            *(make() for make in CLIENTS),
            clients.ecs(attempts=1),
        ]
        for each in made:
            (each.meta.events.register_last if last else each.meta.events.register_first)(event, hook)
        try:
            yield
        finally:
            for each in made:
                each.meta.events.unregister(event, hook)


def number(revision: str) -> int:
    """The number in a revision's ARN."""
    return int(revision.rsplit(":", 1)[1])


def _call(event_name: str) -> str:
    """`events.PutTargets` for botocore's `before-call.eventbridge.PutTargets`."""
    service, _, operation = event_name.partition(".")[2].partition(".")
    return f"{_SERVICES.get(service, service)}.{operation}"


def _response(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)
