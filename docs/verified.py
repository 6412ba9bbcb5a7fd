"""The tables of docs/first-account.md: what `rota verify-account` tries, what it costs, and what it may do."""

import json
import textwrap
from collections import Counter
from typing import Any

from rota.cli.verify_account.policy import policy
from rota.cli.verify_account.rows.catalogue import BILLED_BY_OTHERS, GROUPS, NOT_TESTABLE, ROWS

_WIDTH = 100
_CHOSEN = {"free": "always", "tasks": "with `SUBNETS=`", "slow": "with `SLOW=1`"}


def groups() -> str:
    """What each group of rows costs and takes."""
    numbers = Counter(row.group for row in ROWS)
    lines = ["| group | rows | tried | costs | minutes | does |", "|---|---|---|---|---|---|"]
    for group, price in GROUPS.items():
        lines.append(
            f"| {group} | {numbers[group]} | {_CHOSEN[group]} | {price.costs} | {price.minutes} | {price.does} |"
        )
    return "\n".join([*lines, "", BILLED_BY_OTHERS])


def rows() -> str:
    """Every row: what is assumed, what is seen then, and what follows if it is otherwise."""
    lines = ["| row | group | assumption | expected | if it is otherwise | then |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        expected = row.expected.replace("|", "\\|")
        lines.append(f"| `{row.id}` | {row.group} | {row.assumption} | {expected} | {row.meaning} | {row.then} |")
    return "\n".join(lines)


def not_testable() -> str:
    """What no run can try, and why."""
    lines = ["| row | assumption | why not |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{each.id}` | {each.assumption} | {each.reason} |" for each in NOT_TESTABLE)])


def permissions() -> str:
    """The policy for all groups: of each statement the resource, and the actions in lines that can be read."""
    document = policy(ROWS)
    statements = ",\n".join(map(_written, document["Statement"]))
    return f'```json\n{{"Version": "{document["Version"]}", "Statement": [\n{statements}\n]}}\n```'


def _written(statement: dict[str, Any]) -> str:
    actions = textwrap.fill(json.dumps(statement["Action"]), _WIDTH, initial_indent="   ", subsequent_indent="    ")
    return f'  {{"Effect": "Allow", "Resource": "{statement["Resource"]}", "Action":\n{actions}}}'
