"""Which of what waits for an approval is meant."""

from typing import Any

import pytest

from rota.cli.approve.command import asked
from rota.cli.exits import CommandError


def waits(changes: str | None, **more: Any) -> dict[str, Any]:
    return {"order": "1", **({"asks": {"changes": changes}} if changes else {}), **more}


@pytest.mark.parametrize(
    ("push", "file", "named", "meant"),
    [
        ("a", None, "", "push"),
        (None, "b", "", "file"),
        ("a", "b", "b", "file"),
        ("a", "a", "", "push"),
        ("a", "a", "a", "push"),
        ("a", "b", "", "a push and a schedule file wait: a and b"),
        ("a", None, "b", "what waits is a, not b: it has changed since"),
        (None, None, "", "nothing waits for an approval"),
    ],
    ids=["push", "file", "named", "the same", "the same, named", "two", "another", "none"],
)
def test_what_is_meant(push: str | None, file: str | None, named: str, meant: str) -> None:
    gates = {"pending": waits(push, what="push"), "pending_schedule": waits(file, what="file")}
    try:
        found = asked(gates, named)["what"]
    except CommandError as error:
        found = error.message
    assert found == meant
