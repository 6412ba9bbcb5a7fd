"""How the parts of the stage depend on each other, and that the stage knows no app."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.contract.steps import STEPS

ROOT = Path(__file__).parents[2]
STAGE = ROOT / "stage"
# A part may import parts of the levels above it in this list, and its own modules.
LEVELS = (
    ("clock",),
    ("client", "moto", "settings"),
    ("gateway", "process"),
    ("cloudtrail", "dynamodb", "faults", "iam", "logs"),
    ("cloudformation", "eventbridge", "lambda_"),
    ("s3", "scheduler"),
    ("ecr", "quotas", "stepfunctions", "validation"),
    ("ecs",),
    ("background", "invariants", "own_app", "scenario", "snapshots"),
    ("stage",),
    ("control",),
    ("__main__",),
)
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}
MODULES = sorted(path.relative_to(ROOT) for path in STAGE.rglob("*.py") if path != STAGE / "__init__.py")
# What only the product or a scenario knows.
FOREIGN_WORDS = re.compile("|".join(["guestbook", "rota:", *(step.name for step in STEPS), "RecordRun", r"\bSweep\b"]))


def part(module: str) -> str:
    """`ecs` of `stage.ecs.tasks`."""
    return module.split(".")[1]


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, also inside functions."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_part_has_a_level() -> None:
    parts = {path.stem for path in STAGE.iterdir() if path.name not in {"__init__.py", "__pycache__"}}
    assert parts == LEVEL.keys()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_lead_to_lower_levels_only(path: Path) -> None:
    own = path.parts[1].removesuffix(".py")
    others = {part(name) for name in imported(path) if name.startswith("stage.")} - {own}
    assert {other for other in others if LEVEL[other] >= LEVEL[own]} == set()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_the_stage_imports_no_app_and_no_test(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported(path)}
    assert packages.isdisjoint({"bench", "docs", "examples", "functions", "rota", "tests"})


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_the_stage_names_no_app(path: Path) -> None:
    text = (ROOT / path).read_text().replace("examples.guestbook", "")
    assert FOREIGN_WORDS.findall(text) == []


def test_the_clients_load_nothing_of_the_stage() -> None:
    for module in ("client", "process"):
        assert {name for name in imported(STAGE / f"{module}.py") if name.startswith("stage.")} <= {
            "stage.client.Client",
            "stage.client.ROOT",
            "stage.client.StageError",
        }
