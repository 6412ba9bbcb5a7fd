"""A log as `rota logs` shows it."""

import pytest

from rota.cli.logs.deployment import _step, _text
from rota.cli.logs.task_log import Masked

KEY = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA", "-----END RSA PRIVATE KEY-----"]


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        (["Ingested 4 postcards\n"], ["Ingested 4 postcards"]),
        (["password=hunter22", "db is hunter33"], ["password=***", "db is ***"]),
        ([*KEY, "well"], ["***", "***", "***", "well"]),
        (["\x1b[31mred\x1b[0m\x07"], ["red"]),
    ],
    ids=["plain", "a secret by its name, and a known one", "a key on three lines", "control characters"],
)
def test_lines_are_masked(logged: list[str], shown: list[str]) -> None:
    masked = Masked(["hunter33"])
    assert [masked.line(0, each).message for each in logged] == shown


def test_a_functions_line_is_short() -> None:
    stream = "2026/11/30/rota-CreateTargetsFunction-1ABC[$LATEST]0f1e"
    line = Masked().line(
        0, '{"level":"WARNING","message":"slow","service":"rota","execution":"e","answer":{"written":3}}'
    )
    assert _text(_step(stream), line, utc=True) == '00:00:00 CreateTargets     WARNING slow  answer {"written": 3}'
    assert _text(_step("2026/11/30/[$LATEST]0f1e"), Masked().line(0, "START"), utc=True).split() == [
        "00:00:00",
        "START",
    ]
