"""What a user has in AWS before Rota comes, in moto; and ways to look at it and to make its calls fail.

ECS rolls no services in moto: a test says how a rollout stands.
"""

import functools
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends

from rota import aws
from tests.guestbook import ACCOUNT, CLUSTER_ARN, CONTENT, DIGEST, ENVIRONMENT, PREFIX, REGION, arn

FOREIGN = ("billing-nightly-export", PREFIX + "ByHand")
SCHEDULE = {
    "tasks": [
        {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"},
        {"name": "RemoveSpam", "task": "spam_task", "rate": "15 minutes"},
    ]
}
_FUNCTIONS = Path(__file__).parents[2] / "functions"
_MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}

_Reply = tuple[AWSResponse, dict[str, Any]]
Handler = Callable[[dict[str, Any], object], dict[str, Any]]


class KilledError(BaseException):
    """The function's process is gone: no handler of errors runs any more."""


@functools.cache
def client(service: Any) -> Any:  # boto3 makes its clients' classes at run time
    """The user's own client, whose calls are neither counted nor made to fail."""
    return boto3.client(service, region_name=REGION)


@functools.cache
def handler(folder: str) -> Handler:
    """The handler of `functions/<folder>/app.py`; all are called app, so each is loaded under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"functions_{folder}", _FUNCTIONS / folder / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded: Handler = module.handler
    return loaded


def _call(event_name: str) -> str:
    """`events.PutTargets` for botocore's `before-call.eventbridge.PutTargets`."""
    return event_name.partition(".")[2].replace("eventbridge.", "events.").replace("sfn.", "stepfunctions.")


def _number(revision: str) -> int:
    return int(revision.rsplit(":", 1)[1])


def _response(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)


