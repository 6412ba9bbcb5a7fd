"""The state machine's definition, and as much of its language as it speaks: paths, Parameters, ResultPath, Choice.

Enough to hand each step what Step Functions hands it; waiting, timing and retrying belong to real interpreters.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Document = dict[str, Any]
Work = Callable[[str, Document], Document]

TEXT = (Path(__file__).parents[1] / "statemachine" / "deploy.asl.json").read_text()
MACHINE: Document = json.loads(TEXT)
STATES: dict[str, Document] = MACHINE["States"]
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]
ONE_OFFS = ["RunBefore", "RunAfter"]
"""The steps of what a schedule file may have run once; most files have neither."""
AFTER_ITS_TURN = [name for name in TASKS[-3:0:-1] if name not in ONE_OFFS]
"""The other steps of a deployment that has the lease, the last first: before it most has been done."""

MOST_TRANSITIONS = 200
"""A deployment without waits makes 20; no test needs 100. An execution that makes more is in a loop."""


class FailedError(Exception):
    """A step that failed: the error's name and its cause, as a Catch adds them to the document."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


class Run(NamedTuple):
    """One walk through the machine: the states in their order, and the document at the end."""

    states: list[str]
    document: Document

    @property
    def end(self) -> str:
        return self.states[-1]


class EndlessError(Exception):
    """An execution that made MOST_TRANSITIONS transitions and did not end."""


def run(event: Document, context: Document, work: Work) -> Run:
    """Walk from the start to an end. `work(step, request)` is what a Task does.

    Raises KeyError for a path that leads nowhere, EndlessError for a loop.
    """
    document = copy.deepcopy(event)
    states = list(walk(MACHINE["StartAt"], lambda name: advance(name, document, context, work)))
    return Run(states, document)


def walk(start: str | None, advance: Callable[[str], str | None]) -> Iterator[str]:
    """The states from `start` to an end, each before it is carried out. Raises EndlessError for a loop."""
    name = start
    for _ in range(MOST_TRANSITIONS):
        if name is None:
            return
        yield name
        name = advance(name)
    raise EndlessError(f"{MOST_TRANSITIONS} transitions, and no end: now at {name}")


def advance(name: str, document: Document, context: Document, work: Work) -> str | None:
    """Carry out one state, which adds to the document; the name of the next, None at an end."""
    state = STATES[name]
    next_: str | None = state.get("Next")
    match state["Type"]:
        case "Pass":
            if "ResultPath" in state:
                _put(document, state["ResultPath"], copy.deepcopy(state["Result"]))
            else:
                document.clear()
                document.update(state["Result"])
        case "Fail":
            for key in state.keys() & {"ErrorPath", "CausePath"}:
                at(state[key], document, context)
        case "Choice":
            next_ = choice(state, document, context)
        case "Wait":
            if not at(state["SecondsPath"], document, context) > 0:
                raise ValueError(f"{name} does not wait")
        case "Task":
            try:
                _put(document, state["ResultPath"], work(name, request(name, document, context)))
            except FailedError as failure:
                (catch,) = state["Catch"]
                _put(document, catch["ResultPath"], {"Error": failure.error, "Cause": failure.cause})
                next_ = catch["Next"]
    return next_


def request(step: str, document: Document, context: Document) -> Document:
    """What the Task `step` is handed: its Parameters, filled in."""
    filled: Document = _fill(STATES[step]["Parameters"], document, context)
    return filled


def choice(state: Document, document: Document, context: Document) -> str:
    """Where a Choice leads. Every variable must be there, also those of rules that do not decide; but in an And none
    behind the first comparison that does not hold.
    """
    ways = [(rule["Next"], _holds(rule, document, context)) for rule in state["Choices"]]
    return next((str(next_) for next_, holds in ways if holds), str(state["Default"]))


def at(path: str, document: Document, context: Document) -> Any:
    """The value at `$.a.b` of the document, or at `$$.a.b` of the context object."""
    root, found = ("$$", context) if path.startswith("$$") else ("$", document)
    value: Any = found
    for key in path.removeprefix(root).split(".")[1:]:
        value = value[key]
    return copy.deepcopy(value)


def comparisons(state: Document) -> Iterator[Document]:
    """Every comparison of a Choice's rules; none of another state."""
    for rule in state.get("Choices", []):
        yield from rule.get("And", [rule])


def _holds(rule: Mapping[str, Any], document: Document, context: Document) -> bool:
    if "And" in rule:
        return all(_holds(each, document, context) for each in rule["And"])
    if "IsPresent" in rule:
        return rule["IsPresent"] is _is_present(rule["Variable"], document, context)
    value = at(rule["Variable"], document, context)
    (comparison,) = rule.keys() & {"StringEquals", "BooleanEquals", "NumericGreaterThan"}
    expected = rule[comparison]
    return bool(value > expected if comparison == "NumericGreaterThan" else value == expected)


def _is_present(path: str, document: Document, context: Document) -> bool:
    try:
        at(path, document, context)
    except KeyError:
        return False
    return True


def _fill(template: Any, document: Document, context: Document) -> Any:
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): at(inner, document, context) if key.endswith(".$") else _fill(inner, document, context)
        for key, inner in template.items()
    }


def _put(document: Document, path: str, value: Document) -> None:
    (key,) = path.removeprefix("$.").split(".")
    document[key] = value
