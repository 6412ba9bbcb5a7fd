"""Writes a schedule file, as JSON or YAML, for people to edit."""

import json
from pathlib import Path
from typing import Any

from rota.cli.exits import CommandError, Exit
from rota.cli.local_file.source import is_yaml

_WIDTH = 110


def write(name: str, tasks: list[dict[str, Any]], *, overwrite: bool = False) -> None:
    """Write the file of that name. CommandError if there is one already, or it cannot be written."""
    path = Path(name)
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text_of(tasks, yaml=is_yaml(name, b"")))
    except FileExistsError:
        raise CommandError(Exit.MISUSED, f"there is a file {name} already", "name another one, or add --yes") from None
    except OSError as error:
        raise CommandError(Exit.MISUSED, f"{name} cannot be written: {error.strerror}", "name another one") from error


def text_of(tasks: list[dict[str, Any]], *, yaml: bool) -> str:
    """The file's text: in JSON a line for each task."""
    if yaml:
        return _yaml(tasks)
    lines = ",\n".join(f"  {json.dumps(task, ensure_ascii=False)}" for task in tasks)
    return f'{{"tasks": [\n{lines}\n]}}\n' if tasks else '{"tasks": []}\n'


def _yaml(tasks: list[dict[str, Any]]) -> str:
    import yaml

    from rota.cli.local_file.yaml_reader import plain_value

    class Dumper(yaml.SafeDumper):
        """Quotes what YAML 1.2 would not read as text, beside what PyYAML quotes for YAML 1.1."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        quoted = not isinstance(plain_value(value), str)
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if quoted else None)

    Dumper.add_representer(str, text)

    def lines(task: dict[str, Any]) -> str:
        dumped = yaml.dump([task], Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
        return "".join(f"  {line}" if line.strip() else line for line in dumped.splitlines(keepends=True))

    return "".join(["tasks:\n", *map(lines, tasks)]) if tasks else "tasks: []\n"
