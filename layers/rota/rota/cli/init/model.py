"""The answer of `rota init`."""

from dataclasses import dataclass, field
from typing import Any, Literal

from rota.cli.import_schedules.model import Remark


@dataclass(frozen=True)
class Initialised:
    """What was read and written. `parameters` are those of the template, by their names there, and `kept` those that
    the environment had and that nothing was read of. `proposed`: those that no service says and that most apps need,
    with an example; samconfig.toml has them as comments. `replaced`: what is not kept, because it was the
    example. `others`: how many rules on the cluster are another app's, by app.

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
    proposed: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    kind: Literal["init"] = "init"
