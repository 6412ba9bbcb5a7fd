"""The app that the sweep deploys again and again, and the state that a deployment could leave wrong."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from threading import Event, Thread
from typing import Any

from examples.guestbook.client import Client
from rota.ecs.one_off import started_by
from rota.schedule_file.expression import period_of
from stage.client import wait_for

TIME_SCALE = 0.001
ROLLOUT_SECONDS = 0.05
LISTENER = "notification-listener"
OTHERS = "two__Others"

_STAYS = {"name": "Stays", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}
_DISABLED = {"name": "Disabled", "task": "spam_task", "rate": "15 minutes", "enabled": False}
_MOVES = {"name": "Moves", "task": "teaspoon_task"}
_COMES_AND_GOES = {"task": "spam_task", "rate": "1 day"}
# Each deployment goes from one file to the other, so each of them keeps, moves, adds and removes tasks.
FILES: tuple[list[dict[str, Any]], ...] = (
    [_STAYS, _DISABLED, {**_MOVES, "cron": "0 7 * * ? *"}, {**_COMES_AND_GOES, "name": "InTheFirst"}],
    [_STAYS, _DISABLED, {**_MOVES, "cron": "0 8 * * ? *"}, {**_COMES_AND_GOES, "name": "InTheSecond"}],
)
IN_BOTH = {"Stays": "ENABLED", "Disabled": "DISABLED", "Moves": "ENABLED"}


@dataclass(frozen=True)
class State:
    """All that a deployment changes."""

    rules: Mapping[str, Any]
    """By name, each owned rule with its tags and targets."""
    service: str
    """The revision that the service runs."""
    active: frozenset[str]
    """The family's ACTIVE revisions."""
    schedules: Mapping[str, Any] = field(default_factory=dict)
    """By name, each schedule of the app's group in EventBridge Scheduler, and the phase of its rate."""

    def revisions(self) -> set[str]:
        """The revisions that the rules and schedules run."""
        targets = [target for rule in self.rules.values() for target in rule["Targets"]]
        targets += [schedule["Target"] for schedule in self.schedules.values()]
        return {target["EcsParameters"]["TaskDefinitionArn"] for target in targets}


@dataclass(frozen=True)
class Runs:
    """What a revision runs."""

    image: str
    command: tuple[str, ...]
    keys: Mapping[str, Any]
    """What only a revision can say of a task: its secrets, its disk, its role."""


