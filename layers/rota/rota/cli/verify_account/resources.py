"""What a run can make: how each kind is made, with the run's tag, and how it is deleted by its name alone.

To delete what is not there, or no longer, is no error: a run may have been killed before it made it.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from rota.cli.verify_account.account import TAG, Account, NothingSeenError, T, code_of

_DRAINING_SECONDS = 600
"""How long a cluster may take until its tasks have stopped."""
_ROLE_SECONDS = 90
"""How long a service may take to know a new role."""
_TABLE_SECONDS = 60
"""How long a new table may take."""
_POLICY = "verify"
_TARGETS = ["0", "1"]
CONTAINER = "app"


@dataclass(frozen=True)
class Kind:
    """One kind of resource: its name in the journal, how it is deleted, and the permissions for both."""

    name: str
    delete: Callable[[Account, str], None]
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Queue:
    """An SQS queue that EventBridge may send to."""

    url: str
    arn: str


def rule(account: Account, purpose: str, *targets: Mapping[str, Any], **request: Any) -> str:
    """A rule with these targets. Returns its name."""
    name = named(account, RULE, purpose)
    events = account.client("events")
    events.put_rule(Name=name, Tags=tags(account), **request)
    if targets:
        put_targets(account, name, *targets)
    return name


def put_targets(account: Account, rule: str, *targets: Mapping[str, Any]) -> None:
    """Give a rule these targets. Raises ClientError, also where EventBridge reports it in its answer."""
    numbered = [{"Id": _TARGETS[number], **each} for number, each in enumerate(targets)]

    def put() -> None:
        for failed in account.client("events").put_targets(Rule=rule, Targets=numbered).get("FailedEntries", []):
            code, message = str(failed["ErrorCode"]), str(failed.get("ErrorMessage", ""))
            raise ClientError({"Error": {"Code": code, "Message": message}}, "PutTargets")

    # "Provided role '...' cannot be assumed by principal 'events.amazonaws.com'.", as long as the role is too new.
    account.retry(put, ("ValidationException",), _ROLE_SECONDS, says="cannot be assumed")


def queue(account: Account, purpose: str) -> Queue:
    """A queue that SQS encrypts and the run's rules may send to, as the template's queue for dead letters."""
    name = named(account, QUEUE, purpose)
    arn = account.arn("sqs", name)
    rules = {"ArnLike": {"aws:SourceArn": account.arn("events", f"rule/{account.name('*')}")}}
    allowed = statement("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"}, Condition=rules)
    attributes = {"SqsManagedSseEnabled": "true", "Policy": _policy(allowed)}
    made = account.client("sqs").create_queue(QueueName=name, Attributes=attributes, tags={TAG: account.run})
    return Queue(made["QueueUrl"], arn)


def topic(account: Account, purpose: str) -> str:
    """A topic without subscribers. Returns its ARN."""
    made = account.client("sns").create_topic(Name=named(account, TOPIC, purpose), Tags=tags(account))
    return str(made["TopicArn"])


def role(account: Account, purpose: str, trusted: Mapping[str, Any], *statements: Mapping[str, Any]) -> str:
    """A role that `trusted`, a principal, may assume, with these statements as its policy. Returns its ARN."""
    name, iam = named(account, ROLE, purpose), account.client("iam")
    trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust), Tags=tags(account))
    iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=_policy(*statements))
    return str(made["Role"]["Arn"])


def statement(actions: str | Sequence[str], resource: str, **more: Any) -> dict[str, Any]:
    """A statement of a policy, which allows something."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def family(account: Account, purpose: str) -> str:
    """The name of a task-definition family. It is made by its first revision."""
    return named(account, FAMILY, purpose)


def definition(account: Account, family: str, /, seconds: int = 5, **changes: Any) -> dict[str, Any]:
    """A request that registers a revision of the family: the smallest that Fargate has, which sleeps so long."""
    return {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": CONTAINER,
                "image": account.image,
                "command": ["sleep", str(seconds)],
                "essential": True,
                # A sleep that is the first process ignores SIGTERM: ECS kills it after so long.
                "stopTimeout": 2,
            }
        ],
        "tags": _lower_tags(account),
        **changes,
    }


def revision(account: Account, family: str, **changes: Any) -> str:
    """Register a revision. Returns its ARN."""
    answer = account.client("ecs").register_task_definition(**definition(account, family, **changes))
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def network(account: Account) -> dict[str, Any]:
    """Where tasks run, as RunTask and CreateService have it."""
    given = account.network
    address = "ENABLED" if given.public_address else "DISABLED"
    groups = {"securityGroups": list(given.security_groups)} if given.security_groups else {}
    return {"awsvpcConfiguration": {"subnets": list(given.subnets), **groups, "assignPublicIp": address}}


