"""DynamoDB's items as plain values and back. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Item(BaseModel):
    """What is read of an item. Attributes that another version of Rota writes are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def plain(value: Mapping[str, Any]) -> Any:
    """`{"S": "x"}` as `"x"`, maps and lists whole. A number stays text: `{"N": "1"}` is `"1"`."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {name: plain(each) for name, each in content.items()}
    if kind == "L":
        return [plain(each) for each in content]
    return None if kind == "NULL" else content


def stored(value: Any) -> dict[str, Any]:
    """The reverse of `plain`; numbers are stored as numbers."""
    if isinstance(value, Mapping):
        return {"M": {name: stored(each) for name, each in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [stored(each) for each in value]}
    if value is None or isinstance(value, bool):
        return {"NULL": True} if value is None else {"BOOL": value}
    return {"S": str(value)} if isinstance(value, str) else {"N": str(value)}
