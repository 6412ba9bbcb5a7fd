"""Reads the account with AWS clients, to compare its states before and after a deployment."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from examples.guestbook.client import Client
from stage.ecr.manifest import MEDIA_TYPE, manifest

Described = dict[str, Any]
APP = "production/guestbook-api"
PREFIX = "production__guestbook__"
_SESSION = URLLib3Session()
ANSWERED_ONLY = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
)
"""What DescribeTaskDefinition answers and RegisterTaskDefinition refuses."""


def account(stage: Client) -> Described:
    """Everything that a deployment may change and that a restore must restore."""
    names = stage.names
    buckets = stage.client("s3").list_object_versions(Bucket=names["bucket"])["Versions"]
    return {
        "rules": rules(stage),
        "revisions": revisions(stage),
        "service": service(stage),
        "objects": [(each["Key"], each["VersionId"]) for each in buckets if not each["Key"].startswith("deployments/")],
        "images": stage.client("ecr").list_images(repositoryName=names["repository"])["imageIds"],
    }


def rules(stage: Client) -> Described:
    """Every rule on the bus by name, with its targets and tags."""
    events = stage.client("events")
    pages = (
        stage.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(ResourceTypeFilters=["events:rule"])
    )
    tagged = {each["ResourceARN"]: tags(each["Tags"]) for page in pages for each in page["ResourceTagMappingList"]}
    return {
        rule["Name"]: {
            **rule,
            "Targets": events.list_targets_by_rule(Rule=rule["Name"])["Targets"],
            "Tags": tagged.get(rule["Arn"], {}),
        }
        for rule in events.list_rules()["Rules"]
    }


def schedules(stage: Client) -> Described:
    """The app's own rules, by the task's name."""
    return {name.removeprefix(PREFIX): rule for name, rule in rules(stage).items() if name.startswith(PREFIX)}


def revisions(stage: Client) -> dict[str, Described]:
    """Every revision of every family, ACTIVE or not: by ARN, with all its fields and its tags."""
    ecs = stage.client("ecs")
    return {
        arn: revision(stage, arn)
        for status in ("ACTIVE", "INACTIVE")
        for arn in ecs.list_task_definitions(status=status)["taskDefinitionArns"]
    }


def revision(stage: Client, arn: str) -> Described:
    """One revision, with the fields that no SDK knows."""
    reply = raw_ecs(stage, "DescribeTaskDefinition", {"taskDefinition": arn, "include": ["TAGS"]})
    return {**reply["taskDefinition"], "tags": tags(reply["tags"])}


def service(stage: Client) -> Described:
    """The service and the revisions of its deployments, without the number of rollouts before."""
    described = _service(stage)
    running = [(each["taskDefinition"], each.get("rolloutState")) for each in described.pop("deployments")]
    passing = ("events", "pendingCount", "runningCount")
    return {**{key: value for key, value in described.items() if key not in passing}, "deployments": running}


def is_steady(stage: Client) -> bool:
    """Whether the rollout of the service has ended."""
    described = _service(stage)
    return len(described["deployments"]) == 1 and described["runningCount"] == described["desiredCount"]


def _service(stage: Client) -> Described:
    names = stage.names
    (found,) = stage.client("ecs").describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
    return dict(found)


def ran_by(rule: Described) -> str:
    """The ARN of the revision that the rule's one target runs."""
    (target,) = rule["Targets"]
    arn: str = target["EcsParameters"]["TaskDefinitionArn"]
    return arn


def images(stage: Client) -> set[str]:
    """The digests that the app's tasks and its service run; it should be one."""
    arns = {ran_by(rule) for rule in schedules(stage).values()} | {service(stage)["taskDefinition"]}
    return {app_container(revision(stage, arn))["image"].partition("@")[2] for arn in arns}


def app_container(definition: Described) -> Described:
    """The container that Rota changes."""
    return next(dict(each) for each in definition["containerDefinitions"] if each["name"] == "app")


def tags(listed: list[dict[str, str]]) -> dict[str, str]:
    """A list of tags as a mapping; services spell their members differently."""
    return {each.get("Key", each.get("key", "")): each.get("Value", each.get("value", "")) for each in listed}


