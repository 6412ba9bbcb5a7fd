"""Months of releases by seed: late and repeated pushes, rollbacks, holds, bars, pauses, aborts, failures, interleaved;
some with approvals and a deployment window, too.

Every execution goes through the real machine with the real handlers, one state at a time, and which one goes on is
drawn. The judge knows only what was asked and how each execution ended.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.deployment.gates import Pending
from rota.deployment.items import plain, stored
from rota.deployment.lease.item import LeaseTable
from rota.deployment.lease.pending import start_pending
from rota.deployment.window import closed_at
from rota.settings import Settings
from tests.examples import PUSH, end_of
from tests.guestbook import APP, DIGEST, ENVIRONMENT
from tests.in_process import client
from tests.steps import items
from tests.steps.deployments import AFTER, Deployment, Deployments, invoke
from tests.steps.items import LEASE, RELEASES
from tests.steps.seed import SCHEDULE
from tests.steps.test_pauses import in_force, pause, resume, states, sweep
from tests.steps.world import World

ACTIONS = 40
WELL = ("Deployed", "NothingToDo")
MACHINE = ENVIRONMENT["STATE_MACHINE_ARN"]


@dataclass
class Execution:
    """One execution; `digest` of those that deploy an image, `place` in the line."""

    deployment: Deployment
    kind: str
    digest: str | None = None
    place: tuple[str, ...] = ()
    chosen: bool = False
    fails: bool = False
    lifts: tuple[str, ...] = ()
    pauses: tuple[str, ...] = ()
    """The jobs that it pauses until `until`, or resumes."""
    until: datetime | None = None
    end: str = ""
    aborted: bool = False

    @property
    def was_refused(self) -> bool:
        """Whether TakeTurn refused it, or it was aborted before that."""
        return not self.deployment.document.get("turn")


@dataclass
class Month:
    """What has happened so far."""

    world: World
    draw: random.Random
    now: datetime = datetime(2027, 1, 1, tzinfo=UTC)
    executions: list[Execution] = field(default_factory=list)
    bars: set[str] = field(default_factory=set)
    releases: list[tuple[int, str]] = field(default_factory=list)
    changes: list[Execution | datetime] = field(default_factory=list)
    """What changed pauses, in order: the executions that came to it, and when Sweep looked for those that are over."""
    gated: pytest.MonkeyPatch | None = None
    """What sets the parameters, if the stack asks for approvals and has a deployment window."""
    approved: set[str] = field(default_factory=set)
    """The digests of the images that a person approved."""
    judged: int = 0
    happened: set[str] = field(default_factory=set)

    # ------------------------------------------------------------------ what people and AWS do

    def play(self, actions: int) -> None:
        for _ in range(actions):
            self.now += timedelta(minutes=self.draw.randint(1, 90))
            self._end_hold_in_time()
            choose = self.draw.choices
            ((what, *_),) = choose(
                [(self.push,), (self.repeat,), (self.rollback,), (self.hold,), (self.resume,), (self.lift,),
                 (self.schedule,), (self.abort,), (self.sweep,), (self.foreign,), (self.pause_job,),
                 (self.resume_job,), (self.answer,), (self.window,)],
                [10, 3, 4, 3, 3, 1, 3, 3, 4, 1, 4, 2, *((12, 3) if self.gated else (0, 0))],
            )  # fmt: skip
            what()
            for _ in range(self.draw.randint(0, 12)):
                self.go_on()
            if self.draw.random() < 0.2:
                self.come_to_rest()
        self.come_to_rest()

    def push(self) -> None:
        """An image is pushed, old or new. The event comes up to three hours late, and perhaps twice."""
        digest = self._digest(self.draw.randint(1, 12))
        event = f"event-{len(self.executions)}"
        at = self.now - timedelta(minutes=self.draw.choice([0, 0, 0, 5, 179]))
        push = _push_of(digest) | {"id": event, "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        for _ in range(self.draw.choice([1, 1, 1, 2])):
            self.now += timedelta(seconds=1)
            name = f"{event}_{len(self.executions):032}"
            self._begin(name, push, "push", digest, (f"{at:%Y-%m-%dT%H:%M:%S}", f"{self.now.isoformat()}", name))

    def repeat(self) -> None:
        """A person starts the event of an image again, as it is, with a kind, or with now."""
        more: dict[str, Any] = self.draw.choice(
            [{}, {"kind": "again"}, {"kind": "image"}, {"now": True}, {"kind": "image", "now": True}]
        )
        digest = self._digest(self.draw.randint(1, 12))
        execution = self._ask(_push_of(digest) | more, str(more.get("kind", "again")), digest)
        execution.chosen = more.get("kind") == "image"

    def rollback(self) -> None:
        release = self.draw.choice(["previous", "previous", *(f"v{number}" for number, _ in self.releases[-6:])])
        more: dict[str, Any] = self.draw.choice([{}, {}, {"hold": {}}, {"image_only": True}])
        execution = self._ask({"kind": "rollback", "release": release, "by": "ann", **more}, "rollback", "")
        execution.chosen = True

    def hold(self) -> None:
        until = self.draw.choice([{}, {"until": (self.now + timedelta(hours=3)).isoformat()}])
        self._ask({"kind": "pause", "hold": until, "by": "ann"}, "pause")

    def resume(self) -> None:
        self._ask({"kind": "resume", "hold": {}, "by": "ann"}, "resume")

    def lift(self) -> None:
        if self.bars:
            lifted = self.draw.choice(sorted(self.bars))
            self._ask({"kind": "lift", "lift": [lifted], "by": "ann"}, "lift").lifts = (lifted,)

    def schedule(self) -> None:
        self.world.upload(self.draw.choice([SCHEDULE, AFTER]))
        self._ask({"kind": "schedule", "by": "ann"}, "schedule")

    def pause_job(self) -> None:
        """A job is paused that may have left the file by then; the pause may be over as soon as it begins."""
        job = self.draw.choice(sorted(states(self.world)))
        until = self.draw.choice([None, self.now + timedelta(hours=3)])
        execution = self._ask(pause(job, until=until), "pause-job")
        execution.pauses, execution.until = (job,), until

    def resume_job(self) -> None:
        if paused := sorted(in_force()):
            job = self.draw.choice(paused)
            self._ask(resume(job), "resume-job").pauses = (job,)

    def foreign(self) -> None:
        """An event of another account's registry."""
        self._ask(_push_of(self._digest(1)) | {"account": "999999999999"}, "foreign", self._digest(1))

    def abort(self) -> None:
        running = [each for each in self._running() if each.kind != "restore"]
        if running:
            stopped = self.draw.choice(running)
            client("stepfunctions").stop_execution(executionArn=stopped.deployment.arn)
            stopped.end, stopped.aborted = "ABORTED", True
            self._ask(end_of(stopped.deployment.arn), "restore")

    def answer(self, *, always: bool = False) -> None:
        """A person approves or rejects what waits, or answers what does not wait any more."""
        gates = LeaseTable(client("dynamodb"), ENVIRONMENT["TABLE"], APP).read().gate
        waiting = [each for each in gates.in_their_order if each.asks and not each.answer]
        if not waiting:
            return
        asked = self.draw.choice(waiting)
        approves = always or self.draw.random() < 0.7
        given = {"changes": asked.asks.changes if asked.asks else "", "approves": approves, "by": "ann", "reason": "x"}
        name = invoke("approve", given)["execution"]
        if approves and isinstance(asked, Pending):
            self.approved.add(asked.image.digest)
        if name and all(name != _name(each) for each in self.executions):
            self._begin(name, {"kind": "resume", "by": "Sweep"}, "resume", is_there=True)

    def window(self, *, opens: bool = False) -> None:
        """The deployment window shuts, or opens."""
        shut = f"{datetime.now(UTC) + timedelta(days=2):%a} 03:00-03:01 UTC"
        if self.gated:
            self.gated.setenv("DEPLOY_WINDOW", "" if opens else self.draw.choice(["", shut]))

    def sweep(self) -> None:
        sweep(self.now - datetime.now(UTC))
        self.changes.append(self.now)
        gates = LeaseTable(client("dynamodb"), ENVIRONMENT["TABLE"], APP).read().gate
        settings = Settings.from_environment(os.environ)
        closed = closed_at(settings.deploy_window, self.now)
        name = start_pending(client("stepfunctions"), settings, gates, lambda: closed, self.now)
        if name and all(name != _name(each) for each in self.executions):
            given = {"kind": "resume", "by": "Sweep", "reason": "no hold"}
            self._begin(name, given, "resume", is_there=True)

    # ------------------------------------------------------------------ how it goes on

    def go_on(self) -> None:
        """One of the executions that run goes on by one state."""
        if running := self._running():
            self._advance(self.draw.choice(running))

    def come_to_rest(self) -> None:
        """Nothing is held, nothing runs, nothing is pending: the newest in the line that may deploy is live."""
        self.resume()
        for _ in range(9 if self.gated else 5):
            self.window(opens=True)
            self.answer(always=True)
            for _ in range(2_000):
                if not self._running():
                    break
                self.go_on()
            assert not self._running()
            self.now += timedelta(hours=1)
            self._end_hold_in_time()
            self.sweep()
        gates = LeaseTable(client("dynamodb"), ENVIRONMENT["TABLE"], APP).read().gate
        assert gates.hold is not None or gates.in_their_order == ()
        self._judge_pauses()
        if gates.hold is None:
            self._judge_the_line()

    def _judge_pauses(self) -> None:
        """Each that was carried out is in force until its end, and of the jobs in the file just those are off."""
        paused: dict[str, datetime | None] = {}
        for change in self.changes:
            if isinstance(change, datetime):
                paused = {job: until for job, until in paused.items() if until is None or until > change}
            elif self.world.entry(change.deployment.arn).get("outcome") == "done":
                of_change: dict[str, datetime | None] = dict.fromkeys(change.pauses, change.until)
                begins = change.kind == "pause-job"
                paused = paused | of_change if begins else {job: paused[job] for job in paused.keys() - of_change}
        assert in_force() == paused.keys()
        of_file = states(self.world)
        assert {job for job, state in of_file.items() if state == "DISABLED"} == paused.keys() & of_file.keys()

    def _judge_the_line(self) -> None:
        line = [each for each in self.executions if each.digest and each.end != "Barred" and not each.was_refused]
        newest = max(line, key=lambda each: each.place, default=None)
        if newest is None or newest.aborted or newest.end == "DeploymentFailed":
            return
        if newest.end == "Held":
            late = [each for each in self.executions if each.kind == "resume" and _deploys(each) == newest.digest]
            if any(each.aborted or each.end in ("DeploymentFailed", "Barred", "Rejected") for each in late):
                return
        else:
            assert newest.end in WELL, f"{_name(newest)} is the newest and ended {newest.end}"
        assert _live()[1] == newest.digest, f"{_name(newest)} is the newest, and another is live"
        self.judged += 1

    def _advance(self, execution: Execution) -> None:
        before, deployment = _live(), execution.deployment
        if execution.pauses and deployment.at == "ChangePauses":
            self.changes.append(execution)
        if execution.fails and deployment.at == "RollService":
            with self.world.calls.refusing("ecs.UpdateService", "AccessDeniedException"):
                execution.end = deployment.go_on()
        else:
            execution.end = deployment.go_on()
        if execution.kind == "rollback" and not execution.was_refused:
            # Its start is in the future of what is recorded here, so what goes live while it waits may be its previous.
            execution.digest = _deploys(execution)
        if execution.end:
            client("stepfunctions").stop_execution(executionArn=deployment.arn)
            self.happened.add(f"{execution.kind} {execution.end}")
            if execution.end == "Done":
                self.bars -= set(execution.lifts)
            if "holder" not in items.read(LEASE):  # before Sweep, which switches off what is on in spite of its pause
                assert {job for job in in_force() if states(self.world).get(job) == "ENABLED"} == set()
        after = _live()
        if after != before:
            self._went_live(execution, *after)
        elif execution.kind == "rollback" and execution.end in WELL:
            self._bar(execution)

    def _went_live(self, execution: Execution, number: int, digest: str) -> None:
        assert execution.kind not in ("schedule", "pause", "lift") or digest == self.releases[-1][1]
        if execution.kind == "restore":  # it finished a deployment that was complete
            ended = execution.deployment.context["Execution"]["Input"]["detail"]["executionArn"]
            (execution,) = [each for each in self.executions if each.deployment.arn == ended]
        if self.gated and execution.kind != "rollback" and digest != self.releases[-1][1]:
            assert digest in self.approved, f"no person approved {digest}, and {_name(execution)} made it live"
        held_by_choice = {each.digest for each in self.executions if each.chosen and each.end == "Held"}
        chosen = execution.chosen or (execution.kind == "resume" and digest in held_by_choice)
        assert chosen or digest not in self.bars, f"{digest} is barred, and {_name(execution)} made it live"
        self.releases.append((number, digest))
        if execution.kind == "rollback":
            self._bar(execution)
        if chosen:
            self.bars.discard(digest)

    def _bar(self, execution: Execution) -> None:
        """What was live after the release that came back does not come back by itself."""
        target = int(
            execution.deployment.document["turn"]["remark"].partition("brings back v")[2].split(",")[0].split(";")[0]
        )
        digest = _deploys(execution)
        self.bars |= {each for number, each in self.releases[:-1] if number > target and each != digest}
        self.bars.discard(str(digest))

    # ------------------------------------------------------------------ executions

    def _running(self) -> list[Execution]:
        return [each for each in self.executions if not each.end]

    def _ask(self, given: dict[str, Any], kind: str, digest: str | None = None) -> Execution:
        name = f"{kind}-{len(self.executions)}"
        self.now += timedelta(seconds=1)
        place = (f"{self.now:%Y-%m-%dT%H:%M:%S}", f"{self.now.isoformat()}", name)
        return self._begin(name, given, kind, digest, place)

    def _begin(
        self,
        name: str,
        given: dict[str, Any],
        kind: str,
        digest: str | None = None,
        place: tuple[str, ...] = (),
        *,
        is_there: bool = False,
    ) -> Execution:
        if not is_there:
            self.world.execution(name, given=given, started_at=self.now)
        execution = Execution(Deployment(self.world, name, given, self.now), kind, digest, place)
        execution.fails = self.draw.random() < 0.1
        self.executions.append(execution)
        return execution

    def _digest(self, number: int) -> str:
        """That image, which is in ECR."""
        digest = f"sha256:{number:064x}"
        self.world.push(digest, f"tag-{number}")
        return digest

    def _end_hold_in_time(self) -> None:
        """What is recorded of a hold is compared with the real time, so its end is moved into the past."""
        found: dict[str, Any] = plain(items.read(LEASE).get("gates", {"M": {}}))
        until = found.get("hold", {}).get("until")
        if until and datetime.fromisoformat(until) <= self.now:
            found["hold"]["until"] = "2020-01-01T00:00:00Z"
            items.change(LEASE, "SET gates = :gates", gates=stored(found))


