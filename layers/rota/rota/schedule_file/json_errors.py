"""Why bytes are not a JSON document, for the person who edited the file. Loaded only for a file that is not."""

import json
import re

_NOT_TEXT = "is not text; a schedule file is JSON, saved as UTF-8"
# By what the document has where parsing stopped ...
_CAUSES = (
    (r",\s*[\]}]", "a comma before a closing bracket; remove the comma"),
    (r"'", 'JSON has only double quotes; write "..."'),
    (r"//|/\*|#", 'JSON has no comments; remove it, or put the text into the task\'s "description"'),
    (r"(True|False|None|undefined)\b", "JSON has true, false and null; write one of these"),
    (r",", "a value is missing before this comma; remove the comma or add the value"),
    (r"\s*\Z", "the file ends too early; a closing bracket, brace or quote is missing"),
)
# ... else by the beginning of Python's message.
_MESSAGES = {
    "Expecting property name": 'a key is missing or has no double quotes; write "key": value',
    "Expecting ',' delimiter": "a comma is missing before this, or a bracket is not closed",
    "Expecting ':' delimiter": 'a colon is missing after the key; write "key": value',
    "Expecting value": "a value is missing, or a string has no double quotes; add it, or write it in double quotes",
    "Unterminated string": "this string has no closing double quote; add it",
    "Invalid control character": "a string has a line end or a tab in it; close the quote, or write \\n or \\t",
    "Invalid \\": "a backslash starts an escape; write \\\\ for a backslash itself",
    "Extra data": "something follows the end of the document; the file holds one object and nothing after it",
}


def explain(raw: bytes, error: UnicodeDecodeError | json.JSONDecodeError) -> str:
    """Where and why `raw` is not JSON in UTF-8, and what to do; `error` is what came of reading it as such."""
    encoding = json.detect_encoding(raw)
    if not encoding.startswith("utf-8"):
        return f"looks like {encoding[:6].upper()}; save it as UTF-8" if _is_text(raw, encoding) else _NOT_TEXT
    return _explain_syntax(error) if isinstance(error, json.JSONDecodeError) else _explain_byte(error)


def _explain_byte(error: UnicodeDecodeError) -> str:
    if not _is_text(error.object, "latin-1"):
        return _NOT_TEXT
    before = error.object[: error.start]
    line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
    return (
        f"line {line}, column {column}: byte 0x{error.object[error.start]:02X} is not UTF-8, the file looks like "
        "Latin-1 or Windows-1252; save it as UTF-8"
    )


def _is_text(raw: bytes, encoding: str) -> bool:
    """True if `raw` decodes and has no control characters but white space."""
    try:
        return not re.search(r"[\x00-\x08\x0e-\x1f]", raw.decode(encoding))
    except UnicodeDecodeError:
        return False


def _explain_syntax(error: json.JSONDecodeError) -> str:
    before, rest = error.doc[: error.pos].rstrip(), error.doc[error.pos :]
    if before.endswith(",") and rest.startswith(("]", "}")):
        # Python 3.13 points at the comma, earlier versions at the bracket.
        error = json.JSONDecodeError("Illegal trailing comma", error.doc, len(before) - 1)
    at_rest = (cause for pattern, cause in _CAUSES if re.match(pattern, error.doc[error.pos :]))
    by_message = (cause for message, cause in _MESSAGES.items() if error.msg.startswith(message))
    unknown = f"is not JSON ({error.msg}); check the brackets, quotes and commas before it"
    return f"line {error.lineno}, column {error.colno}: {next(at_rest, next(by_message, unknown))}"
