"""Why a text is not YAML, for the person who edited the file. Loaded only for a file that is not."""

import re

import yaml

from rota.cli.local_file.yaml_reader import Fault, Position

# By the beginning of PyYAML's message.
_MESSAGES = (
    (
        "mapping values are not allowed",
        "a colon and a space inside a text: put the text in quotes; or an indent is off",
    ),
    ("could not find expected ':'", "a key has no colon; write key: value"),
    ("expected <block end>", "this is indented otherwise than what it belongs to; align it"),
    ("expected ',' or", "a comma is missing before this, or a bracket is not closed"),
    ("expected the node content, but found '<stream", "a bracket is not closed; close it"),
    ("found unexpected end of stream", "this quote has no end; close it"),
    (
        "found unknown escape character",
        "in double quotes a backslash begins an escape; write \\\\, or use single quotes",
    ),
    ("found unexpected document separator", "a --- inside a text in quotes; close the quote"),
)


def explain(error: yaml.YAMLError, text: str) -> Fault:
    """Where and why `text` is not YAML, and what to do."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        character = text[error.position : error.position + 1]
        return Fault(Position(line, column), f"the character {character!r} is not allowed in YAML; remove it")
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Fault(Position(1, 1), f"is not YAML ({error})")
    begun = error.context_mark
    if begun and error.context in ("while scanning an alias", "while scanning an anchor"):
        return Fault(Position(begun.line + 1, begun.column + 1), _unquoted(text, begun.line, begun.column))
    mark = error.problem_mark
    return Fault(Position(mark.line + 1, mark.column + 1), _message(error, text, mark.line, mark.column))


def _message(error: yaml.MarkedYAMLError, text: str, line: int, column: int) -> str:
    problem = str(error.problem)
    if problem.startswith("found character"):
        if "\\t" in problem:
            return "a tab; indent with spaces"
        return _unquoted(text, line, column)
    known = (cause for beginning, cause in _MESSAGES if problem.startswith(beginning))
    return next(known, f"is not YAML ({problem}); check indents, colons and quotes before it")


def _unquoted(text: str, line: int, column: int) -> str:
    """A key or a value with a character that has a meaning of its own: at its beginning, or within braces."""
    whole = text.splitlines()[line]
    separators = (each for each in (": ", "- ", "[", "{", ", ") if each in whole[:column])
    begun = max((whole.rindex(each, 0, column) + len(each) for each in separators), default=0)
    value = re.sub(r"\s+#.*$", "", whole[begun:]).strip()
    if not whole[:begun].endswith(": "):
        value = value.partition(": ")[0]  # of a key
    if re.search(r"[\[{]", whole[:begun]):
        value = value.rstrip("]} ").partition(", ")[0]
    if whole[begun:column].strip():
        return f'this text must be in quotes here; write "{value[:60]}"'
    return f'a text that begins with {whole[column]} must be in quotes; write "{value[:60]}"'