def task_target(account: Account, revision: str) -> dict[str, Any]:
    """A target that starts a task of a revision in the run's cluster, with the run's role for it."""
    parameters: dict[str, Any] = {"TaskDefinitionArn": revision, "LaunchType": "FARGATE"}
    if account.has_network:
        awsvpc = network(account)["awsvpcConfiguration"]
        named = {member[0].upper() + member[1:]: value for member, value in awsvpc.items()}
        parameters["NetworkConfiguration"] = {"awsvpcConfiguration": named}
    return {"Arn": cluster(account), "RoleArn": account.once(_starter), "EcsParameters": parameters}


def _starter(account: Account) -> str:
    revisions = account.arn("ecs", f"task-definition/{account.name('*')}")
    may = statement("ecs:RunTask", revisions, Condition={"ArnEquals": {"ecs:cluster": cluster(account)}})
    trusted = {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]}
    return role(account, "starts-tasks", trusted, may)


def schedule(account: Account, purpose: str, target: Mapping[str, Any], **request: Any) -> str:
    """A schedule of EventBridge Scheduler, in the run's group. Returns its name."""
    name, group = account.name(purpose), account.once(_group)
    account.journal.write(SCHEDULE.name, f"{group}/{name}")
    window = {"Mode": "OFF"}
    create = partial(account.client("scheduler").create_schedule, GroupName=group, Name=name, FlexibleTimeWindow=window)
    # "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", while it is too new.
    account.retry(
        lambda: create(Target=target, **request), ("ValidationException",), _ROLE_SECONDS, says="assume the role"
    )
    return name


def _group(account: Account) -> str:
    name = named(account, SCHEDULE_GROUP, "group")
    account.client("scheduler").create_schedule_group(Name=name, Tags=tags(account))
    return name


def cluster(account: Account) -> str:
    """The run's cluster, which it makes once. Returns its ARN."""
    return account.once(_cluster)


def _cluster(account: Account) -> str:
    name = named(account, CLUSTER, "cluster")
    # With Container Insights, which may be an account's default, AWS makes a log group and bills metrics.
    request = {"clusterName": name, "settings": [{"name": "containerInsights", "value": "disabled"}]}
    made = _linked(account, lambda: account.client("ecs").create_cluster(**request, tags=_lower_tags(account)))
    return str(made["cluster"]["clusterArn"])


def _linked(account: Account, call: Callable[[], T]) -> T:
    """In an account that has never used ECS, AWS makes ECS's service-linked role first, which takes some seconds."""
    return account.retry(
        call, ("InvalidParameterException",), _ROLE_SECONDS, says="Unable to assume the service linked role"
    )


def start_task(account: Account, revision: str, **more: Any) -> str:
    """Start a task of a revision in the run's cluster. Returns its ARN. Raises NothingSeenError if ECS starts none."""
    request = {"cluster": cluster(account), "launchType": "FARGATE", "networkConfiguration": network(account)}
    answer = _linked(
        account,
        lambda: account.client("ecs").run_task(**request, taskDefinition=revision, tags=_lower_tags(account), **more),
    )
    if not answer["tasks"]:
        raise NothingSeenError(f"no task starts in these subnets: {answer['failures'][0].get('reason')}")
    return str(answer["tasks"][0]["taskArn"])


def service(account: Account, purpose: str, **request: Any) -> str:
    """A service in the run's cluster. Returns its ARN."""
    name, where = account.name(purpose), cluster(account)
    account.journal.write(SERVICE.name, f"{where.rpartition('/')[2]}/{name}")
    tagged = {"tags": _lower_tags(account), "propagateTags": "SERVICE"}
    ecs = account.client("ecs")
    made = _linked(account, lambda: ecs.create_service(cluster=where, serviceName=name, **tagged, **request))
    return str(made["service"]["serviceArn"])


def repository(account: Account, purpose: str) -> str:
    """A repository of images. Returns its name."""
    name = named(account, REPOSITORY, purpose)
    account.client("ecr").create_repository(repositoryName=name, tags=tags(account))
    return name


def machine(account: Account, purpose: str, role: str, state: Mapping[str, Any]) -> str:
    """A state machine of one state. Returns its ARN."""
    states = account.client("stepfunctions")
    request = {
        "name": named(account, MACHINE, purpose),
        "roleArn": role,
        "definition": json.dumps({"StartAt": "Only", "States": {"Only": state}}),
        "tags": _lower_tags(account),
    }
    made = account.retry(lambda: states.create_state_machine(**request), ("AccessDeniedException",), _ROLE_SECONDS)
    return str(made["stateMachineArn"])


