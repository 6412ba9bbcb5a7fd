"""The house rules of `layers/rota/rota`: imports go down only, and each package does what its place allows."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from docs import paths

PACKAGE = Path(__file__).parents[2] / "layers" / "rota" / "rota"
LEVELS = {
    **dict.fromkeys(("errors", "settings", "contract", "ownership", "sanitise", "times", "tracing"), 0),
    **dict.fromkeys(("schedule_file", "aws", "execution_input", "log"), 1),
    **dict.fromkeys(("ecr", "ecs", "schedules", "stepfunctions", "notifications"), 2),
    **dict.fromkeys(("plan", "deployment"), 3),
    "pauses": 4,
    **dict.fromkeys(("restore", "handlers", "runs"), 5),
    **dict.fromkeys(("board", "one_offs", "watch"), 6),
    "cli": 7,
    "__main__": 8,
}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name(path) for path in FILES}


@cache
def imported(path: Path) -> set[str]:
    """Every module of the package that a file imports, also for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "rota":
            base = node.module.partition(".")[2]
            names = [f"{base}.{alias.name}".lstrip(".") for alias in node.names if alias.name != "__version__"]
            found |= {each if each in MODULES else base for each in names}
    return found


def package_of(module: str) -> str:
    return module.partition(".")[0]


def test_every_package_has_a_level() -> None:
    assert {package_of(module) for module in MODULES} == LEVELS.keys()


def test_the_document_lists_every_package_by_its_level() -> None:
    text = (PACKAGE.parents[2] / "docs" / "develop.md").read_text()
    rows = re.findall(r"^\| (\d?) ?\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    listed: dict[str, int] = {}
    for level, packages in rows:
        at = int(level) if level else max(listed.values())
        listed |= dict.fromkeys(re.findall(r"\w+", packages), at)
    assert listed == {package: level for package, level in LEVELS.items() if package != "__main__"}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_down_only(path: Path) -> None:
    own = package_of(name(path))
    others = {package_of(module) for module in imported(path)} - {own, SHARED_AT_THE_BOTTOM}
    assert {package for package in others if LEVELS[package] >= LEVELS[own]} == set()


# `settings` is made of the shapes that `contract` defines.
SHARED_AT_THE_BOTTOM = "contract"


def test_imports_form_no_circle() -> None:
    arrows = {name(path): imported(path) for path in FILES}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for each in arrows.get(module, ()):
                visit(each, (*way, module))
            done.add(module)

    for module in arrows:
        visit(module, ())


@pytest.mark.parametrize("package", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_holds_only_its_docstring(package: Path) -> None:
    """Importing a package loads nothing. The one at the top also holds the version, and tunes Python's start."""
    tree = ast.parse(package.read_text())
    assert ast.get_docstring(tree)
    further = [ast.unparse(node).partition(" = ")[0] for node in tree.body[1:]]
    assert further == (["import gc", "__version__", "gc.set_threshold(100000)"] if package.parent == PACKAGE else [])


def test_the_schedule_file_is_checked_without_the_rest() -> None:
    outside = {
        (name(path), module)
        for path in FILES
        if package_of(name(path)) == "schedule_file" and name(path) != "schedule_file.s3"
        for module in imported(path)
        if package_of(module) not in ("schedule_file", "errors", "contract", "sanitise", "tracing")
    }
    assert outside == set()


def test_one_module_makes_clients_and_one_of_the_command() -> None:
    makers = {name(path) for path in FILES if "create_client(" in path.read_text()}
    assert makers == {"aws.clients", "cli.frame"}


def test_one_module_makes_the_logger() -> None:
    """It masks what errors quote; a child writes through it."""
    makers = {name(path) for path in FILES if re.search(r"\bLogger\((?!child=True)", path.read_text())}
    makers |= {str(path) for path in FUNCTIONS if "Logger(" in path.read_text()}
    assert makers == {"log"}


FUNCTIONS = sorted((PACKAGE.parents[2] / "functions").rglob("app.py"))


_BACKENDS = {
    "eventbridge_rules": ("rule", "desired", "watching", "takeover", "start"),
    "eventbridge_scheduler": ("schedule", "desired", "start"),
}


def test_a_backend_is_reached_through_the_interface_alone() -> None:
    """A further backend then changes the interface, and no step. `rota import` reads rules that Rota did not make."""
    own = ("schedules.", "cli.import_schedules.")
    others = [path for path in FILES if not name(path).startswith(own)] + FUNCTIONS
    assert len(others) > len(FUNCTIONS) > 0
    reaching = {
        str(path) for path in others for module in imported(path) if module.startswith("schedules.eventbridge_")
    }
    assert reaching == set()
    interface = imported(PACKAGE / "schedules" / "backend.py")
    assert {module for module in interface if package_of(module) == "schedules"} == {
        *(f"schedules.{module}" for module in ("connected", "interface", "moving", "target_keys")),
        *(f"schedules.{backend}.{module}" for backend, modules in _BACKENDS.items() for module in modules),
    }


PURE = [
    *(
        f"runs.{module}"
        for module in (
            "alert",
            "alert_text",
            "attribution",
            "due",
            "event",
            "incidents",
            "jobs_of_a_file",
            "judge",
            "log_place",
            "missed",
            "model",
            "reasons",
            "stops",
        )
    ),
    *(f"notifications.{module}" for module in ("chat", "links", "message")),
    *("deployment.outcome_message", "sanitise", "times"),
    *(each for each in sorted(MODULES) if each.startswith("plan.")),
    *("pauses.model", "pauses.messages"),
    *(
        f"schedules.{module}"
        for module in ("backend", "found", "interface", "target_keys", "restored", "revision", "run_task")
    ),
    *(f"schedules.{name}.{module}" for name, modules in _BACKENDS.items() for module in (*modules, "inventory")),
]


@pytest.mark.parametrize("module", PURE)
def test_planning_is_pure(module: str) -> None:
    path = PACKAGE / (module.replace(".", "/") + ".py")
    assert not {each for each in imported(path) if package_of(each) == "aws"} - {"aws.rate_limit"}


def test_a_plan_and_a_restore_name_no_backend() -> None:
    """A further backend then changes neither. A snapshot's `rules` are stored under the name that they had first."""
    named = {
        (name(path), node.value)
        for path in FILES
        if package_of(name(path)) in ("plan", "restore", "pauses")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in ("rules", "scheduler")
    }
    assert named == {("plan.model", "rules")}


PATHS = {name(path): path for path in FILES}
CHARTS = [paths.SCHEDULE_FILE_TO_PUT_RULE, paths.PUSH_TO_LIVE, paths.ERROR_TO_RESTORE, paths.TASK_TO_MAIL]


def reached(handler: Path) -> set[str]:
    """Every name that is used in the modules which a function imports, at once or later."""
    waiting, seen, names = [handler], set[Path](), set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        names |= used(path)
        waiting += [PATHS[module] for module in imported(path) if module in PATHS]
    return names


@cache
def used(path: Path) -> set[str]:
    """Every name that a module uses."""
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    return names | {each.attr for each in nodes if isinstance(each, ast.Attribute)}


@pytest.mark.parametrize("handler", FUNCTIONS, ids=lambda path: path.parent.name)
def test_functions_reach_what_the_charts_say_they_call(handler: Path) -> None:
    calls = {
        each.__name__
        for chart in CHARTS
        for at in chart
        if at.name.lower() == handler.parent.name.replace("_", "")
        for each in at.calls
    }
    assert calls - reached(handler) == set()
