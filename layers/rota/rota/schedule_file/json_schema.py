"""The schedule file's JSON Schema, generated from the model: editors complete and check a file with it.

`make schema` writes the copy that is shipped. A schema can express most of the rules; `parse` checks all of them, and
takes nothing that the schema refuses.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from rota.schedule_file.fargate_sizes import FARGATE_MEMORY, FARGATE_MEMORY_SIZES
from rota.schedule_file.moments import LOCAL, MOMENT
from rota.schedule_file.task import (
    AUTHORS_KEYS,
    CAPACITY_PROVIDERS,
    HEAVIEST,
    LONGEST_PAUSE,
    LONGEST_RULE_NAME,
    LONGEST_TAG_VALUE,
    MOST_SECURITY_GROUPS,
    MOST_SUBNETS,
    MOST_TAGS,
    OF_MANAGER,
    PARAMETER,
    RESERVED_TAGS,
    RESOURCE_ID,
    RULE_NAME,
    TAG,
    TAG_KEY,
    VARIABLE,
    WHAT,
    WHEN,
    ScheduleFile,
)

_CRON = r"[0-9*,/-]+\s+[0-9*,/-]+\s+(\?\s+[0-9A-Za-z*,/-]+\s+[0-9A-Za-z*,#-]+"
_CRON += r"|[0-9LlWw*,/-]+\s+[0-9A-Za-z*,/-]+\s+\?)\s+[0-9*,/-]+"
_RATE = r"(1\s+(minute|hour|day)|([2-9]|[1-9][0-9]{1,8})\s+(minutes|hours|days))"
_IN_CRON, _IN_RATE = rf"cron\(\s*{_CRON}\s*\)", rf"rate\(\s*{_RATE}\s*\)"
# What the model checks in Python, as far as a schema can express it.
_CHECKS: dict[str, JsonSchemaValue] = {
    "name": {"pattern": f"^{RULE_NAME}$", "maxLength": LONGEST_RULE_NAME},
    "cron": {"pattern": rf"^\s*({_CRON}|{_IN_CRON})\s*$"},
    "rate": {"pattern": rf"^\s*({_RATE}|{_IN_RATE})\s*$"},
    "schedule": {"pattern": rf"^\s*({_IN_CRON}|{_IN_RATE})\s*$"},
    "at": {"pattern": f"^{LOCAL}$"},
    "start": {"pattern": f"^{MOMENT}$"},
    "end": {"pattern": f"^{MOMENT}$"},
    "timezone": {"pattern": "^[A-Za-z0-9_+/-]+$"},
    "memory": {"enum": FARGATE_MEMORY_SIZES},
    "tags": {
        "maxProperties": MOST_TAGS,
        "propertyNames": {"pattern": f"^(?!({'|'.join(RESERVED_TAGS)})){TAG_KEY}$"},
        "additionalProperties": {"type": "string", "pattern": f"^{TAG}$", "maxLength": LONGEST_TAG_VALUE},
    },
    "secrets": {
        "propertyNames": {"pattern": f"^{VARIABLE}$"},
        "additionalProperties": {"type": "string", "pattern": f"^({OF_MANAGER}|{PARAMETER})$"},
    },
    "subnets": {
        "items": {"type": "string", "pattern": f"^subnet-{RESOURCE_ID}$"},
        "minItems": 1,
        "maxItems": MOST_SUBNETS,
    },
    "security_groups": {
        "items": {"type": "string", "pattern": f"^sg-{RESOURCE_ID}$"},
        "minItems": 1,
        "maxItems": MOST_SECURITY_GROUPS,
    },
    "capacity_provider": {
        "type": ["string", "object"],
        "pattern": f"^({'|'.join(sorted(CAPACITY_PROVIDERS))})$",
        "propertyNames": {"enum": sorted(CAPACITY_PROVIDERS)},
        "additionalProperties": {"type": "integer", "minimum": 0, "maximum": HEAVIEST},
        "minProperties": 1,
    },
}

_SIZES = [
    {
        "if": {"properties": {"cpu": {"const": cpu}}, "required": ["cpu"]},
        "then": {"properties": {"memory": {"enum": list(offered)}}},
    }
    for cpu, offered in FARGATE_MEMORY.items()
]


def json_schema() -> dict[str, Any]:
    """The schema as a JSON document, draft 2020-12."""
    schema = ScheduleFile.model_json_schema(schema_generator=_SchemaForEditors)
    entries = {name: schema["$defs"][name] for name in ("Task", "Defaults", "Before", "After")}
    for entry in entries.values():
        properties = entry["properties"]
        for key in _CHECKS.keys() & properties.keys():
            properties[key].update(_CHECKS[key])
        properties["environment"]["additionalProperties"] = False
        if "tags" in properties:
            del properties["tags"]["patternProperties"]
    entries["Task"]["allOf"] = [_one_of(WHAT), _one_of(WHEN), *_SIZES]
    for name in ("Before", "After"):
        entries[name]["allOf"] = [_one_of(WHAT), *_SIZES]
    entries["Before"]["allOf"].append(
        {
            "if": {"properties": {"pause_tasks": {"const": True}}, "required": ["pause_tasks"]},
            "then": {"properties": {"timeout": {"maximum": LONGEST_PAUSE}}},
        }
    )
    for entry in (schema, *entries.values()):
        entry["patternProperties"] = {f"^{AUTHORS_KEYS}": {}}
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def _one_of(keys: tuple[str, ...]) -> JsonSchemaValue:
    return {"oneOf": [{"required": [key]} for key in keys]}


class _SchemaForEditors(GenerateJsonSchema):
    """Without null, which is a missing key in Python and a problem in a file; and without titles, which repeat keys."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = super().default_schema(schema)
        return {key: value for key, value in inner.items() if (key, value) != ("default", None)}
