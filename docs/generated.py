"""What the documents take from the code: `make docs` writes it into them, `make check` finds what has drifted."""

import json
import re
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import click
from samtranslator.yaml_helper import yaml_parse

from rota.cli.exits import MEANINGS
from rota.cli.main import main
from rota.contract.steps import STEPS
from rota.schedule_file.expression import FIELDS
from rota.schedule_file.next_runs import in_words
from rota.schedule_file.retry_age import retry_age
from rota.schedule_file.task import EXPECTED, After, Before, Retry, Task, Watch
from rota.schedule_file.when import When
from stage.gateway import refusals
from stage.quotas import request_rates as quotas
from stage.settings import Settings

ROOT = Path(__file__).parents[1]
_WIDTH = 100
_COMMON = {"stack", "env", "profile", "region", "as_json", "utc", "no_color"}
"""Options of every command that asks AWS; the page says them once."""
_SHAPES = {"Succeed": "{0}([{0}])", "Fail": "{0}[[{0}]]"}
_EXPRESSIONS = [
    ("cron", "0 6 * * ? *"),
    ("cron", "0/15 * * * ? *"),
    ("cron", "30 9 ? * MON-FRI *"),
    ("cron", "0 8,20 * * ? *"),
    ("cron", "0 7 1 * ? *"),
    ("cron", "0 22 L * ? *"),
    ("cron", "0 9 15W * ? *"),
    ("cron", "0 18 ? * 6L *"),
    ("cron", "0 6 ? * MON#1 *"),
    ("rate", "5 minutes"),
    ("rate", "1 day"),
]
_RETRIED = [
    ("cron", "0 6 * * ? *"),
    ("cron", "0 22,6 * * ? *"),
    ("rate", "1 hour"),
    ("cron", "0/15 * * * ? *"),
    ("rate", "5 minutes"),
]
_FIELDS = ("Context", "Decision", "Rejected", "Cost")
_DECISION = (
    r"(?P<id>[A-Z]-\d\d) (?P<title>[^\n]+)\n\n\d{4}-\d\d-\d\d[^\n]* · (?P<status>[^\n]+)\n\n"
    + "".join(rf"- \*\*{field}\*\*: (?:(?!\n- ).)+\n" for field in _FIELDS)
    + r"\n?"
)


def steps() -> str:
    """The steps as a mermaid flowchart in three boxes: those that write nothing, the schedules', the service's."""
    *forward, restore = (step.name for step in STEPS if step.name != "ChangePauses")
    schedules, service = forward.index("RegisterRevisions"), forward.index("RollService")
    boxes = forward[:schedules], forward[schedules:service], forward[service:]
    reading, first, last = ("<br>".join(names) for names in boxes)
    return f"""```mermaid
flowchart LR
  push([push]) --> read["{reading}"] -->|plan, snapshot| schedules
  schedules["{first}"] --> service
  service["{last}"] --> new([everything new])
  read & schedules & service -.->|error, abort| {restore} --> before([everything as before])
```"""


def machine() -> str:
    """The state machine as a mermaid flowchart: its steps and ends; choices and waits are the arrows between them.

    Steps whose errors lead to the same step are in one box, from which one arrow leads there. An arrow that only skips
    steps with nothing to do is left out, and so are the conditions beside it.
    """
    states = json.loads((ROOT / "statemachine/deploy.asl.json").read_text())["States"]
    steps = {name: state for name, state in states.items() if state["Type"] == "Task"}
    caught: dict[str, list[str]] = {}
    for name, step in steps.items():
        for catch in step["Catch"]:
            caught.setdefault(catch["Next"], []).append(name)
    arrows = _without_skips({name: _conditions(states, name) for name in steps}, steps.keys() - caught)
    lines = ["```mermaid", "flowchart TD"]
    for restore, boxed in caught.items():
        if len(boxed) > 1:
            inside = [arrow for name in boxed for arrow in _arrows(name, arrows[name], boxed)]
            outside = [arrow for name in boxed for arrow in _arrows(name, arrows[name], states.keys() - boxed)]
            outside.append(f"before{restore} -.->|any error| {restore}")
            lines += [f'  subgraph before{restore} [" "]', *_filled(inside, "    "), "  end", *_filled(outside, "  ")]
        else:
            lines += _filled([*_arrows(boxed[0], arrows[boxed[0]], states), f"{boxed[0]} -.->|error| {restore}"], "  ")
    ends = [_SHAPES[state["Type"]].format(name) for name, state in states.items() if state["Type"] in _SHAPES]
    return "\n".join([*lines, *_filled(ends, "  "), "```"])