def function(account: Account, purpose: str, role: str) -> str:
    """A function that does nothing. Returns its ARN."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return None\n")
    request = {
        "FunctionName": named(account, FUNCTION, purpose),
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "app.handler",
        "Code": {"ZipFile": code.getvalue()},
        "Tags": {TAG: account.run},
    }
    lambda_ = account.client("lambda")
    # "The role defined for the function cannot be assumed by Lambda.", as long as the role is too new.
    refused = ("InvalidParameterValueException",)
    made = account.retry(lambda: lambda_.create_function(**request), refused, _ROLE_SECONDS)
    return str(made["FunctionArn"])


def bucket(account: Account, purpose: str) -> str:
    """A bucket that keeps versions. Returns its name."""
    s3, region = account.client("s3"), account.journal.place.region
    # S3 refuses this Region's own name, and makes a bucket there without one.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    name = named(account, BUCKET, purpose)
    s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(account)})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def table(account: Account, purpose: str) -> str:
    """A table whose items have a key `app`, once it is ACTIVE. Returns its name."""
    dynamodb, name = account.client("dynamodb"), named(account, TABLE, purpose)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "app", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "app", "KeyType": "HASH"}],
        Tags=tags(account),
    )

    def is_active() -> bool:
        return bool(dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")

    if not account.wait(is_active, _TABLE_SECONDS):
        raise NothingSeenError(f"a new table is not ACTIVE within {_TABLE_SECONDS} s")
    return name


def named(account: Account, kind: Kind, purpose: str) -> str:
    """A name that is in the journal from now on, for what may be made under it."""
    name = account.name(purpose)
    account.journal.write(kind.name, name)
    return name


def tags(account: Account) -> list[dict[str, str]]:
    """The run's tag."""
    return [{"Key": TAG, "Value": account.run}]


def _lower_tags(account: Account) -> list[dict[str, str]]:
    return [{"key": TAG, "value": account.run}]


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


# ----------------------------------------------------------------------------------------------------------- deletion


@contextmanager
def _perhaps_gone(*codes: str) -> Iterator[None]:
    """Pass over the errors with which AWS says that something is not there."""
    try:
        yield
    except ClientError as refusal:
        if code_of(refusal) not in codes:
            raise


def _delete_rule(account: Account, name: str) -> None:
    events = account.client("events")
    with _perhaps_gone("ResourceNotFoundException"):
        events.remove_targets(Rule=name, Ids=_TARGETS)
        # A removed target may still be there for a moment.
        account.retry(lambda: events.delete_rule(Name=name), ("ValidationException",), seconds=30)


