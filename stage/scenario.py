"""The app that is played on a stage, as data and functions: `python -m stage --scenario examples.guestbook` loads one.

A scenario is a package with a module `scenario`, whose `SCENARIO` is an object of the class below. The stage itself
knows no app: whatever is an app's comes from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from stage.ecs.services import Services
from stage.lambda_.sandbox import Outcome

Outputs = Mapping[str, str]
"""The outputs of the scenario's stack; empty as long as it is not deployed."""
Invoke = Callable[[str, bytes], Outcome]
"""Runs a function, by its short name, with an event. KeyError when there is no such function."""


class ScenarioError(Exception):
    """The scenario cannot do what it is asked for; the message says why."""


def _seed_nothing(_endpoint: str, _outputs: Outputs) -> None:
    """An empty account."""


def _summarise_nothing(_names: Mapping[str, Any]) -> str:
    return "an empty account"


def _no_steps(step: str, _outputs: Outputs, _invoke: Invoke, _services: Services) -> None:
    raise ScenarioError(f"There is no step {step}: the stage was started without a scenario that has steps.")


@dataclass(frozen=True)
class Scenario:
    """What is deployed on a stage and what is in the account beside it. Without arguments: nothing."""

    template: Path | None = None
    """The SAM template that the stage deploys."""
    stack: str = "scenario"
    """The name of the stack that the template becomes, also where `sam deploy` deploys it."""
    parameters: Callable[[], dict[str, str]] = dict
    """The template's parameters."""
    seed: Callable[[str, Outputs], None] = _seed_nothing
    """Creates what is in the account at first, given the stage's endpoint and the stack's outputs."""
    names: Callable[[Outputs], dict[str, Any]] = dict
    """What `GET /_stage/` shows beside region, parameters and outputs, given the stack's outputs."""
    summary: Callable[[Mapping[str, Any]], str] = _summarise_nothing
    """One line about what is deployed, given what `GET /_stage/` answers."""
    repository: str = ""
    """Containers of this ECR repository run as processes in `directory`."""
    directory: Path = Path()
    function_suffix: str = ""
    """What the template's logical IDs of functions end with; the stage leaves it out where it names functions."""
    execution_in_event: tuple[str, ...] = ()
    """The keys under which a function's event holds the name of the execution that invokes it."""
    owner_tag: str = ""
    """The tag whose value says which app a rule or a revision belongs to."""
    play: Callable[[str, Outputs, Invoke, Services], None] = _no_steps
    """Plays an example deployment up to before a step, on a stage that was just reset. Raises ScenarioError."""


def load(package: str) -> Scenario:
    """The scenario of a package, such as `examples.guestbook`. Raises ImportError, AttributeError or TypeError."""
    scenario = import_module(f"{package}.scenario").SCENARIO
    if not isinstance(scenario, Scenario):
        raise TypeError(f"{package}.scenario.SCENARIO is no Scenario")
    return scenario
