"""What all shapes that cross a boundary of the state machine have in common. No I/O."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Frozen; unknown members are an error. Errors do not show values, because they are logged and mailed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Recorded(Shape):
    """A shape that is handed to or answered by a step that writes. `facts` go into the deployment's record."""

    def facts(self) -> dict[str, Any]:
        """By the record's attribute, as JSON has it: of each member that is such a shape, all together."""
        members = (getattr(self, name) for name in type(self).model_fields)
        return {name: fact for each in members if isinstance(each, Recorded) for name, fact in each.facts().items()}