def _push_of(digest: str) -> dict[str, Any]:
    number = int(digest.removeprefix("sha256:"), 16)
    return PUSH | {"detail": PUSH["detail"] | {"image-digest": digest, "image-tag": f"tag-{number}"}}


def _live() -> tuple[int, str]:
    found = plain({"M": items.read(RELEASES)})
    return int(found["number"]), found["live_digest"]


def _deploys(execution: Execution) -> str | None:
    image = (execution.deployment.document.get("turn") or {}).get("image")
    return image["digest"] if image else None


def _name(execution: Execution) -> str:
    name: str = execution.deployment.context["Execution"]["Name"]
    return name


def play(
    world: World, deployments: Deployments, seed: int, actions: int, gated: pytest.MonkeyPatch | None = None
) -> Month:
    assert deployments.start().run() == "Deployed"
    if gated:
        for name, value in {"APPROVAL": "required", "APPROVAL_DAYS": "90"}.items():
            gated.setenv(name, value)
    month = Month(world, random.Random(seed), releases=[(1, DIGEST)], gated=gated)  # noqa: S311
    month.play(actions)
    return month


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("seed", range(12))
def test_a_month_of_releases(seed: int, world: World, deployments: Deployments) -> None:
    month = play(world, deployments, seed, ACTIONS)
    assert month.judged > 0
    assert len(month.executions) >= ACTIONS / 2


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("seed", range(12))
def test_a_month_with_approvals_and_a_window(
    seed: int, world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = play(world, deployments, seed, ACTIONS, monkeypatch)
    assert month.judged > 0
    assert month.approved
