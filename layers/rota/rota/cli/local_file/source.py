"""Reads the schedule file that a person has: the JSON that it comes to, its problems, and the line of each."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rota.cli.exits import CommandError, Exit
from rota.cli.local_file.lines import SOURCE_KEY
from rota.schedule_file.parse import LARGEST_FILE, find_problems
from rota.schedule_file.problem import Location, Problem, json_path

if TYPE_CHECKING:
    from rota.cli.local_file.yaml_reader import Document, Fault

NAME_A_FILE = "name a schedule file, or - for standard input"
_YAML = (".yaml", ".yml")
# What older YAML takes for true and false, and people write.
_NOT_BOOLEAN = {"on", "off", "yes", "no", "y", "n"}


@dataclass(frozen=True)
class Finding:
    """A problem of the file. `line` is None of JSON; of a text that is no YAML, `place` is the column."""

    place: str
    problem: str
    line: int | None = None

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        return f"{', '.join(filter(None, (line, self.place)))}: {self.problem}"


@dataclass(frozen=True)
class Source:
    """A file as JSON; `findings` are what its format has wrong, and then there is no JSON."""

    json: bytes
    findings: tuple[Finding, ...] = ()
    lines: dict[Location, int] = field(default_factory=dict)
    plain: frozenset[Location] = frozenset()

    def line(self, location: Location) -> int | None:
        """The line of a value, or of what it is in; None for JSON."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location)

    def problems(self, *, rule_prefix: str, max_tasks: int) -> tuple[Finding, ...]:
        """Everything that is wrong with it."""
        if self.findings:
            return self.findings
        return tuple(map(self._finding, find_problems(self.json, rule_prefix=rule_prefix, max_tasks=max_tasks)))

    def _finding(self, problem: Problem) -> Finding:
        message, location = problem.message, problem.location
        given = self._given(location)
        if location in self.plain and isinstance(given, str) and given.lower() in _NOT_BOOLEAN:
            message += f" (in YAML 1.2 {given} is text)"
        return Finding(json_path(location), message, self.line(location))

    @cached_property
    def _document(self) -> Any:
        """What the file says; None for JSON, which may not be any."""
        return json.loads(self.json) if self.lines else None

    def _given(self, location: Location) -> Any:
        value = self._document
        for key in location:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def raw(name: str) -> bytes:
    """The bytes of a file, one more than the longest that is accepted at most; `-` is standard input.

    CommandError if it cannot be read.
    """
    if name == "-" and sys.stdin is None:
        raise _unread(f"standard input is closed; {NAME_A_FILE}")
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except IsADirectoryError as error:
        example = Path(name) / "scheduled_tasks.json"
        raise _unread(f"{name} is a directory; name the schedule file in it, such as {example}") from error
    except OSError as error:
        raise _unread(f"{name} cannot be read: {error.strerror}; {NAME_A_FILE}") from error


def _unread(words: str) -> CommandError:
    return CommandError(Exit.MISUSED, words, error="NoFile")


def is_yaml(name: str, raw: bytes) -> bool:
    """Whether a file is YAML: by its name, and standard input by its first character."""
    if name != "-":
        return name.lower().endswith(_YAML)
    begun = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return bool(begun) and begun not in b"{["


def read(name: str, raw: bytes) -> Source:
    """The file of that name; `-` is standard input."""
    return _from_yaml(name, raw) if is_yaml(name, raw) and len(raw) <= LARGEST_FILE else Source(raw)


def parse_yaml(raw: bytes) -> "Document | tuple[Finding, ...]":
    """What a YAML file says; else everything that is wrong with it as YAML."""
    import yaml

    from rota.cli.local_file import yaml_reader

    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return (Finding("", "is not UTF-8; save the file as UTF-8", line),)
    try:
        document = yaml_reader.parse(text)
    except yaml.YAMLError as error:
        from rota.cli.local_file.yaml_errors import explain

        return (_finding_of_a_fault(explain(error, text)),)
    return tuple(map(_finding_of_a_fault, document.faults)) or document


def _from_yaml(name: str, raw: bytes) -> Source:
    document = parse_yaml(raw)
    if isinstance(document, tuple):
        return Source(b"", document)
    lines = {location: at.line for location, at in document.positions.items()}
    whole = document.value
    if isinstance(whole, dict):
        whole = {SOURCE_KEY: {"file": Path(name).name, "lines": dict(_task_lines(whole, lines))}, **whole}
    return Source(json.dumps(whole, indent=2, ensure_ascii=False).encode(), (), lines, frozenset(document.plain))


def _task_lines(document: dict[str, Any], lines: dict[Location, int]) -> Iterator[tuple[str, int]]:
    """The line of each task, by its name."""
    tasks = document.get("tasks")
    for index, task in enumerate(tasks if isinstance(tasks, list) else ()):
        if isinstance(task, dict) and isinstance(task.get("name"), str):
            yield task["name"], lines[("tasks", index)]


def _finding_of_a_fault(fault: "Fault") -> Finding:
    return Finding(f"column {fault.position.column}", fault.message, fault.position.line)
