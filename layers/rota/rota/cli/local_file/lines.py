"""Where in the schedule file a task is, also where the file that was uploaded was made of YAML. Pure."""

import json
import re

SOURCE_KEY = "x-rota-source"
"""The key of an uploaded file that says what it was made of, and in which line each task is; the machine ignores it."""


def line_of(text: str, task: str) -> str | None:
    """Where a schedule file has the task, `line 4`, or `line 4 of jobs.yaml` that it was made of; None without it."""
    name = re.compile(r'"name"\s*:\s*' + re.escape(json.dumps(task)))
    found = name.search(text)
    if found is None:
        return None
    source = json.loads(text).get(SOURCE_KEY)
    if isinstance(source, dict) and (line := (source.get("lines") or {}).get(task)):
        return f"line {line} of {source.get('file')}"
    return f"line {text.count(chr(10), 0, found.start()) + 1}"