class App:
    """The app on one stage, whose EventBridge shows rules `late` seconds late, and the tagging index twice as late.

    The stage's time scale shortens both.
    """

    def __init__(self, stage: Client, late: float = 0) -> None:
        self.stage = stage
        self._late = late
        self._runs: dict[str, Runs] = {}

    def begin(self, time_scale: float = TIME_SCALE) -> None:
        """Reset to before the first push, with a queue that receives Rota's notifications."""
        self.stage.reset()
        self.go_on(time_scale)
        queue = self.stage.client("sqs").get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        events = self.stage.client("events")
        events.put_rule(Name=LISTENER, EventPattern='{"source": ["rota"]}')
        target = {"Id": "queue", "Arn": queue["Attributes"]["QueueArn"], "InputPath": "$.detail.execution"}
        events.put_targets(Rule=LISTENER, Targets=[target])
        # Two foreign rules: one of an app whose prefix begins like this one, and one made by hand.
        for name, tags in ((f"{OTHERS}tagged", [{"Key": "rota:app", "Value": "production/two"}]), (OTHERS, [])):
            rule = f"{self.stage.names['rule_prefix']}{name}"
            events.put_rule(Name=rule, ScheduleExpression="rate(1 day)", Tags=tags)
            events.put_targets(Rule=rule, Targets=[target])

    def go_on(self, time_scale: float = TIME_SCALE) -> None:
        """Set the stage, after a reset, as it was before."""
        self._runs.clear()
        self.stage.settings(time_scale=time_scale, rollout_seconds=ROLLOUT_SECONDS)
        self._read_late()

    def watch_jobs(self, tasks: Sequence[str]) -> None:
        """Have the stage check after every call that each of these tasks has a rule or a schedule that is on."""
        self.stage.watch({}, self._name, self._places(tasks))

    def want(
        self, file: int, more: Sequence[Mapping[str, Any]] = (), one_offs: Mapping[str, Any] | None = None
    ) -> None:
        """Upload one of the two schedule files, with more tasks, and with what runs once."""
        self.stage.upload_schedule({**(one_offs or {}), "tasks": [*FILES[file], *more]})

    def one_offs(self, kind: str, execution: str) -> list[dict[str, Any]]:
        """The tasks of ECS that this execution has started once."""
        ecs, cluster = self.stage.client("ecs"), self.stage.names["cluster"]
        # AWS takes no other filter beside `startedBy`, and that alone lists what runs.
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
        ]
        tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return [dict(task) for task in tasks if task.get("startedBy") == started_by(kind, execution)]

    def watch(self, tasks: Sequence[str] = ()) -> None:
        """Have the stage check after every call the rules that are in both files, and that each of these tasks has a
        rule or a schedule that is on.
        """
        prefix = self.stage.names["rule_prefix"]
        rules = {prefix + name: state for name, state in IN_BOTH.items()}
        self.stage.watch(rules, self._name, self._places(tasks))

    def state(self) -> State:
        """The state, once the rollout is complete."""
        names, ecs, events = self.stage.names, self.stage.client("ecs"), self.stage.client("events")

        self.stage.settings(late_reads=0, late_tags=0)

        def steady() -> str | None:
            (service,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
            states = [deployment["rolloutState"] for deployment in service["deployments"]]
            return str(service["taskDefinition"]) if states == ["COMPLETED"] else None

        others = names["rule_prefix"] + OTHERS
        found = [
            rule
            for rule in events.list_rules(NamePrefix=names["rule_prefix"])["Rules"]
            if not rule["Name"].startswith(others)
        ]
        state = State(
            rules={
                rule["Name"]: {
                    **rule,
                    "Targets": events.list_targets_by_rule(Rule=rule["Name"])["Targets"],
                    "Tags": events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"],
                }
                for rule in found
            },
            service=wait_for(steady, 10),
            active=frozenset(self._active()),
            schedules=self._schedules(),
        )
        self._read_late()
        return state

    def runs(self, revision: str) -> Runs:
        """What a revision runs."""
        if revision not in self._runs:
            described = self.stage.client("ecs").describe_task_definition(taskDefinition=revision)["taskDefinition"]
            name = self.stage.names["container"]
            (container,) = [each for each in described["containerDefinitions"] if each["name"] == name]
            keys = {key: described.get(key) for key in ("ephemeralStorage", "taskRoleArn")}
            keys["secrets"] = container.get("secrets")
            self._runs[revision] = Runs(container["image"], tuple(container["command"]), keys)
        return self._runs[revision]

    def lease(self) -> dict[str, Any]:
        """The lease's item."""
        found: dict[str, Any] = self.stage.client("dynamodb").get_item(**self._lease).get("Item", {})
        return found

    @contextmanager
    def time_passing(self) -> Iterator[None]:
        """While the block runs, expire the lease's entries of invocations that have ended.

        An invocation that did not report its end keeps its entry for ten minutes. The waits of the state machine are
        shortened here, so all retries of a restore end sooner; on AWS they take hours.
        """
        done = Event()

        def pass_time() -> None:
            gone: set[str] = set()
            while not done.wait(0.5):
                listed = set(self.lease().get("at_work", {}).get("M", {}))
                was_gone, gone = gone, listed - {each["request_id"] for each in self.stage.invocations()}
                for invocation in gone & was_gone:
                    self._end_time(invocation)

        thread = Thread(target=pass_time)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def paused(self) -> list[str]:
        """The tasks whose pause is in force."""
        found = self.stage.client("dynamodb").query(
            TableName=self.stage.names["outputs"]["LedgerTableName"],
            KeyConditionExpression="app = :app",
            FilterExpression="attribute_not_exists(ended_at)",
            ExpressionAttributeValues={":app": {"S": f"pauses#{self._name}"}},
        )["Items"]
        return sorted(item["task"]["S"] for item in found)

    def entry(self, execution: Mapping[str, Any]) -> dict[str, Any]:
        """The ledger's entry of an execution; empty without one."""
        table = self.stage.names["outputs"]["LedgerTableName"]
        found = self.stage.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="app = :app",
            FilterExpression="execution = :execution",
            ExpressionAttributeValues={":app": {"S": self._name}, ":execution": {"S": execution["executionArn"]}},
        )["Items"]
        return {name: next(iter(value.values())) for item in found for name, value in item.items()}

    def heard(self, execution: Mapping[str, Any]) -> int:
        """How many notifications of an execution's outcome were received."""
        sqs, count = self.stage.client("sqs"), 0
        while found := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                count += json.loads(message["Body"]) == execution["executionArn"]
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return count

    def has_snapshot(self, execution: Mapping[str, Any]) -> bool:
        """Whether the execution's snapshot is in the bucket."""
        prefix = f"deployments/{execution['name']}/snapshot"
        listed = self.stage.client("s3").list_objects_v2(Bucket=self.stage.names["bucket"], Prefix=prefix)
        return bool(listed["KeyCount"])

    def _places(self, tasks: Sequence[str]) -> dict[str, list[str]]:
        """By task, the rule and the schedule that it may have."""
        prefix = self.stage.names["rule_prefix"]
        return {task: [f"{prefix}{task}", f"{self._group}/{prefix}{task}"] for task in tasks}

    def _schedules(self) -> dict[str, Any]:
        scheduler = self.stage.client("scheduler")
        listed = scheduler.list_schedules(GroupName=self._group)["Schedules"]
        found = (scheduler.get_schedule(GroupName=self._group, Name=each["Name"]) for each in listed)
        return {each["Name"]: _lasting(each) for each in found}

    def _read_late(self) -> None:
        """From now on EventBridge and the tagging index show what was there some time ago."""
        self.stage.settings(late_reads=self._late, late_tags=2 * self._late)

    def _active(self) -> list[str]:
        pages = self.stage.client("ecs").get_paginator("list_task_definitions")
        found = pages.paginate(familyPrefix=self.stage.names["family"], status="ACTIVE")
        return [arn for page in found for arn in page["taskDefinitionArns"]]

    def _end_time(self, invocation: str) -> None:
        dynamodb = self.stage.client("dynamodb")
        with suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # it has reported its end itself
            dynamodb.update_item(
                **self._lease,
                UpdateExpression="SET at_work.#invocation = :now",
                ConditionExpression="attribute_exists(at_work.#invocation)",
                ExpressionAttributeNames={"#invocation": invocation},
                ExpressionAttributeValues={":now": {"N": str(time.time())}},
            )

    @property
    def _lease(self) -> dict[str, Any]:
        """The lease's table and key, as arguments of DynamoDB's calls."""
        key = {"app": {"S": self._name}, "record": {"S": "lease"}}
        return {"TableName": self.stage.names["outputs"]["LedgerTableName"], "Key": key}

    @property
    def _group(self) -> str:
        return str(self.stage.names["outputs"]["ScheduleGroup"])

    @property
    def _name(self) -> str:
        return f"{self.stage.names['cluster']}/{self.stage.names['service']}"

    @cached_property
    def _queue(self) -> str:
        return str(self.stage.client("sqs").create_queue(QueueName=LISTENER)["QueueUrl"])


def _lasting(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as GetSchedule shows it, without what each write changes: AWS takes no StartDate that is past."""
    changing = ("Arn", "CreationDate", "LastModificationDate", "StartDate", "ResponseMetadata")
    found = {member: value for member, value in shown.items() if member not in changing}
    if period := period_of(shown["ScheduleExpression"]):
        found["phase"] = (shown["StartDate"] - datetime(1970, 1, 1, tzinfo=UTC)) % period
    return found
