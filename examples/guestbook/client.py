"""The guestbook on a stage, from outside: pushes, deployments, schedule files."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stage import client, process
from stage.client import wait_for
from stage.ecr.manifest import MEDIA_TYPE, manifest


class Client(client.Client):
    """A client of a stage on which the guestbook is deployed."""

    def push(self, tag: str, content: str | None = None) -> str:
        """Push an image under a tag. Its digest follows from the content, which is the tag by default.

        Returns the digest. A deployment starts if the tag fits the template's pattern.
        """
        made = self.client("ecr").put_image(
            repositoryName=self.names["repository"],
            imageManifest=manifest(tag if content is None else content),
            imageManifestMediaType=MEDIA_TYPE,
            imageTag=tag,
        )
        return str(made["image"]["imageId"]["imageDigest"])

    def start(self, event: Mapping[str, Any], name: str | None = None) -> str:
        """Start the state machine by hand, as *New execution* in the console does. Returns the execution's ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.names["state_machine_arn"], input=json.dumps(event), **({"name": name} if name else {})
        )
        return str(started["executionArn"])

    def executions(self) -> list[str]:
        """The ARNs of all deployments, the newest first."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=self.names["state_machine_arn"])
        return [execution["executionArn"] for page in found for execution in page["executions"]]

    def restored_by(self, stopped: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until another execution has restored a stopped one. Returns what `wait` returns of the other."""
        states, inputs = self.client("stepfunctions"), dict[str, str]()

        def begun() -> str | None:
            for each in self.executions():
                if each not in inputs:
                    inputs[each] = states.describe_execution(executionArn=each)["input"].replace(" ", "")
            return next((each for each, read in inputs.items() if f'"executionArn":"{stopped}"' in read), None)

        return self.wait(wait_for(begun, 5), timeout)

    def deploy(self, tag: str, content: str | None = None, timeout: float = 60) -> dict[str, Any]:
        """Push an image and wait for the deployment that it starts. Returns what `wait` returns."""
        before = set(self.executions())
        self.push(tag, content)
        started = wait_for(lambda: [each for each in self.executions() if each not in before], 5)
        return self.wait(started[-1], timeout)  # an execution that restores it, if it is aborted at once, is newer

    def upload_schedule(self, schedule: Mapping[str, Any] | bytes, key: str | None = None) -> str:
        """Upload a schedule file to the bucket. Returns its S3 version."""
        body = schedule if isinstance(schedule, bytes) else json.dumps(schedule, indent=2).encode()
        key = key or self.names["schedule_key"]
        return str(self.client("s3").put_object(Bucket=self.names["bucket"], Key=key, Body=body)["VersionId"])


@contextmanager
def running(*arguments: str) -> Iterator[Client]:
    """A stage with the guestbook, on a free port; it ends with the block. Raises StageError as `stage.process` does."""
    with process.running("--scenario", "examples.guestbook", *arguments) as stage:
        yield Client(stage.endpoint)
