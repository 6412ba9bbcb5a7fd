"""The distribution `rota`: what `pip install .` gives, what it depends on, and its version."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import rota
from tests.printed import ROOT, typed

LAYER = ROOT / "layers" / "rota"
APP = ROOT / "examples" / "app"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return Requirement(requirement).name


DEPENDENCIES = {name_of(each) for each in PROJECT["dependencies"]}
EXTRAS = {name: {name_of(each) for each in needs} for name, needs in PROJECT["optional-dependencies"].items()}
# Each comes with the dependency that it belongs to, in the version that fits it.
PART_OF = {"pydantic_core": "pydantic", "yaml": "pyyaml"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `pip install .` builds it, from a copy: setuptools writes beside what it builds from."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(LAYER / "rota", copy / "layers/rota/rota", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(copy)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(copy)], check=True)
    (built,) = copy.glob("*.whl")
    return built


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    files = [path for path in (LAYER / "rota").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    sources = {path.relative_to(LAYER) for path in files}
    held = {Path(name) for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    assert held == sources


def needed(names: Iterable[str]) -> dict[str, metadata.Distribution]:
    """These distributions and all that they depend on, as they are installed here."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found[name] = metadata.distribution(name)
            wanted = map(Requirement, found[name].requires or ())
            waiting += [each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> dict[str, str]:
    """The variables of a terminal with an environment that has the wheel, what it depends on, and nothing else."""
    folder = wheel.parent / "fresh"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for each in needed(DEPENDENCIES).values():
        for name in {file.parts[0] for file in each.files or ()} - {"..", "__pycache__"}:
            (packages / name).symlink_to(str(each.locate_file(name)))
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install"]
    subprocess.run([*pip, *options, str(wheel)], check=True)
    return {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}


EVERY_MODULE = """
import importlib, pkgutil, rota
for each in pkgutil.walk_packages(rota.__path__, "rota."):
    each.name.endswith("__main__") or importlib.import_module(each.name)
"""


def test_what_is_installed_is_the_whole_command(installed: dict[str, str], tmp_path: Path) -> None:
    assert typed("rota --version", cwd=tmp_path, **installed).stdout == f"rota {rota.__version__}\n"
    checked = typed(f"rota check {APP / 'scheduled_tasks.json'}", cwd=tmp_path, **installed)
    assert (checked.returncode, checked.stdout.partition(";")[0]) == (0, "OK: 3 tasks")
    loaded = typed(f"python -c '{EVERY_MODULE}'", cwd=tmp_path, **installed)
    assert (loaded.returncode, loaded.stderr) == (0, "")
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    asked = typed("rota status --region eu-west-1", cwd=tmp_path, **installed, **nowhere)
    assert (asked.returncode, asked.stderr.partition(":")[2][:24]) == (1, " AWS cannot be reached: ")


@pytest.mark.parametrize(
    ("prefix", "status"), [("production__guestbook__", 0), ("p" * 60, 1)], ids=["good", "too long"]
)
def test_the_examples_workflow_checks_with_it(installed: dict[str, str], prefix: str, status: int) -> None:
    steps = yaml.safe_load((APP / ".github/workflows/deploy.yml").read_text())["jobs"]["schedule"]["steps"]
    assert steps[-1]["env"].keys() == {"RULE_PREFIX"}
    assert typed(steps[-1]["run"], cwd=APP, RULE_PREFIX=prefix, **installed).returncode == status


def imports(file: Path) -> set[str]:
    """The installed packages that a file imports, but for those that hold types alone."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    packages = {name.partition(".")[0] for name in named} - sys.stdlib_module_names - {"rota"}
    return {name for name in packages if not name.startswith("mypy_boto3_")}


def test_the_dependencies_cover_what_the_package_imports() -> None:
    of_the_board = {*(LAYER / "rota/board").rglob("*.py"), *(LAYER / "rota/cli/board").rglob("*.py")}
    assert set().union(*map(imports, of_the_board)) - DEPENDENCIES == EXTRAS["board"]
    used = set().union(*map(imports, {*(LAYER / "rota").rglob("*.py")} - of_the_board))
    assert {PART_OF.get(name, name).replace("_", "-") for name in used} <= DEPENDENCIES


def test_only_the_board_needs_an_extra() -> None:
    assert {"boto3", "click", "pydantic", "rich"} <= DEPENDENCIES
    assert {"board": {"jinja2"}} == EXTRAS


def test_without_the_extra_the_board_says_what_to_install(installed: dict[str, str], tmp_path: Path) -> None:
    asked = typed("rota board --out board.html", cwd=tmp_path, **installed)
    assert (asked.returncode, "pip install jinja2" in asked.stderr) == (2, True)


def test_the_versions_that_are_tested_will_do() -> None:
    pins = dict(re.findall(r"^([a-z0-9-]+)==([\d.]+)", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE))
    for name, at_least in (each.split(">=") for each in PROJECT["dependencies"]):
        assert [int(part) for part in pins[name].split(".")] >= [int(part) for part in at_least.split(".")]


def test_the_version_is_written_in_one_place() -> None:
    """The template's is checked in test_template.py."""
    newest, *_ = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest == rota.__version__
    assert (PROJECT["dynamic"], "version" in PROJECT) == (["version"], False)


def test_nothing_of_the_command_is_in_the_layer() -> None:
    (unused,) = re.findall(r"^UNUSED = ((?:.*\\\n)*.*)$", (LAYER / "Makefile").read_text(), re.MULTILINE)
    left_out = {LAYER / name for name in unused.replace("\\\n", " ").split() if name.startswith("rota/")}
    assert {LAYER / "rota/board", LAYER / "rota/cli", LAYER / "rota/watch", LAYER / "rota/__main__.py"} <= left_out
    assert all(path.exists() for path in left_out)
    files = {path for path in (LAYER / "rota").rglob("*.py") if left_out.isdisjoint({path, *path.parents})}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (LAYER / "requirements.txt").read_text(), re.MULTILINE))
    used = {PART_OF.get(name, name).replace("_", "-") for name in set().union(*map(imports, files))}
    assert used <= pinned
    assert not pinned & {"click", "rich", "boto3"}