class World:
    """A cluster with a running service, a repository with an image, a bucket, a table, and rules of others."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.news: list[dict[str, Any]] = []
        self._make_app()
        self._make_storage()
        for name in FOREIGN:
            client("events").put_rule(Name=name, ScheduleExpression="cron(0 2 * * ? *)", Description="not Rota's")
            other = {"Id": "1", "Arn": CLUSTER_ARN + "-2", "EcsParameters": {"TaskDefinitionArn": arn(1, "billing")}}
            client("events").put_targets(Rule=name, Targets=[other])
        self.foreign = self.rules()

    def _make_app(self) -> None:
        ecs = client("ecs")
        ecs.create_cluster(clusterName="production")
        ecs.register_task_definition(**CONTENT, tags=[{"key": "team", "value": "books"}])
        ecs.create_service(
            cluster="production",
            serviceName="guestbook-api",
            taskDefinition="guestbook",
            desiredCount=2,
            launchType="FARGATE",
        )
        client("ecr").create_repository(repositoryName="guestbook")
        ecr_backends[ACCOUNT][REGION].put_image("guestbook", json.dumps(_MANIFEST), "5d0c6a1", digest=DIGEST)

    def _make_storage(self) -> None:
        client("s3").create_bucket(Bucket=ENVIRONMENT["BUCKET"])
        client("s3").put_bucket_versioning(Bucket=ENVIRONMENT["BUCKET"], VersioningConfiguration={"Status": "Enabled"})
        self.upload(SCHEDULE)
        keys = {"app": "HASH", "record": "RANGE"}
        client("dynamodb").create_table(
            TableName=ENVIRONMENT["TABLE"],
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        )

    def push(self, digest: str, tag: str) -> None:
        """Another image."""
        manifest = json.dumps(_MANIFEST | {"annotations": {"tag": tag}})
        ecr_backends[ACCOUNT][REGION].put_image("guestbook", manifest, tag, digest=digest)

    def upload(self, schedule: dict[str, Any] | bytes, key: str = "scheduled_tasks.json") -> str:
        """Put a schedule file into the bucket; its version."""
        body = schedule if isinstance(schedule, bytes) else json.dumps(schedule).encode()
        version: str = client("s3").put_object(Bucket=ENVIRONMENT["BUCKET"], Key=key, Body=body)["VersionId"]
        return version

    # ------------------------------------------------------------------ looking

    def rules(self, *names: str) -> dict[str, dict[str, Any]]:
        """By name, everything there is to know of these rules; of all unless some are named."""
        found = client("events").list_rules()["Rules"]
        return {
            rule["Name"]: rule
            | {
                "Targets": client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"],
                "Tags": client("events").list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"],
            }
            for rule in found
            if not names or rule["Name"] in names
        }

    def our_rules(self) -> dict[str, dict[str, Any]]:
        """By the name of their task, the rules that carry our tag."""
        return {
            name.removeprefix(PREFIX): rule
            for name, rule in self.rules().items()
            if {"Key": "rota:app", "Value": "production/guestbook-api"} in rule["Tags"]
        }

    def target(self, task: str) -> dict[str, Any]:
        """The one target of the rule of that task."""
        (found,) = self.our_rules()[task]["Targets"]
        target: dict[str, Any] = found
        return target

    def service(self) -> dict[str, Any]:
        """The service, as ECS describes it."""
        (found,) = client("ecs").describe_services(cluster="production", services=["guestbook-api"])["services"]
        service: dict[str, Any] = found
        return service

    def active_revisions(self) -> list[int]:
        """The numbers of the family's ACTIVE revisions."""
        listed = client("ecs").list_task_definitions(familyPrefix="guestbook", status="ACTIVE")["taskDefinitionArns"]
        return sorted(_number(found) for found in listed)

    def containers(self, revision: int) -> dict[str, dict[str, Any]]:
        """By name, the containers of that revision, with every field."""
        return {c["name"]: c for c in self._task_definition(revision).container_definitions}

    def stored(self, stored: dict[str, str]) -> dict[str, Any]:
        """What a step has put into the bucket."""
        body = client("s3").get_object(Bucket=ENVIRONMENT["BUCKET"], Key=stored["key"], VersionId=stored["version_id"])[
            "Body"
        ]
        content: dict[str, Any] = json.loads(body.read())
        return content

    def ledger(self) -> dict[str, dict[str, str]]:
        """By sort key, the items of the table, their values as text."""
        items = client("dynamodb").scan(TableName=ENVIRONMENT["TABLE"])["Items"]
        plain = [{name: str(next(iter(value.values()))) for name, value in item.items()} for item in items]
        return {item["record"]: item for item in plain}

    def everything(self) -> tuple[Any, ...]:
        """All that a deployment may change of the app."""
        return self.rules(), self.service()["taskDefinition"], self.active_revisions()

    def writes(self) -> list[str]:
        """The calls so far that changed rules, revisions or the service."""
        verbs = ("Put", "Register", "Update", "Remove", "Delete", "Deregister", "Tag", "Untag")
        return [c for c in self.calls if c.startswith(("events.", "ecs.")) and c.split(".")[1].startswith(verbs)]

    # ------------------------------------------------------------------ acting for others

    def execution(self, name: str, *, running: bool = True) -> str:
        """The ARN of an execution of the state machine that runs, or has ended."""
        machine = client("stepfunctions").create_state_machine(
            name="rota-deploy", definition="{}", roleArn=f"arn:aws:iam::{ACCOUNT}:role/deploy"
        )["stateMachineArn"]
        started: str = client("stepfunctions").start_execution(stateMachineArn=machine, name=name)["executionArn"]
        if not running:
            client("stepfunctions").stop_execution(executionArn=started)
        return started

    def roll(self, state: str, *, reason: str = "", revision: str | None = None) -> None:
        """Let ECS report its newest deployment of the service so; with `revision` another took its place."""
        service = ecs_backends[ACCOUNT][REGION].services["production:guestbook-api"]
        (deployment,) = service.deployments
        deployment |= {"rolloutState": state, "rolloutStateReason": reason, "taskDefinition": service.task_definition}
        if revision is not None:
            deployment |= {"id": "ecs-svc/another", "taskDefinition": revision}
            service.task_definition = revision

    def _task_definition(self, revision: int) -> Any:
        return ecs_backends[ACCOUNT][REGION].task_definitions["guestbook"][revision]

    # ------------------------------------------------------------------ calls that fail

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
        deliver to every rule, and list revisions in the order that was asked for.
        """

        def note(event_name: str, params: dict[str, Any], context: dict[str, Any], **_: Any) -> _Reply | None:
            self.calls.append(_call(event_name))
            if self.calls[-1] == "ecs.ListTaskDefinitions":
                context["newest_first"] = json.loads(params["body"]).get("sort") == "DESC"
            if self.calls[-1] != "events.PutEvents":
                return None
            self.news += [json.loads(entry["Detail"]) for entry in json.loads(params["body"])["Entries"]]
            return _response(200), {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

        def sort(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            if context.get("newest_first"):
                parsed["taskDefinitionArns"].sort(key=_number, reverse=True)

        with self._hooked("before-call", note, last=True), self._hooked("after-call.ecs.ListTaskDefinitions", sort):
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
        clients = [
            *(make() for make in (aws.dynamodb, aws.ecr, aws.ecs, aws.events, aws.s3, aws.stepfunctions)),
            *(make(attempts=1) for make in (aws.ecs, aws.events)),
        ]
        for each in clients:
            (each.meta.events.register_last if last else each.meta.events.register_first)(event, hook)
        try:
            yield
        finally:
            for each in clients:
                each.meta.events.unregister(event, hook)
