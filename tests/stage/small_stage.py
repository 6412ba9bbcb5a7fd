"""The gateway and the background of a stage, in this process and without a stack: for tests of the stage's parts.

moto keeps its backends per process, so every small stage has names of its own.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from examples.guestbook.app import App
from rota.ownership import OWNER_TAG
from stage import clock
from stage.background import Background
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.eventbridge.bus import rules
from stage.gateway.calls import Hook
from stage.moto.clients import ACCOUNT, REGION
from stage.settings import Settings
from tests.in_process import client as aws
from tests.in_process import gateway

START = """#!/usr/bin/env python
import os, pathlib, sys, time
match sys.argv[1:]:
    case ["fail"]: print("about to fail", file=sys.stderr); sys.exit(3)
    case ["environment"]: print(*(f"{name}={value}" for name, value in sorted(os.environ.items())), sep="\\n")
    case ["remember"]: pathlib.Path(os.environ["DATA_DIR"], "kept").write_text("written before")
    case ["recall"]: print(pathlib.Path(os.environ["DATA_DIR"], "kept").read_text())
    case ["where"]: print(os.getcwd())
    case ["sleep"]: print("sleeping"); time.sleep(600)
    case words: print("hello", *words)
"""


class SmallStage:
    """A stage with a repository and a cluster, and with queues that receive chosen events."""

    def __init__(self, app: Path) -> None:
        self.settings = Settings()
        self.settings.change({"rollout_seconds": 0.02})
        self.name = f"app-{uuid.uuid4().hex[:8]}"
        self.invoked: list[tuple[str, Any]] = []
        self.background = Background(
            self.settings, app, self.name, lambda arn, body: self.invoked.append((arn, json.loads(body)))
        )
        self.image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{self.name}"
        self.cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{self.name}"
        network = App().network
        self.network = {**network, "subnets": network["subnets"][:1]}

    def push(self, tag: str | None, content: str = "first") -> Any:
        """PutImage of an image with this content."""
        tagged = {"imageTag": tag} if tag else {}
        return aws("ecr").put_image(
            repositoryName=self.name, imageManifest=manifest(content), imageManifestMediaType=MEDIA_TYPE, **tagged
        )["image"]

    def register(self, *command: str, **container: Any) -> str:
        """A revision of the family that starts this command. Returns its ARN."""
        definition = {"name": "app", "image": f"{self.image}:initial", "command": ["./bin/start", *command]}
        sidecar = {"name": "metrics", "image": "public.ecr.aws/agent:1", "essential": False}
        return str(
            aws("ecs").register_task_definition(
                family=self.name,
                requiresCompatibilities=["FARGATE"],
                networkMode="awsvpc",
                executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/execution",
                cpu="256",
                memory="512",
                containerDefinitions=[sidecar, {**definition, **container}],
            )["taskDefinition"]["taskDefinitionArn"]
        )

    def service(self, revision: str, breaker: bool = True, desired: int = 2) -> Any:
        """CreateService; waits until the service is steady."""
        aws("ecs").create_service(
            cluster=self.name,
            serviceName=self.name,
            taskDefinition=revision,
            desiredCount=desired,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": self.network},
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": breaker, "rollback": breaker}},
        )
        assert self.background.wait_until_steady()
        return self.described()

    def described(self) -> Any:
        """The service, as DescribeServices shows it."""
        [service] = aws("ecs").describe_services(cluster=self.name, services=[self.name])["services"]
        return service

    def update(self, **changes: Any) -> Any:
        """UpdateService."""
        return aws("ecs").update_service(cluster=self.name, service=self.name, **changes)["service"]

    def rule(self, name: str, *targets: dict[str, Any], state: str = "ENABLED", app: str = "", **when: str) -> str:
        """Create a rule with these targets, and the tag of the app whose it is. Returns its full name."""
        full = f"{self.name}-{name}"
        tags = [{"Key": OWNER_TAG, "Value": app}] if app else []
        aws("events").put_rule(Name=full, State=state, Tags=tags, **(when or {"ScheduleExpression": "rate(1 day)"}))
        if targets:
            aws("events").put_targets(Rule=full, Targets=[{"Id": str(n), **each} for n, each in enumerate(targets)])
        return full

    def task_target(self, revision: str, **more: Any) -> dict[str, Any]:
        """The target of a rule that runs a task."""
        awsvpc = {name[0].upper() + name[1:]: value for name, value in self.network.items()}
        return {
            "Arn": self.cluster,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/events",
            "EcsParameters": {
                "TaskDefinitionArn": revision,
                "LaunchType": "FARGATE",
                "NetworkConfiguration": {"awsvpcConfiguration": awsvpc},
                **more.pop("EcsParameters", {}),
            },
            **more,
        }

    def fire(self, *words: str, **container: Any) -> dict[str, Any]:
        """Register a revision with this command and fire a rule that runs it."""
        return self.background.fire(self.rule("task", self.task_target(self.register(*words, **container))))

    def task(self, arn: str) -> Any:
        """A task, as DescribeTasks shows it."""
        [task] = aws("ecs").describe_tasks(cluster=self.name, tasks=[arn])["tasks"]
        return task

    def queue(self, name: str) -> str:
        """A queue. Returns its ARN."""
        url = aws("sqs").create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        return str(aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["QueueArn"])

    def listen(self, pattern: dict[str, Any]) -> Callable[[], list[Any]]:
        """Send matching events to a queue. Returns a function that takes those that came since its last call."""
        name = f"heard-{uuid.uuid4().hex[:8]}"
        queue = self.queue(name)
        self.rule(name, {"Arn": queue}, EventPattern=json.dumps(pattern))
        return lambda: [json.loads(message["Body"]) for message in self.messages(queue)]

    def messages(self, queue: str) -> list[Any]:
        """Take all messages from a queue."""
        url = aws("sqs").get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
        taken: list[Any] = []
        while (
            found := aws("sqs")
            .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            .get("Messages")
        ):
            taken += found
            for message in found:
                aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken


@contextmanager
def small_stage(directory: Path, *hooks: Hook) -> Iterator[SmallStage]:
    """A stage whose app prints how it was started; `hooks` come before the others."""
    start = directory / "bin" / "start"
    start.parent.mkdir()
    start.write_text(START)
    start.chmod(0o755)
    rules().clear()  # another test's in this process would fire too
    small = SmallStage(directory)
    gateway().hooks[:] = [*hooks, *small.background.hooks]
    aws("ecr").create_repository(repositoryName=small.name)
    small.push("initial", "initial")
    aws("ecs").create_cluster(clusterName=small.name)
    try:
        yield small
    finally:
        small.background.close()
        clock.reset()
        rules().clear()
