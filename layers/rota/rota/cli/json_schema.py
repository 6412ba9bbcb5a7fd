"""The JSON Schema of what `--json` prints, generated from the answers' dataclasses; only its generator imports it."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from rota.cli import events
from rota.cli.board.model import Serving, Written
from rota.cli.check.model import Checked
from rota.cli.exits import Exit
from rota.cli.explain.model import Explanation
from rota.cli.history.model import History, TaskHistory
from rota.cli.import_schedules.model import Imported
from rota.cli.init.model import Initialised
from rota.cli.logs.model import Logs
from rota.cli.next.model import Calendar
from rota.cli.output import FORMAT
from rota.cli.plan.model import Plan
from rota.cli.restore.by_hand import Commands
from rota.cli.run.model import Ran
from rota.cli.status.model import AllStatus, Status
from rota.cli.stop.model import Stopped

FILE = Path(__file__).with_name("answers.schema.json")
ANSWERS: tuple[type, ...] = (
    Status, AllStatus, History, TaskHistory, Plan, Explanation, Checked, Commands,
    Imported, Initialised, Ran, Logs, Stopped, Calendar, Serving, Written,
)  # fmt: skip
_WITHOUT_A_STACK = (AllStatus, Checked, Imported, Initialised, Calendar)
"""Of all stacks; and of what belongs to none, such as a file."""
_OF_A_STACK = {"stack": {"type": "string"}, "app": {"type": "string"}}
_OF_ALL = {"rota": {"const": FORMAT}, "at": {"type": "string", "format": "date-time"}}


def json_schema() -> dict[str, Any]:
    """One schema for every answer, distinguished by `kind`, and for every event, distinguished by `event`. Members may
    be added within `"rota": 1`.
    """
    definitions: dict[str, Any] = {"error": _error()}
    answers = [{"$ref": "#/$defs/error"}]
    for answer in ANSWERS:
        schema = TypeAdapter(answer).json_schema(mode="serialization", ref_template="#/$defs/{model}")
        kind = schema["properties"]["kind"]["const"]
        for name, definition in schema.pop("$defs", {}).items():
            definitions[f"{kind}.{name}"] = _moved(definition, kind)
        own = _moved(schema, kind)
        about = {} if answer in _WITHOUT_A_STACK else _OF_A_STACK
        own["properties"] = {**_OF_ALL, **about, **own["properties"]}
        own["required"] = [*_OF_ALL, *about, *(each.name for each in dataclasses.fields(answer))]
        definitions[kind] = own
        answers.append({"$ref": f"#/$defs/{kind}"})
    for event in get_args(events.Event):
        schema = TypeAdapter(event).json_schema(mode="serialization")
        name = f"event.{schema['properties']['event']['const']}"
        definitions[name] = {**schema, "required": [each.name for each in dataclasses.fields(event)]}
        answers.append({"$ref": f"#/$defs/{name}"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `rota --json` prints",
        "oneOf": answers,
        "$defs": dict(sorted(definitions.items())),
    }


def written() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=1) + "\n"


def _moved(definition: Any, kind: str) -> Any:
    """A part of an answer's schema with its references below `kind`."""
    if isinstance(definition, dict):
        return {
            key: f"#/$defs/{kind}.{each.rpartition('/')[2]}" if key == "$ref" else _moved(each, kind)
            for key, each in definition.items()
        }
    return [_moved(each, kind) for each in definition] if isinstance(definition, list) else definition


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    members = {
        "rota": {"const": FORMAT},
        "kind": {"const": "error"},
        "exit": {"enum": [int(code) for code in Exit]},
        "error": text,
        "message": text,
        "todo": text,
        "details": text,
        "acts": {"enum": ["caller", "author", "operator", "none"]},
    }
    return {"description": "On stderr.", "type": "object", "properties": members, "required": [*members]}


if __name__ == "__main__":
    FILE.write_text(written())
