"""A target's InputTransformer.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html: a template is JSON, or text whose lines
are quoted and are sent with their quotes. A variable in quotes becomes its text, which EventBridge "doesn't escape"; an
object or a list in such a line loses its quotes. Any other variable becomes JSON; one that is not in the event becomes
nothing. A delivery fails if the result of a template in JSON is not JSON; AWS does not document it for lines of text.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from jsonpath_ng.ext.parser import parse as jsonpath
from moto.core.exceptions import ServiceException
from moto.events.models import Rule

from stage.eventbridge.bus import compact

OWN_NAMES = {"detail-type": "detailType"}
"""Members that `<aws.events.event>` names otherwise than the event."""
_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*")', re.DOTALL)
VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")


def transformed(transformer: Mapping[str, Any], rule: Rule, event: Mapping[str, Any]) -> str:
    """The transformed input. Raises moto's ServiceException if it is not JSON."""
    values = _values(transformer.get("InputPathsMap", {}), rule, event)
    template = transformer["InputTemplate"].strip()
    parts = _QUOTED.split(template)
    written = _in_line if template.startswith('"') else _text
    filled = "".join(_filled(part, values, written if part.startswith('"') else compact) for part in parts)
    try:
        if template.startswith("{"):
            return compact(json.loads(filled))
        if not template.startswith('"'):
            return filled
        for line in filled.split("\n"):
            json.loads(line)
    except ValueError as invalid:
        raise ServiceException("INVALID_JSON", f"The transformed input is not JSON: {invalid}") from invalid
    return filled


def _values(paths: Mapping[str, str], rule: Rule, event: Mapping[str, Any]) -> dict[str, Any]:
    """The variables from the event, and EventBridge's own."""
    found = {name: jsonpath(path).find(event) for name, path in paths.items()}
    return {name: matches[0].value if matches else "" for name, matches in found.items()} | {
        "aws.events.rule-arn": rule.arn,
        "aws.events.rule-name": rule.name,
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {OWN_NAMES.get(key, key): value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
    }


def _filled(part: str, values: Mapping[str, Any], written: Callable[[Any], str]) -> str:
    return VARIABLE.sub(lambda found: written(values[found[1]]) if found[1] in values else found[0], part)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def _in_line(value: Any) -> str:
    return value if isinstance(value, str) else compact(value).replace('"', "")
