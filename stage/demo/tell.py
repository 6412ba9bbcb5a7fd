"""Telling a deployment to a person: a line a step when it is done; while it runs, a terminal shows its name."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from stage.client import Client
from stage.demo.follow import End, Step, follow

# What a step did, from what it added to the machine's document.
_NOTES = {
    "TakeTurn": "{reason}",
    "ReadConfig": "{tasks} tasks in the schedule file; file, image and service are in order",
    "PlanDeployment": "{summary}",
    "ClearRules": "rules removed: {removed}",
    "RegisterRevisions": "revisions registered: {registered}",
    "CreateTargets": "{written} schedules written, {unchanged} untouched",
    "RollService": "{deployment_id} begun",
    "CheckService": "{progress}, {status}",
    "FinishDeployment": "recorded: {outcome}",
    "RestoreDeployment": "recorded: {outcome}",
}


def tell(console: Console, stage: Client, execution: str, *, with_title: bool = False) -> End:
    """Follow a deployment to its end and tell each step, after a line that says which it is."""
    if with_title:
        console.print(f"\n{_title(stage, execution)}")
    with console.status("") as status:
        for told in follow(stage, execution):
            if isinstance(told, End):
                colour = "green" if told.status == "SUCCEEDED" else "red"
                console.print(f"  [{colour}]{told.status}[/{colour}] in {told.state} after {told.seconds:.1f} s")
                if told.cause:
                    console.print(f"  {told.cause}", markup=False)
                return told
            if told.left is None:
                status.update(f"{told.state} ...")
            else:
                _tell_step(console, told)
    raise AssertionError("a deployment that is followed ends")


def _tell_step(console: Console, step: Step) -> None:
    result: Mapping[str, Any] = step.result or {}
    if result.get("status") == "IN_PROGRESS" and step.state == "CheckService":
        return  # one of many looks
    if result.get("decision") == "wait":
        console.print(f"  .. TakeTurn          waits: {result['reason']}", style="dim")
        return
    retries = f" [yellow]after {step.retries} {'retry' if step.retries == 1 else 'retries'}[/yellow]"
    mark = "[green]ok[/green]" if step.error is None else "[red]no[/red]"
    note = _note(step, result) if result else step.error
    console.print(f"  {mark} {step.state:<18}{step.seconds:5.2f} s  {note}{retries if step.retries else ''}")


def _note(step: Step, result: Mapping[str, Any]) -> str:
    if step.state == "RollService" and not step.document["plan"]["rolls_service"]:
        return "untouched: the service runs that revision already"
    return _NOTES[step.state].format_map(result)


def _title(stage: Client, execution: str) -> str:
    """The image that is deployed or the execution that is put back, when that began, and the execution's name."""
    described = stage.client("stepfunctions").describe_execution(executionArn=execution)
    event = json.loads(described["input"])
    detail = event.get("detail") if isinstance(event, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    what = f"{detail.get('repository-name', '?')}:{detail.get('image-tag', 'untagged')}"
    if "executionArn" in detail:
        what = f"putting back {detail['executionArn'].rpartition(':')[2]}"
    return f"[bold]{what}[/bold] at {described['startDate'].astimezone():%H:%M:%S}, {described['name']}"
