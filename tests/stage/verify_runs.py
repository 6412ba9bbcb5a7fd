"""Runs of `rota verify-account` on the stage, killed after any of their calls, and what is in an account then."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from rota.cli.verify_account.account import Account, Clock, Network
from rota.cli.verify_account.journal import Journal, Place
from rota.cli.verify_account.row import Row
from rota.cli.verify_account.run import Outcome, clean, try_rows
from stage.client import Client
from stage.moto.clients import ACCOUNT, REGION
from tests import verify_calls
from tests.stage.toys import zipped

RUN = "r1"
OWN = f"rota-verify-{RUN}-{{}}"
FOREIGN = (
    f"rota-verify-{RUN}",
    *(f"rota-verify-{run}-{{}}" for run in (f"{RUN}0", f"x{RUN}")),
    f"{OWN}-2",
    f"{OWN}s",
)
"""Names that are nearly those of the run."""
MACHINE = {"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}}
READS = ("Describe", "Get", "Head", "List", "Lookup", "Receive", "Assume")
# The member of a request that names what the call writes; of the others, the name is somewhere in `arn:` or `url`.
NAMES = (
    "Name",
    "name",
    "Rule",
    "GroupName",
    "QueueName",
    "RoleName",
    "FunctionName",
    "repositoryName",
    "Bucket",
    "TableName",
    "family",
    "clusterName",
)
ARNS = ("QueueUrl", "TopicArn", "stateMachineArn", "executionArn", "serviceDeploymentArn", "cluster", "taskDefinition")


class KilledError(BaseException):
    """The process of the run was killed. No error handler of it catches that."""


class Session(boto3.Session):
    """One that makes each client once: that takes longer than ten calls."""

    def __init__(self) -> None:
        super().__init__("user", "user", region_name=REGION)
        self._clients: dict[str, Any] = {}

    def client(self, service: Any, **more: Any) -> Any:  # type: ignore[override]  # of any service
        if service not in self._clients:
            self._clients[service] = super().client(service, **more)
        return self._clients[service]


class Runs:
    """Runs on a stage: each has the id RUN and a journal in a folder of its own."""

    def __init__(self, stage: Client, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        """The calls of all runs, in order: service, operation, request."""
        self.log: list[verify_calls.Call] = []
        """The same with the answers, and the times that the runs have asked for."""
        self.unnamed: list[str] = []
        """What was written that the journal did not name at that time."""
        self.kill_after: int | None = None
        """After how many more calls the run is killed."""
        self.shortest_pause = 0.0
        """How many seconds a run pauses at least: the longer, the fewer calls ask whether something is done."""
        self._session = Session()
        self.network = Network(stage.names["parameters"]["SubnetIds"].split(","))
        self._clock = Clock(self._now, self._pause)

    def account(self) -> Account:
        """The account of a new run, or of one that goes on with the journal that is there."""
        place = Place(ACCOUNT, REGION)
        there = (self.folder / f"{RUN}.jsonl").exists()
        journal = (Journal.find if there else Journal.begin)(self.folder, RUN, place)
        return Account(self._session, journal, self._clock, self.network)

    def _now(self) -> datetime:
        at = self.stage.clock()
        self.log.append(["now", at])
        return datetime.fromisoformat(at)

    def _pause(self, seconds: float) -> None:
        self.stage.advance(max(seconds, self.shortest_pause))

    def begin(self, rows: Sequence[Row]) -> list[Outcome]:
        """Try rows, and leave what that has made."""
        return try_rows(self.account(), rows, lambda _: None)

    def tried(self, rows: Sequence[Row]) -> list[Outcome]:
        """Try rows, and delete what that has made."""
        outcomes = self.begin(rows)
        assert clean(self.account()) == []
        return outcomes

    def killed(self, do: Callable[[], object], after: int) -> bool:
        """Do something until after so many calls; False if they are fewer.

        Reads do not count: one that is killed after a read leaves what was there after the call before it.
        """
        self.kill_after = after
        try:
            do()
        except KilledError:
            return True
        finally:
            self.kill_after = None
        return False

    def called(self, client: BaseClient, operation: str, request: dict[str, Any]) -> None:
        """A call is about to be made: what it writes must be in the journal by now."""
        service = client.meta.service_model.service_name
        self.calls.append((service, operation, request))
        written = written_by(operation, request)
        if written is not None and written not in self._named():
            self.unnamed.append(f"{operation} of {written}")

    def _named(self) -> set[str]:
        """The names in the journal, of a service also its cluster's."""
        if not (self.folder / f"{RUN}.jsonl").exists():
            return set()
        journal = Journal.find(self.folder, RUN, Place(ACCOUNT, REGION))
        return {part for entry in journal.entries() for part in entry.name.split("/")}

    def answered(self, operation: str) -> None:
        """The call was carried out, or refused."""
        if self.kill_after is not None and not operation.startswith(READS):
            self.kill_after -= 1
            if self.kill_after == 0:
                raise KilledError


