"""The answer of `rota init`."""

from dataclasses import dataclass
from typing import Any, Literal

from rota.cli.import_schedules.model import Remark


@dataclass(frozen=True)
class Initialised:
    """What was read and written. `parameters` are those of the template, by their names there, and `kept` those that
    the environment had and that nothing was read of. `others`: how many rules on the cluster are another app's, by app.

    `remarks` are about rules, and where `rule` is empty about the service.
    """

    environment: str
    stack: str
    parameters: dict[str, str]
    kept: dict[str, str]
    tasks: list[dict[str, Any]]
    not_taken: list[Remark]
    others: dict[str, int]
    remarks: list[Remark]
    files: list[str]
    next: str
    kind: Literal["init"] = "init"