def _delete_queue(account: Account, name: str) -> None:
    sqs = account.client("sqs")
    with _perhaps_gone("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _delete_topic(account: Account, name: str) -> None:
    account.client("sns").delete_topic(TopicArn=account.arn("sns", name))


def _delete_role(account: Account, name: str) -> None:
    iam = account.client("iam")
    with _perhaps_gone("NoSuchEntity"):
        iam.delete_role_policy(RoleName=name, PolicyName=_POLICY)
    with _perhaps_gone("NoSuchEntity"):
        iam.delete_role(RoleName=name)


def _deregister(account: Account, family: str) -> None:
    """ECS keeps deregistered revisions, INACTIVE, of which nothing can start."""
    ecs = account.client("ecs")
    for page in ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE"):
        for arn in page["taskDefinitionArns"]:
            if arn.rpartition("/")[2].rpartition(":")[0] == family:
                ecs.deregister_task_definition(taskDefinition=arn)


def _delete_cluster(account: Account, name: str) -> None:
    """Everything in the run's own cluster is the run's."""
    ecs = account.client("ecs")

    def delete() -> None:
        for page in ecs.get_paginator("list_tasks").paginate(cluster=name):
            for arn in page["taskArns"]:
                ecs.stop_task(cluster=name, task=arn, reason="rota verify-account is over")
        ecs.delete_cluster(cluster=name)

    busy = ("ClusterContainsTasksException", "ClusterContainsServicesException", "UpdateInProgressException")
    with _perhaps_gone("ClusterNotFoundException"):
        account.retry(delete, busy, _DRAINING_SECONDS)


def _delete_service(account: Account, name: str) -> None:
    cluster, _, service = name.partition("/")
    with _perhaps_gone("ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"):
        account.client("ecs").delete_service(cluster=cluster, service=service, force=True)


def _delete_repository(account: Account, name: str) -> None:
    with _perhaps_gone("RepositoryNotFoundException"):
        account.client("ecr").delete_repository(repositoryName=name, force=True)


def _delete_machine(account: Account, name: str) -> None:
    with _perhaps_gone("StateMachineDoesNotExist"):
        account.client("stepfunctions").delete_state_machine(
            stateMachineArn=account.arn("states", f"stateMachine:{name}")
        )


def _delete_schedule(account: Account, name: str) -> None:
    group, _, schedule = name.partition("/")
    with _perhaps_gone("ResourceNotFoundException"):
        account.client("scheduler").delete_schedule(GroupName=group, Name=schedule)


def _delete_group(account: Account, name: str) -> None:
    """Delete it; a group that is being deleted already is refused, and disappears later."""
    with _perhaps_gone("ResourceNotFoundException", "ConflictException"):
        account.client("scheduler").delete_schedule_group(Name=name)


def _delete_function(account: Account, name: str) -> None:
    with _perhaps_gone("ResourceNotFoundException"):
        account.client("lambda").delete_function(FunctionName=name)


def _delete_bucket(account: Account, name: str) -> None:
    """Everything in the run's own bucket is the run's."""
    s3 = account.client("s3")
    with _perhaps_gone("NoSuchBucket"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                s3.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
        s3.delete_bucket(Bucket=name)


def _delete_table(account: Account, name: str) -> None:
    """Delete it; one that is still being made is in use."""
    dynamodb = account.client("dynamodb")
    with _perhaps_gone("ResourceNotFoundException"):
        account.retry(lambda: dynamodb.delete_table(TableName=name), ("ResourceInUseException",), _TABLE_SECONDS)


_RULE_ACTIONS = ("PutRule", "TagResource", "PutTargets", "RemoveTargets", "DeleteRule")
_LINKED_ROLE = "iam:CreateServiceLinkedRole"
_CLUSTER_ACTIONS = ("CreateCluster", "TagResource", "ListTasks", "StopTask", "DeleteCluster")
_FAMILY_ACTIONS = ("RegisterTaskDefinition", "TagResource", "ListTaskDefinitions", "DeregisterTaskDefinition")
_BUCKET_ACTIONS = ("CreateBucket", "PutBucketTagging", "PutBucketVersioning", "ListBucketVersions", "DeleteBucket")
_ROLE_ACTIONS = ("CreateRole", "TagRole", "PutRolePolicy", "DeleteRolePolicy", "DeleteRole")


def _of(service: str, *actions: str) -> tuple[str, ...]:
    return tuple(f"{service}:{action}" for action in actions)


RULE = Kind("rule", _delete_rule, _of("events", *_RULE_ACTIONS))
QUEUE = Kind("queue", _delete_queue, _of("sqs", "CreateQueue", "TagQueue", "GetQueueUrl", "DeleteQueue"))
TOPIC = Kind("topic", _delete_topic, _of("sns", "CreateTopic", "TagResource", "DeleteTopic"))
ROLE = Kind("role", _delete_role, _of("iam", *_ROLE_ACTIONS))
FAMILY = Kind("family", _deregister, _of("ecs", *_FAMILY_ACTIONS))
CLUSTER = Kind("cluster", _delete_cluster, (*_of("ecs", *_CLUSTER_ACTIONS), _LINKED_ROLE))
SERVICE = Kind("service", _delete_service, _of("ecs", "CreateService", "TagResource", "DeleteService"))
REPOSITORY = Kind("repository", _delete_repository, _of("ecr", "CreateRepository", "TagResource", "DeleteRepository"))
MACHINE = Kind(
    "state machine", _delete_machine, _of("states", "CreateStateMachine", "TagResource", "DeleteStateMachine")
)
SCHEDULE = Kind("schedule", _delete_schedule, _of("scheduler", "CreateSchedule", "DeleteSchedule"))
SCHEDULE_GROUP = Kind(
    "schedule group", _delete_group, _of("scheduler", "CreateScheduleGroup", "TagResource", "DeleteScheduleGroup")
)
FUNCTION = Kind("function", _delete_function, _of("lambda", "CreateFunction", "TagResource", "DeleteFunction"))
BUCKET = Kind("bucket", _delete_bucket, _of("s3", *_BUCKET_ACTIONS, "DeleteObjectVersion"))
TABLE = Kind("table", _delete_table, _of("dynamodb", "CreateTable", "TagResource", "DescribeTable", "DeleteTable"))
_OF_ECS = (FAMILY, CLUSTER, SERVICE)
_ALL = (RULE, QUEUE, TOPIC, ROLE, *_OF_ECS, REPOSITORY, MACHINE, FUNCTION, SCHEDULE_GROUP, SCHEDULE, BUCKET, TABLE)
KINDS = {kind.name: kind for kind in _ALL}
