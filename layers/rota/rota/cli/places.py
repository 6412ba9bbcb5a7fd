"""Where the stack's name comes from: what was typed, the environment, a file of the project, or samconfig.toml."""

import os
from pathlib import Path
from typing import Any

from rota.cli.exits import CommandError, Exit

SAMCONFIG = "samconfig.toml"


def stack_name(stack: str | None, environment: str | None, folder: Path) -> str | None:
    """The name that is given; None if none is, which means the only Rota stack of the Region.

    What was typed goes before what a file says: a person who types `--env staging` means it.
    """
    if stack and environment:
        raise CommandError(Exit.MISUSED, "--stack and --env both name a stack", "type one of them")
    if stack:
        return stack
    if environment:
        return _stack_of_samconfig(environment, folder)
    return os.environ.get("ROTA_STACK") or _stack_of_the_project(folder)


def _stack_of_the_project(folder: Path) -> str | None:
    """`stack` of the nearest rota.toml, or of the table `tool.rota` of the nearest pyproject.toml."""
    for each in (folder, *folder.parents):
        for name, table in (("rota.toml", ()), ("pyproject.toml", ("tool", "rota"))):
            file = each / name
            if file.is_file() and (found := _text(_table(_read(file), table).get("stack"), file, "stack")):
                return found
    return None


def _stack_of_samconfig(environment: str, folder: Path) -> str:
    """`stack_name` of that environment in the nearest samconfig.toml."""
    file = _samconfig(folder)
    if file is None:
        raise CommandError(Exit.MISUSED, f"--env reads {SAMCONFIG}, and there is none here", "type --stack NAME")
    config = _read(file)
    for part in ("global", "deploy"):
        place = (environment, part, "parameters")
        if found := _text(_table(config, place).get("stack_name"), file, "stack_name"):
            return found
    known = ", ".join(name for name, table in config.items() if isinstance(table, dict)) or "none"
    raise CommandError(
        Exit.MISUSED,
        f"{file} names no stack for the environment {environment}",
        f"its environments are {known}; stack_name belongs under [{environment}.global.parameters]",
    )


def environments_of(folder: Path) -> list[str]:
    """The environments of the nearest samconfig.toml that name a stack; none without such a file."""
    file = _samconfig(folder)
    config = _read(file) if file else {}
    places = ((name, part, "parameters") for name in config for part in ("global", "deploy"))
    return [*dict.fromkeys(place[0] for place in places if "stack_name" in _table(config, place))]


def _samconfig(folder: Path) -> Path | None:
    return next((each / SAMCONFIG for each in (folder, *folder.parents) if (each / SAMCONFIG).is_file()), None)


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CommandError(Exit.MISUSED, f"{file} cannot be read: {problem}", "or type --stack NAME") from problem


def _table(content: Any, place: tuple[str, ...]) -> dict[str, Any]:
    for name in place:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _text(value: Any, file: Path, key: str) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise CommandError(Exit.MISUSED, f"{key} in {file} is not the name of a stack", "write it as a string")
