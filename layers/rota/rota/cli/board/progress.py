"""The deployment that is under way, step by step, and what ECS says of the service while it rolls."""

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from rota.board import model
from rota.cli import time_text
from rota.cli.board.front import Clock, doing, how
from rota.cli.execution import patiently
from rota.cli.rolling import Rolling
from rota.cli.status.model import Deploying, Service, Status
from rota.contract.steps import STEPS
from rota.watch.follow import End
from rota.watch.narrate import Narrator, note
from rota.watch.wording import for_people

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.watch.follow import Step

_RESTORES = "RestoreDeployment"
_CHANGES = "ChangePauses"
_SAID = 4
_OF_THE_ROLLOUT = ("RollService", "CheckService")


class Progress:
    """Follows whatever deployment is under way, from one look to the next: what was read is not read again."""

    def __init__(self, account: "Account") -> None:
        self._account = account
        self._execution = ""
        self._narrator: Narrator | None = None
        self._steps: dict[str, Step] = {}
        self._said: list[str] = []
        self._rolling = Rolling(account)

    def of(self, status: Status, clock: Clock) -> model.Deploying | None:
        """What deploys now; None if nothing does."""
        found = status.deploying
        if found is None:
            return None
        if found.execution != self._execution:
            self._execution, self._steps, self._said = found.execution, {}, []
            self._rolling, self._narrator = Rolling(self._account), None
        self._look()
        return deploying(found, status, self._steps, self._said, self._narrator.state if self._narrator else "", clock)

    def _look(self) -> None:
        states = self._account.client("stepfunctions")
        try:
            self._narrator = narrator = self._narrator or Narrator(states, self._execution)
        except states.exceptions.ExecutionDoesNotExist:
            return
        for each in patiently(lambda: [*narrator.news()]):
            if isinstance(each, End):
                continue
            self._steps[each.state] = each
            if each.state == "RollService":
                self._rolling.began = each.entered
        self._said = [*self._said, *patiently(self._rolling.news)][-_SAID:]


def deploying(
    found: Deploying, status: Status, steps: "dict[str, Step]", said: list[str], now: str, clock: Clock
) -> model.Deploying:
    """The deployment, by the steps that have ended, and the one that runs. Pure."""
    name = quote(found.execution.rpartition(":")[2], safe="")
    why = f"“{found.reason}”" if found.reason else ""
    rolls = any(each in _OF_THE_ROLLOUT for each in (now, *steps))
    return model.Deploying(
        title=doing(found),
        how=" ".join(filter(None, (how(found.kind, found.by), why))),
        since=clock.past(found.started_at),
        lasts=time_text.duration(max(0.0, (clock.now - found.started_at).total_seconds())),
        steps=[*_steps(found, steps, now)],
        rollout=_rollout(status.service, said) if status.service and rolls else None,
        remarks=[*_remarks(found)],
        href=f"/d/{name}",
        stop=f"/do/stop/{name}" if found.status == "RUNNING" and found.phase != "restoring" else "",
    )


def _steps(found: Deploying, ended: "dict[str, Step]", now: str) -> "list[model.Step]":
    names = _names(found, ended, now)
    reached = max((names.index(each) for each in (*ended, now) if each in names), default=-1)
    shown = []
    for place, name in enumerate(names):
        step = ended.get(name)
        if name == now and (step is None or not step.error):
            again = for_people(note(step)) if step and step.left else ""
            shown.append(model.Step(name, "now", "runs", again))
        elif step is not None:
            failed = step.error is not None
            shown.append(
                model.Step(
                    name, "failed" if failed else "done", time_text.duration(step.seconds), for_people(note(step))
                )
            )
        else:
            shown.append(model.Step(name, "skipped" if place < reached else "to come", ""))
    if found.phase == "restoring" or now == _RESTORES:
        shown = [replace(each, state="failed", took="stopped") if each.state == "now" else each for each in shown]
        shown = [each for each in shown if each.state != "to come"]
        shown.append(model.Step(_RESTORES, "now", "runs", "everything is put as it was"))
    return shown


def _names(found: Deploying, ended: "dict[str, Step]", now: str) -> list[str]:
    """The steps in the machine's order, but for the one that restores: optional ones once they run, and two where
    nothing deploys.
    """
    seen = {*ended, now}
    if _CHANGES in seen or (found.kind in ("pause", "resume") and not found.digest):
        return ["TakeTurn", _CHANGES]
    return [step.name for step in STEPS if step.name != _RESTORES and (step.name in seen or not step.optional)]


def _remarks(found: Deploying) -> "list[str]":
    said = []
    if found.newer_waits:
        said.append("A newer push waits.")
    if found.status != "RUNNING":
        said.append(f"Its execution is {found.status}.")
    return said


def _rollout(service: Service, said: list[str]) -> model.Rollout:
    new, desired = service.new, service.desired
    state = {"COMPLETED": "the rollout is complete", "FAILED": "the rollout failed"}.get(service.rollout, "")
    words = f"{new} of {desired} tasks run {service.revision}{f'; {state}' if state else ''}"
    return model.Rollout(min(new, desired), desired, words, tuple(said))