def writes(stage: Client) -> Counter[str]:
    """How often the steps called each operation that changes EventBridge or ECS, since `stage.clear_calls`.

    The event of the outcome is not counted.
    """
    reads = ("Describe", "List", "PutEvents")
    return Counter(
        call["operation"]
        for service_ in ("events", "ecs")
        for call in stage.calls(service_)
        if call["caller"] and not call["operation"].startswith(reads)
    )


def states(stage: Client, execution: Described) -> list[str]:
    """The states that an execution entered, in order; the last is its end state."""
    entered = [event.get("stateEnteredEventDetails") for event in stage.history(execution["executionArn"])]
    return [each["name"] for each in entered if each]


def history(stage: Client) -> list[Described]:
    """The app's deployments in the ledger, the newest first, in one query."""
    found = stage.client("dynamodb").query(
        TableName=stage.names["outputs"]["LedgerTableName"],
        KeyConditionExpression="app = :app AND begins_with(#record, :deployment)",
        ExpressionAttributeNames={"#record": "record"},
        ExpressionAttributeValues={":app": {"S": APP}, ":deployment": {"S": "deployment#"}},
        ScanIndexForward=False,
    )["Items"]
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in found]


def push_of(digest: str, tag: str | None = None, **more: Any) -> Described:
    """The shortest event of a push, as a person may type it."""
    detail = {"repository-name": "guestbook", "image-digest": digest, **({"image-tag": tag} if tag else {})}
    return {"detail": detail, **more}


def push_untagged(stage: Client, content: str) -> str:
    """Push an image without a tag, which starts no deployment. Returns its digest."""
    made = stage.client("ecr").put_image(
        repositoryName="guestbook", imageManifest=manifest(content), imageManifestMediaType=MEDIA_TYPE
    )
    return str(made["image"]["imageId"]["imageDigest"])


def infrastructure_registers(stage: Client, container: Described | None = None, **changes: Any) -> str:
    """Register what the service runs once more, with changes of it and of its app container, as infrastructure code
    does. Returns the new revision's ARN.
    """
    described = without(revision(stage, service(stage)["taskDefinition"]), *ANSWERED_ONLY, "tags")
    for each in described["containerDefinitions"]:
        if each["name"] == "app":
            each.update(container or {})
    return register(stage, {**described, **changes})


def register(stage: Client, definition: Described) -> str:
    """Register a revision, with fields that no SDK knows. Returns its ARN."""
    return str(raw_ecs(stage, "RegisterTaskDefinition", definition)["taskDefinition"]["taskDefinitionArn"])


def without(described: Described, *keys: str) -> Described:
    """A description without some of its fields."""
    return {key: value for key, value in described.items() if key not in keys}


def raw_ecs(stage: Client, operation: str, body: Mapping[str, Any]) -> Described:
    """Call ECS with a body that no SDK has checked. Returns the raw reply."""
    request = AWSRequest(
        "POST",
        stage.endpoint,
        data=json.dumps(body),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
        },
    )
    SigV4Auth(Credentials("user", "user"), "ecs", "us-east-1").add_auth(request)
    reply = _SESSION.send(request.prepare())
    assert reply.status_code == 200, reply.text
    answer: Described = json.loads(reply.content)
    return answer


@contextmanager
def environment(stage: Client, step: str, **variables: str) -> Iterator[None]:
    """Give a step other settings while the block runs, as a stack with other parameters does."""
    functions, name = stage.client("lambda"), function_of(stage, step)["FunctionName"]
    configured = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    usual = {key: str(value) for key, value in configured.items()}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**usual, **variables}})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": usual})


@contextmanager
def allowed(stage: Client, step: str, action: str) -> Iterator[None]:
    """Allow a step's role an action on every resource while the block runs."""
    iam, role = stage.client("iam"), function_of(stage, step)["Role"].rpartition("/")[2]
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="one-more", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="one-more")


def function_of(stage: Client, step: str) -> Described:
    """A step's function, as ListFunctions describes it."""
    pages = stage.client("lambda").get_paginator("list_functions").paginate()
    found = [each for page in pages for each in page["Functions"] if f"{step}Function" in each["FunctionName"]]
    return dict(found[0])
