"""What the documents take from the code: `make docs` writes it into them, `make check` finds what has drifted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from rota.task import Task
from stage.door import quotas, refusals
from stage.settings import Settings

ROOT = Path(__file__).parents[1]
_SHAPES = {"Task": "{0}", "Succeed": "{0}([{0}])", "Fail": "{0}[[{0}]]"}


def machine() -> str:
    """The state machine as a mermaid flowchart: its steps and ends; choices and waits are the arrows between them."""
    states = json.loads((ROOT / "statemachine/deploy.asl.json").read_text())["States"]
    lines, ends = ["```mermaid", "flowchart TD"], []
    caught: dict[str, list[str]] = {}
    for name, state in states.items():
        if state["Type"] not in _SHAPES:
            continue
        if state["Type"] != "Task":
            ends.append(_SHAPES[state["Type"]].format(name))
            continue
        arrows = [f"{name} -->{f'|{why}|' if why else ''} {end}" for why, end in _leads_to(states, state["Next"])]
        lines.append(f"  {'; '.join(arrows)}")
        for catch in state["Catch"]:
            caught.setdefault(catch["Next"], []).append(name)
    lines += [f"  {' & '.join(names)} -.->|error| {end}" for end, names in caught.items()]
    return "\n".join([*lines, f"  {'; '.join(ends)}", "```"])


def _leads_to(states: dict[str, Any], name: str, why: str = "") -> Iterator[tuple[str, str]]:
    """The steps and ends that `name` leads to, through choices and waits, and on what condition."""
    state = states[name]
    if state["Type"] == "Wait":
        yield from _leads_to(states, state["Next"], "wait")
    elif state["Type"] == "Choice":
        for choice in state["Choices"]:
            condition = choice.get("StringEquals") or choice["Variable"].rsplit(".", 1)[1].replace("_", " ")
            yield from _leads_to(states, choice["Next"], condition)
        yield from _leads_to(states, state["Default"], "else")
    else:
        yield why, name


def parameters() -> str:
    """The template's parameters: name, default, description."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    rows = ["| parameter | unless given | what it is |", "|---|---|---|"]
    for name, parameter in template["Parameters"].items():
        default = parameter.get("Default")
        shown = "*required*" if default is None else "*empty*" if default == "" else f"`{default}`"
        rows.append(f"| `{name}` | {shown} | {parameter['Description']} |")
    return "\n".join(rows)


def task_keys() -> str:
    """The keys of a task in the schedule file."""
    rows = ["| key | what it says |", "|---|---|"]
    rows += [f"| `{name}` | {field.description} |" for name, field in Task.model_fields.items()]
    return "\n".join(rows)


def stage_settings() -> str:
    """What can be set about the stage while it runs: name, what it is before it is set, what it does."""
    rows = ["| setting | at first | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        told = " ".join(str(field.description).split())
        rows.append(f"| `{name}` | `{json.dumps(field.default)}` | {told} |")
    return "\n".join(rows)


def refused_calls() -> str:
    """What a fault has a service answer: code and status, for the services that a deployment calls."""
    rows = [
        f"| service | {' | '.join(f'`{kind}`' for kind in refusals.KINDS)} |",
        "|---" * (len(refusals.KINDS) + 1) + "|",
    ]
    for service in sorted({quota.service for quota in quotas.QUOTAS} | refusals.FAILED.keys()):
        answers = (refusals.answer(kind, service) for kind in refusals.KINDS)
        rows.append(f"| `{service}` | {' | '.join(f'`{code}`, {status}' for code, status in answers)} |")
    return "\n".join(rows)
