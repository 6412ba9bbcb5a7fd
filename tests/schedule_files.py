"""Schedule files as the tests write them, and what is wrong with them."""

import json
from typing import Any

from rota.errors import ConfigError
from rota.schedule_file.parse import parse_schedule_file


def entry(**keys: Any) -> dict[str, Any]:
    """One valid task, changed by the keys given; a key given as ... is left out."""
    task = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"} | keys
    return {key: value for key, value in task.items() if value is not ...}


def message(document: bytes | object, *, max_tasks: int = 300, rule_prefix: str = "production__guestbook__") -> str:
    """The message of the ConfigError for a document, which is written as JSON first; "" for a valid file."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    try:
        parse_schedule_file(raw, rule_prefix=rule_prefix, max_tasks=max_tasks)
    except ConfigError as error:
        return str(error)
    return ""


def problems(document: bytes | object, **limits: Any) -> list[str]:
    """The lines of that message without its heading."""
    return message(document, **limits).splitlines()[1:]
