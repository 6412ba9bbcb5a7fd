"""Races through gates: each push has a migration and is to be approved; some wait for the end of a hold or for the
deployment window. Others try to approve without the right, and what is live changes after a person has looked at it.
One person passes hold and window with a push, and rolls back.
"""

import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import botocore.session
from botocore.exceptions import ClientError

from rota.deployment import artifacts
from rota.deployment.items import plain
from rota.deployment.record import DeploymentRecord
from rota.deployment.waiting import Answer
from rota.plan.model import Plan, Snapshot
from rota.plan.seen import digest_of_changes
from stage.client import wait_for
from tests.stage.scenarios import sweep
from tests.stage.updated import update
from tests.sweep.app import App

if TYPE_CHECKING:
    from tests.sweep.races import Race

APPROVER, OTHER, PASSES = "ann", "mallory", "cleo"
# Long enough that pushes meet a migration that runs.
SCRIPTED = {"tasks": "scripted", "script": {"seconds": 0.3}}
_HOLD: dict[str, Any] = {"kind": "pause", "hold": {}, "by": "bea", "reason": "the sale"}
_RESUME = _HOLD | {"kind": "resume"}
_ROLLBACK = {"kind": "rollback", "release": "previous", "by": PASSES, "reason": "the login fails"}
_SAYS_SO: Mapping[str, Any] = {"kind": "resume", "by": OTHER, "reason": "it is urgent", "approve": True}
_LONGEST_SECONDS = 300
_ROUNDS = 20
_TRUST = '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}'


class Span(NamedTuple):
    """What lasted from when until when."""

    what: str
    began: datetime
    ended: datetime


def holds_of(executions: Iterable[Mapping[str, Any]]) -> Iterator[Span]:
    """When deployments were held for certain: from the end of an execution that holds them to the start of the next one
    that ends the hold. `executions` are answers of DescribeExecution, each `input` read.
    """
    asks = [each for each in executions if "hold" in each["input"] and each["status"] == "SUCCEEDED"]
    for held in (each for each in asks if each["input"]["kind"] == "pause"):
        ends = (each["startDate"] for each in asks if each["input"]["kind"] == "resume")
        later = (each for each in ends if each >= held["startDate"])
        yield Span("deployments were held", held["stopDate"], min(later, default=datetime.max.replace(tzinfo=UTC)))


def taken_while(closed: Sequence[Span], turns: Iterable[Span]) -> Iterator[str]:
    """Each turn that lies in a time in which none may be taken. One that only overlaps may have been taken outside."""
    for turn, span in itertools.product(turns, closed):
        if span.began <= turn.began and turn.ended <= span.ended:
            yield f"{turn.what} took its turn at {turn.began}; {span.what} from {span.began} to {span.ended}"


def unapproved(name: str, changes: str, answer: Answer | None) -> Iterator[str]:
    """That nobody with the right has approved the changes, by their digest, that an execution deployed."""
    if not answer or not answer.approves or (answer.by, answer.changes) != (APPROVER, changes):
        yield f"{name} is deployed, and {APPROVER} has not approved its changes {changes}: {answer!r}"


