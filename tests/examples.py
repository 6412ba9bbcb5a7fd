"""A deployment of the guestbook by example: the event, what each step may answer, and what each receives.

Run as a program it writes events/<function>.json again.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rota.contract import step_io
from rota.contract.deployment import Image, Stored
from rota.contract.step_io import (
    ChangePausesOutput,
    ClearRulesOutput,
    CreateTargetsOutput,
    FinishDeploymentOutput,
    OneOffRun,
    PlanDeploymentOutput,
    ReadConfigOutput,
    RegisterRevisionsOutput,
    RestoreDeploymentOutput,
    Rollout,
    TakeTurnOutput,
)
from tests import asl, run_events
from tests.guestbook import IMAGE_URI, arn

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "events"
PUSH: dict[str, Any] = json.loads((EVENTS / "ecr_push.json").read_text())
EXECUTION = f"{PUSH['id']}_d3adb33f-0000-4000-8000-000000000001"
CONTEXT: dict[str, Any] = {
    "State": {"RetryCount": 0},
    "Execution": {
        "Id": f"arn:aws:states:us-east-1:123456789012:execution:rota-deploy:{EXECUTION}",
        "Name": EXECUTION,
        "StartTime": "2026-11-24T06:00:02.123Z",
        "Input": PUSH,
    },
}


def snake(step: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", step).lower()


def version_of(name: str) -> str:
    """A version as S3 makes them, which has 32 characters."""
    return f"ExampleVersionOfThe{name.capitalize()}".ljust(32, "0")


def stored(name: str) -> Stored:
    return Stored(key=f"deployments/{EXECUTION}/{name}.json", version_id=version_of(name))


ROLLOUT = Rollout(
    task_definition=arn(5),
    deployment_id="ecs-svc/4715923880071926253",
    status="IN_PROGRESS",
    progress="0 of 2 tasks run",
    wait_seconds=5,
    waited_seconds=0,
)
IMAGE = Image(
    repository="guestbook",
    digest=PUSH["detail"]["image-digest"],
    tag=PUSH["detail"]["image-tag"],
    event_id=PUSH["id"],
    pushed_at=PUSH["time"],
)


def end_of(execution_arn: str) -> dict[str, Any]:
    """The input that asks for the restore of an execution, as a person writes it."""
    return {"source": "aws.states", "detail": {"executionArn": execution_arn}}


ENDED: dict[str, Any] = {
    "task_arn": "arn:aws:ecs:us-east-1:123456789012:task/hotel/0123456789abcdef0123456789abcdef",
    "revision": arn(6),
    "asked_at": "2026-11-24T06:00:12Z",
    "finished": True,
    "exit_code": 0,
    "seconds": 2.5,
    "progress": "ended with exit code 0",
}


# What each step might answer in the guestbook's first deployment.
ANSWERS: dict[str, BaseModel] = {
    "TakeTurn": TakeTurnOutput(decision="go", reason="the lease was free", wait_seconds=20, dry_run=False, image=IMAGE),
    "ReadConfig": ReadConfigOutput(
        schedule=Stored(key="scheduled_tasks.json", version_id=version_of("schedule")),
        tasks=3,
        image_uri=IMAGE_URI,
        base=arn(1),
        state=stored("state"),
    ),
    "PlanDeployment": PlanDeploymentOutput(
        document=stored("plan"),
        snapshot=stored("snapshot"),
        nothing_to_do=False,
        summary="schedules: 3 new, 1 removed; 4 revisions to register; the service rolls",
        created=3,
        updated=0,
        kept=0,
        removed=1,
        disables=1,
        registers=4,
        targets=3,
        calls={
            "DisableRule": 1,
            "RegisterTaskDefinition": 4,
            "PutRule": 3,
            "PutTargets": 3,
            "UpdateService": 1,
            "RemoveTargets": 1,
            "DeleteRule": 1,
        },
        estimated_seconds=0,
        rolls_service=True,
    ),
    "RegisterRevisions": RegisterRevisionsOutput(
        finished=True, document=stored("revisions"), registered=4, remaining=0
    ),
    "RunBefore": OneOffRun(kind="before", **ENDED),
    "ClearRules": ClearRulesOutput(disabled=1),
    "CreateTargets": CreateTargetsOutput(written=3),
    "RollService": ROLLOUT,
    "CheckService": ROLLOUT.model_copy(update={"status": "COMPLETED", "progress": "2 of 2 tasks run"}),
    "RunAfter": OneOffRun(kind="after", **ENDED),
    "FinishDeployment": FinishDeploymentOutput(
        outcome="deployed", summary="schedules: 3 new, 1 removed; 4 revisions to register; the service rolls"
    ),
    "ChangePauses": ChangePausesOutput(
        outcome="done", summary="RemoveSpam is paused by ann until 2026-12-24 06:00 UTC: the supplier is down"
    ),
    "RestoreDeployment": RestoreDeploymentOutput(outcome="failed", error="RejectedError", cause="what happened"),
}
MAIN_ROUTE = [step for step in asl.TASKS if step not in (*asl.ONE_OFFS, "ChangePauses", "RestoreDeployment")]
# What a person pauses in the example.
PAUSE: dict[str, Any] = {
    "kind": "pause",
    "pause": {"tasks": ["RemoveSpam"], "until": "2026-12-24T06:00:00Z"},
    "by": "ann",
    "reason": "the supplier is down",
}


class Machine:
    """Walks the definition with example answers; what a step is handed must fit its model."""

    def __init__(self, **answers: Sequence[dict[str, Any] | Exception]) -> None:
        self._answers = {step: list(given) for step, given in answers.items()}
        self.handed: dict[str, dict[str, Any]] = {}

    def run(self, **additions: Any) -> asl.Run:
        context = CONTEXT | {"Execution": CONTEXT["Execution"] | {"Input": PUSH | additions}}
        return asl.run(PUSH | additions, context, self._work)

    def _work(self, step: str, request: dict[str, Any]) -> dict[str, Any]:
        self.handed[step] = request
        model: type[BaseModel] = getattr(step_io, f"{step}Input")
        model.model_validate(request)
        changes = self._answers[step].pop(0) if self._answers.get(step) else {}
        if isinstance(changes, Exception):
            raise changes
        answer = ANSWERS[step]
        return type(answer).model_validate(answer.model_dump() | changes).model_dump(mode="json")


FAILED = asl.FailedError("RejectedError", json.dumps({"errorMessage": "denied", "errorType": "RejectedError"}))


def handed(step: str) -> dict[str, Any]:
    """What the state machine hands that step in the example: the content of `events/<step>.json`."""
    routes: dict[str, dict[str, Any]] = {
        "RestoreDeployment": {"CheckService": [FAILED]},
        "ChangePauses": {"TakeTurn": [{"decision": "pause"}]},
        "RunBefore": {"PlanDeployment": [{"runs_before": True}]},
        "RunAfter": {"PlanDeployment": [{"runs_after": True}]},
    }
    machine = Machine(**routes.get(step, {}))
    machine.run(**({} if step != "ChangePauses" else PAUSE))
    found = machine.handed[step]
    return found if step != "ChangePauses" else found | {"event": PAUSE}


def shown() -> dict[str, dict[str, Any]]:
    """What each function is handed, by the function's folder."""
    run = {"Records": [run_events.message(run_events.detail("STOPPED"))]}
    tick = {"id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "source": "aws.events", "detail-type": "Scheduled Event"}
    approves = {
        "changes": "5f3c0a1b2c3d4e5f6a7b8c9d0e1f2a3b",
        "approves": True,
        "by": "ann",
        "reason": "the new prices",
    }
    events: dict[str, Any] = {"record_run": run, "sweep": tick, "approve": approves}
    return {**{snake(each): handed(each) for each in asl.TASKS}, **events}


if __name__ == "__main__":  # python -m tests.examples
    for folder, event in shown().items():
        (EVENTS / f"{folder}.json").write_text(json.dumps(event, indent=2) + "\n")