def _without_skips(arrows: dict[str, dict[str, list[str]]], steps: Collection[str]) -> dict[str, dict[str, list[str]]]:
    """Without the arrows from a step to a later one that is reached through others too."""

    def reached(name: str) -> set[str]:
        later = {end for end in arrows[name] if end in steps and list(arrows).index(end) > list(arrows).index(name)}
        return later.union(*(reached(each) for each in later))

    kept: dict[str, dict[str, list[str]]] = {}
    for name, ends in arrows.items():
        skipped = {end for end in ends for other in ends if other in steps and other != name and end in reached(other)}
        last = {end: [] if skipped and end in steps and end != name else why for end, why in ends.items()}
        kept[name] = {end: why for end, why in last.items() if end not in skipped}
    return kept


def _arrows(step: str, leads_to: dict[str, list[str]], ends: Collection[str]) -> list[str]:
    """From a step to those of `ends` that it leads to, each with all that leads there."""
    labels = {end: ", ".join(filter(None, conditions)) for end, conditions in leads_to.items() if end in ends}
    return [f"{step} -->{f'|{label}|' if label else ''} {end}" for end, label in labels.items()]


def _filled(parts: list[str], indent: str) -> list[str]:
    """Lines of these parts, each as long as fits."""
    lines: list[str] = []
    for part in parts:
        if lines and len(f"{lines[-1]}; {part}") <= _WIDTH:
            lines[-1] = f"{lines[-1]}; {part}"
        else:
            lines.append(f"{indent}{part}")
    return lines


def _conditions(states: dict[str, Any], step: str) -> dict[str, list[str]]:
    """The steps and ends that a step leads to, each with the conditions."""
    why: dict[str, list[str]] = {}
    for condition, end in _leads_to(states, states[step]["Next"]):
        why.setdefault(end, []).append(condition)
    return why


def _leads_to(states: dict[str, Any], name: str, why: str = "") -> Iterator[tuple[str, str]]:
    """The steps and ends that `name` leads to, through all other states, and on what condition."""
    state = states[name]
    if state["Type"] == "Wait":
        yield from _leads_to(states, state["Next"], "wait")
    elif state["Type"] == "Pass":
        yield from _leads_to(states, state["Next"], why)
    elif state["Type"] == "Choice":
        for choice in state["Choices"]:
            compared = choice.get("And", [choice])[-1]  # what precedes it only asks whether that is there
            named = compared["Variable"].rsplit(".", 1)[1].replace("_", " ")
            condition = compared.get("StringEquals") or (
                f"not {named}" if compared.get("BooleanEquals") is False else named
            )
            yield from _leads_to(states, choice["Next"], condition)
        yield from _leads_to(states, state["Default"], "else")
    else:
        yield why, name


