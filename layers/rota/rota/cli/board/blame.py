"""Whether a release is why a task fails, as Rota's messages say it. Pure."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rota.cli.table import Item


def blame(jobs: Mapping[str, Item]) -> dict[str, str]:
    """By task: one or two sentences, of those tasks that do not do well."""
    open_ones = {name: job["incident"] for name, job in jobs.items() if _is_open(job.get("incident"))}
    if not open_ones:
        return {}
    from pydantic import ValidationError

    from rota.runs.attribution import attribute
    from rota.runs.model import Incident

    said = {}
    for name, item in open_ones.items():
        try:
            said[name] = attribute(Incident.model_validate_json(json.dumps(item, default=_plain)))
        except ValidationError:  # a later version of Rota wrote it
            continue
    return said


def _is_open(incident: Item | None) -> bool:
    return bool(incident) and not (incident or {}).get("recovered")


def _plain(value: Any) -> Any:
    """A number of DynamoDB as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value)} is no value of JSON")
