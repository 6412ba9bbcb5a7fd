"""`rota check` of a stack: what it reads of AWS's answers, and how it shows what it found."""

from typing import Any

import click
import pytest

from rota.cli.check.model import Checked, Finding
from rota.cli.check.probes_of_images import platforms
from rota.cli.check.probes_of_places import way_out
from rota.cli.check.probes_of_roles import trusts
from rota.cli.check.text import lines


def statement(principal: object, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ([statement({"Service": "ecs-tasks.amazonaws.com"})], True),
        (statement({"Service": ["events.amazonaws.com", "ecs-tasks.amazonaws.com"]}), True),
        ([statement({"Service": "events.amazonaws.com"})], False),
        ([statement({"Service": "ecs-tasks.amazonaws.com"}, "Deny")], False),
        ([statement({"AWS": "*"})], False),
        ([], False),
    ],
    ids=["yes", "one of several", "another service", "denied", "people", "nothing"],
)
def test_whom_a_role_trusts(statements: Any, trusted: bool) -> None:
    assert trusts({"Statement": statements}, "ecs-tasks.amazonaws.com") == trusted


@pytest.mark.parametrize(
    ("architectures", "built"),
    [(["amd64", "arm64"], {"X86_64", "ARM64"}), (["arm64", "unknown"], {"ARM64"}), ([], set())],
    ids=["both", "with an attestation", "a single image"],
)
def test_processors_of_an_image(architectures: list[str], built: set[str]) -> None:
    assert platforms({"manifests": [{"platform": {"architecture": each}} for each in architectures]}) == built


def route(**target: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **target}


def table(association: dict[str, Any], *routes: dict[str, Any]) -> dict[str, Any]:
    return {"Associations": [association], "Routes": list(routes)}


@pytest.mark.parametrize(
    ("tables", "way"),
    [
        ([table({"Main": True}, route(GatewayId="igw-1"))], "an internet gateway"),
        (
            [table({"Main": True}, route(GatewayId="igw-1")), table({"SubnetId": "s"}, route(NatGatewayId="n"))],
            "another route",
        ),
        ([table({"Main": True}, route(GatewayId="igw-1")), table({"SubnetId": "s"})], ""),
        ([table({"SubnetId": "s"}, route(NatGatewayId="n", State="blackhole"))], ""),
        ([], ""),
    ],
    ids=["the main table", "a table of its own", "a closed one", "a gateway that is gone", "nothing"],
)
def test_how_a_subnet_leaves_the_vpc(tables: list[dict[str, Any]], way: str) -> None:
    assert way_out(tables, "s") == way


CHECKED = Checked(
    ok=False,
    checks=[
        Finding("secrets", "ok", "3 of 3 are there"),
        Finding("image architecture", "fail", "is for ARM64 only; the family runs X86_64: build for it", "author"),
        Finding("networking", "unknown", "not to be seen: ec2:DescribeRouteTables is denied"),
    ],
)


@pytest.mark.parametrize("width", [100, 50])
def test_each_finding_has_a_mark_and_the_end_counts_them(width: int) -> None:
    shown = [click.unstyle(line) for line in lines(CHECKED, width)]
    assert max(map(len, shown)) <= width
    assert [line[:2].strip() for line in shown if not line.startswith("    ")] == ["OK", "NG", "?", "1"]
    assert " ".join(" ".join(shown).split()).count("the author acts") == 1
    assert shown[-1] == "1 OK, 1 NG, 1 not seen"
