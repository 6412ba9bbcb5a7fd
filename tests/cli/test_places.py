"""Where the stack's name comes from."""

from pathlib import Path

import pytest

from rota.cli.exits import CommandError, Exit
from rota.cli.places import environments_of, stack_name

SAMCONFIG = (
    '[production.global.parameters]\nstack_name = "rota-production"\n[staging.deploy.parameters]\nstack_name = "s"\n'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a project below the one with its files."""
    monkeypatch.delenv("ROTA_STACK", raising=False)
    (tmp_path / "samconfig.toml").write_text(SAMCONFIG)
    (tmp_path / "src").mkdir()
    return tmp_path / "src"


def test_nothing_is_named(folder: Path) -> None:
    assert stack_name(None, None, folder) is None


@pytest.mark.parametrize(
    ("stack", "env", "found"),
    [
        ("typed", None, "typed"),
        (None, "production", "rota-production"),
        (None, "staging", "s"),
        (None, None, "of-the-environment"),
    ],
    ids=["--stack", "--env", "--env of deploy's parameters", "ROTA_STACK"],
)
def test_what_is_typed_goes_before_what_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stack: str | None, env: str | None, found: str
) -> None:
    monkeypatch.setenv("ROTA_STACK", "of-the-environment")
    (folder / "rota.toml").write_text('stack = "of-the-file"')
    assert stack_name(stack, env, folder) == found


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"rota.toml": 'stack = "a"'}, "a"),
        ({"pyproject.toml": '[tool.rota]\nstack = "b"'}, "b"),
        ({"rota.toml": 'stack = "a"', "pyproject.toml": '[tool.rota]\nstack = "b"'}, "a"),
        ({"src/pyproject.toml": "[tool.other]", "pyproject.toml": '[tool.rota]\nstack = "b"'}, "b"),
    ],
    ids=["rota.toml", "pyproject.toml", "both", "the nearest that names one"],
)
def test_a_file_of_the_project_names_it(folder: Path, files: dict[str, str], found: str) -> None:
    for name, text in files.items():
        (folder.parent / name).write_text(text)
    assert stack_name(None, None, folder) == found


@pytest.mark.parametrize(
    ("stack", "env", "file", "words"),
    [
        ("a", "production", "", "--stack and --env both name a stack"),
        (None, "qa", "", "names no stack for the environment qa"),
        (None, None, "stack = 3", "is not the name of a stack"),
        (None, None, "stack = ", "cannot be read"),
    ],
    ids=["both", "an unknown environment", "a number", "no TOML"],
)
def test_misuse_is_refused(folder: Path, stack: str | None, env: str | None, file: str, words: str) -> None:
    (folder / "rota.toml").write_text(file)
    with pytest.raises(CommandError) as refused:
        stack_name(stack, env, folder)
    assert refused.value.code == Exit.MISUSED
    assert words in refused.value.message


@pytest.mark.parametrize(("content", "known"), [(SAMCONFIG, "production, staging"), ("version = 0.1", "none")])
def test_an_unknown_environment_is_answered_with_those_there_are(folder: Path, content: str, known: str) -> None:
    (folder.parent / "samconfig.toml").write_text(content)
    with pytest.raises(CommandError) as refused:
        stack_name(None, "prod", folder)
    assert f"its environments are {known};" in refused.value.todo


@pytest.mark.parametrize(
    ("content", "environments"),
    [
        (SAMCONFIG, ["production", "staging"]),
        ('version = 0.1\n[a.global.parameters]\nx = 1\n[b.deploy.parameters]\nstack_name = "b"\n', ["b"]),
        ("[a.global.parameters]\nstack_name = 'a'\n[a.deploy.parameters]\nstack_name = 'b'\n", ["a"]),
    ],
    ids=["two", "one names no stack", "twice"],
)
def test_the_environments_that_name_a_stack(folder: Path, content: str, environments: list[str]) -> None:
    (folder.parent / "samconfig.toml").write_text(content)
    assert environments_of(folder) == environments
    assert environments_of(folder.parent.parent) == []
