"""docs/cold-starts.md: what `bench.cold` has measured, and what it says about the functions' memory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/cold-starts.md"
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
FUNCTIONS = [
    name.removesuffix("Function")
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
]
SELDOM = ("RunBefore", "RunAfter", "ChangePauses", "RecordRun", "Sweep", "Approve")
"""Those that a usual deployment has not."""
SIZES = (512, 1024, 1769)
MB_OF_A_CPU = 1769
"""docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: "At 1,769 MB, a function has the equivalent of one
vCPU"; below, as much less as the memory is less."""
DOLLARS_OF_A_GB_SECOND = 0.0000166667
"""aws.amazon.com/lambda/pricing, x86, us-east-1."""


@dataclass(frozen=True)
class Took:
    """One cold start: seconds, and MiB at the most."""

    imports: float
    client: float
    call: float
    cpu: float
    memory: float

    @property
    def whole(self) -> float:
        """Seconds that Lambda bills, as far as they are the function's own."""
        return self.imports + self.call


def memory() -> int:
    """MB, as the template gives every step."""
    megabytes: int = TEMPLATE["Globals"]["Function"]["MemorySize"]
    return megabytes


def snake(step: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", step).lower()


def page(here: Mapping[str, Took], sizes: Mapping[int, Mapping[str, Took]]) -> str:
    """The whole page, in Markdown."""
    return f"""# Cold starts

How long each function takes to start, written by `make bench-cold`. Deployments are rare, so every
start is cold.

Each start is a new process. It imports the function and calls it on the stage with the event of
`events/`. *First client* is the first AWS client that the call makes. It is part of *first call*, as
is the stage's own work. There RunBefore, RunAfter, ChangePauses, Sweep and Approve find nothing to
do. The last row loads the libraries and nothing of Rota. All figures are medians. Compare within one
table only.

## On this machine

{_table(here)}
{_docker(sizes) if sizes else ""}"""


def _table(here: Mapping[str, Took]) -> str:
    rows = ["| function | import | first client | first call | CPU | memory |", "|---|--:|--:|--:|--:|--:|"]
    rows += [
        f"| {name} | {_ms(took.imports)} | {_ms(took.client)} | {_ms(took.call)} | {_ms(took.cpu)} "
        f"| {took.memory:.0f} MiB |"
        for name, took in here.items()
    ]
    return "\n".join(rows)


def _docker(sizes: Mapping[int, Mapping[str, Took]]) -> str:
    """Import and first call of each function at each size, then what those of a deployment take and cost together."""
    functions = next(iter(sizes.values()))
    head = [f"{size:,} MB" for size in sizes]
    rows = ["| function | " + " | ".join(head) + " |", "|---|" + "--:|" * len(sizes)]
    rows += [f"| {name} | " + " | ".join(_ms(took[name].whole) for took in sizes.values()) + " |" for name in functions]
    wholes = {size: sum(one.whole for name, one in took.items() if name not in SELDOM) for size, took in sizes.items()}
    rows.append("| a deployment, seconds | " + " | ".join(f"{whole:.1f}" for whole in wholes.values()) + " |")
    cents = [100 * 1000 * DOLLARS_OF_A_GB_SECOND * whole * size / 1024 for size, whole in wholes.items()]
    rows.append("| a thousand deployments, cents | " + " | ".join(f"{each:.0f}" for each in cents) + " |")
    table = "\n".join(rows)
    return f"""
## In Lambda's image, by memory

Import and first call in `public.ecr.aws/lambda/python:3.13`, with the built layer and its bytecode.
Each size has the share of a CPU that Lambda gives it: a whole one at {MB_OF_A_CPU:,} MB. Whether Lambda gives
more during initialization is not documented. The steps have {memory():,} MB.

{table}
"""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