@contextmanager
def recorded(runs: Runs) -> Iterator[None]:
    """Show every call of the process to the runs, and kill the process as they ask for it."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]  # no part of its interface

    def call(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        runs.called(client, operation, request)
        asked = [client.meta.service_model.service_name, operation, verify_calls.plain(request)]
        try:
            answer = make(client, operation, request)
        except ClientError as refusal:
            runs.log.append([*asked, verify_calls.refused(refusal)])
            raise
        else:
            runs.log.append([*asked, verify_calls.kept(answer)])
            return answer
        finally:
            runs.answered(operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        patch.setenv("AWS_ENDPOINT_URL", runs.stage.endpoint)
        yield


def written_by(operation: str, request: Mapping[str, Any]) -> str | None:
    """The name of what a call writes; None for a read, and for what has no name: a message, an event on the bus."""
    if operation.startswith(READS) or operation in ("PutEvents", "DeleteMessage"):
        return None
    if operation == "TransactWriteItems":
        request = request["TransactItems"][0]["Put"]
    named = next((request[member] for member in NAMES if member in request), None)
    if named is None:
        named = next(request[member] for member in ARNS if member in request)
        named = re.split("[:/]", re.sub(r":\d+$", "", named))[-1]
        if operation in ("RedriveExecution", "ContinueServiceDeployment"):
            named = re.split("[:/]", request.get("executionArn") or request["serviceDeploymentArn"])[-2]
    return str(named).rpartition(":")[2]


# ------------------------------------------------------------------------------------------------ what is in an account


def make_foreign(stage: Client) -> None:
    """Make resources whose names are nearly those of the run: longer, shorter, or of a run that is called nearly so."""
    events, iam, ecs, sqs = (stage.client(service) for service in ("events", "iam", "ecs", "sqs"))
    ecr, sns, scheduler = (stage.client(service) for service in ("ecr", "sns", "scheduler"))
    s3, dynamodb = stage.client("s3"), stage.client("dynamodb")
    subnets = stage.names["parameters"]["SubnetIds"].split(",")
    services = [f"{each}.amazonaws.com" for each in ("states", "scheduler")]
    allowed = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    for name in FOREIGN:
        role = iam.create_role(RoleName=name.format("limited"), AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name.format("limited"), PolicyName="verify", PolicyDocument=policy)
        queue = sqs.create_queue(QueueName=name.format("dead"))["QueueUrl"]
        sns.create_topic(Name=name.format("topic"))
        events.put_rule(Name=name.format("fails"), ScheduleExpression="rate(1 day)")
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_targets(Rule=name.format("fails"), Targets=[{"Id": "0", "Arn": arn}])
        ecs.create_cluster(clusterName=name.format("cluster"))
        container = {"name": "app", "image": "public.ecr.aws/some/image:1"}
        fargate = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
        for family in ("family", "tasks", "service"):
            ecs.register_task_definition(family=name.format(family), containerDefinitions=[container], **fargate)
        ecs.create_service(
            cluster=name.format("cluster"),
            serviceName=name.format("service"),
            taskDefinition=name.format("service"),
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
        )
        scheduler.create_schedule_group(Name=name.format("group"))
        scheduler.create_schedule(
            GroupName=name.format("group"),
            Name=name.format("daily"),
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            State="DISABLED",
            Target={"Arn": arn, "RoleArn": role},
        )
        ecr.create_repository(repositoryName=name.format("pushes"))
        s3.create_bucket(Bucket=name.format("versions"))
        s3.put_object(Bucket=name.format("versions"), Key="file", Body=b"{}")
        dynamodb.create_table(
            TableName=name.format("ledger"),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "app", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "app", "KeyType": "HASH"}],
        )


@contextmanager
def foreign_code(stage: Client) -> Iterator[None]:
    """State machines and functions of such names, deleted afterwards: a reset of the stage leaves them alone."""
    lambda_, states = stage.client("lambda"), stage.client("stepfunctions")
    machines = []
    for name in FOREIGN:
        role = stage.client("iam").get_role(RoleName=name.format("limited"))["Role"]["Arn"]
        machine = states.create_state_machine(name=name.format("fails"), roleArn=role, definition=json.dumps(MACHINE))
        machines.append(machine["stateMachineArn"])
        lambda_.create_function(
            FunctionName=name.format("idle"),
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": zipped("def handler(event, context): return None")},
        )
    try:
        yield
    finally:
        for arn in machines:
            states.delete_state_machine(stateMachineArn=arn)
        for name in FOREIGN:
            lambda_.delete_function(FunctionName=name.format("idle"))


def everything(stage: Client) -> dict[str, Any]:
    """All that verify-account could make or change, whoever made it, but for INACTIVE revisions."""
    events, iam, ecs, sqs = (stage.client(service) for service in ("events", "iam", "ecs", "sqs"))
    lambda_, states, ecr, sns = (stage.client(service) for service in ("lambda", "stepfunctions", "ecr", "sns"))
    scheduler = stage.client("scheduler")
    rules = events.list_rules()["Rules"]
    described = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
    clusters = [each for each in described if each["status"] == "ACTIVE"]
    queues = sqs.list_queues().get("QueueUrls", [])
    roles = iam.list_roles()["Roles"]
    return {
        "rules": [(each, events.list_targets_by_rule(Rule=each["Name"])["Targets"]) for each in rules],
        "roles": {each["RoleName"]: iam.list_role_policies(RoleName=each["RoleName"])["PolicyNames"] for each in roles},
        "clusters": clusters,
        "services": [arn for each in clusters for arn in ecs.list_services(cluster=each["clusterArn"])["serviceArns"]],
        "running": [arn for each in clusters for arn in ecs.list_tasks(cluster=each["clusterArn"])["taskArns"]],
        "revisions": ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"],
        "queues": {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]) for url in queues},
        "topics": [each["TopicArn"] for each in sns.list_topics()["Topics"]],
        "functions": [each["FunctionName"] for each in lambda_.list_functions()["Functions"]],
        "machines": [each["name"] for each in states.list_state_machines()["stateMachines"]],
        "groups": [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]],
        "schedules": scheduler.list_schedules()["Schedules"],
        "buckets": [each["Name"] for each in stage.client("s3").list_buckets()["Buckets"]],
        "tables": stage.client("dynamodb").list_tables()["TableNames"],
        "repositories": [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]],
    }


def answers(described: Mapping[str, Any]) -> str:
    """A description without what each answer has of its own."""
    return re.sub(
        r'"ResponseMetadata": \{[^{}]*(\{[^{}]*\}[^{}]*)*\}', "", json.dumps(described, default=str, sort_keys=True)
    )