def parameters() -> str:
    """The template's parameters: name, default, description."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    rows = ["| parameter | default | description |", "|---|---|---|"]
    for name, parameter in template["Parameters"].items():
        default = parameter.get("Default")
        shown = "*required*" if default is None else "*empty*" if default == "" else f"`{default}`"
        rows.append(f"| `{name}` | {shown} | {parameter['Description']} |")
    return "\n".join(rows)


def commands() -> str:
    """Every command of `rota`: its usage, what it does, its options, an example."""
    context = click.Context(main)
    named = [(name, main.get_command(context, name)) for name in main.list_commands(context)]
    sections = [_command(name, command) for name, command in named if command]
    return "\n\n".join(sections)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"rota {name}")
    usage = command.get_usage(context).removeprefix("Usage: ").replace("\n", " ")
    text = [" ".join(part.split()) for part in (command.help or "").replace("\b", "").split("\n\n")]
    options = [each for each in command.params if isinstance(each, click.Option) and each.name not in _COMMON]
    records = [record for each in options if (record := each.get_help_record(context))]
    rows = [f"| `{option}` | {text} |".replace("  [", " [") for option, text in records]
    table = ["", "| option | does |", "|---|---|", *rows] if rows else []
    example = (command.epilog or "").split("\n")[-1].strip()
    shown = ["", f"Example: `{example}`"] if example else []
    filled = ["\n\n".join(textwrap.fill(part, _WIDTH) for part in text)]
    return "\n".join([f"### {name}", "", f"`{re.sub(' +', ' ', usage)}`", "", *filled, *table, *shown])


def exit_codes() -> str:
    """The exit codes of every command."""
    return "\n".join(
        ["| exit | means |", "|---|---|", *(f"| {int(code)} | {text} |" for code, text in MEANINGS.items())]
    )


def task_keys() -> str:
    """The keys of a task in the schedule file: what each says, what it takes, and what it is where it is left out."""
    rows = ["| key | description | value | default |", "|---|---|---|---|"]
    keys = [*Task.model_fields.items()]
    for outer, inner in (("retry", Retry), ("watch", Watch)):
        keys += [(f"{outer}.{name}", field) for name, field in inner.model_fields.items()]
    for name, field in keys:
        default = f"`{json.dumps(field.default, default=dict)}`" if isinstance(field.default, int) else ""
        takes = EXPECTED[name.rpartition(".")[2]]
        rows.append(f"| `{name}` | {field.description} | {takes} | {default} |")
    return "\n".join(rows)


def one_off_keys() -> str:
    """The keys of `before` and `after` that a task does not have."""
    rows = ["| key | description | value | default |", "|---|---|---|---|"]
    for model in (Before, After):
        for name in model.model_fields.keys() - Task.model_fields.keys():
            field = model.model_fields[name]
            default = json.dumps(field.default)
            rows.append(f"| `{model.key}.{name}` | {field.description} | {EXPECTED[name]} | `{default}` |")
    return "\n".join([*rows[:2], *sorted(rows[2:])])


def cron_fields() -> str:
    """The six fields of a cron expression, in their order."""
    rows = ["| field | values | wildcards |", "|---|---|---|"]
    rows += [f"| {field.name} | {field.allowed} | `{field.wildcards}` |" for field in FIELDS]
    return "\n".join(rows)


def expressions() -> str:
    """What schedules mean, as the demo says it of a rule."""
    rows = ["| key and value | when the task runs |", "|---|---|"]
    for key, value in _EXPRESSIONS:
        rows.append(f'| `"{key}": "{value}"` | {in_words(When(f"{key}({value})"))} |')
    return "\n".join(rows)


def retry_ages() -> str:
    """For how long a start is tried, by the schedule."""
    rows = ["| key and value | a start is given up after |", "|---|---|"]
    for key, value in _RETRIED:
        rows.append(f'| `"{key}": "{value}"` | {retry_age(f"{key}({value})").total_seconds() / 60:g} minutes |')
    return "\n".join(rows)


def stage_settings() -> str:
    """What can be set about the stage while it runs: name, what it is before it is set, what it does."""
    rows = ["| setting | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        description = " ".join(str(field.description).split())
        rows.append(f"| `{name}` | `{json.dumps(field.default, default=dict)}` | {description} |")
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


def decisions() -> str:
    """The index of docs/decisions: one row for each decision, by area and id.

    Raises ValueError for one without its date, its status and its four fields, in their order.
    """
    rows = ["| id | decision | area | status |", "|---|---|---|---|"]
    for path in sorted((ROOT / "docs/decisions").glob("[a-z]*.md")):
        area, *sections = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)
        for section in sections:
            title = section.partition("\n")[0]
            shape = re.fullmatch(_DECISION, section, re.DOTALL)
            if not shape:
                raise ValueError(f"{path.name}, {title}: write {', '.join(_FIELDS)} below a date and a status")
            anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            name = area.strip("# \n").partition(":")[0]
            rows.append(f"| {shape['id']} | [{shape['title']}]({path.name}#{anchor}) | {name} | {shape['status']} |")
    return "\n".join(rows)
