"""What a user has in AWS before Rota is deployed, and ways to read it.

A rollout completes at once; `World.roll` gives it another state. One that bakes or waits for a person stays there until
`World.go_on`.
"""

import copy
import functools
import importlib.util
import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.stepfunctions.models import stepfunctions_backends

from stage.ecs.revisions import document
from stage.ecs.rollouts import Rollouts
from stage.ecs.service_members import show
from stage.eventbridge import bus
from stage.scheduler.schedules import members, schedules
from tests.guestbook import ACCOUNT, ENVIRONMENT, PREFIX, REGION
from tests.in_process import client
from tests.steps.calls import Calls, number
from tests.steps.local_stage import local_stage
from tests.steps.seed import FOREIGN, push, upload
from tests.steps.snapshots import Lasting

_FUNCTIONS = Path(__file__).parents[2] / "functions"

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


@functools.cache
def handler(folder: str) -> Handler:
    """The handler of `functions/<folder>/app.py`; all modules are called app, so each is loaded under its own name."""
    spec = importlib.util.spec_from_file_location(f"functions_{folder}", _FUNCTIONS / folder / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded: Handler = module.handler
    return loaded


def _service() -> Any:
    """moto's object of the service."""
    return ecs_backends[ACCOUNT][REGION].services["production:guestbook-api"]


class World(Lasting):
    """A cluster with a running service, a repository with an image, a bucket, a table, and foreign rules."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.foreign = self.rules(*FOREIGN)
        self.before: tuple[Any, ...] = ()
        """Everything, before the deployment that a fixture has begun."""

    def push(self, digest: str, tag: str) -> None:
        """Put another image into the repository."""
        push(digest, tag)

    def upload(self, schedule: dict[str, Any] | bytes, key: str = "scheduled_tasks.json") -> str:
        """Put a schedule file into the bucket. Returns its version."""
        return upload(schedule, key)

    # ------------------------------------------------------------------ reading

    def rules(self, *names: str) -> dict[str, dict[str, Any]]:
        """By name, these rules with targets and tags; all rules if none are named.

        Read from moto's models, because calls would take longer than the step under test.
        """
        tagger = events_backends[ACCOUNT][REGION].tagger
        return {
            name: rule.describe()
            | {
                "Targets": copy.deepcopy(rule.targets),
                "Tags": tagger.list_tags_for_resource(rule.arn)["Tags"],
            }
            for name, rule in bus.rules().items()
            if not names or name in names
        }

    def owned_rules(self) -> dict[str, dict[str, Any]]:
        """By the name of their task, the owned rules."""
        return {
            name.removeprefix(PREFIX): rule
            for name, rule in self.rules().items()
            if {"Key": "rota:app", "Value": "production/guestbook-api"} in rule["Tags"]
        }

    def target(self, task: str) -> dict[str, Any]:
        """The one target of the rule of that task."""
        (found,) = self.owned_rules()[task]["Targets"]
        target: dict[str, Any] = found
        return target

    def schedules(self) -> dict[str, dict[str, Any]]:
        """By the name of their task, the schedules of the app's group, with every member but the dates of changes."""
        return {
            name.rpartition("/")[2].removeprefix(PREFIX): copy.deepcopy(members(schedule))
            for name, schedule in schedules().items()
        }

    def service(self) -> dict[str, Any]:
        """The service, as ECS describes it."""
        (found,) = client("ecs").describe_services(cluster="production", services=["guestbook-api"])["services"]
        service: dict[str, Any] = found
        return service

    def active_revisions(self) -> list[int]:
        """The numbers of the family's ACTIVE revisions."""
        listed = client("ecs").list_task_definitions(familyPrefix="guestbook", status="ACTIVE")["taskDefinitionArns"]
        return sorted(number(found) for found in listed)

    def containers(self, revision: int) -> dict[str, dict[str, Any]]:
        """By name, the containers of that revision, with every field."""
        return {c["name"]: c for c in document(self.task_definition(revision))["containerDefinitions"]}

    def stored(self, stored: dict[str, str]) -> dict[str, Any]:
        """The content of an artifact in the bucket."""
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

    def entry(self, execution: str) -> dict[str, str]:
        """The ledger's one entry of that execution, its values as text."""
        entries = (item for record, item in self.ledger().items() if record.startswith("deployment#"))
        (entry,) = [item for item in entries if item.get("execution") == execution]
        return entry

    def everything(self) -> tuple[Any, ...]:
        """All that a deployment may change of the app."""
        return self.rules(), self.service()["taskDefinition"], self.active_revisions(), self.schedules()

    # ------------------------------------------------------------------ acting for others

    def execution(
        self,
        name: str,
        *,
        ended: timedelta | None = None,
        given: object = None,
        started_at: datetime | None = None,
        status: Literal["ABORTED", "TIMED_OUT", "FAILED"] = "ABORTED",
    ) -> str:
        """The ARN of a new execution of the state machine that runs, or was stopped `ended` ago."""
        machine = client("stepfunctions").create_state_machine(
            name="rota-deploy", definition="{}", roleArn=f"arn:aws:iam::{ACCOUNT}:role/deploy"
        )["stateMachineArn"]
        started: str = client("stepfunctions").start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(given or {})
        )["executionArn"]
        (machine_,) = [each for each in stepfunctions_backends[ACCOUNT][REGION].state_machines if each.arn == machine]
        (execution,) = [each for each in machine_.executions if each.execution_arn == started]
        if started_at is not None:
            execution.start_date = started_at
        if ended is not None:
            client("stepfunctions").stop_execution(executionArn=started)
            assert execution.stop_date
            execution.stop_date -= ended
            execution.status = status
        return started

    def roll(
        self, state: Literal["IN_PROGRESS", "COMPLETED", "FAILED"], *, reason: str = "", revision: str | None = None
    ) -> None:
        """Set the state of the newest rollout; `revision` replaces it by another rollout first."""
        service, rollouts = _service(), self.rollouts
        if revision is not None:
            rollouts.settle(revision, service.desired_count, rollouts.primary.how)
            service.task_definition = revision
        rollouts.primary.state, rollouts.primary.reason = state, reason
        rollouts.messages.clear()
        show(service, rollouts)

    @property
    def rollouts(self) -> Rollouts:
        """The stage's rollouts of the service."""
        return local_stage().background.services.rollouts_of(_service())

    @property
    def in_stages(self) -> bool:
        """Whether a rollout bakes or waits for a person."""
        primary = self.rollouts.primary
        return primary.lifecycle is not None and primary.state == "IN_PROGRESS"

    def go_on(self) -> None:
        """Let the bake be over, or the time of the person for whom ECS waits."""
        rollouts = self.rollouts
        local_stage().background.services.advance(_service(), rollouts, rollouts.step("rollback"))

    def task_definition(self, revision: int) -> Any:
        """moto's object of the revision."""
        return ecs_backends[ACCOUNT][REGION].task_definitions["guestbook"][revision]