class Gates:
    """What people do at the gates of one race, drawn by its seed."""

    def __init__(self, app: App, race: "Race", draw: random.Random) -> None:
        self._app, self._stage, self._race, self._draw = app, app.stage, race, draw
        self._opens: datetime | None = None
        self._closed: list[Span] = []
        self._changes_by_hand = 0
        self._refused: set[str] = set()
        self.wrong: list[str] = []

    @property
    def pauses(self) -> bool:
        """Whether a migration pauses the jobs."""
        return self._race.gates == "hold"

    @property
    def one_offs(self) -> Mapping[str, Any]:
        """What runs once in each deployment."""
        return {"before": {"task": "migrate", "pause_tasks": self.pauses}, "after": {"task": "smoke_test"}}

    def close(self) -> None:
        """From now on pushes wait: for an approval, and for what the race has beside it."""
        parameters = {"Approval": "required"}
        if self._race.gates == "window":
            now = datetime.fromisoformat(self._stage.clock())
            self._opens = (now + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
            parameters["DeployWindow"] = f"Mon-Sun {self._opens:%H:%M}-{self._opens + timedelta(hours=3):%H:%M} UTC"
            self._closed.append(Span("the window was closed", now, self._opens))
        update(self._stage, **parameters)
        if self._race.gates == "hold":
            self._stage.wait(self._stage.start(_HOLD), _LONGEST_SECONDS)

    def between_pushes(self, number: int) -> None:
        """What happens beside the pushes."""
        if self._opens and number == self._race.pushes // 2:
            self._open_window()
        if self._race.gates == "hold" and self._draw.random() < 0.5:
            self._stage.start(self._draw.choice((_HOLD, _RESUME)))
        if self._draw.random() < 0.6:
            self._all_ended()
            self._answer(approves=self._draw.random() < 0.8, outdated=self._draw.random() < 0.3)
            if self._draw.random() < 0.6:  # else the next push comes before it is live
                self._all_ended()
        if self._draw.random() < 0.2:
            self._try_without_the_right()
        if self._draw.random() < 0.3:
            sweep(self._stage)
        if self._draw.random() < 0.25:
            self._stage.start(self._draw.choice((_ROLLBACK, self._at_once(f"v{number - 1}"))))

    def open(self) -> None:
        """All that waits goes through the gates, one after the other."""
        if self._opens:
            self._open_window()
        self._stage.start(_RESUME)
        for number in range(_ROUNDS):
            self._all_ended()
            if not self.pending():
                return
            self._try_without_the_right()
            self._answer(approves=True, outdated=number == 0)
            sweep(self._stage)
        self.wrong.append(f"after {_ROUNDS} rounds it still waits: {self.pending()}")

    def pending(self) -> Mapping[str, Any]:
        """The push that waits; empty without one."""
        found: Mapping[str, Any] = plain(self._app.lease().get("gates", {"M": {}})).get("pending", {})
        return found

    def is_refused(self, execution: str) -> bool:
        """Whether that execution had no right to what it asked."""
        return execution in self._refused

    def faults_of(self, executions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """What breaks a promise of the gates, of all executions but the first."""
        yield from dict.fromkeys(self.wrong)
        if paused := self._app.paused():
            yield f"still paused: {paused}"
        spans, turns = list[tuple[Any, ...]](), list[Span]()
        for execution in executions:
            entry, arn = self._app.entry(execution), str(execution["executionArn"])
            goes_back = execution["input"].get("kind") == "rollback"
            if isinstance(entry.get("deployment"), dict):
                record = DeploymentRecord.model_validate(plain({"M": entry["deployment"]}))
                # Only that person asks to pass, and only a rollback passes the approval.
                turns += self._turn(arn, record) if not (record.origin and record.origin.by == PASSES) else ()
                if entry.get("outcome") == "deployed" and not goes_back:
                    yield from unapproved(execution["name"], self._changes_of(record), record.answer)
            if self.is_refused(arn) and execution["status"] != "FAILED":
                yield f"{execution['name']}, which says itself that it is approved, is {execution['status']}"
            migrations = self._app.one_offs("before", arn)
            once = (1,) if entry.get("outcome") == "deployed" else (0, 1)
            if len(migrations) not in ((0,) if goes_back else once):
                yield f"the migration of {execution['name']} ran {len(migrations)} times"
            if any(task["lastStatus"] != "STOPPED" for task in migrations):
                yield f"the migration of {execution['name']} still runs"
            spans += [(task["createdAt"], task.get("stoppedAt"), execution["name"]) for task in migrations]
        yield from taken_while([*self._closed, *holds_of(executions)], turns)
        spans.sort()
        for (_, ended, first), (began, _, second) in itertools.pairwise(spans):
            if ended is None or began < ended:
                yield f"the migrations of {first} and {second} ran at once"

    def _turn(self, execution: str, record: DeploymentRecord) -> Iterator[Span]:
        """When it took the lease: between the time in its record and the end of the state."""
        ends = [
            event["timestamp"]
            for event in self._stage.history(execution)
            if event.get("stateExitedEventDetails", {}).get("name") == "TakeTurn"
        ]
        if ends and "TakeTurn" in record.entered:
            yield Span(record.execution.name, record.entered["TakeTurn"], ends[-1])

    def _changes_of(self, record: DeploymentRecord) -> str:
        """The digest of what it deployed, from its own plan; empty without one."""
        if not (record.plan and record.snapshot):
            return ""
        s3, bucket = self._stage.client("s3"), self._stage.names["bucket"]
        plan = artifacts.read(s3, bucket, record.plan, Plan)
        return digest_of_changes(plan, artifacts.read(s3, bucket, record.snapshot, Snapshot))

    def _open_window(self) -> None:
        self._all_ended()
        ahead = (
            self._opens + timedelta(minutes=1) - datetime.fromisoformat(self._stage.clock()) if self._opens else None
        )
        if ahead and ahead > timedelta():
            self._stage.advance(ahead.total_seconds())
        sweep(self._stage)

    def _all_ended(self) -> None:
        for execution in self._stage.executions():
            self._stage.wait(execution, _LONGEST_SECONDS)
        wait_for(lambda: not self._stage.invocations(), _LONGEST_SECONDS)

    def _at_once(self, tag: str) -> dict[str, Any]:
        """The input that deploys a pushed image also while deployments are held, or outside of the window."""
        images, repository = self._stage.client("ecr"), self._stage.names["repository"]
        found = images.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
        image = {"repository-name": repository, "image-digest": found[0]["imageDigest"], "image-tag": tag}
        return {"detail": image, "kind": "image", "now": True, "by": PASSES, "reason": "the sale"}

    def _answer(self, *, approves: bool, outdated: bool) -> None:
        """Answer what waits now. It may be replaced, or answered, in the same moment: then it is refused. `outdated`:
        its changes are others since that person has looked at them.
        """
        pending = self.pending()
        if pending.get("asks"):
            if outdated:
                self._change_by_hand()
            self._invoke(self._stage.client("lambda"), pending["asks"]["changes"], approves=approves, by=APPROVER)

    def _change_by_hand(self) -> None:
        """A rule that each push changes gets another schedule, while nothing is deploying."""
        self._changes_by_hand += 1
        events, name = self._stage.client("events"), f"{self._stage.names['rule_prefix']}Moves"
        there = events.describe_rule(Name=name)
        stays = {member: there[member] for member in ("Name", "Description", "State") if member in there}
        events.put_rule(**stays, ScheduleExpression=f"cron({self._changes_by_hand} 9 * * ? *)")

    def _try_without_the_right(self) -> None:
        """Whoever may only deploy approves; the input of an execution says so; other changes are approved."""
        self._refused.add(self._stage.start(_SAYS_SO))
        changes = self.pending().get("asks", {}).get("changes", "0" * 32)
        if self._invoke(self._deployer(), changes, approves=True, by=OTHER) != "AccessDeniedException":
            self.wrong.append("a deployer could invoke Approve")
        if self._invoke(self._stage.client("lambda"), "f" * 32, approves=True, by=OTHER) != "RejectedError":
            self.wrong.append("changes that nobody has seen could be approved")

    def _invoke(self, functions: Any, changes: str, *, approves: bool, by: str) -> str:
        """Returns the error's name; empty if it is answered."""
        given = {"changes": changes, "approves": approves, "by": by, "reason": "the new prices"}
        name = self._stage.names["outputs"]["ApproveFunctionName"]
        try:
            reply = functions.invoke(FunctionName=name, Payload=json.dumps(given).encode())
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        answer = json.loads(reply["Payload"].read())
        return str(answer["errorType"]) if "FunctionError" in reply else ""

    def _deployer(self) -> Any:
        """Lambda, as whoever has all of the stack's policies but the approver's."""
        iam, outputs = self._stage.client("iam"), self._stage.names["outputs"]
        try:
            role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=_TRUST)["Role"]
        except iam.exceptions.EntityAlreadyExistsException:
            role = iam.get_role(RoleName="deployer")["Role"]
        for policy in ("Viewer", "PlanReader", "Deployer", "Runner", "Doctor"):
            iam.attach_role_policy(RoleName="deployer", PolicyArn=outputs[f"{policy}PolicyArn"])
        sts = self._stage.client("sts")
        given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName=OTHER)["Credentials"]
        return botocore.session.Session({"profile": (None, [], None, None)}).create_client(
            "lambda",
            endpoint_url=self._stage.endpoint,
            region_name="us-east-1",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
